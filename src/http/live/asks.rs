//! What a client asks for over its live connection, carried out; and the replies that were given.

use std::collections::VecDeque;

use actix_web::web;
use futures_util::future::LocalBoxFuture;

use super::super::Shared;
use super::super::json::shallow;
use super::super::problem::Problem;
use super::super::rooms::{
    RecordedOut, answer_key, answered, drafts, handed_out, join_code, moved, snapshot, unexpected,
};
use super::super::websocket::Frame;
use super::frames::{self, Asked};
use crate::domain::room::Ask;
use crate::domain::{EventDraft, RepeatKey, RoomReply, SeatId, SessionId};
use crate::game::rooms::Credential;

/// Replies that are kept for repeats on one connection.
const MOST_KEPT: usize = 64;

/// The replies that were given last, by the ids of their frames; `None` while one is on its way. A
/// refusal is not kept: asked again, it may have become possible.
#[derive(Default)]
pub(super) struct Replies(VecDeque<(String, Option<Frame>)>);

impl Replies {
    pub(super) fn find(&self, id: &str) -> Option<&Option<Frame>> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, frame)| frame)
    }

    pub(super) fn begin(&mut self, id: &str) {
        self.0.push_back((id.to_owned(), None));
        if self.0.len() > MOST_KEPT {
            self.0.pop_front();
        }
    }

    /// The reply that was given, or that there was none.
    pub(super) fn end(&mut self, id: &str, frame: Option<Frame>) {
        let Some(place) = self.0.iter().position(|(known, _)| known == id) else { return };
        match frame {
            Some(frame) => self.0[place].1 = Some(frame),
            None => drop(self.0.remove(place)),
        }
    }
}

/// The id of a frame, and what is answered to it.
pub(super) type Answer = (Option<String>, Result<Frame, Problem>);

/// Asks in the name of one connection.
#[derive(Clone)]
pub(super) struct Asker {
    shared: web::Data<Shared>,
    id: SessionId,
    who: Credential,
}

impl Asker {
    pub(super) fn new(shared: web::Data<Shared>, id: SessionId, seat: Option<SeatId>, generation: u32) -> Self {
        let who = seat.map_or(Credential::Backend, |seat| Credential::Connection { seat, generation });
        Self { shared, id, who }
    }

    /// Carries out what is asked. What is asked first is lined up first.
    pub(super) fn ask(&self, id: Option<String>, asked: Asked) -> LocalBoxFuture<'static, Answer> {
        let asker = self.clone();
        Box::pin(async move {
            let answer = asker.carry_out(id.as_deref(), asked).await;
            (id, answer)
        })
    }

    async fn carry_out(&self, re: Option<&str>, asked: Asked) -> Result<Frame, Problem> {
        let rooms = &self.shared.rooms;
        let ask = match asked {
            Asked::Answer(answer) => {
                let key = answer.key.as_deref().or(re);
                let repeat = key.map(|key| answer_key(key, &answer.question_id, answer.option_id));
                Ask::Answer { question: answer.question_id, option: answer.option_id, repeat }
            }
            Asked::Say(say) => {
                let payload = shallow("payload", &say.payload)?;
                let repeat = say.key.as_deref().or(re).map(|key| RepeatKey::new("say", key, &[&payload]));
                Ask::Say { payload, repeat }
            }
            Asked::Record(record) => {
                let events = drafts(record.events)?;
                let repeat = record.key.as_deref().or(re).map(|key| record_key(key, &events));
                Ask::Record { events, expected: record.expected, repeat }
            }
            Asked::Host(at, host_move) => Ask::Host(at, host_move),
            Asked::Leave => Ask::Leave,
            Asked::Code(seat) => {
                let (seat_code, until) =
                    rooms.hand_out_code(&self.id, &self.who, seat).await.map_err(Problem::in_room)?;
                return Ok(frames::reply(re, handed_out(seat_code, until)));
            }
            Asked::JoinCode => {
                let code = rooms.change_join_code(&self.id, &self.who).await.map_err(Problem::in_room)?;
                return Ok(frames::reply(re, join_code(&code)));
            }
            Asked::Snapshot => {
                let looked = rooms.look(&self.id, &self.who).await.map_err(Problem::in_room)?;
                return Ok(frames::reply(re, serde_json::json!({ "snapshot": snapshot(&looked)? })));
            }
            // Those are answered by the pump.
            Asked::Resume(_) | Asked::Ack(_) | Asked::Heartbeat => return Ok(frames::done(re)),
        };
        let (reply, _) = rooms.ask_as(&self.id, &self.who, ask).await.map_err(Problem::in_room)?;
        match reply {
            RoomReply::Answered { question, option, received } => {
                Ok(frames::reply(re, answered(question, option, received)))
            }
            RoomReply::Moved(has_moved) => {
                let looked = rooms.look(&self.id, &self.who).await.map_err(Problem::after_a_move)?;
                Ok(frames::reply(re, moved(has_moved, &looked)?))
            }
            RoomReply::Recorded(sequence) => Ok(frames::reply(re, RecordedOut { sequence })),
            RoomReply::Done => Ok(frames::done(re)),
            other => Err(unexpected(&other)),
        }
    }
}

fn record_key(key: &str, events: &[EventDraft]) -> RepeatKey {
    let part = |event: &EventDraft| [event.kind.clone(), event.payload.clone(), seats(event)];
    let parts: Vec<String> = events.iter().flat_map(part).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    RepeatKey::new("record", key, &parts)
}

/// Whom an event is for, as text.
fn seats(event: &EventDraft) -> String {
    let list = |to: &Vec<SeatId>| to.iter().map(|seat| format!("{},", seat.0)).collect();
    event.to.as_ref().map_or_else(|| "all".to_owned(), list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_for_other_seats_is_another() {
        let key = |to: Option<&[u32]>| {
            let to = to.map(|to| to.iter().copied().map(SeatId).collect());
            record_key("k", &[EventDraft { kind: "dealt".to_owned(), payload: "1".to_owned(), to }])
        };
        let all = [key(None), key(Some(&[])), key(Some(&[1])), key(Some(&[1, 2])), key(Some(&[12]))];
        for (n, one) in all.iter().enumerate() {
            assert!(all[..n].iter().all(|other| other.key == one.key && other.body != one.body), "{n}");
        }
        assert!(key(Some(&[1])) == key(Some(&[1])));
    }
}
