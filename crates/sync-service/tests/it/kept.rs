//! What is kept of a log, how long, and what devices meet that come later.

use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::SpaceId;
use sync_core::ports::{Access, Head, Store};
use sync_service::{Maintained, Service};
use testkit::device::Compose;
use testkit::fake::SeededEntropy;

use crate::story::{NOTES, Story};
use crate::sync::{Pair, op, told, with};
use crate::world::{World, now};

const DAY_MS: i64 = 86_400_000;

/// Days go by, and rounds of maintenance are made until nothing is left to do.
fn days(world: &World, days: i64) -> Maintained {
    world.clock.advance_ms(days * DAY_MS);
    let mut all = Maintained::default();
    for _ in 0..10 {
        let round = now(world.service.maintain()).unwrap();
        all.presented += round.presented;
        all.buried += round.buried;
        all.changes += round.changes;
        all.payloads += round.payloads;
    }
    all
}

fn head(pair: &Pair) -> Head {
    let space_id: SpaceId = pair.space.parse().unwrap();
    let store: &dyn Store = &*pair.world.store;
    now(store.transact(Access::Write, move |tx| tx.lock_head(space_id))).unwrap().unwrap()
}

/// A space in which `a` (`{"t": 1}`, version 1) was deleted so long ago that it is in a grave, at version 2.
fn buried(schema: Value) -> Pair {
    let pair = Pair::with(schema);
    pair.give_bo("coordinator");
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 1})), op(2, "delete", "a", 1, Value::Null)]));
    assert_eq!(days(&pair.world, 91).buried, 1);
    assert_eq!(head(&pair).kept_from, 2);
    pair
}

#[test]
fn a_buried_document_does_not_come_back_by_itself() {
    let pair = buried(Value::Null);
    for (n, operation) in [
        (11, op(11, "create", "a", 0, json!({"t": 5}))),
        (12, op(12, "update", "a", 1, json!({"t": 6}))),
        (13, with(op(13, "update", "a", 1, json!({"t": 7})), json!({"base": {"t": 1}}))),
    ] {
        let result = pair.one(&pair.bo, operation);
        assert_eq!((told(&result), &result["document"]), (("conflict", ""), &Value::Null), "{n}");
        let conflict = pair.conflict(&pair.bo, &result["conflict_id"]);
        let field = &conflict["fields"][""];
        assert_eq!((&conflict["kind"], &field["base"], &field["ours"]), (&json!("edit_delete"), &Value::Null, &Value::Null));
        assert_eq!(field["theirs"]["t"], json!(n - 6));
        // by now there is a tombstone again, because a question is open about it: it is as empty as the grave
    }
    assert_eq!(told(&pair.one(&pair.bo, op(14, "delete", "a", 1, Value::Null))), ("noop", ""));
    assert_eq!(told(&pair.one(&pair.bo, op(15, "restore", "a", 1, json!({})))), ("rejected", "body_gone"));
    assert_eq!(pair.read(&pair.bo, NOTES, "a"), Value::Null);
    let restored = pair.one(&pair.bo, op(16, "restore", "a", 1, json!({"t": 8})));
    assert_eq!((told(&restored), &restored["document"]), (("applied", ""), &json!({"t": 8})), "the patch is the document");
    assert_eq!(pair.read(&pair.ana, NOTES, "a"), json!({"t": 8}));
    // deleted again, it is a deleted document like any other
    assert_eq!(told(&pair.one(&pair.bo, op(17, "delete", "a", restored["version"].as_i64().unwrap(), Value::Null))), ("applied", ""));
    let again = pair.one(&pair.bo, op(18, "restore", "a", 1, json!({})));
    assert_eq!(again["document"], json!({"t": 8}));
}

#[test]
fn an_answered_question_buries_the_document_again() {
    let pair = buried(Value::Null);
    let asked = pair.one(&pair.bo, op(11, "create", "a", 0, json!({"t": 5})));
    assert_eq!(days(&pair.world, 1).buried, 0, "a question is open about it");
    let conflict = pair.conflict(&pair.bo, &asked["conflict_id"]);
    pair.resolve(&pair.ana, 12, &conflict, json!({"fields": {"": {"choose": "ours"}}}));
    assert_eq!(days(&pair.world, 1).buried, 1);
    let asked = pair.one(&pair.bo, op(13, "create", "a", 0, json!({"t": 6})));
    let conflict = pair.conflict(&pair.bo, &asked["conflict_id"]);
    pair.resolve(&pair.ana, 14, &conflict, json!({"fields": {"": {"choose": "theirs"}}}));
    assert_eq!(pair.read(&pair.bo, NOTES, "a"), json!({"t": 6}));
}

