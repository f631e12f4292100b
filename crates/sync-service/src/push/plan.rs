//! The order in which a request's operations are decided: groups together, dependencies and predecessors first,
//! otherwise as sent.

use std::collections::{BTreeMap, HashMap, HashSet};

use sync_core::protocol::v1::Received;
use sync_core::{Code, OpId, Operation, Problem, SpaceId};

use super::graph::{Edges, add_where_possible, circular, sorted};
use crate::digest::digest_fits;

/// Operations that commit together or not at all: a group, or one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Their space.
    pub(crate) space_id: SpaceId,
    /// Places in the request, in the order to decide.
    pub(crate) members: Vec<usize>,
    /// Their ids.
    pub(crate) op_ids: HashSet<OpId>,
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
    /// For each operation, the one of this request on the same document that is decided before it.
    pub(crate) before: HashMap<usize, usize>,
    /// Operations whose predecessor in this request was not taken because of its form; they wait for it.
    pub(crate) orphans: HashMap<usize, OpId>,
}

impl Plan {
    /// Plans a request.
    pub(crate) fn new(operations: &[Received<Operation>]) -> Self {
        let mut plan = Self::default();
        let places = plan.sift(operations);
        let mut units = plan.gather(operations);
        let needs = Needs { operations, places: &places };
        for unit in &mut units {
            needs.arrange(unit);
        }
        let mut edges = needs.between(&units);
        for (unit, on_circle) in units.iter_mut().zip(circular(&edges)) {
            if on_circle {
                unit.refusal.get_or_insert_with(circle);
            }
        }
        // what is refused anyway waits for nobody
        for (_, needed) in units.iter().zip(&mut edges).filter(|(unit, _)| unit.refusal.is_some()) {
            needed.clear();
        }
        add_where_possible(&mut edges, needs.as_sent(&units));
        let order = sorted(&edges);
        let mut slots: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
        plan.units = order.into_iter().filter_map(|index| slots.get_mut(index).and_then(Option::take)).collect();
        plan.find_predecessors(operations);
        plan
    }

    /// Sets aside what is at fault in its form, and what repeats an id that stands earlier. An id that was refused for
    /// its form is still free.
    fn sift(&mut self, operations: &[Received<Operation>]) -> HashMap<OpId, usize> {
        let mut places: HashMap<OpId, usize> = HashMap::new();
        for (index, received) in operations.iter().enumerate() {
            if let Some(problem) = fault_of_form(received) {
                self.refused.insert(index, problem);
            } else if let Some(first) = places.get(&received.op_id) {
                self.repeated.insert(index, *first);
            } else {
                places.insert(received.op_id, index);
            }
        }
        places
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
            if place == units.len() {
                let (members, op_ids) = Default::default();
                units.push(Unit { space_id: operation.space_id, members, op_ids, group: operation.group.clone(), refusal: None });
            }
            if let Some(unit) = units.get_mut(place) {
                unit.members.push(index);
                unit.op_ids.insert(operation.op_id);
            }
        }
        split_groups_over_spaces(operations, units)
    }

    fn find_predecessors(&mut self, operations: &[Received<Operation>]) {
        let document = |index: &usize| match &operations.get(*index)?.content {
            Ok(Operation { space_id, key: Some(key), .. }) => Some((*space_id, key.as_str())),
            _ => None,
        };
        let planned: HashSet<OpId> =
            self.units.iter().flat_map(|unit| &unit.members).filter_map(|index| Some(operations.get(*index)?.op_id)).collect();
        let mut refused: HashMap<(SpaceId, &str), Vec<usize>> = HashMap::new();
        for index in self.refused.keys() {
            // where the good one is in the same request, nothing is missing
            let missing = operations.get(*index).filter(|received| !planned.contains(&received.op_id));
            if let Some((space_id, key)) = missing.and_then(|received| received.document.as_ref()) {
                refused.entry((*space_id, key.as_str())).or_default().push(*index);
            }
        }
        let mut latest: HashMap<(SpaceId, &str), usize> = HashMap::new();
        for index in self.units.iter().flat_map(|unit| &unit.members) {
            let Some(key) = document(index) else { continue };
            let before = latest.insert(key, *index);
            // one that was refused for its form stands between: it will come again under its id, and go first
            let between = |place: &&usize| **place < *index && before.is_none_or(|before| before < **place);
            let awaited = refused.get(&key).and_then(|places| places.iter().rev().find(between)).and_then(|place| operations.get(*place));
            if let Some(awaited) = awaited {
                self.orphans.insert(*index, awaited.op_id);
            } else if let Some(before) = before {
                self.before.insert(*index, before);
            }
        }
    }
}

