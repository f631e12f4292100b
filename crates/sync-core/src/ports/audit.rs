//! The audit log: what was done, by whom, and the tree that proves that nothing of it was changed.

use uuid::Uuid;

use super::{StoreResult, Visible};
use crate::json::RawJson;
use crate::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};

/// What was done. Its public part goes into a leaf of the tree; the rest can be deleted, and the leaf still fits.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id, a version 7 UUID of the time at which it was written.
    pub record_id: Uuid,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// In which space.
    pub space_id: Option<SpaceId>,
    /// When.
    pub at: Timestamp,
    /// What, such as `sync.push`.
    pub action: String,
    /// HMAC-SHA-256 of the deletable part under the salt. Records of before there were commitments have none until they are sequenced.
    pub commitment: Option<[u8; 32]>,
    /// Its place in the tree, once it is sequenced.
    pub leaf_index: Option<i64>,
    /// Deletable: the commitment's key.
    pub salt: Option<[u8; 32]>,
    /// Deletable: who.
    pub user_id: Option<UserId>,
    /// Deletable: on which device; absent from the command line.
    pub device_id: Option<DeviceId>,
    /// Deletable: to what, such as an operation's id.
    pub subject: Option<String>,
    /// Deletable: why, in their words.
    pub reason: Option<String>,
    /// Deletable: the trace id of the request.
    pub trace: Option<String>,
    /// Deletable: a JSON object with what else is known, such as the list of results.
    pub details: Option<RawJson>,
}

/// Which records are asked for: those for which everything that is given holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuditFilter {
    /// A person's own, and of the spaces that they lead.
    pub visible: Option<Visible>,
    /// In this space.
    pub space_id: Option<SpaceId>,
    /// By this person.
    pub user_id: Option<UserId>,
    /// On this device.
    pub device_id: Option<DeviceId>,
    /// Of this action.
    pub action: Option<String>,
    /// About this.
    pub subject: Option<String>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

/// How far an organisation's tree goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditTree {
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// How many leaves it has.
    pub size: i64,
}

/// A place that a record was given in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequenced {
    /// The record.
    pub record_id: Uuid,
    /// Its place.
    pub leaf_index: i64,
    /// Salt and commitment of a record that had none.
    pub committed: Option<([u8; 32], [u8; 32])>,
}

/// Up to 256 hashes of one level of a tree (C2SP tlog-tiles).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditTile {
    /// The level: at 0 are hashes of leaves, above it those of whole tiles.
    pub level: i32,
    /// Which of its level, from 0.
    pub tile_index: i64,
    /// 32 bytes each.
    pub hashes: Vec<u8>,
}

/// A signed statement about a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheckpoint {
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// How many leaves the tree had.
    pub size: i64,
    /// Its root then.
    pub root: [u8; 32],
    /// When it was signed.
    pub at: Timestamp,
    /// The signed note (C2SP).
    pub note: String,
}

/// Rows of records. They are only ever added; what may be deleted of them is set to null.
pub trait AuditRows {
    /// Stores records.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_audit_records(&mut self, records: &[AuditRecord]) -> StoreResult<()>;

    /// An organisation's records, newest id first, below one, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_audit_records(
        &mut self,
        organisation_id: OrganisationId,
        filter: &AuditFilter,
        below: Option<Uuid>,
        limit: i64,
    ) -> StoreResult<Vec<AuditRecord>>;

    /// One of an organisation's records.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_audit_record(&mut self, organisation_id: OrganisationId, record_id: Uuid) -> StoreResult<Option<AuditRecord>>;

    /// Organisations with records that have no place in their tree yet, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_unsequenced(&mut self) -> StoreResult<Vec<OrganisationId>>;

    /// The first records of an organisation without a place, by id. The details of those that have their commitment are left
    /// out.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn take_unsequenced(&mut self, organisation_id: OrganisationId, limit: i64) -> StoreResult<Vec<AuditRecord>>;

    /// Gives records their places.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn sequence_audit_records(&mut self, organisation_id: OrganisationId, places: &[Sequenced]) -> StoreResult<()>;
}

/// Rows of trees. Whoever writes an audit record touches none of them.
pub trait AuditTreeRows {
    /// How far an organisation's tree goes; absent before anything of it was sequenced.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_audit_tree(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<AuditTree>>;

    /// The same, locked until the end of the transaction, and made where there is none; absent while another transaction has the lock.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn try_lock_audit_tree(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<AuditTree>>;

    /// Organisations whose tree goes further than every checkpoint of it, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_unvouched(&mut self) -> StoreResult<Vec<OrganisationId>>;

    /// Stores how far a tree goes.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_audit_tree(&mut self, tree: &AuditTree) -> StoreResult<()>;

    /// Stores tiles over what stood in their places.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_audit_tiles(&mut self, organisation_id: OrganisationId, tiles: &[AuditTile]) -> StoreResult<()>;

    /// The tiles among these places, `(level, tile_index)`, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_audit_tiles(&mut self, organisation_id: OrganisationId, places: &[(i32, i64)]) -> StoreResult<Vec<AuditTile>>;

    /// Stores a checkpoint, unless there is one of that size.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_audit_checkpoint(&mut self, checkpoint: &AuditCheckpoint) -> StoreResult<()>;

    /// The checkpoint of a size, or the newest.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_audit_checkpoint(&mut self, organisation_id: OrganisationId, size: Option<i64>) -> StoreResult<Option<AuditCheckpoint>>;
}
