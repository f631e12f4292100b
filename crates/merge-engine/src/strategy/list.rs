//! Sets, lists and entries.

use std::collections::HashSet;

use serde_json::Value;
use sync_core::schema::strategy::{Append, Key, Owner, Strategy};

use super::{gone_or_changed, owner};
use crate::merger::{Merger, Pick, Sides, one_sided};
use crate::outcome::{Decided, Reason, SuggestedSide};
use crate::same::{ByValue, same_side};
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
    let kept = Entries::of(array_of(sides.theirs), key);
    let removed: Vec<Value> = array_of(sides.base).iter().filter(|item| !kept.holds(item)).cloned().collect();
    if removed.is_empty() || owner::may_remove(merger, owners) {
        return one_sided(sides).unwrap_or_else(|| set(merger, key, sides));
    }
    owner::propose_removals(merger, strategy, owners, sides);
    // what the sender added, without what they removed
    let theirs = Value::Array(array_of(sides.theirs).iter().cloned().chain(removed).collect());
    let mut inner = Merger::new(merger.policy, merger.context);
    inner.path.extend(merger.path.iter().map(|token| token.as_ref().into()));
    inner.document = merger.document;
    let sides = Sides { base: sides.base, ours: sides.ours, theirs: Some(&theirs) };
    let pick = match one_sided(sides).unwrap_or_else(|| set(&mut inner, key, sides)) {
        Pick::Theirs => Pick::Made(theirs.clone()),
        pick => pick,
    };
    merger.absorb(&mut inner.left);
    pick
}

/// Entries, known by a member or by their whole value.
struct Entries<'a> {
    member: Option<&'a str>,
    values: HashSet<ByValue<'a>>,
}

impl<'a> Entries<'a> {
    fn of(items: &'a [Value], key: &'a Key) -> Self {
        let member = key.0.as_deref();
        Self { member, values: items.iter().map(|item| ByValue(known_by(item, member))).collect() }
    }

    fn holds(&self, item: &Value) -> bool {
        self.values.contains(&ByValue(known_by(item, self.member)))
    }
}

/// The member by which an entry is known, or all of it.
fn known_by<'v>(item: &'v Value, member: Option<&str>) -> &'v Value {
    member.and_then(|member| item.get(member)).unwrap_or(item)
}

fn array_of(side: Option<&Value>) -> &[Value] {
    side.and_then(Value::as_array).map_or(&[], Vec::as_slice)
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
    let (in_base, in_ours) = (Entries::of(base, &terms.key), Entries::of(ours, &terms.key));
    let fresh: Vec<&Value> = theirs.iter().filter(|entry| !in_ours.holds(entry) && !in_base.holds(entry)).collect();
    let as_sent: HashSet<ByValue<'_>> = theirs.iter().map(ByValue).collect();
    let gone = sides.base.is_some() && sides.theirs.is_none();
    if gone || base.iter().any(|entry| !as_sent.contains(&ByValue(entry))) {
        merger.take(sides, SuggestedSide::Ours, "append", Reason::SetOnce);
    }
    let alike: HashSet<Vec<ByValue<'_>>> =
        ours.iter().filter(|other| !in_base.holds(other)).filter_map(|other| agreeing(other, &terms.same)).collect();
    let is_alike = |entry: &&&Value| agreeing(entry, &terms.same).is_some_and(|values| alike.contains(&values));
    let doubtful: Vec<&Value> = fresh.iter().filter(is_alike).copied().collect();
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
    let twice: HashSet<ByValue<'_>> = doubtful.iter().map(|entry| ByValue(entry)).collect();
    let once: Vec<Value> = merged.iter().filter(|entry| !twice.contains(&ByValue(entry))).cloned().collect();
    let (live, once) = (Value::Array(merged), Value::Array(once));
    merger.dispute(Sides { base: sides.base, ours: Some(&live), theirs: Some(&once) }, Reason::MaybeTwice);
    merger.decided("append", Decided::Conflict, Reason::MaybeTwice);
    Pick::Made(live)
}

/// The values of the members in which two entries that may be one agree; `None` where one of them is not there.
fn agreeing<'v>(entry: &'v Value, same: &[String]) -> Option<Vec<ByValue<'v>>> {
    if same.is_empty() {
        return None;
    }
    same.iter().map(|name| entry.get(name).map(ByValue)).collect()
}
