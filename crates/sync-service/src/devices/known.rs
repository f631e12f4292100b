//! What is stored of a device, and how what was noted later is added to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sync_core::json::RawJson;
use sync_core::protocol::v1::report::{BatteryReport, EffectiveType, StorageReport};
use sync_core::protocol::v1::status::LinkStatus;
use sync_core::{SpaceId, Timestamp};

use super::outbox::Depth;
use super::smooth::Smooth;

/// Reports of its outbox that are remembered.
const MAX_REPORTS: usize = 16;
/// Readings of its clock that are remembered.
const MAX_SKEWS: usize = 3;
/// Spaces of which it is remembered how far it has read: the ones read last.
const MAX_FLOORS: usize = 256;

/// What is known of a device; also what was noted of it since the last time that it was written down.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    /// When it sent operations last.
    pub(super) push_at: Option<Timestamp>,
    /// When it read last.
    pub(super) pull_at: Option<Timestamp>,
    /// Operations that it sent.
    pub(super) operations: u64,
    /// Bytes of the requests in which it did.
    pub(super) bytes: u64,
    /// How far its clock was behind the server's, in milliseconds, at some instants.
    pub(super) skews: Vec<(Timestamp, i64)>,
    /// The version of the schema that it speaks.
    pub(super) schema: Option<u32>,
    /// The version of its app, as it reported it.
    pub(super) app_version: Option<String>,
    /// What its requests name as their sender.
    pub(super) agent: Option<String>,
    /// A round trip, in milliseconds, as it or its browser measured it.
    pub(super) rtt_ms: Smooth,
    /// From the device, in kilobits a second, as bodies arrived.
    pub(super) up_kbps: Smooth,
    /// Towards the device, in kilobits a second.
    pub(super) down_kbps: Option<u32>,
    /// The kind of link that it is as good as.
    pub(super) ect: Option<EffectiveType>,
    /// Whether its owner asks to save data.
    pub(super) save_data: Option<bool>,
    /// Whether pages were left at its last pull.
    pub(super) more: Option<bool>,
    /// The day of the nearest event of the spaces that it read last: when it begins, and when it has ended.
    pub(super) event: Option<(Timestamp, Timestamp)>,
    /// Up to where everything was sent to it, by space.
    pub(super) floors: BTreeMap<SpaceId, Read>,
    /// What it reported of its outbox, by time.
    pub(super) reports: Vec<Depth>,
    /// Room for its copy.
    pub(super) storage: Option<StorageReport>,
    /// Its power.
    pub(super) battery: Option<BatteryReport>,
}

/// How far a device has read in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Read {
    /// Up to here everything was sent to it; absent before the first complete run of pages.
    pub(super) floor: Option<i64>,
    /// When it read.
    pub(super) at: Timestamp,
}

impl Known {
    /// What a row says. One that can't be read is begun anew: it holds nothing that the next syncs do not bring.
    pub(super) fn read(body: &RawJson) -> Self {
        serde_json::from_str(body.as_str()).unwrap_or_default()
    }

    /// As a row says it.
    pub(super) fn written(&self) -> RawJson {
        RawJson::of(self)
    }

    /// Adds what was noted later, here or on another node.
    pub(super) fn absorb(&mut self, later: &Self) {
        self.push_at = self.push_at.max(later.push_at);
        self.pull_at = self.pull_at.max(later.pull_at);
        self.operations = self.operations.saturating_add(later.operations);
        self.bytes = self.bytes.saturating_add(later.bytes);
        self.rtt_ms.append(later.rtt_ms);
        self.up_kbps.append(later.up_kbps);
        replace(&mut self.schema, later.schema.as_ref());
        replace(&mut self.app_version, later.app_version.as_ref());
        replace(&mut self.agent, later.agent.as_ref());
        replace(&mut self.down_kbps, later.down_kbps.as_ref());
        replace(&mut self.ect, later.ect.as_ref());
        replace(&mut self.save_data, later.save_data.as_ref());
        replace(&mut self.more, later.more.as_ref());
        replace(&mut self.event, later.event.as_ref());
        replace(&mut self.storage, later.storage.as_ref());
        replace(&mut self.battery, later.battery.as_ref());
        add_by_time(&mut self.skews, &later.skews, MAX_SKEWS, |skew| skew.0);
        add_by_time(&mut self.reports, &later.reports, MAX_REPORTS, |report| report.at);
        for (space_id, read) in &later.floors {
            let stands = self.floors.get(space_id).is_some_and(|stands| stands.at > read.at);
            if !stands {
                self.floors.insert(*space_id, *read);
            }
        }
        while self.floors.len() > MAX_FLOORS {
            let oldest = self.floors.iter().min_by_key(|(_, read)| read.at).map(|(space_id, _)| *space_id);
            oldest.and_then(|space_id| self.floors.remove(&space_id));
        }
    }

    /// How far its clock is behind the server's: of the last readings the one nearest to nothing, because a request that
    /// was kept back on its way looks like a clock that is behind.
    pub(super) fn skew_ms(&self) -> Option<i64> {
        self.skews.iter().map(|(_, skew)| *skew).min_by_key(|skew| skew.unsigned_abs())
    }

