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
use crate::call::client_of;
use crate::cors;
use crate::encoding::encode;
use crate::limits::{self, Standing};
use crate::problem::{ApiError, status_of};
use crate::state::{ApiConfig, ApiState};

/// What every answer tells browsers: take it for what it says it is, keep nothing of it, show it in no frame, tell nobody
/// where you came from, and let no page of another origin embed it.
const STRICT: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
/// A document of the API loads nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

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
    let origin = cors::allowed(request.headers(), &state.config().origins).cloned();
    let Some(outcome) = caught(answer(request, next, &state, &body)).instrument(span.clone()).await else {
        let error = ApiError::internal("the handler panicked").of_request(request_id);
        log_problem(&span, &error);
        counting.answered(status_of(error.problem().code), started.elapsed());
        return Err(error.into());
    };
    let mut response = outcome?;
    if let Some(error) = problem_of(&response) {
        log_problem(&span, &error);
        let document = error.of_request(request_id.clone()).respond(state.retry_ms());
        response = response.into_response(document);
    }
    let standing = response.request().extensions().get::<Standing>().copied();
    finish_headers(response.headers_mut(), &request_id, state.config(), standing);
    cors::tell(response.headers_mut(), origin, &state.config().origins);
    if state.is_draining() {
        // clients that keep connections open go elsewhere with their next request
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let response = encode(response).instrument(span.clone()).await;
    record(&span, response.status().as_u16(), started);
    counting.answered(response.status(), started.elapsed());
    Ok(response.map_body(|_, boxed| Answer::new(boxed, body)))
}

/// Lets a request through to its handler, unless its address sends too many, or a browser only asks whether it may send.
async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    state: &ApiState,
    body: &BodySlot,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if is_counted(request.match_pattern().as_deref()) {
        let taken = state.budgets().take_from_address(client_of(request.head(), state.config()));
        limits::note(&mut request.extensions_mut(), taken.unwrap_or_else(|over| Some(over.standing)));
        if let Err(over) = taken {
            body.drop_small(request.headers()).await;
            return Ok(request.error_response(ApiError::from(over)));
        }
    }
    if let Some(answer) = cors::preflight(request.request(), &state.config().origins) {
        return Ok(request.into_response(answer));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Whether a path is one of those that are counted: not what watches the server.
fn is_counted(route: Option<&str>) -> bool {
    !matches!(route, Some("/healthz" | "/readyz" | "/metrics"))
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

fn finish_headers(headers: &mut HeaderMap, request_id: &str, config: &ApiConfig, standing: Option<Standing>) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    for (name, value) in STRICT {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // the page to try the API says itself what it needs
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
    }
    if config.tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if let Some(standing) = standing {
        standing.tell(headers);
    }
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
