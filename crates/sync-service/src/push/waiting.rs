//! What of the queue an operation meets: what was accepted before it and is not decided yet, and what this unit of work
//! puts there itself.
//!
//! One device's operations on one document keep their order, and nothing is decided before what it comes after or
//! depends on. Whoever would have to wait for something in the queue is put there behind it. What it waits for is always
//! the operation at the head: of a chain of a thousand behind a dead letter, each waits for that dead letter.

mod entries;

use std::collections::{BTreeSet, HashMap};

use sync_core::operation::Kind;
use sync_core::ports::{ItemPlace, ItemState, StoreResult, Tx};
use sync_core::protocol::v1::OperationResult;
use sync_core::{BatchId, DocumentKey, OpId, Operation, SpaceId, Timestamp, UserId};

use super::admit::{Gate, Stop, waiting};
use super::desk::Desk;
use super::intents;
use super::plan::Unit;
use super::unit::{Batch, Taking};

/// The queue, as far as it matters for a unit of work.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// What is not decided yet, of those that are named and those on the documents at hand.
    places: HashMap<OpId, ItemPlace>,
    /// The sender's device's by document, in the order in which they were accepted.
    strands: HashMap<String, Vec<OpId>>,
    /// What is put there now, in order.
    entries: Vec<Entry>,
    /// What was taken from there and has to go on waiting, with what it waits for.
    pub(super) held: HashMap<OpId, OpId>,
    /// Groups of which something is there.
    groups: BTreeSet<String>,
}

/// An operation that is put into the queue.
#[derive(Debug, Clone, Copy)]
struct Entry {
    index: usize,
    hold: Option<OpId>,
    /// What it comes after by its place in the request alone.
    follows: Option<OpId>,
    lane: i32,
    rank: i64,
}

/// What stands before an operation.
struct Blocker {
    /// What has to be decided first.
    root: OpId,
    /// Whether the operation is to be held for it; otherwise it comes after it by its place alone.
    holds: bool,
}

impl Blocker {
    fn of(place: &ItemPlace, (space_id, batch_id): (SpaceId, BatchId), works: bool) -> Self {
        let root = place.waits_for.unwrap_or(place.op_id);
        let in_line = match place.state {
            ItemState::Ready | ItemState::Leased => true,
            // it becomes ready together with what comes after it
            ItemState::Staged => place.batch_id == batch_id && place.waits_for.is_none(),
            ItemState::Held | ItemState::Delayed | ItemState::Parked => false,
        };
        Self { root, holds: works || !in_line || place.space_id != space_id }
    }
}

impl Waiting {
    /// Reads what is there.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn load(tx: &mut dyn Tx, batch: &Batch, space_id: SpaceId, operations: &[&Operation], named: &[OpId]) -> StoreResult<Self> {
        let organisation_id = batch.caller.organisation_id;
        let keys: BTreeSet<DocumentKey> = operations.iter().filter_map(|operation| operation.key.clone()).collect();
        let mut waiting = Self::default();
        for place in tx.load_places(organisation_id, named)? {
            waiting.places.insert(place.op_id, place);
        }
        // what was taken is taken in order: only what nobody takes can stand before it
        let works = matches!(batch.taking, Taking::Work(_));
        for place in tx.list_strands(space_id, batch.caller.device_id, &keys.into_iter().collect::<Vec<_>>(), works)? {
            waiting.strands.entry(place.key.clone()).or_default().push(place.op_id);
            waiting.places.insert(place.op_id, place);
        }
        let missing = |place: &ItemPlace| place.waits_for.filter(|root| !waiting.places.contains_key(root));
        let roots: BTreeSet<OpId> = waiting.places.values().filter_map(missing).collect();
        if !roots.is_empty() {
            for place in tx.load_places(organisation_id, &roots.into_iter().collect::<Vec<_>>())? {
                waiting.places.insert(place.op_id, place);
            }
        }
        let groups: BTreeSet<String> = operations.iter().filter_map(|operation| operation.group.clone()).collect();
        if !(groups.is_empty() || works) {
            let items = tx.list_items_of_groups(space_id, &groups.into_iter().collect::<Vec<_>>())?;
            let own = items.into_iter().filter(|item| item.user_id == batch.caller.user_id);
            waiting.groups = own.filter_map(|item| item.group).collect();
        }
        Ok(waiting)
    }

    /// What is not decided yet under an id.
    pub(super) fn place(&self, op_id: OpId) -> Option<&ItemPlace> {
        self.places.get(&op_id)
    }

    /// Whether something of a group is there.
    pub(super) fn has_group(&self, group: &str) -> bool {
        self.groups.contains(group)
    }

    /// Whether what is under an id belongs to another batch that may still be taken back.
    pub(super) fn is_unsure(place: &ItemPlace, batch_id: BatchId) -> bool {
        place.state == ItemState::Staged && place.batch_id != batch_id
    }

    /// The operation of the same request that stands before one on its document in the queue.
    fn before_in_batch(&self, key: &str, batch_id: BatchId) -> Option<OpId> {
        let last = self.strands.get(key)?.last()?;
        self.places.get(last).filter(|place| place.batch_id == batch_id).map(|place| place.op_id)
    }

    /// Whether what is under an id waits for a person: it is a dead letter, or behind one.
    pub(super) fn is_parked(&self, place: &ItemPlace) -> bool {
        let root = place.waits_for.and_then(|root| self.places.get(&root)).unwrap_or(place);
        root.state == ItemState::Parked
    }

    /// Whether anything is put there now.
    pub(crate) fn is_filled(&self) -> bool {
        !self.entries.is_empty()
    }
}

