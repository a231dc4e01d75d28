//! Reads the JSON body and the idempotency key of a request. Errors name the path of the wrong field.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::body::Body;
use super::problem::Problem;
use crate::domain::quiz::draft::DraftProblem as Wrong;

/// Maximum characters of an error's message or path, which may quote the client.
const MOST_TOLD: usize = 400;

/// Maximum nesting depth of a payload. JSON parsers commonly stop at 100 or 128, and the payload is sent to
/// clients inside further levels.
const MOST_NESTED: usize = 64;

/// A required JSON body.
pub(super) struct Json<T> {
    pub(super) value: T,
    /// The bytes of the body, from which repeats are recognised.
    pub(super) bytes: web::Bytes,
}

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = |Body(bytes): Body| {
            let value = if is_json(request) { parse(&bytes)? } else { return Err(not_json()) };
            Ok(Self { value, bytes })
        };
        ready(Body::from_request(request, payload).into_inner().and_then(read))
    }
}

/// A JSON body that may be left out. An empty body gives the default value.
pub(super) struct Maybe<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest for Maybe<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = |Body(bytes): Body| match bytes.is_empty() {
            true => Ok(Self(T::default())),
            false if is_json(request) => parse(&bytes).map(Self),
            false => Err(not_json()),
        };
        ready(Body::from_request(request, payload).into_inner().and_then(read))
    }
}

pub(super) fn not_json() -> Problem {
    let detail = "send the body as Content-Type: application/json";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

/// True if the request says that its body is JSON. This is required as a protection: without a CORS preflight, a
/// page of another origin can send bodies without a content type or of a few simple types, but not of this one.
pub(super) fn is_json(request: &HttpRequest) -> bool {
    let Some(kind) = request.headers().get(CONTENT_TYPE) else { return false };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

/// Parses a JSON object, or says where it is wrong.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would also accept a list as an object, with its fields by position. The API doesn't promise that.
    let is_list = bytes.trim_ascii_start().starts_with(b"[");
    let text = std::str::from_utf8(bytes).ok().filter(|_| !is_list);
    if let Some(value) = text.and_then(|text| serde_json::from_str(text).ok()) {
        return Ok(value);
    }
    // It failed, so parse again more slowly, to find out what to report.
    check_syntax(bytes)?;
    if is_list {
        return Err(wrong(".", "invalid type: sequence, expected an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| wrong(&error.path().to_string(), &error.inner().to_string()))
}

/// Like [`parse`], but refuses unknown fields, in nested objects too.
pub(super) fn parse_strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut unknown = None;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_ignored::deserialize(&mut json, |path| {
        unknown.get_or_insert_with(|| path_of(&path));
    });
    // Any other error is reported by `parse`.
    match (value, unknown) {
        (Ok(value), None) if json.end().is_ok() && !bytes.trim_ascii_start().starts_with(b"[") => Ok(value),
        (_, Some(unknown)) if parse::<T>(bytes).is_ok() => Err(wrong(&unknown, "unknown field")),
        _ => parse(bytes),
    }
}

/// A field's path as it is shown to clients, such as `events[1].to`.
fn path_of(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", path_of(parent)),
        Path::Map { parent, key } => match path_of(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => path_of(parent),
    }
}

/// Refuses what is no JSON at all. Checked before the types, so that a syntax error is always reported as one.
fn check_syntax(bytes: &[u8]) -> Result<(), Problem> {
    if bytes.is_empty() {
        return Err(malformed("the body is empty"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error.to_string()))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| malformed(&error.to_string()))?;
    Ok(())
}

/// Turns serde's error message into a problem: rewords it for clients, and cuts it at [`MOST_TOLD`] characters.
fn wrong(path: &str, message: &str) -> Problem {
    if let Some((field, _)) = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        let path = if path == "." { field.to_owned() } else { format!("{path}.{field}") };
        return Problem::invalid(vec![Wrong::new(path, "missing")]);
    }
    let path = if path == "." { "body" } else { path };
    let message = message.replace("expected u64", "expected a whole number");
    Problem::invalid(vec![Wrong::new(shortened(path), shortened(&message))])
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_TOLD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The reply to a body that can't be parsed as JSON.
pub(super) fn malformed(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed-json", detail)
}

/// The request's `Idempotency-Key`. `None` without the header, an error if it is malformed or there are several.
pub(super) fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let mut keys = request.headers().get_all("Idempotency-Key");
    let Some(key) = keys.next() else { return Ok(None) };
    let is_good = |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match (key.to_str().ok().filter(is_good), keys.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-idempotency-key",
            "Idempotency-Key: one, of 1 to 255 printable ASCII characters",
        )),
    }
}

/// Checks the nesting depth of a client's own JSON. It is passed on to other clients as it is, and must not
/// exceed the depth that their parsers accept.
pub(super) fn shallow(path: &str, json: &RawValue) -> Result<String, Problem> {
    let (mut depth, mut deepest, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.get().bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > MOST_NESTED {
        return Err(Problem::wrong(path, format!("nested at most {MOST_NESTED} deep")));
    }
    Ok(json.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deep_is_refused_and_texts_are_not_looked_into() {
        let nested = |open: &str, close: &str, depth: usize| {
            let json = RawValue::from_string(format!("{}1{}", open.repeat(depth), close.repeat(depth))).expect("JSON");
            shallow("payload", &json).is_ok()
        };
        for (open, close) in [("[", "]"), (r#"{"a": "#, "}"), (r#"["]\"[[", "#, "]")] {
            assert!(nested(open, close, MOST_NESTED) && !nested(open, close, MOST_NESTED + 1), "{open}");
        }
    }
}
