//! Groups: all of their operations commit together, or none does.

use std::collections::{BTreeSet, HashMap};

use merge_engine::{Decision, Dispute, Proposal, Reason};
use sync_core::ports::StoredOperation;
use sync_core::protocol::v1::OperationResult;
use sync_core::{Code, DocumentKey, OpId, Problem, Status};

use super::admit::{Admitted, Stop};
use super::chained;
use super::decide::{Effect, Refusal};
use super::desk::Desk;
use super::plan::{Unit, in_bad_company};
use super::questions;
use super::stored::Origin;
use super::world::Known;

/// A group's operation with what it disputes.
pub(super) struct Part {
    pub(super) key: DocumentKey,
    pub(super) op_id: OpId,
    pub(super) disputes: Vec<Dispute>,
    /// How its places were decided.
    pub(super) decisions: Vec<Decision>,
}

impl Part {
    /// What its sender may only propose is disputed too: a group happens whole, or is asked whole.
    fn of(admitted: &Admitted<'_>, effect: &Effect) -> Self {
        let mut disputes = effect.asked.as_ref().map(|asked| asked.disputes.clone()).unwrap_or_default();
        let proposed = effect.beside.proposed.iter().flat_map(|proposed| proposed.places.iter().cloned());
        disputes.extend(proposed.map(|place| {
            let Proposal { path, base, ours, theirs, .. } = place;
            Dispute { path, base, ours, theirs, suggested: None, reason: Reason::NotAnOwner }
        }));
        let decisions = effect.beside.decisions.clone();
        Self { key: admitted.key.clone(), op_id: admitted.operation.op_id, disputes, decisions }
    }
}

