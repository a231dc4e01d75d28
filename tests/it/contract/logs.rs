//! Contract cases about event logs. Events are numbered without gaps, and the numbers never start again.

use rejoin::domain::room::{Caller, HostMove, RoomAction};
use rejoin::domain::{
    Applied, Command, Event, EventDraft, GameSession, Moment, Refusal, Reply, RoomReply, SeatId, SecretHash, Sequence,
};
use rejoin::store::contract::PAGE_BYTES;
use rejoin::store::{EventPage, GameSessionStore, ImportOutcome, NewSession, Notice};

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
    assert_eq!((page.head(), page.oldest()), (Sequence(48), Sequence(1)));
}

pub(super) async fn a_sequence_goes_on_after_everything_was_forgotten<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    store.apply(&id(1), record(3), at(0)).await.expect("applied");
    store.apply(&id(1), acknowledge(1, 3), at(1)).await.expect("applied");
    store.apply(&id(1), acknowledge(2, 3), at(1)).await.expect("applied");
    let empty = page(&*store, 0, 9).await;
    assert_eq!((numbers(&empty), empty.head(), empty.oldest()), (vec![], Sequence(3), Sequence(4)));
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
    // A session on each side of this one, whose events must not appear in the page.
    for n in [0, 2] {
        store.create(NewSession(external(n, None, at(0))), at(0)).await.expect("created");
        store.apply(&id(n), record(9), at(0)).await.expect("applied");
    }
    store.apply(&id(1), record(7), at(0)).await.expect("applied");
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let page = page(&*store, after, 3).await;
        assert_eq!((page.head(), page.oldest()), (Sequence(7), Sequence(1)));
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
    for command in [record(1), record_for(&[2]), record_for(&[2, 1]), record_for(&[])] {
        store.apply(&id(1), command, at(0)).await.expect("applied");
    }
    let seats = |seats: &[u32]| Some(seats.iter().copied().map(SeatId).collect());
    let whom: Vec<_> = page(&*store, 0, 9).await.events.into_iter().map(|event| event.to).collect();
    assert_eq!(whom, [None, seats(&[2]), seats(&[2, 1]), seats(&[])]);
}

pub(super) async fn who_was_sent_away_has_no_name_in_a_page<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    let apply = async |by, ask| {
        let applied = store.apply(&id(1), crate::kit::asked(by, ask), at(0)).await.expect("answered").expect("alive");
        applied.result.expect("carried out");
    };
    for (n, name) in ["Ada", "Bob", "Cleo", "Dora"].into_iter().enumerate() {
        let token = SecretHash::of(&n.to_string());
        apply(Caller::Anyone, RoomAction::Join { name: name.parse().expect("valid"), token, idempotency: None }).await;
    }
    apply(Caller::Backend, RoomAction::Host(0, HostMove::Kick(SeatId(4)), None)).await;
    apply(Caller::Backend, RoomAction::Revoke(SeatId(5))).await;
    apply(Caller::Token(SecretHash::of("3"), None), RoomAction::Leave).await;
    let payloads = async |store: &dyn GameSessionStore| {
        let events = page(store, 0, 4).await.events;
        events.into_iter().map(|event| event.payload).collect::<Vec<_>>()
    };
    let told = [(3, "\"Ada\""), (4, "null"), (5, "null"), (6, "\"Dora\"")];
    let told = told.map(|(seat, name)| format!("{{\"seatId\":{seat},\"name\":{name}}}"));
    assert_eq!(payloads(&*store).await, told);
    // An export is complete, and hides the same names after the import.
    let dump = engine.portable().export(&id(1), at(1)).await.expect("read").expect("alive");
    let other = E::fresh().await;
    assert_eq!(other.portable().import(dump.clone(), at(1)).await.expect("imported"), ImportOutcome::Imported);
    assert_eq!(other.portable().import(dump, at(1)).await.expect("imported"), ImportOutcome::Same);
    assert_eq!(payloads(&*other.store()).await, told);
}

/// Payloads that a store keeps as they are, payloads that it compresses, and payloads just below and above
/// the limit.
fn payloads() -> [String; 8] {
    let answer = |n: usize| format!("{{\"seat\":{n},\"name\":\"player {n}\",\"right\":true}}");
    let answers: Vec<_> = (0..4_500).map(answer).collect();
    let mut chance = 1_u64;
    let mut any_sign = || {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b' ' + (chance >> 40) as u8 % 95)
    };
    [
        "0".to_owned(),
        String::new(),
        "x".repeat(1_024),
        "x".repeat(1_025),
        format!("[{}]", answers.join(",")),
        (0..16 * 1_024).map(|_| any_sign()).collect(),
        "¡hola! 再び参加 🎉 \0 \u{10ffff}".to_owned(),
        "再び参加 🎉 \0 ".repeat(1_000),
    ]
}

/// The game's own rules, except that an author only sends an index into [`payloads`]. Some of these are
/// larger than an author may send.
fn with_payloads(session: &mut GameSession, command: Command, at: Moment) -> Applied {
    let mut applied = session.apply(command, at);
    for event in &mut applied.events {
        event.payload = payloads()[event.payload.parse::<usize>().expect("its place")].clone();
    }
    applied
}

