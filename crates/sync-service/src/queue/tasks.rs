//! Retrying or discarding many items at once: told first how many, then done in the background, in steps.
//!
//! A step is one unit of work on items of one space. It is counted in the task's row in the same transaction: of two
//! nodes that take the same step, one finds that it was taken, and does nothing. A task whose steps fail holds up no
//! other, and ends.

mod step;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::json::RawJson;
use sync_core::ports::{Access, ItemMark, ItemState, QueueTask, Scope, Signal, StoreError, TenantState, Tx};
use sync_core::protocol::v1::queue::{BulkFilter, BulkRequest, BulkResponse, TaskProgress};
use sync_core::{Code, DeviceId, OpId, Problem, TaskId};

use super::discard::check_reason;
use super::letters::{as_decided, signals};
use super::pending::totals;
use super::settle::is_passing;
use super::sight::Sight;
use crate::access::require_writable;
use crate::audit::{self, Act};
use crate::{Caller, Service, ServiceError, ServiceResult};

/// Tasks that one call goes on with.
const TASKS: i64 = 10;
/// After so many steps in a row that failed for a cause of its own, a task ends.
const MOST_FAILURES: u32 = 3;
/// Items that a preview names.
const SHOWN: i64 = 20;
/// What a bulk request may mean.
const STATES: [ItemState; 2] = [ItemState::Parked, ItemState::Delayed];

/// What is done with all items of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// They are tried again now.
    Retry,
    /// They are taken out.
    Discard,
}

impl BulkAction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }
}

/// A task as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Body {
    action: BulkAction,
    filter: BulkFilter,
    reason: Option<String>,
    admin: bool,
    device_id: DeviceId,
    total: i64,
    done: i64,
    skipped: i64,
    after: Option<ItemMark>,
    /// Steps that failed since the last one that did not.
    #[serde(default)]
    failures: u32,
    /// Why it ended before it was through.
    #[serde(default)]
    problem: Option<Problem>,
}

impl Body {
    fn of(action: BulkAction, filter: BulkFilter, reason: Option<String>, caller: &Caller) -> Self {
        let Caller { admin, device_id, .. } = *caller;
        let (total, done, skipped, after, failures, problem) = Default::default();
        Self { action, filter, reason, admin, device_id, total, done, skipped, after, failures, problem }
    }
}

