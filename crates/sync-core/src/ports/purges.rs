//! Devices that dropped their copy of a space that was taken away from their user.

use uuid::Uuid;

use super::StoreResult;
use crate::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};

/// What a device said that it dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// The purge that it was told of.
    pub purge_id: Uuid,
    /// The device.
    pub device_id: DeviceId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// Whose device it is.
    pub user_id: UserId,
    /// The space.
    pub space_id: SpaceId,
    /// When, by the device's clock.
    pub purged_at: Option<Timestamp>,
    /// How many documents.
    pub documents: i64,
    /// How many assets.
    pub assets: i64,
    /// How many operations went with them unsent.
    pub outbox_left: i64,
    /// When it was recorded here.
    pub recorded_at: Timestamp,
    /// The receipt that was given.
    pub receipt: String,
}

/// Rows of purges.
pub trait PurgeRows {
    /// Stores a purge unless the device confirmed it before.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_purge(&mut self, purge: &Purge) -> StoreResult<()>;

    /// What a device confirmed of these purges, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_purges(&mut self, device_id: DeviceId, purge_ids: &[Uuid]) -> StoreResult<Vec<Purge>>;
}
