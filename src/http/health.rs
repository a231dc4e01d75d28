//! Whether the server lives, is ready, and how it is.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::problem::Problem;
use super::{Shared, reply};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    version: &'static str,
    engine: &'static str,
    reachable: bool,
    degraded: bool,
    live_sessions: u64,
}

/// The process answers.
pub(super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
}

/// Commands are being committed.
pub(super) async fn readyz(shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    if shared.homes.status().await?.main.reachable {
        Ok(reply(StatusCode::OK, &json!({ "status": "ready" })))
    } else {
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", "the store is out of reach"))
    }
}

/// How the store is, for people; 503 when it can't be written.
pub(super) async fn health(shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let store = shared.homes.status().await?.main;
    let health = Health {
        status: if store.reachable { "ok" } else { "unavailable" },
        version: env!("CARGO_PKG_VERSION"),
        engine: store.engine,
        reachable: store.reachable,
        degraded: false,
        live_sessions: store.live_sessions,
    };
    let status = if store.reachable { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(reply(status, &health))
}
