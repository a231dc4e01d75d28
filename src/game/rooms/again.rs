//! Plays again with the same players: opens a successor for a finished room, and leads its players there.
//!
//! A finished room leads to one live successor, whoever asks and how often.

use super::super::quiz_source::{OwnQuestions, QuizChoice, pick};
use super::{Credential, GameError, OpenedRoom, RoomSnapshot, Rooms, room_of, unexpected};
use crate::domain::room::{Played, RoomAction, RoomSettings, Successor};
use crate::domain::{Question, Refusal, Reply, Room, RoomReply, Sequence, SessionId};
use crate::game::Dates;
use crate::quizzes::{Order, PlayMode, QuestionCount, Selection};
use crate::store::EventPage;

/// A request for a room in which the players of a finished room continue.
#[derive(Debug, Clone)]
pub struct Again {
    /// The checked settings of the new room.
    pub settings: RoomSettings,
    /// The source of its questions.
    pub quiz: QuizChoice,
}

impl Rooms {
    /// Reads a finished room whose players want to continue, and checks that the caller may ask for that: the host,
    /// the opener or a backend.
    ///
    /// # Errors
    /// There is no such room, it has no quiz, it is not finished, the credential is invalid or belongs to another
    /// seat, or the store fails.
    pub async fn finished(&self, id: &SessionId, who: &Credential) -> Result<RoomSnapshot, GameError> {
        let snapshot = self.look(id, who).await?;
        let room = snapshot.room().ok_or(GameError::SessionNotFound)?;
        let refusal = match snapshot.viewer {
            Some(seat) if !room.is_host_or_opener(seat) => Refusal::HostsOnly,
            _ if !room.is_quiz() => Refusal::WrongMode,
            _ if !room.is_finished() => Refusal::NotFinished,
            _ => return Ok(snapshot),
        };
        Err(refusal.into())
    }

    /// The quiz of a finished room, for playing again. If its bank still exists, new questions are drawn from it;
    /// otherwise the same questions are used. `None` in an external room and before the end.
    pub fn same_quiz(&self, snapshot: &RoomSnapshot) -> Option<QuizChoice> {
        let room = snapshot.room()?;
        let (quiz, Played { questions, scoring, planned }) = (room.quiz_id()?, room.played(snapshot.quiz())?);
        if self.catalogue.get(quiz).is_some() {
            let selection = Selection { count: Some(QuestionCount::Most(planned as usize)), ..Selection::default() };
            return Some(QuizChoice::Bank(Some(quiz.clone()), selection));
        }
        let questions = questions.iter().map(|question| Question::clone(question)).collect();
        Some(QuizChoice::Own(OwnQuestions { questions, scoring: scoring.clone(), orders: [Order::Bank; 2] }))
    }

    /// The successor of a finished room, if it has one that is still alive.
    ///
    /// # Errors
    /// The store fails, or the successor is on another instance.
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

    /// Opens the successor of a finished room and leads its players there. If two requests do this at once, both
    /// get the same room.
    ///
    /// # Errors
    /// The quiz is unknown or needs an API key, the selection is empty, nobody is left who could host the room, or
    /// the store fails.
    pub async fn again(&self, finished: &RoomSnapshot, who: &Credential, new: Again) -> Result<OpenedRoom, GameError> {
        let (old, owner) = (finished.room().ok_or(GameError::SessionNotFound)?, finished.session.state.owner.clone());
        // In an owner's room, the host's seat token may use the room's own bank again, even if that bank needs an
        // API key. Another bank that needs a key is open to the backend only.
        let is_same = matches!(&new.quiz, QuizChoice::Bank(Some(quiz), _) if old.quiz_id() == Some(quiz));
        let is_trusted = owner.is_some() && (is_same || matches!(who, Credential::Backend(_)));
        let quiz = pick(&self.catalogue, &self.chance, new.quiz, (PlayMode::Rooms, is_trusted))?;
        let now = Dates::shown_by(self.router.main().clock()).at.now;
        let room = old.again(new.settings, &quiz, now).ok_or(Refusal::BadToken)?;
        // The new room is stored before the old one leads to it: players must find it. If the server stops in
        // between, the new room expires unused.
        let opened = self.keep(room, Some(quiz), owner, None).await?;
        let successor = Successor { room_id: opened.room.clone(), join_code: opened.code.clone() };
        let instead_of = old.successor().map(|known| known.room_id.clone());
        let lead = RoomAction::LeadTo { successor, instead_of };
        match self.act_as(&finished.session.id, who, lead).await?.reply {
            RoomReply::Successor(theirs) if theirs.room_id != opened.room => {
                // Another request was faster. Its room counts, and nobody knows this one.
                self.router.main().delete(&opened.room).await?;
                self.alive(&theirs).await?.ok_or(GameError::SessionNotFound)
            }
            RoomReply::Successor(_) => Ok(opened),
            other => Err(unexpected(&Reply::Room(other))),
        }
    }
}
