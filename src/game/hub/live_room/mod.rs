//! A room that has subscribers on this instance: who they are, what they need to know, and what the room task must
//! store about them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::presence::ShownPresence;
use super::replay_buffer::{ReplayBuffer, SharedEvent};
use crate::domain::room::{MovedSeat, Presence, PresenceReport, SeatStatus};
use crate::domain::{Event, SeatId, Sequence, SessionId, Timestamp};
use crate::game::Dates;
use crate::store::Store;

/// Why a room has ended for its subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomEnd {
    /// The room has expired or was deleted.
    Gone,
    /// The store was restored and its sequence numbers have another epoch, or the room's task failed. Subscribers
    /// must reconnect.
    EpochChanged,
}

/// The state of a room that is published to its subscribers.
#[derive(Debug, Clone, Default)]
pub struct RoomUpdate {
    /// The newest event that is known on this instance. The log's head may be newer.
    pub head: Sequence,
    /// Who is connected, and how many have answered. `None` until the room task has read the room.
    pub presence: Option<Arc<ShownPresence>>,
    /// Why the room has ended. `None` while it goes on.
    pub ended: Option<RoomEnd>,
}

/// The newest generation and status of a seat that is known on this instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SeatNow {
    generation: u32,
    standing: SeatStatus,
}

/// A direct way to send an event to a subscriber, from the thread that has committed it.
pub trait Outlet: Send + Sync {
    /// Offers an event. Returns whether the subscriber needs no wake-up for it. An outlet takes only the event that
    /// is next for it, and only while nothing else is being sent. Otherwise the subscriber is woken and reads the
    /// log.
    fn offer(&self, event: &SharedEvent) -> bool;
}

/// A subscriber of the room: a connection, or a pending long poll.
pub(super) struct Member {
    /// `None` for a backend.
    pub(super) seat: Option<SeatId>,
    /// The generation of its connection. `None` until the connection is open.
    pub(super) generation: Option<u32>,
    /// When the client was last heard from. `None` if that was reported already.
    pub(super) heard: Option<Timestamp>,
    /// The highest acknowledged sequence number. `None` if that was reported already.
    pub(super) acknowledged: Option<Sequence>,
    /// True for a client that polls: the end of the subscription is not the end of its connection.
    pub(super) lingers: bool,
    /// Notified when the subscriber must look at the published state.
    wake: Arc<Notify>,
    /// Takes events directly. `None` if the subscriber is woken for every event.
    pub(super) outlet: Option<Arc<dyn Outlet>>,
}

impl Member {
    fn is_of(&self, seat: SeatId, generation: u32) -> bool {
        (self.seat, self.generation) == (Some(seat), Some(generation))
    }
}

#[derive(Default)]
struct Members {
    /// The last key that was given out.
    last: u64,
    here: HashMap<u64, Member>,
    /// Closed connections that are not reported yet.
    departed: Vec<PresenceReport>,
    /// What is known about the seats. May be newer than the last read of the room.
    seats: HashMap<SeatId, SeatNow>,
}

impl Members {
    /// `Err` with the seat's status if connections of this generation have lost the seat, as far as is known here.
    fn standing(&self, seat: SeatId, generation: u32) -> Result<(), SeatStatus> {
        match self.seats.get(&seat) {
            Some(now) if now.generation > generation || now.standing != SeatStatus::Here => Err(now.standing),
            _ => Ok(()),
        }
    }

    /// Whether the subscriber still has its seat, as far as is known here. Always true for a backend.
    fn has_its_seat(&self, member: &Member) -> bool {
        let of = member.seat.zip(member.generation);
        of.is_none_or(|(seat, generation)| self.standing(seat, generation).is_ok())
    }
}

/// The parts of a report that are due now.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportDue {
    pub(super) heard: bool,
    pub(super) acknowledged: bool,
}

/// What the room task must store about the subscribers.
#[derive(Clone, Default)]
pub(super) struct PendingReport {
    pub(super) seen: Vec<PresenceReport>,
    /// The highest sequence number that a backend has acknowledged.
    pub(super) backend: Option<Sequence>,
}

/// Maximum frames that are sent directly for one commit, by the thread that has committed it. Further subscribers
/// are woken and send their own.
const MOST_OFFERED: usize = 256;

pub(super) struct LiveRoom {
    pub(super) id: SessionId,
    pub(super) store: Store,
    /// The published state.
    news: Mutex<RoomUpdate>,
    pub(super) replay: Mutex<ReplayBuffer>,
    /// Held while the log is read, so that one read serves all subscribers.
    pub(super) reading: tokio::sync::Mutex<()>,
    /// Wakes the room task.
    pub(super) wake: Notify,
    members: Mutex<Members>,
    /// The epoch of the buffered events. Set by the first reader of the room.
    epoch: OnceLock<String>,
}

