//! Who may take how much: connections, games, rooms, guesses. What is refused is told with the name of
//! the setting that it met, counted, and logged now and then.

mod address;
mod calls;
mod codes;
mod connection;
mod creates;
mod hits;
mod limit;
mod places;
mod sessions;
mod settings;

use std::fmt::Display;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpRequest};
use ipnet::IpNet;

use super::problem::Problem;
use super::websocket::FRAMES_BURST;
use crate::domain::room::RoomSettings;
use crate::store::StoreRouter;
use calls::Calls;
use codes::UnknownCodes;
use creates::Creates;
use hits::Hits;
use limit::Refused;
use places::Places;
use sessions::Sessions;

pub(super) use address::ClientAddress;
pub(super) use connection::{Activity, CountedConnection, admit};
pub(super) use creates::CreationCost;
pub(super) use limit::Limit;
pub(super) use places::Place;
pub(super) use sessions::{Creator, OpeningPlace};
pub use settings::{LimitSettings, Switch};

/// How often what is not needed any more is forgotten, and live sessions are counted.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// Seconds' worth of an address's requests that may come at once.
const REQUESTS_BURST: u32 = 2;
/// What the files of the pages begin with. One page asks for some seventy, and a class comes at once.
const FILES: &str = "/web/";
/// So many times as many of these as of other requests: they cost next to nothing.
const MORE_FILES: NonZeroU32 = NonZeroU32::new(10).expect("it is not 0");
/// Files that are left for the store, the log and the like.
const OTHER_FILES: u64 = 128;
/// When one of a seat's connections may have ended.
const SEAT_RETRY: Duration = Duration::from_secs(1);

/// All limits of a server.
pub struct Admission {
    is_on: bool,
    trusted_proxies: Vec<IpNet>,
    frames_per_second: NonZeroU32,
    per_seat: usize,
    joins_per_room: Option<u32>,
    connections: Arc<Places>,
    bodies: Arc<Places>,
    requests: Calls<ClientAddress>,
    /// Of the pages' files, of which one page is many.
    files: Calls<ClientAddress>,
    calls: Calls<[u8; 16]>,
    creates: Creates,
    sessions: Arc<Sessions>,
    codes: UnknownCodes,
    hits: Hits,
}

impl Admission {
    /// The limits of these settings, where at most so many files can be open at once.
    pub fn new(settings: &LimitSettings, most_files: Option<u64>) -> Self {
        let files = settings.requests_per_address.saturating_mul(MORE_FILES);
        Self {
            is_on: settings.is_on(),
            trusted_proxies: settings.trusted_proxies.clone(),
            frames_per_second: settings.frames_per_second,
            per_seat: settings.max_connections_per_seat.get() as usize,
            joins_per_room: settings.joins_per_room.map(Into::into),
            connections: connections(settings, most_files),
            bodies: Places::new(
                (settings.bodies_size.as_u64(), Limit::Bodies),
                (settings.bodies_size_per_address.as_u64(), Limit::BodiesPerAddress),
            ),
            requests: Calls::per_second(settings.requests_per_address, REQUESTS_BURST, Limit::Requests),
            files: Calls::per_second(files, REQUESTS_BURST, Limit::Requests),
            calls: Calls::per_second(settings.frames_per_second, FRAMES_BURST, Limit::Calls),
            creates: Creates::new(settings),
            sessions: Sessions::new(settings),
            codes: UnknownCodes::new(settings),
            hits: Hits::default(),
        }
    }

    /// Whether limits hold.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// How often each limit was met, by the name of its setting.
    pub(super) fn hits(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.hits.counts()
    }

    /// How many frames a second a player may send, if that is bounded.
    pub(super) fn frames_per_second(&self) -> Option<NonZeroU32> {
        self.is_on.then_some(self.frames_per_second)
    }

    /// How many players may join a new room of so many seats a minute.
    pub(super) fn joins_a_minute(&self, max_seats: u32) -> u32 {
        if !self.is_on {
            return u32::MAX;
        }
        self.joins_per_room.unwrap_or_else(|| RoomSettings::usual_joins_a_minute(max_seats))
    }

    /// The client of a request.
    pub(super) fn client(&self, request: &HttpRequest) -> ClientAddress {
        address::client(request, &self.trusted_proxies)
    }

