//! A connection on which the hints of one server come in. It is apart from the one for commands: what
//! a server says unasked, such as that a slot has moved away, would be taken for an answer there.

use std::collections::HashSet;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{PushInfo, PushKind, RedisError, RedisResult, Value};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::connect::{ServerAddress, listening};
use super::failure::{Failure, LinkVerdict};
use super::notifier::{Channel, Notifier};
use super::target::{Topology, ValkeyTarget};
use super::{CLUSTER_WORDS, PubSubCommands, WORDS};

/// How often a silent connection is asked whether it is still there.
const EVERY: Duration = Duration::from_secs(1);
/// How soon another connection is tried, and how soon where hints are refused.
const PAUSE: Duration = Duration::from_millis(250);
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// Channels that are asked for together.
const AT_ONCE: usize = 500;

/// Listens to one server until it is dropped.
pub(super) struct Subscriber {
    wanted: watch::Sender<HashSet<Channel>>,
    task: AbortHandle,
}

impl Subscriber {
    /// Begins to listen. `failed` is told of every time that it fails: the server may no longer be the
    /// one that has these channels.
    pub(super) fn open(
        node: ServerAddress,
        target: Arc<ValkeyTarget>,
        notifier: Arc<Notifier>,
        failed: Arc<Notify>,
    ) -> Self {
        let words = if target.topology == Topology::Cluster { &CLUSTER_WORDS } else { &WORDS };
        let (wanted, receiver) = watch::channel(HashSet::new());
        let listening = Listening { node, target, words, notifier, failed };
        Self { wanted, task: tokio::spawn(listening.run(receiver)).abort_handle() }
    }

    /// Listens to these channels from now on, and to no others.
    pub(super) fn want(&self, channels: HashSet<Channel>) {
        self.wanted.send_if_modified(|wanted| {
            let is_new = *wanted != channels;
            *wanted = channels;
            is_new
        });
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Listening {
    node: ServerAddress,
    target: Arc<ValkeyTarget>,
    words: &'static PubSubCommands,
    notifier: Arc<Notifier>,
    failed: Arc<Notify>,
}

/// What comes in on one connection beside answers.
struct PushedMessages {
    notifier: Arc<Notifier>,
    /// Channels that are being given up.
    leaving: Mutex<HashSet<Channel>>,
    /// The connection is gone, or the server has taken a channel from it.
    lost: Notify,
}

impl Listening {
    async fn run(self, mut wanted: watch::Receiver<HashSet<Channel>>) {
        loop {
            // No connection without need.
            if wanted.wait_for(|wanted| !wanted.is_empty()).await.is_err() {
                return;
            }
            let Err(error) = self.listen(&mut wanted).await else { return };
            let pause = self.pause_after(error);
            self.failed.notify_one();
            tokio::time::sleep(pause).await;
        }
    }

    /// Listens until the connection is of no use any more, or nobody will ever want anything.
    async fn listen(&self, wanted: &mut watch::Receiver<HashSet<Channel>>) -> RedisResult<()> {
        let incoming = Arc::new(PushedMessages::new(self.notifier.clone()));
        let heard = incoming.clone();
        let push = move |info| heard.take(info);
        let mut connection = listening(&self.node, &self.target, push).await?;
        let mut subscribed = HashSet::new();
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let wants = wanted.borrow_and_update().clone();
            let left: Vec<Channel> = subscribed.difference(&wants).cloned().collect();
            incoming.leaving.lock().extend(left.iter().cloned());
            self.ask(&mut connection, self.words.unsubscribe, &left).await?;
            let new: Vec<Channel> = wants.difference(&subscribed).cloned().collect();
            self.ask(&mut connection, self.words.subscribe, &new).await?;
            subscribed = wants;
            self.notifier.listening(&new, &subscribed);
            tokio::select! {
                () = incoming.lost.notified() => return Err(Error::from(ErrorKind::ConnectionReset).into()),
                changed = wanted.changed() => if changed.is_err() { return Ok(()) },
                _ = every.tick() => {
                    connection.req_packed_command(&redis::cmd("PING")).await?.extract_error()?;
                }
            }
        }
    }

    async fn ask(&self, connection: &mut MultiplexedConnection, word: &str, channels: &[Channel]) -> RedisResult<()> {
        for part in channels.chunks(AT_ONCE) {
            let mut asked = redis::pipe();
            for channel in part {
                asked.cmd(word).arg(&**channel);
            }
            for answer in connection.req_packed_commands(&asked, 0, part.len()).await? {
                answer.extract_error()?;
            }
        }
        Ok(())
    }

    fn pause_after(&self, error: RedisError) -> Duration {
        match Failure::of(error, false) {
            // A right is missing, or the server is too old for it.
            (failure @ (Failure::Refused(_) | Failure::Odd(_)), LinkVerdict::Answered) => {
                self.notifier.refused(&failure.to_string());
                LONG_PAUSE
            }
            _ => PAUSE,
        }
    }
}

impl PushedMessages {
    fn new(notifier: Arc<Notifier>) -> Self {
        Self { notifier, leaving: Mutex::default(), lost: Notify::new() }
    }

    /// Takes what the server says; never waits.
    fn take(&self, PushInfo { kind, data }: PushInfo) -> Result<(), std::convert::Infallible> {
        match (kind, &data[..]) {
            (PushKind::Message | PushKind::SMessage, [Value::BulkString(channel), Value::BulkString(said)]) => {
                self.notifier.heard(channel, said);
            }
            (PushKind::Unsubscribe | PushKind::SUnsubscribe, [Value::BulkString(channel), ..]) => {
                let channel = str::from_utf8(channel).unwrap_or_default();
                // Unasked: its slot has moved away.
                if !self.leaving.lock().remove(channel) {
                    self.lost.notify_one();
                }
            }
            (PushKind::Disconnection, _) => self.lost.notify_one(),
            _ => {}
        }
        Ok(())
    }
}
