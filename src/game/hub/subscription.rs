//! One subscriber's handle of a room. Dropping it ends the subscription.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::live_room::{LiveRoom, Outlet, RoomEnd, RoomUpdate};
use super::replay_buffer::SharedEvent;
use crate::domain::room::SeatStatus;
use crate::domain::{Millis, SeatId, Sequence, Timestamp};
use crate::store::StoreResult;

/// Maximum events that are returned at once.
const PAGE: usize = 256;

/// What a subscriber has missed.
#[derive(Debug)]
pub enum Missed {
    /// The next events, without gaps. Empty if there are no more.
    Events(Vec<Arc<SharedEvent>>),
    /// Some of the missed events were already pruned.
    Forgotten,
    /// The room has ended for its subscribers.
    Ended(RoomEnd),
}

/// A subscription to a room, for a connection or for a pending long poll.
pub struct Subscription {
    room: Arc<LiveRoom>,
    /// Identifies the subscription within the room.
    key: u64,
    /// `None` for a backend.
    seat: Option<SeatId>,
    /// Notified when [`Subscription::update`] has changed, or when the seat was taken away.
    wake: Arc<Notify>,
}

impl Subscription {
    pub(super) fn new(room: Arc<LiveRoom>, seat: Option<SeatId>) -> Self {
        let wake = Arc::new(Notify::new());
        let key = room.enter(seat, wake.clone());
        Self { room, key, seat, wake }
    }

    /// Notes that the connection is open, with this generation. Counts as a sign of life.
    pub fn connected(&self, generation: u32) {
        self.room.with_member(self.key, |member| member.generation = Some(generation));
        self.heard(Duration::ZERO);
    }

    /// Like [`Subscription::connected`], for a client that polls. Its seat stays connected between two requests.
    pub fn asks_again(&self, generation: u32) {
        self.connected(generation);
        self.room.with_member(self.key, |member| member.lingers = true);
    }

    /// Sends new events to this outlet from now on. The subscriber is woken only for events that the outlet doesn't
    /// take at once.
    pub fn takes_events(&self, outlet: Arc<dyn Outlet>) {
        self.room.with_member(self.key, |member| member.outlet = Some(outlet));
    }

    /// How many other subscribers of the seat on this instance have the same generation. A host may have several
    /// connections. Always 0 for a backend.
    pub fn others_of(&self, generation: u32) -> usize {
        self.seat.map_or(0, |seat| self.room.listeners_of(seat, generation).saturating_sub(1))
    }

    /// Notes a sign of life of the client, which came this long ago.
    pub fn heard(&self, ago: Duration) {
        let now = self.room.dates().at.now;
        let heard = Timestamp::from_millis(now.as_millis().saturating_sub(Millis::from(ago).0));
        self.room.with_member(self.key, |member| member.heard = member.heard.max(Some(heard)));
    }

    /// Notes that the client has received every event up to this one.
    pub fn acknowledge(&self, sequence: Sequence) {
        self.room.with_member(self.key, |member| member.acknowledged = member.acknowledged.max(Some(sequence)));
        self.heard(Duration::ZERO);
    }

    /// The current state for subscribers.
    pub fn update(&self) -> RoomUpdate {
        self.room.update()
    }

    /// Waits until something has changed since the last call that ended. A change between two calls is not missed.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Notes that the log's head is at least this, as the subscriber has read from the store.
    pub fn knows(&self, head: Sequence) {
        self.room.note_head(head);
    }

    /// Whether the buffered events belong to this epoch. If not, they are of an older or a newer epoch, and the room
    /// task will end the room for its subscribers soon.
    pub fn is_of(&self, epoch: &str) -> bool {
        self.room.is_of(epoch)
    }

    /// Checks that the seat still belongs to a connection of this generation. Always `Ok` for a backend.
    ///
    /// # Errors
    /// The status of the seat: `Here` if a newer connection or another holder has it.
    pub fn standing(&self, generation: u32) -> Result<(), SeatStatus> {
        self.seat.map_or(Ok(()), |seat| self.room.standing(seat, generation))
    }

    /// The next events after `after`, a sequence number of `epoch`. Reads the log only if the events are not
    /// buffered.
    ///
    /// # Errors
    /// The store fails.
    pub async fn missed(&self, after: Sequence, epoch: &str) -> StoreResult<Missed> {
        if after >= self.room.head() {
            return Ok(Missed::Events(Vec::new()));
        }
        let buffered = || self.room.replay.lock().after(after, PAGE);
        if let Some(events) = buffered() {
            return Ok(Missed::Events(events));
        }
        let _turn = self.room.reading.lock().await;
        // Again: while this subscriber waited for its turn, another one may have read the same events.
        if let Some(events) = buffered() {
            return Ok(Missed::Events(events));
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
        let events: Vec<_> = page.events.into_iter().map(SharedEvent::new).collect();
        self.room.replay.lock().put(&events);
        Ok(Missed::Events(events))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.room.leave(self.key);
    }
}
