//! The Valkey engine on real servers: what it stores there, and how it handles the faults of such a server.

mod encrypted;
mod failover;
mod hints;
mod late;
mod missing;
mod players;
mod refusals;
mod standalone;
mod stored;
mod unsure;

use rejoin::domain::{GameSession, Millis};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::valkey::{Topology, ValkeyOptions, ValkeyStore, ValkeyTarget};
use std::sync::Arc;
use std::time::Duration;

use crate::support::HANG;

/// How long a test waits for a server that is running.
const REACHING: Duration = HANG;

fn open(url: &str, topology: Topology) -> Arc<ValkeyStore> {
    open_with(url, topology, ValkeyOptions::KEPT_DEAD)
}

fn open_with(url: &str, topology: Topology, kept_dead: Millis) -> Arc<ValkeyStore> {
    let target = ValkeyTarget::parse(url, topology).expect("a good URL");
    Arc::new(ValkeyStore::open(ValkeyOptions { kept_dead, ..options(target) }).expect("opened"))
}

fn options(target: ValkeyTarget) -> ValkeyOptions {
    let (rules, wall, kept_dead) = (GameSession::apply, system_wall_clock(), ValkeyOptions::KEPT_DEAD);
    ValkeyOptions { target, rules, wall, quiz_cache: 1 << 20, kept_dead }
}

async fn reached(url: &str) -> Arc<ValkeyStore> {
    let store = open(url, Topology::Standalone);
    store.until_reachable(REACHING).await.expect("the server is there");
    store
}
