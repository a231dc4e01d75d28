//! The values of one scrape: what the parts of the server know already, read when Prometheus asks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::exemplar::Exemplar;

use super::{BatchSizes, Histogram, Latency, MetricInfo};

/// Names and values of labels.
type ReadLabels = Vec<(&'static str, String)>;

/// The value of a metric at a scrape.
#[derive(Debug)]
pub enum Value {
    /// A counter's or a gauge's.
    Whole(u64),
    /// A gauge's or a counter's that is not a whole number.
    Real(f64),
    /// A histogram's, as it is when it is encoded.
    Histogram(Histogram),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<BatchSizes> for Value {
    fn from(sizes: BatchSizes) -> Self {
        Self::Histogram(sizes.0)
    }
}

impl From<Latency> for Value {
    fn from(latency: Latency) -> Self {
        Self::Histogram(latency.0)
    }
}

/// The values that are read at one scrape.
#[derive(Debug, Default)]
pub struct Scrape(Vec<(&'static MetricInfo, ReadLabels, Value)>);

impl Scrape {
    /// Adds the value that a metric has under these labels.
    pub fn put<const N: usize>(
        &mut self,
        info: &'static MetricInfo,
        labels: [(&'static str, &str); N],
        value: impl Into<Value>,
    ) {
        debug_assert!(labels.iter().map(|(name, _)| name).eq(info.labels), "{}: {labels:?}", info.name);
        let labels = labels.map(|(name, value)| (name, value.to_owned())).into();
        self.0.push((info, labels, value.into()));
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for info in super::list::ALL {
            let mut values = self.0.iter().filter(|(of, ..)| of == info).peekable();
            if values.peek().is_none() {
                continue;
            }
            // The registry ends what it describes with a full stop, too.
            let help = format!("{}.", info.help);
            let mut metric = encoder.encode_descriptor(info.stem(), &help, None, info.kind.encoded())?;
            for (_, labels, value) in values {
                value.encode(info, metric.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(&self, info: &MetricInfo, mut metric: MetricEncoder<'_>) -> fmt::Result {
        let is_counter = info.kind == super::MetricKind::counter;
        let no_exemplar = None::<&Exemplar<NoLabelSet, f64>>;
        match self {
            Self::Whole(value) if is_counter => metric.encode_counter(value, no_exemplar),
            Self::Whole(value) => metric.encode_gauge(value),
            Self::Real(value) if is_counter => metric.encode_counter(value, no_exemplar),
            Self::Real(value) => metric.encode_gauge(value),
            Self::Histogram(histogram) => histogram.encode(metric),
        }
    }
}
