//! Sizes: how much a worker takes at once, what is decided at once and what is queued, and how many workers there are.

use serde::{Deserialize, Serialize};

/// How long a transaction of a worker is to take: so long may a push have to wait for it.
pub const STEP_MS: i64 = 25;

/// So few items are taken at once even where that takes up to four times as long: most of it may be what every step costs,
/// however little it does, and who took ever less because of that would never find out.
const FEW: i64 = 16;

/// The share of the newest measurement in what is known, 1/8.
const WEIGHT: i64 = 8;

/// What is known of how long an item takes. Times are in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// One item takes so long, exponentially weighted.
    pub item_us: i64,
    /// Measurements that it was learned from; it stops counting at its largest value.
    pub seen: u32,
}

impl Default for Pace {
    /// Half a millisecond: on the slow side, until it is known better.
    fn default() -> Self {
        Self { item_us: 500, seen: 0 }
    }
}

impl Pace {
    /// Learns from a step of so many items that took so long. A step of none teaches nothing.
    #[must_use]
    pub fn learn(self, items: usize, elapsed_us: i64) -> Self {
        let Some(items) = i64::try_from(items).ok().filter(|items| *items > 0) else { return self };
        let now = (elapsed_us.max(0) / items).clamp(1, 60_000_000);
        // the first measurements count as much as they are of all
        let weight = WEIGHT.min(i64::from(self.seen).saturating_add(1));
        let item_us = self.item_us.saturating_add((now - self.item_us) / weight).max(1);
        Self { item_us, seen: self.seen.saturating_add(1) }
    }

    /// How many items a step takes so that it stays within so many milliseconds, or, of a few, within four times as many: at
    /// least 1, at most `most`. A step grows
    /// slowly while little is known: it doubles with every measurement, from 16 on.
    #[must_use]
    pub fn take(&self, budget_ms: i64, most: usize) -> usize {
        let fits = |budget_ms: i64| budget_ms.max(0).saturating_mul(1_000) / self.item_us.max(1);
        let few = fits(budget_ms.saturating_mul(4)).min(FEW);
        let known = FEW << self.seen.min(16);
        usize::try_from(fits(budget_ms).max(few).min(known)).unwrap_or(1).clamp(1, most.max(1))
    }

    /// How long so many items take, in milliseconds, rounded up.
    #[must_use]
    pub fn estimate_ms(&self, items: usize) -> i64 {
        let items = i64::try_from(items).unwrap_or(i64::MAX);
        items.saturating_mul(self.item_us.max(1)).saturating_add(999) / 1_000
    }
}

/// What is still decided at once: beyond any of these a push is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// Operations.
    pub operations: usize,
    /// Bytes of operations.
    pub bytes: usize,
    /// Milliseconds that it would take.
    pub time_ms: i64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { operations: 1_000, bytes: 2 << 20, time_ms: 2_000 }
    }
}

impl Budget {
    /// With other bounds.
    #[must_use]
    pub const fn of(operations: usize, bytes: usize, time_ms: i64) -> Self {
        Self { operations, bytes, time_ms }
    }
}

/// Where a push goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// It is decided now, and answered with what was decided.
    Inline,
    /// It is accepted now, and decided by a worker.
    Queue,
}

/// A push of so many operations and bytes that would take so long. `pressure` is how busy the server is, in thousandths:
/// the busier, the less is done at once, down to a quarter of the time of the budget.
#[must_use]
pub fn route(operations: usize, bytes: usize, estimated_ms: i64, pressure: i64, budget: &Budget) -> Route {
    let left = 1_000 - pressure.clamp(0, 750);
    let time_ms = budget.time_ms.saturating_mul(left) / 1_000;
    let fits = operations <= budget.operations && bytes <= budget.bytes && estimated_ms <= time_ms;
    if fits { Route::Inline } else { Route::Queue }
}

