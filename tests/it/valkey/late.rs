//! Calls that nobody waits for any more and that arrive all the same, and steps whose basis is gone:
//! they find nothing that they were not meant for.

use std::sync::Arc;

use rejoin::domain::{Game, Reply};
use rejoin::store::valkey::{Topology, ValkeyStore};
use rejoin::store::{GameSessionStore, NewSession, StoreError, StoreResult};

use super::{REACHING, open, reached};
use crate::kit::{answer, id, right, solo};
use crate::support::valkey::{Proxy, ValkeyServer};
use crate::support::{until, until_async};

/// A server; a store that reaches it through a network that can hold steps back; and another store.
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

/// What comes of a step that is held back. What is read before it may find no answer in time on a busy machine: then
/// nothing was sent, and it is asked for again.
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
async fn a_late_deletion_spares_the_next_session_of_that_id() {
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
async fn a_late_creation_brings_nothing_back() {
    let (_server, proxy, slow, other) = scene().await;
    let at = other.clock().moment();
    proxy.hold_steps();
    let created = on_its_way(async || slow.create(game(1, &slow), at).await).await;
    assert!(matches!(created, Err(StoreError::OutcomeUnknown)), "{created:?}");
    other.create(game(1, &other), at).await.expect("created");
    assert!(other.delete(&id(1)).await.expect("deleted"));
    // As late as a caller can be at the soonest, and a clock can be off.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    proxy.deliver().await;
    assert_eq!(other.get(&id(1), at).await.expect("read"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_none_of_the_next_session_of_that_id() {
    let (_server, proxy, slow, other) = scene().await;
    let at = other.clock().moment();
    // One process creates both, and answers as often between them as versions could be counted.
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
async fn an_instance_that_moved_last_in_a_deleted_game_goes_on_with_the_one_that_has_its_id_now() {
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
async fn what_is_acknowledged_after_a_rollback_is_not_undone_by_an_instance_that_knew_more_before_it() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    let at = one.clock().moment();
    one.create(NewSession(solo(1, 4, at)), at).await.expect("created");
    one.apply(&id(1), answer(0, 1, None), at).await.expect("answered").expect("alive");
    let key = format!("session:{}", id(1));
    let replicated = server.command(&["GET", &key]).text();
    // This one reaches no replica before the failover.
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
