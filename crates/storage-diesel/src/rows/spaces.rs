//! Spaces and what is in them.

use diesel::Queryable;
use sync_core::ports::{
    ChangeRow, CollectionSum, ConflictLink, DocumentRow, DueConflict, Head, Member, Presence, Space, SpaceAccess, SpaceStatus,
    StoredOperation, StoredResult,
};
use sync_core::{Author, ConflictId, DeviceId, OpId, OrganisationId, Role, SpaceId, Status, UserId};

use super::Row;
use crate::values::{Bytes32, Id, Instant, Json, Key, Named, Roles, Utf8};

#[derive(Queryable)]
pub(crate) struct SpaceRecord {
    space_id: Id,
    organisation_id: Id,
    name: String,
    event_date: Option<String>,
    time_zone: Option<String>,
    status: Named<SpaceStatus>,
    schema: Option<String>,
    created_at: Instant,
    settings: Option<Json>,
}

impl Row for SpaceRecord {
    type Value = Space;

    fn into_value(self) -> Space {
        Space {
            space_id: SpaceId(self.space_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            name: self.name,
            event_date: self.event_date,
            time_zone: self.time_zone,
            status: self.status.0,
            schema: self.schema,
            settings: self.settings.map(|json| json.0),
            created_at: self.created_at.0,
        }
    }
}

/// Version, epoch, where tombstones and where history begin.
pub(crate) type HeadRecord = (i64, Id, i64, i64);

impl Row for HeadRecord {
    type Value = Head;

    fn into_value(self) -> Head {
        let (version, epoch, kept_from, history_from) = self;
        Head { version, epoch: epoch.0, kept_from, history_from }
    }
}

#[derive(Queryable)]
pub(crate) struct MemberRecord {
    space_id: Id,
    user_id: Id,
    role: Named<Role>,
    removed_at: Option<Instant>,
    purge_id: Option<Id>,
}

impl Row for MemberRecord {
    type Value = Member;

    fn into_value(self) -> Member {
        Member {
            space_id: SpaceId(self.space_id.0),
            user_id: UserId(self.user_id.0),
            role: self.role.0,
            removed_at: self.removed_at.map(|at| at.0),
            purge_id: self.purge_id.map(|id| id.0),
        }
    }
}

/// A space, its head, one user's membership.
pub(crate) type AccessRecord = (SpaceRecord, HeadRecord, MemberRecord);

impl Row for AccessRecord {
    type Value = SpaceAccess;

    fn into_value(self) -> SpaceAccess {
        let (space, head, member) = self;
        SpaceAccess { space: space.into_value(), head: head.into_value(), member: member.into_value() }
    }
}

/// User, device, operation.
type AuthorRecord = (Id, Id, Id);

fn author((user_id, device_id, op_id): AuthorRecord) -> Author {
    Author { user_id: UserId(user_id.0), device_id: DeviceId(device_id.0), op_id: OpId(op_id.0) }
}

#[derive(Queryable)]
pub(crate) struct DocumentRecord {
    key: Key,
    version: i64,
    life: (i64, i64, bool),
    body: Json,
    fields: Vec<u8>,
    by: AuthorRecord,
    changed_at: Instant,
    foreign_version: i64,
    audience: Roles,
    audience_ever: Roles,
    audience_version: i64,
    open_conflicts: i32,
}

impl Row for DocumentRecord {
    type Value = DocumentRow;

    fn into_value(self) -> DocumentRow {
        let (created, live_since, deleted) = self.life;
        DocumentRow {
            key: self.key.0,
            version: self.version,
            presence: Presence { created, live_since, deleted },
            body: self.body.0,
            fields: self.fields,
            by: author(self.by),
            at: self.changed_at.0,
            foreign_version: self.foreign_version,
            audience: self.audience.0,
            audience_ever: self.audience_ever.0,
            audience_version: self.audience_version,
            open_conflicts: self.open_conflicts,
        }
    }
}

#[derive(Queryable)]
pub(crate) struct ChangeRecord {
    version: i64,
    previous: i64,
    key: Key,
    was_live: bool,
    before: Json,
    by: AuthorRecord,
    changed_at: Instant,
}

impl Row for ChangeRecord {
    type Value = ChangeRow;

