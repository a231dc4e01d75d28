//! Tests of the whole connection against a fake server.

mod fake;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::*;
use fake::Fake;

type Happenings = UnboundedReceiver<ClientEvent>;

fn options(fake: &Fake) -> ConnectOptions {
    ConnectOptions { rng: fastrand::Rng::with_seed(1), ..ConnectOptions::new(Endpoints::one(&fake.base)) }
}

fn play(options: ConnectOptions) -> (Connection, Happenings) {
    connect(SeatCredentials::new("room", "secret"), options)
}

/// Waits for the client's next event.
async fn next(happenings: &mut Happenings) -> ClientEvent {
    let next = tokio::time::timeout(Duration::from_secs(60), happenings.recv()).await;
    next.expect("something happens").expect("the client has not stopped")
}

/// The sequence numbers of the next `count` room events.
async fn events(happenings: &mut Happenings, count: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    while sequences.len() < count {
        match next(happenings).await {
            ClientEvent::Event(event) => sequences.push(event.sequence),
            ClientEvent::Skip { sequence } => sequences.push(sequence),
            ClientEvent::Stopped(why) => panic!("stopped: {why}"),
            _ => {}
        }
    }
    sequences
}

async fn stopped(happenings: &mut Happenings) -> StopReason {
    loop {
        if let ClientEvent::Stopped(why) = next(happenings).await {
            return why;
        }
    }
}

async fn done<T>(task: JoinHandle<T>) -> T {
    task.await.expect("it does not panic")
}

fn answering(connection: &Connection) -> JoinHandle<Result<AnswerReply, AskError>> {
    let connection = connection.clone();
    tokio::spawn(async move { connection.answer("q7", Some(2)).await })
}

#[tokio::test]
async fn a_lost_connection_is_tried_again_at_once_and_then_less_and_less_often() {
    let fake = Fake::start().await;
    let (_connection, mut happenings) = play(options(&fake));
    let peer = fake.welcome(false, 4).await;
    assert!(matches!(next(&mut happenings).await, ClientEvent::Welcome(welcome) if welcome.head == 4));
    let cut = Instant::now();
    drop(peer);
    drop(fake.accept().await);
    let peer = fake.accept().await;
    assert!(cut.elapsed() >= Duration::from_millis(250), "{:?}", cut.elapsed());
    let cut = Instant::now();
    drop(peer);
    let mut peer = fake.welcome(true, 4).await;
    assert!(cut.elapsed() >= Duration::from_millis(450), "{:?}", cut.elapsed());
    // A welcome resets the backoff. A busy machine may delay some attempts, but not all five.
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let cut = Instant::now();
        drop(peer);
        peer = fake.welcome(true, 4).await;
        quickest = quickest.min(cut.elapsed());
    }
    assert!(quickest < Duration::from_millis(240), "{quickest:?}");
}

#[tokio::test]
async fn an_answer_without_a_reply_is_sent_again_under_the_same_id() {
    let fake = Fake::start().await;
    let (connection, _happenings) = play(options(&fake));
    let mut peer = fake.welcome(false, 4).await;
    let answer = answering(&connection);
    let first = peer.hear_of("answer").await;
    assert_eq!((&first["questionId"], &first["optionId"]), (&json!("q7"), &json!(2)));
    assert!(first["id"].as_str().is_some_and(|id| (1..=64).contains(&id.len())));
    drop(peer);
    let mut peer = fake.welcome(true, 4).await;
    let again = peer.hear_of("answer").await;
    assert_eq!(again, first);
    let reply = json!({"type": "reply", "re": again["id"], "questionId": "q7", "optionId": 2, "accepted": true,
        "receivedAt": "2026-01-01T12:00:00.000Z"});
    peer.say(reply).await;
    assert!(done(answer).await.expect("it is accepted").accepted);
    // A request with a reply is not sent again.
    drop(peer);
    let mut peer = fake.welcome(true, 4).await;
    let asking = tokio::spawn(async move { connection.snapshot().await });
    let frame = peer.hear().await;
    assert_eq!(frame["type"], "snapshot");
    peer.say(json!({"type": "error", "re": frame["id"], "code": "no", "detail": "not now"})).await;
    let refused = done(asking).await.expect_err("it is refused");
    assert_eq!(refused.to_string(), "no: not now");
}

