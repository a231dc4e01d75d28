//! How the log looks. No id, key or token of a player is ever written to it.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// For machines: one JSON object a line.
    Json,
}

/// What the HTTP library says of its threads, and at level error of every request that is no HTTP,
/// such as any port scan brings: nothing that an operator can mend. A filter that names these
/// targets still shows it. Nor what Valkey's client says of every try to reach a node of a cluster,
/// hundreds of lines a second: the store says it once.
const NO_FAULT_OF_OURS: &str = "actix_server=warn,actix_http::h1=off,redis=off";

/// Starts logging to standard error; once in a process.
///
/// # Errors
/// A filter that isn't one.
pub fn start(filter: &str, format: LogFormat) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(format!("{NO_FAULT_OF_OURS},{filter}"))?;
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let started = match format {
        LogFormat::Human => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
    Ok(())
}
