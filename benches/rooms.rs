//! Benchmarks of rooms with all seats connected, with the real binary on redb: `cargo bench --bench rooms`.
//! `memory`, `deliveries`, `answers` or `storm` after `--` runs only that part.
//!
//! - `memory`: what a connection costs in memory. 5,000 seats in 250 rooms are idle, apart from answering
//!   pings.
//! - `deliveries`: how many events reach their seats. Backends record events in 100 rooms of 20 seats, over
//!   one WebSocket each, without waiting for replies. Each event is committed with fsync, and then sent to 20
//!   seats and to its backend. The latency is measured from passing the `record` to the kernel until a seat
//!   has the event. It is measured at several offered rates, and at the highest rate, at which every room
//!   always has several events on their way. The seats read raw bytes, and only look for frame heads and
//!   `"sequence":N`. They send no acknowledgements unless the line says so; a real client sends one a second.
//!   For comparison, the cost of a bare program that sends as many bytes to as many sockets is printed too.
//! - `answers`: how long players wait if all answer a question at the same moment, and how many commits that
//!   takes. Measured at the beginning of a long quiz, somewhat later, and at its end.
//! - `storm`: how soon 2,000 seats have reconnected if all come at the same moment, after `kill -9` and a
//!   restart.
//!
//! `BENCH_SERVER` measures another binary. The server has one core, the players another. All figures are
//! medians.

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::bare::Bare;
use common::load::{Connection, Figures};
use common::rooms::{AT_ONCE, KEY, Room};
use common::server::{Server, busy_here};
use common::socket::{Sender, Socket, sequence};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

const ROUNDS: usize = 3;
/// Longer than any part takes if nothing goes wrong.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() {
    common::bare::run_if_asked();
    let named: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    common::server::pin_to_load();
    if is_wanted("memory") {
        memory();
    }
    if is_wanted("deliveries") {
        deliveries();
    }
    if is_wanted("answers") {
        answers(50);
        answers(200);
    }
    if is_wanted("storm") {
        storm();
    }
}

