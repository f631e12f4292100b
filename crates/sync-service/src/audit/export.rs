//! The records of a filter as lines, oldest page last: read page by page, one ahead of what is written.

use std::sync::Arc;

use sync_core::ports::{Access, Tx};

use super::reading::{AuditQuery, MAX_AUDIT_RECORDS, Reach, page, present};
use super::{Act, write};
use crate::access::require_session;
use crate::export::{Export, Page};
use crate::{Caller, Service, ServiceResult};

impl Service {
    /// Begins to export what a filter means, of what the caller may see, newest first. That they do is recorded before
    /// anything is read.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn export_audit(&self, caller: &Caller, query: AuditQuery) -> ServiceResult<Export> {
        let query = AuditQuery { limit: MAX_AUDIT_RECORDS, ..query };
        self.record_export(caller, Act::by(caller, "export.audit")).await?;
        let (caller, asked) = (*caller, query.clone());
        let first = self.decide(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &asked)).await?;
        Ok(Export::new(self.clone(), first, "records"))
    }

    /// Records that somebody begins to take data out.
    pub(crate) async fn record_export(&self, caller: &Caller, act: Act) -> ServiceResult<()> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| write(tx, &*entropy, now, [act.clone()]);
        Ok(self.store.transact(caller.write(), work).await?)
    }
}

fn read_page(tx: &mut dyn Tx, caller: &Caller, query: &AuditQuery) -> ServiceResult<Page> {
    require_session(tx, caller)?;
    let reach = Reach::load(tx, caller)?;
    let (records, next) = page(tx, &reach, query)?;
    let after = records.last().filter(|_| next.is_some()).map(|last| last.record_id);
    let lines = Page::of("record", &present(tx, caller, records)?);
    let Some(after) = after else { return Ok(lines) };
    let (caller, query) = (*caller, AuditQuery { after: Some(after), ..query.clone() });
    Ok(lines.then(move |service| service.begin(caller.oversee(Access::Read), move |tx| read_page(tx, &caller, &query))))
}
