//! The live connection as a state machine: what is sent when, and why it ends. It knows the two ends of a
//! connection only by their traits, so it is tested without a socket.
//!
//! The client gets every event of its position, in order and once: first what it has missed, then what is new.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout};

use super::super::command::{RequestKey, RoomRequest};
use super::super::replies::snapshot;
use super::close_reason::CloseReason;
use super::event_sender::{EventSender, FrameSink};
use super::frames::{self, ClientFrame, FrameRequest, ResumeFrame, WelcomeOut};
use crate::domain::{SeatId, Sequence, SessionId};
use crate::game::hub::{Missed, ShownPresence, Subscription};
use crate::game::rooms::{Credential, Resumed};
use crate::http::Shared;
use crate::http::auth::KeyInUse;
use crate::http::problem::Problem;
use crate::http::reply::date;
use crate::metrics::{Delivery, Direction};
use crate::websocket::{Frame, Message, ReceiveEnd, Unsent};

/// How long the server waits for the first frame.
const FIRST: Duration = Duration::from_secs(5);
/// The delay before a retry if the log could not be read.
const AGAIN: Duration = Duration::from_millis(250);
/// Maximum pending requests of a connection. Beyond it, no further frames are read.
const MOST_WAITING: usize = 64;
/// The connection counts as lost after this many heartbeat intervals without a byte from the client, pongs included.
/// A heartbeat interval is a third of the room's away grace, so this is twice the away grace.
const SILENT_THIRDS: u32 = 6;
/// Checks per heartbeat interval of whether the client was heard. A pong is reported to the room late by at most one
/// check interval. So the wait for the pong, this delay, and the interval at which the room task stores reports (a
/// third of the away grace, too) together fit into the away grace.
const CHECKS: u32 = 4;

/// The receiving end of a connection.
pub(super) trait MessageSource {
    /// Waits for the next message. Dropped while it waits, it loses nothing.
    async fn next(&mut self) -> Result<Message, ReceiveEnd>;
    /// When the client was last heard, pongs included.
    fn heard(&self) -> Instant;
}

/// The connection is lost or was closed by the client, so no close frame can be sent.
pub(super) struct Over;

/// The result of a step of the connection. The error ends the connection.
pub(super) type Ended<T> = Result<T, Ending>;

pub(super) enum Ending {
    Over,
    Close(CloseReason),
}

impl From<CloseReason> for Ending {
    fn from(closing: CloseReason) -> Self {
        Self::Close(closing)
    }
}

impl From<Over> for Ending {
    fn from(_: Over) -> Self {
        Self::Over
    }
}

impl From<Unsent> for Ending {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Gone => Self::Over,
            Unsent::Slow => Self::Close(CloseReason::TooSlow),
        }
    }
}

impl From<ReceiveEnd> for Ending {
    fn from(_: ReceiveEnd) -> Self {
        Self::Over
    }
}

/// Reads the first frame, which has the client's credential and position.
pub(super) async fn first(source: &mut impl MessageSource) -> Ended<ResumeFrame> {
    let late = CloseReason::NotTheProtocol("no resume within 5 seconds");
    let message = timeout(FIRST, source.next()).await.map_err(|_| late)??;
    match read(message)?.request {
        Ok(FrameRequest::Resume(resume)) => Ok(resume),
        _ => Err(CloseReason::NotTheProtocol("the first frame is resume").into()),
    }
}

fn read(message: Message) -> Ended<ClientFrame> {
    let no_frame = CloseReason::NotTheProtocol("a frame is a JSON object with a type");
    let Message::Text(text) = message else { return Err(no_frame.into()) };
    ClientFrame::read(&text).ok_or(no_frame.into())
}

/// The reply to a frame, and the close reason if the connection ends after it.
type FrameReply = (Frame, Option<CloseReason>);
/// The pending requests. Each is polled first in the order of the frames, so the store queues them in that order.
/// Their replies come in the same order.
type PendingReplies = FuturesOrdered<LocalBoxFuture<'static, FrameReply>>;

/// What woke a connection, besides new events.
enum Woken {
    Answer(FrameReply),
    Revoked,
    Message(Result<Message, ReceiveEnd>),
    Tick,
}

