//! The report of a soak: a table over time, and the verdict.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::line::{clock, in_mib, in_millis};
use super::options::SoakOptions;
use super::stats::{Figures, PERIODS, Period, SoakCounts, SoakStats, percentiles};

/// A shorter soak is too short to tell whether memory and files stay flat.
const JUDGED_FROM: Duration = Duration::from_secs(600);
/// How much higher the median of the last quarter may be than that of the quarter before.
const MOST_GROWTH: f64 = 1.1;

/// The result of a soak.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SoakReport {
    /// How long it was played.
    #[serde(rename = "tookMs", serialize_with = "super::super::report::millis")]
    pub took: Duration,
    /// True if it was stopped before its end.
    pub stopped: bool,
    /// The seed of the random choices.
    pub seed: u64,
    /// The counts over the whole soak.
    pub counts: SoakCounts,
    /// p50 and p99 of the answers that met no kill, in µs.
    pub quiet_us: Option<[u64; 2]>,
    /// p50 and p99 of the answers that met a kill, in µs.
    pub over_kills_us: Option<[u64; 2]>,
    /// The slowest restart after a kill.
    #[serde(rename = "slowestRecoveryMs", serialize_with = "super::super::report::millis")]
    pub slowest_recovery: Duration,
    /// The server's memory in the second half.
    pub memory: Trend,
    /// File and log on disk in the second half.
    pub disk: Trend,
    /// The figures over time.
    pub table: Vec<TableRow>,
    /// Descriptions of all problems; empty if there was none.
    pub wrong: Vec<String>,
    /// The end of the server's log; empty if nothing was wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub log: String,
}

/// Whether something has grown in the second half of the soak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trend {
    /// The median in the third quarter, in bytes.
    pub third_quarter: u64,
    /// The median in the last quarter, in bytes.
    pub last_quarter: u64,
    /// `flat`, `grown` or `unknown`.
    pub verdict: TrendVerdict,
}

/// The verdict on a [`Trend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TrendVerdict {
    /// The last quarter is at most 10 % above the third.
    Flat,
    /// It is more than that.
    Grown,
    /// The soak was too short, or was stopped.
    Unknown,
}

/// One row of the table: a twelfth of the soak.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableRow {
    /// The end of the row.
    #[serde(rename = "untilMs", serialize_with = "super::super::report::millis")]
    pub until: Duration,
    /// The counts until then.
    #[serde(flatten)]
    pub counts: SoakCounts,
    /// The slowest restart in this time.
    #[serde(rename = "recoveryMs", serialize_with = "super::super::report::millis")]
    pub recovery: Duration,
    /// p50 and p99 of the answers that met no kill, in µs.
    pub quiet_us: Option<[u64; 2]>,
    /// The medians of memory, file, log (bytes on disk) and live sessions.
    pub memory: u64,
    /// The file on disk, in bytes.
    pub file: u64,
    /// The log on disk, in bytes.
    pub log_on_disk: u64,
    /// Live games and rooms.
    pub live: u64,
}

impl SoakReport {
    pub(super) fn new(options: &SoakOptions, stats: &SoakStats, stopped: bool, log: String) -> Self {
        let (took, figures) = (stats.elapsed(), stats.figures());
        let is_judged = !stopped && options.lasts >= JUDGED_FROM;
        let quarter = |number: usize| Period::sum(&figures.periods[number * PERIODS / 4..(number + 1) * PERIODS / 4]);
        let (third, last) = (quarter(2), quarter(3));
        let median = |histogram: &hdrhistogram::Histogram<u64>| histogram.value_at_quantile(0.5) * 1_024;
        let memory = Trend::new(median(&third.memory), median(&last.memory), is_judged);
        let disk = Trend::new(median(&third.disk), median(&last.disk), is_judged);
        let all = Period::sum(&figures.periods);
        let mut report = Self {
            took,
            stopped,
            seed: options.round.seed,
            counts: figures.counts,
            quiet_us: micros(&all.quiet),
            over_kills_us: micros(&figures.over_kills),
            slowest_recovery: all.recovery,
            memory,
            disk,
            table: rows(options, &figures, took),
            wrong: Vec::new(),
            log: String::new(),
        };
        report.judge(figures);
        if !report.is_good() {
            report.log = log;
        }
        report
    }

