//! Operations with their results, and the groups that were seen.

use diesel::prelude::*;
use sync_core::json::RawJson;
use sync_core::ports::{OperationRows, StoreResult, StoredOperation, StoredResult};
use sync_core::{OpId, OrganisationId, Timestamp, UserId};

use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{OperationRecord, ResultRecord};
use crate::schema::{operation_groups, operations};
use crate::values::Utf8;

impl OperationRows for Rows<'_> {
    fn load_operations(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<StoredOperation>> {
        self.load_each(op_ids, |conn, ids| -> QueryResult<Vec<OperationRecord>> {
            operations::table
                .filter(operations::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(operations::op_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .load(conn)
        })
    }

    fn load_results(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<StoredResult>> {
        self.load_each(op_ids, |conn, ids| -> QueryResult<Vec<ResultRecord>> {
            operations::table
                .filter(operations::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(operations::op_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select((
                    operations::op_id,
                    operations::user_id,
                    operations::space_id,
                    operations::status,
                    operations::decided_version,
                    operations::conflict_id,
                    operations::decided_at,
                    operations::problem,
                ))
                .load(conn)
        })
    }

    fn insert_operations(&mut self, rows: &[StoredOperation]) -> StoreResult<()> {
        // always in the same order, so that two transactions with the same ids wait for each other and never deadlock
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| (row.organisation_id, row.op_id));
        let bulk = Insert::<operations::table, _>::into("operations", &rows, Taken::Fail)
            .key(operations::organisation_id, |row| row.organisation_id.as_bytes())
            .key(operations::op_id, |row| row.op_id.as_bytes())
            .column(operations::identity, |row| &row.identity)
            .column(operations::user_id, |row| row.user_id.as_bytes())
            .column(operations::device_id, |row| row.device_id.as_bytes())
            .column(operations::space_id, |row| row.space_id.as_bytes())
            .column(operations::key, |row| row.key.as_bytes())
            .column(operations::status, |row| row.status.as_str())
            .column(operations::decided_version, |row| row.decided_version)
            .column(operations::head, |row| row.head)
            .column(operations::conflict_id, |row| row.conflict_id.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(operations::decided_at, |row| Timestamp::millis(row.decided_at))
            .column(operations::group_id, |row| row.group.as_deref().map(str::as_bytes))
            .column(operations::problem, |row| bytes(row.problem.as_ref()))
            .column(operations::payload, |row| row.payload.as_str().as_bytes())
            .column(operations::overlay, |row| bytes(row.overlay.as_ref()))
            .column(operations::policy_version, |row| row.policy_version)
            .column(operations::corrected_at, |row| row.corrected_at.map(Timestamp::millis))
            .column(operations::decisions, |row| bytes(row.decisions.as_ref()))
            .column(operations::received_at, |row| row.received_at.map(Timestamp::millis))
            .column(operations::attempts, |row| row.attempts)
            .build();
        self.insert_racing(&bulk)?;
        self.insert_groups(&rows)
    }

    fn find_groups(&mut self, organisation_id: OrganisationId, user_id: UserId, groups: &[String]) -> StoreResult<Vec<String>> {
        self.load_each(groups, |conn, groups| -> QueryResult<Vec<Utf8>> {
            operation_groups::table
                .filter(operation_groups::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(operation_groups::user_id.eq(user_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(operation_groups::group_id, groups.iter().map(|group| group.as_bytes())))
                .select(operation_groups::group_id)
                .load(conn)
        })
    }
}

impl Rows<'_> {
    fn insert_groups(&mut self, rows: &[&StoredOperation]) -> StoreResult<()> {
        let mut groups: Vec<_> =
            rows.iter().filter_map(|row| row.group.as_deref().map(|group| (row.organisation_id, row.user_id, group))).collect();
        groups.sort_unstable();
        groups.dedup();
        let bulk = Insert::<operation_groups::table, _>::into("operation_groups", &groups, Taken::Keep)
            .key(operation_groups::organisation_id, |row| row.0.as_bytes())
            .key(operation_groups::user_id, |row| row.1.as_bytes())
            .key(operation_groups::group_id, |row| row.2.as_bytes())
            .build();
        self.insert(&bulk).map(drop)
    }
}

pub(super) fn bytes(json: Option<&RawJson>) -> Option<&[u8]> {
    json.map(|json| json.as_str().as_bytes())
}
