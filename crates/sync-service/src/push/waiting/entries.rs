//! Items of the queue in the making: what an operation becomes that is put there, and how urgent it is.

use std::collections::{BTreeMap, HashMap};

use queue::priority::{self, Factors};
use sync_core::json::RawJson;
use sync_core::ports::{BatchState, ItemPlace, ItemState, QueueBatch, QueueItem, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::OperationResult;
use sync_core::{BatchId, Code, OpId, Operation, Problem, Status};

use super::{Entry, Waiting};
use crate::digest::sha256;
use crate::push::desk::Desk;
use crate::push::hidden::reused;
use crate::push::unit::{Batch, Taking};
use crate::queue::enqueued;
use crate::queue::recorder::AcceptedItem;

impl Desk<'_> {
    pub(super) fn put_into_queue(&mut self, index: usize, hold: Option<OpId>) {
        let Some(operation) = self.operation(index) else { return };
        let op_id = operation.op_id;
        let caller = self.request.caller;
        let key = operation.key.as_ref().map_or_else(|| format!("{}/", operation.collection), |key| key.as_str().to_owned());
        let (lane, rank) = self.urgency_of(operation);
        let staged = matches!(self.request.taking, Taking::Queue { staged: true });
        let state = match hold {
            _ if staged => ItemState::Staged,
            Some(_) => ItemState::Held,
            None => ItemState::Ready,
        };
        let follows = self.follows(index, operation);
        let place = ItemPlace {
            op_id,
            identity: sha256(operation.identity_text().as_bytes()),
            space_id: operation.space_id,
            user_id: caller.user_id,
            device_id: caller.device_id,
            batch_id: self.request.batch_id,
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
            self.waiting.entries.push(Entry { index, hold, follows, lane, rank });
        }
        self.results.insert(index, result);
    }

    /// What an operation comes after by its place alone: the one before it on its document in the same request. Workers
    /// may decide them apart.
    fn follows(&self, index: usize, operation: &Operation) -> Option<OpId> {
        let key = operation.key.as_ref().filter(|_| operation.after.is_none())?;
        let in_request = || self.operation(*self.request.plan.before.get(&index)?).map(|before| before.op_id);
        self.waiting.before_in_batch(key.as_str(), self.request.batch_id).or_else(in_request)
    }

    /// Answers an operation that was put into the queue before.
    pub(crate) fn answer_queued(&mut self, index: usize, operation: &Operation) -> bool {
        let place = self.waiting.place(operation.op_id).filter(|_| self.request.taken(operation.op_id).is_none());
        let Some(place) = place else { return false };
        let same = place.user_id == self.request.caller.user_id && place.identity == sha256(operation.identity_text().as_bytes());
        let result = if same { self.told(operation.op_id, place) } else { reused(operation.op_id) };
        self.results.insert(index, result);
        true
    }

    /// What is answered about an operation that is in the queue.
    pub(crate) fn told(&self, op_id: OpId, place: &ItemPlace) -> OperationResult {
        if Waiting::is_unsure(place, self.request.batch_id) {
            let detail =
                "it is part of a batch that is all or nothing and not complete; keep it, and send it again when that one was answered";
            let problem = Some(Problem::new(Code::NotHereYet, detail));
            return OperationResult { problem, ..OperationResult::new(op_id, Status::Waiting, false) };
        }
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
            let payload = payload_of(operation, entry.follows);
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
        let mut of_document: HashMap<&str, (i32, i64)> = HashMap::new();
        for (_, item) in items {
            let known = of_document.entry(&item.key).or_insert((item.lane, item.rank));
            *known = (known.0.min(item.lane), known.1.min(item.rank));
        }
        let mut note = |op_id: OpId, (lane, rank): (i32, i64)| {
            let slower = |place: &&ItemPlace| place.seq < i64::MAX - 1 && (place.rank > rank || place.lane > lane);
            if self.waiting.places.get(&op_id).as_ref().is_some_and(slower) {
                let known = most.entry(op_id).or_insert((lane, rank));
                *known = (known.0.min(lane), known.1.min(rank));
            }
        };
        for (key, urgency) in of_document {
            self.waiting.strands.get(key).into_iter().flatten().for_each(|op_id| note(*op_id, urgency));
        }
        for (index, item) in items {
            let roots = item.waits_for.into_iter();
            let named =
                self.operation(*index).into_iter().flat_map(|operation| operation.after.iter().chain(&operation.depends_on).copied());
            roots.chain(named).for_each(|op_id| note(op_id, (item.lane, item.rank)));
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
        if batch.state == BatchState::Refused {
            return Err(StoreError::Unavailable("the batch was taken back meanwhile".into()));
        }
        tx.put_batch(&QueueBatch { operations: batch.operations + count, bytes: batch.bytes + bytes, ..batch })?;
        Ok(items.iter().map(AcceptedItem::of).collect())
    }
}

/// An operation as sent, with what its request said of it: the version of the schema in which it is said, and what it
/// comes after.
fn payload_of(operation: &Operation, follows: Option<OpId>) -> RawJson {
    let mut payload = operation.payload.clone();
    if let Some(payload) = payload.as_object_mut() {
        payload.extend(operation.schema.map(|version| ("schema".to_owned(), version.into())));
        payload.extend(follows.map(|op_id| ("after".to_owned(), op_id.to_string().into())));
    }
    RawJson::of(&payload)
}
