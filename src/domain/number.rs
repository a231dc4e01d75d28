//! Numbers that players type and the rules compare. They are decimals, so that 3.15 lies within 3.14 ± 0.01.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::InvalidId;

/// A decimal number of at most 15 significant digits, which every JSON reader keeps exactly. It is a JSON
/// number in human-readable formats, and a text in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Number(Decimal);

impl Number {
    /// The most significant digits. Leading zeros don't count.
    pub const MOST_DIGITS: u32 = 15;
    const INVALID: InvalidId = InvalidId("must be a number of at most 15 digits, and of at most 15 after the point");
    const ONE: Self = Self(Decimal::ONE);

    /// The value, for exact arithmetic.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether the number is 1, a factor that changes nothing.
    pub fn is_one(&self) -> bool {
        *self == Self::ONE
    }
}

impl TryFrom<Decimal> for Number {
    type Error = InvalidId;

    fn try_from(decimal: Decimal) -> Result<Self, InvalidId> {
        let decimal = decimal.normalize();
        let has_few_digits = decimal.mantissa().unsigned_abs() < 10_u128.pow(Self::MOST_DIGITS);
        if has_few_digits && decimal.scale() <= Self::MOST_DIGITS { Ok(Self(decimal)) } else { Err(Self::INVALID) }
    }
}

impl FromStr for Number {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Decimal::from_str_exact(text).map_err(|_| Self::INVALID)?.try_into()
    }
}

impl TryFrom<f64> for Number {
    type Error = InvalidId;

    /// Takes the shortest decimal text of the number, which is what was typed.
    fn try_from(number: f64) -> Result<Self, InvalidId> {
        number.to_string().parse()
    }
}

impl From<u32> for Number {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        if !serializer.is_human_readable() {
            return serializer.serialize_str(&text);
        }
        match text.parse::<i64>() {
            Ok(whole) => serializer.serialize_i64(whole),
            Err(_) => serializer.serialize_f64(text.parse().unwrap_or_default()),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = if deserializer.is_human_readable() {
            f64::deserialize(deserializer)?.try_into()
        } else {
            String::deserialize(deserializer)?.parse()
        };
        number.map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Number {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of at most 15 digits, and of at most 15 after the point.",
            "type": "number",
            "exclusiveMinimum": -1e15,
            "exclusiveMaximum": 1e15,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Result<Number, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_is_what_was_typed() {
        for (typed, shown) in [("3.14", "3.14"), ("42", "42"), ("4.20", "4.2"), ("-0.5", "-0.5"), ("1e3", "1000")] {
            let read = number(typed).expect("a number");
            assert_eq!((read.to_string(), serde_json::to_string(&read).expect("JSON")), (shown.into(), shown.into()));
        }
        let sum = number("3.14").expect("a number").decimal() + number("0.01").expect("a number").decimal();
        assert_eq!(sum, number("3.15").expect("a number").decimal());
    }

    #[test]
    fn what_no_reader_would_keep_is_refused() {
        for typed in ["1e15", "1234567890123456", "1e-16", "1e300", "\"4\"", "null"] {
            assert!(number(typed).is_err(), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn every_number_comes_back_from_both_forms(digits in -999_999_999_999_999_i64..=999_999_999_999_999, scale in 0_u32..=15) {
            let number = Number::try_from(Decimal::new(digits, scale)).expect("few digits");
            let json = serde_json::to_string(&number).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Number>(&json).ok(), Some(number), "{}", json);
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }
    }
}
