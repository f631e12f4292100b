//! One step of a worker, inside one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use queue::lease::{self, Lease};
use sync_core::json::RawJson;
use sync_core::ports::{Entropy, Footing, ItemState, QueueBatch, QueueItem, Signal, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::{OperationResult, read_again};
use sync_core::{BatchId, Code, ConflictId, OpId, OrganisationId, Problem, SessionId, SpaceId, Status, Timestamp};
use uuid::Uuid;

use super::settle::{park, parked_acts};
use super::take::take_items;
use crate::Caller;
use crate::access;
use crate::audit::{self, Act};
use crate::push::{Batch, Plan, Taken, Taking, decide_space};

/// For how long work is put back that is held, in milliseconds: then it is looked at again.
const HELD_MS: i64 = 10_000;

/// What a step needs beside its items.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) organisation_id: OrganisationId,
    pub(super) space_id: SpaceId,
    pub(super) lease: Lease,
    pub(super) now: Timestamp,
    /// How long the lease stands afterwards.
    pub(super) lease_ms: i64,
    /// How many items are taken next; `None`: none yet.
    pub(super) wanted: Option<usize>,
}

/// What a step did.
#[derive(Debug, Default)]
pub(super) struct Stepped {
    /// What was taken next; `None`: nothing was looked for. Empty: the lease was handed back.
    pub(super) next: Option<Vec<QueueItem>>,
    /// Operations that were decided.
    pub(super) statuses: Vec<(OpId, Status)>,
    /// Whether the log grew.
    pub(super) grew: bool,
    /// Conflicts that were opened.
    pub(super) opened: u64,
    /// Items that were parked.
    pub(super) parked: Vec<OpId>,
    /// Other spaces in which something is ready now.
    pub(super) elsewhere: Vec<SpaceId>,
    /// What is to be recorded.
    acts: Vec<Act>,
}

impl Stepped {
    /// What is to be told.
    pub(super) fn signals(&self, space_id: SpaceId, items: &[QueueItem]) -> Vec<Signal> {
        let batches: BTreeSet<Signal> = items.iter().map(|item| Signal::Batch(item.device_id, item.batch_id)).collect();
        let parked = items.iter().filter(|item| self.parked.contains(&item.op_id));
        let letters = parked.map(|item| Signal::DeadLetter(item.device_id, space_id));
        self.grew.then_some(Signal::Space(space_id)).into_iter().chain(batches).chain(letters).collect()
    }
}

