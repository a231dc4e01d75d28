//! Gives each request an id, which is in its reply and on its log lines, puts the caller's trace on them,
//! and measures the request.
//! Only the pattern of the path is logged, not the path: it contains session ids, and the id of a solo game is
//! its player's only credential. The client's address is logged at the level debug only.

use std::rc::Rc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use tracing::{Instrument, Level};

use super::Shared;
use super::problem::ProblemCode;
#[cfg(feature = "otel")]
use super::trace_context;
use super::trace_context::TraceParent;
use crate::metrics::RouteMetrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A random prefix of this process, so that request ids from before and after a restart differ.
static PROCESS: LazyLock<u32> = LazyLock::new(|| getrandom::u32().unwrap_or_default());
/// Number of the next request without an id of its own.
static COUNT: AtomicU64 = AtomicU64::new(1);

/// Middleware that runs the request in a span with its id, and puts the id into the reply. No span is made if
/// the log level hides it.
pub(super) async fn traced(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request_id(&request);
    if !tracing::span_enabled!(Level::INFO) {
        return serve(request, next, id).await;
    }
    let method = request.method().clone();
    let url = request.match_pattern().unwrap_or_else(|| "(no such URL)".to_owned());
    let name = id.to_str().unwrap_or_default();
    let caller = TraceParent::of(request.headers());
    let trace = caller.map(|caller| caller.trace);
    let span = tracing::info_span!("request", id = name, %method, url, trace, key = tracing::field::Empty);
    #[cfg(feature = "otel")]
    if let Some(caller) = caller {
        caller.adopt(&span);
    }
    serve(request, next, id).instrument(span).await
}

async fn serve(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: HeaderValue,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let shared = Shared::of(request.request()).clone();
    let mut response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        // Errors of the inner middleware become replies too, and need the id.
        Err(error) => return Err(with_id(error, id)),
    };
    response.headers_mut().insert(REQUEST_ID, id);
    let (status, took) = (response.status(), started.elapsed());
    // The innermost one: that of the route, or that of the application if no route was reached.
    if let Some(route) = response.request().app_data::<Rc<RouteMetrics>>() {
        route.replied(status.as_u16(), took);
    }
    if status.is_client_error() || status.is_server_error() {
        let code = response.response().extensions().get::<ProblemCode>().map(|code| code.0);
        code.iter().for_each(|code| shared.metrics.http.refused(code));
    }
    #[cfg(feature = "otel")]
    trace_context::export_status(status.as_u16());
    tracing::debug!(
        status = status.as_u16(),
        micros = took.as_micros() as u64,
        client = %shared.admission.client(response.request()),
        "served"
    );
    Ok(response)
}

fn with_id(error: Error, id: HeaderValue) -> Error {
    let mut response = error.error_response();
    response.headers_mut().insert(REQUEST_ID, id);
    actix_web::error::InternalError::from_response(error, response).into()
}

/// The client's own request id if it is well formed, otherwise a new one.
fn request_id(request: &ServiceRequest) -> HeaderValue {
    let brought = request.headers().get(REQUEST_ID);
    let is_decent = |id: &&HeaderValue| {
        (1..=64).contains(&id.len()) && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    if let Some(id) = brought.filter(is_decent) {
        return id.clone();
    }
    let id = format!("{:08x}-{:x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&id).expect("hex digits and a hyphen are a header's characters")
}
