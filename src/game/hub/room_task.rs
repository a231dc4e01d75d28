//! Looks after one room as long as somebody listens here: lets happen what is due, writes down who
//! was heard of, shows who is connected, and looks by itself for what other instances have done.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Hub;
use super::live::{LiveRoom, PendingReport, ReportDue, RoomEnd};
use crate::domain::room::{Caller, Presence, RoomAction};
use crate::domain::{Command, Game, Moment, Room, Sequence};
use crate::store::{Notice, StoreError, StoreResult, Watch};

/// The room is not looked at more often than this, whatever happens in it; and its presence not
/// shown more often.
const SELDOM: Duration = Duration::from_millis(50);
const SHOWING: Duration = Duration::from_millis(250);
/// The room is read this often though nothing happens: what other instances did is found though their
/// notice was lost.
const POLL: Duration = Duration::from_millis(1_250);
/// Acknowledgements are written this often.
const ACKNOWLEDGE: Duration = Duration::from_secs(1);
/// How soon something is tried again that the store refused.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) struct RoomTask {
    room: Arc<LiveRoom>,
    hub: Arc<Hub>,
    /// When everybody who was heard of was written down last, and how often that is to be.
    written: Instant,
    write_every: Duration,
    /// When acknowledgements were.
    acknowledged: Instant,
    shown: Option<(Instant, Presence)>,
    /// Whether the log knows that the rules fail on this room: they will at the next look too.
    is_failure_told: bool,
}

/// What a look at the room came to.
enum RoomCheck {
    /// Look again then, if nothing happens before.
    Until(Instant),
    Ended(RoomEnd),
    /// Nobody listens.
    Alone,
}

impl RoomTask {
    pub(super) fn new(room: Arc<LiveRoom>, hub: Arc<Hub>) -> Self {
        let now = Instant::now();
        Self { room, hub, written: now, write_every: POLL, acknowledged: now, shown: None, is_failure_told: false }
    }

    /// Runs until nobody listens any more, the room has ended, or `stop`.
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

    /// The store has told its own failures; those of the rules nobody has, since no request waits here.
    fn note(&mut self, error: &StoreError) {
        let is_news = matches!(error, StoreError::RuleFailed { .. }) && !self.is_failure_told;
        self.is_failure_told |= is_news;
        let error = error as &dyn std::error::Error;
        if is_news {
            tracing::error!(error, "a room could not be looked after");
        } else {
            tracing::debug!(error, "a room could not be looked after");
        }
    }

    async fn look(&mut self) -> StoreResult<RoomCheck> {
        if self.hub.let_go(&self.room) {
            return Ok(RoomCheck::Alone);
        }
        self.write().await?;
        let at = self.room.dates().at;
        let page = self.room.store.events(&self.room.id, Sequence::default(), 0, at).await?;
        let Some(page) = page else { return Ok(RoomCheck::Ended(RoomEnd::Gone)) };
        // The server has fallen back to an earlier moment.
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

    /// Tells the listeners how the room is, and gives when to look again.
    fn show(&mut self, room: &Room, at: Moment) -> Instant {
        let now = Instant::now();
        self.write_every = Duration::from(room.settings().away) / 3;
        // Signs of life are written in time though they fall between two looks.
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

    /// Writes down who has gone, who was heard of and what is acknowledged, in one command.
    async fn write(&mut self) -> StoreResult<()> {
        let now = Instant::now();
        let due = ReportDue {
            heard: now >= self.written + self.write_every,
            acknowledged: now >= self.acknowledged + ACKNOWLEDGE.min(self.write_every),
        };
        let report = self.room.report(due);
        if let Err(error) = self.write_report(report.clone()).await {
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

    async fn ask(&self, ask: RoomAction, by: Caller) -> StoreResult<()> {
        let command = Command::room(by, ask);
        if let Some(applied) = self.room.store.apply(&self.room.id, command, self.room.dates().at).await? {
            self.room.note_moved(&applied.moved_seats);
            self.room.tell(&applied.events);
        }
        Ok(())
    }
}

/// Ends with a hint of another instance's; never, where there are none.
async fn next_notice(watch: &mut Option<Watch>) -> Option<Sequence> {
    let notice = match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    };
    match notice {
        Some(Notice::Head(head)) => Some(head),
        Some(Notice::Look) => None,
        None => {
            // The store is closed, and says no more.
            *watch = None;
            None
        }
    }
}