impl Desk<'_> {
    /// Puts a unit into the queue, where it has to wait there or everything is to go there; then what is at fault with it
    /// whatever its document says is told at once instead. Whether the unit is dealt with.
    pub(super) fn queue_unit(&mut self, unit: &Unit, fresh: &[usize]) -> bool {
        let all = matches!(self.request.taking, Taking::Queue { .. });
        if fresh.is_empty() || !(all || self.may_wait(unit)) {
            return false;
        }
        let blockers: Vec<Blocker> =
            if self.may_wait(unit) { fresh.iter().filter_map(|index| self.blocker_of(unit, *index)).collect() } else { Vec::new() };
        if blockers.is_empty() && !all {
            return false;
        }
        let fault = |index: &usize| {
            let fault = if blockers.is_empty() { self.fault_of(unit, *index) } else { self.missing(unit, *index) };
            fault.map(|stop| (*index, stop))
        };
        if let Some((index, stop)) = fresh.iter().find_map(fault) {
            match &unit.group {
                _ if matches!(self.request.taking, Taking::Queue { staged: true }) => self.leave(fresh, index, stop),
                Some(group) => self.fail_group(fresh, group, index, stop),
                None => self.stop(index, stop, None),
            }
            return true;
        }
        let parked = |blocker: &&Blocker| self.waiting.places.get(&blocker.root).is_some_and(|place| self.waiting.is_parked(place));
        let holding = || blockers.iter().filter(|blocker| blocker.holds);
        let hold = holding().find(parked).or_else(|| holding().next()).map(|blocker| blocker.root);
        for index in fresh {
            self.put_into_queue(*index, hold);
        }
        true
    }

    /// Tells what is at fault with one of some operations, and takes none of them: they are part of a batch that is all or
    /// nothing.
    fn leave(&mut self, members: &[usize], culprit: usize, stop: Stop) {
        let Some(operation) = self.operation(culprit) else { return };
        let own = match stop {
            Stop::NotTaken(result) => *result,
            Stop::Refused(refusal) => OperationResult::refused(operation.op_id, refusal.problem().clone()),
        };
        for index in members {
            if let Some(member) = self.operation(*index) {
                self.results.insert(*index, OperationResult { op_id: member.op_id, ..own.clone() });
            }
        }
    }

    /// Whether a unit may have to wait for something in the queue.
    fn may_wait(&self, unit: &Unit) -> bool {
        !self.waiting.places.is_empty() && unit.refusal.is_none() && matches!(self.gate, Gate::Open)
    }

    /// Stops an operation that names another which is not here, or comes after one of its request that is not taken; one
    /// that was taken from the queue goes on waiting.
    fn missing(&self, unit: &Unit, index: usize) -> Option<Stop> {
        let operation = self.operation(index).filter(|operation| self.request.taken(operation.op_id).is_none())?;
        if operation.after.is_none()
            && let Err(stop) = self.predecessor_in_request(operation, index)
        {
            return Some(stop);
        }
        let is_own = |user_id: UserId| user_id == self.request.caller.user_id;
        let is_here = |op_id: &OpId| {
            unit.op_ids.contains(op_id)
                || self.world.known.get(op_id).is_some_and(|known| is_own(known.row.user_id))
                || self.waiting.places.get(op_id).is_some_and(|place| is_own(place.user_id))
        };
        let awaited = operation.after.iter().chain(&operation.depends_on).find(|op_id| !is_here(op_id))?;
        Some(waiting(operation.op_id, *awaited))
    }

    /// What is at fault with an operation, whatever its document says.
    fn fault_of(&self, unit: &Unit, index: usize) -> Option<Stop> {
        match self.may_go(unit, index) {
            Err(stop) => Some(stop),
            Ok((operation, _)) if operation.kind == Kind::Intent => intents::fault_of(&self.world.schema, operation),
            Ok(_) => None,
        }
    }

    /// What of the queue an operation comes after: on its document, by `after`, or by what it depends on.
    fn blocker_of(&self, unit: &Unit, index: usize) -> Option<Blocker> {
        let operation = self.operation(index)?;
        let works = matches!(self.request.taking, Taking::Work(_));
        let own_seq = self.request.taken(operation.op_id).map_or(i64::MAX, |taken| taken.seq);
        let open = |op_id: &OpId| {
            let place = self.waiting.places.get(op_id).filter(|place| place.user_id == self.request.caller.user_id)?;
            let decided = self.world.known.contains_key(op_id) || *op_id == operation.op_id;
            (!decided).then(|| Blocker::of(place, (operation.space_id, self.request.batch_id), works))
        };
        let strand = operation.key.as_ref().and_then(|key| self.waiting.strands.get(key.as_str()));
        let before = |op_id: &&OpId| self.waiting.places.get(*op_id).is_some_and(|place| place.seq < own_seq);
        // a unit does not wait for itself, however many of it are about a document
        let elsewhere = |op_id: &&OpId| !unit.op_ids.contains(*op_id);
        let on_document = strand.into_iter().flatten().rev().filter(before).filter(elsewhere).find_map(open);
        let named = operation.after.iter().chain(&operation.depends_on).filter(elsewhere).find_map(open);
        match (on_document, named) {
            (Some(blocker), Some(other)) if other.holds && !blocker.holds => Some(other),
            (on_document, named) => on_document.or(named),
        }
    }
}

/// When an event begins, as far as its urgency goes: at noon of its day.
pub(crate) fn noon_of(event_date: Option<&str>) -> Option<Timestamp> {
    Timestamp::parse(&format!("{}T12:00:00Z", event_date?))
}
