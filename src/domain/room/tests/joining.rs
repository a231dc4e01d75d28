//! Joining: names, full and closed rooms, joining late, and retries.

use super::kit::{HOST, OPEN, Table, answer, at, by, connection, join};
use crate::domain::room::{Caller, HostMove, RoomAction, RoomReply, RoomSettings, SeatStatus};
use crate::domain::{JoinCode, Millis, NotOpen, Refusal, SeatId, SecretHash};

fn seated(id: u32) -> Result<RoomReply, Refusal> {
    Ok(RoomReply::Seated(SeatId(id)))
}

fn secret(text: &str) -> Caller {
    Caller::Token(SecretHash::of(text), None)
}

#[test]
fn a_code_is_six_characters_that_nobody_takes_for_others() {
    assert_eq!(JoinCode::ALPHABET.len(), 31);
    for confusing in *b"01ILOilo" {
        assert!(!JoinCode::ALPHABET.contains(&confusing), "{confusing}");
    }
    assert!("ABC234".parse::<JoinCode>().is_ok() && "ABC23".parse::<JoinCode>().is_err());
}

#[test]
fn whoever_joins_is_told_of_and_starts_with_nothing() {
    let mut table = Table::of(1, RoomSettings::default());
    assert_eq!(table.ask(Caller::Anyone, join(" Zoe\u{308} ", "z", None), at(5)), seated(2));
    assert_eq!(table.last("joined"), serde_json::json!({"seatId": 2, "name": "Zoë"}));
    let you = table.view(2, at(5)).you.expect("seated");
    assert_eq!((you.total, you.plays, you.is_host, you.answered), (0, true, false, false));
}

#[test]
fn names_are_unique_whatever_their_case_the_hosts_too() {
    let mut table = Table::of(1, RoomSettings::default());
    table.ask(Caller::Anyone, join("Straße", "a", None), at(0)).expect("seated");
    for taken in ["STRASSE", "straße", "HOST", "ｈｏｓｔ", "H\u{43e}st"] {
        table.refused(Caller::Anyone, join(taken, "b", None), at(0), Refusal::NameTaken);
    }
    assert_eq!(table.ask(Caller::Anyone, join("Strasser", "b", None), at(0)), seated(3));
}

#[test]
fn the_name_of_who_left_is_free_and_the_seats_number_is_not_used_again() {
    let mut table = Table::of(1, RoomSettings::default());
    table.ask(Caller::Anyone, join("Ada", "a", None), at(0)).expect("seated");
    table.ask(secret("a"), RoomAction::Leave, at(1)).expect("left");
    assert_eq!(table.last("left")["seatId"], 2);
    table.refused(secret("a"), RoomAction::Resume, at(2), Refusal::BadToken);
    table.refused(secret("a"), RoomAction::Leave, at(2), Refusal::BadToken);
    assert_eq!(table.ask(Caller::Anyone, join("ADA", "b", None), at(2)), seated(3));
}

#[test]
fn a_full_room_takes_nobody_until_somebody_leaves() {
    let mut table = Table::of(1, RoomSettings { max_seats: 3, ..RoomSettings::default() });
    table.fill(3, at(0));
    table.refused(Caller::Anyone, join("Eve", "e", None), at(0), Refusal::RoomFull);
    table.ask(by(2), RoomAction::Leave, at(1)).expect("left");
    assert_eq!(table.ask(Caller::Anyone, join("Eve", "e", None), at(1)), seated(4));
    table.refused(Caller::Anyone, join("Bob", "b", None), at(1), Refusal::RoomFull);
}

#[test]
fn coming_and_going_fills_no_room() {
    let settings = RoomSettings { max_seats: 2, most_seats_in_record: 2, ..RoomSettings::default() };
    let mut table = Table::of(1, settings);
    for seat in 2..=100 {
        assert_eq!(table.join(seat, at(0)), seat);
        match seat % 3 {
            0 => table.ask(by(seat), RoomAction::Leave, at(0)).map(|_| ()).expect("left"),
            1 => assert!(table.host(HostMove::Kick(SeatId(seat)), at(0))),
            _ => table.backend(RoomAction::Revoke(SeatId(seat)), at(0)).map(|_| ()).expect("revoked"),
        }
    }
    table.join(101, at(0));
    table.refused(Caller::Anyone, join("Eve", "e", None), at(0), Refusal::RoomFull);
}

