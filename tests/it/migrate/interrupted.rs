//! Migrations that are killed, stopped or cut off. What was moved stays, and the same command continues.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::support::until;
use crate::support::valkey::{DURABLE, ValkeyServer};

const SESSIONS: u64 = 4_000;

/// A running `rejoin migrate`, which is killed at the latest when the test ends.
struct Running(Option<Child>);

impl Running {
    fn begin(from: &str, to: &str) -> Self {
        Self(Some(command(from, to, &[]).spawn().expect("it starts")))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().expect("it runs")), signal).expect("it is there");
    }

    /// Waits for its end and returns the result.
    fn ended(mut self) -> Ran {
        self.0.take().expect("it runs").wait_with_output().expect("it is this test's").into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A full source file and the path of a new target file.
struct Files {
    _folder: tempfile::TempDir,
    from: std::path::PathBuf,
    to: std::path::PathBuf,
}

impl Files {
    async fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from.redb"), folder.path().join("to.redb"));
        filled(&from, 0..SESSIONS).await;
        Self { _folder: folder, from, to }
    }

    /// Starts a run and waits until it has moved some of the sessions.
    async fn half_way(&self) -> Running {
        let running = Running::begin(&url(&self.from), &url(&self.to));
        // Commits go to the log first, so a used page of the log shows progress.
        let log = self.to.with_extension("log");
        let is_used =
            |log: Vec<u8>| log.get(256 << 10..260 << 10).is_some_and(|page| page.iter().any(|byte| *byte != 0));
        until(|| std::fs::read(&log).is_ok_and(is_used)).await;
        running
    }
}

/// The number in `line` that follows `word`.
#[track_caller]
fn number(line: &str, word: &str) -> u64 {
    let rest = line.split_once(word).unwrap_or_else(|| panic!("no {word:?} in {line}")).1;
    let digits: String = rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().unwrap_or_else(|_| panic!("no number after {word:?} in {line}"))
}

#[tokio::test]
async fn a_killed_migration_continues_and_moves_nothing_twice() {
    let files = Files::make().await;
    let at_first = census(&files.from).await;
    let running = files.half_way().await;
    running.signal(Signal::KILL);
    assert_eq!(running.ended().code, None, "it was killed in the middle");
    let ran = migrate(&url(&files.from), &url(&files.to), &[]);
    let (moved, there) = (number(ran.well(), "moved "), number(ran.line(), "already there "));
    assert!(there > 0 && moved > 0 && moved + there == SESSIONS, "{}", ran.told);
    assert!(ran.line().contains("conflicts 0; verified 4,000"), "{}", ran.told);
    let at_last = census(&files.to).await;
    assert_same_games(&at_first, &at_last);
    for (id, dump) in &at_first {
        // A kill costs the sessions moved before it at most 10 s of their remaining time.
        let cost = left(dump).checked_sub(left(&at_last[id])).expect("no time is won");
        assert!(cost <= 10_000, "{id:?} lost {cost} ms");
    }
}

#[tokio::test]
async fn ctrl_c_ends_a_migration_cleanly_and_says_how_to_continue() {
    let files = Files::make().await;
    let at_first = census(&files.from).await;
    let running = files.half_way().await;
    running.signal(Signal::INT);
    let ran = running.ended();
    let moved = number(ran.not_all(), "moved ");
    assert!(moved > 0 && moved < SESSIONS && ran.line().contains("nothing verified"), "{}", ran.told);
    assert!(ran.said.contains("the same command again goes on from there"), "{}", ran.said);
    assert_eq!(census(&files.to).await.len() as u64, moved, "what is told to be moved is there");
    let ran = migrate(&url(&files.from), &url(&files.to), &[]);
    assert_eq!(number(ran.well(), "already there "), moved);
    assert_same(&at_first, &census(&files.to).await);
}

#[tokio::test]
async fn a_migration_waits_for_a_valkey_that_returns_in_time() {
    let files = Files::make().await;
    let mut server = ValkeyServer::start(&DURABLE);
    let running = Running::begin(&url(&files.from), &server.url());
    until(|| keys(&server) > 1_000).await;
    server.kill();
    server.restart();
    let ran = running.ended();
    assert!(
        ran.well().starts_with("moved 4,000, already there 0, dead 0, conflicts 0; verified 4,000"),
        "{}",
        ran.told
    );
}

#[tokio::test]
async fn a_migration_ends_with_its_counts_when_valkey_stays_away() {
    let files = Files::make().await;
    let mut server = ValkeyServer::start(&DURABLE);
    let running = Running::begin(&url(&files.from), &server.url());
    until(|| keys(&server) > 1_000).await;
    server.kill();
    let ran = running.ended();
    let moved = number(ran.not_all(), "moved ");
    assert!(moved > 0 && moved < SESSIONS, "{}", ran.told);
    assert!(ran.said.contains(": the store is out of reach: "), "{}", ran.said);
    server.restart();
    let ran = migrate(&url(&files.from), &server.url(), &[]);
    assert!(number(ran.well(), "already there ") >= moved, "{}", ran.told);
    assert!(ran.line().contains("verified 4,000"), "{}", ran.told);
}

fn keys(server: &ValkeyServer) -> i64 {
    server.command(&["DBSIZE"]).integer()
}
