//! Selects the questions of a game from a bank, and their order. The functions are pure: the caller passes in
//! the source of random numbers. A question is copied only if its options are reordered; all others are
//! shared with the bank.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bank::Bank;
use crate::domain::quiz::draft::MOST_QUESTIONS;
use crate::domain::quiz::shuffle::{is_solved, shuffle, unsolve};
use crate::domain::{Difficulty, Question, QuestionId};

/// Number of questions if neither the request nor the bank says how many.
const USUAL_COUNT: usize = 10;

/// The number of questions that a game requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestionCount {
    /// All questions that match.
    All,
    /// At most this many; fewer if fewer match.
    Most(usize),
}

/// The order of questions or options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As in the bank.
    Bank,
    /// A random order, different in every game.
    Shuffle,
}

/// How a bank is played by who doesn't say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// How many questions: 1 to 200, or `all`; 10 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<QuestionCount>,
    /// The order of the questions; `shuffle` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The order of each question's options; `bank` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option_order: Option<Order>,
}

/// What a game requests from a bank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only questions of this category; case is ignored.
    pub category: Option<String>,
    /// Only questions of this difficulty.
    pub difficulty: Option<Difficulty>,
    /// The number of questions. `None`: the bank's default.
    pub count: Option<QuestionCount>,
    /// The order of the questions. `None`: the bank's default.
    pub order: Option<Order>,
    /// The order of each question's options. `None`: the bank's default.
    pub option_order: Option<Order>,
    /// Questions to leave out. Ids that the bank does not have are ignored.
    pub exclude: Vec<QuestionId>,
    /// Exactly these questions, in this order unless `order` is set. Then all other fields except the two
    /// orders are ignored.
    pub question_ids: Option<Vec<QuestionId>>,
}

/// The reasons why a selection gives no questions. The message may be shown to a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSelection {
    /// No question matches the selection.
    #[error("no question of this quiz matches the selection")]
    Empty,
    /// The bank has no question with this id.
    #[error("questionIds[{position}]: this quiz has no question {:?}", id.as_str())]
    Unknown {
        /// Index in `question_ids`, from 0.
        position: usize,
        /// The id that the bank does not have.
        id: QuestionId,
    },
    /// More questions are requested than a game may have. Holds their number.
    #[error("count: all of this selection would be {0} questions, and a game has at most {MOST_QUESTIONS}")]
    TooMany(usize),
    /// A question is requested twice.
    #[error("questionIds[{position}]: {:?} stands here a second time", id.as_str())]
    Repeated {
        /// Index in `question_ids` of the second occurrence, from 0.
        position: usize,
        /// The id that occurs twice.
        id: QuestionId,
    },
}

impl QuestionCount {
    /// The upper limit on the number of questions if `all` match.
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::All => all,
            Self::Most(most) => most,
        }
    }
}

impl Bank {
    /// Maximum number of questions in a game of this bank.
    pub fn count(&self, asked: Option<QuestionCount>) -> usize {
        self.asked(asked).of(self.questions.len())
    }

    fn asked(&self, count: Option<QuestionCount>) -> QuestionCount {
        count.or(self.defaults.count).unwrap_or(QuestionCount::Most(USUAL_COUNT))
    }
}

/// Selects the questions of a game, each at most once. They are shared with the bank unless their options are
/// reordered. `chance(n)` returns a random number below n.
///
/// # Errors
/// No question matches, or more match than a game may have, or an id in `question_ids` is unknown or repeated.
pub fn select(
    bank: &Bank,
    selection: &Selection,
    chance: &mut dyn FnMut(usize) -> usize,
) -> Result<Vec<Arc<Question>>, NoSelection> {
    let (mut chosen, count, order) = match &selection.question_ids {
        Some(ids) => (named(bank, ids)?, ids.len(), selection.order.unwrap_or(Order::Bank)),
        None => {
            let candidates = candidates(bank, selection);
            let count = bank.asked(selection.count).of(candidates.len());
            (candidates, count, selection.order.or(bank.defaults.order).unwrap_or(Order::Shuffle))
        }
    };
    if order == Order::Shuffle {
        draw(&mut chosen, count, chance);
    }
    chosen.truncate(count);
    match chosen.len() {
        0 => return Err(NoSelection::Empty),
        many if many > MOST_QUESTIONS => return Err(NoSelection::TooMany(many)),
        _ => {}
    }
    let questions = chosen.into_iter().map(|position| bank.questions[position].clone()).collect();
    let option_order = selection.option_order.or(bank.defaults.option_order).unwrap_or(Order::Bank);
    Ok(with_options_in(option_order, questions, chance))
}

