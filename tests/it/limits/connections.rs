//! Limits on connections: how many there may be, and how long one may keep the server waiting.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{connected, is_over, open, server};
use crate::support::client::read_to_close;
use crate::support::websocket::Socket;
use crate::support::{Client, Reply, in_time, took, until_async};

/// An open connection on which one request was answered.
async fn used(client: &Client) -> TcpStream {
    let mut stream = client.connect().await;
    livez_over(&mut stream).await;
    stream
}

/// Sends a request in two parts and reads its reply.
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
async fn a_connection_above_the_limit_of_its_address_gets_the_reason() {
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
async fn a_websocket_counts_as_a_connection_until_it_closes() {
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
async fn an_unfinished_second_request_head_ends_the_connection() {
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
async fn a_connection_in_use_is_kept_open() {
    let (_folder, server, client) = server(&[]);
    let mut stream = used(&client).await;
    // For longer than a request head may take, and with each request in two parts.
    for _ in 0..14 {
        livez_over(&mut stream).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_slow_reply_does_not_count_as_a_slow_request_head() {
    let (_folder, server, client) = server(&[]);
    let room = open(&client).await.json(201);
    let (id, token) = (room["roomId"].as_str().unwrap(), room["token"].as_str().unwrap());
    // The long poll takes longer than a request head may take, and the connection is used before and after
    // it.
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
async fn requests_are_limited_by_address_but_not_with_a_key() {
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
async fn unfinished_request_bodies_share_one_size_limit() {
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
    // A request without a body takes nothing from this limit.
    client.get("/livez").await.json(200);
    drop(held);
    until_async(async || client.post("/api/rooms", &small).await.status == 201).await;
    server.stop().await;
}

#[tokio::test]
async fn a_page_that_reloads_often_leaves_no_waiting_request_behind() {
    let (_folder, server, client) = server(&[]);
    let room = open(&client).await.json(201);
    let (id, token) = (room["roomId"].as_str().unwrap(), room["token"].as_str().unwrap());
    let wait = format!(
        "GET /api/rooms/{id}/events?after=0&waitMs=25000 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let (seat, probe) = (client.with_key(token), format!("/api/rooms/{id}/events?after=0&waitMs=1"));
    // Long polls start one after the other, until the seat has no place left.
    let mut pages = Vec::new();
    until_async(async || {
        let mut stream = client.connect().await;
        stream.write_all(wait.as_bytes()).await.expect("the server reads");
        pages.push(stream);
        seat.get(&probe).await.status == 429
    })
    .await;
    // All connections except the first are dropped, as by a page that reloads.
    pages.truncate(1);
    until_async(async || seat.get(&probe).await.status == 200).await;
    connected(&client, id, &room["token"]).await;
    let first = pages[0].try_read(&mut [0; 1]);
    assert!(first.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "no wait has ended by itself");
    drop(pages);
    server.stop().await;
}
