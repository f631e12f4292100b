use std::collections::BTreeSet;

use std::collections::BTreeMap;

use sync_core::ports::{
    BatchRows, BatchState, ItemCount, ItemMark, ItemState, QueueBatch, QueueFigure, QueueFilter, QueueItem, QueueMemoryRows, QueueReading,
    QueueSpace, QueueSpaceRows, QueueTask, StoreResult,
};
use sync_core::{BatchId, DeviceId, OrganisationId, SpaceId, TaskId, Timestamp};

use super::{MemoryTx, State, count};

fn is_meant(item: &QueueItem, filter: &QueueFilter) -> bool {
    let is_visible = filter.visible.as_ref().is_none_or(|to| item.user_id == to.user_id || to.space_ids.contains(&item.space_id));
    is_visible
        && filter.space_id.is_none_or(|space_id| item.space_id == space_id)
        && filter.device_id.is_none_or(|device_id| item.device_id == device_id)
        && filter.user_id.is_none_or(|user_id| item.user_id == user_id)
        && filter.batch_id.is_none_or(|batch_id| item.batch_id == batch_id)
        && filter.lane.is_none_or(|lane| item.lane == lane)
        && (filter.states.is_empty() || filter.states.contains(&item.state))
        && filter.code.as_ref().is_none_or(|code| item.code.as_ref() == Some(code))
        && filter.accepted_before.is_none_or(|before| item.accepted_at < before)
}

impl MemoryTx<'_> {
    fn meant(&self, organisation_id: OrganisationId, filter: &QueueFilter) -> impl Iterator<Item = &QueueItem> {
        self.state.items.values().filter(move |item| item.organisation_id == organisation_id && is_meant(item, filter))
    }

    /// (rank, number, lane) of a space's items that are in line, in order.
    fn line(&self, space_id: SpaceId) -> Vec<(i64, i64, i32)> {
        let in_line = |item: &&QueueItem| item.space_id == space_id && matches!(item.state, ItemState::Ready | ItemState::Leased);
        let mut found: Vec<_> = self.state.items.values().filter(in_line).map(|item| (item.rank, item.seq, item.lane)).collect();
        found.sort_unstable();
        found
    }
}

impl QueueReading for MemoryTx<'_> {
    fn list_queue(
        &mut self,
        organisation_id: OrganisationId,
        filter: &QueueFilter,
        after: Option<&ItemMark>,
        limit: i64,
    ) -> StoreResult<Vec<QueueItem>> {
        let mark = |item: &QueueItem| (item.space_id, item.rank, item.seq);
        let is_after = |item: &&QueueItem| after.is_none_or(|after| mark(item) > *after);
        let mut found: Vec<_> = self.meant(organisation_id, filter).filter(is_after).cloned().collect();
        found.sort_by_key(mark);
        found.truncate(count(limit));
        Ok(found)
    }

    fn count_queue(&mut self, organisation_id: OrganisationId, filter: &QueueFilter) -> StoreResult<Vec<ItemCount>> {
        let mut counts: BTreeMap<(i32, ItemState), ItemCount> = BTreeMap::new();
        for item in self.meant(organisation_id, filter) {
            let none = ItemCount { lane: item.lane, state: item.state, items: 0, bytes: 0, oldest: item.accepted_at };
            let counted = counts.entry((item.lane, item.state)).or_insert(none);
            counted.items += 1;
            counted.bytes += i64::from(item.size_bytes);
            counted.oldest = counted.oldest.min(item.accepted_at);
        }
        Ok(counts.into_values().collect())
    }

    fn count_ahead(&mut self, space_id: SpaceId, place: (i64, i64), most: i64) -> StoreResult<i64> {
        let ahead = self.line(space_id).into_iter().filter(|(rank, seq, _)| (*rank, *seq) < place).take(count(most));
        Ok(ahead.map(|_| 1).sum())
    }

    fn list_ranks(&mut self, space_id: SpaceId, from: (i64, i64), to: (i64, i64), limit: i64) -> StoreResult<Vec<(i64, i64, i32)>> {
        let between = |(rank, seq, _): &(i64, i64, i32)| (from..=to).contains(&(*rank, *seq));
        Ok(self.line(space_id).into_iter().filter(between).take(count(limit)).collect())
    }
}

