//! The results of a room's game, by question and by seat. During the game they cover the closed questions.

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
    /// The question that was answered.
    pub question: QuestionId,
    /// The answer. `None` if the player gave none.
    pub answer: Option<Answer>,
    /// How far the answer was right.
    pub grade: Grade,
    /// The points that it earned, speed bonus included.
    pub points: u32,
    /// The time from the opening of the question to the answer.
    pub response: Millis,
}

/// The results of one seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatResults {
    /// The number of the seat.
    pub seat: SeatId,
    /// The player's name. `None` if the seat was created without one.
    pub name: Option<PlayerName>,
    /// The player's id in the backend's own system, if a backend seated the player.
    pub user: Option<UserId>,
    /// Whether the player left before the end.
    pub has_left: bool,
    /// Whether the player was kicked, or the seat revoked.
    pub is_kicked: bool,
    /// The player's rank, from 1. `None` for a player who left or was removed.
    pub rank: Option<usize>,
    /// The player's points in total.
    pub total: u32,
    /// The answers that the player gave, in the order of the questions.
    pub answers: Vec<SeatAnswer>,
}

/// The results of a room's game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomResults {
    /// The quiz that was played.
    pub quiz_id: QuizId,
    /// When the first question was shown. `None` before that.
    pub started: Option<WallTime>,
    /// When the game ended. `None` before that.
    pub finished: Option<WallTime>,
    /// The questions that have closed, in their order.
    pub questions: Vec<Arc<Question>>,
    /// The players, best first. Those who left or were removed come last.
    pub seats: Vec<SeatResults>,
}

/// How much was played in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomTally {
    /// The seats in the stored record, the host's included.
    pub seats: usize,
    /// The questions that have closed. 0 in an external room.
    pub asked: u32,
    /// The answers to them, of all seats together.
    pub answers: usize,
}

impl Room {
    /// How much was played so far.
    pub fn tally(&self) -> RoomTally {
        RoomTally {
            seats: self.seats.len(),
            asked: self.play.as_ref().map_or(0, |play| play.closed()),
            answers: self.closed.iter().map(ClosedAnswers::count).sum(),
        }
    }

    /// The results so far. `None` in an external room.
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
