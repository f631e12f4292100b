//! A sync, as far as it tells something about its device: noted when it is answered, and answered with what to do next.

use std::collections::BTreeMap;

use sync_core::ports::StoreLoad;
use sync_core::protocol::v1::report::LinkReport;
use sync_core::protocol::v1::{Next, SyncRequest};
use sync_core::{SpaceId, Timestamp};

use super::advice::{Situation, advise};
use super::day::Day;
use super::known::{Known, Read};
use super::notes::Way;
use crate::load::Pressure;
use crate::pull::Pulled;
use crate::{Caller, Service};

/// A body tells how fast the link is when it has so many bytes: a smaller one comes at once, whatever the link.
const MEASURED_BYTES: u64 = 16_384;
/// The longest name of an app that is kept, in characters.
const MAX_AGENT: usize = 64;

/// How a request came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// What its headers tell of the link: `RTT`, `Downlink`, `ECT`, `Save-Data`.
    pub link: LinkReport,
    /// `User-Agent`.
    pub agent: Option<String>,
    /// Bytes of its body, as sent.
    pub body_bytes: u64,
    /// How long the body took to arrive, in milliseconds.
    pub body_ms: u64,
}

/// What a sync says of its device before it is taken apart.
#[derive(Debug)]
pub(crate) struct Visit {
    operations: u64,
    schema: Option<u32>,
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
    pulls: bool,
    arrival: Arrival,
}

impl Visit {
    pub(crate) fn of(request: &SyncRequest, arrival: Arrival, received_at: Timestamp) -> Self {
        let of_operation = request.operations.iter().filter_map(|operation| operation.content.as_ref().ok()?.schema).max();
        Self {
            operations: u64::try_from(request.operations.len() + request.resolutions.len()).unwrap_or(u64::MAX),
            schema: request.pull.as_ref().and_then(|pull| pull.schema).or(of_operation),
            sent_at: request.sent_at,
            received_at,
            pulls: request.pull.is_some(),
            arrival,
        }
    }

    /// What it tells of the device. `more`: whether pages are left.
    fn note(&self, pulled: &Pulled, more: bool, day: Option<Day>) -> Known {
        let Self { arrival, received_at: at, .. } = self;
        let mut note = Known {
            push_at: (self.operations > 0).then_some(*at),
            pull_at: self.pulls.then_some(*at),
            operations: self.operations,
            bytes: if self.operations > 0 { arrival.body_bytes } else { 0 },
            schema: self.schema,
            agent: arrival.agent.as_deref().and_then(readable),
            down_kbps: arrival.link.down_kbps,
            ect: arrival.link.ect,
            save_data: arrival.link.save_data,
            more: self.pulls.then_some(more),
            event: day.and_then(Day::event),
            floors: floors(pulled, *at),
            ..Known::default()
        };
        if let Some(rtt_ms) = arrival.link.rtt_ms {
            note.rtt_ms.add(f64::from(rtt_ms));
        }
        if let Some(kbps) = measured_kbps(arrival.body_bytes, arrival.body_ms) {
            note.up_kbps.add(f64::from(kbps));
        }
        let explained_ms = i64::try_from(arrival.body_ms).unwrap_or(i64::MAX).saturating_add(i64::from(arrival.link.rtt_ms.unwrap_or(0)));
        note.skews.extend(self.sent_at.map(|sent_at| (*at, skew_ms(sent_at, *at, explained_ms))));
        note
    }
}

/// Up to where everything was sent to the device now, by space.
fn floors(pulled: &Pulled, at: Timestamp) -> BTreeMap<SpaceId, Read> {
    pulled.floors.iter().map(|(space_id, floor)| (*space_id, Read { floor: *floor, at })).collect()
}

/// How far a device's clock is behind, beyond what the way explains: a request is never received before it was sent.
fn skew_ms(sent_at: Timestamp, received_at: Timestamp, explained_ms: i64) -> i64 {
    let apart = received_at.millis().saturating_sub(sent_at.millis());
    if apart > 0 { apart.saturating_sub(explained_ms.max(0)).max(0) } else { apart }
}

