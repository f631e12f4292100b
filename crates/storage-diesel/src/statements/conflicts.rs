//! Which documents conflicts name.

use diesel::dsl::not;
use diesel::prelude::*;
use sync_core::ports::{ConflictLink, ConflictPage, ConflictRows, StoreResult};
use sync_core::{ConflictId, DocumentKey, OrganisationId, SpaceId};

use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{ConflictPlace, LinkRecord};
use crate::schema::conflict_links as links;

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
            let conflicts = links::table
                .filter(dialect::any_of!(links::space_id, spaces.iter().map(|id| id.as_bytes().as_slice())))
                .filter(links::conflict_id.gt(after))
                .select((links::conflict_id, links::space_id))
                .distinct()
                .order((links::conflict_id, links::space_id))
                .limit(page.limit);
            match page.open {
                None => conflicts.load(conn),
                Some(true) => conflicts.filter(links::open).load(conn),
                Some(false) => conflicts.filter(not(links::open)).load(conn),
            }
        })?;
        found.sort_unstable_by_key(|&(space_id, conflict_id)| (conflict_id, space_id));
        found.truncate(usize::try_from(page.limit).unwrap_or(0));
        Ok(found)
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
}
