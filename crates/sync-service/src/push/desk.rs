//! Deciding the units of one space in order: identity, predecessors, dependencies, rights, then the document.

use std::collections::{BTreeMap, HashMap};

use merge_engine::Dispute;
use sync_core::json::RawJson;
use sync_core::operation::Kind;
use sync_core::ports::{SpaceAccess, SpaceStatus, StoredOperation};
use sync_core::protocol::v1::{OperationResult, Received};
use sync_core::{Author, Code, ConflictId, DocumentKey, OpId, Operation, Problem, Status, Timestamp};

use super::decide::{Effect, Mode, Refusal, decide};
use super::overlay::Overlay;
use super::plan::{Plan, Unit, in_bad_company};
use super::questions::{self, Asker};
use super::rows::shown;
use super::world::{Known, World};
use crate::Caller;
use crate::digest::sha256;

/// Why every operation of a space goes one way, whatever it says.
#[derive(Debug, Clone)]
pub(crate) enum Gate {
    /// They are decided one by one.
    Open,
    /// The sender never was a member.
    Rejected(Problem),
    /// The sender may not write any more, or not now.
    Quarantined(Problem),
}

impl Gate {
    /// The gate of a member.
    pub(crate) fn of_member(access: &SpaceAccess) -> Self {
        if access.space.status == SpaceStatus::Archived {
            let detail = "the space is archived; the operation is kept, and a lead decides";
            return Self::Quarantined(Problem::new(Code::SpaceArchived, detail));
        }
        if !access.member.role.may_write() {
            let detail = format!("a {} only reads; the operation is kept, and a lead decides", access.member.role.as_str());
            return Self::Quarantined(Problem::new(Code::RoleForbids, detail));
        }
        Self::Open
    }

    /// The gate of somebody whose access was taken away.
    pub(crate) fn of_former_member() -> Self {
        let detail = "your access to this space was taken away; the operation is kept, and a lead decides";
        Self::Quarantined(Problem::new(Code::FormerMember, detail))
    }

    /// The gate of everybody else.
    pub(crate) fn of_stranger() -> Self {
        Self::Rejected(Problem::new(
            Code::UnknownSpace,
            "there is no such space for you; ask its lead to add you, then send it under a new op_id",
        ))
    }
}

/// What every operation of a request shares.
pub(crate) struct Request<'a> {
    pub(crate) caller: Caller,
    pub(crate) operations: &'a [Received<Operation>],
    pub(crate) plan: &'a Plan,
    pub(crate) received_at: Timestamp,
    pub(crate) sent_at: Option<Timestamp>,
}

/// Decides a space's units against its world.
pub(crate) struct Desk<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) world: World,
    pub(crate) gate: Gate,
    /// Groups that were stored before.
    pub(crate) closed_groups: Vec<String>,
    pub(crate) new_conflict_id: &'a mut dyn FnMut() -> ConflictId,
    pub(crate) results: BTreeMap<usize, OperationResult>,
    /// Decided here, in order: to be stored.
    pub(crate) fresh: Vec<OpId>,
    /// Documents changed here, and whether by nothing but operations that applied as sent.
    pub(crate) changed: BTreeMap<DocumentKey, bool>,
}

/// An operation that may go on to its document.
struct Admitted<'a> {
    index: usize,
    operation: &'a Operation,
    key: &'a DocumentKey,
    overlay: Overlay,
    stamp: (i64, u32),
}

/// What stops an operation before its document is looked at.
enum Stop {
    /// Not taken, not stored: the id stays free.
    NotTaken(OperationResult),
    /// Refused, and kept.
    Refused(Refusal),
}

impl<'a> Desk<'a> {
    /// Decides one unit.
    pub(crate) fn decide_unit(&mut self, unit: &Unit) {
        let fresh: Vec<usize> = unit.members.iter().copied().filter(|index| !self.answer_known(*index)).collect();
        match &unit.group {
            Some(group) => self.decide_group(unit, group, &fresh),
            None => {
                for index in fresh {
                    match self.admit(unit, index).and_then(|admitted| self.effect_of(admitted)) {
                        Ok((admitted, effect)) => self.commit(admitted, effect, None, true),
                        Err(stop) => self.stop(index, stop, None),
                    }
                }
            }
        }
    }

