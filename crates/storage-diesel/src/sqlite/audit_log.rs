//! Reading the audit log of an SQLite file without changing it.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::inspect::{migration_state, uri};
use super::{Conn, audit_reading};
use crate::OpenError;
use crate::audit::TakePart;

/// Hands over all logs of a file.
pub(crate) fn read_audit_log(path: &Path, take: TakePart<'_>) -> Result<(), OpenError> {
    let unreachable = |cause: &dyn std::fmt::Display| OpenError::Unreachable(format!("{}: {cause}", path.display()));
    if !path.is_file() {
        return Err(unreachable(&"there is no such file"));
    }
    let mut conn = Conn::establish(&uri(path)?).map_err(|error| unreachable(&error))?;
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON").map_err(|error| unreachable(&error))?;
    migration_state(&mut conn).map_err(|error| unreachable(&error))?.assert_audit_log()?;
    conn.transaction(|conn| audit_reading::read(conn, take)).map_err(|error: diesel::result::Error| unreachable(&error))
}