impl QueueSpaceRows for MemoryTx<'_> {
    fn list_queue_spaces(&mut self, now: Timestamp, limit: i64) -> StoreResult<Vec<QueueSpace>> {
        let is_due = |space: &&QueueSpace| space.leased_by.is_some() || space.due_at.is_some_and(|at| at <= now);
        let is_wanted = |space: &&QueueSpace| is_due(space) && self.state.is_worked(space.organisation_id);
        let mut found: Vec<_> = self.state.queue_spaces.values().filter(is_wanted).copied().collect();
        found.sort_by_key(|space| (space.due_at.is_none(), space.due_at, space.space_id));
        found.truncate(count(limit));
        Ok(found)
    }

    fn try_lock_queue_space(&mut self, space_id: SpaceId) -> StoreResult<Option<QueueSpace>> {
        Ok(self.writable()?.queue_spaces.get(&space_id).copied())
    }

    fn lock_queue_space(&mut self, organisation_id: OrganisationId, space_id: SpaceId) -> StoreResult<QueueSpace> {
        let state = self.writable()?;
        if let Some(space) = state.queue_spaces.get(&space_id) {
            return Ok(*space);
        }
        let space = QueueSpace::new(organisation_id, space_id);
        state.queue_spaces.put(space_id, space);
        Ok(space)
    }

    fn put_queue_space(&mut self, space: &QueueSpace) -> StoreResult<()> {
        let state = self.writable()?;
        if state.queue_spaces.contains_key(&space.space_id) {
            state.queue_spaces.put(space.space_id, *space);
        }
        Ok(())
    }

    fn list_missed_spaces(&mut self, now: Timestamp, limit: i64) -> StoreResult<Vec<(OrganisationId, SpaceId)>> {
        let rests = |space: &QueueSpace| space.leased_by.is_none() && space.due_at.is_none_or(|due| due > now);
        let rests = |space_id| self.state.queue_spaces.get(&space_id).is_some_and(rests);
        let ready = self.state.items.values().filter(|item| item.state == ItemState::Ready && rests(item.space_id));
        let spaces: BTreeSet<_> = ready.map(|item| (item.organisation_id, item.space_id)).collect();
        Ok(spaces.into_iter().take(count(limit)).collect())
    }

    fn find_next_due(&mut self, after: Timestamp) -> StoreResult<Option<Timestamp>> {
        let worked = self.state.queue_spaces.values().filter(|space| self.state.is_worked(space.organisation_id));
        Ok(worked.filter_map(|space| space.due_at).filter(|at| *at > after).min())
    }
}

impl State {
    fn has_staged(&self, batch_id: BatchId) -> bool {
        self.items.values().any(|item| item.batch_id == batch_id && item.state == ItemState::Staged)
    }
}

