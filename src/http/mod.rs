//! The HTTP API: every URL on this screen, handlers beside it, one shape for every error.

mod auth;
mod body;
mod health;
mod json;
mod problem;
mod solo;
mod trace;

use std::sync::Arc;

use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{PayloadConfig, ServiceConfig, delete, get, post, resource, scope};
use actix_web::{App, Error, HttpRequest, HttpResponse, body::MessageBody, dev, web};

pub use auth::ApiKeys;

use crate::game::SoloGames;
use crate::store::{Clock, GameSessionStore};
use problem::Problem;

/// Most bytes of a request's body.
pub const MOST_BODY: usize = 256 * 1024;

/// What the handlers share.
pub struct Shared {
    /// Solo games.
    pub solo: SoloGames,
    /// What health asks.
    pub store: Arc<dyn GameSessionStore>,
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// Who may do what only backends may.
    pub keys: ApiKeys,
}

/// The URL table.
fn routes(config: &mut ServiceConfig) {
    config
        .service(
            scope("/api")
                .service(at("/game/session").route(post().to(solo::create)))
                .service(at("/game/session/{id}").route(get().to(solo::resume)).route(delete().to(solo::give_up)))
                .service(at("/game/question").route(post().to(solo::show)))
                .service(at("/game/answer").route(post().to(solo::answer)))
                .service(at("/game/results/{id}").route(get().to(solo::results)))
                .service(at("/game/results/{id}/award").route(post().to(solo::award)))
                .service(at("/quizzes").route(get().to(solo::quizzes))),
        )
        .service(at("/livez").route(get().to(health::livez)))
        .service(at("/readyz").route(get().to(health::readyz)))
        .service(at("/health").route(get().to(health::health)));
}

/// A URL; other methods than those given are refused with the list of them.
fn at(path: &str) -> actix_web::Resource {
    resource(path.to_owned()).default_service(web::to(method_not_allowed))
}

async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed()
}

async fn not_found(request: HttpRequest) -> Problem {
    Problem::no_such_url(request.path())
}

/// The whole application.
pub fn app(
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
        .app_data(shared)
        .app_data(PayloadConfig::new(MOST_BODY))
        .configure(routes)
        .default_service(web::to(not_found))
        .wrap(from_fn(body::bounded))
        .wrap(DefaultHeaders::new().add(("Cache-Control", "no-store")))
        .wrap(from_fn(trace::traced))
}

/// A reply with a JSON body.
fn reply(status: actix_web::http::StatusCode, body: &impl serde::Serialize) -> HttpResponse {
    HttpResponse::build(status).json(body)
}
