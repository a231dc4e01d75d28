//! The host's moves: who may make them, what a stale or unfitting move does, and who is the host while the
//! host is away.

use super::kit::{CLOSE, HOST, OPEN, Table, at, at_since, by, connection, join, seen};
use crate::domain::room::{Caller, HostAway, HostMove, RoomAction, RoomReply, RoomSettings, SeatStatus};
use crate::domain::{Idempotency, IdempotencyKey, Millis, Refusal, SeatId, SecretHash};

const HOLD: HostMove = HostMove::Pause(true);
const GO_ON: HostMove = HostMove::Pause(false);

fn started(players: u32) -> Table {
    Table::started(players, 3, RoomSettings::default())
}

/// A game whose host is connected and was last heard from at 0.
fn with_a_live_host(host_away: HostAway) -> Table {
    let mut table = Table::of(3, RoomSettings { host_away, ..RoomSettings::default() });
    table.fill(3, at(0));
    table.connect(HOST, at(0));
    assert!(table.host(HostMove::Start, at(0)));
    table
}

/// Everything that any seat is shown, as text.
fn shown(table: &Table, after: u64) -> String {
    let view = |seat| format!("{:?}", table.view(seat, at(after)));
    (1..=3).map(view).collect()
}

#[test]
fn a_move_that_arrives_twice_is_made_once() {
    let mut table = Table::of(2, RoomSettings::default());
    for (n, host_move) in [HostMove::Start, HostMove::Close, HostMove::Next, HostMove::Finish].into_iter().enumerate() {
        let now = at(OPEN * (n as u64 + 1));
        let saw = n as u32;
        assert!(table.host_who_saw(saw, host_move, now), "{host_move:?}");
        let told = table.events.len();
        assert!(!table.host_who_saw(saw, host_move, now), "{host_move:?}");
        assert_eq!(table.events.len(), told);
    }
}

#[test]
fn a_move_that_is_stale_or_does_not_fit_shows_nobody_anything_new() {
    let all = [HostMove::Start, HostMove::Next, HostMove::Close, HOLD, GO_ON, HostMove::Lock(true)];
    let all = all.into_iter().chain([HostMove::Kick(SeatId(3)), HostMove::Finish, HostMove::TakeOver]);
    let mut table = started(2);
    for host_move in all {
        for saw in [0, 2, u32::MAX] {
            let before = (shown(&table, OPEN - 1), table.events.len());
            assert!(!table.host_who_saw(saw, host_move, at(OPEN - 1)), "{host_move:?}");
            assert_eq!((shown(&table, OPEN - 1), table.events.len()), before);
        }
    }
    for unfit in [HostMove::Start, HostMove::Next, HostMove::Close, GO_ON, HostMove::Lock(false), HostMove::TakeOver] {
        assert!(!table.host(unfit, at(OPEN - 1)), "{unfit:?} while a question is shown");
    }
    assert!(table.host(HostMove::Close, at(OPEN)));
    for unfit in [HostMove::Start, HostMove::Close, GO_ON] {
        assert!(!table.host(unfit, at(OPEN)), "{unfit:?} during the reveal");
    }
    let mut lobby = Table::of(1, RoomSettings::default());
    for unfit in [HostMove::Next, HostMove::Close, HOLD, GO_ON] {
        assert!(!lobby.host(unfit, at(0)), "{unfit:?} in the lobby");
    }
}

#[test]
fn only_the_host_and_a_backend_move_a_room() {
    let mut table = started(1);
    let moves = [HostMove::Start, HostMove::Next, HostMove::Close, HOLD, HostMove::Lock(true), HostMove::Finish];
    for host_move in moves.into_iter().chain([HostMove::Kick(SeatId(2))]) {
        for saw in [0, 1] {
            table.refused(by(2), RoomAction::Host(saw, host_move, None), at(OPEN), Refusal::HostsOnly);
            table.refused(Caller::Anyone, RoomAction::Host(saw, host_move, None), at(OPEN), Refusal::BadToken);
        }
    }
    assert_eq!(table.backend(RoomAction::Host(1, HostMove::Close, None), at(OPEN)), Ok(RoomReply::Moved(true)));
    assert_eq!(table.backend(RoomAction::Host(1, HostMove::Close, None), at(OPEN)), Ok(RoomReply::Moved(false)));
}

