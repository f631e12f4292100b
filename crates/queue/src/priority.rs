//! What goes first: lanes, ranks, and how urgent a space is.
//!
//! An item's **rank** is a virtual deadline: the instant at which it was accepted, plus its **allowance**, by which it lets
//! others go before it. Workers take the lowest rank first (earliest deadline first: Liu and Layland, *Scheduling Algorithms
//! for Multiprogramming*, 1973). The allowance is bounded, and so is what may overtake: of two items, the one that came
//! more than [`MAX_ALLOWANCE_MS`] later never goes first. Ageing needs no second mechanism.
//!
//! | lane | allowance | with all that moves it |
//! |---|---|---|
//! | 0 safety and times | 2 min | 0 – 4 min |
//! | 1 the day's work | 15 min | 10 – 20 min |
//! | 2 planning | 1 h | 40 – 80 min |
//! | 3 bulk | 4 h | 3 – 5 h |
//!
//! Within its lane's range an item moves by what else is known of it, in thousandths of half the range. Ranges do not meet:
//! of two items of one age, the one in the lower lane goes first, whatever else they are.
//!
//! | what | thousandths |
//! |---|---|
//! | the event: on its day (12 h before it begins to 24 h after) | −500 |
//! | within 48 h, within 7 days | −350, −200 |
//! | within 30 days, unknown | 0 |
//! | later, or over | +200 |
//! | role: lead, coordinator | −200 |
//! | photographer, vendor, couple | 0 |
//! | viewer, or no member any more | +100 |
//! | size: up to 1 KiB | −100 |
//! | above 16 KiB, above 64 KiB | +100, +200 |
//! | each try before this one, up to four | +125 |
//!
//! Somebody's word moves an item that failed into another lane, with its instant, its size and its tries.

use sync_core::{Kind, Operation, Role, Schema, Timestamp};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The lanes: 0 safety and times, 1 the day's work, 2 planning, 3 bulk.
pub const LANES: [u8; 4] = [0, 1, 2, 3];

/// The least and the most that an item of a lane lets others go first.
const RANGES: [(i64, i64); 4] =
    [(0, 4 * MINUTE_MS), (10 * MINUTE_MS, 20 * MINUTE_MS), (40 * MINUTE_MS, 80 * MINUTE_MS), (3 * HOUR_MS, 5 * HOUR_MS)];

/// No item is overtaken by one that was accepted later than this after it.
pub const MAX_ALLOWANCE_MS: i64 = 5 * HOUR_MS;

/// The lane of an operation: the lowest of the members that it changes, and where it names none, that of its collection.
/// An intent moves times: lane 0.
#[must_use]
pub fn lane_of(schema: &Schema, operation: &Operation) -> u8 {
    if operation.kind == Kind::Intent { 0 } else { schema.lane(&operation.collection, operation.patch.keys()) }
}

/// What an item's rank depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factors {
    /// 0 to 3; anything else counts as the nearest.
    pub lane: i32,
    /// When it was accepted, by the server's clock.
    pub accepted_at: Timestamp,
    /// When the space's event begins.
    pub event_at: Option<Timestamp>,
    /// The sender's role in the space; `None`: none any more.
    pub role: Option<Role>,
    /// Bytes of what was sent.
    pub size_bytes: usize,
    /// How often it was tried before.
    pub attempts: i32,
}

impl Factors {
    /// An ordinary operation: nothing but its lane and its instant is known.
    #[must_use]
    pub const fn ordinary(lane: i32, accepted_at: Timestamp) -> Self {
        Self { lane, accepted_at, event_at: None, role: Some(Role::Photographer), size_bytes: 2_048, attempts: 0 }
    }
}

/// The rank of an item, in Unix milliseconds. Never before it was accepted, and never more than [`MAX_ALLOWANCE_MS`] after.
#[must_use]
pub fn rank(factors: &Factors) -> i64 {
    factors.accepted_at.millis().saturating_add(allowance_ms(factors))
}

/// How long an item lets others go first.
#[must_use]
pub fn allowance_ms(factors: &Factors) -> i64 {
    let (least, most) = range(factors.lane);
    let moved = nearness(factors) + role(factors.role) + size(factors.size_bytes) + tries(factors.attempts);
    let half = (most - least) / 2;
    least + half + half * moved.clamp(-1_000, 1_000) / 1_000
}

/// How urgent a space is whose lowest rank this is: 0, where an item of lane 0 waits or an older one's time has come, to 3,
/// where nothing but bulk waits that came lately. An item that nobody took yet is as urgent as its lane.
#[must_use]
pub fn urgency(rank: i64, now: Timestamp) -> u8 {
    let left_ms = rank.saturating_sub(now.millis());
    match left_ms {
        ..=300_000 => 0,
        300_001..=1_800_000 => 1,
        1_800_001..=7_200_000 => 2,
        _ => 3,
    }
}

fn range(lane: i32) -> (i64, i64) {
    let lane = usize::try_from(lane).unwrap_or(0).min(RANGES.len() - 1);
    RANGES.get(lane).copied().unwrap_or((0, 0))
}

fn nearness(factors: &Factors) -> i64 {
    let Some(event_at) = factors.event_at else { return 0 };
    let hours = event_at.millis().saturating_sub(factors.accepted_at.millis()).div_euclid(HOUR_MS);
    match hours {
        -24..12 => -500,
        12..48 => -350,
        48..168 => -200,
        168..720 => 0,
        _ => 200,
    }
}

const fn role(role: Option<Role>) -> i64 {
    match role {
        Some(Role::Lead | Role::Coordinator) => -200,
        Some(Role::Photographer | Role::Vendor | Role::Couple) => 0,
        Some(Role::Viewer) | None => 100,
    }
}

const fn size(bytes: usize) -> i64 {
    match bytes {
        ..=1_024 => -100,
        1_025..=16_384 => 0,
        16_385..=65_536 => 100,
        _ => 200,
    }
}

fn tries(attempts: i32) -> i64 {
    125 * i64::from(attempts.clamp(0, 4))
}

#[cfg(test)]
mod tests;
