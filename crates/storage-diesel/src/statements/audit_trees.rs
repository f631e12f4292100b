//! The trees over the records of what was done.

use std::slice::from_ref;

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use sync_core::OrganisationId;
use sync_core::ports::{AuditCheckpoint, AuditTile, AuditTree, AuditTreeRows, StoreResult};

use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{AuditCheckpointRow, AuditTileRow, AuditTreeRow};
use crate::schema::{audit_checkpoints as checkpoints, audit_tiles as tiles, audit_trees as trees};
use crate::values::Id;

impl AuditTreeRows for Rows<'_> {
    fn find_audit_tree(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<AuditTree>> {
        let found =
            self.load(|conn| -> QueryResult<Vec<AuditTreeRow>> { trees::table.find(organisation_id.as_bytes().as_slice()).load(conn) })?;
        Ok(found.into_iter().next())
    }

    fn try_lock_audit_tree(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<AuditTree>> {
        if let Some(tree) = self.locked_tree(organisation_id)? {
            return Ok(Some(tree));
        }
        if self.find_audit_tree(organisation_id)?.is_some() {
            return Ok(None);
        }
        let tree = AuditTree { organisation_id, size: 0 };
        let bulk = Insert::<trees::table, _>::into("audit_trees", from_ref(&tree), Taken::Keep)
            .key(trees::organisation_id, |row| row.organisation_id.as_bytes())
            .column(trees::size, |row| row.size)
            .build();
        self.insert(&bulk)?;
        self.locked_tree(organisation_id)
    }

    fn list_unvouched(&mut self) -> StoreResult<Vec<OrganisationId>> {
        let vouched = checkpoints::table
            .filter(checkpoints::organisation_id.eq(trees::organisation_id))
            .filter(checkpoints::size.ge(trees::size))
            .select(checkpoints::size);
        let found = self.load(|conn| -> QueryResult<Vec<Id>> {
            trees::table.filter(trees::size.gt(0)).filter(not(exists(vouched))).select(trees::organisation_id).load(conn)
        })?;
        Ok(found.into_iter().map(OrganisationId).collect())
    }

    fn put_audit_tree(&mut self, tree: &AuditTree) -> StoreResult<()> {
        let row = trees::table.find(tree.organisation_id.as_bytes().as_slice());
        self.send(|conn| diesel::update(row).set(trees::size.eq(tree.size)).execute(conn)).map(drop)
    }

    fn put_audit_tiles(&mut self, organisation_id: OrganisationId, rows: &[AuditTile]) -> StoreResult<()> {
        let bulk = Insert::<tiles::table, _>::into("audit_tiles", rows, Taken::Replace)
            .key(tiles::organisation_id, |_| organisation_id.as_bytes())
            .key(tiles::level, |row| row.level)
            .key(tiles::tile_index, |row| row.tile_index)
            .column(tiles::hashes, |row| row.hashes.as_slice())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn load_audit_tiles(&mut self, organisation_id: OrganisationId, places: &[(i32, i64)]) -> StoreResult<Vec<AuditTile>> {
        let Some((first, others)) = places.split_first() else { return Ok(Vec::new()) };
        // a proof asks for a few, so many as the tree is high
        let at = |(level, tile_index): (i32, i64)| tiles::level.eq(level).and(tiles::tile_index.eq(tile_index));
        let mut any: Box<dyn BoxableExpression<tiles::table, super::Backend, SqlType = diesel::sql_types::Bool>> = Box::new(at(*first));
        for place in others {
            any = Box::new(any.or(at(*place)));
        }
        self.load(|conn| -> QueryResult<Vec<AuditTileRow>> {
            tiles::table
                .filter(tiles::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(any)
                .select((tiles::level, tiles::tile_index, tiles::hashes))
                .load(conn)
        })
    }

    fn insert_audit_checkpoint(&mut self, checkpoint: &AuditCheckpoint) -> StoreResult<()> {
        let bulk = Insert::<checkpoints::table, _>::into("audit_checkpoints", from_ref(checkpoint), Taken::Keep)
            .key(checkpoints::organisation_id, |row| row.organisation_id.as_bytes())
            .key(checkpoints::size, |row| row.size)
            .column(checkpoints::root, |row| &row.root)
            .column(checkpoints::at, |row| row.at.millis())
            .column(checkpoints::note, |row| row.note.as_str())
            .build();
        self.insert(&bulk).map(drop)
    }

    fn find_audit_checkpoint(&mut self, organisation_id: OrganisationId, size: Option<i64>) -> StoreResult<Option<AuditCheckpoint>> {
        let mut query = checkpoints::table.into_boxed().filter(checkpoints::organisation_id.eq(organisation_id.as_bytes().as_slice()));
        if let Some(size) = size {
            query = query.filter(checkpoints::size.eq(size));
        }
        let found =
            self.load(|conn| -> QueryResult<Vec<AuditCheckpointRow>> { query.order(checkpoints::size.desc()).limit(1).load(conn) })?;
        Ok(found.into_iter().next())
    }
}

impl Rows<'_> {
    fn locked_tree(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<AuditTree>> {
        let found = self.load(|conn| -> QueryResult<Vec<AuditTreeRow>> {
            dialect::locked_unless_taken!(trees::table.find(organisation_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }
}
