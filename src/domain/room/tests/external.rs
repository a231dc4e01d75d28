//! External rooms: the seats of users, what players say, and what the backend records.

use super::super::recent_keys::MOST_KNOWN_IN_ROOM;
use super::kit::{LIFETIMES, Table, acknowledge, at, at_since, by, join, quiz, seen, token};
use crate::domain::room::{
    Caller, HostMove, KNOWN_FOR, MOST_EVENT_BYTES, MOST_KNOWN, PhaseName, RoomAction, RoomReply, RoomSettings,
};
use crate::domain::{EventDraft, Idempotency, IdempotencyKey, Millis, Refusal, SeatId, SecretHash, Sequence};

fn room() -> Table {
    let mut table = Table::external(RoomSettings::default());
    for n in 1..=2 {
        assert_eq!(table.join(n, at(0)), n);
    }
    table
}

fn user(user: Option<&str>, name: &str, secret: &str) -> RoomAction {
    let user = user.map(|user| user.parse().expect("valid"));
    RoomAction::SeatUser { user, name: name.parse().expect("valid"), token: SecretHash::of(secret) }
}

fn say(payload: &str, key: Option<&str>) -> RoomAction {
    let idempotency = key.map(|key| Idempotency::Key(IdempotencyKey::new("say", key, &[payload])));
    RoomAction::Say { payload: payload.to_owned(), idempotency }
}

/// The same message, recognized by this frame id.
fn say_in(id: &str, payload: &str) -> RoomAction {
    let idempotency = Some(Idempotency::FrameId(IdempotencyKey::new("say", id, &[payload])));
    RoomAction::Say { payload: payload.to_owned(), idempotency }
}

fn record(payload: &str, to: Option<&[u32]>, expected: Option<u64>, key: Option<&str>) -> RoomAction {
    let to = to.map(|to| to.iter().copied().map(SeatId).collect());
    let event = EventDraft { kind: "moved".to_owned(), payload: payload.to_owned(), to };
    let idempotency = key.map(|key| Idempotency::Key(IdempotencyKey::new("record", key, &[payload])));
    RoomAction::Record { events: vec![event], expected: expected.map(Sequence), idempotency }
}

fn recorded(head: u64) -> Result<RoomReply, Refusal> {
    Ok(RoomReply::Recorded(Sequence(head)))
}

#[test]
fn a_user_of_the_backends_has_one_seat_and_each_time_another_token() {
    let mut table = room();
    let seated = Ok(RoomReply::Seated(SeatId(3)));
    assert_eq!(table.backend(user(Some("u1"), "Ada", "a"), at(0)), seated);
    let old = Caller::Token(SecretHash::of("a"), None);
    table.ask(old.clone(), RoomAction::Resume, at(0)).expect("connected");
    assert_eq!(table.backend(user(Some("u1"), "Whatever", "b"), at(1)), seated, "the name stays");
    table.refused(old, RoomAction::Heartbeat, at(2), Refusal::BadToken);
    table.refused(super::kit::connection(3, 1), RoomAction::Heartbeat, at(2), Refusal::Superseded);
    table.ask(Caller::Token(SecretHash::of("b"), None), RoomAction::Heartbeat, at(2)).expect("the newest");
    assert_eq!(table.kinds(), ["joined"; 3]);
    // Guests without a user id get a new seat each time.
    assert_eq!(table.backend(user(None, "Guest 1", "c"), at(3)), Ok(RoomReply::Seated(SeatId(4))));
    assert_eq!(table.backend(user(None, "Guest 2", "d"), at(3)), Ok(RoomReply::Seated(SeatId(5))));
    table.refused(Caller::Backend, user(Some("u2"), "ada", "e"), at(4), Refusal::NameTaken);
}

#[test]
fn a_revoked_seat_is_gone_and_its_user_gets_another() {
    let mut table = room();
    table.backend(user(Some("u1"), "Ada", "a"), at(0)).expect("seated");
    assert_eq!(table.backend(RoomAction::Revoke(SeatId(3)), at(1)), Ok(RoomReply::Done));
    assert_eq!(table.backend(RoomAction::Revoke(SeatId(3)), at(1)), Ok(RoomReply::Done), "told once");
    assert_eq!(table.kinds(), ["joined", "joined", "joined", "revoked"]);
    table.refused(Caller::Token(SecretHash::of("a"), None), RoomAction::Resume, at(2), Refusal::Removed);
    assert_eq!(table.backend(user(Some("u1"), "Ada", "b"), at(2)), Ok(RoomReply::Seated(SeatId(4))));
}

