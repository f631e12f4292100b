//! The items of a filter as lines, with their payloads: read page by page, one ahead of what is written.

use serde_json::json;
use sync_core::ports::{Access, ItemMark, ItemState, Tx};
use sync_core::protocol::v1::queue::BulkFilter;

use super::pending::{mark_of, present};
use super::sight::Sight;
use crate::audit::Act;
use crate::export::{Export, Page};
use crate::{Caller, Service, ServiceResult};

/// Items of a page: at most 32 MiB of payloads.
const PAGE: i64 = 100;

impl Service {
    /// Begins to export what a filter means, of what the caller may see. The first page is read before this returns.
    ///
    /// # Errors
    /// `malformed` for a state that there is not; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn export_queue(&self, caller: &Caller, filter: BulkFilter) -> ServiceResult<Export> {
        let (caller, asked) = (*caller, filter.clone());
        let page = self.decide(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &asked, None)).await?;
        self.record_export(&caller, Act::by(&caller, "export.queue").with(json!({"filter": filter}))).await?;
        Ok(Export::new(self.clone(), page, "items"))
    }
}

fn read_page(tx: &mut dyn Tx, caller: &Caller, asked: &BulkFilter, after: Option<ItemMark>) -> ServiceResult<Page> {
    let mut sight = Sight::load(tx, caller)?;
    let filter = sight.filter(asked, &ItemState::ALL)?;
    let items = tx.list_queue(caller.organisation_id, &filter, after.as_ref(), PAGE)?;
    let full = i64::try_from(items.len()).is_ok_and(|count| count == PAGE);
    let after = items.last().filter(|_| full).map(mark_of);
    let lines = Page::of("item", &present(tx, &mut sight, items, true)?);
    let Some(after) = after else { return Ok(lines) };
    let (caller, asked) = (*caller, asked.clone());
    Ok(lines.then(move |service| service.begin(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &asked, Some(after)))))
}
