//! `GET /api`: describes the server and lists its API calls, for the pages and for people who explore the API.

use std::sync::LazyLock;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::Shared;
use super::reply::reply;
use super::routes::{self, Url};
use crate::quizzes::Hosting;
use crate::version::VERSION;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    name: &'static str,
    version: &'static str,
    /// The value of `REJOIN_PUBLIC_URL`, if it is set.
    public_url: Option<&'a str>,
    /// The URL at which others in the local network probably reach the server. `None` if it listens on
    /// loopback only, or in a container.
    lan_url: Option<&'a str>,
    hosting: Hosting,
    /// The probability that a reply is lost on purpose, if `REJOIN_CHAOS` is set.
    chaos: Option<f64>,
    calls: &'static [ApiCall],
}

#[derive(Serialize)]
struct ApiCall {
    method: String,
    path: String,
}

/// Every call of the API, computed once from the URL table.
static CALLS: LazyLock<Vec<ApiCall>> = LazyLock::new(|| {
    let call = |path: &str, method: &Method| ApiCall { method: method.to_string(), path: format!("/api{path}") };
    let calls_of = |url: Url| url.routes.iter().map(|(method, _)| call(url.path, method)).collect::<Vec<_>>();
    routes::api().into_iter().flat_map(calls_of).collect()
});

pub(super) async fn about(shared: web::Data<Shared>) -> HttpResponse {
    let about = About {
        name: "rejoin",
        version: VERSION,
        public_url: shared.reach.public.as_ref().map(|public| public.url.as_str()),
        lan_url: shared.reach.lan.as_deref(),
        hosting: shared.keys.hosting(shared.hosting),
        chaos: shared.chaos.as_ref().map(super::Chaos::likelihood),
        calls: &CALLS,
    };
    reply(StatusCode::OK, &about)
}
