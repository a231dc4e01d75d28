//! The course of a room's quiz: showing, answering and closing questions, and what happens by time alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::closed::ClosedAnswers;
use super::play::{PausedBy, Phase, Play, Round};
use super::room_event::{GameFinished, GameResumed, QuestionAsked, RoomEvent};
use super::seat::{Seat, SubmittedAnswer};
use super::{Advance, HostAway, Room, RoomReply, Step};
use crate::domain::answer::Answer;
use crate::domain::ids::{QuestionId, SeatId};
use crate::domain::quiz::public::PublicQuestion;
use crate::domain::quiz::{Question, Quiz};
use crate::domain::refusal::{NotOpen, Refusal};
use crate::domain::scoring::Grade;
use crate::domain::time::{Moment, Timestamp};

impl Room {
    /// Does everything that is due. What follows from it counts its time from now, so a long outage never
    /// plays a room to its end.
    pub(in crate::domain) fn advance(&mut self, step: &mut Step<'_>) {
        // Without its questions a quiz can't move on. Each pass moves it one step, so the loop ends.
        while step.quiz.is_some() && self.advance_once(step) {}
    }

    fn advance_once(&mut self, step: &mut Step<'_>) -> bool {
        let at = step.at;
        let Some(play) = self.play.as_ref().filter(|play| play.is_running()) else { return false };
        let pause = play.pause.as_ref().map(|pause| pause.by);
        let is_host_here = self.is_host_present(at);
        // The order matters: an absent host pauses the game before a question closes that is due as well.
        match (pause, &play.phase) {
            (Some(PausedBy::Away), _) if self.is_host_back(at) => self.go_on(step),
            (Some(_), _) => return false,
            (None, _) if self.pauses_without_host() && !is_host_here => self.pause(PausedBy::Away, step),
            (None, Phase::Question(round)) if at.now >= round.is_over_from(at) || self.has_everyone_answered(at) => {
                self.close(step);
            }
            (None, Phase::Reveal { ends: Some(ends), .. }) if at.now >= *ends => self.next(step),
            _ => return false,
        }
        true
    }

    /// When something will be due by time alone, if no command comes before.
    pub fn next_due(&self, at: Moment) -> Option<Timestamp> {
        let play = self.play.as_ref().filter(|play| play.is_running() && play.pause.is_none())?;
        let away = self.settings.away;
        let host = self.host.and_then(|host| self.seats.get(&host)).filter(|_| self.pauses_without_host());
        let pause = host.map(|host| host.lapses(away, at));
        let move_on = match &play.phase {
            Phase::Question(round) => {
                // A player who goes away is no longer waited for. The question closes early only if somebody
                // has answered.
                let lapse = self.waited_for(round, at).map(|seat| seat.lapses(away, at)).max();
                let lapse = lapse.filter(|_| self.has_anyone_answered(round));
                Some(lapse.map_or(round.is_over_from(at), |lapse| lapse.min(round.is_over_from(at))))
            }
            Phase::Reveal { ends, .. } => *ends,
            Phase::Lobby | Phase::Finished { .. } => None,
        };
        pause.into_iter().chain(move_on).min()
    }

    fn is_host_present(&self, at: Moment) -> bool {
        let host = self.host.and_then(|host| self.seats.get(&host));
        host.is_some_and(|host| host.is_present(self.settings.away, at))
    }

    /// Whether the host has shown activity of its own, which ends the pause. Coming back from an outage is
    /// not activity.
    fn is_host_back(&self, at: Moment) -> bool {
        self.is_host_present(Moment { up_since: Timestamp::default(), ..at })
    }

    /// Whether the game pauses while the host is away. A host that never connected is not missed: it works
    /// with single requests.
    pub(super) fn pauses_without_host(&self) -> bool {
        let host = self.host.and_then(|host| self.seats.get(&host));
        self.settings.host_away == HostAway::Pause && host.is_some_and(|host| host.has_connected())
    }

    fn takes_part(seat: &Seat, round: &Round) -> bool {
        seat.is_here() && seat.plays && seat.plays_from <= round.index
    }

