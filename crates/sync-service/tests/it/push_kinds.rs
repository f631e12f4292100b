//! Kinds against the state of the document.

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, told, with};

fn policies() -> Value {
    json!({"name": "party", "version": 1, "collections": {
        "notes": {}, "edits": {"delete": "edit_wins"}, "deletes": {"delete": "delete_wins"},
    }})
}

fn of(collection: &str, operation: Value) -> Value {
    with(operation, json!({"collection": collection}))
}

#[test]
fn a_free_id() {
    let pair = Pair::new(None);
    assert_eq!(pair.one(&pair.ana, op(1, "create", "a", 0, json!({"x": null, "y": {"z": null}})))["status"], "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"y": {}}));
    for (n, kind, patch) in [(2, "update", json!({})), (3, "delete", Value::Null), (4, "restore", Value::Null)] {
        let result = pair.one(&pair.ana, op(n, kind, "b", 1, patch.clone()));
        assert_eq!((told(&result), &result["held"]), (("rejected", "unknown_document"), &json!(true)), "{kind}");
        let foreign = json!({"epochs": {&pair.space: "another"}, "operations": [op(n + 10, kind, "b", 1, patch)]});
        assert_eq!(told(&pair.sync(&pair.ana, foreign)["results"][0]), ("quarantined", "other_epoch"), "{kind}");
    }
    let intent = json!({"op_id": id(9), "collection": "notes", "kind": "intent", "intent": {"name": "shuffle"}, "base_version": 1});
    assert_eq!(told(&pair.one(&pair.ana, intent)), ("rejected", "unknown_intent"));
}

#[test]
fn a_creation_of_a_live_document_is_merged_from_nothing() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1, "o": {"x": 1}})));
    let equal = pair.one(&pair.bo, op(2, "create", "a", 0, json!({"t": 1, "o": {"x": 1}})));
    assert_eq!((told(&equal).0, &equal["version"], &equal["document"]), ("noop", &json!(1), &json!({"t": 1, "o": {"x": 1}})));
    let disjoint = pair.one(&pair.bo, op(3, "create", "a", 0, json!({"u": 2, "o": {"y": 1}})));
    assert_eq!((told(&disjoint).0, &disjoint["document"]), ("merged", &json!({"t": 1, "u": 2, "o": {"x": 1, "y": 1}})));
    let disputed = pair.one(&pair.bo, op(4, "create", "a", 0, json!({"t": 2, "v": 3})));
    assert_eq!((told(&disputed).0, &disputed["document"]["t"], &disputed["document"]["v"]), ("conflict", &json!(1), &json!(3)));
    // the epoch says nothing about what a creation saw
    let body = json!({"epochs": {&pair.space: "another"}, "operations": [op(5, "create", "a", 0, json!({"t": 3}))]});
    let foreign = pair.sync(&pair.bo, body)["results"][0].clone();
    assert_eq!(pair.conflict(&pair.ana, &foreign["conflict_id"])["kind"], "fields");
}

#[test]
fn a_deletion_of_what_was_seen_applies_and_again_is_noop() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    pair.one(&pair.bo, op(2, "create", "other", 0, json!({"t": 1})));
    let result = pair.one(&pair.bo, op(3, "delete", "a", 1, Value::Null));
    assert_eq!((told(&result).0, &result["version"]), ("applied", &json!(3)));
    let again = pair.one(&pair.ana, op(4, "delete", "a", 1, Value::Null));
    assert_eq!((told(&again).0, &again["version"], &again["document"]), ("noop", &json!(3), &Value::Null));
    assert!(again.get("document").is_some(), "told as null: the device drops its copy");
}

