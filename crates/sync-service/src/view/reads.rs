//! What one transaction reads for several readers of a space: each thing once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sync_core::ports::{ChangeRow, DocumentPage, DocumentRow, History, StoreResult, Tx};
use sync_core::{DocumentKey, Role, SpaceId};

/// The changes of some documents, each's newest first.
pub(crate) type Changes = HashMap<DocumentKey, Vec<ChangeRow>>;

/// Rows of one space, as one transaction sees them.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pages: BTreeMap<(Role, i64), Arc<Vec<DocumentRow>>>,
    rows: HashMap<DocumentKey, DocumentRow>,
    changes: BTreeMap<Vec<(i64, i64)>, Arc<Changes>>,
}

impl Reads {
    /// The rows of a page in a role's view, which differs from others of this role by its place alone.
    pub(super) fn list(&mut self, tx: &mut dyn Tx, page: DocumentPage, role: Role) -> StoreResult<Arc<Vec<DocumentRow>>> {
        if let Some(rows) = self.pages.get(&(role, page.above)) {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(tx.list_documents(page)?);
        self.pages.insert((role, page.above), Arc::clone(&rows));
        Ok(rows)
    }

    /// The rows of some documents.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn load(&mut self, tx: &mut dyn Tx, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<DocumentRow>> {
        let unread: Vec<DocumentKey> = keys.iter().filter(|key| !self.rows.contains_key(*key)).cloned().collect();
        if !unread.is_empty() {
            self.rows.extend(tx.load_documents(space_id, &unread)?.into_iter().map(|row| (row.key.clone(), row)));
        }
        Ok(keys.iter().filter_map(|key| self.rows.get(key).cloned()).collect())
    }

    /// The changes of some documents, each's newest first.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn changes(&mut self, tx: &mut dyn Tx, space_id: SpaceId, histories: &[History]) -> StoreResult<Arc<Changes>> {
        let place: Vec<(i64, i64)> = histories.iter().map(|history| (history.from, history.above)).collect();
        if let Some(changes) = self.changes.get(&place) {
            return Ok(Arc::clone(changes));
        }
        let mut all = Changes::new();
        for change in if histories.is_empty() { Vec::new() } else { tx.list_changes(space_id, histories)? } {
            all.entry(change.key.clone()).or_default().push(change);
        }
        let all = Arc::new(all);
        self.changes.insert(place, Arc::clone(&all));
        Ok(all)
    }
}
