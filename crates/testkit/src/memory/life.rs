use std::collections::BTreeSet;
use std::ops::Bound;

use sync_core::json::{Object, RawJson};
use sync_core::ports::{
    FormerEpoch, Grave, GraveRows, Head, HistoryRows, LogEntry, LogRows, Presented, PresentedRows, ResultEntry, SpaceLog, StoreResult,
    StoredOperation, Tombstone,
};
use sync_core::{DeviceId, DocumentKey, OpId, OrganisationId, SpaceId, Status, Timestamp};
use uuid::Uuid;

use super::{MemoryTx, count};

impl LogRows for MemoryTx<'_> {
    fn list_logs(&mut self, after: Option<SpaceId>, limit: i64) -> StoreResult<Vec<SpaceLog>> {
        let spaces = self.state.spaces.values().filter(|space| after.is_none_or(|after| space.space_id > after));
        let log = |space: &sync_core::ports::Space| {
            let head = *self.state.heads.get(&space.space_id)?;
            Some(SpaceLog { space_id: space.space_id, organisation_id: space.organisation_id, head, created_at: space.created_at })
        };
        Ok(spaces.filter_map(log).take(count(limit)).collect())
    }

    fn put_horizons(&mut self, space_id: SpaceId, kept_from: i64, history_from: i64) -> StoreResult<()> {
        let state = self.writable()?;
        if let Some(head) = state.heads.get(&space_id).copied() {
            state.heads.put(space_id, Head { kept_from, history_from, ..head });
        }
        Ok(())
    }

    fn put_epoch(&mut self, space_id: SpaceId, epoch: Uuid) -> StoreResult<()> {
        let state = self.writable()?;
        if let Some(head) = state.heads.get(&space_id).copied() {
            state.heads.put(space_id, Head { epoch, ..head });
        }
        Ok(())
    }

    fn put_former_epochs(&mut self, epochs: &[FormerEpoch]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in epochs {
            state.former_epochs.put((row.space_id, row.epoch), *row);
        }
        Ok(())
    }

    fn list_former_epochs(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<FormerEpoch>> {
        Ok(self.state.former_epochs.values().filter(|row| space_ids.contains(&row.space_id)).copied().collect())
    }
}

impl PresentedRows for MemoryTx<'_> {
    fn put_presented(&mut self, rows: &[Presented]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in rows {
            state.presented.put((row.space_id, row.device_id), *row);
        }
        Ok(())
    }

    fn list_presented(&mut self, space_id: SpaceId) -> StoreResult<Vec<Presented>> {
        let from = (space_id, DeviceId(Uuid::nil()))..=(space_id, DeviceId(Uuid::max()));
        Ok(self.state.presented.range(from).map(|(_, row)| *row).collect())
    }

    fn find_lowest_floor(&mut self, space_id: SpaceId, seen_since: Timestamp) -> StoreResult<Option<i64>> {
        let rows = self.list_presented(space_id)?;
        let counts = |row: &Presented| {
            let device = self.state.devices.get(&row.device_id).filter(|device| device.revoked_at.is_none());
            device.is_some_and(|device| row.at >= seen_since || device.seen_at >= seen_since)
        };
        Ok(rows.into_iter().filter(counts).map(|row| row.floor).min())
    }

    fn drop_presented(&mut self, space_id: SpaceId, before: Timestamp) -> StoreResult<()> {
        let old: Vec<_> = self.list_presented(space_id)?.into_iter().filter(|row| row.at < before).collect();
        let state = self.writable()?;
        for row in old {
            state.presented.remove(&(space_id, row.device_id));
        }
        Ok(())
    }
}

impl GraveRows for MemoryTx<'_> {
    fn list_tombstones(&mut self, space_id: SpaceId, above: i64, limit: i64) -> StoreResult<Vec<Tombstone>> {
        let of_space = self.state.documents.range((space_id, String::new())..).take_while(|((other, _), _)| *other == space_id);
        let rows = of_space.map(|(_, row)| row).filter(|row| row.presence.deleted && row.open_conflicts == 0 && row.version > above);
        let tombstone = |row: &sync_core::ports::DocumentRow| Tombstone {
            key: row.key.clone(),
            version: row.version,
            at: row.at,
            audience: row.audience,
        };
        let mut rows: Vec<_> = rows.map(tombstone).collect();
        rows.sort_by_key(|row| row.version);
        rows.truncate(count(limit));
        Ok(rows)
    }

    fn bury(&mut self, space_id: SpaceId, graves: &[Grave]) -> StoreResult<()> {
        let state = self.writable()?;
        for grave in graves {
            let key = grave.key.as_str().to_owned();
            let mut place = grave.version;
            while let Some(previous) = state.changes.get(&(space_id, place)).map(|row| row.previous) {
                state.changes.remove(&(space_id, place));
                place = previous;
            }
            state.documents.remove(&(space_id, key.clone()));
            state.graves.put((space_id, key), grave.clone());
        }
        Ok(())
    }

    fn load_graves(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<Grave>> {
        let wanted: BTreeSet<_> = keys.iter().collect();
        Ok(wanted.into_iter().filter_map(|key| self.state.graves.get(&(space_id, key.as_str().to_owned())).cloned()).collect())
    }

    fn drop_graves(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<()> {
        let state = self.writable()?;
        for key in keys {
            state.graves.remove(&(space_id, key.as_str().to_owned()));
        }
        Ok(())
    }
}

impl HistoryRows for MemoryTx<'_> {
    fn list_history(&mut self, space_id: SpaceId, limit: i64) -> StoreResult<Vec<LogEntry>> {
        let rows = self.state.changes.range((space_id, i64::MIN)..=(space_id, i64::MAX));
        Ok(rows.map(|(_, row)| LogEntry { version: row.version, at: row.at }).take(count(limit)).collect())
    }

    fn drop_history(&mut self, space_id: SpaceId, until: i64) -> StoreResult<()> {
        let state = self.writable()?;
        let old = state.changes.range((space_id, i64::MIN)..=(space_id, until));
        for place in old.map(|(place, _)| *place).collect::<Vec<_>>() {
            state.changes.remove(&place);
        }
        Ok(())
    }

    fn list_results(&mut self, after: Option<&ResultEntry>, before: Timestamp, limit: i64) -> StoreResult<Vec<ResultEntry>> {
        let from = after.map_or(Bound::Unbounded, |entry| Bound::Excluded((entry.organisation_id, entry.op_id)));
        let asked = |row: &StoredOperation| {
            let links = self.state.conflicts.values();
            row.conflict_id.is_some_and(|id| links.filter(|link| link.conflict_id == id).any(|link| link.open))
        };
        let is_due = |row: &StoredOperation| {
            row.decided_at < before && row.payload.as_str() != "{}" && row.status != Status::Quarantined && !asked(row)
        };
        let rows = self.state.operations.range((from, Bound::Unbounded)).map(|(_, row)| row);
        let entry = |row: &StoredOperation| ResultEntry { organisation_id: row.organisation_id, op_id: row.op_id, is_due: is_due(row) };
        Ok(rows.map(entry).take(count(limit)).collect())
    }

    fn empty_operations(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<usize> {
        let (state, empty) = (self.writable()?, RawJson::from_object(&Object::new()));
        let mut emptied = 0;
        for op_id in op_ids {
            if let Some(row) = state.operations.get(&(organisation_id, *op_id)).filter(|row| row.payload != empty).cloned() {
                let row = StoredOperation { payload: empty.clone(), overlay: None, problem: None, decisions: None, ..row };
                state.operations.put((organisation_id, *op_id), row);
                emptied += 1;
            }
        }
        Ok(emptied)
    }
}
