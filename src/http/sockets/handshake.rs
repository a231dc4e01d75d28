//! The opening handshake of a WebSocket (RFC 6455, section 4.2).

use actix_http::ws::{HandshakeError, hash_key, verify_handshake};
use actix_web::http::header::{HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use actix_web::http::{StatusCode, Version};
use actix_web::{HttpRequest, HttpResponse};

use super::super::problem::Problem;

/// Checks the request, and builds the 101 reply that switches protocols.
pub(super) fn accept(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    verify_handshake(request.head()).map_err(refusal)?;
    if request.version() != Version::HTTP_11 {
        return Err(not_asked());
    }
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let accept = HeaderValue::from_bytes(&hash_key(key)).expect("base64 is a header's characters");
    let mut response = HttpResponse::SwitchingProtocols();
    Ok(response.upgrade("websocket").insert_header((SEC_WEBSOCKET_ACCEPT, accept)).finish())
}

fn refusal(error: HandshakeError) -> Problem {
    match error {
        HandshakeError::BadWebsocketKey => {
            let detail = "Sec-WebSocket-Key: 16 bytes as base64";
            Problem::new(StatusCode::BAD_REQUEST, "invalid-websocket-key", detail)
        }
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
            Problem::upgrade_required("Sec-WebSocket-Version: 13 is the one that is spoken here")
        }
        HandshakeError::GetMethodRequired
        | HandshakeError::NoWebsocketUpgrade
        | HandshakeError::NoConnectionUpgrade => not_asked(),
    }
}

/// The error reply to a request without an upgrade, at a URL that speaks only WebSocket.
pub(super) fn not_asked() -> Problem {
    Problem::upgrade_required(
        "this URL speaks WebSocket: send GET by HTTP/1.1, Connection: Upgrade and Upgrade: websocket",
    )
}