#[test]
fn an_edit_that_wins_over_deletions_brings_back_no_part_of_a_buried_document() {
    let pair = buried(json!({"name": "x", "version": 1, "collections": {"notes": {"delete": "edit_wins"}}}));
    let update = pair.one(&pair.bo, op(11, "update", "a", 1, json!({"t": 6})));
    assert_eq!((told(&update), &update["document"]), (("conflict", ""), &Value::Null), "asked, and not live");
    let create = pair.one(&pair.bo, op(12, "create", "a", 0, json!({"t": 7})));
    assert_eq!((told(&create), &create["document"]), (("conflict", ""), &json!({"t": 7})), "a whole document is");
}

#[test]
fn who_never_could_see_a_document_is_told_nothing_of_its_grave() {
    let visibility = json!({"field": "for", "audiences": {"lead": ["lead"]}});
    let pair = Pair::with(json!({"name": "x", "version": 1, "collections": {"notes": {"visibility": visibility}}}));
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"for": "lead"})), op(2, "delete", "a", 1, Value::Null)]));
    assert_eq!(days(&pair.world, 91).buried, 1);
    for (n, kind) in [(11, "create"), (12, "update"), (13, "restore")] {
        let result = pair.one(&pair.bo, op(n, kind, "a", 0, json!({"t": 1})));
        assert_eq!((told(&result), result.get("document")), (("rejected", "unknown_document"), None), "{kind}");
    }
}

#[test]
fn a_cursor_from_before_the_graves_is_reset() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 1})), op(2, "create", "b", 0, json!({"t": 1}))]));
    let before = pair.pull(&pair.bo, None);
    pair.push(&pair.ana, json!([op(3, "delete", "a", 1, Value::Null)]));
    let after = pair.pull(&pair.bo, before["cursor"].as_str());
    assert_eq!(after["items"][0]["kind"], "delete");
    assert_eq!(days(&pair.world, 90).buried, 0, "it can be undone for 90 days");
    assert_eq!(days(&pair.world, 1).buried, 1);
    let late = pair.pull(&pair.bo, before["cursor"].as_str());
    assert_eq!((&late["reset"], &late["reason"], &late["shared_until"]), (&json!(true), &json!("log"), &json!(3)));
    assert_eq!(pair.pull(&pair.bo, after["cursor"].as_str())["has_more"], false, "this one has read of it");
    let anew = pair.pull(&pair.bo, None);
    assert_eq!(anew["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_device_that_logs_in_holds_deletions_back_for_400_days() {
    let mut pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 1}))]));
    let cursor = pair.pull(&pair.bo, None)["cursor"].as_str().unwrap().to_owned();
    pair.pull(&pair.bo, Some(&cursor));
    now(pair.world.service.flush_presented()).unwrap();
    pair.push(&pair.ana, json!([op(2, "delete", "a", 1, Value::Null)]));
    let mut seen = 0;
    while seen < 400 {
        assert_eq!(days(&pair.world, 40).buried, 0, "day {seen}");
        seen += 40;
        let login = json!({"email": "bo@example.org", "password": crate::world::PASSWORD, "device": {"id": pair.bo.device_id}});
        let grant = now(pair.world.service.login(serde_json::from_value(login).unwrap())).unwrap();
        pair.bo = now(pair.world.service.authenticate(&grant.access_token)).unwrap();
    }
    assert_eq!(days(&pair.world, 1).buried, 1);
    assert_eq!(pair.pull(&pair.bo, Some(&cursor))["reason"], "log");
}

