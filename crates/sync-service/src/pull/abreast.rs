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

    /// The documents that changed above the place, by version; `None` where there are more than `most`.
    pub(crate) fn rows(&self, tx: &mut dyn Tx, most: usize) -> StoreResult<Option<Vec<DocumentRow>>> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let rows = tx.list_documents(page_of(self.access, &self.cursor(), self.place, limit))?;
        Ok((rows.len() <= most).then_some(rows))
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
