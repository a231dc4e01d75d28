//! Solo games: one player, whose only credential is the session's id.

mod create;

use std::sync::Arc;

use crate::domain::finished::{AnswerReport, Results};
use crate::domain::scoring::Progression;
use crate::domain::solo::{Deliver, SoloGame};
use crate::domain::{
    Answer, Command, Game, GameSession, IdempotencyKey, Lifetimes, Millis, Question, QuestionId, Quiz, Reply,
    SessionId, Submission, Timestamp, UserId, WallTime,
};
use crate::quizzes::Catalogue;
use crate::store::{GameSessionStore, Keeper, StoreRouter};

use super::dates::Dates;
use super::entropy::Entropy;
use super::error::GameError;
pub use super::quiz_source::{OwnQuestions, QuizChoice};
use super::session_access::{apply, lives_until, unexpected};

/// A request for a new game.
#[derive(Debug, Clone)]
pub struct NewGame {
    /// The questions.
    pub quiz: QuizChoice,
    /// Who plays, in the caller's own system.
    pub user: Option<UserId>,
    /// An id of the caller's, without a home, which makes the request repeatable.
    pub session_id: Option<SessionId>,
    /// How long the game lives without a touch.
    pub ttl: Option<Millis>,
    /// How the questions reach the player.
    pub deliver: Deliver,
    /// The caller's own JSON object, as text.
    pub metadata: Option<String>,
    /// Hash of the request.
    pub request: [u8; 16],
}

/// A game as it was found, and when.
#[derive(Debug, Clone)]
pub struct LoadedGame {
    /// The session.
    pub session: GameSession,
    /// When it was read.
    pub dates: Dates,
    /// Until when it lives if nothing more happens.
    lives_until: Timestamp,
}

impl LoadedGame {
    fn touched(session: GameSession, dates: Dates) -> Self {
        let lives_until = session.state.life.promised_end(dates.at.now);
        Self { session, dates, lives_until }
    }

    /// Until when the session lives if nothing more happens.
    pub fn expires(&self) -> WallTime {
        self.dates.of(self.lives_until)
    }

    /// The game and its quiz, as long as it is one of open questions.
    pub fn playing(&self) -> Option<(&SoloGame, &Quiz)> {
        match (&self.session.state.game, &self.session.quiz) {
            (Game::Solo(game), Some(quiz)) => Some((game, quiz)),
            _ => None,
        }
    }

    /// The results so far, or for good.
    pub fn results(&self) -> Option<Results> {
        match (&self.session.state.game, &self.session.quiz) {
            (Game::Finished(game), Some(quiz)) => Some(game.results(quiz)),
            _ => self.playing().map(|(game, quiz)| game.results(quiz, None)),
        }
    }
}

/// A question that was just shown.
#[derive(Debug, Clone)]
pub struct ShownQuestion {
    /// The question.
    pub question: Arc<Question>,
    /// When it was first shown.
    pub opened: WallTime,
    /// When it closes, if it is timed.
    pub closes: Option<WallTime>,
    /// What time it is.
    pub now: WallTime,
}

/// What claiming a game's progression came to.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Whether this request claimed it.
    pub awarded: bool,
    /// Stable name of the award.
    pub award_id: uuid::Uuid,
    /// Whose it is.
    pub user: Option<UserId>,
    /// What it is.
    pub progression: Progression,
}

/// Solo games.
pub struct SoloGames {
    /// Where they are kept.
    pub homes: Arc<StoreRouter>,
    /// What can be played.
    pub catalogue: Arc<Catalogue>,
    /// How long games live.
    pub lifetimes: Lifetimes,
    /// Where ids and draws come from.
    pub chance: Entropy,
}

impl SoloGames {
    /// Who keeps the session, and what time it is there.
    fn kept(&self, id: &SessionId) -> Result<(&dyn GameSessionStore, Dates), GameError> {
        let Keeper { store, clock } = self.homes.of(id)?;
        Ok((&**store, Dates::shown_by(&**clock)))
    }

