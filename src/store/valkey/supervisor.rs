//! Keeps the way to the server good: makes fresh connections, writes through each before it is
//! used, gives a sign of life every second, and reads the server's clock with it.

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

/// How often a sign of life is given.
const EVERY: Duration = Duration::from_secs(1);
/// Pauses between two probes while the server is away: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How soon a cluster of which a part is away is looked at again.
const PARTIAL: Duration = Duration::from_millis(500);
/// How long a connection's first write may take.
const PROBING: Duration = Duration::from_millis(500);
/// After so many signs of life it is looked whether the server may throw games away.
const POLICY_EVERY: u32 = 3;

/// A name that no session has.
const NOBODY: &str = "session:probe";
/// What a server calls a missing right.
const NO_RIGHT: &str = "NOPERM";

/// A connection that can be used, as far as it can.
struct UsableConnection {
    connection: ValkeyConnection,
    findings: ConnectionCheck,
    probes: Vec<String>,
}

pub(super) struct Supervisor {
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<ValkeyClock>,
    pub(super) target: Arc<ValkeyTarget>,
    pub(super) notifier: Arc<Notifier>,
}

impl Supervisor {
    /// Runs until `stop`.
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
                // A part of a cluster is away, and the rest goes on meanwhile.
                tokio::time::sleep_until(connected + PARTIAL).await;
            }
        }
    }

    /// Tries until a connection is in use. Gives by which names it is probed.
    async fn connect(&self) -> Vec<String> {
        let mut pause = FIRST_PAUSE;
        loop {
            self.link.remind();
            match self.probe().await {
                Ok(found) => {
                    if self.link.probed(&found.connection, found.findings) {
                        return found.probes;
                    }
                    pause = FIRST_PAUSE;
                }
                Err(obstacle) => self.link.probe_failed(obstacle),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A fresh connection that something was written through, to each part of a cluster that is there;
    /// or only not written because the server refuses all writes for now.
    async fn probe(&self) -> Result<UsableConnection, Obstacle> {
        let met = |error: RedisError| Obstacle { why: failure::why(&error), detail: explained(&error, &self.target) };
        let mut connection = ValkeyConnection::open(&self.target).await.map_err(met)?;
        let ClusterView { away, probes } = match self.link.is_cluster() {
            true => shards::look(&mut connection, PROBING).await.map_err(met)?,
            false => ClusterView { away: Away::new(), probes: vec![NOBODY.to_owned()] },
        };
        let mut refusal = if away.contains(&Slot::for_key(UP)) { None } else { self.sign(&mut connection).await? };
        for name in &probes {
            // While a part is away, each look is to be a short one: the others were written to by it.
            if refusal.is_none() && away.is_empty() {
                refusal = self.write(&mut connection, name).await?;
            }
        }
        if refusal.is_none() {
            self.may_count_sessions(&mut connection, &away).await?;
            self.check_right_to_notify(&mut connection, &away).await;
        }
        // A part that is away would only hold this up.
        let evicts = if away.is_empty() { policy_of(&mut connection).await } else { Err(()) };
        Ok(UsableConnection { connection, findings: ConnectionCheck { away, refusal, evicts }, probes })
    }

    /// Gives a sign of life on a fresh connection, or says why that is refused for now.
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

    /// Writes what a new session would, or says why that is refused for now.
    async fn write(&self, connection: &mut ValkeyConnection, name: &str) -> Result<Option<Obstacle>, Obstacle> {
        let keys = Keys::named(name);
        let write = PROBE.by_text(&keys.all(), &[]);
        match tokio::time::timeout(PROBING, connection.query::<redis::Value>(&write)).await {
            Ok(Err(error)) if matches!(failure::why(&error), ValkeyCause::Rights) => self.refused(error),
            Ok(Err(error)) => {
                let failure = Failure::of(error, self.link.is_cluster()).0;
                Ok(is_refusal(&failure).then(|| Obstacle::of(&failure)))
            }
            // All else is for those who need it: it was written through already.
            Ok(Ok(_)) | Err(_) => Ok(None),
        }
    }

    /// What a write on a fresh connection has met: a refusal of all writes for now, or why the connection
    /// is of no use. With too few rights a server would be there, and nothing could be played.
    fn refused(&self, error: RedisError) -> Result<Option<Obstacle>, Obstacle> {
        let has_no_right = failure::why(&error) == ValkeyCause::Rights;
        let failure = Failure::of(error, self.link.is_cluster()).0;
        match &failure {
            Failure::Refused(_) | Failure::Full if !has_no_right => Ok(Some(Obstacle::of(&failure))),
            _ => Err(Obstacle::of(&failure)),
        }
    }

    /// Whether the user has the rights to what lies beside the sessions.
    async fn may_count_sessions(&self, connection: &mut ValkeyConnection, away: &Away) -> Result<(), Obstacle> {
        let mut count = redis::cmd("ZCARD");
        count.arg(DEADLINES);
        if slot_of(&count).is_some_and(|slot| away.contains(&slot)) {
            return Ok(());
        }
        match tokio::time::timeout(PROBING, connection.query::<redis::Value>(&count)).await {
            Ok(Err(error)) if error.code() == Some(NO_RIGHT) => self.refused(error).map(drop),
            // All else is for those who need it.
            _ => Ok(()),
        }
    }

    /// Whether the user has the right to give hints. Without it nothing is refused, so that it would not
    /// be seen.
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

    /// Gives signs of life until the connection is to be replaced, and writes with each what a new
    /// session would.
    async fn keep(&self, probes: &[String]) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for sign in 1_u32.. {
            tokio::select! {
                // First: a sign of life would wait for the connection that is to be made here.
                biased;
                () = self.link.summoned() => return,
                // Is the rest of the cluster there again?
                () = tokio::time::sleep(PARTIAL), if self.link.is_partial() => return,
                _ = every.tick() => {}
            }
            self.link.remind();
            // While a part is away, nothing is to hold up the next look for it.
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

    /// Whoever may set the policy may set it at any time.
    async fn look_at_policy(&self) {
        let Some((_, mut connection)) = self.link.current() else { return };
        if let Ok(evicts) = policy_of(&mut connection).await {
            self.link.has_policy(evicts);
        }
    }

    fn learn(&self, asked: Instant, (since, micros): (u64, i64)) {
        let up_since = Some(Timestamp::from_millis(since));
        self.clock.learn(TimeSample { asked, answered: Instant::now(), server_micros: micros, up_since });
    }
}

/// The policy by which the server may throw live games away, if it may and can be asked.
async fn policy_of(connection: &mut ValkeyConnection) -> Result<Option<String>, ()> {
    let policy = tokio::time::timeout(PROBING, connection.eviction_policy()).await;
    policy.map_err(drop)?.map_err(drop)
}

fn silent() -> Obstacle {
    Obstacle { why: ValkeyCause::Unreachable, detail: "no answer in time".to_owned() }
}

/// Whether a server that answers takes nothing that a new game writes.
fn is_refusal(failure: &Failure) -> bool {
    use ValkeyCause::{Disk, Full, Refusing, Replicas, Rights};
    matches!(failure.why(), Full | Disk | Replicas | Rights | Refusing)
}
