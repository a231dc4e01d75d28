//! Keeps the way to the server good: makes fresh connections, writes through each before it is
//! used, gives a sign of life every second, and reads the server's clock with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::clock::{TimeSample, ValkeyClock};
use super::connect::{Connection, explained};
use super::failure::{Failure, Verdict};
use super::link::Link;
use super::scripts::SIGN;
use super::target::Target;
use super::{UP, UP_FOR};
use crate::domain::Timestamp;

/// How often a sign of life is given.
const EVERY: Duration = Duration::from_secs(1);
/// Pauses between two probes while the server is away: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a connection's first write may take.
const PROBE: Duration = Duration::from_millis(500);

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
        let mut is_news = true;
        loop {
            self.connect(is_news).await;
            is_news = false;
            let connected = tokio::time::Instant::now();
            self.keep().await;
            if self.link.is_good() {
                // A part of a cluster is away, and the rest goes on meanwhile.
                tokio::time::sleep_until(connected + LONGEST_PAUSE).await;
            }
        }
    }

    /// Tries until a connection is in use. That it is, is news at the first time and after an outage.
    async fn connect(&self, mut is_news: bool) {
        let mut pause = FIRST_PAUSE;
        is_news |= self.link.is_open();
        loop {
            match self.probe().await {
                Ok((connection, refusal)) => {
                    if self.link.probed(&connection) {
                        if is_news {
                            tracing::info!(hosts = self.target.hosts(), "Valkey is reached");
                        }
                        self.note(refusal);
                        return;
                    }
                    pause = FIRST_PAUSE;
                }
                Err(error) => {
                    is_news = true;
                    if self.link.probe_failed(&error) {
                        tracing::warn!(hosts = self.target.hosts(), cause = error, "Valkey is out of reach");
                    }
                }
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
                Ok((connection, None))
            }
            Ok(Err(error)) => match Failure::of(error, self.link.is_cluster()) {
                (Failure::Refused(cause), _) => Ok((connection, Some(cause.to_string()))),
                (Failure::Full, _) => Ok((connection, Some("out of memory".to_owned()))),
                (Failure::Unknown(_), Verdict::Failed) if self.another_shard_is_there(&mut connection).await => {
                    Ok((connection, None))
                }
                (Failure::Away(cause) | Failure::Unknown(cause) | Failure::Odd(cause), _) => Err(cause.to_string()),
            },
            Err(_) if self.another_shard_is_there(&mut connection).await => Ok((connection, None)),
            Err(_) => Err("no answer in time".to_owned()),
        }
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
                    self.note(None);
                }
                Err(Failure::Refused(cause)) => self.note(Some(cause.to_string())),
                Err(Failure::Full) => self.note(Some("out of memory".to_owned())),
                Err(Failure::Away(_) | Failure::Unknown(_) | Failure::Odd(_)) => {}
            }
        }
    }

    fn note(&self, refusal: Option<String>) {
        let refused = refusal.clone();
        if !self.link.note_refusal(refusal) {
            return;
        }
        match refused {
            Some(cause) => tracing::warn!(cause, "Valkey refuses writes"),
            None => tracing::info!("Valkey takes writes again"),
        }
    }

    fn learn(&self, asked: Instant, (since, micros): (u64, i64)) {
        let up_since = Some(Timestamp::from_millis(since));
        self.clock.learn(TimeSample { asked, answered: Instant::now(), server_micros: micros, up_since });
    }
}
