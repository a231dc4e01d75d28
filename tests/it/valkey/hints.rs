//! Notices: an instance is told of commits at other instances, and is told again after every fault. Notices
//! can get lost during a fault, so each fault is followed by [`Notice::Look`], the request to read.

use std::time::Duration;

use rejoin::domain::{Sequence, SessionId};
use rejoin::store::valkey::{Topology, ValkeyStore};
use rejoin::store::{GameSessionStore, NewSession, Notice, Watch};

use super::{REACHING, open, reached};
use crate::kit::{acknowledge, external, id, record, right, solo};
use crate::support::valkey::sentinels::SERVICE;
use crate::support::valkey::{DURABLE, Proxy, Resp, ValkeyCluster, ValkeySentinels, ValkeyServer};
use crate::support::{in_time, until};

fn channel(id: &SessionId) -> String {
    format!("{{session:{id}}}:n")
}

fn watch(store: &ValkeyStore, n: u64) -> Watch {
    store.watch(&id(n)).expect("others can commit")
}

async fn next(watch: &mut Watch) -> Notice {
    in_time(watch.next()).await.expect("the store is open")
}

async fn created(store: &ValkeyStore, sessions: impl IntoIterator<Item = u64>) {
    let at = store.clock().moment();
    for n in sessions {
        store.create(NewSession(external(n, None, at)), at).await.expect("created");
    }
}

