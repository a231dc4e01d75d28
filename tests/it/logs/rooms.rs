//! A room has a line when it is opened and one when its game ends, within a bound. A solo game has none.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{lines, only};
use crate::support::{Client, KEY, Server, questions, right, wrong};

const OPENED: &str = "a room was opened";
const ENDED: &str = "a room has ended";

fn server(args: &[&str]) -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[&["--log-format", "json"], args].concat());
    let client = server.client();
    (folder, server, client)
}

/// Opens a room with two own questions. Returns the reply, and a client with the host's token.
async fn open(client: &Client) -> (Value, Client) {
    let room = client.post("/api/rooms", &json!({ "questions": questions(2), "readyMs": 0, "maxSeats": 7 })).await;
    let room = room.json(201);
    let host = client.with_key(room["token"].as_str().unwrap());
    (room, host)
}

async fn host_move(host: &Client, room: &Value, verb: &str, at: u64) {
    let url = format!("/api/rooms/{}/{verb}", room["roomId"].as_str().unwrap());
    host.post(&url, &json!({ "at": at })).await.json(200);
}

async fn join(client: &Client, room: &Value, name: &str) -> Client {
    let seat = client.post("/api/rooms/join", &json!({ "joinCode": room["joinCode"], "name": name })).await;
    client.with_key(seat.json(201)["token"].as_str().unwrap())
}

#[tokio::test]
async fn a_room_that_is_played_has_a_line_at_its_opening_and_one_at_its_end() {
    let (_folder, server, client) = server(&[]);
    let (room, host) = open(&client).await;
    let players = [join(&client, &room, "Ada").await, join(&client, &room, "Bob").await];
    let answer = format!("/api/rooms/{}/answer", room["roomId"].as_str().unwrap());
    for (n, verb) in [(0, "start"), (1, "next")] {
        host_move(&host, &room, verb, 2 * n).await;
        for (player, option) in players.iter().zip([right(n), wrong(n)]) {
            player.post(&answer, &json!({ "questionId": format!("q{n}"), "optionId": option })).await.json(200);
        }
    }
    // After the last reveal, the next move of the host ends the game.
    host_move(&host, &room, "next", 4).await;
    let log = server.stop_and_log().await;
    let (opened, ended) = (only(&log, OPENED), only(&log, ENDED));
    assert_eq!((&opened["level"], &ended["level"]), (&json!("INFO"), &json!("INFO")));
    assert_eq!((&opened["quiz"], &opened["questions"], &opened["max_seats"]), (&json!("own"), &json!(2), &json!(7)));
    assert_eq!(opened["host"], "without an API key");
    assert_eq!((&ended["why"], &ended["seats"]), (&json!("finished"), &json!(3)), "{ended}");
    assert_eq!((&ended["asked"], &ended["answers"]), (&json!(2), &json!(4)), "{ended}");
    assert!(ended["seconds"].as_u64() < Some(60), "{ended}");
    assert_eq!(opened["room"], ended["room"], "both name the room by the same hash");
    for secret in ["roomId", "token", "joinCode"] {
        assert!(!log.contains(room[secret].as_str().unwrap()), "{secret}: {log}");
    }
    assert!(!log.contains("Ada"), "{log}");
    let stopped = only(&log, "rejoin has stopped");
    assert_eq!((&stopped["rooms_opened"], &stopped["rooms_ended"]), (&json!(1), &json!(1)), "{stopped}");
    assert_eq!((&stopped["answers"], &stopped["games_begun"]), (&json!(4), &json!(0)), "{stopped}");
    assert!(stopped["commits"].as_u64() > Some(5) && stopped["requests"] == 10, "{stopped}");
}

#[tokio::test]
async fn the_line_of_an_end_says_why() {
    let (_folder, server, client) = server(&["--api-keys", KEY]);
    let backend = client.with_key(KEY);
    let (early, host) = open(&backend).await;
    host_move(&host, &early, "finish", 0).await;
    let (deleted, host) = open(&backend).await;
    let url = |room: &Value| format!("/api/rooms/{}", room["roomId"].as_str().unwrap());
    assert_eq!(host.delete(&url(&deleted)).await.status, 204);
    let external = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
    host_move(&backend, &external, "finish", 0).await;
    // The deletion of a room whose game is over is no second end.
    assert_eq!(host.with_key(KEY).delete(&url(&early)).await.status, 204);
    let log = server.stop_and_log().await;
    let why: Vec<_> = lines(&log, ENDED).iter().map(|line| line["why"].as_str().unwrap().to_owned()).collect();
    assert_eq!(why, ["ended by the host", "deleted", "ended by the host"]);
    let opened = lines(&log, OPENED);
    assert!(opened.iter().all(|line| line["host"] == "with an API key"), "{opened:?}");
    assert!(opened[2].get("quiz").is_none() && opened[2]["max_seats"].is_u64(), "{opened:?}");
    assert_eq!(only(&log, "rejoin has stopped")["rooms_ended"], 3);
}

#[tokio::test]
async fn nobody_can_flood_the_log_with_rooms() {
    let (_folder, server, client) = server(&["--rooms-per-address", "1000"]);
    for _ in 0..50 {
        let (room, host) = open(&client).await;
        host_move(&host, &room, "finish", 0).await;
    }
    let log = server.stop_and_log().await;
    assert_eq!((lines(&log, OPENED).len(), lines(&log, ENDED).len()), (20, 20));
    assert_eq!(only(&log, "more rooms were opened than are named here")["rooms"], 30);
    assert_eq!(only(&log, "more rooms have ended than are named here")["rooms"], 30);
}

#[tokio::test]
async fn a_solo_game_has_no_line() {
    let (_folder, server, client) = server(&[]);
    let id = client.play(2).await;
    client.answer(&id, 0, right(0)).await.json(200);
    client.answer(&id, 1, right(1)).await.json(200);
    assert_eq!(client.get("/api/game/session/none").await.status, 404);
    let log = server.stop_and_log().await;
    let messages = ["rejoin has started", "rejoin has stopped"];
    assert_eq!(log.lines().count(), messages.len(), "{log}");
    let [_, stopped] = messages.map(|message| only(&log, message));
    assert_eq!((&stopped["games_begun"], &stopped["answers"]), (&json!(1), &json!(2)), "{stopped}");
    assert_eq!((&stopped["requests"], &stopped["refused"]), (&json!(4), &json!(1)), "{stopped}");
    assert_eq!((&stopped["failed"], &stopped["expired"]), (&json!(0), &json!(0)), "{stopped}");
}
