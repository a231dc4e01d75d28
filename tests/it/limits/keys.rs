//! API keys that are valid only for the rooms that they opened, and idempotency keys that belong to one
//! caller.

use reqwest::Method;
use serde_json::{Value, json};

use super::server;
use crate::support::client::send;
use crate::support::{Client, Reply};

const SHOP: &str = "shop-0123456789abcdef";
const QUIZBOT: &str = "quizbot-0123456789abcdef";

async fn external(client: &Client) -> String {
    let room = client.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
    format!("/api/rooms/{}", room["roomId"].as_str().unwrap())
}

#[tokio::test]
async fn a_scoped_key_is_valid_only_for_the_rooms_it_opened() {
    let keys = format!("shop:{SHOP},quizbot:{QUIZBOT}");
    let (_folder, server, client) = server(&["--api-keys", &keys, "--keys-scoped"]);
    let (shop, quizbot) = (client.with_key(SHOP), client.with_key(QUIZBOT));
    let path = external(&shop).await;
    let seat = json!({ "name": "Ada" });
    let calls = |client: Client| {
        let path = path.clone();
        let seat = seat.clone();
        async move {
            vec![
                client.get(&path).await,
                client.post(&format!("{path}/seats"), &seat).await,
                client.post(&format!("{path}/events"), &json!({ "type": "moved" })).await,
                client.get(&format!("{path}/events")).await,
                client.post(&format!("{path}/join-code"), &Value::Null).await,
                client.post(&format!("{path}/lock"), &json!({ "at": 0, "locked": true })).await,
                client.post(&format!("{path}/host"), &Value::Null).await,
                client.post(&format!("{path}/finish"), &json!({ "at": 0 })).await,
                client.delete(&path).await,
            ]
        }
    };
    for reply in calls(quizbot.clone()).await {
        reply.problem(404, "room-not-found");
    }
    let listed = async |client: &Client| client.get("/api/rooms").await.json(200)["rooms"].as_array().unwrap().len();
    assert_eq!((listed(&shop).await, listed(&quizbot).await), (1, 0));
    let statuses: Vec<_> = calls(shop.clone()).await.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 201, 201, 200, 200, 200, 409, 200, 204]);
    server.stop().await;
}

#[tokio::test]
async fn an_unscoped_key_is_valid_for_every_room_and_lists_its_own() {
    let keys = format!("shop:{SHOP},quizbot:{QUIZBOT}");
    let (_folder, server, client) = server(&["--api-keys", &keys]);
    let path = external(&client.with_key(SHOP)).await;
    let quizbot = client.with_key(QUIZBOT);
    quizbot.get(&path).await.json(200);
    assert_eq!(quizbot.get("/api/rooms").await.json(200)["rooms"], json!([]));
    server.stop().await;
}

async fn join_from(client: &Client, address: &str, key: &str, body: &Value) -> Reply {
    let request = client.request(Method::POST, "/api/rooms/join").header("X-Forwarded-For", address);
    send(request.header("Idempotency-Key", key).json(body)).await
}

#[tokio::test]
async fn the_idempotency_key_of_a_join_belongs_to_its_caller() {
    let (_folder, server, client) = server(&["--trusted-proxies", "127.0.0.1"]);
    let room = super::open(&client).await.json(201);
    let body = json!({ "joinCode": room["joinCode"], "name": "Ada" });
    let first = join_from(&client, "203.0.113.5", "k", &body).await.json(201);
    let again = join_from(&client, "203.0.113.5", "k", &body).await.json(201);
    assert_eq!(first["seatId"], again["seatId"]);
    // The key, the code and the name are not enough to take the seat from another address.
    join_from(&client, "203.0.113.6", "k", &body).await.problem(409, "name-taken");
    let path = format!("/api/rooms/{}", room["roomId"].as_str().unwrap());
    client.with_key(again["token"].as_str().unwrap()).get(&path).await.json(200);
    server.stop().await;
}
