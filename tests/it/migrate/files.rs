//! Migration from file to file: what moves, what does not, and what is refused.

use super::*;
use crate::support::Server;

#[tokio::test]
async fn all_kinds_of_sessions_move_there_and_back_with_their_time_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, two, back] = ["one.redb", "two.redb", "back.redb"].map(|name| folder.path().join(name));
    filled(&one, 0..200).await;
    let at_first = census(&one).await;
    let line = migrate(&url(&one), &url(&two), &[]).well().to_owned();
    assert!(line.starts_with("moved 200, already there 0, dead 0, conflicts 0; verified 200 on the target"), "{line}");
    assert_same(&at_first, &census(&two).await);
    migrate(&url(&two), &url(&back), &[]).well();
    let at_last = census(&back).await;
    assert_same(&at_first, &at_last);
    let store = owned(&back);
    let code = code(9);
    assert_eq!(store.find(&code, store.clock().moment()).await.expect("read"), Some(id(9)), "codes come along");
}

#[tokio::test]
async fn the_source_file_is_not_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from.redb"), folder.path().join("to.redb"));
    filled(&from, 0..50).await;
    let bytes = std::fs::read(&from).expect("read");
    migrate(&url(&from), &url(&to), &["--dry-run"]).well();
    migrate(&url(&from), &url(&to), &[]).well();
    assert!(std::fs::read(&from).expect("read") == bytes);
}

#[tokio::test]
async fn dead_sessions_are_counted_and_not_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from.redb"), folder.path().join("to.redb"));
    filled(&from, 0..10).await;
    add_dead(&from, 10..13).await;
    let ran = migrate(&url(&from), &url(&to), &[]);
    assert!(ran.well().starts_with("moved 10, already there 0, dead 3, conflicts 0; verified 10"), "{}", ran.told);
    assert_eq!(census(&to).await.len(), 10);
}

#[tokio::test]
async fn a_dry_run_reports_what_would_happen_and_creates_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from.redb"), folder.path().join("new/rejoin.redb"));
    filled(&from, 0..20).await;
    let told = |ran: Ran| ran.well().to_owned();
    let line = told(migrate(&url(&from), &url(&to), &["--dry-run"]));
    assert!(line.starts_with("would move 20, already there 0, dead 0, conflicts 0; nothing was changed"), "{line}");
    assert!(!folder.path().join("new").exists());
    let half = folder.path().join("half.redb");
    add_others(&half, 0..5).await;
    let bytes = std::fs::read(&half).expect("read");
    let ran = migrate(&url(&from), &url(&half), &["--dry-run"]);
    assert!(ran.not_all().starts_with("would move 15, already there 0, dead 0, conflicts 5;"), "{}", ran.told);
    let line = told(migrate(&url(&from), &url(&half), &["--dry-run", "--replace"]));
    assert!(line.starts_with("would move 20 (5 in place of what the target had), already there 0"), "{line}");
    assert!(std::fs::read(&half).expect("read") == bytes);
}

#[tokio::test]
async fn a_second_run_moves_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from.redb"), folder.path().join("to.redb"));
    filled(&from, 0..50).await;
    migrate(&url(&from), &url(&to), &[]).well();
    let once = census(&to).await;
    let ran = migrate(&url(&from), &url(&to), &[]);
    assert!(ran.well().starts_with("moved 0, already there 50, dead 0, conflicts 0; verified 50"), "{}", ran.told);
    assert_same(&once, &census(&to).await);
}

#[tokio::test]
async fn a_file_that_a_server_holds_is_refused_and_the_server_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = folder.path().join("rejoin.redb");
    let other = folder.path().join("other.redb");
    filled(&other, 0..3).await;
    let server = Server::process(folder.path(), &[]);
    let game = server.client().play(2).await;
    let ways = [(url(&held), url(&other)), (url(folder.path()), "redb:new.redb".to_owned()), (url(&other), url(&held))];
    for (from, to) in ways {
        let ran = migrate(&from, &to, &[]);
        assert!(ran.refused().contains("another process holds"), "{}", ran.said);
        assert!(ran.said.contains("stop it first") && ran.said.contains("rejoin.redb"), "{}", ran.said);
    }
    assert!(!Path::new("new.redb").exists());
    server.client().resume(&game).await.json(200);
    server.stop().await;
}

#[tokio::test]
async fn a_missing_source_is_refused_and_no_file_is_created() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("nowhere/rejoin.redb"), folder.path().join("to.redb"));
    for missing in [url(&from), url(&folder.path().join("nowhere")), url(folder.path())] {
        let ran = migrate(&missing, &url(&to), &[]);
        assert!(ran.refused().contains("there is no such file"), "{}", ran.said);
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn an_invalid_location_or_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (notes, file) = (folder.path().join("notes.redb"), folder.path().join("file.redb"));
    std::fs::write(&notes, "milk, bread").expect("written");
    filled(&file, 0..1).await;
    let refused = |from: &str, to: &str, word: &str| {
        let ran = migrate(from, to, &[]);
        assert!(ran.refused().contains(word), "{}", ran.said);
    };
    refused(&url(&notes), &url(&file), "cannot be used");
    refused(&url(&file), &url(&notes), "cannot be used");
    refused(&url(&file), &url(&file), "the same");
    refused("data", &url(&file), "--from: write it as redb:data");
    refused(&url(&file), "postgres://host", "--to: write it as");
    assert_eq!(std::fs::read(&notes).expect("read"), b"milk, bread");
}

#[tokio::test]
async fn the_file_of_a_killed_server_can_be_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::process(folder.path(), &[]);
    let game = server.client().play(3).await;
    server.client().answer_as("key", &game, 0, 1).await.json(200);
    server.kill().await;
    let moved = tempfile::tempdir().expect("a folder");
    let ran = migrate(&url(folder.path()), &url(moved.path()), &[]);
    assert!(ran.well().starts_with("moved 1, "), "{}", ran.told);
    let server = Server::process(moved.path(), &[]);
    let first = server.client().answer_as("key", &game, 0, 1).await.json(200);
    assert_eq!(first["answered"], 1, "the repeat gets the first reply: {first}");
    assert_eq!(server.client().resume(&game).await.json(200)["questions"].as_array().map(Vec::len), Some(2));
    server.stop().await;
}
