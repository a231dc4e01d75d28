//! Contract cases about join codes: a code belongs to one live session, is found by that code, and is freed
//! with it.

use rejoin::domain::{Command, Reply, RoomReply, Sequence};
use rejoin::store::{NewSession, StoreError};

use super::engines::Engine;
use crate::kit::{DEAD, at, code, external, id, race, recode, record};

pub(super) async fn a_code_names_its_session_until_that_is_deleted<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    assert_eq!(store.find(&code("ABC234"), at(0)).await.expect("read"), Some(id(1)));
    assert_eq!(store.find(&code("ABC235"), at(0)).await.expect("read"), None);
    store.delete(&id(1)).await.expect("deleted");
    assert_eq!(store.find(&code("ABC234"), at(0)).await.expect("read"), None);
    store.create(NewSession(external(2, Some("ABC234"), at(0))), at(0)).await.expect("created");
    assert_eq!(store.find(&code("ABC234"), at(0)).await.expect("read"), Some(id(2)));
}

pub(super) async fn a_code_in_use_is_refused_and_nothing_is_stored<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    let second = store.create(NewSession(external(2, Some("ABC234"), at(0))), at(DEAD - 1)).await;
    assert!(matches!(second, Err(StoreError::AlreadyExists)), "{second:?}");
    assert_eq!(store.get(&id(2), at(0)).await.expect("read"), None);
    assert_eq!(store.find(&code("ABC234"), at(0)).await.expect("read"), Some(id(1)));
    assert_eq!(store.status(at(0)).await.expect("told").records, 1);
}

pub(super) async fn of_racing_claims_of_a_code_one_gets_it<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let created = race(16, |n| {
        let store = store.clone();
        async move { store.create(NewSession(external(n as u64, Some("ABC234"), at(0))), at(0)).await.is_ok() }
    });
    let winners: Vec<u64> = (0..16).filter(|n| created[*n as usize]).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(store.find(&code("ABC234"), at(0)).await.expect("read"), Some(id(winners[0])));
    assert_eq!(store.status(at(0)).await.expect("told").records, 1);
}

pub(super) async fn the_code_of_a_dead_session_is_free_and_stays_with_its_next_holder<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    store.create(NewSession(external(2, Some("ABC234"), at(DEAD))), at(DEAD)).await.expect("the code is free");
    assert_eq!(store.find(&code("ABC234"), at(DEAD)).await.expect("read"), Some(id(2)));
    assert_eq!(store.sweep(at(DEAD), 9).await.expect("swept").deleted, 1);
    assert_eq!(store.find(&code("ABC234"), at(DEAD)).await.expect("read"), Some(id(2)), "not freed by its old holder");
    let third = store.create(NewSession(external(3, Some("ABC234"), at(DEAD))), at(DEAD)).await;
    assert!(matches!(third, Err(StoreError::AlreadyExists)), "{third:?}");

    assert_eq!(store.sweep(at(2 * DEAD), 9).await.expect("swept").deleted, 1);
    assert_eq!(store.find(&code("ABC234"), at(DEAD)).await.expect("read"), None, "freed by the sweep");
    // Deletes a dead session whose code another session has taken.
    store.create(NewSession(external(4, Some("ABC234"), at(0))), at(0)).await.expect("created");
    store.create(NewSession(external(5, Some("ABC234"), at(DEAD))), at(DEAD)).await.expect("created");
    assert!(store.delete(&id(4)).await.expect("deleted"));
    assert_eq!(store.find(&code("ABC234"), at(DEAD)).await.expect("read"), Some(id(5)));
    drop(store);
    if let Some(engine) = engine.reopened().await {
        assert_eq!(engine.store().find(&code("ABC234"), at(DEAD)).await.expect("read"), Some(id(5)));
    }
}

pub(super) async fn a_session_that_comes_again_with_another_code_gives_up_the_first<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    store.create(NewSession(external(1, Some("XYZ789"), at(DEAD))), at(DEAD)).await.expect("created");
    assert_eq!(store.find(&code("ABC234"), at(DEAD)).await.expect("read"), None);
    assert_eq!(store.find(&code("XYZ789"), at(DEAD)).await.expect("read"), Some(id(1)));
    store.create(NewSession(external(2, Some("ABC234"), at(DEAD))), at(DEAD)).await.expect("the code is free");
}

pub(super) async fn a_code_is_not_freed_by_its_old_holder_in_the_same_breath<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    for round in 0..30 {
        let (old, holder, third) = (3 * round, 3 * round + 1, 3 * round + 2);
        let (born, now) = (at(round * DEAD), at((round + 1) * DEAD));
        store.create(NewSession(external(old, Some("ABC234"), born)), born).await.expect("created");
        store.create(NewSession(external(holder, Some("ABC234"), now)), now).await.expect("the code is free");
        // On engines that commit in groups, these calls may end up in one group, in this order.
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..4 {
            let store = store.clone();
            asking.spawn(async move {
                match n {
                    0 => store.apply(&id(holder), Command::Touch, now).await.map(drop),
                    1 if round % 2 == 0 => store.delete(&id(old)).await.map(drop),
                    1 => store.sweep(now, 9).await.map(drop),
                    2 => store.create(NewSession(external(third, Some("ABC234"), now)), now).await,
                    _ => store.apply(&id(holder), Command::Touch, now).await.map(drop),
                }
            });
        }
        let refused = asking.join_all().await.into_iter().filter(Result::is_err).count();
        assert_eq!(refused, 1, "round {round}");
        assert_eq!(store.find(&code("ABC234"), now).await.expect("read"), Some(id(holder)));
        assert_eq!(store.get(&id(third), now).await.expect("read"), None);
        store.delete(&id(holder)).await.expect("deleted");
    }
}

