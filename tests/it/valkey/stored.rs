//! The data in Valkey, as any other tool sees it.

use std::time::{Duration, Instant};

use rejoin::domain::{Command, EventDraft, Lifetimes, Millis, NotOpen, Refusal, Reply, SeatId, Sequence};
use rejoin::store::valkey::{Topology, ValkeyStore};
use rejoin::store::{GameSessionStore, NewSession, Notice, StoreError};
use serde_json::Value;

use super::{REACHING, open, open_with, reached};
use crate::kit::{answer, external, id, owner, record, right, solo};
use crate::support::valkey::{DURABLE, Resp, ValkeyServer};
use crate::support::{until, until_async};

fn state(server: &ValkeyServer, n: u64) -> (String, Value) {
    let text = server.command(&["GET", &format!("session:{}", id(n))]).text();
    let json = serde_json::from_str(&text).expect("JSON");
    (text, json)
}

#[tokio::test]
async fn a_session_is_json_with_its_version_first_and_a_separate_quiz() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(solo(1, 2, at)), at).await.expect("created");
    let (text, before) = state(&server, 1);
    assert!(text.starts_with("{\"version\":"), "{text}");
    assert!(!text.contains("Question 0?"), "{text}");
    let quiz = format!("{{session:{}}}:quiz", id(1));
    let quiz_text = server.command(&["GET", &quiz]).text();
    assert!(quiz_text.contains("Question 0?"), "{quiz_text}");

    store.apply(&id(1), answer(0, 1, Some("key")), at).await.expect("answered");
    let (_, after) = state(&server, 1);
    assert_eq!(after["version"].as_u64(), before["version"].as_u64().map(|version| version + 1));
    assert_eq!(after["state"]["game"]["solo"]["verdicts"]["0"]["points"]["base"], 100);
    store.apply(&id(1), right(1), at).await.expect("answered");
    assert_eq!(server.command(&["EXISTS", &quiz]).integer(), 1, "its texts are those of the results");
}

#[tokio::test]
async fn events_are_a_stream_with_their_sequence_numbers_as_ids() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, Some("ABC234"), at)), at).await.expect("created");
    store.apply(&id(1), record(2), at).await.expect("answered");
    let entries = server.command(&["XRANGE", &format!("{{session:{}}}:ev", id(1)), "-", "+"]).list();
    let ids: Vec<_> = entries.into_iter().map(|entry| entry.list().remove(0).text()).collect();
    assert_eq!(ids, ["1-0", "2-0"]);
    assert!(server.command(&["GET", "join:ABC234"]).text().starts_with(&id(1).to_string()));
}

#[tokio::test]
async fn the_list_of_an_owner_expires_after_its_sessions_and_drops_unused_entries() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    for n in [1, 2] {
        store.create(NewSession(external(n, None, at).owned_by(Some(owner("school")))), at).await.expect("created");
    }
    let life = server.command(&["PTTL", &format!("session:{}", id(1))]).integer();
    assert!(server.command(&["PTTL", "owner:school"]).integer() > life, "{life}");
    // Three entries without a session: one from a crash before the session was stored, one of an earlier
    // session with the same id, and one that is not an entry.
    server.command(&["ZADD", "owner:school", "0", &format!("{} 7", id(3)), "0", "somebody else's"]);
    server.command(&["ZADD", "owner:school", "0", &format!("{} ffffffffffffffff", id(1))]);
    let owned = async || store.owned(&owner("school"), None, 9, store.clock().moment()).await.expect("read");
    let listed = || server.command(&["ZCARD", "owner:school"]).integer();
    assert_eq!((owned().await, listed()), (vec![id(1), id(2)], 5), "its session may be on its way");
    store.delete(&id(2)).await.expect("deleted");
    assert_eq!(listed(), 4);
    until_async(async || {
        assert_eq!(owned().await, [id(1)]);
        listed() == 2
    })
    .await;
}

#[tokio::test]
async fn a_large_payload_is_compressed_and_a_damaged_one_is_named() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, None, at)), at).await.expect("created");
    let payload = "{\"right\":true},".repeat(1_000);
    let event = EventDraft { kind: "x".to_owned(), payload: payload.clone(), to: None };
    let events = crate::kit::record_all(vec![event], None);
    store.apply(&id(1), events, at).await.expect("answered").expect("alive").result.expect("recorded");
    let log = format!("{{session:{}}}:ev", id(1));
    let size = server.command(&["MEMORY", "USAGE", &log]).integer();
    assert!(size < payload.len() as i64 / 3, "{size} bytes");
    let page = store.events(&id(1), Sequence(0), 9, at).await.expect("read").expect("alive");
    assert_eq!(page.events[0].payload, payload);

    server.command(&["XADD", &log, "2-0", "at", "1", "kind", "x", "zstd", "no frame"]);
    let met = store.events(&id(1), Sequence(0), 9, at).await;
    let Err(StoreError::Corrupt { what }) = met else { panic!("{met:?}") };
    assert!(what.starts_with("event 2-0 of session #") && what.contains("cannot be unpacked"), "{what}");
    assert_eq!(server.command(&["XLEN", &log]).integer(), 2, "it is left as it is");
}

