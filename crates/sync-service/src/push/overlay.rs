//! The sender's own view beyond a version: what its chain of operations laid over the document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::ConflictId;
use sync_core::json::{Object, RawJson, drop_nulls};
use sync_core::operation::Kind;
use sync_core::ports::StoredOperation;

/// The overlay of a chain. Each entry names the version at which a sender has seen what came of it, so that it no
/// longer counts: the document's version right after the operation that set it; where the operation opened or joined a
/// conflict about it, the head of the log, which no base reaches until the document has changed again.
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
        let mut patch = payload.get("patch").and_then(Value::as_object).cloned().unwrap_or_default();
        if kind == Some(Kind::Create) {
            drop_nulls(&mut patch);
        }
        Self::of_simple(kind, &patch, row.decided_version.unwrap_or(row.head), row.conflict_id)
    }

    fn of_simple(kind: Option<Kind>, patch: &Object, seen_at: i64, conflict: Option<ConflictId>) -> Self {
        let deleted = match kind {
            Some(Kind::Delete) => Some((true, seen_at)),
            Some(Kind::Create | Kind::Restore) => Some((false, seen_at)),
            _ => None,
        };
        let fields = match kind {
            Some(Kind::Delete) => BTreeMap::new(),
            _ => patch.iter().map(|(name, value)| (name.clone(), (value.clone(), seen_at))).collect(),
        };
        Self { fields, deleted, conflict }
    }

    /// Adds what an operation did: the sender's own whole values of the members that it set, and whether the document
    /// lives. Members that wait in a conflict, told by `disputed`, are seen later than the others.
    pub(crate) fn extend(&mut self, kind: Kind, own: Object, disputed: impl Fn(&str) -> bool, (version, head): (i64, i64)) {
        let at = |name: &str| if disputed(name) { head } else { version };
        let whole = at("");
        self.deleted = match kind {
            Kind::Delete => Some((true, whole)),
            Kind::Create | Kind::Restore => Some((false, whole)),
            // an edit after the sender's own deletion brings the document back
            Kind::Update | Kind::Intent => self.deleted.map(|_| (false, whole)),
        };
        self.fields.extend(own.into_iter().map(|(name, value)| {
            let seen_at = at(&name);
            (name, (value, seen_at))
        }));
    }

    /// The form to store beside an operation that went through; `None` where its payload says it all.
    pub(crate) fn to_store(&self, kind: Kind, patch: &Object, row: &StoredOperation) -> Option<RawJson> {
        let simple = Self::of_simple(Some(kind), patch, row.decided_version.unwrap_or(row.head), row.conflict_id);
        (*self != simple).then(|| RawJson::of(self))
    }

    /// The form to store beside a refused operation: what its predecessors left.
    pub(crate) fn to_store_refused(&self) -> Option<RawJson> {
        (*self != Self::default()).then(|| RawJson::of(self))
    }

    /// Drops what a sender at this version has seen the outcome of.
    pub(crate) fn beyond(mut self, version: i64) -> Self {
        self.fields.retain(|_, (_, seen_at)| *seen_at > version);
        self.deleted = self.deleted.filter(|(_, seen_at)| *seen_at > version);
        self
    }

    /// Moves what was decided from `before` on, and then taken back, to the head at which it was decided in the end.
    pub(crate) fn decided_at(mut self, before: i64, head: i64) -> Self {
        for (_, at) in self.fields.values_mut().filter(|(_, at)| *at >= before) {
            *at = head;
        }
        self.deleted = self.deleted.map(|(deleted, at)| (deleted, if at >= before { head } else { at }));
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

    /// Whether the sender sees the document as live, where the chain says so.
    pub(crate) fn lives(&self) -> Option<bool> {
        self.deleted.map(|(deleted, _)| !deleted).or_else(|| (!self.fields.is_empty()).then_some(true))
    }

    /// Whether the chain itself deleted the document that stands deleted at a version.
    pub(crate) fn deleted_at(&self, version: i64) -> bool {
        self.deleted.is_some_and(|(deleted, at)| deleted && at >= version)
    }
}
