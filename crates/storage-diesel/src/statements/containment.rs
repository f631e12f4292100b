//! What holds tenants and devices.

use std::collections::HashMap;

use diesel::prelude::*;
use sync_core::ports::{BatchRows as _, ContainmentRows, Device, Footing, QueueBatch, StoreResult, StoredOperation, Tenant, TenantState};
use sync_core::{BatchId, DeviceId, OpId, OrganisationId, SessionId, SpaceId, Timestamp};

use super::dialect;
use super::tx::Rows;
use crate::rows::{DeviceRecord, FootingRecord, HeldRecord, OperationRecord, TenantRecord};
use crate::schema::{devices, operations, organisations, sessions, spaces};
use crate::values::{Id, Named};

/// The columns of [`FootingRecord`].
macro_rules! footing {
    () => {
        (sessions::ended_at, devices::revoked_at, devices::suspended_at, organisations::state)
    };
}
pub(super) use footing;

/// Sessions with their devices and tenants.
macro_rules! logins {
    () => {
        sessions::table
            .inner_join(devices::table.on(devices::device_id.eq(sessions::device_id)))
            .inner_join(organisations::table.on(organisations::organisation_id.eq(sessions::organisation_id)))
    };
}

/// The columns of [`TenantRecord`].
macro_rules! tenant {
    () => {
        (
            organisations::organisation_id,
            organisations::name,
            organisations::state,
            organisations::state_since,
            organisations::state_by,
            organisations::state_reason,
            organisations::unlock_by,
            organisations::unlock_at,
        )
    };
}