#[test]
fn what_is_for_a_seat_that_has_just_gone_is_recorded_for_the_others() {
    let mut table = room();
    table.backend(RoomAction::Revoke(SeatId(2)), at(1)).expect("revoked");
    let to = |seats: [u32; 2]| {
        let to = Some(seats.map(SeatId).to_vec());
        let events = vec![EventDraft { kind: "dealt".to_owned(), payload: "1".to_owned(), to }];
        RoomAction::Record { events, expected: None, idempotency: None }
    };
    table.backend(to([1, 2]), at(2)).expect("recorded");
    table.refused(Caller::Backend, to([1, 9]), at(2), Refusal::UnknownSeat);
}

#[test]
fn a_full_room_seats_no_user_but_renews_those_it_has() {
    let mut table = Table::external(RoomSettings { max_seats: 1, ..RoomSettings::default() });
    table.backend(user(Some("u1"), "Ada", "a"), at(0)).expect("seated");
    table.refused(Caller::Backend, user(Some("u2"), "Bob", "b"), at(0), Refusal::RoomFull);
    table.backend(user(Some("u1"), "Ada", "c"), at(0)).expect("the same");
}

#[test]
fn what_a_seat_says_is_for_backends_alone_and_numbered_like_everything() {
    let mut table = room();
    assert_eq!(table.ask(by(2), say("{\"move\": \"e4\"}", None), at(1)), recorded(3));
    let said = table.events.last().expect("one");
    assert_eq!((said.kind.as_str(), said.to.as_deref()), ("said", Some(&[][..])));
    assert_eq!(said.payload, "{\"seatId\":2,\"payload\":{\"move\": \"e4\"}}");
    let large = format!("\"{}\"", "x".repeat(MOST_EVENT_BYTES));
    table.refused(by(2), say(&large, None), at(2), Refusal::EventTooLarge);
    for broken in ["", "{", "1 2", "}{"] {
        table.refused(by(2), say(broken, None), at(2), Refusal::TooManyEvents);
    }
}

#[test]
fn what_is_said_or_recorded_twice_under_one_key_is_there_once() {
    let mut table = room();
    for _ in 0..2 {
        assert_eq!(table.ask(by(1), say("1", Some("k")), at(1)), recorded(3));
        assert_eq!(table.ask(by(2), say("1", Some("k")), at(1)), recorded(4), "each seat has its own keys");
        assert_eq!(
            table.backend(record("1", None, Some(4), Some("k")), at(1)),
            recorded(5),
            "whatever the head is now"
        );
    }
    table.refused(by(1), say("2", Some("k")), at(2), Refusal::KeyReused);
    table.refused(Caller::Backend, record("2", None, None, Some("k")), at(2), Refusal::KeyReused);
    assert_eq!(table.events.len(), 5);
}

#[test]
fn as_many_requests_are_known_as_can_be_on_the_way() {
    let mut table = room();
    let most = MOST_KNOWN as u64;
    for n in 0..=most {
        assert_eq!(table.ask(by(1), say("1", Some(&n.to_string())), at(1)), recorded(3 + n));
        assert_eq!(table.ask(by(1), say("1", Some(&n.to_string())), at(1)), recorded(3 + n));
    }
    assert_eq!(table.ask(by(1), say("1", Some("1")), at(LONG.0)), recorded(4), "however old, nobody has seen it");
    assert_eq!(table.ask(by(1), say("1", Some("0")), at(LONG.0)), recorded(4 + most), "forgotten, and said again");
}

#[test]
fn who_says_most_is_forgotten_first_where_a_room_says_too_much() {
    let mut table = Table::external(RoomSettings::default());
    for n in 1..=17 {
        assert_eq!(table.join(n, at(0)), n);
    }
    let first = table.ask(by(1), say("1", Some("k")), at(1));
    for n in 2..=17 {
        for key in 0..MOST_KNOWN {
            table.ask(by(n), say("1", Some(&key.to_string())), at(1)).expect("said");
        }
    }
    assert_eq!(table.ask(by(1), say("1", Some("k")), at(1)), first, "it has said one thing");
    let known = table.room().seats.values().map(|seat| seat.said.len()).sum::<usize>();
    assert_eq!(known, MOST_KNOWN_IN_ROOM);
}

