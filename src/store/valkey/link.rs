//! The way to the server: the connection that is used now, the breaker before it, and the limits
//! of every call. Nobody but the supervisor puts a connection in.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::super::contract::{self, Breaker};
use super::super::error::{Cause, StoreError, StoreResult};
use super::breaker::CircuitBreaker;
use super::connect::Connection;
use super::failure::{Failure, Verdict};
use super::scripts::Script;
use super::shards::{Away, slot_of};
use crate::store::clock::WallClock;

/// The longest that any call takes, whatever the client makes of its own limits.
const CALL: Duration = Duration::from_millis(500);
const CLUSTER_CALL: Duration = Duration::from_millis(800);
/// So many failures, and a cluster's connection is replaced, whatever its other shards do.
const MOST_DOUBTS: u32 = 3;
/// As so many requests' failures counts a probe that has found no shard of a cluster.
const WEIGHT_OF_ALL_SHARDS: u32 = 3;
/// What a server must be given to be called silent.
const FAIR: Duration = Duration::from_millis(200);
/// How long a call waits for a connection that is being replaced.
const REPLACING: Duration = Duration::from_millis(250);

/// How long an outage goes on before the log is told of another cause of it.
const TELLING: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
struct Told(String);

pub(super) struct Link {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    summons: Notify,
    is_cluster: bool,
    wall: WallClock,
}

struct State {
    connection: Option<Connection>,
    /// Which connection it is, counted from the first.
    generation: u64,
    breaker: CircuitBreaker,
    /// What of a cluster can't be reached by it.
    away: Arc<Away>,
    /// Failures on this connection that were not the last word: other shards of the cluster answer.
    doubts: u32,
    /// Why there is no connection, or why writes are refused.
    trouble: Option<String>,
    /// What the log was told of an outage that goes on, and when.
    told: Option<(String, Instant)>,
    is_shut: bool,
}

impl Link {
    pub(super) fn new(is_cluster: bool, wall: WallClock) -> Arc<Self> {
        let breaker = CircuitBreaker::new(wall());
        let state = State {
            connection: None,
            generation: 0,
            breaker,
            away: Arc::default(),
            doubts: 0,
            trouble: None,
            told: None,
            is_shut: false,
        };
        let state = Mutex::new(state);
        Arc::new(Self { state, changes: watch::Sender::new(0), summons: Notify::new(), is_cluster, wall })
    }

    /// Runs a command until `until` at the latest.
    pub(super) async fn call<T: FromRedisValue>(&self, command: &Cmd, until: Instant) -> Result<T, Failure> {
        self.is_for_those_there(command)?;
        let (generation, mut connection) = self.connection(until).await?;
        let now = Instant::now();
        if until <= now {
            return Err(Failure::Away("no time was left for it".into()));
        }
        let longest = if self.is_cluster { CLUSTER_CALL } else { CALL };
        let limit = until.min(now + longest);
        match tokio::time::timeout_at(limit, connection.query(command)).await {
            Ok(Ok(value)) => {
                self.state.lock().breaker.succeeded();
                Ok(value)
            }
            Ok(Err(error)) => Err(self.failed(generation, Failure::of(error, self.is_cluster))),
            Err(_) => {
                let failure = Failure::Unknown("no answer in time".into());
                // Who came late has given the server no time, and proves nothing against it.
                if limit - now < FAIR {
                    return Err(failure);
                }
                Err(self.failed(generation, (failure, Verdict::Failed)))
            }
        }
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
        until: Instant,
    ) -> Result<T, Failure> {
        match self.call(&script.by_hash(keys, args), until).await {
            Err(Failure::NoScript) => self.call(&script.by_text(keys, args), until).await,
            ran => ran,
        }
    }

    /// Reads. Without an answer it is asked again, as long as there is time: a connection that was
    /// lost is soon replaced, and a reader loses nothing by a server that was slow once.
    pub(super) async fn read<T: FromRedisValue>(&self, command: &Cmd, until: Instant) -> Result<T, Failure> {
        loop {
            match self.call(command, until).await {
                Err(Failure::Unknown(_)) if Instant::now() + FAIR < until => {}
                read => return read,
            }
        }
    }