    fn has_anyone_answered(&self, round: &Round) -> bool {
        self.seats.values().any(|seat| Self::takes_part(seat, round) && seat.answer.is_some())
    }

    /// The present players who have not answered the question yet.
    fn waited_for<'a>(&'a self, round: &'a Round, at: Moment) -> impl Iterator<Item = &'a Seat> {
        let away = self.settings.away;
        let has_none = move |seat: &&Seat| seat.answer.is_none() && seat.is_present(away, at);
        self.seats.values().map(|seat| &**seat).filter(move |seat| Self::takes_part(seat, round)).filter(has_none)
    }

    fn has_everyone_answered(&self, at: Moment) -> bool {
        let Some(Phase::Question(round)) = self.play.as_ref().map(|play| &play.phase) else { return false };
        self.has_anyone_answered(round) && self.waited_for(round, at).next().is_none()
    }

    /// Shows the next question, or ends the game after the last one.
    pub(super) fn next(&mut self, step: &mut Step<'_>) {
        let (Some(play), Some(quiz)) = (&mut self.play, step.quiz) else { return };
        let index = play.next_index();
        let Some(question) = quiz.questions.get(index as usize) else { return self.finish(step) };
        let limit = question.time_limit.unwrap_or(self.settings.time_limit);
        let ready = self.settings.ready;
        play.turn(Phase::Question(Round::new(index, ready, limit, step.at.now)));
        play.started = play.started.or(Some(step.at.wall));
        let asked = QuestionAsked {
            phase_number: play.number,
            index,
            question: PublicQuestion::whole(question),
            ready_ms: ready.0,
            time_limit_ms: limit.0,
        };
        self.tell(&RoomEvent::Question(Box::new(asked)), step);
    }