    fn into_value(self) -> ChangeRow {
        ChangeRow {
            version: self.version,
            previous: self.previous,
            key: self.key.0,
            was_live: self.was_live,
            before: self.before.0,
            by: author(self.by),
            at: self.changed_at.0,
        }
    }
}

/// Collection, audience, documents, the sum's bits.
pub(crate) type SumRecord = (String, Roles, i64, i64);

impl Row for SumRecord {
    type Value = CollectionSum;

    fn into_value(self) -> CollectionSum {
        let (collection, audience, documents, sum) = self;
        CollectionSum { collection, audience: audience.0, documents, sum: sum.cast_unsigned() }
    }
}

#[derive(Queryable)]
pub(crate) struct OperationRecord {
    organisation_id: Id,
    op_id: Id,
    identity: Bytes32,
    user_id: Id,
    device_id: Id,
    space_id: Id,
    key: Utf8,
    status: Named<Status>,
    decided_version: Option<i64>,
    head: i64,
    conflict_id: Option<Id>,
    decided_at: Instant,
    group_id: Option<Utf8>,
    problem: Option<Json>,
    payload: Json,
    overlay: Option<Json>,
    policy_version: Option<i32>,
    corrected_at: Option<Instant>,
    decisions: Option<Json>,
    received_at: Option<Instant>,
    attempts: Option<i32>,
}

impl Row for OperationRecord {
    type Value = StoredOperation;

    fn into_value(self) -> StoredOperation {
        StoredOperation {
            organisation_id: OrganisationId(self.organisation_id.0),
            op_id: OpId(self.op_id.0),
            identity: self.identity.0,
            user_id: UserId(self.user_id.0),
            device_id: DeviceId(self.device_id.0),
            space_id: SpaceId(self.space_id.0),
            key: self.key.0,
            status: self.status.0,
            decided_version: self.decided_version,
            head: self.head,
            conflict_id: self.conflict_id.map(|id| ConflictId(id.0)),
            decided_at: self.decided_at.0,
            group: self.group_id.map(|group| group.0),
            problem: self.problem.map(|json| json.0),
            payload: self.payload.0,
            overlay: self.overlay.map(|json| json.0),
            policy_version: self.policy_version,
            corrected_at: self.corrected_at.map(|at| at.0),
            received_at: self.received_at.map(|at| at.0),
            attempts: self.attempts,
            decisions: self.decisions.map(|json| json.0),
        }
    }
}

#[derive(Queryable)]
pub(crate) struct ResultRecord {
    op_id: Id,
    user_id: Id,
    space_id: Id,
    status: Named<Status>,
    decided_version: Option<i64>,
    conflict_id: Option<Id>,
    decided_at: Instant,
    problem: Option<Json>,
}

impl Row for ResultRecord {
    type Value = StoredResult;

    fn into_value(self) -> StoredResult {
        StoredResult {
            op_id: OpId(self.op_id.0),
            user_id: UserId(self.user_id.0),
            space_id: SpaceId(self.space_id.0),
            status: self.status.0,
            decided_version: self.decided_version,
            conflict_id: self.conflict_id.map(|id| ConflictId(id.0)),
            decided_at: self.decided_at.0,
            problem: self.problem.map(|json| json.0),
        }
    }
}

#[derive(Queryable)]
pub(crate) struct LinkRecord {
    conflict_id: Id,
    key: Key,
    organisation_id: Id,
    space_id: Id,
    open: bool,
}

impl Row for LinkRecord {
    type Value = ConflictLink;

    fn into_value(self) -> ConflictLink {
        ConflictLink {
            conflict_id: ConflictId(self.conflict_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            space_id: SpaceId(self.space_id.0),
            key: self.key.0,
            open: self.open,
        }
    }
}

/// Conflict, space.
pub(crate) type ConflictPlace = (Id, Id);

impl Row for ConflictPlace {
    type Value = (SpaceId, ConflictId);

    fn into_value(self) -> (SpaceId, ConflictId) {
        (SpaceId(self.1.0), ConflictId(self.0.0))
    }
}

/// Deadline, conflict, organisation, space.
pub(crate) type DueRecord = (Option<Instant>, Id, Id, Id);

impl Row for DueRecord {
    type Value = DueConflict;

    fn into_value(self) -> DueConflict {
        let (deadline_at, conflict_id, organisation_id, space_id) = self;
        DueConflict {
            deadline_at: deadline_at.map(|at| at.0).unwrap_or_default(),
            conflict_id: ConflictId(conflict_id.0),
            organisation_id: OrganisationId(organisation_id.0),
            space_id: SpaceId(space_id.0),
        }
    }
}
