//! Event logs: numbered without gaps, never from the start again.

use rejoin::domain::{Refusal, Reply, RoomReply, SeatId, Sequence};
use rejoin::store::{EventPage, GameSessionStore, NewSession};

use super::engines::Engine;
use crate::kit::{acknowledge, at, external, id, race, record, record_for, right, solo};

async fn page(store: &dyn GameSessionStore, after: u64, limit: usize) -> EventPage {
    store.events(&id(1), Sequence(after), limit, at(100)).await.expect("read").expect("alive")
}

fn numbers(page: &EventPage) -> Vec<u64> {
    page.events.iter().map(|event| event.sequence.0).collect()
}

async fn fresh_log(store: &dyn GameSessionStore) {
    store.create(NewSession(external(1, None, at(0))), at(0)).await.expect("created");
}

pub(super) async fn racing_authors_number_their_events_without_gaps<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    let mut told: Vec<u64> = race(32, |n| {
        let store = store.clone();
        async move {
            let applied = store.apply(&id(1), record(n % 4), at(1)).await.expect("answered").expect("alive");
            applied.events.iter().map(|event| event.sequence.0).collect::<Vec<_>>()
        }
    })
    .concat();
    told.sort_unstable();
    assert_eq!(told, (1..=48).collect::<Vec<_>>());
    let page = page(&*store, 0, 100).await;
    assert_eq!(numbers(&page), told);
    assert_eq!((page.head, page.oldest), (Sequence(48), Sequence(1)));
}

pub(super) async fn a_sequence_goes_on_after_everything_was_forgotten<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    store.apply(&id(1), record(3), at(0)).await.expect("applied");
    store.apply(&id(1), acknowledge(1, 3), at(1)).await.expect("applied");
    store.apply(&id(1), acknowledge(2, 3), at(1)).await.expect("applied");
    let empty = page(&*store, 0, 9).await;
    assert_eq!((numbers(&empty), empty.head, empty.oldest), (vec![], Sequence(3), Sequence(4)));
    drop(store);
    let Some(engine) = engine.reopened().await else { return };
    let store = engine.store();
    assert_eq!(page(&*store, 0, 9).await, empty);
    let applied = store.apply(&id(1), record(1), at(2)).await.expect("answered").expect("alive");
    assert_eq!(applied.result, Ok(Reply::Room(RoomReply::Recorded(Sequence(4)))));
    assert_eq!(numbers(&page(&*store, 3, 9).await), [4]);
}

pub(super) async fn events_come_in_pages<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    // A neighbour on each side, whose events must not show.
    for n in [0, 2] {
        store.create(NewSession(external(n, None, at(0))), at(0)).await.expect("created");
        store.apply(&id(n), record(9), at(0)).await.expect("applied");
    }
    store.apply(&id(1), record(7), at(0)).await.expect("applied");
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let page = page(&*store, after, 3).await;
        assert_eq!((page.head, page.oldest), (Sequence(7), Sequence(1)));
        let Some(last) = page.events.last() else { break };
        after = last.sequence.0;
        pages.push(numbers(&page));
    }
    assert_eq!(pages, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
    assert!(numbers(&page(&*store, u64::MAX, 9).await).is_empty());
    assert!(numbers(&page(&*store, 0, 0).await).is_empty());
}

pub(super) async fn whom_an_event_is_for_is_kept<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    for command in [record(1), record_for(&[2]), record_for(&[1, 70_000]), record_for(&[])] {
        store.apply(&id(1), command, at(0)).await.expect("applied");
    }
    let seats = |seats: &[u32]| Some(seats.iter().copied().map(SeatId).collect());
    let whom: Vec<_> = page(&*store, 0, 9).await.events.into_iter().map(|event| event.to).collect();
    assert_eq!(whom, [None, seats(&[2]), seats(&[1, 70_000]), seats(&[])]);
}

pub(super) async fn an_acknowledgement_above_the_head_is_refused<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    store.apply(&id(1), record(2), at(0)).await.expect("applied");
    let applied = store.apply(&id(1), acknowledge(1, 3), at(1)).await.expect("answered").expect("alive");
    assert_eq!(applied.result, Err(Refusal::AheadOfHead(Sequence(2))));
    let applied = store.apply(&id(1), acknowledge(3, 1), at(1)).await.expect("answered").expect("alive");
    assert_eq!(applied.result, Err(Refusal::UnknownSeat));
    assert_eq!(numbers(&page(&*store, 0, 9).await), [1, 2]);
}

pub(super) async fn what_every_seat_has_is_forgotten<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    race(8, |n| {
        let store = store.clone();
        async move {
            store.apply(&id(1), record(2), at(1)).await.expect("applied");
            store.apply(&id(1), acknowledge(n as u32 % 2 + 1, 2), at(1)).await.expect("applied");
        }
    });
    let page = page(&*store, 0, 100).await;
    assert_eq!(numbers(&page), (3..=16).collect::<Vec<_>>());
    assert_eq!((page.head, page.oldest), (Sequence(16), Sequence(3)));
}

pub(super) async fn a_session_without_a_log_has_an_empty_page<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 1, at(0))), at(0)).await.expect("created");
    for _ in 0..2 {
        let page = page(&*store, 0, 9).await;
        assert_eq!((numbers(&page), page.head, page.oldest), (vec![], Sequence(0), Sequence(1)));
        store.apply(&id(1), right(0), at(1)).await.expect("applied");
    }
}
