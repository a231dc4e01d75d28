//! Contract cases about moving whole sessions between engines (export, import, scan), whatever their clocks
//! show.

use rejoin::domain::{Command, GameSession, Moment, Reply, Sequence, Timestamp};
use rejoin::store::{ImportOutcome, NewSession};

use super::engines::{Engine, Memory};
use crate::kit::{DEAD, acknowledge, answer, at, code, external, id, record, right, solo};

/// The moment that corresponds to `at(after)` on a clock that is far behind.
fn there(after: u64) -> Moment {
    Moment { now: Timestamp::from_millis(9_000_000_000 + after), up_since: Timestamp::from_millis(0), ..at(0) }
}

/// An engine with three sessions: a running game (1), an event log with a join code (2) and a finished game
/// (3).
async fn filled<E: Engine>(at: fn(u64) -> Moment) -> E {
    let engine = E::fresh().await;
    let store = engine.store();
    for session in [solo(1, 3, at(0)), external(2, Some("ABC234"), at(0)), solo(3, 1, at(0))] {
        store.create(NewSession(session), at(0)).await.expect("created");
    }
    let show = Command::Show(crate::kit::question_id(2));
    let moves = [(1, answer(0, 1, Some("key"))), (1, show), (2, record(4)), (2, acknowledge(1, 2)), (3, right(0))];
    for (n, command) in moves.into_iter().chain([(2, acknowledge(2, 1))]) {
        store.apply(&id(n), command, at(3_000)).await.expect("answered").expect("alive").result.expect("carried out");
    }
    engine
}

pub(super) async fn a_session_imported_is_whole<E: Engine>() {
    let (from, to) = (filled::<E>(at).await, E::fresh().await);
    for n in 1..=3 {
        let dump = from.portable().export(&id(n), at(5_000)).await.expect("read").expect("alive");
        assert_eq!(Some(&dump.session), from.store().get(&id(n), at(5_000)).await.expect("read").as_ref());
        assert_eq!(to.portable().import(dump.clone(), at(5_000)).await.expect("imported"), ImportOutcome::Imported);
        assert_eq!(to.portable().export(&id(n), at(5_000)).await.expect("read"), Some(dump));
    }
    let store = to.store();
    assert_eq!(store.find(&code("ABC234"), at(5_000)).await.expect("read"), Some(id(2)));
    let page = store.events(&id(2), Sequence(0), 9, at(5_000)).await.expect("read").expect("alive");
    assert_eq!((page.oldest(), page.head(), page.events.len()), (Sequence(2), Sequence(4), 3));
    // The idempotency keys and the scores are imported too.
    let idempotency =
        store.apply(&id(1), answer(0, 1, Some("key")), at(6_000)).await.expect("answered").expect("alive");
    assert!(matches!(idempotency.result, Ok(Reply::Evaluated { report, .. }) if report.verdict.total_after == 150));
    let status = store.status(at(5_000)).await.expect("told");
    assert_eq!((status.live_sessions, status.records), (3, 3));
}

pub(super) async fn a_second_import_is_the_same_or_a_conflict<E: Engine>() {
    let (from, to) = (filled::<E>(at).await, E::fresh().await);
    let portable = to.portable();
    for n in 1..=3 {
        let dump = from.portable().export(&id(n), at(5_000)).await.expect("read").expect("alive");
        assert_eq!(portable.import(dump.clone(), there(0)).await.expect("imported"), ImportOutcome::Imported);
        to.store().apply(&id(n), Command::Touch, there(2_000)).await.expect("answered");
        assert_eq!(portable.import(dump.clone(), there(4_000)).await.expect("imported"), ImportOutcome::Same, "{n}");
    }
    let later = from.portable().export(&id(1), at(9_000)).await.expect("read").expect("alive");
    assert_eq!(portable.import(later, there(9_000)).await.expect("imported"), ImportOutcome::Same, "exported later");
    let old = from.portable().export(&id(1), at(5_000)).await.expect("read").expect("alive");
    to.store().apply(&id(1), right(1), there(9_000)).await.expect("answered");
    let kept = to.store().get(&id(1), there(9_000)).await.expect("read");
    assert_eq!(portable.import(old, there(9_000)).await.expect("imported"), ImportOutcome::Conflict);
    assert_eq!(to.store().get(&id(1), there(9_000)).await.expect("read"), kept);

    let other = E::fresh().await;
    other.store().create(NewSession(external(9, Some("ABC234"), at(0))), at(0)).await.expect("created");
    let dump = from.portable().export(&id(2), at(5_000)).await.expect("read").expect("alive");
    assert_eq!(
        other.portable().import(dump, at(5_000)).await.expect("imported"),
        ImportOutcome::Conflict,
        "by its code"
    );
    assert_eq!(other.store().get(&id(2), at(5_000)).await.expect("read"), None);
    assert_eq!(other.store().find(&code("ABC234"), at(5_000)).await.expect("read"), Some(id(9)));
}

