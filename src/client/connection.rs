//! The handle on a live connection, its options, and the replies it gives.

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
use super::endpoints::Endpoints;
use super::event::{ClientEvent, StopReason};
use super::pending::{AskError, PendingRequest, Replied, RequestKind};
use super::task::ConnectionTask;
use super::violations::{Stats, Violations};

/// How to connect and how to keep the connection.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// The base URLs of the server.
    pub bases: Endpoints,
    /// Timeouts and intervals.
    pub timing: Timing,
    /// If true, the client acknowledges applied events by itself.
    pub acks: bool,
    /// The source of the jitter in retry delays.
    pub rng: fastrand::Rng,
}

impl ConnectOptions {
    /// The protocol's defaults, for the server at `bases`.
    pub fn new(bases: Endpoints) -> Self {
        Self { bases, timing: Timing::default(), acks: true, rng: fastrand::Rng::new() }
    }
}

/// Timeouts and intervals of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The connection counts as dead if nothing is received for this long after a heartbeat. Also the time
    /// limit for connecting, and for receiving the welcome after that.
    pub silence: Duration,
    /// The interval between heartbeats; `None` takes it from the server's welcome.
    pub heartbeat: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self { silence: Duration::from_secs(5), heartbeat: None }
    }
}

/// The state that the task shares with all [`Connection`] clones.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    pub(super) checker: Mutex<ProtocolChecker>,
    /// Set once, when the task ends.
    pub(super) stopped: Mutex<Option<StopReason>>,
}

/// A command from a [`Connection`] to its task.
#[derive(Debug)]
pub(super) enum TaskCommand {
    Ask(PendingRequest),
    Cut,
    Freeze(Duration),
    Close,
}

/// A handle on a seat's live connection. The client reconnects by itself until the connection is closed or
/// all handles are dropped.
#[derive(Debug, Clone)]
pub struct Connection {
    commands: mpsc::UnboundedSender<TaskCommand>,
    shared: Arc<ConnectionState>,
}

/// The reply to an answer frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerReply {
    /// The id of the answered question.
    pub question_id: String,
    /// The answer as the server understood it.
    #[serde(flatten)]
    pub answer: ClientAnswer,
    /// True if the answer counts.
    pub accepted: bool,
    /// When the server received the answer, by its own clock.
    #[serde(default)]
    pub received_at: Option<String>,
}

/// The reply to a host move.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// True if this request moved the room.
    pub moved: bool,
    /// True if the request was sent more than once. Then an earlier copy may have moved the room.
    pub repeated: bool,
    /// The room after the move; null if the reply has none.
    pub snapshot: Value,
}

/// Connects a seat and keeps it connected. Spawns a task, so it must be called within a tokio runtime. The
/// channel of the returned receiver is unbounded: read it, or drop it.
pub fn connect(ticket: SeatCredentials, options: ConnectOptions) -> (Connection, mpsc::UnboundedReceiver<ClientEvent>) {
    let (commands, commanded) = mpsc::unbounded_channel();
    let (happenings, happened) = mpsc::unbounded_channel();
    let shared = Arc::new(ConnectionState::default());
    tokio::spawn(ConnectionTask::new(ticket, options, shared.clone(), commanded, happenings).run());
    (Connection { commands, shared }, happened)
}

impl Connection {
    /// Answers a question; an empty answer is a pass. Waits for the reply across any number of lost
    /// connections.
    ///
    /// # Errors
    /// The server refuses the answer, or the client has stopped.
    pub async fn answer(&self, question_id: &str, answer: impl Into<ClientAnswer>) -> Result<AnswerReply, AskError> {
        let frame = merged(answer.into().fields(), json!({ "questionId": question_id }));
        read(self.ask(RequestKind::Answer, "answer", frame).await?)
    }

    /// Sends a message to the backend of an external room. It is recorded once. Returns its sequence number.
    ///
    /// # Errors
    /// The server refuses the message, or the client has stopped.
    pub async fn say(&self, payload: Value) -> Result<u64, AskError> {
        let replied = self.ask(RequestKind::Plain, "say", json!({ "payload": payload })).await?;
        number(&replied, "sequence")
    }

    /// Sends a host move, such as `start` or `kick`. `extra` holds its other fields, such as `{"seatId": 4}`.
    /// If `extra` has no `at`, the newest phase number that this client has seen is used. Repeating a move
    /// after a lost connection does no harm; [`Moved::repeated`] reports it.
    ///
    /// # Errors
    /// The server refuses the move, or the client has stopped.
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

