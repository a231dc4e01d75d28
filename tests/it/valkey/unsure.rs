//! Commands whose reply was lost: their outcome is unknown, whatever a later try returns. Also, a command
//! with little time left must not harm the commands in the same batch.

use std::sync::Arc;
use std::time::Duration;

use rejoin::domain::Sequence;
use rejoin::store::valkey::{Topology, ValkeyStore};
use rejoin::store::{GameSessionStore, NewSession, StoreError};

use super::{REACHING, open, reached};
use crate::kit::{external, id, record};
use crate::support::until;
use crate::support::valkey::ports::free_port;
use crate::support::valkey::{Proxy, ValkeyServer};

/// A cluster of one node that is only reached through a network that can lose replies, and two stores on it.
async fn scene() -> (ValkeyServer, Proxy, Arc<ValkeyStore>, Arc<ValkeyStore>) {
    let bus = free_port().to_string();
    let server = ValkeyServer::start(&["--cluster-enabled", "yes", "--cluster-port", &bus]);
    let proxy = Proxy::start(server.port).await;
    let port = proxy.port.to_string();
    for words in [
        &["CONFIG", "SET", "cluster-announce-ip", "127.0.0.1"][..],
        &["CONFIG", "SET", "cluster-announce-port", &port],
        &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"],
    ] {
        assert!(server.command(words).is("OK"), "{words:?}");
    }
    until(|| server.command(&["CLUSTER", "INFO"]).text().contains("cluster_state:ok")).await;
    let url = format!("valkey://127.0.0.1:{}", proxy.port);
    let stores = [open(&url, Topology::Cluster), open(&url, Topology::Cluster)];
    for store in &stores {
        store.until_reachable(REACHING).await.expect("the cluster is there");
    }
    let [one, other] = stores;
    (server, proxy, one, other)
}

/// Sends a command that is carried out but whose reply is lost. Another store's command follows, and then
/// `meets` changes the server before the retry. Returns the result of the first command and the number of
/// events.
async fn lost(meets: &[&str], then: &[&str]) -> (Result<(), StoreError>, usize) {
    let (server, proxy, one, other) = scene().await;
    let at = one.clock().moment();
    one.create(NewSession(external(1, None, at)), at).await.expect("created");
    // Now both stores know the script, and the first has the current state cached.
    other.apply(&id(1), record(1), at).await.expect("answered");
    one.apply(&id(1), record(1), at).await.expect("answered");
    proxy.lose_replies_from_the_next_step_on();
    let saying = {
        let one = one.clone();
        tokio::spawn(async move { one.apply(&id(1), record(1), at).await })
    };
    until(|| proxy.lost() > 0).await;
    proxy.lose_nothing();
    while other.apply(&id(1), record(1), at).await.is_err() {}
    server.command(meets);
    let answered =
        saying.await.expect("it ends").map(|applied| drop(applied.expect("alive").result.expect("recorded")));
    server.command(then);
    other.until_reachable(REACHING).await.expect("the cluster is there");
    let events = loop {
        if let Ok(page) = other.events(&id(1), Sequence(0), 99, other.clock().moment()).await {
            break page.expect("alive").events.len();
        }
    };
    (answered, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_is_unknown_at_the_second_try_may_have_run_at_the_first() {
    let (answered, events) = lost(&["SCRIPT", "FLUSH"], &["PING"]).await;
    assert!(matches!(answered, Ok(()) | Err(StoreError::OutcomeUnknown)), "{answered:?}");
    assert_eq!(events, 4, "it happened once: {answered:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_memory_at_the_second_try_does_not_undo_the_first() {
    let (answered, events) = lost(&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]).await;
    assert!(matches!(answered, Ok(()) | Err(StoreError::OutcomeUnknown)), "{answered:?}");
    assert_eq!(events, 4, "it happened once: {answered:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_with_little_time_left_does_not_fail_the_others() {
    let server = ValkeyServer::start(&[]);
    let proxy = Proxy::start(server.port).await;
    let store = open(&format!("valkey://127.0.0.1:{}", proxy.port), Topology::Standalone);
    store.until_reachable(REACHING).await.expect("the server is there");
    let witness = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, None, at)), at).await.expect("created");
    store.apply(&id(1), record(1), at).await.expect("answered");
    let say = || {
        let store = store.clone();
        tokio::spawn(async move { store.apply(&id(1), record(1), at).await.map(drop) })
    };
    proxy.hold_steps();
    let held = say();
    until(|| proxy.held() > 0).await;
    let late = say();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let early = say();
    tokio::time::sleep(Duration::from_millis(130)).await;
    // The late command has about 50 ms left, which is too little from now on.
    proxy.delay_steps(Duration::from_millis(120));
    proxy.deliver().await;
    let [held, late, early] = [held.await, late.await, early.await].map(|said| said.expect("it ends"));
    early.as_ref().unwrap_or_else(|error| panic!("{error:?}; the others: {held:?}, {late:?}"));
    assert!(matches!(late, Ok(()) | Err(StoreError::OutcomeUnknown | StoreError::Unavailable(_))), "{late:?}");
    let page = witness.events(&id(1), Sequence(0), 99, at).await.expect("read").expect("alive");
    assert!((2..=4).contains(&page.events.len()), "{} events", page.events.len());
}
