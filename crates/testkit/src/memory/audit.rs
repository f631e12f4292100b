use sync_core::OrganisationId;
use sync_core::ports::{
    AuditCheckpoint, AuditFilter, AuditRecord, AuditRows, AuditTile, AuditTree, AuditTreeRows, Sequenced, StoreError, StoreResult, Visible,
};
use uuid::Uuid;

use super::{MemoryTx, count};

impl AuditRows for MemoryTx<'_> {
    fn insert_audit_records(&mut self, records: &[AuditRecord]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in records {
            let key = (row.organisation_id, row.record_id);
            if state.audit_records.contains_key(&key) {
                return Err(StoreError::Refused("the record exists".into()));
            }
            state.audit_records.put(key, row.clone());
        }
        Ok(())
    }

    fn list_audit_records(
        &mut self,
        organisation_id: OrganisationId,
        filter: &AuditFilter,
        below: Option<Uuid>,
        limit: i64,
    ) -> StoreResult<Vec<AuditRecord>> {
        let is_wanted = |row: &&AuditRecord| {
            row.organisation_id == organisation_id && below.is_none_or(|below| row.record_id < below) && fits(filter, row)
        };
        Ok(self.state.audit_records.values().rev().filter(is_wanted).take(count(limit)).cloned().collect())
    }

    fn find_audit_record(&mut self, organisation_id: OrganisationId, record_id: Uuid) -> StoreResult<Option<AuditRecord>> {
        Ok(self.state.audit_records.get(&(organisation_id, record_id)).cloned())
    }

    fn list_unsequenced(&mut self) -> StoreResult<Vec<OrganisationId>> {
        let waiting = self.state.audit_records.values().filter(|row| row.leaf_index.is_none());
        let mut found: Vec<_> = waiting.map(|row| row.organisation_id).collect();
        found.dedup();
        Ok(found)
    }

    fn take_unsequenced(&mut self, organisation_id: OrganisationId, limit: i64) -> StoreResult<Vec<AuditRecord>> {
        let is_waiting = |row: &&AuditRecord| row.organisation_id == organisation_id && row.leaf_index.is_none();
        Ok(self.state.audit_records.values().filter(is_waiting).take(count(limit)).map(as_taken).collect())
    }

    fn sequence_audit_records(&mut self, organisation_id: OrganisationId, places: &[Sequenced]) -> StoreResult<()> {
        let state = self.writable()?;
        for place in places {
            let key = (organisation_id, place.record_id);
            let Some(mut row) = state.audit_records.get(&key).cloned() else { continue };
            row.leaf_index = Some(place.leaf_index);
            if let Some((salt, commitment)) = place.committed.filter(|_| row.commitment.is_none()) {
                (row.salt, row.commitment) = (Some(salt), Some(commitment));
            }
            state.audit_records.put(key, row);
        }
        Ok(())
    }
}

/// Without the details that are committed to already.
fn as_taken(row: &AuditRecord) -> AuditRecord {
    AuditRecord { details: row.details.clone().filter(|_| row.commitment.is_none()), ..row.clone() }
}

fn fits(filter: &AuditFilter, row: &AuditRecord) -> bool {
    let sees = |visible: &Visible| row.user_id == Some(visible.user_id) || row.space_id.is_some_and(|id| visible.space_ids.contains(&id));
    filter.visible.as_ref().is_none_or(sees)
        && filter.space_id.is_none_or(|id| row.space_id == Some(id))
        && filter.user_id.is_none_or(|id| row.user_id == Some(id))
        && filter.device_id.is_none_or(|id| row.device_id == Some(id))
        && filter.action.as_ref().is_none_or(|action| row.action == *action)
        && filter.subject.as_ref().is_none_or(|subject| row.subject.as_ref() == Some(subject))
        && filter.from.is_none_or(|from| row.at >= from)
        && filter.until.is_none_or(|until| row.at < until)
}

impl AuditTreeRows for MemoryTx<'_> {
    fn find_audit_tree(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<AuditTree>> {
        Ok(self.state.audit_trees.get(&organisation_id).copied())
    }

    fn try_lock_audit_tree(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<AuditTree>> {
        let state = self.writable()?;
        let tree = state.audit_trees.get(&organisation_id).copied().unwrap_or(AuditTree { organisation_id, size: 0 });
        state.audit_trees.put(organisation_id, tree);
        Ok(Some(tree))
    }

    fn list_unvouched(&mut self) -> StoreResult<Vec<OrganisationId>> {
        let mut found = Vec::new();
        for tree in self.state.audit_trees.values().filter(|tree| tree.size > 0) {
            let id = tree.organisation_id;
            if self.state.audit_checkpoints.range((id, tree.size)..=(id, i64::MAX)).next().is_none() {
                found.push(id);
            }
        }
        Ok(found)
    }

    fn put_audit_tree(&mut self, tree: &AuditTree) -> StoreResult<()> {
        self.writable()?.audit_trees.put(tree.organisation_id, *tree);
        Ok(())
    }

    fn put_audit_tiles(&mut self, organisation_id: OrganisationId, tiles: &[AuditTile]) -> StoreResult<()> {
        let state = self.writable()?;
        for tile in tiles {
            state.audit_tiles.put((organisation_id, tile.level, tile.tile_index), tile.clone());
        }
        Ok(())
    }

    fn load_audit_tiles(&mut self, organisation_id: OrganisationId, places: &[(i32, i64)]) -> StoreResult<Vec<AuditTile>> {
        let tile = |(level, index): &(i32, i64)| self.state.audit_tiles.get(&(organisation_id, *level, *index)).cloned();
        Ok(places.iter().filter_map(tile).collect())
    }

    fn insert_audit_checkpoint(&mut self, checkpoint: &AuditCheckpoint) -> StoreResult<()> {
        let state = self.writable()?;
        let key = (checkpoint.organisation_id, checkpoint.size);
        if !state.audit_checkpoints.contains_key(&key) {
            state.audit_checkpoints.put(key, checkpoint.clone());
        }
        Ok(())
    }

    fn find_audit_checkpoint(&mut self, organisation_id: OrganisationId, size: Option<i64>) -> StoreResult<Option<AuditCheckpoint>> {
        let (from, to) = size.map_or((0, i64::MAX), |size| (size, size));
        let found = self.state.audit_checkpoints.range((organisation_id, from)..=(organisation_id, to)).next_back();
        Ok(found.map(|(_, checkpoint)| checkpoint.clone()))
    }
}
