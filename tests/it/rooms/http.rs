//! A room without a WebSocket: everything over single HTTP requests.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::raw::Raw;
use super::{api, fixed_address, join, open, process_at, server};
use crate::support::{Client, KEY, Server, questions};

/// The longest time that a long poll can wait, in milliseconds.
const LONGEST: u64 = 25_000;

/// Fails unless a wait of [`LONGEST`] was ended early by something else.
#[track_caller]
fn assert_woken(begun: Instant) {
    assert!(begun.elapsed() < Duration::from_millis(LONGEST * 3 / 4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_returns_on_an_event_or_at_its_deadline() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let client = server.client().with_key(ada.ticket.token.as_str());
    let url = format!("/api/rooms/{}/events?after=1&epoch={}&waitMs=", room.room_id, room.epoch);
    let begun = Instant::now();
    let page = client.get(&format!("{url}400")).await.json(200);
    assert_eq!((&page["events"], &page["head"], &page["recovered"]), (&json!([]), &json!(1), &json!(true)), "{page}");
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    let waiting = tokio::spawn({
        let (client, url) = (client.clone(), format!("{url}{LONGEST}"));
        async move { client.get(&url).await.json(200) }
    });
    // Time for the request to start waiting.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    let begun = Instant::now();
    join(&api, &room, "Bob").await;
    let page = waiting.await.unwrap();
    assert_woken(begun);
    assert_eq!((&page["events"][0]["event"], &page["events"][0]["sequence"]), (&json!("joined"), &json!(2)));
    // A long poll returns at once if the event is there already.
    let begun = Instant::now();
    client.get(&format!("{url}{LONGEST}")).await.json(200);
    assert_woken(begun);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_stop_ends_a_long_poll_with_a_reply() {
    let folder = tempfile::tempdir().unwrap();
    let server = process_at(&fixed_address(), folder.path(), &[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let client = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let url = format!("/api/rooms/{}/events?after=0&waitMs={LONGEST}", room.room_id);
    let waiting = tokio::spawn(async move { client.get(&url).await.json(200) });
    // Time for the request to start waiting.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    server.stop().await;
    assert_woken(begun);
    assert_eq!(waiting.await.unwrap()["events"], json!([]));
}

#[tokio::test]
async fn pages_follow_each_other_and_an_unknown_position_gets_a_snapshot() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    for n in 0..7 {
        join(&api, &room, &format!("Guest {n}")).await;
    }
    let client = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let (mut after, mut sizes) = (0, Vec::new());
    loop {
        let page = client.get(&url(&format!("/events?after={after}&limit=3"))).await.json(200);
        let events = page["events"].as_array().unwrap();
        for event in events {
            after += 1;
            assert_eq!(event["sequence"], after);
        }
        sizes.push(events.len());
        assert_eq!(page["more"], after < 7, "{page}");
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(sizes, [3, 3, 1]);
    for query in ["after=0&epoch=0123456789ab", "after=8", "after=18446744073709551615"] {
        let page = client.get(&url(&format!("/events?{query}"))).await.json(200);
        assert_eq!((&page["recovered"], &page["events"], &page["more"]), (&json!(false), &json!([]), &json!(false)));
        assert_eq!((&page["snapshot"]["head"], &page["head"]), (&json!(7), &json!(7)), "{query}: {page}");
    }
    let resumed = client.post(&url("/resume"), &json!({ "epoch": room.epoch, "lastSequence": 5 })).await.json(200);
    assert_eq!((&resumed["recovered"], &resumed["events"][0]["sequence"]), (&json!(true), &json!(6)));
    assert_eq!((&resumed["seatId"], resumed["events"].as_array().unwrap().len()), (&json!(1), 2));
    for body in
        [json!({}), json!({ "epoch": "x", "lastSequence": 5 }), json!({ "epoch": room.epoch, "lastSequence": 8 })]
    {
        let resumed = client.post(&url("/resume"), &body).await.json(200);
        assert_eq!((&resumed["recovered"], &resumed["events"]), (&json!(false), &json!([])), "{resumed}");
    }
    assert_eq!(client.post(&url("/ack"), &json!({ "sequence": 4 })).await.json(200), json!({ "acknowledged": 4 }));
    assert_eq!(client.post(&url("/ack"), &json!({ "sequence": 2 })).await.json(200), json!({ "acknowledged": 4 }));
    let ahead = client.post(&url("/ack"), &json!({ "sequence": 8 })).await.problem(409, "ahead-of-head");
    assert_eq!(ahead["head"], 7);
    assert_eq!(client.post(&url("/heartbeat"), &json!({})).await.json(200)["head"], 7);
}

#[tokio::test]
async fn a_seat_sees_its_own_results_and_the_host_and_backend_see_all() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let backend = server.client().with_key(KEY);
    let body = json!({ "questions": questions(1), "readyMs": 0, "timeLimitMs": 60_000 });
    let room = backend.post("/api/rooms", &body).await.json(201);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room["roomId"].as_str().unwrap());
    let host = server.client().with_key(room["token"].as_str().unwrap());
    let mut players = Vec::new();
    for name in ["=Ada", "Bob"] {
        let body = json!({ "joinCode": room["joinCode"], "name": name });
        let seat = server.client().post("/api/rooms/join", &body).await.json(201);
        players.push(server.client().with_key(seat["token"].as_str().unwrap()));
    }
    host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    for (player, option) in players.iter().zip([1, 2]) {
        let answered = player.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": option })).await.json(200);
        assert_eq!((&answered["accepted"], &answered["optionId"]), (&json!(true), &json!(option)));
    }
    let moved = host.post(&url("/next"), &json!({ "at": 2 })).await.json(200);
    assert_eq!((&moved["moved"], &moved["snapshot"]["phase"]), (&json!(true), &json!("finished")), "{moved}");
    for client in [&host, &backend] {
        let all = client.get(&url("/results")).await.json(200);
        let seats = all["seats"].as_array().unwrap();
        assert_eq!((seats.len(), &seats[0]["name"], &seats[0]["rank"]), (2, &json!("=Ada"), &json!(1)), "{all}");
        assert_eq!((&all["completed"], &all["questions"][0]["correctOptionId"]), (&json!(true), &json!(1)));
    }
    let own = players[1].get(&url("/results")).await.json(200);
    assert_eq!((own["seats"].as_array().unwrap().len(), &own["seats"][0]["name"]), (1, &json!("Bob")));
    let table = host.get(&url("/results?format=csv")).await;
    assert_eq!((table.status, table.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let lines: Vec<_> = table.text().replace('"', "").lines().map(str::to_owned).collect();
    let columns = "rank,seatId,name,userId,total,correct,left,kicked";
    let question = "What is 0?,What is 0? (right or wrong),What is 0? (points)";
    assert_eq!(lines[0], format!("\u{feff}{columns},{question}"));
    assert!(lines.len() == 3 && lines[1].starts_with("1,2,'=Ada,,"), "a name is no formula: {lines:?}");
    assert!(lines[1].contains(",option 1 of 0,right,1"), "{lines:?}");
    assert!(lines[2].ends_with(",0,0,false,false,option 2 of 0,wrong,0"), "{lines:?}");
    let table = host.get(&url("/results?format=csv&separator=semicolon")).await.text();
    assert!(table.starts_with("\u{feff}\"rank\";\"seatId\";"), "{table}");
    let table = table.replace('"', "");
    assert!(table.lines().nth(2).unwrap().ends_with(";0;0;false;false;option 2 of 0;wrong;0"), "{table}");
    assert_eq!(players[1].get(&url("/results?format=csv")).await.text().lines().count(), 2);
}

#[tokio::test]
async fn a_page_reloaded_during_a_reveal_gets_the_whole_state() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let more = json!({ "advance": "auto", "revealMs": 60_000, "maxSeats": 7, "hostAway": "oldestSeat" });
    let room = open(&api, 2, more).await;
    let ada = join(&api, &room, "Ada").await;
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let client = server.client().with_key(ada.ticket.token.as_str());
    let started = host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    // The dates come from two clocks and may differ by a millisecond.
    let timeless = |question: &Value| {
        let mut question = question.clone();
        assert!(question["opensAt"].take().is_string() && question["closesAt"].take().is_string(), "{question}");
        question
    };
    let asked = timeless(&started["snapshot"]["question"]);
    assert_eq!((&asked["questionId"], &started["snapshot"]["advancesAt"]), (&json!("q0"), &Value::Null));
    client.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": 2 })).await.json(200);
    let seen = client.get(&url("")).await.json(200);
    assert_eq!((&seen["phase"], timeless(&seen["question"])), (&json!("reveal"), asked.clone()), "{seen}");
    assert_eq!((&seen["you"]["answered"], &seen["you"]["optionId"]), (&json!(true), &json!(2)));
    assert_eq!((&seen["seats"][0]["answered"], &seen["seats"][1]["answered"]), (&json!(false), &json!(true)));
    assert!(seen["advancesAt"].as_str() > seen["serverTime"].as_str(), "{seen}");
    let settings = json!({
        "advance": "auto", "lateJoin": true, "maxSeats": 7, "hostPlays": false, "hostAway": "oldestSeat",
        "timeLimitMs": 60_000, "readyMs": 0, "revealMs": 60_000, "awayMs": 15_000,
    });
    assert_eq!(seen["settings"], settings);
    let resumed = client.post(&url("/resume"), &json!({})).await.json(200);
    assert_eq!(timeless(&resumed["snapshot"]["question"]), asked);
}

#[tokio::test]
async fn the_opener_of_a_room_keeps_its_results_and_is_host_again_on_return() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 2, json!({ "hostAway": "oldestSeat", "awayMs": 1_000 })).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let [ada_client, bob_client] = [&ada, &bob].map(|seat| server.client().with_key(seat.ticket.token.as_str()));
    let take_over = async || ada_client.post(&url("/takeover"), &json!({ "at": 0 })).await.json(200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(take_over().await["moved"], false, "a host who never connected is not away");
    host.post(&url("/resume"), &json!({})).await.json(200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let moved = take_over().await;
    assert_eq!((&moved["moved"], &moved["snapshot"]["hostSeatId"]), (&json!(true), &json!(2)), "{moved}");
    let seats = async |client: &Client| client.get(&url("/results")).await.json(200)["seats"].as_array().unwrap().len();
    assert_eq!((seats(&host).await, seats(&ada_client).await, seats(&bob_client).await), (2, 2, 1));
    ada_client.post(&url("/kick"), &json!({ "at": 0, "seatId": 1 })).await.problem(409, "host-may-not-leave");
    assert_eq!(host.get(&url("")).await.json(200)["hostSeatId"], 2, "to look is not to come back");
    let resumed = host.post(&url("/resume"), &json!({})).await.json(200);
    assert_eq!(resumed["snapshot"]["hostSeatId"], 1);
    ada_client.post(&url("/start"), &json!({ "at": 0 })).await.problem(403, "host-only");
    assert_eq!(host.post(&url("/start"), &json!({ "at": 0 })).await.json(200)["moved"], true);
}

#[tokio::test]
async fn a_seat_is_handed_to_another_device_once() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let client = server.client().with_key(ada.ticket.token.as_str());
    let code = client.post(&url("/seats/2/code"), &json!({})).await.json(201);
    let seat_code = code["seatCode"].as_str().unwrap();
    let (typed, typed_seat) = (room.join_code.to_lowercase(), format!("{}-{}", &seat_code[..4], &seat_code[4..]));
    let take = json!({ "joinCode": format!("{} {}", &typed[..3], &typed[3..]), "seatCode": typed_seat });
    let taken = server.client().post("/api/rooms/join", &take).await.json(200);
    assert_eq!((&taken["seatId"], &taken["snapshot"]["you"]["name"]), (&json!(2), &json!("Ada")));
    server.client().post("/api/rooms/join", &take).await.problem(404, "join-code-unknown");
    client.get(&url("")).await.problem(401, "bad-token");
    let client = server.client().with_key(taken["token"].as_str().unwrap());
    assert_eq!(client.post(&url("/leave"), &Value::Null).await.status, 204);
    client.get(&url("")).await.problem(401, "bad-token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_returns_no_event_after_its_seat_was_taken() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let bob = join(&api, &room, "Bob").await;
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let wait = |token: &str| {
        let (client, url) = (server.client().with_key(token), url(&format!("/events?after=2&waitMs={LONGEST}")));
        tokio::spawn(async move { client.get(&url).await })
    };
    let (old, kicked) = (wait(ada.ticket.token.as_str()), wait(bob.ticket.token.as_str()));
    // Time for both requests to start waiting.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let code = host.post(&url(&format!("/seats/{}/code", ada.seat_id)), &Value::Null).await.json(201);
    api.take_over(&room.join_code, code["seatCode"].as_str().unwrap()).await.unwrap();
    let begun = Instant::now();
    old.await.unwrap().problem(401, "bad-token");
    assert_woken(begun);
    host.post(&url("/kick"), &json!({ "at": 0, "seatId": bob.seat_id })).await.json(200);
    kicked.await.unwrap().problem(403, "kicked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_player_who_keeps_long_polling_stays_present() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let client = server.client().with_key(ada.ticket.token.as_str());
    client.post(&url("/resume"), &json!({})).await.json(200);
    for _ in 0..6 {
        client.get(&url("/events?after=1&waitMs=150")).await.json(200);
        tokio::time::sleep(Duration::from_millis(150)).await;
        let seats = host.get(&url("")).await.json(200)["seats"].clone();
        assert_eq!(seats[1]["present"], true, "{seats}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_keeps_its_time_whenever_it_is_read() {
    let (folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let path = format!("/api/rooms/{}/events?after=0", room.room_id);
    let mut raw = Raw::open(&server.base, &room.room_id).await;
    let (token, epoch) = (ada.ticket.token.as_str(), &room.epoch);
    raw.say(&json!({ "type": "resume", "token": token, "epoch": epoch, "lastSequence": 0 })).await;
    let told = raw.frame("event").await;
    assert_eq!(told["event"], "joined");
    raw.cut();
    let client = server.client().with_key(token);
    for _ in 0..20 {
        assert_eq!(client.get(&path).await.json(200)["events"][0], told);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    server.stop().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let server = Server::here(folder.path(), &[]);
    assert_eq!(server.client().with_key(token).get(&path).await.json(200)["events"][0], told);
}

#[tokio::test]
async fn a_long_poll_gets_no_event_once_the_seat_was_handed_over() {
    let (_folder, server) = server(&[]);
    let client = server.client();
    let room = client.post("/api/rooms", &json!({ "count": 1 })).await.json(201);
    let (id, code) = (room["roomId"].as_str().unwrap(), room["joinCode"].as_str().unwrap());
    let join = async |body: Value| client.post("/api/rooms/join", &body).await;
    let ada = join(json!({ "joinCode": code, "name": "Ada" })).await.json(201);
    let (path, ada) = (format!("/api/rooms/{id}"), client.with_key(ada["token"].as_str().unwrap()));
    let waiting = format!("{path}/events?after=1&waitMs=25000");
    let begun = Instant::now();
    let change = async {
        // Time for the other request to start waiting.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let handed = ada.post(&format!("{path}/seats/2/code"), &Value::Null).await.json(201);
        join(json!({ "joinCode": code, "seatCode": handed["seatCode"].as_str().unwrap() })).await.json(200);
    };
    let (reply, ()) = tokio::join!(ada.get(&waiting), change);
    reply.problem(401, "bad-token");
    assert!(begun.elapsed() < Duration::from_secs(20), "only the end of the wait woke it up");
    server.stop().await;
}
