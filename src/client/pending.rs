//! What was asked and has no reply yet: lines 1 and 4 of "Coming back, in ten lines". Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::event::StopReason;

/// Why there is no reply as it was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The server said no.
    #[error("{code}: {detail}")]
    Refused {
        /// Stable.
        code: String,
        /// In words.
        detail: String,
    },
    /// The client has stopped.
    #[error("the client has stopped: {0}")]
    Stopped(StopReason),
    /// The connection was lost, and the request is none to repeat: it may have happened or not.
    #[error("the connection was lost before the reply")]
    Lost,
    /// The reply is none of the protocol.
    #[error("the reply cannot be read: {0}")]
    Unreadable(String),
}

/// What a request is, for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// An answer: once it is acknowledged it must count.
    Answer,
    /// Anything that can be asked again without harm.
    Plain,
    /// Something that would happen twice.
    Once,
}

/// A reply.
#[derive(Debug, PartialEq)]
pub(super) struct Replied {
    pub(super) frame: Map<String, Value>,
    /// Whether the request was sent more than once.
    pub(super) repeated: bool,
}

/// Who waits for a reply.
pub(super) type ReplyWaiter = oneshot::Sender<Result<Replied, AskError>>;

/// A request.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) kind: RequestKind,
    pub(super) frame: Map<String, Value>,
    pub(super) waiting: ReplyWaiter,
}

/// Requests without a reply, in the order in which they were made.
#[derive(Debug)]
pub(super) struct Pending {
    name: String,
    count: u64,
    asked: BTreeMap<u64, (PendingRequest, u32)>,
}

impl Pending {
    /// Ids begin with `name`, which no other life of this seat has.
    pub(super) fn new(name: String) -> Self {
        Self { name, count: 0, asked: BTreeMap::new() }
    }

    /// Keeps a request under an id of its own, to be sent as it says.
    pub(super) fn add(&mut self, mut ask: PendingRequest) -> u64 {
        self.count += 1;
        ask.frame.insert("id".to_owned(), format!("{}-{}", self.name, self.count).into());
        self.asked.insert(self.count, (ask, 0));
        self.count
    }

    /// The frame of a request, about to be sent.
    pub(super) fn sending(&mut self, number: u64) -> Option<String> {
        let (ask, sent) = self.asked.get_mut(&number)?;
        *sent += 1;
        Some(Value::Object(ask.frame.clone()).to_string())
    }

    /// What is to be sent on a new connection.
    pub(super) fn all(&self) -> Vec<u64> {
        self.asked.keys().copied().collect()
    }

    /// The connection is lost: who must not ask again learns it.
    pub(super) fn lost(&mut self) {
        let is_once = |ask: &PendingRequest, sent: u32| ask.kind == RequestKind::Once && sent > 0;
        for (_, (ask, _)) in self.asked.extract_if(.., |_, (ask, sent)| is_once(ask, *sent)) {
            let _ = ask.waiting.send(Err(AskError::Lost));
        }
    }

    fn number(&self, re: &str) -> Option<u64> {
        re.strip_prefix(&self.name)?.strip_prefix('-')?.parse().ok()
    }

    /// The request of this id, if it can be asked again without harm.
    pub(super) fn may_repeat(&self, re: &str) -> Option<u64> {
        let number = self.number(re)?;
        self.asked.get(&number).filter(|(ask, _)| ask.kind != RequestKind::Once).map(|_| number)
    }

    /// The request that a reply is for, and whether it was sent more than once.
    pub(super) fn settle(&mut self, re: &str) -> Option<(PendingRequest, bool)> {
        let number = self.number(re)?;
        let (ask, sent) = self.asked.remove(&number)?;
        Some((ask, sent > 1))
    }

    /// Nothing will be replied any more.
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
