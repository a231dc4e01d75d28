//! What the server measures, for Prometheus. The list of all metrics is in [`list`]; names and labels are nowhere
//! else. This layer knows no other one: those above record into it, and tell it at a scrape what they know.
//!
//! There are two ways to a metric. What only an event can tell is recorded as it happens ([`Metrics`]). What some
//! part of the server knows already is read at each scrape ([`Scrape`]), and kept nowhere twice.

mod game;
mod http;
mod label;
pub mod list;
mod process;
mod scrape;
mod store;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Metric, Registry};

pub use game::{AnswerOutcome, Delivery, Direction, GameKind, GameMetrics, ResumeOutcome};
pub use http::{HttpMetrics, Listener, OpenConnection, RequestCounts, RouteGroup, RouteMetrics};
pub use label::{By, Label};
pub use list::{MetricInfo, MetricKind};
pub use process::resident_memory;
pub use prometheus_text::CONTENT_TYPE;
pub use scrape::Scrape;
pub use store::{BatchSizes, Latency, StoreFault, StoreMetrics, StoreOperation};

/// A number that only rises.
pub type Counter = prometheus_client::metrics::counter::Counter;
/// A number that rises and falls.
pub type Gauge = prometheus_client::metrics::gauge::Gauge;
/// Counts by buckets, with their sum.
pub type Histogram = prometheus_client::metrics::histogram::Histogram;

/// Names and values of labels.
type Labels = Vec<(&'static str, Cow<'static, str>)>;
/// A metric for each set of labels.
type Series<M> = Family<Labels, M, fn() -> M>;

/// Everything that one server records. Several servers in one process have one each.
#[derive(Debug)]
pub struct Metrics {
    /// What happens in games and on their connections.
    pub game: GameMetrics,
    /// Requests and connections.
    pub http: HttpMetrics,
    store_calls: Series<Histogram>,
    store_errors: Series<Counter>,
    reaped: Series<Counter>,
    reaper_interval: prometheus_client::metrics::gauge::Gauge<f64, AtomicU64>,
    recorded: Counter,
    pruned: Counter,
    registry: Registry,
}

impl Metrics {
    /// Metrics that are all 0.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::default();
        let all = &mut registry;
        let store_calls = series(all, list::STORE_CALLS, store::seconds as fn() -> Histogram);
        let (store_errors, reaped) = (counters(all, list::STORE_ERRORS), counters(all, list::REAPED));
        let (recorded, pruned) = (counter(all, list::EVENTS_RECORDED), counter(all, list::EVENTS_PRUNED));
        let reaper_interval = prometheus_client::metrics::gauge::Gauge::default();
        all.register(list::REAPER_INTERVAL.stem(), list::REAPER_INTERVAL.help, reaper_interval.clone());
        let (game, http) = (GameMetrics::new(all), HttpMetrics::new(all));
        Arc::new(Self { game, http, store_calls, store_errors, reaped, reaper_interval, recorded, pruned, registry })
    }

    /// Sets the pause between two steps of the reapers.
    pub fn reaps_every(&self, pause: Duration) {
        self.reaper_interval.set(pause.as_secs_f64());
    }

    /// The text format of everything recorded and everything read.
    pub fn text(&self, scrape: Scrape) -> String {
        let mut text = String::with_capacity(128 * 1024);
        let mut read = Registry::default();
        read.register_collector(Box::new(scrape));
        for registry in [&self.registry, &read] {
            prometheus_text::encode(&mut text, registry).expect("a text takes whatever is written");
        }
        text
    }
}

/// Registers a metric that has labels. `make` makes it for each set of them.
fn series<M: Clone>(registry: &mut Registry, info: &MetricInfo, make: fn() -> M) -> Series<M>
where
    Series<M>: Metric + TypedMetric,
{
    let series = Series::new_with_constructor(make);
    debug_assert_eq!(<Series<M> as TypedMetric>::TYPE.as_str(), info.kind.encoded().as_str(), "{}", info.name);
    registry.register(info.stem(), info.help, series.clone());
    series
}

fn counters(registry: &mut Registry, info: &MetricInfo) -> Series<Counter> {
    series(registry, info, Counter::default)
}

/// Registers a counter without labels.
fn counter(registry: &mut Registry, info: &MetricInfo) -> Counter {
    let counter = Counter::default();
    debug_assert_eq!(info.kind.encoded().as_str(), MetricType::Counter.as_str(), "{}", info.name);
    registry.register(info.stem(), info.help, counter.clone());
    counter
}
