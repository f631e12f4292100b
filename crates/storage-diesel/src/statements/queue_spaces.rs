//! Spaces in which something was queued.

use std::slice::from_ref;

use diesel::dsl::{exists, min, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Nullable};
use sync_core::ports::{ItemState, QueueSpace, QueueSpaceRows, StoreError, StoreResult, TenantState};
use sync_core::{OrganisationId, SpaceId, Timestamp};

use super::tx::Rows;
use super::{Backend, Conn, dialect};
use crate::insert::{Insert, Taken};
use crate::rows::{MissedRecord, QueueSpaceRecord};
use crate::schema::{organisations, queue_items as items, queue_spaces as queues};

/// The queues of tenants that are not held. Those that are held are few, and read by an index of their own.
macro_rules! worked {
    () => {{
        let is = |state: TenantState| organisations::state.eq(state.as_str());
        let held =
            organisations::table.filter(is(TenantState::Locked).or(is(TenantState::ReadOnly))).select(organisations::organisation_id);
        queues::table.filter(queues::organisation_id.ne_all(held))
    }};
}

impl QueueSpaceRows for Rows<'_> {
    fn list_queue_spaces(&mut self, now: Timestamp, limit: i64) -> StoreResult<Vec<QueueSpace>> {
        // one index each
        let mut found = self.load(|conn| -> QueryResult<Vec<QueueSpaceRecord>> {
            worked!().filter(queues::due_at.le(now.millis())).order((queues::due_at, queues::space_id)).limit(limit).load(conn)
        })?;
        found.extend(
            self.load(|conn| -> QueryResult<Vec<QueueSpaceRecord>> { worked!().filter(queues::leased_by.is_not_null()).load(conn) })?,
        );
        found.sort_unstable_by_key(|space: &QueueSpace| (space.due_at.is_none(), space.due_at, space.space_id));
        found.dedup_by_key(|space| space.space_id);
        found.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(found)
    }

    fn try_lock_queue_space(&mut self, space_id: SpaceId) -> StoreResult<Option<QueueSpace>> {
        let found = self.load(|conn| -> QueryResult<Vec<QueueSpaceRecord>> {
            dialect::locked_unless_taken!(queues::table.find(space_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn lock_queue_space(&mut self, organisation_id: OrganisationId, space_id: SpaceId) -> StoreResult<QueueSpace> {
        if let Some(space) = self.locked_queue_space(space_id)? {
            return Ok(space);
        }
        let space = QueueSpace::new(organisation_id, space_id);
        let bulk = Insert::<queues::table, _>::into("queue_spaces", from_ref(&space), Taken::Keep)
            .key(queues::space_id, |row| row.space_id.as_bytes())
            .column(queues::organisation_id, |row| row.organisation_id.as_bytes())
            .column(queues::next_seq, |row| row.next_seq)
            .column(queues::fence, |row| row.fence)
            .column(queues::leased_by, |row| row.leased_by.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(queues::leased_until, |row| row.leased_until.map(Timestamp::millis))
            .column(queues::due_at, |row| row.due_at.map(Timestamp::millis))
            .column(queues::rank, |row| row.rank)
            .column(queues::served, |row| row.served)
            .column(queues::served_at, |row| row.served_at.millis())
            .build();
        self.insert(&bulk)?;
        // somebody may have made it meanwhile
        self.locked_queue_space(space_id)?.ok_or_else(|| StoreError::Busy(format!("the queue of space {space_id} vanished")))
    }

    fn put_queue_space(&mut self, space: &QueueSpace) -> StoreResult<()> {
        let put = PutQueueSpace::new(space);
        self.send(|conn| put.execute(conn)).map(drop)
    }

    fn list_missed_spaces(&mut self, now: Timestamp, limit: i64) -> StoreResult<Vec<(OrganisationId, SpaceId)>> {
        // of a space whose queue rests the index tells at once whether somebody is in line
        let in_line = items::table
            .filter(items::space_id.eq(queues::space_id))
            .filter(sql::<Bool>("\"phase\" = 'line'"))
            .filter(items::state.eq(ItemState::Ready.as_str()));
        self.load(|conn| -> QueryResult<Vec<MissedRecord>> {
            queues::table
                .filter(queues::leased_by.is_null())
                .filter(queues::due_at.is_null().nullable().or(queues::due_at.gt(now.millis())))
                .filter(exists(in_line.select(items::seq)))
                .select((queues::organisation_id, queues::space_id))
                .order((queues::organisation_id, queues::space_id))
                .limit(limit)
                .load(conn)
        })
    }

    fn find_next_due(&mut self, after: Timestamp) -> StoreResult<Option<Timestamp>> {
        let next: Option<i64> =
            self.send(|conn| worked!().filter(queues::due_at.gt(after.millis())).select(min(queues::due_at)).get_result(conn))?;
        Ok(next.map(Timestamp::from_millis))
    }
}

impl Rows<'_> {
    fn locked_queue_space(&mut self, space_id: SpaceId) -> StoreResult<Option<QueueSpace>> {
        let found = self.load(|conn| -> QueryResult<Vec<QueueSpaceRecord>> {
            dialect::locked!(queues::table.find(space_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }
}

/// Written out because every lease sends it, and diesel prepares every UPDATE of its own anew.
#[derive(Debug)]
struct PutQueueSpace<'a> {
    space_id: &'a [u8],
    next_seq: i64,
    fence: i64,
    leased_by: Option<&'a [u8]>,
    leased_until: Option<i64>,
    due_at: Option<i64>,
    rank: i64,
    served: i64,
    served_at: i64,
}

impl<'a> PutQueueSpace<'a> {
    fn new(space: &'a QueueSpace) -> Self {
        Self {
            space_id: space.space_id.as_bytes(),
            next_seq: space.next_seq,
            fence: space.fence,
            leased_by: space.leased_by.as_ref().map(|id| id.as_bytes().as_slice()),
            leased_until: space.leased_until.map(Timestamp::millis),
            due_at: space.due_at.map(Timestamp::millis),
            rank: space.rank,
            served: space.served,
            served_at: space.served_at.millis(),
        }
    }
}

impl QueryId for PutQueueSpace<'_> {
    type QueryId = PutQueueSpace<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Backend> for PutQueueSpace<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE \"queue_spaces\" SET \"next_seq\" = ");
        out.push_bind_param::<BigInt, _>(&self.next_seq)?;
        out.push_sql(", \"fence\" = ");
        out.push_bind_param::<BigInt, _>(&self.fence)?;
        out.push_sql(", \"leased_by\" = ");
        out.push_bind_param::<Nullable<Binary>, _>(&self.leased_by)?;
        out.push_sql(", \"leased_until\" = ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.leased_until)?;
        out.push_sql(", \"due_at\" = ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.due_at)?;
        out.push_sql(", \"rank\" = ");
        out.push_bind_param::<BigInt, _>(&self.rank)?;
        out.push_sql(", \"served\" = ");
        out.push_bind_param::<BigInt, _>(&self.served)?;
        out.push_sql(", \"served_at\" = ");
        out.push_bind_param::<BigInt, _>(&self.served_at)?;
        out.push_sql(" WHERE \"space_id\" = ");
        out.push_bind_param::<Binary, _>(&self.space_id)
    }
}

impl RunQueryDsl<Conn> for PutQueueSpace<'_> {}
