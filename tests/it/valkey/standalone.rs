//! One server and its faults. In each case every call ends, no answer counts twice, and games go on once the
//! server is reachable again; the bench `outages` measures how soon.
//! The tests need two threads: what a test does to a server blocks one of them and must not hold up the
//! players.

use std::time::{Duration, Instant};

use rejoin::store::valkey::{Topology, ValkeyStore};
use rejoin::store::{GameSessionStore, StoreError};

use super::players::Players;
use super::{REACHING, open, reached};
use crate::kit::{create, external, id, in_the_end, solo};
use crate::support::valkey::{DURABLE, Proxy, Resp, ValkeyServer};
use crate::support::{took, until, until_async};

const PLAYERS: u64 = 16;

/// Waits until a new connection can write, and returns the time.
async fn writable(server: &ValkeyServer) -> Instant {
    until(|| matches!(server.try_command(&["SET", "reachable", "1", "PX", "1000"]), Ok(Resp::Text(_)))).await;
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_kill_and_a_restart() {
    let mut server = ValkeyServer::start(&DURABLE);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    for _ in 0..2 {
        server.kill();
        players.are_refused().await;
        assert!(!store.status(store.clock().moment()).await.expect("told").reachable);
        server.restart();
        players.recover(writable(&server).await).await;
    }
    players.end("kill -9 and restart").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_server_that_freezes_for_three_seconds() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    server.stop_signal();
    let frozen = Instant::now();
    players.are_refused().await;
    let left = Duration::from_secs(3).saturating_sub(frozen.elapsed());
    tokio::time::sleep(left).await;
    server.continue_signal();
    players.recover(writable(&server).await).await;
    assert!(players.unknown() > 0, "no answer was under way when it froze, so this has tested nothing");
    players.end("SIGSTOP for 3 s").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_network_that_stalls() {
    let server = ValkeyServer::start(&[]);
    let proxy = Proxy::start(server.port).await;
    let store = reached(&format!("valkey://127.0.0.1:{}", proxy.port)).await;
    let players = Players::begin(&store, PLAYERS).await;
    proxy.stall();
    players.are_refused().await;
    proxy.go_on();
    players.recover(Instant::now()).await;
    players.end("a network that stalls").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_wrong_password_that_is_corrected() {
    let server = ValkeyServer::start(&["--requirepass", "right"]);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    let mut admin = server.connection().expect("a connection");
    admin.command(&["CONFIG", "SET", "requirepass", "wrong"]).expect("set");
    admin.command(&["CLIENT", "KILL", "TYPE", "normal"]).expect("cut");
    players.are_refused().await;
    let missing = store.until_reachable(Duration::from_secs(2)).await.expect_err("it must not be let in");
    assert!(std::error::Error::source(&missing).expect("a cause").to_string().contains("WRONGPASS"), "{missing:?}");
    admin.command(&["CONFIG", "SET", "requirepass", "right"]).expect("set");
    players.recover(writable(&server).await).await;
    players.end("wrong password, then mended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_server_that_is_loading() {
    let mut server = ValkeyServer::start(&DURABLE);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    for n in 0..2_000 {
        server.command(&["SET", &format!("ballast:{n}"), "x"]);
    }
    server.kill();
    server.restart_with(&["--key-load-delay", "2500", "--loading-process-events-interval-bytes", "1024"]);
    let is_loading =
        || matches!(server.try_command(&["GET", "x"]), Ok(Resp::Error(error)) if error.starts_with("LOADING"));
    assert!(is_loading(), "it has loaded already, so this has tested nothing");
    players.are_refused().await;
    players.recover(writable(&server).await).await;
    players.end("LOADING").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_server_whose_disk_fails() {
    let server = ValkeyServer::start(&["--save", "3600 1000000", "--dbfilename", "dump.rdb"]);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    let in_the_way = server.folder().join("dump.rdb");
    std::fs::create_dir(&in_the_way).expect("a folder where the snapshot would be");
    server.command(&["BGSAVE"]);
    players.are_refused().await;
    // What is stored can be read meanwhile.
    assert!(is_read(&store).await);
    until_reachable(&store, false).await;
    std::fs::remove_dir(&in_the_way).expect("removed");
    server.command(&["BGSAVE"]);
    players.recover(writable(&server).await).await;
    until_reachable(&store, true).await;
    players.end("MISCONF").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_server_without_memory() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    let at = store.clock().moment();
    create(&*store, solo(899, 2, at), at).await.expect("created");
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    players.are_refused().await;
    assert!(is_read(&store).await);
    let at = store.clock().moment();
    for new in [solo(900, 2, at), external(901, Some("ABC234"), at)] {
        let refused = create(&*store, new, at).await;
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    }
    in_the_end(async || store.delete(&id(899)).await).await.expect("what gives room is not refused");
    until_reachable(&store, false).await;
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    players.recover(writable(&server).await).await;
    until_reachable(&store, true).await;
    assert!(players.full() > 0);
    players.end("OOM under noeviction").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_a_server_that_forgets_its_scripts() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    for _ in 0..5 {
        server.command(&["SCRIPT", "FLUSH"]);
        players.recover(Instant::now()).await;
    }
    players.end("SCRIPT FLUSH").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_survive_connections_that_are_cut() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let players = Players::begin(&store, PLAYERS).await;
    for _ in 0..10 {
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        players.recover(Instant::now()).await;
    }
    players.end("CLIENT KILL, ten times").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_opened_before_its_server_connects_later() {
    let mut server = ValkeyServer::start(&[]);
    server.kill();
    let store = open(&server.url(), Topology::Standalone);
    let missing = store.until_reachable(Duration::from_secs(2)).await.expect_err("nothing is there");
    assert!(std::error::Error::source(&missing).expect("a cause").to_string().contains("refused"), "{missing:?}");
    server.restart();
    let since = writable(&server).await;
    store.until_reachable(REACHING).await.expect("found");
    took("found", since);
}

/// True if the first player's game can be read.
async fn is_read(store: &ValkeyStore) -> bool {
    let at = store.clock().moment();
    in_the_end(async || store.get(&id(0), at).await).await.expect("read").is_some()
}

async fn until_reachable(store: &ValkeyStore, is_so: bool) {
    until_async(async || store.status(store.clock().moment()).await.expect("told").reachable == is_so).await;
}
