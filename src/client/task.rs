//! The task behind a live connection. It has one socket at most, loses it, and reconnects.
//!
//! The decisions are made in `backoff`, `keep_alive`, `pending` and `checker`; this file moves frames.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{sleep, sleep_until, timeout};

use super::answer::ClientAnswer;
use super::backoff::Backoff;
use super::connection::{ConnectOptions, ConnectionState, TaskCommand};
use super::credentials::SeatCredentials;
use super::event::{ClientEvent, ConnectionLost, StopReason};
use super::frames::{self, ServerFrame, Welcome};
use super::keep_alive::{Due, KeepAlive};
use super::pending::{AskError, Pending, PendingRequest, Replied, RequestKind};
use super::sequence::SequenceStep;
use super::socket::Socket;

/// Temporary errors. The request is not known to have taken effect; repeating it under the same id is safe
/// and finds out.
const PASSING: [&str; 5] = ["log-full", "outcome-unknown", "store-busy", "store-full", "store-unavailable"];
/// The delay before such a request is repeated.
const AGAIN: Duration = Duration::from_millis(500);
/// The close code for more than 20 frames a second over a longer time: reconnect, but not at once.
const TOO_MANY_FRAMES: u16 = 4429;

/// How one connection ended.
enum ConnectionEnd {
    /// Reconnect.
    Lost(ConnectionLost),
    /// Stop for good.
    Stop(StopReason),
}

impl From<ConnectionLost> for ConnectionEnd {
    fn from(lost: ConnectionLost) -> Self {
        lost.code.and_then(StopReason::of_code).map_or(Self::Lost(lost), Self::Stop)
    }
}

pub(super) struct ConnectionTask {
    ticket: SeatCredentials,
    options: ConnectOptions,
    shared: Arc<ConnectionState>,
    pending: Pending,
    /// Requests to repeat on this connection, and when. Always in time order, since the delay is constant.
    again: VecDeque<(Instant, u64)>,
    schedule: Backoff,
    commands: UnboundedReceiver<TaskCommand>,
    happenings: UnboundedSender<ClientEvent>,
}

impl ConnectionTask {
    pub(super) fn new(
        ticket: SeatCredentials,
        options: ConnectOptions,
        shared: Arc<ConnectionState>,
        commands: UnboundedReceiver<TaskCommand>,
        happenings: UnboundedSender<ClientEvent>,
    ) -> Self {
        // Don't use the seeded generator: another client with the same seed and seat would use the same ids.
        let pending = Pending::new(format!("{:012x}", fastrand::Rng::new().u64(..) >> 16));
        let again = VecDeque::new();
        Self { ticket, options, shared, pending, again, schedule: Backoff::default(), commands, happenings }
    }

    pub(super) async fn run(mut self) {
        let why = loop {
            match self.connection().await {
                ConnectionEnd::Lost(lost) => self.lost(&lost),
                ConnectionEnd::Stop(why) => break why,
            }
        };
        // Set before the command receiver is dropped: callers whose request was not read yet find the reason
        // here.
        *self.shared.stopped.lock() = Some(why);
        self.pending.stop(why);
        self.happen(ClientEvent::Stopped(why));
    }

    /// Runs one connection, from the delay before it to its end.
    async fn connection(&mut self) -> ConnectionEnd {
        let (socket, welcome) = match self.reach().await {
            Ok(reached) => reached,
            Err(end) => {
                self.shared.checker.lock().figures.failed_tries += 1;
                return end;
            }
        };
        self.schedule.welcomed();
        let Err(end) = self.play(socket, welcome).await;
        if let ConnectionEnd::Lost(lost) = &end {
            self.happen(ClientEvent::Disconnected(lost.clone()));
        }
        end
    }

    /// Updates the state after a lost connection.
    fn lost(&mut self, lost: &ConnectionLost) {
        tracing::debug!(room = self.ticket.room_id, "the connection was lost: {lost}");
        self.shared.checker.lock().lost(Instant::now());
        self.pending.lost();
        self.options.bases.turn();
        if lost.code == Some(TOO_MANY_FRAMES) {
            self.schedule.slow_down();
        }
    }

