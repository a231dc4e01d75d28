//! An answer as it appears in frames: one of four fields. A pass is `optionId: null`.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

/// An answer. Which field is set depends on the kind of question. If no field is set, the player passes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientAnswer {
    /// The chosen option of a `choice`, or of a `poll` with options.
    pub option_id: Option<u64>,
    /// The chosen options of a `multiple`, or the order of the options of an `order`.
    pub option_ids: Option<Vec<u64>>,
    /// The typed text of a `text`, or of a `poll` without options.
    pub text: Option<String>,
    /// The typed number of a `number`.
    pub number: Option<f64>,
}

impl ClientAnswer {
    /// The answer's field, to be merged into a frame.
    pub(super) fn fields(&self) -> Value {
        match self {
            Self { option_ids: Some(options), .. } => json!({ "optionIds": options }),
            Self { text: Some(text), .. } => json!({ "text": text }),
            Self { number: Some(number), .. } => json!({ "number": number }),
            Self { option_id, .. } => json!({ "optionId": option_id }),
        }
    }

    /// False if the player passes.
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
