//! An answer as it stands in frames: one of four fields, and `optionId: null` for none.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

/// What is answered: one field, by the question's kind; none of them passes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientAnswer {
    /// The option of a choice, or of a poll that has some.
    pub option_id: Option<u64>,
    /// The options that are chosen together, or put in order.
    pub option_ids: Option<Vec<u64>>,
    /// A text that is typed.
    pub text: Option<String>,
    /// A number that is typed.
    pub number: Option<f64>,
}

impl ClientAnswer {
    /// The answer as fields of a frame.
    pub(super) fn fields(&self) -> Value {
        match self {
            Self { option_ids: Some(options), .. } => json!({ "optionIds": options }),
            Self { text: Some(text), .. } => json!({ "text": text }),
            Self { number: Some(number), .. } => json!({ "number": number }),
            Self { option_id, .. } => json!({ "optionId": option_id }),
        }
    }

    /// Whether it says anything.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

impl Serialize for ClientAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl From<Option<u64>> for ClientAnswer {
    fn from(option_id: Option<u64>) -> Self {
        Self { option_id, ..Self::default() }
    }
}

impl From<Vec<u64>> for ClientAnswer {
    fn from(options: Vec<u64>) -> Self {
        Self { option_ids: Some(options), ..Self::default() }
    }
}

impl From<&str> for ClientAnswer {
    fn from(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::default() }
    }
}

impl From<f64> for ClientAnswer {
    fn from(number: f64) -> Self {
        Self { number: Some(number), ..Self::default() }
    }
}
