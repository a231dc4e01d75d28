//! Checks that the servers for tests behave as the other tests expect.

use std::process::Command;
use std::time::Duration;

use rejoin::store::valkey::{Topology, ValkeyTarget};

use crate::support::valkey::access::Access;
use crate::support::valkey::ports::free_port;
use crate::support::valkey::sentinels::SERVICE;
use crate::support::valkey::{
    PATIENCE, Resp, TlsServer, ValkeyCluster, ValkeySentinels, ValkeyServer, fresh_cluster, fresh_database, shared,
};
use crate::support::wait_for;

#[test]
fn a_server_has_the_pinned_version_and_the_recommended_settings() {
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
fn written_data_survives_a_kill_and_a_restart_on_the_same_port() {
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
fn a_halted_server_answers_after_it_continues() {
    let server = ValkeyServer::start(&[]);
    let mut connection = server.connection().expect("it is there");
    server.stop_signal();
    let waiting = std::thread::spawn(move || connection.command(&["PING"]));
    // There is nothing to wait for when a reply must not come. The time is only the chance that it gets.
    std::thread::sleep(Duration::from_millis(100));
    assert!(!waiting.is_finished(), "a halted server answered");
    server.continue_signal();
    let reply = waiting.join().expect("no panic").expect("a reply");
    assert_eq!(reply.text(), "PONG");
}

#[test]
fn a_stranger_on_the_port_is_not_taken_for_the_server() {
    let stranger = ValkeyServer::start(&[]);
    let free = free_port();
    let server = ValkeyServer::start_on([stranger.port, free], &[]);
    assert_eq!(server.port, free);
    assert_eq!(server.info("process_id"), server.pid().to_string());
}

#[test]
fn a_server_requires_its_password() {
    let server = ValkeyServer::start(&["--requirepass", "secret"]);
    assert_eq!(server.url(), format!("valkey://:secret@127.0.0.1:{}", server.port));
    assert_eq!(server.command(&["PING"]).text(), "PONG");
    let mut stranger = Access::default().connection(server.port, PATIENCE).expect("it listens");
    let reply = stranger.command(&["PING"]).expect("a reply");
    assert!(matches!(&reply, Resp::Error(error) if error.starts_with("NOAUTH")), "{reply:?}");
    let wrong = Access { password: Some("wrong".to_owned()), tls: None };
    assert!(wrong.connection(server.port, PATIENCE).is_err());
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

#[test]
fn the_shared_server_ends_with_its_test_process() {
    let mut other = Command::new(std::env::current_exe().expect("this test's program"));
    other.args(["--ignored", "--exact", "--nocapture", "servers::leaves_the_shared_server_behind"]);
    let said = String::from_utf8(other.output().expect("it starts").stdout).expect("plain text");
    let pid = said.split("its server is ").nth(1).and_then(|rest| rest.split('\n').next()).expect("a process id");
    wait_for("the server's end", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
    });
}

#[test]
#[ignore = "another test runs it, in a process of its own"]
fn leaves_the_shared_server_behind() {
    println!("its server is {}", shared().pid());
}

#[test]
fn a_cluster_serves_every_slot_and_replaces_a_dead_primary() {
    let mut cluster = ValkeyCluster::start(3, 1);
    let writer = cluster.wait_for_writer_of("a");
    assert!(writer < 3, "a primary writes the key");
    assert_eq!(nodes(&cluster.url(), Topology::Cluster), ports(&cluster.nodes));
    let info = cluster.nodes[0].command(&["CLUSTER", "INFO"]).text();
    assert!(info.contains("cluster_slots_ok:16384\r") && info.contains("cluster_size:3\r"), "{info}");
    cluster.nodes[writer].kill();
    assert_eq!(cluster.wait_for_writer_of("a"), writer + 3);
    cluster.nodes[writer].restart();
    wait_for("the old primary as a replica", || (cluster.nodes[writer].info("role") == "slave").then_some(()));
    cluster.wait_until_well();
    assert_eq!(cluster.wait_for_writer_of("a"), writer + 3);
}

#[tokio::test]
async fn a_reused_cluster_is_empty() {
    for _ in 0..2 {
        let cluster = fresh_cluster().await;
        for key in ["a", "b", "c"] {
            let writer = cluster.wait_for_writer_of(key);
            assert!(cluster.nodes[writer].command(&["GET", key]) == Resp::Nil, "{key} is left of another test");
            assert!(cluster.nodes[writer].command(&["SET", key, "1"]).is("OK"));
        }
    }
}

#[test]
fn sentinels_replace_a_dead_primary() {
    let mut all = ValkeySentinels::start();
    let topology = Topology::Sentinel { service: SERVICE.to_owned(), password: None };
    assert_eq!(nodes(&all.url(), topology), ports(&all.sentinels));
    assert_eq!(all.primary(), Some(0));
    assert!(all.servers[0].command(&["SET", "a", "1"]).is("OK"));
    wait_for("the replica", || all.servers[1].command(&["GET", "a"]).is("1").then_some(()));
    all.servers[0].kill();
    wait_for("a failover", || (all.primary() == Some(1)).then_some(()));
    assert!(all.servers[1].command(&["SET", "a", "2"]).is("OK"));
    all.servers[0].restart();
    // Its connections are cut when it becomes a replica.
    let is_replica = || all.servers[0].try_command(&["GET", "a"]).is_ok_and(|reply| reply.is("2"));
    wait_for("the old primary as a replica", || is_replica().then_some(()));
}

#[test]
fn a_tls_server_accepts_only_clients_that_trust_its_authority() {
    let mut server = TlsServer::start(&["--requirepass", "secret"]);
    let port = server.0.port;
    assert_eq!(server.0.url(), format!("rediss://:secret@127.0.0.1:{port}"));
    assert!(server.0.command(&["SET", "a", "1"]).is("OK"));
    assert!(std::fs::read_to_string(server.authority()).expect("a file").contains("BEGIN CERTIFICATE"));
    let plain = Access::plain(&[]).connection(port, PATIENCE).expect("it listens").command(&["PING"]);
    assert!(!plain.is_ok_and(|reply| reply.is("PONG")), "it answered without TLS");
    let other = TlsServer::start(&[]);
    let stranger = other.0.access().connection(port, PATIENCE).and_then(|mut to| to.command(&["PING"]));
    assert!(stranger.expect_err("another authority's").to_string().contains("certificate"));
    server.0.kill();
    server.0.restart();
    assert!(server.0.command(&["GET", "a"]).is("1"));
}

/// The ports that a URL names.
fn nodes(url: &str, topology: Topology) -> Vec<u16> {
    ValkeyTarget::parse(url, topology).expect("a good URL").nodes.into_iter().map(|(_, port)| port).collect()
}

fn ports(servers: &[ValkeyServer]) -> Vec<u16> {
    servers.iter().map(|server| server.port).collect()
}
