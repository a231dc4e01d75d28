//! One listener's hold on a room. Dropped, it is gone from the room.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::live::{LiveRoom, Outlet, RoomEnd, RoomUpdate};
use super::replay_buffer::SharedEvent;
use crate::domain::room::SeatStatus;
use crate::domain::{Millis, SeatId, Sequence, Timestamp};
use crate::store::StoreResult;

/// Events that are read at a time.
const PAGE: usize = 256;

/// What a listener has missed.
#[derive(Debug)]
pub enum Missed {
    /// These events, which follow without a gap; none if there are no more.
    Events(Vec<Arc<SharedEvent>>),
    /// Some are forgotten already.
    Forgotten,
    /// The room cannot be listened to any more.
    Ended(RoomEnd),
}

/// A listener of a room.
pub struct Subscription {
    room: Arc<LiveRoom>,
    key: u64,
    seat: Option<SeatId>,
    wake: Arc<Notify>,
}

impl Subscription {
    pub(super) fn new(room: Arc<LiveRoom>, seat: Option<SeatId>) -> Self {
        let wake = Arc::new(Notify::new());
        let key = room.enter(seat, wake.clone());
        Self { room, key, seat, wake }
    }

    /// The connection is the seat's newest by now, and has this generation.
    pub fn connected(&self, generation: u32) {
        self.room.with_member(self.key, |member| member.generation = Some(generation));
        self.heard(Duration::ZERO);
    }

    /// The same for one that asks again and again: between two requests it is not gone.
    pub fn asks_again(&self, generation: u32) {
        self.connected(generation);
        self.room.with_member(self.key, |member| member.lingers = true);
    }

    /// From now on the listener takes events there, and is woken for what it can't take at once.
    pub fn takes_events(&self, outlet: Arc<dyn Outlet>) {
        self.room.with_member(self.key, |member| member.outlet = Some(outlet));
    }

    /// How many other listeners the seat has here that this generation of its connections does not
    /// supersede: a host has several. None are counted of a backend.
    pub fn others_of(&self, generation: u32) -> usize {
        self.seat.map_or(0, |seat| self.room.listeners_of(seat, generation).saturating_sub(1))
    }

    /// Something came from the listener so long ago.
    pub fn heard(&self, ago: Duration) {
        let now = self.room.dates().at.now;
        let heard = Timestamp::from_millis(now.as_millis().saturating_sub(Millis::from(ago).0));
        self.room.with_member(self.key, |member| member.heard = member.heard.max(Some(heard)));
    }

    /// The listener has everything up to here.
    pub fn acknowledge(&self, sequence: Sequence) {
        self.room.with_member(self.key, |member| member.acknowledged = member.acknowledged.max(Some(sequence)));
        self.heard(Duration::ZERO);
    }

    /// What there is to look at.
    pub fn update(&self) -> RoomUpdate {
        self.room.update()
    }

    /// Ends when there has come something new to look at since this ended last.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// The log has grown up to here, as this listener has read by itself.
    pub fn knows(&self, head: Sequence) {
        self.room.note_head(head);
    }

    /// Whether the room is listened to in the life of the numbering called `epoch`. If not, what is
    /// kept for its listeners is of another, which ends in a moment.
    pub fn is_of(&self, epoch: &str) -> bool {
        self.room.is_of(epoch)
    }

    /// Whether this is still the seat's newest connection; if not, how the seat stands.
    ///
    /// # Errors
    /// How the seat stands instead.
    pub fn standing(&self, generation: u32) -> Result<(), SeatStatus> {
        self.seat.map_or(Ok(()), |seat| self.room.standing(seat, generation))
    }

    /// The events after `after`, as many as come at a time, in the life of the numbering called
    /// `epoch`.
    ///
    /// # Errors
    /// The store's.
    pub async fn missed(&self, after: Sequence, epoch: &str) -> StoreResult<Missed> {
        if after >= self.room.head() {
            return Ok(Missed::Events(Vec::new()));
        }
        let kept = || self.room.replay.lock().after(after, PAGE);
        if let Some(told) = kept() {
            return Ok(Missed::Events(told));
        }
        let _turn = self.room.reading.lock().await;
        if let Some(told) = kept() {
            return Ok(Missed::Events(told));
        }
        let dates = self.room.dates();
        let page = self.room.store.events(&self.room.id, after, PAGE, dates.at).await?;
        let Some(page) = page else { return Ok(Missed::Ended(RoomEnd::Gone)) };
        if page.epoch != epoch {
            return Ok(Missed::Ended(RoomEnd::EpochChanged));
        }
        if page.oldest().0 > after.0 + 1 {
            return Ok(Missed::Forgotten);
        }
        let told: Vec<_> = page.events.into_iter().map(SharedEvent::new).collect();
        self.room.replay.lock().put(&told);
        Ok(Missed::Events(told))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.room.leave(self.key);
    }
}
