//! Backups that an operator asks for, and what became of all of them.

use std::path::PathBuf;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::super::json::Maybe;
use super::super::problem::Problem;
use super::super::reply::reply;
use super::super::shared::Shared;
use crate::domain::{Millis, WallTime};
use crate::store::backup::{BackupError, BackupReport, BackupStatus};

/// Which backup to make.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackup {
    /// An absolute path on the server's machine, or a name in the folder of backups. If there is none, a name with
    /// the date in that folder.
    file: Option<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackupReply {
    file: PathBuf,
    bytes: u64,
    games: u64,
    /// Games that are not in it, because they are damaged.
    left_out: u64,
    taken_at: WallTime,
    took_ms: u64,
}

impl From<&BackupReport> for BackupReply {
    fn from(report: &BackupReport) -> Self {
        let BackupReport { file, bytes, games, left_out, taken_at, took } = report.clone();
        Self { file, bytes, games, left_out, taken_at, took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// What became of the backups since the server started.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackupsReply {
    /// The interval of scheduled backups.
    every_ms: Option<Millis>,
    made: u64,
    failed: u64,
    /// The last one that this process has made.
    last: Option<BackupReply>,
    /// When the last backup was complete, also one of an earlier process in the folder of backups.
    last_at: Option<WallTime>,
    /// The failure since then.
    failure: Option<FailureReply>,
    running: Option<RunningReply>,
}

#[derive(Serialize)]
struct FailureReply {
    at: WallTime,
    why: String,
}

#[derive(Serialize)]
struct RunningReply {
    rows: u64,
    of: u64,
}

/// Makes a backup, and replies when it is complete. A caller that leaves does not end it.
pub(super) async fn make(shared: web::Data<Shared>, Maybe(new): Maybe<NewBackup>) -> Result<HttpResponse, Problem> {
    let made = shared.backups.make(new.file.as_deref()).await;
    made.map(|report| reply(StatusCode::CREATED, &BackupReply::from(&report))).map_err(|error| refusal(&error))
}

/// What became of the backups since the server started, and how far the running one is.
pub(super) async fn status(shared: web::Data<Shared>) -> HttpResponse {
    reply(StatusCode::OK, &BackupsReply::from(shared.backups.status()))
}

impl From<BackupStatus> for BackupsReply {
    fn from(status: BackupStatus) -> Self {
        Self {
            every_ms: status.every.map(Millis::from),
            made: status.made,
            failed: status.failed,
            last_at: status.last_success(),
            last: status.last.map(|last| BackupReply::from(&last.report)),
            failure: status.failure.map(|(at, why)| FailureReply { at, why }),
            running: status.running.map(|(rows, of)| RunningReply { rows, of }),
        }
    }
}

fn refusal(error: &BackupError) -> Problem {
    let (status, code) = match error {
        BackupError::NoFile(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no-backup"),
        BackupError::Busy => (StatusCode::CONFLICT, "backup-running"),
        BackupError::Exists(_) => (StatusCode::CONFLICT, "file-exists"),
        BackupError::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        BackupError::Full(_) | BackupError::NoSpaceForGames => (StatusCode::INSUFFICIENT_STORAGE, "backup-full"),
        BackupError::Io { .. } | BackupError::Source(_) | BackupError::Unproved(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "backup-failed")
        }
    };
    // The listener is the operator's, who needs the cause.
    Problem::new(status, code, error.to_string())
}
