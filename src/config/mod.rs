//! Every setting, with its flag, environment name, default, help and check.
//!
//! Settings are read once and checked once. Settings that contradict each other are refused at start, by name.

mod admin;
mod backup;
#[cfg(feature = "clients")]
mod drill;
mod keys;
mod operator;
mod valkey;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use bytesize::ByteSize;
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::domain::InstanceName;
use crate::http::{ApiKey, LimitSettings, PublicUrl};
use crate::quizzes::Hosting;
use crate::quizzes::cli::QuizzesCommand;
use crate::telemetry::LogFormat;
use crate::version::LONG_VERSION;
pub use admin::{AdminListen, AdminSettings, USUAL_ADDRESS};
pub use backup::{BackupArgs, BackupSettings, CheckArgs, CompactArgs, DataFile, RestoreArgs};
#[cfg(feature = "clients")]
pub use drill::DrillArgs;
use keys::KeySource;
pub use operator::{EndArgs, ListArgs, ListedKind, SessionsCommand, ShowArgs, StatusArgs};
pub use valkey::{ValkeyMode, ValkeySettings};

/// A game-session server that keeps live quiz games on disk and brings every player back.
#[derive(Debug, Parser)]
#[command(name = "rejoin", version, long_version = LONG_VERSION.as_str(), about, args_conflicts_with_subcommands = true)]
#[command(after_help = "`rejoin` without a command is `rejoin serve`.")]
pub struct Cli {
    /// The command. If there is none, `serve`.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
    /// Settings of `serve`.
    #[command(flatten)]
    pub serve: Settings,
}

impl Cli {
    /// Reads the command line and the environment. If a value is invalid, prints one line with the setting's names
    /// and ends the process.
    pub fn read() -> Self {
        Self::read_from(std::env::args_os()).unwrap_or_else(|error| match one_line(&error) {
            Some(line) => {
                eprintln!("rejoin: {line}");
                std::process::exit(2)
            }
            None => error.exit(),
        })
    }

    fn read_from(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let mut command = without_empty_variables(Self::command());
        let matches = command.try_get_matches_from_mut(words)?;
        refuse_empty(&command, &matches)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// The command without the variables that are empty: they count as not set. Compose files pass an unset variable so.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |setting: &Arg| setting.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|setting| if is_empty(&setting) { setting.env(Resettable::Reset) } else { setting });
    command.mut_subcommands(without_empty_variables)
}

/// Refuses an empty value on the command line: most likely it comes from an unset variable of a script.
fn refuse_empty(command: &clap::Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let is_empty = |setting: &&Arg| {
        let id = setting.get_id().as_str();
        let is_given =
            matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine);
        is_given && matches.get_raw(id).is_some_and(|mut values| values.any(|value| value.is_empty()))
    };
    if let Some(setting) = command.get_arguments().find(is_empty) {
        let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
        error.insert(ContextKind::InvalidArg, ContextValue::String(setting.to_string()));
        error.insert(ContextKind::InvalidValue, ContextValue::String(String::new()));
        return Err(error);
    }
    match matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches))) {
        None => Ok(()),
        Some((command, matches)) => refuse_empty(command, matches),
    }
}

