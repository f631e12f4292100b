//! Items of the queue.

use diesel::prelude::*;
use sync_core::ports::{ItemPlace, ItemRows, ItemState, QueueItem, StoreResult};
use sync_core::{DeviceId, DocumentKey, OpId, OrganisationId, SpaceId, Timestamp};

use super::dialect;
use super::operations::bytes;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{ItemRecord, PlaceRecord};
use crate::schema::queue_items as items;

/// The columns of [`ItemRecord`].
macro_rules! item {
    () => {
        (
            items::organisation_id,
            items::op_id,
            items::identity,
            items::space_id,
            items::user_id,
            items::device_id,
            items::batch_id,
            items::seq,
            items::key,
            items::group_id,
            items::lane,
            items::rank,
            items::state,
            items::waits_for,
            items::attempts,
            items::not_before,
            items::fence,
            items::size_bytes,
            items::accepted_at,
            items::code,
            items::problem,
            items::payload,
            items::original,
        )
    };
}
pub(super) use item;

/// The columns of [`PlaceRecord`].
macro_rules! place {
    () => {
        (
            items::op_id,
            items::identity,
            items::space_id,
            items::user_id,
            items::device_id,
            items::batch_id,
            items::key,
            items::group_id,
            items::seq,
            items::lane,
            items::rank,
            items::state,
            items::waits_for,
            items::accepted_at,
            items::problem,
        )
    };
}

/// The column `phase` of a state: those in line stand in one part of its index.
pub(super) const fn phase(state: ItemState) -> &'static str {
    match state {
        ItemState::Ready | ItemState::Leased => IN_LINE,
        other => other.as_str(),
    }
}

/// The phase of what is ready or taken.
pub(super) const IN_LINE: &str = "line";

impl ItemRows for Rows<'_> {
    fn insert_items(&mut self, items: &[QueueItem]) -> StoreResult<()> {
        // always in the same order, so that two transactions with the same ids wait for each other and never deadlock
        let mut rows: Vec<_> = items.iter().collect();
        rows.sort_by_key(|row| (row.organisation_id, row.op_id));
        let bulk = Insert::<items::table, _>::into("queue_items", &rows, Taken::Fail)
            .key(items::organisation_id, |row| row.organisation_id.as_bytes())
            .key(items::op_id, |row| row.op_id.as_bytes())
            .column(items::identity, |row| &row.identity)
            .column(items::space_id, |row| row.space_id.as_bytes())
            .column(items::user_id, |row| row.user_id.as_bytes())
            .column(items::device_id, |row| row.device_id.as_bytes())
            .column(items::batch_id, |row| row.batch_id.as_bytes())
            .column(items::seq, |row| row.seq)
            .column(items::key, |row| row.key.as_bytes())
            .column(items::group_id, |row| row.group.as_deref().map(str::as_bytes))
            .column(items::lane, |row| row.lane)
            .column(items::rank, |row| row.rank)
            .column(items::state, |row| row.state.as_str())
            .column(items::waits_for, |row| row.waits_for.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(items::attempts, |row| row.attempts)
            .column(items::not_before, |row| row.not_before.map(Timestamp::millis))
            .column(items::fence, |row| row.fence)
            .column(items::size_bytes, |row| row.size_bytes)
            .column(items::accepted_at, |row| row.accepted_at.millis())
            .column(items::code, |row| row.code.as_deref())
            .column(items::problem, |row| bytes(row.problem.as_ref()))
            .column(items::payload, |row| row.payload.as_str().as_bytes())
            .column(items::original, |row| bytes(row.original.as_ref()))
            .build();
        self.insert_racing(&bulk).map(drop)
    }

    fn put_items(&mut self, items: &[QueueItem]) -> StoreResult<()> {
        let mut organisations: Vec<_> = items.iter().map(|item| item.organisation_id).collect();
        organisations.sort_unstable();
        organisations.dedup();
        for organisation_id in organisations {
            let own = items.iter().filter(|item| item.organisation_id == organisation_id);
            let op_ids: Vec<_> = own.map(|item| item.op_id).collect();
            self.drop_items(organisation_id, &op_ids, None)?;
        }
        self.insert_items(items)
    }

    fn load_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<QueueItem>> {
        self.load_each(op_ids, |conn, ids| -> QueryResult<Vec<ItemRecord>> {
            items::table
                .filter(dialect::aside!(items::organisation_id).eq(organisation_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(items::op_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select(item!())
                .load(conn)
        })
    }

    fn load_places(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<ItemPlace>> {
        self.load_each(op_ids, |conn, ids| -> QueryResult<Vec<PlaceRecord>> {
            items::table
                .filter(dialect::aside!(items::organisation_id).eq(organisation_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(items::op_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select(place!())
                .load(conn)
        })
    }

    fn list_strands(&mut self, space_id: SpaceId, device_id: DeviceId, keys: &[DocumentKey], stopped: bool) -> StoreResult<Vec<ItemPlace>> {
        let skipped = if stopped { IN_LINE } else { "" };
        let mut found = self.load_each(keys, |conn, keys| -> QueryResult<Vec<PlaceRecord>> {
            items::table
                .filter(dialect::aside!(items::space_id).eq(space_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(items::key, keys.iter().map(|key| key.as_str().as_bytes())))
                .filter(items::device_id.eq(device_id.as_bytes().as_slice()))
                .filter(items::phase.ne(skipped))
                .select(place!())
                .load(conn)
        })?;
        found.sort_unstable_by_key(|place| place.seq);
        Ok(found)
    }

    fn list_items(&mut self, space_id: SpaceId, state: ItemState, limit: i64) -> StoreResult<Vec<QueueItem>> {
        self.load(|conn| -> QueryResult<Vec<ItemRecord>> {
            items::table
                .filter(items::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(items::phase.eq(phase(state)))
                .filter(items::state.eq(state.as_str()))
                .order((items::rank, items::seq))
                .limit(limit)
                .select(item!())
                .load(conn)
        })
    }

    fn list_items_of_groups(&mut self, space_id: SpaceId, groups: &[String]) -> StoreResult<Vec<QueueItem>> {
        let mut found = self.load_each(groups, |conn, groups| -> QueryResult<Vec<ItemRecord>> {
            items::table
                .filter(dialect::aside!(items::space_id).eq(space_id.as_bytes().as_slice()))
                .filter(items::group_id.is_not_null())
                .filter(dialect::any_of!(items::group_id.assume_not_null(), groups.iter().map(|group| group.as_bytes())))
                .select(item!())
                .load(conn)
        })?;
        found.sort_unstable_by_key(|item| item.seq);
        Ok(found)
    }

    fn drop_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], fence: Option<i64>) -> StoreResult<usize> {
        let op_ids: Vec<_> = op_ids.iter().map(OpId::as_bytes).collect();
        let mut dropped = 0;
        self.send_each(&op_ids, |conn, ids| {
            let own = items::table
                .filter(dialect::aside!(items::organisation_id).eq(organisation_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(items::op_id, ids.iter().map(|id| id.as_slice())));
            dropped += match fence {
                None => diesel::delete(own).execute(conn)?,
                Some(fence) => {
                    let taken = own.filter(items::state.eq(ItemState::Leased.as_str())).filter(items::fence.eq(fence));
                    diesel::delete(taken).execute(conn)?
                }
            };
            Ok(dropped)
        })?;
        Ok(dropped)
    }
}
