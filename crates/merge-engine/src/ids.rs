//! Looking for what identifies the items of an array.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use crate::Policy;

/// So many members of an item are tried beyond those that the policy names.
const MAX_TRIED: usize = 12;

/// The ids of three arrays' items, each in the order of the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keyed<'a> {
    sides: [Vec<Cow<'a, str>>; 3],
    /// Whether each array alone tells by what its items are known, so that a path can name them.
    pub(crate) names: bool,
}

impl<'a> Keyed<'a> {
    pub(crate) fn side(&self, side: usize) -> &[Cow<'a, str>] {
        self.sides.get(side).map_or(&[], Vec::as_slice)
    }
}

/// The ids of all items: by the first of the policy's members that identifies every item of every side (a string or a whole
/// number that no other item of the side has); where items have one member each, by its name; else by the member by which
/// most items of the base are found again, at least half of them.
pub(crate) fn find<'a>(arrays: [&'a [Value]; 3], policy: &Policy) -> Option<Keyed<'a>> {
    let first = arrays.iter().find_map(|items| items.first())?.as_object()?;
    if !arrays.iter().all(|items| items.iter().all(Value::is_object)) {
        return None;
    }
    let named = policy.id_members.iter().filter(|member| first.contains_key(*member)).find_map(|member| by(arrays, member));
    if let Some(keyed) = named.or_else(|| by_only_member(arrays)) {
        // an array that is known by another member alone would be read in another way
        let same = arrays
            .iter()
            .enumerate()
            .all(|(side, items)| items.is_empty() || one_array(items, policy).as_deref() == Some(keyed.side(side)));
        return Some(Keyed { names: same, ..keyed });
    }
    let others = first.keys().filter(|name| !policy.id_members.contains(name)).take(MAX_TRIED);
    let found = others.filter_map(|member| by(arrays, member)).map(|keyed| (found_again(&keyed), keyed));
    let best = found.reduce(|best, next| if next.0 > best.0 { next } else { best });
    let (_, keyed) = best.filter(|(again, _)| again.saturating_mul(2) >= arrays[0].len())?;
    Some(Keyed { names: false, ..keyed })
}

/// The ids of one array's items, as far as it alone tells them.
fn one_array<'a>(items: &'a [Value], policy: &Policy) -> Option<Vec<Cow<'a, str>>> {
    policy.id_members.iter().find_map(|member| one_side(items, member)).or_else(|| only_members(items))
}

/// The ids of all items by one member; `None` when one has none or two of a side have the same.
pub(crate) fn by<'a>(arrays: [&'a [Value]; 3], member: &str) -> Option<Keyed<'a>> {
    let [base, ours, theirs] = arrays.map(|items| one_side(items, member));
    Some(Keyed { sides: [base?, ours?, theirs?], names: true })
}

/// The ids of an array's items by one member.
pub(crate) fn one_side<'a>(items: &'a [Value], member: &str) -> Option<Vec<Cow<'a, str>>> {
    let mut seen: HashSet<Cow<'a, str>> = HashSet::with_capacity(items.len());
    items.iter().map(|item| id_of(item.as_object()?.get(member)?).filter(|id| seen.insert(id.clone()))).collect()
}

/// The ids of items that have one member each: its name.
fn by_only_member(arrays: [&[Value]; 3]) -> Option<Keyed<'_>> {
    let [base, ours, theirs] = arrays.map(only_members);
    Some(Keyed { sides: [base?, ours?, theirs?], names: true })
}

fn only_members(items: &[Value]) -> Option<Vec<Cow<'_, str>>> {
    let mut seen: HashSet<&str> = HashSet::with_capacity(items.len());
    items.iter().map(|item| only_member(item).filter(|name| seen.insert(name)).map(Cow::Borrowed)).collect()
}

fn only_member(item: &Value) -> Option<&str> {
    let members = item.as_object().filter(|members| members.len() == 1)?;
    members.keys().next().map(String::as_str)
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
    let in_side = |side: usize| {
        let ids: HashSet<&str> = keyed.side(side).iter().map(AsRef::as_ref).collect();
        keyed.side(0).iter().filter(|id| ids.contains(id.as_ref())).count()
    };
    in_side(1).min(in_side(2))
}

/// Where the item with an id stands: by the declared member, else as [`find`] knows it by the array alone.
pub(crate) fn position(items: &[Value], id: &str, declared: Option<&str>, policy: &Policy) -> Option<usize> {
    let ids = match declared {
        Some(member) => one_side(items, member),
        None => one_array(items, policy),
    };
    ids?.iter().position(|other| other == id)
}
