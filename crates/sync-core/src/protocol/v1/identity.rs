//! Logins, tokens, devices and users on the wire. Types that carry a secret do not show it in `Debug`.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{DeviceId, OrganisationId, Timestamp, UserId};

/// `POST /api/auth/login`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct LoginRequest {
    /// In any case, with any space around it.
    pub email: String,
    /// As typed.
    pub password: String,
    /// The device to which the login is bound.
    #[serde(default)]
    pub device: LoginDevice,
}

impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest").field("device", &self.device).finish_non_exhaustive()
    }
}

/// The device of a login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct LoginDevice {
    /// Of an earlier login on the same device; `None` makes a new device.
    #[serde(default)]
    pub id: Option<DeviceId>,
    /// What its owner calls it, at most 200 characters. Absent on a known device: the name stays.
    #[serde(default)]
    pub name: Option<String>,
    /// Such as `ipados`, at most 64 characters. Absent on a known device: it stays.
    #[serde(default)]
    pub platform: Option<String>,
}

/// `POST /api/auth/refresh`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct RefreshRequest {
    /// The last one received.
    pub refresh_token: String,
}

impl fmt::Debug for RefreshRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshRequest").finish_non_exhaustive()
    }
}

/// `POST /api/auth/password`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct PasswordRequest {
    /// The present password.
    pub old_password: String,
    /// 8 to 1,024 bytes.
    pub new_password: String,
}

impl fmt::Debug for PasswordRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordRequest").finish_non_exhaustive()
    }
}

/// `POST /api/auth/oidc/token`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct OidcTokenRequest {
    /// What the app was returned with.
    pub code: String,
    /// What the login's `challenge` was made of.
    pub verifier: String,
    /// The device to which the login is bound.
    #[serde(default)]
    pub device: LoginDevice,
}

impl fmt::Debug for OidcTokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcTokenRequest").field("device", &self.device).finish_non_exhaustive()
    }
}

/// The answer to a login and to a refresh.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TokenGrant {
    /// Goes into `Authorization: Bearer …`.
    pub access_token: String,
    /// Buys the next grant; it is replaced with each.
    pub refresh_token: String,
    /// Seconds that the access token lives.
    pub expires_in_s: i64,
    /// The person.
    pub user_id: UserId,
    /// The device, to be passed at its next login.
    pub device_id: DeviceId,
    /// The tenant.
    pub organisation_id: OrganisationId,
}

impl fmt::Debug for TokenGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenGrant").field("user_id", &self.user_id).field("device_id", &self.device_id).finish_non_exhaustive()
    }
}

/// One device of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceItem {
    /// Its id.
    pub device_id: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// Such as `ipados`.
    pub platform: String,
    /// First login.
    pub created_at: Timestamp,
    /// Last login or refresh.
    pub seen_at: Timestamp,
    /// `active`, `suspended` or `revoked`.
    pub state: &'static str,
    /// Since when its tokens are void.
    pub revoked_at: Option<Timestamp>,
    /// Since when it may do nothing, where it is suspended.
    pub suspended_at: Option<Timestamp>,
    /// The order to drop what it holds, and what became of it.
    pub wipe: Option<WipeItem>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// An order to a device to drop what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WipeItem {
    /// Under which id it is confirmed.
    pub purge_id: Uuid,
    /// When it was given.
    pub ordered_at: Timestamp,
    /// When the device confirmed it.
    pub confirmed_at: Option<Timestamp>,
    /// How many operations it dropped unsent.
    pub outbox_left: Option<i64>,
}

/// `PUT /api/auth/devices/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RenameDeviceRequest {
    /// What its owner calls it, at most 200 characters.
    pub name: String,
}

/// The body of `POST /api/auth/logout`, which may be left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct LogoutRequest {
    /// What the device has not sent.
    #[serde(default)]
    pub outbox: Option<UnsentWork>,
    /// Log out although there is some.
    #[serde(default)]
    pub force: bool,
}

/// The answer to a logout that reported something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LoggedOut {
    /// What the device reported last.
    pub outbox: Option<UnsentWork>,
}

/// What a device has not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentWork {
    /// Operations.
    pub operations: u64,
    /// Their bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// `GET /api/auth/devices`: all of a user's devices, revoked ones too, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceList {
    /// The devices.
    pub items: Vec<DeviceItem>,
}

/// `POST /api/users`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct AddUserRequest {
    /// Unique in the installation, whatever its case.
    pub email: String,
    /// 8 to 1,024 bytes.
    pub password: String,
    /// What people call them, 1 to 200 characters.
    pub name: String,
}

impl fmt::Debug for AddUserRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddUserRequest").finish_non_exhaustive()
    }
}

/// The answer to `POST /api/users`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UserAdded {
    /// The new user.
    pub user_id: UserId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_names_its_device_or_leaves_it_out() {
        let login: LoginRequest = serde_json::from_str(
            r#"{"email":"a@b","password":"secret words","device":{"id":null,"name":"Rui's iPad","platform":"ipados"},"later":1}"#,
        )
        .unwrap();
        assert_eq!(login.device, LoginDevice { id: None, name: Some("Rui's iPad".into()), platform: Some("ipados".into()) });
        assert!(!format!("{login:?}").contains("secret"));
        let bare: LoginRequest = serde_json::from_str(r#"{"email":"a@b","password":"x"}"#).unwrap();
        assert_eq!(bare.device, LoginDevice::default());
    }
}