/// Decides items under a lease; `None` when it does not stand any more: then nothing is written.
///
/// # Errors
/// [`StoreError`]: nothing of it happened.
pub(super) fn step(tx: &mut dyn Tx, this: &Step, items: &[QueueItem], entropy: &(dyn Entropy + 'static)) -> StoreResult<Option<Stepped>> {
    // the log before the queue: in this order everybody locks them
    tx.lock_head(this.space_id)?;
    let mut space = tx.lock_queue_space(this.organisation_id, this.space_id)?;
    if !lease::may_write(&space, &this.lease) {
        return Ok(None);
    }
    let mut stepped = Stepped::default();
    let mut by_batch: BTreeMap<BatchId, Vec<&QueueItem>> = BTreeMap::new();
    for item in items {
        by_batch.entry(item.batch_id).or_default().push(item);
    }
    let ids: Vec<BatchId> = by_batch.keys().copied().collect();
    let records: HashMap<BatchId, (QueueBatch, Footing)> = tx.load_work(&ids)?.into_iter().map(|work| (work.0.batch_id, work)).collect();
    for (batch_id, mut items) in by_batch {
        // as they were accepted: what is committed together needs no other order
        items.sort_by_key(|item| item.seq);
        match records.get(&batch_id) {
            Some((_, footing)) if *footing != Footing::Active => hold(tx, this, &items)?,
            record => decide_items(tx, this, (record.map(|(batch, _)| batch), &items), entropy, &mut stepped)?,
        }
    }
    audit::write(tx, entropy, this.now, std::mem::take(&mut stepped.acts))?;
    let decided: Vec<OpId> = stepped.statuses.iter().map(|(op_id, _)| *op_id).collect();
    if !decided.is_empty() {
        let released = tx.release_items(this.organisation_id, &decided)?;
        stepped.elsewhere = released.into_iter().filter(|space_id| *space_id != this.space_id).collect();
    }
    space = queue::fairness::serve(space, decided.len(), this.now);
    if let Some(wanted) = this.wanted {
        space = lease::renew(&space, &this.lease, this.now, this.lease_ms).unwrap_or(space);
        let next = take_items(tx, &mut space, wanted, this.now)?;
        if next.is_empty() {
            space = lease::release(&space, &this.lease).unwrap_or(space);
        }
        stepped.next = Some(next);
    }
    tx.put_queue_space(&space)?;
    Ok(Some(stepped))
}

/// Puts items back whose device or tenant is held: nothing of them is decided, and nothing is lost.
fn hold(tx: &mut dyn Tx, this: &Step, items: &[&QueueItem]) -> StoreResult<()> {
    let later = |item: &&QueueItem| QueueItem {
        state: ItemState::Delayed,
        not_before: Some(this.now.plus_ms(HELD_MS)),
        attempts: item.attempts.saturating_sub(1),
        fence: None,
        ..(*item).clone()
    };
    tx.put_items(&items.iter().map(later).collect::<Vec<_>>())
}

/// Decides the items of one batch, as a push of it would be.
fn decide_items(
    tx: &mut dyn Tx,
    this: &Step,
    (record, items): (Option<&QueueBatch>, &[&QueueItem]),
    entropy: &(dyn Entropy + 'static),
    stepped: &mut Stepped,
) -> StoreResult<()> {
    let Some(batch) = batch_of(this, record, items)? else { return Ok(()) };
    let units: Vec<usize> = (0..batch.plan.units.len()).collect();
    let mut new_conflict_id = || ConflictId(entropy.uuid_v7(this.now));
    let standing = access::lock(tx, &batch.caller, this.space_id)?;
    let decided = decide_space(tx, &batch, (this.space_id, standing), (&units, &BTreeSet::new()), &mut new_conflict_id)?;
    stepped.acts.extend(audit::of_push(&batch, this.space_id, &decided, &[]));
    stepped.opened += decided.opened;
    stepped.grew |= decided.grew;
    let held = decided.held;
    let mut results: HashMap<OpId, OperationResult> = decided.results.into_values().map(|result| (result.op_id, result)).collect();
    for (index, problem) in &batch.plan.refused {
        if let Some(received) = batch.operations.get(*index) {
            results.insert(received.op_id, OperationResult::refused(received.op_id, problem.clone()));
        }
    }
    let mut done: Vec<&QueueItem> = Vec::new();
    let mut kept: Vec<QueueItem> = Vec::new();
    for item in items {
        match results.get(&item.op_id) {
            Some(result) if is_decided(result) => {
                stepped.statuses.push((item.op_id, result.status));
                done.push(item);
            }
            result => kept.push(left(item, result, held.get(&item.op_id))),
        }
    }
    hasten_heads(tx, this, &kept)?;
    stepped.parked.extend(kept.iter().filter(|item| item.state == ItemState::Parked).map(|item| item.op_id));
    stepped.acts.extend(parked_acts(&kept));
    tx.put_items(&kept)?;
    drop_decided(tx, this, record, &done)
}

/// What a worker decides of one batch; `None` where there is nothing.
fn batch_of(this: &Step, record: Option<&QueueBatch>, items: &[&QueueItem]) -> StoreResult<Option<Batch>> {
    let Some(first) = items.first() else { return Ok(None) };
    let record = record.ok_or_else(|| StoreError::Damaged(format!("batch {} of queued operations is gone", first.batch_id)))?;
    let operations: Vec<_> = items.iter().map(|item| read_again(item.op_id, item.payload.object())).collect();
    let taken = items.iter().map(|item| {
        let QueueItem { identity, seq, attempts, accepted_at, .. } = **item;
        (item.op_id, Taken { identity, seq, attempts, accepted_at })
    });
    // the right to write is that of the person now; their session may have ended long ago
    let caller = Caller {
        organisation_id: this.organisation_id,
        user_id: record.user_id,
        device_id: record.device_id,
        session_id: SessionId(Uuid::nil()),
        admin: false,
        trace: None,
    };
    Ok(Some(Batch {
        caller,
        plan: Plan::new(&operations),
        operations,
        epochs: record.epochs.read().unwrap_or_default(),
        sent_at: record.sent_at,
        arrived_at: record.received_at,
        received_at: this.now,
        taking: Taking::Work(taken.collect()),
        hidden: BTreeSet::new(),
        id: record.batch_id,
    }))
}

/// Whether an operation has its result, and the queue is done with it.
fn is_decided(result: &OperationResult) -> bool {
    match result.status {
        Status::Queued | Status::Parked | Status::Waiting => false,
        Status::Rejected => result.held,
        _ => true,
    }
}

/// An item that is not decided: it waits for what has to go first, or it is at fault in a way that has no result.
fn left(item: &QueueItem, result: Option<&OperationResult>, root: Option<&OpId>) -> QueueItem {
    match (root, result.and_then(|result| result.problem.as_ref())) {
        (Some(root), _) => {
            let attempts = item.attempts.saturating_sub(1);
            QueueItem { state: ItemState::Held, waits_for: Some(*root), attempts, ..item.clone() }
        }
        (None, Some(problem)) => park(item, problem),
        (None, None) => park(item, &Problem::new(Code::ProcessingFailed, "nothing came of this operation; tell who runs the server")),
    }
}

/// Makes what items have to wait for as urgent as they are.
fn hasten_heads(tx: &mut dyn Tx, this: &Step, kept: &[QueueItem]) -> StoreResult<()> {
    let mut heads: BTreeMap<OpId, (i32, i64)> = BTreeMap::new();
    for item in kept {
        if let Some(root) = item.waits_for {
            let known = heads.entry(root).or_insert((item.lane, item.rank));
            *known = (known.0.min(item.lane), known.1.min(item.rank));
        }
    }
    let mut by_urgency: BTreeMap<(i32, i64), Vec<OpId>> = BTreeMap::new();
    for (root, urgency) in heads {
        by_urgency.entry(urgency).or_default().push(root);
    }
    by_urgency.into_iter().try_for_each(|((lane, rank), roots)| tx.hasten_items(this.organisation_id, &roots, lane, rank))
}

/// Drops what is decided, if it is still there under this lease, and counts it.
fn drop_decided(tx: &mut dyn Tx, this: &Step, record: Option<&QueueBatch>, done: &[&QueueItem]) -> StoreResult<()> {
    let Some(record) = record.filter(|_| !done.is_empty()) else { return Ok(()) };
    let ids: Vec<OpId> = done.iter().map(|item| item.op_id).collect();
    if tx.drop_items(this.organisation_id, &ids, Some(this.lease.fence))? != ids.len() {
        return Err(StoreError::Busy("the queue was changed under a lease".into()));
    }
    let bytes = done.iter().map(|item| i64::from(item.size_bytes)).sum();
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    tx.count_decided(&[(record.batch_id, count, bytes)], this.now)
}

/// What is stored of why an item failed.
pub(super) fn stored(problem: &Problem) -> RawJson {
    RawJson::of(problem)
}
