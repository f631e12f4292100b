//! The queue.

use diesel::Queryable;
use sync_core::ports::{BatchState, ItemCount, ItemPlace, ItemState, QueueBatch, QueueFigure, QueueItem, QueueSpace, QueueTask};
use sync_core::{BatchId, DeviceId, OpId, OrganisationId, SpaceId, TaskId, UserId};

use super::Row;
use crate::values::{Bytes32, Id, Instant, Json, Named, Utf8};

#[derive(Queryable)]
pub(crate) struct ItemRecord {
    organisation_id: Id,
    op_id: Id,
    identity: Bytes32,
    space_id: Id,
    user_id: Id,
    device_id: Id,
    batch_id: Id,
    seq: i64,
    key: Utf8,
    group_id: Option<Utf8>,
    lane: i32,
    rank: i64,
    state: Named<ItemState>,
    waits_for: Option<Id>,
    attempts: i32,
    not_before: Option<Instant>,
    fence: Option<i64>,
    size_bytes: i32,
    accepted_at: Instant,
    code: Option<String>,
    problem: Option<Json>,
    payload: Json,
    original: Option<Json>,
}

impl Row for ItemRecord {
    type Value = QueueItem;

    fn into_value(self) -> QueueItem {
        QueueItem {
            organisation_id: OrganisationId(self.organisation_id.0),
            op_id: OpId(self.op_id.0),
            identity: self.identity.0,
            space_id: SpaceId(self.space_id.0),
            user_id: UserId(self.user_id.0),
            device_id: DeviceId(self.device_id.0),
            batch_id: BatchId(self.batch_id.0),
            seq: self.seq,
            key: self.key.0,
            group: self.group_id.map(|group| group.0),
            lane: self.lane,
            rank: self.rank,
            state: self.state.0,
            waits_for: self.waits_for.map(|id| OpId(id.0)),
            attempts: self.attempts,
            not_before: self.not_before.map(|at| at.0),
            fence: self.fence,
            size_bytes: self.size_bytes,
            accepted_at: self.accepted_at.0,
            code: self.code,
            problem: self.problem.map(|json| json.0),
            payload: self.payload.0,
            original: self.original.map(|json| json.0),
        }
    }
}

#[derive(Queryable)]
pub(crate) struct PlaceRecord {
    op_id: Id,
    identity: Bytes32,
    space_id: Id,
    user_id: Id,
    device_id: Id,
    batch_id: Id,
    key: Utf8,
    group_id: Option<Utf8>,
    seq: i64,
    lane: i32,
    rank: i64,
    state: Named<ItemState>,
    waits_for: Option<Id>,
    accepted_at: Instant,
    problem: Option<Json>,
}

impl Row for PlaceRecord {
    type Value = ItemPlace;

    fn into_value(self) -> ItemPlace {
        ItemPlace {
            op_id: OpId(self.op_id.0),
            identity: self.identity.0,
            space_id: SpaceId(self.space_id.0),
            user_id: UserId(self.user_id.0),
            device_id: DeviceId(self.device_id.0),
            batch_id: BatchId(self.batch_id.0),
            key: self.key.0,
            group: self.group_id.map(|group| group.0),
            seq: self.seq,
            lane: self.lane,
            rank: self.rank,
            state: self.state.0,
            waits_for: self.waits_for.map(|id| OpId(id.0)),
            accepted_at: self.accepted_at.0,
            problem: self.problem.map(|json| json.0),
        }
    }
}

/// Lane, state, how many, their bytes, the oldest.
pub(crate) type CountRecord = (i32, Named<ItemState>, i64, Option<i64>, Option<Instant>);

impl Row for CountRecord {
    type Value = ItemCount;

    fn into_value(self) -> ItemCount {
        let (lane, state, items, bytes, oldest) = self;
        ItemCount { lane, state: state.0, items, bytes: bytes.unwrap_or(0), oldest: oldest.map(|at| at.0).unwrap_or_default() }
    }
}

