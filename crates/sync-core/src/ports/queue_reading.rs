//! The queue as people read it.

use super::{ItemState, QueueItem, StoreResult};
use crate::{BatchId, DeviceId, OrganisationId, SpaceId, Timestamp, UserId};

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