/// Puts the options of each question into this order. An ordering question never shows its options in the
/// right order, not even with [`Order::Bank`].
pub fn with_options_in(
    order: Order,
    mut questions: Vec<Arc<Question>>,
    chance: &mut dyn FnMut(usize) -> usize,
) -> Vec<Arc<Question>> {
    for question in &mut questions {
        if order == Order::Shuffle {
            // The bank shares the question, so this copies it.
            shuffle(Arc::make_mut(question), chance);
        }
        if is_solved(question) {
            unsolve(Arc::make_mut(question), chance);
        }
    }
    questions
}

fn named(bank: &Bank, ids: &[QuestionId]) -> Result<Vec<usize>, NoSelection> {
    let mut taken = vec![false; bank.questions.len()];
    let mut find = |(position, id): (usize, &QuestionId)| {
        let found = bank.position(id).ok_or_else(|| NoSelection::Unknown { position, id: id.clone() })?;
        if std::mem::replace(&mut taken[found], true) {
            return Err(NoSelection::Repeated { position, id: id.clone() });
        }
        Ok(found)
    };
    ids.iter().enumerate().map(&mut find).collect()
}

/// The positions in the bank of the questions that match.
fn candidates(bank: &Bank, selection: &Selection) -> Vec<usize> {
    // The category is compared without case once per category of the bank, not once per question.
    let names = |wanted: &String| bank.categories().iter().filter(|name| is_same(name, wanted)).collect::<Vec<_>>();
    let categories = selection.category.as_ref().map(names);
    let is_about = |question: &Question| match (&categories, &question.category) {
        (None, _) => true,
        (Some(wanted), Some(category)) => wanted.contains(&category),
        (Some(_), None) => false,
    };
    let is_as_hard = |question: &Question| selection.difficulty.is_none_or(|hard| question.difficulty == Some(hard));
    let matches = |question: &Arc<Question>| is_as_hard(question) && is_about(question);
    let mut is_candidate: Vec<bool> = bank.questions.iter().map(matches).collect();
    for position in selection.exclude.iter().filter_map(|id| bank.position(id)) {
        is_candidate[position] = false;
    }
    (0..is_candidate.len()).filter(|&position| is_candidate[position]).collect()
}

fn is_same(a: &str, b: &str) -> bool {
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

/// Moves a random sample of `count` candidates to the front, in random order: the first `count` steps of a
/// Fisher-Yates shuffle.
pub fn draw<T>(candidates: &mut [T], count: usize, chance: &mut dyn FnMut(usize) -> usize) {
    for place in 0..count.min(candidates.len()) {
        let drawn = place + chance(candidates.len() - place);
        candidates.swap(place, drawn);
    }
}

impl Serialize for QuestionCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Most(count) => serializer.serialize_u64(*count as u64),
        }
    }
}

impl<'de> Deserialize<'de> for QuestionCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfCount;

        impl Visitor<'_> for OfCount {
            type Value = QuestionCount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "1 to {MOST_QUESTIONS}, or \"all\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<QuestionCount, E> {
                if text == "all" { Ok(QuestionCount::All) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
            }

            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<QuestionCount, E> {
                let count = usize::try_from(count).ok().filter(|count| (1..=MOST_QUESTIONS).contains(count));
                count.map(QuestionCount::Most).ok_or_else(|| E::custom(format!("1 to {MOST_QUESTIONS}, or \"all\"")))
            }
        }
        deserializer.deserialize_any(OfCount)
    }
}

impl JsonSchema for QuestionCount {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "type": "integer", "minimum": 1, "maximum": MOST_QUESTIONS }, { "const": "all" }] })
    }
}

#[cfg(test)]
mod tests;
