//! The composition root: creates all parts of the server, and starts and stops them in order.
//!
//! Start: bind, question banks, API keys, stores, reapers, HTTP. Connections wait in the kernel's queue until
//! HTTP runs. Stop: close WebSockets, accept no more connections, finish requests in flight, end reapers and
//! room tasks, close stores. Every part is passed in or created here. There are no globals, so two servers
//! can run in one process.

mod backups;
mod memory;
mod reload;
mod stores;
mod summary;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_server::Server;
use actix_web::web;
use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{AdminListen, Settings, USUAL_ADDRESS};
use crate::domain::{Lifetimes, Millis};
use crate::game::hub;
use crate::game::reaper::Reaper;
use crate::game::rooms::Openings;
use crate::game::{Activity, Entropy, Hub, Rooms, SessionAdmin, SoloGames};
use crate::http::admin::Admin;
use crate::http::{self, Admission, ApiKeys, Chaos, OneByOne, Pages, Reach, Shared, Sockets};
use crate::metrics::Metrics;
use crate::quizzes::{Catalogue, Hosting};
use crate::store::clock::system_wall_clock;
use crate::store::{StoreRouter, WallClock};
use crate::version::{COMMIT, VERSION};
pub use reload::reload_on_hangup;
pub use stores::Stores;
pub(crate) use stores::{FALLBACK_FILE, FILE};
use summary::Summaries;

/// How long requests in flight may take to finish when the server stops, in seconds.
const DRAIN_SECONDS: u64 = 4;
/// How long the background tasks and the stores may take to close.
const CLOSING: Duration = Duration::from_secs(4);
/// How long an idle connection is kept. This is longer than usual proxies keep theirs, so that the proxy
/// closes first, and sends no request on a connection that is just being closed here.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Maximum connections that wait to be accepted. After a restart all players reconnect at once.
const BACKLOG: u32 = 4_096;

/// How the last server on a file stopped, for the log: there was none.
const NEW: &str = "none: the file is new";
/// As an operator stops it.
const CLEAN: &str = "clean";
/// In any other way.
const NOT_CLEAN: &str = "the process was killed, or lost its power";

/// What the caller passes to a server, so that tests can replace it.
pub struct Outside {
    /// The bound and listening socket.
    pub listener: TcpListener,
    /// The socket of the admin listener, bound and listening. `None` if there is none.
    pub admin: Option<TcpListener>,
    /// Prints the line that tells of a start.
    pub print: fn(&str),
    /// The wall clock, from which dates are made.
    pub wall: WallClock,
    /// The source of randomness for ids, tokens and shuffles.
    pub chance: Entropy,
    /// The question banks. The caller may reload them while the server runs.
    pub catalogue: Arc<Catalogue>,
    /// The API keys. The caller may replace them while the server runs.
    pub keys: Arc<ApiKeys>,
    /// The tokens of the admin listener. The caller may replace them while the server runs.
    pub admin_tokens: Arc<ApiKeys>,
}

impl Outside {
    /// The system's clock and randomness, and the banks, keys and address from the settings.
    ///
    /// # Errors
    /// The address can't be bound, or a bank or a key can't be read.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            listener: bind(settings.listen).context("REJOIN_LISTEN")?,
            admin: bind_admin(settings.admin.admin_listen)?,
            print: |line| println!("{line}"),
            wall: system_wall_clock(),
            chance: Entropy::system(),
            catalogue: Arc::new(Catalogue::open(settings.quiz_dir.clone()).context("REJOIN_QUIZ_DIR")?),
            keys: Arc::new(ApiKeys::new(settings.keys()?, settings.keys_scoped)),
            admin_tokens: Arc::new(ApiKeys::new(settings.admin.tokens()?, false)),
        })
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait until the old connections have left TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().with_context(|| format!("cannot listen on {address}"))
}

/// Binds the admin listener. If its address is not set and the usual one is taken, most likely by another server on
/// this machine, there is none.
fn bind_admin(set: Option<AdminListen>) -> anyhow::Result<Option<TcpListener>> {
    match set {
        Some(AdminListen::Off) => Ok(None),
        Some(AdminListen::At(address)) => bind(address).context("REJOIN_ADMIN_LISTEN").map(Some),
        None => Ok(bind(USUAL_ADDRESS)
            .inspect_err(|error| {
                let reason = format!("{error:#}");
                tracing::warn!(
                    reason,
                    "this server has no admin listener, because the usual port is taken. To have one, set \
                     REJOIN_ADMIN_LISTEN to another address"
                );
            })
            .ok()),
    }
}

/// Serves until `stop` completes, then finishes the requests in flight and closes the stores.
///
/// # Errors
/// The server can't start, or its stores can't be closed in time.
pub async fn run(
    settings: &Settings,
    outside: Outside,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    run_over(settings, outside, Stores::open, stop).await
}

