//! What a room's game came to, question by question and seat by seat; during the game, of the
//! questions that have closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Room;
use super::closed::ClosedAnswers;
use super::seat::{Seat, SeatStatus, SubmittedAnswer};
use crate::domain::answer::Answer;
use crate::domain::ids::{QuestionId, QuizId, SeatId, UserId};
use crate::domain::name::PlayerName;
use crate::domain::quiz::{Question, Quiz};
use crate::domain::scoring::Grade;
use crate::domain::time::{Millis, WallTime};

/// One seat's answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatAnswer {
    /// The question.
    pub question: QuestionId,
    /// The answer, or `None` for none.
    pub answer: Option<Answer>,
    /// How far it was right.
    pub grade: Grade,
    /// What it earned.
    pub points: u32,
    /// How long it took on the question's clock.
    pub response: Millis,
}

/// What one seat made of the game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatResults {
    /// The seat.
    pub seat: SeatId,
    /// Its player.
    pub name: Option<PlayerName>,
    /// The player in the backend's own system.
    pub user: Option<UserId>,
    /// Whether the player left before the end.
    pub has_left: bool,
    /// Whether the player was kicked, or the seat revoked.
    pub is_kicked: bool,
    /// The place, for those who stayed.
    pub rank: Option<usize>,
    /// Points.
    pub total: u32,
    /// The answers that were given, in the order of the questions.
    pub answers: Vec<SeatAnswer>,
}

/// What a room's game came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomResults {
    /// The quiz.
    pub quiz_id: QuizId,
    /// When the first question was shown.
    pub started: Option<WallTime>,
    /// When the game ended.
    pub finished: Option<WallTime>,
    /// The questions that have closed.
    pub questions: Vec<Arc<Question>>,
    /// The players, best first; who left or was sent away comes last.
    pub seats: Vec<SeatResults>,
}

impl Room {
    /// What the game has come to so far; `None` without a quiz.
    pub fn results(&self, quiz: Option<&Quiz>) -> Option<RoomResults> {
        let play = self.play.as_ref()?;
        let closed = 0..play.closed();
        let questions: Vec<_> = closed.filter_map(|index| play.question(quiz, index).cloned()).collect();
        let ranks = self.ranks();
        let given: Vec<_> = self.closed.iter().map(ClosedAnswers::unpack).collect();
        let of = |(id, seat): (&SeatId, &Arc<Seat>)| SeatResults {
            seat: *id,
            name: seat.name.clone(),
            user: seat.user.clone(),
            has_left: seat.standing == SeatStatus::Left,
            is_kicked: matches!(seat.standing, SeatStatus::Kicked | SeatStatus::Revoked),
            rank: ranks.get(id).copied(),
            total: seat.total,
            answers: answers(*id, &questions, &given),
        };
        let mut seats: Vec<_> = self.seats.iter().filter(|(_, seat)| seat.plays).map(of).collect();
        seats.sort_by_key(|seat| (seat.has_left || seat.is_kicked, std::cmp::Reverse(seat.total), seat.seat));
        let (started, finished) = (play.started, play.finished);
        Some(RoomResults { quiz_id: play.quiz_id.clone(), started, finished, questions, seats })
    }
}

fn answers(seat: SeatId, questions: &[Arc<Question>], given: &[BTreeMap<SeatId, SubmittedAnswer>]) -> Vec<SeatAnswer> {
    let answer = |(question, given): (&Arc<Question>, &BTreeMap<SeatId, SubmittedAnswer>)| {
        let given = given.get(&seat)?;
        Some(SeatAnswer {
            question: question.id.clone(),
            answer: given.answer.clone(),
            grade: given.grade,
            points: given.points,
            response: given.response,
        })
    };
    questions.iter().zip(given).filter_map(answer).collect()
}
