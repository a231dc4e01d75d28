//! Everything that a client sends over a WebSocket counts towards its limit, from the first byte on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{open, server};
use crate::support::websocket::{CLOSE, FIRST, PING, PONG, Socket, TEXT, frame, request};
use crate::support::{Client, took, until};

/// The first byte of a fragment in the middle of a message.
const MIDDLE: u8 = 0x00;

async fn room(client: &Client) -> String {
    let room = open(client).await.json(201);
    format!("/api/rooms/{}/ws", room["roomId"].as_str().unwrap())
}

/// The code by which the server closes a socket that sends these bytes, or `None` if it closes without one.
/// Earlier frames are skipped.
async fn closed_by(client: &Client, path: &str, bytes: &[u8]) -> Option<u16> {
    let mut socket = Socket::open(client, path).await;
    let _ = socket.stuff(bytes, Duration::from_secs(5)).await;
    while let Some((first, payload)) = socket.hear().await {
        if first == CLOSE {
            return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        }
    }
    None
}

#[tokio::test]
async fn every_kind_of_frame_counts_before_the_resume() {
    let (_folder, server, client) = server(&[]);
    let path = room(&client).await;
    let floods = [
        ("pongs", frame(PONG, b"").repeat(200)),
        ("pings", frame(PING, b"?").repeat(200)),
        ("empty fragments", [frame(FIRST, b"{"), frame(MIDDLE, b"").repeat(200)].concat()),
    ];
    for (what, flood) in floods {
        assert_eq!(closed_by(&client, &path, &flood).await, Some(4429), "{what}");
    }
    let health = client.get("/health").await.json(200);
    assert_eq!(health["limitsHit"]["REJOIN_FRAMES_PER_SECOND"], 3, "{health}");
    server.stop().await;
}

#[tokio::test]
async fn bytes_are_limited_like_frames() {
    let (_folder, server, client) = server(&["--frames-per-second", "1"]);
    let room = open(&client).await.json(201);
    let path = format!("/api/rooms/{}/ws", room["roomId"].as_str().unwrap());
    let resume = json!({ "type": "resume", "token": room["token"] }).to_string();
    // A burst may have six frames, and six times 16 KiB in all.
    let large = format!(r#"{{"type":"heartbeat"{}}}"#, " ".repeat(60_000));
    let frames = [resume.as_bytes(), large.as_bytes(), large.as_bytes()].map(|text| frame(TEXT, text)).concat();
    assert_eq!(closed_by(&client, &path, &frames).await, Some(4429));
    server.stop().await;
}

#[tokio::test]
async fn a_burst_of_a_backend_is_not_refused() {
    let (_folder, server, client) = server(&["--api-keys", super::KEY]);
    let backend = client.with_key(super::KEY);
    let path = room(&backend).await;
    let mut socket = Socket::open(&client, &path).await;
    let resume = json!({ "type": "resume", "token": super::KEY }).to_string();
    socket.say(TEXT, resume.as_bytes()).await;
    assert!(socket.text().await.contains("welcome"));
    let heartbeat = br#"{"type":"heartbeat","id":"x"}"#;
    socket.send(&frame(TEXT, heartbeat).repeat(400)).await;
    let mut heard = 0;
    while heard < 400 {
        heard += usize::from(socket.text().await.contains("heartbeat"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_clients_are_answered_during_two_floods_without_a_token() {
    let (_folder, server, client) = server(&[]);
    let path = room(&client).await;
    let ended = Arc::new(AtomicUsize::new(0));
    let flood = |first: u8| flood(client.clone(), path.clone(), first, ended.clone());
    let floods = [tokio::spawn(flood(PONG)), tokio::spawn(flood(MIDDLE))];
    until(|| ended.load(Ordering::Relaxed) > 1).await;
    let before = ended.load(Ordering::Relaxed);
    for _ in 0..40 {
        let begun = std::time::Instant::now();
        client.get("/livez").await.json(200);
        took("/livez beside two floods", begun);
    }
    until(|| ended.load(Ordering::Relaxed) > before).await;
    floods.iter().for_each(tokio::task::JoinHandle::abort);
    server.stop().await;
}

/// Sends frames of one kind as fast as the server takes them, on one connection after the other. `ended`
/// counts the connections that the server has ended.
async fn flood(client: Client, path: String, first: u8, ended: Arc<AtomicUsize>) {
    let frames = [frame(FIRST, b"{"), frame(first, b"").repeat(10_000)].concat();
    loop {
        let mut stream = client.connect().await;
        let _ = stream.write_all(&[&request(&path, |_| ())[..], &frames].concat()).await;
        while stream.write_all(&frames).await.is_ok() {}
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn pings_do_not_replace_a_resume() {
    let (_folder, server, client) = server(&[]);
    let mut socket = Socket::open(&client, &room(&client).await).await;
    let begun = std::time::Instant::now();
    let mut pings = tokio::time::interval(Duration::from_millis(250));
    let code = loop {
        tokio::select! {
            heard = socket.hear() => match heard.expect("it is closed in order") {
                (CLOSE, payload) => break u16::from_be_bytes(*payload.first_chunk().unwrap()),
                _ => continue,
            },
            _ = pings.tick() => {}
        }
        socket.say(PING, b"").await;
    };
    assert_eq!(code, 4400);
    took("closed without a resume", begun);
    server.stop().await;
}
