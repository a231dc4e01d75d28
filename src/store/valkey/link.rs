//! The link to the server: the current connection, the circuit breaker in front of it, the time limit of
//! every call, and the reasons why new games are refused.
//!
//! Only the supervisor installs connections, and only the supervisor finds out that writes are accepted
//! again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use redis::{Cmd, FromRedisValue};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::super::condition::Condition;
use super::super::contract::{self, Breaker, Cause, Trouble, ValkeyCause};
use super::super::error::{SharedError, StoreError, StoreResult, shared};
use super::breaker::CircuitBreaker;
use super::connect::ValkeyConnection;
use super::failure::{Failure, LinkVerdict};
use super::scripts::Script;
use super::shards::{Away, slot_of};
use crate::domain::WallTime;
use crate::metrics::Latency;
use crate::store::clock::WallClock;

/// Maximum duration of a call, even if the client's own time limits fail.
const CALL: Duration = Duration::from_millis(500);
/// The same for a call to a cluster.
const CLUSTER_CALL: Duration = Duration::from_millis(800);
/// Number of failed calls on a cluster connection after which it is replaced, even if other shards answer.
const MOST_DOUBTS: u32 = 3;
/// Number of failures that one probe counts for in the breaker if it reached no shard of a cluster.
const WEIGHT_OF_ALL_SHARDS: u32 = 3;
/// Minimum time that a server must have had to answer before a timeout counts as its failure. A read is also
/// retried only if more than this time is left.
const FAIR: Duration = Duration::from_millis(200);
/// Maximum time that a call waits for a connection that is being replaced.
const REPLACING: Duration = Duration::from_millis(250);
/// Delay before a read that got no answer is retried.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// The reason why commands can't be committed, or why new games can't begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Obstacle {
    pub(super) why: ValkeyCause,
    /// The error text for the log.
    pub(super) detail: String,
}

impl Obstacle {
    pub(super) fn of(failure: &Failure) -> Self {
        Self { why: failure.why(), detail: failure.to_string() }
    }
}

/// The result of the checks on a fresh connection.
pub(super) struct ConnectionCheck {
    /// The slots of a cluster that can't be reached. Empty without a cluster.
    pub(super) away: Away,
    /// The reason why the server refuses writes, if it does.
    pub(super) refusal: Option<Obstacle>,
    /// The `maxmemory-policy` if it may evict live games, `None` if it can't, `Err` if it could not be read.
    pub(super) evicts: Result<Option<String>, ()>,
}

/// The link to the server.
pub(super) struct Link {
    state: Mutex<LinkState>,
    /// Counts changes of `state`, to wake those who wait for one.
    changes: watch::Sender<u64>,
    /// Wakes the supervisor to replace the connection.
    summons: Notify,
    is_cluster: bool,
    /// True if games may begin although the server may evict them (`REJOIN_VALKEY_EVICTION=allow`).
    allows_eviction: bool,
    condition: Condition,
    wall: WallClock,
    /// How long the server takes to answer.
    latency: Latency,
}

