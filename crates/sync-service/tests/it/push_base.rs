//! Bases: from history, inline, unknown.

use serde_json::{Value, json};

use crate::sync::{Pair, op, told, with};

/// Ana made `t` and `u`, then changed `t`.
fn changed() -> Pair {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1, "u": 1, "o": {"x": 1, "y": 1}})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 2})));
    pair
}

/// One operation of Bo, whose copy comes from another history.
fn from_elsewhere(pair: &Pair, operation: &Value) -> Value {
    pair.sync(&pair.bo, json!({"epochs": {&pair.space: "another"}, "operations": [operation]}))["results"][0].clone()
}

#[test]
fn where_the_server_knows_the_base_the_inline_one_is_ignored() {
    let pair = changed();
    let lying = with(op(3, "update", "a", 1, json!({"t": 3})), json!({"base": {"t": 2}}));
    let result = pair.one(&pair.bo, lying);
    assert_eq!(told(&result).0, "conflict");
    assert_eq!(pair.conflict(&pair.ana, &result["conflict_id"])["fields"]["/t"]["base"], 1);
}

#[test]
fn an_unknown_base_without_inline_one_is_never_guessed() {
    for elsewhere in [true, false] {
        let pair = changed();
        let operation = op(3, "update", "a", if elsewhere { 2 } else { 99 }, json!({"t": 2, "u": 5, "new": 1}));
        let result = if elsewhere { from_elsewhere(&pair, &operation) } else { pair.one(&pair.bo, operation) };
        assert_eq!(told(&result).0, "conflict", "{result}");
        // what never changed here applies, what is equal is no change, anything else is asked
        assert_eq!(result["document"], json!({"t": 2, "u": 1, "o": {"x": 1, "y": 1}, "new": 1}));
        let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
        assert_eq!(conflict["kind"], "no_base");
        assert_eq!(conflict["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), ["/u"]);
        let equal = if elsewhere {
            from_elsewhere(&pair, &op(4, "update", "a", 2, json!({"t": 2})))
        } else {
            pair.one(&pair.bo, op(4, "update", "a", 99, json!({"t": 2})))
        };
        assert_eq!(told(&equal).0, "noop");
    }
}

#[test]
fn an_inline_base_is_the_base_where_history_is_unknown() {
    let pair = changed();
    let inline = |n, patch: Value, base: Value| with(op(n, "update", "a", 50, patch), json!({"base": base}));
    // as it stands here: nobody else changed it
    let result = pair.one(&pair.bo, inline(3, json!({"u": 2}), json!({"u": 1})));
    assert_eq!((told(&result).0, &result["document"]["u"]), ("merged", &json!(2)));
    // whole values merge deeper
    pair.one(&pair.ana, op(4, "update", "a", 3, json!({"o": {"x": 7}})));
    let result = pair.one(&pair.bo, inline(5, json!({"o": {"y": 7}}), json!({"o": {"x": 1, "y": 1}})));
    assert_eq!((told(&result).0, &result["document"]["o"]), ("merged", &json!({"x": 7, "y": 7})));
    // another value: both changed it
    let result = pair.one(&pair.bo, inline(6, json!({"t": 3}), json!({"t": 1})));
    assert_eq!(told(&result).0, "conflict");
    assert_eq!(pair.conflict(&pair.ana, &result["conflict_id"])["kind"], "fields");
    // null: it was absent
    let result = pair.one(&pair.bo, inline(7, json!({"w": 1}), json!({"w": null})));
    assert_eq!(told(&result).0, "merged");
    let result = pair.one(&pair.bo, inline(8, json!({"u": 9}), json!({"u": null})));
    assert_eq!(told(&result).0, "conflict");
    // a member that is missing from it is unknown
    let result = pair.one(&pair.bo, inline(9, json!({"u": 9, "w": 2}), json!({"w": 1})));
    assert_eq!((told(&result).0, &result["document"]["u"], &result["document"]["w"]), ("conflict", &json!(2), &json!(2)));
    assert_eq!(pair.conflict(&pair.ana, &result["conflict_id"])["kind"], "no_base");
}

#[test]
fn version_0_is_shared_by_all_histories() {
    let pair = Pair::new(None);
    let body = json!({"epochs": {&pair.space: "another"}, "operations": [
        op(1, "create", "a", 0, json!({"t": 1})), op(2, "update", "a", 0, json!({"t": 2})), op(3, "delete", "a", 0, Value::Null),
    ]});
    let results = pair.sync(&pair.bo, body)["results"].as_array().unwrap().clone();
    assert!(results.iter().all(|result| result["status"] == "applied"), "{results:?}");
}

#[test]
fn a_deletion_over_an_unknown_base_is_asked_unless_all_of_it_was_seen() {
    let pair = changed();
    assert_eq!(told(&pair.one(&pair.bo, op(3, "delete", "a", 99, Value::Null))).0, "conflict");
    let seen = |base: Value| with(op(4, "delete", "a", 99, Value::Null), json!({"base": base}));
    let part = with(seen(json!({"t": 2, "u": 1})), json!({"op_id": "01890000-0000-7000-8000-000000000055"}));
    assert_eq!(told(&pair.one(&pair.bo, part)).0, "conflict");
    assert_eq!(told(&pair.one(&pair.bo, seen(json!({"t": 2, "u": 1, "o": {"x": 1, "y": 1}})))).0, "applied");
}

#[test]
fn versions_of_this_request_are_nobodys_base() {
    let pair = changed();
    // a device that claims version 3 before it exists has an unknown base, whatever the request itself makes of it
    let results = pair.push(&pair.bo, json!([op(3, "create", "b", 0, json!({})), op(4, "update", "a", 3, json!({"t": 9}))]));
    assert_eq!(told(&results[1]).0, "conflict");
    assert_eq!(pair.conflict(&pair.ana, &results[1]["conflict_id"])["kind"], "no_base");
}

#[test]
fn keyed_lists_merge_item_by_item() {
    let pair = Pair::new(None);
    let item = |id: &str, text: &str| json!({"id": id, "text": text});
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"l": [item("1", "a"), item("2", "b")]})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"l": [item("1", "ana"), item("2", "b"), item("3", "c")]})));
    let result = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"l": [item("1", "bo"), item("2", "bo")]})));
    assert_eq!(told(&result).0, "conflict");
    assert_eq!(result["document"]["l"], json!([item("1", "ana"), item("2", "bo"), item("3", "c")]));
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    assert_eq!(conflict["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), ["/l/1/text"]);
    let answer = pair.resolve(&pair.ana, 9, &conflict, json!({"fields": {"/l/1/text": {"choose": "theirs"}}}));
    assert_eq!(answer["document"]["l"][0], item("1", "bo"));
}
