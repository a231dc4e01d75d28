//! How a sweep goes about it: a small batch at a time, so that it can be stopped between two, and with
//! pauses as the writer has others to serve.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::RedbStore;
use super::counter::ExpiryEntry;
use super::queue::{Work, WriterActivity};
use crate::domain::Moment;
use crate::store::contract::Swept;
use crate::store::error::StoreResult;

/// Sessions that one batch looks after while others wait for the writer, and while nobody does.
const BESIDE_OTHERS: usize = 64;
const ALONE: usize = 256;
/// The pause after a batch if the writer was at work all the time.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// What sweeps remember from one batch to the next.
pub(super) struct Reaping(Mutex<ReapingState>);

struct ReapingState {
    /// The hint that the pass has come to; `None` at its beginning.
    after: Option<ExpiryEntry>,
    pace: Pace,
    since: Instant,
    activity: WriterActivity,
}

impl Default for Reaping {
    fn default() -> Self {
        let (pace, activity) = (Pace::of(Duration::ZERO, Duration::ZERO, 0), WriterActivity::default());
        Self(Mutex::new(ReapingState { after: None, pace, since: Instant::now(), activity }))
    }
}

/// How large the next batch is, and how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    most: usize,
    pause: Duration,
}

impl Pace {
    /// The pace after so much time, in which the writer worked that long and did so many commands beside
    /// the sweep's own.
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
        let others = (activity.commands - self.activity.commands).saturating_sub(1);
        self.pace = Pace::of(self.since.elapsed(), worked, others);
        (self.since, self.activity) = (Instant::now(), activity);
    }
}

impl RedbStore {
    /// Looks after at most `limit` sessions, in small batches.
    pub(super) async fn sweep_in_batches(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        let mut swept = Swept::default();
        while swept.handled < limit {
            let (after, pace) = {
                let mut state = self.reaping.0.lock();
                (state.after.take(), state.pace)
            };
            let most = pace.most.min(limit - swept.handled);
            let batch = self.commit(|reply| Work::Sweep { at, after, most, reply }).await?;
            swept.deleted += batch.deleted;
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
            // A batch of what can't be read alone: the next sweep goes on after it.
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
