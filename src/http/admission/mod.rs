//! The limits of the server: connections, requests, bodies, games, rooms, guesses of join codes. Every
//! refusal names its setting to the client, is counted, and is logged at intervals.

mod address;
mod code_guesses;
mod connection;
mod creation_rate;
mod in_use;
mod limit;
mod limit_hits;
mod rate_limits;
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
use crate::domain::room::RoomSettings;
use crate::store::StoreRouter;
use crate::websocket::FRAMES_BURST;
use code_guesses::UnknownCodes;
use creation_rate::Creates;
use in_use::Places;
use limit::Refused;
use limit_hits::Hits;
use rate_limits::Calls;
use sessions::Sessions;

pub(super) use address::ClientAddress;
pub(super) use connection::{Activity, CountedConnection, admit};
pub(super) use creation_rate::CreationCost;
pub(super) use in_use::Place;
pub(super) use limit::Limit;
pub(super) use sessions::{Creator, OpeningPlace};
pub use settings::{LimitSettings, Switch};

/// How often old limiter entries are dropped and live sessions are counted.
const TIDY_EVERY: Duration = Duration::from_secs(1);
/// Burst of requests from one address, in seconds' worth of its rate.
const REQUESTS_BURST: u32 = 2;
/// Path prefix of the page files. One page loads about seventy files, and a whole school class loads it at
/// once from one address.
const FILES: &str = "/web/";
/// The rate for page files as a multiple of the rate for other requests. A file is cheap to serve.
const MORE_FILES: NonZeroU32 = NonZeroU32::new(10).expect("it is not 0");
/// Connections of the admin listener. They are counted apart, so that a full server can still be looked at.
const MOST_ADMIN: u64 = 64;
/// Open files that are reserved for the store, the log and the like, not for connections.
const OTHER_FILES: u64 = 128;
/// The wait in the reply to a seat with too many connections: one of them may have ended by then.
const SEAT_RETRY: Duration = Duration::from_secs(1);

/// All limits of a server, and the state that they count.
pub struct Admission {
    is_on: bool,
    trusted_proxies: Vec<IpNet>,
    frames_per_second: NonZeroU32,
    per_seat: usize,
    joins_per_room: Option<u32>,
    connections: Arc<Places>,
    admin_connections: Arc<Places>,
    bodies: Arc<Places>,
    /// Requests by address, page files left out.
    requests: Calls<ClientAddress>,
    /// Requests for page files by address.
    files: Calls<ClientAddress>,
    /// Calls that change a room, by the hash of the seat's token.
    calls: Calls<[u8; 16]>,
    creates: Creates,
    sessions: Arc<Sessions>,
    codes: UnknownCodes,
    hits: Hits,
}

impl Admission {
    /// The limits of `settings`. `most_files` is the process's limit of open files, `None` if it has none. It
    /// bounds the connections.
    pub fn new(settings: &LimitSettings, most_files: Option<u64>) -> Self {
        let files = settings.requests_per_address.saturating_mul(MORE_FILES);
        Self {
            is_on: settings.is_on(),
            trusted_proxies: settings.trusted_proxies.clone(),
            frames_per_second: settings.frames_per_second,
            per_seat: settings.max_connections_per_seat.get() as usize,
            joins_per_room: settings.joins_per_room.map(Into::into),
            connections: connections(settings, most_files),
            admin_connections: Places::new(
                (MOST_ADMIN, Limit::AdminConnections),
                (MOST_ADMIN, Limit::AdminConnections),
            ),
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

    /// False if `REJOIN_LIMITS` turns all limits off.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The limits that have refused something since the start, by the names of their settings, and how often.
    pub fn met_limits(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.hits().filter(|(_, hits)| *hits > 0).collect()
    }

    /// Refusals by each limit since the start, by the name of its setting.
    pub(super) fn hits(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.hits.counts()
    }

    /// How many frames a second a player may send. `None` if limits are off.
    pub(super) fn frames_per_second(&self) -> Option<NonZeroU32> {
        self.is_on.then_some(self.frames_per_second)
    }

    /// How many players may join a new room of `max_seats` seats within a minute.
    pub(super) fn joins_a_minute(&self, max_seats: u32) -> u32 {
        if !self.is_on {
            return u32::MAX;
        }
        self.joins_per_room.unwrap_or_else(|| RoomSettings::usual_joins_a_minute(max_seats))
    }

    /// The address of the client that made the request.
    pub(super) fn client(&self, request: &HttpRequest) -> ClientAddress {
        address::client(request, &self.trusted_proxies)
    }

    /// Counts a request, and the `body` bytes that it may hold until the returned place is dropped. A request
    /// with a valid API key is never over the request rate; `shows_key` is called only where the rate is
    /// exceeded. A request through a trusted proxy also counts as a connection of its client: the proxy's own
    /// connection is not counted for an address.
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
            // Held as long as the request; a WebSocket that is made from it keeps it.
            request.extensions_mut().insert(std::rc::Rc::new(place));
        }
        if body == 0 {
            return Ok(Place::uncounted());
        }
        self.told(&client, self.bodies.take(body, Some(client), true))
    }

