//! What conflicts are found by, and which documents they name.

use diesel::connection::Connection;
use diesel::dsl::not;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};
use sync_core::ports::{ConflictEntry, ConflictFilter, ConflictLink, ConflictPage, ConflictRows, DueConflict, StoreResult};
use sync_core::{ConflictId, DocumentKey, OrganisationId, SpaceId, Timestamp};

use super::tx::Rows;
use super::{Conn, dialect};
use crate::insert::{Insert, Taken};
use crate::rows::{ConflictPlace, DueRecord, LinkRecord};
use crate::schema::{conflict_links as links, conflicts};

impl ConflictRows for Rows<'_> {
    fn list_open_conflicts(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<ConflictLink>> {
        self.load_each(keys, |conn, keys| -> QueryResult<Vec<LinkRecord>> {
            links::table
                .filter(links::space_id.eq(space_id.as_bytes().as_slice()))
                .filter(dialect::any_of!(links::key, keys.iter().map(|key| key.as_str())))
                .filter(links::open)
                .load(conn)
        })
    }

    fn load_conflicts(&mut self, organisation_id: OrganisationId, conflict_ids: &[ConflictId]) -> StoreResult<Vec<ConflictLink>> {
        self.load_each(conflict_ids, |conn, ids| -> QueryResult<Vec<LinkRecord>> {
            links::table
                .filter(dialect::any_of!(links::conflict_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(links::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .load(conn)
        })
    }

    fn list_conflicts(&mut self, page: &ConflictPage) -> StoreResult<Vec<(SpaceId, ConflictId)>> {
        // the empty string of bytes sorts before every id
        let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
        let mut found = self.load_each(&page.space_ids, |conn, spaces| -> QueryResult<Vec<ConflictPlace>> {
            let found = conflicts::table
                .filter(dialect::any_of!(conflicts::space_id, spaces.iter().map(|id| id.as_bytes().as_slice())))
                .filter(conflicts::conflict_id.gt(after))
                .select((conflicts::conflict_id, conflicts::space_id))
                .order(conflicts::conflict_id)
                .limit(page.limit);
            match (page.open, conditions(&page.only)) {
                (None, None) => found.load(conn),
                (Some(true), None) => found.filter(conflicts::open).load(conn),
                (Some(true), Some(only)) => found.filter(conflicts::open).filter(only).load(conn),
                (Some(false), None) => found.filter(not(conflicts::open)).load(conn),
                (Some(false), Some(only)) => found.filter(not(conflicts::open)).filter(only).load(conn),
                (None, Some(only)) => found.filter(only).load(conn),
            }
        })?;
        found.sort_unstable_by_key(|&(space_id, conflict_id)| (conflict_id, space_id));
        found.truncate(usize::try_from(page.limit).unwrap_or(0));
        Ok(found)
    }

    fn list_due_conflicts(&mut self, until: Timestamp, after: Option<&DueConflict>, limit: i64) -> StoreResult<Vec<DueConflict>> {
        let (deadline, id) = after.map_or((i64::MIN, &[][..]), |after| (after.deadline_at.millis(), after.conflict_id.as_bytes()));
        self.load(|conn| -> QueryResult<Vec<DueRecord>> {
            conflicts::table
                .filter(conflicts::open)
                .filter(conflicts::deadline_at.le(until.millis()))
                .filter(conflicts::deadline_at.ge(deadline))
                .filter(conflicts::deadline_at.gt(deadline).or(conflicts::conflict_id.gt(id).nullable()))
                .order((conflicts::deadline_at, conflicts::conflict_id))
                .limit(limit)
                .select((conflicts::deadline_at, conflicts::conflict_id, conflicts::organisation_id, conflicts::space_id))
                .load(conn)
        })
    }

    fn put_conflicts(&mut self, conflicts: &[ConflictLink]) -> StoreResult<()> {
        let bulk = Insert::<links::table, _>::into("conflict_links", conflicts, Taken::Replace)
            .key(links::conflict_id, |row| row.conflict_id.as_bytes())
            .key(links::key, |row| row.key.as_str())
            .column(links::organisation_id, |row| row.organisation_id.as_bytes())
            .column(links::space_id, |row| row.space_id.as_bytes())
            .column(links::open, |row| row.open)
            .build();
        self.insert(&bulk).map(drop)
    }

    fn put_conflict_entries(&mut self, entries: &[ConflictEntry]) -> StoreResult<()> {
        let asks: Vec<String> = entries.iter().map(|entry| format!(" {} ", entry.asks.join(" "))).collect();
        let rows: Vec<(&ConflictEntry, &String)> = entries.iter().zip(&asks).collect();
        let bulk = Insert::<conflicts::table, _>::into("conflicts", &rows, Taken::Replace)
            .key(conflicts::conflict_id, |(row, _)| row.conflict_id.as_bytes())
            .column(conflicts::organisation_id, |(row, _)| row.organisation_id.as_bytes())
            .column(conflicts::space_id, |(row, _)| row.space_id.as_bytes())
            .column(conflicts::collection, |(row, _)| &row.collection)
            .column(conflicts::kind, |(row, _)| row.kind.as_str())
            .column(conflicts::open, |(row, _)| row.open)
            .column(conflicts::automatic, |(row, _)| row.automatic)
            .column(conflicts::asks, |(_, asks)| asks)
            .column(conflicts::ours_by, |(row, _)| row.ours_by.as_ref().map(|id| id.as_bytes().as_slice()))
            .column(conflicts::theirs_by, |(row, _)| row.theirs_by.as_bytes())
            .column(conflicts::opened_at, |(row, _)| row.opened_at.millis())
            .column(conflicts::deadline_at, |(row, _)| row.deadline_at.map(Timestamp::millis))
            .build();
        self.insert(&bulk).map(drop)
    }
}

/// A condition on conflicts.
type Condition = Box<dyn BoxableExpression<conflicts::table, <Conn as Connection>::Backend, SqlType = Nullable<Bool>>>;

/// Everything that a filter asks for; `None` where it asks for nothing.
fn conditions(only: &ConflictFilter) -> Option<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(collection) = &only.collection {
        all.push(Box::new(conflicts::collection.eq(collection.clone()).nullable()));
    }
    if let Some(key) = &only.document {
        let about = links::table.filter(links::key.eq(key.as_str().to_owned())).select(links::conflict_id);
        all.push(Box::new(conflicts::conflict_id.eq_any(about).nullable()));
    }
    if let Some(kind) = only.kind {
        all.push(Box::new(conflicts::kind.eq(kind.as_str()).nullable()));
    }
    // who is asked stands between spaces
    let asked = |ask: &String| -> Condition { Box::new(conflicts::asks.like(format!("% {ask} %")).nullable()) };
    all.extend(only.asks.iter().map(asked).reduce(|one, other| Box::new(one.or(other))));
    if let Some(who) = &only.who {
        let who = who.as_bytes().to_vec();
        all.push(Box::new(conflicts::ours_by.eq(who.clone()).or(conflicts::theirs_by.eq(who).nullable())));
    }
    if let Some(from) = only.opened_from {
        all.push(Box::new(conflicts::opened_at.ge(from.millis()).nullable()));
    }
    if let Some(before) = only.opened_before {
        all.push(Box::new(conflicts::opened_at.lt(before.millis()).nullable()));
    }
    if let Some(before) = only.deadline_before {
        all.push(Box::new(conflicts::deadline_at.lt(before.millis())));
    }
    if let Some(automatic) = only.automatic {
        all.push(Box::new(conflicts::automatic.eq(automatic).nullable()));
    }
    all.into_iter().reduce(|one, other| Box::new(one.and(other)))
}