/// How fast a body came, in kilobits a second; `None` where it is too small to tell.
fn measured_kbps(bytes: u64, ms: u64) -> Option<u32> {
    (bytes >= MEASURED_BYTES).then(|| u32::try_from(bytes.saturating_mul(8) / ms.max(1)).unwrap_or(u32::MAX))
}

/// The beginning of a text, without what can't be shown.
fn readable(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|character| !character.is_control()).take(MAX_AGENT).collect();
    (!text.is_empty()).then_some(text)
}

impl Service {
    /// Notes what a sync tells of its device, and says what it is to do next.
    pub(crate) fn note_visit(&self, caller: &Caller, visit: &Visit, pulled: &Pulled) -> Next {
        let more = pulled.changes.values().any(|changes| changes.has_more);
        let day = if visit.pulls { Day::nearest(pulled.days.iter().copied(), visit.received_at) } else { None };
        let note = visit.note(pulled, more, day);
        let device = (caller.organisation_id, caller.user_id, caller.device_id);
        let (way, day) = self.devices.add(device, visit.received_at, day, &note);
        let left = way.waiting.is_some_and(|waiting| waiting > visit.operations);
        advise(&situation(&way, day, (more, left), (visit.received_at, &self.store.load())))
    }
}

/// What a device did beside a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contact {
    /// It read.
    Read,
    /// It sent operations, or answers.
    Sent,
}

impl Service {
    /// Notes that a device read or sent something by another call than a sync.
    pub(crate) fn note_contact(&self, caller: &Caller, contact: Contact) {
        let now = self.now();
        let note = match contact {
            Contact::Read => Known { pull_at: Some(now), ..Known::default() },
            Contact::Sent => Known { push_at: Some(now), ..Known::default() },
        };
        self.devices.add((caller.organisation_id, caller.user_id, caller.device_id), now, None, &note);
    }
}

/// What advice is made of.
pub(super) fn situation(way: &Way, day: Day, (more, backlog): (bool, bool), (now, load): (Timestamp, &StoreLoad)) -> Situation {
    Situation {
        pressure: Pressure::of(load),
        link: way.link,
        saves_power: way.saves_power,
        bytes_each: way.bytes_each,
        hour: day.hour(),
        event_hours: day.hours(now),
        more,
        backlog,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_way_is_no_wrong_clock() {
        let at = Timestamp::from_millis;
        for (sent, received, explained, skew) in [
            (1_000, 1_000, 0, 0),
            (1_000, 1_400, 500, 0),
            (1_000, 1_400, 300, 100),
            (1_000, 401_000, 1_000, 399_000),
            (401_000, 1_000, 1_000, -400_000),
            (1_000, 2_000, -5, 1_000),
            (i64::MIN, i64::MAX, 0, i64::MAX),
        ] {
            assert_eq!(skew_ms(at(sent), at(received), explained), skew, "{sent} {received} {explained}");
        }
    }

    #[test]
    fn only_a_large_body_measures_a_link() {
        assert_eq!(measured_kbps(16_383, 1_000), None);
        assert_eq!(measured_kbps(100_000, 1_000), Some(800));
        assert_eq!(measured_kbps(100_000, 0), Some(800_000));
        assert_eq!(measured_kbps(u64::MAX, 1), Some(u32::MAX));
    }

    #[test]
    fn names_of_apps_are_kept_as_far_as_they_can_be_shown() {
        assert_eq!(readable("Rejoin/1.0 \u{7}(iPad)").as_deref(), Some("Rejoin/1.0 (iPad)"));
        assert_eq!((readable(""), readable("\n")), (None, None));
        assert_eq!(readable(&"é".repeat(100)).unwrap().chars().count(), MAX_AGENT);
    }
}
