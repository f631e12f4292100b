//! Items of the queue that go from one state to another. Written out because diesel prepares every UPDATE of its own anew.

use diesel::dsl::min;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Integer};
use sync_core::ports::{ItemState, ItemStateRows, StoreResult};
use sync_core::{BatchId, OpId, OrganisationId, SpaceId, Timestamp};
use uuid::Uuid;

use super::tx::Rows;
use super::{Backend, Conn, dialect};
use crate::schema::queue_items as items;
use crate::values::Id;

impl ItemStateRows for Rows<'_> {
    fn lease_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], fence: i64) -> StoreResult<()> {
        self.send_each(op_ids, |conn, ids| LeaseItems { chosen: Chosen::new(&organisation_id, ids), fence }.execute(conn))
    }

    fn wake_items(&mut self, space_id: SpaceId, now: Timestamp) -> StoreResult<usize> {
        let due = WakeItems { space_id: space_id.as_bytes(), now: now.millis() };
        self.send(|conn| due.execute(conn))
    }

    fn find_next_wake(&mut self, space_id: SpaceId) -> StoreResult<Option<Timestamp>> {
        let next: Option<i64> = self.send(|conn| {
            items::table
                .filter(items::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(items::not_before.is_not_null())
                .filter(items::state.eq(ItemState::Delayed.as_str()))
                .select(min(items::not_before))
                .get_result(conn)
        })?;
        Ok(next.map(Timestamp::from_millis))
    }

    fn release_items(&mut self, organisation_id: OrganisationId, decided: &[OpId]) -> StoreResult<Vec<SpaceId>> {
        let found = self.load_each(decided, |conn, ids| -> QueryResult<Vec<Id>> {
            let ids = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
            ReleaseItems { chosen: Chosen { organisation_id: organisation_id.as_bytes(), ids } }.load(conn)
        })?;
        Ok(each_once(found))
    }

    fn release_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<Vec<SpaceId>> {
        let staged = ReleaseStaged(Staged { batch_id: batch_id.as_bytes(), limit });
        let found = self.load(|conn| -> QueryResult<Vec<Id>> { staged.load(conn) })?;
        Ok(each_once(found))
    }

    fn drop_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<usize> {
        let staged = DropStaged(Staged { batch_id: batch_id.as_bytes(), limit });
        self.send(|conn| staged.execute(conn))
    }

    fn hasten_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], lane: i32, rank: i64) -> StoreResult<()> {
        self.send_each(op_ids, |conn, ids| HastenItems { chosen: Chosen::new(&organisation_id, ids), lane, rank }.execute(conn))
    }
}

fn each_once(mut spaces: Vec<Uuid>) -> Vec<SpaceId> {
    spaces.sort_unstable();
    spaces.dedup();
    spaces.into_iter().map(SpaceId).collect()
}

/// A statement that stays prepared.
macro_rules! kept {
    ($($name:ident),*) => {$(
        impl QueryId for $name<'_> {
            type QueryId = $name<'static>;

            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl RunQueryDsl<Conn> for $name<'_> {}
    )*};
}

kept!(LeaseItems, WakeItems, ReleaseItems, ReleaseStaged, DropStaged, HastenItems);

/// Ids of one organisation.
#[derive(Debug)]
struct Chosen<'a> {
    organisation_id: &'a [u8],
    ids: Vec<&'a [u8]>,
}

impl<'a> Chosen<'a> {
    fn new(organisation_id: &'a OrganisationId, ids: &'a [OpId]) -> Self {
        Self { organisation_id: organisation_id.as_bytes(), ids: ids.iter().map(|id| id.as_bytes().as_slice()).collect() }
    }

    /// `WHERE "organisation_id" = ? AND "column" = ?`.
    fn rows<'b>(&'b self, column: &str, out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(" WHERE \"organisation_id\" = ");
        out.push_bind_param::<Binary, _>(&self.organisation_id)?;
        out.push_sql(" AND \"");
        out.push_sql(column);
        out.push_sql("\"");
        dialect::one_of(out, &self.ids)
    }
}