/// The error message for an invalid value, with the setting's environment name. `None` for any other error, and for
/// a setting without an environment name, unless the value is empty.
fn one_line(error: &clap::Error) -> Option<String> {
    let text = |kind| error.get(kind).map(ContextValue::to_string);
    let (argument, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    let flag = argument.split(' ').next()?;
    let command = Cli::command();
    let setting = command.get_arguments().find(|setting| setting.get_long() == flag.strip_prefix("--"));
    let name = setting.and_then(|setting| setting.get_env()?.to_str());
    let shown = name.map_or_else(|| flag.to_owned(), |name| format!("{name} ({flag})"));
    if value.is_empty() {
        return Some(format!("{shown}: the value is empty"));
    }
    let allowed = || text(ContextKind::ValidValue).map(|values| format!("one of {values}"));
    let reason = std::error::Error::source(error).map(ToString::to_string).or_else(allowed)?;
    name.map(|_| format!("{shown}: {value:?} cannot be used: {reason}"))
}

/// Environment names that look like settings but are unknown. Most likely they are misspelt.
pub fn unknown_settings(names: impl Iterator<Item = String>) -> Vec<String> {
    let command = Cli::command();
    let known: Vec<_> = command.get_arguments().filter_map(|setting| setting.get_env()?.to_str()).collect();
    // Kubernetes sets these names in every container if there is a service named valkey.
    let is_kubernetes = |name: &str| name.starts_with("VALKEY_PORT") || name.starts_with("VALKEY_SERVICE_");
    let is_ours = |name: &str| name.starts_with("REJOIN_") || (name.starts_with("VALKEY_") && !is_kubernetes(name));
    names.filter(|name| is_ours(name) && !known.contains(&name.as_str())).collect()
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Run the server (the default)
    Serve(Box<Settings>),
    /// Ask a running server whether it is ready: exit code 0 if it is, else 1
    Health(HealthArgs),
    /// Back up the file of a running server, or of none
    #[command(after_long_help = backup::BACKUP_HELP)]
    Backup(BackupArgs),
    /// Put a backup in place of the server's file. Stop the server first
    #[command(after_long_help = backup::RESTORE_HELP)]
    Restore(RestoreArgs),
    /// Read a whole file and name what is damaged; with --repair write what can be read to a new one
    #[command(after_long_help = backup::CHECK_HELP)]
    Check(CheckArgs),
    /// Write the server's file anew, as small as it can be. Stop the server first
    Compact(CompactArgs),
    /// Say how a running server is: readiness, sessions, rates, latencies. Exit code 0 if new games can begin, else 1
    Status(StatusArgs),
    /// List, show and end sessions of a running server
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Move live games between a file and Valkey, or into a new file. Stop all servers first
    #[command(after_long_help = MIGRATE_HELP, mut_arg("url", |url| url.hide(true)))]
    Migrate(Box<MigrateArgs>),
    /// Run rooms full of bots on a temporary server that is killed again and again: exit code 0 if nothing was lost
    #[cfg(feature = "clients")]
    #[command(after_long_help = drill::HELP)]
    Drill(Box<DrillArgs>),
    /// Check, import and export question banks
    #[command(subcommand)]
    Quizzes(QuizzesCommand),
}

/// Settings of `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The address on which the server listens. If it is 0.0.0.0 or [::], the loopback address is asked
    #[arg(long, env = "REJOIN_LISTEN", default_value = "127.0.0.1:8080", value_parser = address, value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Ask again until the server is ready, for this long at most (written as 30s or 2m)
    #[arg(long, value_parser = duration, value_name = "DURATION", default_value = "0s", hide_default_value = true)]
    pub wait: Duration,
}

/// The text that `migrate --help` prints after the settings.
const MIGRATE_HELP: &str = "\
How to move: stop all servers, migrate, start.

  rejoin migrate --from redb:data --to valkey://10.0.0.5:6379
  SESSION_STORE=valkey VALKEY_URL=valkey://10.0.0.5:6379 rejoin

All live games are moved completely: questions, answers, scores, results, events
and join codes, each game with the time that it has left. Expired games stay
behind and are counted. The source is only read (after a kill, a file is also
marked as complete). At the end every game is read back from the target and
compared with the source. The exit code is 0 only if all of them are there.

After a stop, a kill or a lost connection, run the same command again. It goes
on from there, and moves nothing twice.

To move back, use a new file. The old file still has the games as they were
before the move, and its time has stood still: games that have ended since would
live again.

  rejoin migrate --from valkey://10.0.0.5:6379 --to redb:data-2
  REJOIN_DATA_DIR=data-2 rejoin

To keep the password out of the command, set VALKEY_PASSWORD.";

