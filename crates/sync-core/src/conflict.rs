//! Conflicts as they are stored, listed and pulled: the body of a document of the collection `_conflicts`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ConflictId, OpId, Role, SpaceId, Timestamp, UserId};

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

impl ConflictKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Fields, Self::DeleteEdit, Self::EditDelete, Self::NoBase, Self::TooLarge, Self::Group];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fields => "fields",
            Self::DeleteEdit => "delete_edit",
            Self::EditDelete => "edit_delete",
            Self::NoBase => "no_base",
            Self::TooLarge => "too_large",
            Self::Group => "group",
        }
    }

    /// Reads the name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
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

/// Who wrote a side of a conflict, or decided it.
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
    /// What people call the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their role then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What they call their device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl Side {
    /// A side of which no more is known than who it was.
    #[must_use]
    pub const fn of(by: crate::Author, at: Timestamp) -> Self {
        Self { user_id: by.user_id, device_id: by.device_id, op_id: by.op_id, at, name: None, role: None, device: None }
    }
}

/// What becomes of a field with each answer, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consequences {
    /// Of keeping what is live.
    pub ours: String,
    /// Of taking what the device sent.
    pub theirs: String,
    /// Of going back to what both started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// The rule that decided without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRule {
    /// Who switched it on.
    pub user_id: UserId,
    /// Whose former decisions it rests on.
    pub scope: String,
    /// What it is about.
    pub context: String,
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
    /// The decision, once made: `ours`, `theirs`, `base`, `value`; `agreed` where both sides came to say the same;
    /// `expired` where nobody answered in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
    /// Who decided, and when; nobody (a nil id) where nobody answered in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Side>,
    /// What the decision made of it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub outcome: Value,
    /// The rule that decided without asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<AppliedRule>,
    /// What people call the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who may decide: `role:NAME`, `user:UUID`. Empty: everybody who may write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<String>,
    /// Who that is, in words: `Ana`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// What becomes of it with each answer; told where it is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consequences: Option<Consequences>,
}

impl DisputedField {
    /// A field that waits, with its sides.
    #[must_use]
    pub const fn between(base: Value, ours: Value, theirs: Value, changed: i64) -> Self {
        Self {
            base,
            ours,
            theirs,
            suggestion: None,
            strategy: None,
            reason: None,
            masked: false,
            changed,
            decided: None,
            decided_by: None,
            outcome: Value::Null,
            rule: None,
            label: None,
            asks: Vec::new(),
            waiting_for: None,
            consequences: None,
        }
    }

    /// Keeps a decision with what it made of the field.
    pub fn decide(&mut self, name: &str, outcome: Value, by: Side) {
        self.decided = Some(name.to_owned());
        self.decided_by = Some(by);
        self.outcome = outcome;
    }

    /// Takes a decision back: the field waits again, with what is live now.
    pub fn reopen(&mut self, ours: Value, changed: i64) {
        (self.decided, self.decided_by, self.outcome, self.rule) = (None, None, Value::Null, None);
        (self.ours, self.changed) = (ours, changed);
    }
}

/// A suggestion with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// `ours`, `theirs` or `base`.
    pub choose: String,
    /// Why, in plain words.
    pub reason: String,
    /// 0 to 1.
    pub confidence: f64,
    /// How many former decisions the reason tells of; 0 where it rests on none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub samples: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(number: &u32) -> bool {
    *number == 0
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
    /// Who is asked first: `role:lead`, `user:UUID`. Each field says who may decide it.
    pub assigned_to: String,
    /// Who that is, in words for everybody else: `Ana`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Whether the reader may answer; told where it is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answerable: Option<bool>,
    /// When nobody had answered in time and the leads were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_at: Option<Timestamp>,
    /// When an answer was taken back last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened_at: Option<Timestamp>,
    /// Whether a rule that somebody switched on decided something in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// How near the event was when it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearness: Option<String>,
    /// What people call the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
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
        self.all_fields().all(|(_, _, field)| field.decided.is_some())
    }

    /// Every disputed field, those of a group's parts too, with its collection and its pointer.
    pub fn all_fields(&self) -> impl Iterator<Item = (&str, &str, &DisputedField)> {
        let own = self.fields.iter().map(|(path, field)| (self.collection.as_str(), path.as_str(), field));
        own.chain(
            self.documents.iter().flat_map(|part| part.fields.iter().map(|(path, field)| (part.collection.as_str(), path.as_str(), field))),
        )
    }

    /// The same, to be changed.
    pub fn all_fields_mut(&mut self) -> impl Iterator<Item = &mut DisputedField> {
        self.fields.values_mut().chain(self.documents.iter_mut().flat_map(|part| part.fields.values_mut()))
    }

    /// Who may decide something in it, each once, the first one asked first. Empty: everybody who may write.
    #[must_use]
    pub fn asks(&self) -> Vec<&str> {
        let mut asks: Vec<&str> = Vec::new();
        for ask in self.all_fields().flat_map(|(_, _, field)| &field.asks) {
            if !asks.contains(&ask.as_str()) {
                asks.push(ask);
            }
        }
        asks
    }

    /// Who is asked: those who may decide something in it, or else whom it is assigned to.
    #[must_use]
    pub fn asked(&self) -> Vec<&str> {
        let asks = self.asks();
        if asks.is_empty() { vec![self.assigned_to.as_str()] } else { asks }
    }
}
