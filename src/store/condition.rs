//! Tracks whether new games can begin, and why not, for `/readyz`, `/health` and the log.
//!
//! The log gets one ERROR when trouble begins, a WARN every 30 s while it lasts, and one INFO when new games
//! begin again.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::clock::WallClock;
use super::contract::{Cause, Trouble};

/// Interval between log reminders while trouble lasts. Trouble with the same cause that comes back within
/// this time is not logged as new either: otherwise a store at its limit would fill the log.
const REMINDER: Duration = Duration::from_secs(30);

/// A line to be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LogLine {
    /// New games are refused from now on.
    Begun,
    /// New games are still refused. `refused` counts them since the trouble began.
    GoesOn { refused: u64, lasted: Duration },
    /// New games begin again, after `refused` games were refused.
    Over { refused: u64, lasted: Duration },
}

/// The current trouble of a store, if any. The engine reports when it begins and ends.
pub(crate) struct Condition {
    state: Mutex<ConditionState>,
    wall: WallClock,
}

#[derive(Default)]
struct ConditionState {
    trouble: Option<Trouble>,
    /// The error that the engine met, for the log.
    detail: String,
    begun: Option<Instant>,
    refused: u64,
    /// The cause that was logged last, and when.
    told: Option<(Cause, Instant)>,
    /// True if the current trouble was logged. Only then is its end logged.
    is_told: bool,
}

impl ConditionState {
    fn begin(&mut self, trouble: Trouble, detail: String, now: Instant) -> Option<LogLine> {
        if self.trouble.is_some_and(|known| known.cause == trouble.cause) {
            return None;
        }
        // A different cause starts a new trouble, with its own start time and its own count.
        *self = Self { trouble: Some(trouble), detail, begun: Some(now), told: self.told, ..Self::default() };
        let was_told = |(cause, at): (Cause, Instant)| cause == trouble.cause && now.duration_since(at) < REMINDER;
        if self.told.is_some_and(was_told) { None } else { self.tell(now, LogLine::Begun) }
    }

    fn remind(&mut self, now: Instant) -> Option<LogLine> {
        self.trouble?;
        if self.told.is_some_and(|(_, at)| now.duration_since(at) < REMINDER) {
            return None;
        }
        let line = LogLine::GoesOn { refused: self.refused, lasted: self.lasted(now) };
        self.tell(now, line)
    }

    fn end(&mut self, now: Instant) -> Option<LogLine> {
        self.trouble.take()?;
        let line = LogLine::Over { refused: self.refused, lasted: self.lasted(now) };
        self.is_told.then_some(line)
    }

    fn tell(&mut self, now: Instant, line: LogLine) -> Option<LogLine> {
        self.told = self.trouble.map(|trouble| (trouble.cause, now));
        self.is_told = true;
        Some(line)
    }

    fn lasted(&self, now: Instant) -> Duration {
        self.begun.map_or(Duration::ZERO, |begun| now.duration_since(begun))
    }
}

impl Condition {
    /// The condition of a store in which new games can begin.
    pub(crate) fn good(wall: WallClock) -> Self {
        Self { state: Mutex::default(), wall }
    }

    /// Records that new games are refused from now on. `detail` is the error for the log.
    pub(crate) fn begin(&self, cause: Cause, detail: impl std::fmt::Display) {
        let trouble = Trouble { cause, since: (self.wall)() };
        let mut state = self.state.lock();
        let line = state.begin(trouble, detail.to_string(), Instant::now());
        log(&state, cause, line);
    }

    /// Counts refused games.
    pub(crate) fn count_refused(&self, games: u64) {
        self.state.lock().refused += games;
    }

    /// Logs a reminder if one is due. The engine calls this about once a second.
    pub(crate) fn remind(&self) {
        let mut state = self.state.lock();
        let line = state.remind(Instant::now());
        if let Some(trouble) = state.trouble {
            log(&state, trouble.cause, line);
        }
    }

    /// Records that new games can begin again. The engine calls this when it knows that a new game can be
    /// stored, for example because it has stored one.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        let Some(trouble) = state.trouble else { return };
        let line = state.end(Instant::now());
        log(&state, trouble.cause, line);
    }

    /// The reason why a new game would be refused now, if it would be.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.state.lock().trouble
    }
}

// Called while the lock is held, so that the lines of concurrent callers stay in order.
fn log(state: &ConditionState, cause: Cause, line: Option<LogLine>) {
    let (word, what, detail) = (cause.word(), cause.sentence(), &state.detail);
    match line {
        None => {}
        Some(LogLine::Begun) => tracing::error!(cause = word, detail, "new games are refused: {what}"),
        Some(LogLine::GoesOn { refused, lasted }) => {
            let seconds = lasted.as_secs();
            tracing::warn!(cause = word, detail, refused, seconds, "new games are still refused: {what}");
        }
        Some(LogLine::Over { refused, lasted }) => {
            let seconds = lasted.as_secs();
            tracing::info!(cause = word, refused, seconds, "new games begin again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WallTime;

    fn trouble(cause: Cause) -> Trouble {
        Trouble { cause, since: WallTime(1) }
    }

    fn later(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn trouble_is_told_once_reminded_of_every_30_s_and_its_end_told_once() {
        let (mut state, now) = (ConditionState::default(), Instant::now());
        assert_eq!(state.begin(trouble(Cause::Full), String::new(), now), Some(LogLine::Begun));
        for seconds in 0..30 {
            assert_eq!(state.begin(trouble(Cause::Full), String::new(), later(now, seconds)), None);
            assert_eq!(state.remind(later(now, seconds)), None);
        }
        state.refused = 7;
        let lasted = Duration::from_secs(30);
        assert_eq!(state.remind(later(now, 30)), Some(LogLine::GoesOn { refused: 7, lasted }));
        assert_eq!(state.remind(later(now, 31)), None);
        let lasted = Duration::from_secs(40);
        assert_eq!(state.end(later(now, 40)), Some(LogLine::Over { refused: 7, lasted }));
        assert_eq!(state.end(later(now, 41)), None);
    }

    #[test]
    fn trouble_that_comes_and_goes_does_not_fill_the_log() {
        let (mut state, now) = (ConditionState::default(), Instant::now());
        let mut lines = 0;
        for tenth in 0..600 {
            let now = now + Duration::from_millis(100 * tenth);
            lines += usize::from(state.begin(trouble(Cause::Full), String::new(), now).is_some());
            assert!(state.trouble.is_some());
            lines += usize::from(state.remind(now).is_some());
            lines += usize::from(state.end(now).is_some());
        }
        assert_eq!(lines, 4, "a beginning and an end, twice in a minute");
    }

    #[test]
    fn another_cause_is_told_at_once() {
        let (mut state, now) = (ConditionState::default(), Instant::now());
        state.begin(trouble(Cause::Full), String::new(), now);
        assert_eq!(state.begin(trouble(Cause::Gone), String::new(), now), Some(LogLine::Begun));
        assert_eq!(state.trouble.map(|trouble| trouble.cause), Some(Cause::Gone));
    }
}
