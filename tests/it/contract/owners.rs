//! Contract cases about listing the sessions of an owner.

use rejoin::domain::{Command, SessionId};
use rejoin::store::{GameSessionStore, ImportOutcome, NewSession};

use super::engines::Engine;
use crate::kit::{DEAD, at, external, id, owner, race, right, solo};

async fn owned(store: &dyn GameSessionStore, whose: &str, after: u64) -> Vec<SessionId> {
    store.owned(&owner(whose), None, 100, at(after)).await.expect("read")
}

async fn create(store: &dyn GameSessionStore, n: u64, whose: Option<&str>, after: u64) {
    let session = external(n, None, at(after)).owned_by(whose.map(owner));
    store.create(NewSession(session), at(after)).await.expect("created");
}

pub(super) async fn an_owners_sessions_come_in_order_and_in_pages<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    // `a` is a prefix of `ab`, and still another owner.
    for (n, whose) in [(7, "a"), (2, "ab"), (3, "a"), (5, ""), (9, "a"), (1, "a"), (4, "b"), (8, "a")] {
        create(&*store, n, Some(whose).filter(|whose| !whose.is_empty()), 0).await;
    }
    let game = solo(6, 1, at(0)).owned_by(Some(owner("a")));
    store.create(NewSession(game), at(0)).await.expect("created");
    let its = [1, 3, 6, 7, 8, 9].map(id);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.owned(&owner("a"), after.as_ref(), 4, at(0)).await.expect("read");
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        found.extend(page);
    }
    assert_eq!(found, its);
    // The session after which a page begins need not exist.
    assert_eq!(store.owned(&owner("a"), Some(&id(4)), 2, at(0)).await.expect("read"), [6, 7].map(id));
    assert!(store.owned(&owner("a"), None, 0, at(0)).await.expect("read").is_empty());
    assert_eq!(owned(&*store, "ab", 0).await, [id(2)]);
    assert!(owned(&*store, "nobody", 0).await.is_empty());
    store.apply(&id(6), right(0), at(1)).await.expect("answered").expect("alive").result.expect("evaluated");
    assert_eq!(owned(&*store, "a", 1).await, its, "results are their owner's too");
    drop(store);
    let Some(engine) = engine.reopened().await else { return };
    assert_eq!(owned(&*engine.store(), "a", 1).await, its);
}

pub(super) async fn what_is_dead_or_deleted_is_nobodys<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    for n in 0..6 {
        create(&*store, n, Some("a"), 0).await;
    }
    for n in [2, 3, 5] {
        store.apply(&id(n), Command::Touch, at(300_000)).await.expect("answered").expect("alive");
    }
    assert!(store.delete(&id(5)).await.expect("deleted"));
    assert_eq!(owned(&*store, "a", 300_000).await, [0, 1, 2, 3, 4].map(id));
    assert_eq!(owned(&*store, "a", DEAD).await, [2, 3].map(id), "before any reaping");
    // Dead sessions do not use up the limit of a page.
    assert_eq!(store.owned(&owner("a"), None, 1, at(DEAD)).await.expect("read"), [id(2)]);
    create(&*store, 0, Some("b"), DEAD).await;
    create(&*store, 1, None, DEAD).await;
    store.sweep(at(DEAD), 9).await.expect("swept");
    assert_eq!((owned(&*store, "a", DEAD).await, owned(&*store, "b", DEAD).await), (vec![id(2), id(3)], vec![id(0)]));
    create(&*store, 5, Some("a"), DEAD).await;
    assert_eq!(owned(&*store, "a", DEAD).await, [2, 3, 5].map(id), "it comes again");
    drop(store);
    let Some(engine) = engine.reopened().await else { return };
    assert_eq!(owned(&*engine.store(), "a", DEAD).await, [2, 3, 5].map(id));
    assert_eq!(owned(&*engine.store(), "b", DEAD).await, [id(0)]);
}

pub(super) async fn sessions_that_begin_and_end_at_once_are_listed_if_they_live<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    race(16, |n| {
        let store = store.clone();
        async move {
            create(&*store, n as u64, Some("a"), 0).await;
            assert!(owned(&*store, "a", 0).await.contains(&id(n as u64)), "it lives");
            if n % 2 == 0 {
                assert!(store.delete(&id(n as u64)).await.expect("deleted"));
            }
        }
    });
    assert_eq!(owned(&*store, "a", 0).await, [1, 3, 5, 7, 9, 11, 13, 15].map(id));
}

pub(super) async fn a_session_that_moves_keeps_its_owner<E: Engine>() {
    let (from, to) = (E::fresh().await, E::fresh().await);
    create(&*from.store(), 1, Some("a"), 0).await;
    let dump = from.portable().export(&id(1), at(1)).await.expect("read").expect("alive");
    assert_eq!(dump.session.state.owner, Some(owner("a")));
    // The import replaces a dead session of another owner.
    create(&*to.store(), 1, Some("b"), 0).await;
    assert_eq!(to.portable().import(dump.clone(), at(DEAD)).await.expect("imported"), ImportOutcome::Imported);
    assert_eq!(to.portable().import(dump, at(DEAD)).await.expect("imported"), ImportOutcome::Same);
    assert_eq!(owned(&*to.store(), "a", DEAD).await, [id(1)]);
    assert!(owned(&*to.store(), "b", DEAD).await.is_empty());
}
