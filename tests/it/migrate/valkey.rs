//! Migration between a file and a real Valkey.

use std::ops::RangeInclusive;

use rejoin::domain::Millis;
use rejoin::store::valkey::{Topology, ValkeyOptions, ValkeyStore, ValkeyTarget};

use super::*;
use crate::support::valkey::cluster::ValkeyCluster;
use crate::support::valkey::{ValkeyServer, fresh_database};
use crate::support::{HANG, until};

/// A store on Valkey, opened as a server opens it.
async fn connected(url: &str, topology: Topology) -> Arc<ValkeyStore> {
    let options = ValkeyOptions {
        target: ValkeyTarget::parse(url, topology).expect("a good URL"),
        rules: GameSession::apply,
        wall: system_wall_clock(),
        quiz_cache: 1 << 20,
        kept_dead: ValkeyOptions::KEPT_DEAD,
    };
    let store = ValkeyStore::open(options).expect("opened");
    store.until_reachable(HANG).await.expect("the server is there");
    Arc::new(store)
}

async fn valkey_census(url: &str, topology: Topology) -> Census {
    let store = connected(url, topology).await;
    let census = census_of(&*store, store.clock()).await;
    store.close().await.expect("closed");
    census
}

/// The deadline of a session in milliseconds, on the clock of its own store.
fn deadline(dump: &Dump) -> u64 {
    dump.session.state.life.deadline().0.as_millis()
}

/// Runs `act`. Also returns the range of Valkey's time in which it ran, with one second added on both sides.
fn timed<T>(clock: &dyn Clock, act: impl FnOnce() -> T) -> (T, RangeInclusive<u64>) {
    let now = || clock.moment().now.as_millis();
    let (begun, done) = (now(), act());
    (done, begun - 1_000..=now() + 1_000)
}

#[tokio::test]
async fn ten_thousand_live_sessions_move_to_valkey_and_back() {
    const SESSIONS: u64 = 10_000;
    let folder = tempfile::tempdir().expect("a folder");
    let (file, back) = (folder.path().join("rejoin.redb"), folder.path().join("back.redb"));
    let valkey = fresh_database();
    filled(&file, 0..SESSIONS).await;
    let at_first = census(&file).await;

    let server = connected(&valkey, Topology::Standalone).await;
    let clock = server.clock();
    let (there, times) = timed(clock, || migrate(&url(&file), &valkey, &[]));
    let line = "moved 10,000, already there 0, dead 0, conflicts 0; verified 10,000 on the target in ";
    assert!(there.well().starts_with(line) && there.line().ends_with("/s)"), "{}", there.told);
    let on_valkey = census_of(&*server, clock).await;
    assert_same_games(&at_first, &on_valkey);
    for (id, dump) in &at_first {
        let moved = deadline(&on_valkey[id]) - left(dump);
        assert!(times.contains(&moved), "{id:?} had the time that it had left at {moved}, not {times:?}");
    }

    // And back into a new file, whose time stands still meanwhile.
    let (again, times) = timed(clock, || migrate(&valkey, &url(&back), &[]));
    assert!(again.well().starts_with(line), "{}", again.told);
    let at_last = census(&back).await;
    assert_same_games(&at_first, &at_last);
    for (id, dump) in &on_valkey {
        let moved = deadline(dump) - left(&at_last[id]);
        assert!(times.contains(&moved), "{id:?} had the time that it had left at {moved}, not {times:?}");
    }
    server.close().await.expect("closed");
    let store = owned(&back);
    let found = store.find(&code(9_999), store.clock().moment()).await.expect("read");
    assert_eq!(found, Some(id(9_999)));
    println!("there: {}\nback:  {}", there.line(), again.line());
}

#[tokio::test]
async fn all_kinds_of_sessions_move_to_a_cluster_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, back) = (folder.path().join("rejoin.redb"), folder.path().join("back.redb"));
    filled(&file, 0..100).await;
    let at_first = census(&file).await;
    let cluster = ValkeyCluster::start(3, 0);
    let mode = ["--valkey-mode", "cluster"];
    assert!(migrate(&url(&file), &cluster.url(), &mode).well().contains("verified 100 "));
    assert_same_games(&at_first, &valkey_census(&cluster.url(), Topology::Cluster).await);
    assert!(migrate(&cluster.url(), &url(&back), &mode).well().contains("verified 100 "));
    assert_same_games(&at_first, &census(&back).await);
}

#[tokio::test]
async fn a_game_of_a_fallback_store_is_not_moved_to_valkey() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, own) = (folder.path().join("fallback.redb"), folder.path().join("rejoin.redb"));
    let store = owned(&file);
    let now = store.clock().moment();
    let at_home = id(500).at_instance(&"node-7".parse().expect("a home"));
    for id in [at_home.clone(), id(501)] {
        store.create(NewSession(GameSession { id, ..solo(500, 2, now) }), now).await.expect("created");
    }
    store.close().await.expect("closed");
    let valkey = fresh_database();
    let ran = migrate(&url(&file), &valkey, &[]);
    assert!(ran.not_all().contains("moved 1, ") && ran.line().contains("at home 1"), "{}", ran.told);
    assert!(ran.said.contains("the instance that their ids name"), "{}", ran.said);
    assert_eq!(valkey_census(&valkey, Topology::Standalone).await.len(), 1);
    // A server with its own file looks for every id in that file.
    assert!(migrate(&url(&file), &url(&own), &[]).well().contains("verified 2 "));
    assert!(census(&own).await.contains_key(&at_home));
}

