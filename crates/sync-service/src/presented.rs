//! How far devices have shown that they read. A pull writes nothing: what it shows is noted in memory, and flushed in
//! bulk by maintenance and when the server stops. What a crash loses costs at most a tombstone that is kept longer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sync_core::ports::{Access, Presented};
use sync_core::{DeviceId, SpaceId};

use crate::{Service, ServiceResult};

/// Notes that wait to be flushed; what comes when there are more is not noted.
const MAX_NOTES: usize = 262_144;
/// Rows written by one job.
const ROWS_AT_ONCE: usize = 1_000;

/// What devices showed since the last flush, the last cursor of each.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<HashMap<(SpaceId, DeviceId), Presented>>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, HashMap<(SpaceId, DeviceId), Presented>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, shown: &[Presented]) {
        if shown.is_empty() {
            return;
        }
        let mut notes = self.lock();
        for row in shown {
            let place = (row.space_id, row.device_id);
            if notes.len() < MAX_NOTES || notes.contains_key(&place) {
                notes.insert(place, *row);
            }
        }
    }

    fn take(&self) -> Vec<Presented> {
        self.lock().drain().map(|(_, row)| row).collect()
    }

    /// Puts back what could not be flushed, where nothing newer was noted meanwhile.
    fn put_back(&self, rows: Vec<Presented>) {
        let mut notes = self.lock();
        for row in rows {
            notes.entry((row.space_id, row.device_id)).or_insert(row);
        }
    }
}

impl Service {
    /// Writes down how far devices have shown that they read. How many notes there were.
    ///
    /// # Errors
    /// The store's; what was not written is kept for the next time.
    pub async fn flush_presented(&self) -> ServiceResult<usize> {
        let mut rows = self.presented.take();
        rows.sort_by_key(|row| (row.space_id, row.device_id));
        let noted = rows.len();
        while !rows.is_empty() {
            let chunk: Vec<Presented> = rows.iter().take(ROWS_AT_ONCE).copied().collect();
            let written = chunk.len();
            if let Err(error) = self.store.transact(Access::Write, move |tx| tx.put_presented(&chunk)).await {
                self.presented.put_back(rows);
                return Err(error.into());
            }
            rows.drain(..written);
        }
        Ok(noted)
    }
}
