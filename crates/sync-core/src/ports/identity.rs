//! Organisations, users, devices, sessions, tokens and the server's own keys. Secrets are stored hashed.

use std::fmt;

use uuid::Uuid;

use super::{Footing, StoreResult, Suspension, Wipe};
use crate::{DeviceId, OrganisationId, SessionId, Timestamp, UserId};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub organisation_id: OrganisationId,
    /// Its name, unique in the installation.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A person who logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub user_id: UserId,
    /// Their tenant.
    pub organisation_id: OrganisationId,
    /// Lower-cased, unique in the installation.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// PHC string (argon2id).
    pub password_hash: String,
    /// May manage users of the organisation.
    pub admin: bool,
    /// When they were added.
    pub created_at: Timestamp,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// A person together with the name of their tenant, for whoever runs the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// The name of their organisation.
    pub organisation: String,
}

/// One installation of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub device_id: DeviceId,
    /// Its tenant.
    pub organisation_id: OrganisationId,
    /// The user to whom it is bound.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// Such as `ipados`.
    pub platform: String,
    /// First login.
    pub created_at: Timestamp,
    /// Last login or refresh.
    pub seen_at: Timestamp,
    /// Set when it was revoked: its tokens are void.
    pub revoked_at: Option<Timestamp>,
    /// Set while it may do nothing.
    pub suspended: Option<Suspension>,
    /// Set when it was told to drop what it holds.
    pub wipe: Option<Wipe>,
}

/// One login on one device: the family of its refresh tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, the public half of each refresh token.
    pub session_id: SessionId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The user.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// SHA-256 of the refresh token that counts.
    pub refresh_hash: [u8; 32],
    /// SHA-256 of the one before it.
    pub previous_hash: Option<[u8; 32]>,
    /// Keys the derivation of a token's successor.
    pub salt: [u8; 32],
    /// When the token last changed.
    pub rotated_at: Timestamp,
    /// The family's end.
    pub expires_at: Timestamp,
    /// Set by logout, revocation or reuse.
    pub ended_at: Option<Timestamp>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

/// What an access token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessGrant {
    /// The session.
    pub session_id: SessionId,
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The user.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// Whether the user manages the organisation.
    pub admin: bool,
    /// The token's end.
    pub expires_at: Timestamp,
    /// What it may do.
    pub footing: Footing,
    /// The order to wipe its device that was not confirmed yet.
    pub wipe: Option<Uuid>,
}

/// A secret of the installation, e.g. the one that signs cursors.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKey {
    /// What it is for.
    pub purpose: String,
    /// Numbered from 1 within its purpose; the highest signs, all verify.
    pub number: i32,
    /// 32 bytes.
    pub secret: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When a newer one took its place.
    pub retired_at: Option<Timestamp>,
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerKey").field("purpose", &self.purpose).field("number", &self.number).finish_non_exhaustive()
    }
}

/// Rows of organisations and users.
pub trait IdentityRows {
    /// Stores an organisation unless its name is taken; the one that then stands under the name.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn ensure_organisation(&mut self, organisation: &Organisation) -> StoreResult<Organisation>;

    /// The organisations of the whole installation by id, after `after`, at most `limit`: for what is done to all of them.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_organisations(&mut self, after: Option<OrganisationId>, limit: i64) -> StoreResult<Vec<Organisation>>;

    /// Stores a user; `false` when the email is taken.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_user(&mut self, user: &User) -> StoreResult<bool>;

    /// By id, whatever their tenant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_user(&mut self, user_id: UserId) -> StoreResult<Option<User>>;

    /// A user, locked until the end of the transaction.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_user(&mut self, user_id: UserId) -> StoreResult<Option<User>>;

    /// Puts another password hash in the place of a user's.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn set_password(&mut self, user_id: UserId, password_hash: &str) -> StoreResult<()>;

    /// By lower-cased email.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_user_by_email(&mut self, email: &str) -> StoreResult<Option<User>>;