#[test]
fn what_its_author_has_seen_in_the_log_is_forgotten_once_it_is_old() {
    let mut table = room();
    table.ask(by(1), say("1", Some("a")), at(0)).expect("said");
    table.ask(by(1), say("1", Some("b")), at(0)).expect("said");
    table.backend(record("1", None, None, Some("c")), at(0)).expect("recorded");
    table.ask(by(1), acknowledge(3), at(1)).expect("acknowledged");
    table.backend(acknowledge(5), at(1)).expect("acknowledged");
    let (old, up) = (KNOWN_FOR.0, 100_000);
    assert_eq!(table.ask(by(1), say("1", Some("a")), at(old - 1)), recorded(3), "it is young");
    let mut interrupted = table.clone();
    assert_eq!(
        interrupted.ask(by(1), say("1", Some("a")), at_since(up + old - 1, up)),
        recorded(3),
        "an outage is no time"
    );
    assert_eq!(table.ask(by(1), say("1", Some("a")), at(old)), recorded(6));
    assert_eq!(table.ask(by(1), say("1", Some("b")), at(old)), recorded(4), "it is not acknowledged");
    assert_eq!(table.backend(record("1", None, None, Some("c")), at(old)), recorded(7));
}

#[test]
fn a_frames_id_is_that_of_a_repeat_only_with_the_same_body() {
    let mut table = room();
    assert_eq!(table.ask(by(1), say_in("1", "7"), at(1)), recorded(3));
    assert_eq!(table.ask(by(1), say_in("1", "8"), at(1)), recorded(4), "ids are counted anew");
    assert_eq!(table.ask(by(1), say("7", Some("1")), at(1)), recorded(5), "a key is no id");
    table.ask(by(1), RoomAction::Resume, at(2)).expect("connected");
    assert_eq!(table.ask(by(1), say_in("1", "7"), at(2)), recorded(3));
    assert_eq!(table.ask(by(1), say_in("1", "8"), at(2)), recorded(4));
}

#[test]
fn to_whom_knows_nothing_of_before_ids_begin_anew_and_keys_do_not() {
    let mut table = room();
    assert_eq!(table.ask(by(1), say_in("1", "7"), at(1)), recorded(3));
    assert_eq!(table.ask(by(2), say_in("1", "7"), at(1)), recorded(4));
    assert_eq!(table.ask(by(1), say("7", Some("k")), at(1)), recorded(5));
    table.ask(by(1), RoomAction::ResumeFresh, at(2)).expect("connected");
    assert_eq!(table.ask(by(1), say_in("1", "7"), at(2)), recorded(6));
    assert_eq!(table.ask(by(2), say_in("1", "7"), at(2)), recorded(4), "another seat's stay");
    assert_eq!(table.ask(by(1), say("7", Some("k")), at(2)), recorded(5));
}

#[test]
fn a_refused_record_keeps_no_key_and_leaves_nothing() {
    let mut table = room();
    table.refused(Caller::Backend, record("1", None, Some(7), Some("k")), at(1), Refusal::HeadMoved(Sequence(2)));
    table.refused(Caller::Backend, record("1", Some(&[1, 9]), None, Some("k")), at(1), Refusal::UnknownSeat);
    assert_eq!(table.backend(record("1", Some(&[1]), Some(2), Some("k")), at(1)), recorded(3));
    assert_eq!(table.events.last().and_then(|event| event.to.clone()), Some(vec![SeatId(1)]));
}

#[test]
fn each_kind_of_room_refuses_what_only_the_other_knows() {
    let mut table = room();
    table.refused(by(1), super::kit::answer(0, Some(1)), at(1), Refusal::WrongMode);
    for host_move in [HostMove::Start, HostMove::Next, HostMove::Close, HostMove::Pause(true)] {
        table.refused(Caller::Backend, RoomAction::Host(0, host_move, None), at(1), Refusal::WrongMode);
        table.refused(by(1), RoomAction::Host(0, host_move, None), at(1), Refusal::HostsOnly);
    }
    table.refused(Caller::Backend, RoomAction::RenewHost { token: token(1) }, at(1), Refusal::WrongMode);
    let taken = table.ask(by(1), RoomAction::Host(0, HostMove::TakeOver, None), at(1));
    assert_eq!(taken, Ok(RoomReply::Moved(false)), "there is no host whose place it could be");

    let mut quizzing = Table::playing(quiz(1, |_| 1), RoomSettings::default());
    quizzing.fill(2, at(0));
    quizzing.refused(by(2), say("1", None), at(1), Refusal::WrongMode);
    quizzing.refused(Caller::Backend, record("1", None, None, None), at(1), Refusal::WrongMode);
    quizzing.refused(Caller::Backend, user(None, "Eve", "e"), at(1), Refusal::WrongMode);
}

