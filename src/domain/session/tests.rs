//! The rules of solo games, and of sessions in general, command by command.

use proptest::prelude::*;

use super::*;
use crate::domain::answer::{Answer, AnswerFault};
use crate::domain::events::EventDraft;
use crate::domain::finished::AnswerReport;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{OptionId, QuestionId};
use crate::domain::quiz::kind::tests::{answer_like, question_of_kind};
use crate::domain::quiz::{AnswerKey, Choice, ChoiceKey, Question};
use crate::domain::refusal::NotOpen;
use crate::domain::room::{Caller, MOST_AT_ONCE, MOST_EVENT_BYTES, MOST_KEPT, RoomAction, RoomReply};
use crate::domain::scoring::{ProgressionRule, Scoring};
use crate::domain::solo::Deliver;
use crate::domain::time::{Millis, WallTime};

const T0: u64 = 1_000_000;
const LIFETIMES: Lifetimes =
    Lifetimes { ttl: Millis(600_000), max_age: Millis(3_600_000), results_ttl: Millis(7_200_000) };
const WALL: WallTime = WallTime(1_700_000_000_000);

fn id() -> SessionId {
    SessionId::generate(T0, &[1; 10])
}

fn option(n: u64) -> OptionId {
    OptionId::try_from(n).expect("small")
}

fn question_id(n: usize) -> QuestionId {
    format!("q{n}").parse().expect("valid")
}

/// Question `n`, with four options of which option 1 is right.
fn question(n: usize, time_limit: Option<u64>) -> Question {
    let choice = |k: u64| Choice { id: option(k), text: Some(format!("option {k} of {n}")) };
    Question {
        id: question_id(n),
        text: Some(format!("Question {n}?")),
        category: None,
        difficulty: None,
        image: None,
        alt: None,
        time_limit: time_limit.map(Millis),
        options: (0..4).map(choice).collect(),
        key: AnswerKey::Choice(ChoiceKey(option(1))),
        points: 1.into(),
        no_speed_bonus: false,
        explanation: Some(format!("because {n}")),
    }
}

fn quiz(questions: usize, time_limit: Option<u64>) -> Quiz {
    Quiz {
        id: "civics".parse().expect("valid"),
        scoring: Scoring::default(),
        progression: ProgressionRule::default(),
        questions: (0..questions).map(|n| Arc::new(question(n, time_limit))).collect(),
    }
}

fn solo(questions: usize, time_limit: Option<u64>) -> GameSession {
    let new = NewSolo {
        user: Some("user-1".parse().expect("valid")),
        metadata: Some("{\"class\":\"4b\"}".to_owned()),
        started: WALL,
        deliver: Deliver::All,
        request: [3; 16],
    };
    GameSession::solo(id(), 7, new, quiz(questions, time_limit), LIFETIMES, Timestamp::from_millis(T0))
}

fn external(seats: u32) -> GameSession {
    GameSession::external(id(), 7, None, (1..=seats).map(SeatId), LIFETIMES, Timestamp::from_millis(T0))
}

/// The moment `after` milliseconds after the beginning of the game, without an outage.
fn at(after: u64) -> Moment {
    Moment { now: Timestamp::from_millis(T0 + after), up_since: Timestamp::from_millis(0), wall: WALL }
}

/// The same moment, after an outage that ended `up` milliseconds after the beginning.
fn at_since(after: u64, up: u64) -> Moment {
    Moment { up_since: Timestamp::from_millis(T0 + up), ..at(after) }
}

fn answer(question: usize, chosen: Option<u64>, key: Option<&str>) -> Command {
    let (question, option) = (question_id(question), chosen.map(option));
    let body = [question.as_str(), &format!("{option:?}")].map(str::to_owned);
    let idempotency = key.map(|key| IdempotencyKey::new("answer", key, &[&body[0], &body[1]]));
    Command::Submit(Submission { question, answer: option.map(Answer::Option), idempotency, wall: WALL })
}

fn right(question: usize) -> Command {
    answer(question, Some(1), None)
}

fn asked(by: Caller, ask: RoomAction) -> Command {
    Command::room(by, ask)
}

fn record_all(events: Vec<EventDraft>, expected: Option<Sequence>) -> Command {
    asked(Caller::Backend, RoomAction::Record { events, expected, idempotency: None })
}

