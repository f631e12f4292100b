//! Comparing sequences in near-linear time.
//!
//! Everything here works on tokens, small numbers that stand for items, words or lines. Two sequences are matched by the
//! longest increasing run of the tokens that they share (Hunt and Szymanski, 1977), first of those that are unique in both
//! (Cohen's patience diff), then between these: `O(n log n)` whatever the input, where the shortest edit script of
//! Myers (1986) is quadratic at worst.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

/// How often a part between matches is matched again by what is unique in it.
const MAX_DEPTH: usize = 6;

/// Numbers items, equal ones alike, over several sequences.
pub(crate) struct Tokens<K>(HashMap<K, u32>);

impl<K: Eq + Hash> Tokens<K> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    /// The tokens of a sequence.
    pub(crate) fn of(&mut self, items: impl Iterator<Item = K>) -> Vec<u32> {
        let number = |item: K| {
            let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
            *self.0.entry(item).or_insert(next)
        };
        items.map(number).collect()
    }

    /// How many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The positions of a longest increasing run, in `O(n log n)`.
pub(crate) fn longest_increasing(values: &[u32]) -> Vec<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let place = tails.partition_point(|tail| values.get(*tail).is_some_and(|other| other < value));
        before.push(place.checked_sub(1).and_then(|place| tails.get(place).copied()));
        match tails.get_mut(place) {
            Some(tail) => *tail = index,
            None => tails.push(index),
        }
    }
    let mut run = Vec::with_capacity(tails.len());
    let mut here = tails.last().copied();
    while let Some(index) = here {
        run.push(index);
        here = before.get(index).copied().flatten();
    }
    run.reverse();
    run
}

/// For each item of `base` where it stands in `side`, in increasing order.
pub(crate) fn matched(base: &[u32], side: &[u32]) -> Vec<Option<usize>> {
    let mut matches = vec![None; base.len()];
    match_part(&mut matches, (base, 0..base.len()), (side, 0..side.len()), 0);
    matches
}

/// Matches a part: what begins and ends alike first, then by tokens.
fn match_part(matches: &mut [Option<usize>], (base, b): (&[u32], Range<usize>), (side, s): (&[u32], Range<usize>), depth: usize) {
    let (one, other) = (base.get(b.clone()).unwrap_or_default(), side.get(s.clone()).unwrap_or_default());
    let head = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one, other) = (one.get(head..).unwrap_or_default(), other.get(head..).unwrap_or_default());
    let tail = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    let mut put = |index: usize, place: usize| {
        if let Some(slot) = matches.get_mut(index) {
            *slot = Some(place);
        }
    };
    (0..head).for_each(|step| put(b.start + step, s.start + step));
    (1..=tail).for_each(|back| put(b.end.saturating_sub(back), s.end.saturating_sub(back)));
    let (b, s) = (b.start + head..b.end - tail, s.start + head..s.end - tail);
    if b.is_empty() || s.is_empty() {
        return;
    }
    let (one, other) = (base.get(b.clone()).unwrap_or_default(), side.get(s.clone()).unwrap_or_default());
    let anchors = if depth < MAX_DEPTH { anchors(one, other) } else { Vec::new() };
    if anchors.is_empty() {
        for (index, place) in by_occurrence(one, other) {
            put(b.start + index, s.start + place);
        }
        return;
    }
    let (mut from, mut to) = (b.start, s.start);
    for (index, place) in anchors {
        let (index, place) = (b.start + index, s.start + place);
        if let Some(slot) = matches.get_mut(index) {
            *slot = Some(place);
        }
        match_part(matches, (base, from..index), (side, to..place), depth + 1);
        (from, to) = (index + 1, place + 1);
    }
    match_part(matches, (base, from..b.end), (side, to..s.end), depth + 1);
}

/// Tokens that come once in each, in an order that both have.
fn anchors(one: &[u32], other: &[u32]) -> Vec<(usize, usize)> {
    let (ones, others) = (once(one), once(other));
    let shared: Vec<(usize, usize)> = one
        .iter()
        .enumerate()
        .filter(|(index, token)| ones.get(token) == Some(&Some(*index)))
        .filter_map(|(index, token)| Some((index, (*others.get(token)?)?)))
        .collect();
    in_order(&shared)
}

/// Where each token stands; `None`: in more than one place.
fn once(tokens: &[u32]) -> HashMap<u32, Option<usize>> {
    let mut places: HashMap<u32, Option<usize>> = HashMap::with_capacity(tokens.len());
    for (place, token) in tokens.iter().enumerate() {
        places.entry(*token).and_modify(|known| *known = None).or_insert(Some(place));
    }
    places
}

/// Matches the first of equal tokens with the first, the second with the second, as far as their order allows.
fn by_occurrence(one: &[u32], other: &[u32]) -> Vec<(usize, usize)> {
    let numbered = |tokens: &[u32]| {
        let mut seen: HashMap<u32, usize> = HashMap::new();
        let number = |token: &u32| {
            let times = seen.entry(*token).or_default();
            *times += 1;
            (*token, *times)
        };
        tokens.iter().map(number).collect::<Vec<_>>()
    };
    let places: HashMap<(u32, usize), usize> = numbered(other).into_iter().enumerate().map(|(place, key)| (key, place)).collect();
    let shared: Vec<_> = numbered(one).iter().enumerate().filter_map(|(index, key)| Some((index, *places.get(key)?))).collect();
    in_order(&shared)
}