/// Records an event, with retries until the server takes it, and returns its sequence number.
async fn commit(store: &ValkeyStore, n: u64) -> Sequence {
    let begun = std::time::Instant::now();
    loop {
        match store.apply(&id(n), record(1), store.clock().moment()).await {
            Ok(applied) => return applied.expect("alive").events[0].sequence,
            Err(error) => assert!(begun.elapsed() < REACHING, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a watcher knows of this head, from a notice or by reading.
async fn knows(store: &ValkeyStore, watch: &mut Watch, n: u64, head: Sequence) {
    loop {
        match next(watch).await {
            Notice::Head(hinted) if hinted >= head => return,
            Notice::Head(_) => {}
            Notice::Look => {
                let page = store.events(&id(n), Sequence(0), 0, store.clock().moment()).await;
                if page.is_ok_and(|page| page.is_some_and(|page| page.head() >= head)) {
                    return;
                }
            }
        }
    }
}

/// Waits until notices arrive again after a fault, and checks that the watcher learns of a commit.
async fn hears_again(one: &ValkeyStore, other: &ValkeyStore, watch: &mut Watch, n: u64) {
    while next(watch).await != Notice::Look {}
    let head = commit(one, n).await;
    knows(other, watch, n, head).await;
}

/// The number of clients of one server that are subscribed to the channel of a session.
fn listeners(server: &ValkeyServer, count: &str, n: u64) -> i64 {
    let mut counted = server.command(&["PUBSUB", count, &channel(&id(n))]).list();
    counted.pop().expect("a channel and its number").integer()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_at_one_instance_notifies_the_other() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    created(&one, [1]).await;
    let mut watch = watch(&other, 1);
    assert_eq!(next(&mut watch).await, Notice::Look);
    let at = one.clock().moment();
    one.apply(&id(1), record(2), at).await.expect("answered").expect("alive");
    assert_eq!(next(&mut watch).await, Notice::Head(Sequence(2)));
    // A commit that changes the state without an event sends a notice too.
    one.apply(&id(1), acknowledge(1, 1), at).await.expect("answered").expect("alive");
    assert_eq!(next(&mut watch).await, Notice::Head(Sequence(2)));
    other.apply(&id(1), record(1), at).await.expect("answered").expect("alive");
    assert_eq!(next(&mut watch).await, Notice::Head(Sequence(3)), "its own are heard of too");
    assert!(one.delete(&id(1)).await.expect("deleted"));
    assert_eq!(next(&mut watch).await, Notice::Look);
    other.close().await.expect("closed");
    assert_eq!(watch.next().await, None);
    assert_eq!(other.watch(&id(1)).expect("a watch").next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_shared_games_send_notices() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    let at = one.clock().moment();
    one.create(NewSession(solo(1, 2, at)), at).await.expect("created");
    created(&one, [2]).await;
    let (mut alone, mut room) = (watch(&other, 1), watch(&other, 2));
    assert_eq!((next(&mut alone).await, next(&mut room).await), (Notice::Look, Notice::Look));
    one.apply(&id(1), right(0), at).await.expect("answered").expect("alive");
    commit(&one, 2).await;
    // One connection delivers all notices in the order of the commits. So a notice of the solo game would be
    // here by now.
    assert_eq!(next(&mut room).await, Notice::Head(Sequence(1)));
    assert!(tokio::time::timeout(Duration::from_millis(50), alone.next()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_watchers_of_a_session_share_one_subscription_that_ends_with_the_last() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    created(&one, [1, 2]).await;
    let count = |n| listeners(&server, "NUMSUB", n);
    let mut watches: Vec<_> = (0..20).map(|_| watch(&other, 1)).collect();
    let mut neighbour = watch(&other, 2);
    for watch in watches.iter_mut().chain([&mut neighbour]) {
        assert_eq!(next(watch).await, Notice::Look);
    }
    assert_eq!((count(1), count(2)), (1, 1));
    let mut late = watch(&other, 1);
    assert_eq!(next(&mut late).await, Notice::Look);
    commit(&one, 1).await;
    for watch in watches.iter_mut().chain([&mut late]) {
        assert_eq!(next(watch).await, Notice::Head(Sequence(1)));
    }
    drop(watches);
    commit(&one, 1).await;
    assert_eq!(next(&mut late).await, Notice::Head(Sequence(2)));
    assert_eq!(count(1), 1);
    drop(late);
    until(|| count(1) == 0).await;
    assert_eq!(count(2), 1);
    // The subscription ends and starts faster than the server can be told, and must still work afterwards.
    for _ in 0..50 {
        drop(watch(&other, 1));
    }
    let mut again = watch(&other, 1);
    assert_eq!(next(&mut again).await, Notice::Look);
    commit(&one, 1).await;
    assert_eq!(next(&mut again).await, Notice::Head(Sequence(3)));
    assert_eq!((count(1), count(2)), (1, 1));
    drop((again, neighbour));
    until(|| count(1) + count(2) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_resume_after_a_kill_and_a_restart() {
    let mut server = ValkeyServer::start(&DURABLE);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    created(&one, [1]).await;
    let mut watch = watch(&other, 1);
    for _ in 0..3 {
        hears_again(&one, &other, &mut watch, 1).await;
        server.kill();
        server.restart();
    }
    hears_again(&one, &other, &mut watch, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_resume_after_connections_are_cut() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    created(&one, [1]).await;
    let mut watch = watch(&other, 1);
    for kind in ["pubsub", "normal", "pubsub"] {
        hears_again(&one, &other, &mut watch, 1).await;
        assert!(server.command(&["CLIENT", "KILL", "TYPE", kind]).integer() > 0);
    }
    hears_again(&one, &other, &mut watch, 1).await;
    assert_eq!(listeners(&server, "NUMSUB", 1), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_resume_after_a_server_froze() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    created(&one, [1]).await;
    let mut watch = watch(&other, 1);
    hears_again(&one, &other, &mut watch, 1).await;
    server.stop_signal();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.continue_signal();
    hears_again(&one, &other, &mut watch, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_resume_after_a_network_lost_them() {
    let server = ValkeyServer::start(&[]);
    let proxy = Proxy::start(server.port).await;
    let one = reached(&server.url()).await;
    let other = reached(&format!("valkey://127.0.0.1:{}", proxy.port)).await;
    created(&one, [1]).await;
    let mut watch = watch(&other, 1);
    hears_again(&one, &other, &mut watch, 1).await;
    proxy.lose_replies_from_the_next_step_on();
    other.apply(&id(1), record(1), other.clock().moment()).await.expect_err("its reply is lost");
    commit(&one, 1).await;
    until(|| proxy.lost() > 1).await;
    proxy.lose_nothing();
    hears_again(&one, &other, &mut watch, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_come_from_the_primary_that_sentinels_promoted() {
    let mut all = ValkeySentinels::start();
    let topology = || Topology::Sentinel { service: SERVICE.to_owned(), password: None };
    let (one, other) = (open(&all.url(), topology()), open(&all.url(), topology()));
    for store in [&one, &other] {
        store.until_reachable(REACHING).await.expect("the primary is there");
    }
    created(&one, [1]).await;
    let mut watch = watch(&other, 1);
    hears_again(&one, &other, &mut watch, 1).await;
    all.servers[0].kill();
    until(|| all.primary() == Some(1)).await;
    hears_again(&one, &other, &mut watch, 1).await;
    assert_eq!(listeners(&all.servers[1], "NUMSUB", 1), 1);
}

/// Two instances over a cluster, with one watched session on each of its shards.
struct Shards {
    one: std::sync::Arc<ValkeyStore>,
    other: std::sync::Arc<ValkeyStore>,
    /// The node of each shard, a session on that shard, and its watch.
    watched: Vec<(usize, u64, Watch)>,
}

impl Shards {
    async fn over(cluster: &ValkeyCluster) -> Self {
        let (one, other) = (open(&cluster.url(), Topology::Cluster), open(&cluster.url(), Topology::Cluster));
        for store in [&one, &other] {
            store.until_reachable(REACHING).await.expect("the cluster is there");
        }
        let mut watched: Vec<(usize, u64, Watch)> = Vec::new();
        for n in 0.. {
            let node = cluster.wait_for_writer_of(&format!("session:{}", id(n)));
            if watched.iter().all(|(known, ..)| *known != node) {
                created(&one, [n]).await;
                watched.push((node, n, watch(&other, n)));
            }
            if watched.len() == 3 {
                break;
            }
        }
        let mut shards = Self { one, other, watched };
        for place in 0..3 {
            shards.hears_again(place).await;
        }
        shards
    }

    async fn hears_again(&mut self, place: usize) {
        let (_, n, watch) = &mut self.watched[place];
        hears_again(&self.one, &self.other, watch, *n).await;
    }

    /// Checks that notices still arrive where no fault happened.
    async fn hears(&mut self, place: usize) {
        let (_, n, watch) = &mut self.watched[place];
        let head = commit(&self.one, *n).await;
        knows(&self.other, watch, *n, head).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_come_from_every_shard_of_a_cluster() {
    let cluster = ValkeyCluster::start(3, 0);
    let mut shards = Shards::over(&cluster).await;
    for place in 0..3 {
        shards.hears(place).await;
        let (node, n, _) = &shards.watched[place];
        for (other, server) in cluster.nodes.iter().enumerate() {
            assert_eq!(listeners(server, "SHARDNUMSUB", *n), i64::from(other == *node));
        }
    }
    let (node, n, watch) = shards.watched.pop().expect("one of three");
    drop(watch);
    until(|| listeners(&cluster.nodes[node], "SHARDNUMSUB", n) == 0).await;
    shards.hears(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_resume_after_a_cluster_replaced_a_primary() {
    let mut cluster = ValkeyCluster::start(3, 1);
    let mut shards = Shards::over(&cluster).await;
    let (node, n, _) = shards.watched[0];
    cluster.nodes[node].kill();
    // Notices of the other shards go on meanwhile.
    shards.hears(1).await;
    shards.hears(2).await;
    until(|| cluster.writer_of(&format!("session:{}", id(n))).is_some()).await;
    shards.hears_again(0).await;
    shards.hears(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_follow_a_slot_that_moves_to_another_node() {
    let cluster = ValkeyCluster::start(3, 0);
    let mut shards = Shards::over(&cluster).await;
    let (from, n, _) = shards.watched[0];
    let to = shards.watched[1].0;
    move_slot(&cluster, &format!("session:{}", id(n)), from, to);
    shards.hears_again(0).await;
    assert_eq!(listeners(&cluster.nodes[to], "SHARDNUMSUB", n), 1);
    shards.hears(1).await;
    // The other way to move a slot, which Valkey has since 9.0: all keys of the slot at once.
    let (from, n, _) = shards.watched[2];
    let slot = cluster.nodes[from].command(&["CLUSTER", "KEYSLOT", &channel(&id(n))]).integer().to_string();
    let name = cluster.nodes[to].command(&["CLUSTER", "MYID"]).text();
    let moved = cluster.nodes[from].command(&["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", &slot, &slot, "NODE", &name]);
    assert!(moved.is("OK"), "{moved:?}");
    shards.hears_again(2).await;
    assert_eq!(listeners(&cluster.nodes[to], "SHARDNUMSUB", n), 1);
    shards.hears(0).await;
    shards.hears(1).await;
}

fn move_slot(cluster: &ValkeyCluster, key: &str, from: usize, to: usize) {
    let ok = |node: usize, words: &[&str]| {
        let reply = cluster.nodes[node].command(words);
        assert!(matches!(&reply, Resp::Text(_)), "{words:?}: {reply:?}");
    };
    let slot = cluster.nodes[from].command(&["CLUSTER", "KEYSLOT", key]).integer().to_string();
    let name = |node: usize| cluster.nodes[node].command(&["CLUSTER", "MYID"]).text();
    ok(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &name(from)]);
    ok(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &name(to)]);
    let port = cluster.nodes[to].port.to_string();
    for key in cluster.nodes[from].command(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).texts() {
        ok(from, &["MIGRATE", "127.0.0.1", &port, &key, "0", "5000"]);
    }
    for node in [to, from].into_iter().chain((0..3).filter(|node| *node != to && *node != from)) {
        ok(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &name(to)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_the_right_to_channels_can_still_play() {
    let server = ValkeyServer::start(&[]);
    let rights = "~* +@all resetchannels";
    let words: Vec<_> =
        ["ACL", "SETUSER", "few", "on", ">secret"].into_iter().chain(rights.split_whitespace()).collect();
    assert!(server.command(&words).is("OK"));
    let few = reached(&server.url().replace("valkey://", "valkey://few:secret@")).await;
    let all = reached(&server.url()).await;
    created(&few, [1]).await;
    let (mut deaf, mut hearing) = (watch(&few, 1), watch(&all, 1));
    assert_eq!(next(&mut hearing).await, Notice::Look);
    assert_eq!(commit(&few, 1).await, Sequence(1));
    assert_eq!(commit(&all, 1).await, Sequence(2));
    // A notice from a user without the right is not delivered. One from a user with the right is.
    assert_eq!(next(&mut hearing).await, Notice::Head(Sequence(2)));
    assert!(tokio::time::timeout(Duration::from_millis(100), deaf.next()).await.is_err());
    assert!(few.delete(&id(1)).await.expect("deleted"));
    assert!(few.status(few.clock().moment()).await.expect("told").reachable);
}
