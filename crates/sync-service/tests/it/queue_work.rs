//! Pushes that go into the queue, and the workers that decide them.

use queue::runner::Ran;
use queue::sizing::Budget;
use serde_json::{Value, json};
use sync_core::OpId;
use sync_service::{Caller, QueueConfig};
use testkit::memory::Breaks;

use crate::sync::{Pair, id, op, statuses, told, with};
use crate::world::now;

/// A pair whose pushes of more than so many operations are queued.
pub(crate) fn queueing(operations: usize) -> Pair {
    queueing_with(Value::Null, operations)
}

/// The same with a schema.
pub(crate) fn queueing_with(schema: Value, operations: usize) -> Pair {
    let mut pair = Pair::with(schema);
    let mut config = QueueConfig::default();
    config.inline = Budget::of(operations, 1 << 20, 2_000);
    pair.world.service = pair.world.service.clone().with_queue(config);
    pair
}

pub(crate) fn work_off(pair: &Pair) -> usize {
    now(pair.world.service.work_off()).unwrap()
}

pub(crate) fn receipt(pair: &Pair, caller: &Caller, n: u32) -> Value {
    let op_id: OpId = id(n).parse().unwrap();
    serde_json::to_value(&now(pair.world.service.receipts(caller, vec![op_id])).unwrap().receipts[0]).unwrap()
}

fn status_of(pair: &Pair, caller: &Caller, n: u32) -> String {
    receipt(pair, caller, n)["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_push_over_the_budget_is_held_and_decided_by_a_worker() {
    let pair = queueing(2);
    let push =
        json!([op(1, "create", "a", 0, json!({"n": 1})), op(2, "create", "b", 0, json!({})), op(3, "update", "a", 0, json!({"n": 2}))]);
    let results = pair.push(&pair.ana, push.clone());
    assert_eq!(statuses(&results), ["queued"; 3]);
    assert!(results.iter().all(|result| result["held"] == true), "{results:?}");
    let queued = receipt(&pair, &pair.ana, 1);
    assert_eq!((&queued["status"], &queued["held"], &queued["space_id"]), (&json!("queued"), &json!(true), &json!(pair.space)));
    assert_eq!(status_of(&pair, &pair.bo, 1), "unknown", "another user's is as unknown as any");
    assert_eq!(pair.read(&pair.bo, "notes", "a"), Value::Null);
    // a replay is answered by the state that it is in, another operation under the same id is not taken
    assert_eq!(statuses(&pair.push(&pair.ana, push.clone())), ["queued"; 3]);
    assert_eq!(told(&pair.one(&pair.ana, op(1, "create", "a", 0, json!({"n": 9})))), ("rejected", "op_id_reuse"));
    assert_eq!(told(&pair.one(&pair.bo, op(1, "create", "a", 0, json!({"n": 1})))), ("rejected", "op_id_reuse"));

    assert_eq!(work_off(&pair), 1);
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"n": 2}));
    assert_eq!(status_of(&pair, &pair.ana, 3), "applied");
    let replay = pair.push(&pair.ana, push);
    assert_eq!(statuses(&replay), ["duplicate"; 3]);
    assert!(replay.iter().all(|result| result["was"] == "applied"), "{replay:?}");
    assert_eq!(work_off(&pair), 0);
}

#[test]
fn devices_times_are_corrected_by_when_the_push_arrived() {
    let schema = json!({"name": "n", "version": 1, "collections": {"notes": {"fields": {"t": {"type": "text", "strategy": "lww"}}}}});
    let pair = queueing_with(schema, 1);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": "0", "u": 0})));
    let at = |operation: Value, at: &str| with(operation, json!({"created_at": at}));
    let sent = json!({"sent_at": "2026-06-20T14:00:00.000Z", "operations": [
        at(op(2, "update", "a", 1, json!({"t": "bo, first"})), "2026-06-20T13:00:00.000Z"), op(3, "create", "b", 0, json!({}))]});
    assert_eq!(pair.sync(&pair.bo, sent)["results"][0]["status"], "queued");
    // an hour later Ana's edit is decided first, though it was made after Bo's
    pair.world.clock.advance_ms(3_600_000);
    let newer = at(op(4, "update", "a", 1, json!({"t": "ana, later"})), "2026-06-20T14:30:00.000Z");
    pair.sync(&pair.ana, json!({"sent_at": "2026-06-20T15:00:00.000Z", "operations": [newer]}));
    work_off(&pair);
    assert_eq!(pair.read(&pair.ana, "notes", "a")["t"], "ana, later");
}

