//! The health endpoints `/livez`, `/readyz` and `/health`.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::Shared;
use super::problem::Problem;
use super::reply::reply;
use super::store_health::StoreHealth;
use crate::domain::InstanceName;
use crate::version::{COMMIT, VERSION};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health<'a> {
    status: &'static str,
    version: &'static str,
    commit: &'static str,
    #[serde(flatten)]
    standing: StoreHealth,
    live_sessions: u64,
    commits: u64,
    damaged: u64,
    /// `on` or `off`, as `REJOIN_LIMITS` is set.
    limits: &'static str,
    /// Refusals by each limit that refused anything since the start, by the name of its setting.
    limits_hit: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a InstanceName>,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    #[serde(flatten)]
    standing: StoreHealth,
}

/// 200 while the process can answer at all.
pub(super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"ok"}"#)
}

/// 200 while new games can begin: in the main store, or in this instance's local fallback while the main
/// store is unavailable. 503 otherwise.
pub(super) async fn readyz(shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let standing = StoreHealth::of(&shared.router.status().await?);
    match standing.word("ready") {
        Some(status) => Ok(reply(StatusCode::OK, &Ready { status, standing })),
        None => Err(Problem::not_ready(standing)),
    }
}

/// The state of the stores and the counts of the server, for people. 503 when no new game can begin.
pub(super) async fn health(shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let stores = shared.router.status().await?;
    let standing = StoreHealth::of(&stores);
    let word = standing.word("ok");
    let health = Health {
        status: word.unwrap_or("unavailable"),
        version: VERSION,
        commit: COMMIT,
        standing,
        live_sessions: stores.live_sessions(),
        commits: stores.commits(),
        damaged: stores.damaged(),
        limits: if shared.admission.is_on() { "on" } else { "off" },
        limits_hit: shared.admission.met_limits(),
        instance: shared.instance.as_ref(),
    };
    let status = if word.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(reply(status, &health))
}
