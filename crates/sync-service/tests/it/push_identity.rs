//! Identity: replays, reused ids, what is stored and what leaves the id free.

use serde_json::{Value, json};
use sync_core::json::canonical;

use crate::sync::{Pair, id, op, statuses, told, with};
use crate::world::now;

#[test]
fn a_replay_tells_the_stored_result_and_the_present_state() {
    let pair = Pair::new(None);
    let create = op(1, "create", "a", 0, json!({"t": 1.0, "u": {"x": 1, "gone": null}}));
    pair.one(&pair.ana, create.clone());
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"t": 2})));
    // another spelling of the same, from another device of the same person, with other circumstances
    let other_device = pair.world.caller("ana@example.org");
    let again =
        with(op(1, "create", "a", 0, json!({"u": {"x": 1.0}, "t": 1})), json!({"created_at": "2020-01-01T00:00:00Z", "hint": "mine"}));
    let replay = pair.one(&other_device, again);
    assert_eq!((replay["status"].as_str(), replay["was"].as_str()), (Some("duplicate"), Some("applied")));
    assert_eq!((&replay["decided_version"], &replay["version"], &replay["held"]), (&json!(1), &json!(2), &json!(true)));
    assert_eq!(replay["document"], json!({"t": 2, "u": {"x": 1}}));
    // the same twice in one request
    let twice = op(3, "update", "a", 2, json!({"n": 1}));
    let results = pair.push(&pair.ana, json!([twice, twice, with(twice.clone(), json!({"patch": {"n": 2}}))]));
    assert_eq!(statuses(&results), ["applied", "duplicate", "rejected"]);
    assert_eq!((results[1]["was"].as_str(), &results[1]["document"]["n"]), (Some("applied"), &json!(1)));
    assert_eq!((told(&results[2]).1, &results[2]["held"]), ("op_id_reuse", &json!(false)));
    assert_eq!(pair.read(&pair.ana, "notes", "a")["n"], 1);
}

#[test]
fn everything_of_the_identity_counts() {
    let pair = Pair::new(None);
    let create = op(1, "create", "a", 0, json!({"t": 1}));
    pair.one(&pair.ana, create.clone());
    for other in [
        json!({"patch": {"t": 2}}),
        json!({"document_id": "b"}),
        json!({"collection": "others"}),
        json!({"kind": "update"}),
        json!({"space_id": pair.second_space()}),
    ] {
        let result = pair.one(&pair.ana, with(create.clone(), other.clone()));
        assert_eq!((told(&result), &result["held"]), (("rejected", "op_id_reuse"), &json!(false)), "{other}");
        assert!(result.get("was").is_none() && result.get("decided_version").is_none() && result.get("conflict_id").is_none(), "{result}");
    }
    // an array's nulls and an update's nulls belong to it
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"x": null})));
    assert_eq!(told(&pair.one(&pair.ana, op(2, "update", "a", 1, json!({})))).1, "op_id_reuse");
}

#[test]
fn another_users_id_is_told_like_any_reuse_and_changes_nothing() {
    let pair = Pair::new(None);
    let create = op(1, "create", "a", 0, json!({"t": 1}));
    pair.one(&pair.ana, create.clone());
    assert_eq!(told(&pair.one(&pair.bo, create.clone())), ("rejected", "op_id_reuse"));
    assert_eq!(pair.one(&pair.ana, create)["was"], "applied");
    // an id is unique in its organisation: cy's is another
    let cy = pair.world.caller("cy@example.org");
    assert_eq!(told(&pair.one(&cy, op(1, "create", "a", 0, json!({})))), ("rejected", "unknown_space"));
}

#[test]
fn malformed_digest_and_waiting_leave_the_id_free() {
    let pair = Pair::new(None);
    let good = op(1, "create", "a", 0, json!({"t": 1}));
    let bad = [
        (with(good.clone(), json!({"kind": "upsert"})), ("rejected", "malformed")),
        (with(good.clone(), json!({"patch": []})), ("rejected", "malformed")),
        (with(good.clone(), json!({"collection": "Notes"})), ("rejected", "malformed")),
        (with(good.clone(), json!({"depends_on": (0..33).map(id).collect::<Vec<_>>()})), ("rejected", "malformed")),
        (with(good.clone(), json!({"digest": "nonsense"})), ("rejected", "digest_mismatch")),
        (with(good.clone(), json!({"after": id(77)})), ("waiting", "not_here_yet")),
        (with(good.clone(), json!({"depends_on": [id(77)]})), ("waiting", "not_here_yet")),
    ];
    for (operation, expected) in bad {
        let result = pair.one(&pair.ana, operation.clone());
        assert_eq!((told(&result), &result["held"]), (expected, &json!(false)), "{operation}");
    }
    // even in one and the same request
    let results = pair.push(&pair.ana, json!([with(good.clone(), json!({"digest": "nonsense"})), good]));
    assert_eq!(statuses(&results), ["rejected", "applied"]);
}

