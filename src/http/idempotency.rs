//! The idempotency keys of requests, over HTTP and over the WebSocket alike: a hash of the client's key, and
//! a hash of the content of its JSON.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::domain::idempotency::hash;
use crate::domain::room::HostMove;
use crate::domain::{EventDraft, IdempotencyKey, SeatId, Sequence};

/// Deepest level that is brought to canonical form. JSON parsers commonly stop at this depth. What is nested
/// deeper is compared as it was written.
const MOST_NESTED: usize = 128;
/// Maximum bytes of a text that is brought to canonical form; a longer one is compared as it was written.
/// Each nesting level is parsed again, so the cost grows with length times depth.
const MOST_CANONICAL: usize = 16 * 1024;

/// The key of opening a room. The caller's name is hashed in, so that two callers may use the same key.
pub(super) fn opened(key: &str, caller: &str, body: &str) -> IdempotencyKey {
    IdempotencyKey { key: hash(&["open", caller, key]), ..IdempotencyKey::new("open", key, &[&canonical(body)]) }
}

/// The key of joining a room. The caller's address is hashed in: the same key from another address is another
/// request. So somebody who only knows the key can't repeat the join and take a seat that its player has not
/// used yet.
pub(super) fn joined(key: &str, caller: &str, what: &str, body: &str) -> IdempotencyKey {
    IdempotencyKey { key: hash(&["join", caller, key]), ..IdempotencyKey::new("join", key, &[what, body]) }
}

/// The key of a seat's `say`.
pub(super) fn said(key: &str, payload: &str) -> IdempotencyKey {
    IdempotencyKey::new("say", key, &[&canonical(payload)])
}

/// The key of recording events in a room's log. It covers the events, their seats, and the expected head of the log.
pub(super) fn recorded(key: &str, events: &[EventDraft], expected: Option<Sequence>) -> IdempotencyKey {
    let expected = expected.map_or_else(String::new, |head| head.0.to_string());
    let words = |event: &EventDraft| [event.kind.clone(), canonical(&event.payload), seats(event)];
    let words: Vec<String> = std::iter::once(expected).chain(events.iter().flat_map(words)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    IdempotencyKey::new("record", key, &words)
}

/// The key of a host's move.
pub(super) fn moved(key: &str, at: u32, host_move: HostMove) -> IdempotencyKey {
    IdempotencyKey::new("move", key, &[&at.to_string(), &format!("{host_move:?}")])
}

/// The seats that an event is for, as text. `all` if it is for every seat.
fn seats(event: &EventDraft) -> String {
    let list = |to: &Vec<SeatId>| to.iter().map(|seat| format!("{},", seat.0)).collect();
    event.to.as_ref().map_or_else(|| "all".to_owned(), list)
}

/// The canonical form of a JSON value: no whitespace, fields sorted by name, one way of escaping. Numbers
/// stay as they were written, because parsing would make different large numbers equal by rounding. What is
/// no JSON stays as it was written, too.
pub(super) fn canonical(json: &str) -> String {
    if json.len() > MOST_CANONICAL {
        return json.to_owned();
    }
    let mut written = String::with_capacity(json.len());
    write(json, 0, &mut written);
    written
}

fn write(json: &str, depth: usize, to: &mut String) {
    let json = json.trim_ascii();
    let written = match json.as_bytes().first() {
        Some(b'{') if depth < MOST_NESTED => write_fields(json, depth, to),
        Some(b'[') if depth < MOST_NESTED => write_list(json, depth, to),
        Some(b'"') => serde_json::from_str(json).ok().map(|text: String| write_text(text, to)),
        _ => None,
    };
    if written.is_none() {
        to.push_str(json);
    }
}

fn write_fields(json: &str, depth: usize, to: &mut String) -> Option<()> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    for (n, (name, value)) in fields.into_iter().enumerate() {
        to.push(if n == 0 { '{' } else { ',' });
        write_text(name, to);
        to.push(':');
        write(value.get(), depth + 1, to);
    }
    to.push('}');
    Some(())
}

fn write_list(json: &str, depth: usize, to: &mut String) -> Option<()> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    for (n, item) in items.into_iter().enumerate() {
        to.push(if n == 0 { '[' } else { ',' });
        write(item.get(), depth + 1, to);
    }
    to.push(']');
    Some(())
}

fn write_text(text: String, to: &mut String) {
    to.push_str(&serde_json::Value::String(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_for_other_seats_is_another() {
        let key = |to: Option<&[u32]>| {
            let to = to.map(|to| to.iter().copied().map(SeatId).collect());
            recorded("k", &[EventDraft { kind: "dealt".to_owned(), payload: "1".to_owned(), to }], None)
        };
        let all = [key(None), key(Some(&[])), key(Some(&[1])), key(Some(&[1, 2])), key(Some(&[12]))];
        for (n, one) in all.iter().enumerate() {
            assert!(all[..n].iter().all(|other| other.key == one.key && other.body != one.body), "{n}");
        }
        assert!(key(Some(&[1])) == key(Some(&[1])));
    }

    #[test]
    fn a_value_is_the_same_however_it_is_written() {
        let same = [
            (r#" {"a": 1, "b": [true, null, "é\n"]} "#, r#"{"b":[true,null,"\u00e9\u000a"],"\u0061":1}"#),
            (r#"{"x": {"z": {}, "y": [ ]}}"#, r#"{"x":{"y":[],"z":{}}}"#),
            ("\t7 ", "7"),
        ];
        for (one, other) in same {
            assert_eq!(said("k", one).body, said("k", other).body, "{one}");
        }
        let different = [
            ("[1, 2]", "[2, 1]"),
            (r#"{"a": 1}"#, r#"{"a": "1"}"#),
            ("12345678901234567890123", "12345678901234567890124"),
            ("1e400", "1e401"),
            (r#""\ud800""#, r#""\ud801""#),
            ("{", "{{"),
            ("[]", "{}"),
        ];
        for (one, other) in different {
            assert_ne!(said("k", one).body, said("k", other).body, "{one}");
        }
    }

    #[test]
    fn what_is_nested_without_end_is_no_harm() {
        let deep = "[".repeat(200_000);
        assert_eq!(canonical(&deep), deep);
        let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(canonical(&closed).len(), closed.len());
    }
}
