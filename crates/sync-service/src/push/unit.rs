//! One unit of work of a push: a space's operations, read in bulk, decided in memory, written in bulk. A request makes
//! one for each of its spaces, a worker one for what it took from the queue: both are decided here, by the same code.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use merge_engine::Actor;
use sync_core::json::RawJson;
use sync_core::operation::Kind;
use sync_core::ports::{BatchState, Head, QueueBatch, StoreError, StoreResult, Tx};
use sync_core::protocol::v1::{OperationResult, Received};
use sync_core::{BatchId, ConflictId, DocumentKey, OpId, Operation, Role, Schema, SpaceId, Timestamp};

use super::admit::Gate;
use super::desk::{Desk, Request};
use super::plan::{Plan, Unit};
use super::policies::Settings;
use super::waiting::{Waiting, noon_of};
use super::warnings::Warnings;
use super::world::World;
use super::{OwnChanges, intents, requests, rows, stored};
use crate::Caller;
use crate::access::Standing;
use crate::epochs::{Named, Shared};
use crate::queue::recorder::AcceptedItem;
use crate::view::View;

/// What a unit of work is about; shared, because a job may run again.
pub(crate) struct Batch {
    pub(crate) caller: Caller,
    pub(crate) operations: Vec<Received<Operation>>,
    pub(crate) plan: Plan,
    pub(crate) epochs: Named,
    pub(crate) sent_at: Option<Timestamp>,
    /// When it reached the server: the device's times are corrected by this.
    pub(crate) arrived_at: Timestamp,
    /// When it is decided, or put into the queue.
    pub(crate) received_at: Timestamp,
    pub(crate) taking: Taking,
    /// Ids that are used where the sender sees nothing.
    pub(crate) hidden: BTreeSet<OpId>,
    /// Under which id its operations are put into the queue, if any are.
    pub(crate) id: BatchId,
}

/// What becomes of operations that may go on.
#[derive(Debug)]
pub(crate) enum Taking {
    /// They are decided.
    Decide,
    /// They are put into the queue.
    Queue {
        /// For nobody to take before their batch is complete.
        staged: bool,
    },
    /// They were in the queue, and are decided now.
    Work(HashMap<OpId, Taken>),
}

/// What is known of an operation that was taken from the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Of what was sent, whatever was edited since.
    pub(crate) identity: [u8; 32],
    pub(crate) seq: i64,
    pub(crate) attempts: i32,
    pub(crate) accepted_at: Timestamp,
}

impl Batch {
    /// The same, for the queue.
    pub(super) fn queued(&self) -> Self {
        Self { taking: Taking::Queue { staged: false }, ..self.without(self.hidden.clone()) }
    }

    /// The same, of which these ids are used where its sender sees nothing. It was not taken from the queue.
    pub(super) fn without(&self, hidden: BTreeSet<OpId>) -> Self {
        let staged = matches!(self.taking, Taking::Queue { staged: true });
        Self {
            taking: if matches!(self.taking, Taking::Decide) { Taking::Decide } else { Taking::Queue { staged } },
            hidden,
            caller: self.caller,
            operations: self.operations.clone(),
            plan: Plan::new(&self.operations),
            epochs: self.epochs.clone(),
            sent_at: self.sent_at,
            arrived_at: self.arrived_at,
            received_at: self.received_at,
            id: self.id,
        }
    }

    /// Its record in the queue, before anything is counted.
    pub(crate) fn record(&self) -> QueueBatch {
        let Caller { organisation_id, user_id, device_id, .. } = self.caller;
        QueueBatch {
            batch_id: self.id,
            organisation_id,
            user_id,
            device_id,
            sent_at: self.sent_at,
            received_at: self.arrived_at,
            epochs: RawJson::of(&self.epochs),
            atomic: false,
            state: BatchState::Open,
            operations: 0,
            bytes: 0,
            decided: 0,
            decided_bytes: 0,
            finished_at: None,
        }
    }
}

/// What became of one space's operations.
#[derive(Default)]
pub(crate) struct Decided {
    pub(crate) results: BTreeMap<usize, OperationResult>,
    pub(crate) own: OwnChanges,
    /// Whether the log grew.
    pub(crate) grew: bool,
    /// Conflicts that were opened.
    pub(crate) opened: u64,
    /// What was put into the queue.
    pub(crate) queued: Vec<AcceptedItem>,
    /// What was taken from the queue and has to go on waiting, with what it waits for.
    pub(crate) held: HashMap<OpId, OpId>,
}