    /// The same for a script that only reads.
    pub(super) async fn run_read<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[&[u8]],
        until: Instant,
    ) -> Result<T, Failure> {
        loop {
            match self.run(script, keys, args, until).await {
                Err(Failure::Unknown(_)) if Instant::now() + FAIR < until => {}
                read => return read,
            }
        }
    }

    /// The connection to use, which may be just being replaced.
    pub(super) async fn connection(&self, until: Instant) -> Result<(u64, Connection), Failure> {
        let mut changes = self.changes.subscribe();
        let limit = until.min(Instant::now() + REPLACING);
        loop {
            {
                let state = self.state.lock();
                if let Some(connection) = &state.connection {
                    return Ok((state.generation, connection.clone()));
                }
                if state.is_shut || state.breaker.state() != Breaker::Closed {
                    return Err(state.away());
                }
            }
            if tokio::time::timeout_at(limit, changes.changed()).await.is_err() {
                let mut state = self.state.lock();
                state.breaker.failed((self.wall)());
                return Err(state.away());
            }
        }
    }

    /// The connection in use, and which one it is.
    pub(super) fn current(&self) -> Option<(u64, Connection)> {
        let state = self.state.lock();
        state.connection.clone().map(|connection| (state.generation, connection))
    }

    /// Told of whenever something has changed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Refuses at once what a part of the cluster would have to answer that is away.
    fn is_for_those_there(&self, command: &Cmd) -> Result<(), Failure> {
        if !self.is_cluster {
            return Ok(());
        }
        let away = self.state.lock().away.clone();
        let is_away = !away.is_empty() && slot_of(command).is_some_and(|slot| away.contains(&slot));
        if is_away { Err(Failure::Away("its part of the cluster is out of reach".into())) } else { Ok(()) }
    }

    fn failed(&self, generation: u64, (failure, verdict): (Failure, Verdict)) -> Failure {
        let mut state = self.state.lock();
        if verdict == Verdict::Answered {
            state.breaker.succeeded();
            // Nothing that heals by itself: somebody has to know.
            if matches!(failure, Failure::Refused(_) | Failure::Odd(_)) {
                state.tell(&failure.to_string());
            }
            return failure;
        }
        // What an older connection says does not speak against this one.
        if state.generation != generation {
            return failure;
        }
        if self.is_cluster && verdict == Verdict::Failed {
            // It is one shard's. Whether the others are there the supervisor finds out, by a fresh
            // connection that asks who is a primary now; the client sticks to a frozen one.
            state.doubts += 1;
            if state.doubts == MOST_DOUBTS {
                self.summons.notify_one();
            }
            return failure;
        }
        state.breaker.failed((self.wall)());
        if state.breaker.state() == Breaker::Open {
            state.tell(&failure.to_string());
        }
        if verdict == Verdict::Lost || state.breaker.state() != Breaker::Closed {
            state.connection = None;
            state.generation += 1;
            state.trouble = Some(failure.to_string());
            drop(state);
            self.tell();
            self.summons.notify_one();
        }
        failure
    }

    fn tell(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// A fresh connection was written through. Gives whether it is used from now on; where not, the
    /// next one decides.
    pub(super) fn probed(&self, connection: &Connection, away: Away) -> bool {
        let mut state = self.state.lock();
        if state.is_shut {
            return false;
        }
        state.breaker.probed((self.wall)());
        let is_used = state.breaker.state() == Breaker::Closed;
        if is_used {
            if !away.is_empty() {
                state.tell("a part of the cluster is out of reach");
            } else if state.told.take().is_some() || state.generation == 0 {
                tracing::info!("Valkey is reached");
            }
            state.away = Arc::new(away);
            state.connection = Some(connection.clone());
            state.generation += 1;
            state.doubts = 0;
            state.trouble = None;
        }
        drop(state);
        self.tell();
        is_used
    }

    /// No connection could be made, or none that can be written through.
    pub(super) fn probe_failed(&self, why: &str) {
        let mut state = self.state.lock();
        let weight = if self.is_cluster { WEIGHT_OF_ALL_SHARDS } else { 1 };
        (0..weight).for_each(|_| state.breaker.failed((self.wall)()));
        if state.breaker.state() != Breaker::Closed && state.connection.take().is_some() {
            state.generation += 1;
        }
        // What is in use may go on: a cluster of which a part is away is looked at again and again.
        if state.connection.is_none() {
            state.trouble = Some(why.to_owned());
            state.tell(why);
        }
        drop(state);
        self.tell();
    }

    /// Whether writes are refused, by the server's own word.
    pub(super) fn note_refusal(&self, why: Option<String>) {
        let mut state = self.state.lock();
        // What was said on a connection that is lost by now says nothing of the next.
        if state.connection.is_none() || state.trouble == why {
            return;
        }
        match &why {
            Some(why) => state.tell(why),
            None => {
                state.told = None;
                tracing::info!("Valkey takes writes again");
            }
        }
        state.trouble = why;
        drop(state);
        self.tell();
    }

    /// Ends when a connection is to be replaced.
    pub(super) async fn summoned(&self) {
        self.summons.notified().await;
    }

    /// Whether commands can be committed.
    pub(super) fn is_good(&self) -> bool {
        let state = self.state.lock();
        state.connection.is_some() && state.trouble.is_none()
    }

    /// Whether a part of the cluster is away, and only a part.
    pub(super) fn is_partial(&self) -> bool {
        !self.state.lock().away.is_empty()
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// For health.
    pub(super) fn told(&self) -> contract::Link {
        self.state.lock().breaker.link()
    }

    /// Ends once the way is good, or with what is in it after `patience`.
    pub(super) async fn until_good(&self, patience: Duration) -> StoreResult<()> {
        let mut changes = self.changes.subscribe();
        let limit = Instant::now() + patience;
        while !self.is_good() {
            if tokio::time::timeout_at(limit, changes.changed()).await.is_err() {
                return Err(StoreError::Unavailable(Some(self.state.lock().cause())));
            }
        }
        Ok(())
    }

    /// Lets nothing through any more.
    pub(super) fn shut(&self) {
        let mut state = self.state.lock();
        state.is_shut = true;
        state.connection = None;
        state.generation += 1;
        drop(state);
        self.tell();
    }

    pub(super) fn is_shut(&self) -> bool {
        self.state.lock().is_shut
    }
}

impl State {
    /// Tells the log what is wrong: once, and again when it is something else, but not every moment.
    fn tell(&mut self, why: &str) {
        let is_news = self.told.as_ref().is_none_or(|(told, at)| told != why && at.elapsed() > TELLING);
        if is_news {
            tracing::warn!(cause = why, "Valkey is out of reach, or refuses what it is asked");
            self.told = Some((why.to_owned(), Instant::now()));
        }
    }

    fn cause(&self) -> Cause {
        Told(self.trouble.clone().unwrap_or_else(|| "not connected yet".to_owned())).into()
    }

    fn away(&self) -> Failure {
        Failure::Away(self.cause())
    }
}
