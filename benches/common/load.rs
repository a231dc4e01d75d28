//! A load generator: many players in a closed loop, over plain keep-alive connections on loopback.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::traffic;

/// One keep-alive HTTP connection to the server.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        Self::over(stream)
    }

    /// Uses a TCP connection that exists already.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket option");
        Self { stream, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a request and returns the status and the body of the reply.
    pub async fn request(&mut self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        self.exchange(method, path, "", body).await
    }

    /// Sends a request with a key or a token, and returns the JSON body. Fails on a status of 300 or higher.
    pub async fn request_by(&mut self, bearer: &str, method: &str, path: &str, body: &str) -> Value {
        let (status, reply) = self.exchange(method, path, &format!("Authorization: Bearer {bearer}\r\n"), body).await;
        assert!(status < 300, "{method} {path}: {status} {}", String::from_utf8_lossy(&reply));
        serde_json::from_slice(&reply).expect("JSON")
    }

    /// Like [`request_by`](Self::request_by), but repeats the request after a 503, as a client does: with the same
    /// `Idempotency-Key`.
    pub async fn request_until_done(&mut self, bearer: &str, key: &str, path: &str, body: &str) -> Value {
        let headers = format!("Authorization: Bearer {bearer}\r\nIdempotency-Key: {key}\r\n");
        loop {
            let (status, reply) = self.exchange("POST", path, &headers, body).await;
            if status != 503 {
                assert!(status < 300, "POST {path}: {status} {}", String::from_utf8_lossy(&reply));
                return serde_json::from_slice(&reply).unwrap_or_default();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Like [`request`](Self::request), but repeats a request of a solo game after a 503, with the same
    /// `Idempotency-Key`.
    pub async fn request_again(&mut self, key: &str, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        loop {
            let answered = self.exchange(method, path, &format!("Idempotency-Key: {key}\r\n"), body).await;
            if answered.0 != 503 {
                return answered;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// The number of commits that the server has made.
    pub async fn commits(&mut self) -> f64 {
        let health: Value = serde_json::from_slice(&self.request("GET", "/health", "").await.1).expect("JSON");
        health["commits"].as_f64().expect("a number")
    }

    /// Sends a request with a token and without a body, and returns the status.
    pub async fn request_as(&mut self, bearer: &str, method: &str, path: &str) -> u16 {
        self.exchange(method, path, &format!("Authorization: Bearer {bearer}\r\n"), "").await.0
    }

    async fn exchange(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Vec<u8>) {
        let head = if body.is_empty() {
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
        } else {
            format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        self.stream.write_all(head.as_bytes()).await.expect("the server reads");
        traffic::sent(head.len());
        self.buffer.clear();
        let (end, length) = loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the server writes");
            assert!(read > 0, "the server closed the connection");
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break (end + 4, content_length(&self.buffer[..end]));
            }
        };
        while self.buffer.len() < end + length {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the server writes");
            assert!(read > 0, "the server closed the connection");
        }
        traffic::received(self.buffer.len());
        let status = std::str::from_utf8(&self.buffer[9..12]).ok().and_then(|status| status.parse().ok());
        (status.expect("a status"), self.buffer[end..end + length].to_vec())
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:").map(str::to_owned));
    line.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}

/// The figures of a run.
pub struct Figures {
    pub per_second: f64,
    pub p50: Duration,
    pub p95: Duration,
    pub p99: Duration,
    /// The longest latency.
    pub most: Duration,
}

impl Figures {
    pub fn of(mut latencies: Vec<Duration>, took: Duration) -> Self {
        latencies.sort_unstable();
        let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
        Self {
            per_second: latencies.len() as f64 / took.as_secs_f64(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            most: latencies.last().copied().unwrap_or_default(),
        }
    }
}

/// What the players do in their loop.
#[derive(Clone, Copy)]
pub enum Play {
    /// Whole games: create, ten answers, results.
    Games,
    /// Only `GET /livez`.
    Livez,
}

/// Runs `players` players: for `warm_up` without measuring, then measured.
pub async fn run(address: SocketAddr, players: usize, play: Play, warm_up: Duration, measured: Duration) -> Figures {
    let begin = Instant::now() + warm_up;
    let end = begin + measured;
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let failures = Rc::new(Cell::new(0));
    let local = tokio::task::LocalSet::new();
    for _ in 0..players {
        let player = Player { begin, latencies: latencies.clone(), failures: failures.clone() };
        local.spawn_local(player.play(address, play, end));
    }
    local.await;
    assert_eq!(failures.get(), 0, "every request is answered well");
    Figures::of(latencies.take(), measured)
}

struct Player {
    begin: Instant,
    latencies: Rc<RefCell<Vec<Duration>>>,
    failures: Rc<Cell<usize>>,
}

impl Player {
    async fn play(self, address: SocketAddr, play: Play, end: Instant) {
        let mut connection = Connection::open(address).await;
        while Instant::now() < end {
            match play {
                Play::Games => self.game(&mut connection, end).await,
                Play::Livez => drop(self.timed(&mut connection, "GET", "/livez", "", 200).await),
            }
        }
    }

    async fn game(&self, connection: &mut Connection, end: Instant) {
        let created = self.timed(connection, "POST", "/api/game/session", r#"{"quizId":"civics"}"#, 201).await;
        let created: Value = serde_json::from_slice(&created).expect("JSON");
        let id = created["sessionId"].as_str().expect("an id");
        for question in created["questions"].as_array().into_iter().flatten() {
            if Instant::now() >= end {
                return;
            }
            let question = question["questionId"].as_str().expect("an id");
            let answer = format!(r#"{{"sessionId":"{id}","questionId":"{question}","optionId":1}}"#);
            self.timed(connection, "POST", "/api/game/answer", &answer, 200).await;
        }
        self.timed(connection, "GET", &format!("/api/game/results/{id}"), "", 200).await;
    }

    async fn timed(&self, connection: &mut Connection, method: &str, path: &str, body: &str, good: u16) -> Vec<u8> {
        let sent = Instant::now();
        let (status, reply) = connection.request(method, path, body).await;
        if status != good {
            self.failures.set(self.failures.get() + 1);
        }
        // Requests that were sent during the warm-up don't count.
        if sent >= self.begin {
            self.latencies.borrow_mut().push(sent.elapsed());
        }
        reply
    }
}