/// Runs `part` with a new server on an empty file.
fn beside_a_server<T>(part: impl AsyncFnOnce(&Server) -> T) -> T {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let server = Server::start(folder.path(), &["--api-keys", KEY]);
    let local = LocalSet::new();
    let part = async { timeout(PATIENCE, part(&server)).await.expect("it ends in time") };
    common::runtime().block_on(local.run_until(part))
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn median_time(values: impl IntoIterator<Item = Duration>) -> Duration {
    Duration::from_secs_f64(median(values.into_iter().map(|value| value.as_secs_f64())))
}

// The `memory` part.

const IDLE_ROOMS: usize = 250;
const SEATS: usize = 20;
/// Long enough for the server to ping every seat, and to record its presence.
const SETTLING: Duration = Duration::from_secs(8);

fn memory() {
    let connections = IDLE_ROOMS * SEATS;
    let per_connection = (0..ROUNDS).map(|_| {
        let [empty, before, after] = beside_a_server(async |server| {
            let empty = server.resident();
            let rooms = common::rooms::open(server.address, IDLE_ROOMS, SEATS).await;
            let before = server.resident();
            for mut socket in common::rooms::connect(server.address, &rooms, AT_ONCE).await.into_iter().flatten() {
                spawn_local(async move {
                    loop {
                        socket.skim(|_| ()).await
                    }
                });
            }
            sleep(SETTLING).await;
            [empty, before, server.resident()]
        });
        let kilobytes = (after - before) as f64 / connections as f64 / 1000.0;
        let mib = |bytes: u64| bytes / 1024 / 1024;
        println!(
            "{connections} idle connections: {kilobytes:.1} KB each  {} to {} MiB, {} without rooms",
            mib(before),
            mib(after),
            mib(empty)
        );
        kilobytes
    });
    println!("median: {:.1} KB a connection", median(per_connection));
}

// The `deliveries` part.

const ROOMS: usize = 100;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(1);

/// How fast backends record.
#[derive(Clone, Copy)]
enum Pace {
    /// This many deliveries a second, whether the server keeps up or not.
    Offered(usize),
    /// As soon as fewer than this many events of a room are on their way.
    OnTheirWay(usize),
}

struct Kind {
    name: &'static str,
    pace: Pace,
    /// True if every seat sends an acknowledgement once a second.
    acks: bool,
}

const KINDS: [Kind; 5] = [
    Kind { name: "10,000 offered", pace: Pace::Offered(10_000), acks: false },
    Kind { name: "30,000 offered", pace: Pace::Offered(30_000), acks: false },
    Kind { name: "30,000 and acks", pace: Pace::Offered(30_000), acks: true },
    Kind { name: "60,000 offered", pace: Pace::Offered(60_000), acks: false },
    Kind { name: "the highest", pace: Pace::OnTheirWay(4), acks: false },
];

/// A room under load, with its connections.
struct Live {
    backend: Rc<Sender>,
    seats: Vec<Rc<Sender>>,
    /// The head of the event log before the first event.
    base: u64,
    /// When each event was sent, in the order of their sequence numbers.
    sent: RefCell<Vec<Instant>>,
    /// Events received, summed up over all seats.
    received: Cell<usize>,
}

impl Live {
    fn on_their_way(&self) -> usize {
        self.sent.borrow().len() - self.received.get() / SEATS
    }

    fn record(&self) {
        let n = self.sent.borrow().len();
        self.sent.borrow_mut().push(Instant::now());
        self.backend.send(&format!(
            r#"{{"type":"record","id":"{n}","events":[{{"type":"moved","payload":{{"seatId":{},"from":"e2","to":"e4","clockMs":{n}}}}}]}}"#,
            n % SEATS + 1
        ));
    }
}

/// What the seats of all rooms have received during one run.
#[derive(Default)]
struct Received {
    /// The measured part of the run.
    window: Cell<Option<(Instant, Instant)>>,
    count: Cell<usize>,
    latencies: RefCell<Vec<Duration>>,
}

impl Received {
    fn note(&self, room: &Live, sequence: u64, now: Instant) {
        room.received.set(room.received.get() + 1);
        let Some((begin, end)) = self.window.get() else { return };
        if begin <= now && now < end {
            self.count.set(self.count.get() + 1);
        }
        let sent = room.sent.borrow()[(sequence - room.base - 1) as usize];
        if begin <= sent && sent < end {
            self.latencies.borrow_mut().push(now - sent);
        }
    }
}

fn deliveries() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    println!("the disk makes {:.0} fdatasyncs/s", common::fdatasyncs_per_second(folder.path()));
    let (mut runs, mut floors) = (KINDS.map(|_| Vec::new()), KINDS.map(|_| Vec::new()));
    for _ in 0..ROUNDS {
        beside_a_server(async |server| {
            let received = Rc::new(Received::default());
            let rooms = listen(server, &received).await;
            for (kind, runs) in KINDS.iter().zip(&mut runs) {
                runs.push(run(server, &rooms, &received, kind).await);
            }
        });
        bare(&mut floors);
    }
    for ((kind, runs), floors) in KINDS.iter().zip(&runs).zip(&floors) {
        let [p50, p99] =
            [|run: &Run| run.figures.p50, |run: &Run| run.figures.p99].map(|of| median_time(runs.iter().map(of)));
        let rate = median(runs.iter().map(|run| run.figures.per_second));
        let cost = median(runs.iter().map(|run| run.cost));
        let share = median(runs.iter().map(|run| run.share));
        let events = median(runs.iter().map(|run| run.events_per_commit));
        let floor = if floors.is_empty() { String::new() } else { format!(" ({:.1} bare)", median(floors.clone())) };
        println!(
            "{:<16} {rate:>7.0} deliveries/s  p50 {p50:>9.2?}  p99 {p99:>9.2?}  {cost:>5.1} µs of a core each{floor}, {:.0} % of it  {events:.1} events a commit",
            kind.name,
            share * 100.0
        );
    }
}

