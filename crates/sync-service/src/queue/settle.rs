//! What becomes of items that could not be decided.

use queue::retry::{self, Class, Fault, Next, Policy};
use serde_json::json;
use sync_core::ports::{Entropy, ItemState, QueueItem, QueueSpace, StoreError, StoreResult, Tx};
use sync_core::{Code, Problem, Timestamp};

use super::step::stored;
use crate::audit::{self, Act};

/// Items that are looked through after their worker died.
const LOST: i64 = 5_000;

/// A failure, and what follows from it for a given number of attempts.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    class: Class,
    problem: Problem,
    policy: Policy,
    random: u64,
    now: Timestamp,
}

impl Failure {
    pub(super) fn of(error: &StoreError, policy: &Policy, random: u64, now: Timestamp) -> Self {
        let class = class_of(error);
        let detail = match error {
            StoreError::Panicked(_) => {
                "the server's own code broke on this operation; the log says where. Edit what it says, try it again after an update, or discard it"
            }
            StoreError::Damaged(_) => {
                "what is stored of the document that this is about can't be read. Restore the document, then try again, or discard it"
            }
            _ if class == Class::Transient => {
                "the database could not be used for this, again and again; the log says why. Try it again when it can, or discard it"
            }
            _ => "the database refused what this operation would write; the log says why. Try it again, edit it, or discard it",
        };
        Self { class, problem: Problem::new(Code::ProcessingFailed, detail), policy: *policy, random, now }
    }

    /// A unit's items after it: they share its fate, which is that of the one that was tried most often.
    pub(super) fn of_unit(&self, items: &[QueueItem]) -> Vec<QueueItem> {
        let attempts = items.iter().map(|item| item.attempts).max().unwrap_or(0);
        items.iter().map(|item| self.of_item(item, attempts)).collect()
    }

    fn of_item(&self, item: &QueueItem, attempts: i32) -> QueueItem {
        let attempts = u32::try_from(attempts).unwrap_or(0);
        let failure = retry::Failure { attempts, class: self.class, retry_after_ms: None, random: self.random };
        match retry::after_failure(&failure, &self.policy, self.now) {
            Next::RetryAt(at) => QueueItem {
                state: ItemState::Delayed,
                not_before: Some(at),
                code: Some(self.problem.code.as_str().to_owned()),
                problem: Some(stored(&self.problem)),
                ..item.clone()
            },
            Next::Park(_) => park(item, &self.problem),
        }
    }
}

fn class_of(error: &StoreError) -> Class {
    match error {
        StoreError::Panicked(_) => retry::classify(&Fault::Panic),
        error => retry::classify(&Fault::Store(error)),
    }
}

/// Whether an error has nothing to do with what was being decided.
pub(super) fn is_passing(error: &StoreError) -> bool {
    !is_own_fault(error)
}

/// Whether an error may come from what was being decided.
pub(crate) fn is_own_fault(error: &StoreError) -> bool {
    class_of(error) != Class::Transient
}

/// An item as a dead letter.
pub(super) fn park(item: &QueueItem, problem: &Problem) -> QueueItem {
    QueueItem {
        state: ItemState::Parked,
        waits_for: None,
        not_before: None,
        code: Some(problem.code.as_str().to_owned()),
        problem: Some(stored(problem)),
        ..item.clone()
    }
}

/// The dead letters among items.
pub(super) fn parked(items: &[QueueItem]) -> impl Iterator<Item = &QueueItem> {
    items.iter().filter(|item| item.state == ItemState::Parked)
}

/// What is recorded of items that become dead letters here, which nobody did.
pub(super) fn parked_acts(items: &[QueueItem]) -> impl Iterator<Item = Act> {
    parked(items).map(|item| {
        let details = json!({"code": item.code, "attempts": item.attempts});
        Act::of(item.organisation_id, "queue.park").in_space(item.space_id).about(&item.op_id).with(details)
    })
}

/// What fails together: groups, and single operations.
pub(super) fn units_of(items: &[QueueItem]) -> Vec<Vec<QueueItem>> {
    let mut units: Vec<Vec<QueueItem>> = Vec::new();
    for item in items {
        let same = |unit: &&mut Vec<QueueItem>| {
            item.group.is_some() && unit.first().is_some_and(|first| first.group == item.group && first.user_id == item.user_id)
        };
        match units.iter_mut().find(same) {
            Some(unit) => unit.push(item.clone()),
            None => units.push(vec![item.clone()]),
        }
    }
    units
}

/// Items that were taken under a fence, as if they had not been.
pub(super) fn given_back(items: Vec<QueueItem>, fence: i64) -> Vec<QueueItem> {
    let taken = items.into_iter().filter(|item| item.state == ItemState::Leased && item.fence == Some(fence));
    taken.map(|item| QueueItem { state: ItemState::Ready, attempts: item.attempts.saturating_sub(1), ..item }).collect()
}

/// What a worker had taken whose lease ended: it died, or stood still. What was taken too often in this way is a dead
/// letter: it may be what the workers die of. Only under the lock of the space's queue, with the lease taken over.
///
/// # Errors
/// [`StoreError`].
pub(super) fn give_up_lost(
    tx: &mut dyn Tx,
    space: &QueueSpace,
    (policy, entropy): (&Policy, &(dyn Entropy + 'static)),
    now: Timestamp,
) -> StoreResult<()> {
    let lost = tx.list_items(space.space_id, ItemState::Leased, LOST)?;
    let detail = "the workers that took this operation stopped again and again; the log says more. Edit it, try it again, or discard it";
    let failure = Failure { class: Class::Unknown, problem: Problem::new(Code::ProcessingFailed, detail), policy: *policy, random: 0, now };
    let again: Vec<QueueItem> = units_of(&lost).iter().flat_map(|unit| failure.of_unit(unit)).map(ready_at_once).collect();
    audit::write(tx, entropy, now, parked_acts(&again))?;
    tx.put_items(&again)
}

/// What was lost is tried again at once, alone: others do not wait for it any longer than they did.
fn ready_at_once(item: QueueItem) -> QueueItem {
    if item.state == ItemState::Delayed { QueueItem { state: ItemState::Ready, not_before: None, ..item } } else { item }
}
