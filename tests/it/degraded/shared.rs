//! A shared store in memory whose faults a test switches on and off.

use std::sync::Arc;

use parking_lot::Mutex;
use rejoin::domain::{Timestamp, WallTime};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::{
    Breaker, Cause, GameClock, LinkStatus, Store, StoreError, StoreResult, StoreStatus, Trouble, ValkeyCause,
};

use crate::support::store::{Call, Hook, HookedStore};

/// The condition of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// All calls work.
    Well,
    /// Out of reach: every call fails.
    Away,
    /// Writes are carried out, but their outcome is reported as unknown.
    Mute,
    /// Full: every write is refused.
    Full,
    /// The queue is full: every write is refused for now.
    Busy,
}

/// The hook that holds the current condition of the store.
pub(crate) struct Moody(Mutex<Mood>);

/// The shared store.
pub(crate) struct Shared(Arc<HookedStore<Moody>>);

/// The time since when the store has been away, as health reports it.
pub(crate) const SINCE: &str = "2026-01-02T03:04:05.678Z";

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        let clock = GameClock::start(Timestamp::from_millis(9_000_000_000_000), system_wall_clock());
        Arc::new(Self(Arc::new(HookedStore::new(Moody(Mutex::new(Mood::Well)), clock))))
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.0.hook.0.lock() = mood;
    }

    /// The store with a clock that is far ahead of every other. A session that is judged by the wrong clock
    /// is long dead, or never dies, so a test notices.
    pub(crate) fn store(&self) -> Store {
        self.0.clone()
    }
}

impl Hook for Moody {
    fn before(&self, call: Call) -> StoreResult<()> {
        match *self.0.lock() {
            Mood::Away => Err(StoreError::Unavailable(None)),
            Mood::Full if call.is_write() => Err(StoreError::Full),
            Mood::Busy if call.is_write() => Err(StoreError::Busy),
            _ => Ok(()),
        }
    }

    fn after(&self, call: Call) -> StoreResult<()> {
        let cannot_say = *self.0.lock() == Mood::Mute && call.is_write() && call != Call::Sweep;
        if cannot_say { Err(StoreError::OutcomeUnknown) } else { Ok(()) }
    }

    fn status(&self, status: StoreStatus) -> StoreStatus {
        let is_away = *self.0.lock() == Mood::Away;
        let since = humantime::parse_rfc3339(SINCE).expect("a date").duration_since(std::time::UNIX_EPOCH);
        let since = WallTime(since.expect("after 1970").as_millis() as u64);
        let link = LinkStatus { breaker: if is_away { Breaker::Open } else { Breaker::Closed } };
        let trouble = Trouble { cause: Cause::Valkey(ValkeyCause::Unreachable), since };
        let trouble = is_away.then_some(trouble);
        StoreStatus { engine: "shared", reachable: !is_away, trouble, link: Some(link), ..status }
    }
}
