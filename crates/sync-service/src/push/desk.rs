//! Deciding the units of one space in order, and keeping what came of them.

use std::collections::{BTreeMap, BTreeSet};

use merge_engine::{Decided, Decision, Proposal};
use serde_json::Value;
use sync_core::json::RawJson;
use sync_core::operation::Kind;
use sync_core::ports::{StoreResult, StoredOperation, Tx};
use sync_core::protocol::v1::{OperationResult, Received};
use sync_core::{Author, BatchId, Code, ConflictId, DocumentKey, OpId, Operation, Problem, Stamp, Status, Timestamp};

use super::admit::{Admitted, Chain, Gate, Stop};
use super::chained;
use super::decide::{Beside, Effect, Mode, Refusal, Sent, Target, decide};
use super::fates::Fates;
use super::hidden::reused;
use super::intents::Told;
use super::notices;
use super::plan::{Plan, Unit};
use super::questions::{self, Asker};
use super::requests::{self, Proposing};
use super::stored::Origin;
use super::unit::{Taken, Taking};
use super::waiting::Waiting;
use super::world::{Known, World};
use crate::Caller;
use crate::access::{self, Standing};
use crate::digest::sha256;
use crate::inbox::{at_hand, finish};

/// What every operation of a request shares.
pub(crate) struct Request<'a> {
    pub(crate) caller: Caller,
    pub(crate) operations: &'a [Received<Operation>],
    pub(crate) plan: &'a Plan,
    pub(crate) received_at: Timestamp,
    /// When it reached the server: the devices' times are corrected by this.
    pub(crate) arrived_at: Timestamp,
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) taking: &'a Taking,
    /// Ids that are used where the sender sees nothing.
    pub(crate) hidden: &'a BTreeSet<OpId>,
    /// Under which its operations are in the queue.
    pub(crate) batch_id: BatchId,
    /// Operations that were refused in an earlier round of the request, and not stored.
    pub(crate) unstored: &'a BTreeSet<usize>,
}

impl Request<'_> {
    /// What is known of an operation that was taken from the queue.
    pub(super) fn taken(&self, op_id: OpId) -> Option<&Taken> {
        match self.taking {
            Taking::Work(taken) => taken.get(&op_id),
            Taking::Decide | Taking::Queue { .. } => None,
        }
    }
}

