//! Pruning: a client that returns gets every event, or learns that some are gone.

use super::kit::{HOST, OPEN, Table, acknowledge, at, at_since, by, join, seen};
use crate::domain::room::{
    Caller, HostMove, MOST_EVENT_BYTES, MOST_KEPT, MOST_KEPT_BYTES, RoomAction, RoomReply, RoomSettings,
};
use crate::domain::{EventDraft, Refusal, SeatId, Sequence};

/// A lobby with the seats 1 to 3, all connected. The log's head is 2.
fn lobby() -> Table {
    let mut table = Table::of(2, RoomSettings::default());
    table.connect(HOST, at(0));
    table.fill(3, at(0));
    table
}

fn acknowledged(table: &mut Table, seat: u32, sequence: u64, after: u64) {
    let reply = table.ask(by(seat), acknowledge(sequence), at(after));
    assert_eq!(reply, Ok(RoomReply::Acknowledged(Sequence(sequence))));
}

fn pruned(table: &Table) -> u64 {
    table.room().pruned().0
}

#[test]
fn whoever_joins_begins_with_a_snapshot_and_needs_nothing_before_it() {
    let mut table = lobby();
    acknowledged(&mut table, HOST, 2, 1);
    acknowledged(&mut table, 2, 2, 1);
    assert_eq!(pruned(&table), 2, "seat 3 joined as the second event and has it");
    assert_eq!(table.join(4, at(2)), 4);
    for seat in [HOST, 2, 3] {
        acknowledged(&mut table, seat, 3, 3);
    }
    assert_eq!(pruned(&table), 3);
}

#[test]
fn who_comes_late_holds_back_only_what_happens_from_then_on() {
    let mut table = lobby();
    table.host(HostMove::Start, at(100));
    table.join(4, at(200));
    assert!(table.host(HostMove::Close, at(OPEN + 100)));
    for seat in [HOST, 2, 3] {
        acknowledged(&mut table, seat, 5, 3_100);
    }
    assert_eq!(pruned(&table), 4, "the reveal waits for who came late");
    table.ask(Caller::Backend, seen(4, 0, true, Some(5)), at(3_200)).expect("noted");
    assert_eq!(pruned(&table), 5);
}

#[test]
fn who_leaves_or_is_kicked_holds_back_nothing() {
    let mut table = lobby();
    for seat in [HOST, 2] {
        acknowledged(&mut table, seat, 2, 1);
    }
    table.join(4, at(2));
    for seat in [HOST, 2] {
        acknowledged(&mut table, seat, 3, 3);
    }
    assert_eq!(pruned(&table), 2);
    table.ask(by(3), RoomAction::Leave, at(4)).expect("left");
    assert_eq!(pruned(&table), 3);
    table.host(HostMove::Kick(SeatId(4)), at(5));
    for seat in [HOST, 2] {
        acknowledged(&mut table, seat, 5, 6);
    }
    assert_eq!(pruned(&table), 5);
}

#[test]
fn a_seat_silent_for_60_s_is_left_behind_however_present_it_is() {
    let mut table = lobby();
    table.join(4, at(0));
    table.ask(by(4), RoomAction::Leave, at(0)).expect("left");
    for seat in [HOST, 2] {
        acknowledged(&mut table, seat, 4, 59_000);
    }
    table.heartbeat(3, at(59_999));
    assert_eq!(pruned(&table), 2);
    table.heartbeat(3, at(60_000));
    assert_eq!(pruned(&table), 4);
    // The reader counts again from its next acknowledgement on.
    acknowledged(&mut table, 3, 4, 60_001);
    table.join(5, at(60_002));
    acknowledged(&mut table, HOST, 5, 60_003);
    acknowledged(&mut table, 2, 5, 60_003);
    assert_eq!(pruned(&table), 4);
}