    /// Collects all problems.
    fn judge(&mut self, figures: Figures) {
        let SoakCounts { lost, doubled, answers, .. } = self.counts;
        let mut say = |is_wrong: bool, what: String| self.wrong.extend(is_wrong.then_some(what));
        say(lost > 0, format!("{lost} acknowledged answers were lost"));
        say(doubled > 0, format!("{doubled} answers counted twice"));
        say(answers == 0, "no answer was acknowledged".to_owned());
        for (name, trend) in [("the server's memory", self.memory), ("file and log", self.disk)] {
            say(trend.verdict == TrendVerdict::Grown, format!("{name} grew in the second half: {trend}"));
        }
        self.wrong.extend(figures.wrong);
        say_more(&mut self.wrong, figures.more_wrong);
    }

    /// True if nothing was lost, doubled or otherwise wrong, and nothing has grown in the second half.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }
}

fn say_more(wrong: &mut Vec<String>, more: u64) {
    wrong.extend((more > 0).then(|| format!("and {more} more")));
}

impl Trend {
    fn new(third_quarter: u64, last_quarter: u64, is_judged: bool) -> Self {
        let is_flat = last_quarter as f64 <= third_quarter as f64 * MOST_GROWTH;
        let verdict = match (is_judged && third_quarter > 0 && last_quarter > 0, is_flat) {
            (false, _) => TrendVerdict::Unknown,
            (true, true) => TrendVerdict::Flat,
            (true, false) => TrendVerdict::Grown,
        };
        Self { third_quarter, last_quarter, verdict }
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            TrendVerdict::Flat => "flat",
            TrendVerdict::Grown => "grown",
            TrendVerdict::Unknown => return write!(f, "not judged (needs a whole soak of 10 minutes)"),
        };
        let growth = (self.last_quarter as f64 / self.third_quarter as f64 - 1.0) * 100.0;
        write!(
            f,
            "{verdict} ({} in the third quarter, {} in the last, {growth:+.1} %)",
            in_mib(self.third_quarter),
            in_mib(self.last_quarter)
        )
    }
}

fn micros(latencies: &hdrhistogram::Histogram<u64>) -> Option<[u64; 2]> {
    percentiles(latencies).map(|both| both.map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)))
}

fn rows(options: &SoakOptions, figures: &Figures, took: Duration) -> Vec<TableRow> {
    let length = options.lasts / PERIODS as u32;
    let reached = figures.periods.iter().enumerate().filter(|(number, _)| length * *number as u32 <= took);
    let row = |(number, period): (usize, &Period)| {
        let [memory, file, log_on_disk] =
            [&period.memory, &period.file, &period.log].map(|sizes| sizes.value_at_quantile(0.5) * 1_024);
        let is_last = number + 1 == PERIODS;
        TableRow {
            until: if is_last { took } else { (length * (number as u32 + 1)).min(took) },
            counts: if is_last { figures.counts } else { period.counts },
            recovery: period.recovery,
            quiet_us: micros(&period.quiet),
            memory,
            file,
            log_on_disk,
            live: period.live.value_at_quantile(0.5),
        }
    };
    reached.map(row).collect()
}

impl fmt::Display for TableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SoakCounts { answers, lost, doubled, kills, .. } = self.counts;
        let [p50, p99] = words(self.quiet_us);
        let recovery = match self.recovery.as_millis() {
            0 => "-".to_owned(),
            millis => format!("{millis} ms"),
        };
        let [memory, file, log] = [self.memory, self.file, self.log_on_disk].map(in_mib);
        write!(
            f,
            "{} {answers:>10} {lost:>5} {doubled:>8} {kills:>6} {recovery:>11} {p50:>9} {p99:>9} \
             {memory:>8} {file:>8} {log:>8} {:>7}",
            clock(self.until),
            self.live
        )
    }
}

