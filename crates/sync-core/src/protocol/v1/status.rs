//! What is told about a device, on the wire.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Next;
use super::report::{BatteryReport, EffectiveType, StorageReport};
use crate::{BatchId, DeviceId, SpaceId, Timestamp, UserId};

/// `GET /api/offline/sync/status/{device_id}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceStatus {
    /// The device.
    pub device_id: DeviceId,
    /// What its owner calls it.
    pub name: String,
    /// Whose it is.
    pub user_id: UserId,
    /// How it fares.
    pub state: DeviceCondition,
    /// When it synced last, as a word and in words.
    pub presence: DevicePresence,
    /// Its operations, by what they wait for.
    pub counts: StatusCounts,
    /// The batch that is being decided.
    pub batch: Option<BatchProgress>,
    /// When what is queued will be decided.
    pub eta: Option<StatusEta>,
    /// When it sent operations last.
    pub last_push_at: Option<Timestamp>,
    /// When it read last.
    pub last_pull_at: Option<Timestamp>,
    /// When it synced or reported last.
    pub last_seen_at: Option<Timestamp>,
    /// How far it has read, by space.
    pub spaces: BTreeMap<SpaceId, SpaceLag>,
    /// Questions that wait in which its owner wrote one of the sides.
    pub open_conflicts: i64,
    /// Its dead letters.
    pub parked: i64,
    /// Its operations that wait for a lead's decision.
    pub quarantined: i64,
    /// How far its clock is behind the server's; negative: ahead.
    pub clock_skew_ms: Option<i64>,
    /// Whether that is more than five minutes.
    pub clock_flagged: bool,
    /// The version of its app.
    pub app_version: Option<String>,
    /// The version of the schema that it speaks.
    pub schema: Option<u32>,
    /// How it is connected.
    pub link: LinkStatus,
    /// Its power, as reported.
    pub battery: Option<BatteryReport>,
    /// Room for its copy, as reported.
    pub storage: Option<StorageReport>,
    /// What waits on it, as reported.
    pub outbox: Option<OutboxStatus>,
    /// What somebody should know, in words.
    pub notices: Vec<Notice>,
    /// What it is to do next.
    pub next: Next,
    /// Now.
    pub server_time: Timestamp,
}

/// How a device fares. What is named first counts where several are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceCondition {
    /// It may not sync any more.
    Revoked,
    /// It has not synced for longer than the nearness of the event allows.
    Silent,
    /// Something of it waits for a person, or does not go out.
    Blocked,
    /// Something of it is on its way.
    Syncing,
    /// There is something that it has not read, or not sent.
    Behind,
    /// Nothing is to be done.
    Idle,
}

/// When somebody synced last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    /// Just now.
    Here,
    /// Not just now.
    Away,
    /// Longer ago than the nearness of the event allows.
    Silent,
}

/// When a device synced last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevicePresence {
    /// As a word.
    pub state: PresenceState,
    /// When it synced last; `null`: never.
    pub since: Option<Timestamp>,
    /// In words.
    pub text: String,
}

/// A device's operations, by what they wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct StatusCounts {
    /// All that a worker will decide: the sum of the next five.
    pub queued: i64,
    /// Parts of a batch that is not complete.
    pub staged: i64,
    /// For a worker.
    pub ready: i64,
    /// For another operation.
    pub held: i64,
    /// For the next try.
    pub delayed: i64,
    /// With a worker.
    pub leased: i64,
    /// For a person.
    pub parked: i64,
    /// For a lead.
    pub quarantined: i64,
    /// For an answer.
    pub conflicts_open: i64,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BatchProgress {
    /// The batch.
    pub batch_id: BatchId,
    /// Its operations.
    pub operations: i64,
    /// Those that are decided.
    pub decided: i64,
    /// Its bytes.
    pub bytes: i64,
    /// Those that are decided.
    pub decided_bytes: i64,
    /// When it arrived.
    pub started_at: Timestamp,
}

/// When something will be done, by what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatusEta {
    /// Hardly sooner, in seconds from now.
    pub low_s: u64,
    /// Most likely.
    pub likely_s: u64,
    /// Hardly later.
    pub high_s: u64,
}

/// How far a device has read in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SpaceLag {
    /// Versions that it was not sent yet.
    pub cursor_lag: i64,
    /// The last version of the space.
    pub head: i64,
    /// Up to where everything was sent to it; `null`: its copy was never complete.
    pub floor: Option<i64>,
}

/// How a device is connected, as far as it was told or measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LinkStatus {
    /// A round trip, in milliseconds.
    pub rtt_ms: Option<u32>,
    /// From the device, measured, in kilobits a second.
    pub up_kbps: Option<u32>,
    /// Towards the device, in kilobits a second.
    pub down_kbps: Option<u32>,
    /// The kind of link that it is as good as.
    pub ect: Option<EffectiveType>,
    /// Whether its owner asks to save data.
    pub save_data: Option<bool>,
}

/// What waits on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutboxStatus {
    /// Operations.
    pub depth: u64,
    /// Their bytes.
    pub bytes: Option<u64>,
    /// When the oldest was made, by the device's clock.
    pub oldest_at: Option<Timestamp>,
    /// Where it goes.
    pub trend: OutboxTrend,
    /// When it was reported.
    pub reported_at: Timestamp,
}

/// Where an outbox goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxTrend {
    /// Nothing waits.
    Empty,
    /// One report tells no trend.
    Unknown,
    /// Less waits than before, or what waits is newer.
    Shrinking,
    /// As much waits as before.
    Steady,
    /// More waits than before.
    Growing,
    /// The device syncs, and what waits does not go out.
    Stuck,
}

/// What somebody should know about a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// For programs.
    pub code: NoticeCode,
    /// In words: what, and what to do.
    pub detail: String,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeCode {
    /// It has not synced for too long.
    Silent,
    /// It syncs, and what waits on it does not go out.
    OutboxStuck,
    /// Something failed, and waits for a person.
    Parked,
    /// Something waits for a lead's decision.
    Quarantined,
    /// Its clock is off.
    ClockOff,
    /// There is little room left for its copy.
    StorageLow,
}
