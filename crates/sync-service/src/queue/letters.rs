//! What becomes of items that people retry or discard: decided purely, then written under the lock of their space's queue.

use std::collections::BTreeMap;

use sync_core::json::RawJson;
use sync_core::ports::{Entropy, ItemState, QueueItem, QueueSpace, Signal, StoreResult, StoredOperation, Tx};
use sync_core::{BatchId, Code, OpId, OrganisationId, Problem, SpaceId, Status, Timestamp};

use super::recorder::DecidedItem;
use crate::audit::{self, Act};
use crate::{Caller, ServiceResult};

/// An item after somebody wanted it tried at an instant, or now. What is held stays held: the one that it waits for is
/// decided first. What is for a worker already, stays so.
pub(super) fn retried(item: &QueueItem, at: Option<Timestamp>, now: Timestamp) -> QueueItem {
    let failed = matches!(item.state, ItemState::Parked | ItemState::Delayed);
    if !failed {
        return item.clone();
    }
    let later = at.filter(|at| *at > now);
    let state = if later.is_some() { ItemState::Delayed } else { ItemState::Ready };
    QueueItem { state, not_before: later, waits_for: None, ..item.clone() }
}

/// Whether an item may be taken out of the queue.
///
/// # Errors
/// `leased` while a worker has it; `not_failed` where it did not fail.
pub(super) fn may_discard(item: &QueueItem) -> Result<(), Problem> {
    match item.state {
        ItemState::Leased => Err(leased(item.op_id)),
        ItemState::Parked => Ok(()),
        ItemState::Delayed | ItemState::Held | ItemState::Ready if item.attempts > 0 => Ok(()),
        ItemState::Held => {
            let detail = "it did not fail: it is held behind the operation that waits_for names; retry or discard that one";
            Err(Problem::new(Code::NotFailed, detail).caused_by(item.waits_for.unwrap_or(item.op_id)))
        }
        _ => {
            let detail = "it did not fail, and waits for its turn: undo what it does by another operation, or wait until it is decided";
            Err(Problem::new(Code::NotFailed, detail).caused_by(item.op_id))
        }
    }
}

pub(super) fn leased(op_id: OpId) -> Problem {
    let detail = "a worker is at this operation right now; ask again in a moment: it will be decided, waiting for its next try, or parked";
    Problem::new(Code::Leased, detail).caused_by(op_id)
}

/// The items together with those of their groups, as a group goes as a whole.
pub(super) fn with_groups(tx: &mut dyn Tx, items: Vec<QueueItem>) -> StoreResult<Vec<QueueItem>> {
    let Some(space_id) = items.first().map(|item| item.space_id) else { return Ok(items) };
    let mut groups: Vec<String> = items.iter().filter_map(|item| item.group.clone()).collect();
    groups.sort_unstable();
    groups.dedup();
    if groups.is_empty() {
        return Ok(items);
    }
    let senders: Vec<_> = items.iter().filter_map(|item| Some((item.user_id, item.group.clone()?))).collect();
    let mut all: BTreeMap<OpId, QueueItem> = items.into_iter().map(|item| (item.op_id, item)).collect();
    for member in tx.list_items_of_groups(space_id, &groups)? {
        if member.group.clone().is_some_and(|group| senders.contains(&(member.user_id, group))) {
            all.entry(member.op_id).or_insert(member);
        }
    }
    Ok(all.into_values().collect())
}

/// Makes a space's row say that these items can be taken.
pub(super) fn due(space: QueueSpace, items: &[QueueItem], now: Timestamp) -> QueueSpace {
    items
        .iter()
        .filter(|item| matches!(item.state, ItemState::Ready | ItemState::Delayed))
        .fold(space, |space, item| super::due(space, Some((item.not_before.unwrap_or(now).max(now), item.rank))))
}

/// Why, and in whose name.
pub(super) struct Word<'a> {
    pub(super) caller: &'a Caller,
    pub(super) action: &'static str,
    pub(super) reason: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// Records of what somebody did to items.