#[tokio::test]
async fn a_refused_event_leaves_the_state_unchanged() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, None, at)), at).await.expect("created");
    let (before, _) = state(&server, 1);
    server.command(&["XADD", &format!("{{session:{}}}:ev", id(1)), "7-0", "somebody", "else"]);
    let refused = store.apply(&id(1), record(1), at).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(state(&server, 1).0, before);
}

#[tokio::test]
async fn every_key_of_a_session_has_the_ttl_of_the_session() {
    let server = ValkeyServer::start(&[]);
    let store = open_with(&server.url(), Topology::Standalone, Millis(500));
    store.until_reachable(REACHING).await.expect("the server is there");
    let lifetimes = Lifetimes { ttl: Millis(2_000), max_age: Millis(60_000), results_ttl: Millis(2_000) };
    let at = store.clock().moment();
    let mut game = solo(1, 2, at);
    game.state.life = rejoin::domain::Life::begin(at.now, lifetimes);
    store.create(NewSession(game), at).await.expect("created");
    let mut room = external(2, None, at);
    room.state.life = rejoin::domain::Life::begin(at.now, lifetimes);
    store.create(NewSession(room), at).await.expect("created");
    let event = EventDraft { kind: "x".to_owned(), payload: "{}".to_owned(), to: None };
    let events = crate::kit::record_all(vec![event], None);
    store.apply(&id(2), events, store.clock().moment()).await.expect("answered").expect("alive");
    let keys = || server.command(&["KEYS", "*session:*"]).list().len();
    assert_eq!(keys(), 4);
    // Sessions that are touched in time stay, here for twice their TTL.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(5_000) {
        for n in [1, 2] {
            store.apply(&id(n), Command::Touch, store.clock().moment()).await.expect("answered").expect("alive");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(keys(), 4);
    until(|| keys() == 0).await;
    assert!(store.get(&id(1), store.clock().moment()).await.expect("read").is_none());
}

#[tokio::test]
async fn a_restarted_server_begins_a_new_epoch() {
    let mut server = ValkeyServer::start(&DURABLE);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, None, at)), at).await.expect("created");
    store.apply(&id(1), record(2), at).await.expect("answered");
    let before = store.events(&id(1), Sequence(0), 9, at).await.expect("read").expect("alive");
    server.restart();
    store.until_reachable(REACHING).await.expect("the server is there");
    let after = store.events(&id(1), Sequence(0), 9, at).await.expect("read").expect("alive");
    assert_eq!(after.events, before.events);
    assert_ne!(after.epoch, before.epoch);
}

#[tokio::test]
async fn an_unreadable_record_is_named_and_left_unchanged() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    let key = format!("session:{}", id(1));
    for (body, named) in
        [("{\"version\":3,\"format\":4,\"x\":1}", "format 4"), ("hello", "session #"), ("{}", "session #")]
    {
        server.command(&["SET", &key, body]);
        for met in [
            store.get(&id(1), at).await.err(),
            store.apply(&id(1), right(0), at).await.err(),
            store.create(NewSession(solo(1, 1, at)), at).await.err(),
        ] {
            let Some(StoreError::Corrupt { what }) = met else { panic!("{met:?}") };
            assert!(what.contains(named), "{what}");
            assert!(!what.contains(&id(1).to_string()), "{what}");
        }
        assert_eq!(server.command(&["GET", &key]), Resp::Text(body.to_owned()));
    }
}

#[tokio::test]
async fn game_time_is_the_servers_and_an_outage_moves_up_since() {
    let mut server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let other = reached(&server.url()).await;
    let time = server.command(&["TIME"]).texts();
    let server_millis = time[0].parse::<u64>().expect("seconds") * 1_000;
    let now = store.clock().moment().now.as_millis();
    assert!(now.abs_diff(server_millis) < 30_000, "{now} {server_millis}");
    let up_since = store.clock().moment().up_since;
    assert_eq!(other.clock().moment().up_since, up_since, "the same for every instance");
    server.kill();
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    server.restart();
    until(|| store.clock().moment().up_since > up_since).await;
    until(|| other.clock().moment().up_since == store.clock().moment().up_since).await;
}

