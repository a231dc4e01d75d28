//! Fifty players who answer at the same moment.

use std::sync::Arc;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::raw::Raw;
use super::{api, fixed_address, join, open, process_at};
use crate::support::took;

const PLAYERS: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_answers_at_once_are_all_evaluated_in_few_commits() {
    let folder = tempfile::tempdir().unwrap();
    let server = process_at(&fixed_address(), folder.path(), &[]);
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let token = room.token.clone().unwrap();
    let line = Arc::new(Barrier::new(PLAYERS as usize + 1));
    let mut players = JoinSet::new();
    for n in 0..PLAYERS {
        let seat = join(&api, &room, &format!("Player {n}")).await;
        let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, seat.ticket.token.as_str()).await;
        let line = line.clone();
        players.spawn(async move {
            while raw.frame("event").await["event"] != "question" {}
            line.wait().await;
            raw.say(&json!({ "type": "answer", "id": "a", "questionId": "q0", "optionId": n % 4 + 1 })).await;
            line.wait().await;
            let reply = raw.answer("a").await;
            assert_eq!(reply["accepted"], true, "{reply}");
            (seat.seat_id, n % 4 + 1)
        });
    }
    let host = server.client().with_key(token.as_str());
    host.post(&format!("/api/rooms/{}/start", room.room_id), &json!({ "at": 0 })).await.json(200);
    let commits = async || server.client().get("/health").await.json(200)["commits"].as_u64().unwrap();
    let before = commits().await;
    // The server is halted while the players send. However slowly they are scheduled, it finds all their
    // answers when it continues.
    server.signal(Signal::STOP);
    line.wait().await;
    line.wait().await;
    let begun = Instant::now();
    server.signal(Signal::CONT);
    let told = players.join_all().await;
    took("the replies to all answers", begun);
    let commits = commits().await - before;
    println!("{PLAYERS} answers at once: {commits} commits");
    assert!(commits < PLAYERS / 2, "{commits}");
    let results = host.get(&format!("/api/rooms/{}/results", room.room_id)).await.json(200);
    let seats = results["seats"].as_array().unwrap();
    assert_eq!(seats.len(), PLAYERS as usize);
    for (seat, option) in told {
        let mine = seats.iter().find(|one| one["seatId"] == seat).unwrap();
        assert_eq!(mine["answers"][0]["optionId"], option);
        assert_eq!(mine["total"].as_u64().unwrap() > 0, option == 1, "{mine}");
    }
    server.stop().await;
}
