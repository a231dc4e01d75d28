//! How the stores are, as health and readiness tell it.

use serde::Serialize;

use super::date::date;
use crate::store::{Breaker, Cause, StoresStatus, Trouble, ValkeyCause};

/// How the stores are.
#[derive(Debug, Serialize)]
pub(super) struct StoreHealth {
    /// The engine of the store where games begin.
    engine: &'static str,
    /// Whether that one commits, so that its running games go on.
    reachable: bool,
    /// Whether games begin at this instance's own instead.
    degraded: bool,
    /// Whether requests are let through to a store that lies elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<&'static str>,
    /// Why no game can begin in that store, and since when.
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

    /// In a word: `well`, or that games begin at this instance's own; none if they can't begin.
    pub(super) fn word(&self, well: &'static str) -> Option<&'static str> {
        match (&self.trouble, self.degraded) {
            (None, _) => Some(well),
            (Some(_), true) => Some("degraded"),
            (Some(_), false) => None,
        }
    }

    /// Whether there is no space for a new game.
    pub(super) fn is_full(&self) -> bool {
        let cause = self.trouble.as_ref().map(|trouble| trouble.cause);
        matches!(cause, Some(Cause::Full | Cause::Valkey(ValkeyCause::Full)))
    }

    /// Why no game can begin, in a sentence.
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

fn word_of(breaker: Breaker) -> &'static str {
    match breaker {
        Breaker::Closed => "closed",
        Breaker::HalfOpen => "half-open",
        Breaker::Open => "open",
    }
}
