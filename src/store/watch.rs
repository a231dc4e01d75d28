//! Notices that a session has changed, so that a process learns of commits by other processes.
//!
//! Notices are advisory: they coalesce, arrive late and can get lost. Only the store's content is reliable.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::domain::Sequence;

/// A notice to a watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Notices may have been lost up to now, so the watcher must read the session.
    Look,
    /// A commit left the log with this head. If the head is not new, only the state has changed.
    Head(Sequence),
}

/// A subscription to the notices of one session. Dropping it ends the subscription.
pub struct Watch {
    told: watch::Receiver<LastNotice>,
    /// The value of [`LastNotice::looks`] that this watch has already reported.
    looks: u64,
    // Must stay after the receiver. Fields are dropped in order, so whoever `_end` notifies no longer counts
    // this receiver.
    _end: WatchEnd,
}

/// The newest notice. `looks` counts how often watchers were told to look; 0 means never.
#[derive(Default)]
struct LastNotice {
    looks: u64,
    head: Sequence,
}

/// Notifies on drop that a watch has ended.
struct WatchEnd(Arc<Notify>);

impl Drop for WatchEnd {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Watch {
    /// Waits for the next notice: the newest since the last call, but a pending [`Notice::Look`] always takes
    /// precedence. `None` once the store is closed. Cancel safe.
    ///
    /// The first notice is a `Look`, sent once the subscription is active. Commits after that point are
    /// notified.
    pub async fn next(&mut self) -> Option<Notice> {
        self.told.changed().await.ok()?;
        let told = self.told.borrow_and_update();
        let has_looked = self.looks == told.looks;
        self.looks = told.looks;
        Some(if has_looked { Notice::Head(told.head) } else { Notice::Look })
    }
}

/// The watchers of one session.
#[derive(Default)]
pub(crate) struct Watchers {
    told: watch::Sender<LastNotice>,
}

impl Watchers {
    /// Adds a watcher. `ended` is notified when it is dropped. If the subscription is already active, the
    /// watcher gets a `Look` at once.
    pub(crate) fn watch(&self, ended: Arc<Notify>) -> Watch {
        let mut told = self.told.subscribe();
        if told.borrow().looks > 0 {
            told.mark_changed();
        }
        Watch { told, looks: 0, _end: WatchEnd(ended) }
    }

    /// Tells all watchers to look: notices arrive from now on, but earlier ones may be lost.
    pub(crate) fn look(&self) {
        self.told.send_modify(|told| told.looks += 1);
    }

    /// Like [`look`](Self::look), but does nothing if these watchers were already told to look.
    pub(crate) fn look_at_first(&self) {
        self.told.send_if_modified(|told| {
            let is_first = told.looks == 0;
            told.looks = told.looks.max(1);
            is_first
        });
    }

    /// Tells all watchers that a commit left the log with this head.
    pub(crate) fn notice(&self, head: Sequence) {
        self.told.send_modify(|told| told.head = head);
    }

    /// True if there is at least one watcher.
    pub(crate) fn is_watched(&self) -> bool {
        self.told.receiver_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Polls a future once.
    fn polled<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn at_once(watch: &mut Watch) -> Option<Notice> {
        match polled(watch.next()) {
            Poll::Ready(notice) => Some(notice.expect("its store is open")),
            Poll::Pending => None,
        }
    }

    #[test]
    fn hints_coalesce_and_a_look_is_never_hidden_by_them() {
        let (watched, ended) = (Watchers::default(), Arc::new(Notify::new()));
        let mut watch = watched.watch(ended.clone());
        assert_eq!(at_once(&mut watch), None);
        watched.look_at_first();
        watched.look_at_first();
        watched.notice(Sequence(3));
        assert_eq!(at_once(&mut watch), Some(Notice::Look));
        assert_eq!(at_once(&mut watch), None);
        watched.notice(Sequence(3));
        assert_eq!(at_once(&mut watch), Some(Notice::Head(Sequence(3))), "the state may be new");
        (4..9).for_each(|head| watched.notice(Sequence(head)));
        assert_eq!(at_once(&mut watch), Some(Notice::Head(Sequence(8))));
        watched.look();
        watched.notice(Sequence(9));
        assert_eq!(at_once(&mut watch), Some(Notice::Look));
        assert_eq!(at_once(&mut watch), None);
    }

    #[test]
    fn who_comes_later_looks_at_once() {
        let (watched, ended) = (Watchers::default(), Arc::new(Notify::new()));
        watched.look();
        watched.notice(Sequence(3));
        let mut watch = watched.watch(ended);
        assert_eq!(at_once(&mut watch), Some(Notice::Look));
        assert_eq!(at_once(&mut watch), None);
    }

    #[test]
    fn the_end_of_a_watch_is_told_when_nobody_is_there_any_more() {
        let (watched, ended) = (Watchers::default(), Arc::new(Notify::new()));
        let watch = watched.watch(ended.clone());
        assert!(watched.is_watched() && polled(ended.notified()).is_pending());
        drop(watch);
        assert!(!watched.is_watched() && polled(ended.notified()).is_ready());
    }

    #[test]
    fn a_watch_ends_with_its_store() {
        let watched = Watchers::default();
        let mut watch = watched.watch(Arc::default());
        watched.notice(Sequence(1));
        drop(watched);
        assert_eq!(at_once(&mut watch), Some(Notice::Head(Sequence(1))));
        assert_eq!(polled(watch.next()), Poll::Ready(None));
    }
}
