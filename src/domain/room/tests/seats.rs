//! Who holds a seat: tokens, generations, and the codes by which a seat is handed over.

use super::kit::{HOST, OPEN, Table, WALL, acknowledge, answer, at, by, connection, seen};
use crate::domain::room::{CODE_LIFE, Caller, HostMove, RoomAction, RoomReply, RoomSettings, SeatStatus};
use crate::domain::{IdempotencyKey, Refusal, SeatId, SecretHash};

const CODE: &str = "K7PQ-34TX";

fn lobby(players: u32) -> Table {
    let mut table = Table::of(2, RoomSettings::default());
    table.fill(players + 1, at(0));
    table
}

fn secret(text: &str) -> Caller {
    Caller::Token(SecretHash::of(text), None)
}

fn hand_out(seat: u32) -> RoomAction {
    RoomAction::HandOutCode { seat: SeatId(seat), code: SecretHash::of(CODE) }
}

fn take(code: &str, token: &str, key: Option<&str>) -> RoomAction {
    let idempotency = key.map(|key| IdempotencyKey::new("join", key, &[code]));
    RoomAction::TakeSeat { code: SecretHash::of(code), token: SecretHash::of(token), idempotency }
}

fn until(after: u64) -> Result<RoomReply, Refusal> {
    Ok(RoomReply::CodeUntil(at(after).now.plus(CODE_LIFE)))
}

#[test]
fn a_token_is_one_seats_and_no_other_says_anything() {
    let table = lobby(2);
    let holder = |text: &str| table.room().holder(&SecretHash::of(text), None);
    assert_eq!(holder("token 1"), Ok(SeatId(HOST)));
    assert_eq!(holder("token 3"), Ok(SeatId(3)));
    for other in ["", "token 4", "Token 3", "token 3 "] {
        assert_eq!(holder(other), Err(Refusal::BadToken), "{other:?}");
    }
}

#[test]
fn every_ask_that_needs_a_seat_needs_a_token() {
    let mut table = lobby(1);
    let say = RoomAction::Say { payload: "1".to_owned(), idempotency: None };
    let asks = [
        RoomAction::Resume,
        RoomAction::Heartbeat,
        acknowledge(0),
        RoomAction::Leave,
        answer(0, Some(1)),
        say,
        hand_out(2),
    ];
    for ask in asks {
        table.refused(Caller::Anyone, ask.clone(), at(1), Refusal::BadToken);
        table.refused(secret("guess"), ask.clone(), at(1), Refusal::BadToken);
        table.refused(connection(9, 0), ask, at(1), Refusal::UnknownSeat);
    }
    for ask in [answer(0, Some(1)), RoomAction::Leave] {
        table.refused(Caller::Backend, ask, at(1), Refusal::BadToken);
    }
}

#[test]
fn what_is_a_backends_is_refused_to_everybody_else() {
    let mut table = lobby(1);
    let user = RoomAction::SeatUser { user: None, name: "Eve".parse().expect("valid"), token: SecretHash::of("e") };
    let record = RoomAction::Record { events: Vec::new(), expected: None, idempotency: None };
    for ask in [user, record, RoomAction::Revoke(SeatId(2)), seen(2, 1, false, None)] {
        for who in [Caller::Anyone, by(2), by(HOST)] {
            table.refused(who, ask.clone(), at(1), Refusal::BackendsOnly);
        }
    }
}

#[test]
fn the_newest_connection_wins_and_the_token_stays() {
    let mut table = lobby(1);
    let (old, new) = (1, table.connect(2, at(1)));
    assert_eq!(new, 2);
    for ask in [RoomAction::Heartbeat, RoomAction::Leave, RoomAction::Resume, acknowledge(1)] {
        table.refused(connection(2, old), ask.clone(), at(2), Refusal::Superseded);
        let with_generation = Caller::Token(super::kit::token(2), Some(old));
        table.refused(with_generation, ask, at(2), Refusal::Superseded);
    }
    table.refused(connection(2, new + 1), RoomAction::Heartbeat, at(2), Refusal::Superseded);
    table.ask(connection(2, new), RoomAction::Heartbeat, at(2)).expect("the newest");
    table.ask(by(2), RoomAction::Heartbeat, at(2)).expect("resuming never changes the token");
}

#[test]
fn the_late_end_of_a_superseded_connection_disturbs_nothing() {
    let mut table = lobby(1);
    let old = table.connect(2, at(1));
    table.connect(2, at(2));
    let before = table.room().clone();
    table.backend(seen(2, old, false, Some(1)), at(3)).expect("noted");
    assert_eq!(*table.room(), before);
    assert!(table.view(HOST, at(3)).seats[1].present);
}

