//! A game from the lobby to its results.

use super::kit::{HOST, OPEN, Table, at, at_since};
use crate::domain::Refusal;
use crate::domain::room::{Advance, HostMove, RoomSettings};

fn started(players: u32, questions: usize) -> Table {
    Table::started(players, questions, RoomSettings::default())
}

#[test]
fn a_whole_game_by_the_hosts_hand() {
    let mut table = started(2, 2);
    assert_eq!(table.answer(2, 0, 1, at(OPEN - 1)), Err(Refusal::QuestionNotOpen));
    table.answer(2, 0, 1, at(OPEN + 1_000)).expect("taken");
    assert_eq!(table.answer(2, 0, 1, at(OPEN + 1_001)), Err(Refusal::QuestionNotOpen));
    table.answer(3, 0, 2, at(OPEN + 6_000)).expect("taken");
    // Everybody has answered: it is closed in the same breath.
    assert_eq!(table.last("reveal")["correctOptionId"], 1);
    assert_eq!(table.last("reveal")["verdicts"][0]["total"], 150);
    assert_eq!(table.last("reveal")["verdicts"][1]["rank"], 2);
    assert!(!table.host_who_saw(1, HostMove::Next, at(OPEN + 7_000)), "a stale move moves nothing");
    assert!(table.host(HostMove::Next, at(OPEN + 7_000)));
    table.advance(at(OPEN + 7_000 + 3_000 + 20_500));
    assert_eq!(table.view(2, at(OPEN + 30_500)).phase_number, 3, "half a second late is in time");
    table.advance(at(OPEN + 7_000 + 3_000 + 20_501));
    assert_eq!(table.view(2, at(OPEN + 30_501)).phase_number, 4);
    assert!(table.host(HostMove::Next, at(OPEN + 31_000)));
    assert_eq!(table.kinds(), ["joined", "joined", "question", "reveal", "question", "reveal", "finished"]);
    assert_eq!(table.last("finished")["ranking"][0]["total"], 150);
    assert!(table.session.quiz.is_none());
    let results = table.room().results(None).expect("a quiz");
    assert_eq!((results.questions.len(), results.seats.len()), (2, 2));
    assert_eq!(results.seats[0].answers.len(), 1);
}

#[test]
fn an_automatic_game_plays_itself_and_an_outage_gives_time() {
    let settings = RoomSettings { advance: Advance::Auto, ..RoomSettings::default() };
    let mut table = Table::of(2, settings);
    table.fill(2, at(0));
    table.host(HostMove::Start, at(0));
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    assert_eq!(table.view(2, at(OPEN)).phase_number, 2);
    table.advance(at(OPEN + 5_000));
    assert_eq!(table.view(2, at(OPEN + 5_000)).phase_number, 3);
    // Away for an hour: the question stays open for 15 s, and nothing is played to its end.
    let up = 3_600_000;
    table.advance(at_since(up + 100, up));
    assert_eq!(table.view(2, at_since(up + 100, up)).phase_number, 3);
    table.answer(2, 1, 1, at_since(up + 15_500, up)).expect("taken");
    assert_eq!(table.last("reveal")["verdicts"][0]["points"], 100);
    table.advance(at_since(up + 20_500, up));
    assert_eq!(*table.kinds().last().expect("one"), "finished");
}

#[test]
fn a_host_who_goes_away_pauses_the_room_and_returns_it() {
    let mut table = started(1, 1);
    table.connect(HOST, at(0));
    table.connect(2, at(16_000));
    assert_eq!(table.last("paused")["by"], "away");
    assert_eq!(table.answer(2, 0, 1, at(16_000)), Err(Refusal::RoomPaused));
    table.connect(HOST, at(60_000));
    assert_eq!(table.last("resumed")["remainingMs"], 7_000);
    table.connect(2, at(60_000));
    table.answer(2, 0, 1, at(60_000)).expect("taken");
    assert_eq!(table.last("reveal")["verdicts"][0]["responseMs"], 13_000);
}
