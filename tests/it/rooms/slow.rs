//! A player who does not read from the socket.

use rejoin::client::{ConnectOptions, connect};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{api, server, welcome};
use crate::support::websocket::{TEXT, frame, request};
use crate::support::{KEY, until_async};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_who_does_not_read_is_disconnected_and_catches_up_on_return() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let api = api(&server);
    let room = api.open(&json!({ "mode": "external", "awayMs": 300_000 }), Some(KEY)).await.unwrap();
    let backend = server.client().with_key(KEY);
    let path = format!("/api/rooms/{}", room.room_id);
    let seated = backend.post(&format!("{path}/seats"), &json!({ "name": "Ada" })).await.json(201);
    let token = seated["token"].as_str().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(server.base.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    stream.write_all(&request(&format!("{path}/ws"), |_| ())).await.unwrap();
    let resume = json!({ "type": "resume", "token": token });
    stream.write_all(&frame(TEXT, resume.to_string().as_bytes())).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 101");
    // More than the kernel buffers, and less than a room keeps.
    let events: Vec<_> = (0..15).map(|_| json!({ "type": "x", "payload": "y".repeat(15_000) })).collect();
    let mut head = 0;
    for _ in 0..17 {
        let recorded = backend.post(&format!("{path}/events"), &json!({ "events": events })).await.json(201);
        head = recorded["sequence"].as_u64().unwrap();
    }
    // The test must not read yet, or the player would catch up. The room's presence shows when the player was
    // given up.
    until_async(async || backend.get(&path).await.json(200)["seats"][0]["present"] == false).await;
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    let close = all.windows(4).rposition(|bytes| bytes[0] == 0x88 && bytes[2..] == 4408_u16.to_be_bytes());
    assert!(close.is_some(), "closed by 4408 after {} bytes", all.len());
    let (connection, mut happenings) =
        connect(rejoin::client::SeatCredentials::new(&*room.room_id, token), ConnectOptions::new(api.bases()));
    let welcome = welcome(&mut happenings).await;
    assert_eq!(welcome.head, head);
    let recorded = backend.post(&format!("{path}/events"), &json!({ "type": "last" })).await.json(201);
    let last = super::event(&mut happenings, "last").await;
    assert_eq!(recorded["sequence"], last.sequence);
    assert!(connection.faults().is_clean(), "{:?}", connection.faults());
}
