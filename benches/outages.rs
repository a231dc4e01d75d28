//! Benchmarks of outages: `cargo bench --bench outages`. Words after `--` run only the cases whose names
//! contain one of them.
//!
//! Each case causes an outage on real servers, several times. The table shows the worst of each figure and
//! the limit that docs/guarantees.md promises. `longest call` is the longest command of a player; a player without a
//! verdict repeats the command with the same idempotency key. `on again after` is the time from the end of
//! the outage to the first verdict. The outage ends when a new plain connection can write, or, for a killed
//! process, with the kill.
//!
//! `late` is the longest delay with which this machine has woken up a task that slept for 5 ms. A figure may
//! be that much too high without rejoin being the cause. A case that exceeds its limit by more than that is
//! marked as broken.
//!
//! The tests of the same outages check what happens, but no times.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/faults/disk.rs"]
mod disk;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/kit.rs"]
mod kit;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/valkey/players.rs"]
mod players;
#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disk::{Disk, Fault};
use players::Players;
use rejoin::client::{
    Api, ClientEvent, ConnectOptions, Connection, Endpoints, EventFrame, Opened, SeatCredentials, connect,
};
use rejoin::domain::GameSession;
use rejoin::store::clock::system_wall_clock;
use rejoin::store::redb::{RedbOptions, RedbStore, storage_opener};
use rejoin::store::valkey::{Topology, ValkeyOptions, ValkeyStore, ValkeyTarget};
use rejoin::store::{GameSessionStore, NewSession};
use serde_json::{Value, json};
use support::valkey::ports::free_port;
use support::valkey::sentinels::SERVICE;
use support::valkey::{DURABLE, Proxy, ValkeyCluster, ValkeySentinels, ValkeyServer};
use support::{HANG, Server, until, until_async};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::sleep;

const PLAYERS: u64 = 16;
const SEATS: usize = 100;
const SECOND: Duration = Duration::from_secs(1);

/// The effect of an outage on players, or the limits for it. `None` is not measured, or has no limit.
#[derive(Default, Clone, Copy)]
struct Felt {
    /// The longest call of a player.
    call: Option<Duration>,
    /// The time from the end of the outage to the first success after it.
    again: Option<Duration>,
}

impl Felt {
    fn worse(self, other: Self) -> Self {
        Self { call: self.call.max(other.call), again: self.again.max(other.again) }
    }
}

const fn both(call: Duration, again: Duration) -> Felt {
    Felt { call: Some(call), again: Some(again) }
}

const fn again(again: Duration) -> Felt {
    Felt { call: None, again: Some(again) }
}

fn main() {
    let named = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut table = Table { named, rows: Vec::new() };
    let valkeys = both(SECOND, 2 * SECOND);
    table.case("Valkey killed and restarted", 5, valkeys, killed);
    table.case("Valkey frozen for 3 s", 3, valkeys, frozen);
    table.case("network to Valkey stalled for 3 s", 3, valkeys, stalled);
    table.case("password of Valkey wrong, then mended", 3, valkeys, mended);
    table.case("sentinels replace a killed primary", 3, valkeys, || failover(|all| all.servers[0].kill()));
    table.case("sentinels replace a frozen primary", 3, valkeys, || failover(|all| all.servers[0].stop_signal()));
    table.case("cluster replaces a killed primary: its games", 3, valkeys, cluster_failover);
    table.case("cluster without a shard: the others' games", 2, both(SECOND, SECOND), beside_a_lost_shard);
    table.case("new games begin in Valkey again after a fallback", 3, again(2 * SECOND), fallback);
    table.case("instance killed: 100 seats are back at the other", 3, again(3 * SECOND), instance_killed);
    table.case("seat kicked at the other instance", 3, again(SECOND), kicked);
    table.case("event of the other instance without hints", 3, again(2 * SECOND), deaf);
    table.case("server on redb killed under 50 players: ready", 5, again(SECOND), redb_killed);
    table.case("server on redb killed: 100 seats are back", 3, again(3 * SECOND), seats_of_a_killed_server);
    table.case("disk frozen for 12 s", 2, Felt { call: Some(5 * SECOND), again: None }, disk_frozen);
    println!("\n| case | longest call | on again after | promised | late |\n| --- | --- | --- | --- | --- |");
    table.rows.iter().for_each(|row| println!("{row}"));
}

