//! Push, then pull, in one round trip.
//!
//! Each space of a request is one unit of work under the lock of its log: read in bulk, decide in memory, write in
//! bulk. A space whose database fails answers `waiting` for its operations; the others go on.

mod decide;
mod desk;
mod overlay;
mod plan;
mod questions;
mod rows;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sync_core::ports::{Access, StoreError, StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::{Next, OperationResult, Received, SyncRequest, SyncResponse};
use sync_core::{Code, ConflictId, DocumentKey, Operation, Problem, Role, Schema, SpaceId, Status, Timestamp};

pub(crate) use decide::{Mode, decide};
pub(crate) use desk::Gate;
use desk::{Desk, Request};
pub(crate) use overlay::Overlay;
use plan::{Plan, Unit};
pub(crate) use questions::Asker;
pub(crate) use world::NewState;
use world::World;

pub(crate) mod working {
    //! The working state, for resolutions.
    pub(crate) use super::questions::{close, refresh, settle};
    pub(crate) use super::rows::{load_conflict_documents, load_documents, load_known, shown, write};
    pub(crate) use super::world::World;
}
use crate::access::{self, Standing};
use crate::{Caller, Service, ServiceError, ServiceResult};

/// Documents of a space that a request changed: from which version, and whether only by operations that applied as sent.
pub(crate) type OwnChanges = BTreeMap<DocumentKey, (i64, i64, bool)>;

/// What a job needs; shared, because a job may run again.
struct Batch {
    caller: Caller,
    operations: Vec<Received<Operation>>,
    plan: Plan,
    epochs: BTreeMap<SpaceId, String>,
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
}

/// What became of one space's operations.
#[derive(Default)]
struct Decided {
    results: BTreeMap<usize, OperationResult>,
    own: OwnChanges,
}

impl Service {
    /// Takes a request's operations and resolutions, then reads what it asks for.
    ///
    /// # Errors
    /// A problem only when nothing of the request was decided.
    pub async fn sync(&self, caller: &Caller, request: SyncRequest) -> ServiceResult<SyncResponse> {
        let received_at = self.now();
        let plan = Plan::new(&request.operations);
        let batch = Arc::new(Batch {
            caller: *caller,
            operations: request.operations,
            plan,
            epochs: request.epochs,
            sent_at: request.sent_at,
            received_at,
        });
        let (mut results, own) = self.push(&batch).await?;
        results.extend(self.resolve(caller, request.resolutions).await?.results);
        let receipts = if request.ask.is_empty() { Vec::new() } else { self.receipts(caller, request.ask).await?.receipts };
        let pulled = match request.pull {
            Some(pull) => self.pull(caller, pull, own).await?,
            None => crate::pull::Pulled::default(),
        };
        let next = next_visit(&pulled, received_at);
        Ok(SyncResponse { results, receipts, changes: pulled.changes, server_time: self.now(), next })
    }

    async fn push(&self, batch: &Arc<Batch>) -> ServiceResult<(Vec<OperationResult>, HashMap<SpaceId, OwnChanges>)> {
        let mut results: BTreeMap<usize, OperationResult> = BTreeMap::new();
        for (index, problem) in &batch.plan.refused {
            if let Some(received) = batch.operations.get(*index) {
                results.insert(*index, OperationResult::refused(received.op_id, problem.clone()));
            }
        }
        let mut own: HashMap<SpaceId, OwnChanges> = HashMap::new();
        let mut open: BTreeSet<usize> = (0..batch.plan.units.len()).collect();
        let mut failure = None;
        loop {
            let before = open.len();
            for (space_id, units) in by_space(&batch.plan, &open) {
                match self.push_space(batch, space_id, units.clone()).await {
                    Ok(decided) => {
                        let waits = |unit: &usize| members(&batch.plan, *unit).any(|index| decided.results.get(&index).is_some_and(waits));
                        open.retain(|unit| !units.contains(unit) || waits(unit));
                        results.extend(decided.results);
                        let all = own.entry(space_id).or_default();
                        for (key, (before, version, plain)) in decided.own {
                            // an earlier round of this request may have changed it first
                            let first = all.get(&key).copied().unwrap_or((before, version, true));
                            all.insert(key, (first.0, version, first.2 && plain));
                        }
                    }
                    Err(error) => {
                        open.retain(|unit| !units.contains(unit));
                        results.extend(undecided(batch, &units, &error));
                        failure = Some(error);
                    }
                }
            }
            // another round only for what waits on something that a later space has decided meanwhile
            if open.is_empty() || open.len() == before {
                break;
            }
        }
        match failure {
            Some(error) if results.values().all(waits) => Err(error.into()),
            _ => Ok((in_order(batch, results), own)),
        }
    }

