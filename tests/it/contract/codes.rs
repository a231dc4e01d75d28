//! Join codes: claimed, found, freed.

use rejoin::domain::Command;
use rejoin::store::{NewSession, StoreError};

use super::engines::Engine;
use crate::kit::{DEAD, at, code, external, id, race};

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
    // Deleting a dead one whose code went to another.
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
        // On engines that commit in groups these come to lie in one, in this order.
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