#[test]
fn a_locked_room_lets_nobody_in_until_it_is_unlocked() {
    let mut table = started(1);
    assert!(table.host(HostMove::Lock(true), at(0)));
    assert!(!table.host(HostMove::Lock(true), at(0)));
    table.refused(Caller::Anyone, join("Eve", "e", None), at(1), Refusal::RoomLocked);
    assert!(table.view(2, at(1)).locked);
    assert!(table.host(HostMove::Lock(false), at(2)));
    assert_eq!(table.ask(Caller::Anyone, join("Eve", "e", None), at(2)), Ok(RoomReply::Seated(SeatId(3))));
    assert_eq!(table.kinds()[2..], ["locked", "locked", "joined"]);
}

#[test]
fn who_is_kicked_stays_away_with_that_token_and_by_that_connection() {
    let mut table = started(2);
    let generation = table.connect(2, at(0));
    assert!(table.host(HostMove::Kick(SeatId(2)), at(1)));
    assert_eq!(table.last("kicked")["seatId"], 2);
    for ask in [RoomAction::Resume, RoomAction::Heartbeat, RoomAction::Leave] {
        table.refused(by(2), ask.clone(), at(2), Refusal::Removed);
        table.refused(connection(2, generation), ask, at(2), Refusal::Removed);
    }
    assert_eq!(table.room().generation(SeatId(2)).map(|(_, standing)| standing), Some(SeatStatus::Kicked));
    assert!(!table.host(HostMove::Kick(SeatId(2)), at(3)), "once is enough");
    // A player who joins under the name of the removed one gets a new seat.
    assert_eq!(table.ask(Caller::Anyone, join("Player 2", "x", None), at(4)), Ok(RoomReply::Seated(SeatId(4))));
    assert_eq!(table.view(3, at(4)).seats.iter().map(|seat| seat.seat_id.0).collect::<Vec<_>>(), [1, 3, 4]);
}

#[test]
fn who_only_lost_the_connection_keeps_the_seat() {
    let mut table = started(2);
    let generation = table.connect(2, at(0));
    table.backend(seen(2, generation, false, None), at(100)).expect("noted");
    assert!(!table.view(3, at(100)).seats[1].present);
    table.advance(at(100_000));
    assert_eq!(table.connect(2, at(100_000)), generation + 1);
    assert!(table.view(3, at(100_000)).seats[1].present);
    assert!(!table.kinds().contains(&"left"));
}

#[test]
fn nobody_can_be_kicked_who_is_not_there_and_no_host() {
    let mut table = started(1);
    table.refused(by(HOST), RoomAction::Host(1, HostMove::Kick(SeatId(9)), None), at(1), Refusal::UnknownSeat);
    table.refused(by(HOST), RoomAction::Host(1, HostMove::Kick(SeatId(HOST)), None), at(1), Refusal::HostMayNotLeave);
    table.refused(Caller::Backend, RoomAction::Revoke(SeatId(HOST)), at(1), Refusal::HostMayNotLeave);
    table.refused(Caller::Backend, RoomAction::Revoke(SeatId(9)), at(1), Refusal::UnknownSeat);
    table.refused(by(HOST), RoomAction::Leave, at(1), Refusal::HostMayNotLeave);
}

#[test]
fn a_refused_move_of_a_backends_wakes_nobody() {
    let mut table = with_a_live_host(HostAway::Pause);
    table.advance(at(16_000));
    table.refused(
        Caller::Backend,
        RoomAction::Host(1, HostMove::Kick(SeatId(9)), None),
        at(17_000),
        Refusal::UnknownSeat,
    );
    assert_eq!(table.backend(RoomAction::Host(1, HostMove::Start, None), at(17_000)), Ok(RoomReply::Moved(false)));
    assert_eq!(table.backend(RoomAction::Host(1, HostMove::Lock(true), None), at(17_000)), Ok(RoomReply::Moved(true)));
    assert_eq!(table.kinds()[2..], ["question", "paused", "locked"]);
}