impl fmt::Display for SoakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>8} {:>10} {:>5} {:>8} {:>6} {:>11} {:>9} {:>9} {:>8} {:>8} {:>8} {:>7}",
            "until", "answers", "lost", "doubled", "kills", "back after", "p50", "p99", "memory", "file", "log", "live"
        )?;
        for row in &self.table {
            writeln!(f, "{row}")?;
        }
        let SoakCounts { games, abandoned, rooms, answers, repeats, cuts, lost, doubled, kills } = self.counts;
        let stopped = if self.stopped { "stopped after" } else { "played for" };
        writeln!(
            f,
            "{stopped} {}: {games} games, {abandoned} left in the middle, {rooms} rooms, {answers} answers; \
             {kills} kills, {cuts} connections cut, {repeats} requests sent again; seed {}",
            clock(self.took),
            self.seed
        )?;
        writeln!(f, "answers lost {lost}, counted twice {doubled}")?;
        let ([p50, p99], [kill_p50, kill_p99]) = (words(self.quiet_us), words(self.over_kills_us));
        write!(f, "answers took {p50} (median), {p99} (p99)")?;
        if kills > 0 {
            let slowest = self.slowest_recovery.as_millis();
            write!(f, "; over a kill {kill_p50} and {kill_p99}; server ready again after {slowest} ms at the slowest")?;
        }
        writeln!(f)?;
        writeln!(f, "memory in the second half: {}", self.memory)?;
        write!(f, "file and log in the second half: {}", self.disk)?;
        for wrong in &self.wrong {
            write!(f, "\nwrong: {wrong}")?;
        }
        if !self.log.is_empty() {
            write!(f, "\nthe server's last words: {}", self.log)?;
        }
        Ok(())
    }
}

fn words(latencies: Option<[u64; 2]>) -> [String; 2] {
    latencies.map_or(["-".to_owned(), "-".to_owned()], |both| both.map(in_millis))
}

#[cfg(test)]
mod tests {
    use super::super::game_record::Finding;
    use super::*;
    use crate::drill::DrillOptions;

    fn report(lasts: u64, findings: Vec<Finding>) -> SoakReport {
        let options = SoakOptions::new(DrillOptions::new("rejoin"), Duration::from_secs(lasts));
        let stats = SoakStats::new(options.lasts);
        stats.count(|counts| counts.answers = 100);
        stats.found(findings);
        SoakReport::new(&options, &stats, false, "the log".to_owned())
    }

    #[test]
    fn a_soak_is_good_if_nothing_was_wrong() {
        let report = report(60, Vec::new());
        assert!(report.is_good() && report.log.is_empty(), "{report}");
        assert!(report.to_string().contains("answers lost 0, counted twice 0"), "{report}");
        assert!(report.to_string().contains("memory in the second half: not judged"), "{report}");
    }

    #[test]
    fn whatever_is_wrong_is_told() {
        for (finding, told) in [
            (Finding::Lost(3, "a game".to_owned()), "3 acknowledged answers were lost"),
            (Finding::Doubled(2, "a game".to_owned()), "2 answers counted twice"),
            (Finding::Wrong("a verdict".to_owned()), "wrong: a verdict"),
        ] {
            let report = report(60, vec![finding]);
            assert!(!report.is_good() && report.to_string().contains(told), "{report}");
            assert_eq!(report.log, "the log");
        }
    }

    #[test]
    fn what_grows_by_more_than_a_tenth_is_not_flat() {
        let verdict = |third, last, is_judged| Trend::new(third, last, is_judged).verdict;
        assert_eq!(verdict(100 << 20, 110 << 20, true), TrendVerdict::Flat);
        assert_eq!(verdict(100 << 20, 111 << 20, true), TrendVerdict::Grown);
        assert_eq!(verdict(100 << 20, 50 << 20, true), TrendVerdict::Flat);
        assert_eq!(verdict(100 << 20, 200 << 20, false), TrendVerdict::Unknown);
        assert_eq!(verdict(0, 200 << 20, true), TrendVerdict::Unknown);
        let grown = Trend::new(100 << 20, 120 << 20, true).to_string();
        assert_eq!(grown, "grown (100.0M in the third quarter, 120.0M in the last, +20.0 %)");
    }
}
