//! Reasons to refuse new games: readiness, health and the log report the same one, at once and until it ends.

use std::time::{Duration, Instant};

use rejoin::domain::Millis;
use rejoin::store::valkey::{Topology, ValkeyOptions, ValkeyStore, ValkeyTarget};
use rejoin::store::{Cause, GameSessionStore, NewSession, StoreError, ValkeyCause};
use serde_json::{Value, json};

use super::{REACHING, open, options, reached};
use crate::kit::{external, id, record, right, solo};
use crate::support::valkey::{ValkeyServer, fresh_cluster};
use crate::support::{Server, questions};

/// The longest time that health may take to report a change.
const AT_MOST: Duration = Duration::from_secs(15);

/// Waits until health reports this reason for refusing new games, or none.
async fn until_trouble(store: &ValkeyStore, cause: Option<ValkeyCause>) {
    let begun = Instant::now();
    loop {
        let trouble = store.status(store.clock().moment()).await.expect("told").trouble;
        if trouble.map(|trouble| trouble.cause) == cause.map(Cause::Valkey) {
            return;
        }
        assert!(begun.elapsed() < AT_MOST, "{cause:?}: health says {trouble:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn begins(store: &ValkeyStore, n: u64) -> Result<(), StoreError> {
    let at = store.clock().moment();
    store.create(NewSession(solo(n, 2, at)), at).await
}

fn evicting(policy: &str) -> [&str; 4] {
    ["CONFIG", "SET", "maxmemory-policy", policy]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_reports_a_full_valkey_at_once_and_its_end_by_itself() {
    let valkey = ValkeyServer::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::process(folder.path(), &["--store", "valkey", "--valkey-url", &valkey.url()]);
    let client = server.client();
    let ready = async |status: u16| -> Value {
        let begun = Instant::now();
        loop {
            let reply = client.get("/readyz").await;
            if reply.status == status {
                return serde_json::from_slice(&reply.body).expect("JSON");
            }
            assert!(begun.elapsed() < AT_MOST, "{}", reply.text());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    ready(200).await;
    valkey.command(&["CONFIG", "SET", "maxmemory", "1"]);
    for _ in 0..20 {
        let game = json!({ "questions": questions(2) });
        client.post("/api/game/session", &game).await.problem(503, "store-full");
        // Reported at once and without interruption.
        let said = client.get("/readyz").await.problem(503, "store-full");
        assert_eq!(said["cause"], "valkey: full", "{said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let health: Value = serde_json::from_slice(&client.get("/health").await.body).expect("JSON");
    assert_eq!((&health["status"], &health["cause"]), (&json!("unavailable"), &json!("valkey: full")), "{health}");
    let since = health["since"].as_str().expect("a date").to_owned();
    assert_eq!(ready(503).await["since"], json!(since));
    valkey.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let well = ready(200).await;
    assert!(well.get("cause").is_none() && well.get("since").is_none(), "{well}");
    client.play(2).await;
    let log = server.log();
    assert_eq!(log.matches("new games are refused: Valkey has no memory left").count(), 1, "{log}");
    assert_eq!(log.matches("new games begin again").count(), 1, "{log}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_reports_why_games_are_refused() {
    let server = ValkeyServer::start(&["--requirepass", "right", "--save", "3600 1000000"]);
    let store = reached(&server.url()).await;
    let mut admin = server.connection().expect("a connection");
    let mut order = |words: &[&str]| admin.command(words).expect("a reply");
    until_trouble(&store, None).await;
    order(&["CONFIG", "SET", "requirepass", "wrong"]);
    order(&["CLIENT", "KILL", "TYPE", "normal"]);
    until_trouble(&store, Some(ValkeyCause::Password)).await;
    order(&["CONFIG", "SET", "requirepass", "right"]);
    until_trouble(&store, None).await;

    order(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    until_trouble(&store, Some(ValkeyCause::Replicas)).await;
    order(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    until_trouble(&store, None).await;

    let in_the_way = server.folder().join("dump.rdb");
    std::fs::create_dir(&in_the_way).expect("a folder where the snapshot would be");
    order(&["BGSAVE"]);
    until_trouble(&store, Some(ValkeyCause::Disk)).await;
    std::fs::remove_dir(&in_the_way).expect("removed");
    order(&["BGSAVE"]);
    until_trouble(&store, None).await;

    // A right that only new games need.
    order(&["ACL", "SETUSER", "default", "-xadd"]);
    until_trouble(&store, Some(ValkeyCause::Rights)).await;
    order(&["ACL", "SETUSER", "default", "+xadd"]);
    until_trouble(&store, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_reports_one_full_shard_while_games_begin_on_the_others() {
    let cluster = fresh_cluster().await;
    let store = open(&cluster.url(), Topology::Cluster);
    store.until_reachable(REACHING).await.expect("the cluster is there");
    cluster.nodes[0].command(&["CONFIG", "SET", "maxmemory", "1"]);
    let mut begun = [0, 0];
    for n in 0..40 {
        match begins(&store, n).await {
            Ok(()) => begun[0] += 1,
            Err(StoreError::Full) => begun[1] += 1,
            Err(error) => panic!("{error:?}"),
        }
        if begun[1] > 0 {
            let trouble = store.status(store.clock().moment()).await.expect("told").trouble;
            assert_eq!(trouble.map(|trouble| trouble.cause), Some(Cause::Valkey(ValkeyCause::Full)));
        }
    }
    assert!(begun[0] > 0 && begun[1] > 0, "{begun:?}");
    cluster.nodes[0].command(&["CONFIG", "SET", "maxmemory", "1gb"]);
    until_trouble(&store, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_game_begins_on_a_server_that_may_evict_it_and_running_games_go_on() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    begins(&store, 1).await.expect("nothing is thrown away");
    server.command(&evicting("allkeys-lru"));
    until_trouble(&store, Some(ValkeyCause::Evicting)).await;
    for new in [2, 3] {
        let refused = begins(&store, new).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    let at = store.clock().moment();
    store.apply(&id(1), right(0), at).await.expect("answered").expect("alive").result.expect("evaluated");
    assert!(store.status(at).await.expect("told").reachable, "games that run go on");
    // Without a memory limit nothing is evicted.
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    until_trouble(&store, None).await;
    server.command(&["CONFIG", "SET", "maxmemory", "1gb"]);
    until_trouble(&store, Some(ValkeyCause::Evicting)).await;
    server.command(&evicting("noeviction"));
    until_trouble(&store, None).await;
    begins(&store, 2).await.expect("nothing is thrown away");

    // Eviction is found at the first connection already, also by a user who may not read settings.
    server.command(&evicting("volatile-ttl"));
    let user = ["ACL", "SETUSER", "few", "on", ">secret", "~*", "&*", "+@all", "-config"];
    assert!(server.command(&user).is("OK"));
    let url = server.url().replace("valkey://", "valkey://few:secret@");
    let other = reached(&url).await;
    assert!(matches!(begins(&other, 4).await, Err(StoreError::Unavailable(_))));
    let target = ValkeyTarget::parse(&url, Topology::Standalone).expect("a good URL");
    let allowing = ValkeyTarget { allows_eviction: true, ..target };
    let allowing = ValkeyStore::open(ValkeyOptions { ..options(allowing) }).expect("opened");
    allowing.until_reachable(REACHING).await.expect("the server is there");
    begins(&allowing, 4).await.expect("that it may be thrown away is accepted");
    assert_eq!(allowing.status(at).await.expect("told").trouble, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_game_begins_on_a_cluster_with_one_primary_that_may_evict() {
    let cluster = fresh_cluster().await;
    let store = open(&cluster.url(), Topology::Cluster);
    store.until_reachable(REACHING).await.expect("the cluster is there");
    cluster.nodes[2].command(&evicting("allkeys-random"));
    until_trouble(&store, Some(ValkeyCause::Evicting)).await;
    assert!(matches!(begins(&store, 1).await, Err(StoreError::Unavailable(_))));
    cluster.nodes[2].command(&evicting("noeviction"));
    until_trouble(&store, None).await;
    begins(&store, 1).await.expect("nothing is thrown away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_sessions_can_be_deleted_when_memory_is_full() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, None, at)), at).await.expect("created");
    store.apply(&id(1), record(3), at).await.expect("answered");
    assert_eq!(store.status(at).await.expect("told").records, 1);
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    until_trouble(&store, Some(ValkeyCause::Full)).await;
    let dead = rejoin::domain::Moment { now: at.now.plus(Millis(8_000_000)), ..at };
    assert_eq!(store.sweep(dead, 9).await.expect("swept").deleted, 1);
    assert_eq!(server.command(&["EXISTS", &format!("session:{}", id(1))]).integer(), 0);
}
