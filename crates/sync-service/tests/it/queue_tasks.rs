//! What people begin for many items at once: no fault of one task is another's, and every task ends.

use serde_json::json;
use sync_core::json::RawJson;
use sync_core::ports::{Access, QueueItem, QueueTask, Store};
use sync_core::protocol::v1::queue::TaskProgress;
use sync_core::{OpId, TaskId};
use sync_service::Caller;
use sync_service::queue::BulkAction;

use crate::realtime_queue::{parked, put};
use crate::sync::{Pair, id, op};
use crate::world::now;

fn begin(pair: &Pair, caller: &Caller, action: BulkAction) -> TaskId {
    let request = serde_json::from_value(json!({"filter": {}, "reason": "a test run"})).unwrap();
    now(pair.world.service.begin_bulk(caller, action, request)).unwrap().task_id.unwrap()
}

fn run_off(pair: &Pair) {
    let rounds = (0..20).take_while(|_| now(pair.world.service.run_queue_tasks()).unwrap() > 0).count();
    assert!(rounds < 20, "they come to an end");
}

fn progress(pair: &Pair, task_id: TaskId) -> TaskProgress {
    now(pair.world.service.load_task(&pair.ana, task_id)).unwrap()
}

fn left(pair: &Pair, numbers: &[u32]) -> Vec<QueueItem> {
    let op_ids: Vec<OpId> = numbers.iter().map(|n| id(*n).parse().unwrap()).collect();
    let (store, organisation_id): (&dyn Store, _) = (&*pair.world.store, pair.ana.organisation_id);
    now(store.transact(Access::Read, move |tx| tx.load_items(organisation_id, &op_ids))).unwrap()
}

fn put_task(pair: &Pair, task: QueueTask) {
    let store: &dyn Store = &*pair.world.store;
    assert!(now(store.transact(Access::Write, move |tx| tx.put_task(&task))).unwrap());
}

fn find_task(pair: &Pair, task_id: TaskId) -> QueueTask {
    let (store, organisation_id): (&dyn Store, _) = (&*pair.world.store, pair.ana.organisation_id);
    now(store.transact(Access::Read, move |tx| tx.find_task(organisation_id, task_id))).unwrap().unwrap()
}

#[test]
fn a_task_that_fails_holds_up_no_other_and_ends() {
    let pair = Pair::new(None);
    put(&pair, &[], &[parked(&pair, &pair.bo, 7)]);
    // one that can't be read, and one whose filter can't be meant, before one that is well
    let broken = begin(&pair, &pair.ana, BulkAction::Retry);
    let task = find_task(&pair, broken);
    put_task(&pair, QueueTask { step: task.step + 1, body: RawJson::of(&json!({})), ..task.clone() });
    let wrong = begin(&pair, &pair.ana, BulkAction::Retry);
    let mut body = task.body.object();
    body["filter"]["state"] = json!("leased");
    put_task(&pair, QueueTask { task_id: wrong, step: task.step + 1, body: RawJson::of(&body), ..task.clone() });
    let well = begin(&pair, &pair.bo, BulkAction::Discard);
    run_off(&pair);
    assert_eq!(left(&pair, &[7]), []);
    assert_eq!((progress(&pair, well).done, progress(&pair, well).problem), (1, None));
    assert!(find_task(&pair, broken).finished_at.is_some());
    let ended = progress(&pair, wrong);
    assert!(ended.finished_at.is_some());
    assert_eq!(ended.problem.unwrap().code, sync_core::Code::Malformed);
}

#[test]
fn what_is_decided_already_is_only_taken_out() {
    let pair = Pair::new(None);
    pair.one(&pair.bo, op(7, "create", "a", 0, json!({})));
    put(&pair, &[], &[parked(&pair, &pair.bo, 7), parked(&pair, &pair.bo, 8)]);
    let task_id = begin(&pair, &pair.bo, BulkAction::Discard);
    run_off(&pair);
    let end = progress(&pair, task_id);
    assert_eq!((end.done, end.problem, left(&pair, &[7, 8])), (2, None, vec![]));
    let (store, organisation_id): (&dyn Store, _) = (&*pair.world.store, pair.ana.organisation_id);
    let op_ids = [7, 8].map(|n| id(n).parse().unwrap());
    let mut rows = now(store.transact(Access::Read, move |tx| tx.load_results(organisation_id, &op_ids))).unwrap();
    rows.sort_by_key(|row| row.op_id);
    assert_eq!(rows.iter().map(|row| row.status.as_str()).collect::<Vec<_>>(), ["applied", "rejected"]);
}

#[test]
fn who_is_no_admin_any_more_goes_on_as_one_no_longer() {
    let pair = Pair::new(None);
    put(&pair, &[], &[parked(&pair, &pair.bo, 7), parked(&pair, &pair.ana, 8)]);
    // as an admin begins it who is none by the time that it is done
    let task_id = begin(&pair, &Caller { admin: true, ..pair.bo }, BulkAction::Discard);
    assert_eq!(progress(&pair, task_id).total, 2);
    run_off(&pair);
    assert_eq!((progress(&pair, task_id).done, left(&pair, &[7, 8]).len()), (1, 1));
}

#[test]
fn a_task_is_recorded_when_it_is_begun_and_a_preview_is_not() {
    let pair = Pair::new(None);
    let tasks = || {
        let query = sync_service::AuditQuery { action: Some("queue.task".into()), limit: 9, ..sync_service::AuditQuery::default() };
        serde_json::to_value(now(pair.world.service.list_audit(&pair.ana, query)).unwrap()).unwrap()["items"].clone()
    };
    let preview = serde_json::from_value(json!({"filter": {}, "preview": true})).unwrap();
    now(pair.world.service.begin_bulk(&pair.ana, BulkAction::Discard, preview)).unwrap();
    assert_eq!(tasks(), json!([]));
    let task = begin(&pair, &pair.ana, BulkAction::Discard);
    let act = tasks()[0].clone();
    assert_eq!(
        (&act["subject"], &act["reason"], &act["details"]["action"]),
        (&json!(task), &json!("a test run"), &json!("discard")),
        "{act}"
    );
}
