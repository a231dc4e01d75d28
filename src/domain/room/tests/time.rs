//! The clock: deadlines, pauses, outages, what is due, and moving to another clock.

use super::kit::{CLOSE, HOST, OPEN, T0, Table, answer, at, at_since, by, quiz, seen_at};
use crate::domain::room::{Advance, HostAway, HostMove, PhaseName, RoomAction, RoomSettings};
use crate::domain::{Game, Millis, Moment, NotOpen, Refusal, SessionState, Timestamp};

const HOLD: HostMove = HostMove::Pause(true);
const GO_ON: HostMove = HostMove::Pause(false);

fn started(players: u32) -> Table {
    Table::started(players, 3, RoomSettings::default())
}

fn auto(reveal: u64, ready: u64) -> RoomSettings {
    RoomSettings { advance: Advance::Auto, reveal: Millis(reveal), ready: Millis(ready), ..RoomSettings::default() }
}

fn kinds_from_start(table: &Table) -> Vec<&str> {
    table.kinds().into_iter().filter(|kind| *kind != "joined").collect()
}

#[test]
fn what_is_due_is_told_before_it_happens() {
    let mut table = started(2);
    assert_eq!(table.next_due(at(0)), Some(CLOSE + 501));
    table.advance(at(CLOSE + 500));
    assert_eq!(table.view(2, at(CLOSE + 500)).phase, Some(PhaseName::Question));
    table.advance(at(CLOSE + 501));
    assert_eq!(table.view(2, at(CLOSE + 501)).phase, Some(PhaseName::Reveal));
    assert_eq!(table.next_due(at(CLOSE + 501)), None, "the host moves it on");
}

#[test]
fn once_somebody_has_answered_the_last_absence_is_due() {
    let mut table = started(3);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    table.heartbeat(3, at(OPEN + 1_000));
    table.heartbeat(4, at(OPEN + 2_000));
    assert_eq!(table.next_due(at(OPEN + 2_000)), Some(OPEN + 17_000));
    table.advance(at(OPEN + 16_999));
    assert_eq!(kinds_from_start(&table), ["question"]);
    table.advance(at(OPEN + 17_000));
    assert_eq!(kinds_from_start(&table), ["question", "reveal"]);
}

#[test]
fn with_everybody_away_a_question_waits_for_its_deadline() {
    let mut table = started(2);
    table.advance(at(CLOSE));
    assert_eq!(kinds_from_start(&table), ["question"], "no answer, no early end");
    table.advance(at(CLOSE + 501));
    assert_eq!(kinds_from_start(&table), ["question", "reveal"]);
}

#[test]
fn a_game_of_its_own_needs_nobody_at_all() {
    let mut table = Table::of(2, auto(0, 0));
    table.host(HostMove::Start, at(0));
    assert_eq!(table.next_due(at(0)), Some(20_501));
    table.advance(at(20_501));
    assert_eq!(table.kinds(), ["question", "reveal", "question"], "a reveal of no time");
    table.advance(at(41_002));
    assert_eq!(table.kinds()[3..], ["reveal", "finished"]);
    assert_eq!(table.next_due(at(41_002)), None);
}

#[test]
fn what_was_due_long_ago_counts_the_next_deadline_from_now() {
    let mut table = Table::of(3, auto(5_000, 3_000));
    table.host(HostMove::Start, at(0));
    table.advance(at(10_000_000));
    assert_eq!(table.kinds(), ["question", "reveal"]);
    assert_eq!(table.next_due(at(10_000_000)), Some(10_005_000));
    table.advance(at(20_000_000));
    assert_eq!(table.kinds(), ["question", "reveal", "question"]);
}

