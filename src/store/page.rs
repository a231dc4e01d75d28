//! The limit on how much of an event log one read returns.

use super::contract::PAGE_BYTES;
use crate::domain::Event;

/// The number of events and bytes that a read may still return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    events: usize,
    bytes: usize,
    is_first: bool,
}

impl Budget {
    /// A budget for one page: at most `limit` events and [`PAGE_BYTES`] bytes.
    pub(crate) fn page(limit: usize) -> Self {
        Self { events: limit, bytes: PAGE_BYTES, is_first: true }
    }

    /// A budget without limits, for reading a whole log.
    pub(crate) fn all() -> Self {
        Self { events: usize::MAX, bytes: usize::MAX, is_first: true }
    }

    /// Returns whether the next event still fits, and charges it. The first event always fits, whatever its
    /// size, unless the event limit is 0.
    pub(crate) fn takes(&mut self, event: &Event) -> bool {
        let weight = event.weight();
        if self.is_spent() {
            return false;
        }
        if weight > self.bytes && !self.is_first {
            // End the page here: a smaller event after this one must not be taken, or the page would have a
            // gap.
            self.bytes = 0;
            return false;
        }
        self.events -= 1;
        self.bytes = self.bytes.saturating_sub(weight);
        self.is_first = false;
        true
    }

    /// True if no further event fits.
    pub(crate) fn is_spent(&self) -> bool {
        self.events == 0 || self.bytes == 0
    }

    /// Number of events that still fit.
    pub(crate) fn events(&self) -> usize {
        self.events
    }

    /// Number of bytes that still fit.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Sequence, WallTime};

    fn taken(mut budget: Budget, weights: &[usize]) -> usize {
        let event = |weight: &usize| Event {
            sequence: Sequence(1),
            at: WallTime(0),
            kind: String::new(),
            payload: "x".repeat(*weight),
            to: None,
        };
        weights.iter().take_while(|weight| budget.takes(&event(weight))).count()
    }

    #[test]
    fn a_page_ends_by_count_or_by_bytes_and_has_one_event_at_least() {
        assert_eq!(taken(Budget::page(0), &[1, 1]), 0);
        assert_eq!(taken(Budget::page(2), &[1, 1, 1]), 2);
        assert_eq!(taken(Budget::page(9), &[PAGE_BYTES - 1, 1, 1]), 2);
        assert_eq!(taken(Budget::page(9), &[PAGE_BYTES - 1, 2, 1]), 1);
        assert_eq!(taken(Budget::page(9), &[2 * PAGE_BYTES, 1]), 1);
        assert_eq!(taken(Budget::all(), &[2 * PAGE_BYTES, 1, PAGE_BYTES]), 3);
    }
}
