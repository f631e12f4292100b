//! Trying again what failed, now or at a time, as it was or edited.

use queue::priority::{self, Factors};
use sync_core::json::{Object, RawJson};
use sync_core::ports::{Access, Entropy, ItemState, QueueItem, Signal, Tx};
use sync_core::protocol::v1::queue::{RetryRequest, RetryResponse};
use sync_core::protocol::v1::read_edited_operation;
use sync_core::{Code, OpId, Problem, Schema, Status, Timestamp};

use super::letters::{Word, due, leased, lock_items, record, retried, signals};
use super::pending::status_of;
use super::sight::{Sight, unknown_operation};
use crate::access::require_writable;
use crate::receipts::receipt;
use crate::{Caller, Service, ServiceResult};

/// What makes an operation the one that it is, and what it comes after: no edit changes it.
const FIXED: [&str; 8] = ["op_id", "space_id", "collection", "document_id", "kind", "after", "group", "depends_on"];

/// Nothing is put off for longer than this: 90 days.
const LATEST_MS: i64 = 90 * 24 * 3_600_000;

impl Service {
    /// Has an operation tried again that failed: now or at a time, as it was or edited. Whatever pause it was in is over.
    /// The same again changes nothing more; one that is decided already answers its receipt. What came in a group goes
    /// as a group. Its sender, leads of its space and admins may; edit it, its sender and leads; move it into another
    /// lane, leads and admins.
    ///
    /// # Errors
    /// `unknown_operation`, `leased`, `not_failed`, `forbidden`; those of an operation's form; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn retry_operation(&self, caller: &Caller, op_id: OpId, request: RetryRequest) -> ServiceResult<RetryResponse> {
        let (caller, now, entropy) = (*caller, self.now(), self.entropy.clone());
        if request.patch.is_some() && request.operation.is_some() {
            let detail = "either patch or operation says what is tried instead, not both";
            return Err(Problem::new(Code::Malformed, detail).at("/operation").into());
        }
        check_at(request.at, now)?;
        check_lane(request.lane)?;
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &caller)?;
            retry(tx, &*entropy, (&caller, op_id), &request, now)
        };
        let (response, signals) = self.decide(caller.oversee(Access::Write), work).await?;
        if signals.len() > 1 {
            self.signals.publish(&signals);
        }
        Ok(response)
    }
}

type Told = (RetryResponse, Vec<Signal>);

fn retry(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    (caller, op_id): (&Caller, OpId),
    request: &RetryRequest,
    now: Timestamp,
) -> ServiceResult<Told> {
    let Some(place) = tx.load_places(caller.organisation_id, &[op_id])?.pop() else { return decided(tx, caller, op_id) };
    let mut sight = Sight::of_space(tx, caller, place.space_id)?;
    if !sight.sees(place.user_id, place.space_id) {
        return Err(unknown_operation(op_id).into());
    }
    if request.lane.is_some() && !(caller.admin || sight.leads(place.space_id)) {
        return Err(Problem::new(Code::Forbidden, "into another lane an operation is moved by a lead of its space, or an admin").into());
    }
    let (space, items) = lock_items(tx, (caller.organisation_id, place.space_id), &[op_id])?;
    let Some(item) = items.iter().find(|item| item.op_id == op_id) else { return decided(tx, caller, op_id) };
    let edited = edited(item, request, sight.schema(item.space_id)?.as_deref())?;
    if edited.is_some() && item.user_id != caller.user_id && !sight.leads(item.space_id) {
        return Err(Problem::new(Code::Forbidden, "an operation is edited by its sender, or by a lead of its space").into());
    }
    if let Some(member) = items.iter().find(|member| member.state == ItemState::Leased) {
        return Err(leased(member.op_id).into());
    }
    let action = if edited.is_some() { "queue.edit" } else { "queue.retry" };
    let item = again(edited.as_ref().unwrap_or(item), request, now);
    let siblings = items.iter().filter(|member| member.op_id != op_id).map(|member| again(member, request, now));
    let changed: Vec<QueueItem> = siblings.chain([item.clone()]).filter(|member| !items.contains(member)).collect();
    if !changed.is_empty() {
        tx.put_items(&changed)?;
        tx.put_queue_space(&due(space, &changed, now))?;
        if edited.is_some() || item.user_id != caller.user_id {
            let word = Word { caller, action, reason: request.reason.as_deref(), now };
            record(tx, entropy, &word, std::slice::from_ref(&item))?;
        }
    }
    let blocker = item.waits_for.filter(|_| item.state == ItemState::Held);
    let behind = tx.load_places(caller.organisation_id, blocker.as_slice())?;
    let parked = behind.iter().any(|place| place.state == ItemState::Parked);
    Ok((answer(&item, parked), signals(&changed)))
}

