//! The HTTP API: every URL on this screen, handlers beside it, one shape for every error.

mod about;
mod admission;
mod answer;
mod auth;
mod body;
mod chaos;
mod cors;
mod date;
mod health;
mod idempotency;
mod json;
mod live;
mod media;
mod one_by_one;
mod pages;
mod problem;
mod qr;
mod quiz_choice;
mod quizzes;
mod rooms;
mod solo;
mod store_health;
mod trace;
mod websocket;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::GracefulShutdownSignal;
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, HttpServiceFactory};
use actix_web::guard::{self, Guard};
use actix_web::http::header::{ContentType, HOST};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::{Condition, DefaultHeaders, from_fn};
use actix_web::web::{QueryConfig, ServiceConfig, resource, scope, to};
use actix_web::{App, Error, HttpRequest, HttpResponse, Route, Scope, body::MessageBody, dev, web};

pub use admission::{Admission, LimitSettings, Switch};
pub use auth::{ApiKey, ApiKeys};
pub use chaos::Chaos;
pub use one_by_one::OneByOne;
pub use pages::Pages;
pub use websocket::Sockets;

use tokio::net::TcpStream;

use crate::domain::InstanceName;
use crate::game::{Rooms, SoloGames};
use crate::quizzes::Hosting;
use crate::store::StoreRouter;
use admission::{CountedConnection, Place, admit};
use auth::ApiCaller;
use problem::Problem;
use websocket::{echo, takeover};

/// Most bytes of a request's body.
pub const MOST_BODY: usize = 256 * 1024;

/// Most replies are smaller, so that they are written without growing.
const USUAL_REPLY: usize = 2 * 1024;

/// How long a connection is read after its last reply, which a reset could overtake.
const GOODBYE: Duration = Duration::from_secs(1);

/// The address at which clients reach the server, as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// The whole, without a slash at its end.
    pub url: String,
    /// The host of it, and the port if it is not the usual one.
    pub host: String,
}

/// How clients reach the server.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// At this address, if that is set: requests for another host are refused.
    pub public: Option<PublicUrl>,
    /// At this one from the same network, as far as the server can tell.
    pub lan: Option<String>,
}

/// What the handlers share.
pub struct Shared {
    /// Solo games.
    pub solo: SoloGames,
    /// Rooms.
    pub rooms: Rooms,
    /// What strikes replies and sockets, if anything does.
    pub chaos: Option<Chaos>,
    /// Whom health asks.
    pub homes: Arc<StoreRouter>,
    /// This instance's name, if it has one.
    pub instance: Option<InstanceName>,
    /// Who may do what only backends may.
    pub keys: Arc<ApiKeys>,
    /// How much whom is allowed.
    pub admission: Arc<Admission>,
    /// Who may open rooms, if that is set.
    pub hosting: Option<Hosting>,
    /// How clients reach the server.
    pub reach: Reach,
    /// Where the pages come from.
    pub pages: Pages,
    /// The other sites whose pages may ask.
    pub cors_origins: Vec<String>,
    /// The open WebSockets.
    pub sockets: Sockets,
    /// Whether there are URLs for tests of WebSockets.
    pub test_echo: bool,
    /// The imports of files that run.
    pub imports: OneByOne,
    /// The QR codes that are drawn.
    pub drawings: OneByOne,
}

impl Shared {
    /// What a request shares with all others.
    fn of(request: &HttpRequest) -> &web::Data<Self> {
        request.app_data().expect("no app is made without it")
    }

    /// Lets a request in whose body holds so much at most, for as long as the place lives.
    fn admit(&self, request: &dev::ServiceRequest, body: u64) -> Result<Place, Problem> {
        self.check_host(request)?;
        self.admission.request(request, body, || self.keys.is_shown(request.request()))
    }

    /// Refuses a request for another host than the public one; not a question about the server's health.
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

