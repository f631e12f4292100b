//! The store over an SQLite file.

use std::path::PathBuf;
use std::sync::Arc;

use sync_core::ports::{Access, Job, Store, StoreLoad, Terms};

use super::connection::{self, Use};
use super::lock::{self, Lock};
use super::reader;
use super::writer::Writer;
use crate::OpenError;
use crate::figures::{Figures, Waiting};
use crate::queue::{JobQueue, Task};
use crate::threads::Threads;

/// How to open an SQLite file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// The file. It is created when it is missing; its folder is not. It must be on a local disk.
    pub path: PathBuf,
    /// Threads that read, each with its own connection. At least 1.
    pub readers: usize,
    /// How long a statement waits for another process that writes, in milliseconds.
    pub busy_timeout_ms: u32,
    /// Jobs that may wait to write, and as many again to read; more are refused as overload.
    pub max_waiting_jobs: usize,
    /// At most so many jobs share one commit.
    pub max_jobs_per_commit: usize,
}

impl SqliteConfig {
    /// The defaults for a file: 4 readers, 5 s of patience, 4,096 waiting jobs, 256 jobs a commit.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), readers: 4, busy_timeout_ms: 5_000, max_waiting_jobs: 4_096, max_jobs_per_commit: 256 }
    }
}

/// How many commits made how many jobs durable. Jobs that failed are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitStats {
    /// Commits, each with one wait for the disk.
    pub commits: u64,
    /// Write jobs that they carried.
    pub jobs: u64,
}

/// The embedded database: a write-ahead log with `synchronous=FULL`, one thread that writes, and several that read.
///
/// The writer takes a job, and with it every job that waits by then: one transaction runs them, one commit makes them
/// durable together, and only then are they told. Where a job fails or panics, all of them run again, each inside a
/// savepoint: it disturbs nobody. Readers see the last commit when they begin, and nothing later.
///
/// Dropping the store refuses what waits, finishes what was begun, and ends the threads.
pub struct SqliteStore {
    queues: Queues,
    figures: Arc<Figures>,
    // after the queues: they are closed first, then the threads are waited for
    _threads: Threads,
    // last: as long as a thread has the file open, nobody may replace it
    _lock: Lock,
}

struct Queues {
    writes: Arc<JobQueue>,
    reads: Arc<JobQueue>,
}

impl Drop for Queues {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
    }
}

impl SqliteStore {
    /// Opens the file, creates and migrates it as needed, and starts the threads.
    ///
    /// # Errors
    /// [`OpenError`] when the file can't be opened, can't be made durable, or a migration fails.
    pub fn open(config: &SqliteConfig) -> Result<Self, OpenError> {
        let lock = lock::share(&config.path)?;
        let mut write = connection::open(&config.path, Use::Write, config.busy_timeout_ms)?;
        connection::migrate_on(&mut write)?;
        let mut readers = Vec::new();
        for _ in 0..config.readers.max(1) {
            readers.push(connection::open(&config.path, Use::Read, config.busy_timeout_ms)?);
        }
        let figures = Arc::new(Figures::new(1 + readers.len()));
        let mut threads = Threads::default();
        // declared after the threads: when one can't be started, the others see closed queues before they are waited for
        let queues = Queues { writes: queue(config), reads: queue(config) };
        let writer = Writer::new(write, Arc::clone(&queues.writes), Arc::clone(&figures), config.max_jobs_per_commit);
        threads.spawn("sqlite-writer", move || writer.run())?;
        for (number, conn) in readers.into_iter().enumerate() {
            let (reads, figures) = (Arc::clone(&queues.reads), Arc::clone(&figures));
            threads.spawn(&format!("sqlite-reader-{number}"), move || reader::run(conn, &reads, &figures))?;
        }
        Ok(Self { queues, figures, _threads: threads, _lock: lock })
    }

    /// What was committed since the store was opened.
    #[must_use]
    pub fn commits(&self) -> CommitStats {
        let tally = self.figures.commits();
        CommitStats { commits: tally.commits, jobs: tally.jobs }
    }
}

impl Store for SqliteStore {
    fn submit(&self, terms: Terms, job: Box<dyn Job>) {
        match terms.access {
            Access::Write => self.queues.writes.submit(Task::new(terms, job)),
            Access::Read => self.queues.reads.submit(Task::new(terms, job)),
        }
    }

    fn load(&self) -> StoreLoad {
        let Queues { writes, reads } = &self.queues;
        let waiting = Waiting { reads: reads.waiting().reads, ..writes.waiting() };
        self.figures.load(waiting, writes.capacity())
    }
}

fn queue(config: &SqliteConfig) -> Arc<JobQueue> {
    Arc::new(JobQueue::new(config.max_waiting_jobs))
}
