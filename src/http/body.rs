//! No body is larger than [`MOST_BODY`], whether a handler reads it or not.

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::MOST_BODY;
use super::problem::Problem;

/// Refuses a body that says it is too large, and reads one that doesn't say, as far as the bound.
pub(super) async fn bounded(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MOST_BODY as u64) {
        return Err(Problem::too_large().into());
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        let whole = request.extract::<web::Bytes>().await.map_err(|_| Problem::too_large())?;
        request.set_payload(Payload::from(whole));
    }
    next.call(request).await
}