#[test]
fn who_left_with_answers_keeps_a_place_in_the_record() {
    let settings = RoomSettings { max_seats: 3, most_seats_in_record: 4, ..RoomSettings::default() };
    let mut table = Table::started(2, 3, settings);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    table.ask(by(2), RoomAction::Leave, at(OPEN)).expect("left");
    assert_eq!(table.join(4, at(OPEN)), 4);
    table.ask(by(4), RoomAction::Leave, at(OPEN)).expect("left");
    assert_eq!(table.join(5, at(OPEN)), 5);
    table.answer(3, 0, 1, at(OPEN)).expect("taken");
    table.ask(by(3), RoomAction::Leave, at(OPEN)).expect("left");
    table.refused(Caller::Anyone, join("Eve", "e", None), at(OPEN), Refusal::RoomFull);
}

#[test]
fn a_seat_that_departed_is_told_why_and_a_forgotten_one_that_its_token_is_none() {
    let mut table = Table::of(1, RoomSettings { joins_a_minute: u32::MAX, ..RoomSettings::default() });
    table.fill(4, at(0));
    table.ask(by(2), RoomAction::Leave, at(1)).expect("left");
    assert!(table.host(HostMove::Kick(SeatId(3)), at(1)));
    table.backend(RoomAction::Revoke(SeatId(4)), at(1)).expect("revoked");
    let standings = [(2, SeatStatus::Left, Refusal::BadToken), (3, SeatStatus::Kicked, Refusal::Removed)];
    let standings = standings.into_iter().chain([(4, SeatStatus::Revoked, Refusal::Removed)]);
    for (seat, standing, refusal) in standings.clone() {
        assert_eq!(table.room().generation(SeatId(seat)), Some((2, standing)));
        table.refused(by(seat), RoomAction::Heartbeat, at(2), refusal.clone());
        table.refused(connection(seat, 1), RoomAction::Heartbeat, at(2), refusal);
    }
    assert!(!table.host(HostMove::Kick(SeatId(2)), at(2)), "once is enough");
    assert_eq!(table.backend(RoomAction::Revoke(SeatId(3)), at(2)), Ok(RoomReply::Done));
    for seat in 5..205 {
        table.join(seat, at(2));
        table.ask(by(seat), RoomAction::Leave, at(2)).expect("left");
    }
    for (seat, ..) in standings {
        assert_eq!(table.room().generation(SeatId(seat)), Some((u32::MAX, SeatStatus::Left)));
        table.refused(by(seat), RoomAction::Heartbeat, at(3), Refusal::BadToken);
        table.refused(connection(seat, 1), RoomAction::Heartbeat, at(3), Refusal::BadToken);
    }
    assert_eq!(table.room().generation(SeatId(205)), None);
}

#[test]
fn too_many_joins_wait_and_what_is_no_new_player_does_not_count() {
    let mut table = Table::of(1, RoomSettings { joins_a_minute: 2, ..RoomSettings::default() });
    table.ask(Caller::Anyone, join("Ada", "a", Some("k")), at(0)).expect("seated");
    table.refused(Caller::Anyone, join("ADA", "x", None), at(0), Refusal::NameTaken);
    table.ask(Caller::Anyone, join("Bob", "b", None), at(0)).expect("seated");
    for (after, retry_after) in [(0, 30_000), (29_999, 1)] {
        let refusal = Refusal::TooManyJoins { retry_after: Millis(retry_after) };
        table.refused(Caller::Anyone, join("Cleo", "c", None), at(after), refusal);
    }
    assert_eq!(table.ask(Caller::Anyone, join("Ada", "again", Some("k")), at(29_999)), seated(2));
    table.ask(Caller::Anyone, join("Cleo", "c", None), at(30_000)).expect("the next one's turn");
}

