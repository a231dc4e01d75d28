//! What this server is and knows: for pages, and for whoever looks around.

use std::sync::LazyLock;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::{Shared, Url, reply};
use crate::quizzes::Hosting;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    name: &'static str,
    version: &'static str,
    /// `REJOIN_PUBLIC_URL`.
    public_url: Option<&'a str>,
    /// Where others in this network reach a server that listens for them, as far as it can tell.
    lan_url: Option<&'a str>,
    hosting: Hosting,
    /// How likely replies are lost on purpose.
    chaos: Option<f64>,
    calls: &'static [ApiCall],
}

#[derive(Serialize)]
struct ApiCall {
    method: String,
    path: String,
}

/// Every call there is.
static CALLS: LazyLock<Vec<ApiCall>> = LazyLock::new(|| {
    let call = |path: &str, method: &Method| ApiCall { method: method.to_string(), path: format!("/api{path}") };
    let calls_of = |url: Url| url.routes.iter().map(|(method, _)| call(url.path, method)).collect::<Vec<_>>();
    super::api().into_iter().flat_map(calls_of).collect()
});

pub(super) async fn about(shared: web::Data<Shared>) -> HttpResponse {
    let about = About {
        name: "rejoin",
        version: env!("CARGO_PKG_VERSION"),
        public_url: shared.reach.public.as_ref().map(|public| public.url.as_str()),
        lan_url: shared.reach.lan.as_deref(),
        hosting: shared.keys.hosting(shared.hosting),
        chaos: shared.chaos.as_ref().map(super::Chaos::likelihood),
        calls: &CALLS,
    };
    reply(StatusCode::OK, &about)
}
