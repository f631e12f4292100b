//! Retrying or discarding many items at once: told first how many, then done in the background, in steps.
//!
//! A step is one unit of work on items of one space. It is counted in the task's row in the same transaction: of two
//! nodes that take the same step, one finds that it was taken, and does nothing.

use serde::{Deserialize, Serialize};
use sync_core::json::RawJson;
use sync_core::ports::{Access, Entropy, ItemMark, ItemState, QueueItem, QueueTask, StoreError, Tx};
use sync_core::protocol::v1::queue::{BulkFilter, BulkRequest, BulkResponse, TaskProgress};
use sync_core::{Code, DeviceId, OpId, Problem, SessionId, TaskId, Timestamp};
use uuid::Uuid;

use super::discard::check_reason;
use super::letters::{Word, as_decided, discard, due, may_discard, record, retried, signals, with_groups};
use super::pending::{mark_of, totals};
use super::sight::Sight;
use crate::{Caller, Service, ServiceResult};

/// Items of a step.
const STEP: i64 = 500;
/// Tasks that one call goes on with.
const TASKS: i64 = 10;
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
}

impl Service {
    /// Tells how many items a filter means, or begins to retry or discard them: those that failed, of what the caller may
    /// see. What fails later is not meant.
    ///
    /// # Errors
    /// `malformed` for a state that can't be meant, or a discard without a reason; the store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn begin_bulk(&self, caller: &Caller, action: BulkAction, request: BulkRequest) -> ServiceResult<BulkResponse> {
        let (caller, now) = (*caller, self.now());
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
        let work = move |tx: &mut dyn Tx| {
            let meant = Sight::load(tx, &caller)?.filter(&filter, &STATES)?;
            let total = totals(&tx.count_queue(caller.organisation_id, &meant)?).items;
            let first = tx.list_queue(caller.organisation_id, &meant, None, SHOWN)?;
            if !preview {
                let (filter, reason, device_id) = (filter.clone(), reason.clone(), caller.device_id);
                let body = Body { action, filter, reason, admin: caller.admin, device_id, total, done: 0, skipped: 0, after: None };
                tx.put_task(&QueueTask {
                    task_id,
                    organisation_id: caller.organisation_id,
                    user_id: caller.user_id,
                    created_at: now,
                    step: 1,
                    finished_at: (total == 0).then_some(now),
                    body: RawJson::of(&body),
                })?;
            }
            Ok((total, first.into_iter().map(|item| item.op_id).collect::<Vec<OpId>>()))
        };
        let access = if preview { Access::Read } else { Access::Write };
        let (count, op_ids) = self.decide(access, work).await?;
        if !preview {
            self.signals.publish(&[sync_core::ports::Signal::Queue]);
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
        let task = self.decide(Access::Read, move |tx| Ok(tx.find_task(caller.organisation_id, task_id)?)).await?;
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
        })
    }

    /// Goes on with the tasks that have not ended, one step each. How many steps were taken: none when there is nothing
    /// left to do. To be called by whoever works the queue, until it answers 0.
    ///
    /// # Errors
    /// The store's; the next call goes on.
    pub async fn run_queue_tasks(&self) -> ServiceResult<usize> {
        let tasks = self.store.transact(Access::Read, |tx| tx.list_unfinished_tasks(TASKS)).await?;
        let mut taken = 0;
        for task in tasks {
            let (now, entropy) = (self.now(), self.entropy.clone());
            let work = move |tx: &mut dyn Tx| step(tx, &*entropy, &task, now);
            let (action, items) = self.decide(Access::Write, work).await?;
            taken += 1;
            if !items.is_empty() {
                if action == BulkAction::Discard {
                    self.recorder.decided(&as_decided(&items), now);
                }
                self.signals.publish(&signals(&items));
            }
        }
        Ok(taken)
    }
}

fn read(task: &QueueTask) -> ServiceResult<Body> {
    Ok(task.body.read().ok_or_else(|| StoreError::Damaged(format!("the task {}", task.task_id)))?)
}

/// One step of a task; the items that were changed.
fn step(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    task: &QueueTask,
    now: Timestamp,
) -> ServiceResult<(BulkAction, Vec<QueueItem>)> {
    let mut body = read(task)?;
    let action = body.action;
    let session_id = SessionId(Uuid::nil());
    let caller =
        Caller { organisation_id: task.organisation_id, user_id: task.user_id, device_id: body.device_id, session_id, admin: body.admin };
    // what the person may do is looked at anew in every step
    let filter = Sight::load(tx, &caller)?.filter(&body.filter, &STATES)?;
    let listed = tx.list_queue(caller.organisation_id, &filter, body.after.as_ref(), STEP)?;
    let Some(space_id) = listed.first().map(|item| item.space_id) else {
        let ended = QueueTask { step: task.step + 1, finished_at: Some(now), body: RawJson::of(&body), ..task.clone() };
        tx.put_task(&ended)?;
        return Ok((action, Vec::new()));
    };
    let listed: Vec<QueueItem> = listed.into_iter().take_while(|item| item.space_id == space_id).collect();
    body.after = listed.last().map(mark_of);
    let head = if action == BulkAction::Discard { tx.lock_head(space_id)?.map_or(0, |head| head.version) } else { 0 };
    let space = tx.lock_queue_space(caller.organisation_id, space_id)?;
    let op_ids: Vec<OpId> = listed.iter().map(|item| item.op_id).collect();
    let present = tx.load_items(caller.organisation_id, &op_ids)?;
    let chosen = choose(tx, action, present)?;
    let done = chosen.iter().filter(|item| op_ids.contains(&item.op_id)).count();
    body.done += i64::try_from(done).unwrap_or(0);
    body.skipped += i64::try_from(op_ids.len().saturating_sub(done)).unwrap_or(0);
    let next = QueueTask { step: task.step + 1, body: RawJson::of(&body), ..task.clone() };
    if !tx.put_task(&next)? {
        // somebody else took this step
        return Ok((action, Vec::new()));
    }
    let word = Word {
        caller: &caller,
        action: if action == BulkAction::Discard { "queue.discard" } else { "queue.retry" },
        reason: body.reason.as_deref(),
        now,
    };
    match action {
        BulkAction::Discard => discard(tx, entropy, &word, (head, &chosen))?,
        BulkAction::Retry => {
            let retried: Vec<QueueItem> = chosen.iter().map(|item| retried(item, None, now)).collect();
            tx.put_items(&retried)?;
            tx.put_queue_space(&due(space, &retried, now))?;
            let others: Vec<QueueItem> = chosen.iter().filter(|item| item.user_id != caller.user_id).cloned().collect();
            record(tx, entropy, &word, &others)?;
        }
    }
    Ok((action, chosen))
}

/// The items that can be changed, with those of their groups: without those that a worker has, or has one of their group.
fn choose(tx: &mut dyn Tx, action: BulkAction, present: Vec<QueueItem>) -> ServiceResult<Vec<QueueItem>> {
    let all = with_groups(tx, present)?;
    let fits = |item: &QueueItem| match action {
        BulkAction::Discard => may_discard(item).is_ok(),
        BulkAction::Retry => item.state != ItemState::Leased,
    };
    let group_of = |item: &QueueItem| item.group.clone().map(|group| (item.user_id, group));
    let stuck: Vec<_> = all.iter().filter(|item| !fits(item)).filter_map(group_of).collect();
    let is_free = |item: &QueueItem| fits(item) && group_of(item).is_none_or(|group| !stuck.contains(&group));
    Ok(all.into_iter().filter(is_free).collect())
}
