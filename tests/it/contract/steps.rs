//! Contract cases about single calls: create, apply, delete, close.

use rejoin::domain::answer::AnswerFault;
use rejoin::domain::{Applied, Command, GameSession, Moment, NotOpen, Refusal, Reply, Sequence};
use rejoin::store::{NewSession, StoreError};

use super::engines::Engine;
use crate::kit::{DEAD, KINDS, acknowledge, answer, at, code, external, id, question_id, race, record, right, solo};

pub(super) async fn what_was_created_is_there<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    assert_eq!(store.get(&id(1), at(0)).await.expect("read"), None);
    for session in [solo(1, 3, at(0)), external(2, Some("ABC234"), at(0))] {
        store.create(NewSession(session.clone()), at(0)).await.expect("created");
        assert_eq!(store.get(&session.id, at(0)).await.expect("read"), Some(session));
    }
}

pub(super) async fn the_same_uuid_at_another_home_is_another_session<E: Engine>() {
    let engine = E::fresh().await;
    let (store, portable) = (engine.store(), engine.portable());
    let at_home = |name: &str| id(1).at_instance(&name.parse().expect("it is a home"));
    let ids = [id(1), at_home("a"), at_home("a-b"), at_home("b")];
    for id in &ids {
        let session = GameSession { id: id.clone(), ..solo(1, 3, at(0)) };
        store.create(NewSession(session), at(0)).await.expect("created");
    }
    store.apply(&ids[1], right(0), at(1)).await.expect("answered").expect("alive").result.expect("evaluated");
    assert!(store.delete(&ids[3]).await.expect("deleted"));
    let mut has_answered = Vec::new();
    for id in &ids {
        let session = store.get(id, at(2)).await.expect("read");
        has_answered.push(session.map(|session| session.state != solo(1, 3, at(0)).state));
    }
    assert_eq!(has_answered, [Some(false), Some(true), Some(false), None]);
    assert_eq!(portable.scan(None, 9).await.expect("scanned"), ids[..3]);
    assert_eq!(portable.scan(Some(&ids[1]), 9).await.expect("scanned"), ids[2..3]);
}

pub(super) async fn a_game_of_every_kind_is_kept_as_the_rules_have_it<E: Engine>() {
    let mut engine = E::fresh().await;
    let mut expected = solo(1, KINDS, at(0));
    engine.store().create(NewSession(expected.clone()), at(0)).await.expect("created");
    for n in 0..KINDS {
        let moment = at(1 + n as u64);
        // Right and wrong answers in turn.
        let command = answer(n, 1 + n as u64 % 2, None);
        let applied = engine.store().apply(&id(1), command.clone(), moment).await.expect("answered").expect("alive");
        assert_eq!(applied, expected.apply(command, moment), "question {n}");
        if n == KINDS / 2 && E::IS_DURABLE {
            engine = engine.reopened().await.expect("it outlives its closing");
        }
        let kept = engine.store().get(&id(1), moment).await.expect("read").expect("alive");
        assert_eq!(kept.state, expected.state, "after question {n}");
    }
}

pub(super) async fn commits_are_counted<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let commits = async || store.status(at(0)).await.expect("told").commits;
    assert_eq!(commits().await, 0);
    store.create(NewSession(external(1, None, at(0))), at(0)).await.expect("created");
    store.apply(&id(1), record(3), at(1)).await.expect("answered").expect("alive").result.expect("recorded");
    assert_eq!(commits().await, 2);
    // A call that changes nothing commits nothing.
    store.apply(&id(1), acknowledge(1, 9), at(1)).await.expect("answered").expect("alive").result.expect_err("refused");
    store.apply(&id(1), Command::Touch, at(1)).await.expect("answered").expect("alive").result.expect("touched");
    store.apply(&id(2), Command::Touch, at(1)).await.expect("answered");
    store.create(NewSession(external(1, None, at(0))), at(1)).await.expect_err("there is one");
    assert!(!store.delete(&id(2)).await.expect("answered"));
    assert_eq!(commits().await, 2);
    race(50, |_| {
        let store = store.clone();
        async move { store.apply(&id(1), record(1), at(2)).await.expect("answered").expect("alive") }
    });
    let at_once = commits().await - 2;
    assert!((1..=50).contains(&at_once), "{at_once}");
    assert!(store.delete(&id(1)).await.expect("answered"));
    assert_eq!(commits().await, 3 + at_once);
    assert_eq!(store.sweep(at(DEAD), 9).await.expect("swept").deleted, 0);
    assert_eq!(commits().await, 3 + at_once);
    drop(store);
    let Some(engine) = engine.reopened().await else { return };
    assert_eq!(engine.store().status(at(0)).await.expect("told").commits, 0, "it counts from the opening");
}

pub(super) async fn creating_twice_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let first = solo(1, 3, at(0));
    store.create(NewSession(first.clone()), at(0)).await.expect("created");
    let second = store.create(NewSession(external(1, Some("ABC234"), at(1))), at(DEAD - 1)).await;
    assert!(matches!(second, Err(StoreError::AlreadyExists)), "{second:?}");
    assert_eq!(store.get(&id(1), at(0)).await.expect("read"), Some(first));
    assert_eq!(store.find(&code("ABC234"), at(0)).await.expect("read"), None);
}

