//! The table of the admin listener's URLs, with the handler of each method.

use actix_web::http::Method;
use actix_web::web::{ServiceConfig, to};

use super::super::health;
use super::super::routes::{Url, at};
use super::{backups, metrics, page, sessions, status};
use crate::metrics::{HttpMetrics, Listener, RouteGroup};

/// True for URLs that callers reach without a token, because what they return is no secret. A browser can't show a
/// token when it opens the page, so the page asks for it.
pub(super) fn is_open(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/admin") || path.starts_with("/web/")
}

/// The URL table.
fn urls() -> Vec<Url> {
    vec![
        at("/livez", [(Method::GET, to(health::livez))]),
        at("/readyz", [(Method::GET, to(health::readyz))]),
        at("/health", [(Method::GET, to(health::health))]),
        at("/admin", [(Method::GET, to(page::page))]),
        at("/web/{path:.+}", [(Method::GET, to(page::file))]),
        at("/admin/api/status", [(Method::GET, to(status::status))]),
        at("/admin/api/sessions", [(Method::GET, to(sessions::list))]),
        at("/admin/api/sessions/{name}", [(Method::GET, to(sessions::look)), (Method::DELETE, to(sessions::end))]),
        at("/metrics", [(Method::GET, to(metrics::metrics))]),
        at("/admin/api/backups", [(Method::GET, to(backups::status)), (Method::POST, to(backups::make))]),
    ]
}

pub(super) fn routes(config: &mut ServiceConfig, http: &HttpMetrics) {
    for url in urls() {
        let metrics = http.route(Listener::Admin, url.path, RouteGroup::Admin);
        config.service(url.measured(metrics));
    }
}
