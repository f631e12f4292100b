//! Push, then pull, in one round trip.
//!
//! Each space of a request is one unit of work under the lock of its log: read in bulk, decide in memory, write in
//! bulk. A space whose database fails answers `waiting` for its operations; the others go on.

mod admit;
mod chained;
mod decide;
mod desk;
mod doc;
mod fates;
mod graph;
mod groups;
mod hidden;
mod intents;
mod lift;
mod live;
mod notices;
mod numbers;
mod overlay;
mod plan;
mod policies;
mod questions;
mod requests;
mod rows;
mod stored;
mod unit;
mod unread;
mod view;
mod waiting;
mod warnings;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sync_core::ports::{Signal, StoreError, Tx};
use sync_core::protocol::v1::{OperationResult, SyncRequest, SyncResponse};
use sync_core::{BatchId, Code, ConflictId, DocumentKey, SpaceId, Status};

pub(crate) use admit::Gate;
pub(crate) use decide::{Mode, Sent, decide};
pub(crate) use overlay::Overlay;
pub(crate) use plan::Plan;
pub(crate) use policies::Settings;
pub(crate) use questions::Asker;
pub(crate) use unit::{Batch, Decided, Taken, Taking, decide_space};
use unread::Unread;
pub(crate) use unread::refused;
pub(crate) use world::NewState;

pub(crate) mod working {
    //! The working state, for resolutions.
    pub(crate) use super::intents::{Answered, Told, add_answers, answer as answer_shift, load_answers, shift_of};
    pub(crate) use super::lift::lifted;
    pub(crate) use super::overlay::payload_of;
    pub(crate) use super::questions::{close, live_value, refresh, reopen, settle};
    pub(crate) use super::rows::{load_conflict_documents, load_documents, load_people, write};
    pub(crate) use super::stored::{Origin, load_known};
    pub(crate) use super::warnings::Warnings;
    pub(crate) use super::world::{Doc, Known, World, documents_of};
}
use crate::access;
use crate::audit;
use crate::devices::{Arrival, Visit};
use crate::pull::{Pulled, Pushed};
use crate::queue::is_own_fault;
use crate::{Caller, Service, ServiceError, ServiceResult};

/// Documents of a space that a request changed: from which version, and whether only by operations that applied as sent.
pub(crate) type OwnChanges = BTreeMap<DocumentKey, (i64, i64, bool)>;

