//! The table of the admin listener's URLs, with the handler of each method.

use actix_web::http::Method;
use actix_web::web::{ServiceConfig, to};

use super::super::health;
use super::super::routes::{Url, at};
use super::{backups, metrics};
use crate::metrics::{HttpMetrics, Listener, RouteGroup};

/// The URLs that callers reach without a token: what they return is no secret.
pub(super) const OPEN: [&str; 2] = ["/livez", "/readyz"];

/// The URL table.
fn urls() -> Vec<Url> {
    vec![
        at("/livez", [(Method::GET, to(health::livez))]),
        at("/readyz", [(Method::GET, to(health::readyz))]),
        at("/health", [(Method::GET, to(health::health))]),
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
