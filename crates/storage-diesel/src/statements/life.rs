//! The life of a space's log: who has read how far, what is kept, and which logs it was before.

use diesel::dsl::min;
use diesel::prelude::*;
use sync_core::ports::{
    DocumentRows as _, FormerEpoch, Grave, GraveRows, History, LogRows, Presented, PresentedRows, SpaceLog, StoreResult, Tombstone,
};
use sync_core::{DocumentKey, SpaceId, Timestamp};
use uuid::Uuid;

use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{FormerEpochRecord, GraveRecord, LogRecord, PresentedRecord, TombstoneRecord};
use crate::schema::{changes, devices, documents, former_epochs, graves, presented_cursors, space_heads, spaces};

impl LogRows for Rows<'_> {
    fn list_logs(&mut self, after: Option<SpaceId>, limit: i64) -> StoreResult<Vec<SpaceLog>> {
        // the empty string of bytes sorts before every id
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        self.load(|conn| -> QueryResult<Vec<LogRecord>> {
            let head = (space_heads::head, space_heads::epoch, space_heads::kept_from, space_heads::history_from);
            space_heads::table
                .inner_join(spaces::table.on(spaces::space_id.eq(space_heads::space_id)))
                .filter(space_heads::space_id.gt(after))
                .order(space_heads::space_id)
                .limit(limit)
                .select((space_heads::space_id, spaces::organisation_id, head, spaces::created_at))
                .load(conn)
        })
    }

    fn put_horizons(&mut self, space_id: SpaceId, kept_from: i64, history_from: i64) -> StoreResult<()> {
        let horizons = (space_heads::kept_from.eq(kept_from), space_heads::history_from.eq(history_from));
        let space_id = space_id.as_bytes().as_slice();
        self.send(|conn| diesel::update(space_heads::table.find(space_id)).set(horizons).execute(conn)).map(drop)
    }

    fn put_epoch(&mut self, space_id: SpaceId, epoch: Uuid) -> StoreResult<()> {
        let epoch = space_heads::epoch.eq(epoch.as_bytes().to_vec());
        let space_id = space_id.as_bytes().as_slice();
        self.send(|conn| diesel::update(space_heads::table.find(space_id)).set(epoch).execute(conn)).map(drop)
    }

    fn put_former_epochs(&mut self, epochs: &[FormerEpoch]) -> StoreResult<()> {
        let bulk = Insert::<former_epochs::table, _>::into("former_epochs", epochs, Taken::Replace)
            .key(former_epochs::space_id, |row| row.space_id.as_bytes())
            .key(former_epochs::epoch, |row| row.epoch.as_bytes())
            .column(former_epochs::shared_until, |row| row.shared_until)
            .column(former_epochs::ended_at, |row| row.ended_at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_former_epochs(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<FormerEpoch>> {
        self.load_each(space_ids, |conn, ids| -> QueryResult<Vec<FormerEpochRecord>> {
            former_epochs::table.filter(dialect::any_of!(former_epochs::space_id, ids.iter().map(|id| id.as_bytes().as_slice()))).load(conn)
        })
    }
}

impl PresentedRows for Rows<'_> {
    fn put_presented(&mut self, rows: &[Presented]) -> StoreResult<()> {
        // always in the same order, so that two nodes that do so at once wait for each other and never deadlock
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| (row.space_id, row.device_id));
        let bulk = Insert::<presented_cursors::table, _>::into("presented_cursors", &rows, Taken::Replace)
            .key(presented_cursors::space_id, |row| row.space_id.as_bytes())
            .key(presented_cursors::device_id, |row| row.device_id.as_bytes())
            .column(presented_cursors::user_id, |row| row.user_id.as_bytes())
            .column(presented_cursors::floor, |row| row.floor)
            .column(presented_cursors::presented_at, |row| row.at.millis())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_presented(&mut self, space_id: SpaceId) -> StoreResult<Vec<Presented>> {
        self.load(|conn| -> QueryResult<Vec<PresentedRecord>> {
            presented_cursors::table
                .filter(presented_cursors::space_id.eq(space_id.as_bytes().as_slice()))
                .order(presented_cursors::device_id)
                .load(conn)
        })
    }

    fn find_lowest_floor(&mut self, space_id: SpaceId, seen_since: Timestamp) -> StoreResult<Option<i64>> {
        let since = seen_since.millis();
        self.send(|conn| {
            presented_cursors::table
                .inner_join(devices::table.on(devices::device_id.eq(presented_cursors::device_id)))
                .filter(presented_cursors::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(devices::revoked_at.is_null())
                .filter(presented_cursors::presented_at.ge(since).or(devices::seen_at.ge(since)))
                .select(min(presented_cursors::floor))
                .get_result(conn)
        })
    }

    fn drop_presented(&mut self, space_id: SpaceId, before: Timestamp) -> StoreResult<()> {
        let old = presented_cursors::table
            .filter(presented_cursors::space_id.eq(space_id.as_bytes().as_slice()))
            .filter(presented_cursors::presented_at.lt(before.millis()));
        self.send(|conn| diesel::delete(old).execute(conn)).map(drop)
    }
}

impl GraveRows for Rows<'_> {
    fn list_tombstones(&mut self, space_id: SpaceId, above: i64, limit: i64) -> StoreResult<Vec<Tombstone>> {
        self.load(|conn| -> QueryResult<Vec<TombstoneRecord>> {
            documents::table
                .filter(documents::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(documents::version.gt(above))
                .filter(documents::deleted)
                .filter(documents::open_conflicts.eq(0))
                .order(documents::version)
                .limit(limit)
                .select((documents::key, documents::version, documents::changed_at, documents::audience))
                .load(conn)
        })
    }

    fn bury(&mut self, space_id: SpaceId, graves: &[Grave]) -> StoreResult<()> {
        let bulk = Insert::<graves::table, _>::into("graves", graves, Taken::Replace)
            .key(graves::space_id, |_| space_id.as_bytes())
            .key(graves::key, |row| row.key.as_str())
            .column(graves::version, |row| row.version)
            .column(graves::audience, |row| row.audience.bits())
            .build();
        self.insert(&bulk)?;
        let keys: Vec<&str> = graves.iter().map(|grave| grave.key.as_str()).collect();
        self.send_each(&keys, |conn, keys| {
            let own = documents::space_id.eq(space_id.as_bytes().as_slice()).and(documents::key.eq_any(keys.iter().copied()));
            diesel::delete(documents::table.filter(own)).execute(conn)
        })?;
        let histories: Vec<History> = graves.iter().map(|grave| History { from: grave.version, above: 0 }).collect();
        let versions: Vec<i64> = self.list_changes(space_id, &histories)?.into_iter().map(|change| change.version).collect();
        self.send_each(&versions, |conn, versions| {
            let own = changes::space_id.eq(space_id.as_bytes().as_slice()).and(changes::version.eq_any(versions.iter().copied()));
            diesel::delete(changes::table.filter(own)).execute(conn)
        })
    }

    fn load_graves(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<Grave>> {
        self.load_each(keys, |conn, keys| -> QueryResult<Vec<GraveRecord>> {
            graves::table
                .filter(graves::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(graves::key, keys.iter().map(|key| key.as_str())))
                .select((graves::key, graves::version, graves::audience))
                .load(conn)
        })
    }

    fn drop_graves(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<()> {
        let keys: Vec<&str> = keys.iter().map(DocumentKey::as_str).collect();
        self.send_each(&keys, |conn, keys| {
            let own = graves::space_id.eq(space_id.as_bytes().as_slice()).and(graves::key.eq_any(keys.iter().copied()));
            diesel::delete(graves::table.filter(own)).execute(conn)
        })
    }
}