/// How many workers there should be, when so many have work and so much more could be taken at the same time.
#[must_use]
pub fn workers(busy: usize, claimable: usize, floor: usize, ceiling: usize) -> usize {
    busy.saturating_add(claimable).clamp(floor, ceiling.max(floor))
}

#[cfg(test)]
mod tests {
    use super::{Budget, Pace, Route, route, workers};

    #[test]
    fn a_step_stays_near_its_budget_whatever_an_item_costs() {
        for cost_us in [1, 40, 250, 3_000, 40_000, 5_000_000] {
            let mut pace = Pace::default();
            for _ in 0..200 {
                let items = pace.take(25, 5_000);
                pace = pace.learn(items, cost_us * i64::try_from(items).unwrap());
            }
            let items = i64::try_from(pace.take(25, 5_000)).unwrap();
            let ideal = (25_000 / cost_us).max(16.min(100_000 / cost_us)).clamp(1, 5_000);
            assert!((items - ideal).abs() * 4 <= ideal.max(4), "{cost_us} µs: {items} instead of {ideal}");
        }
    }

    #[test]
    fn what_every_step_costs_does_not_make_steps_ever_smaller() {
        let mut pace = Pace::default();
        for _ in 0..200 {
            let items = pace.take(25, 5_000);
            pace = pace.learn(items, 60_000 + 50 * i64::try_from(items).unwrap());
        }
        assert_eq!(pace.take(25, 5_000), 16);
    }

    #[test]
    fn one_outlier_does_not_stop_the_work() {
        let learned = (0..50).fold(Pace::default(), |pace, _| pace.learn(100, 10_000));
        assert_eq!((learned.item_us, learned.take(25, 5_000)), (100, 250));
        let hurt = learned.learn(1, 8_000);
        assert!(hurt.take(25, 5_000) >= 20, "{hurt:?}");
        assert_eq!(hurt.learn(0, 1_000), hurt);
    }

    #[test]
    fn a_step_grows_slowly_while_little_is_known() {
        assert_eq!(Pace::default().take(25, 5_000), 16);
        assert_eq!(Pace { item_us: 1, seen: 2 }.take(25, 5_000), 64);
        assert_eq!(Pace { item_us: i64::MAX, seen: 9 }.take(25, 5_000), 1);
    }

    #[test]
    fn estimates_round_up() {
        let pace = Pace { item_us: 250, seen: 9 };
        assert_eq!([0, 1, 4, 5, 2_000].map(|items| pace.estimate_ms(items)), [0, 1, 1, 2, 500]);
        assert!(pace.estimate_ms(usize::MAX) > 0);
    }

    #[test]
    fn what_is_queued() {
        let budget = Budget::default();
        let check = |operations, bytes, ms, pressure, expected| {
            assert_eq!(route(operations, bytes, ms, pressure, &budget), expected, "{operations} {bytes} {ms} {pressure}");
        };
        check(20, 9_000, 10, 0, Route::Inline);
        check(20, 9_000, 10, 1_000, Route::Inline);
        check(1_000, 2 << 20, 2_000, 0, Route::Inline);
        check(1_001, 9_000, 10, 0, Route::Queue);
        check(20, (2 << 20) + 1, 10, 0, Route::Queue);
        check(20, 9_000, 2_001, 0, Route::Queue);
        check(900, 9_000, 600, 500, Route::Inline);
        check(900, 9_000, 600, 1_000, Route::Queue);
        check(0, 0, 0, i64::MIN, Route::Inline);
    }

    #[test]
    fn workers_stay_between_floor_and_ceiling() {
        let cases = [((0, 0), 1), ((1, 0), 1), ((1, 2), 3), ((2, 9), 4), ((usize::MAX, 9), 4)];
        for ((busy, claimable), expected) in cases {
            assert_eq!(workers(busy, claimable, 1, 4), expected);
        }
        assert_eq!(workers(0, 9, 3, 2), 3, "the floor counts");
    }
}