#[test]
fn a_base_below_kept_history_is_unknown_and_never_guessed() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 1, "u": 1, "v": 1})), op(2, "create", "same", 0, json!({"t": 1}))]));
    pair.push(&pair.ana, json!([op(3, "update", "a", 1, json!({"t": 2}))]));
    pair.push(&pair.ana, json!([op(4, "update", "a", 3, json!({"v": 2}))]));
    let done = days(&pair.world, 401);
    assert_eq!((done.changes, done.payloads), (4, 4));
    assert_eq!(head(&pair).history_from, 4);
    let push = |operation: Value| pair.one(&pair.bo, operation);
    assert_eq!(told(&push(op(11, "update", "a", 1, json!({"u": 5})))), ("merged", ""), "it did not change since");
    assert_eq!(told(&push(op(12, "update", "a", 3, json!({"t": 2})))), ("noop", ""));
    let asked = push(op(13, "update", "a", 1, json!({"t": 9})));
    assert_eq!(told(&asked), ("conflict", ""));
    assert_eq!(pair.conflict(&pair.bo, &asked["conflict_id"])["kind"], "no_base");
    assert_eq!(
        told(&push(with(op(14, "update", "a", 1, json!({"v": 9})), json!({"base": {"v": 2}})))),
        ("merged", ""),
        "inline base is the base"
    );
    assert_eq!(told(&push(op(15, "update", "same", 2, json!({"t": 7})))), ("applied", ""), "as it stands it is known, however old");
    assert_eq!(told(&push(op(16, "create", "a", 0, json!({"w": 1})))), ("merged", ""));
}

#[test]
fn what_came_of_an_operation_is_kept_for_ever() {
    let pair = Pair::new(None);
    let (first, second) = (op(1, "create", "a", 0, json!({"t": 1})), op(2, "update", "a", 1, json!({"t": 2})));
    pair.push(&pair.ana, json!([first]));
    pair.push(&pair.ana, json!([second]));
    let asked = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": 3})));
    assert_eq!(told(&asked), ("conflict", ""));
    assert_eq!(days(&pair.world, 401).payloads, 2, "not what an open question may need");
    let again = pair.one(&pair.ana, second);
    assert_eq!((told(&again), &again["was"], &again["decided_version"]), (("duplicate", ""), &json!("applied"), &json!(2)));
    assert_eq!(told(&pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 9})))), ("rejected", "op_id_reuse"));
    let conflict = pair.conflict(&pair.bo, &asked["conflict_id"]);
    let answer = pair.resolve(&pair.ana, 4, &conflict, json!({"fields": {"/t": {"choose": "theirs"}}}));
    assert_eq!(answer["status"], "applied");
    assert_eq!(pair.read(&pair.bo, NOTES, "a"), json!({"t": 3}));
    assert_eq!(days(&pair.world, 0).payloads, 1, "now it is");
}

/// Another node over the same store.
fn other_node(world: &World) -> Service {
    let mut config = PasswordConfig::default();
    (config.memory_kib, config.passes) = (8, 1);
    let hasher = Arc::new(PasswordHasher::new(&config).unwrap());
    Service::new(world.store.clone(), world.clock.clone(), Arc::new(SeededEntropy::new(2)), hasher)
}

#[test]
fn a_rotated_key_is_taken_up_by_running_servers_and_the_old_one_verifies_for_400_days() {
    let mut pair = Pair::new(None);
    let (first, second) = (pair.world.service.clone(), other_node(&pair.world));
    let cursor = |page: &Value| page["cursor"].as_str().unwrap().to_owned();
    let old = cursor(&pair.pull(&pair.bo, None));
    pair.world.service = second;
    assert!(pair.pull(&pair.bo, Some(&old)).get("reset").is_none_or(|reset| reset == false));
    assert_eq!(now(pair.world.service.rotate_cursor_keys()).unwrap(), 2);
    let new = cursor(&pair.pull(&pair.bo, None));
    // the first node hears of the new key by the first cursor that it signed
    pair.world.service = first;
    pair.world.clock.advance_ms(1_001);
    assert_eq!(pair.pull(&pair.bo, Some(&new))["has_more"], false);
    assert_eq!(pair.pull(&pair.bo, Some(&old))["has_more"], false, "the old one is good for another 400 days");
    days(&pair.world, 399);
    assert_eq!(pair.pull(&pair.bo, Some(&old))["has_more"], false);
    pair.world.clock.advance_ms(DAY_MS);
    let late = pair.pull(&pair.bo, Some(&old));
    assert_eq!((&late["reason"], &late["shared_until"]), (&json!("cursor"), &json!(0)), "whether or not it was dropped yet");
    days(&pair.world, 0);
    assert_eq!(pair.pull(&pair.bo, Some(&old))["reason"], "cursor");
    assert_eq!(pair.pull(&pair.bo, Some(&new))["has_more"], false);
    let store: &dyn Store = &*pair.world.store;
    let keys = now(store.transact(Access::Read, |tx| tx.list_server_keys("cursor"))).unwrap();
    assert_eq!(keys.iter().map(|key| key.number).collect::<Vec<_>>(), [2]);
}