fn record(events: usize) -> Command {
    let event = |n| EventDraft { kind: "move".to_owned(), payload: format!("{{\"n\":{n}}}"), to: None };
    record_all((0..events).map(event).collect(), None)
}

fn acknowledge(seat: u32, sequence: u64) -> Command {
    asked(Caller::Connection { seat: SeatId(seat), generation: 0 }, RoomAction::Acknowledge(Sequence(sequence)))
}

/// Applies an answer that is accepted, and returns the report.
fn evaluated(session: &mut GameSession, command: Command, at: Moment) -> AnswerReport {
    match session.apply(command, at).result {
        Ok(Reply::Evaluated { report, .. }) => *report,
        other => panic!("no verdict but {other:?}"),
    }
}

fn earned(session: &mut GameSession, command: Command, at: Moment) -> (u32, u32) {
    let points = evaluated(session, command, at).verdict.points;
    (points.base, points.speed_bonus)
}

/// Asserts that a command is refused with `refusal`, and leaves the session as it was.
fn refused(session: &mut GameSession, command: Command, at: Moment, refusal: Refusal) {
    let before = session.clone();
    let applied = session.apply(command, at);
    let head = session.log().head;
    let nothing = Applied {
        result: Err(refusal),
        events: Vec::new(),
        prune_through: None,
        pruned: 0,
        head,
        moved_seats: Vec::new(),
    };
    assert_eq!(applied, nothing);
    assert_eq!(*session, before);
}

#[test]
fn a_question_never_shown_is_timed_from_the_start_and_then_from_the_last_answer() {
    let mut session = solo(3, None);
    assert_eq!(earned(&mut session, right(0), at(5_000)), (100, 50));
    assert_eq!(earned(&mut session, right(2), at(10_001)), (100, 25));
    assert_eq!(earned(&mut session, right(1), at(25_002)), (100, 0));
}

#[test]
fn a_question_shown_is_timed_from_its_showing() {
    let mut session = solo(2, None);
    session.apply(Command::Show(question_id(1)), at(60_000)).result.expect("shown");
    let report = evaluated(&mut session, right(1), at(64_000));
    assert_eq!(report.verdict.response, Millis(4_000));
    assert_eq!(report.verdict.points.sum(), 150);
}

#[test]
fn an_answer_in_between_does_not_restart_the_clock_of_a_question_shown() {
    let mut session = solo(3, None);
    session.apply(Command::Show(question_id(1)), at(1_000)).result.expect("shown");
    session.apply(right(0), at(9_000)).result.expect("evaluated");
    assert_eq!(evaluated(&mut session, right(1), at(10_000)).verdict.response, Millis(9_000));
}

#[test]
fn showing_a_question_again_does_not_restart_its_clock() {
    let mut session = solo(2, Some(10_000));
    let shown = |session: &mut GameSession, after| session.apply(Command::Show(question_id(0)), at(after)).result;
    let question = session.quiz.as_ref().expect("it goes on").questions[0].clone();
    let first = Ok(Reply::Shown { question, opened: at(1_000).now, closes: Some(at(11_000).now) });
    assert_eq!(shown(&mut session, 1_000), first);
    assert_eq!(shown(&mut session, 8_000), first);
}

#[test]
fn the_question_shown_last_is_the_current_one_until_it_is_evaluated() {
    let mut session = solo(3, Some(10_000));
    let current = |session: &GameSession| {
        let (Game::Solo(game), Some(quiz)) = (&session.state.game, &session.quiz) else { panic!("still running") };
        game.current(quiz, at(3_000)).map(|(question, clock)| (question.id.clone(), clock.opened))
    };
    assert_eq!(current(&session), None);
    session.apply(Command::Show(question_id(0)), at(1_000)).result.expect("shown");
    session.apply(Command::Show(question_id(2)), at(2_000)).result.expect("shown");
    session.apply(right(0), at(2_500)).result.expect("evaluated");
    assert_eq!(current(&session), Some((question_id(2), at(2_000).now)));
    session.apply(right(2), at(3_000)).result.expect("evaluated");
    assert_eq!(current(&session), None);
}

#[test]
fn an_answer_at_the_limit_is_in_time_and_a_later_one_counts_as_none() {
    let mut session = solo(3, Some(10_000));
    assert!(evaluated(&mut session, right(0), at(10_000)).verdict.grade.is_right());
    let late = evaluated(&mut session, right(1), at(20_001)).verdict;
    assert_eq!((late.answer, late.grade.is_right(), late.points.sum(), late.total_after), (None, false, 0, 125));
}

