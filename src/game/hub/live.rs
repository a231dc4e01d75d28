//! A room that has listeners here: who they are, what they are to be told.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::presence::ShownPresence;
use super::tape::{Tape, Told};
use crate::domain::room::{Presence, Seen, Standing};
use crate::domain::{Event, SeatId, Sequence, SessionId, Timestamp};
use crate::game::Dates;
use crate::store::Keeper;

/// Why a room is not listened to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has died.
    Gone,
    /// Its events are numbered anew.
    OtherLife,
}

/// What listeners are to look at.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// The log's head, as far as it is known here.
    pub head: Sequence,
    /// Who is connected, and how many have answered.
    pub presence: Option<Arc<ShownPresence>>,
    /// Set at the end.
    pub ended: Option<Ended>,
    /// Goes up when seats may have changed hands.
    seats: u64,
}

/// How a seat stands, as far as it is known here.
#[derive(Debug, Clone, Copy)]
struct SeatNow {
    generation: u32,
    standing: Standing,
}

/// A listener.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) seat: Option<SeatId>,
    /// Known once it is connected.
    pub(super) generation: Option<u32>,
    /// When it was last heard, until that is written.
    pub(super) heard: Option<Timestamp>,
    pub(super) acknowledged: Option<Sequence>,
    /// Whether it will be back in a moment, and so is not gone when it ends.
    pub(super) lingers: bool,
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
    departed: Vec<Seen>,
    seats: HashMap<SeatId, SeatNow>,
}

/// What is to be written again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) heard: bool,
    pub(super) acknowledged: bool,
}

/// What the driver is to write of the members.
#[derive(Clone, Default)]
pub(super) struct Report {
    pub(super) seen: Vec<Seen>,
    pub(super) backend: Option<Sequence>,
}

pub(super) struct LiveRoom {
    pub(super) id: SessionId,
    pub(super) keeper: Keeper,
    pub(super) news: watch::Sender<News>,
    pub(super) tape: Mutex<Tape>,
    /// One reader of the log at a time: what it brings is for all.
    pub(super) reading: tokio::sync::Mutex<()>,
    /// Wakes the driver.
    pub(super) poke: Notify,
    members: Mutex<Members>,
    /// The life of the numbering that the tape is of.
    epoch: OnceLock<String>,
}

impl LiveRoom {
    pub(super) fn new(id: SessionId, keeper: Keeper) -> Self {
        Self {
            id,
            keeper,
            news: watch::Sender::new(News::default()),
            tape: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            poke: Notify::new(),
            members: Mutex::default(),
            epoch: OnceLock::new(),
        }
    }

    pub(super) fn dates(&self) -> Dates {
        Dates::shown_by(&*self.keeper.clock)
    }

    /// Something was committed through this instance; `is_all_told` if its events are all that it
    /// changed, and the driver has nothing to look at.
    pub(super) fn committed(&self, events: &[Event], is_all_told: bool) {
        self.tell(events);
        if !is_all_told {
            self.poke.notify_one();
        }
    }

    /// These events were committed.
    pub(super) fn tell(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let told: Vec<_> = events.iter().cloned().map(Told::new).collect();
        let mut tape = self.tape.lock();
        tape.push(&told, self.news.borrow().head);
        let newest = tape.newest();
        drop(tape);
        if let Some(newest) = newest {
            self.heard_of(newest);
        }
        if newest < events.last().map(|event| event.sequence) {
            // Earlier ones are told in a moment. If they aren't, the driver's look finds them.
            self.poke.notify_one();
        }
    }

    /// The log has grown up to here, or is said to have.
    pub(super) fn heard_of(&self, head: Sequence) {
        self.news.send_if_modified(|news| {
            let is_news = head > news.head;
            news.head = news.head.max(head);
            is_news
        });
    }

    pub(super) fn show(&self, presence: Presence) {
        self.news.send_if_modified(|news| {
            let is_news = news.presence.as_deref().map(ShownPresence::presence) != Some(&presence);
            if is_news {
                news.presence = Some(Arc::new(ShownPresence::new(presence)));
            }
            is_news
        });
    }

    pub(super) fn end(&self, ended: Ended) {
        self.news.send_modify(|news| news.ended = Some(ended));
    }

