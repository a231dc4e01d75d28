//! A session: its state and its quiz. [`GameSession::apply`] is the one place where a command changes it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::commands::{Applied, Command, Reply, Submission};
use super::events::{Event, Sequence};
use super::finished::FinishedGame;
use super::idempotency::hash;
use super::ids::{JoinCode, Owner, SeatId, SessionId};
use super::life::{Life, Lifetimes};
use super::quiz::Quiz;
use super::refusal::Refusal;
use super::room::{self, MovedSeat, Room, RoomReply, RoomSettings};
use super::solo::{NewSolo, SoloGame};
use super::time::{Moment, Timestamp};

/// The game of a session, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Game {
    /// A solo game that goes on: one player and a quiz.
    Solo(SoloGame),
    /// A room: several seats, an event log, and a quiz or an external game.
    Room(Box<Room>),
    /// A solo game that is over.
    Finished(FinishedGame),
}

impl Game {
    /// Whether the session has a quiz, which is stored beside its state. A finished game needs it for the
    /// texts of its questions.
    pub fn has_quiz(&self) -> bool {
        match self {
            Self::Solo(_) | Self::Finished(_) => true,
            Self::Room(room) => room.is_quiz(),
        }
    }

    /// The room. `None` for a solo game.
    pub fn room(&self) -> Option<&Room> {
        match self {
            Self::Room(room) => Some(room),
            Self::Solo(_) | Self::Finished(_) => None,
        }
    }

    /// Whether several clients may follow the game at once, so that each of its commits is announced.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Room(_))
    }
}

/// The part of a session that changes. It holds only integers, texts and ordered maps, so that every record
/// format keeps it exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionState {
    /// The session's deadline, and the rule that moves it.
    pub life: Life,
    /// A random number of this session, which is a part of its epoch.
    pub nonce: u64,
    /// The join code by which a room is found. `None` if it has none.
    pub join_code: Option<JoinCode>,
    /// The owner: the name of the API key that created the session. `None` if it was created without a key.
    /// It never changes.
    pub owner: Option<Owner>,
    /// The state of the game.
    pub game: Game,
}

impl SessionState {
    /// Whether this is a room whose game is not over. Engines tell by the join code, which stands at the
    /// beginning of a record: only rooms have one.
    pub fn is_unfinished_room(&self) -> bool {
        self.join_code.is_some() && !self.life.is_fixed()
    }

    /// The bounds of the session's event log. A game that records no events has an empty log.
    pub fn log(&self) -> LogBounds {
        let (head, pruned) = match &self.game {
            Game::Room(room) => (room.head(), room.pruned()),
            Game::Solo(_) | Game::Finished(_) => Default::default(),
        };
        LogBounds { head, oldest: Sequence(pruned.0 + 1) }
    }

    /// Removes the names of kicked and revoked players from the session's events.
    pub fn redact(&self, events: &mut [Event]) {
        if let Game::Room(room) = &self.game {
            events.iter_mut().for_each(|event| room.redact(event));
        }
    }

    /// Marks the events before `oldest` as pruned, because the store has lost them.
    pub fn lose_events_before(&mut self, oldest: Sequence) {
        if let Game::Room(room) = &mut self.game {
            room.lose_events_before(oldest);
        }
    }
}

/// The first and the last event of a session's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// The number of the newest event; 0 before the first.
    pub head: Sequence,
    /// The number of the oldest event that is kept; one above the head if none is.
    pub oldest: Sequence,
}

/// A session: its state, and its quiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GameSession {
    /// The id of the session.
    pub id: SessionId,
    /// The part that changes.
    pub state: SessionState,
    /// The quiz, which never changes. `None` for an external room, or if it was not loaded.
    pub quiz: Option<Arc<Quiz>>,
}

impl GameSession {
    /// A new session with a solo game.
    pub fn solo(id: SessionId, nonce: u64, new: NewSolo, quiz: Quiz, lifetimes: Lifetimes, now: Timestamp) -> Self {
        let game = Game::Solo(SoloGame::new(new, now));
        let state = SessionState { life: Life::begin(now, lifetimes), nonce, join_code: None, owner: None, game };
        Self { id, state, quiz: Some(Arc::new(quiz)) }
    }

    /// A new session with a room, and with the quiz if the room plays one.
    pub fn room(
        id: SessionId,
        nonce: u64,
        join_code: Option<JoinCode>,
        (room, quiz): (Room, Option<Quiz>),
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Self {
        let (life, game) = (Life::begin(now, lifetimes), Game::Room(Box::new(room)));
        let state = SessionState { life, nonce, join_code, owner: None, game };
        Self { id, state, quiz: quiz.map(Arc::new) }
    }

    /// A new session with an external room of these seats. No seat has a token yet.
    pub fn external(
        id: SessionId,
        nonce: u64,
        join_code: Option<JoinCode>,
        seats: impl IntoIterator<Item = SeatId>,
        lifetimes: Lifetimes,
        now: Timestamp,
    ) -> Self {
        let room = Room::external(RoomSettings::default(), seats, now);
        Self::room(id, nonce, join_code, (room, None), lifetimes, now)
    }

    /// The same session with this owner.
    #[must_use]
    pub fn owned_by(mut self, owner: Option<Owner>) -> Self {
        self.state.owner = owner;
        self
    }

    /// Whether the session is alive at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state.life.is_live(now)
    }

    /// The seats of `before` whose generation or status has changed since then.
    pub fn moved_seats(&self, before: &Self) -> Vec<MovedSeat> {
        match (&self.state.game, &before.state.game) {
            (Game::Room(room), Game::Room(before)) => room.moved_seats(before),
            _ => Vec::new(),
        }
    }

