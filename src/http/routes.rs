//! The table of all URLs, with the handler of each method.

use std::future::ready;
use std::rc::Rc;

use actix_web::dev::{self, HttpServiceFactory};
use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::web::{ServiceConfig, resource, scope, to};
use actix_web::{Route, Scope};

use super::problem::Problem;
use super::rooms::{Verb, command};
use super::sockets::echo;
use super::{Shared, about, health, media, pages, qr, quizzes, rooms, solo};
use crate::metrics::{Listener, RouteGroup, RouteMetrics};

/// The URL table of `/api`. It is searched in this order, so the most frequent URLs come first.
pub(super) fn api() -> Vec<Url> {
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
        at("/rooms/{id}/start", [(Method::POST, command(Verb::Start))]),
        at("/rooms/{id}/next", [(Method::POST, command(Verb::Next))]),
        at("/rooms/{id}/close", [(Method::POST, command(Verb::Close))]),
        at("/rooms/{id}/pause", [(Method::POST, command(Verb::Pause))]),
        at("/rooms/{id}/lock", [(Method::POST, command(Verb::Lock))]),
        at("/rooms/{id}/kick", [(Method::POST, command(Verb::Kick))]),
        at("/rooms/{id}/finish", [(Method::POST, command(Verb::Finish))]),
        at("/rooms/{id}/takeover", [(Method::POST, command(Verb::TakeOver))]),
        at("/rooms/{id}/again", [(Method::POST, to(rooms::again))]),
        at("/rooms/{id}/answer", [(Method::POST, command(Verb::Answer))]),
        at("/rooms/{id}/leave", [(Method::POST, command(Verb::Leave))]),
        at("/rooms/{id}/resume", [(Method::POST, to(rooms::resume))]),
        at("/rooms/{id}/ack", [(Method::POST, command(Verb::Acknowledge))]),
        at("/rooms/{id}/heartbeat", [(Method::POST, command(Verb::Heartbeat))]),
        at("/rooms/{id}/say", [(Method::POST, command(Verb::Say))]),
        at("/rooms/{id}/events", [(Method::GET, to(rooms::page)), (Method::POST, command(Verb::Record))]),
        at("/rooms/{id}/seats", [(Method::POST, to(rooms::seat_user))]),
        at("/rooms/{id}/seats/{seat}", [(Method::DELETE, to(rooms::revoke))]),
        at("/rooms/{id}/seats/{seat}/code", [(Method::POST, to(rooms::code))]),
        at("/rooms/{id}/host", [(Method::POST, to(rooms::renew_host))]),
        at("/rooms/{id}/join-code", [(Method::POST, command(Verb::ChangeJoinCode))]),
        at("/rooms/{id}/results", [(Method::GET, to(rooms::results))]),
        at("/rooms/{id}/ws", [(Method::GET, to(rooms::connect))]),
    ]
}

/// The URL table outside `/api`: pages, pictures, health.
pub(super) fn beside() -> Vec<Url> {
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

pub(super) fn routes(config: &mut ServiceConfig, shared: &Shared) {
    let measured = |scope: &str, url: Url| {
        let route = format!("{scope}{}", url.path);
        let metrics = shared.metrics.http.route(Listener::Public, route, group(url.path));
        url.measured(metrics)
    };
    if shared.test_echo {
        config
            .service(at("/websocket-echo", [(Method::GET, to(echo::all))]))
            .service(at("/websocket-echo/text", [(Method::GET, to(echo::text))]));
    }
    let api = api().into_iter().map(|url| measured("/api", url));
    config.service(api.fold(scope("/api"), Scope::service));
    for url in beside() {
        config.service(measured("", url));
    }
}

/// The group of a URL pattern, which is without `/api`.
fn group(path: &str) -> RouteGroup {
    match path {
        "/rooms/{id}/ws" => RouteGroup::Upgrade,
        "/rooms/{id}/events" => RouteGroup::Events,
        "/livez" | "/readyz" | "/health" => RouteGroup::Health,
        "/quizzes" | "/quizzes/import" | "/banks/{id}" | "/qr" | "/media/{name}" => RouteGroup::Banks,
        path if path.starts_with("/game/") => RouteGroup::Solo,
        path if path.starts_with("/rooms") => RouteGroup::Rooms,
        _ => RouteGroup::Pages,
    }
}

/// A URL pattern and its handlers by method.
pub(super) struct Url {
    pub(super) path: &'static str,
    pub(super) routes: Vec<(Method, Route)>,
    metrics: Option<RouteMetrics>,
}

impl Url {
    /// The same URL, with its requests measured.
    pub(super) fn measured(self, metrics: RouteMetrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }
}

/// A URL and its methods. GET includes HEAD. Other methods get 405 with the list of the allowed ones.
pub(super) fn at<const N: usize>(path: &'static str, routes: [(Method, Route); N]) -> Url {
    Url { path, routes: routes.into(), metrics: None }
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
        let url = match self.metrics {
            Some(metrics) => url.app_data(Rc::new(metrics)),
            None => url,
        };
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
