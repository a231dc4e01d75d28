//! `rejoin migrate`: moves whole sessions from one store to another.
//!
//! The source is never changed. Each session is moved on its own, and moving it again does nothing. So a run
//! can be stopped, killed and repeated at any time. At the end everything is read back.

mod check;
mod ledger;
mod location;
mod mover;
mod progress;
mod report;
mod side;
#[cfg(test)]
mod tests;
mod walk;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use indicatif::HumanCount;
use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::check::{Check, CheckCounts};
use self::ledger::Ledger;
use self::location::{Location, places};
use self::mover::Mover;
use self::progress::PassProgress;
use self::report::MigrationReport;
use self::side::{Access, Side};
use self::walk::{Patience, Stop, count, each};
use crate::config::MigrateArgs;
use crate::telemetry::{self, LogFormat};

/// The log level: errors only, which say why a file failed.
const LOG: &str = "error";

/// Moves the sessions as `args` say. The exit code is a failure unless every live session is on the target.
///
/// # Errors
/// A location is not valid, or can't be opened.
pub fn run(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(LOG, LogFormat::Human)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(migrate(args))
}

async fn migrate(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let stop = stop_signal()?;
    let (from, to) = places(&args.from, &args.to, &args.valkey)?;
    let source = Side::open(&from, Access::Read).await?;
    let target =
        if args.dry_run { Side::open_if_there(&to).await? } else { Some(Side::open(&to, Access::Write).await?) };
    let (is_to_shared, replaces, is_dry) = (!to.is_file(), args.replace, args.dry_run);
    let mover = Mover { is_to_shared, from: source, to: target, replaces, is_dry };
    tell_of_others(&mover, &from, &to).await;
    let missing = mover.from.missing.clone();
    let moving = Moving { mover: Arc::new(mover), stop, begun: Instant::now() };
    let is_good = moving.run(&from, &to).await && missing.is_none();
    moving.close().await?;
    if let Some(missing) = missing {
        eprintln!("rejoin: {from}: {missing}");
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A token that is cancelled by the first Ctrl-C or SIGTERM.
fn stop_signal() -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        eprintln!("stopping: what is under way is finished");
        asked.cancel();
    });
    Ok(stop)
}

/// Warns if another client uses one of the stores, and if the target already holds sessions.
async fn tell_of_others(mover: &Mover, from: &Location, to: &Location) {
    let sides = [(Some(&mover.from), from), (mover.to.as_ref(), to)];
    for (_, place) in sides.iter().filter(|(side, _)| side.is_some_and(|side| side.is_used)) {
        eprintln!(
            "rejoin: something uses {place}, or did so a moment ago. If it is a server, stop it: what its players do \
             from now on is not moved"
        );
    }
    let held = live_sessions(mover.to.as_ref()).await;
    if held > 0 {
        eprintln!("rejoin: {to} already holds {} live sessions", HumanCount(held));
    }
}

async fn live_sessions(side: Option<&Side>) -> u64 {
    let Some(side) = side else { return 0 };
    side.store.status(side.store.clock().moment()).await.map_or(0, |status| status.live_sessions)
}

/// The state of one run.
struct Moving {
    mover: Arc<Mover>,
    stop: CancellationToken,
    begun: Instant,
}

impl Moving {
    /// Moves, checks and prints the report. True if everything is as it should be.
    async fn run(&self, from: &Location, to: &Location) -> bool {
        let (ledger, mut stopped) = self.move_all(from, to).await;
        let (ledger, checked) = match stopped {
            None if !self.mover.is_dry => {
                let (ledger, checked, left) = self.check_all(ledger).await;
                stopped = left;
                (ledger, Some(checked))
            }
            _ => (ledger, None),
        };
        let counts = &ledger.counts;
        let placed = if self.mover.is_dry { counts.replaced } else { counts.moved };
        let known = placed + counts.same + counts.states.count;
        let report = MigrationReport {
            counts,
            checked: checked.as_ref(),
            is_dry: self.mover.is_dry,
            others: live_sessions(self.mover.to.as_ref()).await.saturating_sub(known),
            from,
            to,
            stopped: stopped.as_ref(),
            took: self.begun.elapsed(),
        };
        println!("{}", report.line());
        report.advice().iter().for_each(|advice| eprintln!("rejoin: {advice}"));
        report.is_good()
    }

    async fn move_all(&self, from: &Location, to: &Location) -> (Ledger, Option<Stop>) {
        let portable = self.mover.from.store.clone();
        // An extra pass over the ids, only to show the total: sessions may come and go until the next pass.
        let total = match count(portable.clone(), Patience(self.stop.clone())).await {
            Ok(total) => total,
            Err(stop) => return (Ledger::default(), Some(stop)),
        };
        println!("{} session records in {from}, to go to {to}", HumanCount(total));
        let progress = PassProgress::begin(if self.mover.is_dry { "looking" } else { "moving" }, total);
        let (bar, ledger) = (progress.bar(), Arc::new(Mutex::new(Ledger::default())));
        let (mover, noting) = (self.mover.clone(), ledger.clone());
        let walked = each(portable, &self.stop, move |id, patience| {
            let (mover, ledger, bar) = (mover.clone(), noting.clone(), bar.clone());
            async move {
                let outcome = mover.handle(&id, &patience).await?;
                ledger.lock().note(&id, outcome);
                bar.inc(1);
                Ok(())
            }
        });
        let stopped = walked.await.err();
        let ledger = std::mem::take(&mut *ledger.lock());
        (ledger, stopped)
    }

    /// Reads back everything that was moved.
    async fn check_all(&self, mut ledger: Ledger) -> (Ledger, CheckCounts, Option<Stop>) {
        // Sorts the entries: the lookups of the check need that.
        ledger.close();
        let settled = ledger.counts.moved + ledger.counts.same;
        let progress = PassProgress::begin("verifying", settled);
        let bar = progress.bar();
        let check = Arc::new(Check { mover: self.mover.clone(), ledger, checked: Mutex::default() });
        let looking = check.clone();
        let walked = each(self.mover.from.store.clone(), &self.stop, move |id, patience| {
            let (check, bar) = (looking.clone(), bar.clone());
            async move {
                bar.inc(u64::from(check.look(&id, &patience).await?));
                Ok(())
            }
        });
        let stopped = walked.await.err();
        let mut checked = std::mem::take(&mut *check.checked.lock());
        if stopped.is_none() {
            // The source no longer lists these sessions, so the pass did not meet them.
            checked.ended += settled.saturating_sub(checked.seen());
        }
        let ledger = Arc::into_inner(check).expect("who looked has ended").ledger;
        (ledger, checked, stopped)
    }

    async fn close(&self) -> anyhow::Result<()> {
        self.mover.from.close().await?;
        match &self.mover.to {
            Some(to) => to.close().await,
            None => Ok(()),
        }
    }
}