/// Like [`run`], with stores that the caller opens by `open`.
///
/// # Errors
/// The server can't start, or its stores can't be closed in time.
pub async fn run_over(
    settings: &Settings,
    outside: Outside,
    open: impl AsyncFnOnce(&Settings, &Outside) -> anyhow::Result<Stores>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    settings.check()?;
    warn_of_openness(settings, &outside)?;
    let stores = open(settings, &outside).await?;
    let reach = reach(settings, outside.listener.local_addr()?);
    announce(settings, &outside, &reach, &stores).await?;
    let is_new = stores.is_new;
    let metrics = Metrics::new();
    metrics.reaps_every(settings.reap_every);
    let router = Arc::new(stores.router.metered(&metrics).await?);
    let background = TaskTracker::new();
    let stopping = CancellationToken::new();
    let activity = Arc::new(Activity::default());
    for store in router.stores() {
        let reaper = Reaper { store: store.clone(), every: settings.reap_every, activity: activity.clone() };
        background.spawn(reaper.run(stopping.clone()));
    }
    let backups = backups::start(settings, stores.file, outside.wall.clone(), &background, &stopping);
    if is_new {
        backups::warn_of_emptiness(&backups);
    }
    let admission = Arc::new(Admission::new(&settings.limits, allow_many_connections()));
    let tidying = (admission.clone(), router.clone(), stopping.clone());
    background.spawn(async move {
        let (admission, router, stopping) = tidying;
        stopping.run_until_cancelled(admission.tidy(&router)).await;
    });
    let chaos = settings.chaos.map(|likelihood| Chaos::new(likelihood, outside.chance.clone()));
    let late = chaos.clone().map(|chaos| Box::new(move || chaos.delay()) as hub::DelayFn);
    let hub = Hub::new(stopping.clone(), late, activity.clone());
    let rooms = Rooms {
        router: router.clone(),
        catalogue: outside.catalogue.clone(),
        lifetimes: room_lifetimes(settings),
        chance: outside.chance.clone(),
        hub: hub.clone(),
        openings: Openings::default(),
        activity: activity.clone(),
        metrics: metrics.clone(),
    };
    let solo = SoloGames {
        router: router.clone(),
        catalogue: outside.catalogue,
        lifetimes: Lifetimes {
            ttl: settings.session_ttl.into(),
            max_age: settings.session_max_age.into(),
            results_ttl: settings.results_ttl.into(),
        },
        chance: outside.chance,
        activity: activity.clone(),
        metrics: metrics.clone(),
    };
    let shared = web::Data::new(Shared {
        solo,
        rooms,
        chaos,
        router: router.clone(),
        metrics,
        backups: backups.clone(),
        instance: settings.instance.clone(),
        keys: outside.keys,
        admission,
        hosting: settings.hosting,
        reach,
        pages: Pages { folder: settings.web_dir.clone() },
        cors_origins: settings.cors_origins.clone(),
        sockets: Sockets::default(),
        test_echo: settings.test_echo,
        imports: OneByOne::default(),
        drawings: OneByOne::default(),
    });
    let started = router.main().clock().moment().wall;
    let sessions = SessionAdmin::new(router.clone(), hub.clone(), activity);
    let admin = outside.admin.map(|listener| (listener, Admin::new(outside.admin_tokens, sessions, started)));
    let summaries = Arc::new(Summaries::new(&shared, stores::own_file(settings)));
    let summing = (summaries.clone(), stopping.clone());
    background.spawn(async move { summing.0.run(summary::HOUR, summing.1).await });
    let served = serve(settings, outside.listener, admin, shared, stop).await;
    // HTTP is done. Reapers and room tasks still use the stores, so they must end before the stores close.
    stopping.cancel();
    backups.close().await;
    background.close();
    hub.closed().await;
    let totals = summaries.totals().await;
    close(&router, &background).await?;
    summaries.tell_stop(&totals);
    served
}

/// Warns about settings that let strangers do more than the operator may have intended.
fn warn_of_openness(settings: &Settings, outside: &Outside) -> anyhow::Result<()> {
    let is_reached = !outside.listener.local_addr()?.ip().is_loopback();
    if outside.keys.is_open() && is_reached {
        tracing::warn!(
            "REJOIN_API_KEYS is not set, and other machines can reach this server: anyone may play, and claim awards, \
             under any userId. To prevent this, set REJOIN_API_KEYS"
        );
    }
    if outside.keys.hosting(settings.hosting) == Hosting::Open && is_reached {
        tracing::warn!(
            "REJOIN_HOSTING is open, and other machines can reach this server: anyone may open rooms on any bank and \
             read its answers. To prevent this, set REJOIN_HOSTING=key"
        );
    }
    if let Some(likelihood) = settings.chaos {
        tracing::warn!(
            likelihood,
            "REJOIN_CHAOS is set: this server deliberately loses replies, freezes and cuts sockets, and delays \
             notifications"
        );
    }
    if !settings.limits.is_on() {
        tracing::warn!(
            "REJOIN_LIMITS is off: anyone who reaches this server can fill it, overload it and guess join codes"
        );
    }
    Ok(())
}

/// Raises the soft limit of open files, usually 1,024, to the hard limit, which needs no privileges. Each
/// connection is an open file. Returns the limit that holds then, `None` if there is none.
fn allow_many_connections() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files could not be raised");
            limit.current
        }
    }
}

