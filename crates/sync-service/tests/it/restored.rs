//! A backup is restored: the log forks, and nothing that was typed is lost.

use queue::runner::Ran;
use serde_json::{Value, json};
use testkit::device::Compose;

use crate::queue_work::{queueing, receipt, work_off};
use crate::story::{NOTES, Story};
use crate::sync::{op, statuses, with};
use crate::world::now;

#[test]
fn what_a_restore_loses_comes_back_from_the_devices() {
    let mut story = Story::new(2);
    story.make(0, "create", "a", json!({"title": "Ceremony", "place": "garden"}));
    story.make(0, "create", "b", json!({"title": "Dinner"}));
    story.sync(0);
    story.sync(1);
    story.back_up();
    // after the backup: edits of both, a new document, a deletion
    let lost = [
        story.make(0, "update", "a", json!({"title": "Ceremony at four"})),
        story.make(1, "create", "c", json!({"title": "Shuttle"})),
        story.make(1, "update", "a", json!({"place": "barn"})),
    ];
    story.settle();
    let chained = story.make(1, "update", "c", json!({"seats": 40}));
    story.make(0, "delete", "b", Value::Null);
    story.settle();
    // and one that never reached the server
    let offline = story.make(1, "update", "a", json!({"note": "typed without signal"}));
    assert!(story.restore());
    for operation in lost {
        assert_eq!(story.receipt(operation)["status"], "unknown", "the restore lost it");
    }
    assert_eq!(story.sync(0), ["epoch"]);
    assert_eq!(story.sync(1), ["epoch"]);
    story.settle();
    let a = story.screen(0, "a").unwrap();
    assert_eq!(json!(a), json!({"title": "Ceremony at four", "place": "barn", "note": "typed without signal"}));
    assert_eq!(json!(story.screen(0, "c").unwrap()), json!({"title": "Shuttle", "seats": 40}));
    assert_eq!(story.screen(1, "b"), None);
    for operation in [chained, offline] {
        assert_eq!(story.receipt(operation)["held"], true);
    }
    assert!(story.devices[0].0.open_conflicts(&story.pair.space).is_empty(), "nobody is asked: nobody disagreed");
    assert_eq!(story.sync(0), Vec::<String>::new(), "once is enough");
}

#[test]
fn a_reset_tells_where_the_logs_part() {
    let mut story = Story::new(1);
    story.make(0, "create", "a", json!({"n": 1}));
    story.sync(0);
    story.back_up();
    let old = story.visit(0, &Compose::default());
    story.make(0, "update", "a", json!({"n": 2}));
    story.sync(0);
    story.restore();
    let first = story.visit(0, &Compose::default());
    assert_eq!((&first["reset"], &first["reason"], &first["shared_until"]), (&json!(true), &json!("epoch"), &json!(1)));
    assert_ne!(first["epoch"], old["epoch"]);
    story.settle();
    // the same backup once more: what was begun after it is of a fork that nobody knows any more
    story.restore();
    let caller = story.devices[0].1;
    let from = |cursor: &Value| story.pair.sync(&caller, json!({"pull": {"spaces": {&story.pair.space: {"cursor": cursor}}}}));
    let page = from(&old["cursor"])["changes"][&story.pair.space].clone();
    assert_eq!((&page["reason"], &page["shared_until"]), (&json!("epoch"), &json!(1)), "older forks are remembered");
    let second = story.visit(0, &Compose::default());
    assert_eq!((&second["reason"], &second["shared_until"]), (&json!("epoch"), &json!(0)), "an unknown one shares nothing");
    story.settle();
}

#[test]
fn a_cursor_whose_key_was_lost_is_told_of_the_epoch_that_its_device_names() {
    let mut story = Story::new(1);
    story.make(0, "create", "a", json!({"n": 1}));
    story.sync(0);
    let epoch = story.visit(0, &Compose::default())["epoch"].clone();
    story.back_up();
    story.restore();
    let caller = story.devices[0].1;
    let pull = |named: Value| {
        let epochs = if named.is_null() { json!({}) } else { json!({&story.pair.space: named}) };
        let body = json!({"epochs": epochs, "pull": {"spaces": {&story.pair.space: {"cursor": "bm8"}}}});
        let page = story.pair.sync(&caller, body)["changes"][&story.pair.space].clone();
        (page["reason"].clone(), page["shared_until"].clone())
    };
    assert_eq!(pull(epoch), (json!("epoch"), json!(1)));
    assert_eq!(pull(json!("another")), (json!("epoch"), json!(0)));
    assert_eq!(pull(Value::Null), (json!("cursor"), json!(1)));
}

