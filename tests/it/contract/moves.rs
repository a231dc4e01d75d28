//! Contract cases about answers: each question is evaluated once, however many answers arrive at once.

use rejoin::domain::{Applied, Command, Game, IdempotencyKey, NotOpen, Refusal, Reply};
use rejoin::store::{GameSessionStore, NewSession};

use super::engines::Engine;
use crate::kit::{answer, at, id, race, right, solo};

async fn apply(store: &dyn GameSessionStore, n: u64, command: Command, after: u64) -> Applied {
    store.apply(&id(n), command, at(after)).await.expect("answered").expect("alive")
}

pub(super) async fn of_64_racing_answers_one_is_evaluated<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    let results = race(64, |n| {
        let store = store.clone();
        async move { apply(&*store, 1, answer(0, n as u64 % 4, None), 1_000).await.result }
    });
    let (evaluated, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(evaluated.len(), 1);
    assert!(
        refused.iter().all(|result| *result == Err(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered))),
        "{refused:?}"
    );
    let Ok(Reply::Evaluated { report: only, .. }) = &evaluated[0] else { panic!("{evaluated:?}") };
    let last = apply(&*store, 1, right(1), 2_000).await.result;
    let Ok(Reply::Evaluated { report, .. }) = last else { panic!("{last:?}") };
    assert_eq!(report.verdict.total_after, only.verdict.points.sum() + report.verdict.points.sum());
    assert_eq!(report.verdict.nth, 2);
}

pub(super) async fn of_64_racing_repeats_all_get_the_one_verdict<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 1, at(0))), at(0)).await.expect("created");
    let mut results = race(64, |_| {
        let store = store.clone();
        async move { apply(&*store, 1, answer(0, 1, Some("key")), 1_000).await.result }
    });
    results.dedup();
    assert_eq!(results.len(), 1, "{results:?}");
    assert!(matches!(&results[0], Ok(Reply::Evaluated { report, .. }) if report.verdict.total_after == 150));
}

pub(super) async fn games_played_at_once_do_not_mix<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    race(16, |n| {
        let store = store.clone();
        async move {
            let n = n as u64;
            store.create(NewSession(solo(n, 6, at(0))), at(0)).await.expect("created");
            for question in 0..5 {
                // Game `n` answers its first `n % 6` questions right.
                let chosen = if (question as u64) < n % 6 { 1 } else { 2 };
                apply(&*store, n, answer(question, chosen, None), 20_000 * (question as u64 + 1))
                    .await
                    .result
                    .expect("evaluated");
            }
        }
    });
    for n in 0..16 {
        let session = store.get(&id(n), at(1)).await.expect("read").expect("alive");
        let (Game::Solo(game), Some(quiz)) = (&session.state.game, &session.quiz) else { panic!("still running") };
        let results = game.results(quiz, None);
        assert_eq!((results.answers.len(), results.correct_count()), (5, (n as usize % 6).min(5)));
        assert_eq!(results.total_score(), 100 * (n as u32 % 6).min(5));
    }
}

pub(super) async fn a_repeat_gets_its_first_reply_late_and_after_the_end<E: Engine>() {
    let mut engine = E::fresh().await;
    let mut store = engine.store();
    store.create(NewSession(solo(1, 3, at(0))), at(0)).await.expect("created");
    let first = apply(&*store, 1, answer(0, 1, Some("a")), 1_000).await;
    apply(&*store, 1, right(1), 2_000).await.result.expect("evaluated");
    assert_eq!(apply(&*store, 1, answer(0, 1, Some("a")), 400_000).await, first);
    let last = apply(&*store, 1, answer(2, 2, Some("b")), 401_000).await;
    let check = async |store: &dyn GameSessionStore| {
        assert_eq!(apply(store, 1, answer(0, 1, Some("a")), 5_000_000).await, first);
        assert_eq!(apply(store, 1, answer(2, 2, Some("b")), 5_000_000).await, last);
        let refused = apply(store, 1, answer(2, 2, None), 5_000_000).await.result;
        assert_eq!(refused, Err(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered)));
    };
    check(&*store).await;
    drop(store);
    if let Some(reopened) = engine.reopened().await {
        engine = reopened;
        store = engine.store();
        check(&*store).await;
    }
}

pub(super) async fn a_key_used_for_something_else_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    apply(&*store, 1, answer(0, 1, Some("key")), 1_000).await.result.expect("evaluated");
    let before = store.get(&id(1), at(1_000)).await.expect("read");
    for other in [answer(0, 2, Some("key")), answer(1, 1, Some("key"))] {
        assert_eq!(apply(&*store, 1, other, 2_000).await.result, Err(Refusal::KeyReused));
    }
    assert_eq!(store.get(&id(1), at(1_000)).await.expect("read"), before);
}

pub(super) async fn the_last_answer_leaves_results<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    apply(&*store, 1, right(0), 1_000).await.result.expect("evaluated");
    apply(&*store, 1, right(1), 2_000).await.result.expect("evaluated");
    let session = store.get(&id(1), at(2_000)).await.expect("read").expect("alive");
    let (Game::Finished(game), Some(quiz)) = (session.state.game, session.quiz) else { panic!("it is over") };
    let results = game.results(&quiz);
    assert_eq!((results.total_score(), results.question_count), (300, 2));
    assert!(results.answers.iter().all(|answer| answer.text.is_some()), "they have their texts");
    assert_eq!(
        apply(&*store, 1, right(1), 3_000).await.result,
        Err(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered))
    );
}

pub(super) async fn of_racing_claims_one_is_awarded<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 1, at(0))), at(0)).await.expect("created");
    apply(&*store, 1, right(0), 1_000).await.result.expect("evaluated");
    let claims = race(16, |n| {
        let store = store.clone();
        let idempotency = IdempotencyKey::new("award", &n.to_string(), &[]);
        async move { apply(&*store, 1, Command::Award(Some(idempotency)), 2_000).await.result.expect("answered") }
    });
    let awarded: Vec<usize> = (0..16).filter(|n| matches!(claims[*n], Reply::Award { awarded: true, .. })).collect();
    assert_eq!(awarded.len(), 1);
    let idempotency = IdempotencyKey::new("award", &awarded[0].to_string(), &[]);
    let again = apply(&*store, 1, Command::Award(Some(idempotency)), 3_000).await.result;
    assert_eq!(again.as_ref(), Ok(&claims[awarded[0]]));
}