#[tokio::test]
async fn two_instances_record_events_of_one_session_without_gaps() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, open(&server.url(), Topology::Standalone));
    other.until_reachable(REACHING).await.expect("the server is there");
    let at = one.clock().moment();
    one.create(
        NewSession(rejoin::domain::GameSession::external(id(1), 1, None, [SeatId(1)], crate::kit::LIFETIMES, at.now)),
        at,
    )
    .await
    .expect("created");
    // A busy session: two instances with many tasks each, and every event gets its own number.
    let mut recording = tokio::task::JoinSet::new();
    for n in 0..64 {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        recording.spawn(async move {
            let mut told = Vec::new();
            while told.len() < 5 {
                match store.apply(&id(1), record(1), at).await {
                    Ok(applied) => told.extend(applied.expect("alive").events.iter().map(|event| event.sequence.0)),
                    Err(StoreError::Busy) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            told
        });
    }
    let mut told: Vec<u64> = recording.join_all().await.concat();
    told.sort_unstable();
    assert_eq!(told, (1..=320).collect::<Vec<_>>());
    let page = other.events(&id(1), Sequence(0), 1_000, at).await.expect("read").expect("alive");
    assert_eq!(page.events.len(), 320);
}

#[tokio::test]
async fn the_rights_in_the_docs_are_enough_for_a_user() {
    let server = ValkeyServer::start(&[]);
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/valkey.md")).expect("it is there");
    let spans: Vec<_> = docs.split('`').collect();
    let rights = |sign: &str| spans.iter().find(|span| span.starts_with(sign)).expect("the docs name rights");
    let rights = format!("{} {}", rights("~session:"), rights("+@read"));
    let words: Vec<_> =
        ["ACL", "SETUSER", "rejoin", "on", ">secret"].into_iter().chain(rights.split_whitespace()).collect();
    assert!(server.command(&words).is("OK"), "{rights}");
    let store = reached(&server.url().replace("valkey://", "valkey://rejoin:secret@")).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, Some("ABC234"), at)), at).await.expect("created");
    store.create(NewSession(solo(2, 1, at)), at).await.expect("created");
    store.apply(&id(1), record(2), at).await.expect("answered").expect("alive").result.expect("recorded");
    store.apply(&id(2), right(0), at).await.expect("answered").expect("alive").result.expect("evaluated");
    assert!(store.events(&id(1), Sequence(0), 9, at).await.expect("read").is_some());
    assert!(store.find(&crate::kit::code("ABC234"), at).await.expect("read").is_some());
    assert_eq!(store.status(at).await.expect("told").records, 2);
    assert_eq!(store.scan(None, 9).await.expect("scanned").len(), 2);
    let mut watch = store.watch(&id(1)).expect("others can commit");
    assert_eq!(watch.next().await, Some(Notice::Look));
    store.apply(&id(1), record(1), at).await.expect("answered").expect("alive");
    assert_eq!(watch.next().await, Some(Notice::Head(Sequence(3))));
    let dead = rejoin::domain::Moment { now: at.now.plus(Millis(8_000_000)), ..at };
    assert_eq!(store.sweep(dead, 9).await.expect("swept").deleted, 2);
}

#[tokio::test]
async fn a_cached_state_never_overrides_the_stored_one() {
    let server = ValkeyServer::start(&[]);
    let (one, other) = (reached(&server.url()).await, reached(&server.url()).await);
    let at = one.clock().moment();
    let result = async |store: &ValkeyStore, command| {
        store.apply(&id(1), command, at).await.expect("answered").map(|applied| applied.result)
    };
    one.create(NewSession(solo(1, 3, at)), at).await.expect("created");
    result(&one, right(0)).await.expect("alive").expect("evaluated");
    result(&other, right(1)).await.expect("alive").expect("evaluated");
    // In the state that the first instance has cached, question 1 is open.
    assert_eq!(result(&one, right(1)).await, Some(Err(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered))));
    result(&other, right(2)).await.expect("alive").expect("evaluated");
    assert!(matches!(result(&one, Command::Award(None)).await, Some(Ok(Reply::Award { awarded: true, .. }))));
    assert!(other.delete(&id(1)).await.expect("deleted"));
    for command in [Command::Touch, Command::Advance, right(2), Command::Award(None)] {
        assert_eq!(result(&one, command).await, None);
    }
    // A new game under the same id is another game.
    let mut next = solo(1, 3, at);
    next.state.nonce += 1;
    other.create(NewSession(next), at).await.expect("created");
    let Some(Ok(Reply::Evaluated { report, .. })) = result(&one, right(1)).await else { panic!("it is open") };
    assert_eq!(report.verdict.nth, 1);
}