/// Decides a space's units in one transaction, as its sender stands under the lock of the log. `unstored` are operations of
/// the request that were refused before.
pub(crate) fn decide_space(
    tx: &mut dyn Tx,
    batch: &Batch,
    (space_id, standing): (SpaceId, Standing),
    (units, unstored): (&[usize], &BTreeSet<usize>),
    new_conflict_id: &mut dyn FnMut() -> ConflictId,
) -> StoreResult<Decided> {
    let units: Vec<&Unit> = units.iter().filter_map(|unit| batch.plan.units.get(*unit)).collect();
    let Loaded { gate, world, waiting } = load(tx, batch, (space_id, standing), &units)?;
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
        arrived_at: batch.arrived_at,
        sent_at: batch.sent_at,
        taking: &batch.taking,
        hidden: &batch.hidden,
        batch_id: batch.id,
        unstored,
    };
    let mut opened = 0;
    let mut open_conflict = || {
        opened += 1;
        new_conflict_id()
    };
    let mut desk = Desk::new(&request, world, gate, (closed_groups, waiting), &mut open_conflict);
    for unit in units {
        desk.decide_unit(unit);
    }
    desk.answer_repeated();
    desk.finish_questions(tx)?;
    desk.show_documents();
    Warnings::check(tx, &desk.world, batch.caller.organisation_id)?.tell(desk.results.values_mut());
    let mut stored = stored::rows_to_store(&desk.world.known, &desk.fresh);
    rows::write(tx, &mut desk.world, batch.caller.organisation_id, &mut stored)?;
    let own = own_changes(&desk);
    let grew = desk.world.head > desk.world.head_before;
    let queued = desk.write_queue(tx, batch)?;
    let (results, held) = (desk.results, desk.waiting.held);
    Ok(Decided { results, own, grew, opened, queued, held })
}

/// What the units of a space are decided against.
struct Loaded {
    gate: Gate,
    world: World,
    waiting: Waiting,
}

/// Reads all that the units of a space are decided against.
fn load(tx: &mut dyn Tx, batch: &Batch, (space_id, standing): (SpaceId, Standing), units: &[&Unit]) -> StoreResult<Loaded> {
    let (gate, mut world, reads) = enter(tx, batch, (space_id, standing))?;
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
    let waiting = Waiting::load(tx, batch, space_id, &operations, &named.iter().copied().collect::<Vec<_>>())?;
    world.known = stored::load_known(tx, batch.caller.organisation_id, &world.schema, named)?;
    if reads && !matches!(batch.taking, Taking::Queue { .. }) {
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
    Ok(Loaded { gate, world, waiting })
}

/// What a sender of this standing meets; the last part says whether they are a member.
fn enter(tx: &mut dyn Tx, batch: &Batch, (space_id, standing): (SpaceId, Standing)) -> StoreResult<(Gate, World, bool)> {
    let nobody = View::whole(&Schema::open(), (Role::Viewer, batch.caller.user_id));
    let closed = |head| World::new(space_id, nobody, head, Shared::all(head));
    let nowhere = Head::of_empty(uuid::Uuid::nil());
    match standing {
        Standing::Unknown => Ok((Gate::of_stranger(), closed(nowhere), false)),
        Standing::Former(access) => Ok((Gate::of_former_member(), closed(access.head), false)),
        Standing::Member(access) => {
            let head = access.head;
            let schema = Schema::of_space(access.space.schema.as_deref());
            let schema = schema.ok_or_else(|| StoreError::Damaged(format!("the schema of space {space_id}")))?;
            let shared = Shared::of(tx, space_id, head, batch.epochs.get(&space_id))?;
            let view = View::of(&access, &schema, batch.caller.user_id);
            let mut world = World::new(space_id, view, head, shared);
            world.sender = Some(batch.caller.device_id);
            world.event_at = noon_of(access.space.event_date.as_deref());
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
        Some((key.clone(), (desk.world.seen_at_first(key, doc), desk.world.seen_version(key, doc), *plain)))
    };
    desk.changed.iter().filter(|(key, _)| !rows::is_conflict(key)).filter_map(change).collect()
}
