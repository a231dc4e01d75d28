//! Selects the questions of a new game: from a bank, or those that the caller brings.

use std::sync::Arc;

use super::entropy::Entropy;
use super::error::GameError;
use crate::domain::quiz::draft::MOST_QUESTIONS;
use crate::domain::scoring::{ProgressionRule, Scoring};
use crate::domain::{Question, Quiz, QuizId};
use crate::quizzes::{Catalogue, Hosting, Order, PlayMode, QuestionCount, Selection, draw, select, with_options_in};

/// The source of a game's questions.
#[derive(Debug, Clone)]
pub enum QuizChoice {
    /// A selection from a bank: the named bank, or the first that may be played in this mode.
    Bank(Option<QuizId>, Selection),
    /// Questions that the caller brings.
    Own(OwnQuestions),
}

impl QuizChoice {
    /// Upper bound of the number of questions. [`MOST_QUESTIONS`] where the choice names no number.
    pub fn question_count(&self) -> u64 {
        match self {
            Self::Own(own) => own.questions.len() as u64,
            Self::Bank(_, Selection { count: Some(QuestionCount::Most(count)), .. }) => *count as u64,
            Self::Bank(..) => MOST_QUESTIONS as u64,
        }
    }
}

/// Questions that the caller brings.
#[derive(Debug, Clone)]
pub struct OwnQuestions {
    /// The checked questions, in the caller's order.
    pub questions: Vec<Question>,
    /// How answers to them score.
    pub scoring: Scoring,
    /// The order of the questions, then the order of each question's options.
    pub orders: [Order; 2],
}

/// Makes the quiz of a game in this mode. `is_trusted` says whether the caller has shown an API key.
pub(super) fn pick(
    catalogue: &Catalogue,
    chance: &Entropy,
    choice: QuizChoice,
    (play, is_trusted): (PlayMode, bool),
) -> Result<Quiz, GameError> {
    let mut chance = |bound| chance.below(bound);
    let (name, selection) = match choice {
        QuizChoice::Bank(name, selection) => (name, selection),
        QuizChoice::Own(OwnQuestions { questions, scoring, orders: [order, option_order] }) => {
            let id = Quiz::OWN.parse().expect("it is a valid name");
            let progression = ProgressionRule::default();
            let mut questions: Vec<_> = questions.into_iter().map(Arc::new).collect();
            if order == Order::Shuffle {
                let count = questions.len();
                draw(&mut questions, count, &mut chance);
            }
            let questions = with_options_in(option_order, questions, &mut chance);
            return Ok(Quiz { id, scoring, progression, questions });
        }
    };
    let bank = catalogue.asked_for(name.as_ref(), play).ok_or(GameError::QuizNotFound)?;
    if !bank.is_for(play) {
        return Err(GameError::QuizNotFor(play));
    }
    if play == PlayMode::Rooms && bank.hosting == Hosting::Key && !is_trusted {
        return Err(GameError::QuizNeedsKey);
    }
    let questions = select(&bank, &selection, &mut chance).map_err(GameError::NoSelection)?;
    let (scoring, progression) = (bank.scoring.clone(), bank.progression.clone());
    Ok(Quiz { id: bank.id.clone(), scoring, progression, questions })
}
