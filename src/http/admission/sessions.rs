//! How many games and rooms live, in all and by who created them. Who created what is remembered by
//! this process alone: a restart begins anew.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::address::ClientAddress;
use super::limit::{Limit, Refused};
use super::settings::LimitSettings;
use crate::domain::{Millis, Owner, SessionId, Timestamp};
use crate::store::Homes;

/// How long after its creation, or the last look, a session is looked at whether it lives.
const LOOK_AFTER: Millis = Millis::seconds(120);
/// How many are looked at each second.
const LOOKS: usize = 256;
/// When it is worth coming again.
const RETRY: Duration = Duration::from_secs(30);

/// Who creates a game or a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::http) enum Opener {
    /// Somebody without a key.
    Address(ClientAddress),
    /// The holder of the API key of this name.
    Key(Owner),
}

impl Opener {
    /// What tells one from others.
    pub(in crate::http) fn name(&self) -> String {
        match self {
            Self::Address(address) => format!("address {address}"),
            Self::Key(name) => format!("key {name}"),
        }
    }
}

/// The live sessions of a server.
pub(super) struct Sessions {
    most: u64,
    most_per_address: usize,
    most_per_key: usize,
    live: AtomicU64,
    /// How many have been opened since the start.
    opened_ever: AtomicU64,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    counts: HashMap<Opener, usize>,
    /// When to look whether it lives, oldest first.
    looks: VecDeque<(Timestamp, SessionId, Opener)>,
}

impl Sessions {
    pub(super) fn new(settings: &LimitSettings) -> Self {
        Self {
            most: settings.max_sessions.get().into(),
            most_per_address: settings.max_sessions_per_address.get() as usize,
            most_per_key: settings.max_sessions_per_key.get() as usize,
            live: AtomicU64::new(0),
            opened_ever: AtomicU64::new(0),
            opened: Mutex::default(),
        }
    }

    /// Whether one more may live. The last tenth is for keys.
    pub(super) fn may_open(&self, opener: &Opener) -> Result<(), Refused> {
        let is_key = matches!(opener, Opener::Key(_));
        let most = if is_key { self.most } else { self.most - self.most / 10 };
        if self.live.load(Ordering::Relaxed) >= most {
            return Err((Limit::Sessions, RETRY));
        }
        let (most, limit) = match opener {
            Opener::Address(_) => (self.most_per_address, Limit::SessionsPerAddress),
            Opener::Key(_) => (self.most_per_key, Limit::SessionsPerKey),
        };
        let count = self.opened.lock().counts.get(opener).copied().unwrap_or_default();
        if count >= most { Err((limit, RETRY)) } else { Ok(()) }
    }

    /// A session was created at `now`.
    pub(super) fn opened(&self, opener: Opener, id: &SessionId, now: Timestamp) {
        self.opened_ever.fetch_add(1, Ordering::Relaxed);
        self.live.fetch_add(1, Ordering::Relaxed);
        let mut opened = self.opened.lock();
        *opened.counts.entry(opener.clone()).or_default() += 1;
        opened.looks.push_back((now.plus(LOOK_AFTER), id.clone(), opener));
    }

    /// How many have been opened since the start.
    pub(super) fn opened_ever(&self) -> u64 {
        self.opened_ever.load(Ordering::Relaxed)
    }

    /// So many live by the stores' count, which was asked for when so many had been opened: those that came
    /// since may not be in it.
    pub(super) fn note_live(&self, live: u64, opened_before: u64) {
        self.live.store(live + self.opened_ever() - opened_before, Ordering::Relaxed);
    }

    /// Forgets some that have died.
    pub(super) async fn tidy(&self, homes: &Homes) {
        for _ in 0..LOOKS {
            let Some((_, id, opener)) = self.due(homes) else { return };
            let Ok(keeper) = homes.of(&id) else { continue };
            let at = keeper.clock.moment();
            let lives = keeper.store.get(&id, at).await.map_or(true, |session| session.is_some());
            let mut opened = self.opened.lock();
            if lives {
                opened.looks.push_back((at.now.plus(LOOK_AFTER), id, opener));
            } else if let Some(count) = opened.counts.get_mut(&opener) {
                *count -= 1;
                if *count == 0 {
                    opened.counts.remove(&opener);
                }
            }
        }
    }

    /// The next that is to be looked at, if its time has come.
    fn due(&self, homes: &Homes) -> Option<(Timestamp, SessionId, Opener)> {
        let now = homes.main().clock.moment().now;
        self.opened.lock().looks.pop_front_if(|(when, ..)| *when <= now)
    }
}