#[test]
fn a_panic_is_a_failure_of_that_operation_only() {
    let pair = queueing(2);
    pair.one(&pair.ana, op(1, "create", "bad", 0, json!({"n": 0})));
    pair.world.store.break_document("notes/bad", Some(Breaks::Panics));
    let push: Vec<Value> = (10..20).map(|n| op(n, "create", &format!("d{n}"), 0, json!({}))).collect();
    let poison = op(20, "update", "bad", 1, json!({"n": 1}));
    assert_eq!(statuses(&pair.push(&pair.ana, json!([push, vec![poison]].concat()))), ["queued"; 11]);
    work_off(&pair);
    for n in 10..20 {
        assert_eq!(status_of(&pair, &pair.ana, n), "applied");
    }
    assert_eq!(status_of(&pair, &pair.ana, 20), "queued", "it is tried again");
    // what comes after it on the same document, from the same device, waits behind it; others overtake
    assert_eq!(told(&pair.one(&pair.ana, op(21, "update", "bad", 1, json!({"m": 1})))).0, "queued");
    assert_eq!(told(&pair.one(&pair.ana, op(22, "create", "good", 0, json!({})))).0, "applied");
    for _ in 0..5 {
        pair.world.clock.advance_ms(3_600_000);
        work_off(&pair);
    }
    let parked = receipt(&pair, &pair.ana, 20);
    assert_eq!(
        (&parked["status"], &parked["held"], &parked["problem"]["code"]),
        (&json!("parked"), &json!(true), &json!("processing_failed"))
    );
    assert_eq!(status_of(&pair, &pair.ana, 21), "parked", "what waits behind a dead letter waits as one");
    let query = sync_service::AuditQuery { action: Some("queue.park".into()), limit: 9, ..sync_service::AuditQuery::default() };
    let acts = serde_json::to_value(now(pair.world.service.list_audit(&pair.ana, query)).unwrap()).unwrap();
    let about: Vec<&Value> = acts["items"].as_array().unwrap().iter().map(|act| &act["subject"]).collect();
    assert_eq!((about, &acts["items"][0]["user"]), (vec![&json!(id(20))], &Value::Null), "once, and nobody did it: {acts}");
    let behind = pair.one(&pair.ana, op(23, "update", "bad", 1, json!({"k": 1})));
    assert_eq!((told(&behind), &behind["problem"]["culprit"]), (("parked", "predecessor_parked"), &json!(id(20))));
    pair.world.store.break_document("notes/bad", None);
    assert_eq!(told(&pair.one(&pair.bo, op(24, "update", "bad", 1, json!({"b": 1})))).0, "applied", "another device overtakes");
    assert_eq!(work_off(&pair), 0, "a dead letter waits for a person");
}

