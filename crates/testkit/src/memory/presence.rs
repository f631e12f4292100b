use std::collections::BTreeSet;

use sync_core::ports::{
    AccessGrant, DeviceState, DeviceStateRows, Member, SocketRows, SpaceStatus, StoreError, StoreResult, StoredOperation,
};
use sync_core::{DeviceId, OrganisationId, SessionId, SpaceId, Status, Timestamp, UserId};

use super::MemoryTx;

impl DeviceStateRows for MemoryTx<'_> {
    fn put_device_states(&mut self, states: &[DeviceState]) -> StoreResult<()> {
        let state = self.writable()?;
        for row in states {
            state.device_states.put(row.device_id, row.clone());
        }
        Ok(())
    }

    fn load_device_states(&mut self, organisation_id: OrganisationId, device_ids: &[DeviceId]) -> StoreResult<Vec<DeviceState>> {
        let is_wanted = |row: &&DeviceState| row.organisation_id == organisation_id && device_ids.contains(&row.device_id);
        Ok(self.state.device_states.values().filter(is_wanted).cloned().collect())
    }

    fn list_device_states(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<DeviceState>> {
        let is_wanted = |row: &&DeviceState| row.organisation_id == organisation_id && user_ids.contains(&row.user_id);
        Ok(self.state.device_states.values().filter(is_wanted).cloned().collect())
    }

    fn count_quarantined(
        &mut self,
        organisation_id: OrganisationId,
        device_id: DeviceId,
        space_ids: Option<&[SpaceId]>,
    ) -> StoreResult<i64> {
        let is_wanted = |row: &&StoredOperation| {
            let named = space_ids.is_none_or(|space_ids| space_ids.contains(&row.space_id));
            row.organisation_id == organisation_id && row.device_id == device_id && row.status == Status::Quarantined && named
        };
        let found = self.state.operations.values().filter(is_wanted).count();
        Ok(i64::try_from(found).unwrap_or(i64::MAX))
    }
}

impl SocketRows for MemoryTx<'_> {
    fn insert_ticket(&mut self, hash: &[u8; 32], session_id: SessionId, expires_at: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        if state.tickets.contains_key(hash) {
            return Err(StoreError::Refused("the ticket exists".into()));
        }
        state.tickets.put(*hash, (session_id, expires_at));
        Ok(())
    }

    fn take_ticket(&mut self, hash: &[u8; 32]) -> StoreResult<Option<(SessionId, Timestamp)>> {
        let state = self.writable()?;
        let found = state.tickets.get(hash).copied();
        state.tickets.remove(hash);
        Ok(found)
    }

    fn drop_tickets(&mut self, before: Timestamp) -> StoreResult<()> {
        let state = self.writable()?;
        let ended: Vec<_> = state.tickets.iter().filter(|(_, (_, end))| *end < before).map(|(hash, _)| *hash).collect();
        for hash in ended {
            state.tickets.remove(&hash);
        }
        Ok(())
    }

    fn list_current_members(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<Member>> {
        let stands = |id: &SpaceId| self.state.spaces.get(id).is_some_and(|space| space.status != SpaceStatus::Deleted);
        let wanted: BTreeSet<SpaceId> = space_ids.iter().filter(|id| stands(id)).copied().collect();
        let is_current = |row: &&Member| row.removed_at.is_none() && wanted.contains(&row.space_id);
        Ok(self.state.members.values().filter(is_current).cloned().collect())
    }

    fn find_session_grant(&mut self, session_id: SessionId) -> StoreResult<Option<AccessGrant>> {
        let session = self.state.sessions.get(&session_id);
        Ok(session.and_then(|session| self.state.grant(session_id, session.expires_at)))
    }

    fn list_heads(&mut self, space_ids: &[SpaceId]) -> StoreResult<Vec<(SpaceId, i64)>> {
        let head = |space_id: &SpaceId| self.state.heads.get(space_id).map(|head| (*space_id, head.version));
        Ok(space_ids.iter().filter_map(head).collect())
    }
}
