//! One line of figures while the soak runs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::sample::{FileSize, Sample};
use super::stats::{SoakCounts, SoakStats};

/// The names of the columns of [`SoakLine`].
pub(super) const HEADER: &str = "    time    games  rooms    answers  lost  doubled  kills  back after       p50       p99  \
     memory  file (length)        log (length)    live";

/// The figures of one moment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SoakLine {
    /// The time since the begin.
    #[serde(rename = "atMs", serialize_with = "super::super::report::millis")]
    pub at: Duration,
    /// The counts since the begin.
    #[serde(flatten)]
    pub counts: SoakCounts,
    /// The time from the last kill until the server was ready again, in ms.
    pub recovery_ms: Option<u64>,
    /// Half of the answers since the last line were faster, without those that met a kill. In µs.
    pub p50_us: Option<u64>,
    /// 99 of 100 of them were faster. In µs.
    pub p99_us: Option<u64>,
    /// The server and its files.
    #[serde(flatten)]
    pub sample: Sample,
}

impl SoakLine {
    pub(super) fn new(stats: &SoakStats, sample: Sample) -> Self {
        let ((counts, recovery), interval) = (stats.so_far(), stats.interval());
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self {
            at: stats.elapsed(),
            counts,
            recovery_ms: recovery.map(|recovery| micros(recovery) / 1_000),
            p50_us: interval.map(|[p50, _]| micros(p50)),
            p99_us: interval.map(|[_, p99]| micros(p99)),
            sample,
        }
    }
}

impl fmt::Display for SoakLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SoakCounts { games, rooms, answers, lost, doubled, kills, .. } = self.counts;
        let Sample { memory, file, log, live, .. } = self.sample;
        let recovery = self.recovery_ms.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let [p50, p99] = [self.p50_us, self.p99_us].map(|us| us.map_or("-".to_owned(), in_millis));
        write!(
            f,
            "{} {games:>8} {rooms:>6} {answers:>10} {lost:>5} {doubled:>8} {kills:>6} {recovery:>11} {p50:>9} {p99:>9} \
             {:>7} {:>14} {:>19} {:>7}",
            clock(self.at),
            in_mib(memory),
            both(file),
            both(log),
            live.map_or("-".to_owned(), |live| live.to_string()),
        )
    }
}

/// Hours, minutes and seconds.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

pub(super) fn in_millis(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1_000.0)
}

/// Mebibytes with one digit.
pub(super) fn in_mib(bytes: u64) -> String {
    format!("{:.1}M", bytes as f64 / f64::from(1 << 20))
}

fn both(size: FileSize) -> String {
    format!("{} ({})", in_mib(size.allocated), in_mib(size.length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_value_below_each_name() {
        let size = FileSize { length: 9 << 20, allocated: 8 << 20 };
        let sample = Sample { memory: 33 << 20, file: size, log: size, live: Some(2_100), ..Sample::default() };
        let counts = SoakCounts { games: 1_000, rooms: 60, answers: 123_456, kills: 9, ..SoakCounts::default() };
        let (recovery_ms, p50_us, p99_us) = (Some(71), Some(820), None);
        let line = SoakLine { at: Duration::from_secs(3_661), counts, recovery_ms, p50_us, p99_us, sample };
        let words: Vec<_> = line.to_string().split_whitespace().map(str::to_owned).collect();
        let told = "01:01:01 1000 60 123456 0 0 9 71 ms 0.8 ms - 33.0M 8.0M (9.0M) 8.0M (9.0M) 2100";
        assert_eq!(words.join(" "), told);
        assert_eq!(line.to_string().chars().count(), HEADER.chars().count());
        let json = serde_json::to_value(&line).expect("JSON");
        assert_eq!((&json["atMs"], &json["answers"]), (&3_661_000.into(), &123_456.into()));
        assert_eq!(json["file"]["allocated"], 8 << 20);
    }
}
