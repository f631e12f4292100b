use sync_core::ports::{ContainmentRows, Device, Footing, QueueBatch, StoreError, StoreResult, StoredOperation, Tenant, TenantState};
use sync_core::{BatchId, DeviceId, OpId, OrganisationId, SessionId, SpaceId, Timestamp};

use super::{MemoryTx, State, count};

impl State {
    /// A tenant as it stands; one that nobody ever held has no row of its own.
    pub(super) fn tenant(&self, organisation_id: OrganisationId) -> Option<Tenant> {
        let named = self.organisations.values().find(|organisation| organisation.organisation_id == organisation_id)?;
        let free = || Tenant {
            organisation_id,
            name: named.name.clone(),
            state: TenantState::Active,
            since: None,
            by: None,
            reason: None,
            unlock: None,
        };
        Some(self.tenants.get(&organisation_id).cloned().unwrap_or_else(free))
    }

    /// Whether a tenant's queue is worked.
    pub(super) fn is_worked(&self, organisation_id: OrganisationId) -> bool {
        self.tenant(organisation_id).is_some_and(|tenant| tenant.state == TenantState::Active)
    }
}

impl ContainmentRows for MemoryTx<'_> {
    fn find_footing(&mut self, session_id: SessionId) -> StoreResult<Footing> {
        Ok(self.state.grant(session_id, Timestamp::default()).map_or(Footing::Ended, |grant| grant.footing))
    }

    // whoever writes is alone
    fn hold_footing(&mut self, session_id: SessionId) -> StoreResult<Footing> {
        self.writable()?;
        self.find_footing(session_id)
    }

    fn list_footings(&mut self, session_ids: &[SessionId]) -> StoreResult<Vec<(SessionId, Footing)>> {
        let footing = |id: &SessionId| self.state.grant(*id, Timestamp::default()).map(|grant| (*id, grant.footing));
        Ok(session_ids.iter().filter_map(footing).collect())
    }

    fn load_work(&mut self, batch_ids: &[BatchId]) -> StoreResult<Vec<(QueueBatch, Footing)>> {
        let work = |batch: QueueBatch| {
            let suspended = self.state.devices.get(&batch.device_id)?.suspended.is_some();
            let tenant = self.state.tenant(batch.organisation_id)?.state;
            Some((batch, Footing::of(false, suspended, tenant)))
        };
        let found = batch_ids.iter().filter_map(|id| self.state.batches.get(id)).cloned();
        Ok(found.filter_map(work).collect())
    }

    fn find_tenant(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<Tenant>> {
        Ok(self.state.tenant(organisation_id))
    }

    fn find_tenant_named(&mut self, name: &str) -> StoreResult<Option<Tenant>> {
        let found = self.state.organisations.get(&name.to_owned()).map(|organisation| organisation.organisation_id);
        Ok(found.and_then(|id| self.state.tenant(id)))
    }

    fn find_tenant_state(&mut self, space_id: SpaceId) -> StoreResult<Option<TenantState>> {
        let organisation_id = self.state.spaces.get(&space_id).map(|space| space.organisation_id);
        Ok(organisation_id.and_then(|id| self.state.tenant(id)).map(|tenant| tenant.state))
    }

    fn lock_tenant(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<Tenant>> {
        Ok(self.writable()?.tenant(organisation_id))
    }

    fn put_tenant(&mut self, tenant: &Tenant) -> StoreResult<()> {
        self.writable()?.tenants.put(tenant.organisation_id, tenant.clone());
        Ok(())
    }

    fn lock_device(&mut self, device_id: DeviceId) -> StoreResult<Option<Device>> {
        Ok(self.writable()?.devices.get(&device_id).cloned())
    }

    fn put_device_hold(&mut self, device: &Device) -> StoreResult<()> {
        let devices = &mut self.writable()?.devices;
        let known = devices.get(&device.device_id).cloned().ok_or_else(|| StoreError::Refused("there is no such device".into()))?;
        devices.put(device.device_id, Device { suspended: device.suspended.clone(), wipe: device.wipe.clone(), ..known });
        Ok(())
    }

    fn list_decided(
        &mut self,
        organisation_id: OrganisationId,
        device_id: Option<DeviceId>,
        since: Timestamp,
        after: Option<OpId>,
        limit: i64,
    ) -> StoreResult<Vec<StoredOperation>> {
        let is_wanted = |row: &&StoredOperation| {
            let of_device = device_id.is_none_or(|device_id| row.device_id == device_id);
            row.organisation_id == organisation_id && of_device && row.decided_at >= since && after.is_none_or(|after| row.op_id > after)
        };
        Ok(self.state.operations.values().filter(is_wanted).take(count(limit)).cloned().collect())
    }
}