    /// Waits for the backoff and connects. Requests made meanwhile are kept until there is a connection.
    async fn reach(&mut self) -> Result<(Socket, Welcome), ConnectionEnd> {
        let wait = self.schedule.next(self.options.rng.f64());
        let base = self.options.bases.clone();
        let silence = self.options.timing.silence;
        let resume = self.resume();
        let room = self.ticket.room_id.clone();
        let opening = async move {
            sleep(wait).await;
            // Read the base URL only after the delay, so that a change during the delay takes effect.
            open(&base.current(), &room, resume, silence).await
        };
        tokio::pin!(opening);
        loop {
            tokio::select! {
                opened = &mut opening => return Ok(opened?),
                command = self.commands.recv() => match command {
                    Some(TaskCommand::Ask(ask)) => drop(self.pending.add(ask)),
                    Some(TaskCommand::Cut | TaskCommand::Freeze(_)) => {}
                    Some(TaskCommand::Close) | None => return Err(ConnectionEnd::Stop(StopReason::Closed)),
                },
            }
        }
    }

    fn resume(&self) -> String {
        frames::resume(self.ticket.token.as_str(), self.shared.checker.lock().sequence.known())
    }

    /// Moves frames until the connection ends.
    async fn play(&mut self, mut socket: Socket, welcome: Welcome) -> Result<std::convert::Infallible, ConnectionEnd> {
        let every = self.options.timing.heartbeat.unwrap_or(Duration::from_millis(welcome.heartbeat_ms.max(1)));
        let mut rhythm = KeepAlive::new(every, self.options.timing.silence, Instant::now());
        self.shared.checker.lock().welcome(&welcome, Instant::now());
        self.happen(ClientEvent::Welcome(Box::new(welcome)));
        self.again.clear();
        // Unanswered requests go out first and in their order (line 4); new commands are read after them.
        for number in self.pending.all() {
            self.send(&mut socket, number).await?;
        }
        loop {
            tokio::select! {
                frame = socket.next() => {
                    rhythm.heard();
                    if let Some(text) = frame? {
                        self.hear(&text, &mut rhythm)?;
                    }
                }
                command = self.commands.recv() => match command {
                    Some(TaskCommand::Ask(ask)) => {
                        let number = self.pending.add(ask);
                        self.send(&mut socket, number).await?;
                    }
                    Some(TaskCommand::Cut) => return Err(ConnectionLost::cut("cut by its user").into()),
                    Some(TaskCommand::Freeze(duration)) => {
                        // Nothing is read or sent meanwhile, since this is the only task that uses the
                        // socket.
                        sleep(duration).await;
                        rhythm.woke(Instant::now());
                    }
                    Some(TaskCommand::Close) | None => {
                        socket.close().await;
                        return Err(ConnectionEnd::Stop(StopReason::Closed));
                    }
                },
                () = sleep_until(rhythm.next().into()) => self.speak(&mut socket, &mut rhythm).await?,
                number = next(&mut self.again) => self.send(&mut socket, number).await?,
            }
        }
    }

    async fn send(&mut self, socket: &mut Socket, number: u64) -> Result<(), ConnectionLost> {
        match self.pending.sending(number) {
            Some(text) => socket.send(text).await,
            None => Ok(()),
        }
    }

    /// Sends the frame that is due, or ends the connection after too long a silence.
    async fn speak(&mut self, socket: &mut Socket, rhythm: &mut KeepAlive) -> Result<(), ConnectionLost> {
        match rhythm.due(Instant::now()) {
            Some(Due::Heartbeat) => socket.send(frames::heartbeat()).await,
            Some(Due::Ack) => {
                let last = self.shared.checker.lock().sequence.last();
                socket.send(frames::ack(last)).await
            }
            Some(Due::Silence) => Err(ConnectionLost::cut("silence after a heartbeat")),
            None => Ok(()),
        }
    }

