//! Devices' states, tickets, records.

use diesel::Queryable;
use sync_core::ports::{AuditRecord, DeviceState};
use sync_core::{DeviceId, OrganisationId, SessionId, SpaceId, Timestamp, UserId};

use super::Row;
use crate::values::{Id, Instant, Json, Utf8};

#[derive(Queryable)]
pub(crate) struct DeviceStateRecord {
    device_id: Id,
    organisation_id: Id,
    user_id: Id,
    seen_at: Instant,
    body: Json,
}

impl Row for DeviceStateRecord {
    type Value = DeviceState;

    fn into_value(self) -> DeviceState {
        DeviceState {
            device_id: DeviceId(self.device_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            user_id: UserId(self.user_id.0),
            seen_at: self.seen_at.0,
            body: self.body.0,
        }
    }
}

/// Session, end.
impl Row for (Id, Instant) {
    type Value = (SessionId, Timestamp);

    fn into_value(self) -> (SessionId, Timestamp) {
        (SessionId(self.0.0), self.1.0)
    }
}

/// Space, version of its head.
impl Row for (Id, i64) {
    type Value = (SpaceId, i64);

    fn into_value(self) -> (SpaceId, i64) {
        (SpaceId(self.0.0), self.1)
    }
}

#[derive(Queryable)]
pub(crate) struct AuditRow {
    record_id: Id,
    organisation_id: Id,
    space_id: Option<Id>,
    at: Instant,
    user_id: Id,
    device_id: Option<Id>,
    action: String,
    subject: Utf8,
    reason: Option<Utf8>,
}

impl Row for AuditRow {
    type Value = AuditRecord;

    fn into_value(self) -> AuditRecord {
        AuditRecord {
            record_id: self.record_id.0,
            organisation_id: OrganisationId(self.organisation_id.0),
            space_id: self.space_id.map(|id| SpaceId(id.0)),
            at: self.at.0,
            user_id: UserId(self.user_id.0),
            device_id: self.device_id.map(|id| DeviceId(id.0)),
            action: self.action,
            subject: self.subject.0,
            reason: self.reason.map(|text| text.0),
        }
    }
}
