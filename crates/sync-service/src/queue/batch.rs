//! Many operations at once. They are read a part at a time and put into the queue part by part, so that neither the whole
//! of them is in memory nor anybody waits behind one large transaction. With `all`, what was taken becomes visible to
//! workers only when everything is there; that is one row that is written, so that it happens whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use sync_core::json::RawJson;
use sync_core::limits::{MAX_BODY_BYTES, MAX_OPERATIONS};
use sync_core::ports::{Access, BatchState, QueueBatch, Signal, StoreResult, Transaction, Tx};
use sync_core::protocol::v1::{BatchAnswer, BatchFault, BatchProgress, OperationResult, Received};
use sync_core::{BatchId, Code, Operation, OrganisationId, Problem, SpaceId, Status, Timestamp};

use crate::access::{require_session, require_writable};
use crate::audit::{self, Act};
use crate::devices::Contact;
use crate::epochs::Named;
use crate::push::{Batch, Plan, Taking};
use crate::{Caller, Service, ServiceResult};

/// Operations that are put into the queue in one transaction, where no group is larger.
const PART: usize = 500;
/// Bytes of operations that are put into the queue in one transaction, as far as one alone, or a group, is not more.
const PART_BYTES: usize = 1 << 20;
/// Results that are told one by one.
const TOLD: usize = 1_000;
/// Staged items that are moved in one transaction.
const MOVED: i64 = 1_000;
/// How long a batch may stand open before it counts as broken off, in milliseconds.
const OPEN_MS: i64 = 3_600_000;

/// What a batch says of itself.
#[derive(Debug, Clone, Default)]
pub struct BatchHead {
    /// Whether nothing is taken unless everything is.
    pub atomic: bool,
    /// When the device sent it, by its own clock.
    pub sent_at: Option<Timestamp>,
    /// The epochs that the device knows, by space.
    pub epochs: BTreeMap<SpaceId, String>,
}

/// The action of a batch that ends.
const CLOSED: &str = "queue.batch";

/// A batch whose operations arrive.
pub struct BatchWriter {
    service: Service,
    caller: Caller,
    head: BatchHead,
    batch_id: BatchId,
    received_at: Timestamp,
    lines: usize,
    /// What was read and is not put into the queue yet, with its line and its bytes.
    part: Vec<(usize, usize, Received<Operation>)>,
    part_bytes: usize,
    answer: BatchAnswer,
    /// Lines whose form is at fault, and that no record of operations tells of.
    unreadable: usize,
    /// Whether it was closed; otherwise it is when it is dropped, because its sender went away.
    closed: bool,
}

impl Service {
    /// Begins a batch.
    ///
    /// # Errors
    /// `unauthenticated`; the store's.
    pub async fn open_batch(&self, caller: &Caller, head: BatchHead) -> ServiceResult<BatchWriter> {
        let received_at = self.now();
        let batch_id = BatchId(self.entropy.uuid_v7(received_at));
        let Caller { organisation_id, user_id, device_id, .. } = *caller;
        let record = QueueBatch {
            batch_id,
            organisation_id,
            user_id,
            device_id,
            sent_at: head.sent_at,
            received_at,
            epochs: RawJson::of(&head.epochs),
            atomic: head.atomic,
            state: BatchState::Open,
            operations: 0,
            bytes: 0,
            decided: 0,
            decided_bytes: 0,
            finished_at: None,
        };
        let who = *caller;
        let work = move |tx: &mut dyn Tx| {
            require_writable(tx, &who)?;
            Ok(tx.put_batch(&record)?)
        };
        self.decide(caller.write(), work).await?;
        let answer = BatchAnswer::new(batch_id, head.atomic);
        Ok(BatchWriter {
            service: self.clone(),
            caller: *caller,
            head,
            batch_id,
            received_at,
            lines: 0,
            part: Vec::new(),
            part_bytes: 0,
            answer,
            unreadable: 0,
            closed: false,
        })
    }