    fn operation(&self, index: usize) -> Option<&'a Operation> {
        self.request.operations.get(index).and_then(|received| received.content.as_ref().ok())
    }

    /// Answers an operation whose id was stored before.
    fn answer_known(&mut self, index: usize) -> bool {
        let Some(operation) = self.operation(index) else { return true };
        let Some(known) = self.world.known.get(&operation.op_id) else { return false };
        let row = &known.row;
        let result = if row.user_id != self.request.caller.user_id || row.identity != sha256(operation.identity_text().as_bytes()) {
            let detail = "this op_id was used for something else; give the operation a new one";
            OperationResult::refused(operation.op_id, Problem::new(Code::OpIdReuse, detail))
        } else {
            OperationResult {
                was: Some(row.status),
                decided_version: row.decided_version,
                conflict_id: row.conflict_id,
                problem: row.problem.as_ref().and_then(RawJson::read),
                ..OperationResult::new(operation.op_id, Status::Duplicate, true)
            }
        };
        self.results.insert(index, result);
        true
    }

    fn admit(&self, unit: &Unit, index: usize) -> Result<Admitted<'a>, Stop> {
        let rejected = |problem: Problem| Stop::Refused(Refusal::Rejected(problem));
        let operation = self.operation(index).ok_or_else(|| rejected(Problem::new(Code::Malformed, "the operation can't be read")))?;
        if let Some(problem) = &unit.refusal {
            return Err(rejected(problem.clone()));
        }
        match &self.gate {
            Gate::Open => {}
            Gate::Rejected(problem) => return Err(rejected(problem.clone())),
            Gate::Quarantined(problem) => return Err(Stop::Refused(Refusal::Quarantined(problem.clone()))),
        }
        let (overlay, before) = self.predecessor(operation, index)?;
        self.dependencies(operation, unit)?;
        if let Some(problem) = self.request.operations.get(index).and_then(|received| received.over_limit.clone()) {
            return Err(rejected(problem));
        }
        let Some(key) = &operation.key else {
            let name = operation.intent.as_deref().unwrap_or_default();
            return Err(rejected(
                Problem::new(Code::UnknownIntent, format!("there is no intent {name:?} here; the payload is kept")).at("/intent/name"),
            ));
        };
        Ok(Admitted { index, operation, key, overlay, stamp: self.stamp(operation, before) })
    }

    /// The overlay and stamp of the operation's chain.
    fn predecessor(&self, operation: &Operation, index: usize) -> Result<(Overlay, Option<(i64, u32)>), Stop> {
        let known = match operation.after {
            Some(after) => Some(self.own(after).ok_or_else(|| waiting(operation.op_id, after))?),
            None => self.predecessor_in_request(operation, index)?,
        };
        let Some(known) = known else { return Ok((Overlay::default(), None)) };
        let row = &known.row;
        if row.space_id != operation.space_id || operation.key.as_ref().is_some_and(|key| key.as_str() != row.key) {
            let problem = Problem::new(Code::Malformed, "after is to name your previous operation on the same document").at("/after");
            return Err(Stop::NotTaken(OperationResult::refused(operation.op_id, problem)));
        }
        let was_create = || row.payload.object().get("kind").is_some_and(|kind| kind == Kind::Create.as_str());
        match row.status {
            Status::Quarantined => {
                let problem: Option<Problem> = row.problem.as_ref().and_then(RawJson::read);
                let code = problem.map_or(Code::FormerMember, |problem| problem.code);
                let problem = Problem::new(code, "what this builds on waits for a lead's decision, and this with it").caused_by(row.op_id);
                Err(Stop::Refused(Refusal::Quarantined(problem)))
            }
            Status::Rejected if was_create() => {
                let detail = "the creation that this builds on was refused; the payload is kept";
                Err(Stop::Refused(Refusal::Rejected(Problem::new(Code::PredecessorRejected, detail).caused_by(row.op_id))))
            }
            _ => Ok((known.overlay.clone(), Some(self.stamp_of(known)))),
        }
    }

    fn predecessor_in_request(&self, operation: &Operation, index: usize) -> Result<Option<&Known>, Stop> {
        for place in self.request.plan.before.get(&index).into_iter().flatten() {
            let Some(earlier) = self.operation(*place) else { continue };
            if let Some(known) = self.own(earlier.op_id) {
                return Ok(Some(known));
            }
            if self.results.get(place).is_some_and(|result| result.status == Status::Waiting) {
                return Err(waiting(operation.op_id, earlier.op_id));
            }
        }
        Ok(None)
    }

    /// A stored operation of the same user; others' are as good as unknown.
    fn own(&self, op_id: OpId) -> Option<&Known> {
        self.world.known.get(&op_id).filter(|known| known.row.user_id == self.request.caller.user_id)
    }

    fn dependencies(&self, operation: &Operation, unit: &Unit) -> Result<(), Stop> {
        let in_unit = |op_id: &OpId| unit.members.iter().filter_map(|index| self.operation(*index)).any(|member| member.op_id == *op_id);
        for needed in operation.depends_on.iter().filter(|op_id| !in_unit(op_id)) {
            let known = self.own(*needed).ok_or_else(|| waiting(operation.op_id, *needed))?;
            match known.row.status {
                status if status.satisfies() => {}
                Status::Quarantined => {
                    let problem = Problem::new(Code::FormerMember, "what this depends on waits for a lead's decision, and this with it")
                        .caused_by(*needed);
                    return Err(Stop::Refused(Refusal::Quarantined(problem)));
                }
                _ => {
                    let problem =
                        Problem::new(Code::DependencyRejected, "what this depends on was refused; the payload is kept").caused_by(*needed);
                    return Err(Stop::Refused(Refusal::Rejected(problem)));
                }
            }
        }
        Ok(())
    }

    /// The hybrid clock's stamp: the device's time corrected by the offset of its request, never later than now, never
    /// below the predecessor's.
    fn stamp(&self, operation: &Operation, before: Option<(i64, u32)>) -> (i64, u32) {
        let received = self.request.received_at.millis();
        let corrected = match (operation.created_at, self.request.sent_at) {
            (Some(created), Some(sent)) => created.millis().saturating_add(received.saturating_sub(sent.millis())).min(received),
            _ => received,
        };
        before.map_or((corrected, 0), |(ms, counter)| (corrected.max(ms), counter.saturating_add(1)))
    }

    fn stamp_of(&self, known: &Known) -> (i64, u32) {
        let in_fields = || {
            let key = DocumentKey::from_stored(known.row.key.clone())?;
            let doc = self.world.docs.get(&key)?;
            doc.fields.0.values().map(|field| field.1).find(|stamp| stamp.2 == known.row.op_id).map(|stamp| (stamp.0, stamp.1))
        };
        known.stamp.or_else(in_fields).unwrap_or((known.row.decided_at.millis(), 0))
    }

    fn effect_of(&self, admitted: Admitted<'a>) -> Result<(Admitted<'a>, Effect), Stop> {
        let effect = decide(&self.world, admitted.operation, admitted.key, &admitted.overlay, Mode::Ask).map_err(Stop::Refused)?;
        Ok((admitted, effect))
    }

    fn asker(&self, op_id: OpId) -> Asker {
        let caller = self.request.caller;
        Asker { by: Author { user_id: caller.user_id, device_id: caller.device_id, op_id }, at: self.request.received_at }
    }

    /// Puts an effect in place. Without `ask`, disputes open no question (a group's are asked as a whole).
    fn commit(&mut self, admitted: Admitted<'a>, effect: Effect, group: Option<&str>, ask: bool) {
        let Admitted { index, operation, key, mut overlay, stamp } = admitted;
        let asker = self.asker(operation.op_id);
        let decided_version = effect.change.map(|state| self.world.change(key, state, asker.by, asker.at, stamp));
        if decided_version.is_some() {
            *self.changed.entry(key.clone()).or_insert(true) &= effect.status == Status::Applied;
            questions::refresh(&mut self.world, key, asker);
        }
        let chained = overlay.conflict.filter(|id| ask && questions::is_open(&self.world, *id, key));
        if let Some(id) = chained {
            questions::withdraw(&mut self.world, id, &operation.patch, effect.asked.as_ref(), asker);
        }
        let conflict_id = effect.asked.filter(|_| ask).map(|asked| match chained {
            Some(id) if questions::is_open(&self.world, id, key) => {
                questions::join(&mut self.world, id, asked, asker);
                id
            }
            _ => {
                let id = (self.new_conflict_id)();
                questions::open(&mut self.world, id, key, asked, asker);
                id
            }
        });
        let head = self.world.head;
        overlay.fields.extend(effect.own.into_iter().map(|(name, value)| (name, (value, head))));
        match operation.kind {
            Kind::Delete => overlay.deleted = Some((true, head)),
            Kind::Create | Kind::Restore => overlay.deleted = Some((false, head)),
            Kind::Update | Kind::Intent => {}
        }
        overlay.conflict = conflict_id.or(overlay.conflict);
        let stored_overlay = overlay.to_store(operation.kind, &operation.patch, head, conflict_id);
        let row = StoredOperation {
            decided_version,
            conflict_id,
            group: group.map(str::to_owned),
            overlay: stored_overlay,
            ..self.row(operation, effect.status)
        };
        let result = OperationResult {
            decided_version,
            conflict_id,
            version: decided_version.filter(|_| effect.status == Status::Applied),
            ..OperationResult::new(operation.op_id, effect.status, true)
        };
        self.keep(index, row, overlay, Some(stamp), result);
    }

    fn row(&self, operation: &Operation, status: Status) -> StoredOperation {
        let caller = self.request.caller;
        StoredOperation {
            organisation_id: caller.organisation_id,
            op_id: operation.op_id,
            identity: sha256(operation.identity_text().as_bytes()),
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
            payload: RawJson::of(&operation.payload),
            overlay: None,
        }
    }

    fn keep(&mut self, index: usize, row: StoredOperation, overlay: Overlay, stamp: Option<(i64, u32)>, result: OperationResult) {
        self.fresh.push(row.op_id);
        self.world.known.insert(row.op_id, Known { row, overlay, stamp });
        self.results.insert(index, result);
    }

    fn stop(&mut self, index: usize, stop: Stop, group: Option<&str>) {
        let (status, problem) = match stop {
            Stop::NotTaken(result) => {
                self.results.insert(index, result);
                return;
            }
            Stop::Refused(Refusal::Rejected(problem)) => (Status::Rejected, problem),
            Stop::Refused(Refusal::Quarantined(problem)) => (Status::Quarantined, problem),
        };
        let Some(operation) = self.operation(index) else { return };
        // what its predecessors laid over the document stays the view of whatever comes after it
        let overlay = self.predecessor(operation, index).map(|(overlay, _)| overlay).unwrap_or_default();
        let row = StoredOperation {
            problem: Some(RawJson::of(&problem)),
            group: group.map(str::to_owned),
            overlay: overlay.to_store_refused(),
            ..self.row(operation, status)
        };
        let result = OperationResult { problem: Some(problem), ..OperationResult::new(operation.op_id, status, true) };
        self.keep(index, row, overlay, None, result);
    }

    /// Decides a group: all of it or nothing.
    fn decide_group(&mut self, unit: &Unit, group: &str, fresh: &[usize]) {
        if fresh.is_empty() {
            return;
        }
        if let Some(culprit) =
            unit.members.iter().find_map(|index| self.results.get(index).filter(|result| result.status == Status::Rejected))
        {
            let culprit = culprit.op_id;
            return self.refuse_unstored(fresh, culprit);
        }
        if fresh.len() < unit.members.len() || self.closed_groups.iter().any(|closed| closed == group) {
            let problem = Problem::new(
                Code::GroupClosed,
                "a group comes in one request, and this one came before; send the rest under a new group id",
            );
            for index in fresh {
                self.stop(*index, Stop::Refused(Refusal::Rejected(problem.clone())), None);
            }
            return;
        }
        let keys = fresh.iter().filter_map(|index| self.operation(*index)?.key.clone());
        let checkpoint = self.world.checkpoint(keys);
        let (decided, changed) = (self.fresh.len(), self.changed.clone());
        let mut parts: Vec<(DocumentKey, OpId, Vec<Dispute>)> = Vec::new();
        let mut failed = None;
        for index in fresh {
            match self.admit(unit, *index).and_then(|admitted| self.effect_of(admitted)) {
                Ok((admitted, effect)) => {
                    let disputes = effect.asked.as_ref().map(|asked| asked.disputes.clone()).unwrap_or_default();
                    parts.push((admitted.key.clone(), admitted.operation.op_id, disputes));
                    self.commit(admitted, effect, Some(group), false);
                }
                Err(stop) => {
                    failed = Some((*index, stop));
                    break;
                }
            }
        }
        let disputed = parts.iter().any(|(_, _, disputes)| !disputes.is_empty());
        if failed.is_none() && !disputed {
            return;
        }
        self.world.roll_back(checkpoint);
        self.changed = changed;
        let taken_back: Vec<OpId> = self.fresh.drain(decided..).collect();
        let overlays = taken_back.into_iter().filter_map(|op_id| Some((op_id, self.world.known.remove(&op_id)?.overlay))).collect();
        match failed {
            Some((culprit, stop)) => self.fail_group(fresh, group, culprit, stop),
            None => self.ask_group(fresh, group, parts, overlays),
        }
    }

    fn refuse_unstored(&mut self, members: &[usize], culprit: OpId) {
        for index in members {
            if let Some(operation) = self.operation(*index) {
                self.results.insert(*index, OperationResult::refused(operation.op_id, in_bad_company(culprit)));
            }
        }
    }

    fn fail_group(&mut self, members: &[usize], group: &str, culprit: usize, stop: Stop) {
        let Some(culprit_id) = self.operation(culprit).map(|operation| operation.op_id) else { return };
        match stop {
            Stop::NotTaken(result) if result.status == Status::Waiting => {
                for index in members {
                    if let Some(operation) = self.operation(*index) {
                        self.results.insert(*index, OperationResult { op_id: operation.op_id, ..result.clone() });
                    }
                }
            }
            Stop::NotTaken(result) => {
                self.refuse_unstored(members, culprit_id);
                self.results.insert(culprit, result);
            }
            Stop::Refused(refusal) => {
                for index in members {
                    let own = match &refusal {
                        own if *index == culprit => own.clone(),
                        Refusal::Rejected(_) => Refusal::Rejected(in_bad_company(culprit_id)),
                        Refusal::Quarantined(_) => Refusal::Quarantined(in_bad_company(culprit_id)),
                    };
                    self.stop(*index, Stop::Refused(own), Some(group));
                }
            }
        }
    }

    fn ask_group(
        &mut self,
        members: &[usize],
        group: &str,
        parts: Vec<(DocumentKey, OpId, Vec<Dispute>)>,
        mut overlays: HashMap<OpId, Overlay>,
    ) {
        let Some(first) = members.first().and_then(|index| self.operation(*index)) else { return };
        let before = self.world.head;
        let id = (self.new_conflict_id)();
        let asker = self.asker(first.op_id);
        questions::open_group(&mut self.world, id, parts, asker);
        for index in members {
            let Some(operation) = self.operation(*index) else { continue };
            let mut overlay = overlays.remove(&operation.op_id).unwrap_or_default().decided_at(before, self.world.head);
            overlay.conflict = Some(id);
            let row = StoredOperation {
                conflict_id: Some(id),
                group: Some(group.to_owned()),
                overlay: Some(RawJson::of(&overlay)),
                ..self.row(operation, Status::Conflict)
            };
            let result = OperationResult { conflict_id: Some(id), ..OperationResult::new(operation.op_id, Status::Conflict, true) };
            self.keep(*index, row, overlay, None, result);
        }
    }

    /// Adds the document's present state to the results that tell it.
    pub(crate) fn show_documents(&mut self) {
        if !matches!(self.gate, Gate::Open) {
            return;
        }
        for (index, result) in &mut self.results {
            if matches!(result.status, Status::Applied | Status::Waiting) {
                continue;
            }
            let operation = self.request.operations.get(*index).and_then(|received| received.content.as_ref().ok());
            let Some(key) = operation.and_then(|operation| operation.key.as_ref()) else { continue };
            let Some(doc) = self.world.docs.get(key).filter(|doc| doc.audience_ever.includes(self.world.role)) else { continue };
            result.version = Some(doc.version);
            result.document = Some(shown(doc, self.world.role));
        }
    }
}

fn waiting(op_id: OpId, awaited: OpId) -> Stop {
    let detail = "an operation that this comes after or depends on is not here yet; keep this one and send it again with that, or without `after` and with `base`";
    let problem = Problem::new(Code::NotHereYet, detail).caused_by(awaited);
    Stop::NotTaken(OperationResult { problem: Some(problem), ..OperationResult::new(op_id, Status::Waiting, false) })
}