/// How often a request comes back to spaces for what waits on another space: what is left then stays waiting, and is
/// sent again.
const MAX_ROUNDS: usize = 4;

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
        let batch = Arc::new(Batch {
            caller: *caller,
            plan: Plan::new(&request.operations),
            taking: self.taking_of(request.operations.len(), request.bytes),
            hidden: BTreeSet::new(),
            operations: request.operations,
            epochs: request.epochs,
            sent_at: request.sent_at,
            arrived_at: received_at,
            received_at,
            id: BatchId(self.entropy.uuid_v7(received_at)),
        });
        let (mut results, own) = self.push(&batch).await?;
        if results.iter().any(|result| matches!(result.status, Status::Queued | Status::Parked)) {
            self.seal(batch.id).await;
        }
        let (answers, failure) = self.answer(caller, request.resolutions).await;
        results.extend(answers);
        if let Some(error) = failure.filter(|error| results.iter().all(waits) && !is_read_only(error)) {
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
        let audit = match request.audit {
            None => None,
            Some(gossip) => Some(self.gossip(caller, gossip).await.unwrap_or_else(|error| audit::untold(&error))),
        };
        Ok(SyncResponse { results, receipts, changes: pulled.changes, server_time: self.now(), next, audit, wipe: None })
    }

    pub(crate) async fn push(&self, batch: &Arc<Batch>) -> ServiceResult<(Vec<OperationResult>, HashMap<SpaceId, OwnChanges>)> {
        let mut results: BTreeMap<usize, OperationResult> = refused(batch, batch.plan.refused.keys()).into_iter().collect();
        let mut unread = Unread::of(batch);
        let mut own: HashMap<SpaceId, OwnChanges> = HashMap::new();
        let mut open: BTreeSet<usize> = (0..batch.plan.units.len()).collect();
        let mut failure = None;
        for _ in 0..MAX_ROUNDS {
            let before = open.len();
            for (space_id, units) in by_space(&batch.plan, &open) {
                let unstored = results.iter().filter(|(_, result)| result.status == Status::Rejected && !result.held);
                let work = Work { unstored: unstored.map(|(index, _)| *index).collect(), unread: unread.take(space_id), units };
                let units = &work.units;
                match self.push_or_queue(batch, space_id, &work).await {
                    Ok(decided) => {
                        self.counters.opened(decided.opened);
                        self.tell(batch, space_id, &decided);
                        let waits = |unit: &usize| members(&batch.plan, *unit).any(|index| decided.results.get(&index).is_some_and(waits));
                        open.retain(|unit| !units.contains(unit) || waits(unit));
                        results.extend(decided.results);
                        add_own(own.entry(space_id).or_default(), decided.own);
                    }
                    Err(error) => {
                        open.retain(|unit| !units.contains(unit));
                        let places = units.iter().flat_map(|unit| members(&batch.plan, *unit));
                        results.extend(undecided(batch, places.chain(work.unread.iter().copied()), &error));
                        failure = Some(error);
                    }
                }
            }
            // another round only for what waits on something that a later space has decided meanwhile
            if open.is_empty() || open.len() == before {
                break;
            }
        }
        let left = unread.places();
        if let Err(error) = self.record_unread(batch, unread).await {
            results.extend(undecided(batch, left.into_iter(), &error));
            failure = Some(error);
        }
        match failure {
            Some(error) if results.values().all(waits) && !is_read_only(&error) => Err(error),
            _ => Ok((in_order(batch, results), own)),
        }
    }

    /// Decides a space's units. Where that breaks on one of them, all go into the queue: there it shows which, and the
    /// others go on. Where it can't be written, it may be for an id that was used where the sender sees nothing.
    async fn push_or_queue(&self, batch: &Arc<Batch>, space_id: SpaceId, work: &Work) -> ServiceResult<Decided> {
        match self.push_space(batch, space_id, work.clone()).await {
            Err(ServiceError::Store(error)) if matches!(batch.taking, Taking::Decide) && is_own_fault(&error) => {
                tracing::warn!(space.id = %space_id, %error, "a push broke; it goes into the queue, where what is at fault is told apart");
                self.push_space(&Arc::new(batch.queued()), space_id, work.clone()).await
            }
            Err(ServiceError::Store(error @ StoreError::Busy(_))) => {
                let ids = batch.operations.iter().map(|received| received.op_id).collect();
                let hidden = self.find_hidden(&batch.caller, ids).await?;
                if hidden.is_empty() {
                    return Err(error.into());
                }
                self.push_space(&Arc::new(batch.without(hidden)), space_id, work.clone()).await
            }
            outcome => outcome,
        }
    }

    async fn push_space(&self, batch: &Arc<Batch>, space_id: SpaceId, Work { units, unstored, unread }: Work) -> ServiceResult<Decided> {
        let batch = Arc::clone(batch);
        let entropy = Arc::clone(&self.entropy);
        let (received_at, terms, records) = (batch.received_at, batch.caller.write(), self.records_pushes);
        let ids = Arc::clone(&entropy);
        let mut new_id = move || ConflictId(ids.uuid_v7(received_at));
        let work = move |tx: &mut dyn Tx| {
            let standing = access::lock(tx, &batch.caller, space_id)?;
            access::require_writable(tx, &batch.caller)?;
            let decided = decide_space(tx, &batch, (space_id, standing), (&units, &unstored), &mut new_id)?;
            if records {
                audit::write(tx, &*entropy, received_at, audit::of_push(&batch, space_id, &decided, &unread))?;
            }
            Ok(decided)
        };
        self.decide(terms, work).await
    }
}

/// What of a request is decided in one space.
#[derive(Clone)]
struct Work {
    /// Places in the plan.
    units: Vec<usize>,
    /// Operations that were refused before, and are not stored.
    unstored: BTreeSet<usize>,
    /// Those of them that are refused for their form, and that this space's record is to tell of.
    unread: Vec<usize>,
}

impl Service {
    /// Tells who listens, and who counts, what a unit of work of a request did.
    fn tell(&self, batch: &Batch, space_id: SpaceId, decided: &Decided) {
        let mut signals = Vec::new();
        if decided.grew {
            signals.push(Signal::Space(space_id));
        }
        if !decided.queued.is_empty() {
            self.recorder.accepted(&decided.queued, batch.received_at);
            signals.extend([Signal::Queue, Signal::Batch(batch.caller.device_id, batch.id)]);
        }
        if !signals.is_empty() {
            self.broadcaster().publish(&signals);
        }
    }
}

/// Whether a tenant takes nothing now: what it asks to read is read all the same.
pub(crate) fn is_read_only(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Problem(problem) if problem.code == Code::OrganisationReadOnly)
}

/// Adds what a space's unit of work changed to what earlier rounds of the request changed there.
fn add_own(all: &mut OwnChanges, decided: OwnChanges) {
    for (key, (before, version, plain)) in decided {
        // an earlier round of this request may have changed it first
        let first = all.get(&key).copied().unwrap_or((before, version, true));
        all.insert(key, (first.0, version, first.2 && plain));
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

fn undecided(batch: &Batch, indexes: impl Iterator<Item = usize>, error: &ServiceError) -> Vec<(usize, OperationResult)> {
    let problem = error.problem();
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