#[test]
fn acknowledgements_go_forward_only_and_never_above_the_head() {
    let mut table = lobby();
    acknowledged(&mut table, 2, 2, 1);
    assert_eq!(table.ask(by(2), acknowledge(0), at(2)), Ok(RoomReply::Acknowledged(Sequence(2))));
    table.refused(by(2), acknowledge(3), at(2), Refusal::AheadOfHead(Sequence(2)));
    table.refused(by(2), acknowledge(u64::MAX), at(2), Refusal::AheadOfHead(Sequence(2)));
}

#[test]
fn numbers_go_on_when_everything_is_forgotten() {
    let mut table = lobby();
    for seat in [HOST, 2, 3] {
        acknowledged(&mut table, seat, 2, 1);
    }
    assert_eq!((pruned(&table), table.room().head()), (2, Sequence(2)));
    table.join(4, at(2));
    assert_eq!(table.events.last().map(|event| event.sequence), Some(Sequence(3)));
}

#[test]
fn time_alone_prunes_and_touches_nothing() {
    let mut table = lobby();
    for seat in [HOST, 2, 3] {
        acknowledged(&mut table, seat, 2, 1);
    }
    table.join(4, at(100));
    acknowledged(&mut table, HOST, 3, 101);
    let deadline = table.session.state.life.deadline();
    table.advance(at(60_099));
    assert_eq!(pruned(&table), 2);
    table.advance(at(60_100));
    assert_eq!((pruned(&table), table.session.state.life.deadline()), (3, deadline));
}

#[test]
fn every_word_of_a_seat_touches_the_room_and_no_refusal_does() {
    let mut table = lobby();
    let mut deadline = table.session.state.life.deadline();
    let words = [
        RoomAction::Heartbeat,
        acknowledge(1),
        RoomAction::Resume,
        RoomAction::Host(7, HostMove::Next, None),
        RoomAction::Leave,
    ];
    for (n, ask) in words.into_iter().enumerate() {
        let now = at(4_000_000 + n as u64);
        table.refused(by(2), acknowledge(99), now, Refusal::AheadOfHead(Sequence(2)));
        assert_eq!(table.session.state.life.deadline(), deadline);
        let who = if matches!(ask, RoomAction::Host(..)) { HOST } else { 2 };
        table.ask(by(who), ask, now).expect("carried out");
        assert!(table.session.state.life.deadline() > deadline);
        deadline = table.session.state.life.deadline();
    }
    table.backend(RoomAction::ReportPresence(Vec::new()), at(5_000_000)).expect("noted");
    assert!(table.session.state.life.deadline() > deadline);
}

#[test]
fn no_more_than_the_most_bytes_are_kept() {
    let mut table = Table::external(RoomSettings::default());
    table.ask(Caller::Anyone, join("Ada", "a", None), at(0)).expect("seated");
    let size = MOST_EVENT_BYTES as u64;
    let payload = format!("\"{}\"", "x".repeat(MOST_EVENT_BYTES - 6));
    let record = || {
        let event = EventDraft { kind: "full".to_owned(), payload: payload.clone(), to: None };
        RoomAction::Record { events: vec![event], expected: None, idempotency: None }
    };
    for _ in 0..2 * MOST_KEPT_BYTES / size {
        table.backend(record(), at(1)).expect("recorded");
        let kept = (table.room().head().0 - pruned(&table)) * size;
        assert!(kept <= MOST_KEPT_BYTES + size, "{kept}");
    }
    let kept = (table.room().head().0 - pruned(&table)) * size;
    assert!(kept >= MOST_KEPT_BYTES - 2 * 64 * 1024, "and not much less: {kept}");
}

#[test]
fn forgetting_by_acknowledgement_gives_the_bytes_back() {
    let mut table = Table::external(RoomSettings::default());
    table.join(1, at(0));
    let payload = format!("\"{}\"", "x".repeat(MOST_EVENT_BYTES - 6));
    for _ in 0..600 {
        let event = EventDraft { kind: "full".to_owned(), payload: payload.clone(), to: None };
        let head =
            match table.backend(RoomAction::Record { events: vec![event], expected: None, idempotency: None }, at(1)) {
                Ok(RoomReply::Recorded(head)) => head.0,
                other => panic!("not recorded: {other:?}"),
            };
        assert!(pruned(&table) < head, "the newest stays until it is acknowledged");
        acknowledged(&mut table, 1, head, 1);
        assert_eq!(pruned(&table), head);
    }
}