#[test]
fn what_would_fail_again_is_parked_at_once_and_what_passes_is_tried_longer() {
    let pair = queueing(1);
    pair.one(&pair.ana, op(1, "create", "bad", 0, json!({})));
    pair.world.store.break_document("notes/bad", Some(Breaks::Damaged));
    pair.push(&pair.ana, json!([op(2, "update", "bad", 1, json!({"n": 1})), op(3, "create", "b", 0, json!({}))]));
    work_off(&pair);
    assert_eq!((status_of(&pair, &pair.ana, 2), status_of(&pair, &pair.ana, 3)), ("parked".into(), "applied".into()));

    pair.one(&pair.ana, op(4, "create", "c", 0, json!({})));
    pair.world.store.break_document("notes/c", Some(Breaks::Unavailable));
    pair.push(&pair.ana, json!([op(5, "update", "c", 3, json!({"n": 1})), op(6, "update", "c", 3, json!({"m": 1}))]));
    for round in 0..10 {
        let claim = now(pair.world.service.claim_work()).unwrap().unwrap();
        let failed = now(pair.world.service.run_step(&claim)).is_err();
        assert!(failed || round > 0, "what waits behind it is told apart from it");
        now(pair.world.service.hand_back(&claim)).unwrap();
        pair.world.clock.advance_ms(3_600_000);
    }
    assert_eq!((status_of(&pair, &pair.ana, 5), status_of(&pair, &pair.ana, 6)), ("queued".into(), "queued".into()));
    pair.world.store.break_document("notes/c", None);
    work_off(&pair);
    assert_eq!((status_of(&pair, &pair.ana, 5), status_of(&pair, &pair.ana, 6)), ("applied".into(), "applied".into()));
}

#[test]
fn a_worker_that_stood_still_can_write_nothing() {
    let pair = queueing(1);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"n": 1})), op(2, "create", "b", 0, json!({}))]));
    let stalled = now(pair.world.service.claim_work()).unwrap().unwrap();
    assert!(now(pair.world.service.claim_work()).unwrap().is_err(), "a space has one worker");
    // a living worker keeps its lease however long it takes
    for _ in 0..10 {
        pair.world.clock.advance_ms(20_000);
        assert!(now(pair.world.service.keep_lease(&stalled)).unwrap());
    }
    assert!(now(pair.world.service.claim_work()).unwrap().is_err());
    pair.world.clock.advance_ms(30_001);
    let rescuer = now(pair.world.service.claim_work()).unwrap().unwrap();
    assert!(rescuer.fence() > stalled.fence());
    assert_eq!(now(pair.world.service.run_step(&stalled)).unwrap(), Ran::Lost);
    assert!(!now(pair.world.service.keep_lease(&stalled)).unwrap());
    now(pair.world.service.hand_back(&stalled)).unwrap();
    assert_eq!(pair.read(&pair.bo, "notes", "a"), Value::Null);
    while now(pair.world.service.run_step(&rescuer)).unwrap() == Ran::More {}
    work_off(&pair);
    assert_eq!((status_of(&pair, &pair.ana, 1), status_of(&pair, &pair.ana, 2)), ("applied".into(), "applied".into()));
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"n": 1}));
}

#[test]
fn what_workers_die_of_is_parked_and_takes_nobody_along() {
    let pair = queueing(1);
    let push: Vec<Value> = (1..=40).map(|n| op(n, "create", &format!("d{n}"), 0, json!({}))).collect();
    pair.push(&pair.ana, json!(push));
    // whoever takes the first one dies, together with what else it took
    let mut deaths = 0;
    while let Ok(claim) = now(pair.world.service.claim_work()).unwrap() {
        if claim.items().iter().any(|item| item.op_id.to_string() == id(1)) {
            deaths += 1;
            pair.world.clock.advance_ms(30_001);
            continue;
        }
        now(pair.world.service.run_step(&claim)).unwrap();
        now(pair.world.service.hand_back(&claim)).unwrap();
    }
    assert_eq!((deaths, status_of(&pair, &pair.ana, 1)), (5, "parked".into()));
    for n in 2..=40 {
        assert_eq!(status_of(&pair, &pair.ana, n), "applied", "{n}");
    }
}

#[test]
fn the_right_to_write_is_asked_when_it_is_decided() {
    let pair = queueing(1);
    pair.push(&pair.bo, json!([op(1, "create", "a", 0, json!({})), op(2, "create", "b", 0, json!({}))]));
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    work_off(&pair);
    let kept = receipt(&pair, &pair.bo, 1);
    assert_eq!((&kept["status"], &kept["problem"]["code"]), (&json!("quarantined"), &json!("former_member")));
}
