//! The background task of one room, which runs as long as the room has subscribers on this instance. It does what
//! is due, stores presence reports and acknowledgements, publishes who is connected, and polls for the commits of
//! other instances.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Hub;
use super::live_room::{LiveRoom, PendingReport, ReportDue, RoomEnd};
use crate::domain::room::{Caller, Presence, RoomAction};
use crate::domain::{Command, Game, Moment, Room, Sequence};
use crate::store::{Notice, StoreError, StoreResult, Watch};

/// Minimum time between two checks of the room, however often the task is woken.
const SELDOM: Duration = Duration::from_millis(50);
/// Minimum time between two changes of the published presence.
const SHOWING: Duration = Duration::from_millis(250);
/// Maximum time between two checks of an idle room. It bounds how late a commit of another instance is found whose
/// notice was lost.
const POLL: Duration = Duration::from_millis(1_250);
/// How often acknowledgements are stored.
const ACKNOWLEDGE: Duration = Duration::from_secs(1);
/// The delay before a retry after an error of the store.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) struct RoomTask {
    room: Arc<LiveRoom>,
    hub: Arc<Hub>,
    /// When the signs of life were last stored.
    written: Instant,
    /// How often they are stored: a third of the room's away grace, once the room was read.
    write_every: Duration,
    /// When acknowledgements were last stored.
    acknowledged: Instant,
    /// The presence that was last published, and when.
    shown: Option<(Instant, Presence)>,
    /// Whether a panic of the rules was logged. It will repeat at every check, so it is logged as an error once.
    is_failure_logged: bool,
}

/// The result of one check of the room.
enum RoomCheck {
    /// Check again at this time, or when the task is woken.
    Until(Instant),
    /// The subscribers must be told that the room has ended.
    Ended(RoomEnd),
    /// The room has no subscribers. The hub has forgotten it.
    Alone,
}

impl RoomTask {
    pub(super) fn new(room: Arc<LiveRoom>, hub: Arc<Hub>) -> Self {
        let now = Instant::now();
        Self { room, hub, written: now, write_every: POLL, acknowledged: now, shown: None, is_failure_logged: false }
    }

