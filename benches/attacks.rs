//! Benchmarks of attacks from one address, and of their effect on honest players: `cargo bench --bench
//! attacks`. Words after `--` run only the attacks whose names contain one of them.
//!
//! The server has a core of its own, and its default limits. On the other core 16 honest players play, with
//! an answer every 50 ms each: first alone, and then beside the attack. The attack comes from another
//! loopback address, and uses only what the players leave of their core. Printed are the attacker's counts,
//! and the players' latencies without and with the attack.

mod common;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::load::{Connection, Figures};
use common::server::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const PLAYERS: usize = 16;
const EVERY: Duration = Duration::from_millis(50);
const ALONE: Duration = Duration::from_secs(5);
const BESIDE: Duration = Duration::from_secs(10);
/// The address from which attacks come.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
const KEY: &str = "0123456789abcdef0123";

/// What an attack needs: the server, a room that someone else opened, and when to stop.
struct Stage {
    address: SocketAddr,
    room: Value,
    stop: AtomicBool,
}

impl Stage {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn room(&self) -> &str {
        self.room["roomId"].as_str().expect("an id")
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((STRANGER, 0).into())?;
        socket.connect(self.address).await
    }

    async fn connection(&self) -> Connection {
        Connection::over(self.connect().await.expect("the server listens"))
    }
}

type Attack = fn(Arc<Stage>) -> String;

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let attacks: [(&str, Attack); 7] = [
        ("two sockets without a token", |stage| block(flood(stage))),
        ("connections of one address", |stage| block(connections(stage))),
        ("rooms opened", |stage| block(rooms(stage))),
        ("joins under a name that folds long", |stage| block(names(stage))),
        ("joins and leaves", |stage| block(fill(stage))),
        ("guesses of join codes", |stage| block(guesses(stage))),
        ("snapshots asked for under ids", |stage| block(snapshots(stage))),
    ];
    println!(
        "{:<36} {:>21} {:>21} {:>21}  the attacker's counts",
        "attack", "p50 alone, beside", "p99 alone, beside", "most alone, beside"
    );
    for (name, attack) in attacks {
        if named.is_empty() || named.iter().any(|word| name.contains(word.as_str())) {
            row(name, attack);
        }
    }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::task::LocalSet::new().block_on(&common::runtime(), future)
}

fn row(name: &str, attack: Attack) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_with_limits(folder.path(), &["--api-keys", KEY, "--hosting", "open"]);
    let stage = block(stage(server.address));
    let alone = block(honest(server.address, ALONE));
    let attacking = {
        let stage = stage.clone();
        std::thread::spawn(move || {
            // The lowest priority: the attack gets only what the players leave.
            let _ = rustix::process::nice(19);
            attack(stage)
        })
    };
    let beside = block(honest(server.address, BESIDE));
    stage.stop.store(true, Ordering::Relaxed);
    let came_to = attacking.join().expect("the attack ends");
    let pair = |one: Duration, other: Duration| format!("{:.2}, {:.2} ms", millis(one), millis(other));
    println!(
        "{name:<36} {:>21} {:>21} {:>21}  {came_to}; server {} MiB",
        pair(alone.p50, beside.p50),
        pair(alone.p99, beside.p99),
        pair(alone.most, beside.most),
        server.resident() >> 20
    );
    server.kill();
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

async fn stage(address: SocketAddr) -> Arc<Stage> {
    let mut host = Connection::open(address).await;
    let room = host.request_by(KEY, "POST", "/api/rooms", r#"{"count":10}"#).await;
    Arc::new(Stage { address, room, stop: AtomicBool::new(false) })
}

/// Lets honest players play games, with an answer every 50 ms each.
async fn honest(address: SocketAddr, how_long: Duration) -> Figures {
    let (begun, latencies) = (Instant::now(), Rc::new(RefCell::new(Vec::new())));
    let players: Vec<_> = (0..PLAYERS)
        .map(|n| {
            let latencies = latencies.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(EVERY * n as u32 / PLAYERS as u32).await;
                let mut connection = Connection::open(address).await;
                while begun.elapsed() < how_long {
                    game(&mut connection, &latencies, begun + how_long).await;
                }
            })
        })
        .collect();
    for player in players {
        player.await.expect("a player is never refused");
    }
    Figures::of(latencies.take(), how_long)
}

async fn game(connection: &mut Connection, latencies: &RefCell<Vec<Duration>>, end: Instant) {
    let timed = async |connection: &mut Connection, path: &str, body: &Value, good: u16| {
        let sent = Instant::now();
        let (status, reply) = connection.request("POST", path, &body.to_string()).await;
        latencies.borrow_mut().push(sent.elapsed());
        assert_eq!(status, good, "{}", String::from_utf8_lossy(&reply));
        tokio::time::sleep_until((sent + EVERY).into()).await;
        serde_json::from_slice::<Value>(&reply).expect("JSON")
    };
    let created = timed(connection, "/api/game/session", &json!({ "quizId": "civics", "count": 40 }), 201).await;
    for question in created["questions"].as_array().into_iter().flatten() {
        if Instant::now() >= end {
            return;
        }
        let answer = json!({ "sessionId": created["sessionId"], "questionId": question["questionId"], "optionId": 1 });
        timed(connection, "/api/game/answer", &answer, 200).await;
    }
}

/// Two sockets that send pongs, or empty fragments, without a pause, and reconnect when they are closed.
async fn flood(stage: Arc<Stage>) -> String {
    let sockets = Rc::new(RefCell::new((0_u64, 0_u64)));
    let floods = [0x8A_u8, 0x00].map(|first| tokio::task::spawn_local(socket(stage.clone(), first, sockets.clone())));
    for flood in floods {
        flood.await.expect("it ends");
    }
    let (opened, bytes) = *sockets.borrow();
    format!("{opened} sockets, {} MB", bytes / 1_000_000)
}

