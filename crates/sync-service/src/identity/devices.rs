//! A user's devices.

use std::sync::Arc;

use sync_core::ports::{AccessGrant, Device, Entropy, Signal, Tx, Wipe};
use sync_core::protocol::v1::identity::{DeviceItem, DeviceList, RenameDeviceRequest, WipeItem};
use sync_core::protocol::v1::{Next, OperationResult, SpaceChanges, SyncRequest, SyncResponse};
use sync_core::{Code, DeviceId, Problem, Status, Timestamp};
use uuid::Uuid;

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
        let mut devices = self.store.transact(caller.read(), move |tx| tx.list_devices(&[user_id])).await?;
        devices.sort_unstable_by_key(|device| device.device_id);
        Ok(DeviceList { items: devices.into_iter().map(|device| item(device, Some(caller.device_id))).collect() })
    }

    /// One device of the caller, or for an admin of anybody in the organisation.
    ///
    /// # Errors
    /// `unknown_device`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn get_device(&self, caller: &Caller, device_id: DeviceId) -> ServiceResult<DeviceItem> {
        let organisation_id = caller.organisation_id;
        let device = self.store.transact(caller.read(), move |tx| Ok(tx.load_devices(organisation_id, &[device_id])?.pop())).await?;
        Ok(item(visible(caller, device)?, Some(caller.device_id)))
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
            take_away(tx, &*entropy, now, Taken { device_id, order: None, act: Act::by(&caller, "device.revoke") })?;
            Ok(())
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
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            visible(&caller, tx.load_devices(caller.organisation_id, &[device_id])?.pop())?;
            let before = visible(&caller, tx.lock_device(device_id)?)?;
            let act = Act::by(&caller, "device.rename").about(&device_id).changing("name", before.name.as_str(), name.as_str());
            audit::write(tx, &*entropy, now, (before.name != name).then_some(act))?;
            let device = Device { name: name.clone(), ..before };
            tx.put_device(&device)?;
            Ok(item(device, Some(caller.device_id)))
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
            let taken = Taken { device_id, order: Some(purge_id), act: Act::by(&caller, "device.wipe") };
            Ok(item(take_away(tx, &*entropy, now, taken)?, Some(caller.device_id)))
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

/// What is taken away from whoever has it.
pub(crate) struct Taken {
    pub(crate) device_id: DeviceId,
    /// The order to drop what it holds, under this id.
    pub(crate) order: Option<Uuid>,
    /// What is recorded of it, where anything changes.
    pub(crate) act: Act,
}

/// Voids a device's tokens for good, and orders it to drop what it holds where that is wanted. What was done before stands.
pub(crate) fn take_away(tx: &mut dyn Tx, entropy: &(dyn Entropy + 'static), now: Timestamp, taken: Taken) -> ServiceResult<Device> {
    let Taken { device_id, order, act } = taken;
    tx.end_sessions(device_id, now)?;
    // read after the sessions, whose rows order this and a refresh
    let before = tx.lock_device(device_id)?.ok_or_else(unknown)?;
    let order = order.map(|purge_id| Wipe { purge_id, ordered_at: now, confirmed_at: None, outbox_left: None });
    let after = Device { revoked_at: before.revoked_at.or(Some(now)), wipe: before.wipe.clone().or(order), ..before.clone() };
    tx.put_device(&after)?;
    if after.wipe != before.wipe {
        tx.put_device_hold(&after)?;
    }
    audit::write(tx, entropy, now, (after != before).then(|| act.about(&device_id)))?;
    Ok(after)
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
    device.filter(mine).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownDevice, "There is no such device among yours. GET /api/auth/devices lists them.")
}

/// A device as it is told to whoever asks from `current`.
pub(crate) fn item(device: Device, current: Option<DeviceId>) -> DeviceItem {
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
        current: current == Some(device.device_id),
    }
}
