//! Routes a session id to the store that holds the session.
//!
//! The id alone decides the store. A session never moves from one store to another, since each store has a
//! clock of its own.

use std::sync::Arc;

use super::contract::{Store, StoreStatus};
use super::error::StoreResult;
use super::metered::MeteredStore;
use crate::domain::{InstanceName, SessionId};
use crate::metrics::Metrics;

/// The name of the main store among metrics.
const MAIN: &str = "main";
/// The name of the local store among metrics.
const FALLBACK: &str = "fallback";

/// This instance's local store, for games that begin while the shared store is unavailable.
#[derive(Clone)]
pub struct LocalFallback {
    /// The instance name that the ids of its sessions end with.
    pub instance: InstanceName,
    /// The local store.
    pub store: Store,
}

/// The session is in the local store of another instance, which has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherInstance(pub InstanceName);

/// The stores of a server, and the rule that says which of them holds a session.
pub struct StoreRouter {
    main: Store,
    is_shared: bool,
    own: Option<LocalFallback>,
}

impl StoreRouter {
    /// A single store that no other instance uses. It holds every session, whatever its id.
    pub fn only(store: Store) -> Self {
        Self { main: store, is_shared: false, own: None }
    }

    /// A store that several instances share, and optionally this instance's local store for the times when
    /// the shared store is unavailable.
    pub fn shared(store: Store, own: Option<LocalFallback>) -> Self {
        Self { main: store, is_shared: true, own }
    }

    /// The same stores, with their calls measured.
    ///
    /// # Errors
    /// The first error of a store's own `status`, which tells its engine.
    pub async fn metered(self, metrics: &Metrics) -> StoreResult<Self> {
        let StoresStatus { main: main_status, own: own_status } = self.status().await?;
        let over = |store: Store, engine: &'static str, name: &'static str| -> Store {
            Arc::new(MeteredStore::over(store, metrics.store(engine, name)))
        };
        let own = self.own.zip(own_status).map(|(LocalFallback { instance, store }, status)| {
            let store = over(store, status.engine, FALLBACK);
            LocalFallback { instance, store }
        });
        Ok(Self { main: over(self.main, main_status.engine, MAIN), is_shared: self.is_shared, own })
    }

    /// All stores of this server with their names: `main`, and `fallback` if there is one.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Store)> {
        [(MAIN, &self.main)].into_iter().chain(self.own.iter().map(|own| (FALLBACK, &own.store)))
    }

    /// Returns the store that holds the session with this id.
    ///
    /// # Errors
    /// [`OtherInstance`] if another instance holds it in its local store.
    pub fn of(&self, id: &SessionId) -> Result<&Store, OtherInstance> {
        match (id.instance(), &self.own) {
            (Some(home), Some(own)) if home == own.instance => Ok(&own.store),
            (Some(home), _) if self.is_shared => Err(OtherInstance(home)),
            _ => Ok(&self.main),
        }
    }

    /// The store in which new games begin.
    pub fn main(&self) -> &Store {
        &self.main
    }

    /// The local store in which new games begin while the main store is unavailable.
    pub fn own(&self) -> Option<&LocalFallback> {
        self.own.as_ref()
    }

    /// All stores of this server: the main store first, then the local one if there is one.
    pub fn stores(&self) -> impl Iterator<Item = &Store> {
        [&self.main].into_iter().chain(self.own.iter().map(|own| &own.store))
    }

    /// The status of every store.
    ///
    /// # Errors
    /// The first error of a store's own `status`.
    pub async fn status(&self) -> StoreResult<StoresStatus> {
        let main = self.main.status(self.main.clock().moment()).await?;
        let own = match &self.own {
            Some(own) => Some(own.store.status(own.store.clock().moment()).await?),
            None => None,
        };
        Ok(StoresStatus { main, own })
    }

    /// Closes all stores. A store that fails to close doesn't keep the others open.
    ///
    /// # Errors
    /// The main store's error, or else the local store's.
    pub async fn close(&self) -> StoreResult<()> {
        let own = async {
            match &self.own {
                Some(own) => own.store.close().await,
                None => Ok(()),
            }
        };
        let (main, own) = tokio::join!(self.main.close(), own);
        main.and(own)
    }
}

