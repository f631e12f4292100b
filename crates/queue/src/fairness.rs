//! Who is served next: of the spaces in which something waits, the one that a worker takes.
//!
//! First comes what is most urgent ([`urgency`]). Among equals, the organisation that was served least lately, then its
//! space that was, then the lowest rank. What was served counts in millionths of an operation and loses half of its weight
//! every [`HALF_LIFE_MS`], evenly, so that nobody pays for yesterday, and a newcomer does not take everything.
//!
//! An organisation's sum is over all of its spaces that wait or are being worked on: many spaces bring no larger share.

use std::collections::BTreeMap;

use sync_core::ports::QueueSpace;
use sync_core::{OrganisationId, SpaceId, Timestamp};

use crate::lease;
use crate::priority::urgency;

/// What was served weighs half as much after this time: 2^16 ms, about a minute.
pub const HALF_LIFE_MS: i64 = 65_536;

/// What one operation weighs.
const OPERATION: i64 = 1_000_000;

/// What is left after 2^15, 2^14, … 1 ms, in 2^-32. The product of those of a number's bits is what is left after it, so
/// that it makes no difference in how many steps time went on.
const LEFT: [u64; 16] = [
    3_037_000_500,
    3_611_622_603,
    3_938_502_376,
    4_112_874_773,
    4_202_935_003,
    4_248_701_965,
    4_271_771_996,
    4_283_353_945,
    4_289_156_690,
    4_292_061_010,
    4_293_513_907,
    4_294_240_540,
    4_294_603_903,
    4_294_785_595,
    4_294_876_445,
    4_294_921_870,
];

/// What was served, as it weighs at another instant. A clock that went backwards changes nothing.
#[must_use]
pub fn decayed(served: i64, since: Timestamp, now: Timestamp) -> i64 {
    let elapsed_ms = now.millis().saturating_sub(since.millis()).max(0);
    let halves = u32::try_from(elapsed_ms / HALF_LIFE_MS).unwrap_or(u32::MAX);
    let whole = u128::from(served.max(0).unsigned_abs().checked_shr(halves).unwrap_or(0));
    let bits = (0..16).rev().map(|bit| elapsed_ms >> bit & 1 == 1);
    let left = LEFT.iter().zip(bits).filter(|(_, set)| *set).fold(whole << 32, |left, (factor, _)| (left * u128::from(*factor)) >> 32);
    i64::try_from(left >> 32).unwrap_or(i64::MAX)
}

/// A space's row after so many more operations were decided for it.
#[must_use]
pub fn serve(space: QueueSpace, operations: usize, now: Timestamp) -> QueueSpace {
    let more = i64::try_from(operations).unwrap_or(i64::MAX).saturating_mul(OPERATION);
    let served = decayed(space.served, space.served_at, now).saturating_add(more);
    QueueSpace { served, served_at: now.max(space.served_at), ..space }
}

/// The space to be worked on next, of those that wait; `None` where none does. Spaces whose lease is held count for their
/// organisation, and are not picked.
#[must_use]
pub fn pick(spaces: &[QueueSpace], now: Timestamp) -> Option<SpaceId> {
    let sums = sums(spaces, now);
    ready(spaces, now).min_by_key(|space| place(space, &sums, now)).map(|space| space.space_id)
}

/// All that could be picked, in the order in which they would be: where somebody else holds the first one meanwhile, the
/// second one is tried. `O(n log n)`.
#[must_use]
pub fn order(spaces: &[QueueSpace], now: Timestamp) -> Vec<SpaceId> {
    let sums = sums(spaces, now);
    let mut ready: Vec<&QueueSpace> = ready(spaces, now).collect();
    ready.sort_by_cached_key(|space| place(space, &sums, now));
    ready.into_iter().map(|space| space.space_id).collect()
}

fn ready(spaces: &[QueueSpace], now: Timestamp) -> impl Iterator<Item = &QueueSpace> {
    spaces.iter().filter(move |space| lease::is_free(space, now) && space.due_at.is_some_and(|due| due <= now))
}

fn sums(spaces: &[QueueSpace], now: Timestamp) -> BTreeMap<OrganisationId, i64> {
    let mut sums = BTreeMap::new();
    for space in spaces {
        let sum: &mut i64 = sums.entry(space.organisation_id).or_default();
        *sum = sum.saturating_add(decayed(space.served, space.served_at, now));
    }
    sums
}

/// The smallest goes first.
type Place = (u8, i64, OrganisationId, i64, i64, SpaceId);

fn place(space: &QueueSpace, sums: &BTreeMap<OrganisationId, i64>, now: Timestamp) -> Place {
    let of_all = sums.get(&space.organisation_id).copied().unwrap_or_default();
    let own = decayed(space.served, space.served_at, now);
    (urgency(space.rank, now), of_all, space.organisation_id, own, space.rank, space.space_id)
}

#[cfg(test)]
mod tests;
