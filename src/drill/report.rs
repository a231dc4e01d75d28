//! The report of a drill: one summary line, and what was wrong.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::options::DrillOptions;
use super::results::Compared;
use super::room::DrillRoom;
use crate::client::{Connection, Violations};

/// The longest list of problems; the rest is only counted.
const MOST_WRONG: usize = 20;

/// The result of a drill.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillReport {
    /// The number of players.
    pub bots: usize,
    /// The number of rooms.
    pub rooms: usize,
    /// The seed of the random choices. `--seed` repeats them.
    pub seed: u64,
    /// The kills, in order.
    pub kills: Vec<Kill>,
    /// The counts of answers.
    pub answers: Answers,
    /// Protocol violations, summed up over all players and hosts.
    pub faults: Violations,
    /// Reconnects after which the server replayed every missed event.
    pub recovered: u64,
    /// Reconnects after which the server sent a snapshot instead of the missed events.
    pub snapshots: u64,
    /// Events that were not received because a snapshot replaced them.
    pub untold: u64,
    /// Players who saw the end of their game.
    pub finished: usize,
    /// Players for whom verdicts, ranking and results show the same score.
    pub scores_agree: usize,
    /// Descriptions of all problems; empty if there was none.
    pub wrong: Vec<String>,
    /// The end of the server's log; empty if nothing was wrong.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub log: String,
    /// How long the drill took.
    #[serde(rename = "tookMs", serialize_with = "millis")]
    pub took: Duration,
}

/// One kill, and the reconnects after it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kill {
    /// Players who had answered an open question at the kill.
    pub answered: usize,
    /// Players who had an open question and had not answered it.
    pub waiting: usize,
    /// The time from the kill until the server was ready again.
    #[serde(rename = "readyMs", serialize_with = "millis")]
    pub ready: Duration,
    /// Players who reconnected.
    pub back: usize,
    /// The time from the kill until the last of them had reconnected.
    #[serde(rename = "longestMs", serialize_with = "millis")]
    pub longest: Duration,
    /// The time from the kill until half of them had reconnected.
    #[serde(rename = "medianMs", serialize_with = "millis")]
    pub median: Duration,
}

/// The counts of answers, over all players.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answers {
    /// Questions that were answered.
    pub given: u64,
    /// Answers that the server acknowledged.
    pub accepted: u64,
    /// Questions to which no answer was accepted.
    pub late: u64,
    /// Second taps that were refused, as expected.
    pub refused_taps: u64,
}

pub(super) fn millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Kill {
    pub(super) fn new(answered: usize, waiting: usize, ready: Duration, mut backs: Vec<Duration>) -> Self {
        backs.sort_unstable();
        let median = backs.get(backs.len() / 2).copied().unwrap_or_default();
        let longest = backs.last().copied().unwrap_or_default();
        Self { answered, waiting, ready, back: backs.len(), longest, median }
    }
}

impl DrillReport {
    pub(super) fn new(
        options: &DrillOptions,
        rooms: &[DrillRoom],
        kills: Vec<Kill>,
        compared: Vec<Compared>,
        broke_off: Option<String>,
        took: Duration,
    ) -> Self {
        let mut report = Self::empty(options, kills, took);
        report.wrong.extend(broke_off);
        for (number, room) in rooms.iter().enumerate() {
            report.add(number + 1, &room.host);
            report.wrong.append(&mut room.troubles.lock());
            for player in &room.players {
                report.add(number + 1, &player.connection);
                let mut tally = player.tally.lock();
                report.answers.given += tally.asked;
                report.answers.accepted += tally.accepted;
                report.answers.late += tally.late;
                report.answers.refused_taps += tally.refused_taps;
                report.finished += usize::from(tally.is_finished);
                report.wrong.append(&mut tally.troubles);
            }
        }
        for compared in compared {
            match compared {
                Compared::Agrees => report.scores_agree += 1,
                Compared::Disagrees(why) => report.wrong.push(why),
            }
        }
        report.judge(options);
        report
    }