/// What came before it on the same document will come again under its id: whatever was built on it waits, or it would be
/// in conflict with its own chain.
#[test]
fn what_builds_on_a_refused_form_waits_for_the_good_one() {
    let pair = Pair::new(None);
    for (number, fault) in [(1, json!({"hint": "zz"})), (3, json!({"digest": "nonsense"}))] {
        let first = op(number, if number == 1 { "create" } else { "update" }, "a", 0, json!({"t": "first"}));
        let third = op(number + 1, "update", "a", 0, json!({"t": format!("after {number}")}));
        let results = pair.push(&pair.ana, json!([with(first.clone(), fault), third.clone()]));
        assert_eq!(statuses(&results), ["rejected", "waiting"], "{results:?}");
        assert_eq!(results[1]["held"], false);
        let results = pair.push(&pair.ana, json!([with(first, json!({"base_version": 0})), third]));
        assert!(results.iter().all(|result| result["held"] == true && result["status"] != "rejected"), "{results:?}");
    }
}

#[test]
fn one_bad_operation_blocks_no_other() {
    let pair = Pair::new(None);
    let results = pair.push(
        &pair.ana,
        json!([
            op(1, "create", "a", 0, json!({"n": 9_007_199_254_740_993_i64})),
            with(op(2, "create", "b", 0, json!({})), json!({"base_version": "0"})),
            op(3, "update", "nowhere", 0, json!({"t": 1})),
            op(4, "create", "d", 0, json!({"ok": true})),
        ]),
    );
    assert_eq!(
        results.iter().map(told).collect::<Vec<_>>(),
        [("rejected", "number_range"), ("rejected", "malformed"), ("rejected", "unknown_document"), ("applied", "")]
    );
    assert_eq!(results.iter().map(|result| result["held"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false, true, true]);
}

#[test]
fn what_is_too_deep_or_too_large_is_kept_as_rejected() {
    let pair = Pair::new(None);
    let deep = |levels: usize| (1..levels).fold(json!({"x": 1}), |inner, _| json!({"x": inner}));
    assert_eq!(told(&pair.one(&pair.ana, op(1, "create", "a", 0, deep(32)))), ("applied", ""));
    assert_eq!(told(&pair.one(&pair.ana, op(2, "create", "b", 0, deep(33)))), ("rejected", "too_large"));
    let large = "x".repeat(262_144);
    let result = pair.one(&pair.ana, op(3, "create", "c", 0, json!({"x": large})));
    assert_eq!((told(&result), &result["held"]), (("rejected", "too_large"), &json!(true)));
    assert_eq!(pair.one(&pair.ana, op(3, "create", "c", 0, json!({"x": large})))["was"], "rejected");
}

#[test]
fn a_digest_is_taken_over_the_operation_as_it_stands() {
    let pair = Pair::new(None);
    let mut operation = op(1, "create", "a", 0, json!({"é": "ü", "n": 1.50, "big": 1e15}));
    operation["created_at"] = json!("2026-06-20T14:00:00.000Z");
    let mut signed = operation.clone();
    signed["space_id"] = json!(pair.space);
    operation["digest"] = json!(digest(&signed));
    assert_eq!(pair.one(&pair.ana, operation.clone())["status"], "applied");
    operation["op_id"] = json!(id(2));
    assert_eq!(told(&pair.one(&pair.ana, operation)), ("rejected", "digest_mismatch"));
}

fn digest(value: &Value) -> String {
    use base64::Engine;
    let hash = ring::digest::digest(&ring::digest::SHA256, canonical(value).as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
}

#[test]
fn receipts_tell_of_ones_own_alone() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({})), op(2, "update", "nowhere", 0, json!({}))]));
    let ask = |caller| {
        let ids = (1..4).map(|n| id(n).parse().unwrap()).collect();
        serde_json::to_value(now(pair.world.service.receipts(caller, ids)).unwrap()).unwrap()["receipts"].clone()
    };
    let own = ask(&pair.ana);
    assert_eq!(
        (&own[0]["status"], &own[0]["held"], &own[0]["version"], &own[0]["space_id"]),
        (&json!("applied"), &json!(true), &json!(1), &json!(pair.space))
    );
    assert_eq!((&own[1]["status"], &own[1]["problem"]["code"]), (&json!("rejected"), &json!("unknown_document")));
    let unknown = |n| json!({"op_id": id(n), "status": "unknown", "held": false});
    assert_eq!(own[2], unknown(3));
    let cy = pair.world.caller("cy@example.org");
    for stranger in [&pair.bo, &cy] {
        assert_eq!(ask(stranger), json!([unknown(1), unknown(2), unknown(3)]));
    }
    let answer = pair.sync(&pair.ana, json!({"operations": [op(3, "create", "b", 0, json!({}))], "ask": [id(3), id(1)]}));
    assert_eq!(
        answer["receipts"].as_array().unwrap().iter().map(|receipt| receipt["version"].as_i64()).collect::<Vec<_>>(),
        [Some(2), Some(1)]
    );
}