impl Service {
    /// Tells how many items a filter means, or begins to retry or discard them: those that failed, of what the caller may
    /// see. What is accepted later is not meant; what was accepted before, and fails until the task comes to it, is.
    ///
    /// # Errors
    /// `malformed` for a state that can't be meant, or a discard without a reason; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn begin_bulk(&self, caller: &Caller, action: BulkAction, request: BulkRequest) -> ServiceResult<BulkResponse> {
        let (caller, now, entropy) = (*caller, self.now(), Arc::clone(&self.entropy));
        let (preview, reason) = (request.preview, check_reason(request.reason)?);
        if action == BulkAction::Discard && !preview && reason.is_none() {
            return Err(Problem::new(Code::Malformed, "say why they are discarded, in reason: it is recorded, and told")
                .at("/reason")
                .into());
        }
        // what is accepted from now on is not meant
        let until = request.filter.accepted_before.map_or(now.plus_ms(1), |before| before.min(now.plus_ms(1)));
        let filter = BulkFilter { accepted_before: Some(until), ..request.filter };
        let task_id = TaskId(self.entropy.uuid_v7(now));
        let body = Body::of(action, filter, reason, &caller);
        let work = move |tx: &mut dyn Tx| {
            if !preview {
                require_writable(tx, &caller)?;
            }
            let meant = Sight::load(tx, &caller)?.filter(&body.filter, &STATES)?;
            let total = totals(&tx.count_queue(caller.organisation_id, &meant)?).items;
            let first = tx.list_queue(caller.organisation_id, &meant, None, SHOWN)?;
            if !preview {
                tx.put_task(&QueueTask {
                    task_id,
                    organisation_id: caller.organisation_id,
                    user_id: caller.user_id,
                    created_at: now,
                    step: 1,
                    finished_at: (total == 0).then_some(now),
                    body: RawJson::of(&Body { total, ..body.clone() }),
                })?;
                let details = json!({"action": action, "filter": body.filter, "total": total});
                let act = Act::by(&caller, "queue.task").about(&task_id).because(body.reason.as_deref()).with(details);
                audit::write(tx, &*entropy, now, [act])?;
            }
            Ok((total, first.into_iter().map(|item| item.op_id).collect::<Vec<OpId>>()))
        };
        let access = if preview { Access::Read } else { Access::Write };
        let (count, op_ids) = self.decide(caller.oversee(access), work).await?;
        if !preview {
            self.signals.publish(&[Signal::Queue]);
        }
        Ok(BulkResponse { preview, count, op_ids, task_id: (!preview).then_some(task_id) })
    }

    /// How far a task is: one's own, or for an admin anybody's.
    ///
    /// # Errors
    /// `unknown_task`; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn load_task(&self, caller: &Caller, task_id: TaskId) -> ServiceResult<TaskProgress> {
        let caller = *caller;
        let task = self.decide(caller.oversee(Access::Read), move |tx| Ok(tx.find_task(caller.organisation_id, task_id)?)).await?;
        let task = task.filter(|task| task.user_id == caller.user_id || caller.admin);
        let task = task.ok_or_else(|| Problem::new(Code::UnknownTask, "there is no such task of yours; it may have ended long ago"))?;
        let body = read(&task)?;
        Ok(TaskProgress {
            task_id,
            action: body.action.as_str().to_owned(),
            created_at: task.created_at,
            finished_at: task.finished_at,
            total: body.total,
            done: body.done,
            skipped: body.skipped,
            problem: body.problem,
        })
    }

    /// Goes on with the tasks that have not ended, one step each. How many steps were taken: none when there is nothing
    /// left to do. To be called by whoever works the queue, until it answers 0, and once a second however busy they are.
    ///
    /// # Errors
    /// The store's, where no task could go on; the next call does.
    pub async fn run_queue_tasks(&self) -> ServiceResult<usize> {
        let tasks = self.store.transact(Access::Read, |tx| tx.list_unfinished_tasks(TASKS)).await?;
        let (mut taken, mut passing) = (0, None);
        for task in tasks {
            let task_id = task.task_id;
            let outcome = match self.run_task(task.clone()).await {
                Err(error) if !matches!(&error, ServiceError::Store(error) if is_passing(error)) => {
                    tracing::warn!(task.id = %task_id, %error, "a step of a task failed; if it fails again, the task ends");
                    self.count_failure(task, error).await
                }
                outcome => outcome,
            };
            match outcome {
                Ok(did) => taken += usize::from(did),
                Err(error) => {
                    tracing::warn!(task.id = %task_id, %error, "a step of a task could not be done now; it is tried again");
                    passing = Some(error);
                }
            }
        }
        passing.filter(|_| taken == 0).map_or(Ok(taken), Err)
    }

    /// Whether a step was taken.
    async fn run_task(&self, task: QueueTask) -> ServiceResult<bool> {
        let (now, entropy, terms) = (self.now(), self.entropy.clone(), Scope::Organisation(task.organisation_id).write());
        let work = move |tx: &mut dyn Tx| match tx.find_tenant(task.organisation_id)? {
            Some(tenant) if tenant.state != TenantState::Active => Ok(None),
            _ => step::take(tx, &*entropy, &task, now).map(Some),
        };
        // what is held goes on when it is let go
        let Some((action, items)) = self.decide(terms, work).await? else { return Ok(false) };
        if !items.is_empty() {
            if action == BulkAction::Discard {
                self.recorder.decided(&as_decided(&items), now);
            }
            self.signals.publish(&signals(&items));
        }
        Ok(true)
    }

    /// Notes that a step of a task failed; the last time, the task ends with the reason.
    async fn count_failure(&self, task: QueueTask, error: ServiceError) -> ServiceResult<bool> {
        let problem = match error {
            ServiceError::Problem(problem) => problem,
            ServiceError::Store(_) => {
                let detail = "the server could not go on with this; the log says why. What it did stands; begin anew for the rest";
                Problem::new(Code::ProcessingFailed, detail)
            }
        };
        let failed = |mut body: Body| {
            body.failures += 1;
            body.problem = (body.failures >= MOST_FAILURES).then_some(problem);
            (body.problem.is_some(), RawJson::of(&body))
        };
        // one that can't be read can't be done
        let (ends, body) = task.body.read().map_or_else(|| (true, task.body.clone()), failed);
        let next = QueueTask { step: task.step + 1, finished_at: ends.then(|| self.now()), body, ..task };
        let terms = Scope::Organisation(next.organisation_id).write();
        self.store.transact(terms, move |tx| tx.put_task(&next)).await?;
        Ok(true)
    }
}

fn read(task: &QueueTask) -> ServiceResult<Body> {
    Ok(task.body.read().ok_or_else(|| StoreError::Damaged(format!("the task {}", task.task_id)))?)
}
