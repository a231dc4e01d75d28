//! The drill, and a server that loses replies and cuts sockets at random (`--chaos`).

use std::process::{Command, Stdio};

use rejoin::client::{Api, Endpoints};
use serde_json::{Value, json};

use super::party::{Party, Size};
use super::{fixed_address, process_at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_drill_succeeds() {
    let drill = tokio::task::spawn_blocking(|| {
        let words =
            ["drill", "--json", "--bots", "10", "--seats", "5", "--kills", "1", "--questions", "2", "--seed", "7"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        command.env_clear().stdin(Stdio::null()).args(words).output().unwrap()
    });
    let output = drill.await.unwrap();
    let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}{log}");
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&report["bots"], &report["finished"], &report["scoresAgree"]), (&json!(10), &json!(10), &json!(10)));
    assert_eq!((&report["kills"][0]["back"], &report["wrong"]), (&json!(10), &json!([])), "{report}");
    for (name, count) in report["faults"].as_object().unwrap() {
        assert!(*count == 0 || *count == json!([]), "{name}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_game_under_chaos_keeps_every_promise() {
    let folder = tempfile::tempdir().unwrap();
    let server = process_at(&fixed_address(), folder.path(), &["--chaos", "0.1"]);
    let api = Api::new(Endpoints::one(&*server.base));
    let size = Size { rooms: 1, players: 20, questions: 5, held: u64::MAX };
    let party = Party::begin(&api, size, |_| api.bases()).await;
    party.over().await;
    let losses: u64 = party.everybody().map(|connection| connection.figures().welcomes - 1).sum();
    println!("a game under chaos: {losses} connections were lost");
    assert!(losses > 0, "nothing was lost, so this has tested nothing");
    party.check(&api).await;
}
