//! Opening a room: its id, its code, its quiz.

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

/// How often another id and code are tried.
const MOST_TRIES: usize = 8;

/// What a room plays.
#[derive(Debug, Clone)]
pub enum RoomQuiz {
    /// A quiz, with a host.
    Quiz(QuizChoice, PlayerName),
    /// A game whose rules lie elsewhere.
    External,
}

/// A request for a new room.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// What is agreed.
    pub settings: RoomSettings,
    /// What it plays.
    pub quiz: RoomQuiz,
    /// Its owner, if it is opened with an API key.
    pub owner: Option<Owner>,
}

/// A room that was just opened.
#[derive(Debug, Clone)]
pub struct OpenedRoom {
    /// Its id.
    pub room: SessionId,
    /// The code by which it is joined.
    pub code: JoinCode,
    /// The host's seat; none in an external room.
    pub host: Option<SeatId>,
    /// The token of it; none where the host has one already.
    pub token: Option<Token>,
    /// The name of this life of its numbering.
    pub epoch: String,
    /// Until when it lives if nothing more happens.
    pub expires: WallTime,
    /// When it was opened.
    pub dates: Dates,
}

impl Rooms {
    /// Opens a room; the repeat of a request gets the same one.
    ///
    /// # Errors
    /// An unknown quiz, an empty selection, a key that was used for another room; or the store's.
    pub async fn open(&self, new: NewRoom, idempotency: Option<IdempotencyKey>) -> Result<OpenedRoom, GameError> {
        match idempotency {
            Some(idempotency) => {
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
        let now = Dates::shown_by(&*self.router.main().clock()).at.now;
        let room = match (&quiz, &host) {
            (Some(quiz), Some((name, token))) => Room::with_quiz(new.settings, name.clone(), token.hash(), quiz, now),
            _ => Room::external(new.settings, [], now),
        };
        self.keep(room, quiz, new.owner, host.map(|(_, token)| token)).await
    }

    /// Keeps a new room under an id and a code of its own.
    pub(super) async fn keep(
        &self,
        room: Room,
        quiz: Option<Quiz>,
        owner: Option<Owner>,
        token: Option<Token>,
    ) -> Result<OpenedRoom, GameError> {
        let store = self.router.main();
        let dates = Dates::shown_by(&*store.clock());
        let (now, host) = (dates.at.now, room.host());
        for _ in 0..MOST_TRIES {
            let id = SessionId::generate(now.as_millis(), &self.chance.bytes());
            let code = self.code();
            let nonce = u64::from_le_bytes(self.chance.bytes());
            let made = (room.clone(), quiz.clone());
            let session = GameSession::room(id.clone(), nonce, Some(code.clone()), made, self.lifetimes, now);
            let session = session.owned_by(owner.clone());
            let expires = dates.of(session.state.life.promised_end(now));
            match store.create(NewSession(session), dates.at).await {
                Err(StoreError::AlreadyExists) => continue,
                created => created?,
            }
            let epoch = self.events(&id, Sequence::default(), 0).await?.0.epoch;
            return Ok(OpenedRoom { room: id, code, host, token, epoch, expires, dates });
        }
        Err(StoreError::Busy.into())
    }
}
