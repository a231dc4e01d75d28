//! Limits how many games and rooms live at once, in all and per creator. The total follows the stores' own
//! count. Which creator has which sessions is kept in this process only, so it starts empty after a restart.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::address::ClientAddress;
use super::limit::{Limit, Refused};
use super::settings::LimitSettings;
use crate::domain::{Owner, SessionId};
use crate::store::StoreRouter;

/// How long after its creation, or after the last check, a session is checked for being alive.
const LOOK_AFTER: Duration = Duration::from_secs(120);
/// Maximum sessions checked by one call of [`Sessions::tidy`], which runs once a second.
const LOOKS: usize = 256;
/// The wait before the next try that a refused client is told.
const RETRY: Duration = Duration::from_secs(30);

/// Whose limits a new game or room counts against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::http) enum Creator {
    /// A client without an API key, by its address.
    Address(ClientAddress),
    /// The holder of the API key of this name.
    Key(Owner),
}

impl Creator {
    /// A text that is different for each creator, for logs and idempotency keys.
    pub(in crate::http) fn name(&self) -> String {
        match self {
            Self::Address(address) => format!("address {address}"),
            Self::Key(name) => format!("key {name}"),
        }
    }
}

/// Counts the live sessions of a server.
pub(super) struct Sessions {
    most: u64,
    most_per_address: usize,
    most_per_key: usize,
    known: Mutex<SessionCounts>,
}

#[derive(Default)]
struct SessionCounts {
    /// Live sessions by the last count of the stores, plus those opened since.
    live: u64,
    /// Sessions that are being opened, and may already be in the stores.
    opening: u64,
    /// Sessions opened since the start of the process.
    opened: u64,
    /// Live sessions and those being opened, by creator.
    by_opener: HashMap<Creator, usize>,
    /// When to check which session, oldest first.
    looks: VecDeque<(Instant, SessionId, Creator)>,
}

impl SessionCounts {
    /// Takes one session off this creator's count.
    fn forget(&mut self, opener: &Creator) {
        if let Some(count) = self.by_opener.get_mut(opener) {
            *count -= 1;
            if *count == 0 {
                self.by_opener.remove(opener);
            }
        }
    }
}

impl Sessions {
    pub(super) fn new(settings: &LimitSettings) -> Arc<Self> {
        Arc::new(Self {
            most: settings.max_sessions.get().into(),
            most_per_address: settings.max_sessions_per_address.get() as usize,
            most_per_key: settings.max_sessions_per_key.get() as usize,
            known: Mutex::default(),
        })
    }

    /// Reserves a place for a new session, or refuses. The last tenth of all places is for API keys.
    pub(super) fn open(self: &Arc<Self>, opener: &Creator) -> Result<OpeningPlace, Refused> {
        let is_key = matches!(opener, Creator::Key(_));
        let most = if is_key { self.most } else { self.most - self.most / 10 };
        let mut known = self.known.lock();
        if known.live + known.opening >= most {
            return Err((Limit::Sessions, RETRY));
        }
        let (most, limit) = match opener {
            Creator::Address(_) => (self.most_per_address, Limit::SessionsPerAddress),
            Creator::Key(_) => (self.most_per_key, Limit::SessionsPerKey),
        };
        let own = known.by_opener.get(opener).copied().unwrap_or_default();
        if own >= most {
            return Err((limit, RETRY));
        }
        known.opening += 1;
        known.by_opener.insert(opener.clone(), own + 1);
        Ok(OpeningPlace(Some((self.clone(), opener.clone()))))
    }

    /// Sessions opened since the start of the process.
    pub(super) fn opened(&self) -> u64 {
        self.known.lock().opened
    }

    /// Takes over the stores' count of live sessions. `opened_before` is [`opened`](Self::opened) as it was before
    /// the count began. Sessions opened since then, and sessions being opened, may or may not be in `counted`. So
    /// the true number is only known to lie in a range, and our own count is moved no further than into it.
    pub(super) fn note_live(&self, counted: u64, opened_before: u64) {
        let mut known = self.known.lock();
        // Those being opened will be added by `done`: at worst all of them are in the count already.
        let least = counted.saturating_sub(known.opening);
        // At worst none of those opened since is in the count.
        let most = counted + (known.opened - opened_before);
        known.live = known.live.clamp(least, most);
    }