struct Table {
    /// Only cases whose name contains one of these words are run; all, if there are none.
    named: Vec<String>,
    rows: Vec<String>,
}

impl Table {
    /// Runs a case `rounds` times, if it was asked for, and adds its worst figures to the table.
    fn case<F: Future<Output = Felt>>(&mut self, name: &str, rounds: usize, promised: Felt, run: impl Fn() -> F) {
        if self.named.is_empty() || self.named.iter().any(|word| name.contains(word.as_str())) {
            println!("{name}");
            let felt = (0..rounds).map(|_| measure(run())).reduce(worst);
            self.rows.push(row(name, promised, felt.expect("at least one round")));
        }
    }
}

/// Runs a case, and measures meanwhile how late the machine wakes up tasks.
fn measure(case: impl Future<Output = Felt>) -> (Felt, Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let is_over = Arc::new(AtomicBool::new(false));
        let lateness = tokio::spawn(lateness(is_over.clone()));
        let felt = tokio::time::timeout(5 * HANG, case).await.expect("it ends");
        is_over.store(true, Ordering::Relaxed);
        (felt, lateness.await.expect("no panic"))
    })
}

async fn lateness(is_over: Arc<AtomicBool>) -> Duration {
    const TICK: Duration = Duration::from_millis(5);
    let mut latest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let slept = Instant::now();
        sleep(TICK).await;
        latest = latest.max(slept.elapsed().saturating_sub(TICK));
    }
    latest
}

fn worst(one: (Felt, Duration), other: (Felt, Duration)) -> (Felt, Duration) {
    (one.0.worse(other.0), one.1.max(other.1))
}

