//! Who in this process wants to hear of which session, and what they are told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::channel_of;
use crate::domain::{Sequence, SessionId};
use crate::store::watch::{Watch, Watchers};

/// A channel's name.
pub(super) type Channel = Arc<str>;

#[derive(Default)]
pub(super) struct Notifier {
    watched: Mutex<HashMap<Channel, Watchers>>,
    /// Somebody wants to hear of something, or no longer does.
    changed: Arc<Notify>,
    is_refused: AtomicBool,
    is_shut: AtomicBool,
}

impl Notifier {
    /// Hears of a session from now on.
    pub(super) fn watch(&self, id: &SessionId) -> Watch {
        let mut watched = self.watched.lock();
        if self.is_shut.load(Ordering::Relaxed) {
            return Watchers::default().watch(self.changed.clone());
        }
        let watch = watched.entry(channel_of(id).into()).or_default().watch(self.changed.clone());
        self.changed.notify_one();
        watch
    }

    /// Ends when other channels may be wanted than before.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The channels that somebody wants to hear.
    pub(super) fn wanted(&self) -> Vec<Channel> {
        let mut watched = self.watched.lock();
        watched.retain(|_, watched| watched.is_watched());
        watched.keys().cloned().collect()
    }

    /// Hints come in on these channels: since now on the `new` ones, and before on the others.
    pub(super) fn listening(&self, new: &[Channel], all: &HashSet<Channel>) {
        let watched = self.watched.lock();
        let at = |channel| watched.get(channel);
        new.iter().filter_map(at).for_each(Watchers::look);
        // Who left and came again in between is new to these.
        all.iter().filter_map(at).for_each(Watchers::look_at_first);
        self.is_refused.store(false, Ordering::Relaxed);
    }

    /// Something was published.
    pub(super) fn heard(&self, channel: &[u8], said: &[u8]) {
        let Ok(channel) = str::from_utf8(channel) else { return };
        let head = str::from_utf8(said).ok().and_then(|said| said.parse().ok());
        if let Some(watched) = self.watched.lock().get(channel) {
            head.map_or_else(|| watched.look(), |head| watched.notice(Sequence(head)));
        }
    }

    /// The server lets nobody hear, or say, anything. Hints only make things faster, so the log is
    /// told, once, and play goes on.
    pub(super) fn refused(&self, why: &str) {
        if !self.is_refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(cause = why, "Valkey lets no hints through: what another instance does is seen later");
        }
    }

    /// Ends all watches.
    pub(super) fn shut(&self) {
        let mut watched = self.watched.lock();
        self.is_shut.store(true, Ordering::Relaxed);
        watched.clear();
    }
}
