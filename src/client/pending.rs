//! Requests that have no reply yet: lines 1 and 4 of "Coming back, in ten lines". Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::event::StopReason;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The server refused the request.
    #[error("{code}: {detail}")]
    Refused {
        /// A stable error code, such as `question-not-open`.
        code: String,
        /// A description for people.
        detail: String,
    },
    /// The client has stopped and won't reconnect.
    #[error("the client has stopped: {0}")]
    Stopped(StopReason),
    /// The connection was lost before the reply, and the request must not be repeated. Whether the server ran
    /// it is not known.
    #[error("the connection was lost before the reply")]
    Lost,
    /// The reply does not follow the protocol.
    #[error("the reply cannot be read: {0}")]
    Unreadable(String),
}

/// How a request may be repeated, and what its reply means to the checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// An answer. Repeated until it has a reply; once acknowledged, it must count.
    Answer,
    /// Any other request that is safe to repeat.
    Plain,
    /// A request that must not be repeated, because it would take effect twice.
    Once,
}

/// The server's reply to a request.
#[derive(Debug, PartialEq)]
pub(super) struct Replied {
    pub(super) frame: Map<String, Value>,
    /// True if the request was sent more than once.
    pub(super) repeated: bool,
}

/// The channel that takes the reply to the caller.
pub(super) type ReplyWaiter = oneshot::Sender<Result<Replied, AskError>>;

/// A request and the channel for its reply.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) kind: RequestKind,
    pub(super) frame: Map<String, Value>,
    pub(super) waiting: ReplyWaiter,
}

/// Requests without a reply, by number. Numbers grow in the order in which the requests were made.
#[derive(Debug)]
pub(super) struct Pending {
    name: String,
    count: u64,
    /// The second value counts how often the request was sent.
    asked: BTreeMap<u64, (PendingRequest, u32)>,
}

impl Pending {
    /// `name` is the prefix of all request ids. It must differ from that of every other client of this seat.
    pub(super) fn new(name: String) -> Self {
        Self { name, count: 0, asked: BTreeMap::new() }
    }

    /// Stores a request under a new id. The caller sends it with [`Pending::sending`].
    pub(super) fn add(&mut self, mut ask: PendingRequest) -> u64 {
        self.count += 1;
        ask.frame.insert("id".to_owned(), format!("{}-{}", self.name, self.count).into());
        self.asked.insert(self.count, (ask, 0));
        self.count
    }

    /// Counts one more sending and returns the frame. `None` if the request has its reply already.
    pub(super) fn sending(&mut self, number: u64) -> Option<String> {
        let (ask, sent) = self.asked.get_mut(&number)?;
        *sent += 1;
        Some(Value::Object(ask.frame.clone()).to_string())
    }

    /// The requests to send on a new connection, in their order.
    pub(super) fn all(&self) -> Vec<u64> {
        self.asked.keys().copied().collect()
    }

    /// The connection was lost. Requests that must not be repeated fail, if they were sent.
    pub(super) fn lost(&mut self) {
        let is_once = |ask: &PendingRequest, sent: u32| ask.kind == RequestKind::Once && sent > 0;
        for (_, (ask, _)) in self.asked.extract_if(.., |_, (ask, sent)| is_once(ask, *sent)) {
            let _ = ask.waiting.send(Err(AskError::Lost));
        }
    }

    fn number(&self, re: &str) -> Option<u64> {
        re.strip_prefix(&self.name)?.strip_prefix('-')?.parse().ok()
    }

    /// The number of the request with this id, if it may be repeated.
    pub(super) fn may_repeat(&self, re: &str) -> Option<u64> {
        let number = self.number(re)?;
        self.asked.get(&number).filter(|(ask, _)| ask.kind != RequestKind::Once).map(|_| number)
    }

    /// Removes the request that a reply belongs to. The flag is true if it was sent more than once.
    pub(super) fn settle(&mut self, re: &str) -> Option<(PendingRequest, bool)> {
        let number = self.number(re)?;
        let (ask, sent) = self.asked.remove(&number)?;
        Some((ask, sent > 1))
    }

    /// Fails all requests: there won't be any more replies.
    pub(super) fn stop(&mut self, why: StopReason) {
        for (ask, _) in std::mem::take(&mut self.asked).into_values() {
            let _ = ask.waiting.send(Err(AskError::Stopped(why)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Reply = oneshot::Receiver<Result<Replied, AskError>>;

    fn ask(pending: &mut Pending, kind: RequestKind) -> (u64, Reply) {
        let (waiting, reply) = oneshot::channel();
        (pending.add(PendingRequest { kind, frame: Map::new(), waiting }), reply)
    }

    #[test]
    fn what_has_no_reply_is_sent_again_in_order_under_the_same_id() {
        let mut pending = Pending::new("n".into());
        let (first, _reply) = ask(&mut pending, RequestKind::Answer);
        let (second, _other) = ask(&mut pending, RequestKind::Plain);
        let sent = pending.sending(first);
        assert_eq!(sent.as_deref(), Some(r#"{"id":"n-1"}"#));
        pending.lost();
        assert_eq!(pending.all(), [first, second]);
        assert_eq!(pending.sending(first), sent);
        assert!(pending.settle("n-1").is_some_and(|(_, repeated)| repeated));
        assert!(pending.settle("n-1").is_none());
        assert_eq!(pending.all(), [second]);
        assert_eq!(pending.sending(first), None);
    }

    #[test]
    fn what_would_happen_twice_is_not_sent_again() {
        let mut pending = Pending::new("n".into());
        let (sent, mut reply) = ask(&mut pending, RequestKind::Once);
        pending.sending(sent);
        let (unsent, _reply) = ask(&mut pending, RequestKind::Once);
        pending.lost();
        assert_eq!(reply.try_recv(), Ok(Err(AskError::Lost)));
        assert_eq!(pending.all(), [unsent]);
    }

    #[test]
    fn another_lifes_replies_are_none_of_this_one() {
        let mut pending = Pending::new("n".into());
        let (_, mut reply) = ask(&mut pending, RequestKind::Plain);
        assert!(["m-1", "n1", "n-", "1", "n-2"].iter().all(|re| pending.settle(re).is_none()));
        pending.stop(StopReason::Superseded);
        assert_eq!(reply.try_recv(), Ok(Err(AskError::Stopped(StopReason::Superseded))));
    }
}
