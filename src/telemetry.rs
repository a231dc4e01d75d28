//! How the log looks. No id, key or token of a player is ever written to it.

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

/// Starts logging to standard error; once in a process.
///
/// # Errors
/// A filter that isn't one.
pub fn start(filter: &str, format: LogFormat) -> Result<(), ParseError> {
    // What the HTTP library says of its threads is of no use to an operator, unless asked for.
    let filter = EnvFilter::try_new(format!("actix_server=warn,{filter}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Human => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
    Ok(())
}
