//! The use cases of an operator: lists the sessions of all stores, finds one by its name, and ends it.
//!
//! The id of a solo game is its player's only credential. So an operator knows a session by the short hash of its
//! id, which the log shows too.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::activity::Activity;
use super::dates::Dates;
use super::error::GameError;
use super::hub::Hub;
use crate::domain::ids::{InvalidId, code_as_meant};
use crate::domain::{Game, GameSession, JoinCode, SessionId};
use crate::store::{Store, StoreError, StoreRouter};

/// Maximum sessions that one call of [`SessionAdmin::list`] reads, whatever it looks for.
const MOST_READ: usize = 1_000;
/// Number of ids that are scanned at once.
const STEP: usize = 200;
/// Number of ids that are scanned at once while a short hash is searched for.
const SEARCH_STEP: usize = 2_000;
/// Maximum hex digits of a hash by which a session is named.
const MOST_DIGITS: usize = 64;
/// Number of hex digits that tell apart sessions with the same short hash.
const LONG_HASH: usize = 16;
/// Maximum number of sessions that are named if a hash is ambiguous.
const MOST_NAMED: usize = 10;
/// Maximum number of remembered page ends.
const MOST_ENDS: usize = 256;

/// What kind of game a session has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A solo game, running or finished.
    Solo,
    /// A room.
    Room,
    /// The session can't be read.
    Damaged,
}

impl SessionKind {
    /// The kind in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Solo => "solo",
            Self::Room => "room",
            Self::Damaged => "damaged",
        }
    }
}

/// How an operator names a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionName {
    /// The whole id.
    Id(SessionId),
    /// The join code of a room.
    Code(JoinCode),
    /// The short hash of the id, or more digits of the hash, in lower case.
    Hash(String),
}

impl std::str::FromStr for SessionName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let hash = text.strip_prefix('#').unwrap_or(text).to_ascii_lowercase();
        let digits = SessionId::SHORT_HASH..=MOST_DIGITS;
        if digits.contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self::Hash(hash));
        }
        let code = || code_as_meant(text).parse().map(Self::Code);
        let nothing = InvalidId("must be the short hash of a session, a room's join code, or a whole session id");
        text.parse().map(Self::Id).or_else(|_| code()).map_err(|_| nothing)
    }
}

/// Why no session is meant by a name.
#[derive(Debug)]
pub enum NotFound {
    /// Two or more live sessions have this hash. These longer ones tell them apart.
    Ambiguous(Vec<String>),
    /// The page after which the list goes on is no longer known.
    UnknownPage,
    /// There is no such session, or the store fails.
    Game(GameError),
}

impl<E: Into<GameError>> From<E> for NotFound {
    fn from(error: E) -> Self {
        Self::Game(error.into())
    }
}

/// A session as an operator sees it.
#[derive(Debug)]
pub struct FoundSession {
    /// The id of the session.
    pub id: SessionId,
    /// The live session. `None` if it can't be read.
    pub session: Option<GameSession>,
    /// The time at which it was read.
    pub dates: Dates,
}

impl FoundSession {
    /// What kind of game it has.
    pub fn kind(&self) -> SessionKind {
        match self.session.as_ref().map(|session| &session.state.game) {
            None => SessionKind::Damaged,
            Some(Game::Room(_)) => SessionKind::Room,
            Some(Game::Solo(_) | Game::Finished(_)) => SessionKind::Solo,
        }
    }
}

/// A page of sessions.
#[derive(Debug)]
pub struct SessionPage {
    /// The sessions, oldest first in each store.
    pub sessions: Vec<FoundSession>,
    /// The short hash after which the list goes on. `None` at its end.
    pub next: Option<String>,
    /// True if a store is out of reach, so that its sessions are missing.
    pub is_incomplete: bool,
}

/// The use cases of an operator. All read many sessions from disk, so run them where a thread may wait.
pub struct SessionAdmin {
    router: Arc<StoreRouter>,
    hub: Arc<Hub>,
    /// Counts the rooms that end.
    activity: Arc<Activity>,
    /// The sessions at which pages have ended lately. Only these can be continued from: a hash alone does not tell
    /// the place of its id.
    ends: Mutex<VecDeque<SessionId>>,
}

