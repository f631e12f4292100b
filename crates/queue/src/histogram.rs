//! Histograms of durations: buckets that grow with what they hold, so that a quantile is off by at most an eighth.
//!
//! Values below 8 have a bucket each; from there on every doubling has eight buckets. A bucket's value is its upper bound:
//! a quantile is never below what was measured, and at most 12.5 % above. 64 bits take at most 496 buckets; only those that
//! hold something are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Bits that tell buckets of one doubling apart.
const BITS: u32 = 3;

/// Counted durations, in any unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// How many there are in each bucket, by its number.
    buckets: BTreeMap<u16, u64>,
    /// The sum of all.
    sum: u64,
    /// The largest.
    largest: u64,
}

impl Histogram {
    /// Counts a value; a negative one counts as 0.
    pub fn add(&mut self, value: i64) {
        self.add_many(value, 1);
    }

    /// Counts a value so many times.
    pub fn add_many(&mut self, value: i64, times: u64) {
        if times == 0 {
            return;
        }
        let value = u64::try_from(value).unwrap_or(0);
        let count = self.buckets.entry(bucket(value)).or_default();
        *count = count.saturating_add(times);
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
        self.largest = self.largest.max(value);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            let own = self.buckets.entry(*bucket).or_default();
            *own = own.saturating_add(*count);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.largest = self.largest.max(other.largest);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The sum of what was counted.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The largest that was counted; 0 where nothing was.
    #[must_use]
    pub const fn largest(&self) -> u64 {
        self.largest
    }

    /// So many thousandths of what was counted are at most this: never less than what was measured, at most an eighth more.
    #[must_use]
    pub fn quantile(&self, thousandths: u64) -> Option<u64> {
        let all = self.count();
        let rank = (u128::from(all) * u128::from(thousandths.min(1_000))).div_ceil(1_000).max(1);
        let mut seen = 0_u128;
        let found = self.buckets.iter().find(|(_, count)| {
            seen += u128::from(**count);
            seen >= rank
        });
        found.map(|(bucket, _)| upper(*bucket).min(self.largest))
    }

    /// The buckets that hold something, by their upper bound.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.buckets.iter().map(|(bucket, count)| (upper(*bucket), *count))
    }
}

/// The bucket of a value: the place of its highest bit, and the three below it.
fn bucket(value: u64) -> u16 {
    let Some(top) = value.checked_ilog2().filter(|top| *top >= BITS) else { return u16::try_from(value).unwrap_or(0) };
    let below = (value >> (top - BITS)) & 7;
    u16::try_from(u64::from(top - BITS + 1) * 8 + below).unwrap_or(u16::MAX)
}

/// The largest value of a bucket.
fn upper(bucket: u16) -> u64 {
    let (doubling, below) = (u32::from(bucket / 8), u64::from(bucket % 8));
    match doubling.checked_sub(1) {
        None => below,
        Some(shift) => ((8 + below + 1).checked_shl(shift).filter(|end| *end >> shift == 8 + below + 1)).map_or(u64::MAX, |end| end - 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn of(values: &[i64]) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.add(*value);
        }
        histogram
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let last = bucket(u64::MAX);
        assert_eq!(last, 495);
        for number in 0..last {
            assert_eq!((bucket(upper(number)), bucket(upper(number) + 1)), (number, number + 1));
        }
        assert_eq!(upper(last), u64::MAX);
    }

    #[test]
    fn quantiles() {
        assert_eq!(of(&[]).quantile(500), None);
        let hundred: Vec<i64> = (1..=100).collect();
        let quantiles = [0, 10, 500, 990, 1_000].map(|thousandths| of(&hundred).quantile(thousandths).unwrap());
        assert_eq!(quantiles, [1, 1, 51, 100, 100]);
        assert_eq!(of(&[-5]).quantile(500), Some(0));
        let mut many = Histogram::default();
        many.add_many(7, 3);
        many.add_many(9, 0);
        assert_eq!((many.count(), many.sum(), many.largest()), (3, 21, 7));
    }

    proptest! {
        #[test]
        fn a_quantile_is_off_by_an_eighth_at_most(mut values in vec(0..i64::MAX, 1..80), thousandths in 1..=1_000_u64) {
            let histogram = of(&values);
            values.sort_unstable();
            let rank = (values.len() * usize::try_from(thousandths).unwrap()).div_ceil(1_000).max(1);
            let exact = u64::try_from(values[rank - 1]).unwrap();
            let told = histogram.quantile(thousandths).unwrap();
            prop_assert!(told >= exact && told - exact <= exact / 8, "{} {}", told, exact);
        }

        #[test]
        fn parts_add_up_to_the_whole(one in vec(any::<i64>(), 0..40), other in vec(any::<i64>(), 0..40)) {
            let mut merged = of(&one);
            merged.merge(&of(&other));
            let whole = of(&[one, other].concat());
            prop_assert_eq!(&merged, &whole);
            let text = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), whole);
        }
    }
}
