//! `rejoin status` and `rejoin sessions` on the real binary.

use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::valkey::ports::free_port;
use crate::support::{Client, Server, right, until_async};

const TOKEN: &str = "0123456789abcdef-of-admin";

/// What a command printed, and its exit code.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs a command against an admin listener, with this token.
fn ran(admin: &str, token: &str, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.env_clear().env("REJOIN_ADMIN_LISTEN", admin.trim_start_matches("http://")).args(args);
    if !token.is_empty() {
        command.env("REJOIN_ADMIN_TOKEN", token);
    }
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it prints UTF-8");
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

#[tokio::test]
async fn the_commands_show_and_end_what_the_server_has() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--admin-token", TOKEN]);
    let client = server.client();
    let solo = client.play(2).await;
    assert_eq!(client.answer(&solo, 0, right(0)).await.status, 200);
    let run = |args: &[&str]| ran(&server.admin, TOKEN, args);

    let status = run(&["status"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    for part in ["status        ok\n", "engine        redb\n", "sessions      1 live, 1 stored\n", "limits        on,"]
    {
        assert!(status.out.contains(part), "{part} in {}", status.out);
    }
    let status: Value = serde_json::from_str(&run(&["status", "--json"]).out).unwrap();
    assert_eq!((&status["status"], &status["totals"]["answers"]), (&"ok".into(), &1.0.into()), "{status}");
    assert!(status["latencies"]["store"]["counts"].as_array().unwrap().last().unwrap().as_f64() > Some(0.0));

    let list = run(&["sessions", "list"]);
    let lines: Vec<_> = list.out.lines().collect();
    assert_eq!((list.code, lines.len()), (Some(0), 2), "{list:?}");
    assert!(lines[0].starts_with("SESSION") && lines[1].contains("solo  playing  1/2"), "{}", list.out);
    assert!(!list.out.contains(&solo), "the id is the player's credential");
    let json: Value = serde_json::from_str(&run(&["sessions", "list", "--kind", "solo", "--json"]).out).unwrap();
    let hash = json["sessions"][0]["session"].as_str().unwrap();
    assert_eq!(run(&["sessions", "list", "--kind", "room"]).out.lines().count(), 1);
    assert!(run(&["sessions", "show", hash]).out.contains(hash));
    assert!(run(&["sessions", "show", &solo, "--json"]).out.contains(hash));

    let unsure = run(&["sessions", "end", hash]);
    assert!(unsure.code == Some(2) && unsure.err.contains("--yes"), "{unsure:?}");
    assert_eq!(client.resume(&solo).await.status, 200, "nothing was ended without a word");
    let ended = run(&["sessions", "end", hash, "--yes"]);
    assert_eq!((ended.code, ended.out), (Some(0), format!("Session {hash} has ended.\n")));
    assert_eq!(client.resume(&solo).await.status, 404);
    for args in [["sessions", "end", hash, "--yes"], ["sessions", "show", hash, "--json"]] {
        let again = run(&args);
        let expected = format!("rejoin: {hash:?}: there is no such session (session-not-found)\n");
        assert_eq!((again.code, again.err), (Some(1), expected));
    }
    let nothing = run(&["sessions", "end", "", "--yes"]);
    assert_eq!((nothing.code, nothing.err.as_str()), (Some(2), "rejoin: <SESSION>: the value is empty\n"));
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_refuses_or_is_away_is_said_to() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--admin-token", TOKEN]);
    for (token, why) in [("", "wants a token"), ("0123456789abcdef-of-admix", "accepts no token")] {
        let refused = ran(&server.admin, token, &["status"]);
        assert!(refused.code == Some(1) && refused.err.contains(why), "{refused:?}");
        assert!(refused.err.contains("REJOIN_ADMIN_TOKEN or REJOIN_ADMIN_TOKEN_FILE"), "{refused:?}");
        assert!(token.is_empty() || !refused.err.contains(token), "{refused:?}");
    }
    server.stop().await;
    let nowhere = format!("127.0.0.1:{}", free_port());
    let away = ran(&nowhere, TOKEN, &["sessions", "list"]);
    assert!(away.code == Some(1) && away.err.contains("can't be reached"), "{away:?}");
    for wrong in [&["sessions"][..], &["sessions", "list", "--limit", "0"], &["sessions", "list", "--kind", "host"]] {
        assert_eq!(ran(&nowhere, TOKEN, wrong).code, Some(2), "{wrong:?}");
    }
}

#[tokio::test]
async fn the_commands_read_the_file_of_tokens_as_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let path = file.to_str().unwrap();
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write(&format!("# of the night shift\n\nops:{TOKEN}\n"));
    let server = Server::process(folder.path(), &["--admin-token-file", path]);
    let status = || ran(&server.admin, "", &["status", "--admin-token-file", path]);
    assert_eq!(status().code, Some(0), "{:?}", status());
    // The server has not read the file again: only its second token is accepted.
    write(&format!("new:fedcba9876543210-of-admin\nops:{TOKEN}\n"));
    assert_eq!(status().code, Some(0), "{:?}", status());
    write("new:fedcba9876543210-of-admin\n");
    assert!(status().code == Some(1) && status().err.contains("SIGHUP"), "{:?}", status());
    write("# nothing\nshort\n");
    for args in [&["status"][..], &["backup", "x.redb"]] {
        let refused = ran(&server.admin, "", &[args, &["--admin-token-file", path]].concat());
        assert!(refused.code == Some(1) && refused.err.contains("line 2: must have at least 16"), "{refused:?}");
        assert!(!refused.err.contains("short"), "{refused:?}");
    }
    let both = ran(&server.admin, TOKEN, &["status", "--admin-token-file", path]);
    assert!(both.code == Some(1) && both.err.contains("both set"), "{both:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_takes_no_new_games_fails_the_status_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let valkey = format!("valkey://127.0.0.1:{}", free_port());
    let server = Server::process(folder.path(), &["--store", "valkey", "--valkey-url", &valkey]);
    let status = ran(&server.admin, "", &["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.out.contains("unavailable: Valkey is out of reach (valkey: unreachable), since "), "{status:?}");
    assert!(status.out.contains("; running games stand still"), "{status:?}");
    let listed = ran(&server.admin, "", &["sessions", "list"]);
    assert!(listed.code == Some(1) && listed.err.contains("store-unavailable"), "{listed:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_last_backup_is_told_also_after_a_restart() {
    let (folder, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = ["--backup-dir", backups.path().to_str().unwrap(), "--backup-every", "1h"];
    let server = Server::process(folder.path(), &place);
    let operator = Client::new(&server.admin);
    until_async(async || operator.get("/admin/api/backups").await.json(200)["made"] == 1).await;
    let status = ran(&server.admin, "", &["status"]).out;
    assert!(status.contains("backups       every 1h; the last one "), "{status}");
    assert!(status.contains(&format!(" ago: {}/rejoin-", backups.path().display())), "{status}");
    server.stop().await;

    let server = Server::process(folder.path(), &place);
    let status = ran(&server.admin, "", &["status"]).out;
    assert!(status.contains(" ago, before this start\n"), "{status}");
    let metrics = Client::new(&server.admin).get("/metrics").await.text();
    let last = metrics.lines().find_map(|line| line.strip_prefix("rejoin_backup_last_success_timestamp_seconds "));
    let last: f64 = last.expect("the alert needs it").parse().unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((0.0..60.0).contains(&(now - last)), "{last}, and it is {now}");
    server.stop().await;
    let server = Server::process(folder.path(), &[]);
    assert!(!ran(&server.admin, "", &["status"]).out.contains("backups"), "there are none to tell of");
    server.stop().await;
}

#[tokio::test]
async fn a_backup_that_is_meant_for_another_folder_is_told_with_its_whole_path() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--admin-token", TOKEN]);
    // Nobody can write there, root included.
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.env_clear().env("REJOIN_ADMIN_LISTEN", server.admin.trim_start_matches("http://"));
    let output = command.env("REJOIN_ADMIN_TOKEN", TOKEN).args(["backup", "mine.redb"]).current_dir("/proc").output();
    let output = output.expect("it runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{err}");
    let expected = "rejoin: mine.redb is /proc/mine.redb here: /proc/mine.redb cannot be written: ";
    assert!(err.starts_with(expected) && !err.contains(".rejoin-copy-"), "{err}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_begins_empty_beside_a_backup_says_so() {
    let (folder, other, backups) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = ["--backup-dir", backups.path().to_str().unwrap()];
    const WARNING: &str = "the data folder was empty, but there is a backup: is its disk mounted?";
    let server = Server::process(folder.path(), &place);
    server.client().play(2).await;
    let made = Client::new(&server.admin).post("/admin/api/backups", &json!({})).await.json(201);
    let log = server.stop_and_log().await;
    assert!(!log.contains(WARNING), "there was no backup yet: {log}");

    let scheduled = backups.path().join("rejoin-2020-01-01T00-00-00Z.redb");
    std::fs::rename(made["file"].as_str().unwrap(), &scheduled).unwrap();
    let hours = std::time::Duration::from_secs(7_200);
    std::fs::File::open(&scheduled).unwrap().set_modified(std::time::SystemTime::now() - hours).unwrap();
    let place = [&place[..], &["--backup-every", "1h", "--backup-keep", "1"]].concat();
    let server = Server::process(other.path(), &place);
    server.logged(WARNING).await;
    server.logged("a backup has no games, but an older one has").await;
    server.stop().await;
    let names = || std::fs::read_dir(backups.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names().any(|name| name.to_string_lossy().ends_with("Z-empty.redb")));
    assert!(scheduled.exists(), "no backup without games takes its place");
    let server = Server::process(folder.path(), &place);
    let log = server.stop_and_log().await;
    assert!(!log.contains(WARNING), "the file is not new: {log}");
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_of_tokens_holds_up_no_reload_and_no_stop() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, TOKEN).unwrap();
    let server = Server::process(folder.path(), &["--admin-token-file", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success(), "this test needs mkfifo");
    server.signal(Signal::HUP);
    server.logged("is no regular file").await;
    let log = server.stop_and_log().await;
    assert!(!log.contains("question banks were reloaded"), "there are none: {log}");
}
