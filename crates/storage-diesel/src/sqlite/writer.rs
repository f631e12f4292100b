//! The thread that writes: many jobs, one commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use sync_core::ports::{StoreError, StoreResult};

use super::Conn;
use super::tx::{Rows, store_error};
use crate::figures::Figures;
use crate::queue::{JobQueue, Task};

/// A commit waits for no further job after this long: the first of its jobs waits for all of them.
const BATCH: Duration = Duration::from_millis(50);

/// Attempts at a job that says it lost a race.
const ATTEMPTS: u32 = 3;

/// Owns the only connection that writes.
pub(super) struct Writer {
    conn: Conn,
    queue: Arc<JobQueue>,
    figures: Arc<Figures>,
    max_jobs_per_commit: usize,
}

/// A job that ran, and what came of it if the commit succeeds.
type Ran = (Task, StoreResult<()>);

impl Writer {
    pub(super) fn new(conn: Conn, queue: Arc<JobQueue>, figures: Arc<Figures>, max_jobs_per_commit: usize) -> Self {
        Self { conn, queue, figures, max_jobs_per_commit }
    }

    /// Writes until the queue is closed.
    pub(super) fn run(mut self) {
        let figures = Arc::clone(&self.figures);
        while let Some(first) = self.queue.wait() {
            let _busy = figures.busy();
            for (task, outcome) in self.write(first) {
                task.finish(outcome);
            }
        }
    }

    /// Runs a job and those that wait, and commits them together. A job that fails takes the whole transaction with it:
    /// then all of them run again, each inside a savepoint. A savepoint for every job would cost a copy of every page
    /// that the job changes.
    fn write(&mut self, first: Task) -> Vec<Ran> {
        let mut batch = vec![(first, Ok(()))];
        if let Err(error) = self.begin() {
            return ended(batch, &error);
        }
        let committed = self.run_together(&mut batch).and_then(|()| self.commit(&batch));
        let Err(error) = committed else { return batch };
        self.roll_back();
        let final_for_one = batch.len() == 1 && !matches!(error, StoreError::Busy(_));
        if final_for_one || matches!(error, StoreError::Unknown(_)) {
            return ended(batch, &error);
        }
        let committed = self.begin().and_then(|()| self.run_apart(&mut batch)).and_then(|()| self.commit(&batch));
        match committed {
            Ok(()) => batch,
            Err(error) => {
                self.roll_back();
                ended(batch, &error)
            }
        }
    }

    fn begin(&mut self) -> StoreResult<()> {
        self.conn.batch_execute("BEGIN IMMEDIATE").map_err(store_error)
    }

    fn roll_back(&mut self) {
        // it fails when the transaction is gone already
        let _ = self.conn.batch_execute("ROLLBACK");
    }

    /// Runs the first job of a batch and adds those that wait by then. The first failure ends it.
    fn run_together(&mut self, batch: &mut Vec<Ran>) -> StoreResult<()> {
        let began = Instant::now();
        while let Some((task, _)) = batch.last_mut() {
            run(&mut self.conn, task)?;
            let more = batch.len() < self.max_jobs_per_commit && began.elapsed() < BATCH;
            let Some(next) = more.then(|| self.queue.take()).flatten() else { break };
            batch.push((next, Ok(())));
        }
        Ok(())
    }

    /// Runs each job of a batch inside a savepoint, so that a failure stays with its job. An error means that the
    /// transaction is lost.
    fn run_apart(&mut self, batch: &mut [Ran]) -> StoreResult<()> {
        for (task, outcome) in batch {
            *outcome = self.run_task(task)?;
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
        let outcome = run(&mut self.conn, task);
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
        self.figures.committed(u64::try_from(kept).unwrap_or(u64::MAX));
        Ok(())
    }
}

fn run(conn: &mut Conn, task: &mut Task) -> StoreResult<()> {
    let mut rows = Rows::new(conn);
    let outcome = task.run(&mut rows);
    rows.into_failure().map_or(outcome, Err)
}

/// The outcome of all when the transaction was lost: what a job that failed had read may not stand either.
fn ended(batch: Vec<Ran>, error: &StoreError) -> Vec<Ran> {
    batch.into_iter().map(|(task, _)| (task, Err(error.clone()))).collect()
}
