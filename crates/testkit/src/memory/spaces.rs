use std::collections::BTreeSet;

use sync_core::ports::{Head, Member, Space, SpaceAccess, SpaceRows, SpaceStatus, StoreError, StoreResult};
use sync_core::{OrganisationId, SpaceId, UserId};
use uuid::Uuid;

use super::{MemoryTx, count};

impl MemoryTx<'_> {
    fn access_to(&self, organisation_id: OrganisationId, user_id: UserId, space_id: SpaceId) -> Option<SpaceAccess> {
        let space = self.state.spaces.get(&space_id).filter(|space| space.organisation_id == organisation_id)?;
        let member = self.state.members.get(&(space_id, user_id))?;
        let head = self.state.heads.get(&space_id)?;
        Some(SpaceAccess { space: space.clone(), head: *head, member: member.clone() })
    }
}

impl SpaceRows for MemoryTx<'_> {
    fn insert_space(&mut self, space: &Space, epoch: Uuid) -> StoreResult<()> {
        let state = self.writable()?;
        if state.spaces.contains_key(&space.space_id) {
            return Err(StoreError::Refused("the space exists".into()));
        }
        state.spaces.put(space.space_id, space.clone());
        state.heads.put(space.space_id, Head::of_empty(epoch));
        Ok(())
    }

    fn update_space(&mut self, space: &Space) -> StoreResult<()> {
        let state = self.writable()?;
        if let Some(stored) = state.spaces.get(&space.space_id) {
            let row = Space { organisation_id: stored.organisation_id, created_at: stored.created_at, ..space.clone() };
            state.spaces.put(space.space_id, row);
        }
        Ok(())
    }

    fn load_access(&mut self, organisation_id: OrganisationId, user_id: UserId, space_ids: &[SpaceId]) -> StoreResult<Vec<SpaceAccess>> {
        let wanted: BTreeSet<_> = space_ids.iter().collect();
        Ok(wanted.into_iter().filter_map(|space_id| self.access_to(organisation_id, user_id, *space_id)).collect())
    }

    fn list_access(
        &mut self,
        organisation_id: OrganisationId,
        user_id: UserId,
        after: Option<SpaceId>,
        limit: i64,
    ) -> StoreResult<Vec<SpaceAccess>> {
        let after = self.state.spaces.keys().filter(|space_id| after.is_none_or(|after| **space_id > after));
        let access = after.filter_map(|space_id| self.access_to(organisation_id, user_id, *space_id));
        let now = access.filter(|access| access.member.removed_at.is_none() && access.space.status != SpaceStatus::Deleted);
        Ok(now.take(count(limit)).collect())
    }

    fn lock_access(&mut self, organisation_id: OrganisationId, user_id: UserId, space_id: SpaceId) -> StoreResult<Option<SpaceAccess>> {
        self.writable()?;
        Ok(self.load_access(organisation_id, user_id, &[space_id])?.pop())
    }

    fn lock_head(&mut self, space_id: SpaceId) -> StoreResult<Option<Head>> {
        Ok(self.writable()?.heads.get(&space_id).copied())
    }

    fn put_head(&mut self, space_id: SpaceId, version: i64) -> StoreResult<()> {
        let state = self.writable()?;
        if let Some(head) = state.heads.get(&space_id).copied() {
            state.heads.put(space_id, Head { version, ..head });
        }
        Ok(())
    }

    fn put_member(&mut self, member: &Member) -> StoreResult<()> {
        self.writable()?.members.put((member.space_id, member.user_id), member.clone());
        Ok(())
    }

    fn list_members(&mut self, space_id: SpaceId) -> StoreResult<Vec<Member>> {
        let from = (space_id, UserId(Uuid::nil()))..=(space_id, UserId(Uuid::max()));
        Ok(self.state.members.range(from).map(|(_, member)| member.clone()).collect())
    }
}
