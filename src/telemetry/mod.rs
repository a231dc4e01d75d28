//! How the log looks. No id, key or token of a player is ever written to it.

#[cfg(feature = "otel")]
mod otel;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::store::panics::{self, Hooked};

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    Human,
    /// One JSON object per line
    Json,
}

/// Targets that are left out of the log, unless a filter names them: what the HTTP library says of its
/// threads, and at level error of every request that is no HTTP, such as any port scan brings; what it
/// says of requests that it can't read, whose paths hold ids; and what Valkey's client says of every try
/// to reach a node of a cluster, hundreds of lines a second, of which the store tells once.
const NO_FAULT_OF_OURS: &str = "actix_server=warn,actix_http::h1=off,actix_web=warn,redis=off";

/// The log of this process, and the export of its spans. The last spans are sent when it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it exports no more spans"]
pub struct Telemetry {
    #[cfg(feature = "otel")]
    spans: Option<otel::SpanExport>,
}

/// Starts logging to standard error, panics included; once in a process. With the Cargo feature `otel` it starts
/// the export of spans too.
///
/// # Errors
/// A filter that isn't one, or a setting of the exporter that can't be used.
pub fn start(filter: &str, format: LogFormat) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(format!("{NO_FAULT_OF_OURS},{filter}")).context("REJOIN_LOG")?;
    let telemetry = Telemetry {
        #[cfg(feature = "otel")]
        spans: otel::SpanExport::start()?,
    };
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    // A line that can't be written is lost. The layer would tell of it on standard error too, and panic.
    let log = log.log_internal_errors(false);
    let started = match format {
        LogFormat::Human => telemetry.install(filter, log.with_target(false)),
        LogFormat::Json => telemetry.install(filter, log.json().flatten_event(true)),
    };
    match started {
        Ok(()) => std::panic::set_hook(Box::new(log_panic)),
        Err(_) => tracing::debug!("logging is already started"),
    }
    Ok(telemetry)
}

impl Telemetry {
    /// Makes this the log of the process. The filter holds for the export too.
    fn install(
        &self,
        filter: EnvFilter,
        log: impl Layer<Layered<EnvFilter, Registry>> + Send + Sync,
    ) -> Result<(), TryInitError> {
        let subscriber = tracing_subscriber::registry().with(filter).with(log);
        #[cfg(feature = "otel")]
        let subscriber = subscriber.with(self.spans.as_ref().map(otel::SpanExport::layer));
        subscriber.try_init()
    }
}

/// A panic is one line of the log like any other, unless whoever catches it will log it.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let Hooked::Log { after } = panics::hook(panic) else { return };
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    let what = panics::message(panic.payload());
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        // Somebody has set RUST_BACKTRACE.
        tracing::error!(thread, location, panic = what, after, %backtrace, "a thread panicked");
    } else {
        tracing::error!(thread, location, panic = what, after, "a thread panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::Value;

    use super::*;

    const CHILD: &str = "REJOIN_TEST_OF_PANICS";

    /// The log and its hook belong to a whole process: this test runs itself in one of its own.
    #[test]
    fn a_panic_is_one_line_of_the_log_and_one_that_is_caught_on_purpose_is_none() {
        if std::env::var_os(CHILD).is_some() {
            let _telemetry = start("info", LogFormat::Json).expect("a good filter");
            let caught = panics::catch(|| panic!("caught"));
            assert!(caught.is_err_and(|what: String| what.starts_with("caught (src/telemetry/mod.rs:")));
            // The second is logged with the first: had it come out of a destructor, the process would end.
            let second = panics::catch(|| {
                assert!(std::panic::catch_unwind(|| panic!("first")).is_err());
                panic!("second")
            });
            assert!(second.is_err_and(|what: String| what.starts_with("second")));
            let thread = std::thread::Builder::new().name("a-worker".to_owned());
            let worker = thread.spawn(|| panic!("one\ntwo")).expect("it starts");
            assert!(worker.join().is_err());
            return;
        }
        let name = "telemetry::tests::a_panic_is_one_line_of_the_log_and_one_that_is_caught_on_purpose_is_none";
        let mut child = Command::new(std::env::current_exe().expect("this test is a program"));
        child.args([name, "--exact", "--nocapture"]).env(CHILD, "1").env_remove("RUST_BACKTRACE");
        let output = child.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        let [second, line] = lines[..] else { panic!("{said}") };
        let [second, line] = [second, line].map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"));
        assert!(second["panic"] == "second" && second["after"].as_str().is_some_and(|first| first.contains("first")));
        assert_eq!((&line["level"], &line["message"]), (&"ERROR".into(), &"a thread panicked".into()));
        assert_eq!((&line["thread"], &line["panic"]), (&"a-worker".into(), &"one\ntwo".into()));
        assert!(line["location"].as_str().is_some_and(|place| place.starts_with("src/telemetry/mod.rs:")), "{line}");
    }
}
