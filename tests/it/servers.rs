//! The servers that other tests talk to are what those take them for.

use std::time::Duration;

use crate::support::valkey::resp::Connection;
use crate::support::valkey::{Resp, ValkeyServer, fresh_database, shared};

#[test]
fn a_server_is_the_pinned_one_and_by_the_recommended_settings() {
    let server = ValkeyServer::start(&[]);
    assert_eq!(server.info("valkey_version"), "9.1.2");
    assert_eq!(server.info("process_id"), server.pid().to_string());
    let recommended = [
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("save", ""),
        ("maxmemory", "1073741824"),
        ("maxmemory-policy", "noeviction"),
        ("protected-mode", "yes"),
        ("tcp-keepalive", "60"),
        ("min-replicas-to-write", "0"),
    ];
    for (setting, value) in recommended {
        assert_eq!(server.command(&["CONFIG", "GET", setting]).texts(), [setting, value]);
    }
}

#[test]
fn what_was_written_is_there_after_kill_and_restart_in_the_same_place() {
    let mut server = ValkeyServer::start(&[]);
    assert_eq!(server.command(&["SET", "a", "1"]), Resp::Text("OK".to_owned()));
    let (url, pid) = (server.url(), server.pid());
    server.kill();
    assert!(server.try_command(&["PING"]).is_err(), "nobody listens");
    server.restart();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.command(&["GET", "a"]).text(), "1");
    assert!(server.folder().join("appendonlydir").exists());
}

#[test]
fn a_halted_server_answers_when_it_goes_on() {
    let server = ValkeyServer::start(&[]);
    let mut connection = server.connection().expect("it is there");
    server.stop_signal();
    let waiting = std::thread::spawn(move || connection.command(&["PING"]));
    // A thing that does not happen can't be waited for: the time is only how long it gets.
    std::thread::sleep(Duration::from_millis(100));
    assert!(!waiting.is_finished(), "a halted server answered");
    server.continue_signal();
    let reply = waiting.join().expect("no panic").expect("a reply");
    assert_eq!(reply.text(), "PONG");
}

#[test]
fn a_password_is_asked_for() {
    let server = ValkeyServer::start(&["--requirepass", "secret"]);
    assert_eq!(server.url(), format!("valkey://:secret@127.0.0.1:{}", server.port));
    assert_eq!(server.command(&["PING"]).text(), "PONG");
    let mut stranger = Connection::open(server.port, None).expect("it listens");
    let reply = stranger.command(&["PING"]).expect("a reply");
    assert!(matches!(&reply, Resp::Error(error) if error.starts_with("NOAUTH")), "{reply:?}");
    assert!(Connection::open(server.port, Some("wrong")).is_err());
}

#[test]
fn a_database_of_the_shared_server_is_handed_out_once() {
    let (one, other) = (fresh_database(), fresh_database());
    assert_ne!(one, other);
    let number = |url: &str| url.rsplit_once('/').expect("a number").1.to_owned();
    let select = |url: &str| {
        let mut connection = shared().connection().expect("it is there");
        assert_eq!(connection.command(&["SELECT", &number(url)]).expect("a reply").text(), "OK");
        connection
    };
    select(&one).command(&["SET", "a", "1"]).expect("a reply");
    assert_eq!(select(&other).command(&["DBSIZE"]).expect("a reply").integer(), 0);
    assert_eq!(select(&one).command(&["DBSIZE"]).expect("a reply").integer(), 1);
}
