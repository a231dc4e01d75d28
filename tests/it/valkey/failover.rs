//! A primary dies, freezes or steps down, and another takes its place. The primary of a key counts as
//! reachable when a new plain connection can write to it. What had not reached the replica is rolled back;
//! every answer that remains was evaluated once.

use std::time::{Duration, Instant};

use rejoin::domain::Sequence;
use rejoin::store::GameSessionStore;
use rejoin::store::valkey::Topology;

use super::players::Players;
use super::{REACHING, open};
use crate::kit::{create, external, id, in_the_end, record};
use crate::support::valkey::sentinels::SERVICE;
use crate::support::valkey::{ValkeyCluster, ValkeySentinels};
use crate::support::{until, until_async};

const PLAYERS: u64 = 16;

fn sentinel() -> Topology {
    Topology::Sentinel { service: SERVICE.to_owned(), password: None }
}

/// Waits until a new connection can write to the new primary, and returns the time.
async fn promoted(all: &ValkeySentinels, place: usize) -> Instant {
    until(|| {
        all.servers[place].try_command(&["SET", "reachable", "1", "PX", "1000"]).is_ok_and(|reply| reply.is("OK"))
    })
    .await;
    Instant::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_replace_a_killed_primary() {
    let mut all = ValkeySentinels::start();
    let store = open(&all.url(), sentinel());
    store.until_reachable(REACHING).await.expect("the primary is there");
    let mut players = Players::begin(&store, PLAYERS).await;
    let at = store.clock().moment();
    create(&*store, external(77, None, at), at).await.expect("created");
    in_the_end(async || store.apply(&id(77), record(3), at).await).await.expect("answered");
    let epoch = async || {
        let page = in_the_end(async || store.events(&id(77), Sequence(0), 9, store.clock().moment()).await).await;
        page.expect("read").expect("alive").epoch
    };
    let before = epoch().await;
    players.may_lose();
    all.servers[0].kill();
    players.are_refused().await;
    players.recover(promoted(&all, 1).await).await;
    assert_ne!(epoch().await, before, "numbers may be issued again, so every client gets a snapshot");
    players.end("sentinel failover after a kill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_replace_a_frozen_primary() {
    let all = ValkeySentinels::start();
    let store = open(&all.url(), sentinel());
    store.until_reachable(REACHING).await.expect("the primary is there");
    let mut players = Players::begin(&store, PLAYERS).await;
    players.may_lose();
    all.servers[0].stop_signal();
    players.recover(promoted(&all, 1).await).await;
    // The old primary wakes up, still acts as a primary, and then learns that it is none.
    all.servers[0].continue_signal();
    players.go_on().await;
    players.end("sentinel failover of a frozen primary").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_follow_when_a_primary_steps_down() {
    let all = ValkeySentinels::start();
    let store = open(&all.url(), sentinel());
    store.until_reachable(REACHING).await.expect("the primary is there");
    let mut players = Players::begin(&store, PLAYERS).await;
    players.may_lose();
    all.sentinels[0].command(&["SENTINEL", "FAILOVER", SERVICE]);
    players.recover(promoted(&all, 1).await).await;
    players.end("a failover that was asked for").await;
}

/// The node that accepts writes of this key, and the time when that was found.
async fn writable(cluster: &ValkeyCluster, key: &str) -> (usize, Instant) {
    let mut writer = None;
    until(|| {
        writer = cluster.writer_of(key);
        writer.is_some()
    })
    .await;
    (writer.expect("there is one"), Instant::now())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_replaces_a_killed_primary() {
    let mut cluster = ValkeyCluster::start(3, 1);
    let store = open(&cluster.url(), Topology::Cluster);
    store.until_reachable(REACHING).await.expect("the cluster is there");
    let mut players = Players::begin(&store, PLAYERS).await;
    let key = format!("session:{}", id(0));
    let (writer, _) = writable(&cluster, &key).await;
    players.may_lose();
    cluster.nodes[writer].kill();
    players.are_refused().await;
    // The games on the other shards go on.
    players.go_on().await;
    let (next, since) = writable(&cluster, &key).await;
    assert_ne!(next, writer);
    players.recover_game(0, since).await;
    players.end("cluster failover after a kill").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_replaces_a_frozen_primary() {
    let cluster = ValkeyCluster::start(3, 1);
    let store = open(&cluster.url(), Topology::Cluster);
    store.until_reachable(REACHING).await.expect("the cluster is there");
    let mut players = Players::begin(&store, PLAYERS).await;
    let key = format!("session:{}", id(0));
    let (writer, _) = writable(&cluster, &key).await;
    players.may_lose();
    cluster.nodes[writer].stop_signal();
    let (next, since) = writable(&cluster, &key).await;
    assert_ne!(next, writer);
    players.recover_game(0, since).await;
    cluster.nodes[writer].continue_signal();
    players.go_on().await;
    players.end("cluster failover of a frozen primary").await;
}

/// Takes a shard of a cluster away for longer than it takes to notice, checks that the games on the other
/// shards go on, and brings it back.
async fn without_a_shard(take: impl Fn(&mut ValkeyCluster, usize), bring: impl Fn(&mut ValkeyCluster, usize)) {
    let mut cluster = ValkeyCluster::start(3, 0);
    for node in &cluster.nodes {
        node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
        node.command(&["CONFIG", "SET", "appendfsync", "always"]);
    }
    let store = open(&cluster.url(), Topology::Cluster);
    store.until_reachable(REACHING).await.expect("the cluster is there");
    let players = Players::begin(&store, PLAYERS).await;
    let writer_of = |n| cluster.wait_for_writer_of(&format!("session:{}", id(n)));
    let away = writer_of(0);
    let others: Vec<_> = (1..PLAYERS).filter(|n| writer_of(*n) != away).collect();
    assert!(!others.is_empty() && others.len() + 2 < PLAYERS as usize, "{others:?}");
    take(&mut cluster, away);
    players.are_refused().await;
    let longest = players.keep_going_on(&others, Duration::from_secs(5)).await;
    println!("beside a shard that is away: {longest:?} without a verdict at the most");
    // New games can begin on the other shards.
    until_async(async || store.status(store.clock().moment()).await.is_ok_and(|status| status.reachable)).await;
    bring(&mut cluster, away);
    let (_, since) = writable(&cluster, &format!("session:{}", id(0))).await;
    players.recover_game(0, since).await;
    players.end("a shard that was away").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_shard_does_not_stop_the_others() {
    without_a_shard(|cluster, away| cluster.nodes[away].kill(), |cluster, away| cluster.nodes[away].restart()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_shard_does_not_stop_the_others() {
    let freeze = |cluster: &mut ValkeyCluster, away: usize| cluster.nodes[away].stop_signal();
    without_a_shard(freeze, |cluster, away| cluster.nodes[away].continue_signal()).await;
}
