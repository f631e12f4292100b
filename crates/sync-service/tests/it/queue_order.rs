//! The order of what is in the queue: one device's operations on one document, groups, dependencies.

use queue::sizing::Budget;
use serde_json::{Value, json};
use sync_service::QueueConfig;
use testkit::memory::Breaks;

use crate::queue_work::{queueing, queueing_with, receipt, work_off};
use crate::sync::{id, op, statuses, told, with};
use crate::world::now;

#[test]
fn a_devices_next_word_on_a_document_waits_for_the_one_before() {
    let pair = queueing(1);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": "0"})));
    pair.push(&pair.bo, json!([op(2, "update", "a", 1, json!({"t": "bo 1"})), op(3, "create", "b", 0, json!({}))]));
    // a small push, decided at once if it were not for the one before
    let next = pair.one(&pair.bo, with(op(4, "update", "a", 1, json!({"t": "bo 2"})), json!({"after": id(2)})));
    assert_eq!((told(&next), &next["held"]), (("queued", ""), &json!(true)));
    // by `after` as well, where the document says nothing
    let depends = pair.one(&pair.bo, with(op(5, "create", "c", 0, json!({})), json!({"depends_on": [id(4)]})));
    assert_eq!(told(&depends).0, "queued");
    assert_eq!(told(&pair.one(&pair.ana, op(6, "update", "a", 1, json!({"u": 1})))).0, "applied", "another device overtakes");
    work_off(&pair);
    for (n, status) in [(2, "merged"), (4, "merged"), (5, "applied")] {
        assert_eq!(receipt(&pair, &pair.bo, n)["status"], status, "{n}");
    }
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"t": "bo 2", "u": 1}), "nobody is in conflict with themselves");
}

#[test]
fn a_group_goes_into_the_queue_and_out_of_it_as_a_whole() {
    let pair = queueing(1);
    pair.push(&pair.bo, json!([op(1, "create", "a", 0, json!({"t": "0"})), op(2, "create", "b", 0, json!({}))]));
    let grouped = |n, document: &str| with(op(n, "update", document, 0, json!({"g": n})), json!({"group": "g1"}));
    // one member waits for what is queued, so both do
    let results = pair.push(
        &pair.bo,
        json!([with(grouped(3, "a"), json!({"after": id(1)})), with(op(4, "create", "x", 0, json!({})), json!({"group": "g1"}))]),
    );
    assert_eq!(statuses(&results), ["queued", "queued"]);
    let late = pair.one(&pair.bo, with(op(5, "create", "y", 0, json!({})), json!({"group": "g1"})));
    assert_eq!(told(&late), ("rejected", "group_closed"));
    work_off(&pair);
    assert_eq!((&receipt(&pair, &pair.bo, 3)["status"], &receipt(&pair, &pair.bo, 4)["status"]), (&json!("applied"), &json!("applied")));
    // and refused as a whole
    let other = |n, document| with(grouped(n, document), json!({"group": "g2"}));
    let results = pair.push(&pair.bo, json!([other(6, "nowhere"), other(7, "a")]));
    assert_eq!(statuses(&results), ["queued", "queued"]);
    work_off(&pair);
    assert_eq!(receipt(&pair, &pair.bo, 6)["problem"]["code"], "unknown_document");
    assert_eq!(receipt(&pair, &pair.bo, 7)["problem"]["code"], "group_member");
}

