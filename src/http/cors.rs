//! CORS: which other sites' pages may call the API.

use actix_cors::Cors;
use actix_web::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};

/// How long a browser may cache a preflight reply, in seconds.
const KNOWN_FOR: usize = 600;

/// Allows the pages of these origins. Credentials mode is not needed: clients send tokens and keys in a
/// header, and there are no cookies.
pub(super) fn of(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "DELETE"])
        .allowed_headers([AUTHORIZATION, CONTENT_TYPE])
        .allowed_headers(["Idempotency-Key", "Rejoin-Generation", "X-Request-Id"])
        .expose_headers([RETRY_AFTER, CONTENT_DISPOSITION])
        .expose_headers(["X-Request-Id", "Rejoin-Home"])
        .block_on_origin_mismatch(false)
        .max_age(KNOWN_FOR);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
