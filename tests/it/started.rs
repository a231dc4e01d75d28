//! The log event of a start, for machines that read the log, and what `--version` says.

use std::path::Path;
use std::process::Command;

use rejoin::version::{COMMIT, VERSION};
use serde_json::{Value, json};

use crate::support::Server;

/// The start event, from a log of JSON lines.
fn start_of(server: &Server) -> Value {
    let log = server.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let starts: Vec<_> = lines.into_iter().filter(|line| line["message"] == "rejoin has started").collect();
    assert_eq!(starts.len(), 1, "{log}");
    starts[0].clone()
}

#[tokio::test]
async fn the_start_event_says_how_the_file_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let server = Server::process(folder.path(), &["--log-format", "json"]);
        server.logged("rejoin has started").await;
        let event = start_of(&server);
        (server, event)
    };
    let (server, first) = start().await;
    assert_eq!((&first["level"], &first["version"]), (&json!("INFO"), &json!(VERSION)));
    assert_eq!(first["commit"], COMMIT);
    assert_eq!((&first["engine"], &first["records"]), (&json!("redb"), &json!(0)));
    assert_eq!(first["listen"], *server.base.strip_prefix("http://").unwrap());
    assert!(first["place"].as_str().unwrap().ends_with("rejoin.redb"), "{first}");
    assert_eq!((&first["stopped_cleanly"], &first["clock_moved_on_ms"]), (&json!(true), &json!(0)));
    assert_eq!(first["last_stop"], "none: the file is new");
    server.client().play(2).await;
    server.kill().await;

    let (server, killed) = start().await;
    assert_eq!((&killed["stopped_cleanly"], &killed["records"]), (&json!(false), &json!(1)));
    assert_eq!(killed["last_stop"], "the process was killed, or lost its power");
    let moved_on = killed["clock_moved_on_ms"].as_u64().unwrap();
    assert!((1..=10_000).contains(&moved_on), "{killed}");
    server.stop().await;

    let (server, stopped) = start().await;
    assert_eq!(stopped["last_stop"], "clean");
    assert_eq!((&stopped["stopped_cleanly"], &stopped["clock_moved_on_ms"]), (&json!(true), &json!(0)));
    server.stop().await;
}

#[tokio::test]
async fn the_start_event_of_a_memory_store_mentions_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--store", "memory", "--log-format", "json"]);
    server.logged("rejoin has started").await;
    let event = start_of(&server);
    assert_eq!(event["engine"], "memory");
    assert!(event.get("stopped_cleanly").is_none() && event.get("clock_moved_on_ms").is_none(), "{event}");
    server.stop().await;
}

#[test]
fn the_version_names_the_commit_and_the_formats() {
    let version = Command::new(env!("CARGO_BIN_EXE_rejoin")).arg("--version").output().unwrap();
    assert!(version.status.success());
    let formats = "formats: file 3, record 3, record in Valkey 3";
    assert_eq!(String::from_utf8(version.stdout).unwrap(), format!("rejoin {VERSION}\ncommit {COMMIT}\n{formats}\n"));
    // A commit may be added while the tests run.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if root.join(".git").exists() && std::env::var_os("REJOIN_COMMIT").is_none() {
        let commit = format!("{}^{{commit}}", COMMIT.trim_end_matches("-modified"));
        let is_there = Command::new("git").args(["cat-file", "-e", &commit]).current_dir(root).status().unwrap();
        assert!(is_there.success(), "the repository has no {COMMIT}");
    }
}
