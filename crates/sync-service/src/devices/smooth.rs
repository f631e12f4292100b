//! An exponentially weighted mean, corrected for its beginning, of which two halves can be put together.

use serde::{Deserialize, Serialize};

/// What a new value counts.
const WEIGHT: f64 = 0.25;
/// Values beyond these no longer change what the ones before them count: 0.75^64 is nothing.
const MOST: u32 = 64;

/// The mean of a stream of values of which the latest count most. It is kept as a sum and a number, so that the means of
/// two halves of the stream give the mean of the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Smooth {
    sum: f64,
    values: u32,
}

impl Smooth {
    pub(super) fn add(&mut self, value: f64) {
        self.append(Self { sum: WEIGHT * value, values: 1 });
    }

    /// Puts what came later behind what came before.
    pub(super) fn append(&mut self, later: Self) {
        self.sum = self.sum * left_after(later.values) + later.sum;
        self.values = self.values.saturating_add(later.values).min(MOST);
    }

    /// The mean; `None` without any value.
    pub(super) fn value(self) -> Option<f64> {
        (self.values > 0).then(|| self.sum / (1.0 - left_after(self.values)))
    }

    /// The mean as a whole number.
    pub(super) fn rounded(self) -> Option<u32> {
        // the text of a float without a fraction reads back exactly; what is too large or no number is left out
        self.value().and_then(|value| format!("{:.0}", value.max(0.0)).parse().ok())
    }
}

fn left_after(values: u32) -> f64 {
    (1.0 - WEIGHT).powi(i32::try_from(values.min(MOST)).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Smooth {
        let mut smooth = Smooth::default();
        for value in values {
            smooth.add(*value);
        }
        smooth
    }

    #[test]
    fn the_latest_count_most() {
        assert_eq!(Smooth::default().value(), None);
        assert_eq!(of(&[80.0]).rounded(), Some(80));
        assert_eq!(of(&[80.0, 80.0, 80.0]).rounded(), Some(80));
        // (0.75 · 0.25 · 100 + 0.25 · 200) / (1 − 0.75²)
        assert_eq!(of(&[100.0, 200.0]).rounded(), Some(157));
        assert_eq!(of(&[-5.0]).rounded(), Some(0));
        assert_eq!(of(&[1e300]).rounded(), None);
    }

    proptest! {
        #[test]
        fn halves_give_the_whole(all in prop::collection::vec(0.0..100_000.0_f64, 1..40), cut in 0..40_usize) {
            let cut = cut.min(all.len());
            let mut joined = of(&all[..cut]);
            joined.append(of(&all[cut..]));
            let (joined, whole) = (joined.value().unwrap(), of(&all).value().unwrap());
            prop_assert!((joined - whole).abs() <= whole.abs() * 1e-9 + 1e-9, "{joined} {whole}");
            let (least, most) = all.iter().fold((f64::MAX, 0.0_f64), |(least, most), value| (least.min(*value), most.max(*value)));
            prop_assert!(whole >= least - 1e-6 && whole <= most + 1e-6);
        }
    }
}