#[test]
fn a_backends_move_stands_in_for_a_host_who_is_away() {
    let mut table = with_a_live_host(HostAway::Pause);
    table.advance(at(16_000));
    assert_eq!(table.backend(RoomAction::Host(1, HostMove::Close, None), at(20_000)), Ok(RoomReply::Moved(true)));
    assert_eq!(table.backend(RoomAction::Host(2, HostMove::Next, None), at(30_000)), Ok(RoomReply::Moved(true)));
    assert_eq!(table.kinds()[2..], ["question", "paused", "resumed", "reveal", "question"]);
    table.advance(at(44_999));
    assert_eq!(*table.kinds().last().expect("one"), "question");
    table.advance(at(45_000));
    assert_eq!(table.last("paused")["by"], "away");
}

#[test]
fn a_host_who_never_connected_is_not_missed() {
    let mut table = started(1);
    table.connect(2, at(15_000));
    table.answer(2, 0, 1, at(20_000)).expect("not paused");
    assert!(!table.kinds().contains(&"paused"));
}

#[test]
fn the_room_pauses_when_the_hosts_grace_is_over_and_goes_on_with_what_was_left() {
    let mut table = with_a_live_host(HostAway::Pause);
    assert_eq!(table.next_due(at(0)), Some(15_000));
    table.advance(at(14_999));
    assert_eq!(table.view(2, at(14_999)).paused, None);
    table.advance(at(15_000));
    let paused = table.view(2, at(60_000)).paused.expect("paused");
    assert_eq!(paused.remaining_ms, Some(8_000));
    assert_eq!(table.next_due(at(15_000)), None, "only the host ends it");
    table.advance(at(1_000_000));
    table.heartbeat(2, at(1_000_000));
    assert_eq!(table.kinds()[2..], ["question", "paused"], "a player's word does not");
    table.heartbeat(HOST, at(1_000_000));
    assert_eq!(table.last("resumed")["remainingMs"], 8_000);
    let question = table.view(2, at(1_000_000)).question.expect("open");
    assert_eq!(question.closes, at(1_008_000).now);
}

#[test]
fn the_end_of_a_connection_is_no_word_of_the_hosts() {
    let mut table = with_a_live_host(HostAway::Pause);
    let (generation, _) = table.room().generation(SeatId(HOST)).expect("there");
    table.advance(at(15_000));
    table.backend(seen(HOST, generation, false, None), at(16_000)).expect("noted");
    assert_eq!(table.kinds()[2..], ["question", "paused"]);
    table.backend(seen(HOST, generation, true, None), at(17_000)).expect("noted");
    assert_eq!(table.kinds()[2..], ["question", "paused", "resumed"]);
}

#[test]
fn an_outage_brings_no_host_back() {
    let mut table = with_a_live_host(HostAway::Pause);
    table.advance(at(15_000));
    table.advance(at_since(100_000, 99_000));
    assert_eq!(table.kinds()[2..], ["question", "paused"]);
    table.ask(by(HOST), RoomAction::Heartbeat, at_since(100_000, 99_000)).expect("back");
    assert_eq!(table.kinds()[2..], ["question", "paused", "resumed"]);
}

#[test]
fn a_host_who_comes_back_to_pause_has_paused() {
    for by_backend in [false, true] {
        let mut table = with_a_live_host(HostAway::Pause);
        table.advance(at(15_000));
        let who = if by_backend { Caller::Backend } else { by(HOST) };
        assert_eq!(table.ask(who.clone(), RoomAction::Host(1, HOLD, None), at(20_000)), Ok(RoomReply::Moved(true)));
        assert_eq!(table.last("paused")["by"], "host");
        table.heartbeat(HOST, at(30_000));
        assert_eq!(table.kinds()[2..], ["question", "paused", "paused"]);
        assert_eq!(table.ask(who, RoomAction::Host(1, GO_ON, None), at(40_000)), Ok(RoomReply::Moved(true)));
        assert_eq!(table.last("resumed")["remainingMs"], 8_000, "both pauses stood still");
    }
}

#[test]
fn a_pause_of_the_hosts_own_lasts_until_the_host_ends_it() {
    let mut table = with_a_live_host(HostAway::Pause);
    assert!(table.host(HOLD, at(10_000)));
    assert!(!table.host(HOLD, at(10_000)));
    table.advance(at(500_000));
    table.connect(HOST, at(500_000));
    assert_eq!(table.kinds()[2..], ["question", "paused"]);
    assert!(table.host(GO_ON, at(500_000)));
    assert!(!table.host(GO_ON, at(500_000)));
    assert_eq!(table.last("resumed")["remainingMs"], 13_000);
}

