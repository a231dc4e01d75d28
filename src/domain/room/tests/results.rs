//! Results and ranks, and what is refused after the end.

use super::kit::{HOST, OPEN, Table, acknowledge, answer, at, by, connection, join, seen};
use crate::domain::room::{Caller, HostMove, RoomAction, RoomReply, RoomSettings, SeatStatus};
use crate::domain::{NotOpen, Refusal, SeatId, SecretHash, Sequence};

/// A closed question with four players: seat 2 was faster than seats 3 and 4, and seat 5 was wrong.
fn closed() -> Table {
    let mut table = Table::started(4, 2, RoomSettings::default());
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    table.answer(3, 0, 1, at(OPEN + 6_000)).expect("taken");
    table.answer(4, 0, 1, at(OPEN + 7_000)).expect("taken");
    table.answer(5, 0, 2, at(OPEN + 7_000)).expect("taken");
    table
}

fn finished() -> Table {
    let mut table = closed();
    assert!(table.host(HostMove::Finish, at(20_000)));
    table
}

fn places(table: &Table) -> Vec<(u32, Option<usize>)> {
    table.view(HOST, at(20_000)).seats.iter().map(|seat| (seat.seat_id.0, seat.rank)).collect()
}

#[test]
fn equal_points_share_a_place_and_the_next_is_left_out() {
    let table = closed();
    assert_eq!(places(&table), [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(2)), (5, Some(4))]);
    let verdicts = table.last("reveal")["verdicts"].clone();
    let of = |n: usize| (verdicts[n]["total"].as_u64(), verdicts[n]["rank"].as_u64());
    assert_eq!([0, 1, 2, 3].map(of).map(|(total, _)| total), [Some(150), Some(125), Some(125), Some(0)]);
    assert_eq!([0, 1, 2, 3].map(of).map(|(_, rank)| rank), [Some(1), Some(2), Some(2), Some(4)]);
    let counts: Vec<_> = (0..4).map(|n| table.last("reveal")["counts"][n]["count"].as_u64()).collect();
    assert_eq!(counts, [Some(0), Some(3), Some(1), Some(0)]);
}

#[test]
fn all_share_the_first_place_before_anything_is_told() {
    let table = Table::started(3, 1, RoomSettings::default());
    assert_eq!(places(&table), [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(1))]);
}

#[test]
fn the_ranking_is_told_best_first_and_stands() {
    let table = finished();
    let told = table.last("finished");
    let ranking = table.view(2, at(30_000)).ranking.expect("it is over");
    assert_eq!(told["ranking"], serde_json::to_value(&ranking).expect("JSON"));
    assert_eq!(told["phaseNumber"], 3);
    assert_eq!(ranking.iter().map(|one| one.seat_id.0).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(ranking[1].name.as_ref().map(|name| name.as_str()), Some("Player 3"));
}

#[test]
fn nothing_is_told_after_the_end_whatever_is_asked() {
    let mut table = finished();
    let told = table.events.len();
    let ranking = table.view(2, at(20_000)).ranking;
    let number = table.room().phase_number();
    let moves = [HostMove::Start, HostMove::Next, HostMove::Close, HostMove::Finish, HostMove::TakeOver];
    let moves = moves.into_iter().chain([HostMove::Pause(true), HostMove::Lock(true), HostMove::Kick(SeatId(3))]);
    for host_move in moves {
        assert!(!table.host(host_move, at(21_000)), "{host_move:?}");
        assert_eq!(table.backend(RoomAction::Host(number, host_move, None), at(21_000)), Ok(RoomReply::Moved(false)));
    }
    table.refused(Caller::Anyone, join("Late", "late", None), at(21_000), Refusal::RoomFinished);
    table.refused(by(2), answer(0, Some(3)), at(21_000), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
    table.refused(by(2), acknowledge(99), at(21_000), Refusal::AheadOfHead(Sequence(told as u64)));
    let generation = table.connect(2, at(22_000));
    table.heartbeat(3, at(22_000));
    assert_eq!(table.ask(by(2), acknowledge(3), at(22_000)), Ok(RoomReply::Acknowledged(Sequence(3))));
    table.backend(seen(2, generation, true, Some(4)), at(22_000)).expect("noted");
    table.ask(by(4), RoomAction::Leave, at(22_000)).expect("let go");
    table.ask(by(HOST), RoomAction::Leave, at(22_000)).expect("the game needs no host any more");
    table.advance(at(1_000_000));
    assert_eq!(table.events.len(), told, "{:?}", table.kinds());
    assert_eq!(table.room().head(), Sequence(told as u64));
    assert_eq!(table.view(2, at(22_000)).ranking, ranking, "who leaves afterwards keeps the place");
}

#[test]
fn who_leaves_after_the_end_has_no_token_any_more_but_has_not_left_the_game() {
    let mut table = finished();
    let generation = table.connect(3, at(20_000));
    let code = SecretHash::of("code");
    table.ask(by(3), RoomAction::HandOutCode { seat: SeatId(3), code }, at(20_000)).expect("its own");
    table.ask(by(3), RoomAction::Leave, at(21_000)).expect("let go");
    table.refused(by(3), RoomAction::Resume, at(22_000), Refusal::BadToken);
    table.refused(connection(3, generation), RoomAction::Heartbeat, at(22_000), Refusal::Superseded);
    let take = RoomAction::TakeSeat { code, token: SecretHash::of("x"), idempotency: None };
    table.refused(Caller::Anyone, take, at(22_000), Refusal::SeatCodeUnknown);
    let results = table.room().results(table.session.quiz.as_deref()).expect("a quiz");
    assert!(results.seats.iter().all(|seat| !seat.has_left));
}

#[test]
fn a_backend_may_revoke_any_seat_after_the_end_and_nothing_is_told() {
    let mut table = finished();
    let told = table.events.len();
    for seat in [HOST, 2] {
        table.backend(RoomAction::Revoke(SeatId(seat)), at(21_000)).expect("revoked");
        table.refused(by(seat), RoomAction::Heartbeat, at(22_000), Refusal::Removed);
        assert_eq!(table.room().generation(SeatId(seat)).map(|(_, standing)| standing), Some(SeatStatus::Revoked));
    }
    assert_eq!(table.events.len(), told);
}