    /// A place for a connection that was just accepted. A trusted proxy's connection counts in all, and for
    /// no address.
    fn enter(&self, peer: std::net::IpAddr) -> Result<Place, Problem> {
        if !self.is_on {
            return Ok(Place::uncounted());
        }
        let client = ClientAddress::from(peer);
        let is_proxy = address::is_trusted(peer, &self.trusted_proxies);
        self.told(&client, self.connections.take(1, (!is_proxy).then_some(client), true))
    }

    /// A place for a connection that the admin listener has just accepted.
    fn enter_admin(&self, peer: std::net::IpAddr) -> Result<Place, Problem> {
        self.told(&ClientAddress::from(peer), self.admin_connections.take(1, None, true))
    }

    /// Refuses a further connection of a seat that already has `seat_has`.
    pub(super) fn may_connect(&self, seat_has: usize) -> Result<(), Problem> {
        let is_free = !self.is_on || seat_has < self.per_seat;
        self.told(&"a seat", if is_free { Ok(()) } else { Err((Limit::ConnectionsPerSeat, SEAT_RETRY)) })
    }

    /// Counts a call that changes a room. `token` is the hash of the seat's token.
    pub(super) fn call(&self, token: [u8; 16]) -> Result<(), Problem> {
        if self.is_on { self.told(&"a seat", self.calls.take(&token)) } else { Ok(()) }
    }

    /// Takes the cost of a new game or room from the creator's limits, and a place among the live sessions.
    /// An API key has no rate limit on creating.
    pub(super) fn create(&self, opener: &Creator, created: CreationCost) -> Result<OpeningPlace, Problem> {
        if !self.is_on {
            return Ok(OpeningPlace::uncounted());
        }
        let opening = self.told(&opener.name(), self.sessions.open(opener))?;
        // After the place: where no session may live, no rate is spent. On a refusal the place is freed by its drop.
        if let Creator::Address(address) = opener {
            self.told(address, self.creates.take(*address, created))?;
        }
        Ok(opening)
    }

    /// Refuses an address that has tried too many wrong codes. `is_seat_code` says that a seat's code in the
    /// room of `code` is tried.
    pub(super) fn may_try_code(&self, address: ClientAddress, code: &str, is_seat_code: bool) -> Result<(), Problem> {
        if self.is_on { self.told(&address, self.codes.may_try(address, code, is_seat_code)) } else { Ok(()) }
    }

    /// Notes whether a room has the code that an address tried. A wrong code may be one too many, and is then
    /// refused.
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

    /// Counts and logs a refusal of `client`.
    pub(super) fn met(&self, limit: Limit, client: &dyn Display) {
        self.hits.note(limit);
        tracing::debug!(limit = limit.setting(), %client, "refused by a limit");
    }

    /// Counts and logs the refusal, if it is one, and turns it into the client's error.
    fn told<T>(&self, client: &dyn Display, checked: Result<T, Refused>) -> Result<T, Problem> {
        checked.map_err(|(limit, wait)| {
            self.met(limit, client);
            limit.problem(wait)
        })
    }

    /// Every second: counts live sessions, drops old limiter entries, and logs refusals. Never returns.
    pub async fn tidy(&self, router: &StoreRouter) {
        let mut tick = tokio::time::interval(TIDY_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // Read before the stores count: sessions that are opened during the count may or may not be in it.
            let opened = self.sessions.opened();
            if let Ok(status) = router.status().await {
                self.sessions.note_live(status.live_sessions(), opened);
            }
            self.sessions.tidy(router).await;
            self.calls.tidy();
            self.requests.tidy();
            self.files.tidy();
            self.creates.tidy();
            self.codes.tidy();
            self.hits.tell();
        }
    }
}

/// The places for connections: the setting, or what the limit of open files leaves, if that is less.
fn connections(settings: &LimitSettings, most_files: Option<u64>) -> Arc<Places> {
    let wanted = u64::from(settings.max_connections.get());
    let possible = most_files.map_or(wanted, |files| files.saturating_sub(OTHER_FILES).max(1));
    if settings.is_on() && possible < wanted {
        tracing::warn!(
            possible,
            "the limit of open files allows fewer connections than REJOIN_MAX_CONNECTIONS ({wanted}). To allow more, \
             raise the hard limit (ulimit -Hn)"
        );
    }
    let per_address = u64::from(settings.max_connections_per_address.get());
    Places::new((wanted.min(possible), Limit::Connections), (per_address, Limit::ConnectionsPerAddress))
}
