//! Sets, lists and entries.

use serde_json::Value;
use sync_core::schema::strategy::{Append, Key, Owner, Strategy};

use super::{gone_or_changed, owner};
use crate::merger::{Merger, Pick, Sides, one_sided};
use crate::outcome::{Decided, Reason, SuggestedSide};
use crate::same::{same, same_side};
use crate::{array, ids};

/// An add-wins set with observed remove (Shapiro et al., 2011): what a side added is in, and what a side removed is not,
/// unless the other side changed it. A value that both sides set from nothing is the union.
pub(super) fn set<'a>(merger: &mut Merger<'a>, key: &Key, sides: Sides<'a>) -> Pick {
    let Some(arrays) = sides.arrays() else { return merger.ask(sides, "set", gone_or_changed(sides)) };
    // a member that only seems to identify items would mix two of them
    match keyed(merger, key, arrays).filter(|keyed| keyed.names) {
        Some(keyed) => array::keyed_list(merger, sides, arrays, &keyed),
        None => array::members(merger, arrays),
    }
}

/// Items by their ids; a sequence, where they have none.
pub(super) fn list<'a>(merger: &mut Merger<'a>, key: &Key, sides: Sides<'a>) -> Pick {
    let Some(arrays) = sides.arrays() else { return merger.ask(sides, "list", gone_or_changed(sides)) };
    match keyed(merger, key, arrays) {
        Some(keyed) => array::keyed_list(merger, sides, arrays, &keyed),
        None => array::sequence(merger, sides, arrays),
    }
}

fn keyed<'a>(merger: &Merger<'_>, key: &Key, arrays: [&'a [Value]; 3]) -> Option<ids::Keyed<'a>> {
    match &key.0 {
        Some(member) => ids::by(arrays, member),
        None => ids::find(arrays, merger.policy),
    }
}

/// A set from which only owners remove: what others removed stays, and is proposed.
pub(super) fn safe_set<'a>(merger: &mut Merger<'a>, strategy: &Strategy, (key, owners): (&Key, &[Owner]), sides: Sides<'a>) -> Pick {
    if same_side(sides.base, sides.theirs) || same_side(sides.ours, sides.theirs) {
        return Pick::Ours;
    }
    let base = array_of(sides.base);
    let gone = |side: Option<&Value>| {
        let (side, member) = (array_of(side), key.0.as_deref());
        base.iter().filter(|item| !side.iter().any(|other| is_same_item(item, other, member))).cloned().collect::<Vec<Value>>()
    };
    let removed = gone(sides.theirs);
    if removed.is_empty() || owner::may_remove(merger, owners) {
        return one_sided(sides).unwrap_or_else(|| set(merger, key, sides));
    }
    owner::propose_removals(merger, strategy, owners, sides);
    let mut kept = array_of(sides.theirs).to_vec();
    kept.extend(removed);
    // what the sender added, without what they removed
    let theirs = Value::Array(kept);
    let mut inner = Merger::new(merger.policy, merger.context);
    let sides = Sides { base: sides.base, ours: sides.ours, theirs: Some(&theirs) };
    let pick = one_sided(sides).unwrap_or_else(|| set(&mut inner, key, sides));
    match pick {
        Pick::Theirs => Pick::Made(theirs),
        pick => pick,
    }
}

fn array_of(side: Option<&Value>) -> &[Value] {
    side.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_same_item(one: &Value, other: &Value, member: Option<&str>) -> bool {
    let by_key = member.and_then(|member| Some(same(one.get(member)?, other.get(member)?)));
    by_key.unwrap_or_else(|| same(one, other))
}

/// Entries that are only ever added: the live ones, then the sender's new ones. What the sender took away or changed in an
/// entry that is there does not count. Entries of both sides that may be the same one are both in, and asked about.
pub(super) fn append(merger: &mut Merger<'_>, terms: &Append, sides: Sides<'_>) -> Pick {
    if same_side(sides.base, sides.theirs) || same_side(sides.ours, sides.theirs) {
        return Pick::Ours;
    }
    if sides.base.is_none() && sides.ours.is_none() {
        return Pick::Theirs;
    }
    if sides.there().any(|side| !side.is_array()) {
        return merger.ask(sides, "append", gone_or_changed(sides));
    }
    let (base, ours, theirs) = (array_of(sides.base), array_of(sides.ours), array_of(sides.theirs));
    let member = terms.key.0.as_deref();
    let is_in = |entries: &[Value], entry: &Value| entries.iter().any(|other| is_same_item(entry, other, member));
    let fresh: Vec<&Value> = theirs.iter().filter(|entry| !is_in(ours, entry) && !is_in(base, entry)).collect();
    let gone = sides.base.is_some() && sides.theirs.is_none();
    let touched = gone || base.iter().any(|entry| !theirs.iter().any(|other| same(entry, other)));
    if touched {
        merger.take(sides, SuggestedSide::Ours, "append", Reason::SetOnce);
    }
    let alike = |entry: &&&Value| {
        let agrees =
            |other: &&Value| terms.same.iter().all(|name| other.get(name).is_some() && same_side(other.get(name), entry.get(name)));
        !terms.same.is_empty() && ours.iter().filter(|other| !is_in(base, other)).any(|other| agrees(&other))
    };
    let doubtful: Vec<&Value> = fresh.iter().filter(alike).copied().collect();
    let merged: Vec<Value> = ours.iter().chain(fresh.iter().copied()).cloned().collect();
    if fresh.is_empty() {
        return Pick::Ours;
    }
    if doubtful.is_empty() {
        if !same_side(sides.base, sides.ours) {
            merger.decided("append", Decided::Merged, Reason::DifferentPlaces);
        }
        return Pick::Made(Value::Array(merged));
    }
    let once: Vec<Value> = merged.iter().filter(|entry| !doubtful.iter().any(|other| same(entry, other))).cloned().collect();
    let (live, once) = (Value::Array(merged), Value::Array(once));
    merger.dispute(Sides { base: sides.base, ours: Some(&live), theirs: Some(&once) }, Reason::MaybeTwice);
    merger.decided("append", Decided::Conflict, Reason::MaybeTwice);
    Pick::Made(live)
}
