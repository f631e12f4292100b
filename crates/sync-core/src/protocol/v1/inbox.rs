//! The conflict inbox on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OperationResult;
use crate::conflict::{Conflict, ConflictKind};
use crate::{ConflictId, OpId, Timestamp, UserId};

/// The answer to `GET /api/offline/conflict`.
#[derive(Debug, Clone, Serialize)]
pub struct ConflictList {
    /// Conflicts by age.
    pub items: Vec<Conflict>,
    /// Pass as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<ConflictId>,
}

/// The body of `POST /api/offline/conflict/{conflict_id}/reveal`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealPlaceRequest {
    /// Of which document, `collection/id`; the question's own, or of a group the first that has the place.
    #[serde(default)]
    pub document: Option<String>,
    /// The place, a pointer as in the question's `fields`.
    pub field: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// `POST /api/offline/conflict`: one answer for all questions of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AnswerAllRequest {
    /// Its id, of the same space of ids as operations; not needed for a preview.
    #[serde(default)]
    pub op_id: Option<OpId>,
    /// Which questions.
    pub filter: AnswerFilter,
    /// The side.
    pub choose: SideChoice,
    /// Whether it is only told what would become of it.
    #[serde(default)]
    pub preview: bool,
    /// Whether such questions are to be decided in this way without asking from now on.
    #[serde(default)]
    pub remember: bool,
    /// The version of the space that was seen: what changed after it stays open.
    #[serde(default)]
    pub version: Option<i64>,
    /// Go on after this conflict.
    #[serde(default)]
    pub after: Option<ConflictId>,
}

/// Which questions are answered alike. A misspelt member is refused: it must not answer everything.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerFilter {
    /// The space.
    pub space_id: String,
    /// The collection.
    pub collection: String,
    /// Why they are asked.
    pub kind: ConflictKind,
    /// Only this field, a pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Only about this document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// Only those in which this person wrote one of the sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<UserId>,
    /// Only those asked at this instant or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_after: Option<Timestamp>,
    /// Only those asked before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_before: Option<Timestamp>,
}

/// A side that can be chosen for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SideChoice {
    /// What is live.
    Ours,
    /// What the device sent.
    Theirs,
    /// What both started from.
    Base,
}

/// The answer to `POST /api/offline/conflict`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AnswerAllResponse {
    /// Whether nothing was done.
    pub preview: bool,
    /// How many questions are answered, or would be.
    pub count: usize,
    /// In how many of them the document changes, or would.
    pub changes: usize,
    /// How many others of the kind are not the caller's to answer.
    pub not_yours: usize,
    /// What would become of them, of the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<WouldBe>,
    /// What became of each. Its document is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<OperationResult>,
    /// Pass as `after`, with another `op_id`, for the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<ConflictId>,
}

/// What would become of a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WouldBe {
    /// The question.
    pub conflict_id: ConflictId,
    /// Its version.
    pub version: i64,
    /// Its collection.
    pub collection: String,
    /// Its document.
    pub document_id: String,
    /// What people call the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// By pointer.
    pub fields: BTreeMap<String, FieldWouldBe>,
}

/// What would become of a field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldWouldBe {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What is live.
    pub from: Value,
    /// What it would be.
    pub to: Value,
    /// Whether both are hidden from this reader.
    pub masked: bool,
}

/// `POST /api/offline/conflict/{id}/undo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct UndoRequest {
    /// Its id, of the same space of ids as operations.
    pub op_id: OpId,
}

/// The answer to `POST /api/offline/conflict/{id}/undo`.
#[derive(Debug, Clone, Serialize)]
pub struct UndoResponse {
    /// What became of it.
    pub result: OperationResult,
    /// The question as it is now.
    pub conflict: Conflict,
}

/// What somebody chose before, and what that suggests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreferenceItem {
    /// Whose decisions: `person` (the caller's), `role:NAME`, `organisation`.
    pub scope: String,
    /// What they are about, for programs.
    pub context: String,
    /// The same for people.
    pub about: String,
    /// How often what was live was kept.
    pub ours: u32,
    /// How often what the device sent was taken.
    pub theirs: u32,
    /// How often both were given up.
    pub base: u32,
    /// How often something else was said.
    pub value: u32,
    /// How many decisions that is.
    pub samples: u32,
    /// The side that they suggest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choose: Option<String>,
    /// How likely it is chosen, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Why, in plain words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the last decision was made.
    pub last_at: Timestamp,
    /// Whether the caller has such questions decided without being asked.
    pub enabled: bool,
    /// For which side, where it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_choose: Option<String>,
    /// Since when, where it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<Timestamp>,
}

/// The answer to `GET /api/offline/conflict/preferences`.
#[derive(Debug, Clone, Serialize)]
pub struct PreferenceList {
    /// By context.
    pub items: Vec<PreferenceItem>,
    /// Pass as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `PUT /api/offline/conflict/preferences`: switches a rule on or off for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PutPreferenceRequest {
    /// As listed.
    pub scope: String,
    /// As listed.
    pub context: String,
    /// Whether such questions are decided without asking the caller.
    pub enabled: bool,
    /// For which side; left out: the one that is suggested.
    #[serde(default)]
    pub choose: Option<SideChoice>,
}

impl SideChoice {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Base => "base",
        }
    }
}
