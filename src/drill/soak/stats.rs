//! What all players of a soak count together. Its size does not depend on how long the soak lasts.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use serde::Serialize;

use super::game_record::Finding;
use super::sample::Sample;

/// The longest list of problems; the rest is only counted.
const MOST_WRONG: usize = 20;
/// The parts of the soak whose figures are kept.
pub(super) const PERIODS: usize = 12;
/// How long after a restart an answer still counts as one over the kill: clients are coming back.
const SETTLING: Duration = Duration::from_secs(1);
/// The number of kills that are remembered to tell which answers they have met.
const OUTAGES: usize = 16;

/// Counts over the whole soak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SoakCounts {
    /// Solo games that were played to their end.
    pub games: u64,
    /// Solo games that were left in the middle, for the reaper.
    pub abandoned: u64,
    /// Rooms that were played to their end.
    pub rooms: u64,
    /// Answers that were acknowledged, in games and rooms.
    pub answers: u64,
    /// Requests that were sent again because their reply was lost.
    pub repeats: u64,
    /// Connections of players that were cut on purpose.
    pub cuts: u64,
    /// Acknowledged answers, or their points, that the server no longer knew.
    pub lost: u64,
    /// Answers and awards that counted twice.
    pub doubled: u64,
    /// Kills of the server.
    pub kills: u64,
}

/// The figures of one part of the soak.
#[derive(Debug, Clone)]
pub(super) struct Period {
    /// Counts at the end of the part.
    pub(super) counts: SoakCounts,
    /// Latencies of answers that met no kill, in µs.
    pub(super) quiet: Histogram<u64>,
    /// The slowest restart after a kill.
    pub(super) recovery: Duration,
    /// Memory of the server in KiB, without the first seconds of a process.
    pub(super) memory: Histogram<u64>,
    /// The file on disk, in KiB.
    pub(super) file: Histogram<u64>,
    /// The log on disk, in KiB.
    pub(super) log: Histogram<u64>,
    /// File and log on disk, in KiB.
    pub(super) disk: Histogram<u64>,
    /// Live games and rooms, with ended ones whose results are kept.
    pub(super) live: Histogram<u64>,
}

impl Period {
    fn new() -> Self {
        let [quiet, memory, file, log, disk, live] = [(); 6].map(|()| histogram());
        Self { counts: SoakCounts::default(), quiet, recovery: Duration::ZERO, memory, file, log, disk, live }
    }

    /// The figures of several parts together.
    pub(super) fn sum(periods: &[Self]) -> Self {
        let mut sum = Self::new();
        for period in periods {
            sum.counts = period.counts;
            sum.recovery = sum.recovery.max(period.recovery);
            for (all, part) in [
                (&mut sum.quiet, &period.quiet),
                (&mut sum.memory, &period.memory),
                (&mut sum.file, &period.file),
                (&mut sum.log, &period.log),
                (&mut sum.disk, &period.disk),
                (&mut sum.live, &period.live),
            ] {
                *all += part;
            }
        }
        sum
    }
}

/// Counts values from 1 to 2^40, each exact to 1 %, in about 35 KiB.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1 << 40, 2).expect("the bounds are good")
}

/// All figures of a soak, shared by its players.
#[derive(Debug)]
pub(super) struct SoakStats {
    begun: Instant,
    lasts: Duration,
    figures: Mutex<Figures>,
}

/// The figures themselves.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) counts: SoakCounts,
    pub(super) periods: Vec<Period>,
    /// Latencies of answers that met a kill, in µs.
    pub(super) over_kills: Histogram<u64>,
    pub(super) wrong: Vec<String>,
    /// Problems that are not in `wrong` because there are too many.
    pub(super) more_wrong: u64,
    /// The time from the last kill until the server was ready again.
    recovery: Option<Duration>,
    /// Latencies since the last line, in µs.
    interval: Histogram<u64>,
    /// From the kill until the server was ready; `None` while it is not.
    outages: VecDeque<(Instant, Option<Instant>)>,
}