impl SessionAdmin {
    /// The use cases over these stores.
    pub fn new(router: Arc<StoreRouter>, hub: Arc<Hub>, activity: Arc<Activity>) -> Self {
        Self { router, hub, activity, ends: Mutex::default() }
    }

    /// At most `limit` sessions of this kind, or of any, after the page that ended with `after`. A call reads at most
    /// 1,000 sessions, so a page can have fewer than `limit` although the list goes on.
    ///
    /// # Errors
    /// The page is no longer known, or no store can be read.
    pub async fn list(
        &self,
        kind: Option<SessionKind>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<SessionPage, NotFound> {
        let mut cursor = after.map(|hash| self.end(hash).ok_or(NotFound::UnknownPage)).transpose()?;
        let stores: Vec<_> = self.router.stores().collect();
        let first = cursor.as_ref().map(|id| self.router.of(id)).transpose()?;
        let first = first.map_or(0, |first| stores.iter().position(|store| Arc::ptr_eq(store, first)).unwrap_or(0));
        let mut walk = Walk { kind, limit, left: MOST_READ, sessions: Vec::new(), last: cursor.clone() };
        let (mut is_cut, mut failure) = (false, None);
        for store in &stores[first..] {
            match walk.through(store, cursor.take()).await {
                Ok(false) => {}
                Ok(true) => {
                    is_cut = true;
                    break;
                }
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if walk.sessions.is_empty() => Err(error.into()),
            _ => {
                let next = walk.last.filter(|_| is_cut).map(|end| self.remember(end));
                Ok(SessionPage { sessions: walk.sessions, next, is_incomplete: failure.is_some() })
            }
        }
    }

    /// The live session that has this name.
    ///
    /// # Errors
    /// There is none or more than one, it is on another instance, or the store fails.
    pub async fn look(&self, name: &SessionName) -> Result<FoundSession, NotFound> {
        let id = match name {
            SessionName::Id(id) => id.clone(),
            SessionName::Code(code) => {
                let store = self.router.main();
                store.find(code, store.clock().moment()).await?.ok_or(GameError::CodeUnknown)?
            }
            SessionName::Hash(hash) => self.search(hash).await?,
        };
        let store = self.router.of(&id)?;
        read(store, &id).await?.ok_or(NotFound::Game(GameError::SessionNotFound))
    }

    /// Deletes a session with its answers, names and results. The live connections of a room are closed: its players
    /// learn that the room is gone.
    ///
    /// # Errors
    /// The same as of [`look`](Self::look). A file does not delete a session that can't be read.
    pub async fn end_session(&self, name: &SessionName) -> Result<FoundSession, NotFound> {
        let found = self.look(name).await?;
        let was_there = self.router.of(&found.id)?.delete(&found.id).await?;
        // After the deletion: a client that reconnects at once must not find the room.
        self.hub.deleted(&found.id);
        if !was_there {
            return Err(GameError::SessionNotFound.into());
        }
        if let (SessionKind::Room, Some(session)) = (found.kind(), &found.session) {
            self.activity.room_deleted(session, found.dates.at);
        }
        tracing::info!(session = found.id.short_hash(), kind = found.kind().word(), "an operator has ended a session");
        Ok(found)
    }

    /// The one session that has this hash. Only if there are several it matters which of them are live.
    async fn search(&self, hash: &str) -> Result<SessionId, NotFound> {
        let mut found = Vec::new();
        for store in self.router.stores() {
            let mut cursor = None;
            loop {
                let ids = store.scan(cursor.as_ref(), SEARCH_STEP).await?;
                found.extend(ids.iter().filter(|id| id.full_hash().starts_with(hash)).map(|id| (store, id.clone())));
                cursor = ids.into_iter().last();
                if cursor.is_none() {
                    break;
                }
            }
        }
        if found.len() > 1 {
            found.truncate(MOST_NAMED);
            let mut live = Vec::new();
            for (store, id) in found {
                if read(store, &id).await?.is_some() {
                    live.push((store, id));
                }
            }
            found = live;
        }
        match &found[..] {
            [] => Err(NotFound::Game(GameError::SessionNotFound)),
            [(_, id)] => Ok(id.clone()),
            several => {
                Err(NotFound::Ambiguous(several.iter().map(|(_, id)| id.full_hash()[..LONG_HASH].to_owned()).collect()))
            }
        }
    }

    fn end(&self, hash: &str) -> Option<SessionId> {
        self.ends.lock().iter().rev().find(|id| id.short_hash() == hash).cloned()
    }

    fn remember(&self, end: SessionId) -> String {
        let hash = end.short_hash();
        let mut ends = self.ends.lock();
        ends.retain(|known| *known != end);
        if ends.len() == MOST_ENDS {
            ends.pop_front();
        }
        ends.push_back(end);
        hash
    }
}

/// A walk through the stores that fills one page.
struct Walk {
    kind: Option<SessionKind>,
    limit: usize,
    /// How many sessions may still be read.
    left: usize,
    sessions: Vec<FoundSession>,
    /// The session that was read last.
    last: Option<SessionId>,
}

impl Walk {
    fn is_full(&self) -> bool {
        self.sessions.len() == self.limit || self.left == 0
    }

    /// Reads the sessions of one store after `cursor`. Returns true if the page is full before the store's end.
    async fn through(&mut self, store: &Store, mut cursor: Option<SessionId>) -> Result<bool, StoreError> {
        loop {
            let ids = store.scan(cursor.as_ref(), STEP).await?;
            if ids.is_empty() {
                return Ok(false);
            }
            for id in ids {
                if self.is_full() {
                    return Ok(true);
                }
                self.left -= 1;
                let found = read(store, &id).await?;
                self.sessions.extend(found.filter(|found| self.kind.is_none_or(|kind| found.kind() == kind)));
                self.last = Some(id.clone());
                cursor = Some(id);
            }
        }
    }
}

/// Reads a session. `None` if it is dead, or gone.
async fn read(store: &Store, id: &SessionId) -> Result<Option<FoundSession>, StoreError> {
    let dates = Dates::shown_by(store.clock());
    let session = match store.get(id, dates.at).await {
        Ok(None) => return Ok(None),
        Ok(session) => session,
        Err(StoreError::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(Some(FoundSession { id: id.clone(), session, dates }))
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::domain::{Lifetimes, Millis, Timestamp};
    use crate::store::clock::system_wall_clock;
    use crate::store::memory::MemoryStore;
    use crate::store::{GameClock, LocalFallback, NewSession};

    const LONG: Millis = Millis(3_600_000);
    const LIFETIMES: Lifetimes = Lifetimes { ttl: LONG, max_age: LONG, results_ttl: LONG };

    /// Numbers of two ids with the same short hash, found by trying.
    const TWINS: [u64; 2] = [12_812, 45_462];

    fn store() -> Store {
        let clock = GameClock::start(Timestamp::from_millis(1), system_wall_clock());
        Arc::new(MemoryStore::new(GameSession::apply, 1, Arc::new(clock)))
    }

    fn id(n: u64) -> SessionId {
        let mut chance = [0; 10];
        chance[2..].copy_from_slice(&n.to_be_bytes());
        SessionId::generate(1, &chance)
    }

    async fn fill(store: &Store, ids: impl IntoIterator<Item = SessionId>) {
        for id in ids {
            let at = store.clock().moment();
            let session = GameSession::external(id, 1, None, [], LIFETIMES, at.now);
            store.create(NewSession(session), at).await.expect("created");
        }
    }

    /// An operator's use cases over a shared store with `main` sessions, and an own one with `own` sessions.
    async fn admin(main: u64, own: u64) -> SessionAdmin {
        let instance: crate::domain::InstanceName = "a".parse().expect("a name");
        let fallback = LocalFallback { instance: instance.clone(), store: store() };
        let shared = store();
        fill(&shared, (0..main).map(id)).await;
        fill(&fallback.store, (0..own).map(|n| id(n).at_instance(&instance))).await;
        let router = Arc::new(StoreRouter::shared(shared, Some(fallback)));
        SessionAdmin::new(router, Hub::new(CancellationToken::new(), None, Arc::default()), Arc::default())
    }

    /// The numbers of sessions on each page.
    async fn pages(admin: &SessionAdmin, kind: Option<SessionKind>, limit: usize) -> Vec<usize> {
        let (mut sizes, mut after) = (Vec::new(), None);
        loop {
            let page = admin.list(kind, after.as_deref(), limit).await.expect("listed");
            sizes.push(page.sessions.len());
            match page.next {
                Some(next) => after = Some(next),
                None => return sizes,
            }
        }
    }

    #[tokio::test]
    async fn pages_go_on_from_one_store_to_the_next() {
        assert_eq!(pages(&admin(3, 2).await, None, 2).await, [2, 2, 1]);
        // The first store ends where a page does.
        assert_eq!(pages(&admin(2, 2).await, None, 2).await, [2, 2]);
        assert_eq!(pages(&admin(4, 0).await, None, 2).await, [2, 2]);
        assert_eq!(pages(&admin(0, 0).await, None, 2).await, [0]);
    }

    #[tokio::test]
    async fn a_call_reads_a_bounded_number_of_sessions() {
        let admin = admin(2 * MOST_READ as u64, 1).await;
        assert_eq!(pages(&admin, Some(SessionKind::Solo), 10).await, [0, 0, 0], "no session is of this kind");
        assert_eq!(pages(&admin, Some(SessionKind::Room), 5_000).await, [MOST_READ, MOST_READ, 1]);
    }

    #[tokio::test]
    async fn a_page_that_is_forgotten_is_not_continued() {
        let admin = admin(MOST_ENDS as u64 + 9, 0).await;
        let first = admin.list(None, None, 1).await.expect("listed").next.expect("there are more");
        assert_eq!(pages(&admin, None, 1).await.len(), MOST_ENDS + 9);
        assert!(matches!(admin.list(None, Some(&first), 1).await, Err(NotFound::UnknownPage)));
    }

    #[tokio::test]
    async fn a_session_of_either_store_is_found_and_ended_once() {
        let admin = admin(3, 3).await;
        for session in [id(1), id(1).at_instance(&"a".parse().expect("a name"))] {
            let name: SessionName = format!("#{}", session.short_hash()).parse().expect("a name");
            assert_eq!(admin.look(&name).await.expect("found").id, session);
            admin.end_session(&name).await.expect("ended");
            let again = admin.end_session(&name).await;
            assert!(matches!(again, Err(NotFound::Game(GameError::SessionNotFound))), "{again:?}");
        }
        assert_eq!(pages(&admin, None, 9).await, [4]);
        let elsewhere = SessionName::Id(id(1).at_instance(&"b".parse().expect("a name")));
        assert!(matches!(admin.look(&elsewhere).await, Err(NotFound::Game(GameError::OtherInstance(_)))));
    }

    #[tokio::test]
    async fn sessions_with_the_same_short_hash_are_told_apart_by_a_longer_one() {
        let admin = admin(0, 0).await;
        let (one, other) = (id(TWINS[0]), id(TWINS[1]));
        assert_eq!(one.short_hash(), other.short_hash());
        let store = admin.router.main();
        fill(store, [one.clone(), other.clone()]).await;
        let short: SessionName = one.short_hash().parse().expect("a name");
        let Err(NotFound::Ambiguous(longer)) = admin.end_session(&short).await else { panic!("nothing is ended") };
        assert_eq!(longer.len(), 2);
        for (hash, session) in longer.iter().zip([&one, &other]) {
            let name: SessionName = hash.parse().expect("a name");
            assert_eq!(admin.look(&name).await.expect("found").id, *session);
        }
        admin.end_session(&longer[0].parse().expect("a name")).await.expect("ended");
        assert_eq!(admin.look(&short).await.expect("the other one is alone now").id, other);
    }

    #[test]
    fn names_are_told_apart() {
        assert!(matches!("1A2b3c4D".parse(), Ok(SessionName::Hash(hash)) if hash == "1a2b3c4d"));
        assert!(matches!("abc-234".parse(), Ok(SessionName::Code(code)) if code.as_str() == "ABC234"));
        assert!(matches!(id(1).to_string().parse(), Ok(SessionName::Id(found)) if found == id(1)));
        assert!(matches!("#1A2b3c4D5".parse(), Ok(SessionName::Hash(hash)) if hash == "1a2b3c4d5"));
        assert!(matches!("a".repeat(64).parse(), Ok(SessionName::Hash(_))));
        for wrong in ["", "#", "1a2b3c4", "1a2b3c4g", "1a2b3c4d5g", &"a".repeat(65), "../../x"] {
            assert!(wrong.parse::<SessionName>().is_err(), "{wrong}");
        }
    }
}