#[test]
fn a_restoration_brings_the_last_body_back() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1, "u": {"x": 1, "y": 2}})));
    let live = pair.one(&pair.ana, op(2, "restore", "a", 1, Value::Null));
    assert_eq!((told(&live).0, &live["version"]), ("noop", &json!(1)));
    assert_eq!(told(&pair.one(&pair.ana, op(3, "restore", "a", 1, json!({"v": 1})))).0, "applied", "with a patch: as update");
    pair.one(&pair.bo, op(4, "delete", "a", 2, Value::Null));
    let back = pair.one(&pair.ana, op(5, "restore", "a", 3, json!({"t": 2, "u": {"y": null}})));
    assert_eq!((told(&back).0, &back["version"]), ("applied", &json!(4)));
    let body = json!({"t": 2, "u": {"x": 1}, "v": 1});
    assert_eq!((&pair.read(&pair.bo, "notes", "a"), &back["document"]), (&body, &body));
}

#[test]
fn a_deletion_of_what_was_edited_meanwhile_goes_by_the_policy() {
    for (collection, live, ours, theirs) in [
        ("notes", true, json!({"t": 2}), Value::Null),
        ("edits", true, json!({"t": 2}), Value::Null),
        ("deletes", false, Value::Null, json!({"t": 2})),
    ] {
        let pair = Pair::with(policies());
        pair.one(&pair.ana, of(collection, op(1, "create", "a", 0, json!({"t": 1}))));
        pair.one(&pair.ana, of(collection, op(2, "update", "a", 1, json!({"t": 2}))));
        let result = pair.one(&pair.bo, of(collection, op(3, "delete", "a", 1, Value::Null)));
        assert_eq!(told(&result).0, "conflict");
        let document = pair.read(&pair.ana, collection, "a");
        assert_eq!(document, if live { json!({"t": 2}) } else { Value::Null }, "{collection}");
        let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
        let field = &conflict["fields"][""];
        assert_eq!((conflict["kind"].as_str(), &field["base"]), (Some("delete_edit"), &json!({"t": 1})));
        assert_eq!(
            (field.get("ours").unwrap_or(&Value::Null), field.get("theirs").unwrap_or(&Value::Null)),
            (&ours, &theirs),
            "{collection}"
        );
        let (editor, deleter) = (json!(pair.ana.user_id), json!(pair.bo.user_id));
        let (ours_by, theirs_by) = if live { (editor, deleter) } else { (deleter, editor) };
        assert_eq!((&conflict["ours_by"]["user_id"], &conflict["theirs_by"]["user_id"]), (&ours_by, &theirs_by), "{collection}");
        // either side can still be had
        let answer = pair.resolve(&pair.ana, 9, &conflict, json!({"fields": {"": {"choose": "theirs"}}}));
        assert_eq!(told(&answer).0, "applied");
        assert_eq!(pair.read(&pair.ana, collection, "a"), theirs, "{collection}");
    }
}

#[test]
fn an_edit_of_what_was_deleted_meanwhile_goes_by_the_policy() {
    for (collection, live) in [("notes", false), ("edits", true), ("deletes", false)] {
        for (kind, base, patch, edited) in [
            ("update", 1, json!({"u": {"y": 5}}), json!({"t": 1, "u": {"x": 2, "y": 5}})),
            ("create", 0, json!({"new": 1}), json!({"new": 1})),
        ] {
            let pair = Pair::with(policies());
            pair.one(&pair.ana, of(collection, op(1, "create", "a", 0, json!({"t": 1, "u": {"x": 1, "y": 1}}))));
            pair.one(&pair.ana, of(collection, op(2, "update", "a", 1, json!({"u": {"x": 2}}))));
            pair.one(&pair.ana, of(collection, op(3, "delete", "a", 2, Value::Null)));
            let result = pair.one(&pair.bo, of(collection, op(4, kind, "a", base, patch)));
            assert_eq!(told(&result).0, "conflict");
            let document = pair.read(&pair.ana, collection, "a");
            assert_eq!(document, if live { edited.clone() } else { Value::Null }, "{collection} {kind}");
            assert_eq!(result["document"], document);
            let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
            let field = &conflict["fields"][""];
            assert_eq!((conflict["kind"].as_str(), &field["base"]), (Some("edit_delete"), &json!({"t": 1, "u": {"x": 2, "y": 1}})));
            assert_eq!(field[if live { "ours" } else { "theirs" }], edited, "{collection} {kind}");
            let (ana, bo) = (json!(pair.ana.user_id), json!(pair.bo.user_id));
            let sides = if live { (&bo, &ana) } else { (&ana, &bo) };
            assert_eq!((&conflict["ours_by"]["user_id"], &conflict["theirs_by"]["user_id"]), sides, "{collection} {kind}");
        }
    }
}