    pub(super) fn enter(&self, seat: Option<SeatId>) -> u64 {
        let mut members = self.members.lock();
        members.last += 1;
        let key = members.last;
        let member = Member { seat, generation: None, heard: None, acknowledged: None, lingers: false };
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
                    members.departed.push(Seen { seat, generation, is_connected: false, heard, acknowledged: None });
                }
            }
        }
        drop(members);
        self.poke.notify_one();
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

    /// A newer connection of the seat has come.
    pub(super) fn supersede(&self, seat: SeatId, generation: u32) {
        self.note_seats([(seat, generation, Standing::Here)]);
    }

    /// The seats that have members here.
    pub(super) fn seats(&self) -> Vec<SeatId> {
        let mut seats: Vec<_> = self.members.lock().here.values().filter_map(|member| member.seat).collect();
        seats.sort_unstable();
        seats.dedup();
        seats
    }

    /// How seats stand by what is stored.
    pub(super) fn note_seats(&self, seats: impl IntoIterator<Item = (SeatId, u32, Standing)>) {
        let mut changed = false;
        let mut members = self.members.lock();
        for (seat, generation, standing) in seats {
            let now = SeatNow { generation, standing };
            let known = members.seats.entry(seat).or_insert(now);
            // What was read a moment ago may be older than what was committed since.
            if generation >= known.generation {
                changed |= generation > known.generation || standing != known.standing;
                *known = now;
            }
        }
        drop(members);
        if changed {
            self.news.send_modify(|news| news.seats += 1);
        }
    }

    /// Whether a connection is still its seat's; if not, how the seat stands.
    pub(super) fn standing(&self, seat: SeatId, generation: u32) -> Result<(), Standing> {
        match self.members.lock().seats.get(&seat) {
            Some(now) if now.generation > generation || now.standing != Standing::Here => Err(now.standing),
            _ => Ok(()),
        }
    }

    /// What is to be written of the members now: who has gone, and what else is due.
    pub(super) fn report(&self, due: Due) -> Report {
        let now = self.dates().at.now;
        let mut members = self.members.lock();
        let mut report = Report::default();
        for member in members.here.values_mut() {
            // A pending long poll counts as a sign of life.
            let heard = if member.lingers { Some(now) } else { member.heard };
            let acknowledged = member.acknowledged.take_if(|_| due.acknowledged);
            let is_due = (due.heard && heard.is_some()) || acknowledged.is_some();
            match (member.seat, member.generation) {
                (Some(seat), Some(generation)) if is_due => {
                    member.heard = None;
                    report.seen.push(Seen { seat, generation, is_connected: true, heard, acknowledged });
                }
                (None, _) => report.backend = report.backend.max(acknowledged),
                _ => {}
            }
        }
        let Members { here, departed, .. } = &mut *members;
        // Who has come back under the same generation meanwhile, as a host does, is not gone.
        let is_gone = |seen: &Seen| !here.values().any(|member| member.is_of(seen.seat, seen.generation));
        report.seen.extend(departed.drain(..).filter(is_gone));
        report
    }

    /// What could not be written is to be written the next time.
    pub(super) fn take_back(&self, report: Report) {
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
mod tests {
    use super::*;
    use crate::domain::GameSession;
    use crate::store::clock::{GameClock, system_wall_clock};
    use crate::store::memory::MemoryStore;

    const ALL: Due = Due { heard: true, acknowledged: true };

    fn room() -> LiveRoom {
        let clock = Arc::new(GameClock::start(Timestamp::from_millis(0), system_wall_clock()));
        let keeper = Keeper { store: Arc::new(MemoryStore::new(GameSession::apply, 1)), clock };
        LiveRoom::new(SessionId::generate(1, &[1; 10]), keeper)
    }

    fn connected(room: &LiveRoom, seat: Option<u32>, acknowledged: u64) -> u64 {
        let key = room.enter(seat.map(SeatId));
        room.with_member(key, |member| {
            member.generation = Some(0);
            member.heard = Some(Timestamp::from_millis(1));
            member.acknowledged = Some(Sequence(acknowledged));
        });
        key
    }

    fn told(report: &Report) -> Vec<(u32, bool, Option<u64>)> {
        let of = |seen: &Seen| (seen.seat.0, seen.is_connected, seen.acknowledged.map(|sequence| sequence.0));
        let mut told: Vec<_> = report.seen.iter().map(of).collect();
        told.sort_unstable();
        told
    }

    #[test]
    fn what_could_not_be_written_is_written_the_next_time() {
        let room = room();
        connected(&room, Some(2), 7);
        connected(&room, None, 9);
        let gone = connected(&room, Some(3), 5);
        room.leave(gone);
        let first = room.report(ALL);
        assert_eq!((told(&first), first.backend), (vec![(2, true, Some(7)), (3, false, None)], Some(Sequence(9))));
        room.take_back(first.clone());
        let second = room.report(ALL);
        assert_eq!((told(&second), second.backend), (told(&first), first.backend));
        let third = room.report(ALL);
        assert!(third.seen.is_empty() && third.backend.is_none());
    }

    #[test]
    fn commits_that_are_told_the_wrong_way_round_are_heard_of_in_order() {
        let room = room();
        let event = |n: u64| Event {
            sequence: Sequence(n),
            at: crate::domain::WallTime(0),
            kind: "x".to_owned(),
            payload: "1".to_owned(),
            to: None,
        };
        let kept = |after: u64| room.tape.lock().after(Sequence(after), 9).map(|told| told.len());
        room.tell(&[event(2)]);
        assert_eq!((room.news.borrow().head, kept(0)), (Sequence(0), None));
        room.tell(&[event(1)]);
        assert_eq!((room.news.borrow().head, kept(0)), (Sequence(2), Some(2)), "nobody has to read the log");
        // One that is never told: the look at the room tells how far the log goes.
        room.tell(&[event(4)]);
        assert_eq!(room.news.borrow().head, Sequence(2));
        room.heard_of(Sequence(4));
        assert_eq!((room.news.borrow().head, kept(2)), (Sequence(4), None));
    }

    #[test]
    fn who_is_back_under_the_same_generation_is_not_gone() {
        let room = room();
        room.leave(connected(&room, Some(1), 3));
        connected(&room, Some(1), 3);
        assert_eq!(told(&room.report(ALL)), [(1, true, Some(3))]);
    }

    #[test]
    fn what_was_heard_of_a_connection_that_ends_counts_for_the_hosts_others() {
        let room = room();
        let first = connected(&room, Some(1), 3);
        let other = connected(&room, Some(1), 3);
        room.with_member(other, |member| member.heard = None);
        room.leave(first);
        assert_eq!(room.report(ALL).seen[0].heard, Some(Timestamp::from_millis(1)));
    }

    #[test]
    fn a_room_is_listened_to_in_one_life_of_its_numbering() {
        let room = room();
        assert!(room.is_of("a") && room.is_of("a") && !room.is_of("b"));
    }
}
