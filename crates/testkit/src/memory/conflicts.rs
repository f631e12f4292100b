use sync_core::ports::{ConflictEntry, ConflictFilter, ConflictLink, ConflictPage, ConflictRows, DueConflict, StoreResult};
use sync_core::{ConflictId, DocumentKey, OrganisationId, SpaceId, Timestamp};

use super::{MemoryTx, count};

impl ConflictRows for MemoryTx<'_> {
    fn list_open_conflicts(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<ConflictLink>> {
        let links = self.state.conflicts.values();
        Ok(links.filter(|link| link.open && link.space_id == space_id && keys.contains(&link.key)).cloned().collect())
    }

    fn load_conflicts(&mut self, organisation_id: OrganisationId, conflict_ids: &[ConflictId]) -> StoreResult<Vec<ConflictLink>> {
        let links = self.state.conflicts.values();
        Ok(links.filter(|link| link.organisation_id == organisation_id && conflict_ids.contains(&link.conflict_id)).cloned().collect())
    }

    fn list_conflicts(&mut self, page: &ConflictPage) -> StoreResult<Vec<(SpaceId, ConflictId)>> {
        let wanted = |entry: &&ConflictEntry| {
            page.space_ids.contains(&entry.space_id)
                && page.open.is_none_or(|open| entry.open == open)
                && page.after.is_none_or(|after| entry.conflict_id > after)
                && page.only.document.as_ref().is_none_or(|key| self.names(entry.conflict_id, key))
                && fits(&page.only, entry)
        };
        let found = self.state.conflict_entries.values().filter(wanted).map(|entry| (entry.space_id, entry.conflict_id));
        Ok(found.take(count(page.limit)).collect())
    }

    fn list_due_conflicts(&mut self, until: Timestamp, after: Option<&DueConflict>, limit: i64) -> StoreResult<Vec<DueConflict>> {
        let due = |entry: &ConflictEntry| {
            let ConflictEntry { conflict_id, organisation_id, space_id, .. } = *entry;
            let deadline_at = entry.deadline_at.filter(|at| entry.open && *at <= until)?;
            Some(DueConflict { deadline_at, conflict_id, organisation_id, space_id })
        };
        let mut found: Vec<_> = self.state.conflict_entries.values().filter_map(due).collect();
        found.sort_unstable();
        let behind =
            |row: &DueConflict| after.is_none_or(|after| (row.deadline_at, row.conflict_id) > (after.deadline_at, after.conflict_id));
        Ok(found.into_iter().filter(behind).take(count(limit)).collect())
    }

    fn put_conflicts(&mut self, links: &[ConflictLink]) -> StoreResult<()> {
        let state = self.writable()?;
        for link in links {
            state.conflicts.put((link.conflict_id, link.key.as_str().to_owned()), link.clone());
        }
        Ok(())
    }

    fn put_conflict_entries(&mut self, entries: &[ConflictEntry]) -> StoreResult<()> {
        let state = self.writable()?;
        for entry in entries {
            state.conflict_entries.put(entry.conflict_id, entry.clone());
        }
        Ok(())
    }
}

impl MemoryTx<'_> {
    /// Whether a conflict names a document.
    fn names(&self, conflict_id: ConflictId, key: &DocumentKey) -> bool {
        self.state.conflicts.contains_key(&(conflict_id, key.as_str().to_owned()))
    }
}

/// Whether a conflict has what a filter asks for, its document aside.
fn fits(only: &ConflictFilter, entry: &ConflictEntry) -> bool {
    only.collection.as_ref().is_none_or(|collection| entry.collection == *collection)
        && only.kind.is_none_or(|kind| entry.kind == kind)
        && (only.asks.is_empty() || only.asks.iter().any(|ask| entry.asks.contains(ask)))
        && only.who.is_none_or(|who| entry.ours_by == Some(who) || entry.theirs_by == who)
        && only.opened_from.is_none_or(|from| entry.opened_at >= from)
        && only.opened_before.is_none_or(|before| entry.opened_at < before)
        && only.deadline_before.is_none_or(|before| entry.deadline_at.is_some_and(|at| at < before))
        && only.automatic.is_none_or(|automatic| entry.automatic == automatic)
}
