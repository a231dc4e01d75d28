//! The command line: parses the arguments and runs the chosen command. For `serve`: initialise, bind, start,
//! wait for a signal, stop.

use std::process::ExitCode;
use std::sync::Arc;

#[cfg(feature = "clients")]
use rejoin::config::DrillArgs;
use rejoin::config::{Cli, CliCommand, Settings, unknown_settings};
use rejoin::output::{self, Output};
use rejoin::server::Outside;
use rejoin::{health, migrate, operator, quizzes, server, telemetry, upkeep};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::read();
    if let Err(error) = catch_file_size_signal() {
        return failed(&error.into());
    }
    let done = match cli.command {
        // The server is not there for a reader: what it printed is in its log too.
        None => return serve(&cli.serve).unwrap_or_else(|error| failed(&error)),
        Some(CliCommand::Serve(settings)) => return serve(&settings).unwrap_or_else(|error| failed(&error)),
        Some(CliCommand::Health(args)) => health::ask(args.listen, args.wait).map(|()| ExitCode::SUCCESS),
        Some(CliCommand::Backup(args)) => operator::back_up(&args),
        Some(CliCommand::Restore(args)) => upkeep::restore(&args),
        Some(CliCommand::Check(args)) => upkeep::check(&args),
        Some(CliCommand::Compact(args)) => upkeep::compact(&args),
        Some(CliCommand::Status(args)) => operator::status(&args),
        Some(CliCommand::Sessions(command)) => operator::sessions(&command),
        Some(CliCommand::Migrate(args)) => migrate::run(&args),
        #[cfg(feature = "clients")]
        Some(CliCommand::Drill(args)) => drill(&args),
        Some(CliCommand::Quizzes(command)) => quizzes::cli::run(command, &mut Output),
    };
    done.and_then(|code| output::check().map(|()| code)).unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    output::tell(format_args!("rejoin: {error:#}"));
    ExitCode::FAILURE
}

/// Handles SIGXFSZ, which would end the process. A write beyond the limit of file sizes (`ulimit -f`) then fails with
/// EFBIG, like any other failure of a disk.
fn catch_file_size_signal() -> std::io::Result<()> {
    signal_hook::flag::register(Signal::XFSZ.as_raw(), Arc::default()).map(drop)
}

#[cfg(feature = "clients")]
fn drill(args: &DrillArgs) -> anyhow::Result<ExitCode> {
    let options = args.options()?;
    match args.soak(&options) {
        Some(soak) => rejoin::drill::soak::command(&soak, args.json),
        None => rejoin::drill::command(&options, args.json),
    }
}

fn serve(settings: &Settings) -> anyhow::Result<ExitCode> {
    settings.check()?;
    let _telemetry = telemetry::start(&settings.log, settings.log_format)?;
    actix_web::rt::System::new().block_on(async {
        for name in unknown_settings(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
            tracing::warn!("{name} is not a setting of rejoin; it is ignored");
        }
        let outside = Outside::of(settings)?;
        let stop = stop_signal()?;
        server::reload_on_hangup(settings.clone(), &outside)?;
        server::run(settings, outside, stop).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A future that completes at the first SIGTERM or SIGINT (Ctrl-C).
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