    fn empty(options: &DrillOptions, kills: Vec<Kill>, took: Duration) -> Self {
        Self {
            bots: options.bots,
            rooms: options.rooms(),
            seed: options.seed,
            kills,
            answers: Answers::default(),
            faults: Violations::default(),
            recovered: 0,
            snapshots: 0,
            untold: 0,
            finished: 0,
            scores_agree: 0,
            wrong: Vec::new(),
            log: String::new(),
            took,
        }
    }

    fn add(&mut self, room: usize, connection: &Connection) {
        let (figures, mut faults) = (connection.figures(), connection.faults());
        let seat = connection.seat_id().unwrap_or_default();
        faults.notes.iter_mut().for_each(|note| *note = format!("room {room}, seat {seat}: {note}"));
        self.faults.add(&faults);
        self.recovered += figures.recovered;
        self.snapshots += figures.snapshots;
        self.untold += figures.untold;
    }

    /// Adds descriptions of what the counts show, before the other problems, and shortens the list.
    fn judge(&mut self, options: &DrillOptions) {
        let bots = self.bots;
        let mut wrong = Vec::new();
        if self.kills.len() < options.kills {
            wrong.push(format!("only {} of {} kills could be made", self.kills.len(), options.kills));
        }
        for (number, kill) in self.kills.iter().enumerate() {
            if kill.back < bots {
                wrong.push(format!("{} of {bots} were not back after kill {}", bots - kill.back, number + 1));
            }
        }
        if !self.faults.is_clean() {
            wrong.push(format!("{} promises were broken", self.faults.count()));
            wrong.extend(self.faults.notes.iter().cloned());
        }
        if self.snapshots > 0 {
            wrong.push(format!("{} times a snapshot came instead of the events", self.snapshots));
        }
        if self.answers.accepted < self.answers.given / 2 {
            wrong.push(format!("only {} of {} answers came in time", self.answers.accepted, self.answers.given));
        }
        if self.finished < bots {
            wrong.push(format!("{} of {bots} have not seen the end", bots - self.finished));
        }
        if self.scores_agree < bots {
            wrong.push(format!("the final scores of {} of {bots} do not agree", bots - self.scores_agree));
        }
        wrong.append(&mut self.wrong);
        let more = wrong.len().saturating_sub(MOST_WRONG);
        wrong.truncate(MOST_WRONG);
        wrong.extend((more > 0).then(|| format!("and {more} more")));
        self.wrong = wrong;
    }

    pub(super) fn with_log(self, log: String) -> Self {
        Self { log, ..self }
    }

    /// True if there was no problem.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// The slowest kill in words: `60 of 60 back in 0.41 s (median 0.20 s) after each of 3 kills`.
    fn backs(&self) -> String {
        let slowest = self.kills.iter().max_by_key(|kill| (kill.longest, kill.median));
        let Some(slowest) = slowest else { return "no kills".to_owned() };
        let fewest = self.kills.iter().map(|kill| kill.back).min().unwrap_or_default();
        let kills = match self.kills.len() {
            1 => "a kill".to_owned(),
            count => format!("each of {count} kills"),
        };
        let (longest, median) = (slowest.longest.as_secs_f64(), slowest.median.as_secs_f64());
        format!("{fewest} of {} back in {longest:.2} s (median {median:.2} s) after {kills}", self.bots)
    }
}

