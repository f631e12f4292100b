//! What of the queue an operation meets: what was accepted before it and is not decided yet, and what this unit of work
//! puts there itself.
//!
//! One device's operations on one document keep their order, and nothing is decided before what it comes after or
//! depends on. Whoever would have to wait for something in the queue is put there behind it. What it waits for is always
//! the operation at the head: of a chain of a thousand behind a dead letter, each waits for that dead letter.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use queue::priority::{self, Factors};
use sync_core::json::RawJson;
use sync_core::operation::Kind;
use sync_core::ports::{ItemPlace, ItemState, QueueBatch, QueueItem, StoreResult, Tx};
use sync_core::protocol::v1::OperationResult;
use sync_core::{BatchId, Code, DocumentKey, OpId, Operation, Problem, SpaceId, Status, Timestamp, UserId};

use super::admit::{Gate, Stop, waiting};
use super::desk::Desk;
use super::intents;
use super::plan::Unit;
use super::unit::{Batch, Taking};
use crate::digest::sha256;
use crate::queue::enqueued;
use crate::queue::recorder::AcceptedItem;

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
    fn of(place: &ItemPlace, space_id: SpaceId, works: bool) -> Self {
        let root = place.waits_for.unwrap_or(place.op_id);
        let goes_first = matches!(place.state, ItemState::Ready | ItemState::Leased) && place.space_id == space_id && !works;
        Self { root, holds: !goes_first }
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
        for place in tx.list_strands(space_id, &keys.into_iter().collect::<Vec<_>>())? {
            if place.device_id == batch.caller.device_id {
                waiting.strands.entry(place.key.clone()).or_default().push(place.op_id);
                waiting.places.insert(place.op_id, place);
            }
        }
        let missing = |place: &ItemPlace| place.waits_for.filter(|root| !waiting.places.contains_key(root));
        let roots: BTreeSet<OpId> = waiting.places.values().filter_map(missing).collect();
        if !roots.is_empty() {
            for place in tx.load_places(organisation_id, &roots.into_iter().collect::<Vec<_>>())? {
                waiting.places.insert(place.op_id, place);
            }
        }
        let groups: BTreeSet<String> = operations.iter().filter_map(|operation| operation.group.clone()).collect();
        if !(groups.is_empty() || matches!(batch.taking, Taking::Work(_))) {
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

    /// Stops an operation that names another which is not here; one that was taken from the queue goes on waiting.
    fn missing(&self, unit: &Unit, index: usize) -> Option<Stop> {
        let operation = self.operation(index).filter(|operation| self.request.taken(operation.op_id).is_none())?;
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
            (!decided).then(|| Blocker::of(place, operation.space_id, works))
        };
        let strand = operation.key.as_ref().and_then(|key| self.waiting.strands.get(key.as_str()));
        let before = |op_id: &&OpId| self.waiting.places.get(*op_id).is_some_and(|place| place.seq < own_seq);
        let on_document = strand.into_iter().flatten().rev().filter(before).find_map(open);
        let elsewhere = |op_id: &&OpId| !unit.op_ids.contains(*op_id);
        let named = operation.after.iter().chain(&operation.depends_on).filter(elsewhere).find_map(open);
        match (on_document, named) {
            (Some(blocker), Some(other)) if other.holds && !blocker.holds => Some(other),
            (on_document, named) => on_document.or(named),
        }
    }

    fn put_into_queue(&mut self, index: usize, hold: Option<OpId>) {
        let Some(operation) = self.operation(index) else { return };
        let op_id = operation.op_id;
        let caller = self.request.caller;
        let key = operation.key.as_ref().map_or_else(|| format!("{}/", operation.collection), |key| key.as_str().to_owned());
        let (lane, rank) = self.urgency_of(operation);
        let staged = matches!(self.request.taking, Taking::Queue { staged: true });
        let state = match hold {
            Some(_) => ItemState::Held,
            None if staged => ItemState::Staged,
            None => ItemState::Ready,
        };
        let place = ItemPlace {
            op_id,
            identity: sha256(operation.identity_text().as_bytes()),
            space_id: operation.space_id,
            user_id: caller.user_id,
            device_id: caller.device_id,
            key: key.clone(),
            group: operation.group.clone(),
            seq: i64::MAX - 1,
            lane,
            rank,
            state,
            waits_for: hold,
            accepted_at: self.request.received_at,
            problem: None,
        };
        let result = self.told(op_id, &place);
        self.waiting.strands.entry(key).or_default().push(op_id);
        self.waiting.places.insert(op_id, place);
        if self.request.taken(op_id).is_some() {
            self.waiting.held.extend(hold.map(|root| (op_id, root)));
        } else {
            self.waiting.entries.push(Entry { index, hold, lane, rank });
        }
        self.results.insert(index, result);
    }

    /// What is answered about an operation that is in the queue.
    pub(super) fn told(&self, op_id: OpId, place: &ItemPlace) -> OperationResult {
        if !self.waiting.is_parked(place) {
            return OperationResult::new(op_id, Status::Queued, true);
        }
        let behind = place.waits_for.map(|root| {
            let detail = "what this builds on failed and waits in the dead letters; this waits with it, and goes on when that does";
            Problem::new(Code::PredecessorParked, detail).caused_by(root)
        });
        let problem = behind.or_else(|| place.problem.as_ref().and_then(RawJson::read));
        OperationResult { problem, ..OperationResult::new(op_id, Status::Parked, true) }
    }

    /// Lane and rank of an operation that is accepted now.
    fn urgency_of(&self, operation: &Operation) -> (i32, i64) {
        let lane = i32::from(priority::lane_of(&self.world.schema, operation));
        let factors = Factors {
            event_at: self.world.event_at,
            role: Some(self.world.role),
            size_bytes: operation.payload.to_string().len(),
            ..Factors::ordinary(lane, self.request.received_at)
        };
        (lane, priority::rank(&factors))
    }

    /// The items to store, in order, each as urgent as the most urgent that has to wait for it.
    fn items(&mut self, batch_id: BatchId, first: i64) -> Vec<(usize, QueueItem)> {
        self.hasten();
        let entries = std::mem::take(&mut self.waiting.entries);
        let item = |(entry, seq): (Entry, i64)| {
            let operation = self.operation(entry.index)?;
            let place = self.waiting.places.get(&operation.op_id)?;
            let payload = payload_of(operation);
            let item = QueueItem {
                organisation_id: self.request.caller.organisation_id,
                op_id: place.op_id,
                identity: place.identity,
                space_id: place.space_id,
                user_id: place.user_id,
                device_id: place.device_id,
                batch_id,
                seq,
                key: place.key.clone(),
                group: place.group.clone(),
                lane: entry.lane,
                rank: entry.rank,
                state: place.state,
                waits_for: entry.hold,
                attempts: 0,
                not_before: None,
                fence: None,
                size_bytes: i32::try_from(payload.as_str().len()).unwrap_or(i32::MAX),
                accepted_at: place.accepted_at,
                code: None,
                problem: None,
                payload,
                original: None,
            };
            Some((entry.index, item))
        };
        entries.into_iter().zip(first..).filter_map(item).collect()
    }

    /// Makes what is put into the queue as urgent as what comes after it there.
    fn hasten(&mut self) {
        let mut most: HashMap<String, (i32, i64)> = HashMap::new();
        let mut entries = std::mem::take(&mut self.waiting.entries);
        // once from behind for what comes after, then for the groups, and again for what those hasten
        for _ in 0..2 {
            for entry in entries.iter_mut().rev() {
                let Some(operation) = self.operation(entry.index) else { continue };
                let document = operation.key.as_ref().map(|key| format!("d{}", key.as_str()));
                let group = operation.group.as_ref().map(|group| format!("g{group}"));
                let own = format!("o{}", operation.op_id);
                let names = || document.iter().chain(&group).chain([&own]);
                for (lane, rank) in names().filter_map(|name| most.get(name)) {
                    (entry.lane, entry.rank) = (entry.lane.min(*lane), entry.rank.min(*rank));
                }
                let needed = operation.after.iter().chain(&operation.depends_on).map(|op_id| format!("o{op_id}"));
                for name in names().cloned().chain(needed) {
                    let known = most.entry(name).or_insert((entry.lane, entry.rank));
                    *known = (known.0.min(entry.lane), known.1.min(entry.rank));
                }
            }
        }
        self.waiting.entries = entries;
    }

    /// What is in the queue already and has to go before something more urgent: with that one's lane and rank.
    fn to_hasten(&self, items: &[(usize, QueueItem)]) -> BTreeMap<(i32, i64), Vec<OpId>> {
        let mut most: BTreeMap<OpId, (i32, i64)> = BTreeMap::new();
        for (index, item) in items {
            let on_document = self.waiting.strands.get(&item.key).into_iter().flatten().copied();
            let roots = item.waits_for.into_iter();
            let named =
                self.operation(*index).into_iter().flat_map(|operation| operation.after.iter().chain(&operation.depends_on).copied());
            for op_id in on_document.chain(roots).chain(named) {
                let slower = |place: &&ItemPlace| place.seq < i64::MAX - 1 && (place.rank > item.rank || place.lane > item.lane);
                if self.waiting.places.get(&op_id).as_ref().is_some_and(slower) {
                    let known = most.entry(op_id).or_insert((item.lane, item.rank));
                    *known = (known.0.min(item.lane), known.1.min(item.rank));
                }
            }
        }
        let mut by_rank: BTreeMap<(i32, i64), Vec<OpId>> = BTreeMap::new();
        for (op_id, urgency) in most {
            by_rank.entry(urgency).or_default().push(op_id);
        }
        by_rank
    }

    /// Stores what was put into the queue, and tells what that is.
    ///
    /// # Errors
    /// [`sync_core::ports::StoreError`].
    pub(crate) fn write_queue(&mut self, tx: &mut dyn Tx, batch: &Batch) -> StoreResult<Vec<AcceptedItem>> {
        if !self.waiting.is_filled() {
            return Ok(Vec::new());
        }
        let organisation_id = batch.caller.organisation_id;
        let space = tx.lock_queue_space(organisation_id, self.world.space_id)?;
        let items = self.items(batch.id, space.next_seq);
        for ((lane, rank), op_ids) in self.to_hasten(&items) {
            tx.hasten_items(organisation_id, &op_ids, lane, rank)?;
        }
        let items: Vec<QueueItem> = items.into_iter().map(|(_, item)| item).collect();
        tx.insert_items(&items)?;
        tx.put_queue_space(&enqueued(space, &items, self.request.received_at))?;
        let bytes: i64 = items.iter().map(|item| i64::from(item.size_bytes)).sum();
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let before = tx.load_batches(&[batch.id])?.pop();
        let batch = before.unwrap_or_else(|| batch.record());
        tx.put_batch(&QueueBatch { operations: batch.operations + count, bytes: batch.bytes + bytes, ..batch })?;
        Ok(items.iter().map(AcceptedItem::of).collect())
    }
}

/// An operation as sent, with the version of the schema in which it is said.
fn payload_of(operation: &Operation) -> RawJson {
    let mut payload = operation.payload.clone();
    if let (Some(payload), Some(version)) = (payload.as_object_mut(), operation.schema) {
        payload.insert("schema".into(), version.into());
    }
    RawJson::of(&payload)
}

/// When an event begins, as far as its urgency goes: at noon of its day.
pub(crate) fn noon_of(event_date: Option<&str>) -> Option<Timestamp> {
    Timestamp::parse(&format!("{}T12:00:00Z", event_date?))
}
