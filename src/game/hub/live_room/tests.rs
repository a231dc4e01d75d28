use futures_util::FutureExt;

use super::*;
use crate::domain::GameSession;
use crate::store::clock::{GameClock, system_wall_clock};
use crate::store::memory::MemoryStore;

const ALL: ReportDue = ReportDue { heard: true, acknowledged: true };

fn room() -> LiveRoom {
    let clock = Arc::new(GameClock::start(Timestamp::from_millis(0), system_wall_clock()));
    let store = Arc::new(MemoryStore::new(GameSession::apply, 1, clock));
    LiveRoom::new(SessionId::generate(1, &[1; 10]), store)
}

fn connected(room: &LiveRoom, seat: Option<u32>, acknowledged: u64) -> u64 {
    let key = room.enter(seat.map(SeatId), Arc::default());
    room.with_member(key, |member| {
        member.generation = Some(0);
        member.heard = Some(Timestamp::from_millis(1));
        member.acknowledged = Some(Sequence(acknowledged));
    });
    key
}

fn told(report: &PendingReport) -> Vec<(u32, bool, Option<u64>)> {
    let of = |seen: &PresenceReport| (seen.seat.0, seen.is_connected, seen.acknowledged.map(|sequence| sequence.0));
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
    let kept = |after: u64| room.replay.lock().after(Sequence(after), 9).map(|told| told.len());
    room.tell(&[event(2)]);
    assert_eq!((room.head(), kept(0)), (Sequence(0), None));
    room.tell(&[event(1)]);
    assert_eq!((room.head(), kept(0)), (Sequence(2), Some(2)), "nobody has to read the log");
    // Event 3 never arrives. The room task's check reports the log's head.
    room.tell(&[event(4)]);
    assert_eq!(room.head(), Sequence(2));
    room.note_head(Sequence(4));
    assert_eq!((room.head(), kept(2)), (Sequence(4), None));
}

/// An outlet that takes the next event, or none if `is_willing` is false.
struct Taker {
    taken: Mutex<Vec<u64>>,
    is_willing: bool,
}

impl Outlet for Taker {
    fn offer(&self, event: &SharedEvent) -> bool {
        let (sequence, mut taken) = (event.event.sequence.0, self.taken.lock());
        let is_next = self.is_willing && taken.last().copied().unwrap_or(0) + 1 == sequence;
        if is_next {
            taken.push(sequence);
        }
        is_next
    }
}

/// A subscriber with an outlet. `was_woken` tells whether it was woken since the last call.
struct Listener {
    taker: Arc<Taker>,
    wake: Arc<Notify>,
}

impl Listener {
    fn of(room: &LiveRoom, seat: u32, is_willing: bool) -> Self {
        let taker = Arc::new(Taker { taken: Mutex::default(), is_willing });
        let wake = Arc::new(Notify::new());
        let key = room.enter(Some(SeatId(seat)), wake.clone());
        room.with_member(key, |member| {
            member.generation = Some(0);
            member.outlet = Some(taker.clone());
        });
        Self { taker, wake }
    }

    fn was_woken(&self) -> bool {
        self.wake.notified().now_or_never().is_some()
    }

    fn taken(&self) -> Vec<u64> {
        self.taker.taken.lock().clone()
    }
}

fn event(n: u64) -> Event {
    let (kind, payload) = ("x".to_owned(), "1".to_owned());
    Event { sequence: Sequence(n), at: crate::domain::WallTime(0), kind, payload, to: None }
}

#[test]
fn events_go_out_where_they_are_taken_and_the_others_are_woken() {
    let room = room();
    let (willing, busy) = (Listener::of(&room, 1, true), Listener::of(&room, 2, false));
    room.tell(&[event(1), event(2)]);
    assert_eq!((willing.taken(), willing.was_woken()), (vec![1, 2], false));
    assert_eq!((busy.taken(), busy.was_woken(), room.head()), (vec![], true, Sequence(2)));
    // Event 4 is offered to nobody before event 3.
    room.tell(&[event(4)]);
    assert_eq!((willing.taken(), willing.was_woken(), room.head()), (vec![1, 2], false, Sequence(2)));
    room.tell(&[event(3)]);
    assert_eq!((willing.taken(), willing.was_woken(), room.head()), (vec![1, 2, 3, 4], false, Sequence(4)));
}

#[test]
fn nothing_is_sent_to_whom_the_seat_was_taken_from() {
    let room = room();
    let listener = Listener::of(&room, 1, true);
    for (generation, standing) in [(1, SeatStatus::Here), (1, SeatStatus::Kicked)] {
        room.note_moved(&[MovedSeat { seat: SeatId(1), generation, standing }]);
        assert!(listener.was_woken());
    }
    room.tell(&[event(1)]);
    assert_eq!((listener.taken(), listener.was_woken()), (vec![], true));
}

#[test]
fn a_commit_of_very_many_frames_leaves_the_rest_to_the_listeners() {
    let room = room();
    let listeners: Vec<_> = (0..20).map(|seat| Listener::of(&room, seat, true)).collect();
    let events: Vec<_> = (1..=50).map(event).collect();
    room.tell(&events);
    let taken: usize = listeners.iter().map(|listener| listener.taken().len()).sum();
    let woken = listeners.iter().filter(|listener| listener.was_woken()).count();
    assert_eq!((taken, woken), (MOST_OFFERED, 20 - MOST_OFFERED / 50));
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
