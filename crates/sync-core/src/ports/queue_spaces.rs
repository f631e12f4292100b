//! Spaces in which something was queued, and who works on them.

use uuid::Uuid;

use super::StoreResult;
use crate::{OrganisationId, SpaceId, Timestamp};

/// A space in which something was queued. Its row is the lock of the space's queue: whoever needs the lock of the log as
/// well takes that first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSpace {
    /// The space.
    pub space_id: SpaceId,
    /// Its tenant.
    pub organisation_id: OrganisationId,
    /// The next item's number.
    pub next_seq: i64,
    /// Counts up with every lease: an older one may write nothing any more.
    pub fence: i64,
    /// Who has the lease.
    pub leased_by: Option<Uuid>,
    /// Until when, unless the holder says that it is alive.
    pub leased_until: Option<Timestamp>,
    /// When something can be taken; `None`: nothing waits for a worker.
    pub due_at: Option<Timestamp>,
    /// The lowest rank of what can be taken.
    pub rank: i64,
    /// Operations decided for it lately, halved with time (`queue::fairness`), as of `served_at`.
    pub served: i64,
    /// When `served` was brought up to date.
    pub served_at: Timestamp,
}

impl QueueSpace {
    /// The queue of a space in which nothing was queued yet.
    #[must_use]
    pub const fn new(organisation_id: OrganisationId, space_id: SpaceId) -> Self {
        Self {
            space_id,
            organisation_id,
            next_seq: 1,
            fence: 0,
            leased_by: None,
            leased_until: None,
            due_at: None,
            rank: 0,
            served: 0,
            served_at: Timestamp::from_millis(0),
        }
    }
}

/// Rows of spaces in which something was queued.
pub trait QueueSpaceRows {
    /// The spaces in which something can be taken by now, or whose lease is held; at most `limit`, the longest due first.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_queue_spaces(&mut self, now: Timestamp, limit: i64) -> StoreResult<Vec<QueueSpace>>;

    /// Locks the queue of a space until the end of the transaction; `None` where it has none, or where somebody else has
    /// locked it: this one does not wait.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn try_lock_queue_space(&mut self, space_id: SpaceId) -> StoreResult<Option<QueueSpace>>;

    /// Locks the queue of a space until the end of the transaction, and makes it where there is none.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_queue_space(&mut self, organisation_id: OrganisationId, space_id: SpaceId) -> StoreResult<QueueSpace>;

    /// Stores the queue of a space. Only under its lock, so that there is one.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_queue_space(&mut self, space: &QueueSpace) -> StoreResult<()>;

    /// Spaces with ready items that nobody has leased, and in which nothing is due by now: a process ended before it called
    /// them. At most `limit`, each once.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_missed_spaces(&mut self, now: Timestamp, limit: i64) -> StoreResult<Vec<(OrganisationId, SpaceId)>>;

    /// When the next space comes due after an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_next_due(&mut self, after: Timestamp) -> StoreResult<Option<Timestamp>>;
}