/// A live connection that is made.
pub(super) struct RoomConnection<S> {
    sink: S,
    shared: web::Data<Shared>,
    id: SessionId,
    who: Credential,
    listener: Subscription,
    seat: Option<SeatId>,
    generation: u32,
    /// The API key of a backend. The connection ends when the key is revoked.
    key: Option<KeyInUse>,
    epoch: String,
    event_sender: Arc<EventSender<S>>,
    /// The log's head when the connection was made. Events up to it are ones that the client had missed.
    head_at_first: Sequence,
    /// The last presence that was sent.
    presence: Option<Arc<ShownPresence>>,
    /// How often the client should show a sign of life: a third of the room's away grace.
    heartbeat_every: Duration,
    /// When to retry reading the log after an error.
    retry_at: Option<Instant>,
    /// The last sign of life of the client that was reported to the room.
    heard: Instant,
    /// When the client was last pinged.
    pinged: Instant,
}

impl<S: FrameSink> RoomConnection<S> {
    /// Checks the credential, opens the connection in the room, subscribes, and sends the welcome.
    pub(super) async fn make(
        shared: web::Data<Shared>,
        id: SessionId,
        shown: Option<String>,
        resume: ResumeFrame,
        sink: S,
    ) -> Ended<Self> {
        let text = resume.token.or(shown).ok_or(CloseReason::BadToken)?;
        let who = shared.keys.credential(&text, None).map_err(|_| CloseReason::BadToken)?;
        let rooms = &shared.rooms;
        let closing = |error| CloseReason::of(&error);
        let known = resume.epoch.zip(resume.last_sequence);
        let connected = rooms.connect(&id, &who, known.is_none()).await.map_err(closing)?;
        let (seat, generation) = (connected.seat, connected.generation);
        // Subscribe before reading the room, so that no commit in between is missed.
        let listener = rooms.enter(&id, seat).map_err(closing)?;
        // Before the count, so that connections that are opened at once count each other.
        listener.connected(generation);
        let others = listener.others_of(generation);
        shared.admission.may_connect(others).map_err(|_| CloseReason::TooManyConnections)?;
        let resumed = rooms.resume(&id, &connected, known, 0).await.map_err(closing)?;
        if !listener.is_of(&resumed.looked.epoch) {
            return Err(CloseReason::GoingAway.into());
        }
        let heartbeat_every = resumed.looked.room().map_or(FIRST, |room| room.settings().away.into()) / 3;
        let is_backend = who.is_backend();
        let connection = Self {
            key: is_backend.then(|| shared.keys.follow(&text)),
            // The API key of a backend was checked against the room's owner above, and a room never changes its
            // owner.
            who: seat.map_or(Credential::Backend(None), |seat| Credential::Connection { seat, generation }),
            event_sender: Arc::new(EventSender::new(sink.clone(), seat, resumed.position, shared.metrics.clone())),
            shared,
            id,
            listener,
            seat,
            generation,
            epoch: resumed.looked.epoch.clone(),
            head_at_first: resumed.looked.head(),
            sink,
            presence: None,
            heartbeat_every,
            retry_at: None,
            heard: Instant::now(),
            pinged: Instant::now(),
        };
        connection.welcome(&resumed).await?;
        // After the welcome: no event may be sent before it. In chaos mode the pump sends every event, because it
        // delays and cuts connections.
        if connection.shared.chaos.is_none() {
            connection.listener.takes_events(connection.event_sender.clone());
        }
        Ok(connection)
    }

    /// True for a backend, whose frames are not limited.
    pub(super) fn is_backend(&self) -> bool {
        self.seat.is_none()
    }

    async fn welcome(&self, resumed: &Resumed) -> Ended<()> {
        let snapshot = snapshot(&resumed.looked).map_err(|_| CloseReason::NoRoom)?;
        let head = snapshot.head;
        self.listener.knows(head);
        self.send(frames::welcome(WelcomeOut {
            seat_id: self.seat,
            generation: self.generation,
            epoch: &self.epoch,
            head,
            recovered: resumed.recovered,
            heartbeat_ms: self.heartbeat_every.as_millis() as u64,
            snapshot,
            server_time: date(resumed.looked.dates.wall),
        }))
        .await
    }

    /// Sends a frame. If the client doesn't read it within [`SLOW`], the connection ends.
    async fn send(&self, frame: Frame) -> Ended<()> {
        if let Some(chaos) = &self.shared.chaos {
            chaos.before_a_frame().await.map_err(|_| Over)?;
        }
        self.sink.send(Some(frame)).await?;
        self.shared.metrics.game.frame(Direction::Out);
        Ok(())
    }

