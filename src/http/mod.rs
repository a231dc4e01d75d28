//! The HTTP API. `routes` has the table of all URLs, the other modules their handlers. Every error reply is a
//! problem document.

mod about;
pub mod admin;
mod admission;
mod answer;
mod auth;
mod body;
mod chaos;
mod cors;
mod health;
mod idempotency;
mod json;
mod media;
mod one_by_one;
mod pages;
mod problem;
mod qr;
mod quiz_choice;
mod quizzes;
mod reply;
mod rooms;
mod routes;
mod shared;
mod sockets;
mod solo;
mod store_health;
mod trace;
mod trace_context;

use std::future::ready;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::error::DispatchError;
use actix_http::h1::{ExpectHandler, UpgradeHandler};
use actix_http::{HttpServiceBuilder, Request, Response};
use actix_server::GracefulShutdownSignal;
use actix_service::{Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::{Condition, DefaultHeaders, from_fn};
use actix_web::web::QueryConfig;
use actix_web::{App, Error, body::MessageBody, dev, web};

pub use admission::{Admission, LimitSettings, Switch};
pub use auth::{ApiKey, ApiKeys};
pub use chaos::Chaos;
pub use one_by_one::OneByOne;
pub use pages::Pages;
pub use shared::{PublicUrl, Reach, Shared};
pub use sockets::Sockets;

use tokio::net::TcpStream;

use crate::metrics::Listener;
use admission::{CountedConnection, admit};
use problem::Problem;
use routes::routes;
use sockets::takeover;

/// Maximum bytes of a request's body.
pub const MOST_BODY: usize = 256 * 1024;

/// How long a connection is still read after its last reply. Closing it with unread input would send a reset,
/// which could overtake the reply.
const GOODBYE: Duration = Duration::from_secs(1);

/// The service that runs for each accepted connection: HTTP, and the upgrade to WebSocket.
pub fn service(
    shared: web::Data<Shared>,
    keep_alive: Duration,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> {
    let factory = || map_config(app(shared.clone()), |()| AppConfig::default());
    let http = connections(keep_alive, stopping).upgrade(takeover(factory())).finish(factory());
    fn_service(move |stream: TcpStream| ready(admit(&shared, Listener::Public, stream))).and_then(http)
}

/// How connections are kept and closed, on every listener.
fn connections<S>(
    keep_alive: Duration,
    stopping: GracefulShutdownSignal,
) -> HttpServiceBuilder<CountedConnection, S, ExpectHandler, UpgradeHandler>
where
    S: ServiceFactory<Request, Config = (), InitError = ()>,
    S::Error: Into<Response<BoxBody>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
{
    HttpServiceBuilder::default()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(keep_alive)
        .client_disconnect_timeout(GOODBYE)
        // A client that has closed its sending side counts as gone. Otherwise the long poll of a page would
        // go on waiting after the page was reloaded.
        .h1_allow_half_closed(false)
        .on_connect_ext(|connection: &CountedConnection, data| drop(data.insert(connection.activity())))
}

/// The application: routes, middleware and shared state.
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
        .app_data(Rc::new(shared.metrics.http.no_route(Listener::Public)))
        .app_data(shared.clone())
        .app_data(QueryConfig::default().error_handler(|error, _| Problem::bad_query(&error).into()))
        .configure(|config| routes(config, &shared))
        .default_service(web::to(pages::nothing))
        // The last wrap is the outermost: `traced` sees a request first, `bounded` last before its handler.
        .wrap(from_fn(body::bounded))
        .wrap(from_fn(chaos::lossy))
        .wrap(Condition::new(!shared.cors_origins.is_empty(), cors::of(&shared.cors_origins)))
        .wrap(DefaultHeaders::new().add(("Cache-Control", "no-store")))
        .wrap(from_fn(trace::traced))
}
