//! The answer in a request: exactly one of four fields. `optionId: null` means no answer. The rules decide
//! which of the fields fits the question.

use serde::{Deserialize, Deserializer};

use super::problem::Problem;
use crate::domain::answer::{Answer, AnswerField};
use crate::domain::{Number, OptionId};

/// The fields of a request that can contain an answer.
#[derive(Debug, Default)]
pub(super) struct AnswerFields {
    /// `None` if the field is missing, `Some(None)` if it is null.
    pub(super) option_id: Option<Option<OptionId>>,
    pub(super) option_ids: Option<Vec<OptionId>>,
    pub(super) text: Option<String>,
    pub(super) number: Option<Number>,
}

impl AnswerFields {
    /// The answer. `None` is an explicit `optionId: null`: no answer.
    ///
    /// # Errors
    /// None of the fields is there, or more than one.
    pub(super) fn read(self) -> Result<Option<Answer>, Problem> {
        let Self { option_id, option_ids, text, number } = self;
        let given = [
            option_id.map(|option| option.map(Answer::Option)),
            option_ids.map(|options| Some(Answer::Options(options))),
            text.map(|text| Some(Answer::Text(text))),
            number.map(|number| Some(Answer::Number(number))),
        ];
        let fields = [AnswerField::OptionId, AnswerField::OptionIds, AnswerField::Text, AnswerField::Number];
        let mut given = given.into_iter().zip(fields).filter_map(|(answer, field)| Some((answer?, field)));
        let Some((answer, first)) = given.next() else {
            let message = "missing: an answer is one of optionId, optionIds, text and number, by the question's kind";
            return Err(Problem::wrong(AnswerField::OptionId.name(), message));
        };
        match given.next() {
            None => Ok(answer),
            Some((_, field)) => {
                Err(Problem::wrong(field.name(), format!("cannot stand together with {}", first.name())))
            }
        }
    }
}

/// Deserialises a field that may be missing, but must have a `T` if it is there. So a missing field and
/// `null` are told apart.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: AnswerFields) -> String {
        fields.read().expect_err("something is wrong").detail().to_owned()
    }

    #[test]
    fn an_answer_is_one_field() {
        let none = AnswerFields { option_id: Some(None), ..AnswerFields::default() };
        assert_eq!(none.read().expect("nothing is wrong"), None);
        let text = AnswerFields { text: Some("x".to_owned()), ..AnswerFields::default() };
        assert_eq!(text.read().expect("nothing is wrong"), Some(Answer::Text("x".to_owned())));
        assert!(told(AnswerFields::default()).starts_with("optionId: missing"));
        let two = AnswerFields { text: Some(String::new()), option_id: Some(None), ..AnswerFields::default() };
        assert_eq!(told(two), "text: cannot stand together with optionId");
    }
}
