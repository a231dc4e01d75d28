//! The actions that the holder of a credential takes in a room: one method for each.

use super::{Acted, Credential, GameError, Rooms, unexpected};
use crate::domain::room::{HostMove, RoomAction};
use crate::domain::{
    Answer, EventDraft, Idempotency, JoinCode, QuestionId, Reply, RoomReply, SeatId, SecretHash, Sequence, SessionId,
    WallTime,
};
use crate::game::outcomes;
use crate::metrics::{AnswerOutcome, GameKind};
use crate::store::StoreError;

/// Length of a seat code, in characters.
const SEAT_CODE: usize = 8;
/// Maximum join codes that are tried when another live room has the code. After that the store counts as busy.
const MOST_CODES: usize = 8;

/// The question, the answer as the room keeps it (`None` if the player gave none), and when it was first received.
pub type ReceivedAnswer = (QuestionId, Option<Answer>, WallTime);

/// Extracts the part of the reply that belongs to the action. Any other reply is an error.
fn pick<T>(reply: RoomReply, pick: impl FnOnce(RoomReply) -> Result<T, RoomReply>) -> Result<T, GameError> {
    pick(reply).map_err(|other| unexpected(&Reply::Room(other)))
}

fn sequence(reply: RoomReply) -> Result<Sequence, RoomReply> {
    match reply {
        RoomReply::Recorded(sequence) | RoomReply::Acknowledged(sequence) => Ok(sequence),
        other => Err(other),
    }
}

/// Every action fails with `SessionNotFound` if no live room has the id (with `BadToken` if the caller has only a
/// seat token), with a refusal of the rules, or with an error of the store.
impl Rooms {
    /// Answers the open question. `None` says that the player gives no answer.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn answer(
        &self,
        id: &SessionId,
        who: &Credential,
        question: QuestionId,
        answer: Option<Answer>,
    ) -> Result<ReceivedAnswer, GameError> {
        let acted = self.act_as(id, who, RoomAction::Answer { question, answer }).await;
        let outcome = acted.as_ref().map_or_else(outcomes::of_answer, |_| AnswerOutcome::Accepted);
        self.metrics.game.answered(GameKind::Room, outcome);
        pick(acted?.reply, |reply| match reply {
            RoomReply::Answered { question, answer, received } => Ok((question, answer, received)),
            other => Err(other),
        })
    }

    /// Makes a move of the host, in the phase whose number the host saw. Returns whether it changed anything.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
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

    /// Gives up the caller's own seat.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn leave(&self, id: &SessionId, who: &Credential) -> Result<(), GameError> {
        self.act_as(id, who, RoomAction::Leave).await.map(drop)
    }

    /// Takes a seat away from its player. The seat's token stops working.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn revoke(&self, id: &SessionId, who: &Credential, seat: SeatId) -> Result<(), GameError> {
        self.act_as(id, who, RoomAction::Revoke(seat)).await.map(drop)
    }

    /// A sign of life of the caller. Also reports the log's head.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn heartbeat(&self, id: &SessionId, who: &Credential) -> Result<Acted, GameError> {
        self.act_as(id, who, RoomAction::Heartbeat).await
    }

    /// Acknowledges every event up to this one. Returns the highest sequence number acknowledged so far.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn acknowledge(
        &self,
        id: &SessionId,
        who: &Credential,
        through: Sequence,
    ) -> Result<Sequence, GameError> {
        pick(self.act_as(id, who, RoomAction::Acknowledge(through)).await?.reply, sequence)
    }

    /// Sends a message, as JSON text, to the backend of an external room. Returns the sequence number of its
    /// event.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn say(
        &self,
        id: &SessionId,
        who: &Credential,
        payload: String,
        idempotency: Option<Idempotency>,
    ) -> Result<Sequence, GameError> {
        pick(self.act_as(id, who, RoomAction::Say { payload, idempotency }).await?.reply, sequence)
    }

    /// Appends events to the log of an external room. If `expected` is given, it must be the log's head. Returns
    /// the sequence number of the last appended event.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn record(
        &self,
        id: &SessionId,
        who: &Credential,
        (events, expected): (Vec<EventDraft>, Option<Sequence>),
        idempotency: Option<Idempotency>,
    ) -> Result<Sequence, GameError> {
        pick(self.act_as(id, who, RoomAction::Record { events, expected, idempotency }).await?.reply, sequence)
    }

    /// Creates a code with which another device takes over the seat. Returns the code and when it expires.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
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

    /// Gives the room another join code. The previous code stops working.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
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

    /// A random join code. Another live room may have it.
    pub(super) fn code(&self) -> JoinCode {
        self.letters(6).parse().expect("it is made of a code's letters")
    }

    fn letters(&self, count: usize) -> String {
        let letters = JoinCode::ALPHABET;
        (0..count).map(|_| char::from(letters[self.chance.below(letters.len())])).collect()
    }
}