/// What is told of an operation that is not in the queue any more.
fn decided(tx: &mut dyn Tx, caller: &Caller, op_id: OpId) -> ServiceResult<Told> {
    let row = tx.load_results(caller.organisation_id, &[op_id])?.pop().ok_or_else(|| unknown_operation(op_id))?;
    if !Sight::of_space(tx, caller, row.space_id)?.sees(row.user_id, row.space_id) {
        return Err(unknown_operation(op_id).into());
    }
    let (state, next_try_at, waits_for) = Default::default();
    let receipt = Some(receipt(op_id, Some(&row)));
    let response = RetryResponse { op_id, status: row.status, state, next_try_at, attempts: 0, edited: false, waits_for, receipt };
    Ok((response, Vec::new()))
}

/// An item tried again as it is asked; what failed goes into another lane as if it had come in that one.
fn again(item: &QueueItem, request: &RetryRequest, now: Timestamp) -> QueueItem {
    let next = retried(item, request.at, now);
    let failed = matches!(item.state, ItemState::Parked | ItemState::Delayed);
    let Some(lane) = request.lane.filter(|_| failed).map(i32::from) else { return next };
    let size_bytes = usize::try_from(item.size_bytes).unwrap_or(0);
    let factors = Factors { size_bytes, attempts: item.attempts, ..Factors::ordinary(lane, item.accepted_at) };
    QueueItem { lane, rank: priority::rank(&factors), ..next }
}

fn answer(item: &QueueItem, behind_parked: bool) -> RetryResponse {
    RetryResponse {
        op_id: item.op_id,
        status: if behind_parked { Status::Parked } else { status_of(item.state) },
        state: Some(item.state.as_str()),
        next_try_at: item.not_before,
        attempts: item.attempts,
        edited: item.original.is_some(),
        waits_for: item.waits_for,
        receipt: None,
    }
}

/// An item with what was edited; `None` where nothing is to be, or it is already.
fn edited(item: &QueueItem, request: &RetryRequest, schema: Option<&Schema>) -> Result<Option<QueueItem>, Problem> {
    let (payload, within) = match (&request.patch, &request.operation) {
        (None, None) => return Ok(None),
        (Some(patch), _) => {
            let mut payload = item.payload.object();
            payload.insert("patch".into(), patch.clone().into());
            (payload, "")
        }
        (None, Some(operation)) => (with_fixed(item, operation.clone())?, "/operation"),
    };
    let operation = read_edited_operation(item.op_id, payload).map_err(|problem| placed(problem, within))?;
    let speaks_present = |schema: &&Schema| operation.schema.is_none_or(|version| version == schema.version);
    if let Some(rules) = schema.filter(speaks_present).and_then(|schema| schema.collection(&operation.collection)) {
        rules.check(&operation.patch, operation.patch.keys()).map_err(|problem| placed(problem, within))?;
    }
    let payload = RawJson::of(&operation.payload);
    if payload == item.payload {
        return Ok(None);
    }
    match item.state {
        ItemState::Leased => return Err(leased(item.op_id)),
        ItemState::Staged | ItemState::Ready => {
            let detail = "it did not fail, and waits for its turn: change what it does by another operation";
            return Err(Problem::new(Code::NotFailed, detail).caused_by(item.op_id));
        }
        ItemState::Parked | ItemState::Delayed | ItemState::Held => {}
    }
    let original = Some(item.original.as_ref().unwrap_or(&item.payload).clone());
    let size_bytes = i32::try_from(payload.as_str().len()).unwrap_or(i32::MAX);
    Ok(Some(QueueItem { payload, original, size_bytes, attempts: 0, ..item.clone() }))
}

/// A whole operation whose fixed members are those that it had.
fn with_fixed(item: &QueueItem, mut given: Object) -> Result<Object, Problem> {
    let had = item.payload.object();
    for name in FIXED {
        match (given.get(name), had.get(name)) {
            (Some(new), Some(old)) if new == old => {}
            (Some(_), _) => {
                let detail = format!("{name} makes it the operation that it is, and stays as it was; send another operation instead");
                return Err(Problem::new(Code::Malformed, detail).at(format!("/operation/{name}")));
            }
            (None, Some(old)) => {
                given.insert(name.into(), old.clone());
            }
            (None, None) => {}
        }
    }
    Ok(given)
}

fn placed(problem: Problem, within: &str) -> Problem {
    let pointer = format!("{within}{}", problem.pointer.as_deref().unwrap_or_default());
    problem.at(pointer)
}

/// Refuses a lane that there is not.
pub(super) fn check_lane(lane: Option<u8>) -> Result<(), Problem> {
    match lane {
        Some(lane) if !priority::LANES.contains(&lane) => {
            Err(Problem::new(Code::Malformed, "lane is to be 0, 1, 2 or 3: safety and times, the day's work, planning, bulk").at("/lane"))
        }
        _ => Ok(()),
    }
}

/// Checks when something is to be tried again.
fn check_at(at: Option<Timestamp>, now: Timestamp) -> Result<(), Problem> {
    match at {
        Some(at) if at > now.plus_ms(LATEST_MS) => {
            Err(Problem::new(Code::Malformed, "at is to be within 90 days from now; an operation that nobody wants is discarded").at("/at"))
        }
        _ => Ok(()),
    }
}
