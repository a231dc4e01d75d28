//! Keeps the way to the server good: makes fresh connections, writes through each before it is
//! used, gives a sign of life every second, and reads the server's clock with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::cluster_routing::Slot;
use tokio_util::sync::CancellationToken;

use super::super::error::Cause;
use super::clock::{TimeSample, ValkeyClock};
use super::connect::{Connection, explained};
use super::failure::Failure;
use super::hints::Hints;
use super::link::Link;
use super::scripts::{FORGET, SIGN};
use super::shards::{self, Away, slot_of};
use super::target::Target;
use super::{CLUSTER_WORDS, DEADLINES, UP, UP_FOR, WORDS};
use crate::domain::Timestamp;

/// How often a sign of life is given.
const EVERY: Duration = Duration::from_secs(1);
/// Pauses between two probes while the server is away: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How soon a cluster of which a part is away is looked at again.
const PARTIAL: Duration = Duration::from_millis(500);
/// How long a connection's first write may take.
const PROBE: Duration = Duration::from_millis(500);

/// A session's key that no session has.
const PROBE_KEY: &str = "session:probe";
/// What a server calls a missing right.
const NO_RIGHT: &str = "NOPERM";

/// A connection that can be used, as far as it can.
struct Found {
    connection: Connection,
    /// What of a cluster can't be reached by it.
    away: Away,
    /// Why writes are refused, if they are.
    refusal: Option<String>,
}

pub(super) struct Supervisor {
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<ValkeyClock>,
    pub(super) target: Arc<Target>,
    pub(super) hints: Arc<Hints>,
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
            self.connect().await;
            let connected = tokio::time::Instant::now();
            self.keep().await;
            if self.link.is_good() {
                // A part of a cluster is away, and the rest goes on meanwhile.
                tokio::time::sleep_until(connected + PARTIAL).await;
            }
        }
    }

    /// Tries until a connection is in use.
    async fn connect(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.probe().await {
                Ok(found) => {
                    if self.link.probed(&found.connection, found.away) {
                        if found.refusal.is_some() {
                            self.link.note_refusal(found.refusal);
                        }
                        return;
                    }
                    pause = FIRST_PAUSE;
                }
                Err(error) => self.link.probe_failed(&error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A fresh connection that something was written through, to each part of a cluster that is there;
    /// or only not written because the server refuses all writes for now.
    async fn probe(&self) -> Result<Found, String> {
        let mut connection = Connection::open(&self.target).await.map_err(|error| explained(&error, &self.target))?;
        let away = match self.link.is_cluster() {
            true => shards::look(&mut connection, PROBE).await.map_err(|error| error.to_string())?,
            false => Away::new(),
        };
        let refusal = if away.contains(&Slot::for_key(UP)) { None } else { self.sign(&mut connection).await? };
        if refusal.is_none() {
            self.may_touch_sessions(&mut connection, &away).await?;
            self.may_give_hints(&mut connection, &away).await;
        }
        Ok(Found { connection, away, refusal })
    }

    /// Gives a sign of life on a fresh connection, or says why that is refused for now.
    async fn sign(&self, connection: &mut Connection) -> Result<Option<String>, String> {
        let asked = Instant::now();
        let sign = SIGN.by_text(&[UP], &[UP_FOR]);
        let signed = tokio::time::timeout(PROBE, connection.query(&sign)).await;
        match signed.map_err(|_| "no answer in time".to_owned())? {
            Ok(answer) => {
                self.learn(asked, answer);
                Ok(None)
            }
            Err(error) => match Failure::of(error, self.link.is_cluster()).0 {
                Failure::Refused(cause) if is_about_rights(&cause) => Err(cause.to_string()),
                failure @ (Failure::Refused(_) | Failure::Full) => Ok(Some(failure.to_string())),
                failure => Err(failure.to_string()),
            },
        }
    }

    /// Whether the user has the rights to what lies beside the mark: a user who hasn't would be told of
    /// a server that is there, and could play nothing.
    async fn may_touch_sessions(&self, connection: &mut Connection, away: &Away) -> Result<(), String> {
        let keys = [PROBE_KEY, &format!("{{{PROBE_KEY}}}:quiz"), &format!("{{{PROBE_KEY}}}:ev")];
        let forget = FORGET.by_text(&keys, &[b"", b"", b""]);
        let mut count = redis::cmd("ZCARD");
        count.arg(DEADLINES);
        for command in [forget, count] {
            if slot_of(&command).is_some_and(|slot| away.contains(&slot)) {
                continue;
            }
            let asked = tokio::time::timeout(PROBE, connection.query::<redis::Value>(&command)).await;
            match asked {
                Ok(Err(error)) if error.code() == Some(NO_RIGHT) => return Err(error.to_string()),
                // All else is for those who need it.
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the user has the right to give hints. Without it nothing is refused, so that it would not
    /// be seen.
    async fn may_give_hints(&self, connection: &mut Connection, away: &Away) {
        let mut publish = redis::cmd(if self.link.is_cluster() { CLUSTER_WORDS.publish } else { WORDS.publish });
        publish.arg(format!("{{{PROBE_KEY}}}:n")).arg("");
        if slot_of(&publish).is_some_and(|slot| away.contains(&slot)) {
            return;
        }
        match tokio::time::timeout(PROBE, connection.query::<redis::Value>(&publish)).await {
            Ok(Err(error)) if error.code() == Some(NO_RIGHT) => self.hints.refused(&error.to_string()),
            _ => {}
        }
    }

    /// Gives signs of life until the connection is to be replaced.
    async fn keep(&self) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // First: a sign of life would wait for the connection that is to be made here.
                biased;
                () = self.link.summoned() => return,
                // Is the rest of the cluster there again?
                () = tokio::time::sleep(PARTIAL), if self.link.is_partial() => return,
                _ = every.tick() => {}
            }
            let asked = Instant::now();
            let until = tokio::time::Instant::from(asked + EVERY);
            match self.link.run(&SIGN, &[UP], &[UP_FOR], until).await {
                Ok(answer) => {
                    self.learn(asked, answer);
                    self.link.note_refusal(None);
                }
                Err(Failure::Refused(cause)) => self.link.note_refusal(Some(cause.to_string())),
                Err(Failure::Full) => self.link.note_refusal(Some("out of memory".to_owned())),
                Err(_) => {}
            }
        }
    }

    fn learn(&self, asked: Instant, (since, micros): (u64, i64)) {
        let up_since = Some(Timestamp::from_millis(since));
        self.clock.learn(TimeSample { asked, answered: Instant::now(), server_micros: micros, up_since });
    }
}

fn is_about_rights(cause: &Cause) -> bool {
    cause.downcast_ref::<redis::RedisError>().is_some_and(|error| error.code() == Some(NO_RIGHT))
}
