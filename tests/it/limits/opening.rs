//! Limits on games and rooms: how many may be created, and how many may be live.

use serde_json::json;

use super::{KEY, is_over, open, server};
use crate::support::{Server, bank, until_async};

#[tokio::test]
async fn opening_rooms_is_limited_by_address_but_not_with_a_key() {
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
    // A solo game does not count as a room.
    client.create(json!({ "count": 1 })).await;
    server.stop().await;
}

#[tokio::test]
async fn creations_are_limited_by_number_and_size_per_address_and_in_all() {
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
        // The limit refills a little meanwhile, so a few more creations may succeed.
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
async fn live_sessions_are_limited_and_the_last_tenth_is_for_keys() {
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
async fn a_deleted_session_makes_room_for_another() {
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
async fn live_sessions_are_limited_per_address_and_per_key() {
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
async fn limits_that_are_off_refuse_nobody_and_are_reported() {
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
async fn a_refusal_by_a_limit_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--rooms-per-address", "1"]);
    assert!(!server.line().contains("limits"), "{}", server.line());
    let client = server.client();
    open(&client).await.json(201);
    is_over(&open(&client).await, "REJOIN_ROOMS_PER_ADDRESS");
    server.logged("a limit was exceeded").await;
    assert!(server.log().contains("REJOIN_ROOMS_PER_ADDRESS"), "{}", server.log());
    server.stop().await;
}

#[tokio::test]
async fn a_list_of_question_ids_has_the_limit_of_a_question_count() {
    let (_folder, server, client) = server(&[]);
    let ids: Vec<_> =
        bank("civics")["questions"].as_array().unwrap().iter().map(|one| one["questionId"].clone()).collect();
    for (count, status) in [(10, 201), (11, 422)] {
        let body = json!({ "quizId": "civics", "questionIds": ids[..count], "maxSeats": 1000 });
        assert_eq!(client.post("/api/rooms", &body).await.status, status);
    }
    server.stop().await;
}