impl LiveRoom {
    pub(super) fn new(id: SessionId, store: Store) -> Self {
        Self {
            id,
            store,
            news: Mutex::default(),
            replay: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            members: Mutex::default(),
            epoch: OnceLock::new(),
        }
    }

    pub(super) fn dates(&self) -> Dates {
        Dates::shown_by(self.store.clock())
    }

    /// Notifies the subscribers of a commit by this instance. `is_all_told` says that the commit changed nothing
    /// besides its events, so the room task need not check the room.
    pub(super) fn committed(&self, events: &[Event], is_all_told: bool) {
        self.tell(events);
        if !is_all_told {
            self.wake.notify_one();
        }
    }

    /// Sends committed events to the subscribers, or wakes them to send for themselves.
    pub(super) fn tell(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let shared: Vec<_> = events.iter().cloned().map(SharedEvent::new).collect();
        let mut replay = self.replay.lock();
        let head = self.news.lock().head;
        replay.push(&shared, head);
        let (newest, next) = (replay.newest(), replay.after(head, MOST_OFFERED).unwrap_or_default());
        // Not under the lock: an outlet writes to a socket, and subscribers need the buffer meanwhile.
        drop(replay);
        let others = self.offer(&next);
        if let Some(newest) = newest {
            let mut news = self.news.lock();
            news.head = news.head.max(newest);
        }
        // After the head is set: a woken subscriber reads it.
        others.iter().for_each(|other| other.notify_one());
        if newest < events.last().map(|event| event.sequence) {
            // An earlier commit has not arrived yet. If it never does, the room task finds its events in the log.
            self.wake.notify_one();
        }
    }

    /// Offers the events to all subscribers that have their seat. Returns the wake-ups of all that have not taken
    /// every event.
    fn offer(&self, next: &[Arc<SharedEvent>]) -> Vec<Arc<Notify>> {
        let members = self.members.lock();
        let outlet = |member: &Member| member.outlet.clone().filter(|_| members.has_its_seat(member));
        let listeners: Vec<_> = members.here.values().map(|member| (outlet(member), member.wake.clone())).collect();
        // Sending to many sockets takes a while. Subscribers can come and go meanwhile.
        drop(members);
        let (mut others, mut frames) = (Vec::new(), 0);
        for (outlet, wake) in listeners {
            let mut takes = |outlet: &dyn Outlet, event| {
                frames += 1;
                frames <= MOST_OFFERED && outlet.offer(event)
            };
            if !outlet.is_some_and(|outlet| next.iter().all(|event| takes(&*outlet, event))) {
                others.push(wake);
            }
        }
        others
    }

    /// The published state.
    pub(super) fn update(&self) -> RoomUpdate {
        self.news.lock().clone()
    }

    /// The newest event that is known on this instance.
    pub(super) fn head(&self) -> Sequence {
        self.news.lock().head
    }

    /// Changes the published state. Wakes all subscribers if `change` returns true.
    fn change_news(&self, change: impl FnOnce(&mut RoomUpdate) -> bool) {
        if change(&mut self.news.lock()) {
            self.members.lock().here.values().for_each(|member| member.wake.notify_one());
        }
    }

    /// Notes that the log's head is at least this. A smaller head changes nothing.
    pub(super) fn note_head(&self, head: Sequence) {
        self.change_news(|news| {
            let is_news = head > news.head;
            news.head = news.head.max(head);
            is_news
        });
    }

    /// Publishes the presence, if it has changed.
    pub(super) fn show_presence(&self, presence: Presence) {
        self.change_news(|news| {
            let is_news = news.presence.as_deref().map(ShownPresence::presence) != Some(&presence);
            if is_news {
                news.presence = Some(Arc::new(ShownPresence::new(presence)));
            }
            is_news
        });
    }

    pub(super) fn end(&self, ended: RoomEnd) {
        self.change_news(|news| {
            news.ended = Some(ended);
            true
        });
    }

    /// Adds a subscriber. Returns its key.
    pub(super) fn enter(&self, seat: Option<SeatId>, wake: Arc<Notify>) -> u64 {
        let mut members = self.members.lock();
        members.last += 1;
        let key = members.last;
        let member =
            Member { seat, generation: None, heard: None, acknowledged: None, lingers: false, wake, outlet: None };
        members.here.insert(key, member);
        key
    }