#[test]
fn a_pause_ends_with_the_move_that_follows_it() {
    let mut table = started(1);
    assert!(table.host(HOLD, at(OPEN)));
    assert!(table.host(HostMove::Close, at(OPEN + 1)));
    assert!(table.host(HOLD, at(OPEN + 2)));
    assert!(table.host(HostMove::Next, at(OPEN + 3)));
    assert!(table.host(HOLD, at(OPEN + 4)));
    assert!(table.host(HostMove::Finish, at(OPEN + 5)));
    let held = ["paused", "resumed", "reveal", "paused", "resumed", "question", "paused", "resumed", "finished"];
    assert_eq!(table.kinds()[2..], held);
}

#[test]
fn the_oldest_present_seat_takes_over_from_a_host_who_is_away() {
    let mut table = with_a_live_host(HostAway::OldestSeat);
    let take_over = |saw| RoomAction::Host(saw, HostMove::TakeOver, None);
    let moved = |table: &mut Table, seat, after| {
        table.advance(at(after));
        let saw = table.room().phase_number();
        table.ask(by(seat), take_over(saw), at(after))
    };
    assert_eq!(moved(&mut table, 2, 14_999), Ok(RoomReply::Moved(false)), "the host is there");
    table.heartbeat(3, at(15_000));
    assert_eq!(moved(&mut table, 3, 15_000), Ok(RoomReply::Moved(false)), "an older seat is present");
    assert_eq!(table.ask(by(2), take_over(0), at(15_000)), Ok(RoomReply::Moved(false)), "stale");
    assert_eq!(table.backend(take_over(1), at(15_000)), Ok(RoomReply::Moved(false)), "a backend has no seat");
    assert_eq!(moved(&mut table, HOST, 14_000), Ok(RoomReply::Moved(false)));
    assert_eq!(moved(&mut table, 3, 30_000), Ok(RoomReply::Moved(true)), "seat 2 is away by now");
    assert_eq!(table.last("host")["seatId"], 3);
    assert_eq!(table.room().host(), Some(SeatId(3)));
    assert!(!table.kinds().contains(&"paused"));
    assert!(table.view(3, at(30_001)).you.expect("there").plays, "a host who plays on");
}

/// A game in which seat 2 stands in as the host.
pub(super) fn with_a_stand_in() -> Table {
    let mut table = with_a_live_host(HostAway::OldestSeat);
    let saw = table.room().phase_number();
    assert_eq!(
        table.ask(by(2), RoomAction::Host(saw, HostMove::TakeOver, None), at(15_000)),
        Ok(RoomReply::Moved(true))
    );
    assert_eq!(table.room().host(), Some(SeatId(2)));
    table
}

#[test]
fn who_opened_the_room_is_host_again_by_coming_back() {
    let hosts = |table: &Table| table.events.iter().filter(|event| event.kind == "host").count();
    let generation = |table: &Table| table.room().generation(SeatId(HOST)).map(|(generation, _)| generation);
    let mut table = with_a_stand_in();
    let before = generation(&table);
    table.heartbeat(HOST, at(16_000));
    assert_eq!(table.room().host(), Some(SeatId(2)), "a page that is open somewhere is not back");
    table.connect(HOST, at(16_000));
    assert_eq!((table.room().host(), table.last("host")["seatId"].as_u64()), (Some(SeatId(HOST)), Some(1)));
    assert_eq!(generation(&table), before, "the host's connections don't supersede each other");
    table.refused(by(2), RoomAction::Host(1, HostMove::Finish, None), at(16_001), Refusal::HostsOnly);
    table.connect(HOST, at(16_001));
    assert_eq!(hosts(&table), 2, "it is told once");
    for (saw, host_move, moved) in [
        (1, HostMove::Close, true),
        (1, HostMove::Kick(SeatId(2)), true),
        (1, HostMove::TakeOver, true),
        (0, HostMove::Close, false),
    ] {
        let mut table = with_a_stand_in();
        let asked = table.ask(by(HOST), RoomAction::Host(saw, host_move, None), at(16_000));
        assert_eq!(asked, Ok(RoomReply::Moved(moved)), "{host_move:?}");
        assert_eq!((table.room().host(), hosts(&table)), (Some(SeatId(HOST)), 2));
    }
    let mut table = with_a_stand_in();
    table.refused(by(HOST), RoomAction::Host(1, HostMove::Kick(SeatId(9)), None), at(16_000), Refusal::UnknownSeat);
}

