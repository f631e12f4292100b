//! Conflicts as they are stored, listed and pulled: the body of a document of the collection `_conflicts`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ConflictId, OpId, SpaceId, Timestamp, UserId};

/// Why an operation could not be merged by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both sides changed the same fields.
    Fields,
    /// Deleted by the sender, edited by others.
    DeleteEdit,
    /// Edited by the sender, deleted by others.
    EditDelete,
    /// What the sender had seen is not known.
    NoBase,
    /// The merged document would be larger than the limit.
    TooLarge,
    /// A group had a disputed field: nothing of it was committed.
    Group,
}

/// Whether a conflict waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictState {
    /// It waits.
    Open,
    /// Every field is decided.
    Resolved,
}

/// Who wrote a side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The person.
    pub user_id: UserId,
    /// Their device.
    pub device_id: crate::DeviceId,
    /// The operation.
    pub op_id: OpId,
    /// When the server decided it.
    pub at: Timestamp,
}

/// A disputed field. A side that is absent is a field that does not exist there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DisputedField {
    /// What both started from.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub base: Value,
    /// What is live on the server.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub ours: Value,
    /// What the device sent.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub theirs: Value,
    /// What a sensible person might choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<Suggestion>,
    /// The strategy that asked: `ask` where none decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Why it is asked, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the values are hidden from this reader.
    #[serde(default)]
    pub masked: bool,
    /// The version at which `ours` or `theirs` last changed.
    pub changed: i64,
    /// The decision, once made: `ours`, `theirs`, `base`, `value` or `agreed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
}

/// A suggestion with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// `ours` or `theirs`.
    pub choose: String,
    /// Why, in plain words.
    pub reason: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// The part of a group's conflict that is about one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupPart {
    /// The group's operation.
    pub op_id: OpId,
    /// Its collection.
    pub collection: String,
    /// Its document.
    pub document_id: String,
    /// The disputed fields by pointer.
    pub fields: BTreeMap<String, DisputedField>,
}

/// A conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// Its id.
    pub conflict_id: ConflictId,
    /// The version at which something in it last changed.
    pub version: i64,
    /// Its space.
    pub space_id: SpaceId,
    /// The collection; of a group the first operation's.
    pub collection: String,
    /// The document; of a group the first operation's.
    pub document_id: String,
    /// The operation that opened it.
    pub op_id: OpId,
    /// Why.
    pub kind: ConflictKind,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when an answer helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at: Option<Timestamp>,
    /// Whether it waits.
    pub state: ConflictState,
    /// Who is asked: `role:lead`.
    pub assigned_to: String,
    /// The disputed fields by pointer; the empty pointer is the whole document.
    pub fields: BTreeMap<String, DisputedField>,
    /// The parts of a group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<GroupPart>,
    /// Who wrote what is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours_by: Option<Side>,
    /// Who wrote what waits.
    pub theirs_by: Side,
    /// What happens when nobody answers, in plain words.
    pub if_ignored: String,
    /// The intent that waits, as it was sent: `{"name", "args"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Value>,
    /// Who decided last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<Side>,
}

impl Conflict {
    /// Whether every field, of every part, is decided.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let parts = self.documents.iter().flat_map(|part| part.fields.values());
        self.fields.values().chain(parts).all(|field| field.decided.is_some())
    }
}
