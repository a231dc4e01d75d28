//! Bounds the log's lines of one kind, so that nobody can flood the log.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Maximum lines of one kind within [`WINDOW`].
const MOST: u32 = 20;
/// A minute, counted from the first line in it.
const WINDOW: Duration = Duration::from_secs(60);

/// At most 20 lines a minute. The rest is counted.
#[derive(Debug, Default)]
pub(super) struct LineBudget(Mutex<LinesInWindow>);

#[derive(Debug, Default)]
struct LinesInWindow {
    began: Option<Instant>,
    lines: u32,
    /// Lines that were left out since the last call of `take_rest`.
    rest: u64,
}

impl LineBudget {
    /// Whether another line may be logged at `now`. If not, it is counted.
    pub(super) fn takes(&self, now: Instant) -> bool {
        let mut window = self.0.lock();
        if window.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            (window.began, window.lines) = (Some(now), 0);
        }
        let is_free = window.lines < MOST;
        window.lines += u32::from(is_free);
        window.rest += u64::from(!is_free);
        is_free
    }

    /// How many lines were left out since the last call.
    pub(super) fn take_rest(&self) -> u64 {
        std::mem::take(&mut self.0.lock().rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_twenty_lines_a_minute_and_the_rest_is_counted() {
        let (budget, begun) = (LineBudget::default(), Instant::now());
        let taken = |count: usize, now| (0..count).filter(|_| budget.takes(now)).count();
        assert_eq!(taken(332, begun), 20);
        assert_eq!(taken(9, begun + WINDOW - Duration::from_millis(1)), 0);
        assert_eq!((budget.take_rest(), budget.take_rest()), (312 + 9, 0));
        assert_eq!(taken(21, begun + WINDOW), 20);
        assert_eq!(budget.take_rest(), 1);
    }
}
