//! Organisations, users, devices.

use std::slice::from_ref;

use diesel::prelude::*;
use sync_core::ports::{Account, Device, DeviceRows, IdentityRows, Organisation, StoreError, StoreResult, User};
use sync_core::{DeviceId, OrganisationId, Timestamp, UserId};

use super::dialect;
use super::tx::Rows;
use crate::insert::{Insert, Taken};
use crate::rows::{AccountRecord, DeviceRecord, OrganisationRecord, UserRecord};
use crate::schema::{devices, organisations, users};

impl IdentityRows for Rows<'_> {
    fn ensure_organisation(&mut self, organisation: &Organisation) -> StoreResult<Organisation> {
        let bulk = Insert::<organisations::table, _>::into("organisations", from_ref(organisation), Taken::Keep)
            .key(organisations::name, |row| &row.name)
            .column(organisations::organisation_id, |row| row.organisation_id.as_bytes())
            .column(organisations::created_at, |row| row.created_at.millis())
            .build();
        self.insert(&bulk)?;
        let stored = self.load(|conn| -> QueryResult<Vec<OrganisationRecord>> {
            organisations::table
                .filter(organisations::name.eq(&organisation.name))
                .select((organisations::organisation_id, organisations::name, organisations::created_at))
                .load(conn)
        })?;
        // it can only be missing when somebody deleted it between the two statements
        stored.into_iter().next().ok_or_else(|| StoreError::Busy("the organisation vanished".into()))
    }

    fn list_organisations(&mut self, after: Option<OrganisationId>, limit: i64) -> StoreResult<Vec<Organisation>> {
        // the empty string of bytes sorts before every id
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        self.load(|conn| -> QueryResult<Vec<OrganisationRecord>> {
            organisations::table
                .filter(organisations::organisation_id.gt(after))
                .order(organisations::organisation_id)
                .limit(limit)
                .select((organisations::organisation_id, organisations::name, organisations::created_at))
                .load(conn)
        })
    }

    fn insert_user(&mut self, user: &User) -> StoreResult<bool> {
        let bulk = Insert::<users::table, _>::into("users", from_ref(user), Taken::Keep)
            .key(users::email, |row| &row.email)
            .column(users::user_id, |row| row.user_id.as_bytes())
            .column(users::organisation_id, |row| row.organisation_id.as_bytes())
            .column(users::name, |row| &row.name)
            .column(users::password_hash, |row| &row.password_hash)
            .column(users::admin, |row| row.admin)
            .column(users::created_at, |row| row.created_at.millis())
            .build();
        Ok(self.insert(&bulk)? == 1)
    }

    fn find_user(&mut self, user_id: UserId) -> StoreResult<Option<User>> {
        let found = self.load(|conn| -> QueryResult<Vec<UserRecord>> { users::table.find(user_id.as_bytes().as_slice()).load(conn) })?;
        Ok(found.into_iter().next())
    }

    fn lock_user(&mut self, user_id: UserId) -> StoreResult<Option<User>> {
        let found = self.load(|conn| -> QueryResult<Vec<UserRecord>> {
            dialect::locked!(users::table.find(user_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn set_password(&mut self, user_id: UserId, password_hash: &str) -> StoreResult<()> {
        let own = users::table.filter(users::user_id.eq(user_id.as_bytes().as_slice()));
        self.send(|conn| diesel::update(own).set(users::password_hash.eq(password_hash)).execute(conn)).map(drop)
    }

    fn find_user_by_email(&mut self, email: &str) -> StoreResult<Option<User>> {
        let found = self.load(|conn| -> QueryResult<Vec<UserRecord>> { users::table.filter(users::email.eq(email)).load(conn) })?;
        Ok(found.into_iter().next())
    }

    fn load_users(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<User>> {
        self.load_each(user_ids, |conn, ids| -> QueryResult<Vec<UserRecord>> {
            users::table
                .filter(dialect::any_of!(users::user_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(users::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .load(conn)
        })
    }

    fn list_accounts(&mut self, after: Option<UserId>, limit: i64) -> StoreResult<Vec<Account>> {
        self.load(|conn| -> QueryResult<Vec<AccountRecord>> {
            let query = users::table
                .inner_join(organisations::table.on(organisations::organisation_id.eq(users::organisation_id)))
                .order(users::user_id)
                .limit(limit)
                .select((users::all_columns, organisations::name))
                .into_boxed();
            match &after {
                Some(after) => query.filter(users::user_id.gt(after.as_bytes().as_slice())).load(conn),
                None => query.load(conn),
            }
        })
    }
}

impl DeviceRows for Rows<'_> {
    fn put_device(&mut self, device: &Device) -> StoreResult<()> {
        let bulk = Insert::<devices::table, _>::into("devices", from_ref(device), Taken::Replace)
            .key(devices::device_id, |row| row.device_id.as_bytes())
            .column(devices::organisation_id, |row| row.organisation_id.as_bytes())
            .column(devices::user_id, |row| row.user_id.as_bytes())
            .column(devices::name, |row| &row.name)
            .column(devices::platform, |row| &row.platform)
            .column(devices::created_at, |row| row.created_at.millis())
            .column(devices::seen_at, |row| row.seen_at.millis())
            .lasting(devices::revoked_at, |row| row.revoked_at.map(Timestamp::millis))
            .build();
        self.insert(&bulk).map(drop)
    }

    fn find_device(&mut self, device_id: DeviceId) -> StoreResult<Option<Device>> {
        let found = self.load(|conn| -> QueryResult<Vec<DeviceRecord>> {
            devices::table.filter(devices::device_id.eq(device_id.as_bytes().as_slice())).load(conn)
        })?;
        Ok(found.into_iter().next())
    }

    fn list_devices(&mut self, user_ids: &[UserId]) -> StoreResult<Vec<Device>> {
        self.load_each(user_ids, |conn, ids| -> QueryResult<Vec<DeviceRecord>> {
            devices::table.filter(dialect::any_of!(devices::user_id, ids.iter().map(|id| id.as_bytes().as_slice()))).load(conn)
        })
    }

    fn load_devices(&mut self, organisation_id: OrganisationId, device_ids: &[DeviceId]) -> StoreResult<Vec<Device>> {
        self.load_each(device_ids, |conn, ids| -> QueryResult<Vec<DeviceRecord>> {
            devices::table
                .filter(dialect::any_of!(devices::device_id, ids.iter().map(|id| id.as_bytes().as_slice())))
                .filter(devices::organisation_id.eq(organisation_id.as_bytes().as_slice()))
                .load(conn)
        })
    }
}