pub(super) async fn payloads_of_any_size_come_back_exactly<E: Engine>() {
    let engine = E::with_rules(with_payloads).await;
    let store = engine.store();
    fresh_log(&*store).await;
    assert!(payloads()[4].len() > 200 * 1_024);
    for place in 0..payloads().len() {
        let event = EventDraft { kind: "large".to_owned(), payload: place.to_string(), to: None };
        let record = crate::kit::record_all(vec![event], None);
        let applied = store.apply(&id(1), record, at(0)).await.expect("answered").expect("alive");
        assert_eq!(applied.events[0].payload, payloads()[place]);
    }
    let kept = |page: EventPage| page.events.into_iter().map(|event| event.payload).collect::<Vec<_>>();
    assert_eq!(kept(page(&*store, 0, 99).await), payloads());
    assert_eq!(kept(page(&*store, 3, 2).await), payloads()[3..5]);
    // The payloads survive an export to another store, and importing them a second time changes nothing.
    let dump = engine.portable().export(&id(1), at(1)).await.expect("read").expect("alive");
    let other = E::fresh().await;
    assert_eq!(other.portable().import(dump.clone(), at(1)).await.expect("imported"), ImportOutcome::Imported);
    assert_eq!(other.portable().import(dump, at(1)).await.expect("imported"), ImportOutcome::Same);
    assert_eq!(kept(page(&*other.store(), 0, 99).await), payloads());
    drop(store);
    let Some(engine) = engine.reopened().await else { return };
    assert_eq!(kept(page(&*engine.store(), 0, 99).await), payloads());
}

/// The game's own rules, except that an author only sends the size of a payload.
fn with_sizes(session: &mut GameSession, command: Command, at: Moment) -> Applied {
    let mut applied = session.apply(command, at);
    for event in &mut applied.events {
        event.payload = "x".repeat(event.payload.parse().expect("a size"));
    }
    applied
}

pub(super) async fn a_page_ends_by_its_bytes_and_has_one_event_at_least<E: Engine>() {
    let engine = E::with_rules(with_sizes).await;
    let store = engine.store();
    fresh_log(&*store).await;
    let sizes = [vec![15_000; 40], vec![300_000, 10, 10]].concat();
    for some in sizes.chunks(10) {
        let event = |size: &usize| EventDraft { kind: "move".to_owned(), payload: size.to_string(), to: None };
        let record = crate::kit::record_all(some.iter().map(event).collect(), None);
        store.apply(&id(1), record, at(0)).await.expect("answered").expect("alive").result.expect("recorded");
    }
    let (mut read, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = page(&*store, read.len() as u64, 500).await;
        assert_eq!((page.head(), page.oldest()), (Sequence(43), Sequence(1)));
        let bytes: usize = page.events.iter().map(Event::weight).sum();
        assert!(bytes <= PAGE_BYTES || page.events.len() == 1, "{bytes} bytes");
        if page.events.is_empty() {
            break;
        }
        pages.push(page.events.len());
        read.extend(page.events);
    }
    assert_eq!(pages, [17, 17, 6, 1, 2]);
    assert_eq!(read.iter().map(|event| event.payload.len()).collect::<Vec<_>>(), sizes);
    assert_eq!(numbers(&page(&*store, 40, 1).await), [41], "the limit in count holds too");
    // An export contains the whole log, whatever the size of a page.
    let dump = engine.portable().export(&id(1), at(1)).await.expect("read").expect("alive");
    assert_eq!(dump.events, read);
}

pub(super) async fn who_watches_hears_of_commits<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    fresh_log(&*store).await;
    assert_eq!(store.watch(&id(1)).is_some(), E::IS_SHARED);
    let Some(mut watch) = store.watch(&id(1)) else { return };
    assert_eq!(watch.next().await, Some(Notice::Look));
    store.apply(&id(1), record(3), at(0)).await.expect("applied");
    assert_eq!(watch.next().await, Some(Notice::Head(Sequence(3))));
    store.apply(&id(1), acknowledge(1, 2), at(0)).await.expect("applied");
    assert_eq!(watch.next().await, Some(Notice::Head(Sequence(3))), "the state alone is new");
    store.close().await.expect("closed");
    assert_eq!(watch.next().await, None);
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
    assert_eq!((page.head(), page.oldest()), (Sequence(16), Sequence(3)));
}

pub(super) async fn a_session_without_a_log_has_an_empty_page<E: Engine>() {
    let engine = E::fresh().await;
    let store = engine.store();
    store.create(NewSession(solo(1, 1, at(0))), at(0)).await.expect("created");
    for _ in 0..2 {
        let page = page(&*store, 0, 9).await;
        assert_eq!((numbers(&page), page.head(), page.oldest()), (vec![], Sequence(0), Sequence(1)));
        store.apply(&id(1), right(0), at(1)).await.expect("applied");
    }
}
