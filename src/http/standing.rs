//! How the stores are, as health and readiness tell it.

use serde::Serialize;

use super::date::date;
use crate::store::{Breaker, HomesStatus, Link};

/// How the stores are.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    /// The engine of the store where games begin.
    engine: &'static str,
    /// Whether that one commits.
    reachable: bool,
    /// Whether games begin at this instance's own instead.
    degraded: bool,
    #[serde(flatten)]
    link: Option<LinkOut>,
}

/// How the way to a store that lies elsewhere is.
#[derive(Debug, Serialize)]
struct LinkOut {
    breaker: &'static str,
    since: String,
}

impl Standing {
    pub(super) fn of(stores: &HomesStatus) -> Self {
        let main = &stores.main;
        let link = main.link.map(LinkOut::of);
        Self { engine: main.engine, reachable: main.reachable, degraded: stores.is_degraded(), link }
    }

    /// In a word: `well`, or that games begin at this instance's own; none if they can't begin.
    pub(super) fn word(&self, well: &'static str) -> Option<&'static str> {
        match (self.reachable, self.degraded) {
            (true, _) => Some(well),
            (false, true) => Some("degraded"),
            (false, false) => None,
        }
    }
}

impl LinkOut {
    fn of(link: Link) -> Self {
        let breaker = match link.breaker {
            Breaker::Closed => "closed",
            Breaker::HalfOpen => "half-open",
            Breaker::Open => "open",
        };
        Self { breaker, since: date(link.since) }
    }
}
