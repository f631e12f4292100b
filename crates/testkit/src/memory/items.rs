use std::collections::BTreeSet;

use sync_core::ports::{ItemPlace, ItemRows, ItemState, ItemStateRows, QueueItem, StoreError, StoreResult};
use sync_core::{BatchId, DeviceId, DocumentKey, OpId, OrganisationId, SpaceId, Timestamp};

use super::{MemoryTx, State, count};

fn place(item: &QueueItem) -> ItemPlace {
    ItemPlace {
        op_id: item.op_id,
        identity: item.identity,
        space_id: item.space_id,
        user_id: item.user_id,
        device_id: item.device_id,
        batch_id: item.batch_id,
        key: item.key.clone(),
        group: item.group.clone(),
        seq: item.seq,
        lane: item.lane,
        rank: item.rank,
        state: item.state,
        waits_for: item.waits_for,
        accepted_at: item.accepted_at,
        problem: item.problem.clone(),
    }
}

impl State {
    fn put_item(&mut self, item: QueueItem) {
        self.items.put((item.organisation_id, item.op_id), item);
    }

    /// Items of an organisation, each once.
    fn items_of(&self, organisation_id: OrganisationId, op_ids: &[OpId]) -> Vec<&QueueItem> {
        let wanted: BTreeSet<_> = op_ids.iter().collect();
        wanted.into_iter().filter_map(|op_id| self.items.get(&(organisation_id, *op_id))).collect()
    }

    /// A batch's staged items, by number.
    fn staged(&self, batch_id: BatchId) -> Vec<QueueItem> {
        let staged = |item: &&QueueItem| item.batch_id == batch_id && item.state == ItemState::Staged;
        let mut found: Vec<_> = self.items.values().filter(staged).cloned().collect();
        found.sort_by_key(|item| item.seq);
        found
    }
}

impl MemoryTx<'_> {
    fn items_in(&self, space_id: SpaceId) -> impl Iterator<Item = &QueueItem> {
        self.state.items.values().filter(move |item| item.space_id == space_id)
    }
}

impl ItemRows for MemoryTx<'_> {
    fn insert_items(&mut self, items: &[QueueItem]) -> StoreResult<()> {
        let state = self.writable()?;
        for item in items {
            if state.items.contains_key(&(item.organisation_id, item.op_id)) {
                return Err(StoreError::Busy(format!("operation {} was queued meanwhile", item.op_id)));
            }
            state.put_item(item.clone());
        }
        Ok(())
    }

    fn put_items(&mut self, items: &[QueueItem]) -> StoreResult<()> {
        let state = self.writable()?;
        for item in items {
            state.put_item(item.clone());
        }
        Ok(())
    }

    fn load_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<QueueItem>> {
        Ok(self.state.items_of(organisation_id, op_ids).into_iter().cloned().collect())
    }

    fn load_places(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<ItemPlace>> {
        Ok(self.state.items_of(organisation_id, op_ids).into_iter().map(place).collect())
    }

    fn list_strands(&mut self, space_id: SpaceId, device_id: DeviceId, keys: &[DocumentKey], stopped: bool) -> StoreResult<Vec<ItemPlace>> {
        let wanted: BTreeSet<_> = keys.iter().map(DocumentKey::as_str).collect();
        let is_meant = |item: &&QueueItem| {
            let goes_on = matches!(item.state, ItemState::Ready | ItemState::Leased);
            item.device_id == device_id && wanted.contains(item.key.as_str()) && !(stopped && goes_on)
        };
        let mut found: Vec<_> = self.items_in(space_id).filter(is_meant).map(place).collect();
        found.sort_by_key(|place| place.seq);
        Ok(found)
    }

    fn list_items(&mut self, space_id: SpaceId, state: ItemState, limit: i64) -> StoreResult<Vec<QueueItem>> {
        let mut found: Vec<_> = self.items_in(space_id).filter(|item| item.state == state).cloned().collect();
        found.sort_by_key(|item| (item.rank, item.seq));
        found.truncate(count(limit));
        Ok(found)
    }

    fn list_items_of_groups(&mut self, space_id: SpaceId, groups: &[String]) -> StoreResult<Vec<QueueItem>> {
        let is_of = |item: &&QueueItem| item.group.as_ref().is_some_and(|group| groups.contains(group));
        let mut found: Vec<_> = self.items_in(space_id).filter(is_of).cloned().collect();
        found.sort_by_key(|item| item.seq);
        Ok(found)
    }

    fn drop_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], fence: Option<i64>) -> StoreResult<usize> {
        let state = self.writable()?;
        let is_meant = |item: &&QueueItem| fence.is_none() || (item.state == ItemState::Leased && item.fence == fence);
        let dropped: Vec<_> = state.items_of(organisation_id, op_ids).into_iter().filter(is_meant).map(|item| item.op_id).collect();
        for op_id in &dropped {
            state.items.remove(&(organisation_id, *op_id));
        }
        Ok(dropped.len())
    }
}

