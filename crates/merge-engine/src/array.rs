//! Arrays: lists of items with ids, sets of scalars, and other sequences.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use crate::ids::{at, flags};
use crate::merger::{Merger, Pick, Sides, one_sided};
use crate::outcome::{Decided, Reason};
use crate::same::{ByValue, same};
use crate::sequence::{Change, Hunk, Tokens, diff3};
use crate::sorted::Sorting;
use crate::{align, ids, order};

/// The most items of a list that are asked about one by one; of more the whole list is.
const MAX_ASKED: usize = 200;

/// Merges three arrays by what they look like.
pub(crate) fn merge<'a>(merger: &mut Merger<'a>, sides: Sides<'a>, arrays: [&'a [Value]; 3]) -> Pick {
    if let Some(keyed) = ids::find(arrays, merger.policy) {
        return keyed_list(merger, sides, arrays, &keyed);
    }
    if is_tuple(arrays) || is_of_two_kinds(arrays) {
        return merger.ask_or_assist(sides, Reason::BothChanged);
    }
    if arrays.iter().all(|side| are_distinct_scalars(side)) {
        return if replaced_by_both(arrays) { merger.ask_or_assist(sides, Reason::BothChanged) } else { members(merger, arrays) };
    }
    sequence(merger, sides, arrays)
}

/// The name of what arrays merge by, where nothing is declared. A side that is absent has no say.
pub(crate) fn name(sides: Sides<'_>, policy: &crate::Policy) -> &'static str {
    let arrays = [sides.base, sides.ours, sides.theirs].map(|side| side.and_then(Value::as_array).map_or(&[][..], Vec::as_slice));
    if ids::find(arrays, policy).is_some() {
        "list"
    } else if is_tuple(arrays) {
        "ask"
    } else if arrays.iter().all(|side| are_distinct_scalars(side)) {
        "set"
    } else {
        "sequence"
    }
}

/// Numbers in fixed places, such as coordinates: they make sense only together.
fn is_tuple(arrays: [&[Value]; 3]) -> bool {
    let [base, ours, theirs] = arrays;
    base.len() == ours.len() && base.len() == theirs.len() && base.iter().chain(ours).chain(theirs).all(Value::is_number)
}

/// Whether one side made an array of objects of one of scalars, or the other way round.
fn is_of_two_kinds(arrays: [&[Value]; 3]) -> bool {
    let kind = |items: &[Value]| {
        let objects = items.iter().filter(|item| item.is_object()).count();
        (!items.is_empty()).then_some((objects == 0, objects == items.len()))
    };
    let mut kinds = arrays.into_iter().filter_map(kind);
    let first = kinds.next();
    kinds.any(|kind| Some(kind) != first)
}

fn are_distinct_scalars(items: &[Value]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| !(item.is_object() || item.is_array()) && seen.insert(ByValue(item)))
}

/// Whether both sides put something else, of their own, in the place of the same item.
fn replaced_by_both(arrays: [&[Value]; 3]) -> bool {
    let mut tokens = Tokens::new();
    let [base, ours, theirs] = arrays.map(|side| tokens.of(side.iter().map(ByValue)));
    let [in_base, in_ours, in_theirs] = [&base, &ours, &theirs].map(|side| side.iter().copied().collect::<HashSet<u32>>());
    let part = |side: &[u32], range: &std::ops::Range<usize>| side.get(range.clone()).unwrap_or_default().to_vec();
    let replaced = |hunk: &Hunk| {
        part(&base, &hunk.base).iter().any(|token| !in_ours.contains(token) && !in_theirs.contains(token))
            && part(&ours, &hunk.ours).iter().any(|token| !in_base.contains(token) && !in_theirs.contains(token))
            && part(&theirs, &hunk.theirs).iter().any(|token| !in_base.contains(token) && !in_ours.contains(token))
    };
    diff3(&base, &ours, &theirs).iter().any(|hunk| hunk.change == Change::Both && replaced(hunk))
}

/// Merges lists of items that are known by ids: insertions, deletions, moves, and edits inside items. Where no path can name
/// an item, or very many would be asked about, the whole list is asked about.
pub(crate) fn keyed_list<'a>(merger: &mut Merger<'a>, sides: Sides<'a>, arrays: [&'a [Value]; 3], keyed: &ids::Keyed<'a>) -> Pick {
    let mut inner = merger.inner();
    let pick = by_item(&mut inner, arrays, keyed);
    let asks = inner.left.disputes.len() + inner.left.proposals.len();
    if asks == 0 || (keyed.names && asks <= MAX_ASKED) {
        merger.absorb(&mut inner.left);
        return pick;
    }
    merger.ask_or_assist(sides, Reason::BothChanged)
}