/// Settings of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Where the games are: redb:FOLDER or redb:FILE, or a URL of Valkey (valkey://host:6379, or
    /// rediss:// for TLS). It is only read
    #[arg(long, value_name = "URL")]
    pub from: String,

    /// Where to move them, in the same form. A file is created if missing
    #[arg(long, value_name = "URL")]
    pub to: String,

    /// Only count what would be moved, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// If the target has another state of the same game, replace it with the source's. What was played on the
    /// target since then is lost
    #[arg(long)]
    pub replace: bool,

    /// The settings of Valkey, for both sides
    #[command(flatten)]
    pub valkey: ValkeySettings,
}

/// Whether commits of the embedded file go to its log first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreLog {
    /// Commits go to rejoin.log first, which is about twice as fast, and from there to the file
    On,
    /// Commits go to the file directly
    Off,
}

/// The storage engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// An embedded file: durable, and needs no other program
    Redb,
    /// The memory of this process: all games are lost when it ends
    Memory,
    /// A Valkey server, which several instances can share
    Valkey,
}

/// The engines of the fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fallback {
    /// No new games while Valkey is away
    None,
    /// The memory of this process: games that begin there are lost when it ends
    Memory,
    /// The instance's own file, fallback.redb in its data folder
    Redb,
}

/// Settings of `serve`.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The address to listen on. Port 0 picks a free port and prints it
    #[arg(long, env = "REJOIN_LISTEN", default_value = "127.0.0.1:8080", value_parser = address, value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// Where sessions are stored
    #[arg(long = "store", env = "SESSION_STORE", default_value = "redb", value_name = "ENGINE")]
    pub store: EngineChoice,

    /// The folder of rejoin.redb and fallback.redb, each with its log and its note. Created if missing
    #[arg(long, env = "REJOIN_DATA_DIR", default_value = "data", value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// The maximum size of the file on disk, at least 8MiB. The log is not included. New games are refused a little
    /// before the file is full; running games go on
    #[arg(long, env = "REJOIN_MAX_SIZE", value_parser = size, value_name = "SIZE")]
    pub max_size: Option<ByteSize>,

    /// Whether commits go to the log first
    #[arg(long, env = "REJOIN_STORE_LOG", default_value = "on", value_name = "on|off")]
    pub store_log: StoreLog,

    /// For one start: the file was restored in a way that rejoin can't detect, such as a snapshot of the whole
    /// machine. Every player who comes back to a room gets a complete snapshot
    #[arg(long)]
    pub new_epoch: bool,

    /// The settings of backups.
    #[command(flatten)]
    pub backup: BackupSettings,

    /// A folder of more question banks (*.json), and of tables and other files to import, read again on SIGHUP
    #[arg(long, env = "REJOIN_QUIZ_DIR", value_name = "FOLDER")]
    pub quiz_dir: Option<PathBuf>,

    /// The settings of Valkey.
    #[command(flatten)]
    pub valkey: ValkeySettings,

    /// Where new games begin while Valkey is away. They stay there to their end. A game with its own sessionId never
    /// begins there
    #[arg(long, env = "REJOIN_FALLBACK", default_value = "none", value_name = "ENGINE")]
    pub fallback: Fallback,

    /// The name of this instance: 1 to 32 of a-z, 0-9, - and _. Required for a fallback, different on each instance,
    /// and never changed. The ids of games that begin in the fallback end with it
    #[arg(long, env = "REJOIN_INSTANCE", value_name = "NAME")]
    pub instance: Option<InstanceName>,

    /// Life of a solo game without a request, at least 10s (written as 90s, 30m, 24h or 7d)
    #[arg(long, env = "REJOIN_SESSION_TTL", default_value = "30m", value_parser = duration, value_name = "DURATION")]
    pub session_ttl: Duration,

    /// Maximum life of a solo game
    #[arg(long, env = "REJOIN_SESSION_MAX_AGE", default_value = "24h", value_parser = duration, value_name = "DURATION")]
    pub session_max_age: Duration,

    /// Life of a solo game's results after its end
    #[arg(long, env = "REJOIN_RESULTS_TTL", default_value = "24h", value_parser = duration, value_name = "DURATION")]
    pub results_ttl: Duration,

    /// Life of a room without a move or a heartbeat, at least 10s
    #[arg(long, env = "REJOIN_ROOM_TTL", default_value = "6h", value_parser = duration, value_name = "DURATION")]
    pub room_ttl: Duration,

    /// Maximum life of a room
    #[arg(long, env = "REJOIN_ROOM_MAX_AGE", default_value = "30d", value_parser = duration, value_name = "DURATION")]
    pub room_max_age: Duration,

    /// Life of a room's results after its end
    #[arg(long, env = "REJOIN_ROOM_RESULTS_TTL", default_value = "7d", value_parser = duration, value_name = "DURATION")]
    pub room_results_ttl: Duration,

    /// For authors of clients: the probability (0 to 1) of losing a reply after its commit, freezing or cutting a
    /// socket, delaying a notification. Only on loopback addresses
    #[arg(long, env = "REJOIN_CHAOS", value_name = "PROBABILITY")]
    pub chaos: Option<f64>,

    /// Interval of deleting expired games, at least 100ms
    #[arg(long, env = "REJOIN_REAP_EVERY", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    pub reap_every: Duration,

    /// API keys of trusted backends, separated by commas, each of at least 16 printable ASCII characters, or name:key
    /// (the log shows the name)
    ///
    /// If there are API keys, a caller needs one for its own questions, userId, metadata, sessionId and awards, and
    /// for opening rooms unless --hosting is open. External rooms always need one.
    #[arg(long, env = "REJOIN_API_KEYS", hide_env_values = true, value_delimiter = ',', value_name = "KEY,…")]
    pub api_keys: Vec<String>,

    /// A file of API keys, one per line, read again on SIGHUP. A line that begins with # is a comment
    #[arg(long, env = "REJOIN_API_KEYS_FILE", value_name = "FILE")]
    pub api_keys_file: Option<PathBuf>,

    /// An API key is valid only for the rooms that it opened (in the environment: true or false)
    #[arg(long, env = "REJOIN_KEYS_SCOPED")]
    pub keys_scoped: bool,

    /// Who may open rooms [default: key if there are API keys, else open]
    #[arg(long, env = "REJOIN_HOSTING", value_name = "POLICY")]
    pub hosting: Option<Hosting>,

    /// The address at which clients reach the server (https://play.example.org). Requests for another host are then
    /// refused
    #[arg(long, env = "REJOIN_PUBLIC_URL", value_parser = public_url, value_name = "URL")]
    pub public_url: Option<PublicUrl>,

    /// Sites whose pages may call the API, separated by commas: https://quiz.example.org
    #[arg(long, env = "REJOIN_CORS_ORIGINS", value_parser = origin, value_delimiter = ',', value_name = "ORIGIN,…")]
    pub cors_origins: Vec<String>,

    /// The settings of the admin listener.
    #[command(flatten)]
    pub admin: AdminSettings,

    /// For work on the pages: a folder from which they are read at each request, such as web
    #[arg(long, env = "REJOIN_WEB_DIR", value_name = "FOLDER")]
    pub web_dir: Option<PathBuf>,

    /// The settings of all limits.
    #[command(flatten)]
    pub limits: LimitSettings,

    /// Maximum size of the file's page cache, 16MiB to 64GiB [default: an eighth of the memory, 64MiB to 1GiB]
    ///
    /// The memory is that of the machine, or the limit of the control group (the container).
    #[arg(long, env = "REJOIN_CACHE_SIZE", value_parser = size, value_name = "SIZE")]
    pub cache_size: Option<ByteSize>,

    /// Threads that serve requests, 1 to 256 [default: one per core]
    #[arg(long, env = "REJOIN_WORKERS", value_name = "COUNT")]
    pub workers: Option<usize>,

    /// What to log: error, warn, info, debug (a line for each request), trace, or a filter such as
    /// rejoin::store=debug
    #[arg(long, env = "REJOIN_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// The format of the log
    #[arg(long, env = "REJOIN_LOG_FORMAT", default_value = "human", value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// For tests: URLs whose WebSockets send back what they receive
    #[arg(long, env = "REJOIN_TEST_ECHO", hide = true)]
    pub test_echo: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}: write it as 90s, 30m or 24h"))
}

fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| "write it as 64MiB or 1GiB".to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an IP address and a port, such as 127.0.0.1:8080".to_owned())
}

/// The scheme and the host of a URL. The scheme's default port is removed, as browsers do. `None` if the URL has a
/// path, or is not http or https.
fn scheme_and_host(text: &str) -> Option<(&'static str, String)> {
    let secure = text.strip_prefix("https://").map(|rest| ("https", rest, ":443"));
    let plain = || text.strip_prefix("http://").map(|rest| ("http", rest, ":80"));
    let (scheme, rest, usual) = secure.or_else(plain)?;
    let host = rest.trim_end_matches('/').trim_end_matches(usual);
    let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', '*', ' ']);
    is_host.then(|| (scheme, host.to_ascii_lowercase()))
}

fn public_url(text: &str) -> Result<PublicUrl, String> {
    let (scheme, host) = scheme_and_host(text).ok_or("write it as https://play.example.org")?;
    Ok(PublicUrl { url: format!("{scheme}://{host}"), host })
}

fn origin(text: &str) -> Result<String, String> {
    let (scheme, host) = scheme_and_host(text.trim()).ok_or("write it as https://quiz.example.org, without a path")?;
    Ok(format!("{scheme}://{host}"))
}

impl Settings {
    /// Checks the settings for contradictions and impossible values.
    ///
    /// # Errors
    /// The first wrong setting, by name.
    pub fn check(&self) -> anyhow::Result<()> {
        self.check_sharing()?;
        self.limits.check()?;
        self.admin.check()?;
        ensure!(self.session_ttl >= Duration::from_secs(10), "REJOIN_SESSION_TTL: at least 10s");
        ensure!(
            self.session_ttl <= self.session_max_age,
            "REJOIN_SESSION_TTL ({}) is longer than REJOIN_SESSION_MAX_AGE ({})",
            humantime::format_duration(self.session_ttl),
            humantime::format_duration(self.session_max_age)
        );
        self.check_rooms()?;
        let longest = Duration::from_secs(100 * 365 * 24 * 3600);
        ensure!(self.session_max_age <= longest, "REJOIN_SESSION_MAX_AGE: at most 100 years");
        let results = Duration::from_secs(1)..=longest;
        ensure!(results.contains(&self.results_ttl), "REJOIN_RESULTS_TTL: 1s to 100 years");
        ensure!(self.reap_every >= Duration::from_millis(100), "REJOIN_REAP_EVERY: at least 100ms");
        // With a smaller cache, redb writes pages out in the middle of a commit, and readers wait for that.
        let cache = ByteSize::mib(16)..=ByteSize::gib(64);
        ensure!(self.cache_size.is_none_or(|size| cache.contains(&size)), "REJOIN_CACHE_SIZE: must be 16MiB to 64GiB");
        ensure!(self.max_size.is_none_or(|size| size >= ByteSize::mib(8)), "REJOIN_MAX_SIZE: at least 8MiB");
        let is_word = self.log.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ensure!(
            !is_word || self.log.parse::<LevelFilter>().is_ok(),
            "REJOIN_LOG: {:?} is no level: use error, warn, info, debug, trace, or a filter such as rejoin=debug",
            self.log
        );
        ensure!(self.workers.is_none_or(|count| (1..=256).contains(&count)), "REJOIN_WORKERS: 1 to 256");
        ensure!(
            !self.test_echo || self.listen.ip().is_loopback(),
            "REJOIN_TEST_ECHO is for tests: REJOIN_LISTEN must be a loopback address"
        );
        self.check_keys()
    }