impl SoakStats {
    pub(super) fn new(lasts: Duration) -> Self {
        let figures = Figures {
            counts: SoakCounts::default(),
            periods: vec![Period::new(); PERIODS],
            over_kills: histogram(),
            recovery: None,
            wrong: Vec::new(),
            more_wrong: 0,
            interval: histogram(),
            outages: VecDeque::new(),
        };
        Self { begun: Instant::now(), lasts, figures: Mutex::new(figures) }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut SoakCounts)) {
        change(&mut self.figures.lock().counts);
    }

    /// Adds an answer's latency: it was sent at `sent`, and its reply took `took`.
    pub(super) fn replied(&self, sent: Instant, took: Duration) {
        let (mut figures, micros) = (self.figures.lock(), micros(took));
        if figures.meets_outage(sent, sent + took) {
            figures.over_kills.saturating_record(micros);
        } else {
            figures.interval.saturating_record(micros);
            self.period(&mut figures).quiet.saturating_record(micros);
        }
    }

    pub(super) fn found(&self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            let mut figures = self.figures.lock();
            let what = match finding {
                Finding::Lost(count, what) => {
                    figures.counts.lost += count;
                    format!("lost: {what}")
                }
                Finding::Doubled(count, what) => {
                    figures.counts.doubled += count;
                    format!("doubled: {what}")
                }
                Finding::Wrong(what) => what,
            };
            if figures.wrong.len() < MOST_WRONG {
                figures.wrong.push(what);
            } else {
                figures.more_wrong += 1;
            }
        }
    }

    /// The server is about to be killed.
    pub(super) fn killing(&self) {
        let mut figures = self.figures.lock();
        if figures.outages.len() == OUTAGES {
            figures.outages.pop_front();
        }
        figures.outages.push_back((Instant::now(), None));
        figures.counts.kills += 1;
    }

    /// The server is ready again, this long after the kill.
    pub(super) fn ready_again(&self, recovery: Duration) {
        let mut figures = self.figures.lock();
        if let Some(outage) = figures.outages.back_mut() {
            outage.1 = Some(Instant::now());
        }
        figures.recovery = Some(recovery);
        let period = self.period(&mut figures);
        period.recovery = period.recovery.max(recovery);
    }

    /// True if the server was away at some time since `from`.
    pub(super) fn was_away(&self, from: Instant) -> bool {
        self.figures.lock().meets_outage(from, Instant::now())
    }

    /// Adds a look at the server process and its files.
    pub(super) fn sampled(&self, sample: &Sample) {
        let mut figures = self.figures.lock();
        let counts = figures.counts;
        let period = self.period(&mut figures);
        period.counts = counts;
        if let Some(memory) = sample.steady_memory() {
            period.memory.saturating_record(memory / 1024);
        }
        let (file, log) = (sample.file.allocated / 1024, sample.log.allocated / 1024);
        period.file.saturating_record(file);
        period.log.saturating_record(log);
        period.disk.saturating_record(file + log);
        if let Some(live) = sample.live {
            period.live.saturating_record(live);
        }
    }

    /// The latencies since the last call: p50 and p99; `None` if there were no answers.
    pub(super) fn interval(&self) -> Option<[Duration; 2]> {
        let mut figures = self.figures.lock();
        let found = percentiles(&figures.interval);
        figures.interval.reset();
        found
    }

    /// The counts so far, and the time from the last kill until the server was ready again.
    pub(super) fn so_far(&self) -> (SoakCounts, Option<Duration>) {
        let figures = self.figures.lock();
        (figures.counts, figures.recovery)
    }

    pub(super) fn figures(&self) -> Figures {
        self.figures.lock().clone()
    }

    fn period<'a>(&self, figures: &'a mut Figures) -> &'a mut Period {
        let part = self.begun.elapsed().as_secs_f64() / self.lasts.as_secs_f64();
        let place = (part * PERIODS as f64) as usize;
        &mut figures.periods[place.min(PERIODS - 1)]
    }
}

impl Figures {
    fn meets_outage(&self, from: Instant, to: Instant) -> bool {
        let meets = |(killed, ready): &(Instant, Option<Instant>)| {
            *killed <= to && ready.is_none_or(|ready| from <= ready + SETTLING)
        };
        self.outages.iter().any(meets)
    }
}

/// p50 and p99 of latencies in µs; `None` if there are none.
pub(super) fn percentiles(latencies: &Histogram<u64>) -> Option<[Duration; 2]> {
    let at = |quantile| Duration::from_micros(latencies.value_at_quantile(quantile));
    (!latencies.is_empty()).then(|| [at(0.5), at(0.99)])
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_meets_a_kill_if_it_waits_for_its_end() {
        let stats = SoakStats::new(Duration::from_secs(60));
        let before = Instant::now();
        stats.replied(before, Duration::ZERO);
        stats.killing();
        assert!(stats.was_away(before));
        stats.replied(before, Duration::from_millis(700));
        stats.ready_again(Duration::from_millis(300));
        stats.replied(Instant::now() + SETTLING * 2, Duration::from_millis(2));
        let figures = stats.figures();
        let counts = (figures.periods[0].quiet.len(), figures.over_kills.len(), figures.counts.kills);
        assert_eq!(counts, (2, 1, 1));
        assert_eq!(figures.periods[0].recovery, Duration::from_millis(300));
        assert_eq!(stats.interval().map(|[_, p99]| p99.as_millis()), Some(2));
        assert_eq!(stats.interval(), None);
    }

    #[test]
    fn problems_beyond_the_list_are_counted() {
        let stats = SoakStats::new(Duration::from_secs(60));
        stats.found((0..25).map(|n| Finding::Lost(2, format!("game {n}"))));
        stats.found([Finding::Doubled(3, "an award".to_owned())]);
        let figures = stats.figures();
        assert_eq!((figures.counts.lost, figures.counts.doubled), (50, 3));
        assert_eq!((figures.wrong.len(), figures.more_wrong), (MOST_WRONG, 6));
    }
}
