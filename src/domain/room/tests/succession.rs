//! Playing again: which players continue, and where a finished room leads.

use super::kit::{HOST, OPEN, Table, at, by, quiz, token};
use crate::domain::room::{Caller, HostMove, RoomAction, RoomReply, RoomSettings, Successor};
use crate::domain::{Refusal, SeatId, SessionId};

fn successor(n: u8) -> Successor {
    Successor { room_id: SessionId::generate(1, &[n; 10]), join_code: "XYZ234".parse().expect("valid") }
}

fn lead_to(n: u8, instead_of: Option<u8>) -> RoomAction {
    RoomAction::LeadTo { successor: successor(n), instead_of: instead_of.map(|n| successor(n).room_id) }
}

/// A finished game of two players.
fn finished(settings: RoomSettings) -> Table {
    let mut table = Table::started(2, 1, settings);
    assert!(table.host(HostMove::Finish, at(OPEN)));
    table
}

#[test]
fn a_finished_room_leads_to_one_other_and_tells_it_once() {
    let mut table = finished(RoomSettings::default());
    let told = table.events.len();
    assert_eq!(table.ask(by(HOST), lead_to(1, None), at(OPEN)), Ok(RoomReply::Successor(successor(1))));
    for again in [lead_to(1, None), lead_to(2, None), lead_to(2, Some(3))] {
        assert_eq!(table.backend(again, at(OPEN)), Ok(RoomReply::Successor(successor(1))), "the first one counts");
    }
    assert_eq!(table.events.len(), told + 1);
    assert_eq!(table.events[told].kind, "successor");
    assert_eq!(table.view(2, at(OPEN)).successor, Some(successor(1)));
    // A successor that no longer exists may be replaced.
    assert_eq!(table.backend(lead_to(2, Some(1)), at(OPEN)), Ok(RoomReply::Successor(successor(2))));
    assert_eq!(table.events.len(), told + 2);
}

#[test]
fn only_the_host_leads_and_only_after_the_end_of_a_quiz() {
    let mut table = Table::started(2, 1, RoomSettings::default());
    table.refused(by(HOST), lead_to(1, None), at(OPEN), Refusal::NotFinished);
    table.refused(by(2), lead_to(1, None), at(OPEN), Refusal::HostsOnly);
    table.refused(Caller::Anyone, lead_to(1, None), at(OPEN), Refusal::BadToken);
    let mut external = Table::external(RoomSettings::default());
    external.refused(Caller::Backend, lead_to(1, None), at(0), Refusal::WrongMode);
}

#[test]
fn everybody_who_is_still_here_comes_along_with_seat_name_and_token() {
    let mut table = finished(RoomSettings { host_plays: true, ..RoomSettings::default() });
    table.ask(by(2), RoomAction::Leave, at(OPEN)).expect("the game is over");
    let settings = RoomSettings { late_join: false, ..RoomSettings::default() };
    let room = table.room().again(settings.clone(), &quiz(3, |_| 1), at(OPEN).now).expect("there is a host");
    assert_eq!(room.holder(&token(HOST), None), Ok(SeatId(HOST)));
    assert_eq!(room.holder(&token(3), None), Ok(SeatId(3)));
    assert_eq!(room.holder(&token(2), None), Err(Refusal::BadToken), "who has left stays away");
    let view = room.view(None, Some(SeatId(3)), at(OPEN));
    let names: Vec<_> = view.seats.iter().map(|seat| seat.name.clone()).collect();
    let before: Vec<_> = table.view(3, at(OPEN)).seats.iter().map(|seat| (seat.seat_id, seat.name.clone())).collect();
    assert_eq!(
        names,
        before.iter().filter(|(id, _)| *id != SeatId(2)).map(|(_, name)| name.clone()).collect::<Vec<_>>()
    );
    assert_eq!((room.host(), room.opener(), view.question_count), (Some(SeatId(HOST)), Some(SeatId(HOST)), 3));
    assert_eq!((view.you.expect("a seat").total, room.settings()), (0, &settings));
    assert_eq!(view.seats[0].total, None, "the host plays only where that is agreed");
}

#[test]
fn without_a_host_nobody_goes_on() {
    let mut table = finished(RoomSettings::default());
    table.ask(by(HOST), RoomAction::Leave, at(OPEN)).expect("the game is over");
    assert_eq!(table.room().again(RoomSettings::default(), &quiz(1, |_| 1), at(OPEN).now), None);
}

#[test]
fn what_was_asked_is_known_after_the_end() {
    let table = finished(RoomSettings::default());
    let played = table.room().played(table.session.quiz.as_deref()).expect("it is over");
    assert_eq!((played.questions.len(), played.planned), (1, 1));
    let running = Table::started(1, 1, RoomSettings::default());
    assert!(running.room().played(running.session.quiz.as_deref()).is_none());
}
