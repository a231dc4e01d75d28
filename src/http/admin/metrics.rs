//! `/metrics`: what was recorded, and what the parts of the server know at this moment.

use std::time::Instant;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};

use super::super::Shared;
use super::super::store_health::word_of;
use crate::metrics::{self, Scrape, list};
use crate::store::backup::BackupStatus;
use crate::store::{Breaker, Cause, StoreFigures, StoreStatus, StoresStatus};
use crate::version::{COMMIT, VERSION};

/// All metrics in Prometheus' text format.
pub(super) async fn metrics(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, metrics::CONTENT_TYPE)).body(text(&shared).await)
}

/// The text of a scrape. Whatever can't be read now is left out: a scrape never fails.
pub(super) async fn text(shared: &Shared) -> String {
    let (begun, mut scrape) = (Instant::now(), Scrape::default());
    scrape.put(list::BUILD, [("version", VERSION), ("commit", COMMIT)], 1_u64);
    scrape.process();
    read_stores(&mut scrape, shared).await;
    read_server(&mut scrape, shared);
    scrape.put(list::SCRAPE_SECONDS, [], begun.elapsed().as_secs_f64());
    shared.metrics.text(scrape)
}

async fn read_stores(scrape: &mut Scrape, shared: &Shared) {
    // An error means that the server is stopping: its stores are closed.
    let Ok(status) = shared.router.status().await else { return };
    scrape.put(list::DEGRADED, [], status.is_degraded());
    let StoresStatus { main, own } = status;
    for ((name, store), status) in shared.router.named().zip([Some(main), own].into_iter().flatten()) {
        read_status(scrape, name, &status);
        read_figures(scrape, [("engine", status.engine), ("store", name)], store.figures());
    }
}

fn read_status(scrape: &mut Scrape, store: &'static str, status: &StoreStatus) {
    let of_store @ [engine, store] = [("engine", status.engine), ("store", store)];
    scrape.put(list::STORE_COMMITS, of_store, status.commits);
    scrape.put(list::STORE_REACHABLE, of_store, status.reachable);
    scrape.put(list::DAMAGED, of_store, status.damaged);
    let expired = status.records.saturating_sub(status.live_sessions);
    scrape.put(list::SESSIONS, [engine, store, ("state", "live")], status.live_sessions);
    scrape.put(list::SESSIONS, [engine, store, ("state", "expired")], expired);
    let trouble = status.trouble.map(|trouble| trouble.cause);
    for cause in Cause::of_engine(status.engine) {
        scrape.put(list::STORE_TROUBLE, [engine, store, ("cause", cause.word())], trouble == Some(*cause));
    }
    for state in status.link.iter().flat_map(|_| [Breaker::Closed, Breaker::HalfOpen, Breaker::Open]) {
        let is_now = status.link.is_some_and(|link| link.breaker == state);
        scrape.put(list::VALKEY_BREAKER, [("state", word_of(state))], is_now);
    }
}

fn read_figures(scrape: &mut Scrape, of_store: [(&'static str, &str); 2], figures: StoreFigures) {
    let [engine, store] = of_store;
    scrape.put(list::STORE_QUEUED, of_store, figures.queued);
    if let Some(batches) = figures.batches {
        scrape.put(list::STORE_BATCHES, of_store, batches);
    }
    if let Some(lag) = figures.sweep_lag {
        scrape.put(list::REAPER_LAG, of_store, lag.as_secs_f64());
    }
    if let Some(file) = figures.file {
        scrape.put(list::STORE_FILE, [engine, store, ("file", "database")], file.database);
        scrape.put(list::STORE_FILE, [engine, store, ("file", "log")], file.log);
        file.reserve.iter().for_each(|bytes| scrape.put(list::STORE_RESERVE, of_store, *bytes));
        if let Some((free, size)) = file.disk {
            scrape.put(list::DISK_FREE, of_store, free);
            scrape.put(list::DISK_SIZE, of_store, size);
        }
    }
    if let Some(valkey) = figures.valkey {
        scrape.put(list::VALKEY_EVICTS, [], valkey.evicts);
        scrape.put(list::VALKEY_CALLS, [], valkey.latency);
    }
}

fn read_backups(scrape: &mut Scrape, status: &BackupStatus) {
    scrape.put(list::BACKUPS, [("outcome", "made")], status.made);
    scrape.put(list::BACKUPS, [("outcome", "failed")], status.failed);
    if let Some(every) = status.every {
        scrape.put(list::BACKUP_INTERVAL, [], every.as_secs_f64());
    }
    if let Some(at) = status.last_success() {
        scrape.put(list::BACKUP_LAST, [], at.0 as f64 / 1_000.0);
    }
    if let Some(last) = &status.last {
        scrape.put(list::BACKUP_SECONDS, [], last.report.took.as_secs_f64());
        scrape.put(list::BACKUP_BYTES, [], last.report.bytes);
        scrape.put(list::BACKUP_LEFT_OUT, [], last.report.left_out);
    }
}

fn read_server(scrape: &mut Scrape, shared: &Shared) {
    let (rooms, seats) = shared.rooms.hub.connected();
    scrape.put(list::ROOMS, [], rooms);
    scrape.put(list::SEATS, [], seats);
    scrape.put(list::WEBSOCKETS, [], shared.sockets.open());
    read_backups(scrape, &shared.backups.status());
    for (limit, hits) in shared.admission.hits() {
        scrape.put(list::LIMIT_HITS, [("limit", limit)], hits);
    }
}
