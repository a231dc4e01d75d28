//! What a client asks for over its live connection, carried out. No reply is kept for repeats: what
//! must not happen twice the room itself knows, over this connection and the next.

use actix_web::web;
use futures_util::future::LocalBoxFuture;

use super::super::Shared;
use super::super::idempotency;
use super::super::json::shallow;
use super::super::problem::Problem;
use super::super::rooms::{RecordedOut, answered, drafts, handed_out, join_code, moved, snapshot, unexpected};
use super::super::websocket::Frame;
use super::frames::{self, Asked};
use crate::domain::room::RoomAction;
use crate::domain::{Idempotency, IdempotencyKey, RoomReply, SeatId, SessionId};
use crate::game::rooms::Credential;

/// The id of a frame, and what is answered to it.
pub(super) type FrameReply = (Option<String>, Result<Frame, Problem>);

/// Asks in the name of one connection.
#[derive(Clone)]
pub(super) struct Asker {
    shared: web::Data<Shared>,
    id: SessionId,
    who: Credential,
}

impl Asker {
    pub(super) fn new(shared: web::Data<Shared>, id: SessionId, seat: Option<SeatId>, generation: u32) -> Self {
        let who = seat.map_or(Credential::Backend(None), |seat| Credential::Connection { seat, generation });
        Self { shared, id, who }
    }

    /// Carries out what is asked. What is asked first is lined up first.
    pub(super) fn ask(&self, id: Option<String>, asked: Asked) -> LocalBoxFuture<'static, FrameReply> {
        let asker = self.clone();
        Box::pin(async move {
            let answer = asker.carry_out(id.as_deref(), asked).await;
            (id, answer)
        })
    }

    async fn carry_out(&self, re: Option<&str>, asked: Asked) -> Result<Frame, Problem> {
        let rooms = &self.shared.rooms;
        let ask = match asked {
            Asked::Answer(question, answer) => RoomAction::Answer { question, answer },
            Asked::Say(say) => {
                let payload = shallow("payload", &say.payload)?;
                let idempotency = repeat_of(say.key.as_deref(), re, |key| idempotency::said(key, &payload));
                RoomAction::Say { payload, idempotency }
            }
            Asked::Record(record) => {
                let events = drafts(record.events)?;
                let (key, expected) = (record.key.as_deref(), record.expected);
                let idempotency = repeat_of(key, re, |key| idempotency::recorded(key, &events, expected));
                RoomAction::Record { events, expected, idempotency }
            }
            Asked::Host(at, host_move) => {
                RoomAction::Host(at, host_move, repeat_of(None, re, |id| idempotency::moved(id, at, host_move)))
            }
            Asked::Leave => RoomAction::Leave,
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
        let acted = rooms.act_as(&self.id, &self.who, ask).await.map_err(Problem::in_room)?;
        match acted.reply {
            RoomReply::Answered { question, answer, received } => {
                Ok(frames::reply(re, answered(question, answer.as_ref(), received)))
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

/// How a request's repeat is known: by its key, or else its frame's id.
fn repeat_of(key: Option<&str>, id: Option<&str>, hashes: impl Fn(&str) -> IdempotencyKey) -> Option<Idempotency> {
    let by_id = || id.map(|id| Idempotency::FrameId(hashes(id)));
    key.map(|key| Idempotency::Key(hashes(key))).or_else(by_id)
}