pub(super) async fn a_new_session_replaces_a_dead_one_whole<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    store.apply(&id(1), record(3), at(0)).await.expect("applied");
    let old = store.events(&id(1), Sequence(0), 9, at(0)).await.expect("read").expect("alive");

    let mut next = external(1, None, at(DEAD));
    next.state.nonce += 1;
    store.create(NewSession(next.clone()), at(DEAD)).await.expect("created over a dead one");
    assert_eq!(store.get(&id(1), at(DEAD)).await.expect("read"), Some(next));
    let new = store.events(&id(1), Sequence(0), 9, at(DEAD)).await.expect("read").expect("alive");
    assert_eq!((&new.events, new.head(), new.oldest()), (&Vec::new(), Sequence(0), Sequence(1)));
    assert_ne!(new.epoch, old.epoch);
    assert_eq!(store.find(&code("ABC234"), at(DEAD)).await.expect("read"), None);

    let game = solo(1, 5, at(2 * DEAD));
    store.create(NewSession(game.clone()), at(2 * DEAD)).await.expect("created over a dead one");
    assert_eq!(store.get(&id(1), at(2 * DEAD)).await.expect("read"), Some(game), "with its quiz");
    let status = store.status(at(2 * DEAD)).await.expect("told");
    assert_eq!((status.live_sessions, status.records), (1, 1));
    assert_eq!(store.sweep(at(2 * DEAD), 9).await.expect("swept").deleted, 0, "the old deadlines are gone");
}

pub(super) async fn a_missing_or_dead_session_knows_no_command<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    for (id, now) in [(id(2), at(0)), (id(1), at(DEAD))] {
        for command in [Command::Touch, Command::Advance, record(1), right(0)] {
            assert_eq!(store.apply(&id, command, now).await.expect("answered"), None);
        }
        assert_eq!(store.get(&id, now).await.expect("read"), None);
        assert_eq!(store.events(&id, Sequence(0), 9, now).await.expect("read"), None);
    }
    assert_eq!(store.find(&code("ABC234"), at(DEAD)).await.expect("read"), None);
    assert_eq!(store.get(&id(1), at(DEAD - 1)).await.expect("read"), Some(external(1, Some("ABC234"), at(0))));
}

pub(super) async fn a_refused_command_changes_nothing<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    store.apply(&id(1), right(0), at(1)).await.expect("applied");
    let before = store.get(&id(1), at(1)).await.expect("read");
    for (command, refusal) in [
        (right(0), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered)),
        (right(9), Refusal::QuestionNotOpen(NotOpen::OtherQuestion)),
        (answer(1, 9, None), Refusal::WrongAnswer(AnswerFault::NoSuchOption(None))),
        (Command::Award(None), Refusal::NotFinished),
        (record(1), Refusal::NotThisGame),
    ] {
        let applied = store.apply(&id(1), command, at(300_000)).await.expect("answered").expect("alive");
        assert_eq!(applied.result, Err(refusal));
    }
    assert_eq!(store.get(&id(1), at(1)).await.expect("read"), before);
}

pub(super) async fn what_was_due_is_committed_though_the_command_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, None, at(0))), at(0)).await.expect("created");
    store.apply(&id(1), record(5), at(0)).await.expect("applied");
    store.apply(&id(1), acknowledge(1, 3), at(1)).await.expect("applied");
    // By now seat 2 has been silent for 60 s and no longer holds back pruning.
    let applied = store.apply(&id(1), acknowledge(1, 6), at(60_000)).await.expect("answered").expect("alive");
    assert_eq!(applied.result, Err(Refusal::AheadOfHead(Sequence(5))));
    assert_eq!(applied.prune_through, Some(Sequence(3)));
    let check = async |store: &dyn rejoin::store::GameSessionStore| {
        let page = store.events(&id(1), Sequence(0), 9, at(60_000)).await.expect("read").expect("alive");
        assert_eq!((page.oldest(), page.head()), (Sequence(4), Sequence(5)));
        assert_eq!(page.events.iter().map(|event| event.sequence.0).collect::<Vec<_>>(), [4, 5]);
    };
    check(&*store).await;
    if let Some(engine) = engine.reopened().await {
        check(&*engine.store()).await;
    }
}

pub(super) async fn deleting_forgets_a_session_and_may_be_repeated<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    assert!(!store.delete(&id(1)).await.expect("deleted"));
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    assert!(store.delete(&id(1)).await.expect("deleted"));
    assert!(!store.delete(&id(1)).await.expect("deleted"));
    assert_eq!(store.get(&id(1), at(0)).await.expect("read"), None);
    assert_eq!(store.status(at(0)).await.expect("told").records, 0);
    assert_eq!(store.sweep(at(DEAD), 9).await.expect("swept").deleted, 0);
}

