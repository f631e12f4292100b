//! What the log tells of a document around an operation, and whether somebody saw it then.

use std::sync::Arc;

use serde_json::Value;
use sync_core::conflict::Conflict;
use sync_core::document::CONFLICTS;
use sync_core::json::Object;
use sync_core::ports::{ChangeRow, DocumentRow, History, SpaceAccess, StoreResult, StoredOperation, Tx};
use sync_core::{Audience, DocumentKey, Schema};

use super::fields::State;
use crate::view::{Subject, View};

/// The two states between which an operation was decided.
pub(super) trait Decision {
    fn before(&self) -> i64;
    fn after(&self) -> i64;
}

impl Decision for StoredOperation {
    fn before(&self) -> i64 {
        self.decided_version.map_or(self.head, |version| version - 1)
    }

    fn after(&self) -> i64 {
        self.decided_version.unwrap_or(self.head)
    }
}

/// A document and its log, as far back as an explanation needs it and the log tells it.
pub(crate) struct Past {
    pub(crate) row: DocumentRow,
    pub(super) changes: Vec<ChangeRow>,
    /// The lowest version that can be rebuilt.
    pub(super) from: i64,
    /// The versions before and after the operation that it is looked at for.
    pub(super) around: Option<(i64, i64)>,
    pub(super) schema: Arc<Schema>,
}

impl Past {
    /// A document with its changes, newest first, as far as they were read.
    pub(crate) fn new(row: DocumentRow, changes: Vec<ChangeRow>, (from, schema): (i64, Arc<Schema>)) -> Self {
        Self { row, changes, from, around: None, schema }
    }

    pub(super) fn load(
        tx: &mut dyn Tx,
        (access, view): (&SpaceAccess, &View),
        key: &DocumentKey,
        operation: &StoredOperation,
    ) -> StoreResult<Option<Self>> {
        let Some(row) = tx.load_documents(access.space.space_id, std::slice::from_ref(key))?.pop() else { return Ok(None) };
        let base = operation.payload.object().get("base_version").and_then(Value::as_i64).unwrap_or_default();
        let from = base.min(operation.before()).max(access.head.history_from);
        let changes = if row.version > from && key.collection() != CONFLICTS {
            tx.list_changes(access.space.space_id, &[History { from: row.version, above: from }])?
        } else {
            Vec::new()
        };
        let around = Some((operation.before(), operation.after()));
        Ok(Some(Self { row, changes, from, around, schema: Arc::clone(&view.schema) }))
    }

    /// The question that it is.
    pub(super) fn conflict(&self) -> Option<Conflict> {
        (self.row.key.collection() == CONFLICTS).then(|| self.row.body.read()).flatten()
    }

    /// Whether the document was in a view at a version; what was not there is hidden from nobody.
    pub(crate) fn seen_at(&self, version: i64, view: &View) -> bool {
        let name = self.row.key.collection();
        let audience = |body: &Object| self.schema.collection(name).map_or(Audience::EVERYONE, |collection| collection.audience(body));
        name == CONFLICTS || self.at(version).is_none_or(|body| view.sees_body(name, audience(&body), &body))
    }

    /// Whether the log still tells the document at a version.
    pub(super) fn tells(&self, version: i64) -> bool {
        version >= self.from
    }

    /// Whether a reader may see the document now, and could have before and after.
    pub(super) fn is_shown(&self, view: &View) -> bool {
        let then = self.around.is_none_or(|(before, after)| self.seen_at(before, view) && self.seen_at(after, view));
        then && Subject::of_row(&self.row).is_ok_and(|subject| view.sees(&subject))
    }

    /// The document at a version, in the form of the present schema: later changes taken back, newest first.
    pub(crate) fn at(&self, version: i64) -> State {
        let (mut body, mut live) = (self.row.body.object(), !self.row.presence.deleted);
        for change in self.changes.iter().take_while(|change| change.version > version) {
            for (name, value) in change.before.object() {
                if value.is_null() {
                    body.remove(&name);
                } else {
                    body.insert(name, value);
                }
            }
            live = change.was_live;
        }
        let lens = self.schema.lens(self.row.key.collection(), self.schema.version_at(version));
        live.then(|| lens.map_or_else(|| body.clone(), |lens| lens.lift_document(&body)))
    }
}
