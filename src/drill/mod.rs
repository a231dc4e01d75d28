//! `rejoin drill`: starts a server of its own, kills it several times in the middle of a question, and checks
//! with bots that no event, answer or point is lost.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `options`, `report` | the settings of a drill, and its result |
//! | `server` | the server process that is killed |
//! | `room`, `host`, `player` | rooms of bots, which use the public API only |
//! | `questions` | questions of all kinds, and the bots' answers |
//! | `moment` | tells when a question is half answered |
//! | `killing` | the kills, and the reconnects after each |
//! | `results` | compares the server's results with what the players saw |
//! | `soak` | `rejoin drill --soak`: the same for hours, with solo games, memory and file size |
//!
//! Everything runs on loopback and in a temporary folder. The server is killed when its handle is dropped, so
//! it never outlives [`run`].

mod host;
mod killing;
mod moment;
mod options;
mod player;
mod questions;
mod report;
mod results;
mod room;
mod server;
pub mod soak;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

pub use options::DrillOptions;
pub use report::{Answers, DrillReport, Kill};

use crate::client::{Api, Endpoints};
use room::DrillRoom;
use server::Server;

/// Runs a drill with this program as the server and prints the report. The exit code is 0 only if nothing was
/// wrong.
///
/// # Errors
/// The drill could not be run.
pub fn command(options: &DrillOptions, is_json: bool) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        // Dropping the unfinished `run` drops the server handle, which kills the server.
        tokio::select! {
            report = run(options) => report,
            _ = interrupt.recv() => anyhow::bail!("stopped by Ctrl-C"),
            _ = terminate.recv() => anyhow::bail!("stopped"),
        }
    })?;
    if is_json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a drill. Must be called within a tokio runtime.
///
/// # Errors
/// The drill could not be run: the server does not start, or no room can be opened. Problems after the games
/// have begun are in the report.
pub async fn run(options: &DrillOptions) -> anyhow::Result<DrillReport> {
    options.check()?;
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix("rejoin-drill-").tempdir().context("a temporary folder")?;
    let mut rng = fastrand::Rng::with_seed(options.seed);
    let mut server = Server::start(&options.server, &options.server_args, folder.path(), &mut rng).await?;
    let api = Api::new(Endpoints::one(server.base())).patient(Duration::from_secs(10));
    let left = || options.at_most.saturating_sub(begun.elapsed());
    let opening = timeout(left(), DrillRoom::open_all(options, &api, &mut rng)).await;
    let rooms = opening.context("the rooms could not be opened in time")??;
    let mut kills = Vec::new();
    let playing = async {
        killing::kill(&mut server, &rooms, options, &mut kills).await?;
        DrillRoom::play_all(&rooms).await;
        anyhow::Ok(results::compare(&rooms, &api).await)
    };
    let (compared, broke_off) = match timeout(left(), playing).await {
        Ok(Ok(compared)) => (compared, None),
        Ok(Err(error)) => (Vec::new(), Some(format!("{error:#}"))),
        Err(_) => (Vec::new(), Some(format!("not over within {} s", options.at_most.as_secs()))),
    };
    let report = DrillReport::new(options, &rooms, kills, compared, broke_off, begun.elapsed());
    // Read the log before the temporary folder is deleted.
    let last_words = if report.is_good() { String::new() } else { server.last_words() };
    Ok(report.with_log(last_words))
}
