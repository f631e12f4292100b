//! Requests whose operations went into the queue.

use std::slice::from_ref;

use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};
use sync_core::ports::{BatchRows, BatchState, QueueBatch, StoreResult};
use sync_core::{BatchId, DeviceId, OrganisationId, Timestamp};

use super::tx::Rows;
use super::{Backend, Conn, dialect};
use crate::insert::{Insert, Taken};
use crate::rows::BatchRecord;
use crate::schema::{queue_batches as batches, queue_items as items};
use crate::values::Id;

/// Whether something of a batch is staged, as the partial index has it.
macro_rules! has_staged {
    () => {
        exists(items::table.filter(items::batch_id.eq(batches::batch_id)).filter(sql::<Bool>("\"phase\" = 'staged'")).select(items::seq))
    };
}

impl BatchRows for Rows<'_> {
    fn put_batch(&mut self, batch: &QueueBatch) -> StoreResult<()> {
        let bulk = Insert::<batches::table, _>::into("queue_batches", from_ref(batch), Taken::Replace)
            .key(batches::batch_id, |row| row.batch_id.as_bytes())
            .column(batches::organisation_id, |row| row.organisation_id.as_bytes())
            .column(batches::user_id, |row| row.user_id.as_bytes())
            .column(batches::device_id, |row| row.device_id.as_bytes())
            .column(batches::sent_at, |row| row.sent_at.map(Timestamp::millis))
            .column(batches::received_at, |row| row.received_at.millis())
            .column(batches::epochs, |row| row.epochs.as_str().as_bytes())
            .column(batches::atomic, |row| row.atomic)
            .column(batches::state, |row| row.state.as_str())
            .column(batches::operations, |row| row.operations)
            .column(batches::bytes, |row| row.bytes)
            .lasting(batches::decided, |row| row.decided)
            .lasting(batches::decided_bytes, |row| row.decided_bytes)
            .lasting(batches::finished_at, |row| row.finished_at.map(Timestamp::millis))
            .build();
        self.insert(&bulk).map(drop)
    }

    fn find_batch(&mut self, organisation_id: OrganisationId, batch_id: BatchId) -> StoreResult<Option<QueueBatch>> {
        let found = self.load(|conn| -> QueryResult<Vec<BatchRecord>> {
            batches::table
                .filter(batches::batch_id.eq(batch_id.as_bytes().as_slice()))
                .filter(batches::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn load_batches(&mut self, batch_ids: &[BatchId]) -> StoreResult<Vec<QueueBatch>> {
        self.load_each(batch_ids, |conn, ids| -> QueryResult<Vec<BatchRecord>> {
            batches::table.filter(dialect::any_of!(batches::batch_id, ids.iter().map(|id| id.as_bytes().as_slice()))).load(conn)
        })
    }

    fn count_decided(&mut self, decided: &[(BatchId, i64, i64)], at: Timestamp) -> StoreResult<()> {
        if decided.len() > 1 && !dialect::WRITES_ALONE {
            // in the order of their ids, so that two transactions with the same ones wait for each other and never deadlock
            let ids: Vec<_> = decided.iter().map(|(batch_id, ..)| *batch_id).collect();
            self.load_each(&ids, |conn, ids| -> QueryResult<Vec<Id>> {
                let own = dialect::any_of!(batches::batch_id, ids.iter().map(|id| id.as_bytes().as_slice()));
                dialect::locked!(batches::table.filter(own).order(batches::batch_id).select(batches::batch_id)).load(conn)
            })?;
        }
        self.send_each(decided, |conn, decided| {
            let count = CountDecided {
                ids: decided.iter().map(|(batch_id, ..)| batch_id.as_bytes().as_slice()).collect(),
                operations: decided.iter().map(|(_, operations, _)| *operations).collect(),
                bytes: decided.iter().map(|(.., bytes)| *bytes).collect(),
                at: at.millis(),
            };
            count.execute(conn)
        })
    }

    fn list_batches(&mut self, device_id: DeviceId, limit: i64) -> StoreResult<Vec<QueueBatch>> {
        self.load(|conn| -> QueryResult<Vec<BatchRecord>> {
            batches::table
                .filter(batches::device_id.eq(device_id.as_bytes().as_slice()))
                .order((batches::received_at.desc(), batches::batch_id.desc()))
                .limit(limit)
                .load(conn)
        })
    }

    fn list_unfinished_batches(&mut self, open_before: Timestamp, limit: i64) -> StoreResult<Vec<QueueBatch>> {
        // as the partial indexes have it
        let open = sql::<Bool>("\"state\" = 'open'");
        let mut found = self.load(|conn| -> QueryResult<Vec<BatchRecord>> {
            let old = batches::table.filter(open).filter(batches::received_at.lt(open_before.millis()));
            old.order((batches::received_at, batches::batch_id)).limit(limit).load(conn)
        })?;
        found.extend(self.load(|conn| -> QueryResult<Vec<BatchRecord>> {
            let complete = batches::table.filter(batches::atomic).filter(batches::state.ne(BatchState::Open.as_str()));
            complete.filter(has_staged!()).order((batches::received_at, batches::batch_id)).limit(limit).load(conn)
        })?);
        found.sort_by_key(|batch: &QueueBatch| (batch.received_at, batch.batch_id));
        found.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(found)
    }

    fn drop_batches(&mut self, before: Timestamp, limit: i64) -> StoreResult<usize> {
        let before = before.millis();
        let refused = sql::<Bool>("\"state\" = 'refused'");
        let mut over = self.load(|conn| -> QueryResult<Vec<Id>> {
            let finished = batches::table.filter(batches::finished_at.lt(before)).filter(batches::state.eq(BatchState::Sealed.as_str()));
            finished.filter(not(has_staged!())).limit(limit).select(batches::batch_id).load(conn)
        })?;
        over.extend(self.load(|conn| -> QueryResult<Vec<Id>> {
            let refused = batches::table.filter(refused).filter(batches::received_at.lt(before));
            refused.filter(not(has_staged!())).limit(limit).select(batches::batch_id).load(conn)
        })?);
        over.truncate(usize::try_from(limit).unwrap_or(0));
        let dropped = over.len();
        self.send_each(&over, |conn, ids| {
            let own = dialect::any_of!(batches::batch_id, ids.iter().map(|id| id.as_bytes().as_slice()));
            diesel::delete(batches::table.filter(own)).execute(conn)
        })?;
        Ok(dropped)
    }
}

/// Adds to what is decided of batches. Written out because every step of a worker sends it, and diesel prepares every
/// UPDATE of its own anew.
#[derive(Debug)]
struct CountDecided<'a> {
    ids: Vec<&'a [u8]>,
    operations: Vec<i64>,
    bytes: Vec<i64>,
    at: i64,
}

impl QueryId for CountDecided<'_> {
    type QueryId = CountDecided<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Backend> for CountDecided<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE \"queue_batches\" SET \"decided\" = \"decided\" + ");
        dialect::of_batch(&mut out, &self.ids, &self.operations)?;
        out.push_sql(", \"decided_bytes\" = \"decided_bytes\" + ");
        dialect::of_batch(&mut out, &self.ids, &self.bytes)?;
        out.push_sql(", \"finished_at\" = CASE WHEN \"state\" = 'sealed' AND \"decided\" + ");
        dialect::of_batch(&mut out, &self.ids, &self.operations)?;
        out.push_sql(" >= \"operations\" THEN COALESCE(\"finished_at\", ");
        out.push_bind_param::<BigInt, _>(&self.at)?;
        out.push_sql(") ELSE \"finished_at\" END WHERE \"batch_id\"");
        dialect::one_of(&mut out, &self.ids)
    }
}

impl RunQueryDsl<Conn> for CountDecided<'_> {}
