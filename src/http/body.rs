//! Reads request bodies. Every body is read whole before its handler runs, or is refused: none is larger than
//! [`MOST_BODY`], and none may take longer than [`PATIENCE`] to arrive.

use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use futures_util::StreamExt;

use super::admission::Activity;
use super::json::malformed;
use super::problem::Problem;
use super::{MOST_BODY, Shared};

/// Maximum bytes of a body that is still read when its request is refused.
const SMALL: u64 = 4 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// The body of a request, empty if it has none. It can be extracted once.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest for Body {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions_mut().remove().unwrap_or(Self(Bytes::new()))))
    }
}

/// Middleware that admits the request, then reads its body within the limits of size and time.
pub(super) async fn bounded(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // While a request is being answered, the time limit of the next head must not run.
    let activity = request.conn_data::<Activity>().cloned();
    let _answering = activity.as_ref().map(Activity::begin);
    // The size of a chunked body is known only at its end, so it counts as the largest.
    let length = if is_chunked(&request) { None } else { Some(length(&request).unwrap_or_default()) };
    let most = length.map_or(MOST_BODY as u64, |length| length.min(MOST_BODY as u64));
    let _place = match Shared::of(request.request()).admit(&request, most) {
        Err(problem) => {
            // After a small body is read, the connection can be used for the next request.
            if most <= SMALL {
                drop(read(&mut request).await);
            }
            return Ok(request.into_response(problem.error_response()));
        }
        Ok(place) => place,
    };
    read_whole(request, next).await.map(ServiceResponse::map_into_boxed_body)
}

/// Middleware of the admin listener: reads the body within the limits of size and time.
pub(super) async fn read_whole(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let activity = request.conn_data::<Activity>().cloned();
    let _answering = activity.as_ref().map(Activity::begin);
    match keep_body(&mut request, activity.as_ref()).await {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(refused) => Ok(request.into_response(refused)),
    }
}

/// The length of the body, as its head says. `None` if it doesn't say.
fn length(request: &ServiceRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_chunked(request: &ServiceRequest) -> bool {
    request.headers().contains_key(TRANSFER_ENCODING)
}

/// Reads the body, if there is one, and keeps it for its handler. Returns the refusal if it is too large or too slow.
async fn keep_body(request: &mut ServiceRequest, activity: Option<&Activity>) -> Result<(), HttpResponse> {
    let length = length(request);
    if length.is_some_and(|length| length > MOST_BODY as u64) {
        return Err(Problem::too_large().error_response());
    }
    if length.is_some_and(|length| length > 0) || is_chunked(request) {
        let whole = read(request).await?;
        request.extensions_mut().insert(Body(whole));
        activity.iter().for_each(|activity| activity.body_arrived());
    }
    Ok(())
}

/// Reads the body within the limits, or builds the refusal.
async fn read(request: &mut ServiceRequest) -> Result<Bytes, HttpResponse> {
    let mut reading = Box::pin(whole(request.take_payload()));
    let problem = match in_time(reading.as_mut()).await {
        Some(Ok(whole)) => return Ok(whole),
        Some(Err(problem)) => problem,
        None => Problem::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", "the body did not arrive in time"),
    };
    Err(problem.error_response().map_body(|_, body| Holding { body, _reading: reading }.boxed()))
}

/// The output of `reading`, or `None` if it takes longer than [`PATIENCE`]. Most bodies arrive together with
/// their head and are ready at the second poll at the latest, so the timer is made only after that.
async fn in_time<T>(mut reading: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut was_polled = false;
    let at_once = poll_fn(|cx| match reading.as_mut().poll(cx) {
        Poll::Ready(read) => Poll::Ready(Some(read)),
        Poll::Pending if was_polled => Poll::Ready(None),
        Poll::Pending => {
            was_polled = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    });
    match at_once.await {
        Some(read) => Some(read),
        None => tokio::time::timeout(PATIENCE, reading).await.ok(),
    }
}

/// Reads the whole body, of at most [`MOST_BODY`] bytes. A body that arrives in one piece is not copied.
async fn whole(mut payload: Payload) -> Result<Bytes, Problem> {
    let mut piece = async || payload.next().await.transpose().map_err(|_| malformed("the body did not arrive whole"));
    let mut whole = piece().await?.unwrap_or_default();
    while whole.len() <= MOST_BODY {
        let Some(next) = piece().await? else { return Ok(whole) };
        let mut longer = BytesMut::from(whole);
        longer.extend_from_slice(&next);
        whole = longer.freeze();
    }
    Err(Problem::too_large())
}

/// The body of a refusal, which keeps the unread rest of the request's body alive. If that were dropped
/// first, actix would read a chunked request to its end before it closes, however long that takes. Kept
/// alive, the connection is closed right after the reply.
struct Holding<R> {
    body: BoxBody,
    _reading: R,
}

impl<R: Unpin + 'static> MessageBody for Holding<R> {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
