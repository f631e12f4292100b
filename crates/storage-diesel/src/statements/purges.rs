//! Purges that devices confirmed.

use std::slice::from_ref;

use diesel::prelude::*;
use sync_core::ports::{Purge, PurgeRows, StoreResult};
use sync_core::{DeviceId, Timestamp};
use uuid::Uuid;

use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::PurgeRecord;
use crate::schema::purges;

impl PurgeRows for Rows<'_> {
    fn insert_purge(&mut self, purge: &Purge) -> StoreResult<()> {
        let bulk = Insert::into("purges", from_ref(purge), Taken::Keep)
            .key(purges::purge_id, |row| row.purge_id.as_bytes())
            .key(purges::device_id, |row| row.device_id.as_bytes())
            .column(purges::organisation_id, |row| row.organisation_id.as_bytes())
            .column(purges::user_id, |row| row.user_id.as_bytes())
            .column(purges::space_id, |row| row.space_id.as_bytes())
            .column(purges::purged_at, |row| row.purged_at.map(Timestamp::millis))
            .column(purges::documents, |row| row.documents)
            .column(purges::assets, |row| row.assets)
            .column(purges::outbox_left, |row| row.outbox_left)
            .column(purges::recorded_at, |row| row.recorded_at.millis())
            .column(purges::receipt, |row| &row.receipt)
            .build();
        self.insert(&bulk).map(drop)
    }

    fn load_purges(&mut self, device_id: DeviceId, purge_ids: &[Uuid]) -> StoreResult<Vec<Purge>> {
        self.load_each(purge_ids, |conn, ids| -> QueryResult<Vec<PurgeRecord>> {
            purges::table
                .filter(purges::device_id.eq(device_id.as_bytes().as_slice()))
                .filter(purges::purge_id.eq_any(ids.iter().map(|id| id.as_bytes().as_slice())))
                .load(conn)
        })
    }
}