    /// Moves frames in both directions until one side ends the connection.
    pub(super) async fn pump(&mut self, source: &mut impl MessageSource) -> Ended<()> {
        let mut tick = tokio::time::interval(self.heartbeat_every / CHECKS);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut waiting, mut key) = (PendingReplies::new(), self.key.take());
        let event_sender = self.event_sender.clone();
        let mut pending_hold = None;
        loop {
            self.catch_up().await?;
            let woken = {
                // Most wake-ups are for new events. The other futures are kept meanwhile and not created again.
                let mut others = std::pin::pin!(async {
                    tokio::select! {
                        Some(answer) = waiting.next() => Woken::Answer(answer),
                        () = revoked(&mut key) => Woken::Revoked,
                        message = source.next(), if waiting.len() < MOST_WAITING => Woken::Message(message),
                        _ = tick.tick() => Woken::Tick,
                    }
                });
                loop {
                    let retry_at = self.retry_at.take();
                    tokio::select! {
                        woken = &mut others => break woken,
                        () = self.listener.changed() => {}
                        () = until(retry_at) => {}
                    }
                    // A reply must be sent before the events that its command caused.
                    if let Some(woken) = others.as_mut().now_or_never() {
                        break woken;
                    }
                    self.catch_up().await?;
                }
            };
            match woken {
                Woken::Answer(answer) => {
                    self.answer(answer).await?;
                    while let Some(Some(answer)) = waiting.next().now_or_never() {
                        self.answer(answer).await?;
                    }
                }
                Woken::Revoked => return Err(CloseReason::BadToken.into()),
                Woken::Message(message) => self.take(message?, &mut waiting).await?,
                Woken::Tick => self.check(source.heard()).await?,
            }
            // While a request is pending, only the pump sends, so that the reply comes before the command's events.
            pending_hold = if waiting.is_empty() { None } else { pending_hold.or_else(|| Some(event_sender.hold())) };
        }
    }

    /// Sends everything that the client has missed: events up to the known head, and the presence.
    async fn catch_up(&mut self) -> Ended<()> {
        let event_sender = self.event_sender.clone();
        let held = event_sender.hold();
        // After the hold: no other thread may begin a frame between the flush and the events below.
        self.sink.send(None).await?;
        let update = self.listener.update();
        while event_sender.sent() < update.head {
            match self.listener.missed(event_sender.sent(), &self.epoch).await {
                Ok(Missed::Events(events)) if events.is_empty() => break,
                Ok(Missed::Events(events)) => {
                    self.standing()?;
                    for event in events.iter().filter(|event| event.event.sequence > event_sender.sent()) {
                        self.send(event_sender.frame(event)).await?;
                        let is_missed = event.event.sequence <= self.head_at_first;
                        event_sender.note_sent(event, if is_missed { Delivery::Replay } else { Delivery::Live });
                    }
                }
                // Events that this client needs were pruned. When it reconnects, it gets a snapshot.
                Ok(Missed::Forgotten) => return Err(CloseReason::TooSlow.into()),
                Ok(Missed::Ended(ended)) => return Err(CloseReason::of_end(ended).into()),
                Err(_) => {
                    self.retry_at = Some(Instant::now() + AGAIN);
                    break;
                }
            }
        }
        // Nothing is missed: an event that was refused during the hold has woken this connection again.
        drop(held);
        if let Some(ended) = update.ended {
            return Err(CloseReason::of_end(ended).into());
        }
        self.standing()?;
        self.show_presence(update.presence).await
    }

    /// Ends the connection if it has lost its seat: it must not get any further events.
    fn standing(&self) -> Ended<()> {
        Ok(self.listener.standing(self.generation).map_err(CloseReason::of_standing)?)
    }

    async fn show_presence(&mut self, presence: Option<Arc<ShownPresence>>) -> Ended<()> {
        // A presence without this seat is older than this connection, and the welcome is newer.
        let knows = |shown: &ShownPresence| self.seat.is_none_or(|seat| shown.presence().present.contains(&seat));
        let Some(presence) = presence.filter(|presence| knows(presence)) else { return Ok(()) };
        if self.presence.as_ref().is_some_and(|sent| sent.presence() == presence.presence()) {
            return Ok(());
        }
        if let Ok(dates) = self.shared.rooms.dates(&self.id) {
            let frame = presence.frame(dates.wall, |presence| frames::presence(presence, dates.wall));
            self.send(Frame::from_bytes(frame)).await?;
        }
        self.presence = Some(presence);
        Ok(())
    }

    /// Handles a frame of the client. Heartbeats and acknowledgements are answered at once; other requests go to the
    /// store and are answered when they are done.
    async fn take(&mut self, message: Message, waiting: &mut PendingReplies) -> Ended<()> {
        self.listener.heard(Duration::ZERO);
        self.shared.metrics.game.frame(Direction::In);
        let ClientFrame { id, request } = read(message)?;
        let re = id.as_deref();
        match request {
            Err(problem) => self.refuse(re, &problem).await,
            Ok(FrameRequest::Resume(_)) => {
                self.refuse(re, &Problem::wrong("type", "this connection is made already")).await
            }
            Ok(FrameRequest::Room(RoomRequest::Heartbeat, _)) => {
                let dates = self.shared.rooms.dates(&self.id).map_err(|error| CloseReason::of(&error))?;
                self.send(frames::heartbeat(re, dates, self.event_sender.sent())).await
            }
            Ok(FrameRequest::Room(RoomRequest::Acknowledge(sequence), _)) => self.acknowledge(re, sequence).await,
            Ok(FrameRequest::Room(request, key)) => {
                waiting.push_back(self.run(id, request, key));
                Ok(())
            }
        }
    }

    /// Notes an acknowledgement, which the room task stores later. Refuses one of an event that was not sent.
    async fn acknowledge(&self, re: Option<&str>, sequence: Sequence) -> Ended<()> {
        let sent = self.event_sender.sent();
        if sequence > sent {
            let ahead = crate::domain::Refusal::AheadOfHead(sent).into();
            return self.refuse(re, &ahead).await;
        }
        self.listener.acknowledge(sequence);
        if re.is_some() { self.send(frames::done(re)).await } else { Ok(()) }
    }

    /// Replies to a request with an error.
    async fn refuse(&self, re: Option<&str>, problem: &Problem) -> Ended<()> {
        self.send(refusal(&self.shared, re, problem)).await
    }

    /// Carries out a request. See [`PendingReplies`] for the order.
    fn run(
        &self,
        id: Option<String>,
        request: RoomRequest,
        key: Option<RequestKey>,
    ) -> LocalBoxFuture<'static, FrameReply> {
        let (shared, room, who) = (self.shared.clone(), self.id.clone(), self.who.clone());
        Box::pin(async move {
            let re = id.as_deref();
            match request.run(&shared.rooms, &room, &who, key.as_ref()).await {
                Ok(response) => (frames::reply(re, &response), None),
                Err(error) => {
                    let reason = CloseReason::of_answer(&error);
                    let problem = error.into();
                    (refusal(&shared, re, &problem), reason)
                }
            }
        })
    }

    /// Sends a reply, and ends the connection if the reply says so.
    async fn answer(&mut self, (frame, reason): FrameReply) -> Ended<()> {
        self.send(frame).await?;
        reason.map_or(Ok(()), |reason| Err(reason.into()))
    }

    /// Reports the client's signs of life, pings a silent client, and ends the connection if the client has been
    /// silent for too long.
    async fn check(&mut self, heard: Instant) -> Ended<()> {
        let silence = heard.elapsed();
        if silence > self.heartbeat_every * SILENT_THIRDS {
            return Err(Over.into());
        }
        if heard > self.heard {
            self.heard = heard;
            self.listener.heard(silence);
        }
        let is_due = silence.min(self.pinged.elapsed()) + self.heartbeat_every / CHECKS > self.heartbeat_every;
        if is_due {
            self.pinged = Instant::now();
            self.send(Frame::ping()).await?;
        }
        Ok(())
    }
}

/// The frame of an error, which is counted.
fn refusal(shared: &Shared, re: Option<&str>, problem: &Problem) -> Frame {
    shared.metrics.http.refused(problem.code());
    frames::error(re, problem)
}

/// Waits until the API key is revoked. Never ends for a seat: its token is revoked by the room.
async fn revoked(key: &mut Option<KeyInUse>) {
    match key {
        Some(key) => key.revoked().await,
        None => std::future::pending().await,
    }
}

/// Waits until this time. Never ends if there is none.
async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
