//! Builders of sessions, commands and moments for the store tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rejoin::domain::quiz::draft::{self, Texts};
use rejoin::domain::room::{Caller, RoomAction};
use rejoin::domain::scoring::{ProgressionRule, Scoring};
use rejoin::domain::solo::{Deliver, NewSolo};
use rejoin::domain::{
    Answer, Command, EventDraft, GameSession, IdempotencyKey, JoinCode, Lifetimes, Millis, Moment, OptionId, Owner,
    QuestionId, Quiz, SeatId, Sequence, SessionId, Submission, Timestamp, WallTime,
};
use rejoin::store::{GameSessionStore, NewSession, StoreError, StoreResult};
use serde_json::{Value, json};

use crate::support::HANG;

/// A TTL of ten minutes, a maximum age of one hour, and results that live for two hours.
pub(crate) const LIFETIMES: Lifetimes =
    Lifetimes { ttl: Millis(600_000), max_age: Millis(3_600_000), results_ttl: Millis(7_200_000) };
/// The first moment, in milliseconds for [`at`], at which a session of [`LIFETIMES`] that nobody has touched
/// is dead: its TTL plus a tenth.
pub(crate) const DEAD: u64 = 660_000;
const T0: u64 = 50_000_000_000;

/// The moment `after` milliseconds after the start of the test.
pub(crate) fn at(after: u64) -> Moment {
    Moment {
        now: Timestamp::from_millis(T0 + after),
        up_since: Timestamp::from_millis(0),
        wall: WallTime(1_700_000_000_000),
    }
}

pub(crate) fn id(n: u64) -> SessionId {
    let mut chance = [0; 10];
    chance[2..].copy_from_slice(&n.to_be_bytes());
    SessionId::generate(T0, &chance)
}

pub(crate) fn code(text: &str) -> JoinCode {
    text.parse().expect("valid")
}

pub(crate) fn owner(text: &str) -> Owner {
    text.parse().expect("valid")
}

pub(crate) fn question_id(n: usize) -> QuestionId {
    format!("q{n}").parse().expect("valid")
}

fn option(n: u64) -> OptionId {
    OptionId::try_from(n).expect("small")
}

/// The fields of question `q{n}` that depend on its kind. The kinds come in turn, so that every store stores
/// questions of every kind.
fn fields(n: usize) -> Value {
    let options: Value = (0..4).map(|id| json!({"optionId": id, "text": format!("option {id}")})).collect();
    match n % KINDS {
        2 => json!({"kind": "multiple", "options": options, "correctOptionIds": [1, 2]}),
        3 => json!({"kind": "text", "correctTexts": ["text 1"]}),
        4 => json!({"kind": "number", "correctNumber": 1}),
        5 => json!({"kind": "order", "options": options, "correctOrder": [1, 2, 3, 0]}),
        6 => json!({"kind": "poll", "options": options}),
        7 => json!({"kind": "poll"}),
        _ => json!({"kind": "choice", "options": options, "correctOptionId": 1}),
    }
}

/// The number of question kinds, which come in turn.
pub(crate) const KINDS: usize = 8;

/// An answer to question `q{n}`. With `chosen` = 1 it is right, where the kind has a right answer.
fn answer_to(n: usize, chosen: u64) -> Answer {
    let turned = |count: u64| (0..count).map(|k| option((chosen + k) % 4)).collect();
    match n % KINDS {
        2 => Answer::Options(turned(2)),
        5 => Answer::Options(turned(4)),
        3 | 7 => Answer::Text(format!("text {chosen}")),
        4 => Answer::Number((chosen as u32).into()),
        _ => Answer::Option(option(chosen)),
    }
}

/// A quiz of the questions `q0`, `q1` …, whose kinds come in turn.
pub(crate) fn quiz(questions: usize) -> Quiz {
    let draft = |n: usize| {
        let mut draft = fields(n);
        draft["questionId"] = json!(format!("q{n}"));
        draft["text"] = json!(format!("Question {n}?"));
        serde_json::from_value(draft).expect("a draft")
    };
    let drafts: Vec<_> = (0..questions).map(draft).collect();
    let checked = if drafts.is_empty() { Vec::new() } else { draft::check(drafts, Texts::Required).expect("valid") };
    Quiz {
        id: "civics".parse().expect("valid"),
        scoring: Scoring::default(),
        progression: ProgressionRule::default(),
        questions: checked.into_iter().map(Arc::new).collect(),
    }
}