/// Measures what a bare sender needs for one frame at each offered rate: microseconds of its core.
fn bare(floors: &mut [Vec<f64>; KINDS.len()]) {
    let mut sender = Bare::start(ROOMS * SEATS, SEATS);
    let local = LocalSet::new();
    common::runtime().block_on(local.run_until(async {
        for _ in 0..ROOMS * SEATS {
            let mut stream = TcpStream::connect(sender.address).await.expect("it listens");
            spawn_local(async move {
                let mut bytes = [0; 4096];
                while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
            });
        }
        for (kind, floors) in KINDS.iter().zip(floors) {
            if let Kind { pace: Pace::Offered(rate), acks: false, .. } = kind {
                sender.send(*rate);
                sleep(WARM_UP).await;
                let before = sender.busy();
                sleep(MEASURED).await;
                let busy = (sender.busy() - before).as_secs_f64();
                floors.push(busy * 1e6 / (*rate as f64 * MEASURED.as_secs_f64()));
            }
        }
    }));
}

async fn listen(server: &Server, received: &Rc<Received>) -> Vec<Rc<Live>> {
    let opened = common::rooms::open(server.address, ROOMS, SEATS).await;
    let sockets = common::rooms::connect(server.address, &opened, AT_ONCE).await;
    let mut rooms = Vec::new();
    for (room, sockets) in opened.iter().zip(sockets) {
        let (mut backend, welcome) = Socket::open(server.address, &room.id, KEY).await;
        let live = Rc::new(Live {
            backend: backend.sender.clone(),
            seats: sockets.iter().map(|socket| socket.sender.clone()).collect(),
            base: welcome["head"].as_u64().expect("a number"),
            sent: RefCell::default(),
            received: Cell::default(),
        });
        spawn_local(async move {
            loop {
                backend.skim(is_no_error).await
            }
        });
        for mut socket in sockets {
            let (live, received) = (live.clone(), received.clone());
            spawn_local(async move {
                loop {
                    let mut now = None;
                    let note = |text: &[u8]| {
                        if let Some(sequence) = sequence(text) {
                            received.note(&live, sequence, *now.get_or_insert_with(Instant::now));
                        }
                    };
                    socket.skim(note).await;
                }
            });
        }
        rooms.push(live);
    }
    rooms
}

