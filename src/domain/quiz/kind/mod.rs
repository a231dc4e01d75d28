//! The kinds of question. Each is one file: what its author hands in, which answers it takes, what they
//! are worth, and what is told when it closes. A new kind is one more file, and the compiler names the
//! places that have to know it.

mod choice;
mod multiple;
mod number;
mod options;
mod order;
mod poll;
mod text;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use choice::ChoiceKey;
pub use multiple::MultipleKey;
pub use number::NumberKey;
pub use order::OrderKey;
pub use poll::PollKey;
pub(super) use text::MOST_TYPOS;
pub use text::{MOST_TEXTS, TextKey};

use super::draft::{QuestionChecker, QuestionDraft};
use super::{Choice, Question};
use crate::domain::answer::{Answer, AnswerFault, AnswerField, ShownAnswer};
use crate::domain::ids::OptionId;
use crate::domain::markup;
use crate::domain::number::Number;
use crate::domain::scoring::{Grade, Scoring};

/// Most different answers that a reveal counts, where players type or order as they like.
const MOST_COUNTED: usize = 20;

/// The kinds of question there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One of several options is right.
    #[default]
    Choice,
    /// Several options are right, and are chosen together.
    Multiple,
    /// A text is typed.
    Text,
    /// A number is typed.
    Number,
    /// The options are put in order.
    Order,
    /// Nothing is right: an option is chosen, or, if there is none, a text typed.
    Poll,
}

impl Kind {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Choice => "choice",
            Self::Multiple => "multiple",
            Self::Text => "text",
            Self::Number => "number",
            Self::Order => "order",
            Self::Poll => "poll",
        }
    }
}

/// What is right, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnswerKey {
    /// One option.
    Choice(ChoiceKey),
    /// Several options together.
    Multiple(MultipleKey),
    /// Texts.
    Text(TextKey),
    /// A number, or a range of them.
    Number(NumberKey),
    /// The options in this order.
    Order(OrderKey),
    /// Nothing.
    Poll(PollKey),
}

/// What every kind has rules for.
trait KindRules {
    /// The field that answers it.
    fn field(&self, options: &[Choice]) -> AnswerField;

    /// The answer as it is kept, if it is one to a question with these options and stands in the right
    /// field.
    fn take(&self, options: &[Choice], answer: Answer) -> Result<Answer, AnswerFault>;

    /// What an answer that was taken is worth.
    fn grade(&self, answer: &Answer, scoring: &Scoring) -> Grade;

    /// What is right, as it is told.
    fn correct(&self) -> Correct;

    /// How often each answer was given, as it is told.
    fn counts(&self, options: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount>;

    /// Roughly how many bytes of memory it takes beyond its own few.
    fn weight(&self) -> usize;
}

impl AnswerKey {
    fn rules(&self) -> &dyn KindRules {
        match self {
            Self::Choice(key) => key,
            Self::Multiple(key) => key,
            Self::Text(key) => key,
            Self::Number(key) => key,
            Self::Order(key) => key,
            Self::Poll(key) => key,
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Choice(_) => Kind::Choice,
            Self::Multiple(_) => Kind::Multiple,
            Self::Text(_) => Kind::Text,
            Self::Number(_) => Kind::Number,
            Self::Order(_) => Kind::Order,
            Self::Poll(_) => Kind::Poll,
        }
    }

    /// What is right, as it is told.
    pub fn correct(&self) -> Correct {
        self.rules().correct()
    }

    /// Roughly how many bytes of memory it takes beyond its own few.
    pub(super) fn weight(&self) -> usize {
        self.rules().weight()
    }

    /// Reads the key of a draft, which tells `checker` what is wrong.
    pub(super) fn read(draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) -> Option<Self> {
        match draft.kind {
            Kind::Choice => choice::read(draft, checker).map(Self::Choice),
            Kind::Multiple => multiple::read(draft, checker).map(Self::Multiple),
            Kind::Text => text::read(draft, checker).map(Self::Text),
            Kind::Number => number::read(draft, checker).map(Self::Number),
            Kind::Order => order::read(draft, checker).map(Self::Order),
            Kind::Poll => poll::read(draft, checker).map(Self::Poll),
        }
    }

    /// Writes the key into a draft, of which it was read.
    pub(super) fn write(&self, draft: &mut QuestionDraft) {
        match self {
            Self::Choice(key) => draft.correct_option_id = Some(key.0),
            Self::Multiple(key) => draft.correct_option_ids = Some(key.0.clone()),
            Self::Text(key) => key.write(draft),
            Self::Number(key) => key.write(draft),
            Self::Order(key) => draft.correct_order = Some(key.0.clone()),
            Self::Poll(_) => {}
        }
    }
}

impl Question {
    /// The answer as it is kept, if it is one to this question.
    ///
    /// # Errors
    /// It stands in another field than the question's, or names what the question doesn't have.
    pub fn take(&self, answer: Answer) -> Result<Answer, AnswerFault> {
        let (given, wanted) = (answer.field(), self.key.rules().field(&self.options));
        if given != wanted {
            return Err(AnswerFault::OtherField { given, wanted });
        }
        self.key.rules().take(&self.options, answer)
    }

