//! The order of items that have an identity: both sides' moves and insertions come together.
//!
//! What a side moved is what does not fit the longest run of items that it left in their order. Items that only one side
//! moved stand where that side put them, insertions behind the item behind which they were put; where both put something
//! at one place, ours comes first. An item that both moved stands where ours has it.

use crate::ids::at;
use crate::sequence::longest_increasing;

/// Merges the order of items: base, ours and theirs as tokens, none of which comes twice in a side, and which of them are in
/// the result. `O(n log n)`.
pub(crate) fn woven([base, ours, theirs]: &[Vec<u32>; 3], lives: &[bool]) -> Woven {
    let lives = |token: u32| lives.get(at(token)).copied().unwrap_or_default();
    let count = [base, ours, theirs].into_iter().flatten().copied().max().map_or(0, |token| at(token) + 1);
    let (in_base, in_ours) = (Places::of(base, count), Places::of(ours, count));
    let (our_moves, their_moves) = (moves(&in_base, ours, count), moves(&in_base, theirs, count));
    let is = |set: &[bool], token: u32| set.get(at(token)).copied().unwrap_or_default();
    let led_by_theirs = |token: u32| in_ours.find(token).is_none() || (is(&their_moves, token) && !is(&our_moves, token));
    let mut chain = Chain::new(count);
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
        let is_own = |token: u32| in_base.find(token).is_none() && in_ours.find(token).is_some();
        let mut place = chain.anchor((before, tail.first().copied()), |token| is(&our_moves, token), is_own);
        for token in run {
            chain.insert_behind(place, *token);
            place = Some(*token);
        }
        rest = tail;
    }
    let both_moved = || base.iter().any(|token| lives(*token) && is(&our_moves, *token) && is(&their_moves, *token));
    let contested = both_moved() && {
        let in_theirs = Places::of(theirs, count);
        let common = |side: &[u32], other: &Places| side.iter().copied().filter(|token| other.find(*token).is_some()).collect::<Vec<_>>();
        common(ours, &in_theirs) != common(theirs, &in_ours)
    };
    Woven { order: chain.into_order(), contested }
}

/// An order, and whether both sides moved the same item to different places.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Woven {
    pub(crate) order: Vec<u32>,
    pub(crate) contested: bool,
}

/// Where tokens stand in a sequence.
struct Places(Vec<Option<u32>>);

impl Places {
    fn of(side: &[u32], count: usize) -> Self {
        let mut places = vec![None; count];
        for (token, place) in side.iter().zip(0..) {
            if let Some(slot) = places.get_mut(at(*token)) {
                *slot = Some(place);
            }
        }
        Self(places)
    }

    fn find(&self, token: u32) -> Option<u32> {
        self.0.get(at(token)).copied().flatten()
    }
}

/// What a side moved, by token.
fn moves(in_base: &Places, side: &[u32], count: usize) -> Vec<bool> {
    let shared: Vec<(u32, u32)> = side.iter().filter_map(|token| Some((*token, in_base.find(*token)?))).collect();
    let mut moved = vec![false; count];
    if shared.is_sorted_by_key(|(_, place)| place) {
        return moved;
    }
    let places: Vec<u32> = shared.iter().map(|(_, place)| *place).collect();
    let mut stayed = longest_increasing(&places).into_iter().peekable();
    for (index, (token, _)) in shared.iter().enumerate() {
        let stays = stayed.next_if_eq(&index).is_some();
        if let Some(slot) = moved.get_mut(at(*token)).filter(|_| !stays) {
            *slot = true;
        }
    }
    moved
}

/// A linked list of tokens. `None` stands before the first.
struct Chain {
    first: Option<u32>,
    last: Option<u32>,
    next: Vec<Option<u32>>,
    before: Vec<Option<u32>>,
    length: usize,
}

impl Chain {
    fn new(count: usize) -> Self {
        Self { first: None, last: None, next: vec![None; count], before: vec![None; count], length: 0 }
    }

    fn push(&mut self, token: u32) {
        self.insert_behind(self.last, token);
    }

    fn next(&self, place: Option<u32>) -> Option<u32> {
        place.map_or(self.first, |token| self.next.get(at(token)).copied().flatten())
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
            Some(token) if !moved(token) => return self.before.get(at(token)).copied().flatten(),
            Some(_) => {}
        }
        let mut place = before;
        while let Some(next) = self.next(place).filter(|next| is_own(*next)) {
            place = Some(next);
        }
        place
    }

    fn insert_behind(&mut self, place: Option<u32>, token: u32) {
        let next = self.next(place);
        let put = |slots: &mut Vec<Option<u32>>, token: u32, value: Option<u32>| {
            slots.get_mut(at(token)).into_iter().for_each(|slot| *slot = value);
        };
        put(&mut self.before, token, place);
        put(&mut self.next, token, next);
        match place {
            Some(place) => put(&mut self.next, place, Some(token)),
            None => self.first = Some(token),
        }
        match next {
            Some(next) => put(&mut self.before, next, Some(token)),
            None => self.last = Some(token),
        }
        self.length += 1;
    }

    fn into_order(self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.length);
        let mut here = self.first;
        while let Some(token) = here {
            order.push(token);
            here = self.next(Some(token));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, ours: &str, theirs: &str, order: &str, contested: bool) {
        let orders = [base, ours, theirs].map(|text| text.bytes().map(u32::from).collect::<Vec<_>>());
        let lives = |token: u32| {
            let [b, o, t] = orders.each_ref().map(|side| side.contains(&token));
            if b { o && t } else { o || t }
        };
        let woven = woven(&orders, &(0..128).map(lives).collect::<Vec<_>>());
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
