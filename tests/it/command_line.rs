//! The edges of the command line: readers that have gone, full disks behind standard output, limits of file sizes,
//! empty values, and waiting for a server.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use clap::CommandFactory;
use rejoin::config::Cli;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::valkey::ports::free_port;
use crate::support::{Client, Server, right, until, until_async};

/// A command with an empty environment, but for where the server is.
fn rejoin(server: Option<&Server>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.env_clear().args(args).stdin(Stdio::null());
    if let Some(server) = server {
        command.env("REJOIN_ADMIN_LISTEN", server.admin.trim_start_matches("http://"));
        command.env("REJOIN_LISTEN", server.base.trim_start_matches("http://"));
    }
    command
}

/// The end of a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn error_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with a file of one game, which no server uses.
async fn stopped_file() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    server.client().play(2).await;
    server.stop().await;
    folder
}

#[tokio::test]
async fn a_reader_that_has_gone_changes_no_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, "{}").unwrap();
    let server = Server::process(folder.path(), &[]);
    let solo = server.client().play(2).await;
    let bad = bad.to_str().unwrap();
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["sessions", "list"],
        &["sessions", "list", "--json"],
        &["sessions", "show", &solo],
        &["sessions", "end", &solo, "--yes"],
        &["health"],
        &["quizzes", "schema"],
        &["quizzes", "export", "civics", "--to", "json"],
        &["quizzes", "check", bad],
        &["--help"],
    ] {
        let expected = if args.contains(&bad) { 1 } else { 0 };
        let output = rejoin(Some(&server), args).stdout(unread()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), error_text(&output)), (Some(expected), String::new()), "{args:?}");
    }
    server.stop().await;
    let data = folder.path().to_str().unwrap();
    let (from, to) = (format!("redb:{data}"), format!("redb:{data}/new"));
    for args in [
        &["check", "--data-dir", data][..],
        &["compact", "--data-dir", data],
        &["migrate", "--from", &from, "--to", &to],
    ] {
        let mut command = rejoin(None, args);
        assert_eq!(command.stdout(unread()).stderr(unread()).status().unwrap().code(), Some(0), "{args:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_printed_to_the_end_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    for args in [&["status"][..], &["sessions", "list", "--json"], &["health"], &["quizzes", "schema"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = rejoin(Some(&server), args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let expected = "rejoin: standard output can't be written: No space left on device (os error 28)\n";
        assert_eq!((output.status.code(), error_text(&output)), (Some(1), expected.to_owned()), "{args:?}");
    }
    server.stop().await;
}

/// A server process at this port whose output nobody reads.
fn unread_server(folder: &Path, port: u16) -> Child {
    let (listen, folder) = (format!("127.0.0.1:{port}"), folder.to_str().unwrap());
    let args = ["--listen", &listen, "--admin-listen", "off", "--data-dir", folder, "--log", "debug"];
    rejoin(None, &args).stdout(unread()).stderr(unread()).spawn().unwrap()
}

#[tokio::test]
async fn a_server_whose_log_nobody_reads_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut server = unread_server(folder.path(), port);
    let client = Client::new(&format!("http://127.0.0.1:{port}"));
    let wait = rejoin(None, &["health", "--listen", &format!("127.0.0.1:{port}"), "--wait", "60s"]).output().unwrap();
    assert_eq!(wait.status.code(), Some(0), "{}", error_text(&wait));
    kill_process(Pid::from_child(&server), Signal::HUP).unwrap();
    for _ in 0..20 {
        let game = client.play(2).await;
        assert_eq!(client.answer(&game, 0, right(0)).await.status, 200);
    }
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    let mut status = None;
    until(|| {
        status = server.try_wait().unwrap();
        status.is_some()
    })
    .await;
    assert_eq!(status.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_limit_of_file_sizes_ends_no_command_by_a_signal_and_leaves_nothing_behind() {
    let folder = stopped_file().await;
    let (data, target) = (folder.path().to_str().unwrap(), folder.path().join("backup.redb"));
    let target = target.to_str().unwrap();
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    for args in [&["backup", target, "--data-dir", data, "--admin-listen", "off"][..], &["compact", "--data-dir", data]]
    {
        let limited = [&["-c", "ulimit -f 8; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_rejoin")], args].concat();
        let output = Command::new("sh").env_clear().args(limited).output().unwrap();
        let said = error_text(&output);
        assert_eq!(output.status.code(), Some(1), "{:?}: {said}", output.status);
        assert!(said.contains("File too large"), "{said}");
        assert_eq!(names(), before);
    }
    let whole = rejoin(None, &["check", "--data-dir", data]).output().unwrap();
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stdout));
}

