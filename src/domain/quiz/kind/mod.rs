//! The kinds of question. Each kind is one file: what its author writes, which answers it takes, what they
//! are worth, and what the reveal shows. A new kind is one more file; the compiler names the places that have
//! to know it.

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

/// The most different answers that a reveal counts, for kinds where players type or order freely.
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

/// The answer key of a question, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnswerKey {
    /// One option is right.
    Choice(ChoiceKey),
    /// Several options are right together.
    Multiple(MultipleKey),
    /// One or more texts are right.
    Text(TextKey),
    /// A number is right, or a range of numbers.
    Number(NumberKey),
    /// All options are right in this order.
    Order(OrderKey),
    /// Nothing is right or wrong.
    Poll(PollKey),
}

/// The rules that each kind of question has.
trait KindRules {
    /// The field of a request that holds the answer.
    fn field(&self, options: &[Choice]) -> AnswerField;

    /// Checks an answer to a question with these options, and returns it as it is kept. The caller has
    /// already checked that it is in the right field.
    fn take(&self, options: &[Choice], answer: Answer) -> Result<Answer, AnswerFault>;

    /// The grade of an answer that `take` has returned.
    fn grade(&self, answer: &Answer, scoring: &Scoring) -> Grade;

    /// The right answer, as the reveal shows it.
    fn correct(&self) -> Correct;

    /// How often each answer was given, as the reveal shows it.
    fn counts(&self, options: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount>;

    /// The approximate memory behind the key, in bytes, without the key's own size.
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

    /// The kind of question that has this key.
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

    /// The right answer, as the reveal shows it.
    pub fn correct(&self) -> Correct {
        self.rules().correct()
    }

    /// The approximate memory behind the key, in bytes, without the key's own size.
    pub(super) fn weight(&self) -> usize {
        self.rules().weight()
    }

    /// Reads the key of a draft. Problems are reported to `checker`.
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

    /// Writes the key into a draft. This is the reverse of `read`.
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
    /// Checks an answer to this question, and returns it as it is kept.
    ///
    /// # Errors
    /// The answer is in another field than the question's, or it names something that the question doesn't
    /// have.
    pub fn take(&self, answer: Answer) -> Result<Answer, AnswerFault> {
        let (given, wanted) = (answer.field(), self.key.rules().field(&self.options));
        if given != wanted {
            return Err(AnswerFault::OtherField { given, wanted });
        }
        self.key.rules().take(&self.options, answer)
    }

    /// The grade of an answer that [`Question::take`] has returned. No answer is wrong, except in a poll.
    pub fn grade(&self, answer: Option<&Answer>, scoring: &Scoring) -> Grade {
        answer.map_or(self.unanswered(), |answer| self.key.rules().grade(answer, scoring))
    }

    /// The grade of a question that was not answered: wrong, except in a poll.
    pub fn unanswered(&self) -> Grade {
        if self.key.kind() == Kind::Poll { Grade::NONE } else { Grade::WRONG }
    }

    /// How often each answer was given, as the reveal shows it.
    pub fn counts(&self, answers: &[&Answer]) -> Vec<AnswerCount> {
        self.key.rules().counts(&self.options, answers)
    }

    /// A right answer. `None` for a poll.
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

    /// The answer as plain text. `None` if the author has left out the texts.
    pub fn words(&self, answer: &Answer) -> Option<String> {
        match answer {
            Answer::Option(option) => self.texts_of(&[*option]),
            Answer::Options(options) if self.key.kind() == Kind::Multiple => self.texts_of(&self.as_shown(options)),
            Answer::Options(options) => self.texts_of(options),
            Answer::Text(text) => Some(text.clone()),
            Answer::Number(number) => Some(number.to_string()),
        }
    }

    /// The right answer as plain text. `None` for a poll, and if the author has left out the texts.
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

    /// The texts of these options, if all of them have one.
    fn texts_of(&self, options: &[OptionId]) -> Option<String> {
        let text = |id: &OptionId| self.option(*id)?.text.as_deref().map(markup::plain);
        Some(options.iter().map(text).collect::<Option<Vec<_>>>()?.join("; "))
    }
}

/// The right answer, as it stands among other fields on the wire. A poll has no field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all_fields = "camelCase", untagged)]
pub enum Correct {
    /// One option is right.
    Option {
        /// The id of the option.
        correct_option_id: OptionId,
    },
    /// Several options are right together.
    Options {
        /// The ids of the options.
        correct_option_ids: Vec<OptionId>,
    },
    /// All options are right in this order.
    Order {
        /// The ids of the options.
        correct_order: Vec<OptionId>,
    },
    /// Each of these texts is right.
    Texts {
        /// The texts, as the author wrote them.
        correct_texts: Vec<String>,
    },
    /// A number is right, or a range of numbers.
    Number {
        /// The number that is right. `None` if the key is a range.
        #[serde(skip_serializing_if = "Option::is_none")]
        correct_number: Option<Number>,
        /// The range of all numbers that are right. `None` if only one is.
        #[serde(skip_serializing_if = "Option::is_none")]
        correct_range: Option<Range>,
    },
    /// Nothing is right or wrong.
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

/// How often one answer was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerCount {
    /// The answer, or one word of it in a poll with typed texts.
    #[serde(flatten)]
    pub answer: ShownAnswer,
    /// How many answers were this one, or contained the word.
    pub count: usize,
}

/// Counts the answers. Two answers are equal if their texts are. The most frequent answer comes first; of
/// equally frequent ones, the one that was given first. At most [`MOST_COUNTED`] are returned.
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
