//! What a seat may see of its room at a given time. Snapshots, replies and live frames are all built from
//! this.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::closed::ClosedAnswers;
use super::play::{PausedBy, Phase, Play};
use super::room_event::{Ranked, Reveal, SeatVerdict};
use super::seat::{Seat, SubmittedAnswer};
use super::{Room, Successor};
use crate::domain::answer::ShownAnswer;
use crate::domain::events::Sequence;
use crate::domain::ids::{QuizId, SeatId};
use crate::domain::name::PlayerName;
use crate::domain::quiz::{Question, Quiz};
use crate::domain::time::{Millis, Moment, Timestamp};

/// The phase of a room, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PhaseName {
    /// Before the first question.
    Lobby,
    /// A question is shown. It may not be open for answers yet.
    Question,
    /// The right answer to the last question is shown.
    Reveal,
    /// The game is over.
    Finished,
}

/// The current question, or the one that is being revealed.
#[derive(Debug, Clone)]
pub struct QuestionView {
    /// The question's index in the quiz, from 0.
    pub index: u32,
    /// The question with its key. Transports send only its [`PublicQuestion`].
    ///
    /// [`PublicQuestion`]: crate::domain::quiz::public::PublicQuestion
    pub question: Arc<Question>,
    /// When the question opens for answers, or opened.
    pub opens: Timestamp,
    /// When the question closes. An outage can make this later than `limit` after the opening.
    pub closes: Timestamp,
    /// The time limit, which counts from the opening.
    pub limit: Millis,
}

/// A pause of the game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseView {
    /// Why the game is paused.
    pub by: PausedBy,
    /// How many milliseconds the current question has left. `None` during a reveal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
}

/// A seat, as everybody in the room sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatView {
    /// The number of the seat.
    pub seat_id: SeatId,
    /// The player's name. `None` if the seat was created without one.
    pub name: Option<PlayerName>,
    /// Whether the player is connected now.
    pub present: bool,
    /// Whether the player has answered the question that is shown.
    pub answered: bool,
    /// The player's points. `None` if the seat doesn't play.
    pub total: Option<u32>,
    /// The player's rank, from 1. `None` if the seat doesn't play.
    pub rank: Option<usize>,
}

/// A seat, as its own player sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnView {
    /// The number of the seat.
    pub seat_id: SeatId,
    /// The player's name. `None` if the seat was created without one.
    pub name: Option<PlayerName>,
    /// Whether this seat is the host's.
    pub is_host: bool,
    /// Whether this seat answers questions.
    pub plays: bool,
    /// Whether the player has answered the question that is shown.
    pub answered: bool,
    /// The answer to that question.
    #[serde(flatten)]
    pub answer: ShownAnswer,
    /// The player's points so far.
    pub total: u32,
    /// The player's rank, from 1. `None` if the seat doesn't play.
    pub rank: Option<usize>,
}

/// A room, as one seat or a backend sees it.
#[derive(Debug, Clone)]
pub struct RoomView {
    /// The quiz. `None` in an external room.
    pub quiz_id: Option<QuizId>,
    /// The current phase. An external room has none until its game is over.
    pub phase: Option<PhaseName>,
    /// The number of the current phase, from 0.
    pub phase_number: u32,
    /// The pause, if the game is paused.
    pub paused: Option<PauseView>,
    /// Whether the room is closed to new players.
    pub locked: bool,
    /// The host's seat. `None` in an external room.
    pub host: Option<SeatId>,
    /// How many questions the quiz has; 0 in an external room.
    pub question_count: u32,
    /// The current question, or the one that is being revealed.
    pub question: Option<QuestionView>,
    /// When the next question is shown without a move of the host. Only set during a reveal that is not
    /// paused.
    pub advances: Option<Timestamp>,
    /// The reveal of the last question, until the next one is shown.
    pub reveal: Option<Reveal>,
    /// The viewer's own seat. `None` for a backend.
    pub you: Option<OwnView>,
    /// The occupied seats, in the order of their numbers.
    pub seats: Vec<SeatView>,
    /// The final ranking. `None` until a quiz is over, and in an external room.
    pub ranking: Option<Vec<Ranked>>,
    /// The room in which the players continue, if the finished room leads to one.
    pub successor: Option<Successor>,
    /// The sequence number of the newest event.
    pub head: Sequence,
}

