//! Files of hosts: tables in the folder of banks, files uploaded over HTTP, and the pictures of banks.

use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::send;
use crate::support::{Client, KEY, Server};

const TABLE: &str = "Frage;Antwort 1;Antwort 2;Richtig;Zeit\nWelcher Fluss fließt durch Köln?;Rhein;Elbe;1;20\n\
    Wie viele sind 2<sup>3</sup>?;6;8;B;15s\nOhne Antwort?;;;;\n";

async fn hand_in(client: &Client, query: &str, bytes: impl Into<Vec<u8>>) -> Value {
    let request = client.request(Method::POST, &format!("/api/quizzes/import{query}")).body(bytes.into());
    send(request).await.json(200)
}

#[tokio::test]
async fn a_table_in_the_folder_of_banks_can_be_played() {
    let (folder, banks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (bytes, ..) = encoding(TABLE);
    std::fs::write(banks.path().join("Flüsse & Zahlen.csv"), bytes).unwrap();
    std::fs::write(banks.path().join("notes.txt"), "no bank").unwrap();
    std::fs::write(banks.path().join("~$open.xlsx"), "a lock of another program").unwrap();
    let server = Server::process(folder.path(), &["--quiz-dir", banks.path().to_str().unwrap()]);
    server.logged("line 4: there are no options").await;
    let client = server.client();
    let opened = client.post("/api/rooms", &json!({"quizId": "fluesse-zahlen", "readyMs": 0})).await.json(201);
    let host = client.with_key(opened["token"].as_str().unwrap());
    let path = format!("/api/rooms/{}/start", opened["roomId"].as_str().unwrap());
    let shown = host.post(&path, &json!({"at": 0})).await.json(200)["snapshot"]["question"].clone();
    assert_eq!((&shown["text"], &shown["timeLimitMs"]), (&json!("Welcher Fluss fließt durch Köln?"), &json!(20_000)));
    client.post("/api/game/session", &json!({"quizId": "fluesse-zahlen"})).await.problem(403, "quiz-not-for-solo");
    server.stop().await;
}

/// The text encoded in Windows-1252, and the text.
fn encoding(text: &str) -> (Vec<u8>, &str) {
    let byte = |c: char| u8::try_from(u32::from(c)).expect("a character of Latin-1");
    (text.chars().map(byte).collect(), text)
}

#[tokio::test]
async fn an_uploaded_file_is_converted_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    let reply = hand_in(&client, "?name=quiz.csv", encoding(TABLE).0).await;
    assert_eq!(reply["summary"], "a table, Windows-1252, semicolons, 2 questions, 1 left out");
    assert_eq!((&reply["leftOut"][0]["path"], &reply["leftOutCount"]), (&json!("line 4"), &json!(1)));
    let created = client.create(json!({"questions": reply["questions"]})).await;
    assert_eq!(created["questions"][1]["text"], "Wie viele sind 2<sup>3</sup>?");
    let listed = client.get("/api/quizzes").await.json(200);
    assert!(listed["quizzes"].as_array().unwrap().iter().all(|quiz| quiz["quizId"] != "quiz"));

    let gift = hand_in(&client, "?format=gift", "Which? {=a ~b}\n").await;
    assert_eq!((gift["questions"].as_array().unwrap().len(), &gift["defaults"]["optionOrder"]), (1, &json!("shuffle")));
    for nothing in [&b""[..], b"%PDF-1.7", b"\x00\xff\x00", b"PK\x03\x04", b"Dear teacher,"] {
        let reply = hand_in(&client, "", nothing).await;
        assert_eq!((&reply["questions"], reply["leftOutCount"].as_u64()), (&json!([]), Some(1)), "{reply}");
    }
    let request = client.request(Method::POST, "/api/quizzes/import").body(vec![b'x'; 256 * 1024 + 1]);
    send(request).await.problem(413, "body-too-large");
    let request = client.request(Method::POST, "/api/quizzes/import?format=word").body("x");
    send(request).await.problem(422, "invalid-request");
    server.stop().await;
}

#[tokio::test]
async fn uploading_a_file_needs_a_key_where_rooms_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &["--api-keys", KEY]);
    let client = server.client();
    let ask = |client: &Client| send(client.request(Method::POST, "/api/quizzes/import").body(TABLE));
    ask(&client).await.problem(403, "api-key-required");
    assert_eq!(ask(&client.with_key(KEY)).await.json(200)["questions"].as_array().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn pictures_of_a_bank_have_urls_made_from_their_content() {
    let (folder, banks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let png = b"\x89PNG\r\n\x1a\nnot much of one";
    std::fs::create_dir(banks.path().join("media")).unwrap();
    std::fs::write(banks.path().join("media/moon.png"), png).unwrap();
    let options = json!([{"optionId": 1, "text": "a"}, {"optionId": 2, "text": "b"}]);
    let bank = json!({"quizId": "moons", "title": "Moons", "play": ["solo"], "questions": [
        {"questionId": "m", "text": "Which?", "image": "moon.png", "alt": "A moon", "options": options, "correctOptionId": 1}]});
    std::fs::write(banks.path().join("moons.json"), bank.to_string()).unwrap();
    let server = Server::here(folder.path(), &["--quiz-dir", banks.path().to_str().unwrap()]);
    let client = server.client();
    let created = client.create(json!({"quizId": "moons"})).await;
    let shown = &created["questions"][0];
    assert_eq!(shown["alt"], "A moon");
    let url = shown["image"].as_str().unwrap();
    assert!(url.starts_with("/media/") && url.ends_with(".png"), "{url}");
    let picture = client.get(url).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert_eq!(picture.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(picture.body, png);
    client.get("/media/moon.png").await.problem(404, "not-found");
    client.get("/media/..%2Fmoons.json").await.problem(404, "not-found");
    server.stop().await;
}

/// Runs `rejoin quizzes`. Returns the exit code and standard error.
fn quizzes(folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    let said =
        command.env_clear().stdin(Stdio::null()).current_dir(folder).arg("quizzes").args(words).output().unwrap();
    (said.status.code(), String::from_utf8(said.stderr).unwrap())
}

#[test]
fn the_exit_code_says_whether_all_some_or_none_were_imported() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file("all.gift", "Which? {=a ~b}\n");
    file("some.gift", "Which? {=a ~b}\n\nWhy? {}\n");
    file("none.gift", "Why? {}\n");
    let code = |words: &[&str]| quizzes(folder.path(), words).0;
    assert_eq!(
        ["all", "some", "none"].map(|name| code(&["import", &format!("{name}.gift")])),
        [Some(0), Some(3), Some(1)]
    );
    assert_eq!(code(&["import", "some.gift", "--strict"]), Some(1));
    assert_eq!(code(&["import", "gone.gift"]), Some(1));
    assert_eq!(code(&["check", "all.gift"]), Some(0));
    assert_eq!(code(&["check", "some.gift"]), Some(1));
    assert_eq!(code(&["export", "--to", "csv", "all.gift"]), Some(0));
    assert_eq!(code(&["export", "--to", "gift", "mixed"]), Some(3));
    let (_, said) = quizzes(folder.path(), &["import", "some.gift"]);
    assert_eq!(said.lines().last(), Some("some.gift: GIFT, UTF-8, 1 question, 1 left out"));
}
