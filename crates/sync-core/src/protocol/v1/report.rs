//! What a device reports of itself, on the wire.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_SAFE_INTEGER;
use crate::{Code, Problem, Timestamp};

/// The largest count.
const MOST: u64 = MAX_SAFE_INTEGER.unsigned_abs();
/// The longest name of an app's version, in characters.
const MAX_APP_VERSION: usize = 64;
/// The longest round trip that is believed, in milliseconds.
const MAX_RTT_MS: u64 = 600_000;
/// The fastest link that is believed, in kilobits a second.
const MAX_KBPS: u64 = 100_000_000;

/// `POST /api/offline/sync/status/{device_id}`: what a device tells of itself. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct DeviceReport {
    /// When it was made, by the device's clock.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// What waits on it.
    #[serde(default)]
    pub outbox: Option<OutboxReport>,
    /// How it is connected.
    #[serde(default)]
    pub link: Option<LinkReport>,
    /// Room for its copy.
    #[serde(default)]
    pub storage: Option<StorageReport>,
    /// Its power.
    #[serde(default)]
    pub battery: Option<BatteryReport>,
    /// The version of its app, 1 to 64 characters.
    #[serde(default)]
    pub app_version: Option<String>,
    /// The version of the schema that it speaks.
    #[serde(default)]
    pub schema: Option<u32>,
}

/// What waits on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxReport {
    /// Operations.
    pub operations: u64,
    /// Their bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// When the oldest was made, by the device's clock.
    #[serde(default)]
    pub oldest_at: Option<Timestamp>,
}

/// How a device is connected, as it or its browser tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkReport {
    /// A round trip, in milliseconds.
    pub rtt_ms: Option<u32>,
    /// Towards the device, in kilobits a second.
    pub down_kbps: Option<u32>,
    /// The kind of link that it is as good as.
    pub ect: Option<EffectiveType>,
    /// Whether its owner asks to save data.
    pub save_data: Option<bool>,
}

/// The kind of link that a connection is as good as (Network Information API), the slowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EffectiveType {
    /// As good as a bad 2G.
    #[serde(rename = "slow-2g")]
    Slow2g,
    /// As good as 2G.
    #[serde(rename = "2g")]
    TwoG,
    /// As good as 3G.
    #[serde(rename = "3g")]
    ThreeG,
    /// As good as 4G, or better.
    #[serde(rename = "4g")]
    FourG,
}

impl EffectiveType {
    /// Reads the name of the header `ECT`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "slow-2g" => Some(Self::Slow2g),
            "2g" => Some(Self::TwoG),
            "3g" => Some(Self::ThreeG),
            "4g" => Some(Self::FourG),
            _ => None,
        }
    }
}

/// Room for a device's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageReport {
    /// Bytes that the app may use.
    #[serde(default)]
    pub quota_bytes: Option<u64>,
    /// Bytes that it uses.
    #[serde(default)]
    pub used_bytes: Option<u64>,
    /// Whether the system promised not to clear them.
    #[serde(default)]
    pub persisted: Option<bool>,
}

/// A device's power.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatteryReport {
    /// From 0, empty, to 1, full.
    #[serde(default)]
    pub level: Option<f64>,
    /// Whether it saves power.
    #[serde(default)]
    pub saver: Option<bool>,
}

impl DeviceReport {
    /// Checks what its types do not.
    ///
    /// # Errors
    /// `malformed`, with the place.
    pub fn check(&self) -> Result<(), Problem> {
        let outbox = self.outbox;
        within(outbox.map(|outbox| outbox.operations), MOST, "/outbox/operations")?;
        within(outbox.and_then(|outbox| outbox.bytes), MOST, "/outbox/bytes")?;
        let link = self.link.unwrap_or_default();
        within(link.rtt_ms, MAX_RTT_MS, "/link/rtt_ms")?;
        within(link.down_kbps, MAX_KBPS, "/link/down_kbps")?;
        let storage = self.storage;
        within(storage.and_then(|storage| storage.quota_bytes), MOST, "/storage/quota_bytes")?;
        within(storage.and_then(|storage| storage.used_bytes), MOST, "/storage/used_bytes")?;
        let level = self.battery.and_then(|battery| battery.level);
        if level.is_some_and(|level| !(0.0..=1.0).contains(&level)) {
            return Err(Problem::new(Code::Malformed, "level is to be from 0, empty, to 1, full").at("/battery/level"));
        }
        let version = self.app_version.as_deref();
        let sane = |text: &str| (1..=MAX_APP_VERSION).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if version.is_some_and(|text| !sane(text)) {
            let detail = format!("app_version is to be 1 to {MAX_APP_VERSION} characters, none of them a control character");
            return Err(Problem::new(Code::Malformed, detail).at("/app_version"));
        }
        Ok(())
    }
}

fn within<N: Into<u64>>(number: Option<N>, most: u64, at: &str) -> Result<(), Problem> {
    if number.is_some_and(|number| number.into() > most) {
        let name = at.rsplit('/').next().unwrap_or(at);
        return Err(Problem::new(Code::Malformed, format!("{name} is to be at most {most}")).at(at));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fault(report: Value) -> Option<String> {
        let report: DeviceReport = serde_json::from_value(report).unwrap();
        report.check().err().and_then(|problem| problem.pointer)
    }

    #[test]
    fn everything_may_be_left_out_and_is_bounded() {
        for (report, pointer) in [
            (json!({}), None),
            (json!({"outbox": null, "link": {}, "storage": {}, "battery": {}, "app_version": null}), None),
            (json!({"outbox": {"operations": 0}, "battery": {"level": 1}, "link": {"ect": "slow-2g", "save_data": true}}), None),
            (json!({"outbox": {"operations": 9_007_199_254_740_993_u64}}), Some("/outbox/operations")),
            (json!({"outbox": {"operations": 1, "bytes": u64::MAX}}), Some("/outbox/bytes")),
            (json!({"link": {"rtt_ms": 600_001}}), Some("/link/rtt_ms")),
            (json!({"link": {"down_kbps": 100_000_001}}), Some("/link/down_kbps")),
            (json!({"storage": {"quota_bytes": u64::MAX}}), Some("/storage/quota_bytes")),
            (json!({"storage": {"used_bytes": u64::MAX}}), Some("/storage/used_bytes")),
            (json!({"battery": {"level": 1.01}}), Some("/battery/level")),
            (json!({"battery": {"level": -0.01}}), Some("/battery/level")),
            (json!({"app_version": ""}), Some("/app_version")),
            (json!({"app_version": "1.0\n"}), Some("/app_version")),
            (json!({"app_version": "x".repeat(65)}), Some("/app_version")),
            (json!({"app_version": "é".repeat(64)}), None),
        ] {
            assert_eq!(fault(report.clone()).as_deref(), pointer, "{report}");
        }
    }

    #[test]
    fn types_are_strict() {
        for report in [
            json!({"outbox": {}}),
            json!({"outbox": {"operations": -1}}),
            json!({"outbox": {"operations": 1.5}}),
            json!({"outbox": {"operations": "1"}}),
            json!({"outbox": {"operations": 1, "oldest_at": "yesterday"}}),
            json!({"link": {"ect": "5g"}}),
            json!({"link": {"save_data": "on"}}),
            json!({"battery": {"level": "full"}}),
            json!({"app_version": 7}),
            json!({"schema": -1}),
            json!({"at": 0}),
        ] {
            assert!(serde_json::from_value::<DeviceReport>(report.clone()).is_err(), "{report}");
        }
    }
}