    /// Carries out a command on a live session: first whatever is due, then the command. What was due stays
    /// done even if the command is refused. A refused command itself changes nothing. Only a command that is
    /// carried out touches the session.
    pub fn apply(&mut self, command: Command, at: Moment) -> Applied {
        let (mut events, oldest) = (Vec::new(), self.log().oldest);
        let mut prune_through = self.advance(at, &mut events);
        let touches = !command.is_timer_driven();
        let result = self.carry_out(command, at, &mut events);
        if result.is_ok() && touches {
            self.state.life.touch(at.now);
            // Once more: the command may have made something due, as the last missing answer does.
            prune_through = self.advance(at, &mut events).or(prune_through);
        }
        self.end_if_finished(at);
        let log = self.log();
        let pruned = log.oldest.0 - oldest.0;
        Applied { result, events, prune_through, pruned, head: log.head, moved_seats: Vec::new() }
    }

    /// Does what is due. Returns the highest pruned number if it has risen.
    fn advance(&mut self, at: Moment, events: &mut Vec<Event>) -> Option<Sequence> {
        let Game::Room(room) = &mut self.state.game else { return None };
        let mut step = room::Step { at, quiz: self.quiz.as_deref(), events: std::mem::take(events) };
        room.advance(&mut step);
        *events = step.events;
        room.forget_requests(at);
        room.prune(at)
    }

    /// Fixes the deadline of a room whose game is over: its results and its log are kept for a fixed time.
    fn end_if_finished(&mut self, at: Moment) {
        let is_finished = matches!(&self.state.game, Game::Room(room) if room.is_finished());
        if is_finished && !self.state.life.is_fixed() {
            self.state.life.finish(at.now);
        }
    }

    fn carry_out(&mut self, command: Command, at: Moment, events: &mut Vec<Event>) -> Result<Reply, Refusal> {
        match (command, &mut self.state.game, &self.quiz) {
            (Command::Advance, _, _) => Ok(Reply::Advanced),
            (Command::Touch, _, _) => Ok(Reply::Touched),
            (Command::Room(command), Game::Room(room), quiz) => {
                let mut step = room::Step { at, quiz: quiz.as_deref(), events: std::mem::take(events) };
                let result = room.apply(*command, &mut step);
                *events = step.events;
                if let Ok(RoomReply::JoinCode(code)) = &result {
                    self.state.join_code = Some(code.clone());
                }
                result.map(Reply::Room)
            }
            (Command::Show(id), Game::Solo(game), Some(quiz)) => {
                let (question, clock) = game.show(quiz, &id, at)?;
                Ok(Reply::Shown { question, opened: clock.opened, closes: clock.closes })
            }
            (Command::Submit(submission), Game::Solo(game), Some(quiz)) => {
                let report = Box::new(game.submit(quiz, &submission, at)?);
                let question_count = quiz.questions.len() as u32;
                self.finish_if_complete(&submission, at);
                Ok(Reply::Evaluated { report, question_count })
            }
            (Command::Submit(submission), Game::Finished(game), Some(quiz)) => {
                let report = game.repeated(quiz, submission.idempotency)?;
                let report = report.ok_or_else(|| FinishedGame::not_open(quiz, &submission.question))?;
                Ok(Reply::Evaluated { report: Box::new(report), question_count: quiz.questions.len() as u32 })
            }
            (Command::Show(id), Game::Finished(_), Some(quiz)) => Err(FinishedGame::not_open(quiz, &id)),
            (Command::Award(_), Game::Solo(_), _) => Err(Refusal::NotFinished),
            (Command::Award(idempotency), Game::Finished(game), _) => Ok(Reply::Award {
                awarded: game.claim(idempotency)?,
                award_id: self.id.award_id(),
                user: game.user().cloned(),
                progression: game.progression,
            }),
            _ => Err(Refusal::NotThisGame),
        }
    }

    /// Ends the game after its last answer, in the same commit as that answer.
    fn finish_if_complete(&mut self, submission: &Submission, at: Moment) {
        let (Game::Solo(game), Some(quiz)) = (&self.state.game, &self.quiz) else { return };
        if game.is_complete(quiz) {
            self.state.game = Game::Finished(FinishedGame::new(game.clone(), quiz, submission.wall));
            self.state.life.finish(at.now);
        }
    }

    /// The bounds of the session's event log. A game that records no events has an empty log.
    pub fn log(&self) -> LogBounds {
        self.state.log()
    }

    /// The epoch of the session's event numbers: 12 hex digits, from the session's nonce and the store's own
    /// random number. Numbers of another epoch mean nothing in this one.
    pub fn epoch(&self, store_random: u64) -> String {
        let parts = [self.state.nonce, store_random].map(|random| format!("{random:016x}"));
        let bytes = hash(&[&parts[0], &parts[1]]);
        bytes[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Moves every time in the session by `by` milliseconds, to another engine's clock.
    pub fn shift(&mut self, by: i64) {
        self.state.life.shift(by);
        match &mut self.state.game {
            Game::Solo(game) => game.shift(by),
            Game::Room(room) => room.shift(by),
            Game::Finished(_) => {}
        }
    }

    /// Whether both are the same session in the same state, apart from their clocks and their deadlines.
    pub fn is_same_game(&self, other: &Self) -> bool {
        let timeless = |session: &Self| {
            let mut session = session.clone();
            let created = i64::try_from(session.state.life.created().as_millis()).unwrap_or(i64::MAX);
            session.shift(-created);
            session.state.life = session.state.life.without_deadline();
            session
        };
        timeless(self) == timeless(other)
    }
}

#[cfg(test)]
mod tests;
