//! A pub/sub connection that receives the notices of one server.
//!
//! It is separate from the connection for commands, where an unsolicited push message, such as the one after
//! a slot has moved, would be mistaken for an answer.

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

/// Interval between PINGs.
const EVERY: Duration = Duration::from_secs(1);
/// Delay before a reconnect.
const PAUSE: Duration = Duration::from_millis(250);
/// The same if the server refuses subscriptions.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// Maximum number of channels in one pipeline.
const AT_ONCE: usize = 500;

/// Subscribes to channels of one server until it is dropped.
pub(super) struct Subscriber {
    wanted: watch::Sender<HashSet<Channel>>,
    task: AbortHandle,
}

impl Subscriber {
    /// Starts the subscriber's task. `failed` is notified of every failure, because the channels may have
    /// moved to another server.
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

    /// Replaces the set of subscribed channels.
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

/// The subscriber's task.
struct Listening {
    node: ServerAddress,
    target: Arc<ValkeyTarget>,
    words: &'static PubSubCommands,
    notifier: Arc<Notifier>,
    failed: Arc<Notify>,
}

/// The handler of push messages of one connection.
struct PushedMessages {
    notifier: Arc<Notifier>,
    /// Channels that this side is unsubscribing from.
    leaving: Mutex<HashSet<Channel>>,
    /// Notified when the connection is lost, or when the server has ended a subscription.
    lost: Notify,
}

impl Listening {
    async fn run(self, mut wanted: watch::Receiver<HashSet<Channel>>) {
        loop {
            // Connect only while at least one channel is wanted.
            if wanted.wait_for(|wanted| !wanted.is_empty()).await.is_err() {
                return;
            }
            let Err(error) = self.listen(&mut wanted).await else { return };
            let pause = self.pause_after(error);
            self.failed.notify_one();
            tokio::time::sleep(pause).await;
        }
    }

    /// Opens a connection and keeps its subscriptions up to date. Fails when the connection is lost; returns
    /// `Ok` when the `Subscriber` is dropped.
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
            // Before the request is sent, or the confirmation would look like an unsubscription by the
            // server.
            incoming.leaving.lock().extend(left.iter().cloned());
            self.ask(&mut connection, self.words.unsubscribe, &left).await?;
            let new: Vec<Channel> = wants.difference(&subscribed).cloned().collect();
            self.ask(&mut connection, self.words.subscribe, &new).await?;
            subscribed = wants;
            // Only after the subscriptions are confirmed: now the watchers may read the session and rely on
            // notices.
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

    /// Sends a subscribe or unsubscribe command for each channel and waits for the confirmations.
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

    /// The delay before the next connection after this error.
    fn pause_after(&self, error: RedisError) -> Duration {
        match Failure::of(error, false) {
            // The user lacks a permission, or the server is too old for sharded pub/sub.
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

    /// Handles one push message. Never blocks, because the client calls it from its read loop.
    fn take(&self, PushInfo { kind, data }: PushInfo) -> Result<(), std::convert::Infallible> {
        match (kind, &data[..]) {
            (PushKind::Message | PushKind::SMessage, [Value::BulkString(channel), Value::BulkString(said)]) => {
                self.notifier.heard(channel, said);
            }
            (PushKind::Unsubscribe | PushKind::SUnsubscribe, [Value::BulkString(channel), ..]) => {
                let channel = str::from_utf8(channel).unwrap_or_default();
                // Not requested by this side: the channel's slot has moved to another server.
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
