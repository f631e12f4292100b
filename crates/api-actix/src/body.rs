//! Reading a request's body: its type, its size and its time are bounded, whatever its framing.
//!
//! The body stays in a [`BodySlot`] that the request's outermost layer owns. What a handler leaves unread is still
//! there when the response is written: the connection then closes after a short grace for the client to read the
//! answer. If it were dropped, actix would go on swallowing an endless chunked body for as long as the client likes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use actix_web::rt::time::{Instant, timeout};
use actix_web::web::{Bytes, BytesMut};
use futures_core::Stream;
use sync_core::{Code, Problem};

use crate::problem::ApiError;

/// Each so many bytes received extend the deadline by a second: slow networks may take their time, idle ones may not.
const BYTES_PER_EXTRA_SECOND: usize = 4_096;
/// What is reserved before anything arrived, whatever length is announced.
const FIRST_RESERVE_BYTES: usize = 65_536;

/// The body of the request that is being answered.
#[derive(Clone)]
pub(crate) struct BodySlot(Rc<RefCell<Payload>>);

impl BodySlot {
    /// Takes the body out of a request.
    pub(crate) fn new(payload: Payload) -> Self {
        Self(Rc::new(RefCell::new(payload)))
    }

    async fn next(&self) -> Option<Result<Bytes, PayloadError>> {
        poll_fn(|context| Pin::new(&mut *self.0.borrow_mut()).poll_next(context)).await
    }
}

/// Reads the whole body of a request that is to carry JSON, of at most `limit` bytes.
///
/// # Errors
/// `unsupported_media_type`, `too_large`, `request_timeout` after the deadline, `malformed_json` when it breaks off.
pub(crate) async fn read_body(request: &HttpRequest, slot: &BodySlot, limit: usize, deadline: Duration) -> Result<Bytes, ApiError> {
    check_type(request.headers())?;
    let announced = announced_length(request.headers());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit).into());
    }
    let started = Instant::now();
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(FIRST_RESERVE_BYTES));
    loop {
        let extra_s = u64::try_from(body.len() / BYTES_PER_EXTRA_SECOND).unwrap_or(u64::MAX);
        let allowed = deadline.saturating_add(Duration::from_secs(extra_s));
        let chunk = timeout(allowed.saturating_sub(started.elapsed()), slot.next()).await.map_err(|_| too_slow())?;
        match chunk {
            None => return Ok(body.freeze()),
            Some(Ok(bytes)) if body.len() + bytes.len() > limit => return Err(too_large(limit).into()),
            Some(Ok(bytes)) => body.extend_from_slice(&bytes),
            Some(Err(PayloadError::Overflow)) => return Err(too_large(limit).into()),
            Some(Err(_)) => {
                return Err(Problem::new(Code::MalformedJson, "the body broke off or its framing is wrong; send it again").into());
            }
        }
    }
}

/// JSON in UTF-8, unencoded. A request that names no type is taken at its word.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    for encoding in headers.get_all(header::CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            let problem =
                Problem::new(Code::UnsupportedMediaType, "the body is compressed in a way that is not read here; send it as it is");
            return Err(ApiError::from(problem).with_header(header::ACCEPT_ENCODING, "identity"));
        }
    }
    match headers.get(header::CONTENT_TYPE) {
        None => Ok(()),
        Some(value) if value.to_str().is_ok_and(is_json) => Ok(()),
        Some(_) => {
            let problem = Problem::new(Code::UnsupportedMediaType, "the body is to be Content-Type: application/json, in UTF-8");
            Err(ApiError::from(problem).with_header(header::ACCEPT, "application/json"))
        }
    }
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => value.trim_matches('"').eq_ignore_ascii_case("utf-8"),
        _ => true,
    })
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is larger than {limit} bytes, the most that is read here; nothing of it was taken: send less at once");
    Problem::new(Code::TooLarge, detail)
}

fn too_slow() -> Problem {
    Problem::new(
        Code::RequestTimeout,
        "the body took too long to arrive; nothing of it was taken: send it again, in smaller requests on a slow network",
    )
}

/// A response's body that keeps what was not read of the request's until the response is written.
pub(crate) struct Answer {
    body: BoxBody,
    _unread: Option<BodySlot>,
}

impl Answer {
    pub(crate) fn new(body: BoxBody, unread: BodySlot) -> Self {
        Self { body, _unread: Some(unread) }
    }
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn tells_json_from_other_types() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; profile=x", true),
            ("application/json; charset=latin1", false),
            ("application/jsonp", false),
            ("text/json", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            assert_eq!(is_json(content_type), expected, "{content_type:?}");
        }
    }
}
