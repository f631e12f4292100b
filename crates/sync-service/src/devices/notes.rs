//! What was noted of devices and is not written down yet, and what a request needs of them without asking the database.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_core::ports::DeviceState;
use sync_core::protocol::v1::status::{LinkStatus, PresenceState};
use sync_core::{DeviceId, OrganisationId, Timestamp, UserId};

use super::day::Day;
use super::known::Known;
use super::outbox;
use super::presence::state_of;

/// Devices that are remembered; what comes when there are more is not noted.
const MOST: usize = 65_536;

/// What a request needs of its device.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Way {
    /// How it is connected.
    pub(super) link: LinkStatus,
    /// Whether it saves power.
    pub(super) saves_power: bool,
    /// Bytes of an operation as it sends them.
    pub(super) bytes_each: Option<u64>,
    /// Operations that it reported to wait on it; `None` where they do not go out.
    pub(super) waiting: Option<u64>,
    /// Since when its outbox does not drain.
    pub(super) stuck_since: Option<Timestamp>,
}

impl Way {
    pub(super) fn of(known: &Known, event_hours: Option<i64>) -> Self {
        let stuck_since = outbox::stuck_since(known, event_hours);
        let waiting = known.reports.last().map(|report| report.operations);
        Self {
            link: known.link(),
            saves_power: known.saves_power(),
            bytes_each: known.bytes_each(),
            waiting: waiting.filter(|_| stuck_since.is_none()),
            stuck_since,
        }
    }
}

/// A device that is remembered.
#[derive(Debug)]
struct Entry {
    organisation_id: OrganisationId,
    user_id: UserId,
    /// When it synced or reported last, as far as this node knows.
    seen_at: Timestamp,
    /// What others were told of its presence; `None`: nothing since it came back.
    told: Option<PresenceState>,
    /// The nearest event of its spaces.
    day: Day,
    /// What its requests need, as of the last time that it was written down.
    way: Way,
    /// What was noted since.
    note: Option<Known>,
    /// What is being written down.
    leaving: Option<Known>,
}

/// A note on its way to the database.
#[derive(Debug, Clone)]
pub(super) struct Leaving {
    pub(super) device_id: DeviceId,
    pub(super) organisation_id: OrganisationId,
    pub(super) user_id: UserId,
    pub(super) seen_at: Timestamp,
    pub(super) note: Known,
}

/// Which devices to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    /// All of them.
    All,
    /// Those that are here.
    Back,
}

/// Whose presence seems to have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) device: DeviceId,
    pub(super) organisation: OrganisationId,
    pub(super) owner: UserId,
}

/// The devices that this process remembers.
#[derive(Debug, Default)]
pub(crate) struct Devices(Mutex<HashMap<DeviceId, Entry>>);

impl Devices {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Entry>> {
        // an entry is whole whenever nobody holds the lock
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a note about a device that was seen now, and tells what its request needs.
    pub(super) fn add(
        &self,
        (organisation_id, user_id, device_id): (OrganisationId, UserId, DeviceId),
        now: Timestamp,
        day: Option<Day>,
        note: &Known,
    ) -> (Way, Day) {
        let mut entries = self.lock();
        if entries.len() >= MOST && !entries.contains_key(&device_id) {
            return (Way::of(note, None), day.unwrap_or_default());
        }
        let entry = entries.entry(device_id).or_insert_with(|| Entry::new(organisation_id, user_id, now));
        entry.seen_at = entry.seen_at.max(now);
        entry.day = day.unwrap_or(entry.day);
        let known = entry.note.get_or_insert_default();
        known.absorb(note);
        (entry.way.with(known), entry.day)
    }

    /// When a device was seen last, as far as this node knows.
    pub(super) fn seen_at(&self, device_id: DeviceId) -> Option<Timestamp> {
        self.lock().get(&device_id).map(|entry| entry.seen_at)
    }

    /// What is not written down of a device, and when it was seen.
    pub(super) fn unwritten(&self, device_id: DeviceId) -> Option<(Timestamp, Known)> {
        let entries = self.lock();
        let entry = entries.get(&device_id)?;
        let mut known = entry.leaving.clone().unwrap_or_default();
        known.absorb(entry.note.as_ref().unwrap_or(&Known::default()));
        Some((entry.seen_at, known))
    }

    /// From now on it is noticed when one of these devices goes or comes back.
    pub(super) fn watch(&self, states: &[DeviceState], day: Day, now: Timestamp) {
        let mut entries = self.lock();
        for state in states {
            let full = entries.len() >= MOST;
            let told = state_of(Some(state.seen_at), now, day.hours(now));
            match entries.get_mut(&state.device_id) {
                Some(entry) => {
                    entry.seen_at = entry.seen_at.max(state.seen_at);
                    entry.day = Day::nearest([entry.day, day], now).unwrap_or(day);
                }
                None if told == PresenceState::Silent || full => {}
                None => {
                    let mut entry = Entry::new(state.organisation_id, state.user_id, state.seen_at);
                    (entry.told, entry.day) = (Some(told), day);
                    entries.insert(state.device_id, entry);
                }
            }
        }
    }

