//! The watchers of this process by session, and the delivery of notices to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::channel_of;
use crate::domain::{Sequence, SessionId};
use crate::store::watch::{Watch, Watchers};

/// The name of a pub/sub channel.
pub(super) type Channel = Arc<str>;

/// The watchers by channel.
#[derive(Default)]
pub(super) struct Notifier {
    watched: Mutex<HashMap<Channel, Watchers>>,
    /// Notified when a watch begins or ends.
    changed: Arc<Notify>,
    /// True while the server refuses pub/sub and this was logged.
    is_refused: AtomicBool,
    /// True after `shut`. Changed only under the lock of `watched`.
    is_shut: AtomicBool,
}

impl Notifier {
    /// Starts a watch on a session.
    pub(super) fn watch(&self, id: &SessionId) -> Watch {
        let mut watched = self.watched.lock();
        // Under the lock: `shut` clears the map, and a watch that is added later would never end.
        if self.is_shut.load(Ordering::Relaxed) {
            return Watchers::default().watch(self.changed.clone());
        }
        let watch = watched.entry(channel_of(id).into()).or_default().watch(self.changed.clone());
        self.changed.notify_one();
        watch
    }

    /// Waits until the set of wanted channels may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The channels that have at least one watcher. Forgets the others.
    pub(super) fn wanted(&self) -> Vec<Channel> {
        let mut watched = self.watched.lock();
        watched.retain(|_, watched| watched.is_watched());
        watched.keys().cloned().collect()
    }

    /// Called when subscriptions are confirmed. `all` are the subscribed channels, and `new` are those that
    /// were added just now.
    pub(super) fn listening(&self, new: &[Channel], all: &HashSet<Channel>) {
        let watched = self.watched.lock();
        let at = |channel| watched.get(channel);
        new.iter().filter_map(at).for_each(Watchers::look);
        // A channel whose watchers left and came back in between has new watchers without a `Look`.
        all.iter().filter_map(at).for_each(Watchers::look_at_first);
        self.is_refused.store(false, Ordering::Relaxed);
    }

    /// Passes a published message to the channel's watchers.
    pub(super) fn heard(&self, channel: &[u8], said: &[u8]) {
        let Ok(channel) = str::from_utf8(channel) else { return };
        let head = str::from_utf8(said).ok().and_then(|said| said.parse().ok());
        if let Some(watched) = self.watched.lock().get(channel) {
            head.map_or_else(|| watched.look(), |head| watched.notice(Sequence(head)));
        }
    }

    /// Records that the server refuses to publish or to subscribe. Logs it once; games go on, because notices
    /// only make updates faster.
    pub(super) fn refused(&self, why: &str) {
        if !self.is_refused.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                cause = why,
                "Valkey refuses pub/sub commands: changes by other instances are seen later. Check the ACL of its user"
            );
        }
    }

    /// Ends all watches, and every watch that is started later.
    pub(super) fn shut(&self) {
        let mut watched = self.watched.lock();
        self.is_shut.store(true, Ordering::Relaxed);
        watched.clear();
    }
}
