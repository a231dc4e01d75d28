//! Creates solo games, and decides in which store each begins.

use super::{Dates, LoadedGame, NewGame, SoloGames, touched};
use crate::domain::quiz::draft::DraftProblem;
use crate::domain::solo::{Deliver, NewSolo};
use crate::domain::{Game, GameSession, Lifetimes, Millis, Quiz, SessionId, UserId};
use crate::game::GameError;
use crate::game::quiz_source::pick;
use crate::quizzes::PlayMode;
use crate::store::{NewSession, Store, StoreError, StoreResult};

/// The shortest TTL that a caller may ask for.
const SHORTEST_TTL: Millis = Millis::seconds(10);

/// The parts of a new game that don't depend on its store.
#[derive(Clone)]
struct Making {
    user: Option<UserId>,
    metadata: Option<String>,
    deliver: Deliver,
    request: [u8; 16],
    quiz: Quiz,
    lifetimes: Lifetimes,
}

impl Making {
    fn session(self, id: SessionId, nonce: u64, dates: Dates) -> GameSession {
        let Self { user, metadata, deliver, request, quiz, lifetimes } = self;
        let solo = NewSolo { user, metadata, started: dates.wall, deliver, request };
        GameSession::solo(id, nonce, solo, quiz, lifetimes, dates.at.now)
    }
}

impl SoloGames {
    /// Starts a game. With a `session_id`, the same request again returns the same game. Without one, the
    /// game begins in this instance's local fallback while the shared store is unavailable.
    ///
    /// # Errors
    /// The quiz is unknown, the selection is empty, the TTL is out of bounds, or the id is taken; or the
    /// store failed.
    pub async fn create(&self, mut new: NewGame) -> Result<LoadedGame, GameError> {
        match new.session_id.take() {
            None => Ok(self.begin(self.making(new)?).await?),
            Some(id) => self.create_as(id, new).await.map_err(|error| match error {
                // No fallback here: the same id could then be one game in the local store and another in the
                // shared one.
                GameError::Store(StoreError::Unavailable(_)) if self.router.own().is_some() => GameError::NeedsShared,
                error => error,
            }),
        }
    }

    /// Starts a game under the caller's id, or returns the one that the same request has started before.
    async fn create_as(&self, id: SessionId, new: NewGame) -> Result<LoadedGame, GameError> {
        let request = new.request;
        let making = match self.making(new) {
            Ok(making) => making,
            // On a repeat the bank may be gone by now, but the game exists.
            Err(error) => {
                return self.created_before(&id, request).await.map_err(|unknown| error.unless_taken(unknown));
            }
        };
        match self.begin_at(self.router.main(), id.clone(), making).await {
            Err(StoreError::AlreadyExists) => self.created_before(&id, request).await,
            // The store takes no new game, but a repeat only needs to read the existing one.
            Err(error @ (StoreError::Full | StoreError::Busy)) => {
                let before = self.created_before(&id, request).await;
                before.map_err(|unknown| GameError::from(error).unless_taken(unknown))
            }
            begun => Ok(begun?),
        }
    }

    /// The running game that the same request has started before under this id.
    async fn created_before(&self, id: &SessionId, request: [u8; 16]) -> Result<LoadedGame, GameError> {
        let (store, dates) = self.kept(id)?;
        // Read without a touch: only a repeat of the same request may extend the game's life.
        let session = store.get(id, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        match &session.state.game {
            Game::Solo(game) if game.request == request => touched(store, session, dates).await,
            Game::Finished(_) => Err(GameError::SessionFinished),
            _ => Err(GameError::SessionIdTaken),
        }
    }

    /// Begins a game under a new id, in the local fallback if the main store fails. This is safe even if the
    /// outcome in the main store is unknown: a game there would have another id, which nobody ever learns.
    async fn begin(&self, making: Making) -> StoreResult<LoadedGame> {
        let main = self.router.main();
        let spare = self.router.own().map(|own| (own, making.clone()));
        match (self.begin_at(main, self.new_id(main), making).await, spare) {
            (Err(error), Some((own, making))) if is_lasting(&error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a new game begins in the fallback");
                self.begin_at(&own.store, self.new_id(&own.store).at_instance(&own.instance), making).await
            }
            (begun, _) => begun,
        }
    }

    async fn begin_at(&self, store: &Store, id: SessionId, making: Making) -> StoreResult<LoadedGame> {
        let dates = Dates::shown_by(store.clock());
        let session = making.session(id, u64::from_le_bytes(self.chance.bytes()), dates);
        store.create(NewSession(session.clone()), dates.at).await?;
        self.activity.game_begun();
        Ok(LoadedGame::touched(session, dates))
    }

    fn new_id(&self, store: &Store) -> SessionId {
        SessionId::generate(store.clock().moment().now.as_millis(), &self.chance.bytes())
    }

    fn making(&self, new: NewGame) -> Result<Making, GameError> {
        let lifetimes = self.lifetimes_for(new.ttl)?;
        let quiz = pick(&self.catalogue, &self.chance, new.quiz, (PlayMode::Solo, false))?;
        let NewGame { user, metadata, deliver, request, .. } = new;
        Ok(Making { user, metadata, deliver, request, quiz, lifetimes })
    }

    fn lifetimes_for(&self, ttl: Option<Millis>) -> Result<Lifetimes, GameError> {
        let bounds = SHORTEST_TTL..=self.lifetimes.max_age;
        match ttl {
            Some(ttl) if !bounds.contains(&ttl) => {
                let message = format!("{} to {}", bounds.start().0, bounds.end().0);
                Err(GameError::Invalid(vec![DraftProblem::new("ttlMs", message)]))
            }
            Some(ttl) => Ok(Lifetimes { ttl, ..self.lifetimes }),
            None => Ok(self.lifetimes),
        }
    }
}

/// True for errors that an immediate retry would hardly fix.
fn is_lasting(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::OutcomeUnknown | StoreError::Full)
}