    fn check_rooms(&self) -> anyhow::Result<()> {
        let longest = Duration::from_secs(100 * 365 * 24 * 3600);
        ensure!(self.room_ttl >= Duration::from_secs(10), "REJOIN_ROOM_TTL: at least 10s");
        ensure!(self.room_ttl <= self.room_max_age, "REJOIN_ROOM_TTL is longer than REJOIN_ROOM_MAX_AGE");
        ensure!(self.room_max_age <= longest, "REJOIN_ROOM_MAX_AGE: at most 100 years");
        let results = Duration::from_secs(1)..=longest;
        ensure!(results.contains(&self.room_results_ttl), "REJOIN_ROOM_RESULTS_TTL: 1s to 100 years");
        if let Some(likelihood) = self.chaos {
            ensure!((0.0..=1.0).contains(&likelihood), "REJOIN_CHAOS: 0 to 1");
            ensure!(self.listen.ip().is_loopback(), "REJOIN_CHAOS is for loopback addresses only");
        }
        Ok(())
    }

    fn check_keys(&self) -> anyhow::Result<()> {
        self.key_source().check()?;
        let has_keys = self.api_keys_file.is_some() || !self.api_keys.is_empty();
        ensure!(has_keys || self.hosting != Some(Hosting::Key), "REJOIN_HOSTING=key needs REJOIN_API_KEYS");
        ensure!(has_keys || !self.keys_scoped, "REJOIN_KEYS_SCOPED needs REJOIN_API_KEYS");
        Ok(())
    }

