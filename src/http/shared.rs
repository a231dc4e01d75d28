//! The state that all handlers share, and what it decides about every request.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::HOST;
use actix_web::{HttpRequest, dev, web};

use super::admission::{Admission, Place};
use super::auth::{ApiCaller, ApiKeys, refuse_repeated};
use super::chaos::Chaos;
use super::one_by_one::OneByOne;
use super::pages::Pages;
use super::problem::Problem;
use super::sockets::Sockets;
use crate::domain::InstanceName;
use crate::game::{Rooms, SoloGames};
use crate::metrics::Metrics;
use crate::quizzes::Hosting;
use crate::store::StoreRouter;
use crate::store::backup::Backups;

/// The URL at which clients reach the server, from `REJOIN_PUBLIC_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// The whole URL, without a slash at its end.
    pub url: String,
    /// Its host, with the port if that is not the default of its scheme.
    pub host: String,
}

/// How clients reach the server.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The public URL, if one is set. Requests for another host are then refused.
    pub public: Option<PublicUrl>,
    /// The URL in the local network, as far as the server can tell.
    pub lan: Option<String>,
}

/// The state that all handlers share.
pub struct Shared {
    /// The use cases of solo games.
    pub solo: SoloGames,
    /// The use cases of rooms.
    pub rooms: Rooms,
    /// Injects faults into replies and WebSockets. `None` outside tests of clients.
    pub chaos: Option<Chaos>,
    /// Routes a session id to its store. `/health` and `/readyz` report these stores.
    pub router: Arc<StoreRouter>,
    /// What is recorded for operators.
    pub metrics: Arc<Metrics>,
    /// The backups of this server's file.
    pub backups: Arc<Backups>,
    /// This instance's name, if it has one.
    pub instance: Option<InstanceName>,
    /// The API keys of trusted backends.
    pub keys: Arc<ApiKeys>,
    /// The limits of connections, requests, games and guesses.
    pub admission: Arc<Admission>,
    /// Who may open rooms, if `REJOIN_HOSTING` is set.
    pub hosting: Option<Hosting>,
    /// How clients reach the server.
    pub reach: Reach,
    /// The source of the page files.
    pub pages: Pages,
    /// The origins of other sites whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// The open WebSockets.
    pub sockets: Sockets,
    /// True if the echo URLs for tests of WebSockets exist.
    pub test_echo: bool,
    /// Runs the imports of files, one at a time.
    pub imports: OneByOne,
    /// Draws QR codes, one at a time.
    pub drawings: OneByOne,
}

impl Shared {
    /// The shared state, from a request.
    pub(super) fn of(request: &HttpRequest) -> &web::Data<Self> {
        request.app_data().expect("no app is made without it")
    }

    /// Checks the head of a request and counts it against the limits. `body` is the maximum number of bytes
    /// of its body, which count until the returned place is dropped.
    pub(super) fn admit(&self, request: &dev::ServiceRequest, body: u64) -> Result<Place, Problem> {
        refuse_repeated(request.headers())?;
        self.check_host(request)?;
        self.admission.request(request, body, || self.keys.is_shown(request.request()))
    }

    /// Refuses a request for another host than the public one. Health checks are exempt, since they use the
    /// server's own address.
    fn check_host(&self, request: &dev::ServiceRequest) -> Result<(), Problem> {
        let Some(public) = &self.reach.public else { return Ok(()) };
        let asked = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let is_health = matches!(request.path(), "/livez" | "/readyz" | "/health");
        let asked = asked.strip_suffix(":443").or_else(|| asked.strip_suffix(":80")).unwrap_or(asked);
        if is_health || asked.eq_ignore_ascii_case(&public.host) {
            return Ok(());
        }
        let detail = "this server is not reached by this Host (REJOIN_PUBLIC_URL)";
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", detail))
    }

    /// Refuses a caller who may not open rooms.
    pub(super) fn may_host(&self, caller: &ApiCaller) -> Result<(), Problem> {
        match (self.keys.hosting(self.hosting), caller) {
            (Hosting::Open, _) | (Hosting::Key, ApiCaller::Backend(_)) => Ok(()),
            (Hosting::Key, _) => Err(ApiCaller::key_required("opening a room")),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::domain::{GameSession, Lifetimes, Millis, Timestamp};
    use crate::game::rooms::Openings;
    use crate::game::{Entropy, Hub};
    use crate::http::LimitSettings;
    use crate::quizzes::Catalogue;
    use crate::store::GameClock;
    use crate::store::clock::system_wall_clock;
    use crate::store::memory::MemoryStore;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        limits: LimitSettings,
    }

    /// The state of a server over a store in memory.
    pub(in crate::http) fn shared() -> web::Data<Shared> {
        let clock = Arc::new(GameClock::start(Timestamp::default(), system_wall_clock()));
        let router = Arc::new(StoreRouter::only(Arc::new(MemoryStore::new(GameSession::apply, 1, clock))));
        let (catalogue, chance) = (Arc::new(Catalogue::open(None).expect("its own banks")), Entropy::system());
        let lifetimes = Lifetimes { ttl: Millis(60_000), max_age: Millis(60_000), results_ttl: Millis(60_000) };
        let metrics = Metrics::new();
        let rooms = Rooms {
            router: router.clone(),
            catalogue: catalogue.clone(),
            lifetimes,
            chance: chance.clone(),
            hub: Hub::new(CancellationToken::new(), None, Arc::default()),
            openings: Openings::default(),
            activity: Arc::default(),
            metrics: metrics.clone(),
        };
        web::Data::new(Shared {
            solo: SoloGames {
                router: router.clone(),
                catalogue,
                lifetimes,
                chance,
                activity: Arc::default(),
                metrics: metrics.clone(),
            },
            rooms,
            chaos: None,
            router,
            metrics,
            backups: Arc::new(Backups::new(Err("it is in memory"), None, crate::store::clock::system_wall_clock())),
            instance: None,
            keys: Arc::new(ApiKeys::new(Vec::new(), false)),
            admission: Arc::new(Admission::new(&Args::parse_from(["rejoin"]).limits, None)),
            hosting: None,
            reach: Reach::default(),
            pages: Pages { folder: None },
            cors_origins: Vec::new(),
            sockets: Sockets::default(),
            test_echo: false,
            imports: OneByOne::default(),
            drawings: OneByOne::default(),
        })
    }
}