pub(super) async fn a_deleted_session_leaves_nothing_to_the_next_of_its_id<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    store.apply(&id(1), record(3), at(0)).await.expect("applied");
    // On engines that commit in groups, these calls may end up in one group.
    race(8, |n| {
        let store = store.clone();
        async move {
            let fresh = external(1, Some("ABC234"), at(10));
            if n % 2 == 0 {
                store.delete(&id(1)).await.map(drop)
            } else {
                store.create(NewSession(fresh), at(10)).await
            }
        }
    });
    let _ = store.delete(&id(1)).await.expect("deleted");
    let fresh = external(1, Some("ABC234"), at(20));
    store.create(NewSession(fresh.clone()), at(20)).await.expect("created");
    assert_eq!(store.get(&id(1), at(20)).await.expect("read"), Some(fresh));
    let page = store.events(&id(1), Sequence(0), 9, at(20)).await.expect("read").expect("alive");
    assert_eq!((&page.events, page.head()), (&Vec::new(), Sequence(0)));
    assert_eq!(store.find(&code("ABC234"), at(20)).await.expect("read"), Some(id(1)));
    assert_eq!(store.status(at(20)).await.expect("told").records, 1);
}

fn touchy(session: &mut GameSession, command: Command, at: Moment) -> Applied {
    let panics = command == Command::Show(question_id(13));
    let applied = session.apply(command, at);
    assert!(!panics, "a rule's mistake");
    applied
}

pub(super) async fn a_rule_that_panics_harms_its_own_command_only<E: Engine>() {
    let engine = E::with_rules(touchy).await;
    let store = engine.store();
    store.create(NewSession(solo(1, 32, at(0))), at(0)).await.expect("created");
    let results = race(32, |n| {
        let store = store.clone();
        let command = if n % 4 == 3 { Command::Show(question_id(13)) } else { right(n) };
        async move { store.apply(&id(1), command, at(1)).await }
    });
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Err(StoreError::RuleFailed { what }) if n % 4 == 3 => assert!(what.contains("a rule's mistake"), "{what}"),
            Ok(Some(applied)) if n % 4 != 3 => assert!(applied.result.is_ok(), "{applied:?}"),
            other => panic!("command {n}: {other:?}"),
        }
    }
    let last = store.apply(&id(1), right(31), at(2)).await.expect("answered").expect("alive").result;
    let Ok(Reply::Evaluated { report, .. }) = last else { panic!("{last:?}") };
    assert_eq!(report.verdict.nth, 25, "24 answers came through, and no panicking command left a trace");
}

pub(super) async fn after_closing_everything_is_unavailable<E: Engine>() {
    let engine = E::fresh().await;
    let (store, portable) = (engine.store(), engine.portable());
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    let dump = portable.export(&id(1), at(0)).await.expect("read").expect("alive");
    store.close().await.expect("closed");
    let unavailable = |call: &str, error: Option<StoreError>| {
        assert!(matches!(error, Some(StoreError::Unavailable(_))), "{call}: {error:?}");
    };
    unavailable("create", store.create(NewSession(solo(2, 2, at(0))), at(0)).await.err());
    unavailable("get", store.get(&id(1), at(0)).await.err());
    unavailable("apply", store.apply(&id(1), Command::Touch, at(0)).await.err());
    unavailable("delete", store.delete(&id(1)).await.err());
    unavailable("events", store.events(&id(1), Sequence(0), 9, at(0)).await.err());
    unavailable("find", store.find(&code("ABC234"), at(0)).await.err());
    unavailable("sweep", store.sweep(at(0), 9).await.err());
    unavailable("scan", portable.scan(None, 9).await.err());
    unavailable("export", portable.export(&id(1), at(0)).await.err());
    unavailable("import", portable.import(dump, at(0)).await.err());
    // A closed store may still report a status, as long as it reports that it is not reachable.
    assert!(!store.status(at(0)).await.is_ok_and(|status| status.reachable));
}

pub(super) async fn what_was_acknowledged_is_there_after_reopening<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 3, at(0))), at(0)).await.expect("created");
    store.create(NewSession(external(2, Some("ABC234"), at(0))), at(0)).await.expect("created");
    store.create(NewSession(solo(3, 1, at(0))), at(0)).await.expect("created");
    for (n, command) in [(1, right(1)), (2, record(3)), (2, acknowledge(1, 2)), (3, right(0))] {
        store.apply(&id(n), command, at(5)).await.expect("applied");
    }
    let mut sessions = Vec::new();
    for n in 1..=3 {
        sessions.push(store.get(&id(n), at(5)).await.expect("read").expect("alive"));
    }
    let page = store.events(&id(2), Sequence(0), 9, at(5)).await.expect("read");
    drop(store);
    let Some(engine) = engine.reopened().await else { return };
    let store = engine.store();
    for session in sessions {
        assert_eq!(store.get(&session.id, at(5)).await.expect("read"), Some(session));
    }
    assert_eq!(store.events(&id(2), Sequence(0), 9, at(5)).await.expect("read"), page, "of the same epoch, too");
    assert_eq!(store.find(&code("ABC234"), at(5)).await.expect("read"), Some(id(2)));
    let status = store.status(at(5)).await.expect("told");
    assert_eq!((status.live_sessions, status.records), (3, 3));
}
