//! Contract cases about how long sessions live and how sweeps delete the dead.

use rejoin::domain::Command;
use rejoin::domain::room::{Caller, HostMove, RoomAction};
use rejoin::store::{GameSessionStore, NewSession};

use super::engines::Engine;
use crate::kit::{DEAD, asked, at, external, id, race, record, right, solo};

async fn is_live(store: &dyn GameSessionStore, n: u64, after: u64) -> bool {
    store.get(&id(n), at(after)).await.expect("read").is_some()
}

async fn touch(store: &dyn GameSessionStore, n: u64, after: u64) {
    store.apply(&id(n), Command::Touch, at(after)).await.expect("answered").expect("alive").result.expect("touched");
}

/// Sweeps until no dead session is left, and returns how many were deleted.
async fn sweep_all(store: &dyn GameSessionStore, after: u64) -> usize {
    let mut deleted = 0;
    loop {
        let swept = store.sweep(at(after), 1_000).await.expect("swept");
        assert!(swept.deleted <= 1_000);
        deleted += swept.deleted;
        if !swept.more {
            return deleted;
        }
    }
}

pub(super) async fn a_touch_slides_the_deadline_within_its_bounds<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    touch(&*store, 1, 500_000).await;
    assert!(is_live(&*store, 1, 500_000 + 600_000).await, "at least its TTL");
    assert!(!is_live(&*store, 1, 500_000 + 660_000).await, "at most a tenth more");
    // A command that only advances the game, or one that is refused, does not extend the TTL.
    store.apply(&id(1), Command::Advance, at(900_000)).await.expect("answered");
    store.apply(&id(1), record(1), at(900_000)).await.expect("answered");
    assert!(!is_live(&*store, 1, 500_000 + 660_000).await);
    store.apply(&id(1), right(0), at(900_000)).await.expect("answered");
    assert!(is_live(&*store, 1, 900_000 + 600_000).await);
}

pub(super) async fn absolute_age_caps_every_touch<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    for after in (500_000..3_600_000).step_by(500_000) {
        touch(&*store, 1, after).await;
    }
    touch(&*store, 1, 3_599_999).await;
    assert!(is_live(&*store, 1, 3_599_999).await);
    assert!(!is_live(&*store, 1, 3_600_000).await);
    assert_eq!(sweep_all(&*store, 3_600_000).await, 1);
}

pub(super) async fn results_live_their_fixed_time<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 1, at(0))), at(0)).await.expect("created");
    store.apply(&id(1), right(0), at(1_000)).await.expect("answered");
    assert_eq!(sweep_all(&*store, 4_000_000).await, 0, "absolute age does not cut results");
    touch(&*store, 1, 4_000_000).await;
    assert!(is_live(&*store, 1, 7_200_999).await);
    assert!(!is_live(&*store, 1, 7_201_000).await);
    assert_eq!(sweep_all(&*store, 7_201_000).await, 1);
}

pub(super) async fn the_dead_are_neither_returned_nor_counted_before_any_reaping<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    for n in 0..4 {
        store.create(NewSession(solo(n, 2, at(n * 1_000))), at(n * 1_000)).await.expect("created");
    }
    touch(&*store, 0, 300_000).await;
    let counted = async |after| {
        let status = store.status(at(after)).await.expect("told");
        assert!(status.reachable);
        assert_eq!(status.records, 4);
        status.live_sessions
    };
    assert_eq!(counted(DEAD).await, 4);
    assert_eq!(counted(DEAD + 1_000).await, 3);
    assert_eq!(counted(DEAD + 3_000).await, 1);
    assert!(!is_live(&*store, 3, DEAD + 3_000).await);
    assert_eq!(counted(DEAD + 300_000).await, 0);
}

pub(super) async fn a_session_touched_in_time_is_never_reaped<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    let mut now = 0;
    while now < 2_900_000 {
        now += 599_999;
        touch(&*store, 1, now).await;
        assert_eq!(sweep_all(&*store, now + 600_000).await, 0);
        assert!(is_live(&*store, 1, (now + 600_000).min(3_599_999)).await);
    }
    // Touches and sweeps race just before the first deadline.
    store.create(NewSession(solo(2, 2, at(0))), at(0)).await.expect("created");
    race(8, |n| {
        let store = store.clone();
        async move {
            if n % 2 == 0 {
                touch(&*store, 2, 659_000).await;
            } else {
                sweep_all(&*store, DEAD - 1).await;
            }
        }
    });
    assert_eq!(sweep_all(&*store, DEAD).await, 0);
    assert!(is_live(&*store, 2, DEAD).await);
}

pub(super) async fn a_session_that_ended_sooner_is_reaped_sooner<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let mut short = solo(1, 1, at(0));
    short.state.life = rejoin::domain::Life::begin(
        at(0).now,
        rejoin::domain::Lifetimes { results_ttl: rejoin::domain::Millis(1_000), ..crate::kit::LIFETIMES },
    );
    store.create(NewSession(short), at(0)).await.expect("created");
    store.apply(&id(1), right(0), at(2_000)).await.expect("answered");
    assert!(is_live(&*store, 1, 2_999).await && !is_live(&*store, 1, 3_000).await);
    assert_eq!(store.status(at(3_000)).await.expect("told").live_sessions, 0);
    assert_eq!(sweep_all(&*store, 3_000).await, 1);
}

