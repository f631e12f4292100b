//! Reading the audit log as it lies there, for whoever checks it.

use std::ops::ControlFlow;

use sync_core::ports::AuditPart;

use crate::open::{Target, target};
use crate::{OpenError, postgres, sqlite};

/// Takes the next part of a log; [`ControlFlow::Break`] ends the reading.
pub type TakePart<'a> = &'a mut dyn FnMut(AuditPart) -> ControlFlow<()>;

/// Hands over the parts of every organisation's log, one organisation after the other, each in the order that [`AuditPart`]
/// names; all from one snapshot. The database is not created, not migrated, and nothing of it is changed; a server may be
/// using it. Needs memory for the ids of the records of one
/// organisation, and a thread that no asynchronous runtime owns.
///
/// # Errors
/// [`OpenError`], which says what to do.
pub fn read_audit_log(url: &str, take: TakePart<'_>) -> Result<(), OpenError> {
    match target(url)? {
        Target::Sqlite(path) => sqlite::read_audit_log(path.as_ref(), take),
        Target::Postgres => postgres::read_audit_log(url, take),
    }
}
