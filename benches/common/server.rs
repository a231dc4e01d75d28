//! The real binary, on a core of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

/// The core for the server only, and the core that the players share.
const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

/// A running server. It is killed when this value is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server without limits.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_with_limits(folder, &[&["--limits", "off"], args].concat())
    }

    /// Starts a server with its default limits.
    pub fn start_with_limits(folder: &Path, args: &[&str]) -> Self {
        Self::start_by(Command::new(binary()), folder, args)
    }

    /// Starts a server without limits in the control group of this folder, with what that group allows.
    pub fn start_within(group: &Path, folder: &Path, args: &[&str]) -> Self {
        // The shell enters the group and then becomes the server.
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo $$ > "$0/cgroup.procs" && exec "$@""#]).arg(group).arg(binary());
        Self::start_by(command, folder, &[&["--limits", "off"], args].concat())
    }

    fn start_by(mut command: Command, folder: &Path, args: &[&str]) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--workers", "1", "--log", "warn", "--data-dir"]).arg(folder);
        // A variable, because an earlier build does not know the flag.
        command.env("REJOIN_ADMIN_LISTEN", "off");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = on_the_servers_core(|| command.spawn()).expect("the binary starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is ours");
        BufReader::new(out).read_line(&mut line).expect("it prints a line");
        let address = line.split([' ', ',']).find_map(|word| word.strip_prefix("http://")?.parse().ok());
        Self { child, address: address.unwrap_or_else(|| panic!("no address in {line:?}")) }
    }

    /// The resident memory of the process, in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    /// The bytes that the process has caused to be written to disks.
    pub fn written(&self) -> u64 {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap_or_default();
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:"));
        line.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or_default()
    }

    /// The processor time that the process has used, including kernel time.
    pub fn busy(&self) -> Duration {
        busy_of(self.child.id())
    }

    /// Stops the server with SIGTERM, and waits until it has ended.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Kills the server with SIGKILL, and waits until it has ended.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary to measure. `BENCH_SERVER` lets the same players measure another build.
fn binary() -> String {
    std::env::var("BENCH_SERVER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_rejoin").to_owned())
}

/// Runs `start` on the server's core. Afterwards this thread is on the players' core again.
pub fn on_the_servers_core<T>(start: impl FnOnce() -> T) -> T {
    // A child process inherits the cores of the thread that starts it.
    pin(SERVER_CORE);
    let started = start();
    pin(LOAD_CORE);
    started
}

/// The processor time that a process has used, including kernel time.
pub fn busy_of(process: u32) -> Duration {
    busy(&process.to_string())
}

/// The processor time that this process has used, including kernel time.
pub fn busy_here() -> Duration {
    busy("self")
}

fn busy(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The process name may contain anything, so count from its closing parenthesis: user and system time are
    // the 12th and 13th fields after it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    // Linux counts in ticks of 10 ms here.
    Duration::from_millis(ticks * 10)
}

/// Moves this thread, and all that it starts later, to the players' core.
pub fn pin_to_load() {
    pin(LOAD_CORE);
}

fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    if sched_setaffinity(None, &cores).is_err() {
        eprintln!("core {core} cannot be had; the figures mix server and players");
    }
}