pub(super) async fn a_sweep_counts_the_rooms_that_died_before_their_end<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 1, at(0))), at(0)).await.expect("created");
    for (n, code) in [(2, "ABC232"), (3, "ABC233"), (4, "ABC234")] {
        store.create(NewSession(external(n, Some(code), at(0))), at(0)).await.expect("created");
    }
    let finish = asked(Caller::Backend, RoomAction::Host(0, HostMove::Finish, None));
    store.apply(&id(4), finish, at(1)).await.expect("answered").expect("alive").result.expect("finished");
    let swept = store.sweep(at(DEAD), 1_000).await.expect("swept");
    assert_eq!((swept.deleted, swept.unfinished_rooms), (3, 2));
    let swept = store.sweep(at(1 + 7_200_000), 1_000).await.expect("swept");
    assert_eq!((swept.deleted, swept.unfinished_rooms), (1, 0), "its game was over");
}

pub(super) async fn a_sweep_keeps_to_its_limit<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    for n in 0..10 {
        store.create(NewSession(external(n, None, at(0))), at(0)).await.expect("created");
    }
    store.create(NewSession(external(10, None, at(9_000))), at(9_000)).await.expect("created");
    let nothing = store.sweep(at(DEAD - 1), 4).await.expect("swept");
    assert_eq!((nothing.deleted, nothing.more), (0, false));
    for more in [true, true] {
        let swept = store.sweep(at(DEAD), 4).await.expect("swept");
        assert_eq!((swept.deleted, swept.more), (4, more));
    }
    let last = store.sweep(at(DEAD), 4).await.expect("swept");
    assert_eq!((last.deleted, last.more), (2, false));
    let status = store.status(at(DEAD)).await.expect("told");
    assert_eq!((status.live_sessions, status.records), (1, 1));
    assert!(is_live(&*store, 10, DEAD).await);
}

pub(super) async fn a_sweep_keeps_to_its_limit_where_nobody_is_dead<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    for n in 0..10 {
        store.create(NewSession(solo(n, 2, at(0))), at(0)).await.expect("created");
        touch(&*store, n, 300_000).await;
    }
    for _ in 0..4 {
        let swept = store.sweep(at(DEAD), 4).await.expect("swept");
        assert!(swept.deleted == 0 && swept.handled <= 4, "{swept:?}");
        if !swept.more {
            let status = store.status(at(DEAD)).await.expect("told");
            return assert_eq!((status.live_sessions, status.records), (10, 10));
        }
    }
    panic!("ten are looked after four at a time, and it does not end");
}

pub(super) async fn the_dead_are_counted_whatever_becomes_of_them<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let counted = async |after| {
        let status = store.status(at(after)).await.expect("told");
        (status.live_sessions, status.records)
    };
    for n in 0..6 {
        store.create(NewSession(solo(n, 1, at(0))), at(0)).await.expect("created");
    }
    touch(&*store, 4, 300_000).await;
    store.apply(&id(5), right(0), at(1_000)).await.expect("answered");
    assert_eq!(counted(DEAD).await, (2, 6), "one was touched, one has ended");
    store.create(NewSession(solo(0, 1, at(DEAD))), at(DEAD)).await.expect("over a dead one");
    assert!(store.delete(&id(1)).await.expect("deleted"));
    touch(&*store, 4, 900_000).await;
    assert_eq!(counted(960_000).await, (3, 5));
    assert!(store.delete(&id(4)).await.expect("deleted"));
    assert_eq!(counted(2 * DEAD).await, (1, 4), "the results alone");
    assert_eq!(sweep_all(&*store, 2 * DEAD).await, 3);
    assert_eq!(counted(2 * DEAD).await, (1, 1));
    assert_eq!(counted(7_200_999).await, (1, 1));
    assert_eq!(counted(7_201_000).await, (0, 1));
}

pub(super) async fn ten_thousand_dead_are_reaped<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    let mut creating = tokio::task::JoinSet::new();
    for first in 0..200 {
        let store = store.clone();
        creating.spawn(async move {
            for n in (first..10_000).step_by(200) {
                store.create(NewSession(solo(n, 2, at(0))), at(0)).await.expect("created");
            }
        });
    }
    creating.join_all().await;
    for n in [17, 4_711] {
        touch(&*store, n, 600_000).await;
    }
    assert_eq!(store.status(at(DEAD)).await.expect("told").live_sessions, 2);
    assert_eq!(sweep_all(&*store, DEAD).await, 9_998);
    let status = store.status(at(DEAD)).await.expect("told");
    assert_eq!((status.live_sessions, status.records), (2, 2));
    assert!(is_live(&*store, 17, DEAD).await && !is_live(&*store, 18, 0).await);
}
