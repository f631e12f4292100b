//! What stops an operation before its document is looked at: rights, predecessors, dependencies, limits.

use sync_core::json::RawJson;
use sync_core::operation::Kind;
use sync_core::ports::{SpaceAccess, SpaceStatus};
use sync_core::protocol::v1::OperationResult;
use sync_core::{Code, DocumentKey, OpId, Operation, Problem, Status};

use super::decide::Refusal;
use super::desk::Desk;
use super::intents;
use super::lift::lifted;
use super::overlay::Overlay;
use super::plan::Unit;
use super::stored::Origin;
use super::world::Known;

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
        let detail = "there is no such space for you; ask its lead to add you, then send it under a new op_id";
        Self::Rejected(Problem::new(Code::UnknownSpace, detail))
    }
}

/// An operation that may go on to its document.
pub(crate) struct Admitted<'a> {
    pub(crate) index: usize,
    /// As it was sent.
    pub(crate) operation: &'a Operation,
    /// In the form of the space's schema, where it was sent in an older one.
    pub(crate) lifted: Option<Box<Operation>>,
    pub(crate) key: &'a DocumentKey,
    /// What the sender's chain laid over the document.
    pub(crate) overlay: Overlay,
    pub(crate) stamp: (i64, u32),
    pub(crate) origin: Origin,
}

/// What a sender's chain left for its next operation.
#[derive(Default)]
pub(crate) struct Chain {
    pub(crate) overlay: Overlay,
    pub(crate) stamp: Option<(i64, u32)>,
    /// Its last operation.
    pub(crate) last: Option<OpId>,
}

