//! What is known of devices beside their logins, and tickets for sockets.

use super::StoreResult;
use crate::json::RawJson;
use crate::{DeviceId, OrganisationId, SessionId, SpaceId, Timestamp, UserId};

/// What is known of a device: what it told, and what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceState {
    /// The device.
    pub device_id: DeviceId,
    /// Its tenant.
    pub organisation_id: OrganisationId,
    /// Whose it is.
    pub user_id: UserId,
    /// The last push, pull or report.
    pub seen_at: Timestamp,
    /// The rest. The service reads and writes it; to a store it is opaque.
    pub body: RawJson,
}

/// Rows of devices' states.
pub trait DeviceStateRows {
    /// Stores states over what stood for their devices.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_device_states(&mut self, states: &[DeviceState]) -> StoreResult<()>;

    /// The states among these devices of one organisation, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_device_states(&mut self, organisation_id: OrganisationId, device_ids: &[DeviceId]) -> StoreResult<Vec<DeviceState>>;

    /// The states of these users' devices, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_device_states(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<DeviceState>>;

    /// How many stored operations of a device are quarantined; only those of these spaces, where some are given.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn count_quarantined(
        &mut self,
        organisation_id: OrganisationId,
        device_id: DeviceId,
        space_ids: Option<&[SpaceId]>,
    ) -> StoreResult<i64>;
}

/// Rows that sockets need.
pub trait SocketRows {
    /// Stores a ticket's hash.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_ticket(&mut self, hash: &[u8; 32], session_id: SessionId, expires_at: Timestamp) -> StoreResult<()>;

    /// Takes a ticket away: it is good once. Its session and end.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn take_ticket(&mut self, hash: &[u8; 32]) -> StoreResult<Option<(SessionId, Timestamp)>>;

    /// Drops tickets that ended before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_tickets(&mut self, before: Timestamp) -> StoreResult<()>;

    /// Who is a member of these spaces now, in any order. Spaces that were deleted have none.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_current_members(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<super::Member>>;

    /// What a session stands for; `expires_at` is the session's own end.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_session_grant(&mut self, session_id: SessionId) -> StoreResult<Option<super::AccessGrant>>;

    /// The versions of these spaces' heads, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_heads(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<(SpaceId, i64)>>;
}
