//! History that is let go of.

use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool};
use sync_core::ports::{HistoryRows, LogEntry, ResultEntry, StoreResult};
use sync_core::{OpId, OrganisationId, SpaceId, Status, Timestamp};

use super::tx::Rows;
use crate::rows::{LogEntryRecord, ResultEntryRecord};
use crate::schema::{changes, conflict_links, operations};

/// What is left of a payload.
const EMPTY: &[u8] = b"{}";

impl HistoryRows for Rows<'_> {
    fn list_history(&mut self, space_id: SpaceId, limit: i64) -> StoreResult<Vec<LogEntry>> {
        self.load(|conn| -> QueryResult<Vec<LogEntryRecord>> {
            changes::table
                .filter(changes::space_id.eq(space_id.as_bytes().as_slice()))
                .order(changes::version)
                .limit(limit)
                .select((changes::version, changes::changed_at))
                .load(conn)
        })
    }

    fn drop_history(&mut self, space_id: SpaceId, until: i64) -> StoreResult<()> {
        let old = changes::table.filter(changes::space_id.eq(space_id.as_bytes().as_slice())).filter(changes::version.le(until));
        self.send(|conn| diesel::delete(old).execute(conn)).map(drop)
    }

    fn list_results(&mut self, after: Option<&ResultEntry>, before: Timestamp, limit: i64) -> StoreResult<Vec<ResultEntry>> {
        let place =
            after.map_or((Vec::new(), Vec::new()), |entry| (entry.organisation_id.as_bytes().to_vec(), entry.op_id.as_bytes().to_vec()));
        let later =
            sql::<Bool>("(\"organisation_id\", \"op_id\") > (").bind::<Binary, _>(place.0).sql(", ").bind::<Binary, _>(place.1).sql(")");
        let asked = exists(
            conflict_links::table
                .filter(conflict_links::conflict_id.nullable().eq(operations::conflict_id))
                .filter(conflict_links::open)
                .select(conflict_links::conflict_id),
        );
        let waits = operations::status.eq(Status::Quarantined.as_str()).or(asked);
        let is_due = operations::decided_at.lt(before.millis()).and(operations::payload.ne(EMPTY)).and(not(waits));
        self.load(|conn| -> QueryResult<Vec<ResultEntryRecord>> {
            operations::table
                .filter(later)
                .order((operations::organisation_id, operations::op_id))
                .limit(limit)
                .select((operations::organisation_id, operations::op_id, is_due))
                .load(conn)
        })
    }

    fn empty_operations(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<usize> {
        let mut emptied = 0;
        self.send_each(op_ids, |conn, ids| {
            let own = operations::table
                .filter(operations::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(operations::op_id.eq_any(ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(operations::payload.ne(EMPTY));
            let none = (
                operations::payload.eq(EMPTY),
                operations::overlay.eq(None::<&[u8]>),
                operations::problem.eq(None::<&[u8]>),
                operations::decisions.eq(None::<&[u8]>),
            );
            let rows = diesel::update(own).set(none).execute(conn)?;
            emptied += rows;
            Ok(rows)
        })?;
        Ok(emptied)
    }
}
