//! Whole games, from the lobby to the results.

use super::kit::{CLOSE, HOST, OPEN, Table, WALL, answer, at, at_since, by, option, quiz};
use crate::domain::Answer;
use crate::domain::answer::{AnswerFault, ShownAnswer};
use crate::domain::room::{Advance, HostMove, RoomAction, RoomSettings, SeatResults};
use crate::domain::{Millis, NotOpen, Refusal, SeatId};

fn started(players: u32, questions: usize) -> Table {
    Table::started(players, questions, RoomSettings::default())
}

/// The option with this id, as a view shows it.
fn chosen(n: u64) -> ShownAnswer {
    Some(&Answer::Option(option(n))).into()
}

#[test]
fn a_whole_game_by_the_hosts_hand() {
    let mut table = started(2, 2);
    assert_eq!(table.answer(2, 0, 1, at(OPEN - 1)), Err(Refusal::QuestionNotOpen(NotOpen::NotYet)));
    table.answer(2, 0, 1, at(OPEN + 1_000)).expect("taken");
    assert_eq!(table.answer(2, 0, 2, at(OPEN + 1_001)), Err(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered)));
    table.answer(3, 0, 2, at(OPEN + 6_000)).expect("taken");
    // Everybody has answered: the same command closes the question.
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
    let results = table.room().results(table.session.quiz.as_deref()).expect("a quiz");
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
    // After an outage of an hour the question stays open for 15 s, and the game is not played to its end.
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

#[test]
fn a_question_is_told_without_what_is_right_and_why() {
    let table = started(1, 1);
    let told = table.last("question");
    assert_eq!((told["phaseNumber"].as_u64(), told["index"].as_u64()), (Some(1), Some(0)));
    assert_eq!((told["readyMs"].as_u64(), told["timeLimitMs"].as_u64()), (Some(3_000), Some(20_000)));
    let text = told.to_string();
    assert!(text.contains("option 1") && !text.contains("because") && !text.contains("correct"), "{text}");
    let view = table.view(2, at(0)).question.expect("shown");
    assert_eq!((view.opens, view.closes), (at(OPEN).now, at(CLOSE).now));
}

#[test]
fn a_question_keeps_its_own_limit() {
    let mut quiz = quiz(1, |_| 1);
    std::sync::Arc::make_mut(&mut quiz.questions[0]).time_limit = Some(Millis(1_000));
    let mut table = Table::playing(quiz, RoomSettings::default());
    table.fill(3, at(0));
    table.host(HostMove::Start, at(0));
    table.answer(2, 0, 1, at(OPEN + 1_500)).expect("in time");
    table.refused(by(3), answer(0, Some(1)), at(OPEN + 1_501), Refusal::QuestionNotOpen(NotOpen::TooLate));
    assert_eq!(table.last("reveal")["verdicts"][0]["responseMs"], 1_000, "never more than the limit");
}

#[test]
fn without_time_to_get_ready_a_question_opens_at_once() {
    let mut table = Table::started(1, 1, RoomSettings { ready: Millis(0), ..RoomSettings::default() });
    table.answer(2, 0, 1, at(0)).expect("open");
    assert_eq!(table.last("reveal")["verdicts"][0]["responseMs"], 0);
}

#[test]
fn points_are_for_how_long_it_took_by_the_servers_clock() {
    for (after, points) in [(0, 150), (5_000, 150), (5_001, 125), (15_000, 125), (15_001, 100), (20_500, 100)] {
        let mut table = started(1, 1);
        table.answer(2, 0, 1, at(OPEN + after)).expect("taken");
        assert_eq!(table.total(2), points, "after {after} ms");
    }
    let mut table = started(1, 1);
    table.answer(2, 0, 3, at(OPEN)).expect("taken");
    assert_eq!(table.total(2), 0);
}

