//! The supervisor of the link: a background task that opens fresh connections, writes through each one before
//! it is used, and sends a heartbeat every second. The heartbeat also reads the server's clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::RedisError;
use redis::cluster_routing::Slot;
use tokio_util::sync::CancellationToken;

use super::super::contract::ValkeyCause;
use super::clock::{TimeSample, ValkeyClock};
use super::connect::{ValkeyConnection, explained};
use super::failure::{self, Failure};
use super::link::{ConnectionCheck, Link, Obstacle};
use super::notifier::Notifier;
use super::scripts::{PROBE, SIGN};
use super::shards::{self, Away, ClusterView, slot_of};
use super::target::ValkeyTarget;
use super::{CLUSTER_WORDS, DEADLINES, Keys, UP, UP_FOR, WORDS};
use crate::domain::Timestamp;

/// Interval between heartbeats.
const EVERY: Duration = Duration::from_secs(1);
/// Backoff between probes while the server is unavailable: the first delay and the maximum.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Interval between probes of a cluster with missing shards.
const PARTIAL: Duration = Duration::from_millis(500);
/// Timeout of each check on a connection.
const PROBING: Duration = Duration::from_millis(500);
/// The eviction policy is read with every n-th heartbeat.
const POLICY_EVERY: u32 = 3;

/// A key name that no session has. Probes write under it.
const NOBODY: &str = "session:probe";
/// The server's error code for a missing permission.
const NO_RIGHT: &str = "NOPERM";

/// A connection that passed the probe, and what the probe found.
struct UsableConnection {
    connection: ValkeyConnection,
    findings: ConnectionCheck,
    /// The key names for probe writes: one in each reachable shard.
    probes: Vec<String>,
}

pub(super) struct Supervisor {
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<ValkeyClock>,
    pub(super) target: Arc<ValkeyTarget>,
    pub(super) notifier: Arc<Notifier>,
}

