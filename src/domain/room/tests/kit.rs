//! The test kit for rooms: a quiz, seats, shorthands for commands, and a [`Table`] that keeps the events.

use std::sync::Arc;

use serde_json::Value;

use crate::domain::quiz::kind::tests::question_of_kind;
use crate::domain::room::{Caller, HostMove, PresenceReport, Room, RoomAction, RoomReply, RoomSettings, RoomView};
use crate::domain::scoring::{Partial, ProgressionRule, Scoring};
use crate::domain::{
    Answer, AnswerKey, Choice, ChoiceKey, Command, Event, Game, GameSession, IdempotencyKey, Lifetimes, Millis, Moment,
    OptionId, Question, Quiz, Refusal, Reply, SeatId, SecretHash, Sequence, SessionId, Timestamp, WallTime,
};

pub(super) const T0: u64 = 1_000_000_000;
pub(super) const WALL: WallTime = WallTime(1_767_225_600_000);
pub(super) const LIFETIMES: Lifetimes =
    Lifetimes { ttl: Millis(21_600_000), max_age: Millis(2_592_000_000), results_ttl: Millis(604_800_000) };
/// The number of the host's seat.
pub(super) const HOST: u32 = 1;
/// When the first question of a game that was started at 0 opens, in milliseconds.
pub(super) const OPEN: u64 = 3_000;
/// When it closes, without the late grace.
pub(super) const CLOSE: u64 = OPEN + 20_000;

/// The moment `after` milliseconds after the room was opened.
pub(super) fn at(after: u64) -> Moment {
    Moment { now: Timestamp::from_millis(T0 + after), up_since: Timestamp::from_millis(0), wall: WALL }
}

/// The same moment, after an outage that ended at `up`.
pub(super) fn at_since(after: u64, up: u64) -> Moment {
    Moment { up_since: Timestamp::from_millis(T0 + up), ..at(after) }
}

pub(super) fn option(n: u64) -> OptionId {
    OptionId::try_from(n).expect("small")
}

/// A quiz of the questions `q0`, `q1` and so on, with the options 0 to 3. Of question n, option `right(n)` is
/// right.
pub(super) fn quiz(questions: usize, right: impl Fn(usize) -> u64) -> Quiz {
    let choice = |n: u64| Choice { id: option(n), text: Some(format!("option {n}")) };
    let question = |n: usize| Question {
        id: format!("q{n}").parse().expect("valid"),
        text: Some(format!("Question {n}?")),
        category: None,
        difficulty: None,
        image: None,
        alt: None,
        time_limit: None,
        options: (0..4).map(choice).collect(),
        key: AnswerKey::Choice(ChoiceKey(option(right(n)))),
        points: 1.into(),
        no_speed_bonus: false,
        explanation: Some(format!("because it is {}", right(n))),
    };
    Quiz {
        id: "civics".parse().expect("valid"),
        scoring: Scoring::default(),
        progression: ProgressionRule::default(),
        questions: (0..questions).map(question).map(Arc::new).collect(),
    }
}

/// A quiz of all kinds of question in turn, beginning with the kind `first`. To question n, `answer_like` of
/// `right(n)` is right.
pub(super) fn quiz_of_kinds(questions: usize, first: usize, right: impl Fn(usize) -> u64) -> Quiz {
    let question = |n: usize| Question {
        id: format!("q{n}").parse().expect("valid"),
        explanation: Some(format!("because it is {}", right(n))),
        ..question_of_kind(first + n, right(n))
    };
    let scoring = Scoring { multiple: Partial::Shares, order: Partial::Shares, ..Scoring::default() };
    Quiz { scoring, questions: (0..questions).map(question).map(Arc::new).collect(), ..quiz(0, |_| 0) }
}

/// The hash of the token that seat `n` gets in these tests.
pub(super) fn token(n: u32) -> SecretHash {
    SecretHash::of(&format!("token {n}"))
}

pub(super) fn by(seat: u32) -> Caller {
    Caller::Token(token(seat), None)
}

pub(super) fn connection(seat: u32, generation: u32) -> Caller {
    Caller::Connection { seat: SeatId(seat), generation }
}

/// A request to join under this name, with an idempotency key if `key` is given.
pub(super) fn join(name: &str, secret: &str, key: Option<&str>) -> RoomAction {
    let idempotency = key.map(|key| IdempotencyKey::new("join", key, &[name]));
    RoomAction::Join { name: name.parse().expect("valid"), token: SecretHash::of(secret), idempotency }
}

pub(super) fn answer(question: usize, chosen: Option<u64>) -> RoomAction {
    RoomAction::Answer {
        question: format!("q{question}").parse().expect("valid"),
        answer: chosen.map(option).map(Answer::Option),
    }
}

pub(super) fn acknowledge(sequence: u64) -> RoomAction {
    RoomAction::Acknowledge(Sequence(sequence))
}

/// An instance's report about a seat. A connected seat was heard from just now.
pub(super) fn seen(seat: u32, generation: u32, is_connected: bool, acknowledged: Option<u64>) -> RoomAction {
    let heard = is_connected.then_some(Timestamp::from_millis(u64::MAX));
    seen_at(seat, generation, is_connected, heard, acknowledged)
}

pub(super) fn seen_at(
    seat: u32,
    generation: u32,
    is_connected: bool,
    heard: Option<Timestamp>,
    acknowledged: Option<u64>,
) -> RoomAction {
    let acknowledged = acknowledged.map(Sequence);
    RoomAction::ReportPresence(vec![PresenceReport {
        seat: SeatId(seat),
        generation,
        is_connected,
        heard,
        acknowledged,
    }])
}

