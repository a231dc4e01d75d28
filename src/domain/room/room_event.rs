//! The events of a room and their payloads.
//!
//! No payload holds a point in time: the event itself has one, and durations count from it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::play::PausedBy;
use super::succession::Successor;
use crate::domain::answer::ShownAnswer;
use crate::domain::events::EventDraft;
use crate::domain::ids::{JoinCode, QuestionId, SeatId};
use crate::domain::name::PlayerName;
use crate::domain::quiz::public::PublicQuestion;
use crate::domain::quiz::{AnswerCount, Correct, Kind, Question};

/// Something that happened in a room, before it becomes an event of the log.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum RoomEvent<'a> {
    Joined(Joined<'a>),
    Left(OfSeat),
    Kicked(OfSeat),
    Revoked(OfSeat),
    Host(OfSeat),
    Locked {
        locked: bool,
    },
    #[serde(rename_all = "camelCase")]
    JoinCode {
        join_code: &'a JoinCode,
    },
    Question(Box<QuestionAsked<'a>>),
    Reveal(Reveal),
    Paused {
        by: PausedBy,
    },
    Resumed(GameResumed),
    Finished(GameFinished),
    Successor(&'a Successor),
    Said(Said),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfSeat {
    pub(super) seat_id: SeatId,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Joined<'a> {
    pub(super) seat_id: SeatId,
    /// `None` if the log is replayed after the player was kicked or revoked.
    pub(super) name: Option<&'a PlayerName>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuestionAsked<'a> {
    pub(super) phase_number: u32,
    pub(super) index: u32,
    pub(super) question: PublicQuestion<'a>,
    pub(super) ready_ms: u64,
    pub(super) time_limit_ms: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GameResumed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GameFinished {
    pub(super) phase_number: u32,
    pub(super) ranking: Vec<Ranked>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said {
    pub(super) seat_id: SeatId,
    pub(super) payload: Box<RawValue>,
}

/// The right answer to a closed question, and every player's verdict. It is the first event that tells
/// anything about the key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reveal {
    phase_number: u32,
    index: u32,
    question_id: QuestionId,
    kind: Kind,
    #[serde(flatten)]
    correct: Correct,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    counts: Vec<AnswerCount>,
    verdicts: Vec<SeatVerdict>,
}

impl Reveal {
    pub(super) fn new(
        (phase_number, index): (u32, u32),
        question: &Question,
        counts: Vec<AnswerCount>,
        verdicts: Vec<SeatVerdict>,
    ) -> Self {
        Self {
            phase_number,
            index,
            question_id: question.id.clone(),
            kind: question.key.kind(),
            correct: question.key.correct(),
            explanation: question.explanation.clone(),
            counts,
            verdicts,
        }
    }
}

/// One seat's verdict on a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatVerdict {
    pub(super) seat_id: SeatId,
    #[serde(flatten)]
    pub(super) answer: ShownAnswer,
    /// `None` in a poll, where nothing is right or wrong.
    pub(super) correct: Option<bool>,
    /// The share that is right, if the answer is right in part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) share: Option<f64>,
    pub(super) points: u32,
    /// `None` if the seat gave no answer.
    pub(super) response_ms: Option<u64>,
    pub(super) total: u32,
    pub(super) rank: usize,
}

/// A player's rank. Players with equal totals share one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ranked {
    /// The number of the seat.
    pub seat_id: SeatId,
    /// The player's name. `None` if the seat was created without one.
    pub name: Option<PlayerName>,
    /// The player's points in total.
    pub total: u32,
    /// The player's rank, from 1.
    pub rank: usize,
}

impl RoomEvent<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Joined(_) => "joined",
            Self::Left(_) => "left",
            Self::Kicked(_) => "kicked",
            Self::Revoked(_) => "revoked",
            Self::Host(_) => "host",
            Self::Locked { .. } => "locked",
            Self::JoinCode { .. } => "joinCode",
            Self::Question(_) => "question",
            Self::Reveal(_) => "reveal",
            Self::Paused { .. } => "paused",
            Self::Resumed(_) => "resumed",
            Self::Finished(_) => super::Room::FINISHED,
            Self::Successor(_) => "successor",
            Self::Said(_) => "said",
        }
    }

    /// The event for the log.
    pub(super) fn draft(&self) -> EventDraft {
        let payload = serde_json::to_string(self).expect("texts and numbers are always JSON");
        // An empty list of recipients: a player's message is for the backend alone.
        let to = matches!(self, Self::Said(_)).then(Vec::new);
        EventDraft { kind: self.kind().to_owned(), payload, to }
    }
}