    /// How it is connected.
    pub(super) fn link(&self) -> LinkStatus {
        LinkStatus {
            rtt_ms: self.rtt_ms.rounded(),
            up_kbps: self.up_kbps.rounded(),
            down_kbps: self.down_kbps,
            ect: self.ect,
            save_data: self.save_data,
        }
    }

    /// Whether it saves power.
    pub(super) fn saves_power(&self) -> bool {
        self.battery.and_then(|battery| battery.saver) == Some(true)
    }

    /// Bytes of an operation as it sends them.
    pub(super) fn bytes_each(&self) -> Option<u64> {
        self.bytes.checked_div(self.operations).filter(|bytes| *bytes > 0)
    }
}

fn replace<T: Clone>(stands: &mut Option<T>, later: Option<&T>) {
    if let Some(later) = later {
        *stands = Some(later.clone());
    }
}

/// Adds what is not there yet, in the order of time, and keeps the last `most`.
fn add_by_time<T: Copy + PartialEq>(stands: &mut Vec<T>, later: &[T], most: usize, at: impl Fn(&T) -> Timestamp) {
    for one in later {
        if !stands.contains(one) {
            stands.push(*one);
        }
    }
    stands.sort_by_key(&at);
    let surplus = stands.len().saturating_sub(most);
    stands.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    prop_compose! {
        fn note()(
            ms in 0..50_i64, operations in 0..9_u64, rtt in prop::option::of(1.0..900.0_f64), skew in prop::option::of(-9..9_i64),
            floor in prop::option::of(0..9_i64), space in 0..3_u128, depth in prop::option::of(0..9_u64), schema in prop::option::of(1..9_u32),
        ) -> Known {
            let mut known = Known { push_at: Some(at(ms)), operations, bytes: operations * 100, schema, ..Known::default() };
            if let Some(rtt) = rtt {
                known.rtt_ms.add(rtt);
            }
            known.skews.extend(skew.map(|skew| (at(ms), skew)));
            known.reports.extend(depth.map(|operations| Depth { at: at(ms), operations, bytes: None, oldest_at: None }));
            known.floors.insert(SpaceId(Uuid::from_u128(space)), Read { floor, at: at(ms) });
            known
        }
    }

    fn added(mut first: Known, later: &Known) -> Known {
        first.absorb(later);
        first
    }

    fn without_means(mut known: Known) -> Known {
        known.rtt_ms = Smooth::default();
        known
    }

    proptest! {
        /// Notes may be put together before they are written, or written one by one.
        #[test]
        fn notes_add_up_however_they_are_grouped(a in note(), b in note(), c in note()) {
            let one_by_one = added(added(a.clone(), &b), &c);
            let together = added(a, &added(b, &c));
            let (left, right) = (one_by_one.rtt_ms.value(), together.rtt_ms.value());
            prop_assert!(left.zip(right).is_none_or(|(left, right)| (left - right).abs() < 1e-6) && left.is_some() == right.is_some());
            prop_assert_eq!(without_means(one_by_one), without_means(together));
        }

        #[test]
        fn what_is_written_reads_back(known in note()) {
            let read = Known::read(&known.written());
            // a float may come back as its neighbour
            let near = |one: Smooth, other: Smooth| (one.value().unwrap_or(0.0) - other.value().unwrap_or(0.0)).abs() < 1e-6;
            prop_assert!(near(read.rtt_ms, known.rtt_ms));
            prop_assert_eq!(without_means(read), without_means(known));
        }
    }

    #[test]
    fn what_can_not_be_read_is_begun_anew() {
        for body in ["[]", "{\"operations\":\"many\"}", "{}"] {
            assert_eq!(Known::read(&RawJson::from_stored(body.to_owned()).unwrap()), Known::default());
        }
    }

    #[test]
    fn a_request_that_was_kept_back_is_no_clock_that_is_behind() {
        let mut known = Known::default();
        assert_eq!(known.skew_ms(), None);
        for (ms, skew, told) in
            [(1, 400_000, 400_000), (2, 900, 900), (3, -2_000, 900), (4, 700_000, 900), (5, 700_000, -2_000), (6, 700_000, 700_000)]
        {
            known.absorb(&Known { skews: vec![(at(ms), skew)], ..Known::default() });
            assert_eq!(known.skew_ms(), Some(told), "after {ms}");
        }
    }

    #[test]
    fn what_grows_is_bounded() {
        let mut known = Known::default();
        for n in 0..1_000_u32 {
            let mut note = Known::default();
            let at = at(i64::from(n));
            note.floors.insert(SpaceId(Uuid::from_u128(u128::from(n))), Read { floor: Some(1), at });
            note.reports.push(Depth { at, operations: u64::from(n), bytes: None, oldest_at: None });
            note.skews.push((at, i64::from(n)));
            known.absorb(&note);
        }
        assert_eq!((known.floors.len(), known.reports.len(), known.skews.len()), (MAX_FLOORS, MAX_REPORTS, MAX_SKEWS));
        assert!(known.floors.values().all(|read| read.at >= at(1_000 - 256)), "the ones read last");
    }
}
