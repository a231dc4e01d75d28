//! Figures of the metrics, added up for the operators' page and for `rejoin status`. They are read from the same text
//! as Prometheus reads, so that nothing is counted twice.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::metrics::MetricInfo;

/// A scrape, by the names of its metrics.
pub(super) struct Figures<'a> {
    samples: Vec<Sample<'a>>,
}

/// One line of the text format: `name{labels} value`.
struct Sample<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

/// Counts of durations: how many took at most each bound, and at last how many there were.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DurationsOut {
    bounds_ms: Vec<f64>,
    counts: Vec<f64>,
}

impl<'a> Figures<'a> {
    /// Reads the text format of Prometheus.
    pub(super) fn read(text: &'a str) -> Self {
        let sample = |line: &'a str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            Some(Sample { name, labels, value: value.parse().ok()? })
        };
        Self { samples: text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect() }
    }

    /// The sum of a metric's values that have one of these labels, such as `file="log"`; of all if none is given.
    /// `None` if there are none.
    pub(super) fn sum(&self, info: &MetricInfo, labels: &[&str]) -> Option<f64> {
        self.values(info.name, labels).map(|sample| sample.value).reduce(|sum, value| sum + value)
    }

    /// The smallest of a metric's values. `None` if it has none.
    pub(super) fn least(&self, info: &MetricInfo) -> Option<f64> {
        self.values(info.name, &[]).map(|sample| sample.value).reduce(f64::min)
    }

    /// The largest of a metric's values. `None` if it has none.
    pub(super) fn largest(&self, info: &MetricInfo) -> Option<f64> {
        self.values(info.name, &[]).map(|sample| sample.value).reduce(f64::max)
    }

    /// The histograms with one of these labels, added up.
    pub(super) fn durations(&self, info: &MetricInfo, labels: &[&str]) -> DurationsOut {
        let name = format!("{}_bucket", info.name);
        let mut counts = BTreeMap::new();
        for sample in self.values(&name, labels) {
            let bound = sample.label("le").and_then(|bound| bound.replace("+Inf", "inf").parse::<f64>().ok());
            // Positive numbers sort as their bits do.
            bound.into_iter().for_each(|bound| *counts.entry(bound.to_bits()).or_insert(0.0) += sample.value);
        }
        let bounds = counts.keys().map(|bits| f64::from_bits(*bits) * 1_000.0).filter(|bound| bound.is_finite());
        DurationsOut { bounds_ms: bounds.collect(), counts: counts.into_values().collect() }
    }

    fn values(&self, name: &str, labels: &[&str]) -> impl Iterator<Item = &Sample<'a>> {
        let is_wanted =
            |sample: &&Sample<'_>| labels.is_empty() || labels.iter().any(|label| sample.labels.contains(label));
        self.samples.iter().filter(move |sample| sample.name == name).filter(is_wanted)
    }
}

impl Sample<'_> {
    fn label(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.labels.split_once(&format!("{name}=\""))?;
        rest.split('"').next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::list;

    const TEXT: &str = r#"# HELP rejoin_store_file_bytes Size.
# TYPE rejoin_store_file_bytes gauge
rejoin_store_file_bytes{engine="redb",store="main",file="database"} 4096
rejoin_store_file_bytes{engine="redb",store="main",file="log"} 12
rejoin_connected_rooms 7
rejoin_http_request_duration_seconds_sum{group="solo"} 0.5
rejoin_http_request_duration_seconds_bucket{le="0.001",group="solo"} 3
rejoin_http_request_duration_seconds_bucket{le="0.01",group="solo"} 5
rejoin_http_request_duration_seconds_bucket{le="+Inf",group="solo"} 6
rejoin_http_request_duration_seconds_bucket{le="0.001",group="rooms"} 1
rejoin_http_request_duration_seconds_bucket{le="0.01",group="rooms"} 1
rejoin_http_request_duration_seconds_bucket{le="+Inf",group="rooms"} 1
rejoin_http_request_duration_seconds_bucket{le="+Inf",group="events"} 100
"#;

    #[test]
    fn values_are_added_up_by_their_labels() {
        let figures = Figures::read(TEXT);
        assert_eq!(figures.sum(list::STORE_FILE, &[]), Some(4108.0));
        assert_eq!(figures.sum(list::STORE_FILE, &[r#"file="log""#]), Some(12.0));
        assert_eq!(figures.sum(list::ROOMS, &[]), Some(7.0));
        assert_eq!(figures.sum(list::SEATS, &[]), None);
        assert_eq!((figures.least(list::STORE_FILE), figures.largest(list::STORE_FILE)), (Some(12.0), Some(4096.0)));
    }

    #[test]
    fn histograms_are_added_up_bucket_by_bucket() {
        let durations = Figures::read(TEXT).durations(list::HTTP_SECONDS, &[r#"group="solo""#, r#"group="rooms""#]);
        assert_eq!(durations, DurationsOut { bounds_ms: vec![1.0, 10.0], counts: vec![4.0, 6.0, 7.0] });
    }
}
