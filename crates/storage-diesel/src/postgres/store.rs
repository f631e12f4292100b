//! The store over PostgreSQL.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sync_core::ports::{Job, Store, StoreLoad, Terms};

use super::connection;
use super::link::Link;
use super::worker::Worker;
use crate::OpenError;
use crate::figures::Figures;
use crate::queue::{JobQueue, Task};
use crate::threads::{Threads, apart};

/// How to reach a PostgreSQL database.
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresConfig {
    /// `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE`; a socket's folder stands percent-encoded in place of the host,
    /// or as `?host=/FOLDER`.
    pub url: String,
    /// Connections, each with a thread of its own. At least 1.
    pub connections: u32,
    /// Jobs that may wait for a connection; more are refused as overload.
    pub max_waiting_jobs: usize,
    /// Whether to use a server that runs with `fsync=off` and loses what it acknowledged when its machine crashes. For
    /// tests only.
    pub allow_fsync_off: bool,
}

impl PostgresConfig {
    /// The defaults for a database: 16 connections, 4,096 waiting jobs, no `fsync=off`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections: 16, max_waiting_jobs: 4_096, allow_fsync_off: false }
    }
}

impl fmt::Debug for PostgresConfig {
    // the URL may hold a password
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// A PostgreSQL database of version 15 or later.
///
/// A fixed set of threads, each owning one connection and driving it itself, takes jobs from one bounded queue: this set
/// *is* the pool. A connection that broke is made anew, with growing pauses. A job that loses a race (deadlock, lock
/// timeout, the same operation stored meanwhile) or its connection before the commit runs again; a connection lost *at*
/// the commit is reported as [`sync_core::ports::StoreError::Unknown`].
///
/// Dropping the store refuses what waits, finishes what was begun, and ends the threads.
pub struct PostgresStore {
    queue: Closing,
    statements: Arc<AtomicU64>,
    figures: Arc<Figures>,
    // after the queue: it is closed first, then the threads are waited for
    _threads: Threads,
}

struct Closing(Arc<JobQueue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl PostgresStore {
    /// Makes sure that the server is suitable and migrated, and starts the threads; each connects with its first job.
    ///
    /// # Errors
    /// [`OpenError`] when the server can't be reached, is not suitable, or lacks migrations.
    pub fn connect(config: &PostgresConfig) -> Result<Self, OpenError> {
        let statements = Arc::new(AtomicU64::new(0));
        let migrations = apart(|| connection::migration_state(&mut connection::open(config, &statements)?))?;
        if !migrations.unknown.is_empty() {
            return Err(OpenError::Newer(migrations.unknown));
        }
        if !migrations.missing.is_empty() {
            return Err(OpenError::NotMigrated(migrations.missing));
        }
        let mut threads = Threads::default();
        // declared after the threads: when one can't be started, the others see a closed queue before they are waited for
        let queue = Closing(Arc::new(JobQueue::new(config.max_waiting_jobs)));
        let connections = config.connections.max(1);
        let figures = Arc::new(Figures::new(usize::try_from(connections).unwrap_or(usize::MAX)));
        for number in 0..connections {
            let link = Link::new(config.clone(), Arc::clone(&statements));
            let worker = Worker::new(link, Arc::clone(&queue.0), Arc::clone(&figures), number);
            threads.spawn(&format!("postgres-{number}"), move || worker.run())?;
        }
        Ok(Self { queue, statements, figures, _threads: threads })
    }

    /// Statements that were sent since the store was opened, BEGIN and COMMIT included.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

impl Store for PostgresStore {
    fn submit(&self, terms: Terms, job: Box<dyn Job>) {
        self.queue.0.submit(Task::new(terms, job));
    }

    fn load(&self) -> StoreLoad {
        self.figures.load(self.queue.0.waiting(), self.queue.0.capacity())
    }
}
