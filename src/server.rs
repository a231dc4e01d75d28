//! The composition root: what starts in which order, and stops in which.
//!
//! Start: bind, stores, banks, reapers, HTTP. Stop: WebSockets, no new connections, what is in
//! flight, reapers, stores. All of it is handed in or made here; there are no globals, and two servers live in one
//! process.

mod memory;
mod stores;

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

use crate::config::Settings;
use crate::domain::{Lifetimes, Millis};
use crate::game::hub;
use crate::game::reaper::Reaper;
use crate::game::rooms::Openings;
use crate::game::{Entropy, Hub, Rooms, SoloGames};
use crate::http::{self, Admission, ApiKeys, Chaos, OneByOne, Pages, Reach, Shared, Sockets};
use crate::quizzes::{Catalogue, Hosting};
use crate::store::clock::system_wall_clock;
use crate::store::{StoreRouter, WallClock};
pub(crate) use stores::FILE;
pub use stores::Stores;

/// How long requests in flight may take to finish at the stop, in seconds.
const DRAIN_SECONDS: u64 = 4;
/// How long the stores may take to close.
const CLOSING: Duration = Duration::from_secs(4);
/// How long an idle connection is kept: longer than the usual proxies keep theirs, so that it is
/// they who close it and no request meets a closing one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Connections that may wait to be accepted: after a restart all players come at once.
const BACKLOG: u32 = 4_096;

/// What a server is given from outside.
pub struct Outside {
    /// Where it listens.
    pub listener: TcpListener,
    /// Where dates come from.
    pub wall: WallClock,
    /// Where ids and draws come from.
    pub chance: Entropy,
    /// Banks that may be read again while it runs.
    pub catalogue: Arc<Catalogue>,
    /// Keys that may be, too.
    pub keys: Arc<ApiKeys>,
}

impl Outside {
    /// The machine's own clock and random, and the banks, keys and address of the settings.
    ///
    /// # Errors
    /// An address that can't be bound, or a bank or a key that can't be read.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            listener: bind(settings.listen)?,
            wall: system_wall_clock(),
            chance: Entropy::system(),
            catalogue: Arc::new(Catalogue::open(settings.quiz_dir.clone()).context("REJOIN_QUIZ_DIR")?),
            keys: Arc::new(ApiKeys::new(settings.keys()?, settings.keys_scoped)),
        })
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the old connections to time out.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listen().with_context(|| format!("REJOIN_LISTEN: cannot listen on {address}"))
}

/// Serves until `stop`, then finishes what is in flight and closes the stores.
///
/// # Errors
/// Whatever keeps it from starting, or from closing the stores in time.
pub async fn run(
    settings: &Settings,
    outside: Outside,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    run_over(settings, outside, Stores::open, stop).await
}

