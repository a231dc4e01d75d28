//! Checks that a JSON object has exactly the fields that it should have, each of the right type.

use serde_json::Value;

/// Fails unless `value` has each of `fields` with its type, and no other field. A field is written `name:
/// type`, or `name?: type` if it may be missing. A type is `text`, `date`, `integer`, `bool`, `array`,
/// `object` or `null`, or several of these with `|` in between.
#[track_caller]
pub(crate) fn assert_shape(value: &Value, fields: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let mut known = Vec::new();
    for field in fields {
        let (name, kinds) = field.split_once(": ").expect("a field is written `name: type`");
        let required = name.trim_end_matches('?');
        known.push(required);
        match object.get(required) {
            None => assert!(required != name, "{required} is missing: {value}"),
            Some(found) => {
                assert!(kinds.split('|').any(|kind| is_of(found, kind)), "{required} is no {kinds}: {found}");
            }
        }
    }
    let unknown: Vec<_> = object.keys().filter(|key| !known.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "there should be no {unknown:?}: {value}");
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "text" => value.is_string(),
        "date" => value.as_str().is_some_and(is_date),
        "integer" => value.is_u64(),
        "bool" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("no such type: {other}"),
    }
}

/// True for RFC 3339 in UTC with milliseconds.
fn is_date(text: &str) -> bool {
    text.len() == "2026-01-01T00:00:00.000Z".len() && humantime::parse_rfc3339(text).is_ok()
}

/// The milliseconds from one date to another; negative if `to` is before `from`.
pub(crate) fn millis_between(from: &Value, to: &Value) -> i64 {
    let millis = |date: &Value| {
        let date = humantime::parse_rfc3339(date.as_str().expect("a date is a text")).expect("a date");
        let since_1970 = date.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        i64::try_from(since_1970.as_millis()).expect("in this age")
    };
    millis(to) - millis(from)
}
