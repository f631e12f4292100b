//! Laws that hold for every history of decisions.

use proptest::prelude::*;

use super::*;

/// Decisions: how many of the contexts, from the coarsest on, each was made in, and what was chosen.
fn decisions() -> impl Strategy<Value = Vec<(usize, Choice)>> {
    prop::collection::vec((1..=CONTEXTS.len(), prop::sample::select(Choice::ALL.to_vec())), 0..40)
}

const CONTEXTS: [&str; 4] = ["a/b/c/d", "a/b/c", "a/b", "a"];

fn learnt(decisions: &[(usize, Choice)]) -> Tallies {
    let mut tallies = Tallies::default();
    for (depth, choice) in decisions {
        tallies.learn(CONTEXTS.into_iter().rev().take(*depth), *choice);
    }
    tallies
}

fn levels(tallies: &Tallies) -> Vec<Tally> {
    CONTEXTS.map(|context| tallies.of(context)).to_vec()
}

proptest! {
    #[test]
    fn more_evidence_for_a_side_never_lowers_it_nor_raises_another(before in decisions(), depth in 1..=4_usize, choice in prop::sample::select(Choice::ALL.to_vec())) {
        let mut after = before.clone();
        after.push((depth, choice));
        let (before, after) = (learnt(&before), learnt(&after));
        let (before, after) = (levels(&before), levels(&after));
        for side in Choice::ALL {
            let (then, now) = (confidence(&before, side), confidence(&after, side));
            prop_assert!(if side == choice { now >= then } else { now <= then }, "{side:?}: {then:?} to {now:?}");
        }
    }

    #[test]
    fn the_order_of_decisions_is_of_no_matter(decisions in decisions(), seed in any::<u64>()) {
        let mut shuffled = decisions.clone();
        shuffled.sort_by_key(|(depth, choice)| (seed.rotate_left(u32::try_from(*depth).unwrap_or(0)) ^ u64::from(choice.as_str().len() > 4), *depth));
        prop_assert_eq!(learnt(&shuffled), learnt(&decisions));
    }

    #[test]
    fn what_was_undone_was_never_counted(decisions in decisions(), depth in 1..=4_usize, choice in prop::sample::select(Choice::ALL.to_vec())) {
        let before = learnt(&decisions);
        let mut after = before.clone();
        after.learn(CONTEXTS.into_iter().rev().take(depth), choice);
        let mut tallies = levels(&after);
        for tally in tallies.iter_mut().rev().take(depth) {
            tally.take_back(choice);
        }
        prop_assert_eq!(tallies, levels(&before));
    }

    #[test]
    fn a_finer_context_without_decisions_is_its_coarser_one(decisions in decisions()) {
        let levels = levels(&learnt(&decisions));
        let mut longer = vec![Tally::default()];
        longer.extend(&levels);
        if let Some(advice) = suggest(&levels) {
            prop_assert!(advice.hits * 2 > advice.samples, "what is told of backs it: {advice:?}");
        }
        prop_assert_eq!(suggest(&longer).map(|advice| Advice { level: advice.level - 1, ..advice }), suggest(&levels));
    }

    #[test]
    fn whatever_the_tallies_there_is_one_likely_side_at_most(numbers in prop::collection::vec(any::<[u32; 4]>(), 0..6)) {
        let levels: Vec<Tally> = numbers.into_iter().map(|[ours, theirs, base, value]| Tally { ours, theirs, base, value }).collect();
        let likely = Choice::ALL.into_iter().filter(|side| confidence(&levels, *side).is_likely()).count();
        prop_assert!(likely <= 1);
        prop_assert!(Choice::ALL.into_iter().all(|side| confidence(&levels, side).millionths() <= 1_000_000));
    }
}