#[test]
fn applied_merged_and_noop_are_told_apart() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1, "o": {"x": 1}})));
    // nothing else changed in it
    assert_eq!(told(&pair.one(&pair.bo, op(2, "update", "a", 1, json!({"t": 2})))).0, "applied");
    // others changed something in it
    let merged = pair.one(&pair.ana, op(3, "update", "a", 1, json!({"o": {"y": 2}})));
    assert_eq!((told(&merged).0, &merged["document"]), ("merged", &json!({"t": 2, "o": {"x": 1, "y": 2}})));
    // the outcome equals what is stored
    for (n, base, patch) in [(4, 1, json!({"t": 2})), (5, 3, json!({"o": {"y": 2}})), (6, 3, json!({"zip": null})), (7, 1, json!({}))] {
        let result = pair.one(&pair.ana, op(n, "update", "a", base, patch));
        assert_eq!((told(&result).0, &result["version"]), ("noop", &json!(3)), "{n}");
        assert!(result.get("decided_version").is_none());
    }
    // a member equal to the base is no change
    let result = pair.one(&pair.ana, op(8, "update", "a", 1, json!({"t": 1, "z": 1})));
    assert_eq!((told(&result).0, &result["document"]["t"]), ("merged", &json!(2)));
    assert_eq!(pair.pull(&pair.bo, None)["items"][0]["version"], 4, "no number was spent on nothing");
}

#[test]
fn a_merge_past_the_limit_is_asked() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"x": 1})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"big": "a".repeat(150_000)})));
    let result = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"huge": "b".repeat(150_000), "x": 1})));
    assert_eq!(told(&result).0, "conflict");
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    assert_eq!((conflict["kind"].as_str(), conflict["fields"]["/huge"]["theirs"].as_str().unwrap().len()), (Some("too_large"), 150_000));
    assert_eq!(pair.read(&pair.ana, "notes", "a").get("huge"), None);
}

#[test]
fn a_hint_is_no_more_than_a_suggestion() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 2})));
    for (n, hint, side) in [(3, "mine", json!("theirs")), (4, "theirs", json!("ours")), (5, "ask", Value::Null)] {
        let result = pair.one(&pair.bo, with(op(n, "update", "a", 1, json!({"t": n})), json!({"hint": hint})));
        assert_eq!((told(&result).0, &result["document"]["t"]), ("conflict", &json!(2)));
        assert_eq!(pair.conflict(&pair.ana, &result["conflict_id"])["fields"]["/t"]["suggestion"]["choose"], side);
    }
}

#[test]
fn what_the_schema_does_not_take_is_kept_as_rejected() {
    let pair = Pair::new(Some("wedding"));
    let event = |n, patch| of("timeline_events", op(n, "create", &format!("e{n}"), 0, patch));
    assert_eq!(told(&pair.one(&pair.ana, event(1, json!({"title": "Toast", "anything": [1]})))), ("applied", ""));
    for (n, patch, pointer) in
        [(2, json!({"duration_min": "long"}), "/patch/duration_min"), (3, json!({"anchor": "soft"}), "/patch/anchor")]
    {
        let result = pair.one(&pair.ana, event(n, patch));
        assert_eq!(
            (told(&result), &result["problem"]["pointer"], &result["held"]),
            (("rejected", "wrong_type"), &json!(pointer), &json!(true))
        );
    }
    assert_eq!(told(&pair.one(&pair.ana, op(4, "create", "a", 0, json!({})))), ("rejected", "unknown_collection"));
    let reserved = of("_conflicts", op(5, "create", "a", 0, json!({})));
    assert_eq!(told(&pair.one(&pair.ana, reserved)), ("rejected", "unknown_collection"));
}
