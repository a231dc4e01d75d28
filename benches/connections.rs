//! The memory of an idle WebSocket: `cargo bench --bench connections`.
//!
//! The real server, and 5,000 clients on loopback which have each sent one message and received its echo.
//! Prints by how much the server's process has grown per connection. The kernel's own memory is not included.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

const CONNECTIONS: usize = 5_000;
const ROUNDS: usize = 3;
/// Open files that each side needs.
const FILES: u64 = CONNECTIONS as u64 + 500;

const REQUEST: &[u8] = b"GET /websocket-echo/text HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// "hello" with a mask of zeros, and its echo.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0hello";
const ECHO: &[u8] = b"\x81\x05hello";

struct Server {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        command
            .args(["--test-echo", "--admin-listen", "off", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.path());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split([',', ' ']).next()).expect("an address");
        Self { child, address: address.to_owned(), _folder: folder }
    }

    fn connect(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.write_all(REQUEST).expect("it reads");
        let mut head = [0; 1];
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut head).expect("it switches protocols");
            seen.push(head[0]);
        }
        let mut echo = [0; ECHO.len()];
        stream.write_all(HELLO).expect("it reads");
        stream.read_exact(&mut echo).expect("it answers");
        assert_eq!(echo, ECHO);
        stream
    }

    fn kilobytes(&self) -> u64 {
        // Wait until memory that was used only for a short time is returned to the system.
        std::thread::sleep(Duration::from_secs(2));
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn allow_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.current.map(|current| current.max(FILES));
    setrlimit(Resource::Nofile, limit).expect("`ulimit -Hn` allows this many open files");
}

fn main() {
    allow_files();
    let mut rounds: Vec<f64> = (1..=ROUNDS)
        .map(|round| {
            let server = Server::start();
            drop(server.connect());
            let before = server.kilobytes();
            let _connections: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
            let after = server.kilobytes();
            let each = (after - before) as f64 / CONNECTIONS as f64;
            println!("round {round}: {before} kB before, {after} kB with {CONNECTIONS} connections: {each:.2} kB each");
            each
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("an idle connection: {:.2} kB", rounds[ROUNDS / 2]);
}
