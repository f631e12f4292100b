//! Answers that are written line by line, as fast as they are read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use sync_service::{Export, ServiceResult, SnapshotReader};

use crate::call::Call;
use crate::observe::RequestId;
use crate::problem::ApiError;

/// The media type of newline-delimited JSON.
const NDJSON: &str = "application/x-ndjson";
/// Bytes handed on at once: what a slow client leaves unread is not held twice.
const CHUNK_BYTES: usize = 65_536;

/// What gives lines, some at a time.
pub(crate) trait LineSource: Unpin + 'static {
    /// The next lines; `None` after the last. After an error there is nothing more.
    fn poll_lines(&mut self, context: &mut Context<'_>) -> Poll<Option<ServiceResult<Vec<u8>>>>;
}

impl LineSource for SnapshotReader {
    fn poll_lines(&mut self, context: &mut Context<'_>) -> Poll<Option<ServiceResult<Vec<u8>>>> {
        Self::poll_lines(self, context)
    }
}

impl LineSource for Export {
    fn poll_lines(&mut self, context: &mut Context<'_>) -> Poll<Option<ServiceResult<Vec<u8>>>> {
        Self::poll_lines(self, context)
    }
}

/// An answer of lines.
pub(crate) fn as_lines(call: &Call, source: impl LineSource) -> HttpResponse {
    let lines = Lines { source: Some(source), rest: Bytes::new(), request_id: call.request_id(), retry_ms: call.state().retry_ms() };
    HttpResponse::Ok().content_type(NDJSON).body(lines)
}

/// The lines, as they are read. An error on the way is a last line.
struct Lines<S> {
    source: Option<S>,
    rest: Bytes,
    request_id: Option<RequestId>,
    retry_ms: u64,
}

impl<S> Lines<S> {
    /// The last line of an answer that broke off.
    fn broken_off(&self, error: ApiError) -> Bytes {
        let error = match &self.request_id {
            Some(RequestId(id)) => error.of_request(id.clone()),
            None => error,
        };
        error.log();
        error.line(self.retry_ms)
    }
}

impl<S: LineSource> MessageBody for Lines<S> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            let Some(source) = &mut self.source else { return Poll::Ready(None) };
            match ready!(source.poll_lines(context)) {
                Some(Ok(lines)) => self.rest = lines.into(),
                Some(Err(error)) => {
                    self.source = None;
                    self.rest = self.broken_off(error.into());
                }
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(CHUNK_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}
