//! Devices' states and tickets.

use diesel::Queryable;
use sync_core::ports::DeviceState;
use sync_core::{DeviceId, OrganisationId, SessionId, SpaceId, Timestamp, UserId};

use super::Row;
use crate::values::{Id, Instant, Json};

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
