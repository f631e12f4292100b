//! What is done about devices beside requests: notes are written down, and it is told who went and who came back.

use std::collections::{BTreeMap, HashMap};

use sync_core::ports::{Access, DeviceState, Signal, StoreResult, Tx};
use sync_core::{DeviceId, OrganisationId, Timestamp};

use super::known::Known;
use super::notes::{Leaving, Only, Turned};
use crate::{Service, ServiceResult};

/// Devices that one job writes or reads.
const DEVICES_AT_ONCE: usize = 500;

impl Service {
    /// Writes down what was noted of devices, added to what other nodes wrote; to be called every few seconds, by one task
    /// of a process, and when it stops. How many devices there were.
    ///
    /// # Errors
    /// The store's; what was not written is kept for the next time.
    pub async fn flush_devices(&self) -> ServiceResult<usize> {
        let leaving = self.devices.take();
        let mut rest = leaving.as_slice();
        while !rest.is_empty() {
            let (chunk, others) = rest.split_at(rest.len().min(DEVICES_AT_ONCE));
            let notes = chunk.to_vec();
            match self.store.transact(Access::Write, move |tx| add_notes(tx, &notes)).await {
                Ok(written) => {
                    let turned = self.devices.written(&written, self.now());
                    self.tell_presence(&turned);
                }
                Err(error) => {
                    self.devices.put_back(rest);
                    return Err(error.into());
                }
            }
            rest = others;
        }
        // who came back is told as soon as that is written; who went, by the sweep
        let now = self.now();
        let back = self.devices.turned(now, Only::Back);
        self.tell_presence(&self.devices.tell(&back, &HashMap::new(), now));
        Ok(leaving.len())
    }

    /// Tells who went and who came back. To be called about once a minute, by one task of a process. How many.
    ///
    /// # Errors
    /// The store's; the next sweep tells.
    pub async fn sweep_presence(&self) -> ServiceResult<usize> {
        let turned = self.devices.turned(self.now(), Only::All);
        let mut told = 0;
        for chunk in turned.chunks(DEVICES_AT_ONCE) {
            let asked = by_organisation(chunk.iter().map(|one| (one.organisation, one.device)));
            let seen = self.store.transact(Access::Read, move |tx| last_seen(tx, &asked)).await?;
            let changed = self.devices.tell(chunk, &seen, self.now());
            told += changed.len();
            self.tell_presence(&changed);
        }
        Ok(told)
    }

    fn tell_presence(&self, turned: &[Turned]) {
        if !turned.is_empty() {
            let signals: Vec<Signal> = turned.iter().map(|one| Signal::Presence(one.owner, one.device)).collect();
            self.signals.publish(&signals);
        }
    }
}

fn by_organisation(devices: impl Iterator<Item = (OrganisationId, DeviceId)>) -> BTreeMap<OrganisationId, Vec<DeviceId>> {
    let mut found: BTreeMap<OrganisationId, Vec<DeviceId>> = BTreeMap::new();
    for (organisation_id, device_id) in devices {
        found.entry(organisation_id).or_default().push(device_id);
    }
    found
}

/// When these devices were seen last, on whatever node.
fn last_seen(tx: &mut dyn Tx, asked: &BTreeMap<OrganisationId, Vec<DeviceId>>) -> StoreResult<HashMap<DeviceId, Timestamp>> {
    let mut seen = HashMap::new();
    for (organisation_id, device_ids) in asked {
        seen.extend(tx.load_device_states(*organisation_id, device_ids)?.into_iter().map(|state| (state.device_id, state.seen_at)));
    }
    Ok(seen)
}

/// Adds notes to what is stored. Where another node does so for the same device at the same moment, the later one may
/// not see the earlier one's: a figure is lost, nothing that anybody is owed.
fn add_notes(tx: &mut dyn Tx, notes: &[Leaving]) -> StoreResult<Vec<(DeviceId, Known)>> {
    let asked = by_organisation(notes.iter().map(|note| (note.organisation_id, note.device_id)));
    let mut stored: HashMap<DeviceId, DeviceState> = HashMap::new();
    for (organisation_id, device_ids) in &asked {
        stored.extend(tx.load_device_states(*organisation_id, device_ids)?.into_iter().map(|state| (state.device_id, state)));
    }
    let mut written = Vec::with_capacity(notes.len());
    let mut rows = Vec::with_capacity(notes.len());
    for Leaving { device_id, organisation_id, user_id, seen_at, note } in notes {
        let before = stored.get(device_id);
        let mut known = before.map(|state| Known::read(&state.body)).unwrap_or_default();
        known.absorb(note);
        rows.push(DeviceState {
            device_id: *device_id,
            organisation_id: *organisation_id,
            user_id: *user_id,
            seen_at: before.map_or(*seen_at, |state| state.seen_at.max(*seen_at)),
            body: known.written(),
        });
        written.push((*device_id, known));
    }
    tx.put_device_states(&rows)?;
    Ok(written)
}