pub(super) async fn the_life_that_was_left_is_kept_on_another_clock<E: Engine>() {
    moves_from::<E, Memory>(at, there).await;
    moves_from::<Memory, E>(there, at).await;
}

async fn moves_from<A: Engine, B: Engine>(here: fn(u64) -> Moment, there: fn(u64) -> Moment) {
    let (from, to) = (filled::<A>(here).await, B::fresh().await);
    for n in 1..=3 {
        let dump = from.portable().export(&id(n), here(100_000)).await.expect("read").expect("alive");
        assert_eq!(to.portable().import(dump, there(0)).await.expect("imported"), ImportOutcome::Imported);
        let alive = async |engine: &dyn rejoin::store::GameSessionStore, now: Moment| -> Option<GameSession> {
            engine.get(&id(n), now).await.expect("read")
        };
        let deadline = alive(&*from.store(), here(100_000)).await.expect("alive").state.life.deadline().0;
        let left = deadline.since(here(100_000).now).0;
        assert!(alive(&*to.store(), there(left - 1)).await.is_some());
        assert!(alive(&*to.store(), there(left)).await.is_none());
    }
    // The clock of an open question keeps running: shown at 3 s, exported at 100 s, answered 10 s later.
    let shown = to.store().apply(&id(1), right(2), there(10_000)).await.expect("answered").expect("alive");
    let Ok(Reply::Evaluated { report, .. }) = shown.result else { panic!("{shown:?}") };
    assert_eq!(report.verdict.response, rejoin::domain::Millis(107_000));
}

pub(super) async fn a_dead_session_is_not_exported_and_one_is_imported_over<E: Engine>() {
    let (from, to) = (filled::<E>(at).await, E::fresh().await);
    assert_eq!(from.portable().export(&id(9), at(0)).await.expect("read"), None);
    assert_eq!(from.portable().export(&id(2), at(2 * DEAD)).await.expect("read"), None);
    to.store().create(NewSession(external(2, Some("XYZ789"), at(0))), at(0)).await.expect("created");
    to.store().apply(&id(2), record(9), at(0)).await.expect("answered");
    let dump = from.portable().export(&id(2), at(5_000)).await.expect("read").expect("alive");
    assert_eq!(to.portable().import(dump.clone(), at(DEAD)).await.expect("imported"), ImportOutcome::Imported);
    let held = to.portable().export(&id(2), at(DEAD)).await.expect("read").expect("alive");
    assert!(held.is_same(&dump));
    assert_eq!(held.events.len(), 3);
    assert_eq!(to.store().find(&code("XYZ789"), at(DEAD)).await.expect("read"), None);
}

pub(super) async fn a_scan_names_every_session_once<E: Engine>() {
    let engine = E::fresh().await;
    assert!(engine.portable().scan(None, 9).await.expect("read").is_empty());
    for n in [5, 3, 8, 1, 9, 2, 7] {
        engine.store().create(NewSession(solo(n, 1, at(0))), at(0)).await.expect("created");
    }
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = engine.portable().scan(cursor.as_ref(), 3).await.expect("read");
        let Some(last) = page.last() else { break };
        cursor = Some(last.clone());
        found.extend(page);
    }
    assert_eq!(found, [1, 2, 3, 5, 7, 8, 9].map(id));
}