    fn check_sharing(&self) -> anyhow::Result<()> {
        let is_shared = self.store == EngineChoice::Valkey;
        ensure!(!is_shared || self.valkey.url.is_some(), "VALKEY_URL: SESSION_STORE=valkey needs it");
        if self.fallback != Fallback::None {
            ensure!(is_shared, "REJOIN_FALLBACK is for SESSION_STORE=valkey: no other store is ever away");
            ensure!(self.instance.is_some(), "REJOIN_FALLBACK needs REJOIN_INSTANCE: this instance's stable name");
        }
        self.backup.check(self.store == EngineChoice::Redb || self.fallback == Fallback::Redb)
    }

    /// The API keys, from the setting or from the file.
    ///
    /// # Errors
    /// The file can't be read or has no key, a key is too short or invalid, or a key occurs twice.
    pub fn keys(&self) -> anyhow::Result<Vec<ApiKey>> {
        Ok(self.key_source().read()?.into_iter().map(|(key, _)| key).collect())
    }

    fn key_source(&self) -> KeySource<'_> {
        KeySource {
            setting: "REJOIN_API_KEYS",
            keys: &self.api_keys,
            file_setting: "REJOIN_API_KEYS_FILE",
            file: self.api_keys_file.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(args: &[&str]) -> anyhow::Result<Settings> {
        let cli = Cli::try_parse_from([&["rejoin"], args].concat())?;
        cli.serve.check()?;
        Ok(cli.serve)
    }

    fn refusal(args: &[&str]) -> String {
        settings(args).expect_err("it is refused").to_string()
    }

    #[test]
    fn the_defaults_are_those_of_the_readme() {
        let settings = settings(&[]).expect("defaults are good");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.store, EngineChoice::Redb);
        assert_eq!(settings.session_ttl, Duration::from_secs(1_800));
        assert_eq!(settings.cache_size, None);
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        assert!(refusal(&["--session-ttl", "2h", "--session-max-age", "1h"]).contains("REJOIN_SESSION_MAX_AGE"));
        assert!(refusal(&["--session-ttl", "1s"]).contains("REJOIN_SESSION_TTL"));
        assert!(refusal(&["--cache-size", "1KiB"]).contains("REJOIN_CACHE_SIZE"));
        assert!(refusal(&["--max-size", "1MiB"]).contains("REJOIN_MAX_SIZE"));
        assert!(refusal(&["--reap-every", "0s"]).contains("REJOIN_REAP_EVERY"));
        let both = ["--api-keys", "0123456789abcdef", "--api-keys-file", "x"];
        assert!(refusal(&both).contains("REJOIN_API_KEYS_FILE"));
    }

