//! Spaces, the heads of their logs, members.

use std::slice::from_ref;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary};
use sync_core::ports::{Head, Member, Space, SpaceAccess, SpaceRows, SpaceStatus, StoreResult};
use sync_core::{OrganisationId, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use super::dialect;
use super::operations::bytes;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{AccessRecord, HeadRecord, MemberRecord};
use crate::schema::{members, space_heads, spaces};

/// The columns of [`HeadRecord`].
macro_rules! head {
    () => {
        (space_heads::head, space_heads::epoch, space_heads::kept_from, space_heads::history_from)
    };
}

/// Spaces with their heads and memberships, in the order of [`AccessRecord`].
macro_rules! access {
    () => {
        members::table
            .inner_join(spaces::table.on(spaces::space_id.eq(members::space_id)))
            .inner_join(space_heads::table.on(space_heads::space_id.eq(members::space_id)))
            .select((spaces::all_columns, head!(), members::all_columns))
    };
}

impl SpaceRows for Rows<'_> {
    fn insert_space(&mut self, space: &Space, epoch: Uuid) -> StoreResult<()> {
        let space_id = space.space_id;
        let bulk = Insert::<spaces::table, _>::into("spaces", from_ref(space), Taken::Fail)
            .key(spaces::space_id, |row| row.space_id.as_bytes())
            .column(spaces::organisation_id, |row| row.organisation_id.as_bytes())
            .column(spaces::name, |row| &row.name)
            .column(spaces::event_date, |row| row.event_date.as_deref())
            .column(spaces::time_zone, |row| row.time_zone.as_deref())
            .column(spaces::status, |row| row.status.as_str())
            .column(spaces::schema, |row| row.schema.as_deref())
            .column(spaces::settings, |row| bytes(row.settings.as_ref()))
            .column(spaces::created_at, |row| row.created_at.millis())
            .build();
        self.insert(&bulk)?;
        let bulk = Insert::<space_heads::table, _>::into("space_heads", from_ref(&epoch), Taken::Fail)
            .key(space_heads::space_id, |_| space_id.as_bytes())
            .column(space_heads::epoch, |epoch| epoch.as_bytes())
            .column(space_heads::head, |_| 0)
            .column(space_heads::kept_from, |_| 0)
            .column(space_heads::history_from, |_| 0)
            .build();
        self.insert(&bulk).map(drop)
    }

    fn update_space(&mut self, space: &Space) -> StoreResult<()> {
        let changes = (
            spaces::name.eq(&space.name),
            spaces::event_date.eq(&space.event_date),
            spaces::time_zone.eq(&space.time_zone),
            spaces::status.eq(space.status.as_str()),
            spaces::schema.eq(&space.schema),
            spaces::settings.eq(bytes(space.settings.as_ref())),
        );
        let space_id = space.space_id.as_bytes().as_slice();
        self.send(|conn| diesel::update(spaces::table.find(space_id)).set(changes).execute(conn)).map(drop)
    }

    fn load_access(&mut self, organisation_id: OrganisationId, user_id: UserId, space_ids: &[SpaceId]) -> StoreResult<Vec<SpaceAccess>> {
        let mut found = self.load_each(space_ids, |conn, ids| -> QueryResult<Vec<AccessRecord>> {
            access!()
                .filter(members::user_id.eq(user_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(members::space_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(spaces::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .load(conn)
        })?;
        found.sort_by_key(|access: &SpaceAccess| access.space.space_id);
        Ok(found)
    }

    fn list_access(
        &mut self,
        organisation_id: OrganisationId,
        user_id: UserId,
        after: Option<SpaceId>,
        limit: i64,
    ) -> StoreResult<Vec<SpaceAccess>> {
        // the empty string of bytes sorts before every id
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        self.load(|conn| -> QueryResult<Vec<AccessRecord>> {
            access!()
                .filter(members::user_id.eq(user_id.as_bytes().as_slice()))
                .filter(members::space_id.gt(after))
                .filter(members::removed_at.is_null())
                .filter(spaces::status.ne(SpaceStatus::Deleted.as_str()))
                .filter(spaces::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .order(members::space_id)
                .limit(limit)
                .load(conn)
        })
    }

    fn lock_access(&mut self, organisation_id: OrganisationId, user_id: UserId, space_id: SpaceId) -> StoreResult<Option<SpaceAccess>> {
        let found = self.load_access(organisation_id, user_id, &[space_id])?.pop();
        if dialect::WRITES_ALONE || found.as_ref().is_none_or(|access| access.member.removed_at.is_some()) {
            return Ok(found);
        }
        // what was read before the lock may have changed while it was waited for
        self.lock_head(space_id)?;
        Ok(self.load_access(organisation_id, user_id, &[space_id])?.pop())
    }

    fn lock_head(&mut self, space_id: SpaceId) -> StoreResult<Option<Head>> {
        let head = self.load(|conn| -> QueryResult<Vec<HeadRecord>> {
            let query = space_heads::table.find(space_id.as_bytes().as_slice()).select(head!());
            dialect::locked!(query).load(conn)
        })?;
        Ok(head.into_iter().next())
    }

    fn put_head(&mut self, space_id: SpaceId, version: i64) -> StoreResult<()> {
        let head = PutHead { space_id: space_id.as_bytes(), version };
        self.send(|conn| head.execute(conn)).map(drop)
    }

    fn put_member(&mut self, member: &Member) -> StoreResult<()> {
        let bulk = Insert::<members::table, _>::into("members", from_ref(member), Taken::Replace)
            .key(members::space_id, |row| row.space_id.as_bytes())
            .key(members::user_id, |row| row.user_id.as_bytes())
            .column(members::role, |row| row.role.as_str())
            .column(members::removed_at, |row| row.removed_at.map(Timestamp::millis))
            .column(members::purge_id, |row| row.purge_id.as_ref().map(|id| id.as_bytes().as_slice()))
            .build();
        self.insert(&bulk).map(drop)
    }

    fn list_members(&mut self, space_id: SpaceId) -> StoreResult<Vec<Member>> {
        self.load(|conn| -> QueryResult<Vec<MemberRecord>> {
            members::table.filter(members::space_id.eq(space_id.as_bytes().as_slice())).order(members::user_id).load(conn)
        })
    }
}

/// Moves a head. Written out because each push sends it, and diesel prepares every UPDATE of its own anew.
#[derive(Debug, Clone, Copy)]
struct PutHead<'a> {
    space_id: &'a [u8],
    version: i64,
}

impl QueryId for PutHead<'_> {
    type QueryId = PutHead<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<DB: Backend> QueryFragment<DB> for PutHead<'_>
where
    i64: ToSql<BigInt, DB>,
    for<'a> &'a [u8]: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE \"space_heads\" SET \"head\" = ");
        out.push_bind_param::<BigInt, _>(&self.version)?;
        out.push_sql(" WHERE \"space_id\" = ");
        out.push_bind_param::<Binary, _>(&self.space_id)
    }
}

impl RunQueryDsl<super::Conn> for PutHead<'_> {}