/// A restored space with document `a` (`n` and `m`, version 1, and `n` again at version 2 in the present log), and the
/// epoch before.
fn forked() -> (Story, Value) {
    let mut story = Story::new(1);
    story.make(0, "create", "a", json!({"n": 1, "m": 1}));
    story.sync(0);
    let epoch = story.visit(0, &Compose::default())["epoch"].clone();
    story.back_up();
    story.restore();
    story.sync(0);
    story.make(0, "update", "a", json!({"n": 2}));
    story.sync(0);
    (story, epoch)
}

#[test]
fn a_base_in_the_shared_log_is_as_good_as_ever() {
    let (story, epoch) = forked();
    let push = |operation: Value| {
        let body = json!({"epochs": {&story.pair.space: epoch}, "operations": [operation]});
        story.pair.sync(&story.pair.bo, body)["results"][0].clone()
    };
    let shared = push(op(101, "update", "a", 1, json!({"n": 9})));
    assert_eq!(shared["status"], "conflict", "its history is known: {shared}");
    let conflict = story.pair.conflict(&story.pair.bo, &shared["conflict_id"]);
    assert_eq!((&conflict["kind"], &conflict["fields"]["/n"]["base"]), (&json!("fields"), &json!(1)));
    assert_eq!(push(op(102, "update", "a", 1, json!({"k": 9})))["status"], "merged");
}

#[test]
fn a_base_above_the_fork_is_unknown_and_never_guessed() {
    let (story, epoch) = forked();
    let push = |operation: Value| {
        let body = json!({"epochs": {&story.pair.space: epoch}, "operations": [operation]});
        story.pair.sync(&story.pair.bo, body)["results"][0].clone()
    };
    // m last changed in the shared log, n did not
    assert_eq!(push(op(101, "update", "a", 7, json!({"m": 5})))["status"], "merged");
    assert_eq!(push(op(102, "update", "a", 7, json!({"n": 2})))["status"], "noop");
    let asked = push(op(103, "update", "a", 7, json!({"n": 8})));
    assert_eq!(asked["status"], "conflict");
    assert_eq!(story.pair.conflict(&story.pair.bo, &asked["conflict_id"])["kind"], "no_base");
    let told = push(with(op(104, "update", "a", 7, json!({"n": 6})), json!({"base": {"n": 2}})));
    assert_eq!(told["status"], "merged", "inline base is the base: {told}");
    let unknown = push(op(105, "update", "elsewhere", 7, json!({"n": 6})));
    assert_eq!((&unknown["status"], &unknown["problem"]["code"]), (&json!("quarantined"), &json!("other_epoch")));
}

#[test]
fn a_deletion_above_the_fork_is_applied_where_nothing_changed_since() {
    let (mut story, epoch) = forked();
    story.make(0, "create", "b", json!({"t": 1}));
    story.sync(0);
    let push = |story: &Story, epoch: &Value, operation: Value| {
        let body = json!({"epochs": {&story.pair.space: epoch}, "operations": [operation]});
        story.pair.sync(&story.pair.bo, body)["results"][0].clone()
    };
    assert_eq!(push(&story, &epoch, op(101, "delete", "a", 9, Value::Null))["status"], "conflict", "n changed after the fork");
    let (epoch, head) = {
        let page = story.visit(0, &Compose::default());
        (page["epoch"].clone(), 9)
    };
    story.back_up();
    story.restore();
    assert_eq!(push(&story, &epoch, op(102, "delete", "b", head, Value::Null))["status"], "applied", "all of it is of the shared log");
    assert_eq!(story.pair.read(&story.pair.bo, NOTES, "b"), Value::Null);
}

#[test]
fn what_waits_in_a_backup_is_decided_without_waiting_for_workers_that_are_gone() {
    let pair = queueing(1);
    let push = json!([op(1, "create", "a", 0, json!({"n": 1})), op(2, "create", "b", 0, json!({}))]);
    assert_eq!(statuses(&pair.push(&pair.ana, push)), ["queued"; 2]);
    let claim = now(pair.world.service.claim_work()).unwrap().unwrap();
    let backup = pair.world.store.save();
    now(pair.world.service.run_step(&claim)).unwrap();
    assert_eq!(receipt(&pair, &pair.ana, 1)["status"], "applied");

    pair.world.store.put_back(&backup);
    now(pair.world.service.begin_new_epochs()).unwrap();
    assert_eq!(receipt(&pair, &pair.ana, 1)["status"], "queued");
    assert_eq!(now(pair.world.service.run_step(&claim)).unwrap(), Ran::Lost, "its lease is of another log");
    // the clock stands still: the lease that the backup holds has not ended
    assert!(work_off(&pair) > 0);
    assert_eq!(receipt(&pair, &pair.ana, 1)["status"], "applied");
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"n": 1}));
}
