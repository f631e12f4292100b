//! The records of a filter as lines, oldest page last: read page by page, one ahead of what is written.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use serde::Serialize;
use sync_core::Problem;
use sync_core::ports::{Access, Transaction, Tx};
use sync_core::protocol::v1::audit::AuditItem;
use uuid::Uuid;

use super::reading::{AuditQuery, MAX_AUDIT_RECORDS, Reach, page, present};
use super::{Act, write};
use crate::access::require_session;
use crate::{Caller, Service, ServiceResult};

/// An export that is being read. Dropping it ends the reading.
pub struct AuditExport {
    service: Service,
    caller: Caller,
    query: AuditQuery,
    first: Option<Page>,
    sent: u64,
    pending: Option<Transaction<Result<Page, Problem>>>,
}

/// A page's records, and where to go on; `None` at the end.
struct Page {
    items: Vec<AuditItem>,
    next: Option<Uuid>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    item: &'a AuditItem,
}

#[derive(Serialize)]
struct End {
    #[serde(rename = "type")]
    kind: &'static str,
    records: u64,
}

impl Service {
    /// Begins to export what a filter means, of what the caller may see, newest first. That they do is recorded before
    /// anything is read.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn export_audit(&self, caller: &Caller, query: AuditQuery) -> ServiceResult<AuditExport> {
        let query = AuditQuery { limit: MAX_AUDIT_RECORDS, ..query };
        self.record_export(caller, Act::by(caller, "export.audit")).await?;
        let (caller, asked) = (*caller, query.clone());
        let first = self.decide(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &asked)).await?;
        Ok(AuditExport { service: self.clone(), caller, query, first: Some(first), sent: 0, pending: None })
    }

    /// Records that somebody begins to take data out.
    pub(crate) async fn record_export(&self, caller: &Caller, act: Act) -> ServiceResult<()> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| write(tx, &*entropy, now, [act.clone()]);
        Ok(self.store.transact(caller.write(), work).await?)
    }
}

impl AuditExport {
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
            write_line(&Line { kind: "record", item }, &mut lines);
            self.sent += 1;
        }
        match page.next {
            Some(after) => {
                let (caller, query) = (self.caller, AuditQuery { after: Some(after), ..self.query.clone() });
                self.pending = Some(self.service.begin(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &query)));
            }
            None => write_line(&End { kind: "end", records: self.sent }, &mut lines),
        }
        lines
    }
}

fn write_line(line: &impl Serialize, lines: &mut Vec<u8>) {
    // values of these types always have a text
    lines.extend(serde_json::to_vec(line).unwrap_or_default());
    lines.push(b'\n');
}

fn read_page(tx: &mut dyn Tx, caller: &Caller, query: &AuditQuery) -> ServiceResult<Page> {
    require_session(tx, caller)?;
    let reach = Reach::load(tx, caller)?;
    let (records, next) = page(tx, &reach, query)?;
    let next = if next.is_some() { records.last().map(|last| last.record_id) } else { None };
    Ok(Page { items: present(tx, caller, records)?, next })
}
