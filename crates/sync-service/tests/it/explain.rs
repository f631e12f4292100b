//! Explain: what an operation's sender had seen, what was live, and what came of each field.

use serde_json::{Value, json};
use sync_core::Code;
use sync_service::{Caller, ServiceResult};

use crate::sync::{Pair, id, op, with};
use crate::world::{now, refused};

fn try_explain(pair: &Pair, caller: &Caller, n: u32) -> ServiceResult<Value> {
    now(pair.world.service.explain(caller, id(n).parse().unwrap())).map(|told| serde_json::to_value(told).unwrap())
}

fn explain(pair: &Pair, caller: &Caller, n: u32) -> Value {
    try_explain(pair, caller, n).unwrap_or_else(|error| panic!("{error}"))
}

/// Path, decided, and base, ours, theirs and outcome.
fn fields(told: &Value) -> Vec<(String, String, [Value; 4])> {
    let text = |field: &Value, name: &str| field[name].as_str().unwrap().to_owned();
    let of = |field: &Value| {
        (text(field, "path"), text(field, "decided"), ["base", "ours", "theirs", "outcome"].map(|name| field[name].clone()))
    };
    told["fields"].as_array().unwrap().iter().map(of).collect()
}

fn field(path: &str, decided: &str, values: [Value; 4]) -> (String, String, [Value; 4]) {
    (path.into(), decided.into(), values)
}

#[test]
fn a_merge_and_its_question_field_by_field() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "Ceremony", "at": "16:00", "same": 1})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"at": "16:15", "same": 2})));
    let edit = json!({"title": "Garden", "at": "16:30", "same": 2, "new": true});
    let sent = with(op(3, "update", "a", 1, edit), json!({"created_at": "2026-06-20T13:00:00Z", "group": null}));
    let result = pair.sync(&pair.bo, json!({"sent_at": "2026-06-20T14:00:00Z", "operations": [sent]}))["results"][0].clone();
    assert_eq!(result["status"], "conflict");
    // what happens later does not change what is told
    pair.one(&pair.ana, op(4, "update", "a", 4, json!({"title": "Later", "at": "18:00"})));
    let told = explain(&pair, &pair.ana, 3);
    assert_eq!(told, explain(&pair, &pair.bo, 3));
    assert_eq!(
        fields(&told),
        [
            field("/at", "conflict", [json!("16:00"), json!("16:15"), json!("16:30"), json!("16:15")]),
            field("/new", "theirs", [json!(null), json!(null), json!(true), json!(true)]),
            field("/same", "noop", [json!(1), json!(2), json!(2), json!(2)]),
            field("/title", "theirs", [json!("Ceremony"), json!("Ceremony"), json!("Garden"), json!("Garden")]),
        ]
    );
    assert_eq!(told["base"], json!({"version": 1, "source": "history"}));
    assert_eq!(
        (&told["status"], &told["version"], &told["conflict_id"]),
        (&json!("conflict"), &result["decided_version"], &result["conflict_id"])
    );
    assert_eq!((&told["kind"], &told["collection"], &told["document_id"]), (&json!("update"), &json!("notes"), &json!("a")));
    assert_eq!(told["by"], json!({"user_id": pair.bo.user_id, "device_id": pair.bo.device_id}));
    // the device's clock was an hour before what it sent at, and that was now
    let time = |name: &str| told[name].as_str().unwrap().to_owned();
    assert_eq!((time("created_at"), time("corrected_at")), ("2026-06-20T13:00:00.000Z".into(), "2026-06-20T13:00:00.000Z".into()));
    assert_eq!((time("received_at"), time("decided_at")), ("2026-06-20T14:00:00.000Z".into(), "2026-06-20T14:00:00.000Z".into()));
    assert_eq!((&told["attempts"], &told["policy_version"], &told["problem"]), (&json!(1), &json!(1), &Value::Null));
    // and the answer to the question
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    pair.resolve(&pair.ana, 5, &conflict, json!({"fields": {"/at": {"choose": "theirs"}}}));
    let answer = explain(&pair, &pair.ana, 5);
    assert_eq!((&answer["kind"], &answer["document_id"]), (&json!("resolution"), &result["conflict_id"]));
    assert_eq!(fields(&answer)[0].1, "theirs");
}

#[test]
fn a_chain_is_told_from_the_senders_own_view() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1, "u": 1})));
    let chain = json!([op(2, "update", "a", 1, json!({"t": 2})), with(op(3, "update", "a", 1, json!({"t": 3})), json!({"after": id(2)}))]);
    pair.push(&pair.bo, chain);
    let told = explain(&pair, &pair.bo, 3);
    assert_eq!((&told["base"], &told["after"]), (&json!({"version": 1, "source": "chain"}), &json!(id(2))));
    assert_eq!(fields(&told), [field("/t", "theirs", [json!(2), json!(2), json!(3), json!(3)])]);
}

