//! The hub: the rooms that have listeners on this instance. A commit is followed by a hint "there is
//! more", and each listener then reads what the log holds: a hint can be lost, the log can't.

mod live;
mod presence;
mod replay_buffer;
mod room_task;
mod subscription;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::{Applied, Reply, RoomReply, SeatId, SessionId};
use crate::store::Store;
use live::LiveRoom;

pub use live::{Outlet, RoomEnd, RoomUpdate};
pub use presence::ShownPresence;
pub use replay_buffer::SharedEvent;
pub use subscription::{Missed, Subscription};

/// Says how late the next hint comes, if it is to come late.
pub type DelayFn = Box<dyn Fn() -> Option<std::time::Duration> + Send + Sync>;

/// The rooms that have listeners here.
pub struct Hub {
    /// How late a hint comes, where that is tried out.
    late: Option<DelayFn>,
    rooms: Mutex<HashMap<SessionId, Arc<LiveRoom>>>,
    drivers: TaskTracker,
    stop: CancellationToken,
}

impl Hub {
    /// A hub without listeners, whose tasks end with `stop`.
    pub fn new(stop: CancellationToken, late: Option<DelayFn>) -> Arc<Self> {
        Arc::new(Self { late, rooms: Mutex::default(), drivers: TaskTracker::new(), stop })
    }

    /// Listens to a room, for a seat or for a backend. The room is looked after as long as somebody
    /// does.
    pub fn enter(self: &Arc<Self>, id: &SessionId, store: &Store, seat: Option<SeatId>) -> Subscription {
        let mut rooms = self.rooms.lock();
        let room = rooms.entry(id.clone()).or_insert_with(|| {
            let room = Arc::new(LiveRoom::new(id.clone(), store.clone()));
            self.look_after(&room);
            room
        });
        Subscription::new(room.clone(), seat)
    }

    /// Looks after a room in a task of its own. Should that panic, the listeners are sent away to come
    /// again, to a room that is looked after.
    fn look_after(self: &Arc<Self>, room: &Arc<LiveRoom>) {
        let driver = room_task::RoomTask::new(room.clone(), self.clone());
        let driving = tokio::spawn(driver.run(self.stop.clone()));
        let (hub, room) = (self.clone(), room.clone());
        self.drivers.spawn(async move {
            if let Err(error) = driving.await {
                tracing::error!(%error, "looking after a room failed inside; its players come again");
                hub.end(&room, RoomEnd::EpochChanged);
            }
        });
    }

    /// A command was committed through this instance.
    pub(super) fn committed(&self, id: &SessionId, applied: &Applied) {
        let Some(room) = self.rooms.lock().get(id).cloned() else { return };
        // Whose seat was taken is told nothing more, and that at once.
        room.note_moved(&applied.moved_seats);
        // Only in an external room is anything recorded, and nothing is due there.
        let is_all_told = matches!(applied.result, Ok(Reply::Room(RoomReply::Recorded(_))));
        match self.late.as_ref().and_then(|late| late()) {
            None => room.committed(&applied.events, is_all_told),
            Some(late) => {
                let events = applied.events.clone();
                self.drivers.spawn(async move {
                    tokio::time::sleep(late).await;
                    room.committed(&events, is_all_told);
                });
            }
        }
    }

    /// A room was deleted through this instance: its listeners are told.
    pub(super) fn deleted(&self, id: &SessionId) {
        let room = self.rooms.lock().get(id).cloned();
        if let Some(room) = room {
            self.end(&room, RoomEnd::Gone);
            // Its driver finds nothing to look after.
            room.wake.notify_one();
        }
    }

    /// Forgets a room that nobody listens to; whether that is so.
    fn let_go(&self, room: &Arc<LiveRoom>) -> bool {
        let mut rooms = self.rooms.lock();
        if room.has_members() {
            return false;
        }
        self.forget(&mut rooms, room);
        true
    }

    /// Forgets a room whatever its listeners: they are told, and come again.
    fn end(&self, room: &Arc<LiveRoom>, ended: RoomEnd) {
        self.forget(&mut self.rooms.lock(), room);
        room.end(ended);
    }

    fn forget(&self, rooms: &mut HashMap<SessionId, Arc<LiveRoom>>, room: &Arc<LiveRoom>) {
        if rooms.get(&room.id).is_some_and(|known| Arc::ptr_eq(known, room)) {
            rooms.remove(&room.id);
        }
    }

    /// Ends once no room is looked after any more.
    pub async fn closed(&self) {
        self.drivers.close();
        self.drivers.wait().await;
    }
}