async fn serve(
    settings: &Settings,
    listener: TcpListener,
    admin: Option<(TcpListener, Admin)>,
    shared: web::Data<Shared>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (sockets, backups) = (shared.sockets.clone(), shared.backups.clone());
    let stop = async move {
        stop.await;
        backups.give_up();
        // WebSockets run on the HTTP worker threads, so they must close before HTTP stops.
        sockets.stop().await;
    };
    let mut server = Server::build().shutdown_timeout(DRAIN_SECONDS).shutdown_signal(stop);
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    let stopping = server.graceful_shutdown_signal();
    if let Some((listener, admin)) = admin {
        let (admin, shared, stopping) = (web::Data::new(admin), shared.clone(), stopping.clone());
        server = server.listen("admin", listener, move || {
            http::admin::service(admin.clone(), shared.clone(), KEEP_ALIVE, stopping.clone())
        })?;
    }
    let server =
        server.listen("http", listener, move || http::service(shared.clone(), KEEP_ALIVE, stopping.clone()))?;
    server.run().await.context("the HTTP server failed")
}

fn room_lifetimes(settings: &Settings) -> Lifetimes {
    Lifetimes {
        ttl: settings.room_ttl.into(),
        max_age: Millis::from(settings.room_max_age),
        results_ttl: settings.room_results_ttl.into(),
    }
}

/// Prints the one line that a start prints, and logs the start.
async fn announce(settings: &Settings, outside: &Outside, reach: &Reach, stores: &Stores) -> anyhow::Result<()> {
    let address = outside.listener.local_addr()?;
    let admin = outside.admin.as_ref().map(TcpListener::local_addr).transpose()?;
    let status = stores.router.status().await?;
    let place = &stores.place;
    let away = if status.main.reachable { "" } else { " (out of reach yet)" };
    let fallback = stores.fallback.as_ref().map(|place| format!(", fallback {place}")).unwrap_or_default();
    let count = status.records();
    let records = format!("{count} session record{}", if count == 1 { "" } else { "s" });
    let operators = admin.map(|admin| format!(", admin on http://{admin}")).unwrap_or_default();
    let limits = if settings.limits.is_on() { "" } else { ", limits off" };
    let chaos = settings.chaos.map(|likelihood| format!(", chaos {likelihood}")).unwrap_or_default();
    let page = page(address, reach);
    (outside.print)(&format!(
        "rejoin {VERSION} listens on http://{address} (to play, open {page}), sessions in {place}{away}{fallback}, \
         {records}{operators}{limits}{chaos}"
    ));
    tracing::info!(
        version = VERSION,
        commit = COMMIT,
        listen = %address,
        admin = admin.map(tracing::field::display),
        engine = status.main.engine,
        place,
        reachable = status.main.reachable,
        fallback = stores.fallback,
        records = count,
        limits = settings.limits.is_on(),
        last_stop = stores.opening.map(|opening| match (stores.is_new, opening.is_clean) {
            (true, _) => NEW,
            (false, true) => CLEAN,
            (false, false) => NOT_CLEAN,
        }),
        stopped_cleanly = stores.opening.map(|opening| opening.is_clean),
        clock_moved_on_ms = stores.opening.map(|opening| opening.moved_on.0),
        "rejoin has started"
    );
    Ok(())
}

/// How clients reach a server that listens on `address`. The address in the local network is taken from the
/// machine's routing table. Nothing is sent.
fn reach(settings: &Settings, address: SocketAddr) -> Reach {
    let lan = || {
        // A container's own address and port are not valid outside it.
        if ["/.dockerenv", "/run/.containerenv"].into_iter().any(|mark| Path::new(mark).exists()) {
            return None;
        }
        let ip = if address.ip().is_unspecified() {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
            // An address reserved for documentation (RFC 5737). Connecting a UDP socket sends no packet, but
            // selects the local address of the route.
            socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
            socket.local_addr().ok()?.ip()
        } else {
            address.ip()
        };
        let is_reached = !ip.is_loopback() && !ip.is_unspecified();
        is_reached.then(|| format!("http://{}", SocketAddr::new(ip, address.port())))
    };
    Reach { public: settings.public_url.clone(), lan: lan() }
}

/// The URL of the page for the line that the start prints: the public one, else the one in the local network,
/// else the listening address.
fn page(address: SocketAddr, reach: &Reach) -> String {
    let here = || format!("http://{address}");
    reach.public.as_ref().map(|public| public.url.clone()).or_else(|| reach.lan.clone()).unwrap_or_else(here)
}

/// Waits for the background tasks, then closes the stores. Fails if both take longer than [`CLOSING`].
async fn close(router: &StoreRouter, background: &TaskTracker) -> anyhow::Result<()> {
    let closing = async {
        background.wait().await;
        router.close().await
    };
    let closed = tokio::time::timeout(CLOSING, closing).await;
    closed.context("the stores could not be closed in time; nothing acknowledged is lost")??;
    Ok(())
}