    /// Takes a seat's answer to the current question, once. The same answer again gets the first reply, even
    /// after the question has closed.
    pub(super) fn answer(
        &mut self,
        id: SeatId,
        name: &QuestionId,
        answer: Option<Answer>,
        step: &Step<'_>,
    ) -> Result<RoomReply, Refusal> {
        let (quiz, now) = (step.quiz, step.at.now);
        let play = self.play.as_ref().ok_or(Refusal::WrongMode)?;
        let seat = self.seats.get(&id).ok_or(Refusal::UnknownSeat)?;
        // First: the same answer again gets its reply although the question may be closed by now.
        if let Some((question, first)) = self.answered_before(play, quiz, (id, seat), name) {
            let again = answer.map(|answer| question.take(answer)).transpose();
            return match again {
                Ok(answer) if answer == first.answer => {
                    Ok(RoomReply::Answered { question: name.clone(), answer, received: first.received })
                }
                _ => Err(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered)),
            };
        }
        let not_open = |reason| Err(Refusal::QuestionNotOpen(reason));
        let Phase::Question(round) = &play.phase else { return not_open(not_open_now(play, quiz, name)) };
        let question = play.question(quiz, round.index).filter(|question| question.id == *name);
        let Some(question) = question else { return not_open(NotOpen::OtherQuestion) };
        if !Self::takes_part(seat, round) {
            return Err(Refusal::NotPlaying);
        }
        if play.pause.is_some() {
            return Err(Refusal::RoomPaused);
        }
        if now < round.opens {
            return not_open(NotOpen::NotYet);
        }
        if now >= round.is_over_from(step.at) {
            return not_open(NotOpen::TooLate);
        }
        let answer = answer.map(|answer| question.take(answer)).transpose()?;
        let response = now.since(round.opens).min(round.limit);
        let received = step.at.wall;
        let given = SubmittedAnswer { answer: answer.clone(), received, response, grade: Grade::NONE, points: 0 };
        let question = question.id.clone();
        if let Some(seat) = self.seat_mut(id) {
            (seat.answer, seat.has_answered) = (Some(given), true);
        }
        Ok(RoomReply::Answered { question, answer, received })
    }

    /// Closes the current question: grades every answer, and emits the reveal.
    pub(super) fn close(&mut self, step: &mut Step<'_>) {
        let (Some(play), Some(quiz)) = (&mut self.play, step.quiz) else { return };
        let Phase::Question(round) = &play.phase else { return };
        let (index, round) = (round.index, round.settled(step.at));
        let Some(question) = quiz.questions.get(index as usize) else { return };
        let mut answers = BTreeMap::new();
        for (id, seat) in self.seats.iter_mut().filter(|(_, seat)| seat.answer.is_some()) {
            let seat = Arc::make_mut(seat);
            let Some(mut given) = seat.answer.take() else { continue };
            given.grade = question.grade(given.answer.as_ref(), &quiz.scoring);
            given.points = quiz.scoring.points(question, given.grade, given.response).sum();
            seat.total = seat.total.saturating_add(given.points);
            answers.insert(*id, given);
        }
        let ends = (self.settings.advance == Advance::Auto).then(|| step.at.now.plus(self.settings.reveal));
        play.turn(Phase::Reveal { round, ends });
        // After the totals and the phase have changed, because the reveal shows both.
        let reveal = self.play.as_ref().and_then(|play| self.reveal(play, step.quiz, index, &answers));
        self.closed.push(ClosedAnswers::pack(answers));
        if let Some(reveal) = reveal {
            self.tell(&RoomEvent::Reveal(reveal), step);
        }
    }

    /// The question with this id, and the seat's answer to it. `None` if the seat has not answered it.
    fn answered_before<'a>(
        &self,
        play: &Play,
        quiz: Option<&'a Quiz>,
        (id, seat): (SeatId, &Seat),
        name: &QuestionId,
    ) -> Option<(&'a Question, SubmittedAnswer)> {
        let index = quiz?.questions.iter().position(|question| question.id == *name)? as u32;
        let question = play.question(quiz, index)?;
        let given = match self.closed.get(index as usize) {
            Some(closed) => seat.has_answered.then(|| closed.unpack().remove(&id)).flatten(),
            None => seat.answer.clone().filter(|_| play.closed() == index),
        };
        Some((question, given?))
    }

    /// Ends the game. An open question is closed first, so that no answer that was taken is lost.
    pub(super) fn finish(&mut self, step: &mut Step<'_>) {
        let now = step.at.now;
        if step.quiz.is_none() {
            return;
        }
        // A question that has not opened yet has no answers, and is not revealed.
        if self.play.as_ref().is_some_and(|play| matches!(&play.phase, Phase::Question(round) if round.opens <= now)) {
            self.close(step);
        }
        let Some(play) = &mut self.play else { return };
        let asked = play.closed();
        play.pause = None;
        play.turn(Phase::Finished { asked });
        play.finished = Some(step.at.wall);
        let phase_number = play.number;
        let ranking = self.ranking();
        self.tell(&RoomEvent::Finished(GameFinished { phase_number, ranking }), step);
    }

    pub(super) fn pause(&mut self, by: PausedBy, step: &mut Step<'_>) {
        let Some(play) = &mut self.play else { return };
        play.stop(by, step.at);
        self.tell(&RoomEvent::Paused { by }, step);
    }

    pub(super) fn go_on(&mut self, step: &mut Step<'_>) {
        let Some(play) = &mut self.play else { return };
        play.go_on(step.at.now);
        let remaining_ms = self.play.as_ref().and_then(|play| self.remaining(play, step.at));
        self.tell(&RoomEvent::Resumed(GameResumed { remaining_ms }), step);
    }
}

/// Why no answer is taken while there is no current question.
fn not_open_now(play: &Play, quiz: Option<&Quiz>, name: &QuestionId) -> NotOpen {
    let is_named = |index: &u32| play.question(quiz, *index).is_some_and(|question| question.id == *name);
    match &play.phase {
        Phase::Lobby => NotOpen::NotYet,
        Phase::Reveal { round, .. } if !is_named(&round.index) => NotOpen::OtherQuestion,
        Phase::Question(_) | Phase::Reveal { .. } | Phase::Finished { .. } => NotOpen::TooLate,
    }
}
