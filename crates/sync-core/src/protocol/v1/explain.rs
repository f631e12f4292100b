//! Why an operation came out as it did.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::json::RawJson;
use crate::{ConflictId, DeviceId, OpId, SpaceId, Timestamp, UserId};

/// The answer to `GET /api/offline/sync/explain/{op_id}`.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The operation.
    pub op_id: OpId,
    /// What became of it.
    pub status: &'static str,
    /// Its space.
    pub space_id: SpaceId,
    /// Its collection.
    pub collection: String,
    /// Its document; none of an intent.
    pub document_id: Option<String>,
    /// `create`, `update`, `delete`, `restore`, `intent`, or `resolution`.
    pub kind: String,
    /// Who sent it, from where.
    pub by: Sender,
    /// By the device's clock.
    pub created_at: Option<Timestamp>,
    /// Its stamp's time.
    pub corrected_at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// What its sender had seen.
    pub base: Base,
    /// What it was said to build on.
    pub after: Option<OpId>,
    /// The group that it came in.
    pub group: Option<String>,
    /// The version of the space's schema under which it was decided.
    pub policy_version: Option<i32>,
    /// Field by field.
    pub fields: Vec<FieldExplanation>,
    /// The version that it made.
    pub version: Option<i64>,
    /// The question that it opened or joined.
    pub conflict_id: Option<ConflictId>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was refused.
    pub problem: Option<RawJson>,
    /// Which devices have read what it made.
    pub read_by: Vec<ReadBy>,
}

/// Who sent an operation.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sender {
    /// The person.
    pub user_id: UserId,
    /// Their device.
    pub device_id: DeviceId,
}

/// What a sender had seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Base {
    /// The version that the operation names.
    pub version: Option<i64>,
    /// Where it was had from.
    pub source: BaseSource,
}

/// Where a base was had from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseSource {
    /// The log.
    History,
    /// The operation itself.
    Inline,
    /// The sender's earlier operations, laid over the log.
    Chain,
    /// There is none, or it is not known.
    None,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldExplanation {
    /// A pointer; the empty one is the whole document.
    pub path: String,
    /// The strategy that decided, or by which it merges where both sides changed it.
    pub strategy: Cow<'static, str>,
    /// What the sender had seen; `null`: absent or unknown.
    pub base: Value,
    /// What was live.
    pub ours: Value,
    /// What the sender wrote.
    pub theirs: Value,
    /// What was live afterwards.
    pub outcome: Value,
    /// Which side that is.
    pub decided: Decided,
    /// In plain words.
    pub reason: Cow<'static, str>,
    /// Whether the values are hidden from this reader.
    pub masked: bool,
}

/// Which side an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// What was live stays.
    Ours,
    /// The sender's value.
    Theirs,
    /// Something of both.
    Merged,
    /// Somebody is asked.
    Conflict,
    /// It became a change request.
    Proposed,
    /// There was nothing to change.
    Noop,
}

/// A device that has read something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReadBy {
    /// The device.
    pub device_id: DeviceId,
    /// When it last showed that it had.
    pub at: Timestamp,
}
