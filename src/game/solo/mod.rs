//! Solo games. A game has one player, whose only credential is the session's id.

mod create;

use std::sync::Arc;

use crate::domain::finished::{AnswerReport, Results};
use crate::domain::scoring::Progression;
use crate::domain::solo::{Deliver, SoloGame};
use crate::domain::{
    Answer, Command, Game, GameSession, IdempotencyKey, Lifetimes, Millis, Question, QuestionId, Quiz, Reply,
    SessionId, Submission, Timestamp, UserId, WallTime,
};
use crate::metrics::{AnswerOutcome, GameKind, Metrics, ResumeOutcome};
use crate::quizzes::Catalogue;
use crate::store::{GameSessionStore, StoreRouter};

use super::activity::Activity;
use super::dates::Dates;
use super::entropy::Entropy;
use super::error::GameError;
use super::outcomes;
pub use super::quiz_source::{OwnQuestions, QuizChoice};
use super::session_access::{apply, lives_until, unexpected};

/// A request for a new game.
#[derive(Debug, Clone)]
pub struct NewGame {
    /// The source of the questions.
    pub quiz: QuizChoice,
    /// The player's id in the caller's own system.
    pub user: Option<UserId>,
    /// A session id that the caller chose, without an instance name. It makes the request repeatable.
    pub session_id: Option<SessionId>,
    /// How long the game lives without a touch. `None` takes the server's setting.
    pub ttl: Option<Millis>,
    /// How the questions reach the player.
    pub deliver: Deliver,
    /// A JSON object of the caller's own, as text. It comes back in the results.
    pub metadata: Option<String>,
    /// Hash of the request, by which a repeat under the same session id is recognised.
    pub request: [u8; 16],
}

/// A session as it was read, with the time of the read.
#[derive(Debug, Clone)]
pub struct LoadedGame {
    /// The session, with its quiz.
    pub session: GameSession,
    /// The time of the read, by which its times are converted into dates.
    pub dates: Dates,
    /// Until when the session lives if nothing more happens, on the engine's clock.
    lives_until: Timestamp,
}

impl LoadedGame {
    /// A session that was just written, and so needs no touch.
    fn touched(session: GameSession, dates: Dates) -> Self {
        let lives_until = session.state.life.promised_end(dates.at.now);
        Self { session, dates, lives_until }
    }

    /// Until when the session lives if nothing more happens.
    pub fn expires(&self) -> WallTime {
        self.dates.of(self.lives_until)
    }

    /// The game and its quiz. `None` if it is finished, or is no solo game.
    pub fn playing(&self) -> Option<(&SoloGame, &Quiz)> {
        match (&self.session.state.game, &self.session.quiz) {
            (Game::Solo(game), Some(quiz)) => Some((game, quiz)),
            _ => None,
        }
    }

    /// The results: final if the game is finished, otherwise as they are so far. `None` for a room.
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
    /// The question, with all its texts.
    pub question: Arc<Question>,
    /// When it was first shown.
    pub opened: WallTime,
    /// When it closes, if it is timed.
    pub closes: Option<WallTime>,
    /// The server's time at this reply.
    pub now: WallTime,
}

/// The result of claiming a game's progression.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// True if this request claimed it, false if an earlier one did.
    pub awarded: bool,
    /// Id of the award, the same for every request.
    pub award_id: uuid::Uuid,
    /// The player whom the game was created for, if the caller named one.
    pub user: Option<UserId>,
    /// The amount that is awarded.
    pub progression: Progression,
}

/// The use cases of solo games.
pub struct SoloGames {
    /// Routes a session id to its store.
    pub router: Arc<StoreRouter>,
    /// The question banks.
    pub catalogue: Arc<Catalogue>,
    /// How long games and their results live.
    pub lifetimes: Lifetimes,
    /// The source of randomness for ids and shuffles.
    pub chance: Entropy,
    /// Counts what happens.
    pub activity: Arc<Activity>,
    /// What is recorded for operators.
    pub metrics: Arc<Metrics>,
}

impl SoloGames {
    /// The store of the session, and the time on that store's clock.
    fn kept(&self, id: &SessionId) -> Result<(&dyn GameSessionStore, Dates), GameError> {
        let store = self.router.of(id)?;
        Ok((&**store, Dates::shown_by(store.clock())))
    }

