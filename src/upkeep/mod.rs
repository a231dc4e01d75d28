//! Commands that work on the file of a server: `restore`, `check`, `compact` and `backup`.
//!
//! All of them read the file as a whole and never write into it: what they make is a new file.

mod check;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytesize::ByteSize;
use indicatif::HumanCount;

use crate::config::{CompactArgs, RestoreArgs};
use crate::store::backup::{CopyControl, stamp};
use crate::store::clock::system_wall_clock;
use crate::store::redb::{OfflineError, OpenError, compact_file, restore_file};
use crate::telemetry::{self, LogFormat};
pub use check::check;

/// The log level: warnings, such as that of a temporary file that can't be removed.
const LOG: &str = "warn";

/// Puts a backup in place of the server's file.
///
/// # Errors
/// The backup is not whole, a server runs, or a file is in its place. Then nothing was changed.
pub fn restore(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(LOG, LogFormat::Human)?;
    let path = args.target.path();
    let restored = restore_file(&args.backup, &path, args.replace, &now()).map_err(led)?;
    let report = &restored.report;
    let of = report
        .mark
        .as_ref()
        .map_or_else(String::new, |mark| format!(" as of {}, written by rejoin {}", date(mark.taken_at), mark.version));
    println!("{}: {} games restored{of}", path.display(), HumanCount(report.whole));
    if let Some(kept) = restored.kept {
        println!("the file that was there is kept as {}; remove it when you no longer need it", kept.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the server's file anew, as small as it can be.
///
/// # Errors
/// A server has the file open, it is damaged, or there is no space for the new one.
pub fn compact(args: &CompactArgs) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(LOG, LogFormat::Human)?;
    let path = args.of.path();
    let size = std::fs::metadata(&path).with_context(|| path.display().to_string())?.len();
    println!(
        "{}: {}; the disk needs up to as much space again until the new file is complete",
        path.display(),
        bytes(size)
    );
    let compacted = compact_file(&path, &CopyControl::default()).map_err(led)?;
    println!("{}: {} before, {} now", path.display(), bytes(compacted.before), bytes(compacted.after));
    Ok(ExitCode::SUCCESS)
}

/// The error with the next step for the operator.
fn led(error: OfflineError) -> anyhow::Error {
    match error {
        OfflineError::Open(error) => led_open(error),
        error => error.into(),
    }
}

fn led_open(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Held(path) => anyhow!("{path} is in use. If that is a server, stop it first"),
        error => error.into(),
    }
}

/// The date now, as it stands in the names of files.
fn now() -> String {
    stamp(system_wall_clock()())
}

fn date(date: crate::domain::WallTime) -> String {
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_millis(date.0)).to_string()
}

fn bytes(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

/// The command that a reader of the output can copy.
fn command(verb: &str, path: &Path) -> String {
    format!("rejoin {verb} {}", path.display())
}
