//! A page load: the HTML of a page and every file that it names, as a browser asks for them.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::common::server::Server;
use crate::figures::Figures;

const ROUNDS: usize = 3;
/// Loads of one run.
const LOADS: usize = 100;
/// The pages by the names of their figures, each with the files that its script (`web/app.js`) loads for it.
const PAGES: [(&str, &str, &[&str]); 4] = [
    ("landing", "/", &["player/landing.js", "style/player.css"]),
    ("player", "/j/ABC234", &["player/join.js", "player/room.js", "style/player.css"]),
    ("solo", "/solo", &["solo/solo.js", "style/player.css"]),
    ("host", "/host", &["host/setup.js", "style/host.css", "host/stage.js", "style/stage.css"]),
];
/// The words of a page, which its script loads too.
const WORDS: &str = "text/en.json";

/// Measures page loads.
pub(crate) fn measure(figures: &mut Figures) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let server = Server::start(folder.path(), &[]);
    for (name, page, more) in PAGES {
        let files = files_of(server.address, page, more);
        let [compressed, plain] = ["br", "identity"].map(|encoding| {
            let mut line = Line::open(server.address);
            files.iter().map(|file| line.get(file, encoding).len()).sum::<usize>() as f64
        });
        figures.note(&format!("pages.{name}.files"), "files", files.len() as f64);
        figures.note(&format!("pages.{name}.bytes"), "bytes", compressed);
        figures.note(&format!("pages.{name}.uncompressed"), "bytes", plain);
        for _ in 0..ROUNDS {
            let mut line = Line::open(server.address);
            let busy = server.busy();
            for _ in 0..LOADS {
                files.iter().for_each(|file| drop(line.get(file, "br")));
            }
            let busy = (server.busy() - busy).as_secs_f64() * 1e6;
            figures.note(&format!("pages.{name}.cpu"), "µs", busy / LOADS as f64);
        }
    }
}

/// A page and all files that it needs at first: what its HTML names, and what those files import.
fn files_of(address: SocketAddr, page: &str, more: &[&str]) -> Vec<String> {
    let mut line = Line::open(address);
    let more = more.iter().chain([&WORDS]).map(|name| format!("/web/{name}"));
    let mut found: BTreeSet<_> = more.chain([page.to_owned()]).collect();
    let mut left: VecDeque<_> = found.iter().cloned().collect();
    while let Some(path) = left.pop_front() {
        let reply = line.get(&path, "identity");
        let text = String::from_utf8_lossy(&reply).into_owned();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        for name in named(&path, body) {
            if found.insert(name.clone()) {
                left.push_back(name);
            }
        }
    }
    found.into_iter().collect()
}

/// The files that a page or a script names: `src`, `href`, static imports. Imports by a call come later.
fn named(path: &str, body: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_file = |name: &&str| [".js", ".css", ".svg"].iter().any(|end| name.ends_with(end));
    let before = ["from \"", "import \"", "src=\"", "href=\"", "url(\""];
    let places = before.iter().flat_map(|word| body.match_indices(word).map(|(at, word)| at + word.len()));
    let names = places.filter_map(|at| body[at..].split('"').next());
    names.filter(is_file).map(|name| resolved(folder, name)).collect()
}

fn resolved(folder: &str, name: &str) -> String {
    if name.starts_with('/') {
        return name.to_owned();
    }
    let mut parts: Vec<_> = folder.split('/').collect();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// One keep-alive connection of a browser.
struct Line(TcpStream);

impl Line {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Self(stream)
    }

    /// The whole reply, with its head.
    fn get(&mut self, path: &str, encoding: &str) -> Vec<u8> {
        write!(self.0, "GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\n\r\n").expect("it reads");
        let (mut reply, mut bytes) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let count = self.0.read(&mut bytes).expect("it writes");
            assert!(count > 0, "{path}: the server closed the connection");
            reply.extend(&bytes[..count]);
            let Some(end) = reply.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&reply[..end]).to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).expect("a length");
            if reply.len() >= end + 4 + length {
                return reply;
            }
        }
    }
}