/// Rank, number, lane.
pub(crate) type RankRecord = (i64, i64, i32);

impl Row for RankRecord {
    type Value = (i64, i64, i32);

    fn into_value(self) -> (i64, i64, i32) {
        self
    }
}

#[derive(Queryable)]
pub(crate) struct QueueSpaceRecord {
    space_id: Id,
    organisation_id: Id,
    next_seq: i64,
    fence: i64,
    leased_by: Option<Id>,
    leased_until: Option<Instant>,
    due_at: Option<Instant>,
    rank: i64,
    served: i64,
    served_at: Instant,
}

impl Row for QueueSpaceRecord {
    type Value = QueueSpace;

    fn into_value(self) -> QueueSpace {
        QueueSpace {
            space_id: SpaceId(self.space_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            next_seq: self.next_seq,
            fence: self.fence,
            leased_by: self.leased_by.map(|id| id.0),
            leased_until: self.leased_until.map(|at| at.0),
            due_at: self.due_at.map(|at| at.0),
            rank: self.rank,
            served: self.served,
            served_at: self.served_at.0,
        }
    }
}

#[derive(Queryable)]
pub(crate) struct BatchRecord {
    batch_id: Id,
    organisation_id: Id,
    user_id: Id,
    device_id: Id,
    sent_at: Option<Instant>,
    received_at: Instant,
    epochs: Json,
    atomic: bool,
    state: Named<BatchState>,
    operations: i64,
    bytes: i64,
    decided: i64,
    decided_bytes: i64,
    finished_at: Option<Instant>,
}

impl Row for BatchRecord {
    type Value = QueueBatch;

    fn into_value(self) -> QueueBatch {
        QueueBatch {
            batch_id: BatchId(self.batch_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            user_id: UserId(self.user_id.0),
            device_id: DeviceId(self.device_id.0),
            sent_at: self.sent_at.map(|at| at.0),
            received_at: self.received_at.0,
            epochs: self.epochs.0,
            atomic: self.atomic,
            state: self.state.0,
            operations: self.operations,
            bytes: self.bytes,
            decided: self.decided,
            decided_bytes: self.decided_bytes,
            finished_at: self.finished_at.map(|at| at.0),
        }
    }
}

#[derive(Queryable)]
pub(crate) struct FigureRecord {
    organisation_id: Id,
    step_s: i32,
    at: Instant,
    lane: i32,
    node_id: Id,
    body: Json,
}

impl Row for FigureRecord {
    type Value = QueueFigure;

    fn into_value(self) -> QueueFigure {
        QueueFigure {
            organisation_id: OrganisationId(self.organisation_id.0),
            step_s: self.step_s,
            at: self.at.0,
            lane: self.lane,
            node_id: self.node_id.0,
            body: self.body.0,
        }
    }
}

#[derive(Queryable)]
pub(crate) struct TaskRecord {
    task_id: Id,
    organisation_id: Id,
    user_id: Id,
    created_at: Instant,
    step: i64,
    finished_at: Option<Instant>,
    body: Json,
}

impl Row for TaskRecord {
    type Value = QueueTask;

    fn into_value(self) -> QueueTask {
        QueueTask {
            task_id: TaskId(self.task_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            user_id: UserId(self.user_id.0),
            created_at: self.created_at.0,
            step: self.step,
            finished_at: self.finished_at.map(|at| at.0),
            body: self.body.0,
        }
    }
}

/// A space that nobody called, with its organisation.
#[derive(Queryable)]
pub(crate) struct MissedRecord {
    organisation_id: Id,
    space_id: Id,
}

impl Row for MissedRecord {
    type Value = (OrganisationId, SpaceId);

    fn into_value(self) -> Self::Value {
        (OrganisationId(self.organisation_id.0), SpaceId(self.space_id.0))
    }
}