#[tokio::test]
async fn a_dry_run_leaves_valkey_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rejoin.redb");
    let valkey = fresh_database();
    filled(&file, 0..20).await;
    let ran = migrate(&url(&file), &valkey, &["--dry-run"]);
    assert!(ran.well().starts_with("would move 20, already there 0"), "{}", ran.told);
    assert!(valkey_census(&valkey, Topology::Standalone).await.is_empty());
    migrate(&url(&file), &valkey, &[]).well();
    let ran = migrate(&url(&file), &valkey, &["--dry-run"]);
    assert!(ran.well().starts_with("would move 0, already there 20"), "{}", ran.told);
}

#[tokio::test]
async fn changes_by_a_running_server_are_reported_and_are_not_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rejoin.redb");
    let valkey = fresh_database();
    filled(&file, 0..20).await;
    migrate(&url(&file), &valkey, &[]).well();
    // A server uses the target by now: one game is played on, one is deleted.
    let server = connected(&valkey, Topology::Standalone).await;
    let now = server.clock().moment();
    server.apply(&id(0), right(0), now).await.expect("answered").expect("alive").result.expect("carried out");
    assert!(server.delete(&id(1)).await.expect("deleted"));
    // The mark of a running client must be older than that of a client that connects now can be.
    until(|| {
        let Moment { now, up_since, .. } = server.clock().moment();
        now.since(up_since) > Millis(1_500)
    })
    .await;
    let ran = migrate(&url(&file), &valkey, &[]);
    assert!(ran.not_all().starts_with("moved 1, already there 18, dead 0, conflicts 1; verified 19"), "{}", ran.told);
    assert!(ran.said.contains("something uses valkey at 127.0.0.1"), "{}", ran.said);
    assert!(ran.said.contains("--replace would undo what was played"), "{}", ran.said);
    server.close().await.expect("closed");
}

#[tokio::test]
async fn an_unreadable_record_is_reported_and_left_and_the_others_move() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, back) = (folder.path().join("rejoin.redb"), folder.path().join("back.redb"));
    let server = ValkeyServer::start(&[]);
    filled(&file, 0..20).await;
    migrate(&url(&file), &server.url(), &[]).well();
    let key = format!("session:{}", id(3));
    server.command(&["SET", &key, "{\"version\":1,\"odd\":true}"]);
    let ran = migrate(&server.url(), &url(&back), &[]);
    let line = "moved 19, already there 0, dead 0, conflicts 0, unreadable 1; verified 19 ";
    assert!(ran.not_all().starts_with(line), "{}", ran.told);
    assert!(ran.said.contains(&id(3).short_hash()) && !ran.said.contains(&id(3).to_string()), "{}", ran.said);
    assert_eq!(server.command(&["GET", &key]).text(), "{\"version\":1,\"odd\":true}");
    assert_eq!(census(&back).await.len(), 19);
}

#[tokio::test]
async fn an_unreachable_valkey_is_reported_with_its_cause_and_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, new) = (folder.path().join("rejoin.redb"), folder.path().join("new.redb"));
    filled(&file, 0..3).await;
    let server = ValkeyServer::start(&["--requirepass", "right-one"]);
    let wrong = format!("valkey://:wrong-one@127.0.0.1:{}", server.port);
    let none = format!("valkey://127.0.0.1:{}", server.port);
    let tls = format!("rediss://:right-one@127.0.0.1:{}", server.port);
    let nobody = "valkey://:right-one@127.0.0.1:1";
    let causes = [
        (wrong.as_str(), "WRONGPASS"),
        (&none, "It asks for a password: set VALKEY_PASSWORD"),
        (&tls, "Is it a port of TLS"),
        (nobody, "Connection refused (os error 111). Nothing listens there"),
    ];
    for (valkey, cause) in causes {
        for (from, to) in [(url(&file), valkey.to_owned()), (valkey.to_owned(), url(&new))] {
            let ran = migrate(&from, &to, &[]);
            assert!(ran.refused().contains(cause), "{}", ran.said);
            assert!(!ran.said.contains("-one"), "{}", ran.said);
        }
    }
    assert!(!new.exists());
}

#[tokio::test]
async fn a_full_valkey_is_reported_and_the_same_command_continues_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rejoin.redb");
    filled(&file, 0..400).await;
    let server = ValkeyServer::start(&[]);
    let used: u64 = server.info("used_memory").parse().expect("a number");
    server.command(&["CONFIG", "SET", "maxmemory", &(used + 700_000).to_string()]);
    let ran = migrate(&url(&file), &server.url(), &[]);
    assert!(ran.not_all().contains("nothing verified"), "{}", ran.told);
    assert!(
        ran.said.contains("valkey at 127.0.0.1") && ran.said.contains("the store has no space left"),
        "{}",
        ran.said
    );
    assert!(ran.said.contains("the same command again goes on"), "{}", ran.said);
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let ran = migrate(&url(&file), &server.url(), &[]);
    assert!(ran.well().contains("verified 400 ") && !ran.line().contains("already there 0"), "{}", ran.told);
}
