//! The queue on the wire, for people: what waits, what they do about it, and how it went.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Receipt;
use crate::json::{Object, RawJson};
use crate::{BatchId, DeviceId, Kind, OpId, Problem, SpaceId, Status, TaskId, Timestamp, UserId};

/// The answer to `GET /api/offline/queue/pending`.
#[derive(Debug, Clone, Serialize)]
pub struct PendingList {
    /// Items by space, then in the order in which they are decided.
    pub items: Vec<PendingItem>,
    /// All that the filter means, not only of this page.
    pub totals: Totals,
    /// Pass as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// An operation that is not decided yet.
#[derive(Debug, Clone, Serialize)]
pub struct PendingItem {
    /// Its id.
    pub op_id: OpId,
    /// The same id, as the paths of the queue call it.
    pub id: OpId,
    /// Its space.
    pub space_id: SpaceId,
    /// Its collection.
    pub collection: String,
    /// Its document; an intent has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// From which device.
    pub device_id: DeviceId,
    /// Who sent it.
    pub user_id: UserId,
    /// 0 safety and times, 1 the day's work, 2 planning, 3 bulk.
    pub lane: i32,
    /// What it waits for: `staged`, `ready`, `held`, `delayed`, `leased`, `parked`.
    pub state: &'static str,
    /// What its device is told: `queued` or `parked`.
    pub status: Status,
    /// Its place in its space's line, from 1; absent where it is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// When it will be decided, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<EtaRange>,
    /// How often it was tried.
    pub attempts: i32,
    /// Not tried before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<Timestamp>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Its bytes.
    pub size_bytes: i32,
    /// The code of its last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<RawJson>,
    /// The operation that has to be decided first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<OpId>,
    /// The group that it came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The request in which it came.
    pub batch_id: BatchId,
    /// Whether it was edited since it was sent.
    pub edited: bool,
    /// The operation, as it will be tried: where it was asked for, and the reader may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<RawJson>,
    /// Members of the payload that this reader may not read, and that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}

/// When something will be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EtaRange {
    /// Most likely then.
    pub expected_at: Timestamp,
    /// Hardly before.
    pub earliest_at: Timestamp,
    /// Hardly after.
    pub latest_at: Timestamp,
}

/// How much there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Items.
    pub items: i64,
    /// Their bytes.
    pub bytes: i64,
    /// When the oldest was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_at: Option<Timestamp>,
    /// Items by lane.
    pub lanes: BTreeMap<i32, i64>,
    /// Items by what they wait for.
    pub states: BTreeMap<&'static str, i64>,
}

/// `PUT /api/offline/queue/retry/{id}`. A misspelt member is refused.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// When; absent: now.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// The same operation with this patch instead.
    #[serde(default)]
    pub patch: Option<Object>,
    /// The whole operation, edited: what makes it the same (id, space, document, kind, order) stays.
    #[serde(default)]
    pub operation: Option<Object>,
    /// In this lane from now on, 0 to 3.
    #[serde(default)]
    pub lane: Option<u8>,
    /// Why, in the caller's words.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What became of a retry.
#[derive(Debug, Clone, Serialize)]
pub struct RetryResponse {
    /// The operation.
    pub op_id: OpId,
    /// `queued` or `parked`; for one that is decided already, its result.
    pub status: Status,
    /// What it waits for; absent where it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// Not tried before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: i32,
    /// Whether it was edited since it was sent.
    pub edited: bool,
    /// The operation that has to be decided first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<OpId>,
    /// Of one that is decided already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// `{"reason"}` of `DELETE /api/offline/sync/queue/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscardRequest {
    /// Why; needed for others' work.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Which items are meant. A misspelt member is refused: it must not mean everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkFilter {
    /// In this space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space_id: Option<SpaceId>,
    /// From this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// Of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Of this batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<BatchId>,
    /// In this lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<i32>,
    /// `parked` or `delayed`; absent: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// That failed last for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Accepted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_before: Option<Timestamp>,
}

