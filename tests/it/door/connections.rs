//! Connections: how many there may be, and for how long one may keep the server waiting.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{connected, is_over, open, server};
use crate::support::client::read_to_close;
use crate::support::websocket::Socket;
use crate::support::{Client, Reply, in_time, took, until_async};

/// A connection that has had one answer.
async fn used(client: &Client) -> TcpStream {
    let mut stream = client.connect().await;
    livez_over(&mut stream).await;
    stream
}

/// A request in two parts, which is answered.
async fn livez_over(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\n").await.expect("it is kept");
    stream.write_all(b"Host: a\r\n\r\n").await.expect("it is kept");
    let mut reply = Vec::new();
    while !reply.ends_with(b"}") {
        assert!(in_time(stream.read_buf(&mut reply)).await.expect("it is answered") > 0, "it is closed");
    }
    assert!(reply.starts_with(b"HTTP/1.1 200"), "{reply:?}");
}

async fn is_let_in(client: &Client) -> bool {
    client.raw(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.starts_with(b"HTTP/1.1 200")
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_the_next_is_told_why() {
    let (_folder, server, client) = server(&["--max-connections-per-address", "4"]);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(used(&client).await);
    }
    let mut refused = client.connect().await;
    let reply = Reply::parse(&read_to_close(&mut refused).await);
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("5")));
    let problem: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(problem["limit"], "REJOIN_MAX_CONNECTIONS_PER_ADDRESS");
    drop(held.pop());
    until_async(async || is_let_in(&client).await).await;
    let health = client.get("/health").await.json(200);
    assert_eq!(health["limits"], "on");
    assert!(health["limitsHit"]["REJOIN_MAX_CONNECTIONS_PER_ADDRESS"].as_u64().unwrap() >= 1, "{health}");
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn a_websocket_keeps_its_place_and_gives_it_back() {
    let (_folder, server, client) = server(&["--max-connections", "1"]);
    let room = open(&client).await.json(201);
    let path = format!("/api/rooms/{}/ws", room["roomId"].as_str().unwrap());
    until_async(async || is_let_in(&client).await).await;
    let socket = Socket::open(&client, &path).await;
    let reply = Reply::parse(&read_to_close(&mut client.connect().await).await);
    assert!(reply.text().contains(r#""limit":"REJOIN_MAX_CONNECTIONS""#), "{}", reply.text());
    drop(socket);
    until_async(async || is_let_in(&client).await).await;
    server.stop().await;
}

#[tokio::test]
async fn a_second_head_that_stays_unfinished_ends_the_connection_as_a_first_one_does() {
    let (_folder, server, client) = server(&[]);
    let mut stream = used(&client).await;
    stream.write_all(b"GET /livez HT").await.unwrap();
    let begun = Instant::now();
    let rest = read_to_close(&mut stream).await;
    took("a second head that stays unfinished", begun);
    assert!(!String::from_utf8_lossy(&rest).contains("HTTP/1.1 200"), "the first reply's rest alone");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_used_again_and_again_is_kept() {
    let (_folder, server, client) = server(&[]);
    let mut stream = used(&client).await;
    // For longer than a head may take, and each request in two parts.
    for _ in 0..14 {
        livez_over(&mut stream).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_slow_reply_is_no_slow_head() {
    let (_folder, server, client) = server(&[]);
    let room = open(&client).await.json(201);
    let (id, token) = (room["roomId"].as_str().unwrap(), room["token"].as_str().unwrap());
    // It waits for longer than a head may take, and the connection is used before and after.
    let mut stream = used(&client).await;
    let wait = format!(
        "GET /api/rooms/{id}/events?after=0&waitMs=6500 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(wait.as_bytes()).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let heard = String::from_utf8_lossy(&read_to_close(&mut stream).await).into_owned();
    assert_eq!(heard.matches("HTTP/1.1 200").count(), 2, "{heard}");
    server.stop().await;
}

#[tokio::test]
async fn a_host_has_eight_connections_and_the_ninth_is_refused() {
    let (_folder, server, client) = server(&[]);
    let room = open(&client).await.json(201);
    let id = room["roomId"].as_str().unwrap();
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(connected(&client, id, &room["token"]).await);
    }
    let mut ninth = Socket::open(&client, &format!("/api/rooms/{id}/ws")).await;
    let resume = json!({ "type": "resume", "token": room["token"] }).to_string();
    ninth.say(crate::support::websocket::TEXT, resume.as_bytes()).await;
    assert_eq!(ninth.closed().await.0, Some(4429));
    let waiting = format!("/api/rooms/{id}/events?after=0&waitMs=1000");
    let waits = client.request(reqwest::Method::GET, &waiting).bearer_auth(room["token"].as_str().unwrap());
    is_over(&crate::support::client::send(waits).await, "REJOIN_MAX_CONNECTIONS_PER_SEAT");
    server.stop().await;
}

#[tokio::test]
async fn requests_of_an_address_are_counted_and_a_key_is_let_through() {
    let (_folder, server, client) = server(&["--requests-per-address", "1", "--api-keys", super::KEY]);
    let mut refused = None;
    for _ in 0..12 {
        let reply = client.get("/livez").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    is_over(&refused.expect("six at once are let through"), "REJOIN_REQUESTS_PER_ADDRESS");
    for _ in 0..12 {
        client.with_key(super::KEY).get("/livez").await.json(200);
    }
    server.stop().await;
}

#[tokio::test]
async fn bodies_that_are_not_whole_yet_hold_so_much_in_all() {
    let (_folder, server, client) = server(&["--bodies-size-per-address", "1MiB"]);
    let head =
        "POST /api/rooms HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 262144\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = client.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let small = json!({ "count": 1 });
    until_async(async || client.post("/api/rooms", &small).await.status == 429).await;
    is_over(&client.post("/api/rooms", &small).await, "REJOIN_BODIES_SIZE_PER_ADDRESS");
    // Without a body nothing is held.
    client.get("/livez").await.json(200);
    drop(held);
    until_async(async || client.post("/api/rooms", &small).await.status == 201).await;
    server.stop().await;
}

#[tokio::test]
async fn a_page_that_is_loaded_again_and_again_leaves_no_waiting_request_behind() {
    let (_folder, server, client) = server(&[]);
    let room = open(&client).await.json(201);
    let (id, token) = (room["roomId"].as_str().unwrap(), room["token"].as_str().unwrap());
    let wait = format!(
        "GET /api/rooms/{id}/events?after=0&waitMs=25000 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let (seat, probe) = (client.with_key(token), format!("/api/rooms/{id}/events?after=0&waitMs=1"));
    // One page after the other waits, until the seat has no place left.
    let mut pages = Vec::new();
    until_async(async || {
        let mut stream = client.connect().await;
        stream.write_all(wait.as_bytes()).await.expect("the server reads");
        pages.push(stream);
        seat.get(&probe).await.status == 429
    })
    .await;
    // All but the first one go, as pages do that are loaded anew.
    pages.truncate(1);
    until_async(async || seat.get(&probe).await.status == 200).await;
    connected(&client, id, &room["token"]).await;
    let first = pages[0].try_read(&mut [0; 1]);
    assert!(first.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "no wait has ended by itself");
    drop(pages);
    server.stop().await;
}
