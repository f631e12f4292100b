//! Organisations, users, devices, sessions, keys.

use diesel::Queryable;
use sync_core::ports::{AccessGrant, Account, Device, Organisation, ServerKey, Session, User};
use sync_core::{DeviceId, OrganisationId, SessionId, UserId};

use super::Row;
use crate::values::{Bytes32, Id, Instant};

#[derive(Queryable)]
pub(crate) struct OrganisationRecord {
    organisation_id: Id,
    name: String,
    created_at: Instant,
}

impl Row for OrganisationRecord {
    type Value = Organisation;

    fn into_value(self) -> Organisation {
        Organisation { organisation_id: OrganisationId(self.organisation_id.0), name: self.name, created_at: self.created_at.0 }
    }
}

#[derive(Queryable)]
pub(crate) struct UserRecord {
    user_id: Id,
    organisation_id: Id,
    email: String,
    name: String,
    password_hash: String,
    admin: bool,
    created_at: Instant,
}

impl Row for UserRecord {
    type Value = User;

    fn into_value(self) -> User {
        User {
            user_id: UserId(self.user_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            email: self.email,
            name: self.name,
            password_hash: self.password_hash,
            admin: self.admin,
            created_at: self.created_at.0,
        }
    }
}

#[derive(Queryable)]
pub(crate) struct AccountRecord {
    user: UserRecord,
    organisation: String,
}

impl Row for AccountRecord {
    type Value = Account;

    fn into_value(self) -> Account {
        Account { user: self.user.into_value(), organisation: self.organisation }
    }
}

#[derive(Queryable)]
pub(crate) struct DeviceRecord {
    device_id: Id,
    organisation_id: Id,
    user_id: Id,
    name: String,
    platform: String,
    created_at: Instant,
    seen_at: Instant,
    revoked_at: Option<Instant>,
}

impl Row for DeviceRecord {
    type Value = Device;

    fn into_value(self) -> Device {
        Device {
            device_id: DeviceId(self.device_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            user_id: UserId(self.user_id.0),
            name: self.name,
            platform: self.platform,
            created_at: self.created_at.0,
            seen_at: self.seen_at.0,
            revoked_at: self.revoked_at.map(|at| at.0),
        }
    }
}

#[derive(Queryable)]
pub(crate) struct SessionRecord {
    session_id: Id,
    organisation_id: Id,
    user_id: Id,
    device_id: Id,
    refresh_hash: Bytes32,
    previous_hash: Option<Bytes32>,
    salt: Bytes32,
    rotated_at: Instant,
    expires_at: Instant,
    ended_at: Option<Instant>,
}

impl Row for SessionRecord {
    type Value = Session;

    fn into_value(self) -> Session {
        Session {
            session_id: SessionId(self.session_id.0),
            organisation_id: OrganisationId(self.organisation_id.0),
            user_id: UserId(self.user_id.0),
            device_id: DeviceId(self.device_id.0),
            refresh_hash: self.refresh_hash.0,
            previous_hash: self.previous_hash.map(|hash| hash.0),
            salt: self.salt.0,
            rotated_at: self.rotated_at.0,
            expires_at: self.expires_at.0,
            ended_at: self.ended_at.map(|at| at.0),
        }
    }
}

/// Session, organisation, user, device, whether the user manages, the token's end, the session's end, the revocation.
pub(crate) type GrantRecord = (Id, Id, Id, Id, bool, Instant, Option<Instant>, Option<Instant>);

impl Row for GrantRecord {
    type Value = AccessGrant;

    fn into_value(self) -> AccessGrant {
        let (session_id, organisation_id, user_id, device_id, admin, expires_at, ended_at, revoked_at) = self;
        AccessGrant {
            session_id: SessionId(session_id.0),
            organisation_id: OrganisationId(organisation_id.0),
            user_id: UserId(user_id.0),
            device_id: DeviceId(device_id.0),
            admin,
            expires_at: expires_at.0,
            active: ended_at.is_none() && revoked_at.is_none(),
        }
    }
}

#[derive(Queryable)]
pub(crate) struct ServerKeyRecord {
    purpose: String,
    number: i32,
    secret: Bytes32,
    created_at: Instant,
    retired_at: Option<Instant>,
}

impl Row for ServerKeyRecord {
    type Value = ServerKey;

    fn into_value(self) -> ServerKey {
        ServerKey {
            purpose: self.purpose,
            number: self.number,
            secret: self.secret.0,
            created_at: self.created_at.0,
            retired_at: self.retired_at.map(|at| at.0),
        }
    }
}
