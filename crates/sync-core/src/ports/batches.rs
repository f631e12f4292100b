//! The requests in which what is queued came.

use super::StoreResult;
use crate::json::RawJson;
use crate::{BatchId, DeviceId, OrganisationId, Timestamp, UserId};

/// A request whose operations went into the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueBatch {
    /// Its id.
    pub batch_id: BatchId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// Who sent it.
    pub user_id: UserId,
    /// From which device.
    pub device_id: DeviceId,
    /// When the device sent it, by its own clock.
    pub sent_at: Option<Timestamp>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The epochs that the device named, by space.
    pub epochs: RawJson,
    /// Whether nothing is taken unless everything is.
    pub atomic: bool,
    /// `open` while its lines arrive, `sealed` when it is complete, `refused` when it was taken back.
    pub state: BatchState,
    /// Operations that were taken.
    pub operations: i64,
    /// Their bytes.
    pub bytes: i64,
    /// Operations that are decided or discarded.
    pub decided: i64,
    /// Their bytes.
    pub decided_bytes: i64,
    /// When the last of a sealed batch's was.
    pub finished_at: Option<Timestamp>,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// Its lines arrive.
    Open,
    /// It is complete.
    Sealed,
    /// It was taken back: it was all or nothing, and something was at fault.
    Refused,
}

impl BatchState {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealed => "sealed",
            Self::Refused => "refused",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Sealed, Self::Refused].into_iter().find(|state| state.as_str() == name)
    }
}

/// Rows of batches.
pub trait BatchRows {
    /// Stores a batch over what stood under its id. What is decided of one that stands only [`Self::count_decided`]
    /// changes: `decided`, `decided_bytes`, and `finished_at` once it is set.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_batch(&mut self, batch: &QueueBatch) -> StoreResult<()>;

    /// A batch of an organisation. Another's is not looked at: it takes no longer than one that there is not.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_batch(&mut self, organisation_id: OrganisationId, batch_id: BatchId) -> StoreResult<Option<QueueBatch>>;

    /// The batches among these ids, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_batches(&mut self, batch_ids: &[BatchId]) -> StoreResult<Vec<QueueBatch>>;

    /// Adds to what is decided of batches: (batch, operations, bytes), each batch once. A sealed batch of which everything
    /// is decided is finished then; whoever seals one adds nothing to it for this.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn count_decided(&mut self, decided: &[(BatchId, i64, i64)], at: Timestamp) -> StoreResult<()>;

    /// A device's batches, the latest first, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_batches(&mut self, device_id: DeviceId, limit: i64) -> StoreResult<Vec<QueueBatch>>;

    /// Batches with staged items to be released or dropped, and open ones that arrived before an instant; at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_unfinished_batches(&mut self, open_before: Timestamp, limit: i64) -> StoreResult<Vec<QueueBatch>>;

    /// Drops batches that were finished before an instant, and those that arrived before it and were taken back; none with
    /// staged items; at most `limit`. How many.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_batches(&mut self, before: Timestamp, limit: i64) -> StoreResult<usize>;
}
