//! What a worker takes next in a space.

use std::collections::BTreeSet;

use sync_core::ports::{ItemState, QueueItem, QueueSpace, StoreResult, Tx};
use sync_core::{OpId, Timestamp};

/// Takes what goes first in a space, as many items as are wanted, with the rest of their groups. The space's record tells
/// afterwards when there is more. Only under the lock of the space's queue, for who has its lease.
///
/// # Errors
/// [`sync_core::ports::StoreError`].
pub(super) fn take_items(tx: &mut dyn Tx, space: &mut QueueSpace, wanted: usize, now: Timestamp) -> StoreResult<Vec<QueueItem>> {
    tx.wake_items(space.space_id, now)?;
    let limit = i64::try_from(wanted.saturating_add(1)).unwrap_or(i64::MAX);
    let ready = tx.list_items(space.space_id, ItemState::Ready, limit)?;
    let (mut taken, rest) = first_of(ready, wanted);
    add_groups(tx, space, &mut taken)?;
    let taken_ids: BTreeSet<OpId> = taken.iter().map(|item| item.op_id).collect();
    let next = rest.iter().find(|item| !taken_ids.contains(&item.op_id));
    (space.due_at, space.rank) = match next {
        Some(item) => (Some(now), item.rank),
        // a group's members may have been all that was read
        None if !rest.is_empty() => (Some(now), space.rank),
        None => (tx.find_next_wake(space.space_id)?, space.rank),
    };
    if !taken.is_empty() {
        // if nobody hands it back, it is to be looked at when the lease ends
        space.due_at = [space.due_at, space.leased_until].into_iter().flatten().min();
        tx.lease_items(space.organisation_id, &taken_ids.into_iter().collect::<Vec<_>>(), space.fence)?;
    }
    for item in &mut taken {
        (item.state, item.fence, item.attempts) = (ItemState::Leased, Some(space.fence), item.attempts.saturating_add(1));
    }
    Ok(taken)
}

/// Adds the rest of the groups of which something was taken: a group is decided as a whole.
fn add_groups(tx: &mut dyn Tx, space: &QueueSpace, taken: &mut Vec<QueueItem>) -> StoreResult<()> {
    let groups: BTreeSet<String> = taken.iter().filter_map(|item| item.group.clone()).collect();
    if groups.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<OpId> = taken.iter().map(|item| item.op_id).collect();
    let members = tx.list_items_of_groups(space.space_id, &groups.into_iter().collect::<Vec<_>>())?;
    taken.extend(members.into_iter().filter(|item| item.state == ItemState::Ready && !known.contains(&item.op_id)));
    Ok(())
}

/// The items that are taken together, and those that are left. What was tried before is taken with fewer others each
/// time, and in the end alone, so that what is at fault takes nobody along.
fn first_of(mut ready: Vec<QueueItem>, wanted: usize) -> (Vec<QueueItem>, Vec<QueueItem>) {
    let attempts = ready.first().map_or(0, |item| item.attempts);
    let wanted = wanted.checked_shr(u32::try_from(attempts).unwrap_or(0).saturating_mul(2)).unwrap_or(0).max(1);
    let count = ready.iter().take(wanted).take_while(|item| item.attempts == attempts).count();
    let rest = ready.split_off(count.min(ready.len()));
    (ready, rest)
}
