//! The queue: what was accepted and is decided by workers. [`batch`] takes many operations at once, [`work`] is what a
//! worker does; what goes first, when a failure is tried again and how long something will take is decided by the crate
//! `queue`.

mod analytics;
pub mod batch;
mod discard;
mod export;
mod flush;
mod letters;
mod pending;
pub(crate) mod recorder;
mod retry;
mod route;
mod settle;
mod sight;
mod span;
mod state;
mod step;
mod take;
mod tasks;
mod work;
mod workers;

use sync_core::Timestamp;
use sync_core::ports::{ItemState, QueueItem, QueueSpace};

pub use analytics::AnalyticsQuery;
pub use pending::{MAX_PENDING, PendingQuery};
pub(crate) use settle::is_own_fault;
pub use state::QueueConfig;
pub(crate) use state::QueueState;
pub use tasks::BulkAction;
pub use work::Claim;
pub use workers::Workers;

/// The queue of a space after items were put into it: their numbers are given, and who looks for work is told.
pub(crate) fn enqueued(space: QueueSpace, items: &[QueueItem], now: Timestamp) -> QueueSpace {
    let ready = || items.iter().filter(|item| item.state == ItemState::Ready);
    let lowest = ready().map(|item| item.rank).min();
    let next_seq = items.iter().map(|item| item.seq + 1).max().unwrap_or(space.next_seq);
    QueueSpace { next_seq, ..due(space, lowest.map(|rank| (now, rank))) }
}

/// The queue of a space in which something of a rank can be taken from an instant on.
pub(crate) fn due(space: QueueSpace, taken_from: Option<(Timestamp, i64)>) -> QueueSpace {
    let Some((at, rank)) = taken_from else { return space };
    match space.due_at {
        Some(due_at) => QueueSpace { due_at: Some(due_at.min(at)), rank: space.rank.min(rank), ..space },
        None => QueueSpace { due_at: Some(at), rank, ..space },
    }
}
