use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use sync_core::ports::{
    ChangeRow, CollectionSum, DocumentPage, DocumentRow, DocumentRows, History, LiveDocument, LivePage, StoreError, StoreResult,
};
use sync_core::{Audience, DocumentKey, SpaceId};

use super::{Breaks, MemoryTx, count};

impl MemoryTx<'_> {
    fn page(&self, page: DocumentPage) -> Vec<&DocumentRow> {
        let of_space =
            self.state.documents.range((page.space_id, String::new())..).take_while(|((space_id, _), _)| *space_id == page.space_id);
        let seen = |row: &DocumentRow| {
            let (now, ever) = (row.audience.bits() & page.seen_by.bits() != 0, row.audience_ever.bits() & page.seen_by.bits() != 0);
            let news = row.version > page.deleted_above;
            if now { !row.presence.deleted || news } else { ever && news && row.audience_version > page.left_above }
        };
        let mut rows: Vec<_> = of_space.map(|(_, row)| row).filter(|row| row.version > page.above && seen(row)).collect();
        rows.sort_by_key(|row| row.version);
        rows.truncate(count(page.limit));
        rows
    }
}

impl DocumentRows for MemoryTx<'_> {
    fn load_documents(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<DocumentRow>> {
        let wanted: BTreeSet<_> = keys.iter().collect();
        for key in &wanted {
            match self.broken.get(key.as_str()) {
                None => {}
                Some(Breaks::Damaged) => return Err(StoreError::Damaged(format!("{}, as the test asked", key.as_str()))),
                Some(Breaks::Unavailable) => return Err(StoreError::Unavailable("as the test asked".into())),
                Some(Breaks::Panics) => panic!("this panic is part of the test"),
            }
        }
        Ok(wanted.into_iter().filter_map(|key| self.state.documents.get(&(space_id, key.as_str().to_owned())).cloned()).collect())
    }

    fn put_documents(&mut self, space_id: SpaceId, rows: &[DocumentRow]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in rows {
            state.documents.put((space_id, row.key.as_str().to_owned()), row.clone());
        }
        Ok(())
    }

    fn list_documents(&mut self, page: DocumentPage) -> StoreResult<Vec<DocumentRow>> {
        Ok(self.page(page).into_iter().cloned().collect())
    }

    fn visit_live(&mut self, page: LivePage<'_>, visit: &mut dyn FnMut(LiveDocument<'_>) -> ControlFlow<()>) -> StoreResult<()> {
        let place = |text: &str| (page.space_id, text.to_owned());
        if page.after >= page.before {
            return Ok(());
        }
        let range = (Bound::Excluded(place(page.after)), Bound::Excluded(place(page.before)));
        let seen = |row: &&DocumentRow| !row.presence.deleted && row.audience.bits() & page.seen_by.bits() != 0;
        for row in self.state.documents.range(range).map(|(_, row)| row).filter(seen).take(count(page.limit)) {
            let body = if page.bodies { row.body.as_str() } else { "" };
            if visit(LiveDocument { key: row.key.as_str(), version: row.version, body }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn count_documents(&mut self, page: DocumentPage) -> StoreResult<i64> {
        Ok(i64::try_from(self.page(page).len()).unwrap_or(i64::MAX))
    }

    fn insert_changes(&mut self, space_id: SpaceId, rows: &[ChangeRow]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in rows {
            let key = (space_id, row.version);
            if state.changes.contains_key(&key) {
                return Err(StoreError::Refused(format!("the log holds {:?} at {}", row.key, row.version)));
            }
            state.changes.put(key, row.clone());
        }
        Ok(())
    }

    fn list_changes(&mut self, space_id: SpaceId, histories: &[History]) -> StoreResult<Vec<ChangeRow>> {
        let mut rows = Vec::new();
        for History { from, above } in histories {
            let mut place = *from;
            while let Some(row) = self.state.changes.get(&(space_id, place)).filter(|row| row.version > *above) {
                rows.push(row.clone());
                place = row.previous;
            }
        }
        Ok(rows)
    }

    fn load_sums(&mut self, space_id: SpaceId) -> StoreResult<Vec<CollectionSum>> {
        let from = (space_id, String::new(), Audience::from_bits(0))..;
        Ok(self.state.sums.range(from).take_while(|((space, ..), _)| *space == space_id).map(|(_, sum)| sum.clone()).collect())
    }

    fn put_sums(&mut self, space_id: SpaceId, sums: &[CollectionSum]) -> StoreResult<()> {
        let state = self.writable()?;
        for sum in sums {
            state.sums.put((space_id, sum.collection.clone(), sum.audience), sum.clone());
        }
        Ok(())
    }
}