#[test]
fn what_was_heard_of_nobody_is_no_harm() {
    let mut table = lobby(1);
    let before = table.room().clone();
    for ask in [seen(9, 1, true, None), RoomAction::ReportPresence(Vec::new())] {
        assert_eq!(table.backend(ask, at(1)), Ok(RoomReply::Done));
    }
    // This acknowledgement belongs to another epoch of the log.
    table.backend(seen(2, 1, true, Some(77)), at(0)).expect("noted");
    assert_eq!(*table.room(), before);
}

#[test]
fn hearing_of_a_seat_keeps_it_present_with_nothing_new_to_tell() {
    let mut table = lobby(1);
    let is_present = |table: &Table, after| table.room().presence(at(after)).present.contains(&SeatId(2));
    assert!(is_present(&table, 14_999) && !is_present(&table, 15_000));
    table.backend(seen(2, 1, true, None), at(10_000)).expect("noted");
    assert!(is_present(&table, 24_999) && !is_present(&table, 25_000));
    table.backend(seen(2, 1, true, None), at(9_000)).expect("noted");
    assert!(is_present(&table, 24_999), "out of order it takes nothing back");
    table.backend(seen(2, 1, false, None), at(10_001)).expect("noted");
    assert!(!is_present(&table, 10_001));
}

#[test]
fn a_seat_code_hands_the_seat_to_another_device_with_all_that_it_has() {
    let mut table = Table::started(1, 2, RoomSettings::default());
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    let generation = table.connect(2, at(OPEN));
    assert_eq!(table.ask(by(2), hand_out(2), at(OPEN)), until(OPEN));
    let seated = table.ask(Caller::Anyone, take(CODE, "phone", None), at(OPEN + 1));
    assert_eq!(seated, Ok(RoomReply::Seated(SeatId(2))));
    table.refused(by(2), RoomAction::Heartbeat, at(OPEN + 2), Refusal::BadToken);
    table.refused(connection(2, generation), RoomAction::Heartbeat, at(OPEN + 2), Refusal::Superseded);
    assert!(matches!(table.ask(secret("phone"), RoomAction::Resume, at(OPEN + 2)), Ok(RoomReply::Resumed { .. })));
    assert_eq!(table.total(2), 150);
    assert_eq!(table.kinds(), ["joined", "question", "reveal"], "nobody is told");
}

#[test]
fn a_seat_code_works_once_for_five_minutes_and_the_newest_counts() {
    let mut table = lobby(1);
    table.refused(Caller::Anyone, take(CODE, "x", None), at(0), Refusal::SeatCodeUnknown);
    table.ask(by(2), hand_out(2), at(0)).expect("handed out");
    table.refused(Caller::Anyone, take("other", "x", None), at(1), Refusal::SeatCodeUnknown);
    table.refused(Caller::Anyone, take(CODE, "x", None), at(300_000), Refusal::SeatCodeUnknown);
    table.ask(Caller::Anyone, take(CODE, "x", None), at(299_999)).expect("in time");
    table.refused(Caller::Anyone, take(CODE, "y", None), at(299_999), Refusal::SeatCodeUnknown);
    table.ask(secret("x"), hand_out(2), at(300_000)).expect("handed out");
    let newer = RoomAction::HandOutCode { seat: SeatId(2), code: SecretHash::of("newer") };
    table.ask(secret("x"), newer, at(300_000)).expect("handed out");
    table.refused(Caller::Anyone, take(CODE, "y", None), at(300_001), Refusal::SeatCodeUnknown);
    table.ask(Caller::Anyone, take("newer", "y", None), at(300_001)).expect("the newest");
}

#[test]
fn a_seats_code_is_handed_out_to_its_holder_the_host_and_a_backend() {
    let mut table = lobby(2);
    for who in [by(2), by(HOST), Caller::Backend] {
        assert_eq!(table.ask(who, hand_out(2), at(1)), until(1));
    }
    table.refused(by(3), hand_out(2), at(1), Refusal::HostsOnly);
    table.refused(by(3), hand_out(9), at(1), Refusal::HostsOnly);
    table.refused(by(2), hand_out(HOST), at(1), Refusal::HostsOnly);
    table.refused(by(HOST), hand_out(9), at(1), Refusal::UnknownSeat);
    table.host(HostMove::Kick(SeatId(2)), at(2));
    table.refused(by(HOST), hand_out(2), at(3), Refusal::UnknownSeat);
    table.refused(Caller::Anyone, take(CODE, "x", None), at(3), Refusal::SeatCodeUnknown);
}

