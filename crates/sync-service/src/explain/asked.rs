//! The questions that an operation opened or joined.

use std::collections::BTreeSet;

use sync_core::conflict::Conflict;
use sync_core::ports::{StoreResult, Tx};
use sync_core::{ConflictId, DocumentKey, OpId};

use crate::push::working::Known;

/// The pointers of what an operation asked, or joined.
pub(super) fn asked(tx: &mut dyn Tx, known: &Known) -> StoreResult<BTreeSet<String>> {
    let keys: Vec<DocumentKey> = questions_of(known).map(DocumentKey::conflict).collect();
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let stored = tx.load_documents(known.row.space_id, &keys)?;
    let conflicts = stored.iter().filter_map(|stored| stored.body.read::<Conflict>());
    Ok(conflicts.flat_map(|conflict| disputed_by(&conflict, known.row.op_id)).collect())
}

/// The questions that an operation opened or joined.
pub(super) fn questions_of(known: &Known) -> impl Iterator<Item = ConflictId> {
    let op_id = known.row.op_id;
    let others = known.overlay.others.iter().filter(move |(_, joined)| **joined == op_id);
    known.row.conflict_id.into_iter().chain(others.map(|(id, _)| *id))
}

/// Of a group's question the part of the operation, otherwise all of it.
fn disputed_by(conflict: &Conflict, op_id: OpId) -> BTreeSet<String> {
    let part = conflict.documents.iter().find(|part| part.op_id == op_id);
    part.map_or(&conflict.fields, |part| &part.fields).keys().cloned().collect()
}