#[test]
fn a_pause_before_the_opening_keeps_the_time_to_get_ready() {
    let mut table = started(1);
    assert!(table.host(HOLD, at(1_000)));
    table.refused(by(2), answer(0, Some(1)), at(50_000), Refusal::RoomPaused);
    assert_eq!(table.next_due(at(50_000)), None);
    assert!(table.host(GO_ON, at(60_000)));
    table.refused(by(2), answer(0, Some(1)), at(61_999), Refusal::QuestionNotOpen(NotOpen::NotYet));
    table.answer(2, 0, 1, at(62_000)).expect("open");
    assert_eq!(table.last("reveal")["verdicts"][0]["responseMs"], 0);
}

#[test]
fn a_pause_stops_the_clock_by_which_answers_earn() {
    let mut table = started(1);
    assert!(table.host(HOLD, at(OPEN + 4_000)));
    assert!(table.host(GO_ON, at(OPEN + 1_000_000)));
    assert_eq!(table.last("resumed")["remainingMs"], 16_000);
    table.answer(2, 0, 1, at(OPEN + 1_001_000)).expect("open");
    assert_eq!(table.last("reveal")["verdicts"][0]["responseMs"], 5_000);
    assert_eq!(table.total(2), 150);
}

#[test]
fn in_a_pause_nothing_closes_even_if_who_was_waited_for_is_gone() {
    let mut table = started(2);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    assert!(table.host(HOLD, at(OPEN + 1)));
    table.ask(by(3), RoomAction::Leave, at(OPEN + 2)).expect("left");
    table.advance(at(1_000_000));
    assert_eq!(kinds_from_start(&table), ["question", "paused", "left"]);
    assert!(table.host(GO_ON, at(1_000_000)));
    assert_eq!(kinds_from_start(&table)[3..], ["resumed", "reveal"]);
}

#[test]
fn a_paused_reveal_stands_for_as_long_as_it_would_have() {
    let mut table = Table::of(2, auto(5_000, 3_000));
    table.host(HostMove::Start, at(0));
    table.host(HostMove::Close, at(OPEN));
    assert!(table.host(HOLD, at(OPEN + 4_000)));
    assert_eq!(table.view(HOST, at(OPEN + 4_000)).paused.expect("paused").remaining_ms, None);
    assert!(table.host(GO_ON, at(100_000)));
    assert_eq!(table.next_due(at(100_000)), Some(101_000));
}

#[test]
fn a_question_open_in_an_outage_stays_open_for_15_s_after_it() {
    for (up, closes) in [(OPEN + 1_000, CLOSE), (OPEN + 19_000, OPEN + 34_000), (900_000, 915_000)] {
        let mut table = started(2);
        assert_eq!(table.view(2, at_since(up, up)).question.expect("open").closes, at(closes).now);
        table.ask(by(2), answer(0, Some(1)), at_since(closes + 500, up)).expect("in time");
        let too_late = Refusal::QuestionNotOpen(NotOpen::TooLate);
        table.refused(by(3), answer(0, Some(1)), at_since(closes + 501, up), too_late);
    }
}

#[test]
fn an_outage_gives_no_more_time_than_there_was_at_first_and_only_to_what_was_shown() {
    let settings = RoomSettings { time_limit: Millis(5_000), ..RoomSettings::default() };
    let mut table = Table::started(1, 2, settings);
    let question = |table: &Table, after, up| table.view(2, at_since(after, up)).question.expect("one");
    assert_eq!(question(&table, 100_000, 100_000).closes, at(105_000).now);
    table.advance(at_since(105_501, 100_000));
    table.host(HostMove::Next, at_since(110_000, 100_000));
    assert_eq!(question(&table, 110_000, 100_000).closes, at(118_000).now, "shown after the outage");
}