    /// Counts a request that shows an API key or not, and what its body holds, for as long as the place
    /// lives. One that came through a trusted proxy counts as a connection of its client, too; others are
    /// counted by their connections.
    pub(super) fn request(
        &self,
        request: &ServiceRequest,
        body: u64,
        shows_key: impl FnOnce() -> bool,
    ) -> Result<Place, Problem> {
        if !self.is_on {
            return Ok(Place::uncounted());
        }
        let client = address::client(request.request(), &self.trusted_proxies);
        let counted = if request.path().starts_with(FILES) { &self.files } else { &self.requests };
        match counted.take(&client) {
            Err(_) if shows_key() => {}
            checked => self.told(&client, checked)?,
        }
        let peer = request.peer_addr().map(|peer| peer.ip());
        if peer.is_some_and(|peer| address::is_trusted(peer, &self.trusted_proxies)) {
            let place = self.told(&client, self.connections.take(1, Some(client), false))?;
            request.extensions_mut().insert(std::rc::Rc::new(place));
        }
        if body == 0 {
            return Ok(Place::uncounted());
        }
        self.told(&client, self.bodies.take(body, Some(client), true))
    }

    /// A place for a connection that was just accepted.
    fn enter(&self, peer: std::net::IpAddr) -> Result<Place, Problem> {
        if !self.is_on {
            return Ok(Place::uncounted());
        }
        let client = ClientAddress::from(peer);
        let is_proxy = address::is_trusted(peer, &self.trusted_proxies);
        self.told(&client, self.connections.take(1, (!is_proxy).then_some(client), true))
    }

    /// Whether a seat that has so many connections already may have one more.
    pub(super) fn may_connect(&self, seat_has: usize) -> Result<(), Problem> {
        let is_free = !self.is_on || seat_has < self.per_seat;
        self.told(&"a seat", if is_free { Ok(()) } else { Err((Limit::ConnectionsPerSeat, SEAT_RETRY)) })
    }

    /// Counts a call by the holder of a token of this hash.
    pub(super) fn call(&self, token: [u8; 16]) -> Result<(), Problem> {
        if self.is_on { self.told(&"a seat", self.calls.take(&token)) } else { Ok(()) }
    }

    /// Takes what a new game or room costs, and a place for it.
    pub(super) fn create(&self, opener: &Creator, created: CreationCost) -> Result<OpeningPlace, Problem> {
        if !self.is_on {
            return Ok(OpeningPlace::uncounted());
        }
        let opening = self.told(&opener.name(), self.sessions.open(opener))?;
        if let Creator::Address(address) = opener {
            self.told(address, self.creates.take(*address, created))?;
        }
        Ok(opening)
    }

    /// Whether an address may try a join code, or a seat's code in the room that has it.
    pub(super) fn may_try_code(&self, address: ClientAddress, code: &str, is_seat_code: bool) -> Result<(), Problem> {
        if self.is_on { self.told(&address, self.codes.may_try(address, code, is_seat_code)) } else { Ok(()) }
    }

    /// A room has the code that an address tried, or none has it, which may be one too many.
    pub(super) fn tried_code(&self, address: ClientAddress, code: &str, is_known: bool) -> Result<(), Problem> {
        if !self.is_on {
            return Ok(());
        }
        if is_known {
            self.codes.known(address, code);
            return Ok(());
        }
        self.told(&address, self.codes.unknown(address))
    }

    /// A limit was met, and by whom: counted, and logged.
    pub(super) fn met(&self, limit: Limit, client: &dyn Display) {
        self.hits.note(limit);
        tracing::debug!(limit = limit.setting(), %client, "refused");
    }

    /// Tells of a refusal, and whom it met.
    fn told<T>(&self, client: &dyn Display, checked: Result<T, Refused>) -> Result<T, Problem> {
        checked.map_err(|(limit, wait)| {
            self.met(limit, client);
            limit.problem(wait)
        })
    }

    /// Forgets what is not needed any more, again and again; never ends.
    pub async fn tidy(&self, homes: &StoreRouter) {
        let mut tick = tokio::time::interval(TIDY_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let opened = self.sessions.opened();
            if let Ok(status) = homes.status().await {
                self.sessions.note_live(status.live_sessions(), opened);
            }
            self.sessions.tidy(homes).await;
            self.calls.tidy();
            self.requests.tidy();
            self.files.tidy();
            self.creates.tidy();
            self.codes.tidy();
            self.hits.tell();
        }
    }
}

/// Places for connections: no more than the limit of open files leaves.
fn connections(settings: &LimitSettings, most_files: Option<u64>) -> Arc<Places> {
    let wanted = u64::from(settings.max_connections.get());
    let possible = most_files.map_or(wanted, |files| files.saturating_sub(OTHER_FILES).max(1));
    if settings.is_on() && possible < wanted {
        tracing::warn!(possible, "REJOIN_MAX_CONNECTIONS ({wanted}) is more than the limit of open files allows");
    }
    let per_address = u64::from(settings.max_connections_per_address.get());
    Places::new((wanted.min(possible), Limit::Connections), (per_address, Limit::ConnectionsPerAddress))
}
