//! Resolutions.

use serde_json::{Value, json};
use sync_core::protocol::v1::read_resolutions;

use crate::sync::{Pair, id, op, told, with};
use crate::world::now;

/// `t` and `u` are disputed: 0 at first, 1 by Ana, 2 by Bo.
fn asked() -> (Pair, Value) {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0, "u": 0})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1, "u": 1})));
    let result = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": 2, "u": 2})));
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    (pair, conflict)
}

fn choose(field: &str, choice: &str) -> Value {
    json!({"fields": {field: {"choose": choice}}})
}

#[test]
fn each_choice_does_what_it_says() {
    for (choice, value) in [
        (json!({"choose": "ours"}), json!(1)),
        (json!({"choose": "theirs"}), json!(2)),
        (json!({"choose": "base"}), json!(0)),
        (json!({"choose": "value", "value": {"x": 1, "gone": null}}), json!({"x": 1})),
        (json!({"choose": "value", "value": null}), Value::Null),
    ] {
        let (pair, conflict) = asked();
        let answer = pair.resolve(&pair.bo, 9, &conflict, json!({"fields": {"/t": choice}}));
        assert_eq!(
            (told(&answer).0, &answer["document"]["t"], &answer["conflict_id"]),
            ("applied", &value, &conflict["conflict_id"]),
            "{choice}"
        );
        assert!(answer["decided_version"].is_i64() && answer["held"] == true);
        let now = pair.conflict(&pair.ana, &conflict["conflict_id"]);
        assert_eq!((now["state"].as_str(), now["fields"]["/t"]["decided"].as_str()), (Some("open"), choice["choose"].as_str()));
        let rest = pair.resolve(&pair.ana, 10, &now, choose("/u", "ours"));
        assert_eq!(told(&rest).0, "applied");
        assert_eq!(pair.conflict(&pair.ana, &conflict["conflict_id"])["state"], "resolved");
    }
}

#[test]
fn a_field_already_decided_is_noop_with_its_outcome() {
    let (pair, conflict) = asked();
    pair.resolve(&pair.ana, 9, &conflict, choose("/t", "theirs"));
    let second = pair.resolve(&pair.bo, 10, &conflict, choose("/t", "ours"));
    assert_eq!((told(&second).0, &second["document"]["t"], &second["held"]), ("noop", &json!(2), &json!(true)));
    // the rest of one answer commits
    let both = pair.resolve(&pair.bo, 11, &conflict, json!({"fields": {"/t": {"choose": "ours"}, "/u": {"choose": "theirs"}}}));
    assert_eq!((told(&both).0, &both["document"]), ("applied", &json!({"t": 2, "u": 2})));
}

#[test]
fn others_edits_move_ours_and_make_older_answers_stale() {
    let (pair, conflict) = asked();
    pair.one(&pair.ana, op(4, "update", "a", 2, json!({"t": 7, "free": 1})));
    let fresh = pair.conflict(&pair.ana, &conflict["conflict_id"]);
    assert_eq!((&fresh["fields"]["/t"]["ours"], &fresh["fields"]["/u"]["ours"]), (&json!(7), &json!(1)));
    assert!(fresh["version"].as_i64() > conflict["version"].as_i64());
    assert_eq!(fresh["ours_by"]["op_id"], id(4));
    let both = json!({"fields": {"/t": {"choose": "theirs"}, "/u": {"choose": "theirs"}}});
    let answer = pair.resolve(&pair.bo, 9, &conflict, both);
    assert_eq!(
        (told(&answer).0, &answer["document"]["t"], &answer["document"]["u"]),
        ("conflict", &json!(7), &json!(2)),
        "the rest commits"
    );
    let now = pair.conflict(&pair.ana, &conflict["conflict_id"]);
    assert_eq!((now["state"].as_str(), now["fields"]["/t"].get("decided")), (Some("open"), None));
    assert_eq!(told(&pair.resolve(&pair.bo, 10, &now, choose("/t", "theirs"))).0, "applied");
    // an edit of something else is no reason
    let (pair, conflict) = asked();
    pair.one(&pair.ana, op(4, "update", "a", 2, json!({"free": 1})));
    assert_eq!(told(&pair.resolve(&pair.bo, 9, &conflict, choose("/t", "theirs"))).0, "applied");
}

#[test]
fn a_question_whose_sides_agree_is_settled() {
    let (pair, conflict) = asked();
    pair.one(&pair.ana, op(4, "update", "a", 2, json!({"t": 2})));
    assert_eq!(pair.conflict(&pair.ana, &conflict["conflict_id"])["fields"]["/t"]["decided"], "agreed");
    pair.one(&pair.ana, op(5, "update", "a", 4, json!({"u": 2})));
    assert_eq!(pair.conflict(&pair.ana, &conflict["conflict_id"])["state"], "resolved");
    // the counter went down: the next question opens and is kept up to date
    let again = pair.one(&pair.bo, op(6, "update", "a", 1, json!({"t": 3})));
    pair.one(&pair.ana, op(7, "update", "a", 99, json!({"t": 4})));
    assert_eq!(told(&again).0, "conflict");
}

