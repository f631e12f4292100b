//! Operations: one intent of one device on one document.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::Object;
use crate::{DocumentKey, OpId, SpaceId, Timestamp};

/// What an operation does to its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Makes it.
    Create,
    /// Changes members.
    Update,
    /// Deletes it.
    Delete,
    /// Brings a deleted one back.
    Restore,
    /// Something named, evaluated on the server's state.
    Intent,
}

impl Kind {
    /// Reads the name on the wire.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "create" => Self::Create,
            "update" => Self::Update,
            "delete" => Self::Delete,
            "restore" => Self::Restore,
            "intent" => Self::Intent,
            _ => return None,
        })
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Restore => "restore",
            Self::Intent => "intent",
        }
    }
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Committed as sent: nobody else had changed anything in it.
    Applied,
    /// Merged with others' changes.
    Merged,
    /// The outcome equals what is stored.
    Noop,
    /// The mergeable fields are committed, the disputed ones wait in a conflict.
    Conflict,
    /// It can never apply; its payload is kept.
    Rejected,
    /// Kept for a lead's decision.
    Quarantined,
    /// Seen before.
    Duplicate,
    /// Not taken: what it builds on is not here yet. To be sent again.
    Waiting,
    /// Accepted durably; a worker will decide it.
    Queued,
    /// Tried and failed for a cause that may pass: a dead letter, to be edited, retried or discarded.
    Parked,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Applied,
        Self::Merged,
        Self::Noop,
        Self::Conflict,
        Self::Rejected,
        Self::Quarantined,
        Self::Duplicate,
        Self::Waiting,
        Self::Queued,
        Self::Parked,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Merged => "merged",
            Self::Noop => "noop",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::Quarantined => "quarantined",
            Self::Duplicate => "duplicate",
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Parked => "parked",
        }
    }

    /// Reads the name of a status that is stored.
    #[must_use]
    pub fn parse_stored(name: &str) -> Option<Self> {
        [Self::Applied, Self::Merged, Self::Noop, Self::Conflict, Self::Rejected, Self::Quarantined]
            .into_iter()
            .find(|status| status.as_str() == name)
    }

    /// Whether it satisfies another operation's `depends_on`.
    #[must_use]
    pub const fn satisfies(self) -> bool {
        matches!(self, Self::Applied | Self::Merged | Self::Noop | Self::Conflict)
    }
}

/// What the sender would choose if it came to a conflict; only ever a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// The sender's value.
    Mine,
    /// The server's value.
    Theirs,
    /// No opinion.
    Ask,
}

/// What makes an operation the same as another; members in the order of their names.
#[derive(Serialize)]
struct Identity<'a> {
    collection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a Value>,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<&'a Object>,
    space_id: SpaceId,
}

/// A well-formed operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its id.
    pub op_id: OpId,
    /// Its space.
    pub space_id: SpaceId,
    /// Collection and document id. An intent has only a collection and therefore no key.
    pub key: Option<DocumentKey>,
    /// The collection.
    pub collection: String,
    /// What it does.
    pub kind: Kind,
    /// The version of the space's schema in which it is said: its own, else the request's. `None`: the space's.
    pub schema: Option<u32>,
    /// The version that the sender had seen; 0 for a creation.
    pub base_version: i64,
    /// The sender's view of the members that `patch` changes; a member that is `null` was absent, one that is missing
    /// is unknown.
    pub base: Option<Object>,
    /// A merge patch (RFC 7396); empty for `delete`.
    pub patch: Object,
    /// The name of an intent.
    pub intent: Option<String>,
    /// The sender's previous operation on the same document.
    pub after: Option<OpId>,
    /// The group that commits together.
    pub group: Option<String>,
    /// Operations that must have gone through first.
    pub depends_on: Vec<OpId>,
    /// A suggestion.
    pub hint: Hint,
    /// The device's time; `None` when missing or unreadable.
    pub created_at: Option<Timestamp>,
    /// The operation as sent, `space_id` filled in.
    pub payload: Value,
}

impl Operation {
    /// The canonical text (RFC 8785) whose SHA-256 is the operation's identity: space, collection, document, kind, and
    /// patch or intent. Everything else may differ in a replay.
    #[must_use]
    pub fn identity_text(&self) -> String {
        let is_intent = self.kind == Kind::Intent;
        crate::json::canonical(&Identity {
            collection: &self.collection,
            document_id: self.key.as_ref().map(DocumentKey::id),
            intent: is_intent.then(|| self.payload.get("intent").unwrap_or(&Value::Null)),
            kind: self.kind.as_str(),
            patch: (!is_intent).then_some(&self.patch),
            space_id: self.space_id,
        })
    }
}