pub(super) async fn a_changed_code_is_found_and_the_one_before_is_free<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let find = async |text| store.find(&code(text), at(1)).await.expect("read");
    store.create(NewSession(external(1, Some("ABC234"), at(0))), at(0)).await.expect("created");
    let applied = store.apply(&id(1), recode("XYZ789"), at(1)).await.expect("answered").expect("alive");
    assert_eq!(applied.result, Ok(Reply::Room(RoomReply::JoinCode(code("XYZ789")))));
    assert_eq!((find("ABC234").await, find("XYZ789").await), (None, Some(id(1))));
    store.create(NewSession(external(2, Some("ABC234"), at(1))), at(1)).await.expect("the code is free");
    // The code of a dead session can be taken too, and then stays with its new holder.
    store.create(NewSession(external(3, Some("DEF567"), at(1))), at(1)).await.expect("created");
    let later = at(1 + DEAD);
    store.apply(&id(1), Command::Touch, at(DEAD - 1)).await.expect("answered").expect("alive");
    store.apply(&id(1), recode("DEF567"), later).await.expect("answered").expect("alive").result.expect("it is free");
    store.sweep(later, 9).await.expect("swept");
    let find = async |text| store.find(&code(text), later).await.expect("read");
    assert_eq!((find("XYZ789").await, find("DEF567").await), (None, Some(id(1))));
    assert!(store.delete(&id(1)).await.expect("deleted"));
    assert_eq!(find("DEF567").await, None);
    store.create(NewSession(external(4, Some("ABC234"), later)), later).await.expect("created");
    store.apply(&id(4), recode("XYZ789"), later).await.expect("answered").expect("alive").result.expect("it is free");
    drop(store);
    let Some(engine) = engine.reopened().await else { return };
    let find = async |text| engine.store().find(&code(text), later).await.expect("read");
    assert_eq!((find("ABC234").await, find("DEF567").await, find("XYZ789").await), (None, None, Some(id(4))));
}

pub(super) async fn a_code_that_is_taken_changes_nothing<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    for (n, text) in [(1, "ABC234"), (2, "XYZ789")] {
        store.create(NewSession(external(n, Some(text), at(0))), at(0)).await.expect("created");
    }
    let before = store.get(&id(1), at(1)).await.expect("read");
    // The refused command must not harm the commands in the same batch.
    let mut asking = tokio::task::JoinSet::new();
    for command in [record(1), recode("XYZ789"), record(1)] {
        let store = store.clone();
        asking.spawn(async move { store.apply(&id(1), command, at(1)).await });
    }
    let refused: Vec<_> = asking.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(matches!(refused[..], [StoreError::AlreadyExists]), "{refused:?}");
    let after = store.get(&id(1), at(1)).await.expect("read").expect("alive");
    assert_eq!(Some(&after.state.join_code), before.as_ref().map(|session| &session.state.join_code));
    let page = store.events(&id(1), Sequence(0), 9, at(1)).await.expect("read").expect("alive");
    assert_eq!(page.events.iter().map(|event| &*event.kind).collect::<Vec<_>>(), ["move", "move"]);
    assert_eq!(store.find(&code("ABC234"), at(1)).await.expect("read"), Some(id(1)));
    assert_eq!(store.find(&code("XYZ789"), at(1)).await.expect("read"), Some(id(2)));
}

pub(super) async fn codes_that_change_in_the_same_breath_each_have_one_holder<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let codes = ["ABC234", "ABC235", "ABC236"];
    for n in 0..2 {
        store.create(NewSession(external(n, Some(codes[n as usize]), at(0))), at(0)).await.expect("created");
    }
    for _ in 0..10 {
        let changed = race(12, |n| {
            let store = store.clone();
            async move { store.apply(&id(n as u64 % 2), recode(codes[n / 2 % 3]), at(1)).await.map(drop) }
        });
        for error in changed.into_iter().filter_map(Result::err) {
            assert!(matches!(error, StoreError::AlreadyExists | StoreError::Busy), "{error:?}");
        }
        let mut holders = Vec::new();
        for n in 0..2 {
            let held = store.get(&id(n), at(1)).await.expect("read").expect("alive").state.join_code.expect("a code");
            assert_eq!(store.find(&held, at(1)).await.expect("read"), Some(id(n)));
            holders.push(held);
        }
        assert_ne!(holders[0], holders[1]);
        let free = codes.iter().find(|text| holders.iter().all(|held| held.as_str() != **text)).expect("one");
        assert_eq!(store.find(&code(free), at(1)).await.expect("read"), None);
        store.create(NewSession(external(9, Some(free), at(1))), at(1)).await.expect("it is free");
        assert!(store.delete(&id(9)).await.expect("deleted"));
    }
}
