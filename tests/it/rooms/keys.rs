//! API keys that change while the server runs.

use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use super::api;
use super::raw::Raw;
use crate::support::{Server, questions};

const OLD: &str = "the-old-key-0123456789";
const NEW: &str = "the-new-key-0123456789";
const OTHER: &str = "the-other-key-0123456789";

/// Writes the file of keys, makes the server read it, and waits until the log contains `says`.
async fn reload(server: &Server, file: &Path, text: &str, says: &str) {
    std::fs::write(file, text).unwrap();
    hang_up(server, says).await;
}

async fn hang_up(server: &Server, says: &str) {
    let before = server.log().matches(says).count();
    server.signal(Signal::HUP);
    crate::support::until(|| server.log().matches(says).count() > before).await;
}

/// True if a backend with this key may create a game with its own questions.
async fn is_good(server: &Server, key: &str) -> bool {
    let reply = server.client().with_key(key).post("/api/game/session", &json!({ "questions": questions(1) })).await;
    if reply.status != 201 {
        reply.problem(401, "api-key-invalid");
        return false;
    }
    true
}

async fn is_closed_to_strangers(server: &Server) {
    let own = json!({ "questions": questions(1) });
    server.client().post("/api/game/session", &own).await.problem(403, "api-key-required");
}

#[tokio::test]
async fn a_reload_replaces_the_keys_and_an_invalid_file_keeps_the_old_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, OLD).unwrap();
    let args = ["--api-keys-file", file.to_str().unwrap()];
    let server = Server::process(folder.path(), &args);
    assert!(is_good(&server, OLD).await && !is_good(&server, NEW).await);

    reload(&server, &file, &format!("{NEW}\n\n{OTHER}\n"), "the API keys were reloaded").await;
    assert!(!is_good(&server, OLD).await && is_good(&server, NEW).await && is_good(&server, OTHER).await);
    assert!(server.log().contains("keys=2"), "{}", server.log());

    for (text, wrong) in [("", "holds no key"), (" \n\n", "holds no key"), ("short", "at least 16"), ("a\0b", "16")] {
        reload(&server, &file, text, "the previous ones stay valid").await;
        assert!(server.log().contains(wrong), "{}", server.log());
        assert!(is_good(&server, NEW).await && !is_good(&server, OLD).await, "after {text:?}");
        is_closed_to_strangers(&server).await;
    }
    std::fs::remove_file(&file).unwrap();
    hang_up(&server, "the previous ones stay valid").await;
    assert!(server.log().contains("No such file"), "{}", server.log());
    assert!(is_good(&server, NEW).await);
    is_closed_to_strangers(&server).await;

    reload(&server, &file, OLD, "the API keys were reloaded").await;
    assert!(is_good(&server, OLD).await && !is_good(&server, NEW).await);
    let log = server.log();
    assert!([OLD, NEW, OTHER].iter().all(|key| !log.contains(key)), "{log}");
    server.stop().await;
}

#[tokio::test]
async fn removing_a_key_closes_only_the_connections_of_that_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, format!("{OLD}\n{OTHER}")).unwrap();
    let server = Server::process(folder.path(), &["--api-keys-file", file.to_str().unwrap()]);
    let room = api(&server).open(&json!({ "mode": "external" }), Some(OLD)).await.unwrap().room_id;
    let (backend, seats) = (server.client().with_key(OLD), format!("/api/rooms/{room}/seats"));
    let seated = backend.post(&seats, &json!({ "name": "Ada" })).await.json(201);
    let token = seated["token"].as_str().unwrap();
    let (mut removed, _) = Raw::resumed(&server.base, &room, OLD).await;
    let (mut kept, _) = Raw::resumed(&server.base, &room, OTHER).await;
    let (mut player, _) = Raw::resumed(&server.base, &room, token).await;

    reload(&server, &file, &format!("{NEW}\n{OTHER}"), "the API keys were reloaded").await;
    assert_eq!(removed.closed().await, Some(4401));
    for raw in [&mut kept, &mut player] {
        raw.say(&json!({ "type": "heartbeat", "id": "1" })).await;
        raw.frame("heartbeat").await;
    }
    server.stop().await;
}

/// Both keys have the name of the backend, which owns its rooms.
#[tokio::test]
async fn a_named_key_is_replaced_without_a_gap_and_its_rooms_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, format!("shop:{OLD}\nother:{OTHER}")).unwrap();
    let server = Server::process(folder.path(), &["--api-keys-file", file.to_str().unwrap(), "--keys-scoped"]);
    let room = api(&server).open(&json!({ "mode": "external" }), Some(OLD)).await.unwrap().room_id;
    let (mut before, _) = Raw::resumed(&server.base, &room, OLD).await;

    let both = format!("shop:{NEW}\nshop:{OLD}\nother:{OTHER}");
    reload(&server, &file, &both, "the API keys were reloaded").await;
    // The connection with the old key goes on, and the new key gets into the room of the old one.
    let (mut after, _) = Raw::resumed(&server.base, &room, NEW).await;
    for raw in [&mut before, &mut after] {
        raw.say(&json!({ "type": "heartbeat", "id": "1" })).await;
        raw.frame("heartbeat").await;
    }
    let listed = async |key| server.client().with_key(key).get("/api/rooms").await.json(200)["rooms"].clone();
    assert_eq!(listed(NEW).await[0]["roomId"], room);
    assert_eq!((listed(OLD).await, listed(OTHER).await), (listed(NEW).await, json!([])));

    reload(&server, &file, &format!("shop:{NEW}\nother:{OTHER}"), "the API keys were reloaded").await;
    assert_eq!(before.closed().await, Some(4401));
    after.say(&json!({ "type": "heartbeat", "id": "2" })).await;
    after.frame("heartbeat").await;
    assert_eq!(listed(NEW).await[0]["roomId"], room);
    server.stop().await;
}
