//! Pages of other sites: which may ask, by their origins.

use actix_cors::Cors;
use actix_web::http::header::{AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};

/// How long a browser remembers that it may ask, in seconds.
const KNOWN_FOR: usize = 600;

/// Lets the pages of these origins ask. What they show is a token or a key: there are no cookies.
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