    /// Whether a caller may open rooms.
    fn may_host(&self, caller: &ApiCaller) -> Result<(), Problem> {
        match (self.keys.hosting(self.hosting), caller) {
            (Hosting::Open, _) | (Hosting::Key, ApiCaller::Backend(_)) => Ok(()),
            (Hosting::Key, _) => Err(ApiCaller::key_required("opening a room")),
        }
    }
}

/// The URL table of `/api`. They are looked through in this order: what is asked most stands first.
fn api() -> Vec<Url> {
    vec![
        at("/game/answer", [(Method::POST, to(solo::answer))]),
        at("/game/question", [(Method::POST, to(solo::show))]),
        at("/game/session", [(Method::POST, to(solo::create))]),
        at("/game/session/{id}", [(Method::GET, to(solo::resume)), (Method::DELETE, to(solo::give_up))]),
        at("", [(Method::GET, to(about::about))]),
        at("/game/results/{id}", [(Method::GET, to(solo::results))]),
        at("/game/results/{id}/award", [(Method::POST, to(solo::award))]),
        at("/quizzes", [(Method::GET, to(quizzes::list))]),
        at("/quizzes/import", [(Method::POST, to(quizzes::import))]),
        at("/banks/{id}", [(Method::GET, to(quizzes::bank))]),
        at("/qr", [(Method::POST, to(qr::code))]),
        at("/rooms", [(Method::GET, to(rooms::owned)), (Method::POST, to(rooms::open))]),
        at("/rooms/join", [(Method::POST, to(rooms::join))]),
        at("/rooms/{id}", [(Method::GET, to(rooms::look)), (Method::DELETE, to(rooms::delete))]),
        at("/rooms/{id}/start", [(Method::POST, to(rooms::start))]),
        at("/rooms/{id}/next", [(Method::POST, to(rooms::next))]),
        at("/rooms/{id}/close", [(Method::POST, to(rooms::close))]),
        at("/rooms/{id}/pause", [(Method::POST, to(rooms::pause))]),
        at("/rooms/{id}/lock", [(Method::POST, to(rooms::lock))]),
        at("/rooms/{id}/kick", [(Method::POST, to(rooms::kick))]),
        at("/rooms/{id}/finish", [(Method::POST, to(rooms::finish))]),
        at("/rooms/{id}/takeover", [(Method::POST, to(rooms::take_over))]),
        at("/rooms/{id}/again", [(Method::POST, to(rooms::again))]),
        at("/rooms/{id}/answer", [(Method::POST, to(rooms::answer))]),
        at("/rooms/{id}/leave", [(Method::POST, to(rooms::leave))]),
        at("/rooms/{id}/resume", [(Method::POST, to(rooms::resume))]),
        at("/rooms/{id}/ack", [(Method::POST, to(rooms::acknowledge))]),
        at("/rooms/{id}/heartbeat", [(Method::POST, to(rooms::heartbeat))]),
        at("/rooms/{id}/say", [(Method::POST, to(rooms::say))]),
        at("/rooms/{id}/events", [(Method::GET, to(rooms::page)), (Method::POST, to(rooms::record))]),
        at("/rooms/{id}/seats", [(Method::POST, to(rooms::seat_user))]),
        at("/rooms/{id}/seats/{seat}", [(Method::DELETE, to(rooms::revoke))]),
        at("/rooms/{id}/seats/{seat}/code", [(Method::POST, to(rooms::code))]),
        at("/rooms/{id}/host", [(Method::POST, to(rooms::renew_host))]),
        at("/rooms/{id}/join-code", [(Method::POST, to(rooms::change_join_code))]),
        at("/rooms/{id}/results", [(Method::GET, to(rooms::results))]),
        at("/rooms/{id}/ws", [(Method::GET, to(live::connect))]),
    ]
}