    /// How far a batch of the caller's is; of others', what a lead or admin may see is told by the queue's own calls.
    ///
    /// # Errors
    /// `unknown_batch`; the store's.
    pub async fn batch_progress(&self, caller: &Caller, batch_id: BatchId) -> ServiceResult<BatchProgress> {
        let who = *caller;
        let work = move |tx: &mut dyn Tx| {
            require_session(tx, &who)?;
            let found = tx.find_batch(who.organisation_id, batch_id)?;
            let own = found.filter(|batch| batch.user_id == who.user_id || who.admin);
            own.ok_or_else(|| Problem::new(Code::UnknownBatch, "there is no such batch of yours; finished ones are kept for a week").into())
        };
        let batch = self.decide(caller.oversee(Access::Read), work).await?;
        Ok(progress_of(&batch))
    }

    /// Goes on with what is left to be done in the queue. To be called about once a second, by one task of a process.
    ///
    /// # Errors
    /// The store's; the next round goes on.
    pub async fn tend_queue(&self) -> ServiceResult<()> {
        while self.tend_batches().await? {}
        Ok(())
    }

    /// Calls what nobody called because a process ended too early: what waits for something that is not there any more,
    /// and spaces in which something is ready. To be called about once a minute.
    ///
    /// # Errors
    /// The store's; the next round goes on.
    pub async fn mend_queue(&self) -> ServiceResult<()> {
        let orphans = self.store.transact(Access::Write, |tx| tx.release_orphans(MOVED)).await?;
        let now = self.now();
        let missed = self.store.transact(Access::Read, move |tx| tx.list_missed_spaces(now, MOVED)).await?;
        let mut spaces: BTreeMap<OrganisationId, Vec<SpaceId>> = BTreeMap::new();
        for (organisation_id, space_id) in orphans.into_iter().chain(missed) {
            spaces.entry(organisation_id).or_default().push(space_id);
        }
        for (organisation_id, spaces) in spaces {
            self.call_spaces(organisation_id, spaces).await?;
        }
        Ok(())
    }

    /// Goes on with what batches left to be done: makes the operations of complete ones ready, drops those of broken ones.
    /// Whether there may be more.
    ///
    /// # Errors
    /// The store's; the next call goes on.
    pub async fn tend_batches(&self) -> ServiceResult<bool> {
        let open_before = self.now().plus_ms(-OPEN_MS);
        let unfinished = self.store.transact(Access::Read, move |tx| tx.list_unfinished_batches(open_before, 16)).await?;
        let mut more = false;
        for batch in unfinished {
            more |= match batch.state {
                BatchState::Sealed => self.release_some(&batch).await?,
                BatchState::Refused => self.drop_some(batch.batch_id).await?,
                BatchState::Open => self.break_off(batch).await?,
            };
        }
        Ok(more)
    }

    async fn release_some(&self, batch: &QueueBatch) -> ServiceResult<bool> {
        let batch_id = batch.batch_id;
        let spaces = self.store.transact(Access::Write, move |tx| tx.release_staged(batch_id, MOVED)).await?;
        if spaces.is_empty() {
            // what some of them waited for may have been decided meanwhile
            self.mend_queue().await?;
            return Ok(false);
        }
        self.call_spaces(batch.organisation_id, spaces).await?;
        Ok(true)
    }

    /// What waits for one of these is called by [`Self::mend_queue`].
    async fn drop_some(&self, batch_id: BatchId) -> ServiceResult<bool> {
        Ok(self.store.transact(Access::Write, move |tx| tx.drop_staged(batch_id, MOVED)).await? > 0)
    }

    /// A batch whose sender went away: what is all or nothing is taken back, of the rest what is there was taken.
    async fn break_off(&self, batch: QueueBatch) -> ServiceResult<bool> {
        let state = if batch.atomic { BatchState::Refused } else { BatchState::Sealed };
        let taken_back = Act::of(batch.organisation_id, CLOSED).with(json!({"state": "refused"}));
        self.close_batch(batch.batch_id, state, batch.atomic.then_some(taken_back)).await?;
        Ok(true)
    }

    /// Everything of a push that was queued is there now. What could not be said is said later.
    pub(crate) async fn seal(&self, batch_id: BatchId) {
        if let Err(error) = self.close_batch(batch_id, BatchState::Sealed, None).await {
            tracing::warn!(%error, "a batch of the queue is closed later");
        }
    }

    /// Closes an open batch, and records it where there is something to be said. Whether it was open.
    async fn close_batch(&self, batch_id: BatchId, state: BatchState, act: Option<Act>) -> ServiceResult<bool> {
        Ok(self.begin_to_close(batch_id, state, act).await?)
    }