#[test]
fn an_outage_is_nobodys_silence() {
    let mut table = lobby();
    table.join(4, at(0));
    let up = 500_000;
    table.ask(by(HOST), acknowledge(3), at_since(up, up)).expect("acknowledged");
    table.advance(at_since(up + 59_999, up));
    assert_eq!(pruned(&table), 1, "seat 2 may come back, and find all it missed");
    table.advance(at_since(up + 60_000, up));
    assert_eq!(pruned(&table), 3);
}

/// An external room with one player, and with a backend that reads the log.
fn talk() -> Table {
    let mut table = Table::external(RoomSettings::default());
    table.join(1, at(0));
    table.backend(RoomAction::Resume, at(0)).expect("connected");
    table
}

fn say(bytes: usize) -> RoomAction {
    RoomAction::Say { payload: format!("\"{}\"", "x".repeat(bytes)), idempotency: None }
}

/// Says messages of this size until the log is full, and returns how many were taken.
fn say_all(table: &mut Table, bytes: usize, after: u64) -> u64 {
    for said in 0.. {
        match table.ask(by(1), say(bytes), at(after)) {
            Ok(_) => {}
            Err(Refusal::LogFull) => return said,
            other => panic!("{other:?}"),
        }
    }
    0
}

#[test]
fn what_is_said_pushes_nothing_out_that_is_still_to_be_read() {
    for bytes in [1, 16_000] {
        let mut table = talk();
        let said = say_all(&mut table, bytes, 1);
        assert!(said == MOST_KEPT || said * (bytes as u64 + 40) > MOST_KEPT_BYTES - 150_000, "{said}");
        assert_eq!(pruned(&table), 1, "the backend has read nothing that was said yet");
        table.refused(by(1), say(bytes), at(2), Refusal::LogFull);
        // Only the backend's acknowledgement makes room for more. The player's own doesn't.
        let head = table.room().head().0;
        acknowledged(&mut table, 1, head, 3);
        table.refused(by(1), say(bytes), at(3), Refusal::LogFull);
        table.backend(acknowledge(head), at(3)).expect("acknowledged");
        assert!(say_all(&mut table, bytes, 4) >= said - 1);
    }
}

#[test]
fn who_reads_no_more_and_what_a_backend_records_hold_up_nothing() {
    let mut table = talk();
    say_all(&mut table, 16_000, 1);
    let event = EventDraft { kind: "moved".to_owned(), payload: format!("\"{}\"", "x".repeat(16_000)), to: None };
    for _ in 0..20 {
        let record = RoomAction::Record { events: vec![event.clone()], expected: None, idempotency: None };
        table.backend(record, at(2)).expect("recorded");
    }
    assert!(pruned(&table) > 0);
    table.refused(by(1), say(16_000), at(60_000), Refusal::LogFull);
    table.ask(by(1), say(16_000), at(60_001)).expect("nobody is waited for");
}

#[test]
fn whom_an_event_is_for_takes_room_in_the_log_too() {
    let mut table = Table::external(RoomSettings::default());
    table.join(1, at(0));
    let to = Some(vec![SeatId(1); 4_000]);
    for _ in 0..300 {
        let event = EventDraft { kind: "dealt".to_owned(), payload: "1".to_owned(), to: to.clone() };
        table
            .backend(RoomAction::Record { events: vec![event], expected: None, idempotency: None }, at(1))
            .expect("recorded");
    }
    let kept = (table.room().head().0 - pruned(&table)) * 16_000;
    assert!(kept <= MOST_KEPT_BYTES + 16_000, "{kept}");
}
