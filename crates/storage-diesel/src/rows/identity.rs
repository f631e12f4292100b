//! Organisations, users, devices, sessions, keys.

use diesel::Queryable;
use sync_core::ports::{
    AccessGrant, Account, Device, Footing, LoginTries, Organisation, ServerKey, Session, Suspension, Tenant, TenantState, User, Wipe,
};
use sync_core::{DeviceId, OrganisationId, SessionId, UserId};

use super::Row;
use crate::values::{Bytes32, Id, Instant, Named, Utf8};

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
    suspended_at: Option<Instant>,
    suspended_by: Option<Id>,
    suspended_reason: Option<Utf8>,
    wipe_id: Option<Id>,
    wipe_ordered_at: Option<Instant>,
    wipe_confirmed_at: Option<Instant>,
    wipe_left: Option<i64>,
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
            suspended: self.suspended_at.map(|at| Suspension {
                at: at.0,
                by: self.suspended_by.map(|id| UserId(id.0)),
                reason: self.suspended_reason.map(|text| text.0),
            }),
            wipe: self.wipe_id.zip(self.wipe_ordered_at).map(|(id, at)| Wipe {
                purge_id: id.0,
                ordered_at: at.0,
                confirmed_at: self.wipe_confirmed_at.map(|at| at.0),
                outbox_left: self.wipe_left,
            }),
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

#[derive(Queryable)]
pub(crate) struct TriesRecord {
    key: Bytes32,
    tries: i32,
    tried_at: Instant,
    known_until: Option<Instant>,
    kept_until: Instant,
}

impl Row for TriesRecord {
    type Value = LoginTries;

    fn into_value(self) -> LoginTries {
        LoginTries {
            key: self.key.0,
            tries: self.tries,
            tried_at: self.tried_at.0,
            known_until: self.known_until.map(|at| at.0),
            kept_until: self.kept_until.0,
        }
    }
}

/// The session's end, the device's revocation and suspension, the tenant's state.
pub(crate) type FootingRecord = (Option<Instant>, Option<Instant>, Option<Instant>, Named<TenantState>);

/// What a login may do.
pub(crate) fn footing_of((ended_at, revoked_at, suspended_at, tenant): FootingRecord) -> Footing {
    Footing::of(ended_at.is_some() || revoked_at.is_some(), suspended_at.is_some(), tenant.0)
}

impl Row for FootingRecord {
    type Value = Footing;

    fn into_value(self) -> Footing {
        footing_of(self)
    }
}

/// Session, what it may do.
impl Row for (Id, FootingRecord) {
    type Value = (SessionId, Footing);

    fn into_value(self) -> (SessionId, Footing) {
        (SessionId(self.0.0), footing_of(self.1))
    }
}

/// A device, its suspension, its tenant's state.
pub(crate) type HeldRecord = (Id, Option<Instant>, Named<TenantState>);

impl Row for HeldRecord {
    type Value = (DeviceId, Footing);

    // what was accepted before a device was revoked is decided all the same
    fn into_value(self) -> (DeviceId, Footing) {
        (DeviceId(self.0.0), Footing::of(false, self.1.is_some(), self.2.0))
    }
}

#[derive(Queryable)]
pub(crate) struct TenantRecord {
    organisation_id: Id,
    name: String,
    state: Named<TenantState>,
    since: Option<Instant>,
    by: Option<Id>,
    reason: Option<Utf8>,
    unlock_by: Option<Id>,
    unlock_at: Option<Instant>,
}

impl Row for TenantRecord {
    type Value = Tenant;

    fn into_value(self) -> Tenant {
        Tenant {
            organisation_id: OrganisationId(self.organisation_id.0),
            name: self.name,
            state: self.state.0,
            since: self.since.map(|at| at.0),
            by: self.by.map(|id| UserId(id.0)),
            reason: self.reason.map(|text| text.0),
            unlock: self.unlock_by.zip(self.unlock_at).map(|(id, at)| (UserId(id.0), at.0)),
        }
    }
}

impl Row for Named<TenantState> {
    type Value = TenantState;

    fn into_value(self) -> TenantState {
        self.0
    }
}

/// Session, organisation, user, device, whether the user manages, the token's end, what it may do, the order to wipe its
/// device and when that was confirmed.
pub(crate) type GrantRecord = (Id, Id, Id, Id, bool, Instant, FootingRecord, Option<Id>, Option<Instant>);

impl Row for GrantRecord {
    type Value = AccessGrant;

    fn into_value(self) -> AccessGrant {
        let (session_id, organisation_id, user_id, device_id, admin, expires_at, footing, wipe_id, wiped_at) = self;
        AccessGrant {
            session_id: SessionId(session_id.0),
            organisation_id: OrganisationId(organisation_id.0),
            user_id: UserId(user_id.0),
            device_id: DeviceId(device_id.0),
            admin,
            expires_at: expires_at.0,
            footing: footing_of(footing),
            wipe: wipe_id.filter(|_| wiped_at.is_none()).map(|id| id.0),
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