/// What stops an operation before its document is looked at.
pub(crate) enum Stop {
    /// Not taken, not stored: the id stays free.
    NotTaken(Box<OperationResult>),
    /// Refused, and kept.
    Refused(Box<Refusal>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<OperationResult> for Stop {
    fn from(result: OperationResult) -> Self {
        Self::NotTaken(Box::new(result))
    }
}

fn rejected(problem: Problem) -> Stop {
    Refusal::Rejected(problem).into()
}

fn quarantined(problem: Problem) -> Stop {
    Refusal::Quarantined(problem).into()
}

pub(super) fn waiting(op_id: OpId, awaited: OpId) -> Stop {
    let detail = "an operation that this comes after or depends on is not here yet; keep this one and send it again with that, or without `after` and with `base`";
    let problem = Problem::new(Code::NotHereYet, detail).caused_by(awaited);
    OperationResult { problem: Some(problem), ..OperationResult::new(op_id, Status::Waiting, false) }.into()
}

impl<'a> Desk<'a> {
    pub(super) fn admit(&self, unit: &Unit, index: usize) -> Result<Admitted<'a>, Stop> {
        let (operation, chain) = self.may_go(unit, index)?;
        let Some(key) = &operation.key else { return Err(intents::in_a_group(&self.world.schema, operation)) };
        let origin = Origin { before: chain.last, ..Origin::default() };
        let lifted = operation.schema.and_then(|from| lifted(&self.world.schema, operation, from)).map(Box::new);
        let overlay = self.world.with_own_shifts(key, operation.base_version, chain.overlay);
        Ok(Admitted { index, operation, lifted, key, overlay, stamp: self.stamp(operation, chain.stamp), origin })
    }

    /// What stops an operation wherever it goes; otherwise the operation, and its chain.
    pub(super) fn may_go(&self, unit: &Unit, index: usize) -> Result<(&'a Operation, Chain), Stop> {
        let operation = self.operation(index).ok_or_else(|| rejected(Problem::new(Code::Malformed, "the operation can't be read")))?;
        match &self.gate {
            Gate::Open => {}
            Gate::Rejected(problem) => return Err(rejected(problem.clone())),
            Gate::Quarantined(problem) => return Err(quarantined(problem.clone())),
        }
        if let Some(problem) = &unit.refusal {
            return Err(rejected(problem.clone()));
        }
        let lifted = operation.schema.and_then(|from| lifted(&self.world.schema, operation, from));
        self.world.view.may_write(lifted.as_ref().unwrap_or(operation)).map_err(quarantined)?;
        let chain = self.predecessor(operation, index)?;
        self.dependencies(operation, unit)?;
        if let Some(problem) = self.request.operations.get(index).and_then(|received| received.over_limit.clone()) {
            return Err(rejected(problem));
        }
        Ok((operation, chain))
    }

    /// The operation's chain.
    pub(super) fn predecessor(&self, operation: &Operation, index: usize) -> Result<Chain, Stop> {
        let Some(known) = self.known_predecessor(operation, index)? else { return Ok(Chain::default()) };
        let row = &known.row;
        if row.space_id != operation.space_id || operation.key.as_ref().is_some_and(|key| key.as_str() != row.key) {
            let problem = Problem::new(Code::Malformed, "after is to name your previous operation on the same document").at("/after");
            return Err(OperationResult::refused(operation.op_id, problem).into());
        }
        match row.status {
            Status::Quarantined => {
                let code = problem_of(known).map_or(Code::FormerMember, |problem| problem.code);
                let detail = "what this builds on waits for a lead's decision, and this with it";
                Err(quarantined(Problem::new(code, detail).caused_by(row.op_id)))
            }
            Status::Rejected if has_no_creation(known) => {
                let detail = "the creation that this builds on was refused; the payload is kept";
                Err(rejected(Problem::new(Code::PredecessorRejected, detail).caused_by(row.op_id)))
            }
            _ => Ok(self.chain_after(known)),
        }
    }

    /// What the chain of a refused operation left, whatever became of its predecessor: the view of what comes after it.
    pub(super) fn chain_of_refused(&self, operation: &Operation, index: usize) -> Chain {
        let known = self.known_predecessor(operation, index).ok().flatten();
        let same = |known: &&Known| {
            operation.key.as_ref().is_some_and(|key| key.as_str() == known.row.key) && known.row.space_id == operation.space_id
        };
        known.filter(same).map(|known| self.chain_after(known)).unwrap_or_default()
    }

    fn chain_after(&self, known: &Known) -> Chain {
        Chain { overlay: known.overlay.clone(), stamp: Some(self.stamp_of(known)), last: Some(known.row.op_id) }
    }

    fn known_predecessor(&self, operation: &Operation, index: usize) -> Result<Option<&Known>, Stop> {
        match operation.after {
            Some(after) => self.own(after).map(Some).ok_or_else(|| waiting(operation.op_id, after)),
            None => self.predecessor_in_request(operation, index),
        }
    }

    /// The last decided operation before this one on its document in the request; an error where one of those between was
    /// not taken.
    pub(super) fn predecessor_in_request(&self, operation: &Operation, index: usize) -> Result<Option<&Known>, Stop> {
        let plan = self.request.plan;
        let mut place = index;
        while let Some(before) = plan.before.get(&place) {
            place = *before;
            let Some(earlier) = self.operation(place) else { continue };
            let result = self.results.get(&place);
            if result.is_some_and(|result| result.status == Status::Waiting) {
                return Err(waiting(operation.op_id, earlier.op_id));
            }
            let is_refused = |result: &OperationResult| result.status == Status::Rejected && !result.held;
            if self.request.unstored.contains(&place) || result.is_some_and(is_refused) {
                // not stored: what is known under its id is something else, and it may come again under a good one
                return Err(waiting(operation.op_id, earlier.op_id));
            } else if let Some(known) = self.own(earlier.op_id) {
                return Ok(Some(known));
            }
        }
        plan.orphans.get(&place).map_or(Ok(None), |creation| Err(waiting(operation.op_id, *creation)))
    }

    /// A stored operation of the same user; others' are as good as unknown.
    fn own(&self, op_id: OpId) -> Option<&Known> {
        self.world.known.get(&op_id).filter(|known| known.row.user_id == self.request.caller.user_id)
    }

    fn dependencies(&self, operation: &Operation, unit: &Unit) -> Result<(), Stop> {
        for needed in operation.depends_on.iter().filter(|op_id| !unit.op_ids.contains(op_id)) {
            let known = self.own(*needed).ok_or_else(|| waiting(operation.op_id, *needed))?;
            match known.row.status {
                status if status.satisfies() => {}
                Status::Quarantined => {
                    let code = problem_of(known).map_or(Code::FormerMember, |problem| problem.code);
                    let detail = "what this depends on waits for a lead's decision, and this with it";
                    return Err(quarantined(Problem::new(code, detail).caused_by(*needed)));
                }
                _ => {
                    let detail = "what this depends on was refused; the payload is kept";
                    return Err(rejected(Problem::new(Code::DependencyRejected, detail).caused_by(*needed)));
                }
            }
        }
        Ok(())
    }

    /// The hybrid clock's stamp: the device's time corrected by the offset of its request, never later than now, never
    /// below the predecessor's.
    pub(super) fn stamp(&self, operation: &Operation, before: Option<(i64, u32)>) -> (i64, u32) {
        let received = self.request.arrived_at.millis();
        let corrected = match (operation.created_at, self.request.sent_at) {
            (Some(created), Some(sent)) => created.millis().saturating_add(received.saturating_sub(sent.millis())).min(received),
            _ => received,
        };
        before.map_or((corrected, 0), |(ms, counter)| (corrected.max(ms), counter.saturating_add(1)))
    }

    fn stamp_of(&self, known: &Known) -> (i64, u32) {
        let in_fields = || {
            let doc = self.world.docs.get(known.row.key.as_str())?;
            doc.fields.0.values().map(|field| field.1).find(|stamp| stamp.2 == known.row.op_id).map(|stamp| (stamp.0, stamp.1))
        };
        known.stamp.or_else(in_fields).unwrap_or((known.row.decided_at.millis(), 0))
    }
}

fn problem_of(known: &Known) -> Option<Problem> {
    known.row.problem.as_ref().and_then(RawJson::read)
}

/// Whether a refused operation was its document's creation, or built on one that was refused.
fn has_no_creation(known: &Known) -> bool {
    known.row.payload.object().get("kind").is_some_and(|kind| kind == Kind::Create.as_str())
        || problem_of(known).is_some_and(|problem| problem.code == Code::PredecessorRejected)
}
