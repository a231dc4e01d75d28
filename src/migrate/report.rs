//! The final report of a move: what was done, and what the operator should do next.

use std::fmt::Write;
use std::time::Duration;

use indicatif::HumanCount;

use super::check::CheckCounts;
use super::ledger::{MoveCounts, NamedFew};
use super::location::Location;
use super::progress::rate;
use super::walk::{Stop, Which};

/// Everything that the report is made from.
pub(super) struct MigrationReport<'a> {
    pub(super) counts: &'a MoveCounts,
    /// The counts of the check; `None` in a dry run, or if the run was stopped before the check.
    pub(super) checked: Option<&'a CheckCounts>,
    pub(super) is_dry: bool,
    /// Live sessions on the target that the source does not have.
    pub(super) others: u64,
    pub(super) from: &'a Location,
    pub(super) to: &'a Location,
    pub(super) stopped: Option<&'a Stop>,
    pub(super) took: Duration,
}

impl MigrationReport<'_> {
    /// True if there was no problem.
    pub(super) fn is_good(&self) -> bool {
        let MoveCounts { states, codes, at_home, unreadable, .. } = self.counts;
        let wrong = self.checked.map_or(0, |checked| checked.wrong.count);
        self.stopped.is_none()
            && states.count + codes.count + at_home.count + unreadable.count + wrong + self.left_behind() == 0
    }

    /// Sessions that may have been played on at the source after they were moved.
    fn left_behind(&self) -> u64 {
        let played_on = self.checked.map_or(0, |checked| checked.played_on.count);
        if self.from.is_file() { 0 } else { played_on }
    }

    /// The summary line.
    pub(super) fn line(&self) -> String {
        let MoveCounts { moved, replaced, same, dead, states, codes, at_home, unreadable } = self.counts;
        let count = HumanCount;
        let mut line = format!("{} {}", if self.is_dry { "would move" } else { "moved" }, count(*moved));
        if *replaced > 0 {
            tell(&mut line, format_args!(" ({} in place of what the target had)", count(*replaced)));
        }
        let conflicts = count(states.count + codes.count);
        tell(&mut line, format_args!(", already there {}, dead {}, conflicts {conflicts}", count(*same), count(*dead)));
        if at_home.count > 0 {
            tell(&mut line, format_args!(", at home {}", count(at_home.count)));
        }
        if unreadable.count > 0 {
            tell(&mut line, format_args!(", unreadable {}", count(unreadable.count)));
        }
        let seconds = self.took.as_secs_f64();
        match self.checked {
            _ if self.is_dry => line.push_str("; nothing was changed"),
            None => line.push_str("; nothing verified"),
            Some(checked) => {
                tell(&mut line, format_args!("; verified {} on the target", count(checked.verified)));
            }
        }
        let all = moved + same + dead + states.count + codes.count + at_home.count + unreadable.count;
        tell(&mut line, format_args!(" in {seconds:.1} s ({}/s)", rate(all, self.took)));
        line
    }

    /// What the operator should know or do, one paragraph each.
    pub(super) fn advice(&self) -> Vec<String> {
        let mut said = Vec::new();
        self.say_stop(&mut said);
        self.say_conflicts(&mut said);
        let at_home = &self.counts.at_home;
        if at_home.count > 0 {
            said.push(format!(
                "{} begun while Valkey was away, and would not be looked for there: {}. They stay, and end, on the \
                 instance that their ids name; for a server on a file of its own, move them into that.",
                sessions(at_home.count, "were"),
                list(at_home)
            ));
        }
        let unreadable = &self.counts.unreadable;
        if unreadable.count > 0 {
            said.push(format!(
                "{} be read, and stay as they are: {}",
                sessions(unreadable.count, "cannot"),
                list(unreadable)
            ));
        }
        self.say_check(&mut said);
        self.say_others(&mut said);
        said
    }

    fn say_stop(&self, said: &mut Vec<String>) {
        let Some(stop) = self.stopped else { return };
        let kept = if self.is_dry {
            ""
        } else {
            " What was moved stays; the same command again goes on from there, and moves nothing twice."
        };
        said.push(match stop {
            Stop::Asked => format!("stopped.{kept}"),
            Stop::Store(which, error) => {
                let place = if *which == Which::Source { self.from } else { self.to };
                format!("{place}: {error:#}.{kept}")
            }
        });
    }

    fn say_conflicts(&self, said: &mut Vec<String>) {
        let MoveCounts { states, codes, .. } = self.counts;
        if states.count > 0 {
            let older = if self.to.is_file() {
                "Is it the file from before an earlier move? Then what it holds is older: move that file out of the \
                 way and run this again, so that all come into a new one. To keep the file and have the source's \
                 states in it, add --replace."
            } else {
                "If the target's are older, add --replace to take the source's. If a server has run on the target \
                 since an earlier move, they are newer, and --replace would undo what was played."
            };
            said.push(format!(
                "{} another state on the target, which keeps it: {}. {older}",
                sessions(states.count, "have"),
                list(states)
            ));
        }
        if codes.count > 0 {
            said.push(format!(
                "{} a join code that another live session of the target holds, and stay behind: {}. Once that \
                 session has ended or is deleted, run this again.",
                sessions(codes.count, "have"),
                list(codes)
            ));
        }
    }

    fn say_check(&self, said: &mut Vec<String>) {
        let Some(checked) = self.checked else { return };
        if checked.ended > 0 {
            let ended = HumanCount(checked.ended);
            said.push(format!("sessions that ended, or were deleted, while this ran: {ended}"));
        }
        if checked.played_on.count > 0 {
            let behind = if self.from.is_file() {
                "A server runs on the target."
            } else {
                "What was played on the source since it was moved is not on the target: stop every server on it, and \
                 run this again with --replace."
            };
            said.push(format!(
                "{} played on while this ran: {}. {behind}",
                sessions(checked.played_on.count, "were"),
                list(&checked.played_on)
            ));
        }
        if checked.wrong.count > 0 {
            said.push(format!(
                "{} not on the target as they should be: {}. The source still has them: do not start a server on \
                 the target, and report this.",
                sessions(checked.wrong.count, "are"),
                list(&checked.wrong)
            ));
        }
    }

    fn say_others(&self, said: &mut Vec<String>) {
        if self.to.is_file() && self.others > 0 && self.stopped.is_none() {
            said.push(format!(
                "the target also holds {} live sessions that did not come from this source. In a file from before an \
                 earlier move those are games that have ended since, and would live again: move that file out of the \
                 way and run this again, so that all come into a new one.",
                HumanCount(self.others)
            ));
        }
    }
}

fn tell(line: &mut String, more: std::fmt::Arguments<'_>) {
    line.write_fmt(more).expect("a text takes all");
}

fn sessions(count: u64, verb: &str) -> String {
    let one = match verb {
        "have" => "has",
        "were" => "was",
        "are" => "is",
        other => other,
    };
    if count == 1 { format!("1 session {one}") } else { format!("{} sessions {verb}", HumanCount(count)) }
}

fn list(listed: &NamedFew) -> String {
    let shown = listed.first.join(", ");
    let more = listed.count - listed.first.len() as u64;
    if more > 0 { format!("{shown} and {} more", HumanCount(more)) } else { shown }
}
