//! The hub: the rooms that have subscribers on this instance. After a commit the subscribers are notified, and read
//! the new events from the log.
//!
//! A notification can be lost or late. Only the log is reliable.

mod live_room;
mod presence;
mod replay_buffer;
mod room_task;
mod subscription;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::Activity;
use crate::domain::{Applied, Reply, RoomReply, SeatId, SessionId};
use crate::store::Store;
use live_room::LiveRoom;

pub use live_room::{Outlet, RoomEnd, RoomUpdate};
pub use presence::ShownPresence;
pub use replay_buffer::SharedEvent;
pub use subscription::{Missed, Subscription};

/// Returns the delay of the next notification. `None` for no delay. Used by chaos mode.
pub type DelayFn = Box<dyn Fn() -> Option<std::time::Duration> + Send + Sync>;

/// The rooms that have subscribers on this instance.
pub struct Hub {
    /// Delays notifications in chaos mode. `None` otherwise.
    late: Option<DelayFn>,
    rooms: Mutex<HashMap<SessionId, Arc<LiveRoom>>>,
    /// The supervisors of the room tasks, and delayed notifications.
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Counts the games that end by time alone.
    activity: Arc<Activity>,
}

impl Hub {
    /// A hub without subscribers. Its room tasks end when `stop` is cancelled.
    pub fn new(stop: CancellationToken, late: Option<DelayFn>, activity: Arc<Activity>) -> Arc<Self> {
        Arc::new(Self { late, rooms: Mutex::default(), tasks: TaskTracker::new(), stop, activity })
    }

    /// Subscribes to a room, for a seat or for a backend (`None`). The first subscriber starts the room's task.
    pub fn enter(self: &Arc<Self>, id: &SessionId, store: &Store, seat: Option<SeatId>) -> Subscription {
        let mut rooms = self.rooms.lock();
        let room = rooms.entry(id.clone()).or_insert_with(|| {
            let room = Arc::new(LiveRoom::new(id.clone(), store.clone()));
            self.look_after(&room);
            room
        });
        // Under the lock: `let_go` must not forget the room before this subscriber is counted.
        Subscription::new(room.clone(), seat)
    }

    /// Starts the task of a room. If the task panics, the room is ended for its subscribers. They reconnect, and
    /// that starts a new task.
    fn look_after(self: &Arc<Self>, room: &Arc<LiveRoom>) {
        let task = room_task::RoomTask::new(room.clone(), self.clone());
        let running = tokio::spawn(task.run(self.stop.clone()));
        let (hub, room) = (self.clone(), room.clone());
        self.tasks.spawn(async move {
            if let Err(error) = running.await {
                tracing::error!(%error, "the task of a room panicked; its clients are disconnected and reconnect");
                hub.end(&room, RoomEnd::EpochChanged);
            }
        });
    }

    /// The numbers of rooms that have subscribers on this instance, and of their seats.
    pub fn connected(&self) -> (usize, usize) {
        // Not counted under the lock, which every commit of a room needs.
        let rooms: Vec<_> = self.rooms.lock().values().cloned().collect();
        (rooms.len(), rooms.iter().map(|room| room.seats().len()).sum())
    }

    /// Notifies the subscribers of a command that this instance has committed.
    pub(super) fn committed(&self, id: &SessionId, applied: &Applied) {
        let Some(room) = self.rooms.lock().get(id).cloned() else { return };
        // First, and never delayed: a connection that has lost its seat must not get these events.
        room.note_moved(&applied.moved_seats);
        // Only an external room replies `Recorded`. Nothing is ever due there, so its task need not check the room.
        let is_all_told = matches!(applied.result, Ok(Reply::Room(RoomReply::Recorded(_))));
        match self.late.as_ref().and_then(|late| late()) {
            None => room.committed(&applied.events, is_all_told),
            Some(late) => {
                let events = applied.events.clone();
                self.tasks.spawn(async move {
                    tokio::time::sleep(late).await;
                    room.committed(&events, is_all_told);
                });
            }
        }
    }

    /// Ends a room that this instance has deleted for its subscribers.
    pub(super) fn deleted(&self, id: &SessionId) {
        let room = self.rooms.lock().get(id).cloned();
        if let Some(room) = room {
            self.end(&room, RoomEnd::Gone);
            // The room's task then finds no session, and ends.
            room.wake.notify_one();
        }
    }

    /// Forgets the room if it has no subscribers. Returns whether it has none.
    fn let_go(&self, room: &Arc<LiveRoom>) -> bool {
        // Held over the check and the removal: `enter` can't add a subscriber in between.
        let mut rooms = self.rooms.lock();
        if room.has_members() {
            return false;
        }
        self.forget(&mut rooms, room);
        true
    }

    /// Ends a room for its subscribers, who may reconnect.
    fn end(&self, room: &Arc<LiveRoom>, ended: RoomEnd) {
        // First: a subscriber that reconnects must get a new `LiveRoom`, not the ended one.
        self.forget(&mut self.rooms.lock(), room);
        room.end(ended);
    }

    fn forget(&self, rooms: &mut HashMap<SessionId, Arc<LiveRoom>>, room: &Arc<LiveRoom>) {
        // A newer `LiveRoom` of the same id stays.
        if rooms.get(&room.id).is_some_and(|known| Arc::ptr_eq(known, room)) {
            rooms.remove(&room.id);
        }
    }

    /// Waits until every room task has ended. Call it after cancelling `stop`.
    pub async fn closed(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
