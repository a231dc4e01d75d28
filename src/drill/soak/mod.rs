//! `rejoin drill --soak`: plays solo games and rooms on a server of its own for as long as it is told, kills the
//! server again and again, and watches memory, files and latencies.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `options` | the settings |
//! | `solo`, `game_record` | players of solo games, and what they were told |
//! | `rounds` | rounds of rooms, played by the bots of the drill |
//! | `stats` | what all of them count together |
//! | `sample`, `line`, `report` | a look at the server, a line of figures, the verdict |
//!
//! The first half of the time has kills at random moments. In the second half the same process serves to the
//! end, because a restart would hide that its memory grows. One last kill comes before the end.

mod game_record;
mod line;
mod options;
mod report;
mod rounds;
mod sample;
mod solo;
mod stats;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub use line::SoakLine;
pub use options::SoakOptions;
pub use report::{SoakReport, TableRow, Trend, TrendVerdict};
pub use sample::{FileSize, Sample};
pub use stats::SoakCounts;

use super::server::Server;
use crate::client::{Api, Endpoints};
use game_record::Finding;
use solo::SoloPlayer;
use stats::SoakStats;

/// How often the server is looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Short lives, so that games expire and are deleted during the soak. A game must outlive every restart.
const LIVES: [&str; 10] = [
    "--session-ttl",
    "30s",
    "--results-ttl",
    "60s",
    "--room-ttl",
    "60s",
    "--room-results-ttl",
    "60s",
    "--reap-every",
    "2s",
];

/// What the players of a soak share.
struct Soak {
    options: SoakOptions,
    api: Api,
    stats: SoakStats,
    /// Players finish their games and stop.
    ending: CancellationToken,
}

/// Runs a soak with this program as the server, prints a line at each interval and the report at the end. Ctrl-C
/// ends it early. The exit code is 0 only if nothing was wrong.
///
/// # Errors
/// The soak could not be run.
pub fn command(options: &SoakOptions, is_json: bool) -> anyhow::Result<ExitCode> {
    options.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let stop = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        if !is_json {
            println!("{}", line::HEADER);
        }
        run(options, stop, |line| if is_json { print_json(line) } else { println!("{line}") }).await
    })?;
    if is_json {
        print_json(&report);
    } else {
        println!("\n{report}");
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_json(value: &impl serde::Serialize) {
    println!("{}", serde_json::to_string(value).expect("figures are valid JSON"));
}

/// Runs a soak until its time is over, or `stop` completes. Calls `tell` with each line of figures. Must be called
/// within a tokio runtime.
///
/// # Errors
/// The soak could not be run: the server does not start. Problems after that are in the report.
pub async fn run(
    options: &SoakOptions,
    stop: impl Future<Output = ()>,
    tell: impl FnMut(&SoakLine),
) -> anyhow::Result<SoakReport> {
    options.check()?;
    let folder = tempfile::Builder::new().prefix("rejoin-soak-").tempdir().context("a temporary folder")?;
    let mut rng = fastrand::Rng::with_seed(options.round.seed);
    let args: Vec<_> = LIVES.map(str::to_owned).into_iter().chain(options.round.server_args.clone()).collect();
    let server = Server::start(&options.round.server, &args, folder.path(), &mut rng).await?;
    let api = Api::new(Endpoints::one(server.base())).patient(Duration::from_secs(20)).keeping_connections();
    let stats = SoakStats::new(options.lasts);
    let soak = Arc::new(Soak { options: options.clone(), api, stats, ending: CancellationToken::new() });
    let mut players = JoinSet::new();
    for _ in 0..options.solo_players() {
        players.spawn(SoloPlayer::new(soak.clone(), rng.u64(..)).play());
    }
    for number in 0..rounds::AT_ONCE {
        players.spawn(rounds::play(soak.clone(), number, rng.u64(..)));
    }
    let mut running = RunningSoak { soak, server, started: Instant::now(), players, rng };
    let stopped = running.run(stop, tell).await;
    let log = running.server.last_words();
    Ok(SoakReport::new(options, &running.soak.stats, stopped, log))
}

/// A running soak.
struct RunningSoak {
    soak: Arc<Soak>,
    server: Server,
    /// When the server was last started.
    started: Instant,
    players: JoinSet<()>,
    rng: fastrand::Rng,
}

impl RunningSoak {
    /// Runs until the end. True if it was stopped before.
    async fn run(&mut self, stop: impl Future<Output = ()>, mut tell: impl FnMut(&SoakLine)) -> bool {
        tokio::pin!(stop);
        let begun = Instant::now();
        let end = begun + self.soak.options.lasts;
        let half = begun + self.soak.options.lasts / 2;
        let mut next_kill = self.next_kill();
        let (mut sampling, mut telling) = (interval(SAMPLE_EVERY), interval(self.soak.options.every));
        sampling.set_missed_tick_behavior(MissedTickBehavior::Skip);
        telling.reset();
        loop {
            let kill = next_kill.filter(|at| *at < half).unwrap_or(end);
            tokio::select! {
                () = &mut stop => return true,
                () = sleep_until(end.into()) => break,
                () = sleep_until(kill.into()), if kill < end => {
                    if !self.kill().await {
                        return true;
                    }
                    next_kill = self.next_kill();
                }
                _ = sampling.tick() => drop(self.sample().await),
                _ = telling.tick() => {
                    let sample = self.sample().await;
                    tell(&SoakLine::new(&self.soak.stats, sample));
                }
                Some(ended) = self.players.join_next() => self.ended(ended),
            }
        }
        // After the last kill every running game is played to its end, and compared.
        if next_kill.is_some() && !self.kill().await {
            return true;
        }
        tokio::select! {
            () = &mut stop => return true,
            () = self.finish() => {}
        }
        let sample = self.sample().await;
        tell(&SoakLine::new(&self.soak.stats, sample));
        false
    }

    /// A random time around the mean; `None` if there are no kills.
    fn next_kill(&mut self) -> Option<Instant> {
        let every = self.soak.options.kill_every;
        (!every.is_zero()).then(|| Instant::now() + every.mul_f64(0.5 + self.rng.f64()))
    }

    /// Kills the server and starts it again. False if it does not start.
    async fn kill(&mut self) -> bool {
        self.soak.stats.killing();
        match self.server.kill_and_restart().await {
            Ok(recovery) => {
                self.started = Instant::now();
                self.soak.stats.ready_again(recovery);
                true
            }
            Err(error) => {
                self.soak.stats.found([Finding::Wrong(format!("{error:#}"))]);
                false
            }
        }
    }

    async fn sample(&self) -> Sample {
        let sample = Sample::take(&self.server, self.started, &self.soak.api).await;
        self.soak.stats.sampled(&sample);
        sample
    }

    /// Waits until all players have finished their games.
    async fn finish(&mut self) {
        self.soak.ending.cancel();
        let at_most = self.soak.options.round.at_most;
        let over = timeout(at_most, async {
            while let Some(ended) = self.players.join_next().await {
                self.ended(ended);
            }
        });
        if over.await.is_err() {
            let what = format!("{} players did not finish within {} s", self.players.len(), at_most.as_secs());
            self.soak.stats.found([Finding::Wrong(what)]);
        }
    }

    /// A player has ended. Before the end of the soak, only a panic does that.
    fn ended(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            self.soak.stats.found([Finding::Wrong(format!("a player broke off: {error}"))]);
        }
    }
}
