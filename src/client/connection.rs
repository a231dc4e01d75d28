//! What the user of a live connection holds.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use super::answer::ClientAnswer;
use super::checker::ProtocolChecker;
use super::credentials::SeatCredentials;
use super::dice::Dice;
use super::endpoints::Endpoints;
use super::event::{ClientEvent, StopReason};
use super::pending::{AskError, PendingRequest, Replied, RequestKind};
use super::task::ConnectionTask;
use super::violations::{Stats, Violations};

/// How a connection is kept.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Where the server is.
    pub bases: Endpoints,
    /// What to wait for, and how long.
    pub timing: Timing,
    /// Whether what is applied is acknowledged by itself.
    pub acks: bool,
    /// Where the chance in the waits between tries comes from.
    pub dice: Dice,
}

impl ConnectOptions {
    /// As the protocol asks, on the server at `bases`.
    pub fn new(bases: Endpoints) -> Self {
        Self { bases, timing: Timing::default(), acks: true, dice: Dice::system() }
    }
}

/// What to wait for, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Silence after a heartbeat: so long, and the connection is dead. A connection may take so long to
    /// stand, too.
    pub silence: Duration,
    /// Between heartbeats, if not as the server's welcome says.
    pub heartbeat: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self { silence: Duration::from_secs(5), heartbeat: None }
    }
}

/// What the task and its users share.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    pub(super) checker: Mutex<ProtocolChecker>,
    pub(super) stopped: Mutex<Option<StopReason>>,
}

/// What the task is told.
#[derive(Debug)]
pub(super) enum TaskCommand {
    Ask(PendingRequest),
    Cut,
    Freeze(Duration),
    Close,
}

/// A seat's live connection, which comes back by itself until it is closed or all its clones are
/// dropped.
#[derive(Debug, Clone)]
pub struct Connection {
    commands: mpsc::UnboundedSender<TaskCommand>,
    shared: Arc<ConnectionState>,
}

/// The reply to an answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerReply {
    /// The question.
    pub question_id: String,
    /// What was answered.
    #[serde(flatten)]
    pub answer: ClientAnswer,
    /// Whether it counts.
    pub accepted: bool,
    /// When it came, by the server's clock.
    #[serde(default)]
    pub received_at: Option<String>,
}

/// The reply to a host's move.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Whether this request moved something.
    pub moved: bool,
    /// Whether it was sent more than once: then an earlier copy may be what moved.
    pub repeated: bool,
    /// The room after it.
    pub snapshot: Value,
}

/// Connects a seat, and keeps it connected: a task of its own, to be started within a tokio runtime.
/// What happens comes out of the receiver, without a bound: read it, or drop it.
pub fn connect(ticket: SeatCredentials, options: ConnectOptions) -> (Connection, mpsc::UnboundedReceiver<ClientEvent>) {
    let (commands, commanded) = mpsc::unbounded_channel();
    let (happenings, happened) = mpsc::unbounded_channel();
    let shared = Arc::new(ConnectionState::default());
    tokio::spawn(ConnectionTask::new(ticket, options, shared.clone(), commanded, happenings).run());
    (Connection { commands, shared }, happened)
}

