//! Counts what is in use at a time, in all and per address: connections, and the bytes of request bodies that
//! are being read or answered. What a [`Place`] has taken is returned when it is dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::address::ClientAddress;
use super::limit::{Limit, Refused};

/// The wait before the next try that a refused client is told.
const RETRY: Duration = Duration::from_secs(5);

/// The limits and what is taken of them, in connections or in bytes.
#[derive(Debug)]
pub(super) struct Places {
    most: u64,
    most_per_address: u64,
    /// The limits that refusals name: in all, and per address.
    limits: (Limit, Limit),
    taken: Mutex<TakenPlaces>,
}

#[derive(Debug, Default)]
struct TakenPlaces {
    in_all: u64,
    by_address: HashMap<ClientAddress, u64>,
}

impl Places {
    /// At most `most` in all and `most_per_address` for each address, each with the limit that its refusals name.
    pub(super) fn new(most: (u64, Limit), most_per_address: (u64, Limit)) -> Arc<Self> {
        let limits = (most.1, most_per_address.1);
        Arc::new(Self { most: most.0, most_per_address: most_per_address.0, limits, taken: Mutex::default() })
    }

    /// Takes `count` from the address's share, if an address is given, and from the whole, if `counts_in_all`.
    pub(super) fn take(
        self: &Arc<Self>,
        count: u64,
        address: Option<ClientAddress>,
        counts_in_all: bool,
    ) -> Result<Place, Refused> {
        let mut taken = self.taken.lock();
        if counts_in_all && taken.in_all.saturating_add(count) > self.most {
            return Err((self.limits.0, RETRY));
        }
        if let Some(address) = address {
            let own = taken.by_address.get(&address).copied().unwrap_or_default();
            if own.saturating_add(count) > self.most_per_address {
                return Err((self.limits.1, RETRY));
            }
            taken.by_address.insert(address, own + count);
        }
        let in_all = if counts_in_all { count } else { 0 };
        taken.in_all += in_all;
        Ok(Place(Some(HeldPlace { places: self.clone(), address, count, in_all })))
    }

    fn give_back(&self, held: &HeldPlace) {
        let mut taken = self.taken.lock();
        taken.in_all -= held.in_all;
        if let Some(address) = held.address
            && let Some(own) = taken.by_address.get_mut(&address)
        {
            *own -= held.count;
            if *own == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

/// What one connection or body has taken. Dropping it gives that back.
#[derive(Debug)]
pub(in crate::http) struct Place(Option<HeldPlace>);

#[derive(Debug)]
struct HeldPlace {
    places: Arc<Places>,
    address: Option<ClientAddress>,
    count: u64,
    in_all: u64,
}

impl Place {
    /// A place that takes nothing, for when limits are off.
    pub(super) fn uncounted() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            held.places.give_back(&held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most: u64, most_per_address: u64) -> Arc<Places> {
        Places::new((most, Limit::Connections), (most_per_address, Limit::ConnectionsPerAddress))
    }

    fn address(n: u8) -> Option<ClientAddress> {
        Some(std::net::IpAddr::from([10, 0, 0, n]).into())
    }

    fn limit<T>(taken: Result<T, Refused>) -> Option<Limit> {
        taken.err().map(|(limit, _)| limit)
    }

    #[test]
    fn an_address_has_its_places_and_all_have_theirs() {
        let all = places(3, 2);
        let held: Vec<_> = [1, 1].map(|n| all.take(1, address(n), true)).into_iter().collect();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(limit(all.take(1, address(1), true)), Some(Limit::ConnectionsPerAddress));
        let other = all.take(1, address(2), true);
        assert_eq!(limit(all.take(1, address(3), true)), Some(Limit::Connections));
        // A request through a proxy doesn't count in all: the proxy's connection already does.
        assert!(all.take(1, address(3), false).is_ok());
        drop((held, other));
        let taken = all.taken.lock();
        assert_eq!((taken.in_all, taken.by_address.len()), (0, 0));
    }

    #[test]
    fn what_is_large_takes_more() {
        let bytes = places(100, 60);
        let first = bytes.take(50, address(1), true);
        assert_eq!(limit(bytes.take(11, address(1), true)), Some(Limit::ConnectionsPerAddress));
        assert_eq!(limit(bytes.take(51, address(2), true)), Some(Limit::Connections));
        assert!(bytes.take(10, address(1), true).is_ok());
        drop(first);
        assert!(bytes.take(60, address(1), true).is_ok());
    }
}
