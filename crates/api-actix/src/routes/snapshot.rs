//! `/api/offline/sync/snapshot`: a space as lines.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::Method;
use actix_web::web::{self, Bytes};
use serde::Deserialize;
use sync_core::SpaceId;
use sync_service::SnapshotReader;

use super::{endpoint, mount};
use crate::call::{Answered, Call};
use crate::observe::RequestId;
use crate::problem::ApiError;

/// The media type of newline-delimited JSON.
const NDJSON: &str = "application/x-ndjson";
/// Bytes handed on at once: what a slow client leaves unread is not held twice.
const CHUNK_BYTES: usize = 65_536;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/sync/snapshot", vec![endpoint(Method::GET, snapshot)]);
}

#[derive(Deserialize)]
struct Query {
    space: String,
    mark: Option<String>,
}

async fn snapshot(call: Call) -> Answered {
    let caller = call.caller().await?;
    let query: Query = call.query()?;
    // as in a path: what is no UUID names a space that nobody has
    let space_id = query.space.parse().unwrap_or(SpaceId(uuid::Uuid::nil()));
    let reader = call.service().snapshot(&caller, space_id, query.mark.as_deref()).await?;
    let lines = Lines { reader: Some(reader), rest: Bytes::new(), request_id: call.request_id(), retry_ms: call.state().retry_ms() };
    Ok(HttpResponse::Ok().content_type(NDJSON).body(lines))
}

/// The lines, as they are read. An error on the way is a last line.
struct Lines {
    reader: Option<SnapshotReader>,
    rest: Bytes,
    request_id: Option<RequestId>,
    retry_ms: u64,
}

impl Lines {
    /// The last line of a snapshot that broke off.
    fn broken_off(&self, error: ApiError) -> Bytes {
        let error = match &self.request_id {
            Some(RequestId(id)) => error.of_request(id.clone()),
            None => error,
        };
        error.log();
        error.line(self.retry_ms)
    }
}

impl MessageBody for Lines {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            let Some(reader) = &mut self.reader else { return Poll::Ready(None) };
            match ready!(reader.poll_lines(context)) {
                Some(Ok(lines)) => self.rest = lines.into(),
                Some(Err(error)) => {
                    self.reader = None;
                    self.rest = self.broken_off(error.into());
                }
                None => return Poll::Ready(None),
            }
        }
        let length = self.rest.len().min(CHUNK_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}
