use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;

/// A measurement's noise: a sum of uniform draws, nearly normal, of this mean and spread.
struct Noise(u64);

impl Noise {
    fn draw(&mut self, mean: i64, spread: i64) -> i64 {
        let mut sum = 0;
        for _ in 0..12 {
            // Knuth's MMIX generator
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum += i64::try_from(self.0 >> 44).unwrap();
        }
        mean + spread * (sum - 6 * (1 << 20)) / (1 << 20)
    }
}

#[test]
fn nothing_is_known_without_a_measurement() {
    assert_eq!(Rates::default().eta(0, 5), None);
    assert_eq!(Rate::default().learn(0, 1_000), Rate::default());
    let once = Rate::default().learn(10, 10_000).eta(99).unwrap();
    assert_eq!(once.expected_ms, 100);
    assert!(once.low_ms == 0 && once.high_ms > 150, "{once:?}");
}

#[test]
fn a_steady_rate_is_learned_and_the_range_becomes_narrow() {
    let rate = (0..200).fold(Rate::default(), |rate, _| rate.learn(50, 25_000));
    let eta = rate.eta(9_999).unwrap();
    assert_eq!(eta.expected_ms, 5_000);
    assert!(eta.low_ms > 4_900 && eta.high_ms < 5_100, "{eta:?}");
}

#[test]
fn a_change_of_the_rate_is_followed() {
    let fast = (0..100).fold(Rate::default(), |rate, _| rate.learn(50, 5_000));
    let slow = (0..100).fold(fast, |rate, _| rate.learn(50, 50_000));
    assert_eq!(fast.eta(999).unwrap().expected_ms, 100);
    assert!((950..=1_000).contains(&slow.eta(999).unwrap().expected_ms), "{:?}", slow.eta(999));
}

#[test]
fn a_lane_that_is_hardly_known_is_estimated_by_all() {
    let rates = (0..20).fold(Rates::default(), |rates, _| rates.learn([0, 50, 0, 0], 50_000));
    assert_eq!(rates.eta(3, 99), rates.eta(1, 99));
    let rates = (0..20).fold(rates, |rates, _| rates.learn([0, 0, 0, 50], 500_000));
    assert_eq!(rates.eta(1, 99).unwrap().expected_ms, 100);
    assert!(rates.eta(3, 99).unwrap().expected_ms > 900);
}

/// What the range promises: 9 of 10 outcomes, give or take, for near and far positions, for noises of any size.
#[test]
fn the_range_holds_what_it_promises() {
    for (spread, ahead) in [(50_i64, 40_usize), (200, 400), (300, 4_000)] {
        let (mut noise, mut rate, mut score) = (Noise(7), Rate::default(), Score::default());
        let took = |noise: &mut Noise| noise.draw(1_000, spread).max(1) * 20;
        for _ in 0..64 {
            rate = rate.learn(20, took(&mut noise));
        }
        for _ in 0..300 {
            let eta = rate.eta(i64::try_from(ahead).unwrap() - 1).unwrap();
            let actual: i64 = (0..ahead / 20).map(|_| took(&mut noise)).sum();
            score = score.add(&eta, actual / 1_000);
            rate = rate.learn(20, took(&mut noise));
        }
        assert!((850..=1_000).contains(&score.coverage().unwrap()), "{spread} {ahead}: {:?}", score.coverage());
        assert!(score.mean_off().unwrap() < 200, "{:?}", score.mean_off());
    }
}

#[test]
fn scores_add_up() {
    let eta = Eta { expected_ms: 2_000, low_ms: 1_500, high_ms: 3_000 };
    let score = Score::default().add(&eta, 2_500).add(&eta, 4_000);
    assert_eq!((score.estimates, score.within, score.mean_off(), score.coverage()), (2, 1, Some(350), Some(500)));
    assert_eq!(score.merge(&Score::default()), score);
    assert_eq!(Score::default().mean_off(), None);
    assert_eq!(Score::default().add(&Eta { expected_ms: i64::MAX, low_ms: 0, high_ms: i64::MAX }, i64::MIN).off, 10_000);
}

proptest! {
    #[test]
    fn estimates_are_in_order_whatever_was_measured(steps in vec((0..100_000_usize, any::<i64>()), 1..60), ahead in any::<i64>()) {
        let rate = steps.iter().fold(Rate::default(), |rate, (items, elapsed)| rate.learn(*items, *elapsed));
        if let Some(eta) = rate.eta(ahead) {
            prop_assert!(0 <= eta.low_ms && eta.low_ms <= eta.expected_ms && eta.expected_ms <= eta.high_ms);
            let further = rate.eta(ahead.saturating_add(1)).unwrap();
            prop_assert!(further.expected_ms >= eta.expected_ms, "who is further behind is done later");
        }
        let text = serde_json::to_string(&rate).unwrap();
        prop_assert!(text.len() < 120);
        prop_assert_eq!(serde_json::from_str::<Rate>(&text).unwrap(), rate);
    }
}