    /// Acknowledges events now. With [`ConnectOptions::acks`] the client does this by itself, at most once a
    /// second.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn ack(&self, sequence: u64) -> Result<(), AskError> {
        self.ask(RequestKind::Plain, "ack", json!({ "sequence": sequence })).await.map(drop)
    }

    /// The current room as this seat sees it.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn snapshot(&self) -> Result<Value, AskError> {
        let Replied { mut frame, .. } = self.ask(RequestKind::Plain, "snapshot", json!({})).await?;
        frame.remove("snapshot").ok_or_else(|| AskError::Unreadable("no snapshot".to_owned()))
    }

    /// Creates a one-time code that moves a seat to another device.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn code(&self, seat_id: u64) -> Result<String, AskError> {
        let replied = self.ask(RequestKind::Plain, "code", json!({ "seatId": seat_id })).await?;
        let code = replied.frame.get("seatCode").and_then(Value::as_str);
        code.map(str::to_owned).ok_or_else(|| AskError::Unreadable("no seatCode".to_owned()))
    }

    /// Records events, as a backend. This request is not repeated. After [`AskError::Lost`], read the log to
    /// find out whether the events were recorded.
    ///
    /// # Errors
    /// The server refuses, the connection is lost before the reply, or the client has stopped.
    pub async fn record(&self, events: Value, expected: Option<u64>) -> Result<u64, AskError> {
        let expected = expected.map_or_else(|| json!({}), |expected| json!({ "expected": expected }));
        let replied = self.ask(RequestKind::Once, "record", merged(expected, json!({ "events": events }))).await?;
        number(&replied, "sequence")
    }

    /// Sends any other frame and repeats it after a lost connection until it has a reply.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped.
    pub async fn request(&self, kind: &str, frame: Value) -> Result<Map<String, Value>, AskError> {
        Ok(self.ask(RequestKind::Plain, kind, frame).await?.frame)
    }

    /// Leaves the room. After that the client stops.
    ///
    /// # Errors
    /// The server refuses, or the client has stopped for another reason.
    pub async fn leave(&self) -> Result<(), AskError> {
        match self.ask(RequestKind::Plain, "leave", json!({})).await {
            // The close frame may be received before the reply. If both were lost, the retry finds that the
            // token is no longer valid.
            Ok(_) | Err(AskError::Stopped(StopReason::Left | StopReason::BadToken)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Cuts the connection without a close frame, like a lost network. The client reconnects.
    pub fn cut(&self) {
        self.tell(TaskCommand::Cut);
    }

    /// Stops reading and sending for `duration`, like a locked phone, and then sends a heartbeat at once.
    pub fn freeze(&self, duration: Duration) {
        self.tell(TaskCommand::Freeze(duration));
    }

    /// Ends the connection with a close frame; the seat stays taken. The client stops.
    pub fn close(&self) {
        self.tell(TaskCommand::Close);
    }

    /// The protocol violations so far.
    pub fn faults(&self) -> Violations {
        self.shared.checker.lock().faults.clone()
    }

    /// The statistics so far.
    pub fn figures(&self) -> Stats {
        self.shared.checker.lock().figures.clone()
    }

    /// This seat's number; `None` before the first welcome, and for a backend.
    pub fn seat_id(&self) -> Option<u64> {
        self.shared.checker.lock().seat
    }

    /// The epoch and the last applied sequence number, which a web page would store. `None` before the first
    /// welcome.
    pub fn known(&self) -> Option<(String, u64)> {
        self.shared.checker.lock().sequence.known().map(|(epoch, last)| (epoch.to_owned(), last))
    }

    /// The newest phase number that this client has seen.
    pub fn phase_number(&self) -> u64 {
        self.shared.checker.lock().game.phase_number()
    }

    /// This seat's score, summed up from its verdicts.
    pub fn total(&self) -> i64 {
        self.shared.checker.lock().game.total()
    }

    /// This seat's score in the final ranking; `None` before the ranking, or without a place in it.
    pub fn final_total(&self) -> Option<i64> {
        self.shared.checker.lock().game.final_total()
    }

    /// Why the client has stopped; `None` while it runs.
    pub fn stopped(&self) -> Option<StopReason> {
        *self.shared.stopped.lock()
    }

    fn tell(&self, command: TaskCommand) {
        // The task has ended if this fails: there is nothing left to cut or to close.
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
        // The task sets `stopped` before it drops the sender.
        replied.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// Merges the fields of two objects; those of `more` win.
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
