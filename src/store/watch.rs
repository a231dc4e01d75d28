//! Hints that there is something new in a session: how a process hears of what others have
//! committed. Hints coalesce, come late and get lost; what the store holds doesn't.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::domain::Sequence;

/// What a watcher is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Hints may have been lost until now.
    Look,
    /// A commit has left the log with this head. Where that is nothing new, the state is.
    Head(Sequence),
}

/// Hears of a session until it is dropped.
pub struct Watch {
    told: watch::Receiver<LastNotice>,
    /// How many times it has been told to look.
    looks: u64,
    // After the receiver: whoever is told of the end finds it gone.
    _end: WatchEnd,
}

/// What was said last.
#[derive(Default)]
struct LastNotice {
    looks: u64,
    head: Sequence,
}

/// Tells of the end of a watch.
struct WatchEnd(Arc<Notify>);

impl Drop for WatchEnd {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Watch {
    /// The next hint: of those that came since the last one the newest, and [`Hint::Look`] before any
    /// other. `None` once the store is closed. May be given up and asked again.
    ///
    /// The first is a `Look`, once hints come in: what was committed from then on is hinted at.
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
    /// One more, whose end `ended` is told of. Where hints come in already it is to look at once.
    pub(crate) fn watch(&self, ended: Arc<Notify>) -> Watch {
        let mut told = self.told.subscribe();
        if told.borrow().looks > 0 {
            told.mark_changed();
        }
        Watch { told, looks: 0, _end: WatchEnd(ended) }
    }

    /// Hints come in from now on.
    pub(crate) fn look(&self) {
        self.told.send_modify(|told| told.looks += 1);
    }

    /// The same, for those who have never been told so.
    pub(crate) fn look_at_first(&self) {
        self.told.send_if_modified(|told| {
            let is_first = told.looks == 0;
            told.looks = told.looks.max(1);
            is_first
        });
    }

    /// A commit has left the log with this head.
    pub(crate) fn notice(&self, head: Sequence) {
        self.told.send_modify(|told| told.head = head);
    }

    /// Whether anybody watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.told.receiver_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What a future comes to without waiting.
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