/// The same over stores of the caller's.
///
/// # Errors
/// The same.
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
    announce(settings, &outside.listener, &reach, &stores).await?;
    let homes = Arc::new(stores.homes);
    let background = TaskTracker::new();
    let stopping = CancellationToken::new();
    for keeper in homes.keepers() {
        let reaper = Reaper { keeper: keeper.clone(), every: settings.reap_every };
        background.spawn(reaper.run(stopping.clone()));
    }
    let admission = Arc::new(Admission::new(&settings.limits, allow_many_connections()));
    let tidying = (admission.clone(), homes.clone(), stopping.clone());
    background.spawn(async move {
        let (admission, homes, stopping) = tidying;
        stopping.run_until_cancelled(admission.tidy(&homes)).await;
    });
    let chaos = settings.chaos.map(|likelihood| Chaos::new(likelihood, outside.chance.clone()));
    let late = chaos.clone().map(|chaos| Box::new(move || chaos.delay()) as hub::DelayFn);
    let hub = Hub::new(stopping.clone(), late);
    let rooms = Rooms {
        homes: homes.clone(),
        catalogue: outside.catalogue.clone(),
        lifetimes: room_lifetimes(settings),
        chance: outside.chance.clone(),
        hub: hub.clone(),
        openings: Openings::default(),
    };
    let solo = SoloGames {
        homes: homes.clone(),
        catalogue: outside.catalogue,
        lifetimes: Lifetimes {
            ttl: settings.session_ttl.into(),
            max_age: settings.session_max_age.into(),
            results_ttl: settings.results_ttl.into(),
        },
        chance: outside.chance,
    };
    let shared = web::Data::new(Shared {
        solo,
        rooms,
        chaos,
        homes: homes.clone(),
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
    let served = serve(settings, outside.listener, shared, stop).await;
    stopping.cancel();
    background.close();
    hub.closed().await;
    close(&homes, &background).await?;
    served
}

/// What a stranger can do on this server that its owner may not have meant.
fn warn_of_openness(settings: &Settings, outside: &Outside) -> anyhow::Result<()> {
    let is_reached = !outside.listener.local_addr()?.ip().is_loopback();
    if outside.keys.is_open() && is_reached {
        tracing::warn!(
            "REJOIN_API_KEYS is not set, and others can reach this server: anyone may play, and claim, as anyone"
        );
    }
    if outside.keys.hosting(settings.hosting) == Hosting::Open && is_reached {
        tracing::warn!(
            "REJOIN_HOSTING is open, and others can reach this server: anyone may open rooms on any bank, and read its answers there"
        );
    }
    if let Some(likelihood) = settings.chaos {
        tracing::warn!(likelihood, "REJOIN_CHAOS is set: replies are lost, and sockets frozen and cut, on purpose");
    }
    if !settings.limits.is_on() {
        tracing::warn!("REJOIN_LIMITS is off: whoever reaches this server can fill, freeze and search it");
    }
    Ok(())
}

/// Each connection is an open file, and the usual limit of 1,024 is soft: a process may raise it to the
/// hard one by itself. Gives the limit, if there is one.
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
    shared: web::Data<Shared>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let sockets = shared.sockets.clone();
    let stop = async move {
        stop.await;
        // The threads end when HTTP is done, and WebSockets live on them.
        sockets.stop().await;
    };
    let mut server = Server::build().shutdown_timeout(DRAIN_SECONDS).shutdown_signal(stop);
    if let Some(workers) = settings.workers {
        server = server.workers(workers);
    }
    let stopping = server.graceful_shutdown_signal();
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

/// The one line that a start prints, and its event in the log.
async fn announce(settings: &Settings, listener: &TcpListener, reach: &Reach, stores: &Stores) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let status = stores.homes.status().await?;
    let place = &stores.place;
    let away = if status.main.reachable { "" } else { " (out of reach yet)" };
    let fallback = stores.fallback.as_ref().map(|place| format!(", fallback {place}")).unwrap_or_default();
    let count = status.records();
    let records = format!("{count} session record{}", if count == 1 { "" } else { "s" });
    let version = env!("CARGO_PKG_VERSION");
    let limits = if settings.limits.is_on() { "" } else { ", limits off" };
    let chaos = settings.chaos.map(|likelihood| format!(", chaos {likelihood}")).unwrap_or_default();
    let page = page(address, reach);
    // One line in one piece: whoever reads no more than that may go away.
    println!(
        "rejoin {version} listens on http://{address} (to play, open {page}), sessions in {place}{away}{fallback}, \
         {records}{limits}{chaos}"
    );
    tracing::info!(
        version,
        listen = %address,
        engine = status.main.engine,
        place,
        reachable = status.main.reachable,
        fallback = stores.fallback,
        records = count,
        limits = settings.limits.is_on(),
        stopped_cleanly = stores.opening.map(|opening| opening.is_clean),
        clock_moved_on_ms = stores.opening.map(|opening| opening.moved_on.0),
        "rejoin has started"
    );
    Ok(())
}

/// How clients reach a server that listens here. Where others in the network find it is asked of the machine's
/// routes; nothing is sent.
fn reach(settings: &Settings, address: SocketAddr) -> Reach {
    let lan = || {
        // A container's own address and port mean nothing outside.
        if ["/.dockerenv", "/run/.containerenv"].into_iter().any(|mark| Path::new(mark).exists()) {
            return None;
        }
        let ip = if address.ip().is_unspecified() {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
            // An address that is kept free for documents (RFC 5737).
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

/// The page's address for whoever reads the first lines.
fn page(address: SocketAddr, reach: &Reach) -> String {
    let here = || format!("http://{address}");
    reach.public.as_ref().map(|public| public.url.clone()).or_else(|| reach.lan.clone()).unwrap_or_else(here)
}

async fn close(homes: &StoreRouter, background: &TaskTracker) -> anyhow::Result<()> {
    let closing = async {
        background.wait().await;
        homes.close().await
    };
    let closed = tokio::time::timeout(CLOSING, closing).await;
    closed.context("the stores could not be closed in time; nothing acknowledged is lost")??;
    tracing::info!("stopped");
    Ok(())
}