fn in_order(shared: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let order: Vec<u32> = shared.iter().map(|(_, place)| u32::try_from(*place).unwrap_or(u32::MAX)).collect();
    longest_increasing(&order).into_iter().filter_map(|kept| shared.get(kept).copied()).collect()
}

/// A part of a three-way comparison: ranges of base, ours and theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hunk {
    pub(crate) base: Range<usize>,
    pub(crate) ours: Range<usize>,
    pub(crate) theirs: Range<usize>,
    pub(crate) change: Change,
}

/// Who changed a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Nobody,
    Ours,
    Theirs,
    Both,
}

/// Compares three sequences (diff3; Khanna, Kunal and Pierce, 2007): alternating parts that nobody changed, and parts that
/// one or both did. The parts cover all three sequences, in order.
pub(crate) fn diff3(base: &[u32], ours: &[u32], theirs: &[u32]) -> Vec<Hunk> {
    let (in_ours, in_theirs) = (matched(base, ours), matched(base, theirs));
    let mut hunks: Vec<Hunk> = Vec::new();
    let (mut b, mut o, mut t) = (0, 0, 0);
    let both = in_ours.iter().zip(&in_theirs).enumerate();
    for (index, (o_next, t_next)) in both.filter_map(|(index, (ours, theirs))| Some((index, ((*ours)?, (*theirs)?)))) {
        push(&mut hunks, (b..index, o..o_next, t..t_next), (base, ours, theirs));
        if let Some(hunk) = hunks.last_mut().filter(|hunk| hunk.change == Change::Nobody) {
            (hunk.base.end, hunk.ours.end, hunk.theirs.end) = (index + 1, o_next + 1, t_next + 1);
        } else {
            let (base, ours, theirs) = (index..index + 1, o_next..o_next + 1, t_next..t_next + 1);
            hunks.push(Hunk { base, ours, theirs, change: Change::Nobody });
        }
        (b, o, t) = (index + 1, o_next + 1, t_next + 1);
    }
    push(&mut hunks, (b..base.len(), o..ours.len(), t..theirs.len()), (base, ours, theirs));
    hunks
}

fn push(hunks: &mut Vec<Hunk>, (b, o, t): (Range<usize>, Range<usize>, Range<usize>), (base, ours, theirs): (&[u32], &[u32], &[u32])) {
    if b.is_empty() && o.is_empty() && t.is_empty() {
        return;
    }
    let (was, one, other) = (base.get(b.clone()), ours.get(o.clone()), theirs.get(t.clone()));
    let change = match (was == one, was == other) {
        (true, true) => Change::Nobody,
        (true, false) => Change::Theirs,
        (false, true) => Change::Ours,
        (false, false) => Change::Both,
    };
    hunks.push(Hunk { base: b, ours: o, theirs: t, change });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_run_is_found() {
        let values = [3, 1, 2, 5, 4, 6];
        let run: Vec<u32> = longest_increasing(&values).into_iter().map(|index| values[index]).collect();
        assert_eq!(run, [1, 2, 4, 6]);
        assert!(longest_increasing(&[]).is_empty());
    }

    #[test]
    fn changes_are_told_apart() {
        let mut tokens = Tokens::new();
        let mut of = |text: &'static str| tokens.of(text.chars());
        let (base, ours, theirs) = (of("abcdef"), of("aXbcdef"), of("abcdeYZ"));
        let changes: Vec<(Change, usize)> = diff3(&base, &ours, &theirs).into_iter().map(|hunk| (hunk.change, hunk.base.len())).collect();
        assert_eq!(changes, [(Change::Nobody, 1), (Change::Ours, 0), (Change::Nobody, 4), (Change::Theirs, 1)]);
    }

    proptest! {
        #[test]
        fn the_parts_cover_everything(base in "[a-d]{0,12}", ours in "[a-d]{0,12}", theirs in "[a-d]{0,12}") {
            let mut tokens = Tokens::new();
            let (base, ours, theirs) = (tokens.of(base.chars()), tokens.of(ours.chars()), tokens.of(theirs.chars()));
            let (mut b, mut o, mut t) = (0, 0, 0);
            for hunk in diff3(&base, &ours, &theirs) {
                prop_assert_eq!((hunk.base.start, hunk.ours.start, hunk.theirs.start), (b, o, t));
                (b, o, t) = (hunk.base.end, hunk.ours.end, hunk.theirs.end);
                let (was, one, other) = (&base[hunk.base], &ours[hunk.ours], &theirs[hunk.theirs]);
                match hunk.change {
                    Change::Nobody => prop_assert!(was == one && was == other),
                    Change::Ours => prop_assert!(was != one && was == other),
                    Change::Theirs => prop_assert!(was == one && was != other),
                    Change::Both => prop_assert!(was != one && was != other),
                }
            }
            prop_assert_eq!((b, o, t), (base.len(), ours.len(), theirs.len()));
        }
    }
}
