//! The answers to closed questions. They never change again, and a long game has many of them. So they are
//! packed once, and every later command, commit and copy of the room carries the packed bytes as they are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::seat::SubmittedAnswer;
use crate::domain::answer::Answer;
use crate::domain::ids::SeatId;
use crate::domain::scoring::Grade;
use crate::domain::time::{Millis, WallTime};

/// All answers to one closed question, packed with bincode: about 15 bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClosedAnswers(Arc<[u8]>);

/// The packed form. `since` is the earliest receive time, from which the others are counted. A row is the
/// seat, the answer, the receive time in milliseconds after `since`, the response time, the grade and the
/// points.
#[derive(Serialize, Deserialize)]
struct AnswerRows {
    since: WallTime,
    answers: Vec<(SeatId, Option<Answer>, u64, Millis, Grade, u32)>,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard()
}

impl ClosedAnswers {
    pub(super) fn pack(answers: impl IntoIterator<Item = (SeatId, SubmittedAnswer)>) -> Self {
        let answers: Vec<_> = answers.into_iter().collect();
        let since = answers.iter().map(|(_, given)| given.received).min().unwrap_or(WallTime(0));
        let pack =
            |(seat, SubmittedAnswer { answer, received, response, grade, points }): (SeatId, SubmittedAnswer)| {
                (seat, answer, received.0 - since.0, response, grade, points)
            };
        let packed = AnswerRows { since, answers: answers.into_iter().map(pack).collect() };
        let bytes = bincode::serde::encode_to_vec(&packed, config()).expect("numbers and texts can be packed");
        Self(bytes.into())
    }

    /// The number of answers.
    pub(super) fn count(&self) -> usize {
        self.unpack().len()
    }

    /// The answers by seat, as they were before packing.
    pub(super) fn unpack(&self) -> BTreeMap<SeatId, SubmittedAnswer> {
        // Only `pack` makes these bytes, and the stored record that holds them has a checksum.
        let (packed, _): (AnswerRows, _) =
            bincode::serde::decode_from_slice(&self.0, config()).expect("what was packed can be unpacked");
        let since = packed.since.0;
        let unpack = |(seat, answer, received, response, grade, points)| {
            (seat, SubmittedAnswer { answer, received: WallTime(since + received), response, grade, points })
        };
        packed.answers.into_iter().map(unpack).collect()
    }
}

/// Raw bytes in binary formats, base64 in text formats.
impl Serialize for ClosedAnswers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&STANDARD_NO_PAD.encode(&self.0));
        }
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClosedAnswers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = Cow::<str>::deserialize(deserializer)?;
            let bytes = STANDARD_NO_PAD.decode(&*text).map_err(D::Error::custom)?;
            return Ok(Self(bytes.into()));
        }
        serde_bytes::ByteBuf::deserialize(deserializer).map(|bytes| Self(bytes.into_vec().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::OptionId;

    #[test]
    fn what_is_packed_comes_back_and_is_small() {
        let given = |n: u32| SubmittedAnswer {
            answer: (n > 0).then(|| Answer::Option(OptionId::try_from(u64::from(n % 4)).expect("small"))),
            received: WallTime(1_700_000_000_000 - u64::from(n)),
            response: Millis(u64::from(n) * 100),
            grade: Grade::right_if(n > 100),
            points: n,
        };
        let answers: BTreeMap<_, _> = (0..200).map(|n| (SeatId(n), given(n))).collect();
        let packed = ClosedAnswers::pack(answers.clone());
        assert_eq!(packed.unpack(), answers);
        let text = serde_json::to_string(&packed).expect("written");
        assert_eq!(serde_json::from_str::<ClosedAnswers>(&text).expect("read"), packed);
        assert!(packed.0.len() < 200 * 15, "{} bytes", packed.0.len());
        assert!(ClosedAnswers::pack([]).unpack().is_empty());
    }
}
