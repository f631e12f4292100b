//! Which items of three arrays without ids are the same one.

use std::collections::HashMap;

use serde_json::Value;

use crate::merger::Sides;
use crate::same::{ByValue, same};
use crate::sequence::{Tokens, matched};

/// The items of three arrays, each with its three states, and their order in each.
pub(crate) struct Aligned<'a> {
    pub(crate) items: Vec<Sides<'a>>,
    /// Places in `items`, of base, ours and theirs.
    pub(crate) orders: [Vec<u32>; 3],
}

/// Aligns both sides with the base, and what both inserted between the same two items, where it is equal.
pub(crate) fn three([base, ours, theirs]: [&[Value]; 3]) -> Aligned<'_> {
    let mut tokens = Tokens::new();
    let of = [base, ours, theirs].map(|side| tokens.of(side.iter().map(ByValue)));
    let mut items: Vec<Sides<'_>> = base.iter().map(|value| Sides { base: Some(value), ours: None, theirs: None }).collect();
    let mut inserted: HashMap<(Option<usize>, ByValue<'_>), Vec<u32>> = HashMap::new();
    let in_ours = with_base(base, ours, &of[0], &of[1]);
    let our_order = in_order(&in_ours, ours, |place, value, behind| {
        let index = place.unwrap_or(items.len());
        match items.get_mut(index) {
            Some(item) => item.ours = Some(value),
            None => items.push(Sides { base: None, ours: Some(value), theirs: None }),
        }
        if place.is_none() {
            inserted.entry((behind, ByValue(value))).or_default().push(small(index));
        }
        small(index)
    });
    for places in inserted.values_mut() {
        places.reverse();
    }
    let in_theirs = with_base(base, theirs, &of[0], &of[2]);
    let their_order = in_order(&in_theirs, theirs, |place, value, behind| {
        let known = || inserted.get_mut(&(behind, ByValue(value))).and_then(Vec::pop).and_then(|index| usize::try_from(index).ok());
        let index = place.or_else(known).unwrap_or(items.len());
        match items.get_mut(index) {
            Some(item) => item.theirs = Some(value),
            None => items.push(Sides { base: None, ours: None, theirs: Some(value) }),
        }
        small(index)
    });
    Aligned { orders: [(0..small(base.len())).collect(), our_order, their_order], items }
}

fn small(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Numbers a side's items; `number` gets the place in the base, if any, the item, and the base's item behind which it stands.
fn in_order<'a>(
    places: &[Option<usize>],
    side: &'a [Value],
    mut number: impl FnMut(Option<usize>, &'a Value, Option<usize>) -> u32,
) -> Vec<u32> {
    let mut behind = None;
    let next = |(place, value): (&Option<usize>, &'a Value)| {
        let token = number(*place, value, behind);
        behind = place.or(behind);
        token
    };
    places.iter().zip(side).map(next).collect()
}

/// For each item of a side its place in the base.
fn with_base(base: &[Value], side: &[Value], base_tokens: &[u32], side_tokens: &[u32]) -> Vec<Option<usize>> {
    let mut places: Vec<Option<usize>> = vec![None; side.len()];
    let mut put = |at: usize, place: usize| {
        if let Some(slot) = places.get_mut(at) {
            *slot = Some(place);
        }
    };
    let (mut from, mut to) = (0, 0);
    let ends = std::iter::once((base.len(), Some(side.len())));
    for (index, at) in matched(base_tokens, side_tokens).into_iter().enumerate().chain(ends) {
        let Some(at) = at else { continue };
        // as many as before between two that are equal: each one in its place
        if index - from == at - to {
            let pairs = (from..index)
                .zip(to..at)
                .filter(|(index, at)| base.get(*index).zip(side.get(*at)).is_some_and(|(one, other)| is_alike(one, other)));
            pairs.for_each(|(index, at)| put(at, index));
        }
        if index < base.len() {
            put(at, index);
        }
        (from, to) = (index + 1, at + 1);
    }
    places
}

/// Whether one value may have become the other by an edit: two scalars, two arrays, two objects that agree in something.
fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.is_empty()
                || one
                    .iter()
                    .any(|(name, value)| other.get(name).is_some_and(|other| same(value, other) || value.is_object() || value.is_array()))
        }
        (Value::Array(_), Value::Array(_)) => true,
        (one, other) => !(one.is_object() || one.is_array() || other.is_object() || other.is_array()),
    }
}
