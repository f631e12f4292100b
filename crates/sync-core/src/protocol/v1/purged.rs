//! Confirming a purge.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// The body of `POST /api/offline/sync/purged`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PurgedRequest {
    /// What pull told. Text that is no UUID names a purge that nobody has.
    pub purge_id: String,
    /// The space that was dropped; nothing where the device was wiped.
    #[serde(default)]
    pub space_id: String,
    /// By the device's clock; unreadable: not known.
    #[serde(default)]
    pub purged_at: Option<String>,
    /// How many documents were dropped.
    #[serde(default)]
    pub documents: u32,
    /// How many assets.
    #[serde(default)]
    pub assets: u32,
    /// How many operations went with them unsent, on a wipe order.
    #[serde(default)]
    pub outbox_left: u32,
}

/// Its answer, the same for every confirmation of the same device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PurgedResponse {
    /// The purge.
    pub purge_id: Uuid,
    /// When it was recorded first.
    pub recorded_at: Timestamp,
    /// Signed, for whoever has to prove it.
    pub receipt: String,
}