impl Connection {
    /// Answers a question; an answer that says nothing passes. Across any number of lost connections this waits until the
    /// server has said something.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn answer(&self, question_id: &str, answer: impl Into<ClientAnswer>) -> Result<AnswerReply, AskError> {
        let frame = merged(answer.into().fields(), json!({ "questionId": question_id }));
        read(self.ask(RequestKind::Answer, "answer", frame).await?)
    }

    /// Says something to the backend of an external room, once, and gives its sequence.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn say(&self, payload: Value) -> Result<u64, AskError> {
        let replied = self.ask(RequestKind::Plain, "say", json!({ "payload": payload })).await?;
        number(&replied, "sequence")
    }

    /// A host's move, `start` or `kick`, with what it takes besides: `{"seatId": 4}`. If `extra` does
    /// not say `at`, it is the phase that this client has seen. Repeated after a lost connection it does
    /// no harm, and [`Moved`] tells that it was.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn host_move(&self, kind: &str, extra: Value) -> Result<Moved, AskError> {
        let mut frame = extra;
        if frame.get("at").is_none() {
            let at = self.phase_number();
            frame = merged(frame, json!({ "at": at }));
        }
        let Replied { mut frame, repeated } = self.ask(RequestKind::Plain, kind, frame).await?;
        let moved = frame.get("moved").and_then(Value::as_bool);
        let moved = moved.ok_or_else(|| AskError::Unreadable(format!("{kind}: no `moved`")))?;
        Ok(Moved { moved, repeated, snapshot: frame.remove("snapshot").unwrap_or_default() })
    }

    /// Acknowledges events now. By itself a client acknowledges what it has applied, once a second.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn ack(&self, sequence: u64) -> Result<(), AskError> {
        self.ask(RequestKind::Plain, "ack", json!({ "sequence": sequence })).await.map(drop)
    }

    /// The room as this seat sees it now.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn snapshot(&self) -> Result<Value, AskError> {
        let Replied { mut frame, .. } = self.ask(RequestKind::Plain, "snapshot", json!({})).await?;
        frame.remove("snapshot").ok_or_else(|| AskError::Unreadable("no snapshot".to_owned()))
    }

    /// A code that hands a seat to another device, once.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn code(&self, seat_id: u64) -> Result<String, AskError> {
        let replied = self.ask(RequestKind::Plain, "code", json!({ "seatId": seat_id })).await?;
        let code = replied.frame.get("seatCode").and_then(Value::as_str);
        code.map(str::to_owned).ok_or_else(|| AskError::Unreadable("no seatCode".to_owned()))
    }

    /// Records events, as a backend. This is not repeated: after [`AskError::Lost`] look at the log.
    ///
    /// # Errors
    /// The server refuses, the connection is lost before the reply, or the client has stopped.
    pub async fn record(&self, events: Value, expected: Option<u64>) -> Result<u64, AskError> {
        let expected = expected.map_or_else(|| json!({}), |expected| json!({ "expected": expected }));
        let replied = self.ask(RequestKind::Once, "record", merged(expected, json!({ "events": events }))).await?;
        number(&replied, "sequence")
    }

    /// Any other frame, repeated after a lost connection until it has its reply.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn request(&self, kind: &str, frame: Value) -> Result<Map<String, Value>, AskError> {
        Ok(self.ask(RequestKind::Plain, kind, frame).await?.frame)
    }

    /// Gives the seat up. The client stops.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn leave(&self) -> Result<(), AskError> {
        match self.ask(RequestKind::Plain, "leave", json!({})).await {
            // The good-bye may overtake the reply; and where both were lost, the token has ended.
            Ok(_) | Err(AskError::Stopped(StopReason::Left | StopReason::BadToken)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Cuts the connection without a word, as a lost network does. The client comes back.
    pub fn cut(&self) {
        self.tell(TaskCommand::Cut);
    }

    /// Neither reads nor sends for so long, as a locked phone does, and asks at once when it wakes.
    pub fn freeze(&self, duration: Duration) {
        self.tell(TaskCommand::Freeze(duration));
    }

    /// Ends the connection with a good-bye; the seat stays. The client stops.
    pub fn close(&self) {
        self.tell(TaskCommand::Close);
    }

    /// The promises broken so far.
    pub fn faults(&self) -> Violations {
        self.shared.checker.lock().faults.clone()
    }

    /// What was counted so far.
    pub fn figures(&self) -> Stats {
        self.shared.checker.lock().figures.clone()
    }

    /// This seat's number, once it was welcomed; a backend has none.
    pub fn seat_id(&self) -> Option<u64> {
        self.shared.checker.lock().seat
    }

    /// The epoch and the last sequence that was applied: what a page would keep.
    pub fn known(&self) -> Option<(String, u64)> {
        self.shared.checker.lock().sequence.known().map(|(epoch, last)| (epoch.to_owned(), last))
    }

    /// The newest phase that this client has seen.
    pub fn phase_number(&self) -> u64 {
        self.shared.checker.lock().game.phase_number()
    }

    /// The score that this client has summed up from its verdicts.
    pub fn total(&self) -> i64 {
        self.shared.checker.lock().game.total()
    }

    /// This seat's score in the final ranking, once there is one.
    pub fn final_total(&self) -> Option<i64> {
        self.shared.checker.lock().game.final_total()
    }

    /// Why the client has stopped, if it has.
    pub fn stopped(&self) -> Option<StopReason> {
        *self.shared.stopped.lock()
    }

    fn tell(&self, command: TaskCommand) {
        // A client that has stopped is cut and closed already.
        let _ = self.commands.send(command);
    }

    async fn ask(&self, kind: RequestKind, name: &str, frame: Value) -> Result<Replied, AskError> {
        let Value::Object(mut frame) = frame else {
            return Err(AskError::Unreadable(format!("{frame} is no frame: it must be an object")));
        };
        frame.insert("type".to_owned(), name.into());
        let (waiting, replied) = oneshot::channel();
        self.tell(TaskCommand::Ask(PendingRequest { kind, frame, waiting }));
        let stopped = || AskError::Stopped(self.stopped().unwrap_or(StopReason::Closed));
        replied.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// `frame` with the fields of `more`.
fn merged(frame: Value, more: Value) -> Value {
    let fields = [frame, more].into_iter().filter_map(|value| match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

fn read<T: DeserializeOwned>(replied: Replied) -> Result<T, AskError> {
    T::deserialize(Value::Object(replied.frame)).map_err(|error| AskError::Unreadable(error.to_string()))
}

fn number(replied: &Replied, field: &str) -> Result<u64, AskError> {
    let number = replied.frame.get(field).and_then(Value::as_u64);
    number.ok_or_else(|| AskError::Unreadable(format!("no {field}")))
}