    /// Processes a received frame.
    fn hear(&mut self, text: &str, rhythm: &mut KeepAlive) -> Result<(), ConnectionLost> {
        let frame = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => {
                self.shared.checker.lock().unreadable(&format!("{error}: {text}"));
                return Ok(());
            }
        };
        match frame {
            ServerFrame::Event(event) => {
                let step = self.shared.checker.lock().event(&event);
                self.step(step, ClientEvent::Event(event), rhythm)
            }
            ServerFrame::Skip { sequence } => {
                let step = self.shared.checker.lock().skip(sequence);
                self.step(step, ClientEvent::Skip { sequence }, rhythm)
            }
            other => {
                self.hear_unnumbered(other);
                Ok(())
            }
        }
    }

    /// Passes an event on if it is the next one (line 5).
    fn step(
        &mut self,
        step: SequenceStep,
        happening: ClientEvent,
        rhythm: &mut KeepAlive,
    ) -> Result<(), ConnectionLost> {
        match step {
            SequenceStep::Drop => {}
            SequenceStep::Reconnect => return Err(ConnectionLost::cut("there is a gap in the numbering")),
            SequenceStep::Apply => {
                self.happen(happening);
                if self.options.acks {
                    rhythm.applied(Instant::now());
                }
            }
        }
        Ok(())
    }

    fn hear_unnumbered(&mut self, frame: ServerFrame) {
        match frame {
            ServerFrame::Presence(presence) => self.happen(ClientEvent::Presence(presence)),
            ServerFrame::Heartbeat { head } => self.shared.checker.lock().told(head),
            ServerFrame::Reply(frame) => self.replied(frame),
            ServerFrame::Error { re: Some(re), code, detail } => {
                if PASSING.contains(&code.as_str())
                    && let Some(number) = self.pending.may_repeat(&re)
                {
                    self.again.push_back((Instant::now() + AGAIN, number));
                } else if let Some((ask, _)) = self.pending.settle(&re) {
                    let _ = ask.waiting.send(Err(AskError::Refused { code, detail }));
                }
            }
            ServerFrame::Error { re: None, code, detail } => {
                tracing::debug!("the server could not read a frame: {code} {detail}");
                self.shared.checker.lock().figures.unread += 1;
            }
            ServerFrame::Welcome(_) => self.shared.checker.lock().unreadable("a second welcome"),
            ServerFrame::Event(_) | ServerFrame::Skip { .. } | ServerFrame::Unknown => {}
        }
    }

    fn replied(&mut self, frame: Map<String, Value>) {
        let re = frame.get("re").and_then(Value::as_str);
        let Some((PendingRequest { kind, waiting, .. }, repeated)) = re.and_then(|re| self.pending.settle(re)) else {
            return;
        };
        let mut checker = self.shared.checker.lock();
        if kind == RequestKind::Answer && frame.get("accepted") == Some(&Value::Bool(true)) {
            let question = frame.get("questionId").and_then(Value::as_str).unwrap_or_default();
            let answer = ClientAnswer::deserialize(Value::Object(frame.clone())).unwrap_or_default();
            checker.answered(question, answer);
        }
        if let Some(snapshot) = frame.get("snapshot") {
            checker.looked(snapshot);
        }
        // The checker must know the answer before the caller does; the lock is released before the caller
        // runs.
        drop(checker);
        let _ = waiting.send(Ok(Replied { frame, repeated }));
    }

    fn happen(&self, happening: ClientEvent) {
        // The user may have dropped the receiver and still use the connection.
        let _ = self.happenings.send(happening);
    }
}

/// Waits until the next request is to be repeated. Cancel-safe: the entry is removed only after the wait.
async fn next(again: &mut VecDeque<(Instant, u64)>) -> u64 {
    let Some(&(when, number)) = again.front() else { return std::future::pending().await };
    sleep_until(when.into()).await;
    again.pop_front();
    number
}

/// Connects, sends the token, and waits for the welcome (line 2).
async fn open(base: &str, room: &str, resume: String, silence: Duration) -> Result<(Socket, Welcome), ConnectionLost> {
    let mut socket = Socket::open(base, room, silence).await?;
    socket.send(resume).await?;
    let welcomed = async {
        loop {
            let Some(text) = socket.next().await? else { continue };
            match serde_json::from_str(&text) {
                Ok(ServerFrame::Welcome(welcome)) => return Ok(*welcome),
                Ok(ServerFrame::Error { code, detail, .. }) => {
                    tracing::debug!("the server sent an error instead of a welcome: {code} {detail}");
                }
                Ok(_) => {}
                Err(error) => return Err(ConnectionLost::cut(format_args!("no welcome: {error}"))),
            }
        }
    };
    let welcome =
        timeout(silence, welcomed).await.unwrap_or_else(|_| Err(ConnectionLost::cut("no welcome in time")))?;
    Ok((socket, welcome))
}