pub(super) fn record(tx: &mut dyn Tx, entropy: &(dyn Entropy + 'static), word: &Word<'_>, items: &[QueueItem]) -> StoreResult<()> {
    let act = |item: &QueueItem| Act::by(word.caller, word.action).in_space(item.space_id).about(&item.op_id).because(word.reason);
    audit::write(tx, entropy, word.now, items.iter().map(act))
}

/// Takes items of one space out of the queue: each is refused and kept, unless it was decided already; what waited for it
/// is released. The locks of the space's log and queue are held.
pub(super) fn discard(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    word: &Word<'_>,
    (head, items): (i64, &[QueueItem]),
) -> StoreResult<()> {
    let Some(organisation_id) = items.first().map(|item| item.organisation_id) else { return Ok(()) };
    let problem = RawJson::of(&discarded(word.reason));
    let op_ids: Vec<OpId> = items.iter().map(|item| item.op_id).collect();
    let decided: Vec<OpId> = tx.load_results(organisation_id, &op_ids)?.into_iter().map(|row| row.op_id).collect();
    let open = items.iter().filter(|item| !decided.contains(&item.op_id));
    let rows: Vec<StoredOperation> = open.map(|item| refused(item, &problem, head, word.now)).collect();
    tx.insert_operations(&rows)?;
    record(tx, entropy, word, items)?;
    tx.drop_items(organisation_id, &op_ids, None)?;
    let mut batches: BTreeMap<BatchId, (i64, i64)> = BTreeMap::new();
    for item in items {
        let (operations, bytes) = batches.entry(item.batch_id).or_default();
        *operations += 1;
        *bytes += i64::from(item.size_bytes);
    }
    let batches: Vec<_> = batches.into_iter().map(|(batch_id, (operations, bytes))| (batch_id, operations, bytes)).collect();
    tx.count_decided(&batches, word.now)?;
    for space_id in tx.release_items(organisation_id, &op_ids)? {
        wake(tx, organisation_id, space_id, word.now)?;
    }
    Ok(())
}

/// Makes a space due in which something was released.
fn wake(tx: &mut dyn Tx, organisation_id: OrganisationId, space_id: SpaceId, now: Timestamp) -> StoreResult<()> {
    let space = tx.lock_queue_space(organisation_id, space_id)?;
    let first = tx.list_items(space_id, ItemState::Ready, 1)?;
    tx.put_queue_space(&due(space, &first, now))
}

fn discarded(reason: Option<&str>) -> Problem {
    let why = reason.map_or_else(|| "its sender gave no reason".to_owned(), |reason| format!("the reason: {reason}"));
    Problem::new(Code::Discarded, format!("it was taken out of the queue before it was decided; {why}"))
}

fn refused(item: &QueueItem, problem: &RawJson, head: i64, now: Timestamp) -> StoredOperation {
    let (decided_version, conflict_id, overlay, policy_version, corrected_at, decisions) = Default::default();
    StoredOperation {
        organisation_id: item.organisation_id,
        op_id: item.op_id,
        identity: item.identity,
        user_id: item.user_id,
        device_id: item.device_id,
        space_id: item.space_id,
        key: item.key.clone(),
        status: Status::Rejected,
        decided_version,
        head,
        conflict_id,
        decided_at: now,
        group: item.group.clone(),
        problem: Some(problem.clone()),
        payload: item.original.as_ref().unwrap_or(&item.payload).clone(),
        overlay,
        policy_version,
        corrected_at,
        received_at: Some(item.accepted_at),
        attempts: Some(item.attempts),
        decisions,
    }
}

/// Who is to look, after items were changed.
pub(super) fn signals(items: &[QueueItem]) -> Vec<Signal> {
    let letters = items.iter().map(|item| Signal::DeadLetter(item.device_id, item.space_id));
    let batches = items.iter().map(|item| Signal::Batch(item.device_id, item.batch_id));
    let mut all: Vec<Signal> = letters.chain(batches).collect();
    all.sort_unstable();
    all.dedup();
    all.push(Signal::Queue);
    all
}

pub(super) fn as_decided(items: &[QueueItem]) -> Vec<DecidedItem> {
    items
        .iter()
        .map(|item| DecidedItem {
            organisation_id: item.organisation_id,
            op_id: item.op_id,
            device_id: item.device_id,
            lane: item.lane,
            accepted_at: item.accepted_at,
            status: Status::Rejected,
        })
        .collect()
}

/// Locks the queue of a space, and reads items as they are under the lock.
pub(super) fn lock_items(
    tx: &mut dyn Tx,
    (organisation_id, space_id): (OrganisationId, SpaceId),
    op_ids: &[OpId],
) -> ServiceResult<(QueueSpace, Vec<QueueItem>)> {
    let space = tx.lock_queue_space(organisation_id, space_id)?;
    let items = tx.load_items(organisation_id, op_ids)?;
    Ok((space, with_groups(tx, items)?))
}
