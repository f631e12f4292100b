//! One step of a task.

use sync_core::json::RawJson;
use sync_core::ports::{Entropy, ItemState, QueueItem, QueueSpace, QueueTask, StoreResult, Tx};
use sync_core::{Code, OpId, Problem, SessionId, Timestamp};
use uuid::Uuid;

use super::{Body, BulkAction, STATES, read};
use crate::queue::letters::{Word, discard, due, may_discard, record, retried, with_groups};
use crate::queue::pending::mark_of;
use crate::queue::sight::Sight;
use crate::{Caller, ServiceResult};

/// Items of a step.
const STEP: i64 = 500;

/// Takes a step; the items that were changed.
pub(super) fn take(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    task: &QueueTask,
    now: Timestamp,
) -> ServiceResult<(BulkAction, Vec<QueueItem>)> {
    let mut body = read(task)?;
    let action = body.action;
    let caller = caller_of(tx, task, &body)?;
    let listed = list_next(tx, &caller, &body)?;
    let Some(space_id) = listed.first().map(|item| item.space_id) else {
        tx.put_task(&QueueTask { step: task.step + 1, finished_at: Some(now), body: RawJson::of(&body), ..task.clone() })?;
        return Ok((action, Vec::new()));
    };
    let head = if action == BulkAction::Discard { tx.lock_head(space_id)?.map_or(0, |head| head.version) } else { 0 };
    let space = tx.lock_queue_space(caller.organisation_id, space_id)?;
    let op_ids: Vec<OpId> = listed.iter().map(|item| item.op_id).collect();
    let present = tx.load_items(caller.organisation_id, &op_ids)?;
    let chosen = choose(tx, action, present)?;
    let done = chosen.iter().filter(|item| op_ids.contains(&item.op_id)).count();
    (body.after, body.failures) = (listed.last().map(mark_of), 0);
    body.done += i64::try_from(done).unwrap_or(0);
    body.skipped += i64::try_from(op_ids.len().saturating_sub(done)).unwrap_or(0);
    if !tx.put_task(&QueueTask { step: task.step + 1, body: RawJson::of(&body), ..task.clone() })? {
        // somebody else took this step
        return Ok((action, Vec::new()));
    }
    let name = if action == BulkAction::Discard { "queue.discard" } else { "queue.retry" };
    let word = Word { caller: &caller, action: name, reason: body.reason.as_deref(), now };
    match action {
        BulkAction::Discard => discard(tx, entropy, &word, (head, &chosen))?,
        BulkAction::Retry => retry(tx, entropy, &word, (space, &chosen))?,
    }
    Ok((action, chosen))
}

/// In whose name it goes on: who asked for it, with what they may do now.
fn caller_of(tx: &mut dyn Tx, task: &QueueTask, body: &Body) -> ServiceResult<Caller> {
    let user = tx.load_users(task.organisation_id, &[task.user_id])?.pop();
    let user = user.ok_or_else(|| Problem::new(Code::Forbidden, "who asked for this is no user any more; begin it in another's name"))?;
    let (device_id, session_id) = (body.device_id, SessionId(Uuid::nil()));
    // who became an admin since meant less
    let admin = body.admin && user.admin;
    Ok(Caller { organisation_id: task.organisation_id, user_id: task.user_id, device_id, session_id, admin, trace: None })
}

/// The next items that are meant, of one space.
fn list_next(tx: &mut dyn Tx, caller: &Caller, body: &Body) -> ServiceResult<Vec<QueueItem>> {
    let filter = Sight::load(tx, caller)?.filter(&body.filter, &STATES)?;
    let mut listed = tx.list_queue(caller.organisation_id, &filter, body.after.as_ref(), STEP)?;
    if let Some(space_id) = listed.first().map(|item| item.space_id) {
        listed.retain(|item| item.space_id == space_id);
    }
    Ok(listed)
}

/// Has these items of a space tried again; others' are recorded.
fn retry(
    tx: &mut dyn Tx,
    entropy: &(dyn Entropy + 'static),
    word: &Word<'_>,
    (space, chosen): (QueueSpace, &[QueueItem]),
) -> StoreResult<()> {
    let again: Vec<QueueItem> = chosen.iter().map(|item| retried(item, None, word.now)).collect();
    tx.put_items(&again)?;
    tx.put_queue_space(&due(space, &again, word.now))?;
    let others: Vec<QueueItem> = chosen.iter().filter(|item| item.user_id != word.caller.user_id).cloned().collect();
    record(tx, entropy, word, &others)
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