impl Supervisor {
    /// Runs until `stop` is cancelled.
    pub(super) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.supervise() => {}
        }
    }

    async fn supervise(&self) {
        loop {
            let probes = self.connect().await;
            let connected = tokio::time::Instant::now();
            self.keep(&probes).await;
            if self.link.is_good() {
                // `keep` returned although the connection is good: some shards are away. Don't probe for them
                // more often than every `PARTIAL`.
                tokio::time::sleep_until(connected + PARTIAL).await;
            }
        }
    }

    /// Probes until a connection is installed. Returns the key names for its probe writes.
    async fn connect(&self) -> Vec<String> {
        let mut pause = FIRST_PAUSE;
        loop {
            self.link.remind();
            match self.probe().await {
                Ok(found) => {
                    if self.link.probed(&found.connection, found.findings) {
                        return found.probes;
                    }
                    // Not installed yet: the breaker is half-open and needs a second successful probe soon.
                    pause = FIRST_PAUSE;
                }
                Err(obstacle) => self.link.probe_failed(obstacle),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Opens a fresh connection and writes through it, to every reachable shard of a cluster. A server that
    /// currently refuses all writes also passes; the refusal is then part of the findings.
    async fn probe(&self) -> Result<UsableConnection, Obstacle> {
        let met = |error: RedisError| Obstacle { why: failure::why(&error), detail: explained(&error, &self.target) };
        let mut connection = ValkeyConnection::open(&self.target).await.map_err(met)?;
        let ClusterView { away, probes } = match self.link.is_cluster() {
            true => shards::look(&mut connection, PROBING).await.map_err(met)?,
            false => ClusterView { away: Away::new(), probes: vec![NOBODY.to_owned()] },
        };
        let mut refusal = if away.contains(&Slot::for_key(UP)) { None } else { self.sign(&mut connection).await? };
        for name in &probes {
            // With missing shards the probe must be short. `shards::look` has already written to the others.
            if refusal.is_none() && away.is_empty() {
                refusal = self.write(&mut connection, name).await?;
            }
        }
        if refusal.is_none() {
            self.may_count_sessions(&mut connection, &away).await?;
            self.check_right_to_notify(&mut connection, &away).await;
        }
        // With missing shards don't read the policy: a shard that is away would only delay the probe.
        let evicts = if away.is_empty() { policy_of(&mut connection).await } else { Err(()) };
        Ok(UsableConnection { connection, findings: ConnectionCheck { away, refusal, evicts }, probes })
    }

    /// Sends a heartbeat on a fresh connection. Returns the reason if the server currently refuses writes.
    async fn sign(&self, connection: &mut ValkeyConnection) -> Result<Option<Obstacle>, Obstacle> {
        let asked = Instant::now();
        let sign = SIGN.by_text(&[UP], &[UP_FOR]);
        match tokio::time::timeout(PROBING, connection.query(&sign)).await {
            Ok(Ok(answer)) => {
                self.learn(asked, answer);
                Ok(None)
            }
            Ok(Err(error)) => self.refused(error),
            Err(_) => Err(silent()),
        }
    }

    /// Writes what a new session would write. Returns the reason if the server currently refuses that.
    async fn write(&self, connection: &mut ValkeyConnection, name: &str) -> Result<Option<Obstacle>, Obstacle> {
        let keys = Keys::named(name);
        let write = PROBE.by_text(&keys.all(), &[]);
        match tokio::time::timeout(PROBING, connection.query::<redis::Value>(&write)).await {
            Ok(Err(error)) if matches!(failure::why(&error), ValkeyCause::Rights) => self.refused(error),
            Ok(Err(error)) => {
                let failure = Failure::of(error, self.link.is_cluster()).0;
                Ok(is_refusal(&failure).then(|| Obstacle::of(&failure)))
            }
            // A timeout here is ignored: the heartbeat already proved that the connection can be written to.
            Ok(Ok(_)) | Err(_) => Ok(None),
        }
    }

    /// Classifies an error of a write on a fresh connection: `Ok` for a temporary refusal of all writes,
    /// `Err` if the connection can't be used. A missing permission makes it unusable: otherwise the server
    /// would count as available although no game could be played.
    fn refused(&self, error: RedisError) -> Result<Option<Obstacle>, Obstacle> {
        let has_no_right = failure::why(&error) == ValkeyCause::Rights;
        let failure = Failure::of(error, self.link.is_cluster()).0;
        match &failure {
            Failure::Refused(_) | Failure::Full if !has_no_right => Ok(Some(Obstacle::of(&failure))),
            _ => Err(Obstacle::of(&failure)),
        }
    }

    /// Checks that the user may access the keys beside the sessions' own, such as the deadline index.
    async fn may_count_sessions(&self, connection: &mut ValkeyConnection, away: &Away) -> Result<(), Obstacle> {
        let mut count = redis::cmd("ZCARD");
        count.arg(DEADLINES);
        if slot_of(&count).is_some_and(|slot| away.contains(&slot)) {
            return Ok(());
        }
        match tokio::time::timeout(PROBING, connection.query::<redis::Value>(&count)).await {
            Ok(Err(error)) if error.code() == Some(NO_RIGHT) => self.refused(error).map(drop),
            // Other errors are left to the calls that need this key.
            _ => Ok(()),
        }
    }

    /// Checks that the user may publish notices, and logs a warning if not. Without that permission nothing
    /// else fails, so nobody would notice.
    async fn check_right_to_notify(&self, connection: &mut ValkeyConnection, away: &Away) {
        let mut publish = redis::cmd(if self.link.is_cluster() { CLUSTER_WORDS.publish } else { WORDS.publish });
        publish.arg(format!("{{{NOBODY}}}:n")).arg("");
        if slot_of(&publish).is_some_and(|slot| away.contains(&slot)) {
            return;
        }
        match tokio::time::timeout(PROBING, connection.query::<redis::Value>(&publish)).await {
            Ok(Err(error)) if error.code() == Some(NO_RIGHT) => self.notifier.refused(&error.to_string()),
            _ => {}
        }
    }

    /// Sends heartbeats until the connection must be replaced. With each heartbeat it writes what a new
    /// session would write.
    async fn keep(&self, probes: &[String]) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for sign in 1_u32.. {
            tokio::select! {
                // `biased`, with the replacement first: a heartbeat would wait for the connection that only
                // this task can make.
                biased;
                () = self.link.summoned() => return,
                // Return to probe whether the missing shards are back.
                () = tokio::time::sleep(PARTIAL), if self.link.is_partial() => return,
                _ = every.tick() => {}
            }
            self.link.remind();
            // While shards are away, skip the probe writes: nothing must delay the next probe.
            let probes = if self.link.is_partial() { &[] } else { probes };
            match self.sign_and_write(probes).await {
                Ok(()) => self.link.signed(None),
                Err(failure) if is_refusal(&failure) => self.link.signed(Some(Obstacle::of(&failure))),
                Err(_) => {}
            }
            if sign.is_multiple_of(POLICY_EVERY) {
                self.look_at_policy().await;
            }
        }
    }

    async fn sign_and_write(&self, probes: &[String]) -> Result<(), Failure> {
        let asked = Instant::now();
        let until = tokio::time::Instant::from(asked + EVERY);
        let answer = self.link.run(&SIGN, &[UP], &[UP_FOR], until).await?;
        self.learn(asked, answer);
        for name in probes {
            self.link.run::<redis::Value>(&PROBE, &Keys::named(name).all(), &[], until).await?;
        }
        Ok(())
    }

    /// Reads the eviction policy again, because an operator can change it at any time.
    async fn look_at_policy(&self) {
        let Some((_, mut connection)) = self.link.current() else { return };
        if let Ok(evicts) = policy_of(&mut connection).await {
            self.link.has_policy(evicts);
        }
    }

    /// Passes a heartbeat's answer to the clock: up since when, in ms, and the server's time, in µs.
    fn learn(&self, asked: Instant, (since, micros): (u64, i64)) {
        let up_since = Some(Timestamp::from_millis(since));
        self.clock.learn(TimeSample { asked, answered: Instant::now(), server_micros: micros, up_since });
    }
}

/// The eviction policy if it may evict live games; `Err` if it can't be read in time.
async fn policy_of(connection: &mut ValkeyConnection) -> Result<Option<String>, ()> {
    let policy = tokio::time::timeout(PROBING, connection.eviction_policy()).await;
    policy.map_err(drop)?.map_err(drop)
}

fn silent() -> Obstacle {
    Obstacle { why: ValkeyCause::Unreachable, detail: "no answer in time".to_owned() }
}

/// True if the server answers but refuses what a new game writes.
fn is_refusal(failure: &Failure) -> bool {
    use ValkeyCause::{Disk, Full, Refusing, Replicas, Rights};
    matches!(failure.why(), Full | Disk | Replicas | Rights | Refusing)
}
