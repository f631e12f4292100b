//! Reading a request's body: its type, its size and its time are bounded, whatever its framing and its coding.
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
use actix_web::web::{Buf as _, Bytes, BytesMut};
use futures_core::Stream;
use sync_core::{Code, Problem};
use tokio::task::yield_now;

use crate::encoding::{self, Encoding, Fault, STEP_BYTES, Unpacker};
use crate::problem::ApiError;

/// Each so many bytes received extend the deadline by a second: slow networks may take their time, idle ones may not.
const BYTES_PER_EXTRA_SECOND: usize = 4_096;
/// What is reserved before anything arrived, whatever length is announced.
const FIRST_RESERVE_BYTES: usize = 65_536;

/// A refused request's body is dropped up to so many bytes.
const DROPPED_BYTES: usize = 65_536;
/// It is there with its head, or it is not waited for.
const DROPPED_WITHIN: Duration = Duration::from_millis(10);

/// The body of the request that is being answered.
#[derive(Clone)]
pub(crate) struct BodySlot(Rc<RefCell<Payload>>);

impl BodySlot {
    /// Takes the body out of a request.
    pub(crate) fn new(payload: Payload) -> Self {
        Self(Rc::new(RefCell::new(payload)))
    }

    /// Drops the small body of a request that is refused and that has come with its head, so that the connection can be
    /// used again. Otherwise the answer goes out at once and the connection is closed behind it.
    pub(crate) async fn drop_small(&self, headers: &HeaderMap) {
        if announced_length(headers).is_some_and(|bytes| bytes <= DROPPED_BYTES) {
            // whether it has all come is seen by who answers
            let _ = timeout(DROPPED_WITHIN, async { while let Some(Ok(_)) = self.next().await {} }).await;
        }
    }

    async fn next(&self) -> Option<Result<Bytes, PayloadError>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next bytes as they arrive, however many.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// A body that was read.
pub(crate) struct Body {
    /// What was in it, unpacked.
    pub(crate) bytes: Bytes,
    /// How many bytes came.
    pub(crate) received: usize,
    /// How long they took.
    pub(crate) took: Duration,
}

/// Reads the whole body of a request that is to carry JSON, of at most `limit` bytes once it is unpacked.
///
/// # Errors
/// Those of [`BodyReader::open`] and [`BodyReader::next`].
pub(crate) async fn read_body(request: &HttpRequest, slot: &BodySlot, limit: usize, deadline: Duration) -> Result<Body, ApiError> {
    BodyReader::open(request.headers(), slot, limit, deadline)?.whole(request.headers()).await
}

/// Reads the body of a request that mostly comes without one; `None` where nothing came, whatever was announced.
///
/// # Errors
/// As [`read_body`].
pub(crate) async fn read_optional(
    request: &HttpRequest,
    slot: &BodySlot,
    limit: usize,
    deadline: Duration,
) -> Result<Option<Body>, ApiError> {
    let body = BodyReader::open_any(request.headers(), slot, limit, deadline)?.whole(request.headers()).await?;
    if body.bytes.is_empty() {
        return Ok(None);
    }
    check_type(request.headers())?;
    Ok(Some(body))
}

/// Reads a body piece by piece, unpacked.
///
/// The limit holds for what is sent and for what comes out of it: a bomb ends where a plain body of its size would, and
/// what is held meanwhile is one piece and the coding's window. The deadline counts what is sent.
pub(crate) struct BodyReader {
    slot: BodySlot,
    limit: usize,
    deadline: Duration,
    started: Instant,
    received: usize,
    unpacking: Option<Unpacking>,
}

struct Unpacking {
    coding: Encoding,
    unpacker: Unpacker,
    /// What was received and is not unpacked yet.
    packed: Bytes,
    output: Vec<u8>,
    /// Whether more comes out of what was received already.
    more: bool,
    unpacked: usize,
    ended: bool,
}

impl BodyReader {
    /// Begins to read a body that is to carry JSON.
    ///
    /// # Errors
    /// `unsupported_media_type`, `too_large` when the announced length is.
    pub(crate) fn open(headers: &HeaderMap, slot: &BodySlot, limit: usize, deadline: Duration) -> Result<Self, ApiError> {
        check_type(headers)?;
        Self::open_any(headers, slot, limit, deadline)
    }

    /// Begins to read a body that is to carry lines of JSON.
    ///
    /// # Errors
    /// As [`BodyReader::open`].
    pub(crate) fn open_lines(headers: &HeaderMap, slot: &BodySlot, limit: usize, deadline: Duration) -> Result<Self, ApiError> {
        if !carries_lines(headers) {
            let problem = Problem::new(Code::UnsupportedMediaType, "the body is to be Content-Type: application/x-ndjson, in UTF-8");
            return Err(ApiError::from(problem).with_header(header::ACCEPT, "application/x-ndjson, application/json"));
        }
        Self::open_any(headers, slot, limit, deadline)
    }

    async fn whole(mut self, headers: &HeaderMap) -> Result<Body, ApiError> {
        let announced = announced_length(headers).unwrap_or(0);
        let mut body = BytesMut::with_capacity(announced.min(FIRST_RESERVE_BYTES));
        while let Some(bytes) = self.next().await? {
            body.extend_from_slice(&bytes);
        }
        Ok(Body { bytes: body.freeze(), received: self.received, took: self.started.elapsed() })
    }

