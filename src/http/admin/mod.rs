//! The admin listener: what an operator sees and does. It has a port, a URL table and a gate of its own, and none of
//! its URLs exists on the public listener.

mod backups;
mod figures;
mod gate;
mod metrics;
mod page;
mod routes;
mod sessions;
mod status;

use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_server::GracefulShutdownSignal;
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::QueryConfig;
use actix_web::{App, Error, HttpRequest, dev, web};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::admission::admit;
use super::auth::ApiKeys;
use super::one_by_one::OneByOne;
use super::problem::Problem;
use super::shared::Shared;
use super::{body, connections, trace};
use crate::domain::WallTime;
use crate::game::SessionAdmin;
use crate::metrics::Listener;

/// The state of the admin listener, beside that of the whole server.
pub struct Admin {
    /// The tokens that are accepted. If there are none, every caller that can connect is let in.
    tokens: Arc<ApiKeys>,
    sessions: Arc<SessionAdmin>,
    /// Runs what reads many sessions, one at a time.
    scans: OneByOne,
    /// When the server was started.
    started: WallTime,
}

impl Admin {
    /// The state of a listener that accepts these tokens.
    pub fn new(tokens: Arc<ApiKeys>, sessions: SessionAdmin, started: WallTime) -> Self {
        Self { tokens, sessions: Arc::new(sessions), scans: OneByOne::default(), started }
    }

    /// Runs a use case on a thread that may wait for the disk.
    async fn run<T, F>(&self, work: impl FnOnce(Arc<SessionAdmin>) -> F + Send + 'static) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (sessions, runtime) = (self.sessions.clone(), Handle::current());
        self.scans.run(move || runtime.block_on(work(sessions))).await
    }
}

/// The service that runs for each connection that the admin listener accepts.
pub fn service(
    admin: web::Data<Admin>,
    shared: web::Data<Shared>,
    keep_alive: Duration,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> {
    let http =
        connections(keep_alive, stopping).finish(map_config(app(admin, shared.clone()), |()| AppConfig::default()));
    fn_service(move |stream: TcpStream| ready(admit(&shared, Listener::Admin, stream))).and_then(http)
}

/// The application of the admin listener: routes, middleware and shared state.
fn app(
    admin: web::Data<Admin>,
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
    let http = &shared.metrics.http;
    App::new()
        .app_data(Rc::new(http.no_route(Listener::Admin)))
        .app_data(admin)
        .app_data(shared.clone())
        .app_data(QueryConfig::default().error_handler(|error, _| Problem::bad_query(&error).into()))
        .configure(|config| routes::routes(config, http))
        .default_service(web::to(nothing))
        // The last wrap is the outermost.
        .wrap(from_fn(body::read_whole))
        .wrap(from_fn(gate::guarded))
        .wrap(DefaultHeaders::new().add(("Cache-Control", "no-store")).add(("X-Content-Type-Options", "nosniff")))
        .wrap(from_fn(trace::traced))
}

async fn nothing(http: HttpRequest) -> Problem {
    Problem::no_such_url(http.path())
}
