//! The thread that writes: many jobs, one commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use sync_core::ports::{StoreError, StoreResult};

use super::Conn;
use super::store::Counters;
use super::tx::{Rows, store_error};
use crate::queue::{JobQueue, Task};

/// A commit waits for no further job after this long: the first of its jobs waits for all of them.
const BATCH: Duration = Duration::from_millis(50);

/// Attempts at a job that says it lost a race.
const ATTEMPTS: u32 = 3;

/// Owns the only connection that writes.
pub(super) struct Writer {
    conn: Conn,
    queue: Arc<JobQueue>,
    counters: Arc<Counters>,
    max_jobs_per_commit: usize,
}

/// A job that ran, and what came of it if the commit succeeds.
type Ran = (Task, StoreResult<()>);

impl Writer {
    pub(super) fn new(conn: Conn, queue: Arc<JobQueue>, counters: Arc<Counters>, max_jobs_per_commit: usize) -> Self {
        Self { conn, queue, counters, max_jobs_per_commit }
    }

    /// Writes until the queue is closed.
    pub(super) fn run(mut self) {
        while let Some(first) = self.queue.wait() {
            if let Err(error) = self.conn.batch_execute("BEGIN IMMEDIATE") {
                first.finish(Err(store_error(error)));
                continue;
            }
            let mut batch = Vec::new();
            let committed = self.run_batch(first, &mut batch).and_then(|()| self.commit(&batch));
            if committed.is_err() {
                // it fails when the transaction is gone already
                let _ = self.conn.batch_execute("ROLLBACK");
            }
            for (task, outcome) in batch {
                // what a job that failed had read may not stand either, when the commit failed
                task.finish(committed.clone().and(outcome));
            }
        }
    }

    /// Runs a job and those that wait. An error means that the transaction is lost.
    fn run_batch(&mut self, first: Task, batch: &mut Vec<Ran>) -> StoreResult<()> {
        let began = Instant::now();
        let mut next = Some(first);
        while let Some(mut task) = next {
            let outcome = self.run_task(&mut task);
            let lost = outcome.as_ref().err().cloned();
            batch.push((task, outcome.unwrap_or(Ok(()))));
            if let Some(error) = lost {
                return Err(error);
            }
            let more = batch.len() < self.max_jobs_per_commit && began.elapsed() < BATCH;
            next = if more { self.queue.take() } else { None };
        }
        Ok(())
    }

    /// Runs a job, again while it says it lost a race. The outer error means that the transaction is lost.
    fn run_task(&mut self, task: &mut Task) -> StoreResult<StoreResult<()>> {
        let mut outcome = self.run_in_savepoint(task)?;
        for _ in 1..ATTEMPTS {
            if !matches!(outcome, Err(StoreError::Busy(_))) {
                break;
            }
            outcome = self.run_in_savepoint(task)?;
        }
        Ok(outcome)
    }

    fn run_in_savepoint(&mut self, task: &mut Task) -> StoreResult<StoreResult<()>> {
        self.conn.batch_execute("SAVEPOINT job").map_err(store_error)?;
        let mut rows = Rows::new(&mut self.conn);
        let outcome = task.run(&mut rows);
        let outcome = rows.into_failure().map_or(outcome, Err);
        // SQLite ends the whole transaction on some errors (disk full, I/O); then the savepoint is gone and this fails
        let end = if outcome.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        match self.conn.batch_execute(end) {
            Ok(()) => Ok(outcome),
            Err(error) => Err(outcome.err().unwrap_or_else(|| store_error(error))),
        }
    }

    fn commit(&mut self, batch: &[Ran]) -> StoreResult<()> {
        self.conn.batch_execute("COMMIT").map_err(|error| match store_error(error) {
            // the log may hold the commit, and a restart may find it there
            StoreError::Unavailable(message) if message.contains("I/O") => StoreError::Unknown(message),
            // nothing was kept, whatever SQLite calls it
            StoreError::Refused(message) => StoreError::Unavailable(message),
            other => other,
        })?;
        let kept = batch.iter().filter(|(_, outcome)| outcome.is_ok()).count();
        self.counters.committed(u64::try_from(kept).unwrap_or(u64::MAX));
        Ok(())
    }
}