    fn open_any(headers: &HeaderMap, slot: &BodySlot, limit: usize, deadline: Duration) -> Result<Self, ApiError> {
        let coding = encoding::of_body(headers)?;
        if announced_length(headers).is_some_and(|length| length > limit) {
            return Err(too_large(limit).into());
        }
        let unpacking = coding.map(Unpacking::new).transpose()?;
        Ok(Self { slot: slot.clone(), limit, deadline, started: Instant::now(), received: 0, unpacking })
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// `too_large`, `request_timeout` after the deadline, `malformed_json` when it breaks off or can't be unpacked.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(piece) = self.unpack()? {
                // a large body is unpacked in many small steps: others get their turn between them
                yield_now().await;
                return Ok(Some(piece));
            }
            let chunk = self.receive().await?;
            match (&mut self.unpacking, chunk) {
                (None, chunk) => return Ok(chunk),
                (Some(unpacking), Some(chunk)) => unpacking.take(chunk),
                (Some(unpacking), None) => return unpacking.finish(self.limit),
            }
        }
    }

    fn unpack(&mut self) -> Result<Option<Bytes>, ApiError> {
        let limit = self.limit;
        self.unpacking.as_mut().map_or(Ok(None), |unpacking| unpacking.step(limit))
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, ApiError> {
        let extra_s = u64::try_from(self.received / BYTES_PER_EXTRA_SECOND).unwrap_or(u64::MAX);
        let allowed = self.deadline.saturating_add(Duration::from_secs(extra_s));
        let chunk = timeout(allowed.saturating_sub(self.started.elapsed()), self.slot.next()).await.map_err(|_| too_slow())?;
        match chunk {
            None => Ok(None),
            Some(Ok(bytes)) => {
                self.received = self.received.saturating_add(bytes.len());
                if self.received > self.limit { Err(too_large(self.limit).into()) } else { Ok(Some(bytes)) }
            }
            Some(Err(PayloadError::Overflow)) => Err(too_large(self.limit).into()),
            Some(Err(_)) => Err(Problem::new(Code::MalformedJson, "the body broke off or its framing is wrong; send it again").into()),
        }
    }
}

impl Unpacking {
    fn new(coding: Encoding) -> Result<Self, ApiError> {
        let unpacker = Unpacker::new(coding).map_err(ApiError::internal)?;
        Ok(Self { coding, unpacker, packed: Bytes::new(), output: vec![0; STEP_BYTES], more: false, unpacked: 0, ended: false })
    }

    fn take(&mut self, chunk: Bytes) {
        self.packed = chunk;
        self.more = !self.packed.is_empty();
    }

    /// What comes out of one step; `None` when more has to be received first.
    fn step(&mut self, limit: usize) -> Result<Option<Bytes>, ApiError> {
        while self.more {
            let step = self.unpacker.step(&self.packed, &mut self.output).map_err(|fault| self.damaged(fault))?;
            self.packed.advance(step.read);
            self.more = !self.packed.is_empty() || step.written == self.output.len();
            if step.written > 0 {
                let piece = self.output.get(..step.written).map(Bytes::copy_from_slice);
                return self.counted(piece.unwrap_or_default(), limit).map(Some);
            }
        }
        Ok(None)
    }

    fn finish(&mut self, limit: usize) -> Result<Option<Bytes>, ApiError> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(None);
        }
        let rest = self.unpacker.finish().map_err(|fault| self.damaged(fault))?;
        if rest.is_empty() { Ok(None) } else { self.counted(rest.into(), limit).map(Some) }
    }

    fn counted(&mut self, piece: Bytes, limit: usize) -> Result<Bytes, ApiError> {
        self.unpacked = self.unpacked.saturating_add(piece.len());
        if self.unpacked > limit { Err(too_large(limit).into()) } else { Ok(piece) }
    }

    fn damaged(&self, fault: Fault) -> ApiError {
        let coding = self.coding.name();
        let detail = match fault {
            Fault::CutShort => format!("the body ends before its {coding} stream does; nothing of it was taken: send it whole"),
            Fault::Corrupt => {
                format!(
                    "the body is no {coding} stream, a damaged one, or one with a window above 8 MiB; nothing of it was taken: pack it again without a long window, or send it without Content-Encoding"
                )
            }
        };
        Problem::new(Code::MalformedJson, detail).into()
    }
}

/// JSON in UTF-8. A request that names no type is taken at its word.
fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::CONTENT_TYPE) {
        None => Ok(()),
        Some(value) if value.to_str().is_ok_and(is_json) => Ok(()),
        Some(_) => {
            let problem = Problem::new(Code::UnsupportedMediaType, "the body is to be Content-Type: application/json, in UTF-8");
            Err(ApiError::from(problem).with_header(header::ACCEPT, "application/json"))
        }
    }
}

/// Whether a body is said to be lines of JSON.
pub(crate) fn carries_lines(headers: &HeaderMap) -> bool {
    let types = ["application/x-ndjson", "application/ndjson", "application/jsonl"];
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    named.is_some_and(|named| types.into_iter().any(|essence| is_type(named, essence)))
}

fn is_json(content_type: &str) -> bool {
    is_type(content_type, "application/json")
}

fn is_type(content_type: &str, essence: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let named = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(essence));
    named
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => value.trim_matches('"').eq_ignore_ascii_case("utf-8"),
            _ => true,
        })
}

pub(crate) fn announced_length(headers: &HeaderMap) -> Option<usize> {
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
