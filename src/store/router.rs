//! Routes a session id to the store that holds the session.
//!
//! The stores of a server have different clocks, so each store comes with its clock ([`Keeper`]). The id
//! alone decides the store. A session never moves from one store to another.

use std::sync::Arc;

use super::clock::Clock;
use super::contract::{GameSessionStore, StoreStatus};
use super::error::StoreResult;
use crate::domain::{InstanceName, SessionId};

/// A store and the clock that its sessions' times are on.
#[derive(Clone)]
pub struct Keeper {
    /// The store that holds the sessions.
    pub store: Arc<dyn GameSessionStore>,
    /// The clock that gives the `Moment` for every call to this store.
    pub clock: Arc<dyn Clock>,
}

impl Keeper {
    async fn status(&self) -> StoreResult<StoreStatus> {
        self.store.status(self.clock.moment()).await
    }
}

/// This instance's local store, for games that begin while the shared store is unavailable.
#[derive(Clone)]
pub struct LocalFallback {
    /// The instance name that the ids of its sessions end with.
    pub instance: InstanceName,
    /// The local store and its clock.
    pub keeper: Keeper,
}

/// The session is in the local store of another instance, which has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherInstance(pub InstanceName);

/// The stores of a server, and the rule that says which of them holds a session.
pub struct StoreRouter {
    main: Keeper,
    is_shared: bool,
    own: Option<LocalFallback>,
}

impl StoreRouter {
    /// A single store that no other instance uses. It holds every session, whatever its id.
    pub fn only(keeper: Keeper) -> Self {
        Self { main: keeper, is_shared: false, own: None }
    }

    /// A store that several instances share, and optionally this instance's local store for the times when
    /// the shared store is unavailable.
    pub fn shared(keeper: Keeper, own: Option<LocalFallback>) -> Self {
        Self { main: keeper, is_shared: true, own }
    }

    /// Returns the store that holds the session with this id.
    ///
    /// # Errors
    /// [`OtherInstance`] if another instance holds it in its local store.
    pub fn of(&self, id: &SessionId) -> Result<&Keeper, OtherInstance> {
        match (id.instance(), &self.own) {
            (Some(home), Some(own)) if home == own.instance => Ok(&own.keeper),
            (Some(home), _) if self.is_shared => Err(OtherInstance(home)),
            _ => Ok(&self.main),
        }
    }

    /// The store in which new games begin.
    pub fn main(&self) -> &Keeper {
        &self.main
    }

    /// The local store in which new games begin while the main store is unavailable.
    pub fn own(&self) -> Option<&LocalFallback> {
        self.own.as_ref()
    }

    /// All stores of this server: the main store first, then the local one if there is one.
    pub fn keepers(&self) -> impl Iterator<Item = &Keeper> {
        [&self.main].into_iter().chain(self.own.iter().map(|own| &own.keeper))
    }

    /// The status of every store.
    ///
    /// # Errors
    /// The first error of a store's own `status`.
    pub async fn status(&self) -> StoreResult<StoresStatus> {
        let main = self.main.status().await?;
        let own = match &self.own {
            Some(own) => Some(own.keeper.status().await?),
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
                Some(own) => own.keeper.store.close().await,
                None => Ok(()),
            }
        };
        let (main, own) = tokio::join!(self.main.store.close(), own);
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

    fn keeper() -> Keeper {
        let clock = GameClock::start(Timestamp::from_millis(1), system_wall_clock());
        Keeper { store: Arc::new(MemoryStore::new(GameSession::apply, 1)), clock: Arc::new(clock) }
    }

    fn home(name: &str) -> InstanceName {
        name.parse().expect("it is a home")
    }

    fn own(name: &str) -> LocalFallback {
        LocalFallback { instance: home(name), keeper: keeper() }
    }

    /// Three ids: in the shared store, in the local store of instance `a`, and in that of instance `b`.
    fn ids() -> [SessionId; 3] {
        let id = SessionId::generate(1, &[0; 10]);
        [id.clone(), id.at_instance(&home("a")), id.at_instance(&home("b"))]
    }

    #[track_caller]
    fn is_at(homes: &StoreRouter, id: &SessionId, keeper: &Keeper) {
        let found = homes.of(id).expect("it is kept here");
        assert!(Arc::ptr_eq(&found.store, &keeper.store) && Arc::ptr_eq(&found.clock, &keeper.clock));
    }

    #[test]
    fn an_id_with_a_home_is_at_home_there_and_any_other_in_the_shared_store() {
        let (shared, own) = (keeper(), own("a"));
        let homes = StoreRouter::shared(shared.clone(), Some(own.clone()));
        let [plain, here, there] = ids();
        is_at(&homes, &plain, &shared);
        is_at(&homes, &here, &own.keeper);
        assert_eq!(homes.of(&there).err(), Some(OtherInstance(home("b"))));
        assert_eq!(homes.keepers().count(), 2);
    }

    #[test]
    fn without_an_own_store_every_home_is_elsewhere() {
        let shared = keeper();
        let homes = StoreRouter::shared(shared.clone(), None);
        let [plain, here, _] = ids();
        is_at(&homes, &plain, &shared);
        assert_eq!(homes.of(&here).err(), Some(OtherInstance(home("a"))));
        assert_eq!(homes.keepers().count(), 1);
    }

    #[test]
    fn a_store_that_is_the_only_one_keeps_whatever_there_is() {
        let only = keeper();
        let homes = StoreRouter::only(only.clone());
        ids().iter().for_each(|id| is_at(&homes, id, &only));
    }

    #[tokio::test]
    async fn all_are_closed() {
        let homes = StoreRouter::shared(keeper(), Some(own("a")));
        homes.close().await.expect("closed");
        for keeper in homes.keepers() {
            keeper.status().await.expect_err("it is closed");
        }
    }
}