    async fn push_space(&self, batch: &Arc<Batch>, space_id: SpaceId, units: Vec<usize>) -> StoreResult<Decided> {
        let batch = Arc::clone(batch);
        let entropy = Arc::clone(&self.entropy);
        let received_at = batch.received_at;
        let mut new_id = move || ConflictId(entropy.uuid_v7(received_at));
        self.store.transact(Access::Write, move |tx| decide_space(tx, &batch, space_id, &units, &mut new_id)).await
    }
}

fn waits(result: &OperationResult) -> bool {
    result.status == Status::Waiting
}

fn members(plan: &Plan, unit: usize) -> impl Iterator<Item = usize> {
    plan.units.get(unit).into_iter().flat_map(|unit| unit.members.iter().copied())
}

fn by_space(plan: &Plan, open: &BTreeSet<usize>) -> BTreeMap<SpaceId, Vec<usize>> {
    let mut spaces: BTreeMap<SpaceId, Vec<usize>> = BTreeMap::new();
    for unit in open {
        if let Some(content) = plan.units.get(*unit) {
            spaces.entry(content.space_id).or_default().push(*unit);
        }
    }
    spaces
}

fn undecided(batch: &Batch, units: &[usize], error: &StoreError) -> Vec<(usize, OperationResult)> {
    let problem = ServiceError::Store(error.clone()).problem();
    let indexes = units.iter().flat_map(|unit| members(&batch.plan, *unit));
    let result = |index: usize| {
        let op_id = batch.operations.get(index)?.op_id;
        Some((index, OperationResult { problem: Some(problem.clone()), ..OperationResult::new(op_id, Status::Waiting, false) }))
    };
    indexes.filter_map(result).collect()
}

/// One result for each operation, in their order; a repeated id answers as a replay of its first appearance.
fn in_order(batch: &Batch, mut results: BTreeMap<usize, OperationResult>) -> Vec<OperationResult> {
    for (index, first) in &batch.plan.repeated {
        let (Some(received), Some(answer)) = (batch.operations.get(*index), results.get(first).cloned()) else { continue };
        let result = match batch.operations.get(*first) {
            Some(earlier) if same_identity(earlier, received) => as_replay(answer),
            _ => OperationResult::refused(
                received.op_id,
                Problem::new(
                    Code::OpIdReuse,
                    "this op_id stands earlier in the same request, for something else; give the operation a new one",
                ),
            ),
        };
        results.insert(*index, result);
    }
    results.into_values().collect()
}

fn same_identity(one: &Received<Operation>, other: &Received<Operation>) -> bool {
    match (&one.content, &other.content) {
        (Ok(one), Ok(other)) => one.identity_text() == other.identity_text(),
        (one, other) => one == other,
    }
}

fn as_replay(answer: OperationResult) -> OperationResult {
    if !answer.held || answer.status == Status::Duplicate {
        return answer;
    }
    OperationResult { was: Some(answer.status), status: Status::Duplicate, ..answer }
}

/// When to come again: at once while pages are left, soon on the day of an event, otherwise in a quarter of a minute.
fn next_visit(pulled: &crate::pull::Pulled, now: Timestamp) -> Next {
    let day = now.to_string();
    let today = day.get(..10).unwrap_or_default();
    let event_day = pulled.event_dates.iter().any(|date| date == today);
    let (sync_after_ms, reason) = match (pulled.changes.values().any(|changes| changes.has_more), event_day) {
        (true, true) => (0, "event_day"),
        (true, false) => (0, "idle"),
        (false, true) => (5_000, "event_day"),
        (false, false) => (15_000, "idle"),
    };
    Next { sync_after_ms, max_operations: 500, reason }
}

/// Decides a space's units in one transaction.
fn decide_space(
    tx: &mut dyn Tx,
    batch: &Batch,
    space_id: SpaceId,
    units: &[usize],
    new_conflict_id: &mut dyn FnMut() -> ConflictId,
) -> StoreResult<Decided> {
    let units: Vec<&Unit> = units.iter().filter_map(|unit| batch.plan.units.get(*unit)).collect();
    let operations: Vec<&Operation> = units
        .iter()
        .flat_map(|unit| unit.members.iter())
        .filter_map(|index| batch.operations.get(*index).and_then(|received| received.content.as_ref().ok()))
        .collect();
    let (gate, mut world) = enter(tx, batch, space_id)?;
    let head_before = world.head;
    let named =
        operations.iter().flat_map(|operation| operation.depends_on.iter().chain(&operation.after).copied().chain([operation.op_id]));
    world.known = rows::load_known(tx, batch.caller.organisation_id, named.collect())?;
    if matches!(gate, Gate::Open) {
        let bases = bases(&world, &operations);
        rows::load_documents(tx, &mut world, &bases)?;
    }
    let groups: BTreeSet<String> = units.iter().filter_map(|unit| unit.group.clone()).collect();
    let closed_groups = match groups.is_empty() {
        true => Vec::new(),
        false => tx.find_groups(batch.caller.organisation_id, batch.caller.user_id, &groups.into_iter().collect::<Vec<_>>())?,
    };
    let request = Request {
        caller: batch.caller,
        operations: &batch.operations,
        plan: &batch.plan,
        received_at: batch.received_at,
        sent_at: batch.sent_at,
    };
    let mut desk = Desk {
        request: &request,
        world,
        gate,
        closed_groups,
        new_conflict_id,
        results: BTreeMap::new(),
        fresh: Vec::new(),
        changed: BTreeMap::new(),
    };
    for unit in units {
        desk.decide_unit(unit);
    }
    desk.show_documents();
    let stored: Vec<StoredOperation> = desk.fresh.iter().filter_map(|op_id| Some(desk.world.known.get(op_id)?.row.clone())).collect();
    rows::write(tx, &desk.world, batch.caller.organisation_id, head_before, &stored)?;
    let own = own_changes(&desk);
    Ok(Decided { results: desk.results, own })
}

/// Checks the sender's standing, under the lock of the log where they may write.
fn enter(tx: &mut dyn Tx, batch: &Batch, space_id: SpaceId) -> StoreResult<(Gate, World)> {
    let mut standing = access::load(tx, &batch.caller, &[space_id])?.remove(&space_id).unwrap_or(Standing::Unknown);
    let mut head = None;
    if matches!(standing, Standing::Member(_)) {
        head = tx.lock_head(space_id)?;
        standing = access::load(tx, &batch.caller, &[space_id])?.remove(&space_id).unwrap_or(Standing::Unknown);
    }
    let closed = |head| World::new(space_id, Schema::open(), Role::Viewer, head, true);
    let nowhere = sync_core::ports::Head { version: 0, epoch: uuid::Uuid::nil() };
    match standing {
        Standing::Unknown => Ok((Gate::of_stranger(), closed(nowhere))),
        Standing::Former(access) => Ok((Gate::of_former_member(), closed(access.head))),
        Standing::Member(access) => {
            let head = head.unwrap_or(access.head);
            let schema = Schema::of_space(access.space.schema.as_deref());
            let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
            let epoch_fits = batch.epochs.get(&space_id).is_none_or(|epoch| *epoch == head.epoch.to_string());
            Ok((Gate::of_member(&access), World::new(space_id, schema, access.member.role, head, epoch_fits)))
        }
    }
}

/// For each document, the lowest version that an operation needs its history from; none where the base is not known.
fn bases(world: &World, operations: &[&Operation]) -> BTreeMap<DocumentKey, i64> {
    let mut bases: BTreeMap<DocumentKey, i64> = BTreeMap::new();
    for operation in operations {
        let Some(key) = &operation.key else { continue };
        let needs_history = world.knows(operation.base_version) && operation.kind != sync_core::Kind::Create;
        let base = if needs_history { operation.base_version } else { i64::MAX };
        bases.entry(key.clone()).and_modify(|lowest| *lowest = base.min(*lowest)).or_insert(base);
    }
    bases
}

fn own_changes(desk: &Desk<'_>) -> OwnChanges {
    let change = |(key, plain): (&DocumentKey, &bool)| {
        let doc = desk.world.docs.get(key)?;
        let before = doc.stored.map_or(0, |(version, _, _)| version);
        Some((key.clone(), (before, doc.version, *plain)))
    };
    desk.changed.iter().filter(|(key, _)| !rows::is_conflict(key)).filter_map(change).collect()
}
