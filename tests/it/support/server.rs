//! Servers for the tests: in this process, where a test can pass in a clock and stores, or the real binary.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use clap::Parser;
use rejoin::config::{Cli, Settings};
use rejoin::game::Entropy;
use rejoin::http::ApiKeys;
use rejoin::quizzes::Catalogue;
use rejoin::server::{Outside, Stores, run_over};
use rejoin::store::WallClock;
use rejoin::store::clock::system_wall_clock;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::sync::oneshot;

use super::{Client, until, until_async};

/// A server that stops with the test. When the server is a process, dropping it also checks that its log
/// contains no secret.
pub(crate) struct Server {
    /// The URL of the server, such as `http://127.0.0.1:1234`.
    pub(crate) base: String,
    /// The URL of its admin listener.
    pub(crate) admin: String,
    life: Life,
}

enum Life {
    Here { stop: Option<oneshot::Sender<()>>, thread: Option<JoinHandle<anyhow::Result<()>>> },
    Process { child: Child, log: PathBuf, line: String },
}

impl Server {
    /// A server in this process that keeps its file in `folder`.
    pub(crate) fn here(folder: &Path, args: &[&str]) -> Self {
        Self::here_at(folder, args, system_wall_clock())
    }

    /// Like [`Server::here`], with another wall clock.
    pub(crate) fn here_at(folder: &Path, args: &[&str], wall: WallClock) -> Self {
        Self::here_over(folder, args, wall, Stores::open)
    }

    /// Like [`Server::here_at`], with stores that `open` opens.
    pub(crate) fn here_over(
        folder: &Path,
        args: &[&str],
        wall: WallClock,
        open: impl AsyncFnOnce(&Settings, &Outside) -> anyhow::Result<Stores> + Send + 'static,
    ) -> Self {
        let settings = settings(folder, args);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let admin = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let [base, at] = [&listener, &admin].map(|it| format!("http://{}", it.local_addr().expect("it is bound")));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let catalogue = Arc::new(Catalogue::open(settings.quiz_dir.clone())?);
            let keys = Arc::new(ApiKeys::new(settings.keys()?, settings.keys_scoped));
            let admin_tokens = Arc::new(ApiKeys::new(settings.admin.tokens()?, false));
            let (admin, chance) = (Some(admin), Entropy::system());
            let print = |_: &str| {};
            let outside = Outside { listener, admin, print, wall, chance, catalogue, keys, admin_tokens };
            let stopped = async move { drop(stopped.await) };
            actix_web::rt::System::new().block_on(run_over(&settings, outside, open, stopped))
        });
        Self { base, admin: at, life: Life::Here { stop: Some(stop), thread: Some(thread) } }
    }

    /// The real binary with its file in `folder`. Returns once the server has printed where it listens.
    pub(crate) fn process(folder: &Path, args: &[&str]) -> Self {
        Self::process_with(folder, args, &[])
    }

    /// Like [`Server::process`], with these variables in its environment.
    pub(crate) fn process_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command(folder, args);
        command.envs(variables.iter().copied());
        Self::started(command, folder)
    }

    /// The binary of any commit, with its log in `folder`. Settings are environment variables, because a binary
    /// ignores those that it does not know.
    pub(crate) fn program(program: &Path, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.env_clear().envs(settings.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        Self::started(command, folder)
    }

    fn started(mut command: Command, folder: &Path) -> Self {
        let log = folder.join("stderr.log");
        let mut child = command.stderr(File::create(&log).expect("a log file")).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let is_url = |word: &&str| word.starts_with("http://");
        let url = |part: &str| Some(part.split(' ').find(is_url)?.trim_end_matches([',', '\n']).to_owned());
        let admin = line.split_once(", admin on ").and_then(|(_, rest)| url(rest)).unwrap_or_default();
        let Some(base) = url(&line) else {
            let _ = child.kill();
            panic!("it did not start: {line}{}", std::fs::read_to_string(&log).unwrap_or_default());
        };
        Self { base, admin, life: Life::Process { child, log, line } }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.base)
    }

    /// Stops the server as an operator does, and waits until it has closed its file.
    pub(crate) async fn stop(mut self) {
        self.end().await;
    }

    /// Like [`Server::stop`], and returns the whole log of the process.
    pub(crate) async fn stop_and_log(mut self) -> String {
        self.end().await;
        self.log()
    }

    async fn end(&mut self) {
        match &mut self.life {
            Life::Here { stop, thread } => {
                drop(stop.take());
                let thread = thread.take().expect("stopped once");
                let joined = tokio::task::spawn_blocking(|| thread.join()).await.expect("it is waited for");
                joined.expect("the server did not panic").expect("the server stopped well");
            }
            Life::Process { .. } => {
                self.signal(Signal::TERM);
                assert_eq!(self.ended().await.code(), Some(0), "{}", self.log());
            }
        }
    }

    /// Kills the process with SIGKILL, which gives it no time to write anything.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let Life::Process { child, .. } = &self.life else { panic!("only a process gets signals") };
        kill_process(Pid::from_child(child), signal).expect("the process is there");
    }

    /// Limits the size of the files that the process writes; `None` lifts the limit.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let Life::Process { child, .. } = &self.life else { panic!("only a process has limits of its own") };
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(Pid::from_child(child)), Resource::Fsize, limit).expect("the process is this test's");
    }

    /// Waits until the process ends, and returns its exit status.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let Life::Process { child, .. } = &mut self.life else { panic!("only a process ends so") };
        ended(child).await
    }

    /// The resident memory of the process in bytes.
    pub(crate) fn resident(&self) -> usize {
        let Life::Process { child, .. } = &self.life else { panic!("only a process has memory of its own") };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    /// Everything that the process has logged.
    pub(crate) fn log(&self) -> String {
        let Life::Process { log, .. } = &self.life else { panic!("only a process has a log of its own") };
        std::fs::read_to_string(log).expect("the log is there")
    }

    /// The line that the process printed at its start.
    pub(crate) fn line(&self) -> &str {
        let Life::Process { line, .. } = &self.life else { panic!("only a process says something") };
        line
    }

    /// Waits until `/readyz` replies with 200.
    pub(crate) async fn until_ready(&self) {
        let client = self.client();
        until_async(async || client.get("/readyz").await.status == 200).await;
    }

    /// Waits until the log contains this text.
    pub(crate) async fn logged(&self, text: &str) {
        until(|| self.log().contains(text)).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Life::Process { child, log, .. } = &mut self.life {
            let _ = child.kill();
            let _ = child.wait();
            if std::thread::panicking() {
                return;
            }
            // Only after the process has ended is its log complete.
            let log = std::fs::read(log).expect("the folder outlives its server");
            if let Some(line) = super::secrets::told(&String::from_utf8_lossy(&log)) {
                panic!("the log tells a secret: {line}");
            }
        }
    }
}

