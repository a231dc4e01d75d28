//! Faults of the store's file on the real binary: a file that is gone, full, empty or damaged, and what the
//! server reports meanwhile.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::server::refused;
use crate::support::{Client, Server, questions, right, until_async};

/// The status of `/readyz`, and the cause why no game can begin.
async fn readiness(client: &Client) -> (u16, Value) {
    let reply = client.get("/readyz").await;
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    (reply.status, body["cause"].clone())
}

async fn until_ready(client: &Client) {
    until_async(async || readiness(client).await.0 == 200).await;
}

/// The number of log lines that contain all of these words.
fn lines(server: &Server, words: &[&str]) -> usize {
    server.log().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

#[tokio::test]
async fn nothing_is_acknowledged_once_the_file_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    std::fs::create_dir(&data).unwrap();
    let server = Server::process(
        folder.path(),
        &["serve", "--admin-listen", "off", "--listen", "127.0.0.1:0", "--data-dir", path(&data)],
    );
    let client = server.client();
    let id = client.play(2).await;
    std::fs::rename(&data, &away).unwrap();
    // Readiness notices it even if nothing is committed meanwhile.
    assert_eq!(readiness(&client).await, (503, json!("gone")));
    for _ in 0..3 {
        client.post("/api/game/session", &json!({})).await.problem(503, "store-unavailable");
        let answered = client.answer_as("a", &id, 0, right(0)).await;
        assert_eq!(answered.status, 503, "{}", answered.text());
    }
    assert!(!data.exists(), "nothing is made in its place");
    assert_eq!(lines(&server, &["ERROR", "gone"]), 1, "{}", server.log());
    // Another file at that path is not the file that was opened.
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(away.join("rejoin.redb"), data.join("rejoin.redb")).unwrap();
    assert_eq!(readiness(&client).await, (503, json!("gone")));
    client.post("/api/game/session", &json!({})).await.problem(503, "store-unavailable");
    // As if the volume were mounted again.
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&away, &data).unwrap();
    until_ready(&client).await;
    let verdict = client.answer_as("a", &id, 0, right(0)).await.json(200);
    assert_eq!(verdict["answered"], 1, "the answer counts once, whatever became of it");
    client.create(json!({})).await;
    assert_eq!(lines(&server, &["INFO", "new games begin again"]), 1, "{}", server.log());
    server.stop().await;
}

#[tokio::test]
async fn a_server_whose_folder_was_removed_refuses_games() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::process(
        folder.path(),
        &["serve", "--admin-listen", "off", "--listen", "127.0.0.1:0", "--data-dir", path(&data)],
    );
    let client = server.client();
    client.create(json!({})).await;
    std::fs::remove_dir_all(&data).unwrap();
    // This game may have been written to the file that nobody can find any more.
    let first = client.post("/api/game/session", &json!({})).await;
    assert_eq!(first.status, 503, "{}", first.text());
    client.post("/api/game/session", &json!({})).await.problem(503, "store-unavailable");
    let problem = client.get("/readyz").await.problem(503, "store-unavailable");
    assert_eq!(problem["cause"], "gone");
    assert_eq!(client.get("/health").await.json(503)["cause"], "gone");
    assert!(!data.exists());
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The file has reached its maximum size and is not enlarged. Dead sessions make space, and running games go
/// on.
#[tokio::test]
async fn a_full_file_refuses_new_games_until_dead_sessions_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--max-size", "16MiB", "--limits", "off", "--reap-every", "100ms", "--log-format", "json"];
    let server = Server::process(folder.path(), &args);
    let client = server.client();
    let running = client.create(json!({ "questions": questions(60), "ttlMs": 3_600_000 })).await;
    let running = running["sessionId"].as_str().unwrap();
    let mut answered = 0;
    // Each game has its own questions, because equal questions are stored once.
    let large = |game: u64| {
        let mut questions = questions(200);
        for question in questions.as_array_mut().expect("a list") {
            question["explanation"] = json!(format!("of game {game}"));
        }
        json!({ "questions": questions, "ttlMs": 10_000 })
    };
    until_async(async || {
        let reply = client.post("/api/game/session", &large(answered)).await;
        if reply.status != 201 {
            reply.problem(503, "store-full");
            return true;
        }
        answered += 1;
        if answered % 10 == 0 && answered < 300 {
            client.answer(running, answered / 10, right(answered / 10)).await.json(200);
        }
        false
    })
    .await;
    assert_eq!(readiness(&client).await, (503, json!("full")));
    let health = client.get("/health").await.json(503);
    assert_eq!((&health["cause"], &health["reachable"]), (&json!("full"), &json!(true)), "running games go on");
    for n in 30..50 {
        client.answer(running, n, right(n)).await.json(200);
    }
    let deleted = client.delete("/api/game/session/00000000-0000-7000-8000-000000000000").await;
    assert_eq!(deleted.status, 204, "deleting is not refused: {}", deleted.text());
    // The file is not enlarged: games that nobody touches die after 11 s and make space.
    until_async(async || {
        client.answer(running, 50, Value::Null).await;
        readiness(&client).await.0 == 200
    })
    .await;
    client.create(large(1_000_000)).await;
    let length = std::fs::metadata(folder.path().join("rejoin.redb")).unwrap().len();
    assert!(length <= 16 * 1024 * 1024, "{length} bytes");
    assert_eq!(lines(&server, &["ERROR", "\"cause\":\"full\""]), 1, "{}", server.log());
    assert_eq!(lines(&server, &["INFO", "new games begin again"]), 1, "{}", server.log());
    server.stop().await;
}

