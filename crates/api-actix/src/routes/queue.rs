//! `/api/offline/queue`: what waits to be decided, what people do about what failed, and how it went.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::web;
use serde::Deserialize;
use sync_core::limits::{MAX_DOCUMENT_BYTES, MAX_SMALL_BODY_BYTES};
use sync_core::protocol::v1::queue::{BulkFilter, BulkRequest, DiscardRequest, RetryRequest};
use sync_core::{BatchId, Code, DeviceId, OpId, Problem, SpaceId, TaskId, Timestamp, UserId};
use sync_service::queue::{AnalyticsQuery, BulkAction, PendingQuery};

use super::{endpoint, mount, page_size};
use crate::call::{Answered, Call, no_content, ok};
use crate::stream::as_lines;

/// An edited operation: its patch, its base, and what is around them.
const MAX_EDIT_BYTES: usize = 2 * MAX_DOCUMENT_BYTES + 16_384;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    mount(cfg, "/api/offline/queue/pending", vec![endpoint(Method::GET, pending)]);
    mount(cfg, "/api/offline/queue/export", vec![endpoint(Method::GET, export)]);
    mount(cfg, "/api/offline/queue/analytics", vec![endpoint(Method::GET, analytics)]);
    mount(cfg, "/api/offline/queue/retry", vec![endpoint(Method::POST, retry_many)]);
    mount(cfg, "/api/offline/queue/retry/{id}", vec![endpoint(Method::PUT, retry)]);
    mount(cfg, "/api/offline/queue/discard", vec![endpoint(Method::POST, discard_many)]);
    mount(cfg, "/api/offline/queue/tasks/{id}", vec![endpoint(Method::GET, task)]);
    mount(cfg, "/api/offline/sync/queue/{id}", vec![endpoint(Method::DELETE, discard)]);
}

#[derive(Deserialize)]
struct Items {
    space: Option<String>,
    device: Option<DeviceId>,
    user: Option<UserId>,
    batch: Option<BatchId>,
    lane: Option<i32>,
    state: Option<String>,
    reason: Option<String>,
    accepted_before: Option<Timestamp>,
    payload: Option<bool>,
    limit: Option<u64>,
    after: Option<String>,
}

impl Items {
    fn into_query(self) -> PendingQuery {
        let filter = BulkFilter {
            space_id: self.space.as_deref().map(space_of),
            device_id: self.device,
            user_id: self.user,
            batch_id: self.batch,
            lane: self.lane,
            state: self.state,
            reason: self.reason,
            accepted_before: self.accepted_before,
        };
        PendingQuery { filter, payload: self.payload.unwrap_or(false), limit: page_size(self.limit), after: self.after }
    }
}

/// As in a path: what is no UUID names a space that nobody has.
fn space_of(text: &str) -> SpaceId {
    text.parse().unwrap_or(SpaceId(uuid::Uuid::nil()))
}

async fn pending(call: Call) -> Answered {
    let caller = call.caller().await?;
    let query = call.query::<Items>()?.into_query();
    ok(&call.service().list_pending(&caller, query).await?)
}

async fn retry(call: Call) -> Answered {
    let caller = call.caller().await?;
    // without a body: now, as it is
    let request: RetryRequest = call.json_if_any(MAX_EDIT_BYTES).await?.unwrap_or_default();
    ok(&call.service().retry_operation(&caller, OpId(call.path_id("id")), request).await?)
}

#[derive(Deserialize)]
struct Why {
    reason: Option<String>,
}

async fn discard(call: Call) -> Answered {
    let caller = call.caller().await?;
    let Why { reason } = call.query()?;
    let request = if reason.is_none() { call.json_if_any(MAX_SMALL_BODY_BYTES).await? } else { None };
    let request = request.unwrap_or(DiscardRequest { reason });
    call.service().discard_operation(&caller, OpId(call.path_id("id")), request).await?;
    no_content()
}

async fn retry_many(call: Call) -> Answered {
    bulk(call, BulkAction::Retry).await
}

async fn discard_many(call: Call) -> Answered {
    bulk(call, BulkAction::Discard).await
}

/// 200 with a count, or 202 with a task.
async fn bulk(call: Call, action: BulkAction) -> Answered {
    let caller = call.caller().await?;
    let request: BulkRequest = call.json().await?;
    let response = call.service().begin_bulk(&caller, action, request).await?;
    if response.preview { ok(&response) } else { Ok(HttpResponse::Accepted().json(&response)) }
}

async fn task(call: Call) -> Answered {
    let caller = call.caller().await?;
    ok(&call.service().load_task(&caller, TaskId(call.path_id("id"))).await?)
}

#[derive(Deserialize)]
struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    step: Option<Step>,
    space: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Step {
    Minute,
    Hour,
}

async fn analytics(call: Call) -> Answered {
    let caller = call.caller().await?;
    let Span { from, to, step, space } = call.query()?;
    let query = AnalyticsQuery { from, to, hours: step == Some(Step::Hour), space_id: space.as_deref().map(space_of) };
    ok(&call.service().queue_analytics(&caller, query).await?)
}

async fn export(call: Call) -> Answered {
    let caller = call.caller().await?;
    let query = call.query::<Items>()?;
    if query.payload.is_some() || query.limit.is_some() || query.after.is_some() {
        let detail = "the query: an export has payloads and everything that the filter means; leave payload, limit and after out";
        return Err(Problem::new(Code::Malformed, detail).into());
    }
    let reader = call.service().export_queue(&caller, query.into_query().filter).await?;
    Ok(as_lines(&call, reader))
}
