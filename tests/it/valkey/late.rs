//! Calls that arrive although nobody waits for them any more, and commands based on a state that is gone.
//! They must not affect a session that they were not meant for.

use std::sync::Arc;

use rejoin::domain::{Game, Reply};
use rejoin::store::valkey::{Topology, ValkeyStore};
use rejoin::store::{GameSessionStore, NewSession, StoreError, StoreResult};

use super::{REACHING, open, reached};
use crate::kit::{answer, id, right, solo};
use crate::support::valkey::{Proxy, ValkeyServer};
use crate::support::{until, until_async};

/// A server, the proxy in front of it, a store that connects through the proxy, and a store that connects
/// directly.
async fn scene() -> (ValkeyServer, Proxy, Arc<ValkeyStore>, Arc<ValkeyStore>) {
    let server = ValkeyServer::start(&[]);
    let proxy = Proxy::start(server.port).await;
    let slow = open(&format!("valkey://127.0.0.1:{}", proxy.port), Topology::Standalone);
    slow.until_reachable(REACHING).await.expect("the server is there");
    let other = reached(&server.url()).await;
    (server, proxy, slow, other)
}

fn game(nonce: u64, store: &ValkeyStore) -> NewSession {
    let mut game = solo(1, 5, store.clock().moment());
    game.state.nonce = nonce;
    NewSession(game)
}

/// The result of a call whose command the proxy holds back. On a busy machine a read before the command may
/// time out; then nothing was sent, and the call is repeated.
async fn on_its_way<T>(ask: impl AsyncFn() -> StoreResult<T>) -> StoreResult<T> {
    let mut answer = None;
    until_async(async || {
        let answered = ask().await;
        let was_sent = !matches!(answered, Err(StoreError::Unavailable(_)));
        answer = was_sent.then_some(answered);
        was_sent
    })
    .await;
    answer.expect("it was sent")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_deletion_does_not_delete_the_next_session_with_its_id() {
    let (_server, proxy, slow, other) = scene().await;
    let at = other.clock().moment();
    other.create(game(1, &other), at).await.expect("created");
    proxy.hold_steps();
    let deleted = on_its_way(async || slow.delete(&id(1)).await).await;
    assert!(matches!(deleted, Err(StoreError::OutcomeUnknown)), "{deleted:?}");
    assert!(other.delete(&id(1)).await.expect("deleted"));
    other.create(game(2, &other), at).await.expect("created");
    proxy.deliver().await;
    assert_eq!(other.get(&id(1), at).await.expect("read").expect("it lives").state.nonce, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_creation_does_not_restore_a_deleted_session() {
    let (_server, proxy, slow, other) = scene().await;
    let at = other.clock().moment();
    proxy.hold_steps();
    let created = on_its_way(async || slow.create(game(1, &slow), at).await).await;
    assert!(matches!(created, Err(StoreError::OutcomeUnknown)), "{created:?}");
    other.create(game(1, &other), at).await.expect("created");
    assert!(other.delete(&id(1)).await.expect("deleted"));
    // Wait until the deadline of the command has passed, with 200 ms for the error of the clocks.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    proxy.deliver().await;
    assert_eq!(other.get(&id(1), at).await.expect("read"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_does_not_count_in_the_next_session_with_its_id() {
    let (_server, proxy, slow, other) = scene().await;
    let at = other.clock().moment();
    // The same process creates both sessions, so a version that only counts could come again.
    other.create(game(1, &other), at).await.expect("created");
    slow.apply(&id(1), right(0), at).await.expect("answered");
    proxy.hold_steps();
    let late = {
        let slow = slow.clone();
        tokio::spawn(async move { slow.apply(&id(1), answer(1, 1, Some("key")), at).await })
    };
    until(|| proxy.held() > 0).await;
    assert!(other.delete(&id(1)).await.expect("deleted"));
    other.create(game(2, &other), at).await.expect("created");
    proxy.deliver().await;
    drop(late.await.expect("it ends"));
    let session = other.get(&id(1), at).await.expect("read").expect("alive");
    assert_eq!(session.state.nonce, 2);
    let (Game::Solo(game), Some(quiz)) = (&session.state.game, &session.quiz) else { panic!("it goes on") };
    assert!(game.results(quiz, None).answers.iter().all(|answer| answer.question.as_str() == "q1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_with_a_deleted_game_in_its_cache_plays_the_new_game_with_its_id() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    let at = one.clock().moment();
    one.create(NewSession(solo(1, 3, at)), at).await.expect("created");
    other.apply(&id(1), answer(0, 1, None), at).await.expect("answered").expect("alive");
    assert!(one.delete(&id(1)).await.expect("deleted"));
    let mut next = solo(1, 3, at);
    next.state.nonce = 77;
    one.create(NewSession(next), at).await.expect("created");
    let applied = other.apply(&id(1), answer(1, 1, None), at).await.expect("answered").expect("alive");
    let Ok(Reply::Evaluated { report, .. }) = applied.result else { panic!("{applied:?}") };
    assert_eq!(report.verdict.nth, 1, "it is the first answer of this game");
    let stored = one.get(&id(1), at).await.expect("read").expect("alive");
    assert_eq!(stored.state.nonce, 77, "the game that was acknowledged last is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_with_a_state_from_before_a_rollback_undoes_no_later_answer() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    let at = one.clock().moment();
    one.create(NewSession(solo(1, 4, at)), at).await.expect("created");
    one.apply(&id(1), answer(0, 1, None), at).await.expect("answered").expect("alive");
    let key = format!("session:{}", id(1));
    let replicated = server.command(&["GET", &key]).text();
    // This answer does not reach a replica before the failover.
    one.apply(&id(1), answer(1, 1, None), at).await.expect("answered").expect("alive");
    assert!(server.command(&["SET", &key, &replicated]).is("OK"));
    let told = async |store: &ValkeyStore, question: usize| {
        let applied = store.apply(&id(1), answer(question, 1, None), at).await.expect("answered").expect("alive");
        let Ok(Reply::Evaluated { report, .. }) = applied.result else { panic!("{applied:?}") };
        report.verdict.nth
    };
    assert_eq!(told(&other, 2).await, 2);
    assert_eq!(told(&one, 3).await, 3);
    let stored = other.get(&id(1), at).await.expect("read").expect("alive");
    let (Game::Solo(game), Some(quiz)) = (&stored.state.game, &stored.quiz) else { panic!("it goes on") };
    let answers = game.results(quiz, None).answers;
    let questions: Vec<_> = answers.iter().map(|report| report.question.as_str().to_owned()).collect();
    assert_eq!(questions, ["q0", "q2", "q3"], "what the other instance acknowledged is there");
}