    #[test]
    fn a_shared_store_has_a_place_and_its_fallback_a_name() {
        let valkey = ["--store", "valkey", "--valkey-url", "valkey://127.0.0.1"];
        let with = |more: &[&'static str]| [&valkey[..], more].concat();
        assert!(refusal(&["--store", "valkey"]).contains("VALKEY_URL"));
        assert!(refusal(&with(&["--fallback", "redb"])).contains("REJOIN_INSTANCE"));
        assert!(refusal(&["--fallback", "memory", "--instance", "a"]).contains("REJOIN_FALLBACK"));
        assert!(refusal(&with(&["--fallback", "valkey"])).contains("memory"));
        assert!(refusal(&with(&["--instance", "Eu 1"])).contains("a-z"));
        // VALKEY_URL may be set for another store, and `none` is a valid fallback.
        settings(&["--valkey-url", "valkey://127.0.0.1", "--fallback", "none"]).expect("it is good");
        let settings = settings(&with(&["--fallback", "memory", "--instance", "eu-1"])).expect("it is good");
        assert_eq!((settings.fallback, settings.instance), (Fallback::Memory, "eu-1".parse().ok()));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_hint() {
        assert!(refusal(&["--session-ttl", "soon"]).contains("30m"));
        assert!(refusal(&["--listen", "localhost"]).contains("--listen"));
        assert!(refusal(&["--store", "mongo"]).contains("redb"));
    }

    #[test]
    fn an_empty_value_is_refused_by_name() {
        let refused = |words: &[&str]| {
            let error = Cli::read_from([&["rejoin"], words].concat()).expect_err("it is refused");
            one_line(&error).unwrap_or_else(|| panic!("{words:?}: {error}"))
        };
        for (setting, flag) in [
            ("REJOIN_DATA_DIR", "--data-dir"),
            ("REJOIN_QUIZ_DIR", "--quiz-dir"),
            ("REJOIN_LISTEN", "--listen"),
            ("REJOIN_MAX_SIZE", "--max-size"),
            ("REJOIN_FALLBACK", "--fallback"),
            ("REJOIN_WORKERS", "--workers"),
            ("REJOIN_ADMIN_TOKEN", "--admin-token"),
            ("REJOIN_API_KEYS", "--api-keys"),
            ("VALKEY_URL", "--valkey-url"),
            ("VALKEY_CA_FILE", "--valkey-ca-file"),
            ("REJOIN_LOG", "--log"),
        ] {
            let expected = format!("{setting} ({flag}): the value is empty");
            assert_eq!(refused(&[flag, ""]), expected);
            assert_eq!(refused(&[&format!("{flag}=")]), expected);
        }
        assert_eq!(refused(&["--api-keys", "0123456789abcdef,"]), "REJOIN_API_KEYS (--api-keys): the value is empty");
        assert_eq!(refused(&["backup", "--data-dir", ""]), "REJOIN_DATA_DIR (--data-dir): the value is empty");
        assert_eq!(refused(&["backup", ""]), "[FILE]: the value is empty");
        assert_eq!(refused(&["sessions", "end", "", "--yes"]), "<SESSION>: the value is empty");
        assert_eq!(refused(&["sessions", "list", "--after", ""]), "--after: the value is empty");
        assert_eq!(refused(&["migrate", "--from", "", "--to", "redb:x"]), "--from: the value is empty");
        Cli::read_from(["rejoin", "--hosting", "open"]).expect("others are read");
    }

    #[test]
    fn short_keys_are_refused() {
        let settings = settings(&["--api-keys", "0123456789abcdef,short"]).expect("parsed");
        assert!(settings.keys().is_err());
    }

    #[test]
    fn a_key_stands_there_once_and_a_name_as_often_as_it_has_keys() {
        let (one, other) = ("0123456789abcdef", "fedcba9876543210");
        let keys = |texts: [String; 2]| settings(&["--api-keys", &texts.join(",")]).expect("parsed").keys();
        for texts in [[format!("a:{one}"), format!("b:{other}")], [format!("a:{one}"), format!("a:{other}")]] {
            assert!(keys(texts).is_ok());
        }
        for texts in [[format!("a:{one}"), format!("b:{one}")], [format!("a:{one}"), one.to_owned()]] {
            assert!(keys(texts).is_err_and(|error| format!("{error:#}").contains("key 2: the same key as key 1")));
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
