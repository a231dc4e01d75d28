//! A room that has listeners here: who they are, what they are to be told.

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

/// Why a room is not listened to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomEnd {
    /// It has died.
    Gone,
    /// Its events are numbered anew.
    EpochChanged,
}

/// What listeners are to look at.
#[derive(Debug, Clone, Default)]
pub struct RoomUpdate {
    /// The log's head, as far as it is known here.
    pub head: Sequence,
    /// Who is connected, and how many have answered.
    pub presence: Option<Arc<ShownPresence>>,
    /// Set at the end.
    pub ended: Option<RoomEnd>,
}

/// How a seat stands, as far as it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SeatNow {
    generation: u32,
    standing: SeatStatus,
}

/// Where a listener takes events the moment they are told.
pub trait Outlet: Send + Sync {
    /// Whether the listener has the event now. It takes one that is next, while nothing else is on its way to it;
    /// for any other it is woken, and reads the log.
    fn offer(&self, told: &SharedEvent) -> bool;
}

/// A listener.
pub(super) struct Member {
    pub(super) seat: Option<SeatId>,
    /// Known once it is connected.
    pub(super) generation: Option<u32>,
    /// When it was last heard, until that is written.
    pub(super) heard: Option<Timestamp>,
    pub(super) acknowledged: Option<Sequence>,
    /// Whether it will be back in a moment, and so is not gone when it ends.
    pub(super) lingers: bool,
    /// Wakes it, for it to look at the news.
    wake: Arc<Notify>,
    pub(super) outlet: Option<Arc<dyn Outlet>>,
}

impl Member {
    fn is_of(&self, seat: SeatId, generation: u32) -> bool {
        (self.seat, self.generation) == (Some(seat), Some(generation))
    }
}

#[derive(Default)]
struct Members {
    last: u64,
    here: HashMap<u64, Member>,
    departed: Vec<PresenceReport>,
    seats: HashMap<SeatId, SeatNow>,
}

impl Members {
    fn standing(&self, seat: SeatId, generation: u32) -> Result<(), SeatStatus> {
        match self.seats.get(&seat) {
            Some(now) if now.generation > generation || now.standing != SeatStatus::Here => Err(now.standing),
            _ => Ok(()),
        }
    }

    /// Whether nobody has taken the seat of a listener from it, as far as is known here.
    fn has_its_seat(&self, member: &Member) -> bool {
        let of = member.seat.zip(member.generation);
        of.is_none_or(|(seat, generation)| self.standing(seat, generation).is_ok())
    }
}

/// What is to be written again.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportDue {
    pub(super) heard: bool,
    pub(super) acknowledged: bool,
}

/// What the driver is to write of the members.
#[derive(Clone, Default)]
pub(super) struct PendingReport {
    pub(super) seen: Vec<PresenceReport>,
    pub(super) backend: Option<Sequence>,
}

/// Most frames that go out at once for one commit, on the thread that tells of it; other listeners are woken.
const MOST_OFFERED: usize = 256;