    /// Reads the session. Reading extends its life.
    async fn seen(&self, id: &SessionId) -> Result<LoadedGame, GameError> {
        let (store, dates) = self.kept(id)?;
        let session = store.get(id, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        touched(store, session, dates).await
    }

    /// Returns a running game, for a player who comes back.
    ///
    /// # Errors
    /// The session is unknown, dead, finished, or a room; or the store failed.
    pub async fn resume(&self, id: &SessionId) -> Result<LoadedGame, GameError> {
        let resumed = self.seen(id).await.and_then(|seen| match seen.session.state.game {
            Game::Solo(_) => Ok(seen),
            Game::Finished(_) => Err(GameError::SessionFinished),
            Game::Room(_) => Err(GameError::SessionNotFound),
        });
        let outcome = resumed.as_ref().map_or_else(outcomes::of_resume, |_| ResumeOutcome::Recovered);
        self.metrics.game.resumed(GameKind::Solo, outcome);
        resumed
    }

    /// A game's results: final if it is finished, otherwise as they are so far.
    ///
    /// # Errors
    /// The session is unknown, dead, or a room; or the store failed.
    pub async fn results(&self, id: &SessionId) -> Result<(Results, Dates), GameError> {
        let seen = self.seen(id).await?;
        let results = seen.results().ok_or(GameError::SessionNotFound)?;
        Ok((results, seen.dates))
    }

    /// Shows a question. The first call starts the question's clock; further calls return the same times.
    ///
    /// # Errors
    /// The session is unknown or dead, or the question isn't open; or the store failed.
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

    /// Evaluates an answer, once: a repeat under the same idempotency key gets the first verdict. Returns the
    /// verdict and the number of questions in the game.
    ///
    /// # Errors
    /// The session is unknown or dead, the question isn't open, the answer doesn't fit the question, or the
    /// idempotency key was used for another request; or the store failed.
    pub async fn answer(
        &self,
        id: &SessionId,
        question: QuestionId,
        answer: Option<Answer>,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<(AnswerReport, u32), GameError> {
        let (store, Dates { at, wall }) = self.kept(id)?;
        let submission = Submission { question, answer, idempotency, wall };
        let reply = apply(store, id, Command::Submit(submission), at).await;
        self.metrics.game.answered(GameKind::Solo, outcome(&reply));
        match reply? {
            Reply::Evaluated { report, question_count } => Ok((*report, question_count)),
            other => Err(unexpected(&other)),
        }
    }

    /// Claims the progression of a finished game. Only the first call is awarded.
    ///
    /// # Errors
    /// The session is unknown or dead, the game is still running, or the idempotency key was used for another
    /// request; or the store failed.
    pub async fn award(&self, id: &SessionId, idempotency: Option<IdempotencyKey>) -> Result<Claimed, GameError> {
        let (store, Dates { at, .. }) = self.kept(id)?;
        match apply(store, id, Command::Award(idempotency), at).await? {
            Reply::Award { awarded, award_id, user, progression } => {
                Ok(Claimed { awarded, award_id, user, progression })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Deletes a game, results included. A room is not deleted, and an unknown session is no error.
    ///
    /// # Errors
    /// The session belongs to another instance, or the store failed.
    pub async fn give_up(&self, id: &SessionId) -> Result<(), GameError> {
        let (store, dates) = self.kept(id)?;
        // Every player in a room knows its id, and must not be able to delete the room for all.
        let found = store.get(id, dates.at).await?;
        if !found.is_some_and(|session| session.state.game.is_shared()) {
            store.delete(id).await?;
        }
        Ok(())
    }
}

/// What became of an answer.
fn outcome(reply: &Result<Reply, GameError>) -> AnswerOutcome {
    match reply {
        Ok(Reply::Evaluated { report, .. }) if report.verdict.grade.is_right() => AnswerOutcome::Right,
        Ok(_) => AnswerOutcome::Wrong,
        Err(error) => outcomes::of_answer(error),
    }
}

/// Extends the life of a session that was just read, if that is due.
async fn touched(store: &dyn GameSessionStore, session: GameSession, dates: Dates) -> Result<LoadedGame, GameError> {
    let lives_until = lives_until(store, &session, dates.at).await?;
    Ok(LoadedGame { session, dates, lives_until })
}
