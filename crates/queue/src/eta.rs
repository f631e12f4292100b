//! When an item will be done: learned from how long items took lately, with how sure that is, and scored afterwards.
//!
//! Mean and variance of the time that passes per item are exponentially weighted (West, *Updating mean and variance
//! estimates*, 1979; weights as in Finch, *Incremental calculation of weighted mean and variance*, 2009), a step of a worker
//! being one measurement. For `n` items ahead, the range is what 9 of 10 normally distributed outcomes fall into, of two
//! parts: how steps differ from each other, which grows with the root of `n`, and how well the mean is known, which grows
//! with `n`. All of it is integer arithmetic in microseconds: the same on every platform.

use serde::{Deserialize, Serialize};

/// The share of the newest measurement, 1/16.
const WEIGHT: i64 = 16;

/// No item is believed to take longer than an hour.
const LONGEST_US: i64 = 3_600_000_000;

/// How far the range reaches, in thousandths of a standard deviation: 9 of 10 normally distributed values are within.
const REACH: i128 = 1_645;

/// How long items took lately: small, and stored as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Time that passes per item.
    mean_us: i64,
    /// Its variance between steps, in square microseconds.
    variance: i64,
    /// Items of a step.
    step: i64,
    /// Measurements; it stops counting at its largest value.
    seen: u32,
}

/// When something will be done, from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eta {
    /// Most likely then.
    pub expected_ms: i64,
    /// Hardly before.
    pub low_ms: i64,
    /// Hardly after.
    pub high_ms: i64,
}

impl Rate {
    /// Learns from a step: so many items were decided in the time since the one before it ended, or since there was
    /// something to be decided, whichever was later. A step of none teaches nothing.
    #[must_use]
    pub fn learn(self, items: usize, elapsed_us: i64) -> Self {
        let Some(items) = i64::try_from(items).ok().filter(|items| *items > 0) else { return self };
        let now_us = (elapsed_us.max(0) / items).clamp(1, LONGEST_US);
        let weight = WEIGHT.min(i64::from(self.seen).saturating_add(1));
        let off = i128::from(now_us - self.mean_us);
        let mean_us = self.mean_us + (now_us - self.mean_us) / weight;
        let fresh = off * off / i128::from(weight);
        let variance = if self.seen == 0 {
            // one measurement says nothing about how they differ: as much as it is itself
            i128::from(now_us) * i128::from(now_us)
        } else {
            (i128::from(self.variance) + fresh) * i128::from(weight - 1) / i128::from(weight)
        };
        let step = self.step + (items - self.step) / weight;
        let variance = i64::try_from(variance).unwrap_or(i64::MAX);
        Self { mean_us, variance, step: step.max(1), seen: self.seen.saturating_add(1) }
    }

    /// Measurements so far.
    #[must_use]
    pub const fn seen(&self) -> u32 {
        self.seen
    }

    /// When an item will be done that has so many ahead of it; `None` while nothing is known.
    #[must_use]
    pub fn eta(&self, ahead: i64) -> Option<Eta> {
        if self.seen == 0 {
            return None;
        }
        // beyond a billion items it only matters that it takes long
        let items = i128::from(ahead.clamp(0, 1_000_000_000)) + 1;
        let expected = items * i128::from(self.mean_us);
        let differ = items * i128::from(self.step) * i128::from(self.variance);
        // the variance of an exponentially weighted mean, of its measurements' variance; more while there are few
        let known = i128::from((2 * WEIGHT - 1).min(i64::from(self.seen).saturating_mul(2)));
        let unknown = items * items * i128::from(self.variance) / known;
        let reach = (differ + unknown).isqrt().saturating_mul(REACH) / 1_000;
        // half a step goes on already, and its end is everybody's
        let step = i128::from(self.step) * i128::from(self.mean_us) / 2;
        let ms = |us: i128| i64::try_from(us / 1_000).unwrap_or(i64::MAX);
        Some(Eta { expected_ms: ms(expected), low_ms: ms((expected - reach - step).max(0)), high_ms: ms(expected + reach + step) })
    }
}

/// The rates of the lanes of a space, or of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// All of them together.
    all: Rate,
    /// By lane.
    lanes: [Rate; 4],
}

impl Rates {
    /// Learns from a step of so many items of each lane.
    #[must_use]
    pub fn learn(mut self, items: [usize; 4], elapsed_us: i64) -> Self {
        let total: usize = items.iter().sum();
        for (rate, count) in self.lanes.iter_mut().zip(items).filter(|(_, count)| *count > 0) {
            // of a mixed step every item took the same part
            let count_i64 = i64::try_from(count).unwrap_or(i64::MAX);
            let total_i64 = i64::try_from(total).unwrap_or(i64::MAX).max(1);
            let share = i128::from(elapsed_us) * i128::from(count_i64) / i128::from(total_i64);
            *rate = rate.learn(count, i64::try_from(share).unwrap_or(i64::MAX));
        }
        Self { all: self.all.learn(total, elapsed_us), ..self }
    }

    /// The rate of a lane; while it is hardly known, that of all lanes together.
    #[must_use]
    pub fn of(&self, lane: i32) -> &Rate {
        let own = usize::try_from(lane).ok().and_then(|lane| self.lanes.get(lane));
        own.filter(|rate| rate.seen >= 4).unwrap_or(&self.all)
    }

    /// When an item of a lane will be done that has so many ahead of it.
    #[must_use]
    pub fn eta(&self, lane: i32, ahead: i64) -> Option<Eta> {
        self.of(lane).eta(ahead)
    }
}

/// How right estimates were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    /// Estimates that were looked at.
    pub estimates: u64,
    /// Of these, the outcome was within the range.
    pub within: u64,
    /// The sum of how far they were off, in thousandths of what it took.
    pub off: u64,
}

/// What an outcome of no time at all is compared with: less nobody notices.
const NOTICED_MS: i64 = 1_000;

impl Score {
    /// Adds an estimate, and what became of it.
    #[must_use]
    pub fn add(self, eta: &Eta, actual_ms: i64) -> Self {
        let actual_ms = actual_ms.max(0);
        let within = (eta.low_ms..=eta.high_ms).contains(&actual_ms);
        let off = u128::from(eta.expected_ms.abs_diff(actual_ms)) * 1_000 / u128::from(actual_ms.max(NOTICED_MS).unsigned_abs());
        // one that was far off says no more than that
        let off = u64::try_from(off.min(10_000)).unwrap_or(10_000);
        Self {
            estimates: self.estimates.saturating_add(1),
            within: self.within.saturating_add(u64::from(within)),
            off: self.off.saturating_add(off),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn merge(self, other: &Self) -> Self {
        Self {
            estimates: self.estimates.saturating_add(other.estimates),
            within: self.within.saturating_add(other.within),
            off: self.off.saturating_add(other.off),
        }
    }

    /// The mean of how far they were off, in thousandths of what it took.
    #[must_use]
    pub const fn mean_off(&self) -> Option<u64> {
        self.off.checked_div(self.estimates)
    }

    /// How many of a thousand outcomes were within the range.
    #[must_use]
    pub fn coverage(&self) -> Option<u64> {
        self.within.saturating_mul(1_000).checked_div(self.estimates)
    }
}

#[cfg(test)]
mod tests;
