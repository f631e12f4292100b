use std::collections::BTreeSet;

use sync_core::ports::{OperationRows, StoreError, StoreResult, StoredOperation, StoredResult};
use sync_core::{OpId, OrganisationId, UserId};

use super::MemoryTx;

impl OperationRows for MemoryTx<'_> {
    fn load_operations(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<StoredOperation>> {
        let wanted: BTreeSet<_> = op_ids.iter().collect();
        Ok(wanted.into_iter().filter_map(|op_id| self.state.operations.get(&(organisation_id, *op_id)).cloned()).collect())
    }

    fn load_results(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<StoredResult>> {
        let wanted: BTreeSet<_> = op_ids.iter().collect();
        let rows = wanted.into_iter().filter_map(|op_id| self.state.operations.get(&(organisation_id, *op_id)));
        let result = |row: &StoredOperation| StoredResult {
            op_id: row.op_id,
            user_id: row.user_id,
            space_id: row.space_id,
            status: row.status,
            decided_version: row.decided_version,
            conflict_id: row.conflict_id,
            decided_at: row.decided_at,
            problem: row.problem.clone(),
        };
        Ok(rows.map(result).collect())
    }

    fn insert_operations(&mut self, rows: &[StoredOperation]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in rows {
            let key = (row.organisation_id, row.op_id);
            if state.operations.contains_key(&key) {
                return Err(StoreError::Busy(format!("operation {} was stored meanwhile", row.op_id)));
            }
            state.operations.put(key, row.clone());
            if let Some(group) = &row.group {
                state.groups.put((row.organisation_id, row.user_id, group.clone()), ());
            }
        }
        Ok(())
    }

    fn find_groups(&mut self, organisation_id: OrganisationId, user_id: UserId, groups: &[String]) -> StoreResult<Vec<String>> {
        let wanted: BTreeSet<_> = groups.iter().collect();
        let stored = |group: &&&String| self.state.groups.contains_key(&(organisation_id, user_id, (**group).clone()));
        Ok(wanted.iter().filter(stored).map(|group| (*group).clone()).collect())
    }
}
