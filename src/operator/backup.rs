//! `rejoin backup`: asks the running server for a backup, or makes one of a file that no server uses.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Method;

use super::{AdminClient, number_of};
use crate::config::{AdminListen, BackupArgs};
use crate::store::backup::{BackupFolder, CopyControl, check_name};
use crate::store::clock::system_wall_clock;
use crate::store::redb::{OfflineError, OpenError, back_up_file};
use crate::telemetry::{self, LogFormat};

/// The URL of backups.
const URL: &str = "/admin/api/backups";
/// How often the progress is asked for.
const LOOK: Duration = Duration::from_millis(300);

/// A backup that was made.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    file: PathBuf,
    bytes: u64,
    games: u64,
    left_out: u64,
    took_ms: u64,
}

#[derive(Deserialize)]
struct Status {
    running: Option<Running>,
}

#[derive(Deserialize)]
struct Running {
    rows: u64,
    of: u64,
}

/// Makes a backup. The exit code is 1 if games were left out, so that no upgrade follows unseen.
///
/// # Errors
/// There is no backup, with the reason. The server and its file are as they were.
pub fn back_up(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start("warn", LogFormat::Human)?;
    let target = args.file.as_deref().map(std::path::absolute).transpose().context("FILE")?;
    let is_off = args.admin.admin_listen == Some(AdminListen::Off);
    let client = if is_off { None } else { Some(AdminClient::new(&args.admin)?) };
    let client = client.filter(|client| client.call::<Value>(Method::GET, "/livez", None).is_ok());
    let (made, by) = match client {
        Some(client) => (by_server(&client, target.as_deref()), "by the running server"),
        None => (offline(args, target.as_deref()), "of a file that no server uses"),
    };
    let made = made.map_err(|error| match (&args.file, &target) {
        // The folder of whoever runs the command may be another than they think, as that of a service is.
        (Some(file), Some(target)) if file.is_relative() => {
            error.context(format!("{} is {} here", file.display(), target.display()))
        }
        _ => error,
    })?;
    let Made { file, bytes, games, left_out, took_ms } = made;
    let (games, seconds) = (number_of(games, "game"), Duration::from_millis(took_ms).as_secs_f64());
    println!("{}: {games}, {}, {seconds:.1} s, made {by}", file.display(), ByteSize(bytes));
    if left_out == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "rejoin: the backup is incomplete: {} {} not in it. Stop the server, and rejoin check --repair says which, and \
         saves what it can",
        number_of(left_out, "damaged game"),
        if left_out == 1 { "is" } else { "are" }
    );
    Ok(ExitCode::FAILURE)
}

/// Asks the server, and shows how far it is.
fn by_server(client: &AdminClient, target: Option<&Path>) -> anyhow::Result<Made> {
    let body = target.map_or_else(|| json!({}), |target| json!({ "file": target }));
    let (tell, told) = channel();
    let style = ProgressStyle::with_template("copying {bar:40} {human_pos} of {human_len} rows").expect("it is valid");
    let bar = ProgressBar::new(0).with_style(style);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = tell.send(client.call::<Made>(Method::POST, URL, Some(&body)));
        });
        loop {
            match told.recv_timeout(LOOK) {
                Ok(made) => {
                    bar.finish_and_clear();
                    return made;
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the server gave no reply"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Ok(Status { running: Some(Running { rows, of }) }) = client.call(Method::GET, URL, None) {
                bar.set_length(of.max(rows));
                bar.set_position(rows);
            }
        }
    })
}

/// Copies the file of the data folder, if no server has it open.
fn offline(args: &BackupArgs, target: Option<&Path>) -> anyhow::Result<Made> {
    let path = args.of.path();
    ensure!(
        path.exists(),
        "no server answers at the admin listener, and there is no {}: set REJOIN_ADMIN_LISTEN or REJOIN_DATA_DIR",
        path.display()
    );
    let now = system_wall_clock()();
    let dated = || {
        let folder = BackupFolder { path: args.backup_dir.clone()?, keep: 1 };
        Some(folder.place_by_hand(&path.file_stem()?.to_string_lossy(), now))
    };
    let target = target.map(Path::to_owned).or_else(dated).context("name the FILE, or set REJOIN_BACKUP_DIR")?;
    check_name(&target)?;
    let report = back_up_file(&path, &target, now, &CopyControl::default()).map_err(|error| match error {
        OfflineError::Open(OpenError::Held(path)) => {
            anyhow!("a server uses {path}, but its admin listener does not answer: set REJOIN_ADMIN_LISTEN")
        }
        OfflineError::Write(error) => error.of(&target).into(),
        error => error.into(),
    })?;
    let took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX);
    Ok(Made { file: report.file, bytes: report.bytes, games: report.games, left_out: report.left_out, took_ms })
}
