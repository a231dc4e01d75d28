//! Who may open rooms, under which host name the server answers, and the names of API keys in the log.

use reqwest::Method;
use serde_json::json;

use super::{KEY, open, server};
use crate::support::client::send;
use crate::support::{Server, bank};

#[tokio::test]
async fn a_server_with_api_keys_opens_rooms_only_with_a_key() {
    let (_folder, server, client) = server(&["--api-keys", KEY]);
    open(&client).await.problem(403, "api-key-required");
    open(&client.with_key(KEY)).await.json(201);
    client.create(json!({ "count": 1 })).await;
    server.stop().await;
}

#[tokio::test]
async fn a_setting_decides_who_may_open_rooms() {
    let (_folder, opened, client) = server(&["--api-keys", KEY, "--hosting", "open"]);
    open(&client).await.json(201);
    opened.stop().await;
    let folder = tempfile::tempdir().unwrap();
    for (args, setting) in [(&["--hosting", "key"][..], "REJOIN_HOSTING"), (&["--keys-scoped"], "REJOIN_KEYS_SCOPED")] {
        let (code, said) = crate::support::server::refused(folder.path(), args).await;
        assert!(code != Some(0) && said.contains(setting) && said.contains("REJOIN_API_KEYS"), "{said}");
    }
}

#[tokio::test]
async fn a_bank_decides_who_may_open_rooms_with_it() {
    let banks = tempfile::tempdir().unwrap();
    let mut exam = bank("civics");
    (exam["quizId"], exam["hosting"], exam["play"]) = (json!("exam"), json!("key"), json!(["rooms"]));
    std::fs::write(banks.path().join("exam.json"), exam.to_string()).unwrap();
    let folder = banks.path().to_str().unwrap();
    let (_folder, server, client) = server(&["--quiz-dir", folder, "--api-keys", KEY, "--hosting", "open"]);
    let room = json!({ "quizId": "exam", "count": 2 });
    client.post("/api/rooms", &room).await.problem(403, "api-key-required");
    client.with_key(KEY).post("/api/rooms", &room).await.json(201);
    open(&client).await.json(201);
    let quizzes = client.get("/api/quizzes").await.json(200);
    let hosting = |id: &str| {
        let quizzes = quizzes["quizzes"].as_array().unwrap();
        quizzes.iter().find(|quiz| quiz["quizId"] == id).unwrap()["hosting"].clone()
    };
    assert_eq!((hosting("exam"), hosting("civics")), (json!("key"), json!("open")));
    server.stop().await;
}

#[tokio::test]
async fn a_public_url_limits_the_accepted_host_names() {
    let (_folder, server, client) = server(&["--public-url", "https://play.example.org"]);
    let asked = async |path: &str, host: &str| send(client.request(Method::GET, path).header("Host", host)).await;
    asked("/api/quizzes", "play.example.org").await.json(200);
    asked("/api/quizzes", "PLAY.example.org").await.json(200);
    asked("/api/quizzes", "play.example.org:443").await.json(200);
    asked("/api/quizzes", "evil.example.org").await.problem(421, "wrong-host");
    asked("/readyz", "10.0.0.7:8080").await.json(200);
    server.stop().await;
}

#[tokio::test]
async fn the_log_contains_the_name_of_a_key_and_never_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys = format!("shop:{KEY},another-key-0123456789");
    let server = Server::process(folder.path(), &["--api-keys", &keys, "--log", "debug"]);
    open(&server.client().with_key(KEY)).await.json(201);
    open(&server.client().with_key("another-key-0123456789")).await.json(201);
    open(&server.client().with_key(&format!("shop:{KEY}"))).await.problem(401, "api-key-invalid");
    server.logged("key=\"shop\"").await;
    server.logged("key=\"key-").await;
    assert!(!server.log().contains(KEY) && !server.log().contains("another-key"), "{}", server.log());
    server.stop().await;
}
