//! What happens if a session changes between its move and the check. Only a store that others use can change
//! then, and a test of the binary could not hit that moment.

use std::sync::Arc;

use super::check::Check;
use super::ledger::Ledger;
use super::location::Location;
use super::mover::Mover;
use super::report::MigrationReport;
use super::side::Side;
use super::walk::Patience;
use crate::domain::room::{Caller, RoomAction};
use crate::domain::{Command, EventDraft, GameSession, Lifetimes, Millis, Moment, SeatId, SessionId, Timestamp};
use crate::store::clock::system_wall_clock;
use crate::store::memory::MemoryStore;
use crate::store::valkey::{Topology, ValkeyTarget};
use crate::store::{GameClock, NewSession};

const LIFETIMES: Lifetimes = Lifetimes { ttl: Millis(60_000), max_age: Millis(600_000), results_ttl: Millis(60_000) };

fn side(base: u64, is_ours: bool) -> Side {
    let clock = GameClock::start(Timestamp::from_millis(base), system_wall_clock());
    Side::of(Arc::new(MemoryStore::new(GameSession::apply, base, Arc::new(clock))), is_ours)
}

fn place(is_file: bool) -> Location {
    let valkey = || ValkeyTarget::parse("valkey://a", Topology::Standalone).expect("a good URL");
    if is_file { Location::File("a.redb".into()) } else { Location::Valkey(Box::new(valkey())) }
}

fn id() -> SessionId {
    SessionId::generate(1_000, &[5; 10])
}

async fn put(side: &Side) {
    let at = side.store.clock().moment();
    let session = GameSession::external(id(), 7, None, [SeatId(1)], LIFETIMES, at.now);
    side.store.create(NewSession(session), at).await.expect("created");
}

/// Touches the session `after` milliseconds from now.
async fn touch(side: &Side, after: u64) {
    let at = side.store.clock().moment();
    let at = Moment { now: at.now.plus(Millis(after)), ..at };
    side.store.apply(&id(), Command::Touch, at).await.expect("answered").expect("alive").result.expect("touched");
}

async fn play(side: &Side) {
    let event = EventDraft { kind: "move".to_owned(), payload: "{}".to_owned(), to: None };
    let command =
        Command::room(Caller::Backend, RoomAction::Record { events: vec![event], expected: None, idempotency: None });
    let applied = side.store.apply(&id(), command, side.store.clock().moment()).await.expect("answered");
    applied.expect("alive").result.expect("carried out");
}

/// Moves one session, runs `meanwhile`, and checks. Returns whether the result is good, and the messages.
async fn moved(from_file: bool, to_file: bool, meanwhile: impl AsyncFnOnce(&Side, &Side)) -> (bool, String) {
    let (from, to) = (side(5_000_000, from_file), side(9_000_000, to_file));
    put(&from).await;
    touch(&from, 20_000).await;
    let mover = Arc::new(Mover { is_to_shared: false, from, to: Some(to), replaces: false, is_dry: false });
    let patience = Patience::default();
    let mut ledger = Ledger::default();
    ledger.note(&id(), mover.handle(&id(), &patience).await.expect("nothing stops it"));
    ledger.close();
    meanwhile(&mover.from, mover.to.as_ref().expect("there is one")).await;
    let check = Check { mover, ledger, checked: Default::default() };
    assert!(check.look(&id(), &patience).await.expect("nothing stops it"), "it was moved");
    let report = MigrationReport {
        counts: &check.ledger.counts,
        checked: Some(&check.checked.lock()),
        is_dry: false,
        others: 0,
        from: &place(from_file),
        to: &place(to_file),
        stopped: None,
        took: std::time::Duration::from_millis(500),
    };
    (report.is_good(), format!("{}\n{}", report.line(), report.advice().join("\n")))
}

#[tokio::test]
async fn what_nobody_touched_is_verified_and_nothing_is_said() {
    for (from, to) in [(true, true), (true, false), (false, true), (false, false)] {
        let (is_good, said) = moved(from, to, async |_, _| {}).await;
        let line = "moved 1, already there 0, dead 0, conflicts 0; verified 1 on the target in 0.5 s (2/s)\n";
        assert!(is_good && said == line, "{said}");
    }
}

#[tokio::test]
async fn what_was_deleted_on_a_live_target_is_no_error_and_is_told() {
    let delete = async |_: &Side, to: &Side| assert!(to.store.delete(&id()).await.expect("deleted"));
    let (is_good, said) = moved(true, false, delete).await;
    assert!(is_good && said.contains("sessions that ended, or were deleted, while this ran: 1"), "{said}");
    let (is_good, said) = moved(true, true, delete).await;
    assert!(!is_good && said.contains("is missing"), "nobody else could: {said}");
}

#[tokio::test]
async fn what_was_played_on_the_target_is_no_error_and_what_on_the_source_is_one() {
    let (is_good, said) = moved(true, false, async |_, to| play(to).await).await;
    assert!(is_good && said.contains("played on while this ran") && said.contains("A server runs"), "{said}");
    let (is_good, said) = moved(false, true, async |from, _| play(from).await).await;
    assert!(!is_good && said.contains("stop every server on it"), "{said}");
}

#[tokio::test]
async fn a_longer_life_is_verified_where_others_play_and_a_shorter_one_nowhere() {
    let played = async |_: &Side, to: &Side| touch(to, 40_000).await;
    let (is_good, said) = moved(true, false, played).await;
    assert!(is_good && said.contains("verified 1 "), "{said}");
    let (is_good, said) = moved(true, true, played).await;
    assert!(!is_good && said.contains("lives longer than it should"), "{said}");
    // The same game in the state before it was touched.
    let earlier = async |_: &Side, to: &Side| {
        assert!(to.store.delete(&id()).await.expect("deleted"));
        put(to).await;
    };
    for is_file in [true, false] {
        let (is_good, said) = moved(true, is_file, earlier).await;
        assert!(!is_good && said.contains("lives shorter than it should"), "{said}");
    }
}