#[test]
fn nothing_goes_into_the_queue_before_what_it_comes_after() {
    let pair = queueing(0);
    let second = pair.second_space();
    // each space's operations are looked at before the other's are there
    for (n, here, there) in [(1, pair.space.clone(), second.clone()), (5, second, pair.space.clone())] {
        let at = |operation: Value, space: &str| with(operation, json!({"space_id": space}));
        let results = pair.push(
            &pair.ana,
            json!([
                at(op(n, "create", &format!("far{n}"), 0, json!({})), &there),
                at(op(n + 1, "create", &format!("a{n}"), 0, json!({"t": "1"})), &here),
                with(at(op(n + 2, "update", &format!("a{n}"), 0, json!({"t": "2"})), &here), json!({"depends_on": [id(n)]})),
                at(op(n + 3, "update", &format!("a{n}"), 0, json!({"t": "3"})), &here),
            ]),
        );
        assert_eq!(statuses(&results), ["queued"; 4]);
        work_off(&pair);
        let versions: Vec<i64> = (n + 1..n + 4).map(|n| receipt(&pair, &pair.ana, n)["version"].as_i64().unwrap()).collect();
        assert!(versions.is_sorted(), "{versions:?}");
    }
}

#[test]
fn a_group_does_not_wait_for_itself() {
    let pair = queueing(0);
    let grouped = |n, kind, patch| with(op(n, kind, "a", 0, patch), json!({"group": "g1"}));
    let results = pair.push(&pair.bo, json!([grouped(1, "create", json!({"t": "1"})), grouped(2, "update", json!({"t": "2"}))]));
    assert_eq!(statuses(&results), ["queued", "queued"]);
    work_off(&pair);
    assert_eq!((&receipt(&pair, &pair.bo, 1)["status"], &receipt(&pair, &pair.bo, 2)["status"]), (&json!("applied"), &json!("applied")));
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"t": "2"}));
}

#[test]
fn urgent_work_overtakes_and_takes_what_it_builds_on_along() {
    let schema = json!({"name": "n", "version": 1, "collections": {
        "notes": {"lane": 3, "fields": {"t": {"type": "text", "lane": 3}, "starts_at": {"type": "text", "lane": 0}}}}});
    let pair = queueing_with(schema, 1);
    let mut push: Vec<Value> = (1..=5).map(|n| op(n, "create", &format!("d{n}"), 0, json!({"t": "bulk"}))).collect();
    push.extend([op(6, "create", "late", 0, json!({"t": "bulk"})), op(7, "update", "late", 0, json!({"starts_at": "16:00"}))]);
    push.push(op(8, "create", "times", 0, json!({"starts_at": "17:00"})));
    assert_eq!(statuses(&pair.push(&pair.ana, json!(push))), ["queued"; 8]);
    work_off(&pair);
    let version = |n| receipt(&pair, &pair.ana, n)["version"].as_i64().unwrap();
    // one step took them all, in the order in which they were sent; what matters is in which order they are taken
    assert!(version(6) < version(7));

    let mut push: Vec<Value> = (11..=15).map(|n| op(n, "create", &format!("e{n}"), 0, json!({"t": "bulk"}))).collect();
    push.extend([op(16, "create", "later", 0, json!({"t": "bulk"})), op(17, "update", "later", 0, json!({"starts_at": "16:00"}))]);
    pair.push(&pair.ana, json!(push));
    let claim = now(pair.world.service.claim_work()).unwrap().unwrap();
    let lanes: Vec<(String, i32)> = claim.items().iter().map(|item| (item.op_id.to_string(), item.lane)).collect();
    assert_eq!(lanes[..2], [(id(16), 0), (id(17), 0)], "the creation goes with the time that was set on it: {lanes:?}");
    assert!(lanes[2..].iter().all(|(_, lane)| *lane == 3), "{lanes:?}");
}

#[test]
fn what_depends_on_another_space_is_released_there() {
    let pair = queueing(1);
    let second = pair.second_space();
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({})), op(2, "create", "b", 0, json!({}))]));
    let there = with(op(3, "create", "c", 0, json!({})), json!({"space_id": second, "depends_on": [id(2)]}));
    assert_eq!(told(&pair.one(&pair.ana, there)).0, "queued");
    work_off(&pair);
    assert_eq!(receipt(&pair, &pair.ana, 3)["status"], "applied");
}

