//! Games and rooms: how many may be created, and how many may live.

use serde_json::json;

use super::{KEY, is_over, open, server};
use crate::support::{Server, until_async};

#[tokio::test]
async fn an_address_opens_so_many_rooms_a_minute_and_a_key_as_many_as_it_likes() {
    let args = ["--rooms-per-address", "3", "--api-keys", KEY, "--hosting", "open"];
    let (_folder, server, client) = server(&args);
    for _ in 0..3 {
        open(&client).await.json(201);
    }
    is_over(&open(&client).await, "REJOIN_ROOMS_PER_ADDRESS");
    let backend = client.with_key(KEY);
    for _ in 0..5 {
        open(&backend).await.json(201);
    }
    // A game is no room.
    client.create(json!({ "count": 1 })).await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_created_counts_by_number_and_by_size_at_an_address_and_in_all() {
    let game = json!({ "count": 1 });
    for (setting, flag, value, count) in [
        ("REJOIN_CREATES_PER_ADDRESS", "--creates-per-address", "2", 2),
        ("REJOIN_CREATES", "--creates", "3", 3),
        ("REJOIN_CREATED_SIZE_PER_ADDRESS", "--created-size-per-address", "1MiB", 300),
        ("REJOIN_CREATED_SIZE", "--created-size", "1MiB", 300),
    ] {
        let (_folder, server, client) = server(&[flag, value]);
        for _ in 0..count {
            client.create(game.clone()).await;
        }
        // What was taken comes back bit by bit, and so a few more may pass.
        let mut refused = client.post("/api/game/session", &game).await;
        for _ in 0..count {
            if refused.status == 201 {
                refused = client.post("/api/game/session", &game).await;
            }
        }
        is_over(&refused, setting);
        server.stop().await;
    }
}

#[tokio::test]
async fn so_many_live_at_once_and_the_last_tenth_is_for_keys() {
    let (_folder, server, client) = server(&["--max-sessions", "10", "--api-keys", KEY, "--hosting", "open"]);
    for _ in 0..9 {
        open(&client).await.json(201);
    }
    is_over(&open(&client).await, "REJOIN_MAX_SESSIONS");
    let backend = client.with_key(KEY);
    open(&backend).await.json(201);
    is_over(&open(&backend).await, "REJOIN_MAX_SESSIONS");
    server.stop().await;
}

#[tokio::test]
async fn what_has_ended_makes_room_for_others() {
    let (_folder, server, client) = server(&["--max-sessions", "2"]);
    let game = client.create(json!({ "count": 1 })).await;
    client.create(json!({ "count": 1 })).await;
    is_over(&client.post("/api/game/session", &json!({ "count": 1 })).await, "REJOIN_MAX_SESSIONS");
    let path = format!("/api/game/session/{}", game["sessionId"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.status, 204);
    until_async(async || client.post("/api/game/session", &json!({ "count": 1 })).await.status == 201).await;
    server.stop().await;
}

#[tokio::test]
async fn an_address_and_a_key_have_so_many_that_live() {
    let args = ["--max-sessions-per-address", "2", "--max-sessions-per-key", "3", "--api-keys", KEY];
    let (_folder, server, client) = server(&args);
    let backend = client.with_key(KEY);
    for (client, count, setting) in
        [(&client, 2, "REJOIN_MAX_SESSIONS_PER_ADDRESS"), (&backend, 3, "REJOIN_MAX_SESSIONS_PER_KEY")]
    {
        for _ in 0..count {
            client.create(json!({ "count": 1 })).await;
        }
        is_over(&client.post("/api/game/session", &json!({ "count": 1 })).await, setting);
    }
    server.stop().await;
}

#[tokio::test]
async fn limits_that_are_off_hold_nobody_and_the_start_line_and_health_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let off = ["--limits", "off", "--rooms-per-address", "1", "--max-sessions", "1", "--max-connections", "1"];
    let server = Server::process(folder.path(), &off);
    assert!(server.line().contains(", limits off"), "{}", server.line());
    assert!(server.log().contains("REJOIN_LIMITS is off"), "{}", server.log());
    let client = server.client();
    for _ in 0..4 {
        open(&client).await.json(201);
    }
    let health = client.get("/health").await.json(200);
    assert_eq!((&health["limits"], &health["limitsHit"]), (&json!("off"), &json!({})));
    server.stop().await;
}

#[tokio::test]
async fn a_limit_that_is_met_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--rooms-per-address", "1"]);
    assert!(!server.line().contains("limits"), "{}", server.line());
    let client = server.client();
    open(&client).await.json(201);
    is_over(&open(&client).await, "REJOIN_ROOMS_PER_ADDRESS");
    server.logged("a limit was met").await;
    assert!(server.log().contains("REJOIN_ROOMS_PER_ADDRESS"), "{}", server.log());
    server.stop().await;
}
