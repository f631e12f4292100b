use sync_core::ports::{ConflictLink, ConflictPage, ConflictRows, StoreResult};
use sync_core::{ConflictId, DocumentKey, OrganisationId, SpaceId};

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
        let wanted = |link: &&ConflictLink| {
            page.space_ids.contains(&link.space_id)
                && page.open.is_none_or(|open| link.open == open)
                && page.after.is_none_or(|after| link.conflict_id > after)
        };
        // links come by conflict id, so that those of one conflict stand together
        let mut found: Vec<_> = self.state.conflicts.values().filter(wanted).map(|link| (link.space_id, link.conflict_id)).collect();
        found.dedup();
        found.truncate(count(page.limit));
        Ok(found)
    }

    fn put_conflicts(&mut self, links: &[ConflictLink]) -> StoreResult<()> {
        let state = self.writable()?;
        for link in links {
            state.conflicts.put((link.conflict_id, link.key.as_str().to_owned()), link.clone());
        }
        Ok(())
    }
}