/// `POST /api/offline/queue/retry` and `POST /api/offline/queue/discard`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkRequest {
    /// Which items.
    pub filter: BulkFilter,
    /// Whether it is only told how many there are.
    #[serde(default)]
    pub preview: bool,
    /// Why, in the caller's words; needed to discard.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What a bulk request means, or began.
#[derive(Debug, Clone, Serialize)]
pub struct BulkResponse {
    /// Whether nothing is done.
    pub preview: bool,
    /// How many items there are.
    pub count: i64,
    /// The first of them.
    pub op_ids: Vec<OpId>,
    /// The task that works on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<TaskId>,
}

/// The answer to `GET /api/offline/queue/tasks/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct TaskProgress {
    /// The task.
    pub task_id: TaskId,
    /// `retry` or `discard`.
    pub action: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// How many items there were when it was asked for.
    pub total: i64,
    /// How many were retried or discarded.
    pub done: i64,
    /// How many were left as they are: a worker had them, or they were decided meanwhile.
    pub skipped: i64,
    /// Why it ended before it was through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The answer to `GET /api/offline/queue/analytics`.
#[derive(Debug, Clone, Serialize)]
pub struct Analytics {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// Seconds between two points of `series`.
    pub step_s: i64,
    /// What waits now.
    pub waiting: Totals,
    /// By time and lane, where something was counted.
    pub series: Vec<Point>,
    /// By lane.
    pub lanes: Vec<LaneFigures>,
    /// Decided operations by status.
    pub statuses: BTreeMap<String, u64>,
    /// The share of decided operations that opened or joined a conflict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_rate: Option<f64>,
    /// Of operations that met others' changes, the share that merged without a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_resolution_rate: Option<f64>,
    /// Why tries failed, the most frequent first.
    pub reasons: Vec<ReasonCount>,
    /// Tries that failed and came again.
    pub retries: u64,
    /// Operations that were parked.
    pub parked: u64,
    /// How right estimates were.
    pub eta: EtaAccuracy,
    /// By device, those with most to wait for first; for admins.
    pub devices: Vec<DeviceHealth>,
    /// What to do.
    pub advice: Vec<AdviceText>,
}

/// What was counted in one lane in one step of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The step's beginning.
    pub at: Timestamp,
    /// The lane.
    pub lane: i32,
    /// Operations that came.
    pub accepted: u64,
    /// Operations that were decided.
    pub decided: u64,
    /// Tries that failed and came again.
    pub retries: u64,
    /// Operations that were parked.
    pub parked: u64,
    /// What waited, on the average of the looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
}

/// What was counted in one lane.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LaneFigures {
    /// The lane.
    pub lane: i32,
    /// Operations that came.
    pub accepted: u64,
    /// Operations that were decided.
    pub decided: u64,
    /// Decided operations a minute.
    pub per_minute: f64,
    /// From acceptance to decision.
    pub wait: Latency,
    /// Of workers' steps.
    pub work: Latency,
}

/// A histogram of milliseconds. Its quantiles are never below what was measured, and at most an eighth above.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    /// 95 of 100 took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    /// 99 of 100 took no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<u64>,
    /// The longest.
    pub max_ms: u64,
    /// How many took at most so long, and longer than the bucket before.
    pub buckets: Vec<(u64, u64)>,
}

/// How often something was the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// The code.
    pub code: String,
    /// Tries that failed for it.
    pub failures: u64,
    /// Operations that were parked for it.
    pub parked: u64,
}

/// How right estimates were.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EtaAccuracy {
    /// Estimates whose outcome is known.
    pub estimates: u64,
    /// How far they were off, as a share of what it took, on the average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_off: Option<f64>,
    /// The share of outcomes that were within the range that was told; 0.9 is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_range: Option<f64>,
}

/// What came of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceHealth {
    /// The device.
    pub device_id: DeviceId,
    /// Operations that came of it.
    pub accepted: u64,
    /// Operations of it that were decided.
    pub decided: u64,
    /// How many more of it came than were decided, at the end of each of up to eight parts of the time.
    pub behind: Vec<u64>,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdviceText {
    /// For programs.
    pub code: String,
    /// For people.
    pub text: String,
}
