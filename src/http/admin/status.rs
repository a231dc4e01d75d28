//! The state of the server, for the operators' page and for `rejoin status`: what `/health` says, and the figures that
//! `/metrics` has, added up.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Serialize;

use super::super::Shared;
use super::super::reply::{Handled, date, reply};
use super::super::store_health::StoreHealth;
use super::Admin;
use super::backups::BackupsReply;
use super::figures::{DurationsOut, Figures};
use super::metrics;
use crate::domain::InstanceName;
use crate::metrics::{MetricInfo, Metrics, list};
use crate::version::{COMMIT, VERSION};

/// Groups of routes whose requests are those of players and hosts, and don't wait on purpose.
const PLAYED: [&str; 2] = [r#"group="solo""#, r#"group="rooms""#];
/// Calls to a store that change a session.
const CHANGES: [&str; 2] = [r#"operation="create""#, r#"operation="apply""#];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusOut<'a> {
    /// `ok`, `degraded` or `unavailable`.
    status: &'static str,
    version: &'static str,
    commit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a InstanceName>,
    #[serde(flatten)]
    standing: StoreHealth,
    /// Why no new game can begin, in a sentence.
    reason: &'static str,
    started_at: String,
    server_time: String,
    live_sessions: u64,
    records: u64,
    damaged: u64,
    /// `on` or `off`, as `REJOIN_LIMITS` is set.
    limits: &'static str,
    limits_hit: BTreeMap<&'static str, u64>,
    /// Levels at this moment. What is not known is left out.
    now: BTreeMap<&'static str, f64>,
    /// Counts since the start.
    totals: BTreeMap<&'static str, f64>,
    /// Durations since the start: of players' requests, and of stored changes.
    latencies: BTreeMap<&'static str, DurationsOut>,
    /// Missing if there is no folder for backups and none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    backups: Option<BackupsReply>,
}

pub(super) async fn status(shared: Data<Shared>, admin: Data<Admin>) -> Handled {
    let stores = shared.router.status().await?;
    let standing = StoreHealth::of(&stores);
    let text = metrics::text(&shared).await;
    let figures = Figures::read(&text);
    let out = StatusOut {
        status: standing.word("ok").unwrap_or("unavailable"),
        version: VERSION,
        commit: COMMIT,
        instance: shared.instance.as_ref(),
        reason: standing.sentence(),
        standing,
        started_at: date(admin.started),
        server_time: date(shared.router.main().clock().moment().wall),
        live_sessions: stores.live_sessions(),
        records: stores.records(),
        damaged: stores.damaged(),
        limits: if shared.admission.is_on() { "on" } else { "off" },
        limits_hit: shared.admission.met_limits(),
        now: levels(&figures),
        totals: totals(&figures, &shared.metrics),
        latencies: latencies(&figures),
        backups: shared.backups.are_used().then(|| shared.backups.status().into()),
    };
    Ok(reply(StatusCode::OK, &out))
}

fn levels(figures: &Figures<'_>) -> BTreeMap<&'static str, f64> {
    let sum = |info: &MetricInfo| figures.sum(info, &[]);
    let levels = [
        ("connections", sum(list::CONNECTIONS)),
        ("webSockets", sum(list::WEBSOCKETS)),
        ("rooms", sum(list::ROOMS)),
        ("seats", sum(list::SEATS)),
        ("queued", sum(list::STORE_QUEUED)),
        ("memoryBytes", sum(list::RESIDENT)),
        ("fileBytes", sum(list::STORE_FILE)),
        ("diskFreeBytes", figures.least(list::DISK_FREE)),
        ("cleanedUpMs", figures.largest(list::REAPER_LAG).map(|seconds| seconds * 1_000.0)),
    ];
    known(levels)
}

fn totals(figures: &Figures<'_>, metrics: &Metrics) -> BTreeMap<&'static str, f64> {
    // A counter with labels has no value before its first count.
    let sum = |info: &MetricInfo, labels: &[&str]| Some(figures.sum(info, labels).unwrap_or_default());
    let totals = [
        ("requests", sum(list::HTTP_REQUESTS, &[r#"listener="public""#])),
        ("answers", Some(metrics.game.answers_taken() as f64)),
        ("events", sum(list::EVENTS_DELIVERED, &[])),
        ("refusals", sum(list::REFUSALS, &[])),
        ("commits", sum(list::STORE_COMMITS, &[])),
    ];
    known(totals)
}

fn latencies(figures: &Figures<'_>) -> BTreeMap<&'static str, DurationsOut> {
    let http = figures.durations(list::HTTP_SECONDS, &PLAYED);
    BTreeMap::from([("http", http), ("store", figures.durations(list::STORE_CALLS, &CHANGES))])
}

fn known<const N: usize>(values: [(&'static str, Option<f64>); N]) -> BTreeMap<&'static str, f64> {
    values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
