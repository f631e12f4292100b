//! What an answer was about, for the record of it.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::conflict::{ConflictKind, DisputedField};
use sync_core::json::pointer_tokens;
use sync_core::{ConflictId, OpId};

use super::desk::Desk;
use crate::audit::Answered;

/// The places of a question that somebody sees and that are decided, with the answers that decided them.
pub(super) type DecidedPlaces = BTreeMap<String, OpId>;

impl Desk<'_> {
    /// Of a question about one document, the places that are decided. What a group did is told by its operations.
    pub(super) fn decided(&self, conflict_id: ConflictId) -> DecidedPlaces {
        let conflict = self.world.conflicts.get(&conflict_id).filter(|conflict| conflict.kind != ConflictKind::Group);
        let decided = |(path, field): (String, DisputedField)| Some((path, field.decided_by?.op_id));
        conflict.map(|conflict| self.seen(conflict).fields.into_iter().filter_map(decided).collect()).unwrap_or_default()
    }

    /// The document of a question, with the members of which something was decided, or taken back, since those places were.
    /// Nothing where none was.
    pub(super) fn answered_since(&self, conflict_id: ConflictId, before: &DecidedPlaces) -> Option<Answered> {
        let after = self.decided(conflict_id);
        let mut paths = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).peekable();
        paths.peek()?;
        let fields: BTreeSet<String> = paths.filter_map(|path| pointer_tokens(path)?.into_iter().next()).collect();
        let conflict = self.world.conflicts.get(&conflict_id)?;
        Some(Answered { document: format!("{}/{}", conflict.collection, conflict.document_id), fields })
    }
}
