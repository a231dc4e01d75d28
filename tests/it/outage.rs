//! Stops, kills, clocks that jump, and wrong starts: what the server does, and what is left afterwards.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rejoin::domain::WallTime;
use rejoin::store::WallClock;
use rejoin::store::clock::system_wall_clock;
use rejoin::version::{COMMIT, VERSION};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::client::read_to_close;
use crate::support::server::refused;
use crate::support::shape::millis_between;
use crate::support::{Client, Reply, Server, bank, question, questions, right, took, until, until_async};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The machine's wall clock, wrong by this many milliseconds.
fn wall(off_by: &Arc<AtomicI64>) -> WallClock {
    let (right, off_by) = (system_wall_clock(), off_by.clone());
    Arc::new(move || WallTime(right().0.saturating_add_signed(off_by.load(Ordering::Relaxed))))
}

/// A game of two questions: the first is answered, and the second is shown and closes in ten minutes.
async fn in_mid_game(client: &Client) -> String {
    let mut timed = question(1);
    timed["timeLimitMs"] = json!(600_000);
    let created = client.create(json!({ "questions": [question(0), timed], "ttlMs": 1_800_000 })).await;
    let id = created["sessionId"].as_str().unwrap().to_owned();
    client.answer_as("a0", &id, 0, right(0)).await.json(200);
    client.show(&id, "q1").await.json(200);
    id
}

/// The milliseconds that the session and the current question have left.
fn left(resumed: &Value) -> (i64, i64) {
    let left = |until: &Value| millis_between(&resumed["serverTime"], until);
    (left(&resumed["expiresAt"]), left(&resumed["current"]["closesAt"]))
}

/// Stops the server, makes the wall clock jump, and starts the server again. Nothing may change for its game.
async fn goes_on_after_a_jump(by: i64) {
    let folder = tempfile::tempdir().unwrap();
    let off_by = Arc::new(AtomicI64::new(0));
    let server = Server::here_at(folder.path(), &[], wall(&off_by));
    let id = in_mid_game(&server.client()).await;
    let before = server.client().resume(&id).await.json(200);
    server.stop().await;

    off_by.store(by, Ordering::Relaxed);
    let server = Server::here_at(folder.path(), &[], wall(&off_by));
    let client = server.client();
    let after = client.resume(&id).await.json(200);
    let jumped = millis_between(&before["serverTime"], &after["serverTime"]);
    assert!((jumped - by).abs() < 60_000, "the server shows its wall clock: {jumped} ms later");
    let ((life, time), (life_now, time_now)) = (left(&before), left(&after));
    assert_eq!((life, life_now), (1_800_000, 1_800_000));
    assert!((0..60_000).contains(&(time - time_now)), "{time} ms were left, and now {time_now}");
    for field in ["totalScore", "answers", "questions"] {
        assert_eq!(before[field], after[field]);
    }
    let verdict = client.answer(&id, 1, right(1)).await.json(200);
    assert_eq!((&verdict["correct"], &verdict["completed"]), (&json!(true), &json!(true)));
    assert!(client.results(&id).await.json(200)["answers"][1]["responseMs"].as_i64().unwrap() < 60_000);
    server.stop().await;
}

#[tokio::test]
async fn a_game_stopped_for_an_hour_keeps_its_time_left() {
    goes_on_after_a_jump(HOUR).await;
}

#[tokio::test]
async fn a_wall_clock_set_back_a_day_during_a_stop_changes_nothing() {
    goes_on_after_a_jump(-DAY).await;
}

#[tokio::test]
async fn a_wall_clock_that_jumps_while_the_server_runs_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let off_by = Arc::new(AtomicI64::new(0));
    let server = Server::here_at(folder.path(), &[], wall(&off_by));
    let client = server.client();
    let id = in_mid_game(&client).await;
    let (_, time) = left(&client.resume(&id).await.json(200));
    for jump in [HOUR, -DAY, 365 * DAY] {
        off_by.store(jump, Ordering::Relaxed);
        let (life, time_now) = left(&client.resume(&id).await.json(200));
        assert_eq!(life, 1_800_000);
        assert!((0..60_000).contains(&(time - time_now)), "{time} ms were left, and now {time_now}");
    }
}