#[test]
fn what_an_outage_has_added_outlasts_a_pause() {
    let (up, held, back) = (CLOSE - 1_000, CLOSE + 4_000, CLOSE + 500_000);
    let mut table = started(1);
    table.ask(by(HOST), RoomAction::Host(1, HOLD, None), at_since(held, up)).expect("paused");
    for after in [held, held + 20_000, back] {
        assert_eq!(table.view(2, at_since(after, up)).paused.expect("paused").remaining_ms, Some(10_000));
    }
    table.ask(by(HOST), RoomAction::Host(1, GO_ON, None), at_since(back, up)).expect("resumed");
    assert_eq!(table.last("resumed")["remainingMs"], 10_000);
    table.ask(by(2), answer(0, Some(1)), at_since(back + 10_500, up)).expect("in time");
}

#[test]
fn after_an_outage_everybody_has_the_grace_to_come_back() {
    let mut table = started(2);
    let up = 500_000;
    table.ask(by(2), answer(0, Some(1)), at_since(up + 1, up)).expect("taken");
    assert_eq!(kinds_from_start(&table), ["question"], "seat 3 may come back");
    table.advance(at_since(up + 14_999, up));
    assert_eq!(kinds_from_start(&table), ["question"]);
    table.advance(at_since(up + 15_000, up));
    assert_eq!(kinds_from_start(&table), ["question", "reveal"]);
}

#[test]
fn an_answer_that_comes_an_instant_before_what_is_written_already_harms_nothing() {
    // Instances measure the difference of their clocks, and may still be a little apart.
    let mut table = started(1);
    assert!(table.host(HOLD, at(OPEN + 100)));
    assert!(table.host(GO_ON, at(OPEN + 90)));
    table.answer(2, 0, 1, at(OPEN + 95)).expect("taken");
    assert_eq!(table.last("reveal")["verdicts"][0]["responseMs"], 95);
}

/// A room in each phase and in each kind of pause, each with its name and its time.
fn in_every_phase() -> Vec<(&'static str, Table, u64)> {
    let lobby = || {
        let mut table = Table::playing(quiz(2, |n| n as u64), auto(5_000, 3_000));
        table.fill(3, at(0));
        table.connect(HOST, at(0));
        table
    };
    let then = |moves: &[(HostMove, u64)]| {
        let mut table = lobby();
        for (host_move, after) in moves {
            assert!(table.host(*host_move, at(*after)), "{host_move:?}");
        }
        table
    };
    let start = (HostMove::Start, 0);
    let mut open = then(&[start]);
    open.answer(2, 0, 0, at(OPEN)).expect("taken");
    let mut away = then(&[start]);
    away.advance(at(15_000));
    let code = RoomAction::HandOutCode { seat: crate::domain::SeatId(2), code: crate::domain::SecretHash::of("code") };
    away.ask(by(2), code, at(15_000)).expect("handed out");
    vec![
        ("lobby", lobby(), 100),
        ("shown", then(&[start]), 100),
        ("open", open, OPEN + 100),
        ("held", then(&[start, (HOLD, 5_000)]), 6_000),
        ("away", away, 16_000),
        ("reveal", then(&[start, (HostMove::Close, OPEN)]), OPEN + 100),
        ("held reveal", then(&[start, (HostMove::Close, OPEN), (HOLD, OPEN)]), OPEN + 100),
        ("finished", then(&[start, (HostMove::Finish, OPEN)]), OPEN + 100),
    ]
}

#[test]
fn a_record_of_every_phase_comes_back_exactly_and_plays_on() {
    for (phase, table, _) in in_every_phase() {
        let state = &table.session.state;
        let text = serde_json::to_string(state).expect("written");
        assert_eq!(serde_json::from_str::<SessionState>(&text).expect("read"), *state, "{phase}");
        let bytes = bincode::serde::encode_to_vec(state, bincode::config::standard()).expect("written");
        let (read, _) =
            bincode::serde::decode_from_slice::<SessionState, _>(&bytes, bincode::config::standard()).expect("read");
        assert_eq!(read, *state, "{phase}");
    }
}

