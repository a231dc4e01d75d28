//! The process of a server. It ends with its owner, and at the latest with this test process, however that
//! ends.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

/// A command to spawn, and the channel that gets its child process.
type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// The thread that spawns every server. A child with a parent death signal dies with the *thread* that
/// spawned it, and the thread of a test ends before the shared servers may.
static NURSERY: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
    let (orders, taken) = mpsc::channel::<Order>();
    thread::spawn(move || taken.into_iter().for_each(|(mut command, to)| drop(to.send(command.spawn()))));
    orders
});

/// A process that can be killed, halted, and started again with the same arguments.
pub(crate) struct Process {
    child: Child,
    words: Vec<OsString>,
    log: PathBuf,
}

impl Process {
    /// Starts a program that logs to a file in `folder`. `words` are the program and its arguments.
    pub(crate) fn begin(words: Vec<OsString>, folder: &Path) -> Self {
        let log = folder.join("server.log");
        Self { child: begin(&words, &log), words, log }
    }

    /// Kills it and starts it again, with `more` arguments for this start only.
    pub(crate) fn begin_again(&mut self, more: &[&str]) {
        self.kill();
        let words: Vec<_> = self.words.iter().cloned().chain(more.iter().map(OsString::from)).collect();
        self.child = begin(&words, &self.log);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL and waits until it has ended.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the process is this test's").is_some()
    }

    /// Everything that it has logged since its first start.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn begin(words: &[OsString], log: &Path) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(log).expect("a log file");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).args(words);
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
    let (to, from) = mpsc::channel();
    NURSERY.send((command, to)).expect("its thread never ends");
    let begun = from.recv().expect("its thread never ends");
    begun.expect("setpriv of util-linux begins the servers, and every Debian has it")
}