#[test]
fn what_is_at_fault_whatever_its_document_says_is_told_at_once() {
    let pair = queueing(1);
    let push = json!([
        op(1, "create", "a", 0, json!({})),
        with(op(2, "update", "b", 0, json!({})), json!({"after": id(99)})),
        with(op(3, "create", "c", 0, json!({})), json!({"digest": "wrong"})),
        with(op(4, "create", "d", 0, json!({})), json!({"space_id": id(77)})),
        with(op(5, "create", "e", 0, json!({})), json!({"depends_on": [id(5)]})),
        op(6, "create", "f", 0, json!({"n": 9_007_199_254_740_993_i64})),
    ]);
    let results = pair.push(&pair.ana, push);
    let told: Vec<_> = results.iter().map(told).collect();
    assert_eq!(
        told,
        [
            ("queued", ""),
            ("waiting", "not_here_yet"),
            ("rejected", "digest_mismatch"),
            ("rejected", "unknown_space"),
            ("rejected", "dependency_cycle"),
            ("rejected", "number_range")
        ]
    );
}

#[test]
fn a_chain_without_after_holds_however_it_is_taken_apart() {
    let mut pair = queueing(1);
    let mut config = QueueConfig::default();
    (config.inline, config.step_items) = (Budget::of(1, 1 << 20, 2_000), 1);
    pair.world.service = pair.world.service.clone().with_queue(config);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": "0"})));
    let push = json!([
        op(2, "update", "a", 1, json!({"t": "bo 1"})),
        op(3, "update", "a", 1, json!({"t": "bo 2"})),
        op(4, "create", "b", 0, json!({})),
        op(5, "update", "b", 0, json!({"u": 1})),
        op(6, "update", "a", 1, json!({"t": "bo 3"}))
    ]);
    assert_eq!(statuses(&pair.push(&pair.bo, push)), ["queued"; 5]);
    // somebody else comes between, so that each step merges
    let claim = now(pair.world.service.claim_work()).unwrap().unwrap();
    now(pair.world.service.run_step(&claim)).unwrap();
    now(pair.world.service.hand_back(&claim)).unwrap();
    assert_eq!(told(&pair.one(&pair.ana, op(7, "update", "a", 2, json!({"other": 1})))).0, "applied");
    work_off(&pair);
    for n in 2..=6 {
        assert!(
            ["applied", "merged"].contains(&receipt(&pair, &pair.bo, n)["status"].as_str().unwrap()),
            "{n}: {}",
            receipt(&pair, &pair.bo, n)
        );
    }
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"t": "bo 3", "other": 1}), "nobody is in conflict with themselves");
    assert_eq!(pair.read(&pair.ana, "notes", "b"), json!({"u": 1}));
}

#[test]
fn a_group_shares_its_members_fate() {
    let pair = queueing(1);
    pair.one(&pair.ana, op(1, "create", "bad", 0, json!({})));
    pair.world.store.break_document("notes/bad", Some(Breaks::Panics));
    let grouped = |operation: Value| with(operation, json!({"group": "g1"}));
    pair.push(&pair.bo, json!([grouped(op(2, "update", "bad", 1, json!({"n": 1}))), grouped(op(3, "create", "good", 0, json!({})))]));
    for _ in 0..6 {
        work_off(&pair);
        let (one, other) = (receipt(&pair, &pair.bo, 2), receipt(&pair, &pair.bo, 3));
        assert_eq!(one["status"], other["status"]);
        pair.world.clock.advance_ms(3_600_000);
    }
    assert_eq!(receipt(&pair, &pair.bo, 3)["status"], "parked");
    pair.world.store.break_document("notes/bad", None);
    let again = serde_json::from_value(json!({"patch": {"n": 2}})).unwrap();
    now(pair.world.service.retry_operation(&pair.bo, id(2).parse().unwrap(), again)).unwrap();
    work_off(&pair);
    assert_eq!((&receipt(&pair, &pair.bo, 2)["status"], &receipt(&pair, &pair.bo, 3)["status"]), (&json!("applied"), &json!("applied")));
    assert_eq!(pair.read(&pair.ana, "notes", "bad"), json!({"n": 2}));
}
