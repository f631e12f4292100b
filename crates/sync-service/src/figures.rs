//! What the use cases did, counted since the service was made.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use sync_core::ports::StoreLoad;
use sync_core::protocol::v1::OperationResult;
use sync_core::{OpId, Status};

use crate::Service;

/// Counters that all clones of a [`Service`] share.
#[derive(Debug)]
pub(crate) struct Counters {
    operations: [AtomicU64; Status::ALL.len()],
    conflicts_opened: AtomicU64,
    pub(crate) audit_forks: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self { operations: array::from_fn(|_| AtomicU64::new(0)), conflicts_opened: AtomicU64::new(0), audit_forks: AtomicU64::new(0) }
    }
}

impl Counters {
    /// Counts what was answered.
    pub(crate) fn answered(&self, results: &[OperationResult]) {
        for (status, counter) in Status::ALL.iter().zip(&self.operations) {
            let count = results.iter().filter(|result| result.status == *status).count();
            counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Counts what workers decided.
    pub(crate) fn worked(&self, statuses: &[(OpId, Status)]) {
        for (status, counter) in Status::ALL.iter().zip(&self.operations) {
            let count = statuses.iter().filter(|(_, decided)| decided == status).count();
            counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    pub(crate) fn opened(&self, conflicts: u64) {
        self.conflicts_opened.fetch_add(conflicts, Ordering::Relaxed);
    }
}

/// What a service did since it was made, and has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Operations and resolutions that were answered, by their status.
    pub operations: [(Status, u64); Status::ALL.len()],
    /// Conflicts that were opened.
    pub conflicts_opened: u64,
    /// Checkpoints of devices that this log does not fit.
    pub audit_forks: u64,
    /// Passwords that wait to be checked or hashed, or are.
    pub passwords_waiting: usize,
    /// Syncs that are worked on, and how many may be at once.
    pub in_flight: (u32, u32),
    /// The database.
    pub store: StoreLoad,
}

impl Service {
    /// What was done since the service was made. It waits for nothing.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let mut operations = Status::ALL.map(|status| (status, 0));
        for ((_, count), counter) in operations.iter_mut().zip(&self.counters.operations) {
            *count = counter.load(Ordering::Relaxed);
        }
        Figures {
            operations,
            conflicts_opened: self.counters.conflicts_opened.load(Ordering::Relaxed),
            audit_forks: self.counters.audit_forks.load(Ordering::Relaxed),
            passwords_waiting: self.hasher.waiting(),
            in_flight: self.gate.in_flight(),
            store: self.store.load(),
        }
    }
}