#[test]
fn no_answer_is_evaluated_and_earns_nothing() {
    let mut session = solo(2, None);
    let report = evaluated(&mut session, answer(0, None, None), at(1_000));
    assert_eq!((report.verdict.answer, report.verdict.grade.is_right(), report.verdict.points.sum()), (None, false, 0));
    assert_eq!(report.correct_text.as_deref(), Some("option 1 of 0"));
    assert_eq!(report.answer_text, None);
    refused(&mut session, right(0), at(2_000), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
}

#[test]
fn a_wrong_answer_tells_what_was_right_and_why() {
    let mut session = solo(2, None);
    let report = evaluated(&mut session, answer(1, Some(3), None), at(1_000));
    assert!(!report.verdict.grade.is_right());
    assert_eq!(report.answer_text.as_deref(), Some("option 3 of 1"));
    assert_eq!(
        (report.key, report.explanation.as_deref()),
        (AnswerKey::Choice(ChoiceKey(option(1))), Some("because 1"))
    );
}

#[test]
fn an_option_the_question_does_not_have_is_refused_and_changes_nothing() {
    let mut session = solo(2, None);
    refused(
        &mut session,
        answer(0, Some(9), Some("k")),
        at(1_000),
        Refusal::WrongAnswer(AnswerFault::NoSuchOption(None)),
    );
    assert!(evaluated(&mut session, right(0), at(1_000)).verdict.grade.is_right());
}

#[test]
fn a_question_is_evaluated_once_whatever_the_second_answer_says() {
    let mut session = solo(3, None);
    session.apply(answer(0, Some(2), Some("first")), at(1_000)).result.expect("evaluated");
    for second in [answer(0, Some(2), None), answer(0, Some(1), None), answer(0, None, Some("other"))] {
        refused(&mut session, second, at(2_000), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
    }
    refused(&mut session, answer(0, Some(9), None), at(2_000), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
    refused(&mut session, right(7), at(2_000), Refusal::QuestionNotOpen(NotOpen::OtherQuestion));
    refused(&mut session, Command::Show(question_id(0)), at(2_000), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
    refused(&mut session, Command::Show(question_id(7)), at(2_000), Refusal::QuestionNotOpen(NotOpen::OtherQuestion));
}

#[test]
fn a_repeat_gets_the_first_verdict_and_scores_nothing_more() {
    let mut session = solo(3, None);
    let first = evaluated(&mut session, answer(0, Some(1), Some("k")), at(1_000));
    session.apply(right(1), at(2_000)).result.expect("evaluated");
    assert_eq!(evaluated(&mut session, answer(0, Some(1), Some("k")), at(300_000)), first);
    assert_eq!(evaluated(&mut session, right(2), at(3_000)).verdict.total_after, 450);
}

#[test]
fn a_repeat_after_the_end_gets_the_first_verdict() {
    let mut session = solo(2, None);
    let first = evaluated(&mut session, answer(0, Some(1), Some("a")), at(1_000));
    let last = evaluated(&mut session, answer(1, Some(2), Some("b")), at(2_000));
    assert!(matches!(session.state.game, Game::Finished(_)));
    assert_eq!(evaluated(&mut session, answer(0, Some(1), Some("a")), at(3_000)), first);
    assert_eq!(evaluated(&mut session, answer(1, Some(2), Some("b")), at(3_000)), last);
    refused(&mut session, answer(1, Some(1), Some("b")), at(3_000), Refusal::KeyReused);
    refused(&mut session, answer(1, Some(2), Some("c")), at(3_000), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
    refused(&mut session, answer(1, Some(2), None), at(3_000), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
}

#[test]
fn another_body_under_the_same_key_is_told_so() {
    let mut session = solo(3, None);
    session.apply(answer(0, Some(1), Some("k")), at(1_000)).result.expect("evaluated");
    refused(&mut session, answer(0, Some(2), Some("k")), at(2_000), Refusal::KeyReused);
    refused(&mut session, answer(1, Some(1), Some("k")), at(2_000), Refusal::KeyReused);
}

#[test]
fn a_refused_answer_keeps_no_key() {
    let mut session = solo(2, None);
    refused(
        &mut session,
        answer(0, Some(9), Some("k")),
        at(1_000),
        Refusal::WrongAnswer(AnswerFault::NoSuchOption(None)),
    );
    assert!(evaluated(&mut session, answer(0, Some(1), Some("k")), at(2_000)).verdict.grade.is_right());
}

#[test]
fn the_last_answer_leaves_results_that_have_their_texts_from_the_quiz() {
    let mut session = solo(2, None);
    session.apply(answer(1, Some(1), None), at(1_000)).result.expect("evaluated");
    assert!(session.quiz.is_some());
    session.apply(answer(0, Some(3), None), at(2_000)).result.expect("evaluated");
    let quiz = session.quiz.as_ref().expect("it stays");
    let Game::Finished(game) = &session.state.game else { panic!("it is over") };
    let results = game.results(quiz);
    assert_eq!((results.total_score(), results.correct_count(), results.question_count), (150, 1, 2));
    assert_eq!((results.started, results.completed), (WALL, Some(WALL)));
    assert_eq!((results.progression.xp, results.progression.gems), (10, 1));
    assert_eq!(results.metadata.as_deref(), Some("{\"class\":\"4b\"}"));
    let texts: Vec<_> = results.answers.iter().map(|a| (a.text.as_deref(), a.answer_text.as_deref())).collect();
    assert_eq!(
        texts,
        [(Some("Question 1?"), Some("option 1 of 1")), (Some("Question 0?"), Some("option 3 of 0"))],
        "in the order of the answers"
    );
}

#[test]
fn results_live_their_fixed_time_whatever_is_asked_of_them() {
    let mut session = solo(1, None);
    session.apply(answer(0, Some(1), Some("k")), at(500_000)).result.expect("evaluated");
    let end = at(500_000 + LIFETIMES.results_ttl.0).now;
    for command in [Command::Touch, Command::Award(None), answer(0, Some(1), Some("k"))] {
        session.apply(command, at(4_000_000)).result.expect("carried out");
        assert_eq!(session.state.life.deadline().0, end);
    }
    assert!(session.is_live(at(7_699_999).now) && !session.is_live(at(7_700_000).now));
}

#[test]
fn the_progression_is_awarded_once_and_again_to_that_claims_repeat() {
    let mut session = solo(1, None);
    refused(&mut session, Command::Award(None), at(0), Refusal::NotFinished);
    session.apply(right(0), at(1_000)).result.expect("evaluated");
    let mut claim = |key: Option<&str>| {
        let idempotency = key.map(|key| IdempotencyKey::new("award", key, &[]));
        match session.apply(Command::Award(idempotency), at(2_000)).result {
            Ok(Reply::Award { awarded, award_id, progression, user }) => {
                assert_eq!((award_id, progression.xp, progression.gems), (id().award_id(), 10, 1));
                assert_eq!(user, "user-1".parse().ok());
                awarded
            }
            other => panic!("no award but {other:?}"),
        }
    };
    assert!(claim(Some("k")));
    assert!(claim(Some("k")));
    assert!(!claim(Some("other")));
    assert!(!claim(None));
    assert!(claim(Some("k")));
    let other = IdempotencyKey::new("award", "k", &["another body"]);
    refused(&mut session, Command::Award(Some(other)), at(3_000), Refusal::KeyReused);
}

#[test]
fn a_claim_without_a_key_has_no_repeat() {
    let mut session = solo(1, None);
    session.apply(right(0), at(1_000)).result.expect("evaluated");
    let mut awarded =
        || matches!(session.apply(Command::Award(None), at(2_000)).result, Ok(Reply::Award { awarded: true, .. }));
    assert!(awarded());
    assert!(!awarded());
}

#[test]
fn a_question_open_during_an_outage_stays_open_for_15_s_after_it() {
    let answered_at = |after| {
        let mut session = solo(2, Some(20_000));
        session.apply(Command::Show(question_id(0)), at(0)).result.expect("shown");
        evaluated(&mut session, right(0), at_since(after, 19_000)).verdict.grade.is_right()
    };
    assert!(answered_at(34_000));
    assert!(!answered_at(34_001));
}

#[test]
fn after_an_outage_a_question_stays_open_no_longer_than_it_would_have_at_first() {
    let answered_at = |after| {
        let mut session = solo(2, Some(5_000));
        evaluated(&mut session, right(0), at_since(after, 4_000)).verdict.grade.is_right()
    };
    assert!(answered_at(9_000));
    assert!(!answered_at(9_001));
}

#[test]
fn an_outage_never_shortens_a_question_and_leaves_later_ones_alone() {
    let mut session = solo(2, Some(60_000));
    assert!(evaluated(&mut session, right(0), at_since(60_000, 1_000)).verdict.grade.is_right());
    assert!(
        !evaluated(&mut session, right(1), at_since(120_001, 1_000)).verdict.grade.is_right(),
        "opened after the outage"
    );
}

#[test]
fn events_are_numbered_from_one_without_gaps() {
    let mut session = external(1);
    let numbers = |applied: Applied| applied.events.iter().map(|event| event.sequence.0).collect::<Vec<_>>();
    assert_eq!(numbers(session.apply(record(2), at(0))), [1, 2]);
    let applied = session.apply(record(1), at(1));
    assert_eq!(applied.result, Ok(Reply::Room(RoomReply::Recorded(Sequence(3)))));
    assert_eq!(applied.events[0].at, WALL);
    assert_eq!(numbers(applied), [3]);
    assert_eq!(session.apply(record(0), at(2)).result, Ok(Reply::Room(RoomReply::Recorded(Sequence(3)))));
    assert_eq!(session.log(), LogBounds { head: Sequence(3), oldest: Sequence(1) });
}

#[test]
fn an_author_who_believes_in_another_head_is_told_the_real_one() {
    let mut session = external(1);
    session.apply(record(2), at(0)).result.expect("recorded");
    let expecting = |expected| {
        let event = EventDraft { kind: "move".to_owned(), payload: "{}".to_owned(), to: None };
        record_all(vec![event], Some(Sequence(expected)))
    };
    for wrong in [0, 1, 3] {
        refused(&mut session, expecting(wrong), at(1), Refusal::HeadMoved(Sequence(2)));
    }
    assert_eq!(session.apply(expecting(2), at(1)).result, Ok(Reply::Room(RoomReply::Recorded(Sequence(3)))));
}

#[test]
fn too_many_events_or_too_large_ones_are_refused_whole() {
    let mut session = external(1);
    refused(&mut session, record(MOST_AT_ONCE + 1), at(0), Refusal::TooManyEvents);
    let of_size = |size: usize| {
        let event = |kind: &str, size| EventDraft { kind: kind.to_owned(), payload: "x".repeat(size), to: None };
        record_all(vec![event("k", 0), event("kind", size - 4)], None)
    };
    refused(&mut session, of_size(MOST_EVENT_BYTES + 1), at(0), Refusal::EventTooLarge);
    session.apply(of_size(MOST_EVENT_BYTES), at(0)).result.expect("recorded");
    session.apply(record(MOST_AT_ONCE), at(0)).result.expect("recorded");
}

#[test]
fn an_acknowledgement_above_the_head_or_of_no_seat_is_refused() {
    let mut session = external(1);
    session.apply(record(2), at(0)).result.expect("recorded");
    refused(&mut session, acknowledge(1, 3), at(1), Refusal::AheadOfHead(Sequence(2)));
    refused(&mut session, acknowledge(2, 1), at(1), Refusal::UnknownSeat);
    assert_eq!(session.apply(acknowledge(1, 2), at(1)).result, Ok(Reply::Room(RoomReply::Acknowledged(Sequence(2)))));
    assert_eq!(
        session.apply(acknowledge(1, 1), at(1)).result,
        Ok(Reply::Room(RoomReply::Acknowledged(Sequence(2)))),
        "never back"
    );
}

#[test]
fn events_are_forgotten_up_to_the_lowest_acknowledgement() {
    let mut session = external(2);
    session.apply(record(5), at(0)).result.expect("recorded");
    assert_eq!(session.apply(acknowledge(1, 4), at(1)).prune_through, None);
    assert_eq!(session.apply(acknowledge(2, 2), at(2)).prune_through, Some(Sequence(2)));
    assert_eq!(session.apply(acknowledge(2, 2), at(3)).prune_through, None, "newly forgotten only");
    assert_eq!(session.apply(acknowledge(2, 5), at(4)).prune_through, Some(Sequence(4)));
    assert_eq!(session.log(), LogBounds { head: Sequence(5), oldest: Sequence(5) });
}

#[test]
fn a_seat_silent_for_60_s_while_events_wait_holds_back_nothing() {
    let mut session = external(2);
    session.apply(record(3), at(0)).result.expect("recorded");
    session.apply(acknowledge(1, 3), at(59_999)).result.expect("acknowledged");
    assert_eq!(session.log().oldest, Sequence(1));
    let advanced = session.apply(Command::Advance, at(60_000));
    assert_eq!((advanced.result, advanced.prune_through), (Ok(Reply::Advanced), Some(Sequence(3))));
}

#[test]
fn a_seat_for_which_nothing_waits_is_never_silent() {
    let mut session = external(2);
    session.apply(record(1), at(0)).result.expect("recorded");
    session.apply(acknowledge(1, 1), at(1)).result.expect("acknowledged");
    session.apply(acknowledge(2, 1), at(1)).result.expect("acknowledged");
    session.apply(record(1), at(300_000)).result.expect("recorded");
    let acknowledged = session.apply(acknowledge(1, 2), at(359_999));
    assert_eq!(acknowledged.prune_through, None, "the other seat has waited for less than 60 s");
}

#[test]
fn a_seat_that_acknowledges_step_by_step_counts_again() {
    let mut session = external(2);
    session.apply(record(3), at(0)).result.expect("recorded");
    session.apply(acknowledge(2, 1), at(50_000)).result.expect("acknowledged");
    session.apply(acknowledge(1, 3), at(59_000)).result.expect("acknowledged");
    assert_eq!(session.log().oldest, Sequence(2));
    session.apply(Command::Advance, at(109_999));
    assert_eq!(session.log().oldest, Sequence(2));
    session.apply(Command::Advance, at(110_000));
    assert_eq!(session.log().oldest, Sequence(4));
}

#[test]
fn while_every_seat_is_silent_events_wait_for_all() {
    let mut session = external(2);
    session.apply(record(3), at(0)).result.expect("recorded");
    assert_eq!(session.apply(Command::Touch, at(500_000)).prune_through, None);
    assert_eq!(external(0).apply(record(3), at(0)).prune_through, None);
}

#[test]
fn no_more_than_the_most_is_kept() {
    let mut session = external(1);
    let hundred = MOST_AT_ONCE as u64;
    for n in 0..MOST_KEPT / hundred {
        assert_eq!(session.apply(record(MOST_AT_ONCE), at(n)).prune_through, None);
    }
    assert_eq!(session.apply(record(3), at(9_000)).prune_through, Some(Sequence(3)));
    assert_eq!(session.log(), LogBounds { head: Sequence(MOST_KEPT + 3), oldest: Sequence(4) });
}

#[test]
fn a_sequence_goes_on_after_everything_was_forgotten() {
    let mut session = external(1);
    session.apply(record(3), at(0)).result.expect("recorded");
    session.apply(acknowledge(1, 3), at(1)).result.expect("acknowledged");
    assert_eq!(session.log(), LogBounds { head: Sequence(3), oldest: Sequence(4) });
    assert_eq!(session.apply(record(1), at(2)).result, Ok(Reply::Room(RoomReply::Recorded(Sequence(4)))));
}

#[test]
fn what_was_due_stays_done_when_the_command_is_refused() {
    let mut session = external(2);
    session.apply(record(3), at(0)).result.expect("recorded");
    session.apply(acknowledge(1, 2), at(1)).result.expect("acknowledged");
    let deadline = session.state.life.deadline();
    let applied = session.apply(acknowledge(2, 9), at(60_000));
    assert_eq!(applied.result, Err(Refusal::AheadOfHead(Sequence(3))));
    assert_eq!(applied.prune_through, Some(Sequence(2)));
    assert_eq!(session.log().oldest, Sequence(3));
    assert_eq!(session.state.life.deadline(), deadline, "a refusal touches nothing");
}

#[test]
fn advancing_touches_nothing_and_every_other_command_touches() {
    let mut session = external(1);
    let deadline = session.state.life.deadline();
    session.apply(Command::Advance, at(300_000));
    assert_eq!(session.state.life.deadline(), deadline);
    for (n, command) in [Command::Touch, record(1), acknowledge(1, 1)].into_iter().enumerate() {
        let now = at(300_001 + n as u64);
        session.apply(command, now).result.expect("carried out");
        assert_eq!(session.state.life.deadline().0, now.now.plus(Millis(660_000)));
    }
}

#[test]
fn a_command_of_another_kind_of_game_is_refused() {
    let mut game = solo(1, None);
    refused(&mut game, record(1), at(0), Refusal::NotThisGame);
    refused(&mut game, acknowledge(1, 0), at(0), Refusal::NotThisGame);
    let mut log = external(1);
    for command in [right(0), Command::Show(question_id(0)), Command::Award(None)] {
        refused(&mut log, command, at(0), Refusal::NotThisGame);
    }
    game.apply(right(0), at(0)).result.expect("evaluated");
    refused(&mut game, record(1), at(0), Refusal::NotThisGame);
    refused(&mut game, Command::Show(question_id(0)), at(0), Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
}

#[test]
fn an_epoch_tells_sessions_and_stores_apart() {
    let session = solo(1, None);
    let mut other = session.clone();
    other.state.nonce += 1;
    assert_eq!(session.epoch(1), session.clone().epoch(1));
    assert_ne!(session.epoch(1), session.epoch(2));
    assert_ne!(session.epoch(1), other.epoch(1));
}

#[test]
fn on_another_clock_everything_is_due_as_much_later_as_before() {
    let mut here = solo(3, Some(10_000));
    here.apply(Command::Show(question_id(1)), at(1_000)).result.expect("shown");
    here.apply(right(0), at(2_000)).result.expect("evaluated");
    let mut there = here.clone();
    there.shift(-400_000);
    let later = |after: u64| Moment { now: Timestamp::from_millis(T0 - 400_000 + after), ..at(0) };
    assert_eq!(there.state.life.deadline().0.since(later(0).now), here.state.life.deadline().0.since(at(0).now));
    for (question, after) in [(1, 11_000), (2, 22_000)] {
        let on_time = evaluated(&mut here, right(question), at(after)).verdict;
        assert_eq!(evaluated(&mut there, right(question), later(after)).verdict, on_time);
        assert!(on_time.grade.is_right() == (question == 1 || on_time.response <= Millis(10_000)));
    }

    let mut here = external(2);
    here.apply(record(2), at(0)).result.expect("recorded");
    let mut there = here.clone();
    there.shift(5_000);
    for session in [&mut here, &mut there] {
        session.apply(acknowledge(1, 2), at(59_000)).result.expect("acknowledged");
    }
    assert_eq!(here.apply(Command::Advance, at(60_000)).prune_through, Some(Sequence(2)));
    assert_eq!(there.apply(Command::Advance, at(64_999)).prune_through, None);
    assert_eq!(there.apply(Command::Advance, at(65_000)).prune_through, Some(Sequence(2)));
}

#[test]
fn the_same_game_is_known_on_whatever_clock_and_however_lately_touched() {
    let mut session = solo(3, None);
    session.apply(Command::Show(question_id(1)), at(1_000)).result.expect("shown");
    let mut copy = session.clone();
    copy.shift(123_456);
    copy.apply(Command::Touch, at(300_000)).result.expect("touched");
    assert!(session.is_same_game(&copy));
    copy.apply(right(0), at(301_000)).result.expect("evaluated");
    assert!(!session.is_same_game(&copy), "it went on");
    let mut other = session.clone();
    other.state.nonce += 1;
    assert!(!session.is_same_game(&other), "another game under the same id");
}

#[derive(Debug, Clone)]
struct Step {
    command: Command,
    pause: u64,
}

/// A solo game with one question of every kind.
fn solo_of_kinds() -> GameSession {
    let mut session = solo(9, Some(30_000));
    let mut quiz = quiz(0, None);
    let question = |n: usize| Question { id: question_id(n), ..question_of_kind(n, 1) };
    quiz.questions = (0..9).map(question).map(Arc::new).collect();
    session.quiz = Some(Arc::new(quiz));
    session
}

fn answer_of_kind(question: usize, chosen: Option<u64>, key: Option<&str>) -> Command {
    let Command::Submit(submission) = answer(question, chosen, key) else { unreachable!("it is an answer") };
    let answer = chosen.map(|chosen| answer_like(&question_of_kind(question, 1), chosen));
    Command::Submit(Submission { answer, ..submission })
}

fn any_solo_command() -> impl Strategy<Value = Command> {
    let key = proptest::option::of(prop_oneof![Just("a"), Just("b"), Just("c")]);
    prop_oneof![
        8 => (0..10_usize, proptest::option::of(0..5_u64), key).prop_map(|(q, chosen, key)| answer_of_kind(q, chosen, key)),
        2 => (0..6_usize).prop_map(|q| Command::Show(question_id(q))),
        1 => Just(Command::Touch),
        1 => Just(Command::Advance),
        1 => Just(Command::Award(None)),
        1 => Just(record(1)),
    ]
}

fn any_external_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (0..4_usize).prop_map(record),
        1 => (0..20_u64).prop_map(|head| record_all(Vec::new(), Some(Sequence(head)))),
        6 => (1..4_u32, 0..20_u64).prop_map(|(seat, sequence)| acknowledge(seat, sequence)),
        1 => Just(Command::Touch),
        1 => Just(Command::Advance),
        1 => Just(right(0)),
    ]
}

fn steps(command: impl Strategy<Value = Command>) -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![0..3_000_u64, 20_000..70_000_u64];
    proptest::collection::vec((command, pause).prop_map(|(command, pause)| Step { command, pause }), 0..40)
}

/// Applies a command, and checks what holds for every command of every game.
fn checked_step(session: &mut GameSession, command: &Command, now: Moment) -> Result<Applied, TestCaseError> {
    let before = session.clone();
    let applied = session.apply(command.clone(), now);
    if applied.result.is_err() {
        // A refused command changes only what was due anyway.
        let mut advanced = before.clone();
        let due = advanced.apply(Command::Advance, now);
        prop_assert_eq!(&*session, &advanced);
        prop_assert_eq!(applied.prune_through, due.prune_through);
        prop_assert!(applied.events.is_empty());
    }
    let (old, new) = (before.log(), session.log());
    prop_assert!(new.head >= old.head && new.oldest >= old.oldest);
    prop_assert!(new.oldest.0 <= new.head.0 + 1);
    let numbers: Vec<u64> = applied.events.iter().map(|event| event.sequence.0).collect();
    prop_assert_eq!(numbers, (old.head.0 + 1..=new.head.0).collect::<Vec<_>>());
    let pruned = (new.oldest > old.oldest).then(|| Sequence(new.oldest.0 - 1));
    prop_assert_eq!(applied.prune_through, pruned);
    if !matches!(session.state.game, Game::Finished(_)) {
        prop_assert!(session.state.life.deadline() >= before.state.life.deadline());
    }
    Ok(applied)
}

proptest! {
    #[test]
    fn whatever_is_asked_a_solo_game_adds_up(steps in steps(any_solo_command())) {
        let mut session = solo_of_kinds();
        let mut now = 0;
        for Step { command, pause } in steps {
            now += pause;
            checked_step(&mut session, &command, at(now))?;
            let results = match (&session.state.game, &session.quiz) {
                (Game::Solo(game), Some(quiz)) => game.results(quiz, None),
                (Game::Finished(game), Some(quiz)) => game.results(quiz),
                other => panic!("quiz and game do not fit: {other:?}"),
            };
            let mut total = 0;
            for (n, report) in results.answers.iter().enumerate() {
                total += report.verdict.points.sum();
                prop_assert_eq!(report.verdict.nth as usize, n + 1);
                prop_assert_eq!(report.verdict.total_after, total);
                let (grade, points) = (report.verdict.grade, report.verdict.points);
                prop_assert!(grade.is_right() || points.speed_bonus == 0);
                prop_assert!(grade.is_right() || grade.partial().is_some() || points.sum() == 0);
            }
            prop_assert_eq!(results.total_score(), total);
            let mut questions: Vec<_> = results.answers.iter().map(|report| &report.question).collect();
            questions.sort();
            questions.dedup();
            prop_assert_eq!(questions.len(), results.answers.len(), "a question was evaluated twice");
            prop_assert_eq!(matches!(session.state.game, Game::Finished(_)), questions.len() == 9);
        }
    }

    #[test]
    fn whatever_is_asked_a_log_never_goes_back(steps in steps(any_external_command())) {
        let mut session = external(3);
        let mut now = 0;
        for Step { command, pause } in steps {
            now += pause;
            checked_step(&mut session, &command, at(now))?;
        }
    }
}