fn by_item<'a>(merger: &mut Merger<'a>, arrays: [&'a [Value]; 3], keyed: &ids::Keyed<'a>) -> Pick {
    let [base, ours, theirs] = &keyed.orders;
    let mut items = vec![Sides { base: None, ours: None, theirs: None }; keyed.ids.len()];
    for (token, value) in base.iter().zip(arrays[0]) {
        items.get_mut(at(*token)).into_iter().for_each(|item| item.base = Some(value));
    }
    for (token, value) in ours.iter().zip(arrays[1]) {
        items.get_mut(at(*token)).into_iter().for_each(|item| item.ours = Some(value));
    }
    for (token, value) in theirs.iter().zip(arrays[2]) {
        items.get_mut(at(*token)).into_iter().for_each(|item| item.theirs = Some(value));
    }
    let merge = |(id, item): (&Cow<'a, str>, &Sides<'a>)| match merger.child(id.clone(), *item) {
        Pick::Ours => item.ours.map(Cow::Borrowed),
        Pick::Theirs => item.theirs.map(Cow::Borrowed),
        Pick::Made(value) => Some(Cow::Owned(value)),
        Pick::Gone => None,
    };
    let mut merged: Vec<Option<Cow<'a, Value>>> = keyed.ids.iter().zip(&items).map(merge).collect();
    let lives: Vec<bool> = merged.iter().map(Option::is_some).collect();
    let woven = order::woven(&keyed.orders, &lives);
    if woven.contested {
        merger.decided("list", Decided::Ours, Reason::BothMoved);
    }
    settle(arrays, woven.order.into_iter().filter_map(|token| merged.get_mut(at(token))?.take()).collect())
}

/// Merges arrays of distinct values: what either side added is in, what either side took away is not (an add-wins set; its
/// order as that of a list).
pub(crate) fn members(merger: &mut Merger<'_>, arrays: [&[Value]; 3]) -> Pick {
    let mut tokens = Tokens::new();
    let all = arrays.map(|side| tokens.of(side.iter().map(ByValue)));
    let count = tokens.len();
    let orders = all.each_ref().map(|side| distinct(side, count));
    let [in_base, in_ours, in_theirs] = orders.each_ref().map(|side| flags(side, count));
    let lives: Vec<bool> = in_base.iter().zip(in_ours).zip(in_theirs).map(|((base, ours), theirs)| !base || ours && theirs).collect();
    let mut values: Vec<Option<&Value>> = vec![None; count];
    for (token, value) in all.iter().zip(arrays).rev().flat_map(|(order, array)| order.iter().zip(array)) {
        values.get_mut(at(*token)).into_iter().for_each(|slot| *slot = Some(value));
    }
    let woven = order::woven(&orders, &lives);
    merger.decided("set", Decided::Merged, Reason::DifferentPlaces);
    settle(arrays, woven.order.into_iter().filter_map(|token| values.get(at(token)).copied().flatten().map(Cow::Borrowed)).collect())
}

fn distinct(tokens: &[u32], count: usize) -> Vec<u32> {
    let mut seen = vec![false; count];
    let first = |token: &u32| seen.get_mut(at(*token)).is_some_and(|seen| !std::mem::replace(seen, true));
    tokens.iter().copied().filter(first).collect()
}

/// The merged items in their order; sorted, where all three sides were.
pub(crate) fn settle(arrays: [&[Value]; 3], mut merged: Vec<Cow<'_, Value>>) -> Pick {
    if let Some(sorting) = Sorting::of(arrays) {
        sorting.sort(&mut merged);
    }
    let [_, ours, theirs] = arrays;
    let is = |side: &[Value]| side.len() == merged.len() && merged.iter().zip(side).all(|(one, other)| same(one, other));
    if is(ours) {
        Pick::Ours
    } else if is(theirs) {
        Pick::Theirs
    } else {
        Pick::Made(Value::Array(merged.into_iter().map(Cow::into_owned).collect()))
    }
}

/// Merges arrays without ids by a three-way comparison. An item of a side is an item of the base that it equals, or, between
/// those, the one in whose place it stands where there are as many as before. What an item's merge would have to ask is
/// asked for the whole array, as nothing names the item.
pub(crate) fn sequence<'a>(merger: &mut Merger<'a>, sides: Sides<'a>, arrays: [&'a [Value]; 3]) -> Pick {
    let aligned = align::three(arrays);
    let mut inner = merger.inner();
    let mut picks: Vec<Option<Cow<'a, Value>>> = Vec::with_capacity(aligned.items.len());
    for item in &aligned.items {
        let pick = match one_sided(*item) {
            Some(pick) => pick,
            None => inner.child(Cow::Borrowed("*"), *item),
        };
        picks.push(match pick {
            Pick::Ours => item.ours.map(Cow::Borrowed),
            Pick::Theirs => item.theirs.map(Cow::Borrowed),
            Pick::Made(value) => Some(Cow::Owned(value)),
            Pick::Gone => None,
        });
        if !(inner.left.is_clean() && inner.left.proposals.is_empty()) {
            return merger.ask_or_assist(sides, Reason::BothChanged);
        }
    }
    let lives: Vec<bool> = picks.iter().map(Option::is_some).collect();
    let woven = order::woven(&aligned.orders, &lives);
    merger.decided("sequence", Decided::Merged, Reason::DifferentPlaces);
    settle(arrays, woven.order.into_iter().filter_map(|token| picks.get_mut(at(token))?.take()).collect())
}