#[derive(Debug, Clone)]
enum Step {
    Create(usize, u8, u8),
    Update(usize, u8, u8),
    Delete(usize, u8),
    Restore(usize, u8, u8),
    Sync(usize),
    /// One round trip with small pages, whatever is left.
    Visit(usize),
    Days(u16),
    BackUp,
    RestoreBackup,
}

fn step() -> impl Strategy<Value = Step> {
    let (device, document, value) = (0..3_usize, 0..2_u8, any::<u8>());
    prop_oneof![
        3 => (device.clone(), document.clone(), value).prop_map(|(device, document, value)| Step::Create(device, document, value)),
        5 => (device.clone(), document.clone(), value).prop_map(|(device, document, value)| Step::Update(device, document, value)),
        4 => (device.clone(), document.clone()).prop_map(|(device, document)| Step::Delete(device, document)),
        1 => (device.clone(), document, value).prop_map(|(device, document, value)| Step::Restore(device, document, value)),
        6 => device.clone().prop_map(Step::Sync),
        3 => device.prop_map(Step::Visit),
        4 => prop_oneof![1 => Just(1), 1 => Just(50), 4 => Just(91), 1 => Just(401)].prop_map(Step::Days),
        1 => Just(Step::BackUp),
        1 => Just(Step::RestoreBackup),
    ]
}

fn play(story: &mut Story, step: &Step) {
    let name = |document: u8| ["a", "b"][usize::from(document)];
    let patch = |value: u8| json!({["t", "u", "v"][usize::from(value % 3)]: value});
    match *step {
        Step::Create(device, document, value) if story.screen(device, name(document)).is_none() => {
            story.make(device, "create", name(document), patch(value));
        }
        Step::Update(device, document, value) if story.screen(device, name(document)).is_some() => {
            story.make(device, "update", name(document), patch(value));
        }
        Step::Delete(device, document) if story.screen(device, name(document)).is_some() => {
            story.make(device, "delete", name(document), Value::Null);
        }
        Step::Restore(device, document, value) if story.devices[device].0.knows_as_gone(&story.pair.space, NOTES, name(document)) => {
            story.make(device, "restore", name(document), patch(value));
        }
        Step::Sync(device) => drop(story.sync(device)),
        Step::Visit(device) => drop(story.visit(device, &Compose { max_changes: Some(1), ..Compose::default() })),
        Step::Days(count) => drop(days(&story.pair.world, count.into())),
        Step::BackUp => story.back_up(),
        Step::RestoreBackup => drop(story.restore()),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is edited, deleted, pruned and restored, in whatever order: every device ends with what all others have (each
    /// of its complete pages had the server's checksums), and the server holds every operation that was made.
    #[test]
    fn devices_converge_whatever_is_let_go_of(steps in prop::collection::vec(step(), 20..60)) {
        let mut story = Story::new(3);
        for step in &steps {
            play(&mut story, step);
        }
        story.settle();
    }
}

#[test]
fn a_restore_is_noticed_by_who_was_about_to_begin_anew() {
    let steps = [
        Step::Create(0, 1, 0),
        Step::Sync(0),
        Step::Sync(2),
        Step::Delete(2, 1),
        Step::Visit(2),
        Step::Days(91),
        Step::Create(0, 0, 0),
        Step::BackUp,
        // told that its cursor is below the kept log
        Step::Visit(0),
        Step::RestoreBackup,
    ];
    let mut story = Story::new(3);
    for step in &steps {
        play(&mut story, step);
    }
    assert_eq!(story.receipt(2)["held"], false, "the restore lost it");
    story.settle();
}
