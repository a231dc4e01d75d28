//! The live connection of a seat or a backend. The pump moves frames; the rules, the log and the hub
//! decide what they say.

mod close_reason;
mod event_sender;
mod frames;

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout};

use super::command::{RequestKey, RoomRequest};
use super::replies::snapshot;
use super::room_id;
use crate::domain::{SeatId, Sequence, SessionId};
use crate::game::hub::{Missed, ShownPresence, Subscription};
use crate::game::rooms::{Credential, Resumed};
use crate::http::Shared;
use crate::http::admission::Limit;
use crate::http::auth::KeyInUse;
use crate::http::problem::Problem;
use crate::http::reply::date;
use crate::websocket::{Frame, Limits, Message, ReceiveEnd, Receiver, Sender, Unsent};
use close_reason::CloseReason;
use event_sender::EventSender;
use frames::{ClientFrame, FrameRequest, ResumeFrame, WelcomeOut};

/// How long the first frame may take.
const FIRST: Duration = Duration::from_secs(5);
/// How long a client may read nothing while something waits for it.
const SLOW: Duration = Duration::from_secs(10);
/// How soon the log is read again that could not be read.
const AGAIN: Duration = Duration::from_millis(250);
/// Most questions that wait for their answer.
const MOST_WAITING: usize = 64;
/// A client that has been silent for so many thirds of the away-grace, pings included, is gone.
const SILENT_THIRDS: u32 = 6;
/// How often in a third it is looked whether the client has been heard. A pong is told to the room
/// this much late at most, so that it and the room's own writing fit into the away-grace.
const CHECKS: u32 = 4;

/// Turns a request into a room's live connection.
pub(in crate::http) async fn connect(
    request: HttpRequest,
    shared: web::Data<Shared>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = room_id(&id)?;
    shared.rooms.dates(&id).map_err(Problem::in_room)?;
    let shown = shared.keys.shown(&request)?;
    let (sockets, client) = (shared.sockets.clone(), shared.admission.client(&request));
    sockets.upgrade(
        &request,
        Limits::room(shared.admission.frames_per_second()),
        async move |sender: Sender, receiver: &mut Receiver| {
            let stopping = shared.sockets.stopping().clone();
            let closing = tokio::select! {
                biased;
                () = stopping.cancelled() => Err(CloseReason::GoingAway),
                ended = serve(shared.clone(), id, shown, &sender, receiver) => ended,
            };
            if receiver.is_over_limit() {
                shared.admission.met(Limit::Calls, &client);
            }
            if let Err(closing) = closing {
                sender.close(closing.code(), closing.reason()).await;
            }
        },
    )
}

/// Why a connection ends that is not closed by the server: it is gone.
struct Over;

type Ended<T> = Result<T, Ending>;