fn row(name: &str, promised: Felt, (felt, late): (Felt, Duration)) -> String {
    let shown = |time: Option<Duration>| time.map_or("".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
    let limits = [promised.call, promised.again].into_iter().flatten();
    let promise = limits.map(|limit| format!("{} s", limit.as_secs())).collect::<Vec<_>>().join(", ");
    let is_over =
        |felt: Option<Duration>, most: Option<Duration>| felt.zip(most).is_some_and(|(felt, most)| felt > most + late);
    let is_broken = is_over(felt.call, promised.call) || is_over(felt.again, promised.again);
    let mark = if is_broken { " **broken**" } else { "" };
    format!("| {name} | {} | {} | {promise}{mark} | {} ms |", shown(felt.call), shown(felt.again), late.as_millis())
}

// Cases with Valkey. The store and the players are in this process.

async fn store(url: &str, topology: Topology) -> Arc<ValkeyStore> {
    let options = ValkeyOptions {
        target: ValkeyTarget::parse(url, topology).expect("a good URL"),
        rules: GameSession::apply,
        wall: system_wall_clock(),
        quiz_cache: 32 << 20,
        kept_dead: ValkeyOptions::KEPT_DEAD,
    };
    let store = Arc::new(ValkeyStore::open(options).expect("opened"));
    store.until_reachable(HANG).await.expect("the server is there");
    store
}

async fn players(server: &ValkeyServer) -> Players {
    Players::begin(&store(&server.url(), Topology::Standalone).await, PLAYERS).await
}

/// Waits until a new connection can write. Returns the moment.
async fn writable(server: &ValkeyServer) -> Instant {
    until(|| server.try_command(&["SET", "reachable", "1", "PX", "1000"]).is_ok_and(|reply| reply.is("OK"))).await;
    Instant::now()
}

/// Waits until the players go on after `since`, and returns what they met. Also checks their games against
/// the verdicts that they got.
async fn felt(players: Players, since: Instant) -> Felt {
    let again = players.recover(since).await;
    let call = players.longest();
    players.end("the players met").await;
    both(call, again)
}

async fn killed() -> Felt {
    let mut server = ValkeyServer::start(&DURABLE);
    let players = players(&server).await;
    server.kill();
    players.are_refused().await;
    server.restart();
    let since = writable(&server).await;
    felt(players, since).await
}

async fn frozen() -> Felt {
    let server = ValkeyServer::start(&[]);
    let players = players(&server).await;
    server.stop_signal();
    sleep(3 * SECOND).await;
    server.continue_signal();
    let since = writable(&server).await;
    felt(players, since).await
}

async fn stalled() -> Felt {
    let server = ValkeyServer::start(&[]);
    let proxy = Proxy::start(server.port).await;
    let store = store(&format!("valkey://127.0.0.1:{}", proxy.port), Topology::Standalone).await;
    let players = Players::begin(&store, PLAYERS).await;
    proxy.stall();
    sleep(3 * SECOND).await;
    proxy.go_on();
    felt(players, Instant::now()).await
}

async fn mended() -> Felt {
    let server = ValkeyServer::start(&["--requirepass", "right"]);
    let players = players(&server).await;
    let mut admin = server.connection().expect("a connection");
    admin.command(&["CONFIG", "SET", "requirepass", "wrong"]).expect("set");
    admin.command(&["CLIENT", "KILL", "TYPE", "normal"]).expect("cut");
    players.are_refused().await;
    sleep(SECOND).await;
    admin.command(&["CONFIG", "SET", "requirepass", "right"]).expect("set");
    felt(players, Instant::now()).await
}

async fn failover(take: fn(&mut ValkeySentinels)) -> Felt {
    let mut all = ValkeySentinels::start();
    let topology = Topology::Sentinel { service: SERVICE.to_owned(), password: None };
    let mut players = Players::begin(&store(&all.url(), topology).await, PLAYERS).await;
    players.may_lose();
    take(&mut all);
    let since = writable(&all.servers[1]).await;
    felt(players, since).await
}

fn key(n: u64) -> String {
    format!("session:{}", kit::id(n))
}

async fn cluster_failover() -> Felt {
    let mut cluster = ValkeyCluster::start(3, 1);
    let mut players = Players::begin(&store(&cluster.url(), Topology::Cluster).await, PLAYERS).await;
    players.may_lose();
    let writer = cluster.wait_for_writer_of(&key(0));
    cluster.nodes[writer].kill();
    players.are_refused().await;
    until(|| cluster.writer_of(&key(0)).is_some()).await;
    let again = players.recover_game(0, Instant::now()).await;
    let call = players.longest();
    players.end("the players met").await;
    both(call, again)
}

/// The longest wait of a game on a shard that is still there.
async fn beside_a_lost_shard() -> Felt {
    let mut cluster = ValkeyCluster::start(3, 0);
    for node in &cluster.nodes {
        node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
        node.command(&["CONFIG", "SET", "appendfsync", "always"]);
    }
    let players = Players::begin(&store(&cluster.url(), Topology::Cluster).await, PLAYERS).await;
    let away = cluster.wait_for_writer_of(&key(0));
    let others: Vec<_> = (1..PLAYERS).filter(|n| cluster.wait_for_writer_of(&key(*n)) != away).collect();
    cluster.nodes[away].kill();
    players.are_refused().await;
    let longest = players.keep_going_on(&others, 5 * SECOND).await;
    let call = players.longest();
    cluster.nodes[away].restart();
    until(|| cluster.writer_of(&key(0)).is_some()).await;
    players.recover_game(0, Instant::now()).await;
    players.end("the players met").await;
    both(call, longest)
}

// Cases with the real binary.

fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

/// Starts a server that can be restarted with the same port and folder.
fn server_at(port: u16, folder: &TempDir, args: &[&str]) -> Server {
    let (listen, data) = (format!("127.0.0.1:{port}"), folder.path().to_str().expect("a plain name"));
    Server::process(
        folder.path(),
        &[&["serve", "--admin-listen", "off", "--listen", &listen, "--data-dir", data], args].concat(),
    )
}

async fn fallback() -> Felt {
    let (folder, mut valkey) = (folder(), ValkeyServer::start(&[]));
    let url = valkey.url();
    let args = ["--store", "valkey", "--valkey-url", &url, "--fallback", "redb", "--instance", "a"];
    let server = Server::process(folder.path(), &args);
    let client = server.client();
    let is_degraded = async || client.create(json!({})).await["degraded"] == true;
    until_async(async || !is_degraded().await).await;
    valkey.kill();
    until_async(&is_degraded).await;
    sleep(SECOND).await;
    valkey.restart();
    let since = writable(&valkey).await;
    until_async(async || !is_degraded().await).await;
    again(since.elapsed())
}

/// Two instances that share one Valkey. The second one may use another URL.
struct Pair {
    _folders: [TempDir; 2],
    valkey: ValkeyServer,
    one: Server,
    other: Server,
}

async fn pair(other_url: impl Fn(&ValkeyServer) -> String) -> Pair {
    let (folders, valkey) = ([folder(), folder()], ValkeyServer::start(&[]));
    let urls = [valkey.url(), other_url(&valkey)];
    let [one, other] = [0, 1].map(|n| {
        let args = ["--store", "valkey", "--valkey-url", &urls[n]];
        Server::process(folders[n].path(), &args)
    });
    one.until_ready().await;
    other.until_ready().await;
    Pair { _folders: folders, valkey, one, other }
}

fn api(server: &Server) -> Api {
    Api::new(Endpoints::one(&*server.base))
}

async fn room(api: &Api) -> Opened {
    let settings = json!({ "questions": support::questions(1), "maxSeats": SEATS + 1 });
    api.open(&settings, None).await.expect("it is opened")
}

type Happenings = UnboundedReceiver<ClientEvent>;

/// Joins seats and waits until all are connected. Returns connection, events and seat number of each.
async fn seated(api: &Api, room: &Opened, count: usize, bases: &Endpoints) -> Vec<(Connection, Happenings, u64)> {
    let mut seats = Vec::new();
    for n in 0..count {
        let seat = api.join(&room.join_code, &format!("Player {n}")).await.expect("it joins");
        let (connection, happenings) = connect(seat.ticket, ConnectOptions::new(bases.clone()));
        seats.push((connection, happenings, seat.seat_id));
    }
    until(|| seats.iter().all(|(connection, ..)| connection.figures().welcomes > 0)).await;
    seats
}

/// The time from `since` until the last of the seats has reconnected. Fails if one saw a protocol violation.
async fn last_back(seats: &[(Connection, Happenings, u64)], since: Instant) -> Duration {
    let back = |connection: &Connection| connection.figures().backs.iter().map(|way| way.back).find(|at| *at >= since);
    until(|| seats.iter().all(|(connection, ..)| back(connection).is_some())).await;
    let last = seats.iter().filter_map(|(connection, ..)| back(connection)).max();
    assert!(seats.iter().all(|(connection, ..)| connection.faults().is_clean()), "a promise was broken");
    last.expect("there are seats").duration_since(since)
}

async fn instance_killed() -> Felt {
    let Pair { one, other, valkey, _folders } = pair(ValkeyServer::url).await;
    let room = room(&api(&other)).await;
    let seats = seated(&api(&other), &room, SEATS, &Endpoints::new([&*one.base, &*other.base])).await;
    let since = Instant::now();
    one.kill().await;
    let last = last_back(&seats, since).await;
    drop((other, valkey));
    again(last)
}

async fn kicked() -> Felt {
    let Pair { one, other, valkey, _folders } = pair(ValkeyServer::url).await;
    let room = room(&api(&one)).await;
    let seats = seated(&api(&one), &room, 1, &Endpoints::one(&*other.base)).await;
    let (connection, _, seat) = &seats[0];
    let host = one.client().with_key(room.token.as_ref().expect("a host").as_str());
    let since = Instant::now();
    let kick = json!({ "at": 0, "seatId": seat });
    host.post(&format!("/api/rooms/{}/kick", room.room_id), &kick).await.json(200);
    until(|| connection.stopped().is_some()).await;
    let felt = again(since.elapsed());
    drop((other, valkey));
    felt
}

async fn deaf() -> Felt {
    let Pair { one, other, valkey, _folders } = pair(|valkey| {
        let user = [
            "ACL",
            "SETUSER",
            "deaf",
            "on",
            ">secret",
            "~*",
            "&*",
            "+@all",
            "-subscribe",
            "-ssubscribe",
            "-psubscribe",
        ];
        assert!(valkey.command(&user).is("OK"));
        valkey.url().replace("valkey://", "valkey://deaf:secret@")
    })
    .await;
    let room = room(&api(&one)).await;
    let ticket: SeatCredentials = room.ticket().expect("a host");
    let (host, mut happenings) = connect(ticket, ConnectOptions::new(Endpoints::one(&*other.base)));
    until(|| host.figures().welcomes > 0).await;
    let mut longest = Duration::ZERO;
    for n in 0..5 {
        let since = Instant::now();
        api(&one).join(&room.join_code, &format!("Player {n}")).await.expect("it joins");
        joined(&mut happenings).await;
        longest = longest.max(since.elapsed());
    }
    drop((one, other, valkey));
    again(longest)
}

async fn joined(happenings: &mut Happenings) -> EventFrame {
    loop {
        match happenings.recv().await.expect("the client goes on") {
            ClientEvent::Event(event) if event.event == "joined" => return *event,
            _ => {}
        }
    }
}

async fn redb_killed() -> Felt {
    let (folder, port) = (folder(), free_port());
    let server = server_at(port, &folder, &[]);
    let mut playing = JoinSet::new();
    for _ in 0..50 {
        playing.spawn(play_on(server.base.clone()));
    }
    sleep(2 * SECOND).await;
    let since = Instant::now();
    server.kill().await;
    let server = server_at(port, &folder, &[]);
    server.until_ready().await;
    let felt = again(since.elapsed());
    playing.shutdown().await;
    drop(server);
    felt
}

/// Plays games forever and ignores all errors.
async fn play_on(base: String) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let post = async |path: &str, body: Value| -> Option<Value> {
        client.post(format!("{base}{path}")).json(&body).send().await.ok()?.json().await.ok()
    };
    loop {
        let game = post("/api/game/session", json!({})).await.unwrap_or_default();
        for question in game["questions"].as_array().into_iter().flatten() {
            let answer = json!({ "sessionId": game["sessionId"], "questionId": question["questionId"], "optionId": 1 });
            post("/api/game/answer", answer).await;
        }
        sleep(Duration::from_millis(5)).await;
    }
}

