//! What every reply is made of: its JSON body, and dates as text.

use crate::domain::WallTime;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;

use super::problem::Problem;

/// Initial capacity of a reply's buffer, in bytes. Most replies are smaller, so the buffer doesn't grow.
const USUAL_REPLY: usize = 2 * 1024;

/// The result of a handler.
pub(super) type Handled = Result<HttpResponse, Problem>;

/// Builds a reply with a JSON body.
pub(super) fn reply(status: StatusCode, body: &impl serde::Serialize) -> HttpResponse {
    let mut bytes = Vec::with_capacity(USUAL_REPLY);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => HttpResponse::build(status).content_type(ContentType::json()).body(bytes),
        Err(error) => HttpResponse::from_error(error),
    }
}

/// Formats a date as RFC 3339, in UTC, with milliseconds.
pub(super) fn date(time: WallTime) -> String {
    let since_1970 = std::time::Duration::from_millis(time.0);
    humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + since_1970).to_string()
}