    /// What an answer that was taken is worth; none is wrong wherever something is right.
    pub fn grade(&self, answer: Option<&Answer>, scoring: &Scoring) -> Grade {
        answer.map_or(self.unanswered(), |answer| self.key.rules().grade(answer, scoring))
    }

    /// What no answer is worth.
    pub fn unanswered(&self) -> Grade {
        if self.key.kind() == Kind::Poll { Grade::NONE } else { Grade::WRONG }
    }

    /// How often each answer was given, as it is told.
    pub fn counts(&self, answers: &[&Answer]) -> Vec<AnswerCount> {
        self.key.rules().counts(&self.options, answers)
    }

    /// An answer that is right, if any is.
    pub fn right_answer(&self) -> Option<Answer> {
        match self.key.correct() {
            Correct::Option { correct_option_id: option } => Some(Answer::Option(option)),
            Correct::Options { correct_option_ids: options } | Correct::Order { correct_order: options } => {
                Some(Answer::Options(options))
            }
            Correct::Texts { correct_texts: texts } => texts.into_iter().next().map(Answer::Text),
            Correct::Number { correct_number, correct_range } => {
                correct_number.or(correct_range.map(|range| range.min)).map(Answer::Number)
            }
            Correct::Nothing {} => None,
        }
    }

    /// What an answer says, in words: plain text. None where the author has left the texts out.
    pub fn words(&self, answer: &Answer) -> Option<String> {
        match answer {
            Answer::Option(option) => self.texts_of(&[*option]),
            Answer::Options(options) if self.key.kind() == Kind::Multiple => self.texts_of(&self.as_shown(options)),
            Answer::Options(options) => self.texts_of(options),
            Answer::Text(text) => Some(text.clone()),
            Answer::Number(number) => Some(number.to_string()),
        }
    }

    /// What is right, in words: plain text. None for a poll, and where the author has left the texts out.
    pub fn correct_words(&self) -> Option<String> {
        match self.key.correct() {
            Correct::Option { correct_option_id: option } => self.texts_of(&[option]),
            Correct::Options { correct_option_ids: options } => self.texts_of(&self.as_shown(&options)),
            Correct::Order { correct_order: options } => self.texts_of(&options),
            Correct::Texts { correct_texts: texts } => Some(texts.join("; ")),
            Correct::Number { correct_number, correct_range } => {
                let range = correct_range.map(|Range { min, max }| format!("{min} to {max}"));
                match (correct_number, range) {
                    (Some(number), Some(range)) => Some(format!("{number} ({range})")),
                    (Some(number), None) => Some(number.to_string()),
                    (None, range) => range,
                }
            }
            Correct::Nothing {} => None,
        }
    }

    /// These options in the order in which the question shows them.
    fn as_shown(&self, options: &[OptionId]) -> Vec<OptionId> {
        self.options.iter().map(|option| option.id).filter(|id| options.contains(id)).collect()
    }

    /// The options' texts, if all have one.
    fn texts_of(&self, options: &[OptionId]) -> Option<String> {
        let text = |id: &OptionId| self.option(*id)?.text.as_deref().map(markup::plain);
        Some(options.iter().map(text).collect::<Option<Vec<_>>>()?.join("; "))
    }
}

/// What is right, as it stands among other fields on the wire; of a poll nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all_fields = "camelCase", untagged)]
pub enum Correct {
    /// One option.
    Option {
        /// The option.
        correct_option_id: OptionId,
    },
    /// Several options together.
    Options {
        /// The options.
        correct_option_ids: Vec<OptionId>,
    },
    /// The options in this order.
    Order {
        /// The options.
        correct_order: Vec<OptionId>,
    },
    /// Texts.
    Texts {
        /// The texts.
        correct_texts: Vec<String>,
    },
    /// A number.
    Number {
        /// The number, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        correct_number: Option<Number>,
        /// What else is right, if anything is.
        #[serde(skip_serializing_if = "Option::is_none")]
        correct_range: Option<Range>,
    },
    /// Nothing.
    Nothing {},
}

/// Numbers from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a range")]
pub struct Range {
    /// The smallest.
    pub min: Number,
    /// The largest.
    pub max: Number,
}

/// How often an answer was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerCount {
    /// The answer.
    #[serde(flatten)]
    pub answer: ShownAnswer,
    /// How often.
    pub count: usize,
}

/// Counts equal answers by what makes them equal; the most frequent first, and of equally frequent ones
/// the one that came first.
fn tally<'a>(answers: impl IntoIterator<Item = (String, &'a Answer)>) -> Vec<AnswerCount> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut counts: Vec<AnswerCount> = Vec::new();
    for (same, answer) in answers {
        let place = *places.entry(same).or_insert(counts.len());
        if place == counts.len() {
            counts.push(AnswerCount { answer: Some(answer).into(), count: 0 });
        }
        counts[place].count += 1;
    }
    counts.sort_by_key(|count| std::cmp::Reverse(count.count));
    counts.truncate(MOST_COUNTED);
    counts
}

#[cfg(test)]
pub(crate) mod tests;
