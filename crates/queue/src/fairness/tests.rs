use proptest::collection::vec;
use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq, proptest};
use uuid::Uuid;

use super::*;

fn space(organisation: u128, space: u128) -> QueueSpace {
    QueueSpace {
        space_id: SpaceId(Uuid::from_u128(organisation << 64 | space)),
        organisation_id: OrganisationId(Uuid::from_u128(organisation)),
        next_seq: 0,
        fence: 0,
        leased_by: None,
        leased_until: None,
        due_at: Some(Timestamp::from_millis(0)),
        rank: 0,
        served: 0,
        served_at: Timestamp::from_millis(0),
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

#[test]
fn what_was_served_halves_with_time() {
    let table = [(0, 8_000), (32_768, 5_656), (65_536, 4_000), (98_304, 2_828), (131_072, 2_000), (655_360, 7), (i64::MAX, 0)];
    for (elapsed, left) in table {
        assert_eq!(decayed(8_000, at(0), at(elapsed)), left, "after {elapsed} ms");
    }
    assert_eq!(decayed(8_000, at(500), at(0)), 8_000, "a clock that went backwards changes nothing");
    let twice = serve(serve(space(1, 1), 3, at(0)), 2, at(HALF_LIFE_MS));
    assert_eq!((twice.served, twice.served_at), (3_500_000, at(HALF_LIFE_MS)));
}

#[test]
fn what_is_urgent_goes_first_whoever_was_served() {
    let now = at(1_000_000);
    let calm = QueueSpace { rank: now.millis() + 600_000, ..space(1, 1) };
    let urgent = QueueSpace { rank: now.millis() + 60_000, served: 9_000_000, served_at: now, ..space(2, 1) };
    assert_eq!(order(&[calm, urgent], now), [urgent.space_id, calm.space_id]);
    assert_eq!(pick(&[calm, urgent], now), Some(urgent.space_id));
}

#[test]
fn what_is_held_counts_and_is_not_picked() {
    let now = at(1_000);
    let held =
        QueueSpace { leased_by: Some(Uuid::from_u128(7)), leased_until: Some(at(2_000)), served: 5_000, served_at: now, ..space(1, 1) };
    let (sister, other) = (space(1, 2), space(2, 1));
    assert_eq!(order(&[held, sister, other], now), [other.space_id, sister.space_id]);
    let later = QueueSpace { due_at: Some(at(5_000)), ..other };
    assert_eq!(pick(&[held, later], now), None, "nothing is due");
    assert_eq!(pick(&[QueueSpace { due_at: None, ..other }], now), None);
    assert_eq!(pick(&[held], at(2_000)), Some(held.space_id), "a lease that ended is free");
}

/// Serves organisations with so many spaces each, all of which always have work. What each organisation got.
fn work(spaces_of: &[usize], batches: &[usize], step_ms: i64) -> (Vec<QueueSpace>, Vec<usize>) {
    let numbered = spaces_of.iter().enumerate();
    let mut spaces: Vec<QueueSpace> = numbered
        .flat_map(|(organisation, count)| {
            (0..*count).map(move |one| space(u128::try_from(organisation).unwrap() + 1, u128::try_from(one).unwrap()))
        })
        .collect();
    let mut got = vec![0; spaces_of.len()];
    for (round, batch) in batches.iter().enumerate() {
        let now = at(i64::try_from(round).unwrap() * step_ms);
        // all alike urgent: everything has been waiting for long
        let next = pick(&spaces, now).unwrap();
        let row = spaces.iter_mut().find(|space| space.space_id == next).unwrap();
        *row = serve(*row, *batch, now);
        got[usize::try_from(row.organisation_id.0.as_u128() - 1).unwrap()] += *batch;
    }
    (spaces, got)
}

proptest! {
    /// Organisations that always have work get the same, to a batch, however many spaces each of them has; and within one
    /// organisation every space gets its turn.
    #[test]
    fn organisations_get_the_same(spaces_of in vec(1..6_usize, 1..6), rounds in 1..40_usize, batch in 1..300_usize, step_ms in 0..40_000_i64) {
        let rounds = rounds * spaces_of.iter().sum::<usize>() * spaces_of.len();
        let (spaces, got) = work(&spaces_of, &vec![batch; rounds], step_ms);
        let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
        prop_assert!(most - least <= batch, "{:?} in batches of {}", got, batch);
        prop_assert!(spaces.iter().all(|space| space.served > 0), "{:?}", spaces);
    }

    /// With batches of any sizes nobody is ahead by more than the largest one, as it weighs now.
    #[test]
    fn nobody_is_ahead_by_more_than_a_batch(spaces_of in vec(1..4_usize, 2..5), batches in vec(1..500_usize, 1..200), step_ms in 0..5_000_i64) {
        let (spaces, _) = work(&spaces_of, &batches, step_ms);
        let now = at(i64::try_from(batches.len() - 1).unwrap() * step_ms);
        let sums = sums(&spaces, now);
        let (least, most) = (sums.values().min().unwrap(), sums.values().max().unwrap());
        let largest = i64::try_from(*batches.iter().max().unwrap()).unwrap() * OPERATION;
        prop_assert!(most - least <= largest + i64::try_from(spaces.len()).unwrap(), "{:?}", sums);
    }

    /// It makes no difference in how many steps time goes on.
    #[test]
    fn weights_fall_evenly(served in 0..1_000_000_000_000_i64, one in 0..200_000_i64, other in 0..200_000_i64) {
        let at_once = decayed(served, at(0), at(one + other));
        let in_steps = decayed(decayed(served, at(0), at(one)), at(one), at(one + other));
        prop_assert!((at_once - in_steps).abs() <= 1 + (served >> 26), "{} {}", at_once, in_steps);
    }

    /// Nothing is too large to be weighed, and time only takes away.
    #[test]
    fn weights_fall(served in any::<i64>(), since in any::<i64>(), one in any::<i64>(), other in any::<i64>()) {
        let (sooner, later) = (at(one.min(other)), at(one.max(other)));
        let [before, after] = [sooner, later].map(|now| decayed(served, at(since), now));
        prop_assert!((0..=served.max(0)).contains(&after) && after <= before);
        prop_assert_eq!(order(&[QueueSpace { served, served_at: at(since), rank: one, ..space(1, 1) }], later).len(), usize::from(later >= at(0)));
    }
}
