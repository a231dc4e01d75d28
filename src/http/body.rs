//! No body is larger than [`MOST_BODY`], whether a handler reads it or not.

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};

use super::MOST_BODY;
use super::json::unreadable;
use super::problem::Problem;

/// Refuses a body that says it is too large, and reads one that doesn't say, as far as the bound.
pub(super) async fn bounded(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MOST_BODY as u64) {
        return Ok(request.into_response(Problem::too_large().error_response()));
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        match request.extract::<web::Bytes>().await {
            Ok(whole) => request.set_payload(Payload::from(whole)),
            Err(error) => return Ok(request.into_response(unreadable(error).error_response())),
        }
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}