#[test]
fn creations_deletions_and_inline_bases() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    let made = explain(&pair, &pair.bo, 1);
    assert_eq!((&made["base"], &made["kind"]), (&json!({"version": 0, "source": "none"}), &json!("create")));
    assert_eq!(fields(&made), [field("/t", "theirs", [json!(null), json!(null), json!(1), json!(1)])]);
    let inline = with(op(2, "update", "a", 900, json!({"t": 2})), json!({"base": {"t": 1}}));
    assert_eq!(pair.one(&pair.bo, inline)["status"], "merged");
    let told = explain(&pair, &pair.bo, 2);
    assert_eq!(told["base"], json!({"version": 900, "source": "inline"}));
    assert_eq!(fields(&told), [field("/t", "theirs", [json!(1), json!(1), json!(2), json!(2)])]);
    let blind = pair.one(&pair.bo, op(3, "update", "a", 900, json!({"t": 3})));
    assert_eq!(blind["status"], "conflict");
    let told = explain(&pair, &pair.bo, 3);
    assert_eq!(told["base"]["source"], "none");
    assert_eq!(fields(&told)[0].1, "conflict");
    assert!(told["fields"][0]["reason"].as_str().unwrap().contains("not known"), "{told}");
    pair.one(&pair.ana, op(4, "delete", "a", 2, Value::Null));
    let told = explain(&pair, &pair.ana, 4);
    assert_eq!(fields(&told), [field("", "theirs", [json!({"t": 2}), json!({"t": 2}), json!(null), json!(null)])]);
}

#[test]
fn what_was_refused_is_told_to_its_sender_and_to_leads() {
    let pair = Pair::new(None);
    pair.give_bo("viewer");
    assert_eq!(pair.one(&pair.bo, op(1, "create", "a", 0, json!({"t": 1})))["status"], "quarantined");
    for caller in [&pair.ana, &pair.bo] {
        let told = explain(&pair, caller, 1);
        assert_eq!((&told["status"], &told["problem"]["code"]), (&json!("quarantined"), &json!("role_forbids")));
        assert_eq!((&told["fields"], &told["version"]), (&json!([]), &Value::Null));
    }
    pair.one(&pair.ana, op(2, "update", "none", 1, json!({"t": 1})));
    assert_eq!(refused(try_explain(&pair, &pair.bo, 2)), Code::UnknownOperation);
    // a former member sees what they sent, and nothing of what is there
    pair.give_bo("photographer");
    pair.one(&pair.bo, op(3, "create", "b", 0, json!({"t": 1})));
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
    let told = explain(&pair, &pair.bo, 3);
    assert_eq!((&told["status"], &told["fields"], &told["read_by"]), (&json!("applied"), &json!([]), &json!([])));
    assert_eq!(refused(try_explain(&pair, &pair.bo, 2)), Code::UnknownOperation);
    assert_eq!(refused(try_explain(&pair, &pair.world.caller("cy@example.org"), 3)), Code::UnknownOperation);
    assert_eq!(refused(try_explain(&pair, &pair.ana, 99)), Code::UnknownOperation);
}

#[test]
fn what_was_hidden_then_is_hidden_now() {
    let pair = Pair::new(Some("wedding"));
    let event = |n, kind: &str, base, patch| with(op(n, kind, "e", base, patch), json!({"collection": "timeline_events"}));
    pair.one(&pair.ana, event(1, "create", 0, json!({"title": "Surprise", "visibility": "private"})));
    pair.one(&pair.ana, event(2, "update", 1, json!({"title": "Cake", "visibility": "everyone"})));
    pair.one(&pair.ana, event(3, "update", 2, json!({"title": "Cake!"})));
    assert_eq!(refused(try_explain(&pair, &pair.bo, 1)), Code::UnknownOperation);
    assert_eq!(refused(try_explain(&pair, &pair.bo, 2)), Code::UnknownOperation, "it would tell the title before");
    assert_eq!(fields(&explain(&pair, &pair.bo, 3)), [field("/title", "theirs", ["Cake", "Cake", "Cake!", "Cake!"].map(Value::from))]);
    // nor by claiming to have seen it
    for (n, kind, patch) in [(4, "update", json!({"title": "Pie"})), (5, "update", json!({})), (6, "delete", Value::Null)] {
        pair.one(&pair.bo, event(n, kind, 1, patch));
        let told = explain(&pair, &pair.bo, n);
        assert!(!told.to_string().contains("Surprise"), "{told}");
        assert_ne!(told["base"]["source"], "history", "{told}");
    }
}

#[test]
fn who_has_read_it() {
    let pair = Pair::new(None);
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    pair.pull(&pair.bo, cursor.as_str());
    now(pair.world.service.flush_presented()).unwrap();
    assert_eq!(explain(&pair, &pair.ana, 1)["read_by"], json!([]), "the cursor that was shown is older");
    let cursor = pair.pull(&pair.bo, cursor.as_str())["cursor"].clone();
    pair.world.clock.advance_ms(1_000);
    pair.pull(&pair.bo, cursor.as_str());
    now(pair.world.service.flush_presented()).unwrap();
    let told = explain(&pair, &pair.ana, 1);
    assert_eq!(told["read_by"], json!([{"device_id": pair.bo.device_id, "at": "2026-06-20T14:00:01.000Z"}]));
}