    /// Takes what is to be written down, by device.
    pub(super) fn take(&self) -> Vec<Leaving> {
        let mut leaving = Vec::new();
        for (device_id, entry) in self.lock().iter_mut().filter(|(_, entry)| entry.leaving.is_none()) {
            if let Some(note) = entry.note.take() {
                entry.leaving = Some(note.clone());
                let Entry { organisation_id, user_id, seen_at, .. } = *entry;
                leaving.push(Leaving { device_id: *device_id, organisation_id, user_id, seen_at, note });
            }
        }
        leaving.sort_by_key(|one| one.device_id);
        leaving
    }

    /// Puts back what could not be written down.
    pub(super) fn put_back(&self, leaving: &[Leaving]) {
        let mut entries = self.lock();
        for one in leaving {
            let Some(entry) = entries.get_mut(&one.device_id) else { continue };
            if let Some(mut first) = entry.leaving.take() {
                first.absorb(entry.note.as_ref().unwrap_or(&Known::default()));
                entry.note = Some(first);
            }
        }
    }

    /// Notes what was written down: all that is known now. Those whose outbox no longer drains, or does again.
    pub(super) fn written(&self, written: &[(DeviceId, Known)], now: Timestamp) -> Vec<Turned> {
        let mut entries = self.lock();
        let mut turned = Vec::new();
        for (device_id, known) in written {
            let Some(entry) = entries.get_mut(device_id) else { continue };
            entry.leaving = None;
            let way = Way::of(known, entry.day.hours(now));
            if way.stuck_since.is_some() != entry.way.stuck_since.is_some() {
                turned.push(entry.turned(*device_id));
            }
            entry.way = way;
        }
        turned
    }

    /// The devices whose presence is another than was told.
    pub(super) fn turned(&self, now: Timestamp, only: Only) -> Vec<Turned> {
        let entries = self.lock();
        let is_other = |(_, entry): &(&DeviceId, &Entry)| {
            let presence = entry.presence(now);
            entry.told != Some(presence) && (only == Only::All || presence == PresenceState::Here)
        };
        entries.iter().filter(is_other).map(|(device_id, entry)| entry.turned(*device_id)).collect()
    }

    /// Brings these up to date with what the database says, and marks as told what is to be told of them: those whose
    /// presence changed indeed. Silent ones are forgotten once they are told.
    pub(super) fn tell(&self, turned: &[Turned], seen: &HashMap<DeviceId, Timestamp>, now: Timestamp) -> Vec<Turned> {
        let mut entries = self.lock();
        let mut told = Vec::new();
        for one in turned {
            let Some(entry) = entries.get_mut(&one.device) else { continue };
            entry.seen_at = entry.seen_at.max(seen.get(&one.device).copied().unwrap_or(entry.seen_at));
            let presence = entry.presence(now);
            if entry.told != Some(presence) {
                entry.told = Some(presence);
                told.push(*one);
            }
            if presence == PresenceState::Silent && entry.note.is_none() && entry.leaving.is_none() {
                entries.remove(&one.device);
            }
        }
        told
    }
}

impl Entry {
    fn new(organisation_id: OrganisationId, user_id: UserId, seen_at: Timestamp) -> Self {
        let (told, day, way, note, leaving) = Default::default();
        Self { organisation_id, user_id, seen_at, told, day, way, note, leaving }
    }

    fn presence(&self, now: Timestamp) -> PresenceState {
        state_of(Some(self.seen_at), now, self.day.hours(now))
    }

    fn turned(&self, device_id: DeviceId) -> Turned {
        Turned { device: device_id, organisation: self.organisation_id, owner: self.user_id }
    }
}

impl Way {
    /// With what was noted since.
    fn with(mut self, note: &Known) -> Self {
        let link = note.link();
        self.link = LinkStatus {
            rtt_ms: link.rtt_ms.or(self.link.rtt_ms),
            up_kbps: link.up_kbps.or(self.link.up_kbps),
            down_kbps: link.down_kbps.or(self.link.down_kbps),
            ect: link.ect.or(self.link.ect),
            save_data: link.save_data.or(self.link.save_data),
        };
        self.saves_power = note.battery.and_then(|battery| battery.saver).unwrap_or(self.saves_power);
        self.bytes_each = self.bytes_each.or(note.bytes_each());
        let reported = note.reports.last().map(|report| report.operations).filter(|_| self.stuck_since.is_none());
        self.waiting = reported.or(self.waiting);
        self
    }
}