#[test]
fn nothing_tells_what_was_right_before_the_reveal() {
    let mut table = started(2, 1);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    let view = table.view(2, at(OPEN));
    let you = view.you.expect("there");
    assert_eq!((you.answered, you.answer, you.total), (true, chosen(1), 0));
    assert!(view.reveal.is_none() && view.ranking.is_none());
    assert!(view.seats.iter().all(|seat| seat.total.unwrap_or_default() == 0));
    assert_eq!(table.room().presence(at(OPEN)).answered, 1);
    assert_eq!(table.room().results(table.session.quiz.as_deref()).expect("a quiz").questions, []);
    assert_eq!(table.kinds(), ["joined", "joined", "question"]);
}

#[test]
fn a_reveal_still_shows_its_question_and_who_answered() {
    let mut table = started(2, 2);
    table.answer(2, 0, 3, at(OPEN)).expect("taken");
    assert!(table.host(HostMove::Close, at(OPEN + 1)));
    let view = table.view(2, at(OPEN + 100_000));
    let question = view.question.expect("still shown");
    assert_eq!((question.index, question.question.id.as_str()), (0, "q0"));
    assert_eq!((question.opens, question.closes), (at(OPEN).now, at(CLOSE).now));
    let you = view.you.expect("there");
    assert_eq!((you.answered, you.answer), (true, chosen(3)));
    assert_eq!(view.seats.iter().map(|seat| seat.answered).collect::<Vec<_>>(), [false, true, false]);
    assert!(!table.view(3, at(OPEN + 1)).you.expect("there").answered);
    assert_eq!(view.advances, None, "the host moves it on");
    table.host(HostMove::Finish, at(OPEN + 2));
    let view = table.view(2, at(OPEN + 2));
    assert!(view.question.is_none() && view.ranking.is_some() && !view.you.expect("there").answered);
}

#[test]
fn what_an_outage_has_added_to_a_question_stays_in_its_reveal() {
    let mut table = started(1, 2);
    let up = 3_600_000;
    table.answer(2, 0, 1, at_since(up + 14_000, up)).expect("taken");
    let question = table.view(2, at_since(2 * up, 2 * up)).question.expect("still shown");
    assert_eq!((question.opens, question.closes), (at(OPEN).now, at(up + 15_000).now));
}

#[test]
fn a_reveal_tells_when_it_ends_by_itself() {
    let mut table = Table::started(1, 2, RoomSettings { advance: Advance::Auto, ..RoomSettings::default() });
    assert_eq!(table.view(2, at(OPEN)).advances, None);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    assert_eq!(table.view(2, at(OPEN)).advances, Some(at(OPEN + 5_000).now));
    assert!(table.host(HostMove::Pause(true), at(OPEN + 1_000)));
    assert_eq!(table.view(2, at(OPEN + 1_000)).advances, None, "it stands still");
    assert!(table.host(HostMove::Pause(false), at(OPEN + 3_000)));
    assert_eq!(table.view(2, at(OPEN + 3_000)).advances, Some(at(OPEN + 7_000).now));
}