impl Desk<'_> {
    /// Decides a group: all of it or nothing.
    pub(super) fn decide_group(&mut self, unit: &Unit, group: &str, fresh: &[usize]) {
        if fresh.is_empty() {
            return;
        }
        let refused = |index: &usize| self.results.get(index).filter(|result| result.status == Status::Rejected);
        if let Some(culprit) = unit.members.iter().find_map(refused).map(|result| result.op_id) {
            return self.refuse_unstored(fresh, culprit);
        }
        let closed = self.closed_groups.iter().any(|closed| closed == group) || self.waiting.has_group(group);
        if fresh.len() < unit.members.len() || closed {
            let detail = "a group comes in one request, and this one came before; send the rest under a new group id";
            for index in fresh {
                let problem = Problem::new(Code::GroupClosed, detail);
                self.stop(*index, Refusal::Rejected(problem).into(), None);
            }
            return;
        }
        if !self.queue_unit(unit, fresh) {
            self.decide_members(unit, group, fresh);
        }
    }

    fn decide_members(&mut self, unit: &Unit, group: &str, fresh: &[usize]) {
        let keys: BTreeSet<DocumentKey> = fresh.iter().filter_map(|index| self.operation(*index)?.key.clone()).collect();
        let checkpoint = self.world.checkpoint(keys.iter().cloned());
        let decided = self.fresh.len();
        let changed: Vec<(DocumentKey, Option<bool>)> = keys.iter().map(|key| (key.clone(), self.changed.get(key).copied())).collect();
        let mut parts: Vec<Part> = Vec::new();
        let mut failed = None;
        for index in fresh {
            match self.admit(unit, *index).and_then(|admitted| self.effect_of(admitted)) {
                Ok((admitted, effect)) => {
                    parts.push(Part::of(&admitted, &effect));
                    self.commit(admitted, effect, Some(group));
                }
                Err(stop) => {
                    failed = Some((*index, stop));
                    break;
                }
            }
        }
        let disputed = parts.iter().any(|part| !part.disputes.is_empty());
        if failed.is_none() && !disputed {
            return self.refresh_questions(fresh, &keys, checkpoint.head());
        }
        self.world.roll_back(checkpoint);
        for (key, plain) in changed {
            match plain {
                Some(plain) => self.changed.insert(key, plain),
                None => self.changed.remove(&key),
            };
        }
        let taken_back: Vec<OpId> = self.fresh.drain(decided..).collect();
        let members = taken_back.into_iter().filter_map(|op_id| Some((op_id, self.world.known.remove(&op_id)?))).collect();
        match failed {
            Some((culprit, stop)) => self.fail_group(fresh, group, culprit, stop),
            None => self.ask_group(fresh, group, parts, members),
        }
    }

    /// Brings questions about the group's documents up to date, after all its versions were given: they are consecutive.
    fn refresh_questions(&mut self, members: &[usize], keys: &BTreeSet<DocumentKey>, before: i64) {
        let Some(last) = members.last().and_then(|index| self.operation(*index)) else { return };
        for key in keys.iter().filter(|key| self.world.docs.get(*key).is_some_and(|doc| doc.version > before)).collect::<Vec<_>>() {
            let by = self.world.docs.get(key).map_or(last.op_id, |doc| doc.by.op_id);
            let asker = self.asker(by);
            questions::refresh(&mut self.world, key, asker);
        }
    }

    fn refuse_unstored(&mut self, members: &[usize], culprit: OpId) {
        for index in members {
            if let Some(operation) = self.operation(*index) {
                self.results.insert(*index, OperationResult::refused(operation.op_id, in_bad_company(culprit)));
            }
        }
    }

    pub(super) fn fail_group(&mut self, members: &[usize], group: &str, culprit: usize, stop: Stop) {
        let Some(culprit_id) = self.operation(culprit).map(|operation| operation.op_id) else { return };
        match stop {
            Stop::NotTaken(result) if result.status == Status::Waiting => {
                for index in members {
                    if let Some(operation) = self.operation(*index) {
                        self.results.insert(*index, OperationResult { op_id: operation.op_id, ..(*result).clone() });
                    }
                }
            }
            Stop::NotTaken(result) => {
                self.refuse_unstored(members, culprit_id);
                self.results.insert(culprit, *result);
            }
            Stop::Refused(refusal) => {
                for index in members {
                    let own = match &*refusal {
                        own if *index == culprit => own.clone(),
                        Refusal::Rejected(_) => Refusal::Rejected(in_bad_company(culprit_id)),
                        Refusal::Quarantined(_) => Refusal::Quarantined(in_bad_company(culprit_id)),
                    };
                    self.stop(*index, own.into(), Some(group));
                }
            }
        }
    }

    fn ask_group(&mut self, members: &[usize], group: &str, parts: Vec<Part>, mut decided: HashMap<OpId, Known>) {
        let Some(first) = members.first().and_then(|index| self.operation(*index)) else { return };
        let before = self.world.head;
        let id = (self.new_conflict_id)();
        let asker = self.asker(first.op_id);
        let disputed = parts.iter().find(|part| !part.disputes.is_empty()).and_then(|part| decided.get(&part.op_id));
        let met = disputed.and_then(|known| {
            let (asked, joined) = known.overlay.questions().next()?;
            chained::other_side(&self.world, asked, Some(joined))
        });
        questions::open_group(&mut self.world, id, parts, asker, met);
        for index in members {
            let Some(operation) = self.operation(*index) else { continue };
            let Some(known) = decided.remove(&operation.op_id) else { continue };
            let mut overlay = known.overlay.taken_back(before, self.world.head);
            let origin = Origin { taken_back: Some((before, self.world.head)), ..known.origin };
            overlay.ask(&[id], operation.op_id, |id| operation.key.as_ref().is_some_and(|key| chained::takes_more(&self.world, id, key)));
            let StoredOperation { policy_version, corrected_at, decisions, .. } = known.row;
            let (conflict_id, group) = (Some(id), Some(group.to_owned()));
            let row =
                StoredOperation { conflict_id, group, policy_version, corrected_at, decisions, ..self.row(operation, Status::Conflict) };
            let result = OperationResult { conflict_id: Some(id), ..OperationResult::new(operation.op_id, Status::Conflict, true) };
            self.keep(*index, Known::decided(&operation.payload, row, overlay, None, origin), result);
        }
    }
}
