//! The devices of some people, as whoever judges the queue looks at them.

use std::collections::BTreeSet;

use sync_core::ports::{DeviceState, StoreResult, Tx};
use sync_core::protocol::v1::status::OutboxTrend;
use sync_core::{DeviceId, OrganisationId, Timestamp, UserId};

use super::day::hours_until;
use super::known::Known;
use super::outbox::{stuck_since, trend};
use crate::access::list_own;
use crate::{Caller, Service, ServiceResult};

/// Spaces that are looked at.
const MAX_SPACES: i64 = 200;

/// How a device's outbox fares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceHealth {
    /// The device.
    pub device_id: DeviceId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// When it synced or reported last.
    pub seen_at: Timestamp,
    /// Operations that it reported last to wait on it.
    pub outbox: Option<u64>,
    /// Where that goes.
    pub trend: OutboxTrend,
    /// Since when it does not drain although the device syncs.
    pub stuck_since: Option<Timestamp>,
    /// Operations that it ever sent.
    pub operations: u64,
}

/// The devices of these people that have synced and were not revoked, by id; as far as it is written down.
///
/// # Errors
/// The store's.
pub(crate) fn health_of(
    tx: &mut dyn Tx,
    organisation_id: OrganisationId,
    user_ids: &[UserId],
    now: Timestamp,
) -> StoreResult<Vec<DeviceHealth>> {
    let mut states = tx.list_device_states(organisation_id, user_ids)?;
    states.sort_by_key(|state| state.device_id);
    let ids: Vec<DeviceId> = states.iter().map(|state| state.device_id).collect();
    let devices = tx.load_devices(organisation_id, &ids)?;
    let health = |state: &DeviceState| {
        let device = devices.iter().find(|device| device.device_id == state.device_id && device.revoked_at.is_none())?;
        let known = Known::read(&state.body);
        let hours = hours_until(known.event, now);
        Some(DeviceHealth {
            device_id: state.device_id,
            user_id: state.user_id,
            name: device.name.clone(),
            seen_at: state.seen_at,
            outbox: known.reports.last().map(|report| report.operations),
            trend: trend(&known, hours),
            stuck_since: stuck_since(&known, hours),
            operations: known.operations,
        })
    };
    Ok(states.iter().filter_map(health).collect())
}

impl Service {
    /// The devices of the caller, and of the members of the spaces that they lead.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_device_health(&self, caller: &Caller) -> ServiceResult<Vec<DeviceHealth>> {
        let (caller, now) = (*caller, self.now());
        let work = move |tx: &mut dyn Tx| {
            let mut users = BTreeSet::from([caller.user_id]);
            for access in list_own(tx, &caller, None, MAX_SPACES)?.iter().filter(|access| access.member.role.may_manage()) {
                let members = tx.list_members(access.space.space_id)?;
                users.extend(members.iter().filter(|member| member.removed_at.is_none()).map(|member| member.user_id));
            }
            health_of(tx, caller.organisation_id, &users.into_iter().collect::<Vec<_>>(), now)
        };
        Ok(self.store.transact(caller.read(), work).await?)
    }
}
