//! Reading for many devices at once: those of one role that hold everything up to the same place of a space are told the
//! same.

use sync_core::cursor::Cursor;
use sync_core::ports::{DocumentRow, SpaceAccess, StoreResult, Tx};
use sync_core::protocol::v1::Item;

use super::{OwnChanges, Reader, Reason, page_of, told};
use crate::Caller;
use crate::cursors::{CursorKeys, view_tag};
use crate::inbox::masking::Eyes;
use crate::realtime::frames::Poke;

/// Where a device stands that holds everything up to there, by the cursor that it shows.
///
/// # Errors
/// Why it is to pull first.
pub(crate) fn stand(keys: &CursorKeys, access: &SpaceAccess, eyes: Eyes<'_>, caller: &Caller, text: &str) -> Result<Cursor, Poke> {
    let reader = Reader { caller, keys, view_tag: view_tag(access), access, eyes, own: &OwnChanges::new(), named: None };
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

/// The members of one role that hold everything up to one place.
pub(crate) struct Abreast<'a> {
    /// The space, and the membership of any of them.
    pub(crate) access: &'a SpaceAccess,
    /// Up to where they hold everything.
    pub(crate) place: i64,
}

impl Abreast<'_> {
    fn cursor(&self) -> Cursor {
        Cursor { epoch_tag: 0, view_tag: view_tag(self.access), floor: Some(self.place), place: self.place, began: self.place }
    }

    /// The documents that changed above the place, by version; `None` where there are more than `most`, or more than so
    /// many bytes. Of large ones, no more than a few are read to find that out.
    pub(crate) fn rows(&self, tx: &mut dyn Tx, most: usize, most_bytes: usize) -> StoreResult<Option<Vec<DocumentRow>>> {
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
    pub(crate) fn is_behind(&self, tx: &mut dyn Tx) -> StoreResult<bool> {
        Ok(tx.count_documents(page_of(self.access, &self.cursor(), self.place, 1))? > 0)
    }

    /// What one of them is told of a document, by their own eyes, and whether all its changes are of one device.
    pub(crate) fn item(&self, row: DocumentRow, eyes: Eyes<'_>) -> StoreResult<(Item, bool)> {
        told(row, eyes, Some(self.place))
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
