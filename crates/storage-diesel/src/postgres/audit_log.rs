//! Reading the audit log of a PostgreSQL database without changing it.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::audit_reading;
use super::connection::{establish, migration_state, unreachable};
use crate::OpenError;
use crate::audit::TakePart;

/// A long look at all organisations, which must not see one half before and one after somebody's change.
const SESSION: &str = "SET default_transaction_read_only = on; SET default_transaction_isolation = 'repeatable read'; \
    SET rejoin.scope = 'installation'; SET application_name = 'rejoin audit'";

/// Hands over all logs of the database of a URL. Not on a thread of an asynchronous runtime.
pub(crate) fn read_audit_log(url: &str, take: TakePart<'_>) -> Result<(), OpenError> {
    let mut conn = establish(url)?;
    conn.batch_execute(SESSION).map_err(unreachable)?;
    migration_state(&mut conn)?.assert_audit_log()?;
    conn.transaction(|conn| audit_reading::read(conn, take)).map_err(|error: diesel::result::Error| unreachable(error))
}