#[tokio::test]
async fn an_empty_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rejoin.redb"), b"").unwrap();
    let (code, said) = refused(folder.path(), &[]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("rejoin.redb") && said.contains("0 bytes"), "{said}");
}

/// Whichever page is damaged, a start either fails with one sentence or serves. It never shows a backtrace.
#[tokio::test]
async fn a_damaged_file_is_served_or_refused_with_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    for _ in 0..30 {
        server.client().create(json!({ "questions": questions(20) })).await;
    }
    server.stop().await;
    let whole = std::fs::read(folder.path().join("rejoin.redb")).unwrap();
    let pages = whole.len() / 4_096;
    let used = (0..pages).filter(|page| whole[page * 4_096..][..4_096].iter().any(|byte| *byte != 0));
    let mut refusals = 0;
    for page in used.step_by(11) {
        let damaged = tempfile::tempdir().unwrap();
        let mut image = whole.clone();
        image[page * 4_096..][..4_096].fill(0xA5);
        std::fs::write(damaged.path().join("rejoin.redb"), image).unwrap();
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_rejoin"))
            .args(["--admin-listen", "off", "--listen", "127.0.0.1:0", "--data-dir", path(damaged.path())])
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        if line.is_empty() {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("rejoin.redb cannot be used"), "page {page}: {said}");
            assert!(!said.contains("panicked") && !said.contains("backtrace"), "page {page}: {said}");
            refusals += 1;
        } else {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    println!("{refusals} damaged files were refused");
}

#[tokio::test]
async fn a_log_truncated_under_a_running_server_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    let client = server.client();
    let id = client.play(3).await;
    let log = std::fs::OpenOptions::new().write(true).open(folder.path().join("rejoin.log")).unwrap();
    log.set_len(0).unwrap();
    client.answer_as("a", &id, 0, right(0)).await.json(200);
    server.logged("the log is gone").await;
    server.kill().await;
    let server = Server::process(folder.path(), &[]);
    let again = server.client().answer_as("a", &id, 0, right(0)).await.json(200);
    assert_eq!(again["answered"], 1, "{again}");
    server.stop().await;
}

#[tokio::test]
async fn a_log_of_another_file_is_kept_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    for aside in ["rejoin.log.damaged", "rejoin.log.damaged.2"] {
        let server = Server::process(folder.path(), &[]);
        server.client().play(2).await;
        server.kill().await;
        std::fs::remove_file(folder.path().join("rejoin.redb")).unwrap();
        let log = std::fs::read(folder.path().join("rejoin.log")).unwrap();
        let server = Server::process(folder.path(), &[]);
        server.logged("belongs to another file").await;
        assert_eq!(std::fs::read(folder.path().join(aside)).unwrap(), log);
        server.client().play(2).await;
        server.stop().await;
    }
}