    fn begin_to_close(&self, batch_id: BatchId, state: BatchState, act: Option<Act>) -> Transaction<bool> {
        let (now, entropy) = (self.now(), Arc::clone(&self.entropy));
        let work = move |tx: &mut dyn Tx| {
            let closed = close(tx, batch_id, state, now)?;
            audit::write(tx, &*entropy, now, act.clone().filter(|_| closed).map(|act| act.about(&batch_id)))?;
            Ok(closed)
        };
        self.store.transact(Access::Write, work)
    }
}

fn close(tx: &mut dyn Tx, batch_id: BatchId, state: BatchState, now: Timestamp) -> StoreResult<bool> {
    let Some(batch) = tx.load_batches(&[batch_id])?.pop().filter(|batch| batch.state == BatchState::Open) else { return Ok(false) };
    tx.put_batch(&QueueBatch { state, ..batch })?;
    // nothing may be left to be decided of it
    tx.count_decided(&[(batch_id, 0, 0)], now)?;
    Ok(true)
}

fn progress_of(batch: &QueueBatch) -> BatchProgress {
    let state = match (batch.state, batch.finished_at) {
        (BatchState::Open, _) => "receiving",
        (BatchState::Refused, _) => "refused",
        (BatchState::Sealed, None) => "queued",
        (BatchState::Sealed, Some(_)) => "done",
    };
    BatchProgress {
        batch_id: batch.batch_id,
        state,
        device_id: batch.device_id,
        received_at: batch.received_at,
        operations: batch.operations,
        bytes: batch.bytes,
        decided: batch.decided,
        decided_bytes: batch.decided_bytes,
        finished_at: batch.finished_at,
    }
}

impl BatchWriter {
    /// Takes the next operation, of a line of so many bytes. What can't be taken is part of the answer.
    ///
    /// # Errors
    /// The store's: what was taken before stands, unless it was all or nothing.
    pub async fn take(&mut self, operation: Received<Operation>, bytes: usize) -> ServiceResult<()> {
        self.part.push((self.lines, bytes, operation));
        self.part_bytes += bytes;
        self.lines += 1;
        if self.part.len() < PART && self.part_bytes < PART_BYTES {
            return Ok(());
        }
        // a group comes into the queue whole: one that may go on stays for the next part
        let group = |(_, _, received): &(usize, usize, Received<Operation>)| received.group.clone();
        let last = self.part.last().and_then(group);
        let whole = self.part.iter().rposition(|entry| last.is_none() || group(entry) != last).map_or(0, |place| place + 1);
        if whole == 0 && self.part.len() < MAX_OPERATIONS && self.part_bytes < MAX_BODY_BYTES {
            return Ok(());
        }
        let rest = self.part.split_off(if whole == 0 { self.part.len() } else { whole });
        let part = std::mem::replace(&mut self.part, rest);
        self.part_bytes = self.part.iter().map(|(_, bytes, _)| bytes).sum();
        self.put(part).await
    }

    /// Puts operations into the queue.
    async fn put(&mut self, part: Vec<(usize, usize, Received<Operation>)>) -> ServiceResult<()> {
        let (lines, operations): (Vec<usize>, Vec<Received<Operation>>) =
            part.into_iter().map(|(line, _, operation)| (line, operation)).unzip();
        if self.head.atomic && self.answer.refused + self.answer.waiting > 0 {
            // nothing is taken any more: the rest is only looked through for what is at fault in its form
            for (line, received) in lines.into_iter().zip(operations) {
                if let Err(problem) = received.content {
                    self.unreadable += 1;
                    self.note(line, OperationResult::refused(received.op_id, problem));
                }
            }
            return Ok(());
        }
        let batch = Arc::new(Batch {
            caller: self.caller,
            plan: Plan::new(&operations),
            operations,
            epochs: Named::clone(&self.head.epochs),
            sent_at: self.head.sent_at,
            arrived_at: self.received_at,
            received_at: self.service.now(),
            taking: Taking::Queue { staged: self.head.atomic },
            hidden: BTreeSet::new(),
            id: self.batch_id,
        });
        let (results, _) = self.service.push(&batch).await?;
        for (line, result) in lines.into_iter().zip(results) {
            self.note(line, result);
        }
        Ok(())
    }

