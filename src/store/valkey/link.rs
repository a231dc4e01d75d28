//! The way to the server: the connection that is used now, the breaker before it, and the limits
//! of every call; and what a new game would meet there. Nobody but the supervisor puts a connection in,
//! and nobody but it finds that writes are taken again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use redis::{Cmd, FromRedisValue};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::super::condition::Condition;
use super::super::contract::{self, Breaker, Cause, Trouble, ValkeyCause};
use super::super::error::{self, StoreError, StoreResult};
use super::breaker::CircuitBreaker;
use super::connect::ValkeyConnection;
use super::failure::{Failure, LinkVerdict};
use super::scripts::Script;
use super::shards::{Away, slot_of};
use crate::domain::WallTime;
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
/// How long a reader waits before it asks again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// What is in the way of games, or of new ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Obstacle {
    pub(super) why: ValkeyCause,
    /// For the log.
    pub(super) detail: String,
}

impl Obstacle {
    pub(super) fn of(failure: &Failure) -> Self {
        Self { why: failure.why(), detail: failure.to_string() }
    }
}

/// What a fresh connection was found to be good for.
pub(super) struct ConnectionCheck {
    /// What of a cluster can't be reached by it.
    pub(super) away: Away,
    /// Why writes are refused, if they are.
    pub(super) refusal: Option<Obstacle>,
    /// The policy by which the server may throw live games away, if it may; `Err` if that could not be
    /// read.
    pub(super) evicts: Result<Option<String>, ()>,
}

pub(super) struct Link {
    state: Mutex<LinkState>,
    changes: watch::Sender<u64>,
    summons: Notify,
    is_cluster: bool,
    /// Whether games begin though they may be thrown away.
    allows_eviction: bool,
    condition: Condition,
    wall: WallClock,
}

struct LinkState {
    connection: Option<ValkeyConnection>,
    /// Which connection it is, counted from the first.
    generation: u64,
    breaker: CircuitBreaker,
    /// What of a cluster can't be reached by it.
    away: Arc<Away>,
    /// Failures on this connection that were not the last word: other shards of the cluster answer.
    doubts: u32,
    /// Why there is no connection, and whether that is more than a moment's replacement.
    outage: Option<Obstacle>,
    is_out: bool,
    /// Why writes are refused, and whether one was since the last sign of life.
    refusal: Option<Obstacle>,
    was_refused: bool,
    /// The policy by which live games may be thrown away.
    evicts: Option<String>,
    /// Since when there is no connection, at the start and at the end.
    idle_since: WallTime,
    is_shut: bool,
}