impl ContainmentRows for Rows<'_> {
    fn find_footing(&mut self, session_id: SessionId) -> StoreResult<Footing> {
        let found = self.load(|conn| -> QueryResult<Vec<FootingRecord>> {
            logins!().filter(sessions::session_id.eq(session_id.as_bytes().as_slice())).select(footing!()).load(conn)
        })?;
        Ok(found.into_iter().next().unwrap_or(Footing::Ended))
    }

    fn hold_footing(&mut self, session_id: SessionId) -> StoreResult<Footing> {
        let found = self.load(|conn| -> QueryResult<Vec<FootingRecord>> {
            let login = logins!().filter(sessions::session_id.eq(session_id.as_bytes().as_slice())).select(footing!());
            dialect::held!(login, sessions::table, devices::table).load(conn)
        })?;
        Ok(found.into_iter().next().unwrap_or(Footing::Ended))
    }

    fn list_footings(&mut self, session_ids: &[SessionId]) -> StoreResult<Vec<(SessionId, Footing)>> {
        self.load_each(session_ids, |conn, ids| -> QueryResult<Vec<(Id, FootingRecord)>> {
            logins!()
                .filter(dialect::any_of!(sessions::session_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select((sessions::session_id, footing!()))
                .load(conn)
        })
    }

    fn load_work(&mut self, batch_ids: &[BatchId]) -> StoreResult<Vec<(QueueBatch, Footing)>> {
        // apart, so that a plan that was made for empty tables goes by the batches' ids
        let batches = self.load_batches(batch_ids)?;
        let ids: Vec<DeviceId> = batches.iter().map(|batch| batch.device_id).collect();
        let held = self.load_each(&ids, |conn, ids| -> QueryResult<Vec<HeldRecord>> {
            devices::table
                .inner_join(organisations::table.on(organisations::organisation_id.eq(devices::organisation_id)))
                .filter(dialect::any_of!(devices::device_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .select((devices::device_id, devices::suspended_at, organisations::state))
                .load(conn)
        })?;
        let held: HashMap<DeviceId, Footing> = held.into_iter().collect();
        let work = |batch: QueueBatch| held.get(&batch.device_id).map(|footing| (batch, *footing));
        Ok(batches.into_iter().filter_map(work).collect())
    }

    fn find_tenant(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<Tenant>> {
        let found = self.load(|conn| -> QueryResult<Vec<TenantRecord>> {
            organisations::table.find(organisation_id.as_bytes().as_slice()).select(tenant!()).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn find_tenant_named(&mut self, name: &str) -> StoreResult<Option<Tenant>> {
        let found = self.load(|conn| -> QueryResult<Vec<TenantRecord>> {
            organisations::table.filter(organisations::name.eq(name)).select(tenant!()).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn find_tenant_state(&mut self, space_id: SpaceId) -> StoreResult<Option<TenantState>> {
        let found = self.load(|conn| -> QueryResult<Vec<Named<TenantState>>> {
            spaces::table
                .inner_join(organisations::table.on(organisations::organisation_id.eq(spaces::organisation_id)))
                .filter(spaces::space_id.eq(space_id.as_bytes().as_slice()))
                .select(organisations::state)
                .load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn lock_tenant(&mut self, organisation_id: OrganisationId) -> StoreResult<Option<Tenant>> {
        let found = self.load(|conn| -> QueryResult<Vec<TenantRecord>> {
            dialect::locked!(organisations::table.find(organisation_id.as_bytes().as_slice()).select(tenant!())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn put_tenant(&mut self, tenant: &Tenant) -> StoreResult<()> {
        let changes = (
            organisations::state.eq(tenant.state.as_str()),
            organisations::state_since.eq(tenant.since.map(Timestamp::millis)),
            organisations::state_by.eq(tenant.by.as_ref().map(|id| id.as_bytes().as_slice())),
            organisations::state_reason.eq(tenant.reason.as_deref().map(str::as_bytes)),
            organisations::unlock_by.eq(tenant.unlock.as_ref().map(|(id, _)| id.as_bytes().as_slice())),
            organisations::unlock_at.eq(tenant.unlock.map(|(_, at)| at.millis())),
        );
        let own = organisations::table.find(tenant.organisation_id.as_bytes().as_slice());
        self.send(|conn| diesel::update(own).set(changes).execute(conn)).map(drop)
    }

    fn lock_device(&mut self, device_id: DeviceId) -> StoreResult<Option<Device>> {
        let found = self.load(|conn| -> QueryResult<Vec<DeviceRecord>> {
            dialect::locked!(devices::table.find(device_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn put_device_hold(&mut self, device: &Device) -> StoreResult<()> {
        let (suspended, wipe) = (device.suspended.as_ref(), device.wipe.as_ref());
        let changes = (
            devices::suspended_at.eq(suspended.map(|held| held.at.millis())),
            devices::suspended_by.eq(suspended.and_then(|held| held.by.as_ref()).map(|id| id.as_bytes().as_slice())),
            devices::suspended_reason.eq(suspended.and_then(|held| held.reason.as_deref()).map(str::as_bytes)),
            devices::wipe_id.eq(wipe.map(|wipe| wipe.purge_id.as_bytes().as_slice())),
            devices::wipe_ordered_at.eq(wipe.map(|wipe| wipe.ordered_at.millis())),
            devices::wipe_confirmed_at.eq(wipe.and_then(|wipe| wipe.confirmed_at).map(Timestamp::millis)),
            devices::wipe_left.eq(wipe.and_then(|wipe| wipe.outbox_left)),
        );
        let own = devices::table.find(device.device_id.as_bytes().as_slice());
        self.send(|conn| diesel::update(own).set(changes).execute(conn)).map(drop)
    }

    fn list_decided(
        &mut self,
        organisation_id: OrganisationId,
        device_id: Option<DeviceId>,
        since: Timestamp,
        after: Option<OpId>,
        limit: i64,
    ) -> StoreResult<Vec<StoredOperation>> {
        // the empty string of bytes sorts before every id
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        self.load(|conn| -> QueryResult<Vec<OperationRecord>> {
            let query = operations::table
                .filter(operations::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .filter(operations::op_id.gt(after))
                .filter(operations::decided_at.ge(since.millis()))
                .order(operations::op_id)
                .limit(limit)
                .into_boxed();
            match &device_id {
                Some(device_id) => query.filter(operations::device_id.eq(device_id.as_bytes().as_slice())).load(conn),
                None => query.load(conn),
            }
        })
    }
}
