//! What was counted of one lane in one span of time: the body of a row of figures, added up over nodes and time.

use std::collections::BTreeMap;

use queue::eta::Score;
use queue::histogram::Histogram;
use serde::{Deserialize, Serialize};
use sync_core::json::RawJson;
use sync_core::{DeviceId, Status};

/// Devices that a span tells apart; what more there are is counted together with the others of the lane only.
const MAX_DEVICES: usize = 200;
/// Reasons that a span tells apart.
const MAX_REASONS: usize = 50;

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Span {
    /// Operations that came.
    pub(crate) accepted: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Operations that were decided, by status.
    pub(crate) decided: BTreeMap<String, u64>,
    /// Tries that failed and come again.
    pub(crate) retries: u64,
    /// Operations that were parked.
    pub(crate) parked: u64,
    /// Failures by their code, parked ones included.
    pub(crate) reasons: BTreeMap<String, u64>,
    /// Of what was parked, by code.
    pub(crate) parked_reasons: BTreeMap<String, u64>,
    /// From acceptance to decision, in milliseconds.
    pub(crate) wait: Histogram,
    /// How long workers' steps took, in milliseconds.
    pub(crate) work: Histogram,
    /// The items of these steps.
    pub(crate) step_items: u64,
    /// What waited, summed over the looks.
    pub(crate) depth: u64,
    /// Looks at what waited.
    pub(crate) looks: u64,
    /// Milliseconds in which all workers were busy, of those that were watched.
    pub(crate) saturated_ms: u64,
    /// Milliseconds that were watched.
    pub(crate) watched_ms: u64,
    /// How right estimates were.
    pub(crate) eta: Score,
    /// What came of each device, and was decided of it.
    pub(crate) devices: BTreeMap<DeviceId, (u64, u64)>,
}

impl Span {
    pub(crate) fn read(body: &RawJson) -> Self {
        body.read().unwrap_or_default()
    }

    /// Adds what another one counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, more) in [
            (&mut self.accepted, other.accepted),
            (&mut self.bytes, other.bytes),
            (&mut self.retries, other.retries),
            (&mut self.parked, other.parked),
            (&mut self.step_items, other.step_items),
            (&mut self.depth, other.depth),
            (&mut self.looks, other.looks),
            (&mut self.saturated_ms, other.saturated_ms),
            (&mut self.watched_ms, other.watched_ms),
        ] {
            *own = own.saturating_add(more);
        }
        for (own, more) in
            [(&mut self.decided, &other.decided), (&mut self.reasons, &other.reasons), (&mut self.parked_reasons, &other.parked_reasons)]
        {
            for (name, count) in more {
                count_in(own, name, *count);
            }
        }
        self.wait.merge(&other.wait);
        self.work.merge(&other.work);
        self.eta = self.eta.merge(&other.eta);
        for (device_id, (accepted, decided)) in &other.devices {
            self.of_device(*device_id, *accepted, *decided);
        }
    }

    /// Counts what came and what was decided of a device.
    pub(crate) fn of_device(&mut self, device_id: DeviceId, accepted: u64, decided: u64) {
        if self.devices.len() < MAX_DEVICES || self.devices.contains_key(&device_id) {
            let counts = self.devices.entry(device_id).or_default();
            *counts = (counts.0.saturating_add(accepted), counts.1.saturating_add(decided));
        }
    }

    pub(crate) fn of_status(&mut self, status: Status) {
        count_in(&mut self.decided, status.as_str(), 1);
    }

    pub(crate) fn of_failure(&mut self, code: &str, parked: bool) {
        count_in(&mut self.reasons, code, 1);
        if parked {
            self.parked = self.parked.saturating_add(1);
            count_in(&mut self.parked_reasons, code, 1);
        } else {
            self.retries = self.retries.saturating_add(1);
        }
    }

    /// Operations that were decided.
    pub(crate) fn decided_count(&self) -> u64 {
        self.decided.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    pub(crate) fn with_status(&self, status: Status) -> u64 {
        self.decided.get(status.as_str()).copied().unwrap_or(0)
    }
}

/// Counts by name; what is too much to tell apart is counted under `other`.
fn count_in(counts: &mut BTreeMap<String, u64>, name: &str, more: u64) {
    let known = counts.len() < MAX_REASONS || counts.contains_key(name);
    let count = counts.entry(if known { name } else { "other" }.to_owned()).or_default();
    *count = count.saturating_add(more);
}