async fn ended(child: &mut Child) -> ExitStatus {
    let mut status = None;
    until(|| {
        status = child.try_wait().expect("the process is this test's");
        status.is_some()
    })
    .await;
    status.expect("it has ended")
}

/// Runs a command that ends by itself. Returns its exit code and everything that it wrote to stderr.
pub(crate) async fn refused(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    refused_with(folder, args, &[]).await
}

/// Like [`refused`], with these variables in its environment.
pub(crate) async fn refused_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let log = tempfile::NamedTempFile::new().expect("a log file");
    let stderr = log.reopen().expect("the log file");
    let mut command = command(folder, args);
    let mut child = command.envs(variables.iter().copied()).stderr(stderr).spawn().expect("it starts");
    let code = ended(&mut child).await.code();
    (code, std::fs::read_to_string(log.path()).expect("the log is there"))
}

/// The binary with an empty environment, so that no setting of this process reaches it. The first of `args`
/// may be another command than `serve`.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
    if args.first().is_none_or(|first| first.starts_with("--")) {
        command.arg("--data-dir").arg(folder);
        for listen in ["--listen", "--admin-listen"].into_iter().filter(|listen| !args.contains(listen)) {
            command.args([listen, "127.0.0.1:0"]);
        }
    }
    command.args(args);
    command
}

fn settings(folder: &Path, args: &[&str]) -> Settings {
    let folder = folder.to_str().expect("temporary folders have plain names");
    let words = [&["rejoin", "--data-dir", folder, "--workers", "1"], args].concat();
    Cli::try_parse_from(words).expect("good settings").serve
}
