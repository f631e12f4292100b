//! The audit log.

use diesel::Queryable;
use sync_core::ports::{AuditCheckpoint, AuditRecord, AuditTile, AuditTree};
use sync_core::{DeviceId, OrganisationId, SpaceId, UserId};

use super::Row;
use crate::values::{Bytes32, Id, Instant, Json, Utf8};

#[derive(Queryable)]
pub(crate) struct AuditRow {
    organisation_id: Id,
    record_id: Id,
    space_id: Option<Id>,
    at: Instant,
    action: String,
    commitment: Option<Bytes32>,
    leaf_index: Option<i64>,
    salt: Option<Bytes32>,
    user_id: Option<Id>,
    device_id: Option<Id>,
    subject: Option<Utf8>,
    reason: Option<Utf8>,
    trace: Option<String>,
    details: Option<Json>,
}

impl Row for AuditRow {
    type Value = AuditRecord;

    fn into_value(self) -> AuditRecord {
        AuditRecord {
            record_id: self.record_id.0,
            organisation_id: OrganisationId(self.organisation_id.0),
            space_id: self.space_id.map(|id| SpaceId(id.0)),
            at: self.at.0,
            action: self.action,
            commitment: self.commitment.map(|bytes| bytes.0),
            leaf_index: self.leaf_index,
            salt: self.salt.map(|bytes| bytes.0),
            user_id: self.user_id.map(|id| UserId(id.0)),
            device_id: self.device_id.map(|id| DeviceId(id.0)),
            subject: self.subject.map(|text| text.0),
            reason: self.reason.map(|text| text.0),
            trace: self.trace,
            details: self.details.map(|json| json.0),
        }
    }
}

#[derive(Queryable)]
pub(crate) struct AuditTreeRow {
    organisation_id: Id,
    size: i64,
}

impl Row for AuditTreeRow {
    type Value = AuditTree;

    fn into_value(self) -> AuditTree {
        AuditTree { organisation_id: OrganisationId(self.organisation_id.0), size: self.size }
    }
}

#[derive(Queryable)]
pub(crate) struct AuditTileRow {
    level: i32,
    tile_index: i64,
    hashes: Vec<u8>,
}

impl Row for AuditTileRow {
    type Value = AuditTile;

    fn into_value(self) -> AuditTile {
        AuditTile { level: self.level, tile_index: self.tile_index, hashes: self.hashes }
    }
}

#[derive(Queryable)]
pub(crate) struct AuditCheckpointRow {
    organisation_id: Id,
    size: i64,
    root: Bytes32,
    at: Instant,
    note: String,
}

impl Row for AuditCheckpointRow {
    type Value = AuditCheckpoint;

    fn into_value(self) -> AuditCheckpoint {
        AuditCheckpoint {
            organisation_id: OrganisationId(self.organisation_id.0),
            size: self.size,
            root: self.root.0,
            at: self.at.0,
            note: self.note,
        }
    }
}
