//! Keeps the way to the server good: makes fresh connections, writes through each before it is
//! used, gives a sign of life every second, and reads the server's clock with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::super::error::Cause;
use super::clock::{TimeSample, ValkeyClock};
use super::connect::{Connection, explained};
use super::failure::{Failure, Verdict};
use super::link::Link;
use super::scripts::{FORGET, SIGN};
use super::target::Target;
use super::{DEADLINES, UP, UP_FOR};
use crate::domain::Timestamp;

/// How often a sign of life is given.
const EVERY: Duration = Duration::from_secs(1);
/// Pauses between two probes while the server is away: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a connection's first write may take.
const PROBE: Duration = Duration::from_millis(500);

/// A session's key that no session has.
const PROBE_KEY: &str = "session:probe";
/// What a server calls a missing right.
const NO_RIGHT: &str = "NOPERM";

pub(super) struct Supervisor {
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<ValkeyClock>,
    pub(super) target: Target,
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
                tokio::time::sleep_until(connected + LONGEST_PAUSE).await;
            }
        }
    }

    /// Tries until a connection is in use.
    async fn connect(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.probe().await {
                Ok((connection, refusal)) => {
                    if self.link.probed(&connection) {
                        if refusal.is_some() {
                            self.link.note_refusal(refusal);
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

    /// A fresh connection through which something was written, or only not written because the
    /// server refuses all writes for now, and why that is so.
    async fn probe(&self) -> Result<(Connection, Option<String>), String> {
        let mut connection = Connection::open(&self.target).await.map_err(|error| explained(&error, &self.target))?;
        let asked = Instant::now();
        let sign = SIGN.by_text(&[UP], &[UP_FOR]);
        let signed = tokio::time::timeout(PROBE, connection.query(&sign)).await;
        match signed {
            Ok(Ok(answer)) => {
                self.learn(asked, answer);
                self.may_touch_sessions(&mut connection).await?;
                Ok((connection, None))
            }
            Ok(Err(error)) => match Failure::of(error, self.link.is_cluster()) {
                (Failure::Refused(cause), _) if is_about_rights(&cause) => Err(cause.to_string()),
                (Failure::Refused(cause), _) => Ok((connection, Some(cause.to_string()))),
                (Failure::Full, _) => Ok((connection, Some("out of memory".to_owned()))),
                (Failure::Unknown(_), Verdict::Failed) if self.another_shard_is_there(&mut connection).await => {
                    Ok((connection, None))
                }
                (failure, _) => Err(failure.to_string()),
            },
            Err(_) if self.another_shard_is_there(&mut connection).await => Ok((connection, None)),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    /// Whether the user has the rights to what lies beside the mark: a user who hasn't would be told of
    /// a server that is there, and could play nothing.
    async fn may_touch_sessions(&self, connection: &mut Connection) -> Result<(), String> {
        let keys = [PROBE_KEY, &format!("{{{PROBE_KEY}}}:quiz"), &format!("{{{PROBE_KEY}}}:ev")];
        let forget = FORGET.by_text(&keys, &[b""]);
        let mut count = redis::cmd("ZCARD");
        count.arg(DEADLINES);
        for command in [forget, count] {
            let asked = tokio::time::timeout(PROBE, connection.query::<redis::Value>(&command)).await;
            match asked {
                Ok(Err(error)) if error.code() == Some(NO_RIGHT) => return Err(error.to_string()),
                // All else is for those who need it.
                _ => {}
            }
        }
        Ok(())
    }

    /// A cluster goes on as far as it is there: one primary that takes a write is enough.
    async fn another_shard_is_there(&self, connection: &mut Connection) -> bool {
        if !self.link.is_cluster() {
            return false;
        }
        for n in 0..8 {
            let mut write = redis::cmd("SET");
            write.arg(format!("{UP}:{n}")).arg(1).arg("PX").arg(UP_FOR);
            let written = tokio::time::timeout(PROBE, connection.query::<()>(&write)).await;
            if matches!(written, Ok(Ok(()))) {
                return true;
            }
        }
        false
    }

    /// Gives signs of life until the connection is to be replaced.
    async fn keep(&self) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.link.summoned() => return,
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
