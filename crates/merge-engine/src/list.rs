//! Arrays whose items carry an id: merged item by item, in an order that respects whoever moved something.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use sync_core::json::Object;

use crate::Policy;
use crate::value::{Merger, Sides};

type Items<'a> = Vec<(String, &'a Value)>;

/// Merges three arrays as lists keyed by id. `None` when they are not keyed alike, or when both sides reordered the
/// items that both know, differently: then the list is disputed as a whole.
pub(crate) fn merge(merger: &mut Merger<'_>, base: &[Value], ours: &[Value], theirs: &[Value]) -> Option<Value> {
    let member =
        merger.policy.id_members.iter().find(|member| [base, ours, theirs].iter().all(|side| keyed(side, member).is_some()))?.clone();
    let (base, ours, theirs) = (keyed(base, &member)?, keyed(ours, &member)?, keyed(theirs, &member)?);
    let order = merged_order(&base, &ours, &theirs)?;
    let (base, ours, theirs) = (by_id(&base), by_id(&ours), by_id(&theirs));
    let merged = order.into_iter().filter_map(|id| {
        let sides =
            Sides { base: base.get(id.as_str()).copied(), ours: ours.get(id.as_str()).copied(), theirs: theirs.get(id.as_str()).copied() };
        merger.child(&id, sides)
    });
    Some(Value::Array(merged.collect()))
}

/// Whether arrays are lists of items with ids, all by the same member.
pub(crate) fn are_keyed(sides: &[&[Value]], policy: &Policy) -> bool {
    policy.id_members.iter().any(|member| sides.iter().all(|side| keyed(side, member).is_some()))
}

/// Where the item with an id stands, by the first of the policy's members that identifies every item, as in [`merge`].
pub(crate) fn position(items: &[Value], id: &str, policy: &Policy) -> Option<usize> {
    let keyed = policy.id_members.iter().find_map(|member| keyed(items, member))?;
    keyed.iter().position(|(other, _)| other == id)
}

/// The items with their ids; `None` when one has none or two have the same.
fn keyed<'a>(items: &'a [Value], member: &str) -> Option<Items<'a>> {
    let mut seen = HashSet::new();
    items
        .iter()
        .map(|item| item.as_object().and_then(|object| id_of(object, member)).filter(|id| seen.insert(id.clone())).map(|id| (id, item)))
        .collect()
}

fn id_of(object: &Object, member: &str) -> Option<String> {
    match object.get(member)? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn by_id<'a>(items: &'a Items<'a>) -> HashMap<&'a str, &'a Value> {
    items.iter().map(|(id, item)| (id.as_str(), *item)).collect()
}

/// All ids of ours and theirs: the leading side's order, and the other side's own insertions each behind its
/// neighbour. Ours leads unless only theirs moved something.
fn merged_order(base: &Items<'_>, ours: &Items<'_>, theirs: &Items<'_>) -> Option<Vec<String>> {
    let (our_moves, their_moves) = (moved(base, ours), moved(base, theirs));
    if our_moves && their_moves && common(ours, theirs) != common(theirs, ours) {
        return None;
    }
    let (leading, following) = if their_moves && !our_moves { (theirs, ours) } else { (ours, theirs) };
    Some(woven(leading, following))
}

fn moved(base: &Items<'_>, side: &Items<'_>) -> bool {
    common(base, side) != common(side, base)
}

/// The ids of `items` that `other` has too, in the order of `items`.
fn common<'a>(items: &'a Items<'_>, other: &Items<'_>) -> Vec<&'a str> {
    let known: HashSet<&str> = other.iter().map(|(id, _)| id.as_str()).collect();
    items.iter().map(|(id, _)| id.as_str()).filter(|id| known.contains(id)).collect()
}

fn woven(leading: &Items<'_>, following: &Items<'_>) -> Vec<String> {
    let known: HashSet<&str> = leading.iter().map(|(id, _)| id.as_str()).collect();
    let mut behind: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    let mut anchor = None;
    for (id, _) in following {
        if known.contains(id.as_str()) {
            anchor = Some(id.as_str());
        } else {
            behind.entry(anchor).or_default().push(id);
        }
    }
    let anchors = std::iter::once(None).chain(leading.iter().map(|(id, _)| Some(id.as_str())));
    let ids = anchors.flat_map(|anchor| anchor.into_iter().chain(behind.get(&anchor).cloned().unwrap_or_default()));
    ids.map(str::to_owned).collect()
}