#[tokio::test]
async fn a_question_open_during_an_outage_gets_extra_time_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &[]);
    let mut timed = question(0);
    timed["timeLimitMs"] = json!(15_000);
    let created = server.client().create(json!({ "questions": [timed] })).await;
    let id = created["sessionId"].as_str().unwrap().to_owned();
    let shown = server.client().show(&id, "q0").await.json(200);
    // Wait until the time left is well below what the question gets after the outage.
    until_async(async || {
        let now = server.client().resume(&id).await.json(200)["serverTime"].clone();
        millis_between(&now, &shown["closesAt"]) < 10_000
    })
    .await;
    server.stop().await;
    let server = Server::here(folder.path(), &[]);
    let (_, left) = left(&server.client().resume(&id).await.json(200));
    assert!((10_001..=15_000).contains(&left), "{left} ms are left");
    assert_eq!(server.client().answer(&id, 0, right(0)).await.json(200)["correct"], true);
}

#[tokio::test]
async fn kill_9_in_mid_game_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    let client = server.client();
    let id = in_mid_game(&client).await;
    let first = client.answer_as("a0", &id, 0, right(0)).await;
    let before = client.resume(&id).await.json(200);
    server.kill().await;

    let server = Server::process(folder.path(), &[]);
    let client = server.client();
    assert!(server.line().contains(" 1 session record"), "{}", server.line());
    let after = client.resume(&id).await.json(200);
    let ((_, time), (life, time_now)) = (left(&before), left(&after));
    assert_eq!(life, 1_800_000);
    // Game time may skip up to ten seconds over a crash.
    assert!((0..60_000).contains(&(time - time_now)), "{time} ms were left, and now {time_now}");
    assert_eq!(before["answers"], after["answers"]);
    assert_eq!(client.answer_as("a0", &id, 0, right(0)).await.body, first.body);
    client.answer(&id, 0, right(0)).await.problem(404, "question-not-open");
    let last = client.answer(&id, 1, right(1)).await.json(200);
    assert_eq!((&last["correct"], &last["completed"]), (&json!(true), &json!(true)));
    server.kill().await;

    let server = Server::process(folder.path(), &[]);
    let results = server.client().results(&id).await.json(200);
    assert_eq!((&results["completed"], &results["totalScore"]), (&json!(true), &last["totalScore"]));
    server.stop().await;
}

