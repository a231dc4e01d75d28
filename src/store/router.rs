//! Where each session is at home. The stores of a server keep different clocks, so a session is
//! routed to its keeper by its id; no store stands over another, and no session ever moves.

use std::sync::Arc;

use super::clock::Clock;
use super::contract::{GameSessionStore, StoreStatus};
use super::error::StoreResult;
use crate::domain::{InstanceName, SessionId};

/// A store and the clock by which its sessions live.
#[derive(Clone)]
pub struct Keeper {
    /// The store.
    pub store: Arc<dyn GameSessionStore>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
}

impl Keeper {
    async fn status(&self) -> StoreResult<StoreStatus> {
        self.store.status(self.clock.moment()).await
    }
}

/// An instance's own store, for games that begin while the shared one is away.
#[derive(Clone)]
pub struct LocalFallback {
    /// What ids of its sessions end in.
    pub instance: InstanceName,
    /// Who keeps them.
    pub keeper: Keeper,
}

/// The session is at home on another instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherInstance(pub InstanceName);

/// The keepers of a server, and which of them keeps what.
pub struct StoreRouter {
    main: Keeper,
    is_shared: bool,
    own: Option<LocalFallback>,
}

impl StoreRouter {
    /// One store that no other instance has: whatever id there is, its session is there.
    pub fn only(keeper: Keeper) -> Self {
        Self { main: keeper, is_shared: false, own: None }
    }

    /// A store that several instances share, and this one's own for while that is away.
    pub fn shared(keeper: Keeper, own: Option<LocalFallback>) -> Self {
        Self { main: keeper, is_shared: true, own }
    }

    /// Who keeps the session of this id.
    ///
    /// # Errors
    /// [`Elsewhere`], if another instance does.
    pub fn of(&self, id: &SessionId) -> Result<&Keeper, OtherInstance> {
        match (id.instance(), &self.own) {
            (Some(home), Some(own)) if home == own.instance => Ok(&own.keeper),
            (Some(home), _) if self.is_shared => Err(OtherInstance(home)),
            _ => Ok(&self.main),
        }
    }

    /// Where new games begin.
    pub fn main(&self) -> &Keeper {
        &self.main
    }

    /// Where they begin while that is away.
    pub fn own(&self) -> Option<&LocalFallback> {
        self.own.as_ref()
    }

    /// All there are.
    pub fn keepers(&self) -> impl Iterator<Item = &Keeper> {
        [&self.main].into_iter().chain(self.own.iter().map(|own| &own.keeper))
    }

    /// How they are.
    ///
    /// # Errors
    /// The stores'.
    pub async fn status(&self) -> StoreResult<StoresStatus> {
        let main = self.main.status().await?;
        let own = match &self.own {
            Some(own) => Some(own.keeper.status().await?),
            None => None,
        };
        Ok(StoresStatus { main, own })
    }

    /// Closes each, whatever another says to it.
    ///
    /// # Errors
    /// The first that a store says.
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

/// How the stores of a server are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoresStatus {
    /// Where new games begin.
    pub main: StoreStatus,
    /// Where they begin while that is away.
    pub own: Option<StoreStatus>,
}

impl StoresStatus {
    /// Whether new games begin at this instance's own.
    pub fn is_degraded(&self) -> bool {
        self.main.trouble.is_some() && self.own.as_ref().is_some_and(|own| own.trouble.is_none())
    }

    /// Sessions that were met and could not be read, wherever.
    pub fn damaged(&self) -> u64 {
        self.all().map(|status| status.damaged).sum()
    }

    /// Sessions alive now, wherever.
    pub fn live_sessions(&self) -> u64 {
        self.all().map(|status| status.live_sessions).sum()
    }

    /// Sessions stored, wherever.
    pub fn records(&self) -> u64 {
        self.all().map(|status| status.records).sum()
    }

    /// Commits made by this process, wherever.
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

    /// The ids of one session in the shared store, at home `a` and at home `b`.
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
