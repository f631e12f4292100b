//! Items of the queue that go from one state to another. Written out because diesel prepares every UPDATE of its own anew.

use diesel::dsl::{exists, min, not, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Text};
use sync_core::ports::{ItemRows, ItemState, ItemStateRows, StoreResult};
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
            ReleaseItems { chosen: Chosen::new(&organisation_id, ids.iter().copied()) }.load(conn)
        })?;
        Ok(each_once(found))
    }

    fn release_orphans(&mut self, limit: i64) -> StoreResult<Vec<(OrganisationId, SpaceId)>> {
        let orphans = self.orphans(limit)?;
        let mut organisations: Vec<_> = orphans.iter().map(|(organisation_id, _)| *organisation_id).collect();
        organisations.sort_unstable();
        organisations.dedup();
        let mut spaces = Vec::new();
        for organisation_id in organisations {
            let own: Vec<_> = orphans.iter().filter(|orphan| orphan.0 == organisation_id).map(|(_, op_id)| *op_id).collect();
            let found = self.make_ready(organisation_id, &own, ItemState::Held)?;
            spaces.extend(found.into_iter().map(|space_id| (organisation_id, space_id)));
        }
        Ok(spaces)
    }

    fn release_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<Vec<SpaceId>> {
        let Some((organisation_id, op_ids)) = self.staged(batch_id, limit)? else { return Ok(Vec::new()) };
        self.make_ready(organisation_id, &op_ids, ItemState::Staged)
    }

    fn drop_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<usize> {
        match self.staged(batch_id, limit)? {
            None => Ok(0),
            Some((organisation_id, op_ids)) => self.drop_items(organisation_id, &op_ids, None),
        }
    }

    fn hasten_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], lane: i32, rank: i64) -> StoreResult<()> {
        self.send_each(op_ids, |conn, ids| HastenItems { chosen: Chosen::new(&organisation_id, ids), lane, rank }.execute(conn))
    }
}

impl Rows<'_> {
    /// Some staged items of a batch, by number: its organisation and their ids.
    fn staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<Option<(OrganisationId, Vec<OpId>)>> {
        let found = self.send(|conn| -> QueryResult<Vec<(Id, Id)>> {
            items::table
                .filter(items::batch_id.eq(batch_id.as_bytes().as_slice()))
                // as the partial index has it
                .filter(sql::<Bool>("\"phase\" = 'staged'"))
                .order(items::seq)
                .limit(limit)
                .select((items::organisation_id, items::op_id))
                .load(conn)
        })?;
        let organisation_id = found.first().map(|(organisation_id, _)| OrganisationId(organisation_id.0));
        Ok(organisation_id.map(|id| (id, found.into_iter().map(|(_, op_id)| OpId(op_id.0)).collect())))
    }

    /// Some held items whose head is gone.
    fn orphans(&mut self, limit: i64) -> StoreResult<Vec<(OrganisationId, OpId)>> {
        let heads = diesel::alias!(items as heads);
        let head = heads
            .filter(heads.field(items::op_id).nullable().eq(items::waits_for))
            .filter(heads.field(items::organisation_id).eq(items::organisation_id))
            .select(heads.field(items::seq));
        let found = self.send(|conn| -> QueryResult<Vec<(Id, Id)>> {
            items::table
                .filter(items::waits_for.is_not_null())
                .filter(items::state.eq(ItemState::Held.as_str()))
                .filter(not(exists(head)))
                .limit(limit)
                .select((items::organisation_id, items::op_id))
                .load(conn)
        })?;
        Ok(found.into_iter().map(|(organisation_id, op_id)| (OrganisationId(organisation_id.0), OpId(op_id.0))).collect())
    }

    /// Makes held items ready, and staged ones unless they wait for something. Their spaces, each once.
    fn make_ready(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], from: ItemState) -> StoreResult<Vec<SpaceId>> {
        let found = self.load_each(op_ids, |conn, ids| -> QueryResult<Vec<Id>> {
            MakeReady { chosen: Chosen::new(&organisation_id, ids.iter().copied()), from: from.as_str() }.load(conn)
        })?;
        Ok(each_once(found))
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

kept!(LeaseItems, WakeItems, ReleaseItems, MakeReady, HastenItems);

/// Ids of one organisation.
#[derive(Debug)]
struct Chosen<'a> {
    organisation_id: &'a [u8],
    ids: Vec<&'a [u8]>,
}

impl<'a> Chosen<'a> {
    fn new(organisation_id: &'a OrganisationId, ids: impl IntoIterator<Item = &'a OpId>) -> Self {
        Self { organisation_id: organisation_id.as_bytes(), ids: ids.into_iter().map(|id| id.as_bytes().as_slice()).collect() }
    }

    /// `WHERE "organisation_id" = ? AND "column" = ?`.
    fn rows<'b>(&'b self, column: &str, out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(" WHERE \"organisation_id\"");
        out.push_sql(dialect::ASIDE);
        out.push_sql(" = ");
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

#[derive(Debug)]
struct MakeReady<'a> {
    chosen: Chosen<'a>,
    from: &'a str,
}

impl QueryFragment<Backend> for MakeReady<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE \"queue_items\" SET \"state\" = CASE WHEN \"state\" = 'staged' AND \"waits_for\" IS NOT NULL THEN 'held' ELSE 'ready' END, \
             \"waits_for\" = CASE WHEN \"state\" = 'staged' THEN \"waits_for\" END",
        );
        self.chosen.rows("op_id", &mut out)?;
        out.push_sql(" AND \"state\" = ");
        out.push_bind_param::<Text, _>(&self.from)?;
        out.push_sql(" RETURNING \"space_id\"");
        Ok(())
    }
}

impl Query for MakeReady<'_> {
    type SqlType = Binary;
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
