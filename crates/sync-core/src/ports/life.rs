//! The life of a space's log: who has read how far, what is kept, and which logs it was before.

use uuid::Uuid;

use super::{Head, StoreResult};
use crate::{Audience, DeviceId, DocumentKey, OpId, OrganisationId, SpaceId, Timestamp, UserId};

/// How far a device has shown that it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// The space.
    pub space_id: SpaceId,
    /// The device.
    pub device_id: DeviceId,
    /// Whose it is.
    pub user_id: UserId,
    /// Up to where it holds everything: the floor of the last cursor that it showed.
    pub floor: i64,
    /// When it showed that.
    pub at: Timestamp,
}

/// An epoch that a log had before a backup was restored over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerEpoch {
    /// The space.
    pub space_id: SpaceId,
    /// The log's random id then.
    pub epoch: Uuid,
    /// Up to this version that log and the present one are the same.
    pub shared_until: i64,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// A space, as maintenance sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceLog {
    /// The space.
    pub space_id: SpaceId,
    /// Whose it is.
    pub organisation_id: OrganisationId,
    /// Its head.
    pub head: Head,
    /// When it was made: nothing in its log is older.
    pub created_at: Timestamp,
}

/// A deleted document, as far as it matters for how long it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Collection and id.
    pub key: DocumentKey,
    /// The version of its last change.
    pub version: i64,
    /// When that was committed.
    pub at: Timestamp,
    /// Who could see it last.
    pub audience: Audience,
}

/// What is left of a deleted document whose tombstone is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grave {
    /// Collection and id.
    pub key: DocumentKey,
    /// The version of its last change.
    pub version: i64,
    /// Who could see it last.
    pub audience: Audience,
}

/// A change, as far as it matters for how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEntry {
    /// Its version.
    pub version: i64,
    /// When it was committed.
    pub at: Timestamp,
}

/// A stored operation, as far as it matters for how long what was sent is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultEntry {
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The id.
    pub op_id: OpId,
    /// Whether what was sent is there still, was decided before the instant that was asked about, and waits for nobody:
    /// neither in an open question nor in quarantine.
    pub is_due: bool,
}

/// Rows of history that are let go of.
pub trait HistoryRows {
    /// The oldest changes of a space, by version, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_history(&mut self, space_id: SpaceId, limit: i64) -> StoreResult<Vec<LogEntry>>;

    /// Drops the changes of a space up to a version.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_history(&mut self, space_id: SpaceId, until: i64) -> StoreResult<()>;

    /// The stored operations by (organisation, id), after one, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_results(&mut self, after: Option<&ResultEntry>, before: Timestamp, limit: i64) -> StoreResult<Vec<ResultEntry>>;

    /// Empties what was sent and what explains the result, of operations of one organisation, and says how many had not been
    /// emptied before. What came of them stays.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn empty_operations(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<usize>;
}

/// Rows about logs as wholes.
pub trait LogRows {
    /// The logs of all spaces, by space id, after one, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_logs(&mut self, after: Option<SpaceId>, limit: i64) -> StoreResult<Vec<SpaceLog>>;

    /// Sets from where on a log is kept. Only under the lock of its head.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_horizons(&mut self, space_id: SpaceId, kept_from: i64, history_from: i64) -> StoreResult<()>;

    /// Gives a log another epoch. Only under the lock of its head.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_epoch(&mut self, space_id: SpaceId, epoch: Uuid) -> StoreResult<()>;

    /// Stores former epochs over what stood for their (space, epoch).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_former_epochs(&mut self, epochs: &[FormerEpoch]) -> StoreResult<()>;

    /// The former epochs of these spaces, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_former_epochs(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<FormerEpoch>>;
}

/// Rows about who has read how far.
pub trait PresentedRows {
    /// Stores them over what stood for their (space, device). None twice.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_presented(&mut self, rows: &[Presented]) -> StoreResult<()>;

    /// What the devices of a space have shown, by device id.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_presented(&mut self, space_id: SpaceId) -> StoreResult<Vec<Presented>>;

    /// The lowest floor that a device of a space has shown, of those devices that were not revoked and were seen since
    /// an instant: by a cursor of this space, a login or a refresh.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_lowest_floor(&mut self, space_id: SpaceId, seen_since: Timestamp) -> StoreResult<Option<i64>>;

    /// Drops what was shown before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_presented(&mut self, space_id: SpaceId, before: Timestamp) -> StoreResult<()>;
}

/// Rows of deleted documents that are let go of.
pub trait GraveRows {
    /// The deleted documents of a space that no open question names, by version, above one, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_tombstones(&mut self, space_id: SpaceId, above: i64, limit: i64) -> StoreResult<Vec<Tombstone>>;

    /// Drops deleted documents with all their changes, and leaves graves in their place.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn bury(&mut self, space_id: SpaceId, graves: &[Grave]) -> StoreResult<()>;

    /// The graves of these keys, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_graves(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<Vec<Grave>>;

    /// Takes graves away: their documents live again.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_graves(&mut self, space_id: SpaceId, keys: &[DocumentKey]) -> StoreResult<()>;
}