impl Link {
    pub(super) fn new(is_cluster: bool, allows_eviction: bool, wall: WallClock) -> Arc<Self> {
        let state = LinkState {
            connection: None,
            generation: 0,
            breaker: CircuitBreaker::new(),
            away: Arc::default(),
            doubts: 0,
            outage: None,
            is_out: false,
            refusal: None,
            was_refused: false,
            evicts: None,
            idle_since: wall(),
            is_shut: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            changes: watch::Sender::new(0),
            summons: Notify::new(),
            is_cluster,
            allows_eviction,
            condition: Condition::good(wall.clone()),
            wall,
        })
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
                Err(self.failed(generation, (failure, LinkVerdict::Failed)))
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
                Err(Failure::Unknown(_)) if Instant::now() + FAIR < until => tokio::time::sleep(ASK_AGAIN).await,
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
                Err(Failure::Unknown(_)) if Instant::now() + FAIR < until => tokio::time::sleep(ASK_AGAIN).await,
                read => return read,
            }
        }
    }

    /// The connection to use, which may be just being replaced.
    pub(super) async fn connection(&self, until: Instant) -> Result<(u64, ValkeyConnection), Failure> {
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
                state.breaker.failed();
                return Err(state.away());
            }
        }
    }

    /// The connection in use, and which one it is.
    pub(super) fn current(&self) -> Option<(u64, ValkeyConnection)> {
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

    fn failed(&self, generation: u64, (failure, verdict): (Failure, LinkVerdict)) -> Failure {
        let mut state = self.state.lock();
        if verdict == LinkVerdict::Answered {
            state.breaker.succeeded();
            if is_refusal(&failure) {
                state.was_refused = true;
                self.note_refusal(state, Some(Obstacle::of(&failure)));
            }
            return failure;
        }
        // What an older connection says does not speak against this one.
        if state.generation != generation {
            return failure;
        }
        if self.is_cluster && verdict == LinkVerdict::Failed {
            // It is one shard's. Whether the others are there the supervisor finds out, by a fresh
            // connection that asks who is a primary now; the client sticks to a frozen one.
            state.doubts += 1;
            if state.doubts == MOST_DOUBTS {
                self.summons.notify_one();
            }
            return failure;
        }
        state.breaker.failed();
        let is_closed = state.breaker.state() == Breaker::Closed;
        if verdict == LinkVerdict::Lost || !is_closed {
            state.connection = None;
            state.generation += 1;
            state.outage = Some(Obstacle::of(&failure));
            // A connection that is cut is replaced in a moment.
            state.is_out |= !is_closed;
            self.review(&state);
            drop(state);
            self.tell();
            self.summons.notify_one();
        }
        failure
    }

    /// Lets health and the log say what a new game meets now.
    fn review(&self, state: &LinkState) {
        if state.is_shut {
            return;
        }
        let evicting = || Some(evicting(state.evicts.as_ref().filter(|_| !self.allows_eviction)?));
        let outage = state.outage.clone().filter(|_| state.is_out);
        match outage.or_else(|| state.refusal.clone()).or_else(evicting) {
            Some(obstacle) => self.condition.begin(Cause::Valkey(obstacle.why), &obstacle.detail),
            None => self.condition.end(),
        }
    }

    fn tell(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// A fresh connection was written through. Gives whether it is used from now on; where not, the
    /// next one decides.
    pub(super) fn probed(&self, connection: &ValkeyConnection, found: ConnectionCheck) -> bool {
        let mut state = self.state.lock();
        if state.is_shut {
            return false;
        }
        state.breaker.probed();
        let is_used = state.breaker.state() == Breaker::Closed;
        if is_used {
            match (state.away.is_empty(), found.away.is_empty()) {
                (true, false) => tracing::warn!("a part of Valkey's cluster is out of reach; the rest goes on"),
                (false, true) => tracing::info!("all parts of Valkey's cluster are reached again"),
                _ => {}
            }
            if state.generation == 0 {
                tracing::info!("Valkey is reached");
            }
            state.away = Arc::new(found.away);
            state.connection = Some(connection.clone());
            state.generation += 1;
            state.doubts = 0;
            (state.outage, state.is_out) = (None, false);
            (state.refusal, state.was_refused) = (found.refusal, false);
            // What could not be read is as it was known, and is read again in a moment.
            if let Ok(evicts) = found.evicts {
                self.note_policy(&mut state, evicts);
            }
            self.review(&state);
        }
        drop(state);
        self.tell();
        is_used
    }

    /// No connection could be made, or none that can be written through.
    pub(super) fn probe_failed(&self, why: Obstacle) {
        let mut state = self.state.lock();
        let weight = if self.is_cluster { WEIGHT_OF_ALL_SHARDS } else { 1 };
        (0..weight).for_each(|_| state.breaker.failed());
        if state.breaker.state() != Breaker::Closed && state.connection.take().is_some() {
            state.generation += 1;
        }
        // What is in use may go on: a cluster of which a part is away is looked at again and again.
        if state.connection.is_none() {
            (state.outage, state.is_out) = (Some(why), true);
            self.review(&state);
        }
        drop(state);
        self.tell();
    }

    /// What a sign of life met, which writes as a new game does. That a single one is taken while others
    /// are refused is no end of it.
    pub(super) fn signed(&self, refusal: Option<Obstacle>) {
        let mut state = self.state.lock();
        let was_refused = std::mem::take(&mut state.was_refused);
        // What was said on a connection that is lost by now says nothing of the next.
        if state.connection.is_none() || (refusal.is_none() && was_refused) {
            return;
        }
        self.note_refusal(state, refusal);
    }

    fn note_refusal(&self, mut state: MutexGuard<'_, LinkState>, refusal: Option<Obstacle>) {
        if state.refusal == refusal {
            return;
        }
        state.refusal = refusal;
        self.review(&state);
        drop(state);
        self.tell();
    }

    /// The policy by which live games may be thrown away was read.
    pub(super) fn has_policy(&self, evicts: Option<String>) {
        let mut state = self.state.lock();
        self.note_policy(&mut state, evicts);
        self.review(&state);
    }

    fn note_policy(&self, state: &mut LinkState, evicts: Option<String>) {
        if state.evicts == evicts {
            return;
        }
        if let Some(policy) = evicts.as_ref().filter(|_| self.allows_eviction) {
            tracing::warn!(policy, "Valkey may throw live games away, as REJOIN_VALKEY_EVICTION=allow permits");
        }
        state.evicts = evicts;
    }

    /// Whether games may begin: not where they could be thrown away.
    pub(super) fn lets_games_begin(&self) -> StoreResult<()> {
        match &self.state.lock().evicts {
            Some(policy) if !self.allows_eviction => Err(StoreError::unavailable(evicting(policy))),
            _ => Ok(()),
        }
    }

    /// A new game was refused.
    pub(super) fn count_refused(&self) {
        self.condition.count_refused(1);
    }

    /// Reminds the log of trouble that goes on.
    pub(super) fn remind(&self) {
        self.condition.remind();
    }

    /// Why no new game can begin. A store that has not looked yet has not told the log anything.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let state = self.state.lock();
        let is_idle = state.connection.is_none() && (state.generation == 0 || state.is_shut);
        let idle = Trouble { cause: Cause::Valkey(ValkeyCause::Unreachable), since: state.idle_since };
        self.condition.trouble().or(is_idle.then_some(idle))
    }

    /// Ends when a connection is to be replaced.
    pub(super) async fn summoned(&self) {
        self.summons.notified().await;
    }

    /// Whether commands can be committed.
    pub(super) fn is_good(&self) -> bool {
        let state = self.state.lock();
        state.connection.is_some() && state.refusal.is_none()
    }

    /// Whether what gives room can be written: to delete is allowed where memory is full.
    pub(super) fn can_delete(&self) -> bool {
        let state = self.state.lock();
        let takes = |refusal: &Obstacle| refusal.why == ValkeyCause::Full;
        state.connection.is_some() && state.refusal.as_ref().is_none_or(takes)
    }

    /// Whether a part of the cluster is away, and only a part.
    pub(super) fn is_partial(&self) -> bool {
        !self.state.lock().away.is_empty()
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// For health.
    pub(super) fn told(&self) -> contract::LinkStatus {
        contract::LinkStatus { breaker: self.state.lock().breaker.state() }
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
        state.idle_since = (self.wall)();
        state.connection = None;
        state.generation += 1;
        drop(state);
        self.tell();
    }

    pub(super) fn is_shut(&self) -> bool {
        self.state.lock().is_shut
    }
}

/// A policy that throws live games away.
fn evicting(policy: &str) -> Obstacle {
    let detail = format!("maxmemory-policy {policy}: set noeviction, or REJOIN_VALKEY_EVICTION=allow");
    Obstacle { why: ValkeyCause::Evicting, detail }
}

/// Whether a server that answers takes no writes for now, whatever they are.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Full | Failure::Refused(_))
        && matches!(failure.why(), ValkeyCause::Full | ValkeyCause::Disk | ValkeyCause::Replicas)
}

impl LinkState {
    fn cause(&self) -> error::BoxError {
        let unknown = || Obstacle { why: ValkeyCause::Unreachable, detail: "not connected yet".to_owned() };
        self.outage.clone().or_else(|| self.refusal.clone()).unwrap_or_else(unknown).into()
    }

    fn away(&self) -> Failure {
        Failure::Away(self.cause())
    }
}
