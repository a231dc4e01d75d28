//! `rejoin drill --soak`, short: it plays, kills and counts on the real binary, and it detects a loss.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rejoin::drill::DrillOptions;
use rejoin::drill::soak::{SoakOptions, TrendVerdict, run};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_soak_loses_nothing() {
    let soak = tokio::task::spawn_blocking(|| {
        let words = "drill --soak 4s --kill-every 1s --every 1s --rate 50 --bots 6 --seats 3 --questions 7 --json";
        let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
        command.env_clear().stdin(Stdio::null()).args(words.split(' ')).output().unwrap()
    });
    let output = soak.await.unwrap();
    let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}{log}");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [lines @ .., report] = &lines[..] else { panic!("{said}") };
    assert!(lines.len() >= 2, "a line each second: {said}");
    let last = lines.last().unwrap();
    assert!(last["memory"].as_u64() > Some(1 << 20) && last["file"]["allocated"].as_u64() > Some(0), "{last}");
    for counted in ["games", "rooms", "answers", "kills"] {
        assert!(report["counts"][counted].as_u64() > Some(0), "{counted}: {report}");
    }
    assert_eq!((&report["counts"]["lost"], &report["counts"]["doubled"]), (&0.into(), &0.into()), "{report}");
    assert_eq!(report["memory"]["verdict"], "unknown");
}

/// A server program that throws its file away before each start.
fn forgetful(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("forgetful");
    let script = format!(
        "#!/bin/sh\nfor word; do case \"$before\" in --data-dir) /bin/rm -rf \"$word\";; esac; before=$word; done\n\
         exec {} \"$@\"\n",
        env!("CARGO_BIN_EXE_rejoin")
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soak_finds_that_a_server_has_lost_its_games() {
    let folder = tempfile::tempdir().unwrap();
    let round = DrillOptions { bots: 4, seats: 2, questions: 7, ..DrillOptions::new(forgetful(folder.path())) };
    let kill_every = Duration::from_secs(1);
    let options = SoakOptions { rate: 50, kill_every, ..SoakOptions::new(round, Duration::from_secs(3)) };
    let report = run(&options, std::future::pending(), |_| {}).await.unwrap();
    assert!(report.counts.lost > 0 && report.counts.kills > 0, "{report}");
    assert!(!report.is_good() && report.memory.verdict == TrendVerdict::Unknown, "{report}");
    let told = report.to_string();
    assert!(told.contains("acknowledged answers were lost") && told.contains("the game is not known"), "{told}");
}
