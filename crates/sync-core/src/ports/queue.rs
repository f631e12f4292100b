//! Items of the queue: what was accepted and is still to be decided.
//!
//! A space is worked on by one worker at a time, because its log is one order anyway: the lease is the space's, its fence
//! stands in [`super::QueueSpace`], and every item that was taken carries it. What a worker writes is written only under its
//! own fence.

use super::StoreResult;
use crate::json::RawJson;
use crate::{BatchId, DeviceId, DocumentKey, OpId, OrganisationId, SpaceId, Timestamp, UserId};

/// What an item of the queue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemState {
    /// Part of a batch that is all or nothing, and not yet complete: nobody takes it.
    Staged,
    /// For a worker.
    Ready,
    /// For what [`QueueItem::waits_for`] names.
    Held,
    /// For its next try, at [`QueueItem::not_before`].
    Delayed,
    /// For nobody: a worker has it, under [`QueueItem::fence`].
    Leased,
    /// For a person: it is a dead letter.
    Parked,
}

impl ItemState {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Staged, Self::Ready, Self::Held, Self::Delayed, Self::Leased, Self::Parked];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Ready => "ready",
            Self::Held => "held",
            Self::Delayed => "delayed",
            Self::Leased => "leased",
            Self::Parked => "parked",
        }
    }

    /// Reads the stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// An operation that was accepted and is not decided yet.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueItem {
    /// The tenant in which the id is unique.
    pub organisation_id: OrganisationId,
    /// The operation.
    pub op_id: OpId,
    /// SHA-256 of the canonical identity of what was sent, whatever was edited since.
    pub identity: [u8; 32],
    /// Its space.
    pub space_id: SpaceId,
    /// Who sent it.
    pub user_id: UserId,
    /// From which device.
    pub device_id: DeviceId,
    /// The request in which it came.
    pub batch_id: BatchId,
    /// Counts up in its space, in the order in which items were accepted.
    pub seq: i64,
    /// `collection/id`, or `collection/` of an intent.
    pub key: String,
    /// The group that it came in.
    pub group: Option<String>,
    /// 0 safety and times, 1 the day's work, 2 planning, 3 bulk.
    pub lane: i32,
    /// Its virtual deadline in Unix milliseconds: of two that are ready, the lower goes first, then the lower `seq`.
    pub rank: i64,
    /// What it waits for.
    pub state: ItemState,
    /// The operation that has to be decided first; of a chain, the one at its head.
    pub waits_for: Option<OpId>,
    /// How often a worker took it.
    pub attempts: i32,
    /// Not taken before.
    pub not_before: Option<Timestamp>,
    /// The fence of the lease that took it last.
    pub fence: Option<i64>,
    /// Bytes of what was sent.
    pub size_bytes: i32,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Why it failed last: the code of `problem`, to find it by.
    pub code: Option<String>,
    /// `{"code","detail",…}` of the last failure.
    pub problem: Option<RawJson>,
    /// The operation, as sent or as edited since.
    pub payload: RawJson,
    /// The operation as sent, where `payload` was edited.
    pub original: Option<RawJson>,
}

/// An item's place in its space, without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPlace {
    /// The operation.
    pub op_id: OpId,
    /// SHA-256 of its identity.
    pub identity: [u8; 32],
    /// Its space.
    pub space_id: SpaceId,
    /// Who sent it.
    pub user_id: UserId,
    /// From which device.
    pub device_id: DeviceId,
    /// The request in which it came.
    pub batch_id: BatchId,
    /// `collection/id`.
    pub key: String,
    /// The group that it came in.
    pub group: Option<String>,
    /// Counts up in its space.
    pub seq: i64,
    /// Its lane.
    pub lane: i32,
    /// Its virtual deadline.
    pub rank: i64,
    /// What it waits for.
    pub state: ItemState,
    /// The operation that has to be decided first.
    pub waits_for: Option<OpId>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Why it failed last.
    pub problem: Option<RawJson>,
}

/// Rows of items.
pub trait ItemRows {
    /// Stores new items.
    ///
    /// # Errors
    /// [`super::StoreError::Busy`] when an id was stored meanwhile: the job is to run again and will find it.
    fn insert_items(&mut self, items: &[QueueItem]) -> StoreResult<()>;

    /// Stores items over what stood under their ids.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_items(&mut self, items: &[QueueItem]) -> StoreResult<()>;

    /// The items among these ids, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<QueueItem>>;

    /// The places of the items among these ids, in any order. Reads no payloads.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_places(&mut self, organisation_id: OrganisationId, op_ids: &[OpId]) -> StoreResult<Vec<ItemPlace>>;

    /// The places of a device's items on these documents of a space, by number; `stopped`: only those that nobody takes
    /// before something else happens, which is all but the ready and the taken. Reads no payloads.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_strands(&mut self, space_id: SpaceId, device_id: DeviceId, keys: &[DocumentKey], stopped: bool) -> StoreResult<Vec<ItemPlace>>;

    /// A space's items in one state, by (rank, number), at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_items(&mut self, space_id: SpaceId, state: ItemState, limit: i64) -> StoreResult<Vec<QueueItem>>;

    /// A space's items of these groups, by number.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_items_of_groups(&mut self, space_id: SpaceId, groups: &[String]) -> StoreResult<Vec<QueueItem>>;

    /// Drops items; where a fence is given, only those that are taken under it. How many there were.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], fence: Option<i64>) -> StoreResult<usize>;
}

/// Rows of items, moved from one state to another in bulk.
pub trait ItemStateRows {
    /// Marks ready items as taken under a fence, and counts the attempt.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lease_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], fence: i64) -> StoreResult<()>;

    /// Makes the delayed items of a space ready whose time has come, and forgets that time. How many.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn wake_items(&mut self, space_id: SpaceId, now: Timestamp) -> StoreResult<usize>;

    /// The earliest [`QueueItem::not_before`] of a space's delayed items.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_next_wake(&mut self, space_id: SpaceId) -> StoreResult<Option<Timestamp>>;

    /// Makes the held items ready that wait for these operations. The spaces in which there were some, each once.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn release_items(&mut self, organisation_id: OrganisationId, decided: &[OpId]) -> StoreResult<Vec<SpaceId>>;

    /// Makes some held items ready that wait for an operation which is not in the queue any more, at most `limit`: a
    /// process ended before it told them. The spaces in which there were some, each once.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn release_orphans(&mut self, limit: i64) -> StoreResult<Vec<(OrganisationId, SpaceId)>>;

    /// Makes some staged items of a sealed batch ready, or held where they wait for something, by number, at most `limit`. The spaces in which there were some,
    /// each once; none when all are.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn release_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<Vec<SpaceId>>;

    /// Drops some items of a batch that was taken back, at most `limit`. How many.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_staged(&mut self, batch_id: BatchId, limit: i64) -> StoreResult<usize>;

    /// Lowers lane and rank of undecided items to at most these, so that nothing urgent waits behind them.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn hasten_items(&mut self, organisation_id: OrganisationId, op_ids: &[OpId], lane: i32, rank: i64) -> StoreResult<()>;
}
