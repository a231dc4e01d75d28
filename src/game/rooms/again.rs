//! Playing again with the same players.

use super::super::quiz_source::{OwnQuestions, QuizChoice, pick};
use super::{Credential, GameError, OpenedRoom, RoomSnapshot, Rooms, room_of, unexpected};
use crate::domain::room::{Played, RoomAction, RoomSettings, Successor};
use crate::domain::{Question, Refusal, Reply, Room, RoomReply, Sequence, SessionId};
use crate::game::Dates;
use crate::quizzes::{Order, PlayMode, QuestionCount, Selection};
use crate::store::EventPage;

/// A request for a room in which the players of a finished one go on.
#[derive(Debug, Clone)]
pub struct Again {
    /// What is agreed.
    pub settings: RoomSettings,
    /// What it plays.
    pub quiz: QuizChoice,
}

impl Rooms {
    /// The finished room whose players are to go on, as it is for who may ask for that.
    ///
    /// # Errors
    /// Unknown rooms, those that are no quiz or not over, a credential that is not the host's; or the store's.
    pub async fn finished(&self, id: &SessionId, who: &Credential) -> Result<RoomSnapshot, GameError> {
        let looked = self.look(id, who).await?;
        let room = looked.room().ok_or(GameError::SessionNotFound)?;
        let refusal = match looked.viewer {
            Some(seat) if !room.is_host_or_opener(seat) => Refusal::HostsOnly,
            _ if !room.is_quiz() => Refusal::WrongMode,
            _ if !room.is_finished() => Refusal::NotFinished,
            _ => return Ok(looked),
        };
        Err(refusal.into())
    }

    /// What a finished room has played, to be played again: drawn anew from its bank as long as there is one, or
    /// the same questions.
    pub fn same_quiz(&self, looked: &RoomSnapshot) -> Option<QuizChoice> {
        let room = looked.room()?;
        let (quiz, Played { questions, scoring, planned }) = (room.quiz_id()?, room.played(looked.quiz())?);
        if self.catalogue.get(quiz).is_some() {
            let selection = Selection { count: Some(QuestionCount::Most(planned as usize)), ..Selection::default() };
            return Some(QuizChoice::Bank(Some(quiz.clone()), selection));
        }
        let questions = questions.iter().map(|question| Question::clone(question)).collect();
        Some(QuizChoice::Own(OwnQuestions { questions, scoring: scoring.clone(), orders: [Order::Bank; 2] }))
    }

    /// The room that a finished one's players were led to, if it lives.
    ///
    /// # Errors
    /// The store's.
    pub async fn successor(&self, finished: &RoomSnapshot) -> Result<Option<OpenedRoom>, GameError> {
        match finished.room().and_then(Room::successor) {
            Some(known) => self.alive(known).await,
            None => Ok(None),
        }
    }

    async fn alive(&self, successor: &Successor) -> Result<Option<OpenedRoom>, GameError> {
        let (store, dates) = self.kept(&successor.room_id)?;
        let page = store.events(&successor.room_id, Sequence::default(), 0, dates.at).await?;
        let Some(EventPage { session, epoch, .. }) = page else { return Ok(None) };
        let (Some(room), Some(code)) = (room_of(&session), session.state.join_code.clone()) else { return Ok(None) };
        let expires = dates.of(session.state.life.promised_end(dates.at.now));
        Ok(Some(OpenedRoom { room: session.id.clone(), code, host: room.opener(), token: None, epoch, expires, dates }))
    }

    /// Opens the room in which the players of a finished one go on, and leads them there. Of two who ask for it
    /// at once both get the same room.
    ///
    /// # Errors
    /// An unknown quiz, an empty selection, nobody left to host it; or the store's.
    pub async fn again(&self, finished: &RoomSnapshot, who: &Credential, new: Again) -> Result<OpenedRoom, GameError> {
        let (old, owner) = (finished.room().ok_or(GameError::SessionNotFound)?, finished.session.state.owner.clone());
        // The room's own bank was open to whoever opened it; of another one a seat's token opens nothing.
        let is_same = matches!(&new.quiz, QuizChoice::Bank(Some(quiz), _) if old.quiz_id() == Some(quiz));
        let is_trusted = owner.is_some() && (is_same || matches!(who, Credential::Backend(_)));
        let quiz = pick(&self.catalogue, &self.chance, new.quiz, (PlayMode::Rooms, is_trusted))?;
        let now = Dates::shown_by(&*self.router.main().clock()).at.now;
        let room = old.again(new.settings, &quiz, now).ok_or(Refusal::BadToken)?;
        let opened = self.keep(room, Some(quiz), owner, None).await?;
        let successor = Successor { room_id: opened.room.clone(), join_code: opened.code.clone() };
        let instead_of = old.successor().map(|known| known.room_id.clone());
        let lead = RoomAction::LeadTo { successor, instead_of };
        match self.act_as(&finished.session.id, who, lead).await?.reply {
            RoomReply::Successor(theirs) if theirs.room_id != opened.room => {
                self.router.main().delete(&opened.room).await?;
                self.alive(&theirs).await?.ok_or(GameError::SessionNotFound)
            }
            RoomReply::Successor(_) => Ok(opened),
            other => Err(unexpected(&Reply::Room(other))),
        }
    }
}
