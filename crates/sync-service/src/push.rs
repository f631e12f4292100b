//! Push, then pull, in one round trip.
//!
//! Each space of a request is one unit of work under the lock of its log: read in bulk, decide in memory, write in
//! bulk. A space whose database fails answers `waiting` for its operations; the others go on.

mod admit;
mod decide;
mod desk;
mod doc;
mod graph;
mod groups;
mod intents;
mod lift;
mod live;
mod notices;
mod overlay;
mod plan;
mod policies;
mod questions;
mod requests;
mod rows;
mod stored;
mod view;
mod warnings;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use merge_engine::Actor;
use sync_core::operation::Kind;
use sync_core::ports::{Access, Head, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::{OperationResult, Received, SyncRequest, SyncResponse};
use sync_core::{ConflictId, DocumentKey, OpId, Operation, Role, Schema, SpaceId, Status, Timestamp};

pub(crate) use admit::Gate;
pub(crate) use decide::{Mode, Sent, decide};
use desk::{Desk, Request};
pub(crate) use overlay::Overlay;
use plan::{Plan, Unit};
pub(crate) use policies::Settings;
pub(crate) use questions::Asker;
use warnings::Warnings;
pub(crate) use world::NewState;
use world::World;

pub(crate) mod working {
    //! The working state, for resolutions.
    pub(crate) use super::intents::{Answered, Told, add_answers, answer as answer_shift, load_answers, shift_of};
    pub(crate) use super::lift::lifted;
    pub(crate) use super::overlay::payload_of;
    pub(crate) use super::questions::{close, live_value, refresh, reopen, settle};
    pub(crate) use super::rows::{load_conflict_documents, load_documents, load_people, shown, write};
    pub(crate) use super::stored::{Origin, load_known};
    pub(crate) use super::warnings::Warnings;
    pub(crate) use super::world::{Doc, Known, World, documents_of};
}
use crate::access::{self, Standing};
use crate::devices::{Arrival, Visit};
use crate::epochs::{Named, Shared};
use crate::pull::{Pulled, Pushed};
use crate::{Caller, Service, ServiceError, ServiceResult};

/// Documents of a space that a request changed: from which version, and whether only by operations that applied as sent.
pub(crate) type OwnChanges = BTreeMap<DocumentKey, (i64, i64, bool)>;

/// How often a request comes back to spaces for what waits on another space: what is left then stays waiting, and is
/// sent again.
const MAX_ROUNDS: usize = 4;

/// What a job needs; shared, because a job may run again.
struct Batch {
    caller: Caller,
    operations: Vec<Received<Operation>>,
    plan: Plan,
    epochs: Named,
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
}

/// What became of one space's operations.
#[derive(Default)]
struct Decided {
    results: BTreeMap<usize, OperationResult>,
    own: OwnChanges,
    /// Conflicts that were opened.
    opened: u64,
}

impl Service {
    /// Takes a request's operations and resolutions, then reads what it asks for.
    ///
    /// # Errors
    /// A problem only when nothing of the request was decided.
    pub async fn sync(&self, caller: &Caller, request: SyncRequest) -> ServiceResult<SyncResponse> {
        self.sync_arrived(caller, request, Arrival::default()).await
    }

    /// [`Self::sync`], of which is known how it came.
    ///
    /// # Errors
    /// A problem only when nothing of the request was decided.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn sync_arrived(&self, caller: &Caller, request: SyncRequest, arrival: Arrival) -> ServiceResult<SyncResponse> {
        let received_at = self.now();
        let visit = Visit::of(&request, arrival, received_at);
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
        let (answers, failure) = self.answer(caller, request.resolutions).await;
        results.extend(answers);
        if let Some(error) = failure.filter(|_| results.iter().all(waits)) {
            return Err(error);
        }
        self.counters.answered(&results);
        let decided = !results.is_empty();
        let receipts = if request.ask.is_empty() {
            Ok(Vec::new())
        } else {
            self.receipts(caller, request.ask).await.map(|receipts| receipts.receipts)
        };
        // what was decided is told, even where nothing can be read any more
        let receipts = if decided { receipts.unwrap_or_default() } else { receipts? };
        let pulled = match request.pull {
            None => Pulled::default(),
            Some(pull) => match self.pull(caller, pull.clone(), Pushed { own, epochs: batch.epochs.clone() }).await {
                Err(error) if decided => Pulled::failed(&pull, &error.problem()),
                pulled => pulled?,
            },
        };
        let next = self.note_visit(caller, &visit, &pulled);
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
        for _ in 0..MAX_ROUNDS {
            let before = open.len();
            for (space_id, units) in by_space(&batch.plan, &open) {
                let unstored = results.iter().filter(|(_, result)| result.status == Status::Rejected && !result.held);
                let unstored = unstored.map(|(index, _)| *index).collect();
                match self.push_space(batch, space_id, units.clone(), unstored).await {
                    Ok(decided) => {
                        self.counters.opened(decided.opened);
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
            Some(error) if results.values().all(waits) => Err(error),
            _ => Ok((in_order(batch, results), own)),
        }
    }

    async fn push_space(
        &self,
        batch: &Arc<Batch>,
        space_id: SpaceId,
        units: Vec<usize>,
        unstored: BTreeSet<usize>,
    ) -> ServiceResult<Decided> {
        let batch = Arc::clone(batch);
        let entropy = Arc::clone(&self.entropy);
        let received_at = batch.received_at;
        let mut new_id = move || ConflictId(entropy.uuid_v7(received_at));
        let work = move |tx: &mut dyn Tx| {
            access::require_session(tx, &batch.caller)?;
            Ok(decide_space(tx, &batch, space_id, (&units, &unstored), &mut new_id)?)
        };
        self.decide(Access::Write, work).await
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

fn undecided(batch: &Batch, units: &[usize], error: &ServiceError) -> Vec<(usize, OperationResult)> {
    let problem = error.problem();
    let indexes = units.iter().flat_map(|unit| members(&batch.plan, *unit));
    let result = |index: usize| {
        let op_id = batch.operations.get(index)?.op_id;
        Some((index, OperationResult { problem: Some(problem.clone()), ..OperationResult::new(op_id, Status::Waiting, false) }))
    };
    indexes.filter_map(result).collect()
}

/// One result for each operation, in their order. A repeated id whose first appearance could not be decided waits with
/// it.
fn in_order(batch: &Batch, mut results: BTreeMap<usize, OperationResult>) -> Vec<OperationResult> {
    for (index, first) in &batch.plan.repeated {
        if let Some(answer) = results.get(first).cloned() {
            results.entry(*index).or_insert(answer);
        }
    }
    results.into_values().collect()
}

/// Decides a space's units in one transaction. `unstored` are operations of the request that were refused before.
fn decide_space(
    tx: &mut dyn Tx,
    batch: &Batch,
    space_id: SpaceId,
    (units, unstored): (&[usize], &BTreeSet<usize>),
    new_conflict_id: &mut dyn FnMut() -> ConflictId,
) -> StoreResult<Decided> {
    let units: Vec<&Unit> = units.iter().filter_map(|unit| batch.plan.units.get(*unit)).collect();
    let (gate, world) = load(tx, batch, space_id, &units)?;
    let groups: BTreeSet<String> = units.iter().filter_map(|unit| unit.group.clone()).collect();
    let closed_groups = if groups.is_empty() {
        Vec::new()
    } else {
        tx.find_groups(batch.caller.organisation_id, batch.caller.user_id, &groups.into_iter().collect::<Vec<_>>())?
    };
    let request = Request {
        caller: batch.caller,
        operations: &batch.operations,
        plan: &batch.plan,
        received_at: batch.received_at,
        sent_at: batch.sent_at,
        unstored,
    };
    let mut opened = 0;
    let mut open_conflict = || {
        opened += 1;
        new_conflict_id()
    };
    let mut desk = Desk::new(&request, world, gate, closed_groups, &mut open_conflict);
    for unit in units {
        desk.decide_unit(unit);
    }
    desk.answer_repeated();
    desk.finish_questions(tx)?;
    desk.show_documents();
    Warnings::check(tx, &desk.world, batch.caller.organisation_id)?.tell(desk.results.values_mut());
    let stored = stored::rows_to_store(&desk.world.known, &desk.fresh);
    rows::write(tx, &mut desk.world, batch.caller.organisation_id, &stored)?;
    let own = own_changes(&desk);
    let results = desk.results;
    Ok(Decided { results, own, opened })
}

/// Reads all that the units of a space are decided against.
fn load(tx: &mut dyn Tx, batch: &Batch, space_id: SpaceId, units: &[&Unit]) -> StoreResult<(Gate, World)> {
    let (gate, mut world, reads) = enter(tx, batch, space_id)?;
    let indexes: BTreeSet<usize> = units.iter().flat_map(|unit| unit.members.iter().copied()).collect();
    let operation = |index: &usize| batch.operations.get(*index).and_then(|received| received.content.as_ref().ok());
    let operations: Vec<&Operation> = indexes.iter().filter_map(operation).collect();
    let mut named: BTreeSet<OpId> = operations
        .iter()
        .flat_map(|operation| operation.depends_on.iter().chain(&operation.after).copied().chain([operation.op_id]))
        .collect();
    for index in &indexes {
        // an earlier round of this request may have decided the predecessor
        let mut place = *index;
        while let Some(before) = batch.plan.before.get(&place).filter(|before| !indexes.contains(*before)) {
            named.extend(operation(before).map(|operation| operation.op_id));
            place = *before;
        }
    }
    world.known = stored::load_known(tx, batch.caller.organisation_id, &world.schema, named)?;
    if reads {
        let decides = matches!(gate, Gate::Open);
        let mut bases = bases(&world, &operations, decides);
        if decides {
            requests::add_to(tx, &world, &mut bases)?;
            intents::add_to(tx, &mut world, operations.iter().copied(), &mut bases)?;
        }
        rows::load_documents(tx, &mut world, &bases)?;
        rows::load_people(tx, &mut world)?;
        let shifts = operations.iter().any(|operation| operation.kind == Kind::Intent);
        intents::load_movers(tx, &mut world, batch.caller.organisation_id, shifts)?;
    }
    Ok((gate, world))
}

/// Checks the sender's standing, under the lock of the log where they are a member; the last part says whether they are.
fn enter(tx: &mut dyn Tx, batch: &Batch, space_id: SpaceId) -> StoreResult<(Gate, World, bool)> {
    let closed = |head| World::new(space_id, Schema::open(), Role::Viewer, head, Shared::all(head));
    let nowhere = Head::of_empty(uuid::Uuid::nil());
    match access::lock(tx, &batch.caller, space_id)? {
        Standing::Unknown => Ok((Gate::of_stranger(), closed(nowhere), false)),
        Standing::Former(access) => Ok((Gate::of_former_member(), closed(access.head), false)),
        Standing::Member(access) => {
            let head = access.head;
            let schema = Schema::of_space(access.space.schema.as_deref());
            let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
            let shared = Shared::of(tx, space_id, head, batch.epochs.get(&space_id))?;
            let mut world = World::new(space_id, schema, access.member.role, head, shared);
            world.sender = Some(batch.caller.device_id);
            world.settings = Settings { values: access.space.settings() };
            world.people.sender = Some(Actor { user_id: batch.caller.user_id, role: access.member.role });
            Ok((Gate::of_member(&access), world, true))
        }
    }
}

/// For each document, the lowest version that an operation needs its history from; none where nothing will be decided.
fn bases(world: &World, operations: &[&Operation], decides: bool) -> BTreeMap<DocumentKey, i64> {
    let mut bases: BTreeMap<DocumentKey, i64> = BTreeMap::new();
    for operation in operations {
        let Some(key) = &operation.key else { continue };
        // where the base is not known, and where a create meets a document, all of its history tells who wrote what
        let known = world.knows(operation.base_version);
        let base = if !decides {
            i64::MAX
        } else if known {
            operation.base_version
        } else {
            0
        };
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
