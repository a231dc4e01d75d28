//! The limit on guessing join codes.

use serde_json::json;

use super::{is_over, open, server};
use crate::support::{Client, Reply};

async fn join(client: &Client, code: &str, name: &str) -> Reply {
    client.post("/api/rooms/join", &json!({ "joinCode": code, "name": name })).await
}

#[tokio::test]
async fn a_client_that_guesses_too_often_is_refused_and_others_can_still_join() {
    let (_folder, server, client) = server(&["--unknown-codes-per-address", "5"]);
    let room = open(&client).await.json(201);
    let code = room["joinCode"].as_str().unwrap();
    join(&client, code, "Ada").await.json(201);
    let mut refused = None;
    for _ in 0..8 {
        let reply = join(&client, "222222", "Eve").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        reply.problem(404, "join-code-unknown");
    }
    is_over(&refused.expect("it guessed more than five times"), "REJOIN_UNKNOWN_CODES_PER_ADDRESS");
    join(&client, code, "Bob").await.json(201);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_seat_code_counts_as_a_guess() {
    let (_folder, server, client) = server(&["--unknown-codes-per-address", "5"]);
    let guess = json!({ "joinCode": "222222", "seatCode": "22222222" });
    for _ in 0..5 {
        client.post("/api/rooms/join", &guess).await.problem(404, "join-code-unknown");
    }
    is_over(&client.post("/api/rooms/join", &guess).await, "REJOIN_UNKNOWN_CODES_PER_ADDRESS");
    let health = client.get("/health").await.json(200);
    assert_eq!(health["limitsHit"]["REJOIN_UNKNOWN_CODES_PER_ADDRESS"], 1, "{health}");
    server.stop().await;
}
