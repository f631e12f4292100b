//! What a store's threads do, counted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync_core::ports::{CommitTally, StoreLoad};

/// Shared by the threads of a store.
pub(crate) struct Figures {
    connections: usize,
    busy: AtomicUsize,
    commits: Mutex<CommitTally>,
}

/// A connection that works, until this is dropped.
pub(crate) struct Busy<'a>(&'a AtomicUsize);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What waits in a queue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waiting {
    pub(crate) writes: usize,
    pub(crate) reads: usize,
    pub(crate) write_wait: Duration,
}

impl Figures {
    pub(crate) fn new(connections: usize) -> Self {
        Self { connections, busy: AtomicUsize::new(0), commits: Mutex::default() }
    }

    /// Counts a connection as working.
    pub(crate) fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(&self.busy)
    }

    pub(crate) fn committed(&self, jobs: u64) {
        self.tally().add(jobs);
    }

    pub(crate) fn commits(&self) -> CommitTally {
        *self.tally()
    }

    /// All that is known, with what waits and how many may.
    pub(crate) fn load(&self, waiting: Waiting, most_waiting: usize) -> StoreLoad {
        let busy_connections = self.busy.load(Ordering::Relaxed).min(self.connections);
        StoreLoad {
            waiting_writes: waiting.writes,
            waiting_reads: waiting.reads,
            most_waiting,
            write_wait: waiting.write_wait,
            busy_connections,
            idle_connections: self.connections - busy_connections,
            commits: self.commits(),
        }
    }

    fn tally(&self) -> MutexGuard<'_, CommitTally> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