struct LinkState {
    connection: Option<ValkeyConnection>,
    /// Goes up whenever a connection is installed or dropped. Errors from an older generation are ignored.
    generation: u64,
    breaker: CircuitBreaker,
    /// The slots of a cluster that this connection can't reach.
    away: Arc<Away>,
    /// Failed calls on this cluster connection. A single one proves little, because other shards may answer.
    doubts: u32,
    /// The reason why there is no connection.
    outage: Option<Obstacle>,
    /// True if the outage is more than the short replacement of a lost connection.
    is_out: bool,
    /// The reason why the server refuses writes, if it does.
    refusal: Option<Obstacle>,
    /// True if a call was refused since the last heartbeat.
    was_refused: bool,
    /// The `maxmemory-policy` if it may evict live games.
    evicts: Option<String>,
    /// The date since which there is no connection, before the first one and after `shut`.
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
            latency: Latency::default(),
        })
    }

    /// Sends a command and waits for its answer, until `until` at the latest.
    pub(super) async fn call<T: FromRedisValue>(&self, command: &Cmd, until: Instant) -> Result<T, Failure> {
        self.is_for_those_there(command)?;
        let (generation, mut connection) = self.connection(until).await?;
        let now = Instant::now();
        if until <= now {
            return Err(Failure::Away(shared("no time was left for it")));
        }
        let longest = if self.is_cluster { CLUSTER_CALL } else { CALL };
        let limit = until.min(now + longest);
        let answer = tokio::time::timeout_at(limit, connection.query(command)).await;
        self.latency.note(now.elapsed());
        match answer {
            Ok(Ok(value)) => {
                self.state.lock().breaker.succeeded();
                Ok(value)
            }
            Ok(Err(error)) => Err(self.failed(generation, Failure::of(error, self.is_cluster))),
            Err(_) => {
                let failure = Failure::Unknown(shared("no answer in time"));
                // A call that started too late gave the server no fair time, so its timeout doesn't count as
                // a failure.
                if limit - now < FAIR {
                    return Err(failure);
                }
                Err(self.failed(generation, (failure, LinkVerdict::Failed)))
            }
        }
    }

    /// Runs a script by its hash, and by its text if the server doesn't know it yet.
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

    /// Runs a read-only command. A read without an answer is retried as long as there is time: a lost
    /// connection is soon replaced, and reading twice does no harm.
    pub(super) async fn read<T: FromRedisValue>(&self, command: &Cmd, until: Instant) -> Result<T, Failure> {
        loop {
            match self.call(command, until).await {
                Err(Failure::Unknown(_)) if Instant::now() + FAIR < until => tokio::time::sleep(ASK_AGAIN).await,
                read => return read,
            }
        }
    }

    /// Like [`read`](Self::read), for a read-only script.
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

    /// Returns the connection and its generation. Waits for a connection that is being replaced.
    pub(super) async fn connection(&self, until: Instant) -> Result<(u64, ValkeyConnection), Failure> {
        // Subscribe before the first check, so that no change between check and wait is missed.
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

    /// Returns the current connection and its generation, without waiting.
    pub(super) fn current(&self) -> Option<(u64, ValkeyConnection)> {
        let state = self.state.lock();
        state.connection.clone().map(|connection| (state.generation, connection))
    }

    /// A receiver that is notified of every change of the link's state.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Fails at once if the command's slot is on a shard that is away.
    fn is_for_those_there(&self, command: &Cmd) -> Result<(), Failure> {
        if !self.is_cluster {
            return Ok(());
        }
        let away = self.state.lock().away.clone();
        let is_away = !away.is_empty() && slot_of(command).is_some_and(|slot| away.contains(&slot));
        if is_away { Err(Failure::Away(shared("its part of the cluster is out of reach"))) } else { Ok(()) }
    }

    /// Records a failed call in the breaker and the link's state, and returns the failure.
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
        // An error of an older connection says nothing about the current one.
        if state.generation != generation {
            return failure;
        }
        if self.is_cluster && verdict == LinkVerdict::Failed {
            // Only one shard failed. After a few failures the supervisor makes a fresh connection, which asks
            // for the current primaries: the client itself keeps using a frozen primary.
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
            // A lost connection alone is not an outage: it is replaced at once.
            state.is_out |= !is_closed;
            self.review(&state);
            drop(state);
            self.tell();
            self.summons.notify_one();
        }
        failure
    }

    /// Updates the condition for `/health` and the log from the current state.
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

    /// Records a successful probe on a fresh connection. Returns true if the connection is installed. If not,
    /// the breaker is half-open and the next probe decides.
    pub(super) fn probed(&self, connection: &ValkeyConnection, found: ConnectionCheck) -> bool {
        let mut state = self.state.lock();
        if state.is_shut {
            return false;
        }
        state.breaker.probed();
        let is_used = state.breaker.state() == Breaker::Closed;
        if is_used {
            match (state.away.is_empty(), found.away.is_empty()) {
                (true, false) => tracing::warn!("some shards of the Valkey cluster are unreachable; the others go on"),
                (false, true) => tracing::info!("all shards of the Valkey cluster are reachable again"),
                _ => {}
            }
            if state.generation == 0 {
                tracing::info!("connected to Valkey");
            }
            state.away = Arc::new(found.away);
            state.connection = Some(connection.clone());
            state.generation += 1;
            state.doubts = 0;
            (state.outage, state.is_out) = (None, false);
            (state.refusal, state.was_refused) = (found.refusal, false);
            // If the policy could not be read, keep the known one. It is read again soon.
            if let Ok(evicts) = found.evicts {
                self.note_policy(&mut state, evicts);
            }
            self.review(&state);
        }
        drop(state);
        self.tell();
        is_used
    }

    /// Records a failed probe: no connection could be made, or writing through it failed.
    pub(super) fn probe_failed(&self, why: Obstacle) {
        let mut state = self.state.lock();
        let weight = if self.is_cluster { WEIGHT_OF_ALL_SHARDS } else { 1 };
        (0..weight).for_each(|_| state.breaker.failed());
        if state.breaker.state() != Breaker::Closed && state.connection.take().is_some() {
            state.generation += 1;
        }
        // If a connection is in use, it stays in use: a cluster with missing shards is probed repeatedly.
        if state.connection.is_none() {
            (state.outage, state.is_out) = (Some(why), true);
            self.review(&state);
        }
        drop(state);
        self.tell();
    }

    /// Records the result of a heartbeat, which includes the writes of a new game. A heartbeat that succeeds
    /// does not end a refusal if another call was refused since the previous heartbeat.
    pub(super) fn signed(&self, refusal: Option<Obstacle>) {
        let mut state = self.state.lock();
        let was_refused = std::mem::take(&mut state.was_refused);
        // A result from a connection that is lost by now says nothing about the next one.
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

    /// Records the eviction policy that was read: `None` if the server never evicts live games.
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
            tracing::warn!(
                policy,
                "Valkey may evict live games, and REJOIN_VALKEY_EVICTION=allow accepts that. To prevent it, set \
                 Valkey's maxmemory-policy to noeviction"
            );
        }
        state.evicts = evicts;
    }

    /// Fails if games must not begin because the server could evict them.
    pub(super) fn lets_games_begin(&self) -> StoreResult<()> {
        match &self.state.lock().evicts {
            Some(policy) if !self.allows_eviction => Err(StoreError::unavailable(evicting(policy))),
            _ => Ok(()),
        }
    }

    /// Counts one refused new game.
    pub(super) fn count_refused(&self) {
        self.condition.count_refused(1);
    }

    /// Logs a reminder of lasting trouble if one is due.
    pub(super) fn remind(&self) {
        self.condition.remind();
    }

    /// The reason why no new game can begin. Before the first connection and after `shut` this is
    /// `Unreachable`, although nothing was logged.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let state = self.state.lock();
        let is_idle = state.connection.is_none() && (state.generation == 0 || state.is_shut);
        let idle = Trouble { cause: Cause::Valkey(ValkeyCause::Unreachable), since: state.idle_since };
        self.condition.trouble().or(is_idle.then_some(idle))
    }

    /// Waits until the connection must be replaced.
    pub(super) async fn summoned(&self) {
        self.summons.notified().await;
    }

    /// True if commands can be committed.
    pub(super) fn is_good(&self) -> bool {
        let state = self.state.lock();
        state.connection.is_some() && state.refusal.is_none()
    }

    /// True if deletions are accepted. A server with full memory refuses other writes but still accepts
    /// deletions.
    pub(super) fn can_delete(&self) -> bool {
        let state = self.state.lock();
        let takes = |refusal: &Obstacle| refusal.why == ValkeyCause::Full;
        state.connection.is_some() && state.refusal.as_ref().is_none_or(takes)
    }

    /// True if some shards of the cluster are away, but not all.
    pub(super) fn is_partial(&self) -> bool {
        !self.state.lock().away.is_empty()
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// What is known about the server, for operators.
    pub(super) fn figures(&self) -> contract::ValkeyFigures {
        contract::ValkeyFigures { latency: self.latency.clone(), evicts: self.state.lock().evicts.is_some() }
    }

    /// The link status for `/health`.
    pub(super) fn told(&self) -> contract::LinkStatus {
        contract::LinkStatus { breaker: self.state.lock().breaker.state() }
    }

    /// Waits until commands can be committed. Fails with the current obstacle after `patience`.
    pub(super) async fn until_good(&self, patience: Duration) -> StoreResult<()> {
        // Subscribe before the first check, so that no change between check and wait is missed.
        let mut changes = self.changes.subscribe();
        let limit = Instant::now() + patience;
        while !self.is_good() {
            if tokio::time::timeout_at(limit, changes.changed()).await.is_err() {
                return Err(StoreError::Unavailable(Some(self.state.lock().cause())));
            }
        }
        Ok(())
    }

    /// Closes the link for good: every later call is refused.
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

/// The obstacle that a `maxmemory-policy` other than `noeviction` is.
fn evicting(policy: &str) -> Obstacle {
    let detail = format!("maxmemory-policy {policy}: set noeviction, or REJOIN_VALKEY_EVICTION=allow");
    Obstacle { why: ValkeyCause::Evicting, detail }
}

/// True if the failure means that the server currently refuses all writes.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Full | Failure::Refused(_))
        && matches!(failure.why(), ValkeyCause::Full | ValkeyCause::Disk | ValkeyCause::Replicas)
}

impl LinkState {
    fn cause(&self) -> SharedError {
        let unknown = || Obstacle { why: ValkeyCause::Unreachable, detail: "not connected yet".to_owned() };
        shared(self.outage.clone().or_else(|| self.refusal.clone()).unwrap_or_else(unknown))
    }

    fn away(&self) -> Failure {
        Failure::Away(self.cause())
    }
}