#[tokio::test]
async fn a_server_at_its_limit_of_file_sizes_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    let client = server.client();
    let game = client.play(3).await;
    assert_eq!(client.answer(&game, 0, right(0)).await.status, 200);
    server.limit_files(Some(4_096));
    let body = json!({ "quizId": "civics" });
    let mut begun = Vec::new();
    let refusal = loop {
        let reply = client.post("/api/game/session", &body).await;
        if reply.status != 201 {
            break reply;
        }
        begun.push(reply.json(201)["sessionId"].as_str().unwrap().to_owned());
        assert!(begun.len() < 10_000, "the limit is never met");
    };
    assert_eq!(refusal.status, 503, "{}", refusal.text());
    assert_eq!(client.get("/livez").await.status, 200);
    // The first failure may be that of the log, after which commits go to the file.
    until_async(async || {
        client.post("/api/game/session", &body).await;
        let readiness = client.get("/readyz").await;
        readiness.status == 503 && readiness.text().contains("\"cause\":\"disk\"")
    })
    .await;
    server.limit_files(None);
    server.until_ready().await;
    until_async(async || client.answer(&game, 1, right(1)).await.status != 503).await;
    let resumed = client.resume(&game).await.json(200);
    assert_eq!(resumed["questions"].as_array().unwrap().len(), 1, "two of three are answered: {resumed}");
    for game in &begun {
        assert_eq!(client.resume(game).await.status, 200, "an acknowledged game is lost");
    }
    server.stop().await;
}

#[tokio::test]
async fn health_waits_for_a_server_and_tells_the_last_cause() {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let ask = |wait: &str| rejoin(None, &["health", "--listen", &listen, "--wait", wait]);
    let begun = Instant::now();
    let output = ask("500ms").output().unwrap();
    let said = error_text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("rejoin: not ready after 500ms: nothing answers at 127.0.0.1:"), "{said}");
    assert!((Duration::from_millis(500)..Duration::from_secs(10)).contains(&begun.elapsed()));
    // Something takes the connection, and never replies.
    let mute = TcpListener::bind(&listen).unwrap();
    let begun = Instant::now();
    assert_eq!(ask("1s").output().unwrap().status.code(), Some(1));
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&begun.elapsed()));
    drop(mute);
    for wrong in ["", "soon", "-1s", "3"] {
        assert_eq!(ask(wrong).output().unwrap().status.code(), Some(2), "{wrong:?}");
    }
    let waiting = ask("60s").stdout(Stdio::piped()).spawn().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let valkey = format!("valkey://127.0.0.1:{}", free_port());
    let away = ["--store", "valkey", "--valkey-url", &valkey];
    let server = Server::process(folder.path(), &[&["--listen", &listen][..], &away].concat());
    let output = ask("300ms").output().unwrap();
    assert!(error_text(&output).contains("is not ready: {"), "{}", error_text(&output));
    server.stop().await;
    let server = Server::process(folder.path(), &["--listen", &listen]);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"ready\n"[..]));
    assert_eq!(ask("30y").output().unwrap().status.code(), Some(0), "a ready server is not waited for");
    server.stop().await;
}

#[tokio::test]
async fn an_empty_variable_counts_as_not_set() {
    let command = Cli::command();
    let names: Vec<_> = command.get_arguments().filter_map(|setting| setting.get_env()?.to_str()).collect();
    assert!(names.contains(&"REJOIN_BACKUP_DIR") && names.contains(&"VALKEY_CA_FILE"), "{names:?}");
    let empty: Vec<_> = names.iter().map(|name| (*name, "")).collect();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process_with(folder.path(), &[], &empty);
    assert_eq!(server.client().get("/readyz").await.status, 200);
    server.stop().await;
    for (args, expected) in [
        (&["backup", "--admin-listen", "off"][..], "data/rejoin.redb"),
        (&["check"], "data/rejoin.redb"),
        (&["sessions", "list", "--admin-listen", "127.0.0.1:1"], "127.0.0.1:1 can't be reached"),
    ] {
        let output = rejoin(None, args).envs(empty.clone()).current_dir(folder.path()).output().unwrap();
        let said = error_text(&output);
        assert!(output.status.code() == Some(1) && said.contains(expected), "{args:?}: {said}");
    }
    let output = rejoin(None, &["--data-dir", ""]).output().unwrap();
    let said = error_text(&output);
    assert_eq!((output.status.code(), &*said), (Some(2), "rejoin: REJOIN_DATA_DIR (--data-dir): the value is empty\n"));
}
