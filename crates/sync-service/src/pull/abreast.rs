//! Reading for many devices at once: those of one view that hold everything up to the same place of a space are told the
//! same.

use sync_core::DeviceId;
use sync_core::cursor::Cursor;
use sync_core::ports::{DocumentRow, SpaceAccess, StoreResult, Tx};
use sync_core::protocol::v1::Item;

use super::{OwnChanges, Reader, Reason, of_outline, page_of, told};
use crate::Caller;
use crate::cursors::CursorKeys;
use crate::realtime::frames::Poke;
use crate::view::{Outline, Outlines, Reads, View};

/// Where a device stands that holds everything up to there, by the cursor that it shows.
///
/// # Errors
/// Why it is to pull first.
pub(crate) fn stand(keys: &CursorKeys, access: &SpaceAccess, view: &View, caller: &Caller, text: &str) -> Result<Cursor, Poke> {
    let reader = Reader { caller, keys, access, view, outline: None, own: &OwnChanges::new(), named: None };
    match reader.start(Some(text)) {
        Ok(cursor) if cursor.floor == Some(cursor.place) => Ok(cursor),
        Ok(_) => Err(Poke::Behind),
        Err(Reason::Other("rights")) => Err(Poke::Rights),
        Err(_) => Err(Poke::Reset),
    }
}

/// Documents that are read before it is known how large they are.
const FIRST_PAGE: usize = 8;

/// How many documents to read next, so that those like the ones that were read come to no more than the bytes that are
/// left, and one.
fn page_size((rows, bytes): (usize, usize), most_bytes: usize) -> usize {
    match bytes.checked_div(rows) {
        None => FIRST_PAGE,
        Some(each) => (most_bytes.saturating_sub(bytes) / each.max(1)).saturating_add(1),
    }
}

/// Items, each with the device that alone made what is seen of it.
pub(crate) type Items = Vec<(Item, Option<DeviceId>)>;

/// Those of one view that hold everything up to one place.
pub(crate) struct Abreast<'a> {
    /// The space, and the membership of any of them.
    pub(crate) access: &'a SpaceAccess,
    pub(crate) view: &'a View,
    pub(crate) outlines: &'a Outlines,
    /// Up to where they hold everything.
    pub(crate) place: i64,
}

impl Abreast<'_> {
    fn cursor(&self) -> Cursor {
        Cursor { epoch_tag: 0, view_tag: self.view.tag(), floor: Some(self.place), place: self.place, began: self.place }
    }

    /// What changed above the place, by version; `None` where there are more than `most` documents, or more than so many
    /// bytes. Of large ones, no more than a few are read to find that out.
    pub(crate) fn items(&self, tx: &mut dyn Tx, (most, most_bytes): (usize, usize), reads: &mut Reads) -> StoreResult<Option<Items>> {
        if self.view.is_whole() {
            let Some(rows) = self.rows(tx, most, most_bytes)? else { return Ok(None) };
            return rows.iter().map(|row| told(row, self.view, Some(self.place))).collect::<StoreResult<_>>().map(Some);
        }
        let outline = Outline::load(tx, (self.access, self.view), self.outlines, reads)?;
        let ahead = outline.above(self.place, &self.cursor()).take(most.saturating_add(1));
        let page: Vec<_> = ahead.map(|(version, key, shown)| (version, key.clone(), shown)).collect();
        if page.len() > most {
            return Ok(None);
        }
        let (mut items, mut bytes) = (Items::new(), 0);
        for part in page.chunks(FIRST_PAGE) {
            for told in of_outline(tx, (self.access, self.view), part, Some(self.place), reads)? {
                bytes += told.item.document.as_ref().map_or(0, |document| document.as_str().len());
                items.push((told.item, told.device));
            }
            if bytes > most_bytes {
                return Ok(None);
            }
        }
        Ok(Some(items))
    }

    /// The documents that changed above the place, by version.
    fn rows(&self, tx: &mut dyn Tx, most: usize, most_bytes: usize) -> StoreResult<Option<Vec<DocumentRow>>> {
        let (mut rows, mut bytes, mut above): (Vec<DocumentRow>, usize, i64) = (Vec::new(), 0, self.place);
        loop {
            let limit = page_size((rows.len(), bytes), most_bytes).min(most.saturating_add(1).saturating_sub(rows.len()));
            let page = tx.list_documents(page_of(self.access, &self.cursor(), above, i64::try_from(limit).unwrap_or(i64::MAX)))?;
            let is_last = page.len() < limit;
            bytes += page.iter().map(|row| row.body.as_str().len()).sum::<usize>();
            above = page.last().map_or(above, |row| row.version);
            rows.extend(page);
            if rows.len() > most || bytes > most_bytes {
                return Ok(None);
            }
            if is_last {
                return Ok(Some(rows));
            }
        }
    }

    /// Whether any document changed above the place.
    pub(crate) fn is_behind(&self, tx: &mut dyn Tx, reads: &mut Reads) -> StoreResult<bool> {
        if self.view.is_whole() {
            return Ok(tx.count_documents(page_of(self.access, &self.cursor(), self.place, 1))? > 0);
        }
        let outline = Outline::load(tx, (self.access, self.view), self.outlines, reads)?;
        Ok(outline.above(self.place, &self.cursor()).next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::page_size;

    #[test]
    fn no_more_is_read_than_a_frame_may_carry() {
        assert_eq!(page_size((0, 0), 1_000), 8);
        assert_eq!(page_size((8, 80), 1_000), 93);
        assert_eq!(page_size((8, 800), 1_000), 3);
        assert_eq!(page_size((8, 0), 1_000), 1_001);
        assert_eq!(page_size((8, 2_000), 1_000), 1);
    }
}