#[test]
fn an_external_room_has_no_phase_nothing_due_and_no_results() {
    let mut table = room();
    let view = table.view(1, at(1));
    assert_eq!((view.phase, view.phase_number, view.host), (None, 0, None));
    assert!(view.question.is_none() && view.ranking.is_none() && view.paused.is_none());
    assert_eq!((table.next_due(at(1)), table.room().results(None)), (None, None));
    table.advance(at(LONG.0));
    assert!(!table.room().is_finished());
}

#[test]
fn an_external_room_that_is_finished_keeps_its_log_and_takes_nothing_more() {
    let mut table = room();
    table.backend(user(Some("u1"), "Ada", "a"), at(0)).expect("seated");
    table.backend(record("1", None, None, Some("k")), at(1)).expect("recorded");
    table.ask(by(1), say("1", Some("k")), at(1)).expect("said");
    let finish = || RoomAction::Host(0, HostMove::Finish, None);
    table.refused(by(1), finish(), at(2), Refusal::HostsOnly);
    assert_eq!(table.backend(finish(), at(2)), Ok(RoomReply::Moved(true)));
    assert_eq!(table.last("finished"), serde_json::json!({ "phaseNumber": 0, "ranking": [] }));
    assert_eq!(table.backend(finish(), at(3)), Ok(RoomReply::Moved(false)), "told once");
    assert_eq!((table.view(1, at(3)).phase, table.room().is_finished()), (Some(PhaseName::Finished), true));

    table.refused(Caller::Anyone, join("Eve", "e", None), at(3), Refusal::RoomFinished);
    table.refused(Caller::Backend, user(Some("u2"), "Eve", "e"), at(3), Refusal::RoomFinished);
    table.refused(by(1), say("2", None), at(3), Refusal::RoomFinished);
    table.refused(Caller::Backend, record("2", None, None, None), at(3), Refusal::RoomFinished);
    // Retries still get their first reply, and users their seats.
    assert_eq!(table.backend(record("1", None, None, Some("k")), at(3)), recorded(4));
    assert_eq!(table.ask(by(1), say("1", Some("k")), at(3)), recorded(5));
    assert_eq!(table.backend(user(Some("u1"), "Ada", "b"), at(3)), Ok(RoomReply::Seated(SeatId(3))));
    table.ask(by(1), RoomAction::Leave, at(4)).expect("left");
    table.backend(RoomAction::Revoke(SeatId(2)), at(4)).expect("revoked");
    assert_eq!(*table.kinds().last().expect("one"), "finished", "nothing follows");
    let results = LIFETIMES.results_ttl.0;
    assert!(table.session.is_live(at(results + 1).now) && !table.session.is_live(at(results + 2).now));
}

const LONG: Millis = Millis(20_000_000);

#[test]
fn a_backend_that_reads_the_log_holds_back_what_it_has_not_acknowledged() {
    let mut table = room();
    for seat in 1..=2 {
        table.ask(by(seat), acknowledge(2), at(1)).expect("acknowledged");
    }
    assert_eq!(table.room().pruned(), Sequence(2), "no backend reads");
    assert_eq!(table.backend(RoomAction::Resume, at(2)), Ok(RoomReply::Resumed { seat: None, generation: 0 }));
    table.backend(record("1", None, None, None), at(3)).expect("recorded");
    for seat in 1..=2 {
        table.ask(by(seat), acknowledge(3), at(4)).expect("acknowledged");
    }
    assert_eq!(table.room().pruned(), Sequence(2));
    table.refused(Caller::Backend, acknowledge(4), at(5), Refusal::AheadOfHead(Sequence(3)));
    assert_eq!(table.backend(acknowledge(3), at(5)), Ok(RoomReply::Acknowledged(Sequence(3))));
    assert_eq!(table.room().pruned(), Sequence(3));
}

#[test]
fn a_seat_without_a_token_is_nobodys() {
    let room = crate::domain::room::Room::external(RoomSettings::default(), [SeatId(4)], at(0).now);
    assert_eq!(room.holder(&token(4), None), Err(Refusal::BadToken));
}

#[test]
fn the_next_seat_is_numbered_after_the_highest() {
    let mut table = Table::external(RoomSettings::default());
    table.backend(user(None, "Ada", "a"), at(0)).expect("seated");
    table.backend(RoomAction::Revoke(SeatId(1)), at(0)).expect("revoked");
    assert_eq!(table.ask(Caller::Anyone, join("Ada", "b", None), at(0)), Ok(RoomReply::Seated(SeatId(2))));
    table.backend(seen(1, 1, true, None), at(0)).expect("noted");
    assert_eq!(table.room().presence(at(0)).present, []);
}
