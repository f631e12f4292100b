//! A thread that reads.

use diesel::connection::SimpleConnection;
use diesel::result::QueryResult;
use sync_core::ports::{StoreError, StoreResult};

use super::Conn;
use super::tx::{Rows, store_error};
use crate::figures::Figures;
use crate::queue::{JobQueue, Task};

/// Attempts at a job that meets a lock (a checkpoint, a recovery).
const ATTEMPTS: u32 = 3;

/// Reads until the queue is closed.
pub(super) fn run(mut conn: Conn, queue: &JobQueue, figures: &Figures) {
    while let Some(mut task) = queue.wait() {
        let _busy = figures.busy();
        let mut outcome = read(&mut conn, &mut task);
        for _ in 1..ATTEMPTS {
            if !matches!(outcome, Err(StoreError::Busy(_))) {
                break;
            }
            outcome = read(&mut conn, &mut task);
        }
        task.finish(outcome);
    }
}

fn read(conn: &mut Conn, task: &mut Task) -> StoreResult<()> {
    begin(conn).map_err(store_error)?;
    let mut rows = Rows::new(conn);
    let outcome = task.run(&mut rows);
    let outcome = rows.into_failure().map_or(outcome, Err);
    // nothing was written, so that there is nothing to keep; it fails when an I/O error ended the transaction already
    let _ = conn.batch_execute("ROLLBACK");
    outcome
}

fn begin(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute("BEGIN DEFERRED").or_else(|_| {
        let _ = conn.batch_execute("ROLLBACK");
        conn.batch_execute("BEGIN DEFERRED")
    })
}
