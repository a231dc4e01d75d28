//! HTTP: requests by route and status, refusals by code, and open connections.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;

use super::label::labels;
use super::store::seconds;
use super::{By, Counter, Gauge, Histogram, Label, Labels, Series, counters, list, series};

labels! {
    /// A listener of the server.
    Listener "listener" {
        /// The one for players and backends.
        Public = "public",
        /// The one for operators.
        Admin = "admin",
    }

    /// A group of routes whose latencies can be compared.
    RouteGroup "group" {
        /// Solo games.
        Solo = "solo",
        /// Rooms, without their events.
        Rooms = "rooms",
        /// The events of rooms, for which a request may wait.
        Events = "events",
        /// The upgrade to a WebSocket.
        Upgrade = "upgrade",
        /// Question banks, imports, pictures.
        Banks = "banks",
        /// Pages and their files.
        Pages = "pages",
        /// Health checks.
        Health = "health",
        /// The admin listener.
        Admin = "admin",
        /// What has no route.
        Other = "other",
    }
}

/// The route of requests that reached none.
const NO_ROUTE: &str = "(not routed)";

/// The statuses that replies have. Any other one is counted as `other`.
const STATUSES: [(u16, &str); 33] = [
    (200, "200"),
    (201, "201"),
    (204, "204"),
    (101, "101"),
    (304, "304"),
    (404, "404"),
    (409, "409"),
    (401, "401"),
    (403, "403"),
    (429, "429"),
    (400, "400"),
    (422, "422"),
    (202, "202"),
    (206, "206"),
    (301, "301"),
    (302, "302"),
    (303, "303"),
    (307, "307"),
    (308, "308"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (410, "410"),
    (412, "412"),
    (413, "413"),
    (414, "414"),
    (415, "415"),
    (416, "416"),
    (421, "421"),
    (426, "426"),
    (500, "500"),
    (503, "503"),
    (431, "431"),
];
/// The place of the statuses that are not in [`STATUSES`].
const OTHER: usize = STATUSES.len();

/// Requests that were answered since the start, WebSocket upgrades included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// All of them.
    pub all: u64,
    /// Those that were refused: status 400 to 499.
    pub refused: u64,
    /// Those that failed on this side: status 500 and above.
    pub failed: u64,
}

/// The counters of requests with a status of each. A series of Prometheus can't be read, so they are kept here too.
type CountersByLabels = Arc<Mutex<BTreeMap<Labels, (u16, Counter)>>>;

/// What is recorded about requests and connections.
#[derive(Debug)]
pub struct HttpMetrics {
    requests: Series<Counter>,
    counters: CountersByLabels,
    seconds: By<RouteGroup, Histogram>,
    refusals: Series<Counter>,
    connections: By<Listener, Gauge>,
}

/// What is recorded about one route.
#[derive(Debug)]
pub struct RouteMetrics {
    requests: Series<Counter>,
    counters: CountersByLabels,
    listener: Listener,
    route: Cow<'static, str>,
    /// By the place of the status. Made with the first reply of each.
    by_status: [OnceLock<Counter>; OTHER + 1],
    seconds: Histogram,
}

impl HttpMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let durations = series(registry, list::HTTP_SECONDS, seconds as fn() -> Histogram);
        let connections = series(registry, list::CONNECTIONS, Gauge::default as fn() -> Gauge);
        Self {
            requests: counters(registry, list::HTTP_REQUESTS),
            counters: Arc::default(),
            seconds: By::of(&durations, &[]),
            refusals: counters(registry, list::REFUSALS),
            connections: By::of(&connections, &[]),
        }
    }

    /// The metrics of the route with this URL pattern.
    pub fn route(&self, listener: Listener, route: impl Into<Cow<'static, str>>, group: RouteGroup) -> RouteMetrics {
        RouteMetrics {
            requests: self.requests.clone(),
            counters: self.counters.clone(),
            listener,
            route: route.into(),
            by_status: [const { OnceLock::new() }; OTHER + 1],
            seconds: self.seconds[group].clone(),
        }
    }

    /// The metrics of requests that reach no route.
    pub fn no_route(&self, listener: Listener) -> RouteMetrics {
        self.route(listener, NO_ROUTE, RouteGroup::Other)
    }

    /// The requests of all routes.
    pub fn requests(&self) -> RequestCounts {
        let mut counts = RequestCounts::default();
        for (status, counter) in self.counters.lock().values() {
            let count = counter.get();
            counts.all += count;
            match status {
                400..500 => counts.refused += count,
                500.. => counts.failed += count,
                _ => {}
            }
        }
        counts
    }

    /// Counts an error reply.
    pub fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&vec![("code", code.into())]).inc();
    }

    /// The number of open connections.
    pub fn open_connections(&self, listener: Listener) -> u64 {
        u64::try_from(self.connections[listener].get()).unwrap_or_default()
    }

    /// Counts a connection as open until the returned value is dropped.
    pub fn connected(&self, listener: Listener) -> OpenConnection {
        let open = self.connections[listener].clone();
        open.inc();
        OpenConnection(open)
    }
}

impl RouteMetrics {
    /// Records a reply.
    pub fn replied(&self, status: u16, took: Duration) {
        let place = STATUSES.iter().position(|(known, _)| *known == status).unwrap_or(OTHER);
        let word = STATUSES.get(place).map_or("other", |(_, word)| word);
        let counter = self.by_status[place].get_or_init(|| {
            let listener = (Listener::NAME, self.listener.word().into());
            let labels = vec![listener, ("route", self.route.clone()), ("status", word.into())];
            let counter = self.requests.get_or_create_owned(&labels);
            self.counters.lock().insert(labels, (status, counter.clone()));
            counter
        });
        counter.inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    #[test]
    fn requests_of_all_routes_are_counted_once_by_their_outcome() {
        let metrics = Metrics::new();
        // Each thread that serves requests has metrics of its own for the same route.
        let routes = [(); 2].map(|()| metrics.http.route(Listener::Public, "/a", RouteGroup::Solo));
        for route in routes.iter().chain([&metrics.http.no_route(Listener::Admin)]) {
            [101, 200, 308, 400, 499, 500, 503].into_iter().for_each(|status| route.replied(status, Duration::ZERO));
        }
        assert_eq!(metrics.http.requests(), RequestCounts { all: 21, refused: 6, failed: 6 });
    }
}