impl ItemStateRows for MemoryTx<'_> {
    fn lease_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], fence: i64) -> StoreResult<()> {
        let state = self.writable()?;
        let ready: Vec<_> =
            state.items_of(organisation_id, op_ids).into_iter().filter(|item| item.state == ItemState::Ready).cloned().collect();
        for item in ready {
            state.put_item(QueueItem { state: ItemState::Leased, fence: Some(fence), attempts: item.attempts + 1, ..item });
        }
        Ok(())
    }

    fn wake_items(&mut self, space_id: SpaceId, now: Timestamp) -> StoreResult<usize> {
        let is_due = |item: &&QueueItem| item.state == ItemState::Delayed && item.not_before.is_some_and(|at| at <= now);
        let due: Vec<_> = self.items_in(space_id).filter(is_due).cloned().collect();
        let woken = due.len();
        let state = self.writable()?;
        for item in due {
            state.put_item(QueueItem { state: ItemState::Ready, not_before: None, ..item });
        }
        Ok(woken)
    }

    fn find_next_wake(&mut self, space_id: SpaceId) -> StoreResult<Option<Timestamp>> {
        Ok(self.items_in(space_id).filter(|item| item.state == ItemState::Delayed).filter_map(|item| item.not_before).min())
    }

    fn release_items(&mut self, organisation_id: OrganisationId, decided: &[OpId]) -> StoreResult<Vec<SpaceId>> {
        let state = self.writable()?;
        let waits = |item: &&QueueItem| {
            item.organisation_id == organisation_id
                && item.state == ItemState::Held
                && item.waits_for.is_some_and(|waits_for| decided.contains(&waits_for))
        };
        let freed: Vec<_> = state.items.values().filter(waits).cloned().collect();
        let spaces: BTreeSet<_> = freed.iter().map(|item| item.space_id).collect();
        for item in freed {
            state.put_item(QueueItem { state: ItemState::Ready, waits_for: None, ..item });
        }
        Ok(spaces.into_iter().collect())
    }

    fn release_orphans(&mut self, limit: i64) -> StoreResult<Vec<(OrganisationId, SpaceId)>> {
        let state = self.writable()?;
        let is_orphan = |item: &&QueueItem| {
            item.state == ItemState::Held
                && item.waits_for.is_none_or(|root| {
                    !state.items.values().any(|other| other.organisation_id == item.organisation_id && other.op_id == root)
                })
        };
        let freed: Vec<_> = state.items.values().filter(is_orphan).take(count(limit)).cloned().collect();
        let spaces: BTreeSet<_> = freed.iter().map(|item| (item.organisation_id, item.space_id)).collect();
        for item in freed {
            state.put_item(QueueItem { state: ItemState::Ready, waits_for: None, ..item });
        }
        Ok(spaces.into_iter().collect())
    }

    fn release_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<Vec<SpaceId>> {
        let state = self.writable()?;
        let mut staged = state.staged(batch_id);
        staged.truncate(count(limit));
        let spaces: BTreeSet<_> = staged.iter().map(|item| item.space_id).collect();
        for item in staged {
            let released = if item.waits_for.is_some() { ItemState::Held } else { ItemState::Ready };
            state.put_item(QueueItem { state: released, ..item });
        }
        Ok(spaces.into_iter().collect())
    }

    fn drop_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<usize> {
        let state = self.writable()?;
        let mut staged = state.staged(batch_id);
        staged.truncate(count(limit));
        for item in &staged {
            state.items.remove(&(item.organisation_id, item.op_id));
        }
        Ok(staged.len())
    }

    fn hasten_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], lane: i32, rank: i64) -> StoreResult<()> {
        let state = self.writable()?;
        let found: Vec<_> = state.items_of(organisation_id, op_ids).into_iter().cloned().collect();
        for item in found {
            state.put_item(QueueItem { lane: item.lane.min(lane), rank: item.rank.min(rank), ..item });
        }
        Ok(())
    }
}