enum Ending {
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

async fn serve(
    shared: web::Data<Shared>,
    id: SessionId,
    shown: Option<String>,
    sender: &Sender,
    receiver: &mut Receiver,
) -> Result<(), CloseReason> {
    let served = async {
        let resume = first(receiver).await?;
        let mut connection = RoomConnection::make(shared, id, shown, resume, sender).await?;
        if connection.seat.is_none() {
            receiver.lift_limit();
        }
        connection.pump(receiver).await
    };
    match served.await {
        Ok(()) | Err(Ending::Over) => Ok(()),
        Err(Ending::Close(closing)) => Err(closing),
    }
}

/// The first frame, which says who it is.
async fn first(receiver: &mut Receiver) -> Ended<ResumeFrame> {
    let late = CloseReason::NotTheProtocol("no resume within 5 seconds");
    let message = timeout(FIRST, receiver.next()).await.map_err(|_| late)??;
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

/// The reply to a frame, and why the connection ends after it, if it does.
type FrameReply = (Frame, Option<CloseReason>);
/// Requests that wait for their turn in the store, in order.
type PendingReplies = FuturesOrdered<LocalBoxFuture<'static, FrameReply>>;

/// What a connection was woken for, beside the log.
enum Woken {
    Answer(FrameReply),
    Revoked,
    Message(Result<Message, ReceiveEnd>),
    Tick,
}

struct RoomConnection<'a> {
    sender: &'a Sender,
    shared: web::Data<Shared>,
    id: SessionId,
    who: Credential,
    listener: Subscription,
    seat: Option<SeatId>,
    generation: u32,
    /// The key of a backend, whose connection ends with it.
    key: Option<KeyInUse>,
    epoch: String,
    line: Arc<EventSender>,
    presence: Option<Arc<ShownPresence>>,
    /// A third of the away-grace: how often the client is to be heard of.
    third: Duration,
    /// When the log is to be read again that could not be read.
    again: Option<Instant>,
    /// When the client was last heard, as far as the room was told, and last pinged.
    heard: std::time::Instant,
    pinged: Instant,
}

impl<'a> RoomConnection<'a> {
    async fn make(
        shared: web::Data<Shared>,
        id: SessionId,
        shown: Option<String>,
        resume: ResumeFrame,
        sender: &'a Sender,
    ) -> Ended<Self> {
        let text = resume.token.or(shown).ok_or(CloseReason::BadToken)?;
        let who = shared.keys.credential(&text, None).map_err(|_| CloseReason::BadToken)?;
        let rooms = &shared.rooms;
        let closing = |error| CloseReason::of(&error);
        let known = resume.epoch.zip(resume.last_sequence);
        let connected = rooms.connect(&id, &who, known.is_none()).await.map_err(closing)?;
        let (seat, generation) = (connected.seat, connected.generation);
        // Whoever listens before the room is read misses nothing of what is committed meanwhile.
        let listener = rooms.enter(&id, seat).map_err(closing)?;
        listener.connected(generation);
        let others = listener.others_of(generation);
        shared.admission.may_connect(others).map_err(|_| CloseReason::TooManyConnections)?;
        let resumed = rooms.resume(&id, &connected, known, 0).await.map_err(closing)?;
        if !listener.is_of(&resumed.looked.epoch) {
            return Err(CloseReason::GoingAway.into());
        }
        let third = resumed.looked.room().map_or(FIRST, |room| room.settings().away.into()) / 3;
        let is_backend = who.is_backend();
        let connection = Self {
            sender,
            key: is_backend.then(|| shared.keys.follow(&text)),
            // The backend's key was checked against the room's owner.
            who: seat.map_or(Credential::Backend(None), |seat| Credential::Connection { seat, generation }),
            shared,
            id,
            listener,
            seat,
            generation,
            epoch: resumed.looked.epoch.clone(),
            line: Arc::new(EventSender::new(sender.clone(), seat, resumed.position)),
            presence: None,
            third,
            again: None,
            heard: std::time::Instant::now(),
            pinged: Instant::now(),
        };
        connection.welcome(&resumed).await?;
        // What chaos freezes and cuts goes through the pump.
        if connection.shared.chaos.is_none() {
            connection.listener.takes_events(connection.line.clone());
        }
        Ok(connection)
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
            heartbeat_ms: self.third.as_millis() as u64,
            snapshot,
            server_time: date(resumed.looked.dates.wall),
        }))
        .await
    }

    /// Sends a frame. A client that reads nothing for too long is left behind.
    async fn send(&self, frame: Frame) -> Ended<()> {
        if let Some(chaos) = &self.shared.chaos {
            chaos.before_a_frame().await.map_err(|_| Over)?;
        }
        Ok(self.sender.send(frame, Some(SLOW)).await?)
    }

    /// Moves frames both ways until one side ends it.
    async fn pump(&mut self, receiver: &mut Receiver) -> Ended<()> {
        let mut tick = tokio::time::interval(self.third / CHECKS);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut waiting, mut key) = (PendingReplies::new(), self.key.take());
        let line = self.line.clone();
        let mut asking = None;
        loop {
            self.catch_up().await?;
            let woken = {
                // Most wakings are for the log, whose events are sent beside all else, which goes on waiting.
                let mut others = std::pin::pin!(async {
                    tokio::select! {
                        Some(answer) = waiting.next() => Woken::Answer(answer),
                        () = revoked(&mut key) => Woken::Revoked,
                        message = receiver.next(), if waiting.len() < MOST_WAITING => Woken::Message(message),
                        _ = tick.tick() => Woken::Tick,
                    }
                });
                loop {
                    let again = self.again.take();
                    tokio::select! {
                        woken = &mut others => break woken,
                        () = self.listener.changed() => {}
                        () = until(again) => {}
                    }
                    // A reply that is there goes out before what its command led to.
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
                Woken::Tick => self.check(receiver).await?,
            }
            asking = if waiting.is_empty() { None } else { asking.or_else(|| Some(line.hold())) };
        }
    }

    /// Sends what there is to be sent, as far as the log goes.
    async fn catch_up(&mut self) -> Ended<()> {
        let line = self.line.clone();
        let held = line.hold();
        self.sender.flush(SLOW).await?;
        let news = self.listener.update();
        while line.sent() < news.head {
            match self.listener.missed(line.sent(), &self.epoch).await {
                Ok(Missed::Events(events)) if events.is_empty() => break,
                Ok(Missed::Events(events)) => {
                    self.standing()?;
                    for told in events.iter().filter(|told| told.event.sequence > line.sent()) {
                        self.send(line.frame(told)).await?;
                        line.note_sent(told.event.sequence);
                    }
                }
                // What waited for this client is forgotten by now: the next welcome is a whole snapshot.
                Ok(Missed::Forgotten) => return Err(CloseReason::TooSlow.into()),
                Ok(Missed::Ended(ended)) => return Err(CloseReason::of_end(ended).into()),
                Err(_) => {
                    self.again = Some(Instant::now() + AGAIN);
                    break;
                }
            }
        }
        drop(held);
        if let Some(ended) = news.ended {
            return Err(CloseReason::of_end(ended).into());
        }
        self.standing()?;
        self.show_presence(news.presence).await
    }

    /// Nothing goes to whom the seat was taken from.
    fn standing(&self) -> Ended<()> {
        Ok(self.listener.standing(self.generation).map_err(CloseReason::of_standing)?)
    }

    async fn show_presence(&mut self, presence: Option<Arc<ShownPresence>>) -> Ended<()> {
        // One that doesn't know of this connection yet is older than its welcome.
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

    /// Takes a client's frame: what can be answered here is, all else waits for its turn in the store.
    async fn take(&mut self, message: Message, waiting: &mut PendingReplies) -> Ended<()> {
        self.listener.heard(Duration::ZERO);
        let ClientFrame { id, request } = read(message)?;
        let re = id.as_deref();
        match request {
            Err(problem) => self.send(frames::error(re, &problem)).await,
            Ok(FrameRequest::Resume(_)) => {
                self.send(frames::error(re, &Problem::wrong("type", "this connection is made already"))).await
            }
            Ok(FrameRequest::Room(RoomRequest::Heartbeat, _)) => {
                let dates = self.shared.rooms.dates(&self.id).map_err(|error| CloseReason::of(&error))?;
                self.send(frames::heartbeat(re, dates, self.line.sent())).await
            }
            Ok(FrameRequest::Room(RoomRequest::Acknowledge(sequence), _)) => self.acknowledge(re, sequence).await,
            Ok(FrameRequest::Room(request, key)) => {
                waiting.push_back(self.run(id, request, key));
                Ok(())
            }
        }
    }

    async fn acknowledge(&self, re: Option<&str>, sequence: Sequence) -> Ended<()> {
        let sent = self.line.sent();
        if sequence > sent {
            let ahead = crate::domain::Refusal::AheadOfHead(sent).into();
            return self.send(frames::error(re, &ahead)).await;
        }
        self.listener.acknowledge(sequence);
        if re.is_some() { self.send(frames::done(re)).await } else { Ok(()) }
    }

    /// Carries out a request. Those that are made first are queued first.
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
                    (frames::error(re, &error.into()), reason)
                }
            }
        })
    }

    async fn answer(&mut self, (frame, reason): FrameReply) -> Ended<()> {
        self.send(frame).await?;
        reason.map_or(Ok(()), |reason| Err(reason.into()))
    }

    /// Notes when the client was heard, pings a silent one, and gives up on one that has been silent
    /// for long.
    async fn check(&mut self, receiver: &Receiver) -> Ended<()> {
        let heard = receiver.heard();
        let silence = heard.elapsed();
        if silence > self.third * SILENT_THIRDS {
            return Err(Over.into());
        }
        if heard > self.heard {
            self.heard = heard;
            self.listener.heard(silence);
        }
        let is_due = silence.min(self.pinged.elapsed()) + self.third / CHECKS > self.third;
        if is_due {
            self.pinged = Instant::now();
            self.send(Frame::ping()).await?;
        }
        Ok(())
    }
}

/// Never ends for a seat: its token is the room's to take away.
async fn revoked(key: &mut Option<KeyInUse>) {
    match key {
        Some(key) => key.revoked().await,
        None => std::future::pending().await,
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