/// The URL table beside it: pages, pictures, health.
fn beside() -> Vec<Url> {
    let screens = ["/", "/j/{code}", "/room/{id}", "/solo", "/host", "/host/{id}"];
    let mut urls: Vec<_> = screens.map(|screen| at(screen, [(Method::GET, to(pages::screen))])).into();
    urls.extend([
        at("/web/{path:.+}", [(Method::GET, to(pages::file))]),
        at("/media/{name}", [(Method::GET, to(media::picture))]),
        at("/livez", [(Method::GET, to(health::livez))]),
        at("/readyz", [(Method::GET, to(health::readyz))]),
        at("/health", [(Method::GET, to(health::health))]),
    ]);
    urls
}

fn routes(config: &mut ServiceConfig, shared: &Shared) {
    if shared.test_echo {
        config
            .service(at("/websocket-echo", [(Method::GET, to(echo::all))]))
            .service(at("/websocket-echo/text", [(Method::GET, to(echo::text))]));
    }
    config.service(api().into_iter().fold(scope("/api"), Scope::service));
    for url in beside() {
        config.service(url);
    }
}

/// A URL and its methods.
struct Url {
    path: &'static str,
    routes: Vec<(Method, Route)>,
}

/// A URL and its methods, GET standing for HEAD too; others are refused with the list of them.
fn at<const N: usize>(path: &'static str, routes: [(Method, Route); N]) -> Url {
    Url { path, routes: routes.into() }
}

impl HttpServiceFactory for Url {
    fn register(self, config: &mut dev::AppService) {
        let name = |(method, _): &(Method, Route)| match *method {
            Method::GET => "GET, HEAD".to_owned(),
            ref method => method.to_string(),
        };
        let allow = self.routes.iter().map(name).collect::<Vec<_>>().join(", ");
        let refuse = move || ready(Problem::method_not_allowed(&allow));
        let url = resource(self.path).default_service(to(refuse));
        let url = self.routes.into_iter().fold(url, |url, (method, route)| url.route(route.guard(is_asked(method))));
        url.register(config);
    }
}

fn is_asked(method: Method) -> impl Guard {
    guard::fn_guard(move |request| {
        let asked = &request.head().method;
        *asked == method || (*asked == Method::HEAD && method == Method::GET)
    })
}

/// What serves each connection: the application, over HTTP and where it leaves that.
pub fn service(
    shared: web::Data<Shared>,
    keep_alive: Duration,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> {
    let factory = || map_config(app(shared.clone()), |()| AppConfig::default());
    let http = HttpService::build()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(keep_alive)
        .client_disconnect_timeout(GOODBYE)
        // Who has closed waits for nothing: a page that is loaded anew leaves no request behind that waits.
        .h1_allow_half_closed(false)
        .on_connect_ext(|connection: &CountedConnection, data| drop(data.insert(connection.activity())))
        .upgrade(takeover(factory()))
        .finish(factory());
    let admission = shared.admission.clone();
    fn_service(move |stream: TcpStream| ready(admit(&admission, stream))).and_then(http)
}

/// The whole application.
fn app(
    shared: web::Data<Shared>,
) -> App<
    impl dev::ServiceFactory<
        dev::ServiceRequest,
        Config = (),
        Response = dev::ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(shared.clone())
        .app_data(QueryConfig::default().error_handler(|error, _| Problem::bad_query(&error).into()))
        .configure(|config| routes(config, &shared))
        .default_service(web::to(pages::nothing))
        .wrap(from_fn(body::bounded))
        .wrap(from_fn(chaos::lossy))
        .wrap(Condition::new(!shared.cors_origins.is_empty(), cors::of(&shared.cors_origins)))
        .wrap(DefaultHeaders::new().add(("Cache-Control", "no-store")))
        .wrap(from_fn(trace::traced))
}

/// A reply with a JSON body.
fn reply(status: actix_web::http::StatusCode, body: &impl serde::Serialize) -> HttpResponse {
    let mut bytes = Vec::with_capacity(USUAL_REPLY);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => HttpResponse::build(status).content_type(ContentType::json()).body(bytes),
        Err(error) => HttpResponse::from_error(error),
    }
}
