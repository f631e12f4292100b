//! The order in which a request's operations are decided: groups together, dependencies and predecessors first,
//! otherwise as sent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use sync_core::protocol::v1::Received;
use sync_core::{Code, OpId, Operation, Problem, SpaceId};

use crate::digest::digest_fits;

/// Operations that commit together or not at all: a group, or one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Their space.
    pub(crate) space_id: SpaceId,
    /// Places in the request, as sent.
    pub(crate) members: Vec<usize>,
    /// The group's id.
    pub(crate) group: Option<String>,
    /// A refusal that is known before anything is read.
    pub(crate) refusal: Option<Problem>,
}

/// A request's operations, ready to be decided.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// In the order to decide.
    pub(crate) units: Vec<Unit>,
    /// Refused because of their form, and not stored.
    pub(crate) refused: BTreeMap<usize, Problem>,
    /// Later appearances of an id, with the place of the first.
    pub(crate) repeated: BTreeMap<usize, usize>,
    /// For each operation without `after`, the places of the earlier operations of this request on the same document,
    /// latest first.
    pub(crate) before: HashMap<usize, Vec<usize>>,
}

impl Plan {
    /// Plans a request.
    pub(crate) fn new(operations: &[Received<Operation>]) -> Self {
        let mut plan = Self::default();
        let mut places: HashMap<OpId, usize> = HashMap::new();
        for (index, received) in operations.iter().enumerate() {
            if let Some(first) = places.get(&received.op_id) {
                plan.repeated.insert(index, *first);
                continue;
            }
            places.insert(received.op_id, index);
            if let Some(problem) = fault_of_form(received) {
                plan.refused.insert(index, problem);
            }
        }
        let mut units = plan.gather(operations);
        plan.find_predecessors(operations);
        let edges = plan.edges(operations, &units, &places);
        mark_cycles(&mut units, &edges);
        let order = sorted(&units, &edges);
        let mut slots: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
        plan.units = order.into_iter().filter_map(|index| slots.get_mut(index).and_then(Option::take)).collect();
        plan
    }

    fn is_planned(&self, index: usize) -> bool {
        !self.refused.contains_key(&index) && !self.repeated.contains_key(&index)
    }

    /// Groups come together where their first member stands. A member whose form is at fault takes its whole group
    /// along; nothing of it is stored, so that the good group can come under the same ids.
    fn gather(&mut self, operations: &[Received<Operation>]) -> Vec<Unit> {
        let named = |index: &usize| operations.get(*index).and_then(|received| Some((received.group.clone()?, received.op_id)));
        let broken: HashMap<String, OpId> = self.refused.keys().filter_map(named).collect();
        let mut units: Vec<Unit> = Vec::new();
        let mut groups: HashMap<&str, usize> = HashMap::new();
        for (index, received) in operations.iter().enumerate() {
            let Ok(operation) = &received.content else { continue };
            if !self.is_planned(index) {
                continue;
            }
            if let Some(culprit) = operation.group.as_ref().and_then(|group| broken.get(group)) {
                self.refused.insert(index, in_bad_company(*culprit));
                continue;
            }
            let place = operation.group.as_deref().map_or(units.len(), |group| *groups.entry(group).or_insert(units.len()));
            match units.get_mut(place) {
                Some(unit) => unit.members.push(index),
                None => units.push(Unit {
                    space_id: operation.space_id,
                    members: vec![index],
                    group: operation.group.clone(),
                    refusal: None,
                }),
            }
        }
        split_groups_over_spaces(operations, units)
    }

    fn find_predecessors(&mut self, operations: &[Received<Operation>]) {
        let mut earlier: HashMap<(SpaceId, &str), Vec<usize>> = HashMap::new();
        for (index, received) in operations.iter().enumerate() {
            let Ok(Operation { space_id, key: Some(key), .. }) = &received.content else { continue };
            if !self.is_planned(index) {
                continue;
            }
            let chain = earlier.entry((*space_id, key.as_str())).or_default();
            self.before.insert(index, chain.iter().rev().copied().collect());
            chain.push(index);
        }
    }