#[test]
fn on_another_clock_a_room_goes_on_as_it_would_have() {
    for by_ms in [-400_000_i64, 1, 86_400_000] {
        for (phase, here, begun) in in_every_phase() {
            let mut here = here;
            let mut there = here.clone();
            there.session.shift(by_ms);
            assert!(there.session.is_same_game(&here.session), "{phase}");
            let moment = |after| Moment { now: Timestamp::from_millis(T0 + after).shifted(by_ms), ..at(0) };
            let due = |table: &Table, at: Moment| table.room().next_due(at).map(|due| due.since(at.now));
            assert_eq!(due(&here, at(begun)), due(&there, moment(begun)), "{phase}");
            let next = begun + 4_000;
            let asks = [
                (by(2), answer(0, Some(0))),
                (by(3), answer(0, None)),
                (by(HOST), RoomAction::Heartbeat),
                (by(3), answer(0, None)),
                (by(2), RoomAction::Leave),
            ];
            for (n, (who, ask)) in asks.into_iter().enumerate() {
                let after = next + 3_000 * n as u64;
                let shows = |result: Result<crate::domain::room::RoomReply, Refusal>| match result {
                    Ok(crate::domain::room::RoomReply::Answered { question, answer, .. }) => {
                        format!("{question} {answer:?}")
                    }
                    other => format!("{other:?}"),
                };
                let (one, other) = (here.ask(who.clone(), ask.clone(), at(after)), there.ask(who, ask, moment(after)));
                assert_eq!(shows(one), shows(other), "{phase}");
            }
            let told = |table: &Table| table.events.iter().map(|one| one.payload.clone()).collect::<Vec<_>>();
            assert_eq!((here.kinds(), told(&here)), (there.kinds(), told(&there)), "{phase}");
            there.session.shift(-by_ms);
            assert_eq!(there.session, here.session, "{phase}");
        }
    }
}

#[test]
fn time_never_touches_a_room_and_its_end_gives_it_a_fixed_life() {
    let mut table = Table::of(1, auto(1_000, 0));
    table.host(HostMove::Start, at(0));
    let deadline = table.session.state.life.deadline();
    table.advance(at(7_000_000));
    assert_eq!(table.session.state.life.deadline(), deadline);
    table.advance(at(7_001_000));
    assert!(matches!(&table.session.state.game, Game::Room(room) if room.is_finished()));
    let end = at(7_001_000).now.plus(super::kit::LIFETIMES.results_ttl);
    assert_eq!(table.session.state.life.deadline().0, end);
    table.heartbeat(HOST, at(9_000_000));
    assert_eq!(table.session.state.life.deadline().0, end, "results have their time and no more");
}

#[test]
fn a_room_whose_questions_are_not_at_hand_stands_still() {
    let mut table = Table::of(1, RoomSettings { host_away: HostAway::OldestSeat, ..auto(0, 0) });
    table.host(HostMove::Start, at(0));
    let quiz = table.session.quiz.take();
    table.advance(at(1_000_000));
    assert_eq!(table.kinds(), ["question"]);
    table.session.quiz = quiz;
    table.advance(at(1_000_000));
    assert_eq!(table.kinds(), ["question", "reveal", "finished"]);
}

#[test]
fn a_seat_is_present_from_when_it_was_heard_and_not_from_when_that_was_reported() {
    let mut table = Table::started(1, 1, RoomSettings::default());
    let heard = |after: u64| Some(at(after).now);
    table.backend(seen_at(HOST, 0, true, heard(9_000), None), at(14_000)).expect("noted");
    table.advance(at(23_999));
    assert!(!table.kinds().contains(&"paused"));
    table.advance(at(24_000));
    assert!(table.kinds().contains(&"paused"));
    // The report of a connection's end also has a time of the last sign. A time that lies ahead counts as
    // now.
    table.backend(seen_at(HOST, 0, false, heard(99_000), None), at(25_000)).expect("noted");
    table.advance(at(25_000));
    assert!(table.kinds().contains(&"resumed"));
    assert_eq!(table.next_due(at(25_000)), Some(40_000));
}