/// Decides a space's units against its world.
pub(crate) struct Desk<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) world: World,
    pub(crate) gate: Gate,
    /// Groups that were stored before.
    pub(crate) closed_groups: Vec<String>,
    /// The queue, as far as it matters here.
    pub(super) waiting: Waiting,
    pub(crate) new_conflict_id: &'a mut dyn FnMut() -> ConflictId,
    pub(crate) results: BTreeMap<usize, OperationResult>,
    /// Decided here, in order: to be stored.
    pub(crate) fresh: Vec<OpId>,
    /// Documents changed here, and whether by nothing but operations that applied as sent.
    pub(crate) changed: BTreeMap<DocumentKey, bool>,
    /// Operations that brought a document back: their sender may not have its body any more.
    pub(super) brought_back: BTreeSet<usize>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        request: &'a Request<'a>,
        world: World,
        gate: Gate,
        (closed_groups, waiting): (Vec<String>, Waiting),
        new_conflict_id: &'a mut dyn FnMut() -> ConflictId,
    ) -> Self {
        let (results, fresh, changed, brought_back) = Default::default();
        Self { request, world, gate, closed_groups, waiting, new_conflict_id, results, fresh, changed, brought_back }
    }

    /// Decides one unit.
    pub(crate) fn decide_unit(&mut self, unit: &Unit) {
        let fresh: Vec<usize> = unit.members.iter().copied().filter(|index| !self.answer_known(*index)).collect();
        if let Some(group) = &unit.group {
            return self.decide_group(unit, group, &fresh);
        }
        if self.queue_unit(unit, &fresh) {
            return;
        }
        for index in fresh {
            if self.operation(index).is_some_and(|operation| operation.kind == Kind::Intent) {
                self.decide_intent(unit, index);
                continue;
            }
            match self.admit(unit, index).and_then(|admitted| self.effect_of(admitted)) {
                Ok((admitted, effect)) => self.commit(admitted, effect, None),
                Err(stop) => self.stop(index, stop, None),
            }
        }
    }

    pub(super) fn operation(&self, index: usize) -> Option<&'a Operation> {
        self.request.operations.get(index).and_then(|received| received.content.as_ref().ok())
    }

    /// Answers an operation whose id was stored before.
    fn answer_known(&mut self, index: usize) -> bool {
        let Some(operation) = self.operation(index) else { return true };
        if self.request.hidden.contains(&operation.op_id) {
            self.results.insert(index, reused(operation.op_id));
            return true;
        }
        let Some(known) = self.world.known.get(&operation.op_id) else { return self.answer_queued(index, operation) };
        let row = &known.row;
        let mut result = if row.user_id != self.request.caller.user_id || row.identity != sha256(operation.identity_text().as_bytes()) {
            reused(operation.op_id)
        } else {
            OperationResult {
                was: Some(row.status),
                decided_version: row.decided_version,
                conflict_id: row.conflict_id,
                problem: row.problem.as_ref().and_then(RawJson::read),
                proposed: row.decisions.as_ref().map(proposed_then).unwrap_or_default(),
                ..OperationResult::new(operation.op_id, Status::Duplicate, true)
            }
        };
        if let Some(told) = Told::of(row).filter(|_| result.held) {
            told.tell(&operation.collection, &mut result);
        }
        self.results.insert(index, result);
        true
    }

    /// Answers the later appearances of ids that stand earlier in the request.
    pub(crate) fn answer_repeated(&mut self) {
        for (index, first) in &self.request.plan.repeated {
            let (Some(operation), Some(earlier), Some(answer)) =
                (self.operation(*index), self.operation(*first), self.results.get(first).cloned())
            else {
                continue;
            };
            if self.answer_known(*index) {
                continue;
            }
            let detail = "this op_id stands earlier in the same request, for something else; give the operation a new one";
            let same = operation.identity_text() == earlier.identity_text();
            let reuse = || OperationResult::refused(operation.op_id, Problem::new(Code::OpIdReuse, detail));
            self.results.insert(*index, if same { answer } else { reuse() });
        }
    }

    pub(super) fn effect_of(&mut self, mut admitted: Admitted<'a>) -> Result<(Admitted<'a>, Effect), Stop> {
        self.world.remember(admitted.key, admitted.operation.base_version);
        let base_version = admitted.operation.base_version;
        admitted.origin.seen = self.world.may_have_seen(admitted.key, base_version).then_some(base_version);
        let (operation, key, overlay) = (admitted.said(), admitted.key, &admitted.overlay);
        let stamp = Stamp(admitted.stamp.0, admitted.stamp.1, operation.op_id);
        let effect = decide(&self.world, Sent { operation, key, overlay, stamp }, Mode::Ask)
            .map_err(|refusal| Stop::from(admitted.in_own_words(&self.world.schema, refusal)))?;
        let effect = admitted.as_told(effect);
        Ok((admitted, effect))
    }

    pub(super) fn asker(&self, op_id: OpId) -> Asker {
        let caller = self.request.caller;
        Asker { by: Author { user_id: caller.user_id, device_id: caller.device_id, op_id }, at: self.request.received_at }
    }

    /// Puts an effect in place. A group's disputes open no question here: they are asked as a whole.
    pub(super) fn commit(&mut self, admitted: Admitted<'a>, mut effect: Effect, group: Option<&str>) {
        let Admitted { index, operation, ref lifted, key, mut overlay, stamp, origin } = admitted;
        let said = lifted.as_deref().unwrap_or(operation);
        let asker = self.asker(operation.op_id);
        let asked_elsewhere = effect.target.take().and_then(|target| self.change_target(*target, asker, stamp));
        let decided_version = self.change(index, key, &mut effect, (asker, stamp));
        let fates = Fates::of(&effect, said, group.is_some());
        let asked = effect.asked.take().filter(|_| group.is_none());
        let asked = if group.is_none() { self.ask(said, key, &overlay, asked, decided_version.is_some()) } else { Vec::new() };
        let version = self.world.docs.get(key).map_or(self.world.head, |doc| self.world.seen_version(key, doc));
        if group.is_none() && !(effect.beside.proposed.is_empty() && overlay.requests.is_empty()) {
            let this = Proposing { said, key, own: &effect.own, asker, at: Timestamp::from_millis(stamp.0) };
            requests::write(&mut self.world, this, &mut overlay, &effect.beside.proposed);
        }
        // over a base that is not known here, nothing counts as seen
        let seen = origin.seen.unwrap_or_default();
        overlay = overlay.without_seen(seen);
        overlay.extend(said.kind, (&said.patch, seen), |name| fates.of_member(name), (version, self.world.head));
        overlay.ask(&asked, operation.op_id, |id| chained::takes_more(&self.world, id, key));
        let conflict_id = asked_elsewhere.or(asked.first().copied());
        let row = StoredOperation {
            decided_version,
            conflict_id,
            group: group.map(str::to_owned),
            policy_version: i32::try_from(self.world.schema.version).ok(),
            corrected_at: self.corrected(stamp),
            decisions: (!effect.beside.decisions.is_empty()).then(|| RawJson::of(&effect.beside.decisions)),
            ..self.row(operation, effect.status)
        };
        let result = OperationResult {
            decided_version,
            conflict_id,
            proposed: proposed_by(&effect.beside).map(|place| place.path.clone()).collect(),
            warnings: notices::of(&effect.beside, key, &self.world.policies.of(key.collection()).policy),
            version: decided_version.filter(|_| effect.status == Status::Applied),
            ..OperationResult::new(operation.op_id, effect.status, true)
        };
        self.keep(index, Known::decided(&operation.payload, row, overlay, Some(stamp), origin), result);
    }

    /// Gives the document its new state, and remembers how its sender is to hear of it. Gives the version.
    fn change(&mut self, index: usize, key: &DocumentKey, effect: &mut Effect, (asker, stamp): (Asker, (i64, u32))) -> Option<i64> {
        let was_deleted = self.world.docs.get(key).is_some_and(|doc| !doc.is_live());
        let state = effect.change.take()?;
        let brings_back = was_deleted && state.live;
        if brings_back {
            self.brought_back.insert(index);
        }
        *self.changed.entry(key.clone()).or_insert(true) &= effect.status == Status::Applied && !brings_back;
        Some(self.world.change(key, state, asker.by, asker.at, stamp))
    }

    /// Changes the document that an approved request is about, and asks what that asks.
    fn change_target(&mut self, target: Target, asker: Asker, stamp: (i64, u32)) -> Option<ConflictId> {
        let Target { key, change, asked } = target;
        if let Some(state) = change {
            self.world.change(&key, state, asker.by, asker.at, stamp);
            // the results of this request do not tell it
            self.changed.insert(key.clone(), false);
            questions::refresh(&mut self.world, &key, asker);
        }
        let asked = asked?;
        let id = (self.new_conflict_id)();
        questions::open(&mut self.world, id, &key, asked, asker, None);
        Some(id)
    }

    /// Brings the questions that were opened or touched up to date. What a rule changed is told by no result.
    pub(crate) fn finish_questions(&mut self, tx: &mut dyn Tx) -> StoreResult<()> {
        let (space_id, received_at) = (self.world.space_id, self.request.received_at);
        if !at_hand(&self.world) {
            return Ok(());
        }
        if let Some(Standing::Member(access)) = access::load(tx, &self.request.caller, &[space_id])?.remove(&space_id) {
            for key in finish(tx, &mut self.world, &access.space, None, received_at)? {
                self.changed.insert(key, false);
            }
        }
        Ok(())
    }

    pub(super) fn row(&self, operation: &Operation, status: Status) -> StoredOperation {
        let caller = self.request.caller;
        let taken = self.request.taken(operation.op_id);
        StoredOperation {
            organisation_id: caller.organisation_id,
            op_id: operation.op_id,
            identity: taken.map_or_else(|| sha256(operation.identity_text().as_bytes()), |taken| taken.identity),
            user_id: caller.user_id,
            device_id: caller.device_id,
            space_id: operation.space_id,
            key: operation.key.as_ref().map_or_else(|| format!("{}/", operation.collection), |key| key.as_str().to_owned()),
            status,
            decided_version: None,
            head: self.world.head,
            conflict_id: None,
            decided_at: self.request.received_at,
            group: None,
            problem: None,
            payload: self.payload(operation),
            overlay: None,
            policy_version: None,
            corrected_at: None,
            received_at: taken.map(|taken| taken.accepted_at),
            attempts: taken.map(|taken| taken.attempts),
            decisions: None,
        }
    }

    /// A stamp's milliseconds, where they say more than the time of the decision.
    pub(super) fn corrected(&self, (ms, _): (i64, u32)) -> Option<Timestamp> {
        (ms != self.request.received_at.millis()).then(|| Timestamp::from_millis(ms))
    }

    /// An operation as sent; where it is in an older form, with the version of that.
    fn payload(&self, operation: &Operation) -> RawJson {
        match (operation.schema.filter(|version| *version < self.world.schema.version), &operation.payload) {
            (Some(version), Value::Object(payload)) if !payload.contains_key("schema") => {
                let mut payload = payload.clone();
                payload.insert("schema".into(), version.into());
                RawJson::from_object(&payload)
            }
            (_, payload) => RawJson::of(payload),
        }
    }

    pub(super) fn keep(&mut self, index: usize, known: Known, result: OperationResult) {
        self.fresh.push(known.row.op_id);
        self.world.known.insert(known.row.op_id, known);
        self.results.insert(index, result);
    }

    pub(super) fn stop(&mut self, index: usize, stop: Stop, group: Option<&str>) {
        let refusal = match stop {
            Stop::NotTaken(result) => {
                self.results.insert(index, *result);
                return;
            }
            Stop::Refused(refusal) => *refusal,
        };
        let (status, problem) = match refusal {
            Refusal::Rejected(problem) => (Status::Rejected, problem),
            Refusal::Quarantined(problem) => (Status::Quarantined, problem),
        };
        let Some(operation) = self.operation(index) else { return };
        // what its predecessors laid over the document stays the view of whatever comes after it
        let Chain { overlay, stamp, last } = self.chain_of_refused(operation, index);
        let origin = Origin { before: last, ..Origin::default() };
        let row = StoredOperation {
            problem: Some(RawJson::of(&problem)),
            group: group.map(str::to_owned),
            corrected_at: self.corrected(self.stamp(operation, stamp)),
            ..self.row(operation, status)
        };
        let result = OperationResult { problem: Some(problem), ..OperationResult::new(operation.op_id, status, true) };
        self.keep(index, Known::decided(&operation.payload, row, overlay, stamp, origin), result);
    }

    /// Adds the document's present state to the results that tell it: all but those that applied as sent, whose sender
    /// has it, and those that were not taken.
    pub(crate) fn show_documents(&mut self) {
        for (index, result) in &mut self.results {
            let operation = self.request.operations.get(*index).and_then(|received| received.content.as_ref().ok());
            let Some(key) = operation.and_then(|operation| operation.key.as_ref()) else { continue };
            let Some(doc) = self.world.docs.get(key) else { continue };
            let visible = self.world.visible(key).is_some();
            let told = match result.status {
                Status::Waiting => None,
                Status::Applied if visible && !self.brought_back.contains(index) => None,
                _ => self.world.told(key, doc),
            };
            if let Some((version, document)) = told {
                (result.version, result.document) = (Some(version), Some(document));
            } else if result.decided_version.is_some() && !visible {
                // the sender's own creation was out of their view from the beginning
                result.version = result.decided_version;
                result.document = Some(None);
            }
        }
    }
}

/// The places that an operation's sender may only propose.
pub(super) fn proposed_by(beside: &Beside) -> impl Iterator<Item = &Proposal> {
    beside.proposed.iter().flat_map(|proposed| &proposed.places)
}

/// The same of one that was decided before.
fn proposed_then(decisions: &RawJson) -> Vec<String> {
    let decisions: Vec<Decision> = decisions.read().unwrap_or_default();
    decisions.into_iter().filter(|decision| decision.decided == Decided::Proposed).map(|decision| decision.path).collect()
}
