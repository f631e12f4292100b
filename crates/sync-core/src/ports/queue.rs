//! Rows of the queue: what was accepted and is still to be decided, the spaces in which something waits, the batches in
//! which it came, and what is remembered of how it went.
//!
//! A space is worked on by one worker at a time, because its log is one order anyway: the lease is the space's, its fence
//! stands in [`QueueSpace`], and every item that was taken carries it. What a worker writes is written only under its own
//! fence.

use uuid::Uuid;

use super::StoreResult;
use crate::json::RawJson;
use crate::{BatchId, DeviceId, DocumentKey, OpId, OrganisationId, SpaceId, TaskId, Timestamp, UserId};

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

/// Which items are meant. Everything that is given has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueFilter {
    /// Whose items the reader may see at all; `None`: all of the organisation's.
    pub visible: Option<Visible>,
    /// In this space.
    pub space_id: Option<SpaceId>,
    /// From this device.
    pub device_id: Option<DeviceId>,
    /// Of this user.
    pub user_id: Option<UserId>,
    /// Of this batch.
    pub batch_id: Option<BatchId>,
    /// In this lane.
    pub lane: Option<i32>,
    /// In one of these states; empty: in any.
    pub states: Vec<ItemState>,
    /// That failed last for this reason.
    pub code: Option<String>,
    /// Accepted before.
    pub accepted_before: Option<Timestamp>,
}

/// A person's own items, and those of the spaces that they lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// The person.
    pub user_id: UserId,
    /// The spaces that they lead.
    pub space_ids: Vec<SpaceId>,
}

/// How many items there are of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemCount {
    /// Their lane.
    pub lane: i32,
    /// What they wait for.
    pub state: ItemState,
    /// How many.
    pub items: i64,
    /// Their bytes.
    pub bytes: i64,
    /// When the oldest was accepted.
    pub oldest: Timestamp,
}

/// The place after which a page begins: space, rank, number.
pub type ItemMark = (SpaceId, i64, i64);

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

/// Reading the queue for people.
pub trait QueueReading {
    /// The items that a filter means, by (space, rank, number), after a place, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_queue(
        &mut self,
        organisation_id: OrganisationId,
        filter: &QueueFilter,
        after: Option<&ItemMark>,
        limit: i64,
    ) -> StoreResult<Vec<QueueItem>>;

    /// The items that a filter means, counted by lane and state.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn count_queue(&mut self, organisation_id: OrganisationId, filter: &QueueFilter) -> StoreResult<Vec<ItemCount>>;

    /// How many ready or taken items of a space go before a (rank, number), counted up to `most`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn count_ahead(&mut self, space_id: SpaceId, place: (i64, i64), most: i64) -> StoreResult<i64>;

    /// (rank, number, lane) of a space's ready or taken items from one place to another, both included, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_ranks(&mut self, space_id: SpaceId, from: (i64, i64), to: (i64, i64), limit: i64) -> StoreResult<Vec<(i64, i64, i32)>>;
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

/// Rows of batches.
pub trait BatchRows {
    /// Stores a batch over what stood under its id. What is decided of one that stands only [`Self::count_decided`]
    /// changes: `decided`, `decided_bytes`, and `finished_at` once it is set.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_batch(&mut self, batch: &QueueBatch) -> StoreResult<()>;

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

/// What one node counted in one lane of one organisation in one span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueFigure {
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The length of the span.
    pub step_s: i32,
    /// Its beginning.
    pub at: Timestamp,
    /// The lane.
    pub lane: i32,
    /// The node that counted; nil where several were added up.
    pub node_id: Uuid,
    /// The figures. The service reads and writes them; to a store they are opaque.
    pub body: RawJson,
}

/// Work on many items that goes on in the background.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueTask {
    /// Its id.
    pub task_id: TaskId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// Who asked for it.
    pub user_id: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Counts up with every step: a step that finds another one was taken meanwhile does nothing.
    pub step: i64,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What is to be done, and how far it is. The service reads and writes it; to a store it is opaque.
    pub body: RawJson,
}

/// Rows of what is remembered about the queue.
pub trait QueueMemoryRows {
    /// Stores figures over what stood for their (organisation, step, time, lane, node).
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_figures(&mut self, figures: &[QueueFigure]) -> StoreResult<()>;

    /// An organisation's figures of one step in [from, until), by time; of all organisations where none is given.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_figures(
        &mut self,
        organisation_id: Option<OrganisationId>,
        step_s: i32,
        span: (Timestamp, Timestamp),
    ) -> StoreResult<Vec<QueueFigure>>;

    /// Drops the figures of one step before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_figures(&mut self, step_s: i32, before: Timestamp) -> StoreResult<()>;

    /// Stores a task; where one stands under its id, only over the step before. Whether it did.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_task(&mut self, task: &QueueTask) -> StoreResult<bool>;

    /// By id.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_task(&mut self, organisation_id: OrganisationId, task_id: TaskId) -> StoreResult<Option<QueueTask>>;

    /// Tasks that have not ended, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_unfinished_tasks(&mut self, limit: i64) -> StoreResult<Vec<QueueTask>>;

    /// Drops tasks that ended before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_tasks(&mut self, before: Timestamp) -> StoreResult<()>;
}
