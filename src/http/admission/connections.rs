//! Places for connections, in all and by address.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::address::ClientAddress;
use super::limit::Limit;
use super::settings::LimitSettings;

/// Files that are left for the store, the log and the like.
const OTHER_FILES: u64 = 128;
/// When it is worth coming again.
const RETRY: Duration = Duration::from_secs(5);

/// How many connections there are.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_address: u32,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<ClientAddress, u32>,
}

impl Connections {
    pub(super) fn new(settings: &LimitSettings, most_files: Option<u64>) -> Arc<Self> {
        let wanted = settings.max_connections.get() as usize;
        let possible = most_files.map_or(wanted, |files| files.saturating_sub(OTHER_FILES).max(1) as usize);
        if settings.is_on() && possible < wanted {
            tracing::warn!(possible, "REJOIN_MAX_CONNECTIONS ({wanted}) is more than the limit of open files allows");
        }
        let most_per_address = settings.max_connections_per_address.get();
        Arc::new(Self { most: wanted.min(possible), most_per_address, taken: Mutex::default() })
    }

    /// A place for a connection: one of an address's, if it is known whose it is, and one of all, if it
    /// is a connection to this server itself.
    pub(super) fn enter(
        self: &Arc<Self>,
        address: Option<ClientAddress>,
        counts_in_all: bool,
    ) -> Result<Place, (Limit, Duration)> {
        let mut taken = self.taken.lock();
        if counts_in_all && taken.in_all >= self.most {
            return Err((Limit::Connections, RETRY));
        }
        if let Some(address) = address {
            let count = taken.by_address.entry(address).or_default();
            if *count >= self.most_per_address {
                return Err((Limit::ConnectionsPerAddress, RETRY));
            }
            *count += 1;
        }
        taken.in_all += usize::from(counts_in_all);
        Ok(Place(Some((self.clone(), address, counts_in_all))))
    }

    fn leave(&self, address: Option<ClientAddress>, counted_in_all: bool) {
        let mut taken = self.taken.lock();
        taken.in_all -= usize::from(counted_in_all);
        if let Some(address) = address
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

/// A connection's place; free again once it is dropped.
#[derive(Debug)]
pub(in crate::http) struct Place(Option<(Arc<Connections>, Option<ClientAddress>, bool)>);

impl Place {
    /// One that nobody counts.
    pub(super) fn uncounted() -> Self {
        Self(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((connections, address, counted_in_all)) = self.0.take() {
            connections.leave(address, counted_in_all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: usize, most_per_address: u32) -> Arc<Connections> {
        Arc::new(Connections { most, most_per_address, taken: Mutex::default() })
    }

    fn address(n: u8) -> Option<ClientAddress> {
        Some(std::net::IpAddr::from([10, 0, 0, n]).into())
    }

    fn limit<T>(entered: Result<T, (Limit, Duration)>) -> Option<Limit> {
        entered.err().map(|(limit, _)| limit)
    }

    #[test]
    fn an_address_has_its_places_and_all_have_theirs() {
        let all = connections(3, 2);
        let places: Vec<_> = [1, 1].map(|n| all.enter(address(n), true)).into_iter().collect();
        assert!(places.iter().all(Result::is_ok));
        assert_eq!(limit(all.enter(address(1), true)), Some(Limit::ConnectionsPerAddress));
        let other = all.enter(address(2), true);
        assert_eq!(limit(all.enter(address(3), true)), Some(Limit::Connections));
        // What came through a proxy has its connection already.
        assert!(all.enter(address(3), false).is_ok());
        drop((places, other));
        let taken = all.taken.lock();
        assert_eq!((taken.in_all, taken.by_address.len()), (0, 0));
    }
}