impl fmt::Display for DrillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bots, rooms, seed, faults, answers, .. } = self;
        writeln!(
            f,
            "{}; answers lost {}, counted twice {}; events missed {}, repeated {}, out of order {}; \
             final scores agree {} of {bots}",
            self.backs(),
            faults.lost_answers,
            faults.counted_twice,
            faults.events_missed + self.untold,
            faults.repeats,
            faults.out_of_order,
            self.scores_agree,
        )?;
        let plural = if *rooms == 1 { "" } else { "s" };
        write!(
            f,
            "{rooms} room{plural}, {} answers accepted, {} too late, {} double taps refused",
            answers.accepted, answers.late, answers.refused_taps
        )?;
        if let Some(slowest) = self.kills.iter().map(|kill| kill.ready).max() {
            let halves: Vec<_> = self.kills.iter().map(|kill| format!("{}/{}", kill.answered, kill.waiting)).collect();
            let ready = slowest.as_secs_f64();
            write!(f, "; killed with {} answered/not; server ready in {ready:.2} s at the slowest", halves.join(", "))?;
        }
        write!(f, "; {:.1} s, seed {seed}", self.took.as_secs_f64())?;
        for wrong in &self.wrong {
            write!(f, "\nwrong: {wrong}")?;
        }
        if !self.log.is_empty() {
            write!(f, "\nthe server's last words: {}", self.log)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kill(backs: usize) -> Kill {
        let backs = (1..=backs as u64).map(|n| Duration::from_millis(n * 100)).collect();
        Kill::new(1, 2, Duration::from_millis(50), backs)
    }

    fn report(kills: usize) -> DrillReport {
        let options = DrillOptions { bots: 3, kills, ..DrillOptions::new("rejoin") };
        let kills = (0..kills).map(|_| kill(3)).collect();
        let mut report = DrillReport::empty(&options, kills, Duration::from_secs(2));
        (report.finished, report.scores_agree) = (3, 3);
        report
    }

    fn options(kills: usize) -> DrillOptions {
        DrillOptions { bots: 3, kills, ..DrillOptions::new("rejoin") }
    }

    #[test]
    fn a_good_drill_is_one_line_of_figures() {
        let mut report = report(3);
        report.judge(&options(3));
        assert!(report.is_good(), "{:?}", report.wrong);
        let text = report.to_string();
        assert_eq!(
            text.lines().next(),
            Some(
                "3 of 3 back in 0.30 s (median 0.20 s) after each of 3 kills; answers lost 0, counted twice 0; \
                 events missed 0, repeated 0, out of order 0; final scores agree 3 of 3"
            )
        );
        assert!(text.contains("killed with 1/2, 1/2, 1/2 answered/not"), "{text}");
        assert!(!text.contains("wrong"), "{text}");
    }

    #[test]
    fn whatever_is_wrong_is_told() {
        let wrong = |change: &dyn Fn(&mut DrillReport)| {
            let mut report = report(1);
            change(&mut report);
            report.judge(&options(1));
            assert!(!report.is_good());
            report.to_string()
        };
        assert!(wrong(&|report| report.kills.clear()).contains("wrong: only 0 of 1 kills"));
        assert!(wrong(&|report| report.kills[0] = kill(2)).contains("2 of 3 back"));
        assert!(wrong(&|report| report.faults.lost_answers = 1).contains("answers lost 1"));
        assert!(wrong(&|report| (report.snapshots, report.untold) = (1, 4)).contains("events missed 4"));
        assert!(wrong(&|report| report.answers.given = 2).contains("only 0 of 2 answers"));
        assert!(wrong(&|report| report.finished = 1).contains("2 of 3 have not seen the end"));
        assert!(wrong(&|report| report.scores_agree = 2).contains("agree 2 of 3"));
        let many = wrong(&|report| report.wrong = vec!["again".to_owned(); 30]);
        assert!(many.contains("and 10 more"), "{many}");
    }

    #[test]
    fn a_report_is_a_json_object() {
        let report = serde_json::to_value(report(1)).expect("JSON");
        assert_eq!((&report["kills"][0]["longestMs"], &report["tookMs"]), (&300.into(), &2_000.into()));
        assert_eq!(report["faults"]["outOfOrder"], 0);
        assert!(report["log"].is_null());
    }
}
