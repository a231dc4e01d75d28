//! Opens rooms: draws the quiz, and stores the room under a new id and join code.

use tokio::time::Instant;

use super::super::quiz_source::{QuizChoice, pick};
use super::{GameError, Rooms};
use crate::domain::room::RoomSettings;
use crate::domain::{
    GameSession, IdempotencyKey, JoinCode, Owner, PlayerName, Quiz, Room, SeatId, Sequence, SessionId, Token, WallTime,
};
use crate::game::Dates;
use crate::quizzes::PlayMode;
use crate::store::{NewSession, StoreError};

/// Maximum insert attempts, each with a new id and join code, when a live session has the id or the code.
const MOST_TRIES: usize = 8;

/// The game of a new room.
#[derive(Debug, Clone)]
pub enum RoomQuiz {
    /// A quiz, and the name of its host.
    Quiz(QuizChoice, PlayerName),
    /// A game whose rules are in the backend. The room keeps only seats and events.
    External,
}

/// A request for a new room.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// The checked settings.
    pub settings: RoomSettings,
    /// The game that it plays.
    pub quiz: RoomQuiz,
    /// The owner. `None` if the request has no API key.
    pub owner: Option<Owner>,
}

/// A room that was opened, now or by an earlier request.
#[derive(Debug, Clone)]
pub struct OpenedRoom {
    /// The id of the room.
    pub room: SessionId,
    /// The code with which players join.
    pub code: JoinCode,
    /// The host's seat. `None` in an external room.
    pub host: Option<SeatId>,
    /// The token of the host's seat. `None` in an external room, and in the successor of a finished room, where
    /// the host keeps its token.
    pub token: Option<Token>,
    /// The epoch of the room's sequence numbers.
    pub epoch: String,
    /// When the room expires if nothing more happens in it.
    pub expires: WallTime,
    /// The time at which the room was opened, or at which an existing successor was read.
    pub dates: Dates,
}

impl Rooms {
    /// Opens a room. A retry with the same idempotency key gets the same room.
    ///
    /// # Errors
    /// The quiz is unknown, the selection is empty, the idempotency key was used with another body, or the store
    /// fails.
    pub async fn open(&self, new: NewRoom, idempotency: Option<IdempotencyKey>) -> Result<OpenedRoom, GameError> {
        match idempotency {
            Some(idempotency) => {
                // A retry that arrives during the first try waits here. If the first try fails, the retry opens.
                let opening = self.openings.of(idempotency, Instant::now())?;
                opening.get_or_try_init(|| self.open_new(new)).await.cloned()
            }
            None => self.open_new(new).await,
        }
    }

    async fn open_new(&self, new: NewRoom) -> Result<OpenedRoom, GameError> {
        let (quiz, host) = match new.quiz {
            RoomQuiz::Quiz(choice, host) => (
                Some(pick(&self.catalogue, &self.chance, choice, (PlayMode::Rooms, new.owner.is_some()))?),
                Some((host, self.token())),
            ),
            RoomQuiz::External => (None, None),
        };
        let now = Dates::shown_by(self.router.main().clock()).at.now;
        let room = match (&quiz, &host) {
            (Some(quiz), Some((name, token))) => Room::with_quiz(new.settings, name.clone(), token.hash(), quiz, now),
            _ => Room::external(new.settings, [], now),
        };
        self.keep(room, quiz, new.owner, host.map(|(_, token)| token)).await
    }

    /// Stores a new room under a new id and a new join code.
    pub(super) async fn keep(
        &self,
        room: Room,
        quiz: Option<Quiz>,
        owner: Option<Owner>,
        token: Option<Token>,
    ) -> Result<OpenedRoom, GameError> {
        let store = self.router.main();
        let dates = Dates::shown_by(store.clock());
        let (now, host) = (dates.at.now, room.host());
        for _ in 0..MOST_TRIES {
            let id = SessionId::generate(now.as_millis(), &self.chance.bytes());
            let code = self.code();
            let nonce = u64::from_le_bytes(self.chance.bytes());
            let made = (room.clone(), quiz.clone());
            let session = GameSession::room(id.clone(), nonce, Some(code.clone()), made, self.lifetimes, now);
            let session = session.owned_by(owner.clone());
            let expires = dates.of(session.state.life.promised_end(now));
            match store.create(NewSession(session.clone()), dates.at).await {
                Err(StoreError::AlreadyExists) => continue,
                created => created?,
            }
            self.activity.room_opened(&session);
            let epoch = self.events(&id, Sequence::default(), 0).await?.0.epoch;
            return Ok(OpenedRoom { room: id, code, host, token, epoch, expires, dates });
        }
        Err(StoreError::Busy.into())
    }
}