#[test]
fn nobody_takes_the_seat_of_who_opened_the_room() {
    let mut table = with_a_stand_in();
    table.refused(by(2), RoomAction::Host(1, HostMove::Kick(SeatId(HOST)), None), at(16_000), Refusal::HostMayNotLeave);
    table.refused(by(2), RoomAction::Host(1, HostMove::Kick(SeatId(2)), None), at(16_000), Refusal::HostMayNotLeave);
    table.refused(by(HOST), RoomAction::Leave, at(16_000), Refusal::HostMayNotLeave);
    table.refused(Caller::Backend, RoomAction::Revoke(SeatId(HOST)), at(16_000), Refusal::HostMayNotLeave);
    let code = RoomAction::HandOutCode { seat: SeatId(HOST), code: SecretHash::of("code") };
    table.refused(by(2), code, at(16_000), Refusal::HostsOnly);
    assert!(table.room().is_host_or_opener(SeatId(HOST)) && table.room().is_host_or_opener(SeatId(2)));
    assert!(!table.room().is_host_or_opener(SeatId(3)));
}

#[test]
fn after_the_end_who_comes_back_is_told_to_nobody() {
    let mut table = with_a_stand_in();
    assert_eq!(table.ask(by(2), RoomAction::Host(1, HostMove::Finish, None), at(16_000)), Ok(RoomReply::Moved(true)));
    table.connect(HOST, at(17_000));
    assert_eq!(
        table.ask(by(HOST), RoomAction::Host(2, HostMove::Start, None), at(17_000)),
        Ok(RoomReply::Moved(false))
    );
    assert_eq!(*table.kinds().last().expect("one"), "finished");
    table.ask(by(HOST), RoomAction::Leave, at(17_000)).expect("the game needs no host any more");
}

#[test]
fn nobody_takes_over_from_a_host_who_never_connected() {
    let mut table = Table::of(3, RoomSettings { host_away: HostAway::OldestSeat, ..RoomSettings::default() });
    table.fill(3, at(0));
    assert!(table.host(HostMove::Start, at(0)));
    let take_over = RoomAction::Host(1, HostMove::TakeOver, None);
    assert_eq!(table.ask(by(2), take_over, at(20_000)), Ok(RoomReply::Moved(false)));
    assert_eq!(table.room().host(), Some(SeatId(HOST)));
    assert!(!table.kinds().contains(&"host"));
}

#[test]
fn nobody_takes_over_where_the_room_pauses() {
    let mut table = with_a_live_host(HostAway::Pause);
    assert_eq!(
        table.ask(by(2), RoomAction::Host(1, HostMove::TakeOver, None), at(20_000)),
        Ok(RoomReply::Moved(false))
    );
    assert_eq!(table.room().host(), Some(SeatId(HOST)));
}

#[test]
fn an_outage_is_nobodys_absence() {
    for host_away in [HostAway::Pause, HostAway::OldestSeat] {
        let mut table = with_a_live_host(host_away);
        let up = 600_000;
        table.advance(at_since(up + 14_999, up));
        let asked = table.ask(by(2), RoomAction::Host(1, HostMove::TakeOver, None), at_since(up + 14_999, up));
        assert_eq!(asked, Ok(RoomReply::Moved(false)));
        assert!(!table.kinds().contains(&"paused"));
    }
}

#[test]
fn the_hosts_seat_may_have_several_connections_and_another_holder_ends_them() {
    let mut table = started(1);
    let laptop = table.connect(HOST, at(0));
    let phone = table.connect(HOST, at(0));
    for generation in [laptop, phone] {
        table.ask(connection(HOST, generation), RoomAction::Heartbeat, at(1)).expect("both count");
    }
    let code = SecretHash::of("code");
    table.ask(by(HOST), RoomAction::HandOutCode { seat: SeatId(HOST), code }, at(2)).expect("its own");
    let take = RoomAction::TakeSeat { code, token: SecretHash::of("tablet"), idempotency: None };
    assert_eq!(table.ask(Caller::Anyone, take, at(3)), Ok(RoomReply::Seated(SeatId(HOST))));
    table.refused(connection(HOST, laptop), RoomAction::Host(1, HostMove::Finish, None), at(4), Refusal::Superseded);
    table.refused(by(HOST), RoomAction::Host(1, HostMove::Finish, None), at(4), Refusal::BadToken);
    let tablet = Caller::Token(SecretHash::of("tablet"), None);
    assert_eq!(table.ask(tablet, RoomAction::Host(1, HostMove::Finish, None), at(4)), Ok(RoomReply::Moved(true)));
}

