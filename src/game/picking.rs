//! Where a game's questions come from.

use std::sync::Arc;

use super::chance::Chance;
use super::error::GameError;
use crate::domain::scoring::{ProgressionRule, Scoring};
use crate::domain::{Question, Quiz, QuizId};
use crate::quizzes::{Catalogue, Hosting, Order, Play, Selection, select, with_options_in};

/// The name of a quiz whose questions the caller brought.
const OWN_QUIZ: &str = "own";

/// Where a game's questions come from.
#[derive(Debug, Clone)]
pub enum QuizChoice {
    /// A bank: the named one or the first, and a selection of its questions.
    Bank(Option<QuizId>, Selection),
    /// The caller, with the options in that order.
    Own(Vec<Question>, Order),
}

/// The quiz of a game that is played so, by somebody who is trusted or not.
pub(super) fn pick(
    catalogue: &Catalogue,
    chance: &Chance,
    choice: QuizChoice,
    (play, is_trusted): (Play, bool),
) -> Result<Quiz, GameError> {
    let mut chance = |bound| chance.below(bound);
    let (name, selection) = match choice {
        QuizChoice::Bank(name, selection) => (name, selection),
        QuizChoice::Own(questions, option_order) => {
            let id = OWN_QUIZ.parse().expect("it is a valid name");
            let (scoring, progression) = (Scoring::default(), ProgressionRule::default());
            let questions = questions.into_iter().map(Arc::new).collect();
            let questions = with_options_in(option_order, questions, &mut chance);
            return Ok(Quiz { id, scoring, progression, questions });
        }
    };
    let bank = catalogue.asked_for(name.as_ref(), play).ok_or(GameError::QuizNotFound)?;
    if !bank.is_for(play) {
        return Err(GameError::QuizNotFor(play));
    }
    if play == Play::Rooms && bank.hosting == Hosting::Key && !is_trusted {
        return Err(GameError::QuizNeedsKey);
    }
    let questions = select(&bank, &selection, &mut chance).map_err(GameError::NoSelection)?;
    let (scoring, progression) = (bank.scoring.clone(), bank.progression.clone());
    Ok(Quiz { id: bank.id.clone(), scoring, progression, questions })
}
