//! Games: answers, players who come back, and the frames and events of live connections.

use prometheus_client::registry::Registry;

use super::label::labels;
use super::{By, Counter, Label, Series, counters, list};

labels! {
    /// The kind of a game.
    GameKind "game" {
        /// A solo game.
        Solo = "solo",
        /// A room.
        Room = "room",
    }

    /// What became of an answer.
    AnswerOutcome "outcome" {
        /// It is right. Only solo games tell at once.
        Right = "right",
        /// It is wrong, or right in part. Only solo games tell at once.
        Wrong = "wrong",
        /// A room has taken it.
        Accepted = "accepted",
        /// The question has not opened yet.
        TooEarly = "too-early",
        /// The question has closed.
        TooLate = "too-late",
        /// The question was answered before.
        Repeated = "repeated",
        /// It is refused for another reason.
        Refused = "refused",
        /// The store failed.
        Failed = "failed",
    }

    /// What a player who comes or comes back gets.
    ResumeOutcome "outcome" {
        /// The client knew nothing yet, and gets a first snapshot.
        First = "first",
        /// The client goes on from where it was.
        Recovered = "recovered",
        /// The client was too far behind, and gets a snapshot.
        Snapshot = "snapshot",
        /// The game is not there any more, or the client may not see it.
        Refused = "refused",
        /// The store failed.
        Failed = "failed",
    }

    /// How an event reached its reader.
    Delivery "way" {
        /// Over a WebSocket, as it happened.
        Live = "live",
        /// Over a WebSocket, to a client that had missed it.
        Replay = "replay",
        /// In a reply over HTTP.
        Http = "http",
    }

    /// The direction of a frame.
    Direction "direction" {
        /// From a client.
        In = "in",
        /// To a client.
        Out = "out",
    }
}

/// What happens in games and on their connections.
#[derive(Debug)]
pub struct GameMetrics {
    answers: Vec<By<AnswerOutcome, Counter>>,
    resumes: Vec<By<ResumeOutcome, Counter>>,
    delivered: By<Delivery, Counter>,
    frames: By<Direction, Counter>,
    closes: Series<Counter>,
}

impl GameMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let (answers, resumes) = (counters(registry, list::ANSWERS), counters(registry, list::RESUMES));
        let (delivered, frames) = (counters(registry, list::EVENTS_DELIVERED), counters(registry, list::FRAMES));
        let kinds = || GameKind::ALL.iter().map(|kind| [(GameKind::NAME, kind.word())]);
        Self {
            answers: kinds().map(|kind| By::of(&answers, &kind)).collect(),
            resumes: kinds().map(|kind| By::of(&resumes, &kind)).collect(),
            delivered: By::of(&delivered, &[]),
            frames: By::of(&frames, &[]),
            closes: counters(registry, list::CLOSES),
        }
    }

    /// Counts an answer.
    pub fn answered(&self, game: GameKind, outcome: AnswerOutcome) {
        self.answers[game.number()][outcome].inc();
    }

    /// The answers that were taken, of all kinds of games.
    pub fn answers_taken(&self) -> u64 {
        let taken = [AnswerOutcome::Right, AnswerOutcome::Wrong, AnswerOutcome::Accepted];
        self.answers.iter().flat_map(|of_kind| taken.map(|outcome| of_kind[outcome].get())).sum()
    }

    /// Counts a player who came or came back.
    pub fn resumed(&self, game: GameKind, outcome: ResumeOutcome) {
        self.resumes[game.number()][outcome].inc();
    }

    /// Counts events that were sent to one reader.
    pub fn delivered(&self, way: Delivery, events: u64) {
        self.delivered[way].inc_by(events);
    }

    /// Counts a frame.
    pub fn frame(&self, direction: Direction) {
        self.frames[direction].inc();
    }

    /// Counts a connection that ended, by the close code if the server sent one.
    pub fn closed(&self, code: Option<u16>) {
        let code = code.map_or("none".into(), |code| code.to_string().into());
        self.closes.get_or_create(&vec![("code", code)]).inc();
    }
}