    /// Removes a subscriber. If it was the last one of its connection's generation, a report that the seat is
    /// disconnected becomes pending.
    pub(super) fn leave(&self, key: u64) {
        let mut members = self.members.lock();
        let Some(member) = members.here.remove(&key) else { return };
        if let Some((seat, generation)) = member.seat.zip(member.generation).filter(|_| !member.lingers) {
            let heard = member.heard;
            match members.here.values_mut().find(|other| other.is_of(seat, generation)) {
                // A host has several connections of one generation. A sign of life of one counts for the others.
                Some(other) => other.heard = other.heard.max(heard),
                None => {
                    members.departed.push(PresenceReport {
                        seat,
                        generation,
                        is_connected: false,
                        heard,
                        acknowledged: None,
                    });
                }
            }
        }
        drop(members);
        self.wake.notify_one();
    }

    /// Whether there are subscribers, or closed connections that must still be reported.
    pub(super) fn has_members(&self) -> bool {
        let members = self.members.lock();
        !members.here.is_empty() || !members.departed.is_empty()
    }

    pub(super) fn with_member(&self, key: u64, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.lock().here.get_mut(&key) {
            change(member);
        }
    }

    /// How many subscribers of this seat and generation there are on this instance.
    pub(super) fn listeners_of(&self, seat: SeatId, generation: u32) -> usize {
        self.members.lock().here.values().filter(|member| member.is_of(seat, generation)).count()
    }

    /// Notes seats whose generation or status a commit has changed.
    pub(super) fn note_moved(&self, moved: &[MovedSeat]) {
        self.note_seats(moved.iter().map(|MovedSeat { seat, generation, standing }| (*seat, *generation, *standing)));
    }

    /// The seats that have subscribers on this instance, sorted.
    pub(super) fn seats(&self) -> Vec<SeatId> {
        let mut seats: Vec<_> = self.members.lock().here.values().filter_map(|member| member.seat).collect();
        seats.sort_unstable();
        seats.dedup();
        seats
    }

    /// Notes the generation and status of seats. Wakes the subscribers that have lost their seat.
    pub(super) fn note_seats(&self, seats: impl IntoIterator<Item = (SeatId, u32, SeatStatus)>) {
        let mut changed = false;
        let mut members = self.members.lock();
        for (seat, generation, standing) in seats {
            let now = SeatNow { generation, standing };
            // The caller may have read the room before a commit that is already noted here.
            if members.seats.get(&seat).is_none_or(|known| generation >= known.generation && now != *known) {
                members.seats.insert(seat, now);
                changed = true;
            }
        }
        if changed {
            let lost = members.here.values().filter(|member| !members.has_its_seat(member));
            lost.for_each(|member| member.wake.notify_one());
        }
    }

    /// `Err` with the seat's status if connections of this generation have lost the seat, as far as is known here.
    pub(super) fn standing(&self, seat: SeatId, generation: u32) -> Result<(), SeatStatus> {
        self.members.lock().standing(seat, generation)
    }

    /// Takes what must be stored now: closed connections, and the parts that are due. If storing fails, give it back
    /// with [`LiveRoom::take_back`].
    pub(super) fn report(&self, due: ReportDue) -> PendingReport {
        let now = self.dates().at.now;
        let mut members = self.members.lock();
        let mut report = PendingReport::default();
        for member in members.here.values_mut() {
            // A pending long poll counts as a sign of life.
            let heard = if member.lingers { Some(now) } else { member.heard };
            let acknowledged = member.acknowledged.take_if(|_| due.acknowledged);
            let is_due = (due.heard && heard.is_some()) || acknowledged.is_some();
            match (member.seat, member.generation) {
                (Some(seat), Some(generation)) if is_due => {
                    member.heard = None;
                    report.seen.push(PresenceReport { seat, generation, is_connected: true, heard, acknowledged });
                }
                (None, _) => report.backend = report.backend.max(acknowledged),
                _ => {}
            }
        }
        let Members { here, departed, .. } = &mut *members;
        // A seat is not disconnected if another connection of the same generation is open, as a host may have.
        let is_gone = |seen: &PresenceReport| !here.values().any(|member| member.is_of(seen.seat, seen.generation));
        report.seen.extend(departed.drain(..).filter(is_gone));
        report
    }

    /// Merges a report that could not be stored into the next one.
    pub(super) fn take_back(&self, report: PendingReport) {
        let mut members = self.members.lock();
        for seen in report.seen {
            if !seen.is_connected {
                members.departed.push(seen);
                continue;
            }
            for member in members.here.values_mut().filter(|member| member.is_of(seen.seat, seen.generation)) {
                member.heard = member.heard.max(seen.heard);
                member.acknowledged = member.acknowledged.max(seen.acknowledged);
            }
        }
        if let Some(member) = members.here.values_mut().find(|member| member.seat.is_none()) {
            member.acknowledged = member.acknowledged.max(report.backend);
        }
    }

    /// Whether the buffered events have this epoch. The first call sets the epoch.
    pub(super) fn is_of(&self, epoch: &str) -> bool {
        self.epoch.get_or_init(|| epoch.to_owned()) == epoch
    }
}

#[cfg(test)]
mod tests;
