//! The order of members, and which item of a side a merged one is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem::discriminant;

use merge_engine::Policy;
use serde_json::Value;

use crate::commands::merge::document::write;
use merge_engine::identify;

/// Names that are sorted by chance are fewer than this.
const MIN_SORTED: usize = 3;

/// All names of ours, base and theirs, and what else there is. The order is that of ours, or of theirs where only theirs
/// moved what all have; names that the other sides added stand behind their neighbours there, those of ours first. Where
/// ours and theirs are sorted, so is this.
pub(super) fn woven<'v>([ours, base, theirs]: [Option<Vec<&'v str>>; 3], others: &[&'v str]) -> Vec<&'v str> {
    let sorted = [&ours, &theirs].into_iter().flatten().all(|names| is_sorted(names));
    let long = ours.as_ref().is_some_and(|names| names.len() >= MIN_SORTED);
    let moved = |side: &Option<Vec<&str>>| match (side, &base) {
        (Some(side), Some(base)) => common(side, base) != common(base, side),
        _ => false,
    };
    let theirs_leads = moved(&theirs) && !moved(&ours);
    let (ours, base, theirs) = (ours.unwrap_or_default(), base.unwrap_or_default(), theirs.unwrap_or_default());
    let (lead, follow) = if theirs_leads { (theirs, ours) } else { (ours, theirs) };
    let mut names = weave(&weave(&weave(&lead, &follow, !theirs_leads), &base, true), others, true);
    if sorted && long {
        names.sort_unstable();
    }
    names
}

fn is_sorted(names: &[&str]) -> bool {
    names.is_sorted()
}

/// Those of `names` that `others` has too.
fn common<'v>(names: &[&'v str], others: &[&str]) -> Vec<&'v str> {
    let others: HashSet<&str> = others.iter().copied().collect();
    names.iter().copied().filter(|name| others.contains(name)).collect()
}

/// The leading names, with what only the following ones have behind its neighbour: behind or before what the leading side
/// added there.
fn weave<'v>(lead: &[&'v str], follow: &[&'v str], lead_first: bool) -> Vec<&'v str> {
    let (in_lead, in_follow): (HashSet<&str>, HashSet<&str>) = (lead.iter().copied().collect(), follow.iter().copied().collect());
    let mut behind: HashMap<Option<&str>, Vec<&'v str>> = HashMap::new();
    let mut neighbour = None;
    for name in follow {
        if in_lead.contains(name) {
            neighbour = Some(*name);
        } else {
            behind.entry(neighbour).or_default().push(name);
        }
    }
    let mut names = Vec::with_capacity(lead.len() + follow.len());
    let mut due = behind.remove(&None).unwrap_or_default();
    for name in lead {
        if !lead_first || in_follow.contains(name) {
            names.append(&mut due);
        }
        names.push(*name);
        due.extend(behind.remove(&Some(*name)).unwrap_or_default());
    }
    names.append(&mut due);
    names
}

/// For each merged item, where a side has it: by its id, where items have ids; else by its value, and what is left between
/// the same neighbours in its order.
pub(super) fn paired(merged: &[Value], side: &[Value], policy: &Policy) -> Vec<Option<usize>> {
    let known = identify([side, side, merged], policy).map(|[own, _, merged]| {
        let places: HashMap<u32, usize> = own.into_iter().enumerate().map(|(place, item)| (item, place)).collect();
        merged.iter().map(|item| places.get(item).copied()).collect()
    });
    known.unwrap_or_else(|| paired_by_value(merged, side))
}

fn paired_by_value(merged: &[Value], side: &[Value]) -> Vec<Option<usize>> {
    let mut places: HashMap<String, VecDeque<usize>> = HashMap::new();
    for (index, item) in side.iter().enumerate() {
        places.entry(write::plain(item)).or_default().push_back(index);
    }
    let mut pairs: Vec<Option<usize>> =
        merged.iter().map(|item| places.get_mut(&write::plain(item)).and_then(VecDeque::pop_front)).collect();
    let taken: HashSet<usize> = pairs.iter().copied().flatten().collect();
    let mut neighbour = None;
    for (item, pair) in merged.iter().zip(&mut pairs) {
        if pair.is_none() {
            let next = neighbour.map_or(0, |index: usize| index + 1);
            let free = side.get(next).filter(|_| !taken.contains(&next));
            *pair = free.filter(|other| discriminant(*other) == discriminant(item)).map(|_| next);
        }
        neighbour = pair.or(neighbour);
    }
    pairs
}