/// A session with a room, and all events that it has emitted.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) session: GameSession,
    pub(super) events: Vec<Event>,
}

impl Table {
    /// A room with its host, and a quiz of this many questions. Option 1 is always right.
    pub(super) fn of(questions: usize, settings: RoomSettings) -> Self {
        Self::playing(quiz(questions, |_| 1), settings)
    }

    pub(super) fn playing(quiz: Quiz, settings: RoomSettings) -> Self {
        let host = "Host".parse().expect("valid");
        let room = Room::with_quiz(settings, host, token(HOST), &quiz, at(0).now);
        Self::with((room, Some(quiz)))
    }

    /// A game of this many players and questions, started at 0.
    pub(super) fn started(players: u32, questions: usize, settings: RoomSettings) -> Self {
        let mut table = Self::of(questions, settings);
        table.fill(players + 1, at(0));
        assert!(table.host(HostMove::Start, at(0)));
        table
    }

    pub(super) fn external(settings: RoomSettings) -> Self {
        Self::with((Room::external(settings, [], at(0).now), None))
    }

    fn with(room: (Room, Option<Quiz>)) -> Self {
        let id = SessionId::generate(T0, &[7; 10]);
        let code = "ABC234".parse().expect("valid");
        let session = GameSession::room(id, 7, Some(code), room, LIFETIMES, at(0).now);
        Self { session, events: Vec::new() }
    }

    pub(super) fn room(&self) -> &Room {
        match &self.session.state.game {
            Game::Room(room) => room,
            other => panic!("no room: {other:?}"),
        }
    }

    pub(super) fn view(&self, seat: u32, at: Moment) -> RoomView {
        self.room().view(self.session.quiz.as_deref(), Some(SeatId(seat)), at)
    }

    /// Sends an action to the room, and keeps the events.
    pub(super) fn ask(&mut self, by: Caller, ask: RoomAction, at: Moment) -> Result<RoomReply, Refusal> {
        let applied = self.session.apply(Command::room(by, ask), at);
        self.events.extend(applied.events);
        applied.result.map(|reply| match reply {
            Reply::Room(reply) => reply,
            other => panic!("no room's reply: {other:?}"),
        })
    }

    pub(super) fn backend(&mut self, ask: RoomAction, at: Moment) -> Result<RoomReply, Refusal> {
        self.ask(Caller::Backend, ask, at)
    }

    /// Asserts that the action is refused, and that nothing changes except what was due anyway.
    pub(super) fn refused(&mut self, by: Caller, ask: RoomAction, at: Moment, refusal: Refusal) {
        let mut due = self.clone();
        due.advance(at);
        assert_eq!(self.ask(by, ask, at), Err(refusal));
        assert_eq!(self.session, due.session);
        assert_eq!(self.events, due.events);
    }

    pub(super) fn heartbeat(&mut self, seat: u32, at: Moment) {
        assert_eq!(self.ask(by(seat), RoomAction::Heartbeat, at), Ok(RoomReply::Done));
    }

    pub(super) fn next_due(&self, at: Moment) -> Option<u64> {
        self.room().next_due(at).map(|due| due.as_millis() - T0)
    }

    /// The points that the seat has in total.
    pub(super) fn total(&self, seat: u32) -> u32 {
        self.view(seat, at(0)).you.expect("it is there").total
    }

    pub(super) fn join(&mut self, seat: u32, at: Moment) -> u32 {
        let name = format!("Player {seat}").parse().expect("valid");
        match self.ask(Caller::Anyone, RoomAction::Join { name, token: token(seat), idempotency: None }, at) {
            Ok(RoomReply::Seated(SeatId(id))) => id,
            other => panic!("not seated: {other:?}"),
        }
    }

    /// Seats players 2 to `last` and connects them.
    pub(super) fn fill(&mut self, last: u32, at: Moment) {
        for seat in 2..=last {
            assert_eq!(self.join(seat, at), seat);
            self.connect(seat, at);
        }
    }

    /// Connects a seat, and returns the connection's generation.
    pub(super) fn connect(&mut self, seat: u32, at: Moment) -> u32 {
        match self.ask(by(seat), RoomAction::Resume, at) {
            Ok(RoomReply::Resumed { generation, .. }) => generation,
            other => panic!("not resumed: {other:?}"),
        }
    }

    pub(super) fn host(&mut self, host_move: HostMove, at: Moment) -> bool {
        let saw = self.room().phase_number();
        self.host_who_saw(saw, host_move, at)
    }

    pub(super) fn host_who_saw(&mut self, saw: u32, host_move: HostMove, at: Moment) -> bool {
        match self.ask(by(HOST), RoomAction::Host(saw, host_move, None), at) {
            Ok(RoomReply::Moved(moved)) => moved,
            other => panic!("no move: {other:?}"),
        }
    }

    pub(super) fn answer(&mut self, seat: u32, question: usize, chosen: u64, at: Moment) -> Result<RoomReply, Refusal> {
        self.ask(by(seat), answer(question, Some(chosen)), at)
    }

    /// Does what is due at this moment, and nothing else.
    pub(super) fn advance(&mut self, at: Moment) {
        self.ask(Caller::Anyone, RoomAction::Advance, at).expect("nothing refuses it");
    }

    pub(super) fn kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.kind.as_str()).collect()
    }

    /// The payload of the newest event of this kind.
    pub(super) fn last(&self, kind: &str) -> Value {
        let event = self.events.iter().rev().find(|event| event.kind == kind);
        let event = event.unwrap_or_else(|| panic!("nothing of {kind} in {:?}", self.kinds()));
        serde_json::from_str(&event.payload).expect("JSON")
    }
}
