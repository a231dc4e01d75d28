//! What the holder of a credential does in a room, one method for each action.

use super::{Acted, Credential, GameError, Rooms, unexpected};
use crate::domain::room::{HostMove, RoomAction};
use crate::domain::{
    Answer, EventDraft, Idempotency, JoinCode, QuestionId, Reply, RoomReply, SeatId, SecretHash, Sequence, SessionId,
    WallTime,
};
use crate::store::StoreError;

/// Characters of a seat code.
const SEAT_CODE: usize = 8;
/// How many join codes are tried before a room is said to be busy: one may be taken.
const MOST_CODES: usize = 8;

/// An answer as the room has it, and the date at which it came.
pub type ReceivedAnswer = (QuestionId, Option<Answer>, WallTime);

/// The part of a reply that an action is answered with.
fn pick<T>(reply: RoomReply, pick: impl FnOnce(RoomReply) -> Result<T, RoomReply>) -> Result<T, GameError> {
    pick(reply).map_err(|other| unexpected(&Reply::Room(other)))
}

fn sequence(reply: RoomReply) -> Result<Sequence, RoomReply> {
    match reply {
        RoomReply::Recorded(sequence) | RoomReply::Acknowledged(sequence) => Ok(sequence),
        other => Err(other),
    }
}

/// All fail with `SessionNotFound` where the room is unknown or dead, with the rules' refusals, and with the
/// store's errors.
impl Rooms {
    /// Answers the open question, or says that there is no answer.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn answer(
        &self,
        id: &SessionId,
        who: &Credential,
        question: QuestionId,
        answer: Option<Answer>,
    ) -> Result<ReceivedAnswer, GameError> {
        let acted = self.act_as(id, who, RoomAction::Answer { question, answer }).await?;
        pick(acted.reply, |reply| match reply {
            RoomReply::Answered { question, answer, received } => Ok((question, answer, received)),
            other => Err(other),
        })
    }

    /// Makes a host's move in the phase that the host saw. Whether it moved anything.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn host_move(
        &self,
        id: &SessionId,
        who: &Credential,
        (phase, host_move): (u32, HostMove),
        idempotency: Option<Idempotency>,
    ) -> Result<bool, GameError> {
        let acted = self.act_as(id, who, RoomAction::Host(phase, host_move, idempotency)).await?;
        pick(acted.reply, |reply| match reply {
            RoomReply::Moved(moved) => Ok(moved),
            other => Err(other),
        })
    }

    /// Gives the seat up.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn leave(&self, id: &SessionId, who: &Credential) -> Result<(), GameError> {
        self.act_as(id, who, RoomAction::Leave).await.map(drop)
    }

    /// Takes a seat away.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn revoke(&self, id: &SessionId, who: &Credential, seat: SeatId) -> Result<(), GameError> {
        self.act_as(id, who, RoomAction::Revoke(seat)).await.map(drop)
    }

    /// Says that the holder is still there.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn heartbeat(&self, id: &SessionId, who: &Credential) -> Result<Acted, GameError> {
        self.act_as(id, who, RoomAction::Heartbeat).await
    }

    /// Acknowledges all events up to this one. Gives up to where all are acknowledged.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn acknowledge(
        &self,
        id: &SessionId,
        who: &Credential,
        through: Sequence,
    ) -> Result<Sequence, GameError> {
        pick(self.act_as(id, who, RoomAction::Acknowledge(through)).await?.reply, sequence)
    }

    /// Says something to the backend, as JSON text. Gives the head of the log then.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn say(
        &self,
        id: &SessionId,
        who: &Credential,
        payload: String,
        idempotency: Option<Idempotency>,
    ) -> Result<Sequence, GameError> {
        pick(self.act_as(id, who, RoomAction::Say { payload, idempotency }).await?.reply, sequence)
    }

    /// Appends events to an external room's log, if `expected` (where given) is its head. Gives the head then.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn record(
        &self,
        id: &SessionId,
        who: &Credential,
        (events, expected): (Vec<EventDraft>, Option<Sequence>),
        idempotency: Option<Idempotency>,
    ) -> Result<Sequence, GameError> {
        pick(self.act_as(id, who, RoomAction::Record { events, expected, idempotency }).await?.reply, sequence)
    }

    /// Hands out a code by which another device takes the seat. Gives it, and until when it can be used.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn hand_out_code(
        &self,
        id: &SessionId,
        who: &Credential,
        seat: SeatId,
    ) -> Result<(String, WallTime), GameError> {
        let code = self.letters(SEAT_CODE);
        let acted = self.act_as(id, who, RoomAction::HandOutCode { seat, code: SecretHash::of(&code) }).await?;
        let until = pick(acted.reply, |reply| match reply {
            RoomReply::CodeUntil(until) => Ok(until),
            other => Err(other),
        })?;
        Ok((code, acted.dates.of(until)))
    }

    /// Gives a room another join code; the one before opens no door any more.
    ///
    /// # Errors
    /// No such room, the rules' refusals, or the store's.
    pub async fn change_join_code(&self, id: &SessionId, who: &Credential) -> Result<JoinCode, GameError> {
        for _ in 0..MOST_CODES {
            match self.act_as(id, who, RoomAction::ChangeJoinCode(self.code())).await {
                Err(GameError::Store(StoreError::AlreadyExists)) => continue,
                acted => {
                    return pick(acted?.reply, |reply| match reply {
                        RoomReply::JoinCode(code) => Ok(code),
                        other => Err(other),
                    });
                }
            }
        }
        Err(StoreError::Busy.into())
    }

    /// A new join code.
    pub(super) fn code(&self) -> JoinCode {
        self.letters(6).parse().expect("it is made of a code's letters")
    }

    fn letters(&self, count: usize) -> String {
        let letters = JoinCode::ALPHABET;
        (0..count).map(|_| char::from(letters[self.chance.below(letters.len())])).collect()
    }
}
