//! A whole school behind one address, with the default limits of a server.

use serde_json::json;

use super::{connected, server};
use crate::support::websocket::TEXT;

/// The number of rooms, and of players in each.
const ROOMS: usize = 10;
const PLAYERS: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_players_and_five_hundred_connections_of_one_address_are_not_refused() {
    let (_folder, server, client) = server(&[]);
    let (mut sockets, mut rooms) = (Vec::new(), Vec::new());
    for _ in 0..ROOMS {
        let room = super::open(&client).await.json(201);
        let id = room["roomId"].as_str().unwrap().to_owned();
        sockets.push(connected(&client, &id, &room["token"]).await);
        for n in 1..=PLAYERS {
            let body = json!({ "joinCode": room["joinCode"], "name": format!("Pupil {n}") });
            let seat = client.post("/api/rooms/join", &body).await.json(201);
            sockets.push(connected(&client, &id, &seat["token"]).await);
        }
        rooms.push(room);
    }
    // Some pupils also play alone, and some connections are idle.
    for _ in 0..100 {
        client.create(json!({ "count": 3 })).await;
    }
    let mut idle = Vec::new();
    while sockets.len() + idle.len() < 500 {
        idle.push(client.connect().await);
    }
    // A whole class sends 20 frames each at the same time. That is not a flood.
    for socket in &mut sockets {
        let frames: String =
            (0..20).map(|n| format!(r#"{{"type":"heartbeat","id":"{n}"}}"#)).collect::<Vec<_>>().join("\n");
        for frame in frames.lines() {
            socket.say(TEXT, frame.as_bytes()).await;
        }
    }
    for socket in &mut sockets {
        // Pings may arrive between the replies.
        while !String::from_utf8_lossy(&socket.hear().await.expect("it stands").1).contains(r#""re":"19""#) {}
    }
    let health = client.get("/health").await.json(200);
    assert_eq!(health["limitsHit"], json!({}), "{health}");
    drop((sockets, idle));
    server.stop().await;
}
