//! Epochs: which log a version is of. A restored backup is another log than the one that devices have read, with the
//! same beginning: up to the fork its versions mean the same, above it they do not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sync_core::ports::{Access, Entropy, FormerEpoch, Head, SpaceLog, StoreResult, Tx};
use sync_core::{SpaceId, Timestamp};
use uuid::Uuid;

use crate::audit::{self, Act};
use crate::cursors::epoch_tag;
use crate::{Service, ServiceResult};

/// Logs read at a time.
const PAGE: i64 = 500;

/// The epochs that a request's sender knows, by space, as they were sent.
pub(crate) type Named = BTreeMap<SpaceId, String>;

/// What of the log that a sender knows is the present log too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shared {
    /// It is the present one.
    pub(crate) fits: bool,
    /// Up to here both are the same.
    pub(crate) until: i64,
}

impl Shared {
    /// The present log itself.
    pub(crate) const fn all(head: Head) -> Self {
        Self { fits: true, until: head.version }
    }

    /// The log that a sender names; none named is the present one, an unknown one shares nothing.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn of(tx: &mut dyn Tx, space_id: SpaceId, head: Head, named: Option<&String>) -> StoreResult<Self> {
        match named.filter(|epoch| **epoch != head.epoch.to_string()) {
            None => Ok(Self::all(head)),
            Some(epoch) => {
                let former = tx.list_former_epochs(&[space_id])?;
                Ok(Self { fits: false, until: shared_until(&former, head, |other| other.to_string() == *epoch) })
            }
        }
    }
}

/// Until where the former epoch that is looked for shares the present log; 0 when there is none such.
pub(crate) fn shared_until(former: &[FormerEpoch], head: Head, is_it: impl Fn(Uuid) -> bool) -> i64 {
    former.iter().find(|row| is_it(row.epoch)).map_or(0, |row| row.shared_until.min(head.version))
}

/// What begins with a new epoch: the present one becomes a former one, that shares all there is now.
fn former_of(log: &SpaceLog, now: Timestamp) -> FormerEpoch {
    FormerEpoch { space_id: log.space_id, epoch: log.head.epoch, shared_until: log.head.version, ended_at: now }
}

impl Service {
    /// Gives every space's log a new epoch, in one transaction: a backup was restored, and what devices have read since
    /// it was made is not there any more. How many spaces there are.
    ///
    /// Devices are told by a `reset` with `reason:"epoch"`, and send again what the restore lost. The audit log has a record
    /// for each space.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin_new_epochs(&self) -> ServiceResult<usize> {
        let (entropy, now) = (std::sync::Arc::clone(&self.entropy), self.now());
        let work = move |tx: &mut dyn Tx| {
            let (mut after, mut spaces) = (None, 0);
            loop {
                let logs = tx.list_logs(after, PAGE)?;
                let Some(last) = logs.last().map(|log| log.space_id) else { return Ok(spaces) };
                spaces += logs.len();
                fork(tx, &*entropy, &logs, now)?;
                after = Some(last);
            }
        };
        Ok(self.store.transact(Access::Write, work).await?)
    }
}

/// Forks logs: the present epochs become former ones, which is recorded.
fn fork(tx: &mut dyn Tx, entropy: &(dyn Entropy + 'static), logs: &[SpaceLog], now: Timestamp) -> StoreResult<()> {
    let ids: Vec<SpaceId> = logs.iter().map(|log| log.space_id).collect();
    let before = tx.list_former_epochs(&ids)?;
    let (mut former, mut acts) = (Vec::new(), Vec::new());
    for log in logs {
        // read again under the lock: a server may be running
        let Some(head) = tx.lock_head(log.space_id)? else { continue };
        let log = SpaceLog { head, ..*log };
        let older = before.iter().filter(|row| row.space_id == log.space_id);
        let taken: BTreeSet<u32> = older.map(|row| row.epoch).chain([head.epoch]).map(epoch_tag).collect();
        // cursors tell epochs apart by a tag
        let mut new = std::iter::repeat_with(|| entropy.uuid_v7(now));
        let epoch = new.find(|epoch| !taken.contains(&epoch_tag(*epoch))).unwrap_or_default();
        tx.put_epoch(log.space_id, epoch)?;
        // who worked on its queue when the backup was made does not any more; where somebody does now, the lock is theirs
        if let Some(space) = tx.try_lock_queue_space(log.space_id)? {
            tx.put_queue_space(&queue::lease::void(&space, now))?;
        }
        former.push(former_of(&log, now));
        acts.push(begun(&log, epoch));
    }
    tx.put_former_epochs(&former)?;
    audit::write(tx, entropy, now, acts)
}

/// What is recorded of a log that goes on under another epoch.
fn begun(log: &SpaceLog, epoch: Uuid) -> Act {
    Act::of(log.organisation_id, "space.new_epoch")
        .in_space(log.space_id)
        .about(&log.space_id)
        .with(json!({"operator": true, "shared_until": log.head.version}))
        .changing("epoch", log.head.epoch.to_string(), epoch.to_string())
}