    /// Checks the sessions that are due, and takes the dead ones off their creators' counts.
    pub(super) async fn tidy(&self, router: &StoreRouter) {
        for _ in 0..LOOKS {
            let Some((_, id, opener)) = self.due() else { return };
            let lives = match router.of(&id) {
                // On an error the session counts as alive, and is checked again later.
                Ok(store) => store.get(&id, store.clock().moment()).await.map_or(true, |session| session.is_some()),
                Err(_) => false,
            };
            let mut known = self.known.lock();
            if lives {
                known.looks.push_back((Instant::now() + LOOK_AFTER, id, opener));
            } else {
                known.forget(&opener);
            }
        }
    }

    /// Takes the next session to check off the queue, if its time has come.
    fn due(&self) -> Option<(Instant, SessionId, Creator)> {
        let now = Instant::now();
        self.known.lock().looks.pop_front_if(|(when, ..)| *when <= now)
    }
}

/// The place of a game or room that is being opened. Dropped without [`done`](Self::done), it is free again.
pub(in crate::http) struct OpeningPlace(Option<(Arc<Sessions>, Creator)>);

impl OpeningPlace {
    /// A place that counts nothing, for when limits are off.
    pub(super) fn uncounted() -> Self {
        Self(None)
    }

    /// The session was opened.
    pub(in crate::http) fn done(mut self, id: &SessionId) {
        if let Some((sessions, opener)) = self.0.take() {
            let mut known = sessions.known.lock();
            known.opening -= 1;
            known.live += 1;
            known.opened += 1;
            known.looks.push_back((Instant::now() + LOOK_AFTER, id.clone(), opener));
        }
    }
}

impl Drop for OpeningPlace {
    fn drop(&mut self) {
        if let Some((sessions, opener)) = self.0.take() {
            let mut known = sessions.known.lock();
            known.opening -= 1;
            known.forget(&opener);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        limits: LimitSettings,
    }

    fn sessions(most: &str) -> Arc<Sessions> {
        Sessions::new(&Args::parse_from(["rejoin", "--max-sessions", most]).limits)
    }

    fn key() -> Creator {
        Creator::Key("k".parse().expect("a name"))
    }

    fn place(sessions: &Arc<Sessions>) -> OpeningPlace {
        sessions.open(&key()).unwrap_or_else(|_| panic!("there is room"))
    }

    fn opened(sessions: &Arc<Sessions>) -> bool {
        let opening = sessions.open(&key());
        opening.map(|opening| opening.done(&SessionId::first())).is_ok()
    }

    #[test]
    fn whoever_is_opened_during_a_count_counts_once() {
        // Opened before the count was read, and noted after it began.
        let all = sessions("3");
        let before = all.opened();
        assert!(opened(&all));
        all.note_live(1, before);
        assert!(opened(&all) && opened(&all) && !opened(&all));
        // Stored before the count was read, and noted after it was.
        let all = sessions("3");
        let opening = place(&all);
        all.note_live(1, all.opened());
        opening.done(&SessionId::first());
        assert!(opened(&all) && opened(&all) && !opened(&all));
        // The count has neither of the two.
        let all = sessions("3");
        let (before, opening) = (all.opened(), place(&all));
        assert!(opened(&all));
        all.note_live(0, before);
        opening.done(&SessionId::first());
        assert!(opened(&all) && !opened(&all));
    }

    #[test]
    fn the_stores_say_who_died_and_who_came_from_elsewhere() {
        let all = sessions("3");
        all.note_live(3, all.opened());
        assert!(!opened(&all));
        all.note_live(1, all.opened());
        assert!(opened(&all) && opened(&all) && !opened(&all));
    }

    #[test]
    fn whoever_is_being_opened_has_a_place_until_it_fails() {
        let all = sessions("1");
        let opening = all.open(&key());
        assert!(opening.is_ok() && !opened(&all));
        drop(opening);
        assert!(opened(&all));
        assert_eq!(all.known.lock().by_opener[&key()], 1);
    }
}
