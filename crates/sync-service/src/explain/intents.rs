//! What an intent, or the answer to a question about one, did to each document that its reader may see.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use sync_core::DocumentKey;
use sync_core::conflict::Conflict;
use sync_core::json::pointer;
use sync_core::ports::{ChangeRow, DocumentRow, History, SpaceAccess, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::explain::{Decided, FieldExplanation};

use super::{Past, question};
use crate::push::working::{Told, shift_of};
use crate::view::View;

const STRATEGY: &str = "shift";

/// The fields of an intent, `/DOCUMENT/FIELD`; empty where the operation is none, or nothing of it may be seen.
pub(super) fn fields(
    tx: &mut dyn Tx,
    (access, view): (&SpaceAccess, &View),
    row: &StoredOperation,
    answered: Option<&Conflict>,
) -> StoreResult<Vec<FieldExplanation>> {
    let collection = answered.map_or_else(|| row.key.split('/').next().unwrap_or_default(), |conflict| &conflict.collection);
    let (Some(told), Some(rule)) = (Told::of(row), shift_of(&view.schema, collection)) else { return Ok(Vec::new()) };
    let mut places: BTreeMap<DocumentKey, Place> = BTreeMap::new();
    let key = |id: &str| DocumentKey::new(collection, id);
    places.extend(told.touched().filter_map(|(id, version)| Some((key(id)?, Place::Moved(version)))));
    places.extend(told.excluded().filter_map(|(id, reason)| Some((key(id)?, Place::Stayed(why(reason))))));
    let documents = tx.load_documents(access.space.space_id, &places.keys().cloned().collect::<Vec<_>>())?;
    let seen: Vec<(DocumentRow, Place)> =
        documents.into_iter().filter_map(|row| places.get(&row.key).map(|place| (row.clone(), *place))).collect();
    let histories = seen.iter().map(|(doc, place)| History { from: doc.version, above: place.before(row) }).collect::<Vec<_>>();
    let mut changes: BTreeMap<DocumentKey, Vec<ChangeRow>> = BTreeMap::new();
    for change in if histories.is_empty() { Vec::new() } else { tx.list_changes(access.space.space_id, &histories)? } {
        changes.entry(change.key.clone()).or_default().push(change);
    }
    let mut fields = Vec::new();
    for (doc, place) in seen {
        let changes = changes.remove(&doc.key).unwrap_or_default();
        let from = place.before(row);
        let past = Past { row: doc, changes, from, around: None, schema: Arc::clone(&view.schema) };
        fields.extend(place.explained(&past, (access, view), (row, &rule.start)));
    }
    if told.touched().next().is_none() && answered.is_none() {
        fields.extend(asked(tx, view, row)?);
    }
    Ok(fields)
}

/// What became of a document.
#[derive(Clone, Copy)]
enum Place {
    /// It moved, at this version.
    Moved(i64),
    /// It stayed, for this reason.
    Stayed(&'static str),
}

impl Place {
    /// The version right before it was decided.
    fn before(self, row: &StoredOperation) -> i64 {
        match self {
            Self::Moved(version) => version - 1,
            Self::Stayed(_) => row.head,
        }
    }

    fn explained(
        self,
        past: &Past,
        (access, view): (&SpaceAccess, &View),
        (row, start): (&StoredOperation, &str),
    ) -> Option<FieldExplanation> {
        let (before, after) = match self {
            Self::Moved(version) => (version - 1, version),
            Self::Stayed(_) => (row.head, row.head),
        };
        let shown = past.is_shown(view) && past.seen_at(before, view) && past.seen_at(after, view);
        if !shown || !view.reads(past.row.key.collection(), start, None) || before < access.head.history_from {
            return None;
        }
        let value = |version: i64| past.at(version).and_then(|body| body.get(start).cloned()).unwrap_or_default();
        let path = pointer(&[past.row.key.id(), start]);
        let (ours, outcome) = (value(before), value(after));
        let (base, decided, reason) = match self {
            Self::Moved(_) => (ours.clone(), Decided::Theirs, "a shift moved it"),
            Self::Stayed(reason) => (Value::Null, Decided::Ours, reason),
        };
        Some(FieldExplanation {
            path,
            strategy: STRATEGY.into(),
            base,
            theirs: outcome.clone(),
            ours,
            outcome,
            decided,
            reason: reason.into(),
            masked: false,
        })
    }
}

fn why(reason: &str) -> &'static str {
    match reason {
        "fixed" => "it is fixed, and no shift moves it",
        "done" => "it is over, or has begun",
        _ => "somebody gave it another time, which the sender of the shift had not seen",
    }
}

/// What waits for an answer, where the reader may see the question.
fn asked(tx: &mut dyn Tx, view: &View, row: &StoredOperation) -> StoreResult<Vec<FieldExplanation>> {
    let Some(id) = row.conflict_id else { return Ok(Vec::new()) };
    let conflict = question(tx, row, id, view)?;
    let parts = conflict.into_iter().flat_map(|conflict| conflict.documents);
    let field = |(id, path, field): (String, String, sync_core::conflict::DisputedField)| FieldExplanation {
        path: format!("{}{path}", pointer(&[id])),
        strategy: STRATEGY.into(),
        outcome: field.ours.clone(),
        base: field.base,
        ours: field.ours,
        theirs: field.theirs,
        decided: Decided::Conflict,
        reason: "the same time was shifted by somebody else: somebody is asked whether both are meant".into(),
        masked: field.masked,
    };
    let fields = parts.flat_map(|part| part.fields.into_iter().map(move |(path, field)| (part.document_id.clone(), path, field)));
    Ok(fields.map(field).collect())
}
