//! Two instances over one Valkey, and one room that is used at both.

use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;

use super::raw::Raw;
use super::{api, connected, event, fixed_address, join, process_at};
use crate::support::valkey::ValkeyServer;
use crate::support::{KEY, Server, took, until};

struct Pair {
    _folders: [TempDir; 2],
    one: Server,
    other: Server,
    valkey: ValkeyServer,
}

/// Starts two instances. The second connects with its own URL.
async fn pair(other_url: impl FnOnce(&ValkeyServer) -> String) -> Pair {
    let valkey = ValkeyServer::start(&[]);
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let urls = [valkey.url(), other_url(&valkey)];
    let instance = |n: usize| {
        let args = ["--store", "valkey", "--valkey-url", &urls[n], "--api-keys", KEY, "--hosting", "open"];
        process_at(&fixed_address(), folders[n].path(), &args)
    };
    let (one, other) = (instance(0), instance(1));
    one.until_ready().await;
    other.until_ready().await;
    Pair { _folders: folders, one, other, valkey }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_without_notices_reads_and_catches_up() {
    let deaf = |valkey: &ValkeyServer| {
        let rights = ["~*", "&*", "+@all", "-subscribe", "-ssubscribe", "-psubscribe"];
        let user = [&["ACL", "SETUSER", "deaf", "on", ">secret"], &rights[..]].concat();
        assert!(valkey.command(&user).is("OK"));
        format!("valkey://deaf:secret@127.0.0.1:{}", valkey.port)
    };
    let Pair { _folders, one, other, valkey } = pair(deaf).await;
    let api_one = api(&one);
    let room = api_one.open(&json!({ "hostPlays": true }), None).await.unwrap();
    let ada = join(&api_one, &room, "Ada").await;
    let (connection, mut happenings) = connected(&api(&other), &ada.ticket).await;
    for n in 0..3 {
        let begun = Instant::now();
        join(&api_one, &room, &format!("Guest {n}")).await;
        event(&mut happenings, "joined").await;
        took("an event without a hint", begun);
    }
    // The seat connects to the instance that receives notices. The other instance must let go of the seat.
    let (back, _happenings) = connected(&api_one, &ada.ticket).await;
    let begun = Instant::now();
    until(|| connection.stopped().is_some()).await;
    took("a seat let go of without a hint", begun);
    assert!(connection.faults().is_clean() && back.faults().is_clean());
    drop(valkey);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_seat_is_disconnected_at_the_other_instance() {
    let Pair { _folders, one, other, valkey } = pair(ValkeyServer::url).await;
    let api_one = api(&one);
    let room = api_one.open(&json!({}), None).await.unwrap();
    let host = one.client().with_key(room.token.as_ref().unwrap().as_str());
    let ada = join(&api_one, &room, "Ada").await;
    let (mut raw, _) = Raw::resumed(&other.base, &room.room_id, ada.ticket.token.as_str()).await;
    let begun = Instant::now();
    let kick = json!({ "at": 0, "seatId": ada.seat_id });
    host.post(&format!("/api/rooms/{}/kick", room.room_id), &kick).await.json(200);
    assert_eq!(raw.closed().await, Some(4403));
    took("kicked over instances", begun);
    let bob = join(&api_one, &room, "Bob").await;
    let (mut raw, _) = Raw::resumed(&other.base, &room.room_id, bob.ticket.token.as_str()).await;
    let begun = Instant::now();
    let backend = one.client().with_key(KEY);
    let path = format!("/api/rooms/{}/seats/{}", room.room_id, bob.seat_id);
    assert_eq!(backend.delete(&path).await.status, 204);
    assert_eq!(raw.closed().await, Some(4403));
    took("revoked over instances", begun);
    // A newer tab at one instance closes the older tab at the other.
    let cleo = join(&api_one, &room, "Cleo").await;
    let (mut older, _) = Raw::resumed(&other.base, &room.room_id, cleo.ticket.token.as_str()).await;
    let (mut newer, _) = Raw::resumed(&one.base, &room.room_id, cleo.ticket.token.as_str()).await;
    assert_eq!(older.closed().await, Some(4409));
    newer.say(&json!({ "type": "heartbeat" })).await;
    newer.frame("heartbeat").await;
    drop(valkey);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_receives_messages_from_the_other_instance() {
    let Pair { _folders, one, other, valkey } = pair(ValkeyServer::url).await;
    let room = api(&one).open(&json!({ "mode": "external" }), Some(KEY)).await.unwrap().room_id;
    let backend = one.client().with_key(KEY);
    let url = |rest: &str| format!("/api/rooms/{room}{rest}");
    let seated = backend.post(&url("/seats"), &json!({ "name": "Ada" })).await.json(201);
    let player = other.client().with_key(seated["token"].as_str().unwrap());
    let (mut raw, welcome) = Raw::resumed(&one.base, &room, KEY).await;
    let epoch = welcome["epoch"].clone();
    let mut last = welcome["head"].as_u64().unwrap();
    for (n, base) in [&other.base, &one.base, &other.base].into_iter().enumerate() {
        player.post(&url("/say"), &json!({ "payload": [n, "live"] })).await.json(201);
        let said = raw.frame("event").await;
        last += 1;
        assert_eq!((&said["sequence"], &said["payload"]["payload"]), (&json!(last), &json!([n, "live"])));
        raw.cut();
        player.post(&url("/say"), &json!({ "payload": [n, "missed"] })).await.json(201);
        raw = Raw::open(base, &room).await;
        raw.say(&json!({ "type": "resume", "token": KEY, "epoch": epoch, "lastSequence": last })).await;
        assert_eq!(raw.frame("welcome").await["recovered"], true);
        let said = raw.frame("event").await;
        last += 1;
        assert_eq!((&said["sequence"], &said["payload"]["payload"]), (&json!(last), &json!([n, "missed"])));
    }
    drop(valkey);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_room_is_gone_at_the_other_instance() {
    let Pair { _folders, one, other, valkey } = pair(ValkeyServer::url).await;
    let api_one = api(&one);
    let room = api_one.open(&json!({}), Some(KEY)).await.unwrap();
    let ada = join(&api_one, &room, "Ada").await;
    let (mut raw, _) = Raw::resumed(&other.base, &room.room_id, ada.ticket.token.as_str()).await;
    let backend = one.client().with_key(KEY);
    assert_eq!(backend.get("/api/rooms").await.json(200)["rooms"][0]["roomId"], room.room_id);
    let begun = Instant::now();
    assert_eq!(backend.delete(&format!("/api/rooms/{}", room.room_id)).await.status, 204);
    assert_eq!(raw.closed().await, Some(4404));
    took("a connection of a deleted room", begun);
    assert_eq!(other.client().with_key(KEY).get("/api/rooms").await.json(200)["rooms"], json!([]));
    drop(valkey);
}
