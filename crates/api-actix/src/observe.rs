//! The outermost layer of every endpoint: the request's id, its span, the headers of every response, and the one place
//! where errors become problem documents and are logged.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use tracing::{Instrument, Span, field};

use crate::body::{Answer, BodySlot};
use crate::encoding::encode;
use crate::problem::{ApiError, status_of};
use crate::state::ApiState;

/// Names the request in logs and problem documents.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Characters of an id that a client may give to its request.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// The id of the request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Wraps an endpoint. What it answers carries an id, and is a problem document when it is an error.
pub(crate) async fn observe(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<Answer>, Error> {
    let Some(state) = request.app_data::<ApiState>().cloned() else {
        return Err(ApiError::internal("the routes were mounted without their state").into());
    };
    let started = Instant::now();
    let counting = state.requests().begin(request.method().as_str(), request.match_pattern().as_deref());
    let request_id = given_id(request.headers()).unwrap_or_else(|| state.new_request_id());
    let span = open_span(&request, &request_id);
    let body = BodySlot::new(request.take_payload());
    request.extensions_mut().insert(body.clone());
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let Some(outcome) = caught(next.call(request)).instrument(span.clone()).await else {
        let error = ApiError::internal("the handler panicked").of_request(request_id);
        log_problem(&span, &error);
        counting.answered(status_of(error.problem().code), started.elapsed());
        return Err(error.into());
    };
    let mut response = outcome?.map_into_boxed_body();
    if let Some(error) = problem_of(&response) {
        log_problem(&span, &error);
        let document = error.of_request(request_id.clone()).respond(state.retry_ms());
        response = response.into_response(document);
    }
    finish_headers(response.headers_mut(), &request_id);
    if state.is_draining() {
        // clients that keep connections open go elsewhere with their next request
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let response = encode(response).instrument(span.clone()).await;
    record(&span, response.status().as_u16(), started);
    counting.answered(response.status(), started.elapsed());
    Ok(response.map_body(|_, boxed| Answer::new(boxed, body)))
}

/// The id that the client gave, when it is one that can stand in a log.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let sane =
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    sane.then(|| id.to_owned())
}

/// Names the route, never the path: paths carry ids, routes do not.
fn open_span(request: &ServiceRequest, request_id: &str) -> Span {
    tracing::info_span!(
        "request",
        request.id = request_id,
        http.method = %request.method(),
        http.route = request.match_pattern().as_deref().unwrap_or("none"),
        http.status = field::Empty,
        duration_ms = field::Empty,
        trace.parent = trace_parent(request.headers()),
    )
}

/// What names the trace that a request belongs to (W3C Trace Context), as far as it can stand in a log.
fn trace_parent(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let sane = text.len() <= MAX_REQUEST_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    sane.then_some(text)
}

/// Polls a future; `None` when it panicked.
async fn caught<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

fn problem_of(response: &ServiceResponse<BoxBody>) -> Option<ApiError> {
    let error = response.response().error()?;
    Some(error.as_error::<ApiError>().cloned().unwrap_or_else(|| ApiError::internal(error.to_string())))
}

fn log_problem(span: &Span, error: &ApiError) {
    span.in_scope(|| error.log());
}

fn finish_headers(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn record(span: &Span, status: u16, started: Instant) {
    span.record("http.status", status);
    span.record("duration_ms", u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
    tracing::debug!(parent: span, "answered");
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue};

    use super::{X_REQUEST_ID, given_id};

    #[test]
    fn takes_only_ids_that_can_stand_in_a_log() {
        for (given, taken) in
            [("a-B_9", true), ("", false), ("a b", false), ("a\"b", false), (&"x".repeat(64), true), (&"x".repeat(65), false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(given).unwrap());
            assert_eq!(given_id(&headers).is_some(), taken, "{given:?}");
        }
    }
}
