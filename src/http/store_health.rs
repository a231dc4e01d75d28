//! The state of the stores in the replies of `/health` and `/readyz`.

use serde::Serialize;

use super::reply::date;
use crate::store::{Breaker, Cause, StoresStatus, Trouble, ValkeyCause};

/// The state of the stores.
#[derive(Debug, Serialize)]
pub(super) struct StoreHealth {
    /// The engine of the main store, where new games begin.
    engine: &'static str,
    /// True if the main store commits, so that its running games go on.
    reachable: bool,
    /// True if new games begin in this instance's local fallback instead of the main store.
    degraded: bool,
    /// The circuit breaker of a remote store: `closed`, `half-open` or `open`. `None` for a local store.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<&'static str>,
    /// Why no new game can begin in the main store, and since when. `None` if one can.
    #[serde(flatten)]
    trouble: Option<TroubleOut>,
}

#[derive(Debug, Serialize)]
struct TroubleOut {
    #[serde(serialize_with = "word_of_cause")]
    cause: Cause,
    since: String,
}

impl StoreHealth {
    pub(super) fn of(stores: &StoresStatus) -> Self {
        let main = &stores.main;
        let breaker = main.link.map(|link| word_of(link.breaker));
        let trouble = main.trouble.map(TroubleOut::of);
        Self { engine: main.engine, reachable: main.reachable, degraded: stores.is_degraded(), breaker, trouble }
    }

    /// The status in one word: `well` if the main store is fine, `degraded` if new games begin in the local
    /// fallback, `None` if no new game can begin.
    pub(super) fn word(&self, well: &'static str) -> Option<&'static str> {
        match (&self.trouble, self.degraded) {
            (None, _) => Some(well),
            (Some(_), true) => Some("degraded"),
            (Some(_), false) => None,
        }
    }

    /// True if new games can't begin because the main store has no space.
    pub(super) fn is_full(&self) -> bool {
        let cause = self.trouble.as_ref().map(|trouble| trouble.cause);
        matches!(cause, Some(Cause::Full | Cause::Valkey(ValkeyCause::Full)))
    }

    /// Why no new game can begin, in a sentence for people.
    pub(super) fn sentence(&self) -> &'static str {
        self.trouble.as_ref().map_or("new games can begin", |trouble| trouble.cause.sentence())
    }
}

fn word_of_cause<S: serde::Serializer>(cause: &Cause, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(cause.word())
}

impl TroubleOut {
    fn of(Trouble { cause, since }: Trouble) -> Self {
        Self { cause, since: date(since) }
    }
}

/// The state of the circuit breaker in one word.
pub(in crate::http) fn word_of(breaker: Breaker) -> &'static str {
    match breaker {
        Breaker::Closed => "closed",
        Breaker::HalfOpen => "half-open",
        Breaker::Open => "open",
    }
}
