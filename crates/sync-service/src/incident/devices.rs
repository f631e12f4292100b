//! The devices of an organisation, for whoever deals with an incident: whose they are, and taking one away from whoever has it.

use std::sync::Arc;

use sync_core::ports::{Scope, Signal, Tx};
use sync_core::protocol::v1::identity::DeviceItem;
use sync_core::{DeviceId, OrganisationId, UserId};

use super::{Authority, MAX_REASON, own, terms};
use crate::identity::devices::{Taken, item, take_away};
use crate::{Service, ServiceResult};

impl Service {
    /// The devices of these people in an organisation, revoked ones too, by person and id.
    ///
    /// # Errors
    /// `forbidden`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn list_devices_of(
        &self,
        by: &Authority,
        organisation_id: OrganisationId,
        user_ids: Vec<UserId>,
    ) -> ServiceResult<Vec<(UserId, DeviceItem)>> {
        let by = by.clone();
        let work = move |tx: &mut dyn Tx| {
            by.check(tx, organisation_id)?;
            let mut devices = tx.list_devices(&user_ids)?;
            devices.retain(|device| device.organisation_id == organisation_id);
            devices.sort_unstable_by_key(|device| (device.user_id, device.device_id));
            Ok(devices.into_iter().map(|device| (device.user_id, item(device, None))).collect())
        };
        self.decide(Scope::Organisation(organisation_id).read(), work).await
    }

    /// Voids the tokens of an organisation's device for good; `wipe`: and orders it to drop what it holds, of which it is told
    /// the next time that it comes. What was done before stands, and is recorded once.
    ///
    /// # Errors
    /// `forbidden`, `malformed`, `unknown_device`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn take_device(
        &self,
        by: &Authority,
        organisation_id: OrganisationId,
        device_id: DeviceId,
        (wipe, reason): (bool, &str),
    ) -> ServiceResult<DeviceItem> {
        let (by, now, entropy) = (by.clone(), self.now(), Arc::clone(&self.entropy));
        let reason = auth::check::label(reason, 1, MAX_REASON, "/reason")?;
        let order = wipe.then(|| self.entropy.uuid_v7(now));
        let action = if wipe { "device.wipe" } else { "device.revoke" };
        let work = move |tx: &mut dyn Tx| {
            by.check(tx, organisation_id)?;
            // looked at without a lock, which comes after that of the sessions
            own(tx.load_devices(organisation_id, &[device_id])?.pop(), organisation_id)?;
            let act = by.act(organisation_id, action).because(Some(&reason));
            Ok(item(take_away(tx, &*entropy, now, Taken { device_id, order, act })?, None))
        };
        let told = self.decide(terms(organisation_id), work).await?;
        self.publish(&[Signal::Device(device_id)]);
        Ok(told)
    }
}