async fn socket(stage: Arc<Stage>, first: u8, count: Rc<RefCell<(u64, u64)>>) {
    let frames = [first, 0x80, 0, 0, 0, 0].repeat(10_000);
    let begin = [0x01, 0x81, 0, 0, 0, 0, b'{'];
    while stage.goes_on() {
        let Ok(mut stream) = stage.connect().await else { continue };
        let request = format!(
            "GET /api/rooms/{}/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            stage.room()
        );
        if stream.write_all(&[request.as_bytes(), &begin].concat()).await.is_err() {
            continue;
        }
        count.borrow_mut().0 += 1;
        while stage.goes_on() {
            match tokio::time::timeout(Duration::from_millis(200), stream.write(&frames)).await {
                Ok(Ok(written)) => count.borrow_mut().1 += written as u64,
                Ok(Err(_)) => break,
                Err(_) => {}
            }
        }
    }
}

/// As many connections as possible, which send nothing.
async fn connections(stage: Arc<Stage>) -> String {
    let (mut held, mut refused) = (Vec::new(), 0_u64);
    while stage.goes_on() && held.len() < 15_000 {
        let Ok(mut stream) = stage.connect().await else { break };
        let mut byte = [0; 1];
        // The server answers or closes a refused connection at once. Don't wait for that with the first 900.
        match tokio::time::timeout(Duration::from_millis(if held.len() < 900 { 0 } else { 5 }), stream.read(&mut byte))
            .await
        {
            Ok(_) => refused += 1,
            Err(_) => held.push(stream),
        }
    }
    while stage.goes_on() {
        tokio::time::sleep(EVERY).await;
    }
    // Some connections are refused only later.
    held.retain(
        |stream| matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
    );
    format!("{} held, {refused} and more refused", held.len())
}

async fn rooms(stage: Arc<Stage>) -> String {
    let mut connection = stage.connection().await;
    let mut count = Count::default();
    while stage.goes_on() {
        let (status, _) = connection.request("POST", "/api/rooms", r#"{"count":50}"#).await;
        count.note(status);
    }
    format!("{count} rooms")
}

async fn names(stage: Arc<Stage>) -> String {
    let mut connection = stage.connection().await;
    let mut count = Count::default();
    let mut n = 0_u64;
    while stage.goes_on() {
        n += 1;
        let name = format!("{}{n}", "\u{fdfa}".repeat(20));
        let body = json!({ "joinCode": stage.room["joinCode"], "name": name }).to_string();
        count.note(connection.request("POST", "/api/rooms/join", &body).await.0);
    }
    format!("{count} joins")
}

async fn fill(stage: Arc<Stage>) -> String {
    let mut connection = stage.connection().await;
    let (mut count, mut n) = (Count::default(), 0_u64);
    while stage.goes_on() {
        n += 1;
        let body = json!({ "joinCode": stage.room["joinCode"], "name": format!("Eve {n}") }).to_string();
        let (status, reply) = connection.request("POST", "/api/rooms/join", &body).await;
        count.note(status);
        if status == 201 {
            let seat: Value = serde_json::from_slice(&reply).expect("JSON");
            let leave = format!("/api/rooms/{}/leave", stage.room());
            connection.request_as(seat["token"].as_str().expect("a token"), "POST", &leave).await;
        }
    }
    // An honest player joins a little later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut honest = Connection::open(stage.address).await;
    let body = json!({ "joinCode": stage.room["joinCode"], "name": "Ada" }).to_string();
    let (status, _) = honest.request("POST", "/api/rooms/join", &body).await;
    format!("{count} joins, an honest one afterwards {status}")
}

async fn guesses(stage: Arc<Stage>) -> String {
    let mut connection = stage.connection().await;
    let (mut count, mut n) = (Count::default(), 0_u64);
    let letters = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    while stage.goes_on() {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let code: String = (0..6).map(|place| char::from(letters[(n >> (8 * place + 10)) as usize % 31])).collect();
        let body = json!({ "joinCode": code, "seatCode": "22222222" }).to_string();
        count.note(connection.request("POST", "/api/rooms/join", &body).await.0);
    }
    format!("{} guesses answered, {} refused", count.other, count.refused)
}

/// A seat that requests one snapshot after the other, each with a new id.
async fn snapshots(stage: Arc<Stage>) -> String {
    let mut connection = stage.connection().await;
    let body = json!({ "joinCode": stage.room["joinCode"], "name": "Eve" }).to_string();
    let (_, reply) = connection.request("POST", "/api/rooms/join", &body).await;
    let seat: Value = serde_json::from_slice(&reply).expect("JSON");
    let (mut socket, _) =
        common::socket::Socket::open(stage.address, stage.room(), seat["token"].as_str().expect("a token")).await;
    let (mut asked, mut heard) = (0_u64, 0_u64);
    while stage.goes_on() {
        // Just below the limit of 20 frames a second.
        tokio::time::sleep(Duration::from_millis(55)).await;
        asked += 1;
        socket.sender.send(&format!(r#"{{"type":"snapshot","id":"{asked}"}}"#));
        while heard < asked {
            socket.skim(|text| heard += u64::from(text.starts_with(br#"{"type":"reply""#))).await;
        }
    }
    format!("{heard} snapshots")
}

/// Replies to requests, counted by their status.
#[derive(Default)]
struct Count {
    good: u64,
    refused: u64,
    other: u64,
}

impl Count {
    fn note(&mut self, status: u16) {
        match status {
            200..=299 => self.good += 1,
            429 => self.refused += 1,
            _ => self.other += 1,
        }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.good, self.good + self.refused + self.other)
    }
}