#[test]
fn a_rooms_bounds_are_looked_at_before_a_name_is() {
    let mut table = Table::of(1, RoomSettings { max_seats: 2, joins_a_minute: 2, ..RoomSettings::default() });
    let host = || join("Host", "x", None);
    table.refused(Caller::Anyone, host(), at(0), Refusal::NameTaken);
    for name in ["Ada", "Bob"] {
        let Ok(RoomReply::Seated(id)) = table.ask(Caller::Anyone, join(name, name, None), at(0)) else {
            panic!("{name}")
        };
        assert!(table.host(HostMove::Kick(id), at(0)));
    }
    table.refused(Caller::Anyone, host(), at(0), Refusal::TooManyJoins { retry_after: Millis(30_000) });
    table.ask(Caller::Anyone, join("Cleo", "c", None), at(30_000)).expect("seated");
    table.refused(Caller::Anyone, host(), at(90_000), Refusal::RoomFull);
    assert!(table.host(HostMove::Lock(true), at(90_000)));
    table.refused(Caller::Anyone, host(), at(90_000), Refusal::RoomLocked);
}

#[test]
fn a_room_of_one_seat_is_its_hosts_alone() {
    let mut table = Table::of(1, RoomSettings { max_seats: 1, ..RoomSettings::default() });
    table.refused(Caller::Anyone, join("Eve", "e", None), at(0), Refusal::RoomFull);
}

#[test]
fn a_running_game_without_late_joining_is_closed() {
    let settings = RoomSettings { late_join: false, ..RoomSettings::default() };
    let mut table = Table::started(1, 2, settings);
    table.refused(Caller::Anyone, join("Eve", "e", None), at(1), Refusal::RoomLocked);
    table.host(HostMove::Close, at(OPEN));
    table.refused(Caller::Anyone, join("Eve", "e", None), at(OPEN), Refusal::RoomLocked);
    table.host(HostMove::Finish, at(OPEN));
    table.refused(Caller::Anyone, join("Eve", "e", None), at(OPEN), Refusal::RoomFinished);
}