#[tokio::test]
async fn what_is_asked_without_a_connection_waits_for_it() {
    let fake = Fake::start().await;
    let (connection, _happenings) = play(options(&fake));
    let answer = answering(&connection);
    let mut peer = fake.accept().await;
    peer.welcome("e", false, 4).await;
    let frame = peer.hear_of("answer").await;
    peer.say(json!({"type": "reply", "re": frame["id"], "questionId": "q7", "optionId": 2, "accepted": false})).await;
    assert!(!done(answer).await.expect("it is accepted").accepted);
}

#[tokio::test]
async fn a_hosts_move_is_repeated_as_it_was_and_says_so() {
    let fake = Fake::start().await;
    let (connection, mut happenings) = play(options(&fake));
    let mut peer = fake.welcome(false, 4).await;
    next(&mut happenings).await;
    let host = connection.clone();
    let moving = tokio::spawn(async move { host.host_move("kick", json!({"seatId": 4})).await });
    let first = peer.hear_of("kick").await;
    assert_eq!((&first["at"], &first["seatId"]), (&json!(2), &json!(4)));
    drop(peer);
    let mut peer = fake.welcome(true, 4).await;
    let again = peer.hear_of("kick").await;
    assert_eq!(again, first);
    let snapshot = json!({"phaseNumber": 3});
    peer.say(json!({"type": "reply", "re": again["id"], "moved": false, "snapshot": snapshot})).await;
    assert_eq!(done(moving).await.expect("it is accepted"), Moved { moved: false, repeated: true, snapshot });
    assert_eq!(connection.phase_number(), 3);
}

#[tokio::test]
async fn some_closes_are_the_end() {
    let ends = [
        (1000, StopReason::Left),
        (4401, StopReason::BadToken),
        (4403, StopReason::Kicked),
        (4404, StopReason::Gone),
        (4409, StopReason::Superseded),
    ];
    for (code, why) in ends {
        let fake = Fake::start().await;
        let (connection, mut happenings) = play(options(&fake));
        let mut peer = fake.welcome(false, 4).await;
        let answer = answering(&connection);
        peer.hear_of("answer").await;
        peer.close(code).await;
        assert_eq!(stopped(&mut happenings).await, why);
        assert_eq!(done(answer).await, Err(AskError::Stopped(why)));
        assert_eq!(connection.answer("q8", None).await, Err(AskError::Stopped(why)));
        assert!(!fake.is_called(Duration::from_millis(100)).await, "{code}");
    }
}

