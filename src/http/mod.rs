//! The HTTP API: every URL on this screen, handlers beside it, one shape for every error.

mod auth;
mod body;
mod date;
mod health;
mod json;
mod problem;
mod solo;
mod standing;
mod trace;
mod websocket;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::GracefulShutdownSignal;
use actix_service::{ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{PayloadConfig, ServiceConfig, resource, scope, to};
use actix_web::{App, Error, HttpRequest, HttpResponse, Resource, Route, body::MessageBody, dev, web};

pub use auth::ApiKeys;
pub use websocket::Sockets;

use tokio::net::TcpStream;

use crate::domain::Home;
use crate::game::SoloGames;
use crate::store::Homes;
use problem::Problem;
use websocket::{echo, takeover};

/// Most bytes of a request's body.
pub const MOST_BODY: usize = 256 * 1024;

/// How long a connection is read after its last reply, which a reset could overtake.
const GOODBYE: Duration = Duration::from_secs(1);

/// What the handlers share.
pub struct Shared {
    /// Solo games.
    pub solo: SoloGames,
    /// Whom health asks.
    pub homes: Arc<Homes>,
    /// This instance's name, if it has one.
    pub instance: Option<Home>,
    /// Who may do what only backends may.
    pub keys: ApiKeys,
    /// The open WebSockets.
    pub sockets: Sockets,
    /// Whether there are URLs for tests of WebSockets.
    pub test_echo: bool,
}

/// The URL table.
fn routes(config: &mut ServiceConfig, shared: &Shared) {
    if shared.test_echo {
        config
            .service(at("/websocket-echo", [(Method::GET, to(echo::all))]))
            .service(at("/websocket-echo/text", [(Method::GET, to(echo::text))]));
    }
    config
        .service(
            scope("/api")
                .service(at("/game/session", [(Method::POST, to(solo::create))]))
                .service(at(
                    "/game/session/{id}",
                    [(Method::GET, to(solo::resume)), (Method::DELETE, to(solo::give_up))],
                ))
                .service(at("/game/question", [(Method::POST, to(solo::show))]))
                .service(at("/game/answer", [(Method::POST, to(solo::answer))]))
                .service(at("/game/results/{id}", [(Method::GET, to(solo::results))]))
                .service(at("/game/results/{id}/award", [(Method::POST, to(solo::award))]))
                .service(at("/quizzes", [(Method::GET, to(solo::quizzes))])),
        )
        .service(at("/livez", [(Method::GET, to(health::livez))]))
        .service(at("/readyz", [(Method::GET, to(health::readyz))]))
        .service(at("/health", [(Method::GET, to(health::health))]));
}

/// A URL and its methods, GET standing for HEAD too; others are refused with the list of them.
fn at<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let known = routes.iter().map(|(method, _)| if *method == Method::GET { "GET, HEAD" } else { method.as_str() });
    let allow = known.collect::<Vec<_>>().join(", ");
    let refuse = move || ready(Problem::method_not_allowed(&allow));
    let url = resource(path.to_owned()).default_service(to(refuse));
    routes.into_iter().fold(url, |url, (method, route)| url.route(route.guard(is_asked(method))))
}

fn is_asked(method: Method) -> impl Guard {
    guard::fn_guard(move |request| {
        let asked = &request.head().method;
        *asked == method || (*asked == Method::HEAD && method == Method::GET)
    })
}

async fn not_found(request: HttpRequest) -> Problem {
    Problem::no_such_url(request.path())
}

/// What serves each connection: the application, over HTTP and where it leaves that.
pub fn service(
    shared: web::Data<Shared>,
    keep_alive: Duration,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> {
    let factory = || map_config(app(shared.clone()), |()| AppConfig::default());
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(keep_alive)
        .client_disconnect_timeout(GOODBYE)
        .upgrade(takeover(factory()))
        .finish(factory())
        .tcp()
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
        .app_data(PayloadConfig::new(MOST_BODY))
        .configure(|config| routes(config, &shared))
        .default_service(web::to(not_found))
        .wrap(from_fn(body::bounded))
        .wrap(DefaultHeaders::new().add(("Cache-Control", "no-store")))
        .wrap(from_fn(trace::traced))
}

/// A reply with a JSON body.
fn reply(status: actix_web::http::StatusCode, body: &impl serde::Serialize) -> HttpResponse {
    HttpResponse::build(status).json(body)
}