fn is_no_error(text: &[u8]) {
    assert!(!text.starts_with(br#"{"type":"error""#), "{}", String::from_utf8_lossy(text));
}

struct Run {
    figures: Figures,
    /// Microseconds of the server's core per delivery.
    cost: f64,
    /// The part of its core that the server was busy, from 0 to 1.
    share: f64,
    events_per_commit: f64,
}

async fn run(server: &Server, rooms: &[Rc<Live>], received: &Received, kind: &Kind) -> Run {
    let mut health = Connection::open(server.address).await;
    let begun = Instant::now();
    let (begin, end) = (begun + WARM_UP, begun + WARM_UP + MEASURED);
    // Set before recording begins: the reading tasks use it at once.
    received.window.set(Some((begin, end)));
    received.count.set(0);
    let acks = kind.acks.then(|| spawn_local(acknowledge(rooms.to_vec())));
    let recording = async {
        let mut recorded = 0;
        while Instant::now() < end {
            record(rooms, kind.pace, begun, &mut recorded);
            sleep(TICK).await;
        }
    };
    let watching = async {
        sleep(begin - Instant::now()).await;
        let both = || [server.busy(), busy_here()].map(|busy| busy.as_secs_f64());
        let (busy, commits, from) = (both(), health.commits().await, Instant::now());
        sleep(end.saturating_duration_since(Instant::now())).await;
        let (later, took) = (both(), from.elapsed().as_secs_f64());
        let shares = [(later[0] - busy[0]) / took, (later[1] - busy[1]) / took];
        (shares, took, health.commits().await - commits)
    };
    let ((), ([share, share_here], took, commits)) = tokio::join!(recording, watching);
    // Wait for late events: their latencies count too.
    while rooms.iter().any(|room| room.on_their_way() > 0) {
        sleep(TICK).await;
    }
    acks.inspect(|acks| acks.abort());
    let per_second = received.count.get() as f64 / MEASURED.as_secs_f64();
    let figures = Figures { per_second, ..Figures::of(received.latencies.take(), MEASURED) };
    let events_per_commit = per_second * took / SEATS as f64 / commits;
    let Figures { p50, p99, .. } = figures;
    println!(
        "{:<16} {per_second:>7.0} deliveries/s  p50 {p50:>9.2?}  p99 {p99:>9.2?}  {} MiB, players' core {:.0} %",
        kind.name,
        server.resident() / 1024 / 1024,
        share_here * 100.0
    );
    Run { figures, cost: share / per_second * 1e6, share, events_per_commit }
}

/// Records the events that are due by now.
fn record(rooms: &[Rc<Live>], pace: Pace, begun: Instant, recorded: &mut usize) {
    match pace {
        Pace::Offered(deliveries) => {
            let due = (begun.elapsed().as_secs_f64() * deliveries as f64 / SEATS as f64) as usize;
            while *recorded < due {
                rooms[*recorded % rooms.len()].record();
                *recorded += 1;
            }
        }
        Pace::OnTheirWay(most) => {
            for room in rooms {
                (room.on_their_way()..most).for_each(|_| room.record());
            }
        }
    }
    rooms.iter().for_each(|room| room.backend.flush());
}

/// Lets every seat send an acknowledgement once a second, room by room.
async fn acknowledge(rooms: Vec<Rc<Live>>) {
    loop {
        for room in &rooms {
            let sequence = room.base + (room.received.get() / SEATS) as u64;
            for seat in &room.seats {
                seat.send(&format!(r#"{{"type":"ack","sequence":{sequence}}}"#));
            }
            sleep(Duration::from_secs(1) / rooms.len() as u32).await;
        }
    }
}

// The `answers` part.

const QUESTIONS: usize = 100;
/// The questions at which waiting is measured. All others are answered too.
const MEASURED_AT: [std::ops::Range<usize>; 3] = [0..5, 17..22, 95..100];

/// A quiz with its host and its players.
struct Quiz {
    host: Connection,
    token: String,
    room: String,
    players: Vec<Rc<Sender>>,
    answered: Rc<RefCell<Vec<Instant>>>,
}

impl Quiz {
    async fn open(server: &Server, players: usize) -> Self {
        let mut host = Connection::open(server.address).await;
        let question = |n: usize| {
            let options: Vec<_> = (0..4).map(|id| json!({"optionId": id, "text": format!("Option {id}")})).collect();
            json!({"questionId": format!("q{n}"), "text": format!("Question {n}?"), "options": options, "correctOptionId": 1})
        };
        let questions: Vec<_> = (0..QUESTIONS).map(question).collect();
        let settings =
            json!({"maxSeats": players + 1, "questions": questions, "readyMs": 0, "timeLimitMs": 60_000}).to_string();
        let opened = host.request_by(KEY, "POST", "/api/rooms", &settings).await;
        let text = |field: &str| opened[field].as_str().expect("a text").to_owned();
        let mut tokens = Vec::new();
        for n in 1..=players {
            let join = json!({"joinCode": text("joinCode"), "name": format!("Player {n}")}).to_string();
            let joined = host.request_by(KEY, "POST", "/api/rooms/join", &join).await;
            tokens.push(joined["token"].as_str().expect("a text").to_owned());
        }
        let room = Room { id: text("roomId").into(), tokens: tokens.into() };
        let answered = Rc::new(RefCell::new(Vec::new()));
        let mut senders = Vec::new();
        for mut socket in common::rooms::connect(server.address, &[room], AT_ONCE).await.into_iter().flatten() {
            senders.push(socket.sender.clone());
            let answered = answered.clone();
            spawn_local(async move {
                loop {
                    let note = |text: &[u8]| {
                        is_no_error(text);
                        if text.starts_with(br#"{"type":"reply""#) {
                            answered.borrow_mut().push(Instant::now());
                        }
                    };
                    socket.skim(note).await;
                }
            });
        }
        Self { host, token: text("token"), room: text("roomId"), players: senders, answered }
    }

    async fn host_move(&mut self, name: &str, at: &Value) -> Value {
        let (path, at) = (format!("/api/rooms/{}/{name}", self.room), json!({"at": at}).to_string());
        self.host.request_by(&self.token, "POST", &path, &at).await["snapshot"].take()
    }

    /// Lets all players answer at once. Returns their latencies, and the number of commits.
    async fn answer(&mut self, question: &Value) -> (Figures, f64) {
        let frame = json!({"type": "answer", "id": question, "questionId": question, "optionId": 1}).to_string();
        let before = self.host.commits().await;
        let begun = Instant::now();
        for player in &self.players {
            player.send(&frame);
        }
        while self.answered.borrow().len() < self.players.len() {
            sleep(TICK).await;
        }
        let latencies = self.answered.take().into_iter().map(|at| at - begun).collect();
        (Figures::of(latencies, begun.elapsed()), self.host.commits().await - before)
    }
}

fn answers(players: usize) {
    let rounds = beside_a_server(async |server| {
        let mut quiz = Quiz::open(server, players).await;
        let mut rounds = Vec::new();
        let mut snapshot = quiz.host_move("start", &json!(0)).await;
        while rounds.len() < QUESTIONS {
            if MEASURED_AT.iter().any(|measured| measured.contains(&rounds.len())) {
                // By then everyone has the question, and nothing else is going on.
                sleep(Duration::from_secs(1)).await;
            }
            rounds.push(quiz.answer(&snapshot["question"]["questionId"]).await);
            if snapshot["phase"] == "question" {
                snapshot = quiz.host_move("close", &snapshot["phaseNumber"]).await;
            }
            snapshot = quiz.host_move("next", &snapshot["phaseNumber"]).await;
        }
        rounds
    });
    for measured in MEASURED_AT {
        let rounds = &rounds[measured.clone()];
        let [p50, p99] = [|round: &(Figures, f64)| round.0.p50, |round: &(Figures, f64)| round.0.p99]
            .map(|of| median_time(rounds.iter().map(of)));
        let commits = median(rounds.iter().map(|(_, commits)| *commits));
        let (from, to) = (measured.start + 1, measured.end);
        println!(
            "{players} answers at once, questions {from} to {to}: p50 {p50:>9.2?}  p99 {p99:>9.2?}  in {commits} commits"
        );
    }
}

// The `storm` part.

/// The result of one storm.
struct Storm {
    /// The time from the kill until the new process listened.
    listening: Duration,
    /// The time from the kill until 50 %, 99 % and 100 % of the seats had their welcome.
    back: [Duration; 3],
    /// Microseconds of the server's core per seat.
    cost: f64,
}

fn storm() {
    let storms: Vec<_> = (0..ROUNDS).map(|_| one_storm()).collect();
    let of = |time: &dyn Fn(&Storm) -> Duration| median_time(storms.iter().map(time));
    let [half, most, all] = [0, 1, 2].map(|n| of(&|storm: &Storm| storm.back[n]));
    println!(
        "{} seats at once after kill -9: listening after {:.2?}, back after p50 {half:.2?}  p99 {most:.2?}  all {all:.2?}, {:.0} µs of a core each",
        ROOMS * SEATS,
        of(&|storm: &Storm| storm.listening),
        median(storms.iter().map(|storm| storm.cost)),
    );
}

fn one_storm() -> Storm {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let start = || Server::start(folder.path(), &["--api-keys", KEY]);
    let (runtime, local) = (common::runtime(), LocalSet::new());
    let server = start();
    let (rooms, sockets) = runtime.block_on(local.run_until(async {
        let rooms = common::rooms::open(server.address, ROOMS, SEATS).await;
        let sockets = common::rooms::connect(server.address, &rooms, AT_ONCE).await;
        (rooms, sockets)
    }));
    // The seats are still connected when the server is killed.
    server.kill();
    drop(sockets);
    let killed = Instant::now();
    let server = start();
    let listening = killed.elapsed();
    let back = Rc::new(RefCell::new(Vec::new()));
    runtime.block_on(local.run_until(async {
        let seats = rooms.iter().flat_map(|room| room.tokens.iter().map(|token| (room.id.clone(), token.clone())));
        let coming: Vec<_> = seats
            .map(|(room, token)| {
                let (address, back) = (server.address, back.clone());
                spawn_local(async move {
                    let (socket, _) = Socket::open(address, &room, &token).await;
                    back.borrow_mut().push(killed.elapsed());
                    socket
                })
            })
            .collect();
        let mut sockets = Vec::new();
        for one in coming {
            sockets.push(timeout(PATIENCE, one).await.expect("it ends in time").expect("it is back"));
        }
    }));
    let mut back = back.take();
    back.sort();
    let at = |share: f64| back[((back.len() - 1) as f64 * share) as usize];
    let cost = server.busy().as_secs_f64() * 1e6 / back.len() as f64;
    Storm { listening, back: [at(0.5), at(0.99), at(1.0)], cost }
}
