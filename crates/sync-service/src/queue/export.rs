//! The items of a filter as lines, with their payloads: read page by page, one ahead of what is written.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde::Serialize;
use serde_json::json;
use sync_core::Problem;
use sync_core::ports::{Access, ItemMark, ItemState, Transaction, Tx};
use sync_core::protocol::v1::queue::{BulkFilter, PendingItem};

use super::pending::{mark_of, present};
use super::sight::Sight;
use crate::audit::Act;
use crate::{Caller, Service, ServiceResult};

/// Items of a page: at most 32 MiB of payloads.
const PAGE: i64 = 100;

/// An export that is being read. Dropping it ends the reading.
pub struct QueueExport {
    service: Service,
    caller: Caller,
    filter: BulkFilter,
    first: Option<Page>,
    sent: u64,
    pending: Option<Transaction<Result<Page, Problem>>>,
}

/// A page's items, and where to go on; `None` at the end.
struct Page {
    items: Vec<PendingItem>,
    next: Option<ItemMark>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    item: &'a PendingItem,
}

#[derive(Serialize)]
struct End {
    #[serde(rename = "type")]
    kind: &'static str,
    items: u64,
}

impl Service {
    /// Begins to export what a filter means, of what the caller may see. The first page is read before this returns.
    ///
    /// # Errors
    /// `malformed` for a state that there is not; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn export_queue(&self, caller: &Caller, filter: BulkFilter) -> ServiceResult<QueueExport> {
        let (caller, asked) = (*caller, filter.clone());
        let page = self.decide(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &asked, None)).await?;
        self.record_export(&caller, Act::by(&caller, "export.queue").with(json!({"filter": filter}))).await?;
        Ok(QueueExport { service: self.clone(), caller, filter, first: Some(page), sent: 0, pending: None })
    }
}

impl QueueExport {
    /// The next lines, a page at a time; `None` after the last. After an error there is nothing more.
    pub fn poll_lines(&mut self, context: &mut Context<'_>) -> Poll<Option<ServiceResult<Vec<u8>>>> {
        if let Some(page) = self.first.take() {
            return Poll::Ready(Some(Ok(self.write(&page))));
        }
        let Some(pending) = &mut self.pending else { return Poll::Ready(None) };
        let outcome = ready!(Pin::new(pending).poll(context));
        self.pending = None;
        Poll::Ready(Some(match outcome {
            Ok(Ok(page)) => Ok(self.write(&page)),
            Ok(Err(problem)) => Err(problem.into()),
            Err(error) => Err(error.into()),
        }))
    }

    /// A page's lines; the next page is read meanwhile.
    fn write(&mut self, page: &Page) -> Vec<u8> {
        let mut lines = Vec::new();
        for item in &page.items {
            write_line(&Line { kind: "item", item }, &mut lines);
            self.sent += 1;
        }
        match page.next {
            Some(after) => {
                let (caller, filter) = (self.caller, self.filter.clone());
                self.pending =
                    Some(self.service.begin(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &filter, Some(after))));
            }
            None => write_line(&End { kind: "end", items: self.sent }, &mut lines),
        }
        lines
    }
}

fn write_line(line: &impl Serialize, lines: &mut Vec<u8>) {
    // values of these types always have a text
    lines.extend(serde_json::to_vec(line).unwrap_or_default());
    lines.push(b'\n');
}

fn read_page(tx: &mut dyn Tx, caller: &Caller, filter: &BulkFilter, after: Option<ItemMark>) -> ServiceResult<Page> {
    let mut sight = Sight::load(tx, caller)?;
    let filter = sight.filter(filter, &ItemState::ALL)?;
    let items = tx.list_queue(caller.organisation_id, &filter, after.as_ref(), PAGE)?;
    let full = i64::try_from(items.len()).is_ok_and(|count| count == PAGE);
    let next = items.last().filter(|_| full).map(mark_of);
    Ok(Page { items: present(tx, &mut sight, items, true)?, next })
}