/// A solo game with id `n`, started at `now`.
pub(crate) fn solo(n: u64, questions: usize, now: Moment) -> GameSession {
    let new = NewSolo {
        user: None,
        metadata: None,
        started: WallTime(1_700_000_000_000),
        deliver: Deliver::All,
        request: [3; 16],
    };
    GameSession::solo(id(n), n, new, quiz(questions), LIFETIMES, now.now)
}

/// An external session with two seats and id `n`, started at `now`.
pub(crate) fn external(n: u64, join_code: Option<&str>, now: Moment) -> GameSession {
    GameSession::external(id(n), n, join_code.map(code), [1, 2].map(SeatId), LIFETIMES, now.now)
}

pub(crate) fn answer(question: usize, chosen: u64, key: Option<&str>) -> Command {
    let idempotency = key.map(|key| IdempotencyKey::new("answer", key, &[&question.to_string(), &chosen.to_string()]));
    let wall = WallTime(1_700_000_000_000);
    Command::Submit(Submission {
        question: question_id(question),
        answer: Some(answer_to(question, chosen)),
        idempotency,
        wall,
    })
}

/// The right answer to a question, without an idempotency key.
pub(crate) fn right(question: usize) -> Command {
    answer(question, 1, None)
}

pub(crate) fn asked(by: Caller, ask: RoomAction) -> Command {
    Command::room(by, ask)
}

pub(crate) fn record_all(events: Vec<EventDraft>, expected: Option<Sequence>) -> Command {
    asked(Caller::Backend, RoomAction::Record { events, expected, idempotency: None })
}

pub(crate) fn record(events: usize) -> Command {
    let event = |n| EventDraft { kind: "move".to_owned(), payload: format!("{{\"n\":{n}}}"), to: None };
    record_all((0..events).map(event).collect(), None)
}

/// Changes the join code of a session to `text`.
pub(crate) fn recode(text: &str) -> Command {
    asked(Caller::Backend, RoomAction::ChangeJoinCode(code(text)))
}

/// Records one event that only these seats receive.
pub(crate) fn record_for(seats: &[u32]) -> Command {
    let to = Some(seats.iter().copied().map(SeatId).collect());
    let event = EventDraft { kind: "whisper".to_owned(), payload: "{}".to_owned(), to };
    record_all(vec![event], None)
}

pub(crate) fn acknowledge(seat: u32, sequence: u64) -> Command {
    asked(Caller::Connection { seat: SeatId(seat), generation: 0 }, RoomAction::Acknowledge(Sequence(sequence)))
}

/// Repeats a call until it has a definite result, for at most [`HANG`]. On a busy machine a store may give up
/// on a call in time and say so, so `call` must be safe to repeat.
pub(crate) async fn in_the_end<T>(mut call: impl AsyncFnMut() -> StoreResult<T>) -> StoreResult<T> {
    let begun = Instant::now();
    loop {
        match call().await {
            Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown | StoreError::Busy)
                if begun.elapsed() < HANG => {}
            told => return told,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Creates a session, with retries. `AlreadyExists` counts as created: an earlier try may have been carried
/// out without a reply.
pub(crate) async fn create(store: &dyn GameSessionStore, session: GameSession, at: Moment) -> StoreResult<()> {
    match in_the_end(async || store.create(NewSession(session.clone()), at).await).await {
        Err(StoreError::AlreadyExists) => Ok(()),
        told => told,
    }
}

/// Runs `act` once for each number in `0..times`, all at once, each on its own thread.
pub(crate) fn race<T: Send, F: Future<Output = T>>(times: usize, act: impl Fn(usize) -> F + Sync) -> Vec<T> {
    let line = std::sync::Barrier::new(times);
    let (line, act) = (&line, &act);
    std::thread::scope(|scope| {
        let run = |n| {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                // All threads wait here, so that the calls really race.
                line.wait();
                runtime.block_on(act(n))
            })
        };
        let threads: Vec<_> = (0..times).map(run).collect();
        threads.into_iter().map(|thread| thread.join().expect("no test thread panics")).collect()
    })
}