    /// The session as it is now. Reading touches it.
    async fn seen(&self, id: &SessionId) -> Result<LoadedGame, GameError> {
        let (store, dates) = self.kept(id)?;
        let session = store.get(id, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        touched(store, session, dates).await
    }

    /// A game that goes on.
    ///
    /// # Errors
    /// Unknown, dead or finished sessions; or the store's.
    pub async fn resume(&self, id: &SessionId) -> Result<LoadedGame, GameError> {
        let seen = self.seen(id).await?;
        match seen.session.state.game {
            Game::Solo(_) => Ok(seen),
            Game::Finished(_) => Err(GameError::SessionFinished),
            Game::Room(_) => Err(GameError::SessionNotFound),
        }
    }

    /// A game's results so far, or for good.
    ///
    /// # Errors
    /// Unknown or dead sessions; or the store's.
    pub async fn results(&self, id: &SessionId) -> Result<(Results, Dates), GameError> {
        let seen = self.seen(id).await?;
        let results = seen.results().ok_or(GameError::SessionNotFound)?;
        Ok((results, seen.dates))
    }

    /// Shows a question and starts its clock, once.
    ///
    /// # Errors
    /// Unknown or dead sessions, a question that isn't open; or the store's.
    pub async fn show(&self, id: &SessionId, question: &QuestionId) -> Result<ShownQuestion, GameError> {
        let (store, dates) = self.kept(id)?;
        match apply(store, id, Command::Show(question.clone()), dates.at).await? {
            Reply::Shown { question, opened, closes } => Ok(ShownQuestion {
                question,
                opened: dates.of(opened),
                closes: closes.map(|closes| dates.of(closes)),
                now: dates.wall,
            }),
            other => Err(unexpected(&other)),
        }
    }

    /// Evaluates an answer, once. Gives the verdict and how many questions the game has.
    ///
    /// # Errors
    /// Unknown or dead sessions, a question that isn't open, an option that isn't its, a reused
    /// idempotency key; or the store's.
    pub async fn answer(
        &self,
        id: &SessionId,
        question: QuestionId,
        answer: Option<Answer>,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<(AnswerReport, u32), GameError> {
        let (store, Dates { at, wall }) = self.kept(id)?;
        let submission = Submission { question, answer, idempotency, wall };
        match apply(store, id, Command::Submit(submission), at).await? {
            Reply::Evaluated { report, question_count } => Ok((*report, question_count)),
            other => Err(unexpected(&other)),
        }
    }

    /// Claims the progression of a finished game, once.
    ///
    /// # Errors
    /// Unknown or dead sessions, a game that goes on; or the store's.
    pub async fn award(&self, id: &SessionId, idempotency: Option<IdempotencyKey>) -> Result<Claimed, GameError> {
        let (store, Dates { at, .. }) = self.kept(id)?;
        match apply(store, id, Command::Award(idempotency), at).await? {
            Reply::Award { awarded, award_id, user, progression } => {
                Ok(Claimed { awarded, award_id, user, progression })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Gives a game up, results included.
    ///
    /// # Errors
    /// The store's.
    pub async fn give_up(&self, id: &SessionId) -> Result<(), GameError> {
        let (store, dates) = self.kept(id)?;
        // Whoever sits in a room knows its id, and may not end it for all: here it is no game.
        let found = store.get(id, dates.at).await?;
        if !found.is_some_and(|session| session.state.game.is_shared()) {
            store.delete(id).await?;
        }
        Ok(())
    }
}

/// A session that was just read, touched by that if its time has come.
async fn touched(store: &dyn GameSessionStore, session: GameSession, dates: Dates) -> Result<LoadedGame, GameError> {
    let lives_until = lives_until(store, &session, dates.at).await?;
    Ok(LoadedGame { session, dates, lives_until })
}
