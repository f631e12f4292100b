//! What stands between two brackets of a merged value, in which order, and where the sides have it.

use std::collections::{BTreeMap, HashMap};

use merge_engine::Policy;
use serde_json::{Map, Value};

use super::order;
use super::sides::{BASE, OURS, Place, Sides, THEIRS};
use super::{Open, SETTLED};
use crate::commands::merge::document::tree::Child;
use merge_engine::position;

/// A member or an item on its way to the page.
pub(super) struct Slot<'v> {
    /// A member's name.
    pub(super) name: &'v str,
    /// Its merged value; `None` where only a disputed reading has one.
    pub(super) value: Option<&'v Value>,
    pub(super) sides: Sides<'v>,
    pub(super) open: &'v Open<'v>,
    pub(super) dress: Option<Dress<'v>>,
}

/// How a side dressed a member or an item.
#[derive(Clone, Copy)]
pub(super) struct Dress<'v> {
    pub(super) child: &'v Child<'v>,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
    /// Whether it is the side whose space the container has.
    pub(super) is_of_lead: bool,
}

/// The members of an object.
pub(super) fn of_object<'v>(members: &'v Map<String, Value>, sides: Sides<'v>, open: &'v Open<'v>) -> Vec<Slot<'v>> {
    let indices = sides.0.map(|place| place.map(by_name).unwrap_or_default());
    let names = sides.0.map(|place| place.map(names_of));
    let woven = order::woven(names, &members.keys().map(String::as_str).collect::<Vec<_>>());
    let wanted = woven.into_iter().filter(|name| members.contains_key(*name) || open.below.contains_key(*name));
    let slot = |name: &'v str| {
        let at = indices.each_ref().map(|index| index.get(name).copied());
        let (sides, dress) = children(sides, at);
        Slot { name, value: members.get(name), sides, open: open.at(name), dress }
    };
    wanted.map(slot).collect()
}

fn names_of(place: Place<'_>) -> Vec<&str> {
    let children = place.container().map(|container| container.children.iter());
    children.into_iter().flatten().map(|child| child.name.as_str()).collect()
}

fn by_name(place: Place<'_>) -> HashMap<&str, usize> {
    names_of(place).into_iter().enumerate().map(|(index, name)| (name, index)).collect()
}

/// The children at some places, and how the first of ours, theirs and base that has it dressed it.
fn children(sides: Sides<'_>, at: [Option<usize>; 3]) -> (Sides<'_>, Option<Dress<'_>>) {
    let mut found = Sides::default();
    let mut dresses = [None; 3];
    let lead = [OURS, THEIRS, BASE].into_iter().find(|side| has_parts(sides, *side));
    for (side, index) in at.into_iter().enumerate() {
        let (Some(index), Some(place)) = (index, sides.0.get(side).copied().flatten()) else { continue };
        if let (Some(slot), Some(dress)) = (found.0.get_mut(side), dresses.get_mut(side)) {
            *slot = place.child(index);
            let children = place.container().map_or(&[][..], |container| container.children.as_slice());
            let (is_first, is_last, is_of_lead) = (index == 0, index + 1 == children.len(), lead == Some(side));
            *dress = children.get(index).map(|child| Dress { child, is_first, is_last, is_of_lead });
        }
    }
    let [ours, base, theirs] = dresses;
    (found, ours.or(theirs).or(base))
}

fn has_parts(sides: Sides<'_>, side: usize) -> bool {
    let container = sides.0.get(side).copied().flatten().and_then(Place::container);
    container.is_some_and(|container| !container.children.is_empty())
}

/// The items of an array; `None` where what is disputed is no item of any side.
pub(super) fn of_array<'v>(items: &'v [Value], sides: Sides<'v>, open: &'v Open<'v>, policy: &Policy) -> Option<Vec<Slot<'v>>> {
    let pairs = sides.0.map(|place| place.map_or_else(|| vec![None; items.len()], |place| order::paired(items, place.items(), policy)));
    let mut disputed: HashMap<usize, (&'v str, &'v Open<'v>)> = HashMap::new();
    let mut absent: BTreeMap<Option<usize>, Vec<(usize, Slot<'v>)>> = BTreeMap::new();
    let at = |open: &Open<'_>| sides.0.map(|place| position(place?.items(), &open.path, policy));
    for (token, open) in &open.below {
        if let Some(index) = position(items, &open.path, policy) {
            disputed.insert(index, (token, open));
            continue;
        }
        let at = at(open);
        let home = [THEIRS, BASE, OURS].into_iter().find_map(|side| Some((side, at.get(side).copied().flatten()?)))?;
        let (sides, dress) = children(sides, at);
        let behind = neighbour(pairs.get(home.0)?, home.1);
        absent.entry(behind).or_default().push((home.1, Slot { name: token, value: None, sides, open, dress }));
    }
    let mut slots = Vec::with_capacity(items.len());
    let mut add_absent = |slots: &mut Vec<Slot<'v>>, behind: Option<usize>| {
        let mut here = absent.remove(&behind).unwrap_or_default();
        here.sort_by_key(|(index, _)| *index);
        slots.extend(here.into_iter().map(|(_, slot)| slot));
    };
    add_absent(&mut slots, None);
    for (index, value) in items.iter().enumerate() {
        let (name, open) = disputed.get(&index).copied().unwrap_or(("", &SETTLED));
        let at = if disputed.contains_key(&index) { at(open) } else { pairs.each_ref().map(|pairs| pairs.get(index).copied().flatten()) };
        let (sides, dress) = children(sides, at);
        slots.push(Slot { name, value: Some(value), sides, open, dress });
        add_absent(&mut slots, Some(index));
    }
    Some(slots)
}

/// The last merged item that stands before a place of a side.
fn neighbour(pairs: &[Option<usize>], place: usize) -> Option<usize> {
    let before = pairs.iter().enumerate().filter_map(|(merged, own)| own.filter(|own| *own < place).map(|own| (own, merged)));
    before.max().map(|(_, merged)| merged)
}