async fn seats_of_a_killed_server() -> Felt {
    let (folder, port) = (folder(), free_port());
    let server = server_at(port, &folder, &[]);
    let api = api(&server);
    let room = room(&api).await;
    let seats = seated(&api, &room, SEATS, &api.bases()).await;
    let since = Instant::now();
    server.kill().await;
    let server = server_at(port, &folder, &[]);
    let last = last_back(&seats, since).await;
    drop(server);
    again(last)
}

// A disk that can be frozen, with the server's own time limit for commits.

async fn disk_frozen() -> Felt {
    let disk = Disk::new(1);
    let opener = {
        let disk = disk.clone();
        storage_opener(move || Ok(Box::new(disk.clone())), 64 << 20)
    };
    let options = RedbOptions {
        rules: GameSession::apply,
        wall: system_wall_clock(),
        patience: 5 * SECOND,
        quiz_cache: 32 << 20,
    };
    let store = Arc::new(RedbStore::open(opener, options).expect("opened"));
    let at = store.clock().moment();
    store.create(NewSession(kit::external(1, None, at)), at).await.expect("created");
    disk.fail_after(0, Fault::Frozen, None);
    let mut calls = JoinSet::new();
    for _ in 0..PLAYERS {
        let store = store.clone();
        calls.spawn(async move {
            let mut longest = Duration::ZERO;
            let begun = Instant::now();
            while begun.elapsed() < 12 * SECOND {
                let asked = Instant::now();
                // The result doesn't matter; only the time until the call ends does.
                drop(store.apply(&kit::id(1), kit::record(1), store.clock().moment()).await);
                longest = longest.max(asked.elapsed());
                sleep(Duration::from_millis(100)).await;
            }
            longest
        });
    }
    let call = calls.join_all().await.into_iter().max();
    disk.end_fault();
    let since = Instant::now();
    until_async(async || store.apply(&kit::id(1), kit::record(1), store.clock().moment()).await.is_ok()).await;
    Felt { call, again: Some(since.elapsed()) }
}