    /// The users among these ids of one organisation, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_users(&mut self, organisation_id: OrganisationId, user_ids: &[UserId]) -> StoreResult<Vec<User>>;

    /// The users of the whole installation by id, after `after`, at most `limit`. For the command line.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_accounts(&mut self, after: Option<UserId>, limit: i64) -> StoreResult<Vec<Account>>;
}

/// Rows of devices.
pub trait DeviceRows {
    /// Stores a device over what stood there; a revocation that stands is kept, so that nobody who read the device before
    /// it can take it back, and what holds the device is left as it stands.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_device(&mut self, device: &Device) -> StoreResult<()>;

    /// By id.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_device(&mut self, device_id: DeviceId) -> StoreResult<Option<Device>>;

    /// All devices of these users, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_devices(&mut self, user_ids: &[UserId]) -> StoreResult<Vec<Device>>;

    /// The devices among these ids of one organisation, in any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn load_devices(&mut self, organisation_id: OrganisationId, device_ids: &[DeviceId]) -> StoreResult<Vec<Device>>;
}

/// How often somebody lately failed to log in: under one account, from one network, or both together. The key is a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginTries {
    /// SHA-256 of what is counted.
    pub key: [u8; 32],
    /// Tries that did not succeed, or are not decided yet.
    pub tries: i32,
    /// The last one.
    pub tried_at: Timestamp,
    /// Until when somebody is known who succeeded.
    pub known_until: Option<Timestamp>,
    /// When the row may go.
    pub kept_until: Timestamp,
}

/// Rows of tries to log in.
pub trait LoginRows {
    /// What is counted under these keys, locked until the end of the transaction. In any order.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_login_tries(&mut self, keys: &[[u8; 32]]) -> StoreResult<Vec<LoginTries>>;

    /// Adds `tries` to what stands under each key, and puts the rest in its place.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn add_login_tries(&mut self, rows: &[LoginTries]) -> StoreResult<()>;

    /// Drops what was to be kept until before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_login_tries(&mut self, before: Timestamp) -> StoreResult<()>;
}

/// Rows of sessions, access tokens and server keys.
pub trait SessionRows {
    /// Stores a session over what stood there.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn put_session(&mut self, session: &Session) -> StoreResult<()>;

    /// A session, locked until the end of the transaction.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn lock_session(&mut self, session_id: SessionId) -> StoreResult<Option<Session>>;

    /// Ends all sessions of a user but one; which those were.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn end_user_sessions(&mut self, user_id: UserId, but: Option<SessionId>, at: Timestamp) -> StoreResult<Vec<SessionId>>;

    /// Ends all sessions of a device.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn end_sessions(&mut self, device_id: DeviceId, at: Timestamp) -> StoreResult<()>;

    /// Stores an access token's hash and end.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_access_token(&mut self, hash: &[u8; 32], session_id: SessionId, expires_at: Timestamp) -> StoreResult<()>;

    /// What an access token stands for, expired and ended ones too.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn find_access(&mut self, hash: &[u8; 32]) -> StoreResult<Option<AccessGrant>>;

    /// Drops access tokens that ended before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_access_tokens(&mut self, before: Timestamp) -> StoreResult<()>;

    /// Stores a server key unless its number is taken.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn insert_server_key(&mut self, key: &ServerKey) -> StoreResult<()>;

    /// Marks the keys of a purpose below a number as retired, those that are not yet.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn retire_server_keys(&mut self, purpose: &str, below: i32, at: Timestamp) -> StoreResult<()>;

    /// Drops the keys of a purpose that were retired before an instant.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn drop_server_keys(&mut self, purpose: &str, before: Timestamp) -> StoreResult<()>;

    /// All keys of a purpose, by number.
    ///
    /// # Errors
    /// [`super::StoreError`].
    fn list_server_keys(&mut self, purpose: &str) -> StoreResult<Vec<ServerKey>>;
}