#[test]
fn replays_reuse_and_repetition() {
    let (pair, conflict) = asked();
    let resolution = json!({"op_id": id(9), "conflict_id": conflict["conflict_id"], "version": conflict["version"], "fields": {"/t": {"choose": "theirs"}}});
    let other = with(resolution.clone(), json!({"fields": {"/t": {"choose": "ours"}}}));
    let answer = pair.sync(&pair.ana, json!({"resolutions": [resolution, resolution, other]}));
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.iter().map(told).collect::<Vec<_>>(), [("applied", ""), ("duplicate", ""), ("rejected", "op_id_reuse")]);
    assert_eq!((results[1]["was"].as_str(), &results[1]["decided_version"]), (Some("applied"), &results[0]["decided_version"]));
    let through_put = json!({"resolutions": [resolution]}).to_string();
    let again = now(pair.world.service.resolve(&pair.ana, read_resolutions(through_put.as_bytes()).unwrap())).unwrap();
    assert_eq!(serde_json::to_value(&again.results[0]).unwrap()["status"], "duplicate");
    // operations and resolutions share the ids
    assert_eq!(told(&pair.one(&pair.ana, op(9, "create", "z", 0, json!({})))), ("rejected", "op_id_reuse"));
    assert_eq!(told(&pair.resolve(&pair.ana, 1, &conflict, choose("/u", "ours"))), ("rejected", "op_id_reuse"));
    assert_eq!(told(&pair.sync(&pair.bo, json!({"resolutions": [resolution]}))["results"][0]), ("rejected", "op_id_reuse"));
}

#[test]
fn resolutions_come_after_the_operations_of_their_request() {
    let (pair, conflict) = asked();
    let resolution = json!({"op_id": id(9), "conflict_id": conflict["conflict_id"], "version": conflict["version"], "fields": {"/t": {"choose": "theirs"}}});
    let answer = pair.sync(&pair.ana, json!({"operations": [op(4, "update", "a", 2, json!({"t": 8}))], "resolutions": [resolution]}));
    let results = answer["results"].as_array().unwrap();
    assert_eq!((told(&results[0]).0, told(&results[1]).0), ("applied", "conflict"), "{results:?}");
}

#[test]
fn what_can_not_be_chosen_leaves_the_id_free() {
    let (pair, conflict) = asked();
    let unknown = with(conflict.clone(), json!({"conflict_id": id(77)}));
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &unknown, choose("/t", "ours"))), ("rejected", "unknown_conflict"));
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &conflict, choose("/other", "ours"))), ("rejected", "malformed"));
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &conflict, choose("/t", "mine"))), ("rejected", "malformed"));
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        told(&pair.resolve(&pair.ana, 9, &conflict, json!({"fields": {"/t": {"choose": "value", "value": deep}}}))),
        ("rejected", "too_large")
    );
    let large = json!({"fields": {"/t": {"choose": "value", "value": "x".repeat(262_144)}}});
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &conflict, large)), ("rejected", "too_large"));
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &conflict, choose("/t", "ours"))).0, "applied");
}

#[test]
fn a_value_must_fit_the_schema() {
    let pair = Pair::new(Some("wedding"));
    let event = |operation| with(operation, json!({"collection": "timeline_events"}));
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"anchor": "fixed", "duration_min": 10}))));
    pair.one(&pair.ana, event(op(2, "update", "e", 1, json!({"duration_min": 20}))));
    let result = pair.one(&pair.bo, event(op(3, "update", "e", 1, json!({"duration_min": 30}))));
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    let value = |value: Value| json!({"fields": {"/duration_min": {"choose": "value", "value": value}}});
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &conflict, value(json!("long")))), ("rejected", "wrong_type"));
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &conflict, value(json!(40)))).0, "applied");
}

#[test]
fn the_whole_document_is_the_empty_pointer() {
    for (choice, document) in [
        (json!({"choose": "ours"}), json!({"t": 1})),
        (json!({"choose": "theirs"}), Value::Null),
        (json!({"choose": "base"}), json!({"t": 0})),
        (json!({"choose": "value", "value": {"v": 1}}), json!({"v": 1})),
        (json!({"choose": "value", "value": null}), Value::Null),
    ] {
        let pair = Pair::new(None);
        pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
        pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})));
        let result = pair.one(&pair.bo, op(3, "delete", "a", 1, Value::Null));
        let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
        let wrong = pair.resolve(&pair.ana, 8, &conflict, json!({"fields": {"": {"choose": "value", "value": 5}}}));
        assert_eq!(told(&wrong), ("rejected", "malformed"));
        let answer = pair.resolve(&pair.ana, 9, &conflict, json!({"fields": {"": choice}}));
        assert_eq!((told(&answer).0, &answer["document"]), ("applied", &document), "{choice}");
        assert_eq!(pair.read(&pair.bo, "notes", "a"), document);
        assert_eq!(pair.conflict(&pair.ana, &conflict["conflict_id"])["state"], "resolved");
    }
}

#[test]
fn every_edit_of_a_document_moves_a_question_about_all_of_it() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})));
    let result = pair.one(&pair.bo, op(3, "delete", "a", 1, Value::Null));
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    pair.one(&pair.ana, op(4, "update", "a", 2, json!({"new": 1})));
    assert_eq!(told(&pair.resolve(&pair.ana, 9, &conflict, choose("", "theirs"))).0, "conflict", "somebody typed meanwhile");
    assert_eq!(pair.read(&pair.ana, "notes", "a")["new"], 1);
    let now = pair.conflict(&pair.ana, &result["conflict_id"]);
    assert_eq!(now["fields"][""]["ours"], json!({"t": 1, "new": 1}));
    pair.one(&pair.ana, op(5, "delete", "a", 4, Value::Null));
    assert_eq!(pair.conflict(&pair.ana, &result["conflict_id"])["state"], "resolved", "deleted by somebody else: agreed");
}
