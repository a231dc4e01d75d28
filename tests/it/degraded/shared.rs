//! A store that instances share, in memory, which can be sent away.

use std::sync::Arc;

use parking_lot::Mutex;
use rejoin::domain::{Timestamp, WallTime};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::{
    Breaker, Cause, GameClock, Keeper, LinkStatus, StoreError, StoreResult, StoreStatus, Trouble, ValkeyCause,
};

use crate::support::store::{Call, Hook, HookedStore};

/// How the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should be.
    Well,
    /// Out of reach.
    Away,
    /// It does what it is told, and cannot say so.
    Mute,
    /// Nothing more goes in.
    Full,
    /// Too much is waiting.
    Busy,
}

/// The mood of the store.
pub(crate) struct Moody(Mutex<Mood>);

/// The store.
pub(crate) struct Shared(Arc<HookedStore<Moody>>);

/// Since when the way to the store is as it is.
pub(crate) const SINCE: &str = "2026-01-02T03:04:05.678Z";

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Arc::new(HookedStore::new(Moody(Mutex::new(Mood::Well))))))
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.0.hook.0.lock() = mood;
    }

    /// The store with a clock that is far ahead of any other: what is judged by the wrong one is
    /// long dead, or never dies.
    pub(crate) fn keeper(&self) -> Keeper {
        let clock = GameClock::start(Timestamp::from_millis(9_000_000_000_000), system_wall_clock());
        Keeper { store: self.0.clone(), clock: Arc::new(clock) }
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