async fn stops_well_at(signal: Signal) {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::process(folder.path(), &["--workers", "1"]);
    let client = server.client();
    let id = client.play(2).await;
    client.answer(&id, 0, right(0)).await.json(200);
    let body = json!({ "sessionId": id, "questionId": "q1", "optionId": right(1) }).to_string();
    let head = "POST /api/game/answer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let mut in_flight = client.connect().await;
    let mut idle = client.connect().await;
    in_flight.write_all(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
    in_flight.write_all(&body.as_bytes()[..10]).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // Once a later request is answered, both connections are being served.
    client.get("/livez").await.json(200);

    let begun = std::time::Instant::now();
    server.signal(signal);
    let address = server.base.strip_prefix("http://").unwrap().to_owned();
    until(|| TcpStream::connect(&address).is_err()).await;
    in_flight.write_all(&body.as_bytes()[10..]).await.unwrap();
    let reply = Reply::parse(&read_to_close(&mut in_flight).await);
    assert_eq!(reply.json(200)["completed"], true);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    took("a stop with a request in flight", begun);
    assert!(server.log().contains("stopped"), "{}", server.log());

    let server = Server::process(folder.path(), &[]);
    assert!(!server.log().contains("repaired"), "{}", server.log());
    assert_eq!(server.client().results(&id).await.json(200)["totalScore"], 300);
    server.stop().await;
}

#[tokio::test]
async fn sigterm_finishes_requests_in_flight_and_exits_with_0() {
    stops_well_at(Signal::TERM).await;
}

#[tokio::test]
async fn ctrl_c_finishes_requests_in_flight_and_exits_with_0() {
    stops_well_at(Signal::INT).await;
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    let id = server.client().play(1).await;
    let (code, said) = refused(folder.path(), &[]).await;
    assert_eq!(code, Some(1));
    assert_one_line(&said, "another process holds");
    assert!(said.contains("rejoin.redb"), "{said}");
    server.client().answer(&id, 0, right(0)).await.json(200);
    server.stop().await;
}

/// Fails unless the operator gets a single line that says what is wrong.
#[track_caller]
fn assert_one_line(said: &str, what: &str) {
    assert!(said.starts_with("rejoin: ") && said.contains(what), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
}

#[tokio::test]
async fn a_port_in_use_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["serve", "--data-dir", folder.path().to_str().unwrap(), "--listen", &address];
    let (code, said) = refused(folder.path(), &args).await;
    assert_eq!(code, Some(1));
    assert_one_line(&said, &address);
    assert!(said.contains("REJOIN_LISTEN"), "{said}");
    assert!(!folder.path().join("rejoin.redb").exists());
}

#[tokio::test]
async fn invalid_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let missing = folder.path().join("missing");
    let missing = missing.to_str().unwrap();
    for (args, what) in [
        (&["--store", "valkey"][..], "SESSION_STORE=valkey"),
        (&["--session-ttl", "1s"], "REJOIN_SESSION_TTL"),
        (&["--api-keys", "short"], "REJOIN_API_KEYS"),
        (&["--api-keys-file", missing], "REJOIN_API_KEYS_FILE"),
        (&["--log", "=nonsense=="], "REJOIN_LOG"),
        (&["--quiz-dir", missing], "REJOIN_QUIZ_DIR"),
        (&["serve", "--listen", "127.0.0.1:0", "--data-dir", file], "REJOIN_DATA_DIR"),
        (&["serve", "--listen", "192.0.2.1:1", "--data-dir", missing], "192.0.2.1:1"),
    ] {
        let (code, said) = refused(folder.path(), args).await;
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert_one_line(&said, what);
    }
    let (code, said) = refused(folder.path(), &["--session-ttl", "soon"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("30m"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_left_unchanged() {
    let garbage = b"this is no database, whatever its name says. ".repeat(400);
    for content in [&garbage[..], b"x", &[0; 70_000]] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rejoin.redb");
        std::fs::write(&file, content).unwrap();
        let (code, said) = refused(folder.path(), &[]).await;
        assert_eq!(code, Some(1), "{said}");
        assert_one_line(&said, "rejoin.redb");
        assert!(std::fs::read(&file).unwrap() == content, "the file was changed");
    }
}

fn write_bank(folder: &Path, title: &str) {
    let mut mine = bank("space");
    (mine["quizId"], mine["title"]) = (json!("mine"), json!(title));
    std::fs::write(folder.join("mine.json"), mine.to_string()).unwrap();
}

async fn title(client: &Client) -> String {
    let list = client.get("/api/quizzes").await.json(200);
    let mine = list["quizzes"].as_array().unwrap().iter().find(|quiz| quiz["quizId"] == "mine");
    mine.map_or("none", |mine| mine["title"].as_str().unwrap()).to_owned()
}

#[tokio::test]
async fn a_reload_replaces_valid_banks_and_keeps_the_old_one_of_a_broken_file() {
    let (folder, banks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_bank(banks.path(), "First");
    let server = Server::process(folder.path(), &["--quiz-dir", banks.path().to_str().unwrap()]);
    let client = server.client();
    assert_eq!(title(&client).await, "First");

    std::fs::write(banks.path().join("mine.json"), r#"{"quizId":"mine","#).unwrap();
    server.signal(Signal::HUP);
    server.logged("mine.json").await;
    assert_eq!(title(&client).await, "First");

    write_bank(banks.path(), "Second");
    server.signal(Signal::HUP);
    until_async(async || title(&client).await == "Second").await;
    std::fs::remove_file(banks.path().join("mine.json")).unwrap();
    server.signal(Signal::HUP);
    until_async(async || title(&client).await == "none").await;
    server.stop().await;

    std::fs::write(banks.path().join("mine.json"), "{}").unwrap();
    let (code, said) = refused(folder.path(), &["--quiz-dir", banks.path().to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    assert_one_line(&said, "mine.json");
}

#[tokio::test]
async fn the_exit_code_of_the_health_command_reports_readiness() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    let address = server.base.strip_prefix("http://").unwrap().to_owned();
    let asked = ["health", "--listen", address.as_str()];
    assert_eq!(refused(folder.path(), &asked).await, (Some(0), String::new()));
    let everywhere = address.replace("127.0.0.1", "0.0.0.0");
    assert_eq!(refused(folder.path(), &["health", "--listen", &everywhere]).await.0, Some(0));
    server.stop().await;
    let (code, said) = refused(folder.path(), &asked).await;
    assert_eq!(code, Some(1));
    assert_one_line(&said, &address);

    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader, Write};
        let (mut stream, _) = other.accept().unwrap();
        let asked = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let asked: Vec<_> = asked.take_while(|line| !line.is_empty()).collect();
        assert_eq!(asked[0], "GET /readyz HTTP/1.1");
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"code\":\"store-unavailable\"}").unwrap();
    });
    let (code, said) = refused(folder.path(), &["health", "--listen", &address]).await;
    answering.join().unwrap();
    assert_eq!(code, Some(1));
    assert_one_line(&said, "store-unavailable");
}

#[tokio::test]
async fn health_over_http_reports_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    client.play(1).await;
    let health = client.get("/health").await.json(200);
    let expected = json!({
        "status": "ok", "version": VERSION, "commit": COMMIT, "engine": "redb", "reachable": true,
        "degraded": false, "liveSessions": 1, "commits": 1, "damaged": 0, "limits": "on", "limitsHit": {},
    });
    assert_eq!(health, expected);
    let ready = json!({ "status": "ready", "engine": "redb", "reachable": true, "degraded": false });
    assert_eq!(client.get("/readyz").await.json(200), ready);
    assert_eq!(client.get("/livez").await.json(200), json!({ "status": "ok" }));
}

#[tokio::test]
async fn a_start_prints_one_line_with_its_address_and_store() {
    let folder = tempfile::tempdir().unwrap();
    for records in 0..2 {
        let server = Server::process(folder.path(), &[]);
        let file = folder.path().join("rejoin.redb");
        let base = &server.base;
        let place = file.display();
        let place = format!("rejoin {VERSION} listens on {base} (to play, open {base}), sessions in redb at {place}");
        let (plural, admin) = (if records == 1 { "" } else { "s" }, &server.admin);
        assert_eq!(server.line(), format!("{place}, {records} session record{plural}, admin on {admin}\n"));
        server.client().create(json!({ "questions": questions(1) })).await;
        server.stop().await;
    }
    let server = Server::process(folder.path(), &["--store", "memory"]);
    assert!(server.line().contains("sessions in memory"), "{}", server.line());
    server.stop().await;
}

#[tokio::test]
async fn a_json_log_has_one_object_per_line_with_request_ids() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--log", "rejoin=debug", "--log-format", "json"]);
    let client = server.client();
    let id = client.play(1).await;
    let reply = client.resume(&id).await;
    let request_id = reply.header("x-request-id").unwrap();
    server.logged(request_id).await;
    let log = server.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line is an object")).collect();
    let line = lines.iter().find(|line| line["span"]["id"] == request_id).expect("it was served");
    assert_eq!((&line["message"], &line["status"]), (&json!("served"), &json!(200)));
    assert_eq!((&line["span"]["method"], &line["span"]["url"]), (&json!("GET"), &json!("/api/game/session/{id}")));
    assert!(lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()));
    server.stop().await;
}
