//! What the fuzz targets share: an input that is a list of changes to a valid sample. Arbitrary bytes seldom get
//! past the first check of a reader; a changed sample does.
//!
//! Every target is an ordinary test that plays for a second. `docs/guarantees.md` says how to run one for longer.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Changes to bytes: where, how many are removed, how many are inserted, and which.
pub(crate) type ByteEdits = Vec<(u16, u8, u8, u32)>;

/// Changes to a JSON text: to its value, and in half of the inputs to its bytes after that.
pub(crate) type BodyEdits = (JsonEdits, Option<ByteEdits>);

/// Changes to a JSON value: which node, and what becomes of it.
type JsonEdits = Vec<(u16, u8)>;

/// Counts the inputs that a reader accepts. If it refuses all of them, a target tests only the first checks.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    accepted: AtomicU64,
    all: AtomicU64,
}

impl Accepted {
    pub(crate) fn count(&self, is_accepted: bool) {
        self.accepted.fetch_add(u64::from(is_accepted), Ordering::Relaxed);
        self.all.fetch_add(1, Ordering::Relaxed);
    }

    /// Prints the share. Fails if nothing was accepted of so many inputs that this can't be chance.
    pub(crate) fn some(&self, target: &str) {
        let [accepted, all] = [&self.accepted, &self.all].map(|count| count.load(Ordering::Relaxed));
        println!("{target}: {accepted} of {all} inputs were accepted");
        assert!(accepted > 0 || all < 2_000, "{target}: all of {all} inputs were refused");
    }
}

/// The bytes with these changes. At most four are made, so that most of the sample stays.
pub(crate) fn edited(sample: &[u8], edits: &ByteEdits) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    let most = edits.first().map_or(0, |(_, removed, ..)| 1 + usize::from(removed / 64));
    for (at, removed, inserted, new) in edits.iter().take(most) {
        let at = usize::from(*at) % (bytes.len() + 1);
        let end = (at + usize::from(removed % 5)).min(bytes.len());
        // Half of the changes keep the length, which many formats need.
        let inserted = if inserted % 2 == 0 { end - at } else { usize::from(inserted / 2 % 5) };
        bytes.splice(at..end, new.to_le_bytes().into_iter().take(inserted));
    }
    bytes
}

/// The JSON text of the value with these changes.
pub(crate) fn edited_body(sample: &Value, (json, bytes): &BodyEdits) -> Vec<u8> {
    let text = edited_json(sample, json).into_bytes();
    bytes.as_ref().map_or_else(|| text.clone(), |bytes| edited(&text, bytes))
}

/// The JSON text of the value with these changes. At most four are made.
fn edited_json(sample: &Value, edits: &JsonEdits) -> String {
    let mut value = sample.clone();
    let most = edits.first().map_or(0, |(at, _)| 1 + usize::from(at / 16_384));
    for (at, change) in edits.iter().take(most) {
        let mut place = usize::from(*at) % count(&value);
        let node = nth(&mut value, &mut place).expect("there are as many nodes");
        *node = changed(node.take(), usize::from(*change));
    }
    value.to_string()
}

/// What becomes of a node: it loses or gets a field, is wrapped, or is replaced.
fn changed(node: Value, change: usize) -> Value {
    let odd = &*ODD_VALUES;
    match (change % (odd.len() + 4), node) {
        (0, Value::Object(mut fields)) => {
            let first = fields.keys().next().cloned();
            fields.retain(|name, _| Some(name) != first.as_ref());
            fields.into()
        }
        (1, Value::Object(mut fields)) => {
            fields.insert("colour".to_owned(), "red".into());
            fields.into()
        }
        (0 | 1, Value::Array(mut values)) => {
            values.extend_from_within(..values.len().min(1));
            values.into()
        }
        (2, node) => json!([node]),
        (3, node) => json!({ "type": node }),
        (place, _) => odd[place % odd.len()].clone(),
    }
}

/// Values that are seldom what a reader expects.
static ODD_VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
    let texts = ["", "x", " q1 ", "q1", "a\u{202e}b", "\0", "é\u{301}\u{302}\u{303}", "ABC234", "1e9", "<b>"];
    let long = json!("ß".repeat(3_000));
    let numbers = [json!(0), json!(-1), json!(1.5), json!(1e300), json!(1_u64 << 53), json!(u64::MAX), json!(-0.0)];
    let others = [json!(null), json!(true), json!([]), json!({}), deep, long];
    texts.map(Value::from).into_iter().chain(numbers).chain(others).collect()
});

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// The n-th node, counted from the root down.
fn nth<'a>(value: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| nth(value, place)),
        Value::Object(fields) => fields.values_mut().find_map(|value| nth(value, place)),
        _ => None,
    }
}

#[test]
fn a_change_reaches_every_node() {
    let sample = json!({"a": [1, {"b": 2}], "c": "d"});
    assert_eq!(count(&sample), 6);
    let odd_null = ODD_VALUES.iter().position(Value::is_null).expect("it is there");
    let nulled: Vec<_> = (0..6).map(|at| edited_json(&sample, &vec![(at, odd_null as u8)])).collect();
    assert_eq!(nulled[0], "null");
    assert_eq!(nulled[2], r#"{"a":[null,{"b":2}],"c":"d"}"#);
    assert_eq!(nulled[5], r#"{"a":[1,{"b":2}],"c":null}"#);
    assert_eq!(edited(b"abc", &vec![(1, 1, 5, u32::from_le_bytes(*b"xyz."))]), b"axyc");
}