#[tokio::test]
async fn other_closes_are_reasons_to_come_back() {
    let fake = Fake::start().await;
    let (_connection, mut happenings) = play(options(&fake));
    let (mut since, mut quickest) = (Instant::now(), Duration::MAX);
    for code in [1001, 1011, 1013, 4400, 4408, 4429] {
        since = Instant::now();
        fake.welcome(false, 4).await.close(code).await;
        let happened = [next(&mut happenings).await, next(&mut happenings).await];
        let [ClientEvent::Welcome(_), ClientEvent::Disconnected(lost)] = happened else { panic!("{happened:?}") };
        assert_eq!(lost.code, Some(code));
        quickest = quickest.min(since.elapsed());
    }
    assert!(quickest < Duration::from_millis(240), "{quickest:?}");
    // After 4429 the client does not reconnect at once.
    fake.accept().await;
    assert!(since.elapsed() > Duration::from_millis(240), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_replay_goes_on_where_it_was_cut_and_shows_nothing_twice() {
    let fake = Fake::start().await;
    let (connection, mut happenings) = play(options(&fake));
    let mut peer = fake.welcome(false, 4).await;
    assert_eq!(peer.resume, json!({"type": "resume", "token": "secret"}));
    peer.event(5).await;
    assert_eq!(events(&mut happenings, 1).await, [5]);
    drop(peer);
    let mut peer = fake.accept().await;
    assert_eq!(peer.resume, json!({"type": "resume", "token": "secret", "epoch": "e", "lastSequence": 5}));
    peer.welcome("e", true, 7).await;
    peer.event(6).await;
    peer.say(json!({"type": "skip", "sequence": 7})).await;
    peer.event(8).await;
    assert_eq!(events(&mut happenings, 3).await, [6, 7, 8]);
    assert!(connection.faults().is_clean(), "{:?}", connection.faults());
    assert_eq!((connection.figures().recovered, connection.figures().backs.len()), (1, 1));
    // An event that is sent twice is passed on once, and counted.
    peer.event(8).await;
    peer.event(9).await;
    assert_eq!(events(&mut happenings, 1).await, [9]);
    assert_eq!(connection.faults().repeats, 1);
}

#[tokio::test]
async fn an_answer_that_the_store_could_not_tell_of_is_asked_again_under_its_id() {
    let fake = Fake::start().await;
    let (connection, _happenings) = play(options(&fake));
    let mut peer = fake.welcome(false, 4).await;
    let answering = tokio::spawn(async move { connection.answer("q1", Some(2)).await });
    let first = peer.hear_of("answer").await;
    let id = first["id"].clone();
    peer.say(json!({"type": "error", "re": id, "code": "outcome-unknown", "detail": "who knows"})).await;
    assert_eq!(peer.hear_of("answer").await, first);
    peer.say(json!({"type": "reply", "re": id, "questionId": "q1", "optionId": 2, "accepted": true})).await;
    answering.await.expect("no panic").expect("it is accepted");
}

#[tokio::test]
async fn a_gap_ends_the_connection_and_is_asked_for_again() {
    let fake = Fake::start().await;
    let (connection, mut happenings) = play(options(&fake));
    let mut peer = fake.welcome(false, 4).await;
    peer.event(6).await;
    let mut peer = fake.accept().await;
    assert_eq!(peer.resume["lastSequence"], 4);
    peer.welcome("e", true, 6).await;
    peer.event(5).await;
    peer.event(6).await;
    assert_eq!(events(&mut happenings, 2).await, [5, 6]);
    assert_eq!((connection.faults().gaps, connection.faults().events_missed), (1, 1));
}

#[tokio::test]
async fn where_nothing_is_recovered_the_snapshot_is_taken() {
    let fake = Fake::start().await;
    let (connection, mut happenings) = play(options(&fake));
    fake.welcome(false, 40).await.close(1001).await;
    let mut peer = fake.accept().await;
    peer.welcome("another", false, 2).await;
    peer.event(3).await;
    assert_eq!(events(&mut happenings, 1).await, [3]);
    assert_eq!(connection.known(), Some(("another".to_owned(), 3)));
    assert!(connection.faults().is_clean(), "{:?}", connection.faults());
    assert_eq!(connection.figures().snapshots, 1);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let fake = Fake::start().await;
    let mut options = options(&fake);
    options.timing = Timing { silence: Duration::from_secs(2), heartbeat: Some(Duration::from_millis(500)) };
    let (_connection, mut happenings) = play(options);
    let mut frozen = fake.welcome(false, 4).await;
    frozen.hear_of("heartbeat").await;
    frozen.say(json!({"type": "heartbeat", "head": 4})).await;
    frozen.hear_of("heartbeat").await;
    // The server sends nothing more, not even a close frame.
    let peer = fake.welcome(true, 4).await;
    next(&mut happenings).await;
    assert!(matches!(next(&mut happenings).await, ClientEvent::Disconnected(ConnectionLost { code: None, .. })));
    drop((frozen, peer));
}

#[tokio::test]
async fn acknowledgements_come_by_themselves_once_a_second_at_most() {
    let fake = Fake::start().await;
    let (connection, mut happenings) = play(options(&fake));
    let mut peer = fake.welcome(false, 4).await;
    let since = Instant::now();
    peer.event(5).await;
    assert_eq!(peer.hear().await, json!({"type": "ack", "sequence": 5}));
    for sequence in 6..9 {
        peer.event(sequence).await;
    }
    assert_eq!(events(&mut happenings, 4).await, [5, 6, 7, 8]);
    assert_eq!(peer.hear().await, json!({"type": "ack", "sequence": 8}));
    assert!(since.elapsed() > Duration::from_millis(900), "{:?}", since.elapsed());
    let acking = tokio::spawn(async move { connection.ack(8).await });
    let frame = peer.hear().await;
    peer.say(json!({"type": "reply", "re": frame["id"]})).await;
    assert_eq!(done(acking).await, Ok(()));
}

#[tokio::test]
async fn the_other_instance_is_tried_when_one_is_gone() {
    let (one, other) = (Fake::start().await, Fake::start().await);
    let bases = Endpoints::new([&one.base, &other.base]);
    let (_connection, _happenings) = play(ConnectOptions::new(bases.clone()));
    drop(one.welcome(false, 4).await);
    other.welcome(true, 4).await;
    let third = Fake::start().await;
    bases.set([&third.base]);
    // The client may notice the cut before or after the list changed. It reconnects to the third server in
    // both cases.
    third.welcome(true, 4).await;
}

#[tokio::test]
async fn a_cut_a_sleep_and_a_close_are_done_when_told() {
    let fake = Fake::start().await;
    let (connection, mut happenings) = play(options(&fake));
    let peer = fake.welcome(false, 4).await;
    next(&mut happenings).await;
    connection.cut();
    peer.gone().await;
    assert!(matches!(next(&mut happenings).await, ClientEvent::Disconnected(ConnectionLost { code: None, .. })));
    let mut peer = fake.welcome(true, 4).await;
    next(&mut happenings).await;
    let since = Instant::now();
    connection.freeze(Duration::from_millis(200));
    // A heartbeat is sent right after waking up.
    peer.hear_of("heartbeat").await;
    assert!(since.elapsed() > Duration::from_millis(190), "{:?}", since.elapsed());
    connection.close();
    peer.gone().await;
    assert_eq!(stopped(&mut happenings).await, StopReason::Closed);
}

#[tokio::test]
async fn whoever_leaves_has_left_even_if_only_the_good_bye_tells() {
    for code in [1000, 4401] {
        let fake = Fake::start().await;
        let (connection, _happenings) = play(options(&fake));
        let mut peer = fake.welcome(false, 4).await;
        let leaving = tokio::spawn(async move { connection.leave().await });
        peer.hear_of("leave").await;
        peer.close(code).await;
        assert_eq!(done(leaving).await, Ok(()));
    }
}

#[tokio::test]
async fn a_join_is_repeated_under_the_same_key_until_there_is_a_reply() {
    let fake = Fake::start().await;
    let api = Api::new(Endpoints::one(&fake.base));
    let joining = tokio::spawn(async move { api.join("ABC234", "Ada").await });
    let lost = fake.http(None).await;
    let busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 26\r\n\r\n{\"code\":\"outcome-unknown\"}";
    let again = fake.http(Some(busy)).await;
    let seat = json!({"roomId": "r", "seatId": 3, "token": "t", "snapshot": {"head": 4}}).to_string();
    let taken = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{seat}", seat.len());
    fake.http(Some(&taken)).await;
    assert_eq!(lost, again);
    assert!(lost.to_ascii_lowercase().contains("\r\nidempotency-key: "), "{lost}");
    let seat = done(joining).await.expect("it is accepted");
    assert_eq!((seat.seat_id, seat.ticket), (3, SeatCredentials::new("r", "t")));
}

#[tokio::test]
async fn a_room_is_not_opened_twice_by_a_lost_reply() {
    let fake = Fake::start().await;
    let api = Api::new(Endpoints::one(&fake.base));
    let opening = tokio::spawn(async move { api.open(&json!({"count": 2}), Some("key")).await });
    assert!(fake.http(None).await.contains("Bearer key"));
    assert!(matches!(done(opening).await, Err(CallError::NoReply(_))));
    let api = Api::new(Endpoints::one(&fake.base)).patient(Duration::ZERO);
    let joining = tokio::spawn(async move { api.take_over("ABC234", "code").await });
    let problem = "HTTP/1.1 404 Not Found\r\nContent-Length: 33\r\n\r\n{\"code\":\"no-room\",\"detail\":\"none\"}";
    fake.http(Some(problem)).await;
    let refused = done(joining).await.expect_err("it is refused");
    assert!(matches!(refused, CallError::Refused { status: 404, .. }), "{refused}");
}