/// Who needs whom in a request.
struct Needs<'a> {
    operations: &'a [Received<Operation>],
    places: &'a HashMap<OpId, usize>,
}

impl<'a> Needs<'a> {
    fn operation(&self, index: usize) -> Option<&'a Operation> {
        self.operations.get(index).and_then(|received| received.content.as_ref().ok())
    }

    /// The places that an operation names, in `depends_on` and `after`.
    fn named(&self, index: usize) -> impl Iterator<Item = usize> {
        let operation = self.operation(index);
        let named = operation.into_iter().flat_map(|operation| operation.depends_on.iter().chain(&operation.after));
        named.filter_map(|op_id| self.places.get(op_id).copied())
    }

    /// Pairs of an operation and the one sent before it on the same document.
    fn consecutive(&self, indexes: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
        let mut latest: HashMap<(SpaceId, &str), usize> = HashMap::new();
        let pair = |index: usize| {
            let operation = self.operation(index)?;
            let key = operation.key.as_ref()?;
            latest.insert((operation.space_id, key.as_str()), index).map(|before| (index, before))
        };
        indexes.filter_map(pair).collect()
    }

    /// Puts a group's members in an order in which each comes after what it needs.
    fn arrange(&self, unit: &mut Unit) {
        if unit.members.len() == 1 {
            return;
        }
        let slot_of: HashMap<usize, usize> = unit.members.iter().enumerate().map(|(slot, index)| (*index, slot)).collect();
        let slots = |index: &usize| deduplicated(self.named(*index).filter_map(|place| slot_of.get(&place).copied()));
        let mut edges: Edges = unit.members.iter().map(slots).collect();
        if circular(&edges).contains(&true) {
            unit.refusal.get_or_insert_with(circle);
            return;
        }
        let wishes = self.consecutive(unit.members.iter().copied());
        add_where_possible(&mut edges, wishes.iter().filter_map(|(index, before)| Some((*slot_of.get(index)?, *slot_of.get(before)?))));
        unit.members = sorted(&edges).into_iter().filter_map(|slot| unit.members.get(slot).copied()).collect();
    }

    /// For each unit, the units that one of its operations names.
    fn between(&self, units: &[Unit]) -> Edges {
        let unit_of = unit_of(units);
        let needed = |(own, unit): (usize, &Unit)| {
            let places = unit.members.iter().flat_map(|member| self.named(*member).map(|place| (*member, place)));
            // an operation that names itself is a circle; members of a group that name each other are not
            deduplicated(
                places
                    .filter_map(|(member, place)| Some((*unit_of.get(&place)?, member == place)))
                    .filter(|(other, itself)| *other != own || *itself)
                    .map(|(other, _)| other),
            )
        };
        units.iter().enumerate().map(needed).collect()
    }

    /// Pairs of units in the order sent, where they change the same document.
    fn as_sent(&self, units: &[Unit]) -> Vec<(usize, usize)> {
        let unit_of = unit_of(units);
        let mut indexes: Vec<usize> = unit_of.keys().copied().collect();
        indexes.sort_unstable();
        let pairs = self.consecutive(indexes.into_iter());
        pairs.iter().filter_map(|(index, before)| Some((*unit_of.get(index)?, *unit_of.get(before)?))).collect()
    }
}

fn unit_of(units: &[Unit]) -> HashMap<usize, usize> {
    units.iter().enumerate().flat_map(|(unit, content)| content.members.iter().map(move |member| (*member, unit))).collect()
}

fn deduplicated(nodes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut nodes: Vec<usize> = nodes.collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

fn circle() -> Problem {
    Problem::new(Code::DependencyCycle, "depends_on and after lead in a circle: nothing of it can go first; send it without one of them")
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
    let space_of =
        |index: &usize| operations.get(*index).and_then(|received| received.content.as_ref().ok()).map(|operation| operation.space_id);
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
                op_ids: HashSet::new(), // refused before its dependencies are looked at
                group: None,
                refusal: Some(problem.clone()),
            };
            unit.members.iter().copied().map(alone).collect()
        })
        .collect()
}
