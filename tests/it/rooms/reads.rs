//! How often a room's requests call the store. Over Valkey each call is a round trip.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rejoin::domain::Timestamp;
use rejoin::server::Stores;
use rejoin::store::clock::system_wall_clock;
use rejoin::store::{GameClock, Store, StoreResult, StoreRouter};
use serde_json::{Value, json};

use super::{api, join, open};
use crate::support::Server;
use crate::support::store::{Call, Hook, HookedStore};
use crate::support::websocket::{Socket, TEXT};

/// Notes the calls on sessions.
#[derive(Default)]
struct Calls(Mutex<Vec<Call>>);

impl Hook for Calls {
    fn before(&self, call: Call) -> StoreResult<()> {
        if call != Call::Sweep {
            self.0.lock().push(call);
        }
        Ok(())
    }
}

type Counted = Arc<HookedStore<Calls>>;

/// The calls since this was asked last.
fn calls(store: &Counted) -> Vec<Call> {
    std::mem::take(&mut *store.hook.0.lock())
}

fn counted() -> Counted {
    Arc::new(HookedStore::new(Calls::default(), GameClock::start(Timestamp::default(), system_wall_clock())))
}

fn over(store: &Counted, folder: &std::path::Path) -> Server {
    let store: Store = store.clone();
    Server::here_over(folder, &[], system_wall_clock(), async move |_, _| {
        let (router, place) = (StoreRouter::only(store), "memory".to_owned());
        Ok(Stores { router, place, fallback: None, opening: None, is_new: false, file: Err("it is in memory") })
    })
}

#[tokio::test]
async fn requests_read_a_room_once() {
    let (folder, store) = (tempfile::tempdir().unwrap(), counted());
    let server = over(&store, folder.path());
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let player = server.client().with_key(ada.ticket.token.as_str());
    calls(&store);

    player.get(&url("")).await.json(200);
    assert_eq!(calls(&store), [Call::Events]);
    host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    assert_eq!(calls(&store), [Call::Apply, Call::Events]);
    let beat = player.post(&url("/heartbeat"), &json!({})).await.json(200);
    assert_eq!(calls(&store), [Call::Apply]);
    let page = player.get(&url("/events?after=0")).await.json(200);
    assert_eq!((calls(&store), &page["head"]), (vec![Call::Events], &beat["head"]));
    let resume = json!({ "epoch": page["epoch"], "lastSequence": 1 });
    let resumed = player.post(&url("/resume"), &resume).await.json(200);
    assert_eq!(calls(&store), [Call::Apply, Call::Events]);
    assert_eq!(resumed["events"].as_array().unwrap()[..], page["events"].as_array().unwrap()[1..]);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_and_a_waiting_page_read_a_room_as_seldom_as_can_be() {
    let (folder, store) = (tempfile::tempdir().unwrap(), counted());
    let server = over(&store, folder.path());
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let client = server.client();
    calls(&store);

    // The room's own task reads it once, beside the connection's command and read.
    let mut socket = Socket::open(&client, &format!("/api/rooms/{}/ws", room.room_id)).await;
    let resume = json!({ "type": "resume", "token": ada.ticket.token.as_str() });
    socket.say(TEXT, resume.to_string().as_bytes()).await;
    assert!(socket.text().await.contains("welcome"));
    let made = calls(&store);
    assert_eq!(made[0], Call::Apply);
    assert!(made.len() <= 3 && made[1..].iter().all(|call| *call == Call::Events), "{made:?}");

    // Nothing happens in the room: it is read once a second at most, and once because somebody came.
    calls(&store);
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_millis(2_600)).await;
    let idle = calls(&store);
    assert!(idle.len() as f64 <= 1.0 + begun.elapsed().as_secs_f64(), "{idle:?} in {:?}", begun.elapsed());

    let player = client.with_key(bob.ticket.token.as_str());
    let head = player.get(&format!("/api/rooms/{}", room.room_id)).await.json(200)["head"].clone();
    calls(&store);
    let page = player.get(&format!("/api/rooms/{}/events?after={head}&waitMs=200", room.room_id)).await.json(200);
    assert_eq!(page["events"], Value::Array(Vec::new()));
    let waited = calls(&store);
    assert!(waited.len() <= 3, "two, and perhaps the room's own: {waited:?}");
    server.stop().await;
}
