//! Purges.

use diesel::Queryable;
use sync_core::ports::Purge;
use sync_core::{DeviceId, OrganisationId, SpaceId, UserId};

use super::Row;
use crate::values::{Id, Instant};

#[derive(Queryable)]
pub(crate) struct PurgeRecord {
    purge_id: Id,
    device_id: Id,
    organisation_id: Id,
    user_id: Id,
    space_id: Id,
    purged_at: Option<Instant>,
    documents: i64,
    assets: i64,
    outbox_left: i64,
    recorded_at: Instant,
    receipt: String,
}

impl Row for PurgeRecord {
    type Value = Purge;

    fn into_value(self) -> Purge {
        Purge {
            purge_id: self.purge_id.0,
            device_id: DeviceId(self.device_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            user_id: UserId(self.user_id.0),
            space_id: SpaceId(self.space_id.0),
            purged_at: self.purged_at.map(|at| at.0),
            documents: self.documents,
            assets: self.assets,
            outbox_left: self.outbox_left,
            recorded_at: self.recorded_at.0,
            receipt: self.receipt,
        }
    }
}