    /// For each unit, the units that are to be decided before it.
    fn edges(&self, operations: &[Received<Operation>], units: &[Unit], places: &HashMap<OpId, usize>) -> Vec<HashSet<usize>> {
        let unit_of: HashMap<usize, usize> =
            units.iter().enumerate().flat_map(|(unit, content)| content.members.iter().map(move |member| (*member, unit))).collect();
        units
            .iter()
            .enumerate()
            .map(|(own, unit)| {
                let mut needed = HashSet::new();
                for member in &unit.members {
                    let Some(Ok(operation)) = operations.get(*member).map(|received| &received.content) else { continue };
                    let named = operation.depends_on.iter().chain(&operation.after);
                    for place in named.filter_map(|op_id| places.get(op_id)) {
                        let needs_itself = place == member;
                        needed.extend(unit_of.get(place).filter(|other| **other != own || needs_itself));
                    }
                    let previous = self.before.get(member).and_then(|chain| chain.first());
                    needed.extend(previous.and_then(|place| unit_of.get(place)).filter(|other| **other != own));
                }
                needed
            })
            .collect()
    }
}

fn fault_of_form(received: &Received<Operation>) -> Option<Problem> {
    if let Err(problem) = &received.content {
        return Some(problem.clone());
    }
    let (claimed, canonical) = received.digest.as_ref()?;
    (!digest_fits(claimed, canonical)).then(|| {
        let detail = "the digest is not that of the operation: it was changed on its way, or made another way; send it as it was, with its own digest";
        Problem::new(Code::DigestMismatch, detail).at("/digest")
    })
}

/// The problem of a group's innocent members.
pub(crate) fn in_bad_company(culprit: OpId) -> Problem {
    Problem::new(Code::GroupMember, "a group commits whole or not at all, and another of its operations can't").caused_by(culprit)
}

fn split_groups_over_spaces(operations: &[Received<Operation>], units: Vec<Unit>) -> Vec<Unit> {
    let space_of = |index: &usize| operations.get(*index).and_then(|received| received.content.as_ref().ok()).map(|operation| operation.space_id);
    units
        .into_iter()
        .flat_map(|unit| {
            if unit.members.iter().all(|index| space_of(index) == Some(unit.space_id)) {
                return vec![unit];
            }
            let problem = Problem::new(Code::GroupSpaces, "the operations of a group name one space; send a group for each space");
            let alone = |index: usize| Unit {
                space_id: space_of(&index).unwrap_or(unit.space_id),
                members: vec![index],
                group: None,
                refusal: Some(problem.clone()),
            };
            unit.members.iter().copied().map(alone).collect()
        })
        .collect()
}

/// Marks the units that wait for themselves: what is left when all that can go first, and all that nobody waits for,
/// is taken away.
fn mark_cycles(units: &mut [Unit], edges: &[HashSet<usize>]) {
    let mut left: HashSet<usize> = (0..units.len()).collect();
    loop {
        let awaited: HashSet<usize> = left.iter().filter_map(|unit| edges.get(*unit)).flatten().copied().collect();
        let stays = |unit: &usize| edges.get(*unit).is_some_and(|needed| needed.iter().any(|other| left.contains(other))) && awaited.contains(unit);
        let next: HashSet<usize> = left.iter().copied().filter(|unit| stays(unit)).collect();
        if next.len() == left.len() {
            break;
        }
        left = next;
    }
    for unit in left {
        if let Some(unit) = units.get_mut(unit) {
            unit.refusal.get_or_insert_with(|| {
                Problem::new(Code::DependencyCycle, "depends_on and after lead in a circle: nothing of it can go first; send it without one of them")
            });
        }
    }
}

/// Needed units first, otherwise as sent (Kahn's algorithm with a heap). Units of a cycle don't wait.
fn sorted(units: &[Unit], edges: &[HashSet<usize>]) -> Vec<usize> {
    let waits = |unit: usize| units.get(unit).is_some_and(|unit| unit.refusal.is_none());
    let mut open: Vec<usize> = edges.iter().enumerate().map(|(unit, needed)| if waits(unit) { needed.len() } else { 0 }).collect();
    let mut dependents: HashMap<usize, Vec<usize>> = HashMap::new();
    for (unit, needed) in edges.iter().enumerate().filter(|(unit, _)| waits(*unit)) {
        for other in needed {
            dependents.entry(*other).or_default().push(unit);
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = open.iter().enumerate().filter(|(_, count)| **count == 0).map(|(unit, _)| Reverse(unit)).collect();
    let mut order = Vec::with_capacity(units.len());
    while let Some(Reverse(unit)) = ready.pop() {
        order.push(unit);
        for dependent in dependents.remove(&unit).unwrap_or_default() {
            if let Some(count) = open.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(dependent));
                }
            }
        }
    }
    order
}