pub(super) struct LiveRoom {
    pub(super) id: SessionId,
    pub(super) store: Store,
    news: Mutex<RoomUpdate>,
    pub(super) replay: Mutex<ReplayBuffer>,
    /// One reader of the log at a time: what it brings is for all.
    pub(super) reading: tokio::sync::Mutex<()>,
    /// Wakes the driver.
    pub(super) wake: Notify,
    members: Mutex<Members>,
    /// The life of the numbering that the tape is of.
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
        Dates::shown_by(&*self.store.clock())
    }

    /// Something was committed through this instance; `is_all_told` if its events are all that it
    /// changed, and the driver has nothing to look at.
    pub(super) fn committed(&self, events: &[Event], is_all_told: bool) {
        self.tell(events);
        if !is_all_told {
            self.wake.notify_one();
        }
    }

    /// These events were committed.
    pub(super) fn tell(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let told: Vec<_> = events.iter().cloned().map(SharedEvent::new).collect();
        let mut tape = self.replay.lock();
        let head = self.news.lock().head;
        tape.push(&told, head);
        let (newest, next) = (tape.newest(), tape.after(head, MOST_OFFERED).unwrap_or_default());
        drop(tape);
        let others = self.offer(&next);
        if let Some(newest) = newest {
            let mut news = self.news.lock();
            news.head = news.head.max(newest);
        }
        // They look at the news that there are now.
        others.iter().for_each(|other| other.notify_one());
        if newest < events.last().map(|event| event.sequence) {
            // Earlier ones are told in a moment. If they aren't, the driver's look finds them.
            self.wake.notify_one();
        }
    }

    /// Offers these events to all listeners; those to be woken that have not taken all of them.
    fn offer(&self, next: &[Arc<SharedEvent>]) -> Vec<Arc<Notify>> {
        let members = self.members.lock();
        let outlet = |member: &Member| member.outlet.clone().filter(|_| members.has_its_seat(member));
        let listeners: Vec<_> = members.here.values().map(|member| (outlet(member), member.wake.clone())).collect();
        drop(members);
        let (mut others, mut frames) = (Vec::new(), 0);
        for (outlet, wake) in listeners {
            let mut takes = |outlet: &dyn Outlet, told| {
                frames += 1;
                frames <= MOST_OFFERED && outlet.offer(told)
            };
            if !outlet.is_some_and(|outlet| next.iter().all(|told| takes(&*outlet, told))) {
                others.push(wake);
            }
        }
        others
    }

    /// What listeners are to look at now.
    pub(super) fn update(&self) -> RoomUpdate {
        self.news.lock().clone()
    }

    /// Up to where the log is known here.
    pub(super) fn head(&self) -> Sequence {
        self.news.lock().head
    }

    /// Changes the news, and wakes all listeners if it says that they are others now.
    fn change_news(&self, change: impl FnOnce(&mut RoomUpdate) -> bool) {
        if change(&mut self.news.lock()) {
            self.members.lock().here.values().for_each(|member| member.wake.notify_one());
        }
    }

    /// The log has grown up to here, or is said to have.
    pub(super) fn note_head(&self, head: Sequence) {
        self.change_news(|news| {
            let is_news = head > news.head;
            news.head = news.head.max(head);
            is_news
        });
    }

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

    /// Lets somebody listen, who is woken for news. Gives the key.
    pub(super) fn enter(&self, seat: Option<SeatId>, wake: Arc<Notify>) -> u64 {
        let mut members = self.members.lock();
        members.last += 1;
        let key = members.last;
        let member =
            Member { seat, generation: None, heard: None, acknowledged: None, lingers: false, wake, outlet: None };
        members.here.insert(key, member);
        key
    }

    pub(super) fn leave(&self, key: u64) {
        let mut members = self.members.lock();
        let Some(member) = members.here.remove(&key) else { return };
        if let Some((seat, generation)) = member.seat.zip(member.generation).filter(|_| !member.lingers) {
            let heard = member.heard;
            match members.here.values_mut().find(|other| other.is_of(seat, generation)) {
                // What was heard of one of a host's connections stays heard.
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

    pub(super) fn has_members(&self) -> bool {
        let members = self.members.lock();
        !members.here.is_empty() || !members.departed.is_empty()
    }

    pub(super) fn with_member(&self, key: u64, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.lock().here.get_mut(&key) {
            change(member);
        }
    }

    /// How many listeners a seat has here by connections of this generation.
    pub(super) fn listeners_of(&self, seat: SeatId, generation: u32) -> usize {
        self.members.lock().here.values().filter(|member| member.is_of(seat, generation)).count()
    }

    /// These seats have changed hands.
    pub(super) fn note_moved(&self, moved: &[MovedSeat]) {
        self.note_seats(moved.iter().map(|MovedSeat { seat, generation, standing }| (*seat, *generation, *standing)));
    }

    /// The seats that have members here.
    pub(super) fn seats(&self) -> Vec<SeatId> {
        let mut seats: Vec<_> = self.members.lock().here.values().filter_map(|member| member.seat).collect();
        seats.sort_unstable();
        seats.dedup();
        seats
    }

    /// How seats stand by what is stored.
    pub(super) fn note_seats(&self, seats: impl IntoIterator<Item = (SeatId, u32, SeatStatus)>) {
        let mut changed = false;
        let mut members = self.members.lock();
        for (seat, generation, standing) in seats {
            let now = SeatNow { generation, standing };
            // What was read a moment ago may be older than what was committed since.
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

    /// Whether a connection is still its seat's; if not, how the seat stands.
    pub(super) fn standing(&self, seat: SeatId, generation: u32) -> Result<(), SeatStatus> {
        self.members.lock().standing(seat, generation)
    }

    /// What is to be written of the members now: who has gone, and what else is due.
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
        // Who has come back under the same generation meanwhile, as a host does, is not gone.
        let is_gone = |seen: &PresenceReport| !here.values().any(|member| member.is_of(seen.seat, seen.generation));
        report.seen.extend(departed.drain(..).filter(is_gone));
        report
    }

    /// What could not be written is to be written the next time.
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

    /// Whether events are numbered here in the life called `epoch`: the first that anybody names.
    pub(super) fn is_of(&self, epoch: &str) -> bool {
        self.epoch.get_or_init(|| epoch.to_owned()) == epoch
    }
}

#[cfg(test)]
mod tests;