/// Who is connected, and how many have answered. It tells nothing about the answers, so it may be sent at any
/// time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The seats whose players are connected.
    pub present: Vec<SeatId>,
    /// How many players have answered the current question.
    pub answered: usize,
}

impl Room {
    /// The room as `viewer` sees it. `None` is a backend.
    pub fn view(&self, quiz: Option<&Quiz>, viewer: Option<SeatId>, at: Moment) -> RoomView {
        let ranks = self.ranks();
        let play = self.play.as_ref();
        let question = play.and_then(|play| question_view(play, quiz, at));
        let index = question.as_ref().map(|question| question.index);
        let closed = index.and_then(|index| self.closed.get(index as usize)).map(ClosedAnswers::unpack);
        let shown = index.map(|_| closed.as_ref());
        let seat = |(id, seat): (&SeatId, &Arc<Seat>)| SeatView {
            seat_id: *id,
            name: seat.name.clone(),
            present: self.is_connected(seat, at),
            answered: shown_answer(shown, *id, seat).is_some(),
            total: seat.plays.then_some(seat.total),
            rank: ranks.get(id).copied(),
        };
        let own = |id: SeatId| {
            let seat = self.seats.get(&id)?;
            let given = shown_answer(shown, id, seat);
            Some(OwnView {
                seat_id: id,
                name: seat.name.clone(),
                is_host: self.host == Some(id),
                plays: seat.plays,
                answered: given.is_some(),
                answer: given.and_then(|given| given.answer.as_ref()).into(),
                total: seat.total,
                rank: ranks.get(&id).copied(),
            })
        };
        RoomView {
            quiz_id: self.quiz_id().cloned(),
            phase: self.phase(),
            phase_number: self.phase_number(),
            paused: play.and_then(|play| self.pause_view(play, at)),
            locked: self.locked,
            host: self.host,
            question_count: play.map_or(0, |play| play.question_count),
            question,
            advances: play.and_then(Play::advances),
            reveal: play.and_then(|play| match &play.phase {
                Phase::Reveal { round, .. } => self.reveal(play, quiz, round.index, closed.as_ref()?),
                _ => None,
            }),
            you: viewer.and_then(own),
            seats: self.seats.iter().filter(|(_, seat)| seat.is_here()).map(seat).collect(),
            ranking: play.filter(|play| play.is_finished()).map(|_| self.ranking()),
            successor: self.successor.clone(),
            head: self.log.head,
        }
    }

    /// The current phase. An external room has none until its game is over.
    pub fn phase(&self) -> Option<PhaseName> {
        self.play.as_ref().map(phase_name).or(self.is_over.then_some(PhaseName::Finished))
    }

    /// The quiz. `None` in an external room.
    pub fn quiz_id(&self) -> Option<&QuizId> {
        self.play.as_ref().map(|play| &play.quiz_id)
    }

    /// How many questions are closed.
    pub fn closed_questions(&self) -> usize {
        self.closed.len()
    }

    /// How many seats are occupied.
    pub fn taken_seats(&self) -> usize {
        self.seats.values().filter(|seat| seat.is_here()).count()
    }

    /// Who is connected, and how many have answered.
    pub fn presence(&self, at: Moment) -> Presence {
        let round = self.play.as_ref().and_then(|play| play.round(at.now));
        let here = || self.seats.iter().filter(|(_, seat)| seat.is_here());
        let has_answered = |seat: &Seat| round.is_some() && seat.answer.is_some();
        Presence {
            present: here().filter(|(_, seat)| self.is_connected(seat, at)).map(|(id, _)| *id).collect(),
            answered: here().filter(|(_, seat)| has_answered(seat)).count(),
        }
    }

    fn is_connected(&self, seat: &Seat, at: Moment) -> bool {
        seat.is_connected && seat.is_present(self.settings.away, at)
    }

    fn pause_view(&self, play: &Play, at: Moment) -> Option<PauseView> {
        let pause = play.pause.as_ref()?;
        Some(PauseView { by: pause.by, remaining_ms: self.remaining(play, at) })
    }

