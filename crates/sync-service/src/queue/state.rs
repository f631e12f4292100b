//! What the queue's use cases share in one process.

use queue::retry::Policy;
use queue::sizing::Budget;
use uuid::Uuid;

/// What an operator may set about the queue.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct QueueConfig {
    /// How long a worker that says nothing keeps its lease, in milliseconds. 30 s unless told.
    pub lease_ms: i64,
    /// How many items a step takes at most.
    pub step_items: usize,
    /// Pushes within this are decided while their sender waits.
    pub inline: Budget,
    /// How failures are tried again.
    pub retry: Policy,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self { lease_ms: 30_000, step_items: 500, inline: Budget::default(), retry: Policy::default() }
    }
}

/// What all clones of a service share about the queue.
#[derive(Debug)]
pub(crate) struct QueueState {
    pub(crate) config: QueueConfig,
    /// Who this process is, among those that hold leases.
    pub(crate) node_id: Uuid,
}
