//! Presences that changed, and to whom that is told.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::ports::{Space, StoreResult, Tx};
use sync_core::{DeviceId, SpaceId, UserId};

use super::hub::Shared;
use crate::devices::Presence;
use crate::devices::presence::presence_of;

/// Spaces of one person that are looked at.
const MOST_SPACES: i64 = 256;

/// Devices whose presence changed, to be looked up.
pub(crate) struct Presences {
    pub(crate) changed: BTreeSet<(UserId, DeviceId)>,
    /// Spaces that somebody here follows.
    followed: BTreeSet<SpaceId>,
    /// What was found.
    pub(crate) told: Vec<Told>,
}

/// A presence that is told to the members of a space.
pub(crate) struct Told {
    pub(crate) space_id: SpaceId,
    pub(crate) presence: Presence,
    /// Who they are.
    pub(crate) members: BTreeSet<UserId>,
}

impl Presences {
    /// `None` where nothing changed.
    pub(crate) fn of<'a>(changed: BTreeSet<(UserId, DeviceId)>, followed: impl Iterator<Item = &'a SpaceId>) -> Option<Self> {
        (!changed.is_empty()).then(|| Self { changed, followed: followed.copied().collect(), told: Vec::new() })
    }

    /// Looks up the devices, in each followed space of which their owners are members.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn look(&mut self, tx: &mut dyn Tx, shared: &Shared) -> StoreResult<()> {
        self.told.clear();
        let shared_with = self.spaces(tx)?;
        let ids: Vec<SpaceId> = shared_with.keys().copied().collect();
        let mut members: BTreeMap<SpaceId, BTreeSet<UserId>> = BTreeMap::new();
        for member in tx.list_current_members(&ids)? {
            members.entry(member.space_id).or_default().insert(member.user_id);
        }
        let now = shared.service.now();
        for (space_id, (space, devices)) in shared_with {
            let members = members.remove(&space_id).unwrap_or_default();
            for presence in presence_of(tx, &shared.service.devices, &space, now)? {
                if devices.contains(&presence.device_id) {
                    self.told.push(Told { space_id, presence, members: members.clone() });
                }
            }
        }
        Ok(())
    }

    /// The followed spaces of the devices' owners, each with those devices.
    fn spaces(&self, tx: &mut dyn Tx) -> StoreResult<BTreeMap<SpaceId, (Space, BTreeSet<DeviceId>)>> {
        let mut spaces: BTreeMap<SpaceId, (Space, BTreeSet<DeviceId>)> = BTreeMap::new();
        for (user_id, device_id) in &self.changed {
            let Some(device) = tx.find_device(*device_id)?.filter(|device| device.user_id == *user_id) else { continue };
            for access in tx.list_access(device.organisation_id, *user_id, None, MOST_SPACES)? {
                if self.followed.contains(&access.space.space_id) {
                    spaces.entry(access.space.space_id).or_insert_with(|| (access.space, BTreeSet::new())).1.insert(*device_id);
                }
            }
        }
        Ok(spaces)
    }
}