#[test]
fn a_pass_counts_as_an_answer_and_silence_does_not() {
    let mut table = started(3, 1);
    table.ask(by(2), answer(0, None), at(OPEN + 10)).expect("a pass");
    table.answer(3, 0, 1, at(OPEN + 20)).expect("taken");
    table.refused(by(2), answer(0, Some(1)), at(OPEN + 30), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
    table.advance(at(CLOSE + 501));
    let verdicts = table.last("reveal")["verdicts"].clone();
    assert_eq!((&verdicts[0]["optionId"], &verdicts[0]["responseMs"]), (&serde_json::Value::Null, &10.into()));
    let nothing = (&serde_json::Value::Null, &serde_json::Value::Null);
    assert_eq!((&verdicts[2]["optionId"], &verdicts[2]["responseMs"]), nothing);
    let results = table.room().results(table.session.quiz.as_deref()).expect("a quiz");
    assert_eq!(results.seats.iter().map(|seat| seat.answers.len()).collect::<Vec<_>>(), [1, 1, 0]);
}

#[test]
fn an_answer_to_what_is_not_asked_is_refused() {
    let mut table = started(2, 2);
    table.refused(by(2), answer(0, Some(9)), at(OPEN), Refusal::WrongAnswer(AnswerFault::NoSuchOption(None)));
    for other in [1, 7] {
        table.refused(by(2), answer(other, Some(1)), at(OPEN), Refusal::QuestionNotOpen(NotOpen::OtherQuestion));
    }
    table.refused(by(HOST), answer(0, Some(1)), at(OPEN), Refusal::NotPlaying);
    table.answer(2, 0, 1, at(OPEN)).expect("a refused answer takes no place");
    table.refused(by(2), answer(0, Some(9)), at(OPEN), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
}

#[test]
fn whoever_is_refused_an_answer_is_told_why() {
    let told = |table: &mut Table, seat, question, after| match table.answer(seat, question, 2, at(after)) {
        Err(Refusal::QuestionNotOpen(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let mut table = Table::of(2, RoomSettings::default());
    table.fill(3, at(0));
    assert_eq!(told(&mut table, 2, 0, 0), NotOpen::NotYet, "in the lobby");
    table.host(HostMove::Start, at(0));
    assert_eq!(told(&mut table, 2, 0, OPEN - 1), NotOpen::NotYet);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    assert_eq!(told(&mut table, 2, 0, OPEN), NotOpen::AlreadyAnswered);
    assert_eq!(told(&mut table, 2, 1, OPEN), NotOpen::OtherQuestion);
    for (question, seat, reason) in
        [(0, 2, NotOpen::AlreadyAnswered), (0, 3, NotOpen::TooLate), (1, 3, NotOpen::OtherQuestion)]
    {
        assert_eq!(told(&mut table, seat, question, CLOSE + 501), reason, "during the reveal");
    }
    table.host(HostMove::Finish, at(CLOSE + 502));
    assert_eq!(told(&mut table, 2, 0, CLOSE + 502), NotOpen::AlreadyAnswered);
    assert_eq!(told(&mut table, 3, 0, CLOSE + 502), NotOpen::TooLate);
}

#[test]
fn a_repeat_gets_the_first_reply_again_however_late() {
    let mut table = started(2, 2);
    let first = table.answer(2, 0, 1, at(OPEN + 5));
    assert!(first.is_ok());
    let phases: [(HostMove, u64); 5] = [
        (HostMove::Pause(true), OPEN + 6),
        (HostMove::Pause(false), OPEN + 7),
        (HostMove::Close, OPEN + 8),
        (HostMove::Next, OPEN + 9),
        (HostMove::Finish, OPEN + 10),
    ];
    for (host_move, after) in phases {
        assert_eq!(table.answer(2, 0, 1, at(after)), first);
        assert!(table.host(host_move, at(after)));
        assert_eq!(table.answer(2, 0, 1, at(after)), first, "after {host_move:?}");
        table.refused(by(2), answer(0, Some(2)), at(after), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
    }
    table.refused(by(3), answer(0, Some(1)), at(OPEN + 11), Refusal::QuestionNotOpen(NotOpen::TooLate));
    assert_eq!(table.total(2), 150, "it counts once");
}

#[test]
fn who_answered_and_is_kicked_or_leaves_keeps_the_results_and_no_place() {
    let mut table = started(4, 1);
    for seat in [2, 3, 4] {
        table.answer(seat, 0, 1, at(OPEN)).expect("taken");
    }
    assert!(table.host(HostMove::Kick(SeatId(2)), at(OPEN + 1)));
    table.ask(by(3), RoomAction::Leave, at(OPEN + 1)).expect("left");
    assert_eq!(table.room().presence(at(OPEN + 1)).answered, 1);
    table.answer(5, 0, 2, at(OPEN + 2)).expect("the last one");
    let reveal = table.last("reveal");
    assert_eq!((&reveal["verdicts"][0]["seatId"], &reveal["verdicts"][0]["rank"]), (&4.into(), &1.into()));
    assert_eq!(reveal["counts"][1]["count"], 1);
    let results = table.room().results(table.session.quiz.as_deref()).expect("a quiz");
    let gone = |seat: &SeatResults| (seat.has_left, seat.is_kicked);
    let seats: Vec<_> = results.seats.iter().map(|seat| (seat.seat.0, seat.total, seat.rank, gone(seat))).collect();
    let (left, kicked) = ((true, false), (false, true));
    let here = [(4, 150, Some(1), (false, false)), (5, 0, Some(2), (false, false))];
    assert_eq!(seats, [&here[..], &[(2, 150, None, kicked), (3, 150, None, left)]].concat());
    assert_eq!(results.seats[2].answers.len(), 1);
}

#[test]
fn when_the_only_one_who_answered_goes_the_question_stays_open() {
    let mut table = started(2, 1);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    table.ask(by(2), RoomAction::Leave, at(OPEN + 1)).expect("left");
    assert_eq!(*table.kinds().last().expect("one"), "left");
    table.answer(3, 0, 1, at(OPEN + 2)).expect("still open");
    assert_eq!(*table.kinds().last().expect("one"), "reveal");
}

#[test]
fn when_the_last_one_who_has_not_answered_goes_the_question_closes() {
    for kicks in [false, true] {
        let mut table = started(2, 1);
        table.answer(2, 0, 1, at(OPEN)).expect("taken");
        if kicks {
            assert!(table.host(HostMove::Kick(SeatId(3)), at(OPEN + 1)));
        } else {
            table.ask(by(3), RoomAction::Leave, at(OPEN + 1)).expect("left");
        }
        assert_eq!(*table.kinds().last().expect("one"), "reveal");
    }
}

#[test]
fn a_host_who_plays_is_waited_for_like_everybody() {
    let mut table = Table::started(1, 1, RoomSettings { host_plays: true, ..RoomSettings::default() });
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    assert_eq!(*table.kinds().last().expect("one"), "question");
    table.answer(HOST, 0, 1, at(OPEN + 6_000)).expect("plays");
    assert_eq!(table.last("reveal")["verdicts"][0]["seatId"], HOST);
    assert_eq!((table.total(HOST), table.total(2)), (125, 150));
}

#[test]
fn a_game_that_ends_in_mid_question_counts_what_was_answered() {
    let mut table = started(2, 3);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    assert!(table.host(HostMove::Finish, at(OPEN + 1)));
    assert_eq!(table.kinds()[3..], ["reveal", "finished"]);
    assert_eq!(table.last("finished")["ranking"][0]["total"], 150);
    assert_eq!(table.room().results(table.session.quiz.as_deref()).expect("a quiz").questions.len(), 1);
}

#[test]
fn a_question_that_was_only_shown_is_none_of_the_games() {
    let mut table = started(1, 3);
    assert!(table.host(HostMove::Finish, at(OPEN - 1)));
    assert_eq!(table.kinds()[1..], ["question", "finished"]);
    assert_eq!(table.room().results(table.session.quiz.as_deref()).expect("a quiz").questions, []);
}

#[test]
fn a_game_can_end_before_it_begins() {
    let mut table = Table::of(2, RoomSettings::default());
    table.fill(2, at(0));
    assert!(table.host(HostMove::Finish, at(1)));
    assert_eq!(table.last("finished")["ranking"][0]["rank"], 1);
    let results = table.room().results(table.session.quiz.as_deref()).expect("a quiz");
    assert_eq!((results.started, results.finished.is_some()), (None, true));
}

#[test]
fn results_during_a_game_know_the_closed_questions_alone() {
    let mut table = started(1, 2);
    table.answer(2, 0, 1, at(OPEN)).expect("taken");
    assert!(table.host(HostMove::Next, at(OPEN)));
    assert_eq!(table.room().next_due(at(OPEN)), Some(at(2 * OPEN + 20_501).now));
    let results = table.room().results(table.session.quiz.as_deref()).expect("a quiz");
    assert_eq!(results.questions.iter().map(|question| question.id.as_str()).collect::<Vec<_>>(), ["q0"]);
    assert_eq!((results.started, results.finished), (Some(WALL), None));
}
