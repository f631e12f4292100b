//! A user's devices.

use std::sync::Arc;

use sync_core::ports::{AccessGrant, Device, Signal, Tx, Wipe};
use sync_core::protocol::v1::identity::{DeviceItem, DeviceList, RenameDeviceRequest, WipeItem};
use sync_core::protocol::v1::{Next, OperationResult, SpaceChanges, SyncRequest, SyncResponse};
use sync_core::{Code, DeviceId, Problem, Status};

use crate::access::require_writable;
use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceResult};

/// When a device that is to be wiped comes again, in milliseconds.
const WIPED_COMES_AGAIN_MS: u64 = 60_000;

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
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        self.decide(caller.write(), move |tx| {
            visible(&caller, tx.load_devices(caller.organisation_id, &[device_id])?.pop())?;
            tx.end_sessions(device_id, now)?;
            // read again after the sessions, whose rows order this and a refresh
            let device = visible(&caller, tx.find_device(device_id)?)?;
            let act = device.revoked_at.is_none().then(|| Act::by(&caller, "device.revoke").about(&device_id));
            audit::write(tx, &*entropy, now, act)?;
            Ok(tx.put_device(&Device { revoked_at: device.revoked_at.or(Some(now)), ..device })?)
        })
        .await?;
        self.publish(&[Signal::Device(device_id)]);
        Ok(())
    }
}

impl Service {
    /// Gives a device another name: one's own, or for an admin anybody's in the organisation.
    ///
    /// # Errors
    /// `unknown_device`, `malformed`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn rename_device(&self, caller: &Caller, device_id: DeviceId, request: RenameDeviceRequest) -> ServiceResult<DeviceItem> {
        let name = auth::check::label(&request.name, 0, super::MAX_DEVICE_NAME, "/name")?;
        let caller = *caller;
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            visible(&caller, tx.load_devices(caller.organisation_id, &[device_id])?.pop())?;
            let device = Device { name: name.clone(), ..visible(&caller, tx.lock_device(device_id)?)? };
            tx.put_device(&device)?;
            Ok(item(&caller, device))
        };
        self.decide(caller.write(), work).await
    }

    /// Orders a device to drop what it holds, and voids its tokens: the next time that it comes it is told so and nothing
    /// else, and it confirms it. One's own, or for an admin anybody's in the organisation. Idempotent.
    ///
    /// # Errors
    /// `unknown_device`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn wipe_device(&self, caller: &Caller, device_id: DeviceId) -> ServiceResult<DeviceItem> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let purge_id = self.entropy.uuid_v7(now);
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            visible(&caller, tx.load_devices(caller.organisation_id, &[device_id])?.pop())?;
            tx.end_sessions(device_id, now)?;
            let device = visible(&caller, tx.lock_device(device_id)?)?;
            let order = Wipe { purge_id, ordered_at: now, confirmed_at: None, outbox_left: None };
            let revoked_at = device.revoked_at.or(Some(now));
            let device = Device { revoked_at, wipe: device.wipe.clone().or(Some(order)), ..device };
            tx.put_device(&device)?;
            tx.put_device_hold(&device)?;
            audit::write(tx, &*entropy, now, [Act::by(&caller, "device.wipe").about(&device_id)])?;
            Ok(item(&caller, device))
        };
        let told = self.decide(caller.write(), work).await?;
        self.publish(&[Signal::Device(device_id)]);
        Ok(told)
    }

    /// The order to wipe the device whose token this is; `None` where there is none.
    ///
    /// # Errors
    /// `unauthenticated`; the store's.
    pub async fn find_wipe(&self, token: &str) -> ServiceResult<Option<(Caller, Wipe)>> {
        let AccessGrant { session_id, organisation_id, user_id, device_id, admin, .. } = self.find_grant(token).await?;
        let caller = Caller { organisation_id, user_id, device_id, session_id, admin, trace: None };
        let device = self.store.transact(caller.read(), move |tx| tx.find_device(device_id)).await?;
        Ok(device.and_then(|device| device.wipe).map(|wipe| (caller, wipe)))
    }

    /// What a device that is to be wiped is answered, whatever it sent: nothing of it was taken.
    #[must_use]
    pub fn answer_wiped(&self, wipe: &Wipe, request: &SyncRequest) -> SyncResponse {
        let detail = "this device is to be wiped: it drops what it holds, and confirms that; nothing of this was taken";
        let waits = |op_id| OperationResult {
            problem: Some(Problem::new(Code::Unauthenticated, detail)),
            ..OperationResult::new(op_id, Status::Waiting, false)
        };
        let ids = request.operations.iter().map(|operation| operation.op_id);
        let results = ids.chain(request.resolutions.iter().map(|resolution| resolution.op_id)).map(waits).collect();
        let gone = || SpaceChanges {
            revoked: true,
            purge: true,
            purge_id: Some(wipe.purge_id.to_string()),
            wipe: true,
            ..SpaceChanges::default()
        };
        let spaces = request.pull.iter().flat_map(|pull| pull.spaces.iter());
        SyncResponse {
            results,
            receipts: Vec::new(),
            changes: spaces.map(|(space, _)| (space.clone(), gone())).collect(),
            server_time: self.now(),
            next: Next { sync_after_ms: WIPED_COMES_AGAIN_MS, max_operations: 1, reason: "idle" },
            audit: None,
            wipe: Some(wipe.purge_id),
        }
    }
}

const fn state_of(device: &Device) -> &'static str {
    match (device.revoked_at, &device.suspended) {
        (Some(_), _) => "revoked",
        (None, Some(_)) => "suspended",
        (None, None) => "active",
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
        name: device.name.clone(),
        platform: device.platform.clone(),
        created_at: device.created_at,
        seen_at: device.seen_at,
        state: state_of(&device),
        revoked_at: device.revoked_at,
        suspended_at: device.suspended.map(|held| held.at),
        wipe: device.wipe.map(|wipe| WipeItem {
            purge_id: wipe.purge_id,
            ordered_at: wipe.ordered_at,
            confirmed_at: wipe.confirmed_at,
            outbox_left: wipe.outbox_left,
        }),
        current: device.device_id == caller.device_id,
    }
}
