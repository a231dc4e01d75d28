//! One Valkey server.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::PATIENCE;
use super::access::Access;
use super::ports::free_ports;
use super::process::Process;
use super::resp::{Connection, Resp};
use crate::support::wait_for;

/// The recommended settings, as they ship.
const CONF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/valkey.conf");

/// A Valkey server on 127.0.0.1, used by one owner. It ends when it is dropped.
pub(crate) struct ValkeyServer {
    pub(crate) port: u16,
    access: Access,
    process: Process,
    folder: TempDir,
}

impl ValkeyServer {
    /// Starts a server with `deploy/valkey.conf` and `args`, such as `["--appendfsync", "always"]`. Returns
    /// once it accepts commands.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_on(free_ports(), args)
    }

    /// Like [`ValkeyServer::start`], on the first of these ports that is free.
    pub(crate) fn start_on(ports: impl IntoIterator<Item = u16>, args: &[&str]) -> Self {
        Self::start_by(ports, Access::plain(args), |port, folder| {
            let port = port.to_string();
            command(program(), folder, &[&["--port", &port], args].concat())
        })
    }

    /// Starts a server with the command line that `command` makes from a port and a folder.
    pub(super) fn start_by(
        ports: impl IntoIterator<Item = u16>,
        access: Access,
        command: impl Fn(u16, &Path) -> Vec<OsString>,
    ) -> Self {
        let started = ports.into_iter().find_map(|port| {
            let folder = tempfile::tempdir().expect("a folder");
            let process = Process::begin(command(port, folder.path()), folder.path());
            let mut server = Self { port, access: access.clone(), process, folder };
            let answers = server.answers();
            let log = server.log();
            assert!(answers || log.contains("Address already in use"), "it did not start: {log}");
            answers.then_some(server)
        });
        started.expect("one of the ports was free")
    }

    /// Its URL, such as `valkey://:password@127.0.0.1:1234`.
    pub(crate) fn url(&self) -> String {
        self.access.url(self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The folder of its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything that it has logged since its first start.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port and folder, whether it was killed before or not. Returns once it
    /// accepts commands.
    pub(crate) fn restart(&mut self) {
        self.restart_with(&[]);
        self.wait_until_loaded();
    }

    /// Like [`ValkeyServer::restart`], with more arguments for this start only. The server may still be
    /// loading its files.
    pub(crate) fn restart_with(&mut self, args: &[&str]) {
        self.process.begin_again(args);
        assert!(self.answers(), "it did not start again: {}", self.log());
    }

    /// Halts it with SIGSTOP: connections stay open, and it answers nothing.
    pub(crate) fn stop_signal(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Ends the halt with SIGCONT.
    pub(crate) fn continue_signal(&self) {
        self.process.signal(Signal::CONT);
    }

    /// How clients connect to it.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// A connection to it, with the password of its start.
    pub(crate) fn connection(&self) -> io::Result<Connection> {
        self.connection_within(PATIENCE)
    }

    /// Like [`ValkeyServer::connection`], for a server that may be halted: no step takes longer than
    /// `patience`.
    pub(crate) fn connection_within(&self, patience: Duration) -> io::Result<Connection> {
        self.access.connection(self.port, patience)
    }

    /// The reply to a command on a new connection.
    pub(crate) fn try_command(&self, words: &[&str]) -> io::Result<Resp> {
        self.connection()?.command(words)
    }

    /// The reply to a command. Fails if the server is not reachable. An error reply is returned like any
    /// other.
    #[track_caller]
    pub(crate) fn command(&self, words: &[&str]) -> Resp {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?}: {error}; {}", self.log()))
    }

    /// The value of a field of `INFO`.
    #[track_caller]
    pub(crate) fn info(&self, field: &str) -> String {
        let info = self.command(&["INFO", "everything"]).text();
        let found = info_field(&info, field).map(str::to_owned);
        found.unwrap_or_else(|| panic!("no {field}: {info}"))
    }

    /// Waits until it has loaded its files.
    pub(crate) fn wait_until_loaded(&self) {
        wait_for("loading", || self.command(&["PING"]).is("PONG").then_some(()));
    }

    /// Waits for the first reply. True if the reply is from this process, false if this process ends before.
    /// The pid is compared because a stranger may listen on the port.
    fn answers(&mut self) -> bool {
        wait_for("the server's first reply", || {
            let info = self.try_command(&["INFO", "server"]);
            let pid = self.pid().to_string();
            let is_own = matches!(info, Ok(Resp::Text(info)) if info_field(&info, "process_id") == Some(&pid));
            is_own.then_some(true).or_else(|| self.process.has_ended().then_some(false))
        })
    }
}

fn info_field<'a>(info: &'a str, field: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
}

/// The Valkey server that `test.sh` downloads.
pub(super) fn program() -> PathBuf {
    crate::support::fetched("target/valkey/valkey-server")
}

/// The command line that starts a program with the recommended settings, its files in `folder`, and then
/// `args`.
pub(super) fn command(program: PathBuf, folder: &Path, args: &[&str]) -> Vec<OsString> {
    // A copy, because CONFIG REWRITE, which sentinels request, writes into this file.
    let conf = folder.join("valkey.conf");
    std::fs::copy(CONF, &conf).expect("the folder takes a file");
    let mut words = vec![program.into(), conf.into(), "--bind".into(), "127.0.0.1".into(), "--dir".into()];
    words.push(folder.into());
    words.extend(args.iter().map(OsString::from));
    words
}
