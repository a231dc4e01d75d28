//! The limit on joins per minute, by the generic cell rate algorithm (GCRA), which needs a single timestamp.

use serde::{Deserialize, Serialize};

use crate::domain::refusal::Refusal;
use crate::domain::time::{Millis, Timestamp};

const MINUTE: u64 = 60_000;

/// The time at which the whole budget will be available again. Each join moves it later by its share of a
/// minute, to a minute ahead at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct JoinBudget(Timestamp);

impl JoinBudget {
    /// The budget after one more join. `a_minute` joins are allowed within a minute, and as many at once. A
    /// limit of more than one join per millisecond is no limit.
    pub(super) fn after_join(self, a_minute: u32, now: Timestamp) -> Result<Self, Refusal> {
        let a_minute = u64::from(a_minute.max(1));
        let share = MINUTE / a_minute;
        let full = self.0.max(now).plus(Millis(share));
        // No limit: checked here, because a request may bring an earlier time than the one before it. The sum
        // below would then take the budget as spent.
        if share == 0 {
            return Ok(Self(full));
        }
        match full.since(now.plus(Millis(share * a_minute))) {
            Millis(0) => Ok(Self(full)),
            retry_after => Err(Refusal::TooManyJoins { retry_after }),
        }
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.0 = self.0.shifted(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(after: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + after)
    }

    fn refused(after: u64) -> Result<JoinBudget, Refusal> {
        Err(Refusal::TooManyJoins { retry_after: Millis(after) })
    }

    fn spent(times: u32, a_minute: u32, now: Timestamp) -> JoinBudget {
        (0..times).fold(JoinBudget::default(), |budget, _| budget.after_join(a_minute, now).expect("allowed"))
    }

    #[test]
    fn as_many_as_a_minute_allows_may_come_at_once_and_then_one_by_one() {
        let budget = spent(120, 120, at(0));
        assert_eq!(budget.after_join(120, at(0)), refused(500));
        assert_eq!(budget.after_join(120, at(499)), refused(1));
        let budget = budget.after_join(120, at(500)).expect("one more");
        assert_eq!(budget.after_join(120, at(500)), refused(500));
    }

    #[test]
    fn after_a_quiet_minute_all_are_there_again() {
        let mut budget = spent(7, 7, at(0));
        for _ in 0..7 {
            budget = budget.after_join(7, at(60_000)).expect("allowed");
        }
        assert!(budget.after_join(7, at(60_000)).is_err());
    }

    #[test]
    fn the_highest_number_is_no_limit() {
        let budget = spent(100_000, u32::MAX, at(1));
        assert!(budget.after_join(u32::MAX, at(1)).is_ok());
        assert!(budget.after_join(u32::MAX, at(0)).is_ok(), "nor is a time that goes back");
    }
}