    /// A line that is no operation.
    pub fn refuse_line(&mut self, problem: Problem) {
        self.answer.refused += 1;
        self.unreadable += 1;
        let line = self.lines;
        self.lines += 1;
        if self.answer.faults.len() < TOLD {
            self.answer.faults.push(BatchFault { line: line + 1, op_id: None, status: Status::Rejected, problem: Some(problem) });
        }
    }

    /// How many lines were read.
    #[must_use]
    pub const fn lines(&self) -> usize {
        self.lines
    }

    /// What is left of it when it breaks off here, in words.
    #[must_use]
    pub fn what_stands(&self) -> String {
        if self.head.atomic {
            return "it was all or nothing, and nothing was taken. Send it again.".into();
        }
        format!(
            "what was taken of them stays taken ({} are queued, as batch {}). Send it again: what was taken answers so.",
            self.answer.queued, self.batch_id
        )
    }

    fn note(&mut self, line: usize, result: OperationResult) {
        let answer = &mut self.answer;
        match result.status {
            Status::Queued => answer.queued += 1,
            Status::Parked => answer.parked += 1,
            Status::Duplicate => answer.duplicates += 1,
            Status::Waiting => answer.waiting += 1,
            _ if result.held => answer.decided += 1,
            _ => answer.refused += 1,
        }
        if !matches!(result.status, Status::Queued | Status::Duplicate) && answer.faults.len() < TOLD {
            answer.faults.push(BatchFault {
                line: line + 1,
                op_id: Some(result.op_id),
                status: result.status,
                problem: result.problem.clone(),
            });
        }
        if line < TOLD {
            answer.results.push(result);
        }
    }

    /// Everything was read: what was taken is for the workers now; or nothing was, where it is all or nothing and
    /// something is at fault.
    ///
    /// # Errors
    /// The store's: the batch is complete or taken back later.
    pub async fn finish(mut self) -> ServiceResult<BatchAnswer> {
        let rest = std::mem::take(&mut self.part);
        self.put(rest).await?;
        let mut refused = self.head.atomic && self.answer.refused + self.answer.waiting + self.answer.decided > 0;
        let state = if refused { BatchState::Refused } else { BatchState::Sealed };
        // one that took too long to arrive was taken back meanwhile
        refused |= !self.service.close_batch(self.batch_id, state, self.act(state)).await? && self.head.atomic;
        self.closed = true;
        if refused {
            self.answer.take_back();
        }
        if self.lines > TOLD {
            self.answer.results.clear();
        }
        self.answer.lines = self.lines;
        self.service.note_contact(&self.caller, Contact::Sent);
        self.service.broadcaster().publish(&[Signal::Queue, Signal::Batch(self.caller.device_id, self.batch_id)]);
        while self.head.atomic && self.service.tend_batches().await? {}
        Ok(self.answer.clone())
    }

    /// Its sender went away, or sent what is no batch: nothing more comes.
    ///
    /// # Errors
    /// The store's: it is closed later.
    pub async fn break_off(mut self) -> ServiceResult<()> {
        if !self.head.atomic {
            let rest = std::mem::take(&mut self.part);
            self.put(rest).await?;
        }
        self.service.close_batch(self.batch_id, self.broken(), self.act(self.broken())).await?;
        self.closed = true;
        Ok(())
    }

    /// What is recorded of it beside its operations: that nothing of it was taken after all, and lines that are no operations.
    fn act(&self, state: BatchState) -> Option<Act> {
        let is_refused = state == BatchState::Refused;
        let details = json!({"state": if is_refused { "refused" } else { "queued" }, "lines": self.lines, "unreadable": self.unreadable});
        (is_refused || self.unreadable > 0).then(|| Act::by(&self.caller, CLOSED).with(details))
    }

    /// What becomes of it when nothing more comes.
    const fn broken(&self) -> BatchState {
        if self.head.atomic { BatchState::Refused } else { BatchState::Sealed }
    }
}

impl Drop for BatchWriter {
    fn drop(&mut self) {
        if !self.closed {
            // the job is under way; nobody waits for its end
            drop(self.service.begin_to_close(self.batch_id, self.broken(), self.act(self.broken())));
        }
    }
}