/// The status of a server's stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoresStatus {
    /// Status of the main store.
    pub main: StoreStatus,
    /// Status of the local store, or `None` if this instance has none.
    pub own: Option<StoreStatus>,
}

impl StoresStatus {
    /// True if new games begin in the local store because the main store refuses them.
    pub fn is_degraded(&self) -> bool {
        self.main.trouble.is_some() && self.own.as_ref().is_some_and(|own| own.trouble.is_none())
    }

    /// Number of sessions found unreadable, in all stores.
    pub fn damaged(&self) -> u64 {
        self.all().map(|status| status.damaged).sum()
    }

    /// Number of sessions alive now, in all stores.
    pub fn live_sessions(&self) -> u64 {
        self.all().map(|status| status.live_sessions).sum()
    }

    /// Number of sessions stored, in all stores, including dead ones.
    pub fn records(&self) -> u64 {
        self.all().map(|status| status.records).sum()
    }

    /// Number of commits that this process made, in all stores.
    pub fn commits(&self) -> u64 {
        self.all().map(|status| status.commits).sum()
    }

    fn all(&self) -> impl Iterator<Item = &StoreStatus> {
        [&self.main].into_iter().chain(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GameSession, Timestamp};
    use crate::store::GameClock;
    use crate::store::clock::system_wall_clock;
    use crate::store::memory::MemoryStore;

    fn store() -> Store {
        let clock = GameClock::start(Timestamp::from_millis(1), system_wall_clock());
        Arc::new(MemoryStore::new(GameSession::apply, 1, Arc::new(clock)))
    }

    fn instance(name: &str) -> InstanceName {
        name.parse().expect("it is a name")
    }

    fn own(name: &str) -> LocalFallback {
        LocalFallback { instance: instance(name), store: store() }
    }

    /// Three ids: in the shared store, in the local store of instance `a`, and in that of instance `b`.
    fn ids() -> [SessionId; 3] {
        let id = SessionId::generate(1, &[0; 10]);
        [id.clone(), id.at_instance(&instance("a")), id.at_instance(&instance("b"))]
    }

    #[track_caller]
    fn is_at(router: &StoreRouter, id: &SessionId, store: &Store) {
        assert!(Arc::ptr_eq(router.of(id).expect("it is kept here"), store));
    }

    #[test]
    fn an_id_with_a_home_is_at_home_there_and_any_other_in_the_shared_store() {
        let (shared, own) = (store(), own("a"));
        let router = StoreRouter::shared(shared.clone(), Some(own.clone()));
        let [plain, here, there] = ids();
        is_at(&router, &plain, &shared);
        is_at(&router, &here, &own.store);
        assert_eq!(router.of(&there).err(), Some(OtherInstance(instance("b"))));
        assert_eq!(router.stores().count(), 2);
    }

    #[test]
    fn without_an_own_store_every_home_is_elsewhere() {
        let shared = store();
        let router = StoreRouter::shared(shared.clone(), None);
        let [plain, here, _] = ids();
        is_at(&router, &plain, &shared);
        assert_eq!(router.of(&here).err(), Some(OtherInstance(instance("a"))));
        assert_eq!(router.stores().count(), 1);
    }

    #[test]
    fn a_store_that_is_the_only_one_keeps_whatever_there_is() {
        let only = store();
        let router = StoreRouter::only(only.clone());
        ids().iter().for_each(|id| is_at(&router, id, &only));
    }

    #[tokio::test]
    async fn all_are_closed() {
        let router = StoreRouter::shared(store(), Some(own("a")));
        router.close().await.expect("closed");
        for store in router.stores() {
            store.status(store.clock().moment()).await.expect_err("it is closed");
        }
    }
}