    /// How many milliseconds the current question has left, at most its time limit. `None` without a current
    /// question.
    pub(super) fn remaining(&self, play: &Play, at: Moment) -> Option<u64> {
        play.round(at.now).map(|round| round.closes(at).since(at.now).0.min(round.limit.0))
    }

    /// The players, best first, with their ranks. Equal points share a rank, and the ranks after it are
    /// skipped: 1, 1, 3.
    fn placed(&self) -> impl Iterator<Item = (SeatId, &Seat, usize)> {
        let seats = self.seats.iter().map(|(id, seat)| (id, &**seat));
        let mut playing: Vec<_> = seats.filter(|(_, seat)| seat.is_here() && seat.plays).collect();
        playing.sort_by_key(|(id, seat)| (Reverse(seat.total), **id));
        let mut shared = None;
        playing.into_iter().zip(1..).map(move |((id, seat), place)| {
            let (_, rank) =
                *shared.insert(shared.filter(|(total, _)| *total == seat.total).unwrap_or((seat.total, place)));
            (*id, seat, rank)
        })
    }

    pub(super) fn ranking(&self) -> Vec<Ranked> {
        let ranked = |(seat_id, seat, rank): (SeatId, &Seat, usize)| Ranked {
            seat_id,
            name: seat.name.clone(),
            total: seat.total,
            rank,
        };
        self.placed().map(ranked).collect()
    }

    pub(super) fn ranks(&self) -> BTreeMap<SeatId, usize> {
        self.placed().map(|(id, _, rank)| (id, rank)).collect()
    }

    /// The reveal of a closed question to which these answers were given.
    pub(super) fn reveal(
        &self,
        play: &Play,
        quiz: Option<&Quiz>,
        index: u32,
        answers: &BTreeMap<SeatId, SubmittedAnswer>,
    ) -> Option<Reveal> {
        let question = play.question(quiz, index)?;
        let ranks = self.ranks();
        let unanswered = question.unanswered();
        let grade = |given: Option<&SubmittedAnswer>| given.map_or(unanswered, |given| given.grade);
        let takes_part = |(_, seat): &(&SeatId, &Arc<Seat>)| seat.is_here() && seat.plays && seat.plays_from <= index;
        let verdict = |(id, seat): (&SeatId, &Arc<Seat>)| {
            let given = answers.get(id);
            SeatVerdict {
                seat_id: *id,
                answer: given.and_then(|given| given.answer.as_ref()).into(),
                correct: grade(given).verdict(),
                share: grade(given).partial(),
                points: given.map_or(0, |given| given.points),
                response_ms: given.map(|given| given.response.0),
                total: seat.total,
                rank: ranks.get(id).copied().unwrap_or_default(),
            }
        };
        let verdicts: Vec<_> = self.seats.iter().filter(takes_part).map(verdict).collect();
        let given = self.seats.iter().filter(takes_part).filter_map(|(id, _)| answers.get(id));
        let answers: Vec<_> = given.filter_map(|given| given.answer.as_ref()).collect();
        let counts = question.counts(&answers);
        Some(Reveal::new((play.number, index), question, counts, verdicts))
    }
}

/// A seat's answer to the question that is shown. `shown` is `None` if no question is shown, `Some(None)` for
/// the current question, and `Some(Some(_))` for a closed question with these answers.
fn shown_answer<'a>(
    shown: Option<Option<&'a BTreeMap<SeatId, SubmittedAnswer>>>,
    id: SeatId,
    seat: &'a Seat,
) -> Option<&'a SubmittedAnswer> {
    shown?.map_or(seat.answer.as_ref(), |closed| closed.get(&id))
}

fn question_view(play: &Play, quiz: Option<&Quiz>, at: Moment) -> Option<QuestionView> {
    let round = play.shown_round(at)?;
    let question = play.question(quiz, round.index)?.clone();
    Some(QuestionView { index: round.index, question, opens: round.opens, closes: round.closes, limit: round.limit })
}

fn phase_name(play: &Play) -> PhaseName {
    match play.phase {
        Phase::Lobby => PhaseName::Lobby,
        Phase::Question(_) => PhaseName::Question,
        Phase::Reveal { .. } => PhaseName::Reveal,
        Phase::Finished { .. } => PhaseName::Finished,
    }
}