#[test]
fn a_repeated_take_over_gets_another_token_until_the_first_is_used() {
    let mut table = lobby(1);
    table.ask(by(2), hand_out(2), at(0)).expect("handed out");
    for token in ["lost", "got"] {
        let taken = table.ask(Caller::Anyone, take(CODE, token, Some("k")), at(1));
        assert_eq!(taken, Ok(RoomReply::Seated(SeatId(2))));
    }
    table.refused(secret("lost"), RoomAction::Heartbeat, at(2), Refusal::BadToken);
    table.refused(Caller::Anyone, take("other", "x", Some("k")), at(2), Refusal::KeyReused);
    table.ask(secret("got"), RoomAction::Resume, at(2)).expect("arrived");
    table.refused(Caller::Anyone, take(CODE, "x", Some("k")), at(3), Refusal::AlreadyConnected);
}

#[test]
fn a_seat_that_changed_hands_can_be_repeated_by_nobody_who_had_it_before() {
    let mut table = Table::of(1, RoomSettings::default());
    let joining = |token| super::kit::join("Ada", token, Some("k"));
    table.ask(Caller::Anyone, joining("a"), at(0)).expect("seated");
    table.ask(Caller::Backend, hand_out(2), at(0)).expect("handed out");
    table.ask(Caller::Anyone, take(CODE, "b", None), at(1)).expect("taken");
    table.refused(Caller::Anyone, joining("c"), at(2), Refusal::NameTaken);
    table.ask(secret("b"), RoomAction::Heartbeat, at(3)).expect("still its holder's");
}

#[test]
fn who_left_is_gone_with_code_and_connection() {
    let mut table = lobby(2);
    table.ask(by(2), hand_out(2), at(0)).expect("handed out");
    table.ask(connection(2, 1), RoomAction::Leave, at(1)).expect("left");
    table.refused(Caller::Anyone, take(CODE, "x", None), at(2), Refusal::SeatCodeUnknown);
    table.refused(connection(2, 2), RoomAction::Heartbeat, at(2), Refusal::BadToken);
    assert_eq!(table.room().generation(SeatId(2)), Some((2, SeatStatus::Left)));
    table.backend(seen(2, 2, true, None), at(2)).expect("noted");
    assert_eq!(table.room().presence(at(2)).present, [SeatId(3)]);
}

#[test]
fn nothing_in_a_room_shows_a_token_or_a_code() {
    let mut table = lobby(1);
    table.ask(by(2), hand_out(2), at(0)).expect("handed out");
    let hash = serde_json::to_string(&super::kit::token(2)).expect("JSON");
    let shown = format!("{:?}{:?}{:?}", table.session, table.view(2, at(0)), by(2));
    assert!(!shown.contains(hash.trim_matches('"')) && !shown.contains(CODE));
    assert!(shown.contains("SecretHash(…)"));
}

#[test]
fn an_answer_is_in_time_by_when_it_came_whoever_sends_it() {
    let mut table = Table::started(2, 1, RoomSettings::default());
    let generation = table.connect(2, at(1));
    let taken = table.ask(connection(2, generation), answer(0, None), at(OPEN + 7));
    let received = WALL;
    let question = "q0".parse().expect("valid");
    assert_eq!(taken, Ok(RoomReply::Answered { question, answer: None, received }));
}

#[test]
fn a_backend_gives_the_hosts_seat_another_token_and_the_one_before_ends() {
    let mut table = lobby(1);
    table.connect(HOST, at(1));
    let renew = |secret: &str| RoomAction::RenewHost { token: SecretHash::of(secret) };
    for by in [by(HOST), by(2), Caller::Anyone] {
        table.refused(by, renew("x"), at(2), Refusal::BackendsOnly);
    }
    assert_eq!(table.backend(renew("x"), at(2)), Ok(RoomReply::Seated(SeatId(HOST))));
    table.refused(by(HOST), RoomAction::Heartbeat, at(3), Refusal::BadToken);
    table.refused(connection(HOST, 0), RoomAction::Heartbeat, at(3), Refusal::Superseded);
    let start = RoomAction::Host(0, HostMove::Start, None);
    assert_eq!(table.ask(secret("x"), start, at(3)), Ok(RoomReply::Moved(true)));
    let mut table = super::host::with_a_stand_in();
    assert_eq!(table.backend(renew("y"), at(16_000)), Ok(RoomReply::Seated(SeatId(HOST))), "not the stand-in's");
    assert!(table.ask(by(2), RoomAction::Heartbeat, at(16_000)).is_ok());
    assert!(table.ask(secret("y"), RoomAction::Heartbeat, at(16_000)).is_ok());
}
