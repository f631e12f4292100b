//! A user's devices.

use sync_core::ports::{Device, Signal};
use sync_core::protocol::v1::identity::{DeviceItem, DeviceList};
use sync_core::{Code, DeviceId, Problem};

use crate::{Caller, Service, ServiceResult};

impl Service {
    /// The caller's devices, revoked ones too, by id.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_devices(&self, caller: &Caller) -> ServiceResult<DeviceList> {
        let user_id = caller.user_id;
        let devices = self.store.transact(caller.read(), move |tx| tx.list_devices(user_id)).await?;
        Ok(DeviceList { items: devices.into_iter().map(|device| item(caller, device)).collect() })
    }

    /// One device of the caller, or for an admin of anybody in the organisation.
    ///
    /// # Errors
    /// `unknown_device`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn get_device(&self, caller: &Caller, device_id: DeviceId) -> ServiceResult<DeviceItem> {
        let organisation_id = caller.organisation_id;
        let device = self.store.transact(caller.read(), move |tx| Ok(tx.load_devices(organisation_id, &[device_id])?.pop())).await?;
        Ok(item(caller, visible(caller, device)?))
    }

    /// Voids a device's tokens for good: one's own, or for an admin anybody's in the organisation. Idempotent.
    ///
    /// # Errors
    /// `unknown_device`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revoke_device(&self, caller: &Caller, device_id: DeviceId) -> ServiceResult<()> {
        let (caller, now) = (*caller, self.now());
        self.decide(caller.write(), move |tx| {
            visible(&caller, tx.load_devices(caller.organisation_id, &[device_id])?.pop())?;
            tx.end_sessions(device_id, now)?;
            // read again after the sessions, whose rows order this and a refresh
            let device = visible(&caller, tx.find_device(device_id)?)?;
            Ok(tx.put_device(&Device { revoked_at: device.revoked_at.or(Some(now)), ..device })?)
        })
        .await?;
        self.publish(&[Signal::Device(device_id)]);
        Ok(())
    }
}

fn visible(caller: &Caller, device: Option<Device>) -> Result<Device, Problem> {
    let mine = |device: &Device| device.organisation_id == caller.organisation_id && (device.user_id == caller.user_id || caller.admin);
    device
        .filter(mine)
        .ok_or_else(|| Problem::new(Code::UnknownDevice, "There is no such device among yours. GET /api/auth/devices lists them."))
}

fn item(caller: &Caller, device: Device) -> DeviceItem {
    DeviceItem {
        device_id: device.device_id,
        name: device.name,
        platform: device.platform,
        created_at: device.created_at,
        seen_at: device.seen_at,
        revoked_at: device.revoked_at,
        current: device.device_id == caller.device_id,
    }
}
