//! Migration to a target that already has sessions of its own.

use rejoin::domain::Command as Move;

use super::*;

/// An old file that an operator left, and a newer copy that is to be moved back into it.
struct Left {
    folder: tempfile::TempDir,
}

impl Left {
    /// Fills the old file, and moves its sessions to the newer one.
    async fn behind(numbers: std::ops::Range<u64>) -> Self {
        let left = Self { folder: tempfile::tempdir().expect("a folder") };
        filled(&left.old(), numbers).await;
        migrate(&url(&left.old()), &url(&left.newer()), &[]).well();
        left
    }

    fn old(&self) -> std::path::PathBuf {
        self.folder.path().join("old.redb")
    }

    fn newer(&self) -> std::path::PathBuf {
        self.folder.path().join("new.redb")
    }

    fn back(&self, more: &[&str]) -> Ran {
        migrate(&url(&self.newer()), &url(&self.old()), more)
    }
}

#[tokio::test]
async fn a_game_played_on_is_a_conflict_that_replace_resolves() {
    let left = Left::behind(0..20).await;
    play(&left.newer(), 0, right(0)).await;
    play(&left.newer(), 8, record(2)).await;
    let (older, newer) = (census(&left.old()).await, census(&left.newer()).await);

    let ran = left.back(&[]);
    assert!(ran.not_all().starts_with("moved 0, already there 18, dead 0, conflicts 2; verified 18"), "{}", ran.told);
    for n in [0, 8] {
        assert!(ran.said.contains(&id(n).short_hash()), "{}", ran.said);
        assert!(!ran.said.contains(&id(n).to_string()), "an id is a credential");
    }
    assert!(ran.said.contains("move that file out of the way") && ran.said.contains("--replace"), "{}", ran.said);
    assert_same(&older, &census(&left.old()).await);

    let ran = left.back(&["--replace"]);
    let line = "moved 2 (2 in place of what the target had), already there 18, dead 0, conflicts 0; verified 20";
    assert!(ran.well().starts_with(line), "{}", ran.told);
    assert_same(&newer, &census(&left.old()).await);
    assert!(left.back(&["--replace"]).well().starts_with("moved 0, already there 20"));
}

#[tokio::test]
async fn a_touched_game_keeps_its_extended_life() {
    let left = Left::behind(0..10).await;
    // Two minutes later a player of session 4 came back and only looked.
    let store = owned(&left.newer());
    let now = store.clock().moment();
    let later = Moment { now: now.now.plus(rejoin::domain::Millis(120_000)), ..now };
    store.apply(&id(4), Move::Touch, later).await.expect("answered").expect("alive").result.expect("touched");
    store.close().await.expect("closed");
    let newer = census(&left.newer()).await;

    let ran = left.back(&[]);
    assert!(ran.not_all().contains("already there 9, dead 0, conflicts 1"), "{}", ran.told);
    left.back(&["--replace"]).well();
    let (moved, newer) = (&census(&left.old()).await[&id(4)], &newer[&id(4)]);
    assert!(moved.is_same(newer));
    assert_eq!(self::left(moved), self::left(newer));
}

#[tokio::test]
async fn a_game_that_lives_longer_on_the_target_counts_as_already_there() {
    let left = Left::behind(0..10).await;
    let store = owned(&left.old());
    let now = store.clock().moment();
    let later = Moment { now: now.now.plus(rejoin::domain::Millis(120_000)), ..now };
    store.apply(&id(4), Move::Touch, later).await.expect("answered").expect("alive").result.expect("touched");
    store.close().await.expect("closed");
    let kept = census(&left.old()).await;
    assert!(left.back(&["--replace"]).well().starts_with("moved 0, already there 10"));
    assert_same(&kept, &census(&left.old()).await);
}

#[tokio::test]
async fn games_that_are_only_on_the_target_are_reported() {
    let left = Left::behind(0..10).await;
    let store = owned(&left.newer());
    for n in [1, 2] {
        assert!(store.delete(&id(n)).await.expect("deleted"));
    }
    store.close().await.expect("closed");
    for more in [&["--dry-run"][..], &["--replace"], &[]] {
        let ran = left.back(more);
        ran.well();
        assert!(ran.said.contains("also holds 2 live sessions that did not come from this source"), "{}", ran.said);
    }
    let fresh = left.folder.path().join("fresh.redb");
    let ran = migrate(&url(&left.newer()), &url(&fresh), &[]);
    ran.well();
    assert_eq!(ran.said, "");
    assert_eq!(census(&fresh).await.len(), 8);
}

#[tokio::test]
async fn a_taken_join_code_stays_a_conflict_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from.redb"), folder.path().join("to.redb"));
    filled(&from, 0..20).await;
    let store = owned(&to);
    let now = store.clock().moment();
    // On the target, session 100 holds the code of session 9, session 101 that of session 19, and 19 is
    // another session with the same id.
    for (n, code) in [(100, Some(code(9))), (101, Some(code(19))), (19, None)] {
        let session = external(n, code.as_ref().map(JoinCode::as_str), now);
        store.create(NewSession(session), now).await.expect("created");
    }
    store.close().await.expect("closed");
    let held = census(&to).await;
    for (more, conflicts) in [(&[][..], 2), (&["--replace"], 2), (&["--dry-run", "--replace"], 2)] {
        let ran = migrate(&url(&from), &url(&to), more);
        assert!(ran.not_all().contains(&format!("conflicts {conflicts}")), "{}", ran.told);
        assert!(ran.said.contains("join code"), "{}", ran.said);
        let now = census(&to).await;
        assert_eq!(now.len(), 21);
        assert!(held.iter().all(|(id, dump)| now[id].is_same(dump)));
    }
}

#[tokio::test]
async fn many_conflicts_are_counted_and_the_first_twenty_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("from.redb"), folder.path().join("to.redb"));
    filled(&from, 0..30).await;
    add_others(&to, 0..30).await;
    let ran = migrate(&url(&from), &url(&to), &[]);
    assert!(ran.not_all().contains("conflicts 30"), "{}", ran.told);
    assert!(ran.said.contains("30 sessions have another state") && ran.said.contains("and 10 more"), "{}", ran.said);
    assert_eq!(ran.said.matches('#').count(), 20, "{}", ran.said);
}
