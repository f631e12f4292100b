//! Incidents: holding an organisation or a device, and what was touched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};

/// `POST /api/offline/incident`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HoldRequest {
    /// `locked`, which it is when absent, or `read_only`.
    #[serde(default)]
    pub state: Option<String>,
    /// Only this device, which is suspended.
    #[serde(default)]
    pub device_id: Option<DeviceId>,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// How an organisation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentStatus {
    /// Which.
    pub organisation_id: OrganisationId,
    /// Its name.
    pub name: String,
    /// `active`, `read_only` or `locked`.
    pub state: &'static str,
    /// Since when.
    pub since: Option<Timestamp>,
    /// By which owner; absent where it was whoever runs the installation.
    pub by: Option<UserId>,
    /// Why.
    pub reason: Option<String>,
    /// The first of the two owners who want it to go on.
    pub unlock: Option<UnlockAsked>,
}

/// An owner who wants an organisation to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UnlockAsked {
    /// Who.
    pub by: UserId,
    /// When they said so.
    pub at: Timestamp,
}

/// `GET /api/offline/incident/report`: what was touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IncidentReport {
    /// Where.
    pub organisation_id: OrganisationId,
    /// By which device, where one was asked for.
    pub device_id: Option<DeviceId>,
    /// From when on.
    pub since: Timestamp,
    /// Until when: when it was made.
    pub until: Timestamp,
    /// Operations that were looked at.
    pub operations: usize,
    /// Whether these were all.
    pub complete: bool,
    /// By device.
    pub devices: Vec<TouchedDevice>,
}

/// What a device touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TouchedDevice {
    /// Which.
    pub device_id: DeviceId,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Whose logins it sent with.
    pub users: Vec<UserId>,
    /// When the first of these was decided.
    pub first_at: Option<Timestamp>,
    /// When the last one was.
    pub last_at: Option<Timestamp>,
    /// By space and collection.
    pub touched: Vec<TouchedCollection>,
}

/// What was touched in a collection. Never a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TouchedCollection {
    /// The space.
    pub space_id: SpaceId,
    /// The collection.
    pub collection: String,
    /// Operations.
    pub operations: u64,
    /// Documents that they name.
    pub documents: usize,
    /// What came of them: how many of each status.
    pub statuses: BTreeMap<&'static str, u64>,
    /// The names of the fields that they set, as far as what was sent is kept.
    pub fields: Vec<String>,
}
