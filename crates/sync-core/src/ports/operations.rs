//! Operations with their stored results.

use super::StoreResult;
use crate::json::RawJson;
use crate::{ConflictId, DeviceId, OpId, OrganisationId, SpaceId, Status, Timestamp, UserId};

/// An operation, a resolution or a refusal, and what came of it. Its first part is kept for ever, payload and what
/// follows as long as history.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredOperation {
    /// The tenant in which the id is unique.
    pub organisation_id: OrganisationId,
    /// The id.
    pub op_id: OpId,
    /// SHA-256 of the canonical identity: the same id with another identity is refused.
    pub identity: [u8; 32],
    /// Who sent it.
    pub user_id: UserId,
    /// From which device.
    pub device_id: DeviceId,
    /// The space that it names, whether or not the sender may see it.
    pub space_id: SpaceId,
    /// `collection/id`; `_conflicts/id` for a resolution.
    pub key: String,
    /// The terminal result.
    pub status: Status,
    /// The version that it made, if any.
    pub decided_version: Option<i64>,
    /// The head of the space's log right after it was decided.
    pub head: i64,
    /// The conflict that it opened or joined.
    pub conflict_id: Option<ConflictId>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The group that it came in.
    pub group: Option<String>,
    /// `{"code","detail",…}` when it was refused.
    pub problem: Option<RawJson>,
    /// The operation as sent.
    pub payload: RawJson,
    /// What its chain lays over the document so far, one composed merge patch (RFC 7396), with the version from which on
    /// a sender has seen what came of each member: for the chain's next operation; of an intent, what it changed and
    /// left out. `None` where the payload says it all. The service reads and writes it; to a store it is opaque.
    pub overlay: Option<RawJson>,
    /// Under which rules it was decided; `None` where none were asked.
    pub policy_version: Option<i32>,
    /// Its stamp's milliseconds, where they are not those of `decided_at`.
    pub corrected_at: Option<Timestamp>,
    /// When it arrived, where it waited in the queue; `None`: when it was decided.
    pub received_at: Option<Timestamp>,
    /// How often a worker took it, where it waited in the queue.
    pub attempts: Option<i32>,
    /// How each place that two sides changed was decided, and what became a change request. `None` where nobody met. The
    /// service reads and writes it; to a store it is opaque.
    pub decisions: Option<RawJson>,
}

/// What came of an operation, without what was sent: enough for a receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResult {
    /// The id.
    pub op_id: OpId,
    /// Who sent it.
    pub user_id: UserId,
    /// The space that it names.
    pub space_id: SpaceId,
    /// The terminal result.
    pub status: Status,
    /// The version that it made, if any.
    pub decided_version: Option<i64>,
    /// The conflict that it opened or joined.
    pub conflict_id: Option<ConflictId>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// `{"code","detail",…}` when it was refused.
    pub problem: Option<RawJson>,
}

/// Rows of operations.
pub trait OperationRows {
    /// The stored operations among these ids, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_operations(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<StoredOperation>>;

    /// What came of the stored operations among these ids, in any order. Reads neither payloads nor overlays.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_results(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<StoredResult>>;

    /// Stores results.
    ///
    /// # Errors
    /// [`super::StoreError::Busy`] when an id was stored meanwhile: the job is to run again and will find it.
    fn insert_operations(&mut self, rows: &[StoredOperation]) -> StoreResult<()>;

    /// Which of these groups of one user were stored before.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_groups(&mut self, organisation_id: OrganisationId, user_id: UserId, groups: &[String]) -> StoreResult<Vec<String>>;
}
