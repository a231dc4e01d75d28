//! The pace of a sweep. It goes in small batches, so that it can be stopped between two. After a batch it
//! pauses, the longer the busier the writer is with other commands.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::RedbStore;
use super::expired_count::ExpiryEntry;
use super::queue::{Work, WriterActivity};
use crate::domain::Moment;
use crate::store::contract::Swept;
use crate::store::error::StoreResult;

/// Most sessions per batch while the writer has other commands.
const BESIDE_OTHERS: usize = 64;
/// Most sessions per batch while the writer has no other commands.
const ALONE: usize = 256;
/// The pause after a batch if the writer was busy all the time. It is shorter in proportion if not.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// What sweeps keep from one batch to the next.
pub(super) struct Reaping(Mutex<ReapingState>);

struct ReapingState {
    /// The expiry entry after which the next batch continues; `None` to begin with the first one.
    after: Option<ExpiryEntry>,
    pace: Pace,
    /// When the last batch of a sweep ended.
    since: Instant,
    /// What the writer had done by `since`.
    activity: WriterActivity,
}

impl Default for Reaping {
    fn default() -> Self {
        let (pace, activity) = (Pace::of(Duration::ZERO, Duration::ZERO, 0), WriterActivity::default());
        Self(Mutex::new(ReapingState { after: None, pace, since: Instant::now(), activity }))
    }
}

/// The size of a batch, and the pause before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    most: usize,
    pause: Duration,
}

impl Pace {
    /// The pace after a time of `elapsed`, in which the writer worked for `worked` and took `others` commands
    /// besides the sweep's own.
    fn of(elapsed: Duration, worked: Duration, others: u64) -> Self {
        if others == 0 {
            return Self { most: ALONE, pause: Duration::ZERO };
        }
        let share = worked.as_secs_f64() / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        Self { most: BESIDE_OTHERS, pause: LONGEST_PAUSE.mul_f64(share.clamp(0.0, 1.0)) }
    }
}

impl ReapingState {
    fn keep_pace(&mut self, activity: WriterActivity) {
        let worked = activity.worked.saturating_sub(self.activity.worked);
        // One of the commands is the batch of the sweep itself.
        let others = (activity.commands - self.activity.commands).saturating_sub(1);
        self.pace = Pace::of(self.since.elapsed(), worked, others);
        (self.since, self.activity) = (Instant::now(), activity);
    }
}

impl RedbStore {
    /// Handles at most `limit` sessions, in small batches.
    pub(super) async fn sweep_in_batches(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        let mut swept = Swept::default();
        while swept.handled < limit {
            let (after, pace) = {
                // Released before the await below.
                let mut state = self.reaping.0.lock();
                (state.after.take(), state.pace)
            };
            let most = pace.most.min(limit - swept.handled);
            let batch = self.commit(|reply| Work::Sweep { at, after, most, reply }).await?;
            swept.deleted += batch.deleted;
            swept.unfinished_rooms += batch.unfinished_rooms;
            swept.handled += batch.handled;
            swept.more = batch.has_more();
            let pace = {
                let mut state = self.reaping.0.lock();
                state.after.clone_from(&batch.next);
                state.keep_pace(self.queue.activity());
                state.pace
            };
            if !swept.more {
                break;
            }
            if !pace.pause.is_zero() {
                tokio::time::sleep(pace.pause).await;
            }
            // The batch found only sessions that can't be read. The next sweep continues after them.
            if batch.handled == 0 && !batch.has_questions_left {
                break;
            }
        }
        Ok(swept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_hurries_while_nobody_waits_and_pauses_as_the_writer_is_busy() {
        let second = Duration::from_secs(1);
        assert_eq!(Pace::of(second, second, 0), Pace { most: ALONE, pause: Duration::ZERO });
        assert_eq!(Pace::of(second, second / 2, 1), Pace { most: BESIDE_OTHERS, pause: LONGEST_PAUSE / 2 });
        assert_eq!(Pace::of(second, second * 2, 9).pause, LONGEST_PAUSE);
        assert_eq!(Pace::of(Duration::ZERO, Duration::ZERO, 9).pause, Duration::ZERO);
    }
}
