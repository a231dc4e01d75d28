//! `rejoin drill`: a server of its own, killed in mid-question again and again under players who hold
//! it to its promises.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `options`, `report` | what to do, and what came of it |
//! | `server` | the process that is killed |
//! | `room`, `host`, `player` | who plays: rooms of bots over the public API alone |
//! | `questions` | what is asked, of all kinds, and what a bot answers |
//! | `moment` | what tells when a question is half answered |
//! | `killing` | the kills, and the way back after each |
//! | `results` | the last question: what the server has written down |
//!
//! All of it is on loopback, in a temporary folder, and over when [`run`] is: the server is killed
//! with its handle, however the run ends.

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

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

pub use options::DrillOptions;
pub use report::{Answers, DrillReport, Kill};

use crate::client::{Api, Dice, Endpoints};
use room::DrillRoom;
use server::Server;

/// The command: a drill with this very program as the server, its report printed. The exit code is 0
/// only if all is well.
///
/// # Errors
/// The drill could not be held.
pub fn command(options: &DrillOptions, is_json: bool) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        // Whoever is dropped here takes the server along.
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

/// Holds a drill, within a tokio runtime.
///
/// # Errors
/// It could not be held: the server does not start, or no room can be opened. What goes wrong once the
/// games have begun is in the report.
pub async fn run(options: &DrillOptions) -> anyhow::Result<DrillReport> {
    options.check()?;
    let begun = Instant::now();
    let folder = tempfile::Builder::new().prefix("rejoin-drill-").tempdir().context("a temporary folder")?;
    let mut dice = Dice::new(options.seed);
    let mut server = Server::start(&options.server, &options.server_args, folder.path(), &mut dice).await?;
    let api = Api::new(Endpoints::one(server.base())).patient(Duration::from_secs(10));
    let left = || options.at_most.saturating_sub(begun.elapsed());
    let opening = timeout(left(), DrillRoom::open_all(options, &api, &mut dice)).await;
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
    // The log is in the folder, which is about to go.
    let last_words = if report.is_good() { String::new() } else { server.last_words() };
    Ok(report.with_log(last_words))
}