#[derive(Debug)]
struct LeaseItems<'a> {
    chosen: Chosen<'a>,
    fence: i64,
}

impl QueryFragment<Backend> for LeaseItems<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE \"queue_items\" SET \"state\" = 'leased', \"attempts\" = \"attempts\" + 1, \"fence\" = ");
        out.push_bind_param::<BigInt, _>(&self.fence)?;
        self.chosen.rows("op_id", &mut out)?;
        out.push_sql(" AND \"state\" = 'ready'");
        Ok(())
    }
}

#[derive(Debug)]
struct WakeItems<'a> {
    space_id: &'a [u8],
    now: i64,
}

impl QueryFragment<Backend> for WakeItems<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE \"queue_items\" SET \"state\" = 'ready', \"not_before\" = NULL WHERE \"space_id\" = ");
        out.push_bind_param::<Binary, _>(&self.space_id)?;
        out.push_sql(" AND \"not_before\" <= ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" AND \"state\" = 'delayed'");
        Ok(())
    }
}

#[derive(Debug)]
struct ReleaseItems<'a> {
    chosen: Chosen<'a>,
}

impl QueryFragment<Backend> for ReleaseItems<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE \"queue_items\" SET \"state\" = 'ready', \"waits_for\" = NULL");
        self.chosen.rows("waits_for", &mut out)?;
        out.push_sql(" AND \"state\" = 'held' RETURNING \"space_id\"");
        Ok(())
    }
}

impl Query for ReleaseItems<'_> {
    type SqlType = Binary;
}

/// Some staged items of a batch, by number.
#[derive(Debug)]
struct Staged<'a> {
    batch_id: &'a [u8],
    limit: i64,
}

impl Staged<'_> {
    fn rows<'b>(&'b self, out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(
            " WHERE (\"organisation_id\", \"op_id\") IN (SELECT \"organisation_id\", \"op_id\" FROM \"queue_items\" \
             WHERE \"phase\" = 'staged' AND \"batch_id\" = ",
        );
        out.push_bind_param::<Binary, _>(&self.batch_id)?;
        out.push_sql(" ORDER BY \"seq\" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(") AND \"state\" = 'staged'");
        Ok(())
    }
}

#[derive(Debug)]
struct ReleaseStaged<'a>(Staged<'a>);

impl QueryFragment<Backend> for ReleaseStaged<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE \"queue_items\" SET \"state\" = 'ready'");
        self.0.rows(&mut out)?;
        out.push_sql(" RETURNING \"space_id\"");
        Ok(())
    }
}

impl Query for ReleaseStaged<'_> {
    type SqlType = Binary;
}

#[derive(Debug)]
struct DropStaged<'a>(Staged<'a>);

impl QueryFragment<Backend> for DropStaged<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("DELETE FROM \"queue_items\"");
        self.0.rows(&mut out)
    }
}

#[derive(Debug)]
struct HastenItems<'a> {
    chosen: Chosen<'a>,
    lane: i32,
    rank: i64,
}

impl QueryFragment<Backend> for HastenItems<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE \"queue_items\" SET \"lane\" = CASE WHEN \"lane\" > ");
        out.push_bind_param::<Integer, _>(&self.lane)?;
        out.push_sql(" THEN ");
        out.push_bind_param::<Integer, _>(&self.lane)?;
        out.push_sql(" ELSE \"lane\" END, \"rank\" = CASE WHEN \"rank\" > ");
        out.push_bind_param::<BigInt, _>(&self.rank)?;
        out.push_sql(" THEN ");
        out.push_bind_param::<BigInt, _>(&self.rank)?;
        out.push_sql(" ELSE \"rank\" END");
        self.chosen.rows("op_id", &mut out)?;
        out.push_sql(" AND (\"lane\" > ");
        out.push_bind_param::<Integer, _>(&self.lane)?;
        out.push_sql(" OR \"rank\" > ");
        out.push_bind_param::<BigInt, _>(&self.rank)?;
        out.push_sql(")");
        Ok(())
    }
}
