//! The audit log on the wire. Hashes are base64 with padding, as in checkpoints.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::json::RawJson;
use crate::{DeviceId, Problem, SpaceId, Timestamp, UserId};

/// A page of the audit log, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditList {
    /// The records.
    pub items: Vec<AuditItem>,
    /// Pass as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditItem {
    /// Its id.
    pub record_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// What, such as `sync.push`.
    pub action: String,
    /// In which space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space_id: Option<SpaceId>,
    /// Who; absent where nobody was logged in, and where it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<AuditUser>,
    /// On which device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// To what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The trace id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What else is known: results, and what was changed from what to what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<RawJson>,
    /// Its place in the tree, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf_index: Option<i64>,
    /// How far it is.
    pub state: AuditState,
    /// What fields were changed from and to, as far as the history tells; only of a single record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<AuditField>,
    /// Whether `fields` tells of some documents alone, because the record is about too many.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// How far a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditState {
    /// It has no place in the tree yet: within a second it has.
    Waiting,
    /// It is in the tree.
    Sequenced,
    /// It is in the tree, and who, what and why was erased.
    Redacted,
}

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditUser {
    /// The person.
    pub user_id: UserId,
    /// What they are called now; absent where they are no user any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A field that an operation of a record changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditField {
    /// The document, `collection/id`.
    pub document: String,
    /// The version that the change made.
    pub version: i64,
    /// The field.
    pub field: String,
    /// What it was; left out where it is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<serde_json::Value>,
    /// What it became; left out where it is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<serde_json::Value>,
    /// Whether its values are sensitive, and left out.
    pub masked: bool,
}

/// The body of `POST /api/offline/audit/{record_id}/reveal`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealRequest {
    /// The document, `collection/id`.
    pub document: String,
    /// The field.
    pub field: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckpointAnswer {
    /// The signed note.
    pub checkpoint: String,
    /// How many leaves it is about.
    pub size: u64,
    /// Their root.
    pub root: String,
    /// When it was signed.
    pub at: Timestamp,
    /// The keys whose signatures count, as other readers of signed notes take them.
    pub keys: Vec<String>,
}

/// That a record is in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InclusionAnswer {
    /// The place of the leaf.
    pub index: u64,
    /// How many leaves the checkpoint is about.
    pub size: u64,
    /// The leaf's text, where a record was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// The audit path (RFC 6962), from the leaf upwards.
    pub proof: Vec<String>,
    /// The checkpoint to whose root it leads.
    pub checkpoint: String,
}

/// That a tree begins with an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsistencyAnswer {
    /// The size of the earlier one.
    pub from: u64,
    /// The size of the later one.
    pub to: u64,
    /// The proof (RFC 6962).
    pub proof: Vec<String>,
}

/// What a device hands back at sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gossip {
    /// The last checkpoint that it saw, as it was told.
    pub checkpoint: Option<String>,
}

/// What a device is told at sync of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GossipAnswer {
    /// The newest checkpoint; absent before there is one.
    pub checkpoint: Option<String>,
    /// That it continues the one that the device had.
    pub consistency: Vec<String>,
    /// What is wrong with the one that the device had.
    pub problem: Option<Problem>,
}
