//! The log's line an hour, which says what an operator wants to know of the past hour and of now, and the last
//! line at a clean stop. What can't be read is left out of a line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use crate::game::{Activity, ActivityCounts, Hub};
use crate::http::{Admission, Shared, Sockets};
use crate::metrics::{Listener, Metrics, RequestCounts, resident_memory};
use crate::store::{StoreRouter, StoresStatus};

/// The time between two summaries.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
/// The time between two lines on what has no line of its own.
const REST: Duration = Duration::from_secs(60);
/// How long a summary waits for the stores.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the summaries are made of.
pub(super) struct Summaries {
    router: Arc<StoreRouter>,
    admission: Arc<Admission>,
    activity: Arc<Activity>,
    metrics: Arc<Metrics>,
    sockets: Sockets,
    hub: Arc<Hub>,
    /// This instance's own file, if it has one.
    file: Option<PathBuf>,
    started: Instant,
}

/// Counts since the start. Those of the stores are missing if they could not be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    activity: ActivityCounts,
    /// Answers that were taken. A repeated request counts again.
    answers: u64,
    requests: RequestCounts,
    commits: Option<u64>,
    /// Refusals by each limit.
    limits: BTreeMap<&'static str, u64>,
}

impl Totals {
    /// What was counted after `before`.
    fn since(&self, before: &Self) -> Self {
        let (now, then) = (&self.activity, &before.activity);
        let limits = self.limits.iter().map(|(limit, hits)| (*limit, hits - before.limits.get(limit).unwrap_or(&0)));
        Self {
            activity: ActivityCounts {
                games_begun: now.games_begun - then.games_begun,
                rooms_opened: now.rooms_opened - then.rooms_opened,
                rooms_ended: now.rooms_ended - then.rooms_ended,
                expired: now.expired - then.expired,
            },
            answers: self.answers - before.answers,
            requests: RequestCounts {
                all: self.requests.all - before.requests.all,
                refused: self.requests.refused - before.requests.refused,
                failed: self.requests.failed - before.requests.failed,
            },
            commits: self.commits.zip(before.commits).map(|(now, then)| now.saturating_sub(then)),
            limits: limits.filter(|(_, hits)| *hits > 0).collect(),
        }
    }

    /// The refusals by each limit as one text. `None` if there are none.
    fn limits_hit(&self) -> Option<String> {
        let hits: Vec<_> = self.limits.iter().map(|(limit, hits)| format!("{limit}: {hits}")).collect();
        (!hits.is_empty()).then(|| hits.join(", "))
    }
}

impl Summaries {
    /// Summaries of a server that starts now.
    pub(super) fn new(shared: &Shared, file: Option<PathBuf>) -> Self {
        Self {
            router: shared.router.clone(),
            admission: shared.admission.clone(),
            activity: shared.rooms.activity.clone(),
            metrics: shared.metrics.clone(),
            sockets: shared.sockets.clone(),
            hub: shared.rooms.hub.clone(),
            file,
            started: Instant::now(),
        }
    }

    /// Logs a summary after every `every`, until `stop` is cancelled.
    pub(super) async fn run(&self, every: Duration, stop: CancellationToken) {
        let mut summary = interval_at(self.started + every, every);
        let mut rest = interval_at(self.started + REST, REST);
        // A server that stood still has no line for each hour of that.
        summary.set_missed_tick_behavior(MissedTickBehavior::Skip);
        rest.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut before = Totals { commits: Some(0), ..Totals::default() };
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = rest.tick() => self.activity.tell_rest(),
                _ = summary.tick() => before = self.tell(&before).await,
            }
        }
    }

    async fn status(&self) -> Option<StoresStatus> {
        timeout(PATIENCE, self.router.status()).await.ok()?.ok()
    }

    /// The counts since the start.
    pub(super) async fn totals(&self) -> Totals {
        self.totals_with(self.status().await.as_ref())
    }

    fn totals_with(&self, status: Option<&StoresStatus>) -> Totals {
        Totals {
            activity: self.activity.counts(),
            answers: self.metrics.game.answers_taken(),
            requests: self.metrics.http.requests(),
            commits: status.map(StoresStatus::commits),
            limits: self.admission.met_limits(),
        }
    }

    /// Logs what has happened since `before`, and how the server is now. Returns the counts.
    async fn tell(&self, before: &Totals) -> Totals {
        let status = self.status().await;
        let totals = self.totals_with(status.as_ref());
        let past = totals.since(before);
        let (file_bytes, disk_free_bytes) = self.disk().await;
        let status = status.as_ref();
        tracing::info!(
            uptime_seconds = self.started.elapsed().as_secs(),
            requests = past.requests.all,
            refused = past.requests.refused,
            failed = past.requests.failed,
            games_begun = past.activity.games_begun,
            rooms_opened = past.activity.rooms_opened,
            rooms_ended = past.activity.rooms_ended,
            answers = past.answers,
            expired = past.activity.expired,
            commits = past.commits,
            limits_hit = past.limits_hit(),
            live_sessions = status.map(StoresStatus::live_sessions),
            to_delete = status.map(|status| status.records().saturating_sub(status.live_sessions())),
            connected_rooms = self.hub.connected().0,
            websockets = self.sockets.open(),
            connections = self.metrics.http.open_connections(Listener::Public),
            reachable = status.map(|status| status.main.reachable),
            degraded = status.map(StoresStatus::is_degraded),
            cause = status.and_then(|status| status.main.trouble).map(|trouble| trouble.cause.word()),
            damaged = status.map(StoresStatus::damaged),
            file_bytes,
            disk_free_bytes,
            memory_bytes = resident_memory(),
            "hourly summary"
        );
        totals
    }

    /// Logs a clean stop, with the counts since the start.
    pub(super) fn tell_stop(&self, totals: &Totals) {
        self.activity.tell_rest();
        tracing::info!(
            uptime_seconds = self.started.elapsed().as_secs(),
            requests = totals.requests.all,
            refused = totals.requests.refused,
            failed = totals.requests.failed,
            games_begun = totals.activity.games_begun,
            rooms_opened = totals.activity.rooms_opened,
            rooms_ended = totals.activity.rooms_ended,
            answers = totals.answers,
            expired = totals.activity.expired,
            commits = totals.commits,
            limits_hit = totals.limits_hit(),
            "rejoin has stopped"
        );
    }

    /// The size of the file, and the free space of its disk, both in bytes.
    async fn disk(&self) -> (Option<u64>, Option<u64>) {
        let Some(file) = self.file.clone() else { return (None, None) };
        // A disk that hangs must not hang this thread.
        let reading = tokio::task::spawn_blocking(move || (size(&file), free(&file)));
        timeout(PATIENCE, reading).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

fn size(file: &Path) -> Option<u64> {
    std::fs::metadata(file).ok().map(|metadata| metadata.len())
}

fn free(file: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(file).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests;