#[test]
fn the_start_of_a_host_who_is_away_by_then_waits_for_the_host() {
    let mut table = Table::of(1, RoomSettings { away: Millis(1_000), ..RoomSettings::default() });
    table.connect(HOST, at(0));
    assert_eq!(table.next_due(at(0)), None, "nothing in the lobby waits");
    assert!(table.host(HostMove::Start, at(50_000)), "who moves is there");
    assert_eq!(table.kinds(), ["question"]);
    table.advance(at(51_000));
    assert_eq!(table.kinds(), ["question", "paused"]);
    table.advance(at(CLOSE + 60_000));
    assert_eq!(table.kinds(), ["question", "paused"], "no deadline passes in a pause");
}

#[test]
fn the_repeat_of_a_move_is_told_that_it_moved() {
    let mut table = started(2);
    let key = |id: &str, saw: u32| Some(Idempotency::FrameId(IdempotencyKey::new("move", id, &[&saw.to_string()])));
    let moved = |moved| Ok(RoomReply::Moved(moved));
    let close = |id: &str, saw| RoomAction::Host(saw, HostMove::Close, key(id, saw));
    for _ in 0..2 {
        assert_eq!(table.ask(by(HOST), close("1", 1), at(OPEN)), moved(true));
    }
    assert_eq!(table.ask(by(HOST), close("2", 1), at(OPEN)), moved(false), "another tap");
    assert_eq!(table.ask(by(HOST), close("1", 0), at(OPEN)), moved(false), "another phase");
    assert_eq!(table.backend(close("1", 1), at(OPEN)), moved(false), "another's request");
    assert_eq!(table.kinds().iter().filter(|kind| **kind == "reveal").count(), 1);
    // A later move may undo what a move did. Then the same frame id makes its move again.
    let lock = |locked| RoomAction::Host(2, HostMove::Lock(locked), key("3", 2));
    for locked in [true, true, false, true] {
        assert_eq!(table.ask(by(HOST), lock(locked), at(OPEN)), moved(true));
    }
    assert_eq!(table.kinds().iter().filter(|kind| **kind == "locked").count(), 3);
    // Only the last sixteen moves are known.
    for n in 0..16 {
        let toggle = RoomAction::Host(2, HostMove::Lock(n % 2 == 1), key(&format!("t{n}"), 2));
        assert_eq!(table.ask(by(HOST), toggle, at(OPEN)), moved(true));
    }
    assert_eq!(table.ask(by(HOST), close("1", 1), at(OPEN)), moved(false));
    let first = RoomAction::Host(2, HostMove::Lock(true), key("t15", 2));
    assert_eq!(table.ask(by(HOST), first, at(OPEN)), moved(true));
}

#[test]
fn the_repeat_of_a_move_under_a_key_moves_nothing_however_late() {
    let mut table = started(2);
    let lock = |key: &str, locked: bool| {
        let idempotency = Idempotency::Key(IdempotencyKey::new("move", key, &[&locked.to_string()]));
        RoomAction::Host(1, HostMove::Lock(locked), Some(idempotency))
    };
    for (key, locked) in [("a", true), ("b", false), ("a", true)] {
        assert_eq!(table.ask(by(HOST), lock(key, locked), at(OPEN)), Ok(RoomReply::Moved(true)), "{key}");
    }
    assert_eq!(table.kinds().iter().filter(|kind| **kind == "locked").count(), 2, "what came last stands");
    table.refused(by(HOST), lock("a", false), at(OPEN), Refusal::KeyReused);
    table.refused(by(2), lock("a", true), at(OPEN), Refusal::HostsOnly);
    assert_eq!(table.backend(lock("a", true), at(OPEN)), Ok(RoomReply::Moved(true)), "another's request");
}