impl BatchRows for MemoryTx<'_> {
    fn put_batch(&mut self, batch: &QueueBatch) -> StoreResult<()> {
        let state = self.writable()?;
        let mut row = batch.clone();
        if let Some(standing) = state.batches.get(&batch.batch_id) {
            (row.decided, row.decided_bytes) = (standing.decided, standing.decided_bytes);
            row.finished_at = standing.finished_at.or(row.finished_at);
        }
        state.batches.put(batch.batch_id, row);
        Ok(())
    }

    fn find_batch(&mut self, organisation_id: OrganisationId, batch_id: BatchId) -> StoreResult<Option<QueueBatch>> {
        Ok(self.state.batches.get(&batch_id).filter(|batch| batch.organisation_id == organisation_id).cloned())
    }

    fn load_batches(&mut self, batch_ids: &[BatchId]) -> StoreResult<Vec<QueueBatch>> {
        Ok(self.state.batches.values().filter(|batch| batch_ids.contains(&batch.batch_id)).cloned().collect())
    }

    fn count_decided(&mut self, decided: &[(BatchId, i64, i64)], at: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        for (batch_id, operations, bytes) in decided {
            let Some(mut batch) = state.batches.get(batch_id).cloned() else { continue };
            batch.decided += operations;
            batch.decided_bytes += bytes;
            if batch.state == BatchState::Sealed && batch.decided >= batch.operations {
                batch.finished_at = batch.finished_at.or(Some(at));
            }
            state.batches.put(*batch_id, batch);
        }
        Ok(())
    }

    fn list_batches(&mut self, device_id: DeviceId, limit: i64) -> StoreResult<Vec<QueueBatch>> {
        let mut found: Vec<_> = self.state.batches.values().filter(|batch| batch.device_id == device_id).cloned().collect();
        found.sort_by_key(|batch| std::cmp::Reverse((batch.received_at, batch.batch_id)));
        found.truncate(count(limit));
        Ok(found)
    }

    fn list_unfinished_batches(&mut self, open_before: Timestamp, limit: i64) -> StoreResult<Vec<QueueBatch>> {
        let is_wanted = |batch: &&QueueBatch| match batch.state {
            BatchState::Open => batch.received_at < open_before,
            BatchState::Sealed | BatchState::Refused => batch.atomic && self.state.has_staged(batch.batch_id),
        };
        let mut found: Vec<_> = self.state.batches.values().filter(is_wanted).cloned().collect();
        found.sort_by_key(|batch| (batch.received_at, batch.batch_id));
        found.truncate(count(limit));
        Ok(found)
    }

    fn drop_batches(&mut self, before: Timestamp, limit: i64) -> StoreResult<usize> {
        let state = self.writable()?;
        let ended = |batch: &QueueBatch| match batch.state {
            BatchState::Refused => Some(batch.received_at),
            BatchState::Open | BatchState::Sealed => batch.finished_at,
        };
        let is_over = |batch: &&QueueBatch| ended(batch).is_some_and(|at| at < before) && !state.has_staged(batch.batch_id);
        let over: Vec<_> = state.batches.values().filter(is_over).map(|batch| batch.batch_id).take(count(limit)).collect();
        for batch_id in &over {
            state.batches.remove(batch_id);
        }
        Ok(over.len())
    }
}

impl QueueMemoryRows for MemoryTx<'_> {
    fn put_figures(&mut self, figures: &[QueueFigure]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in figures {
            state.figures.put((row.organisation_id, row.step_s, row.at, row.lane, row.node_id), row.clone());
        }
        Ok(())
    }

    fn list_figures(
        &mut self,
        organisation_id: Option<OrganisationId>,
        step_s: i32,
        span: (Timestamp, Timestamp),
    ) -> StoreResult<Vec<QueueFigure>> {
        let is_wanted = |row: &&QueueFigure| {
            row.step_s == step_s && (span.0..span.1).contains(&row.at) && organisation_id.is_none_or(|id| row.organisation_id == id)
        };
        let mut found: Vec<_> = self.state.figures.values().filter(is_wanted).cloned().collect();
        found.sort_by_key(|row| (row.at, row.organisation_id, row.lane, row.node_id));
        Ok(found)
    }

    fn drop_figures(&mut self, step_s: i32, before: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let old: Vec<_> = state.figures.keys().filter(|key| key.1 == step_s && key.2 < before).copied().collect();
        for key in old {
            state.figures.remove(&key);
        }
        Ok(())
    }

    fn put_task(&mut self, task: &QueueTask) -> StoreResult<bool> {
        let state = self.writable()?;
        let is_next = state.tasks.get(&task.task_id).is_none_or(|standing| standing.step == task.step - 1);
        if is_next {
            state.tasks.put(task.task_id, task.clone());
        }
        Ok(is_next)
    }

    fn find_task(&mut self, organisation_id: OrganisationId, task_id: TaskId) -> StoreResult<Option<QueueTask>> {
        Ok(self.state.tasks.get(&task_id).filter(|task| task.organisation_id == organisation_id).cloned())
    }

    fn list_unfinished_tasks(&mut self, limit: i64) -> StoreResult<Vec<QueueTask>> {
        let mut found: Vec<_> = self.state.tasks.values().filter(|task| task.finished_at.is_none()).cloned().collect();
        found.sort_by_key(|task| (task.created_at, task.task_id));
        found.truncate(count(limit));
        Ok(found)
    }

    fn drop_tasks(&mut self, before: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let over = |task: &&QueueTask| task.finished_at.is_some_and(|at| at < before);
        let over: Vec<_> = state.tasks.values().filter(over).map(|task| task.task_id).collect();
        for task_id in over {
            state.tasks.remove(&task_id);
        }
        Ok(())
    }
}
