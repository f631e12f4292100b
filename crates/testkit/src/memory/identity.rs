use std::collections::BTreeSet;

use sync_core::ports::{Account, Device, DeviceRows, IdentityRows, Organisation, StoreError, StoreResult, User};
use sync_core::{DeviceId, OrganisationId, UserId};

use super::MemoryTx;

impl IdentityRows for MemoryTx<'_> {
    fn ensure_organisation(&mut self, organisation: &Organisation) -> StoreResult<Organisation> {
        let state = self.writable()?;
        if let Some(stored) = state.organisations.get(&organisation.name) {
            return Ok(stored.clone());
        }
        state.organisations.put(organisation.name.clone(), organisation.clone());
        Ok(organisation.clone())
    }

    fn list_organisations(&mut self, after: Option<OrganisationId>, limit: i64) -> StoreResult<Vec<Organisation>> {
        let mut found: Vec<_> = self.state.organisations.values().cloned().collect();
        found.retain(|organisation| after.is_none_or(|after| organisation.organisation_id > after));
        found.sort_unstable_by_key(|organisation| organisation.organisation_id);
        found.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(found)
    }

    fn insert_user(&mut self, user: &User) -> StoreResult<bool> {
        let state = self.writable()?;
        if state.emails.contains_key(&user.email) {
            return Ok(false);
        }
        if state.users.contains_key(&user.user_id) {
            return Err(StoreError::Refused("the user exists".into()));
        }
        state.emails.put(user.email.clone(), user.user_id);
        state.users.put(user.user_id, user.clone());
        Ok(true)
    }

    fn find_user(&mut self, user_id: UserId) -> StoreResult<Option<User>> {
        Ok(self.state.users.get(&user_id).cloned())
    }

    fn lock_user(&mut self, user_id: UserId) -> StoreResult<Option<User>> {
        Ok(self.writable()?.users.get(&user_id).cloned())
    }

    fn set_password(&mut self, user_id: UserId, password_hash: &str) -> StoreResult<()> {
        let users = &mut self.writable()?.users;
        if let Some(user) = users.get(&user_id).cloned() {
            users.put(user_id, User { password_hash: password_hash.to_owned(), ..user });
        }
        Ok(())
    }

    fn find_user_by_email(&mut self, email: &str) -> StoreResult<Option<User>> {
        Ok(self.state.emails.get(email).and_then(|user_id| self.state.users.get(user_id)).cloned())
    }

    fn load_users(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<User>> {
        let wanted: BTreeSet<_> = user_ids.iter().collect();
        let users = wanted.into_iter().filter_map(|user_id| self.state.users.get(user_id));
        Ok(users.filter(|user| user.organisation_id == organisation_id).cloned().collect())
    }

    fn list_accounts(&mut self, after: Option<UserId>, limit: i64) -> StoreResult<Vec<Account>> {
        let organisation_of = |user: &User| {
            let mut organisations = self.state.organisations.values();
            organisations.find(|organisation| organisation.organisation_id == user.organisation_id).map(|found| found.name.clone())
        };
        let users = self.state.users.values().filter(|user| after.is_none_or(|after| user.user_id > after));
        let accounts = users.filter_map(|user| Some(Account { user: user.clone(), organisation: organisation_of(user)? }));
        Ok(accounts.take(usize::try_from(limit).unwrap_or(0)).collect())
    }
}

impl DeviceRows for MemoryTx<'_> {
    fn put_device(&mut self, device: &Device) -> StoreResult<()> {
        let devices = &mut self.writable()?.devices;
        let known = devices.get(&device.device_id);
        let revoked_at = known.and_then(|known| known.revoked_at).or(device.revoked_at);
        let (suspended, wipe) = known.map(|known| (known.suspended.clone(), known.wipe.clone())).unwrap_or_default();
        devices.put(device.device_id, Device { revoked_at, suspended, wipe, ..device.clone() });
        Ok(())
    }

    fn find_device(&mut self, device_id: DeviceId) -> StoreResult<Option<Device>> {
        Ok(self.state.devices.get(&device_id).cloned())
    }

    fn list_devices(&mut self, user_ids: &[UserId]) -> StoreResult<Vec<Device>> {
        Ok(self.state.devices.values().filter(|device| user_ids.contains(&device.user_id)).cloned().collect())
    }

    fn load_devices(&mut self, organisation_id: OrganisationId, device_ids: &[DeviceId]) -> StoreResult<Vec<Device>> {
        let wanted: BTreeSet<_> = device_ids.iter().collect();
        let devices = wanted.into_iter().filter_map(|device_id| self.state.devices.get(device_id));
        Ok(devices.filter(|device| device.organisation_id == organisation_id).cloned().collect())
    }
}
