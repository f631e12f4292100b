//! Records of what was done.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Binary, Nullable};
use sync_core::ports::{AuditFilter, AuditRecord, AuditRows, Sequenced, StoreResult};
use sync_core::{OrganisationId, Timestamp};
use uuid::Uuid;

use super::tx::Rows;
use super::{Backend, Conn, dialect};
use crate::insert::{Insert, Taken};
use crate::rows::AuditRow;
use crate::schema::audit_records as records;
use crate::values::Id;

impl AuditRows for Rows<'_> {
    fn insert_audit_records(&mut self, rows: &[AuditRecord]) -> StoreResult<()> {
        let bulk = Insert::<records::table, _>::into("audit_records", rows, Taken::Fail)
            .key(records::organisation_id, |row| row.organisation_id.as_bytes())
            .key(records::record_id, |row| row.record_id.as_bytes())
            .column(records::space_id, |row| row.space_id.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(records::at, |row| row.at.millis())
            .column(records::action, |row| row.action.as_str())
            .column(records::commitment, |row| row.commitment.as_ref().map(<[u8; 32]>::as_slice))
            .column(records::leaf_index, |row| row.leaf_index)
            .column(records::salt, |row| row.salt.as_ref().map(<[u8; 32]>::as_slice))
            .column(records::user_id, |row| row.user_id.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(records::device_id, |row| row.device_id.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(records::subject, |row| row.subject.as_deref().map(str::as_bytes))
            .column(records::reason, |row| row.reason.as_deref().map(str::as_bytes))
            .column(records::trace, |row| row.trace.as_deref())
            .column(records::details, |row| row.details.as_ref().map(|json| json.as_str().as_bytes()))
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_audit_records(
        &mut self,
        organisation_id: OrganisationId,
        filter: &AuditFilter,
        below: Option<Uuid>,
        limit: i64,
    ) -> StoreResult<Vec<AuditRecord>> {
        let mut query = records::table.into_boxed().filter(records::organisation_id.eq(organisation_id.as_bytes().as_slice()));
        if let Some(visible) = &filter.visible {
            let own = records::user_id.eq(visible.user_id.as_bytes().as_slice());
            let led = records::space_id.eq_any(visible.space_ids.iter().map(|id| id.as_bytes().as_slice()));
            query = query.filter(own.or(led));
        }
        if let Some(space_id) = &filter.space_id {
            query = query.filter(records::space_id.eq(space_id.as_bytes().as_slice()));
        }
        if let Some(user_id) = &filter.user_id {
            query = query.filter(records::user_id.eq(user_id.as_bytes().as_slice()));
        }
        if let Some(device_id) = &filter.device_id {
            query = query.filter(records::device_id.eq(device_id.as_bytes().as_slice()));
        }
        if let Some(action) = &filter.action {
            query = query.filter(records::action.eq(action));
        }
        if let Some(subject) = &filter.subject {
            query = query.filter(records::subject.eq(subject.as_bytes()));
        }
        // an id begins with its time: the index that orders the list bounds it too
        if let Some(from) = filter.from {
            query = query.filter(records::record_id.ge(first_of(from).into_bytes().to_vec()));
        }
        if let Some(until) = filter.until {
            query = query.filter(records::record_id.lt(first_of(until).into_bytes().to_vec()));
        }
        if let Some(below) = &below {
            query = query.filter(records::record_id.lt(below.as_bytes().as_slice()));
        }
        self.load(|conn| -> QueryResult<Vec<AuditRow>> { query.order(records::record_id.desc()).limit(limit).load(conn) })
    }

    fn find_audit_record(&mut self, organisation_id: OrganisationId, record_id: Uuid) -> StoreResult<Option<AuditRecord>> {
        let found = self.load(|conn| -> QueryResult<Vec<AuditRow>> {
            records::table.find((organisation_id.as_bytes().as_slice(), record_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn list_unsequenced(&mut self) -> StoreResult<Vec<OrganisationId>> {
        let found = self.load(|conn| -> QueryResult<Vec<Id>> {
            records::table.filter(records::leaf_index.is_null()).select(records::organisation_id).distinct().load(conn)
        })?;
        Ok(found.into_iter().map(OrganisationId).collect())
    }

    fn take_unsequenced(&mut self, organisation_id: OrganisationId, limit: i64) -> StoreResult<Vec<AuditRecord>> {
        self.load(|conn| -> QueryResult<Vec<AuditRow>> {
            records::table
                .filter(records::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(records::leaf_index.is_null())
                .order(records::record_id)
                .limit(limit)
                .select((
                    records::organisation_id,
                    records::record_id,
                    records::space_id,
                    records::at,
                    records::action,
                    records::commitment,
                    records::leaf_index,
                    records::salt,
                    records::user_id,
                    records::device_id,
                    records::subject,
                    records::reason,
                    records::trace,
                    sql::<Nullable<Binary>>("CASE WHEN \"commitment\" IS NULL THEN \"details\" END"),
                ))
                .load(conn)
        })
    }

    fn sequence_audit_records(&mut self, organisation_id: OrganisationId, places: &[Sequenced]) -> StoreResult<()> {
        self.send_each(places, |conn, places| Sequence::new(&organisation_id, places).execute(conn))
    }
}

/// The lowest id that can be of an instant.
fn first_of(at: Timestamp) -> Uuid {
    sync_core::ids::uuid_v7(at, [0; 10])
}

/// Gives records their places. Written out because diesel prepares every UPDATE of its own anew.
#[derive(Debug)]
pub(super) struct Sequence<'a> {
    pub(super) organisation_id: &'a [u8],
    pub(super) record_ids: Vec<&'a [u8]>,
    pub(super) leaf_indexes: Vec<i64>,
    pub(super) salts: Vec<Option<&'a [u8]>>,
    pub(super) commitments: Vec<Option<&'a [u8]>>,
}

impl<'a> Sequence<'a> {
    fn new(organisation_id: &'a OrganisationId, places: &'a [Sequenced]) -> Self {
        Self {
            organisation_id: organisation_id.as_bytes(),
            record_ids: places.iter().map(|place| place.record_id.as_bytes().as_slice()).collect(),
            leaf_indexes: places.iter().map(|place| place.leaf_index).collect(),
            salts: places.iter().map(|place| place.committed.as_ref().map(|(salt, _)| salt.as_slice())).collect(),
            commitments: places.iter().map(|place| place.committed.as_ref().map(|(_, commitment)| commitment.as_slice())).collect(),
        }
    }
}

impl QueryId for Sequence<'_> {
    type QueryId = Sequence<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Backend> for Sequence<'_> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        dialect::sequence(out, self)
    }
}

impl RunQueryDsl<Conn> for Sequence<'_> {}
