//! The lower bound for the cost of a delivery: a program that only sends frames to as many sockets. On
//! loopback the kernel charges the sender for the work that it does for the receiver.

use std::io::{BufRead, BufReader, Write, stdin};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::server::{busy_of, on_the_servers_core};

/// The argument with which a benchmark starts itself as this program.
const WORD: &str = "--bare-sender";
/// The length in bytes of the frame of an event in these benchmarks.
const FRAME: usize = 160;
const TICK: Duration = Duration::from_millis(1);

/// Runs the bare sender and exits, if this process was started as one.
pub fn run_if_asked() {
    let mut args = std::env::args().skip_while(|arg| arg != WORD).skip(1).map(|count| count.parse().expect("a count"));
    if let (Some(sockets), Some(at_once)) = (args.next(), args.next()) {
        send_all(sockets, at_once);
        std::process::exit(0);
    }
}

/// Reads rates from stdin, one per line, and sends at the latest one. Ends with stdin.
fn send_all(sockets: usize, at_once: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    let accept = || listener.accept().expect("a client").0;
    let mut sockets: Vec<_> = (0..sockets).map(|_| accept()).collect();
    sockets.iter().for_each(|socket| socket.set_nodelay(true).expect("a socket option"));
    let (tell, rates) = channel();
    thread::spawn(move || {
        for line in stdin().lines().map_while(Result::ok) {
            let _ = tell.send(line.parse().expect("a rate"));
        }
    });
    let mut rate = 0.0;
    while let Some(next) = send(&mut sockets, at_once, rate, &rates) {
        rate = next;
    }
}

/// Sends `rate` frames per second, to one group of sockets after the other, until the next rate arrives.
/// `None` if there won't be another one.
fn send(sockets: &mut [TcpStream], at_once: usize, rate: f64, rates: &Receiver<f64>) -> Option<f64> {
    let (begun, mut sent, groups) = (Instant::now(), 0, sockets.len() / at_once);
    loop {
        let due = (begun.elapsed().as_secs_f64() * rate / at_once as f64) as usize;
        while sent < due {
            let first = sent % groups * at_once;
            for socket in &mut sockets[first..first + at_once] {
                socket.write_all(&[b'x'; FRAME]).expect("the client reads");
            }
            sent += 1;
        }
        match rates.recv_timeout(TICK) {
            Ok(next) => return Some(next),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// A running bare sender. It is stopped when this value is dropped.
pub struct Bare {
    child: Child,
    rates: Option<ChildStdin>,
    pub address: SocketAddr,
}

impl Bare {
    /// Starts a sender that waits for `sockets` clients and always sends to `at_once` of them.
    pub fn start(sockets: usize, at_once: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args([WORD, &sockets.to_string(), &at_once.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = on_the_servers_core(|| command.spawn()).expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output is ours")).read_line(&mut line).expect("a line");
        let rates = child.stdin.take();
        Self { child, rates, address: line.trim().parse().expect("an address") }
    }

    /// Sets the rate, in frames per second.
    pub fn send(&mut self, rate: usize) {
        let rates = self.rates.as_mut().expect("it runs");
        writeln!(rates, "{rate}").expect("it reads");
    }

    /// The processor time that it has used.
    pub fn busy(&self) -> Duration {
        busy_of(self.child.id())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Closing its stdin ends the child; the kill is for one that hangs.
        drop(self.rates.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