#[test]
fn who_comes_late_plays_from_the_next_question_on() {
    // Once while the question is shown but not open, and once while it is open.
    for late in [1, OPEN + 1] {
        let mut table = Table::started(1, 2, RoomSettings::default());
        assert_eq!(table.join(3, at(late)), 3);
        table.refused(by(3), answer(0, Some(1)), at(OPEN + 1), Refusal::NotPlaying);
        table.refused(by(3), answer(1, Some(1)), at(OPEN + 1), Refusal::QuestionNotOpen(NotOpen::OtherQuestion));
        table.answer(2, 0, 1, at(OPEN + 2)).expect("taken");
        let reveal = table.last("reveal");
        assert_eq!(reveal["verdicts"].as_array().map(Vec::len), Some(1), "nobody waits for who came late");
        assert_eq!(reveal["verdicts"][0]["seatId"], 2);
        table.host(HostMove::Next, at(10_000));
        table.answer(3, 1, 1, at(10_000 + OPEN)).expect("plays by now");
        table.answer(2, 1, 0, at(10_000 + OPEN)).expect("taken");
        assert_eq!(table.last("reveal")["verdicts"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn who_comes_during_a_reveal_plays_the_next_question() {
    let mut table = Table::started(1, 2, RoomSettings::default());
    table.host(HostMove::Close, at(OPEN));
    table.join(3, at(OPEN));
    table.host(HostMove::Next, at(OPEN));
    table.answer(3, 1, 1, at(2 * OPEN)).expect("plays");
}

#[test]
fn a_repeated_request_gets_the_same_seat_and_another_token() {
    let mut table = Table::of(1, RoomSettings::default());
    assert_eq!(table.ask(Caller::Anyone, join("Ada", "lost", Some("k")), at(0)), seated(2));
    table.host(HostMove::Lock(true), at(1));
    assert_eq!(table.ask(Caller::Anyone, join("Ada", "got", Some("k")), at(2)), seated(2), "locked or not");
    assert_eq!(table.kinds(), ["joined", "locked"], "it is told once");
    table.refused(secret("lost"), RoomAction::Resume, at(3), Refusal::BadToken);
    table.ask(secret("got"), RoomAction::Resume, at(3)).expect("the newest token");
}

#[test]
fn a_repeat_takes_nothing_from_who_has_come() {
    for ask in [RoomAction::Resume, RoomAction::Heartbeat, RoomAction::Acknowledge(Default::default())] {
        let mut table = Table::of(1, RoomSettings::default());
        table.ask(Caller::Anyone, join("Ada", "a", Some("k")), at(0)).expect("seated");
        table.ask(secret("a"), ask, at(1)).expect("the token has arrived");
        table.refused(Caller::Anyone, join("Ada", "b", Some("k")), at(2), Refusal::AlreadyConnected);
        table.ask(secret("a"), RoomAction::Heartbeat, at(3)).expect("it stays");
    }
}

#[test]
fn a_refused_use_of_the_token_claims_nothing() {
    let mut table = Table::of(1, RoomSettings::default());
    table.ask(Caller::Anyone, join("Ada", "a", Some("k")), at(0)).expect("seated");
    table.refused(secret("a"), answer(0, Some(1)), at(1), Refusal::QuestionNotOpen(NotOpen::NotYet));
    assert_eq!(table.ask(Caller::Anyone, join("Ada", "b", Some("k")), at(2)), seated(2));
}

#[test]
fn another_request_under_the_same_key_is_told_so() {
    let mut table = Table::of(1, RoomSettings::default());
    table.ask(Caller::Anyone, join("Ada", "a", Some("k")), at(0)).expect("seated");
    table.refused(Caller::Anyone, join("Bob", "b", Some("k")), at(1), Refusal::KeyReused);
    assert_eq!(table.ask(Caller::Anyone, join("Bob", "b", Some("other")), at(1)), seated(3));
}

#[test]
fn a_refused_request_keeps_no_key() {
    let mut table = Table::of(1, RoomSettings::default());
    table.refused(Caller::Anyone, join("host", "a", Some("k")), at(0), Refusal::NameTaken);
    assert_eq!(table.ask(Caller::Anyone, join("Ada", "a", Some("k")), at(1)), seated(2));
}

#[test]
fn a_repeat_after_the_end_still_finds_the_seat() {
    let mut table = Table::of(1, RoomSettings::default());
    table.ask(Caller::Anyone, join("Ada", "lost", Some("k")), at(0)).expect("seated");
    table.host(HostMove::Finish, at(1));
    assert_eq!(table.ask(Caller::Anyone, join("Ada", "got", Some("k")), at(2)), seated(2));
    assert_eq!(*table.kinds().last().expect("one"), "finished");
}

#[test]
fn the_host_or_a_backend_changes_the_join_code_and_all_are_told() {
    let mut table = Table::started(1, 1, RoomSettings::default());
    let code = |text: &str| -> JoinCode { text.parse().expect("valid") };
    let change = |text| RoomAction::ChangeJoinCode(code(text));
    table.refused(by(2), change("XYZ789"), at(1), Refusal::HostsOnly);
    table.refused(Caller::Anyone, change("XYZ789"), at(1), Refusal::BadToken);
    for (by, text) in [(by(HOST), "XYZ789"), (Caller::Backend, "DEF567")] {
        assert_eq!(table.ask(by, change(text), at(2)), Ok(RoomReply::JoinCode(code(text))));
        assert_eq!(table.session.state.join_code, Some(code(text)));
        assert_eq!(table.last("joinCode"), serde_json::json!({ "joinCode": text }));
    }
    assert!(table.host(HostMove::Finish, at(OPEN)));
    table.refused(by(HOST), change("ABC234"), at(OPEN), Refusal::RoomFinished);
}