    /// Runs until the room has no subscribers, has ended, or `stop` is cancelled.
    pub(super) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.look_after() => {}
        }
    }

    async fn look_after(mut self) {
        let mut watch = self.room.store.watch(&self.room.id);
        loop {
            let now = Instant::now();
            let until = match self.look().await {
                Ok(RoomCheck::Until(until)) => until,
                Ok(RoomCheck::Alone) => return,
                Ok(RoomCheck::Ended(ended)) => return self.hub.end(&self.room, ended),
                Err(error) => {
                    self.note(&error);
                    now + AGAIN
                }
            };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = self.room.wake.notified() => {}
                head = next_notice(&mut watch) => self.room.note_head(head.unwrap_or_default()),
            }
            tokio::time::sleep_until(now + SELDOM).await;
        }
    }

    /// Logs an error. The store has already logged its own failures. A panic of the rules is logged here, because no
    /// request waits for this command.
    fn note(&mut self, error: &StoreError) {
        let is_first = matches!(error, StoreError::RuleFailed { .. }) && !self.is_failure_logged;
        self.is_failure_logged |= is_first;
        let error = error as &dyn std::error::Error;
        if is_first {
            tracing::error!(error, "the task of a room failed; trying again");
        } else {
            tracing::debug!(error, "the task of a room failed; trying again");
        }
    }

    /// One check: stores what is to be reported, reads the room, and does what is due.
    async fn look(&mut self) -> StoreResult<RoomCheck> {
        if self.hub.let_go(&self.room) {
            return Ok(RoomCheck::Alone);
        }
        // Before the read, so that the presence published below includes the report.
        self.write().await?;
        let at = self.room.dates().at;
        let page = self.room.store.events(&self.room.id, Sequence::default(), 0, at).await?;
        let Some(page) = page else { return Ok(RoomCheck::Ended(RoomEnd::Gone)) };
        // The store was restored from an earlier state, so its sequence numbers can't be compared with ours.
        if !self.room.is_of(&page.epoch) {
            return Ok(RoomCheck::Ended(RoomEnd::EpochChanged));
        }
        let Game::Room(room) = &page.session.state.game else { return Ok(RoomCheck::Ended(RoomEnd::Gone)) };
        let due = room.next_due(at);
        if due.is_some_and(|due| due <= at.now) {
            self.ask(RoomAction::Advance, Caller::Anyone).await?;
            return Ok(RoomCheck::Until(Instant::now()));
        }
        let look = self.show(room, at);
        let due = due.map(|due| Instant::now() + Duration::from(due.since(at.now)));
        Ok(RoomCheck::Until(due.map_or(look, |due| due.min(look))))
    }

    /// Publishes the seats, the head and the presence as they are stored. Returns when to check again.
    fn show(&mut self, room: &Room, at: Moment) -> Instant {
        let now = Instant::now();
        self.write_every = Duration::from(room.settings().away) / 3;
        // Do not let the next check come later than the next report is due.
        let next = (now + POLL).min(self.written + self.write_every).max(now + SELDOM);
        let stored = |seat| room.generation(seat).map(|(generation, standing)| (seat, generation, standing));
        self.room.note_seats(self.room.seats().into_iter().filter_map(stored));
        self.room.note_head(room.head());
        let presence = room.presence(at);
        match &self.shown {
            Some((_, shown)) if *shown == presence => next,
            Some((when, _)) if now < *when + SHOWING => next.min(*when + SHOWING),
            _ => {
                self.room.show_presence(presence.clone());
                self.shown = Some((now, presence));
                next
            }
        }
    }

    /// Stores the pending report: closed connections always, signs of life and acknowledgements when they are due.
    async fn write(&mut self) -> StoreResult<()> {
        let now = Instant::now();
        let due = ReportDue {
            heard: now >= self.written + self.write_every,
            acknowledged: now >= self.acknowledged + ACKNOWLEDGE.min(self.write_every),
        };
        let report = self.room.report(due);
        if let Err(error) = self.write_report(report.clone()).await {
            // Nothing is lost: the report is merged into the next one. Storing a part twice changes nothing.
            self.room.take_back(report);
            return Err(error);
        }
        if due.heard {
            self.written = now;
        }
        if due.acknowledged {
            self.acknowledged = now;
        }
        Ok(())
    }

    async fn write_report(&self, PendingReport { seen, backend }: PendingReport) -> StoreResult<()> {
        if !seen.is_empty() {
            self.ask(RoomAction::ReportPresence(seen), Caller::Backend).await?;
        }
        if let Some(sequence) = backend {
            self.ask(RoomAction::Acknowledge(sequence), Caller::Backend).await?;
        }
        Ok(())
    }

    /// Applies a command to the room, and publishes what it changed.
    async fn ask(&self, ask: RoomAction, by: Caller) -> StoreResult<()> {
        let command = Command::room(by, ask);
        let (store, id, at) = (&self.room.store, &self.room.id, self.room.dates().at);
        if let Some(applied) = store.apply(id, command, at).await? {
            self.room.note_moved(&applied.moved_seats);
            self.room.tell(&applied.events);
            self.hub.activity.room_changed(store, id, &applied, at).await;
        }
        Ok(())
    }
}

/// Waits for the next notice. Returns the head that it names. Never ends if the store has no notices.
async fn next_notice(watch: &mut Option<Watch>) -> Option<Sequence> {
    let notice = match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    };
    match notice {
        Some(Notice::Head(head)) => Some(head),
        Some(Notice::Look) => None,
        None => {
            // The store is closed and sends no more notices. Polling goes on.
            *watch = None;
            None
        }
    }
}
