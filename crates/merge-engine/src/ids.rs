//! Looking for what identifies the items of an array.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::Policy;

/// So many members of an item are tried beyond those that the policy names.
const MAX_TRIED: usize = 12;

/// The items of three arrays, known by ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keyed<'a> {
    /// The ids, by token.
    pub(crate) ids: Vec<Cow<'a, str>>,
    /// The items' tokens, each in the order of its array: equal ids have equal tokens, and none comes twice in an array.
    pub(crate) orders: [Vec<u32>; 3],
    /// Whether each array alone tells by what its items are known, so that a path can name them.
    pub(crate) names: bool,
}

/// The ids of all items: by the first of the policy's members that identifies every item of every side (a string or a whole
/// number that no other item of the side has); where items have one member each, by its name; else by the member by which
/// most items of the base are found again, at least half of them.
pub(crate) fn find<'a>(arrays: [&'a [Value]; 3], policy: &Policy) -> Option<Keyed<'a>> {
    let first = arrays.iter().find_map(|items| items.first())?.as_object()?;
    if !arrays.iter().all(|items| items.iter().all(Value::is_object)) {
        return None;
    }
    for (rank, member) in policy.id_members.iter().enumerate().filter(|(_, member)| first.contains_key(*member)) {
        if let Some(keyed) = by(arrays, member) {
            // an array that is known by another member alone would be read in another way
            let before = || policy.id_members.iter().take(rank);
            let names = arrays.iter().all(|items| items.is_empty() || before().all(|member| !is_known_by(items, member)));
            return Some(Keyed { names, ..keyed });
        }
    }
    if let Some(keyed) = keyed(arrays.map(only_members)) {
        return Some(keyed);
    }
    let others = first.keys().filter(|name| !policy.id_members.contains(name)).take(MAX_TRIED);
    let found = others.filter_map(|member| by(arrays, member)).map(|keyed| (found_again(&keyed), keyed));
    let best = found.reduce(|best, next| if next.0 > best.0 { next } else { best });
    let (_, keyed) = best.filter(|(again, _)| again.saturating_mul(2) >= arrays[0].len())?;
    Some(Keyed { names: false, ..keyed })
}

/// The items of three arrays by number, each in the order of its array, where something identifies all of them: a merge takes
/// those with the same number for one item.
#[must_use]
pub fn identify(arrays: [&[Value]; 3], policy: &Policy) -> Option<[Vec<u32>; 3]> {
    find(arrays, policy).map(|keyed| keyed.orders)
}

/// The ids of all items by one member; `None` when one has none or two of a side have the same.
pub(crate) fn by<'a>(arrays: [&'a [Value]; 3], member: &str) -> Option<Keyed<'a>> {
    keyed(arrays.map(|items| one_side(items, member)))
}

fn keyed(sides: [Option<Vec<Cow<'_, str>>>; 3]) -> Option<Keyed<'_>> {
    let [base, ours, theirs] = sides;
    let sides = [base?, ours?, theirs?];
    let mut tokens: HashMap<&str, u32> = HashMap::with_capacity(sides.iter().map(Vec::len).max().unwrap_or_default());
    let orders = sides.each_ref().map(|side| side.iter().map(|id| number(&mut tokens, id.as_ref())).collect::<Vec<u32>>());
    let count = tokens.len();
    let mut ids: Vec<Cow<'_, str>> = vec![Cow::Borrowed(""); count];
    drop(tokens);
    if !orders.iter().all(|order| is_distinct(order, count)) {
        return None;
    }
    for (id, token) in sides.into_iter().flatten().zip(orders.iter().flatten()) {
        if let Some(slot) = ids.get_mut(at(*token)) {
            *slot = id;
        }
    }
    Some(Keyed { ids, orders, names: true })
}

fn number<'i>(tokens: &mut HashMap<&'i str, u32>, id: &'i str) -> u32 {
    let next = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    *tokens.entry(id).or_insert(next)
}

/// Whether no token comes twice.
fn is_distinct(order: &[u32], count: usize) -> bool {
    let mut seen = vec![false; count];
    order.iter().all(|token| seen.get_mut(at(*token)).is_some_and(|seen| !std::mem::replace(seen, true)))
}

/// Which tokens are in a sequence.
pub(crate) fn flags(side: &[u32], count: usize) -> Vec<bool> {
    let mut there = vec![false; count];
    for token in side {
        if let Some(slot) = there.get_mut(at(*token)) {
            *slot = true;
        }
    }
    there
}

/// A token as a place.
pub(crate) fn at(token: u32) -> usize {
    usize::try_from(token).unwrap_or(usize::MAX)
}

/// The ids of an array's items by one member; `None` where one has none.
fn one_side<'a>(items: &'a [Value], member: &str) -> Option<Vec<Cow<'a, str>>> {
    items.iter().map(|item| id_of(item.as_object()?.get(member)?)).collect()
}

/// The ids of items that have one member each: its name.
fn only_members(items: &[Value]) -> Option<Vec<Cow<'_, str>>> {
    items.iter().map(|item| only_member(item).map(Cow::Borrowed)).collect()
}

fn only_member(item: &Value) -> Option<&str> {
    let members = item.as_object().filter(|members| members.len() == 1)?;
    members.keys().next().map(String::as_str)
}

/// Whether a member identifies every item of an array.
fn is_known_by(items: &[Value], member: &str) -> bool {
    one_side(items, member).is_some_and(|ids| are_distinct(&ids))
}

fn are_distinct(ids: &[Cow<'_, str>]) -> bool {
    let mut seen: HashSet<&str> = HashSet::with_capacity(ids.len());
    ids.iter().all(|id| seen.insert(id.as_ref()))
}

/// A value as an id.
pub(crate) fn id_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(id) => Some(Cow::Borrowed(id)),
        Value::Number(id) if !id.is_f64() => Some(Cow::Owned(id.to_string())),
        _ => None,
    }
}

/// How many items of the base both sides still have, at least.
fn found_again(keyed: &Keyed<'_>) -> usize {
    let [base, ours, theirs] = &keyed.orders;
    let in_side = |side: &[u32]| {
        let there = flags(side, keyed.ids.len());
        base.iter().filter(|token| there.get(at(**token)).copied().unwrap_or_default()).count()
    };
    in_side(ours).min(in_side(theirs))
}

/// Where the item with an id stands: by the declared member, else as [`find`] knows it by the array alone.
pub(crate) fn position(items: &[Value], id: &str, declared: Option<&str>, policy: &Policy) -> Option<usize> {
    let ids = match declared {
        Some(member) => one_side(items, member),
        None => policy
            .id_members
            .iter()
            .filter_map(|member| one_side(items, member))
            .find(|ids| are_distinct(ids))
            .or_else(|| only_members(items)),
    };
    ids.filter(|ids| are_distinct(ids))?.iter().position(|other| other == id)
}
