//! The sender's own view beyond a version: what its chain of operations laid over the document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::ConflictId;
use sync_core::json::{Object, RawJson};
use sync_core::operation::Kind;
use sync_core::ports::StoredOperation;

/// The overlay of a chain. Each entry names the head of the log right after the operation that set it was decided: a
/// sender whose base is at or above that head has seen what came of it, and the entry no longer counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Overlay {
    /// Whole values of top-level members, `null` where removed.
    #[serde(rename = "f", default)]
    pub(crate) fields: BTreeMap<String, (Value, i64)>,
    /// Whether the chain deleted (or brought back) the document.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<(bool, i64)>,
    /// The conflict that the chain's disputed fields wait in.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) conflict: Option<ConflictId>,
}

impl Overlay {
    /// The overlay after a stored operation.
    pub(crate) fn of_stored(row: &StoredOperation) -> Self {
        if let Some(stored) = &row.overlay {
            return stored.read().unwrap_or_default();
        }
        if !row.status.satisfies() {
            return Self::default();
        }
        let payload = row.payload.object();
        let kind = payload.get("kind").and_then(Value::as_str).and_then(Kind::parse);
        let patch = payload.get("patch").and_then(Value::as_object).cloned().unwrap_or_default();
        Self::of_simple(kind, &patch, row.head, row.conflict_id)
    }

    fn of_simple(kind: Option<Kind>, patch: &Object, head: i64, conflict: Option<ConflictId>) -> Self {
        let deleted = match kind {
            Some(Kind::Delete) => Some((true, head)),
            Some(Kind::Create | Kind::Restore) => Some((false, head)),
            _ => None,
        };
        let fields = match kind {
            Some(Kind::Delete) => BTreeMap::new(),
            _ => patch.iter().map(|(name, value)| (name.clone(), (value.clone(), head))).collect(),
        };
        Self { fields, deleted, conflict }
    }

    /// The form to store beside an operation that went through; `None` where its payload says it all.
    pub(crate) fn to_store(&self, kind: Kind, patch: &Object, head: i64, conflict: Option<ConflictId>) -> Option<RawJson> {
        (*self != Self::of_simple(Some(kind), patch, head, conflict)).then(|| RawJson::of(self))
    }

    /// The form to store beside a refused operation: what its predecessors left.
    pub(crate) fn to_store_refused(&self) -> Option<RawJson> {
        (*self != Self::default()).then(|| RawJson::of(self))
    }

    /// Drops what a sender at this version has seen the outcome of.
    pub(crate) fn beyond(mut self, version: i64) -> Self {
        self.fields.retain(|_, (_, head)| *head > version);
        self.deleted = self.deleted.filter(|(_, head)| *head > version);
        self
    }

    /// Moves what was decided after `before`, and then taken back, to the head at which it was decided in the end.
    pub(crate) fn decided_at(mut self, before: i64, head: i64) -> Self {
        for (_, at) in self.fields.values_mut().filter(|(_, at)| *at > before) {
            *at = head;
        }
        self.deleted = self.deleted.map(|(deleted, at)| (deleted, if at > before { head } else { at }));
        self
    }

    /// Lays the members over a body.
    pub(crate) fn lay_over(&self, body: &mut Object) {
        for (name, (value, _)) in &self.fields {
            if value.is_null() {
                body.remove(name);
            } else {
                body.insert(name.clone(), value.clone());
            }
        }
    }

    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.deleted.is_none()
    }

    /// Whether the sender sees the document as live, where the chain says so.
    pub(crate) fn lives(&self) -> Option<bool> {
        let edited = self.fields.values().map(|(_, head)| *head).max();
        match (self.deleted, edited) {
            (Some((deleted, at)), Some(edited)) if edited <= at => Some(!deleted),
            (Some((deleted, _)), None) => Some(!deleted),
            (_, Some(_)) => Some(true),
            (None, None) => None,
        }
    }
}
