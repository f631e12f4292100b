//! The order of items that have an identity: both sides' moves and insertions come together.
//!
//! What a side moved is what does not fit the longest run of items that it left in their order. Items that only one side
//! moved stand where that side put them, insertions behind the item behind which they were put; where both put something
//! at one place, ours comes first. An item that both moved stands where ours has it.

use std::collections::HashMap;

use crate::sequence::longest_increasing;

/// Merges the order of items; `lives` says which are in the result. No token comes twice in a side. `O(n log n)`.
pub(crate) fn woven(base: &[u32], ours: &[u32], theirs: &[u32], lives: impl Fn(u32) -> bool) -> Woven {
    let known: HashMap<u32, usize> = base.iter().enumerate().map(|(place, token)| (*token, place)).collect();
    let (our_moves, their_moves) = (Moves::of(&known, ours), Moves::of(&known, theirs));
    let in_ours: HashMap<u32, usize> = ours.iter().enumerate().map(|(place, token)| (*token, place)).collect();
    let led_by_theirs = |token: u32| !in_ours.contains_key(&token) || (their_moves.holds(token) && !our_moves.holds(token));
    let mut chain = Chain::default();
    for token in ours.iter().copied().filter(|token| lives(*token) && !led_by_theirs(*token)) {
        chain.push(token);
    }
    let living: Vec<u32> = theirs.iter().copied().filter(|token| lives(*token)).collect();
    let (mut rest, mut before) = (living.as_slice(), None);
    while let Some(next) = rest.first().copied() {
        let (run, tail) = rest.split_at(rest.iter().take_while(|token| led_by_theirs(**token)).count());
        if run.is_empty() {
            before = Some(next);
            rest = tail.get(1..).unwrap_or_default();
            continue;
        }
        // ours' own insertions at this place come first
        let is_own = |token: u32| !known.contains_key(&token) && in_ours.contains_key(&token);
        let mut place = chain.anchor((before, tail.first().copied()), |token| our_moves.holds(token), is_own);
        for token in run {
            chain.insert_behind(place, *token);
            place = Some(*token);
        }
        rest = tail;
    }
    let contested = base.iter().any(|token| lives(*token) && our_moves.holds(*token) && their_moves.holds(*token))
        && common(ours, theirs) != common(theirs, ours);
    Woven { order: chain.into_order(), contested }
}

/// An order, and whether both sides moved the same item to different places.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Woven {
    pub(crate) order: Vec<u32>,
    pub(crate) contested: bool,
}

/// The tokens of one sequence that stand in the other too.
fn common(one: &[u32], other: &[u32]) -> Vec<u32> {
    let known: std::collections::HashSet<u32> = other.iter().copied().collect();
    one.iter().copied().filter(|token| known.contains(token)).collect()
}

/// What a side moved.
struct Moves(std::collections::HashSet<u32>);

impl Moves {
    fn of(known: &HashMap<u32, usize>, side: &[u32]) -> Self {
        let shared: Vec<(u32, u32)> =
            side.iter().filter_map(|token| Some((*token, u32::try_from(*known.get(token)?).unwrap_or(u32::MAX)))).collect();
        let places: Vec<u32> = shared.iter().map(|(_, place)| *place).collect();
        let mut stayed = longest_increasing(&places).into_iter().peekable();
        let moved = shared.iter().enumerate().filter(|(index, _)| stayed.next_if(|kept| kept == index).is_none());
        Self(moved.map(|(_, (token, _))| *token).collect())
    }

    fn holds(&self, token: u32) -> bool {
        self.0.contains(&token)
    }
}

/// A linked list of tokens. `None` stands before the first.
#[derive(Default)]
struct Chain {
    next: HashMap<Option<u32>, u32>,
    before: HashMap<u32, Option<u32>>,
    last: Option<u32>,
}

impl Chain {
    fn push(&mut self, token: u32) {
        self.insert_behind(self.last, token);
    }

    /// Behind which token something belongs that stands between two: behind the first, unless ours moved that away; then
    /// before the second, or at the end.
    fn anchor(
        &self,
        (before, after): (Option<u32>, Option<u32>),
        moved: impl Fn(u32) -> bool,
        is_own: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        match after {
            _ if before.is_none_or(|token| !moved(token)) => {}
            None => return self.last,
            Some(token) if !moved(token) => return self.before.get(&token).copied().flatten(),
            Some(_) => {}
        }
        let mut place = before;
        while let Some(next) = self.next.get(&place).copied().filter(|next| is_own(*next)) {
            place = Some(next);
        }
        place
    }

    fn insert_behind(&mut self, place: Option<u32>, token: u32) {
        self.before.insert(token, place);
        match self.next.insert(place, token) {
            Some(next) => {
                self.next.insert(Some(token), next);
                self.before.insert(next, Some(token));
            }
            None => self.last = Some(token),
        }
    }

    fn into_order(self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.before.len());
        let mut here = None;
        while let Some(next) = self.next.get(&here).copied() {
            order.push(next);
            here = Some(next);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, ours: &str, theirs: &str, order: &str, contested: bool) {
        let of = |text: &str| text.bytes().map(u32::from).collect::<Vec<_>>();
        let (base, ours, theirs) = (of(base), of(ours), of(theirs));
        let lives = |token: u32| {
            let (b, o, t) = (base.contains(&token), ours.contains(&token), theirs.contains(&token));
            if b { o && t } else { o || t }
        };
        let woven = woven(&base, &ours, &theirs, lives);
        let text: String = woven.order.iter().map(|token| char::from_u32(*token).unwrap()).collect();
        assert_eq!((text.as_str(), woven.contested), (order, contested));
    }

    #[test]
    fn insertions_deletions_and_moves_come_together() {
        check("abc", "abc", "abc", "abc", false);
        check("abc", "axbc", "aybc", "axybc", false);
        check("abc", "abcx", "abcy", "abcxy", false);
        check("", "ab", "cd", "abcd", false);
        check("abcd", "acd", "abc", "ac", false);
        check("abcd", "dabc", "abcdx", "dabcx", false);
        check("abcd", "dabc", "bacd", "bdac", false);
        check("abc", "abcx", "cab", "cabx", false);
        check("abc", "cba", "abcx", "cbax", false);
        check("abc", "bac", "bac", "bac", false);
        check("abcdef", "bcdefa", "bcdaef", "bcdefa", true);
        check("abc", "xabc", "yabc", "xyabc", false);
    }
}
