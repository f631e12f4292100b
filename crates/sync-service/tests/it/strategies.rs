//! The strategies of a schema through push: what is taken, what is outvoted and told, what is refused, and how it is
//! explained.

use serde_json::{Value, json};
use sync_service::Caller;

use crate::sync::{Pair, id, op, told, with};
use crate::world::now;

fn schema() -> Value {
    let owners = json!(["role:lead"]);
    json!({"name": "party", "version": 1, "collections": {"tables": {
    "groups": {"placement": {"fields": ["x", "y", "turn"], "strategy": "lww"}},
    "fields": {
        "x": {"type": "number", "label": "Across"}, "y": {"type": "number", "label": "Along"}, "turn": {"type": "number"},
        "status": {"type": "enum", "values": ["open", "skipped", "done"], "strategy": {"lattice": {"order": ["open", "skipped", "done"]}}},
        "locked": {"type": "boolean", "strategy": "safer"},
        "seen_at": {"type": "instant", "strategy": "first"},
        "flags": {"type": "set", "strategy": {"safe_set": {"owners": owners}}},
        "code": {"type": "text", "strategy": "immutable"},
        "sunset": {"type": "text", "strategy": "server", "label": "Sunset"},
        "people": {"type": "set", "strategy": "set"},
        "name": {"type": "text", "strategy": "lww"},
        "cost": {"type": "integer", "strategy": "ask"},
    }}}})
}

fn table(n: u32, kind: &str, base: i64, patch: Value) -> Value {
    with(op(n, kind, "t", base, patch), json!({"collection": "tables"}))
}

/// Ana (lead) made a table at version 1.
fn made(body: Value) -> Pair {
    let pair = Pair::with(schema());
    assert_eq!(told(&pair.one(&pair.ana, table(1, "create", 0, body))).0, "applied");
    pair
}

/// Ana's edit, then Bo's, both over version 1. Time passes between them.
fn both(pair: &Pair, ana: Value, bo: Value) -> Value {
    pair.one(&pair.ana, table(2, "update", 1, ana));
    pair.world.clock.advance_ms(1_000);
    pair.one(&pair.bo, table(3, "update", 1, bo))
}

fn warnings(result: &Value) -> Vec<(&str, &str)> {
    result["warnings"].as_array().unwrap().iter().map(|one| (one["code"].as_str().unwrap(), one["detail"].as_str().unwrap())).collect()
}

fn explained(pair: &Pair, caller: &Caller, n: u32) -> Vec<Value> {
    let told = now(pair.world.service.explain(caller, id(n).parse().unwrap())).unwrap();
    serde_json::to_value(told).unwrap()["fields"].as_array().unwrap().clone()
}

#[test]
fn fields_that_belong_together_are_never_mixed() {
    let pair = made(json!({"x": 0, "y": 0, "turn": 0}));
    let result = both(&pair, json!({"x": 1, "turn": 90}), json!({"y": 5}));
    assert_eq!((told(&result).0, &result["document"]), ("merged", &json!({"x": 0, "y": 5, "turn": 0})), "the newer placement, whole");
    let [(code, words)] = warnings(&result)[..] else { panic!("one warning: {result}") };
    assert_eq!(code, "outvoted");
    assert!(words.starts_with("Across, Along, turn: the newer edit counts here. Yours took the place"), "{words}");
    // the older one gives way, though it comes later
    let pair = made(json!({"x": 0, "y": 0, "turn": 0}));
    pair.world.clock.advance_ms(60_000);
    pair.one(&pair.ana, table(2, "update", 1, json!({"x": 1})));
    let late = with(table(3, "update", 1, json!({"y": 5})), json!({"created_at": "2026-06-20T14:00:10Z"}));
    let result = pair.sync(&pair.bo, json!({"sent_at": "2026-06-20T14:01:00Z", "operations": [late]}))["results"][0].clone();
    assert_eq!((told(&result).0, &result["document"]), ("noop", &json!({"x": 1, "y": 0, "turn": 0})));
    assert!(warnings(&result)[0].1.contains("What stood there stays"), "{result}");
    let fields = explained(&pair, &pair.bo, 3);
    let along = fields.iter().find(|field| field["path"] == "/y").unwrap();
    assert_eq!((&along["strategy"], &along["decided"], &along["theirs"]), (&json!("lww"), &json!("ours"), &json!(5)), "it can be found");
    assert_eq!(along["reason"], "the newer edit counts here");
    // of which one nobody knows what its sender saw, all of it is asked
    let blind = with(table(4, "update", 900, json!({"y": 7})), json!({"base": {"y": 0}}));
    let asked = pair.one(&pair.bo, blind);
    assert_eq!((told(&asked).0, &asked["document"]["y"]), ("conflict", &json!(0)));
}

#[test]
fn fields_that_belong_together_are_answered_together() {
    let mut schema = schema();
    schema["collections"]["tables"]["groups"]["placement"]["strategy"] = json!("ask");
    let pair = Pair::with(schema);
    pair.one(&pair.ana, table(1, "create", 0, json!({"x": 0, "y": 0, "turn": 0})));
    let result = both(&pair, json!({"x": 1, "y": 1}), json!({"x": 2, "y": 2, "turn": 9}));
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    assert_eq!(conflict["fields"].as_object().unwrap().keys().collect::<Vec<_>>(), ["/turn", "/x", "/y"]);
    assert_eq!(conflict["fields"]["/turn"]["reason"], "these fields make sense only together, and both sides changed them");
    let mixed = json!({"fields": {"/x": {"choose": "ours"}, "/y": {"choose": "theirs"}}});
    assert_eq!(told(&pair.resolve(&pair.ana, 4, &conflict, mixed)), ("rejected", "malformed"));
    let answer = pair.resolve(&pair.ana, 5, &conflict, json!({"fields": {"/x": {"choose": "theirs"}}}));
    assert_eq!((told(&answer).0, &answer["document"]), ("applied", &json!({"x": 2, "y": 2, "turn": 9})));
    assert_eq!(pair.conflict(&pair.ana, &result["conflict_id"])["state"], "resolved");
}

#[test]
fn states_rise_and_the_safer_value_counts() {
    let pair = made(json!({"status": "open", "locked": false}));
    let result = both(&pair, json!({"status": "done", "locked": true}), json!({"status": "skipped", "locked": null}));
    assert_eq!((told(&result).0, &result["document"]), ("noop", &json!({"status": "done", "locked": true})));
    let told_of = warnings(&result);
    assert_eq!(told_of.len(), 2, "{told_of:?}");
    assert!(told_of.iter().all(|(code, words)| *code == "outvoted" && words.contains("yours is kept")), "{told_of:?}");
    // whoever has seen it may take it back
    let version = result["version"].as_i64().unwrap();
    let back = pair.one(&pair.bo, table(4, "update", version, json!({"status": "open", "locked": false})));
    assert_eq!((told(&back), &back["warnings"]), (("applied", ""), &json!([])));
}

#[test]
fn the_first_tap_counts_and_only_some_correct_it() {
    let pair = made(json!({}));
    let at = |minute: u32| json!({"seen_at": format!("2026-06-20T14:{minute}:00Z")});
    let result = both(&pair, at(10), at(11));
    assert_eq!((told(&result).0, &result["document"], &result["warnings"]), ("noop", &at(10), &json!([])), "a second tap is no news");
    let corrected = pair.one(&pair.bo, table(4, "update", 2, at(20)));
    assert_eq!((told(&corrected).0, &corrected["document"]), ("noop", &at(10)));
    assert_eq!(
        warnings(&corrected)[0].1,
        "seen_at: it is set once, and was set before. What stood there stays; yours is kept with this operation."
    );
    assert_eq!(told(&pair.one(&pair.ana, table(5, "update", 2, at(30)))).0, "applied");
}

#[test]
fn a_safe_set_grows_and_what_goes_is_proposed() {
    let pair = made(json!({"flags": ["nuts", "milk"], "people": ["ana"]}));
    let result = pair.one(&pair.bo, table(2, "update", 1, json!({"flags": ["milk", "gluten"], "people": []})));
    assert_eq!((told(&result).0, &result["proposed"]), ("merged", &json!(["/flags"])));
    let flags = result["document"]["flags"].as_array().unwrap();
    assert!(["nuts", "milk", "gluten"].iter().all(|flag| flags.contains(&json!(flag))) && flags.len() == 3, "{flags:?}");
    assert_eq!(result["document"]["people"], json!([]));
    let name = format!("op-{}", id(2));
    let approval = with(op(3, "update", &name, 3, json!({"state": "approved"})), json!({"collection": "change_requests"}));
    assert_eq!(told(&pair.one(&pair.ana, approval)).0, "merged");
    let flags = pair.read(&pair.ana, "tables", "t")["flags"].clone();
    assert_eq!(flags.as_array().unwrap().iter().filter(|flag| **flag == json!("nuts")).count(), 0, "{flags}");
    assert_eq!(flags.as_array().unwrap().len(), 2);
}

#[test]
fn what_devices_do_not_write_is_left_out_or_refused() {
    // of a creation the rest is made
    let pair = Pair::with(schema());
    let made = pair.one(&pair.ana, table(1, "create", 0, json!({"name": "One", "sunset": "21:04", "code": "A"})));
    assert_eq!((told(&made).0, &made["document"]), ("merged", &json!({"name": "One", "code": "A"})));
    assert_eq!(warnings(&made), [("read_only", "Sunset: this is not written by devices; what stood there stays")]);
    // of an edit too
    let edit = pair.one(&pair.bo, table(2, "update", 1, json!({"name": "Two", "sunset": "21:05", "code": "B"})));
    assert_eq!((told(&edit).0, &edit["document"]), ("merged", &json!({"name": "Two", "code": "A"})));
    assert_eq!(warnings(&edit)[0].0, "read_only");
    // and where nothing else is in it, it is refused, and kept
    let alone = pair.one(&pair.bo, table(3, "update", 2, json!({"sunset": "21:05", "name": "Two"})));
    assert_eq!((told(&alone), &alone["held"]), (("rejected", "read_only"), &json!(true)));
    assert_eq!(alone["problem"]["pointer"], "/patch/sunset");
    assert_eq!(told(&pair.one(&pair.ana, table(4, "update", 2, json!({"code": "C"})))), ("rejected", "read_only"));
    let blind = pair.one(&pair.bo, table(5, "update", 900, json!({"sunset": "22:00"})));
    assert_eq!(told(&blind), ("rejected", "read_only"), "nobody is asked about it");
    // what is set once by two at the same time was nobody's to know
    let pair = Pair::with(schema());
    pair.one(&pair.ana, table(1, "create", 0, json!({})));
    let second = both(&pair, json!({"code": "ana"}), json!({"code": "bo"}));
    assert_eq!((told(&second).0, &second["document"]["code"]), ("noop", &json!("ana")));
    assert_eq!(warnings(&second)[0].0, "outvoted");
    // nor does a deletion and a new beginning help
    pair.one(&pair.bo, table(4, "delete", 2, Value::Null));
    let back = pair.one(&pair.bo, table(5, "restore", 3, json!({"sunset": "22:00", "code": "x"})));
    assert_eq!((told(&back).0, &back["document"]), ("merged", &json!({"code": "ana"})));
}

#[test]
fn the_decisions_are_stored_with_the_operation_and_told() {
    let pair = made(json!({"people": ["ana"], "name": "One", "cost": 1}));
    let edit = json!({"people": ["ana", "rui"], "name": "Three", "cost": 3});
    let result = both(&pair, json!({"people": ["ana", "ines"], "name": "Two", "cost": 2}), edit);
    assert_eq!(told(&result).0, "conflict");
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    let cost = &conflict["fields"]["/cost"];
    assert_eq!((&cost["strategy"], &cost["reason"]), (&json!("ask"), &json!("both sides changed it, differently")));
    let check = |pair: &Pair| {
        let fields = explained(pair, &pair.ana, 3);
        let of = |path: &str| {
            let field = fields.iter().find(|field| field["path"] == path).unwrap();
            ["strategy", "decided", "reason"].map(|name| field[name].as_str().unwrap().to_owned())
        };
        assert_eq!(of("/name"), ["lww", "theirs", "the newer edit counts here"]);
        assert_eq!(of("/cost"), ["ask", "conflict", "both sides changed it, differently: somebody is asked"]);
        assert_eq!(of("/people")[..2], ["set", "merged"]);
    };
    check(&pair);
    // what a later schema says of it changes nothing of what was decided
    let mut next = schema();
    next["version"] = json!(2);
    next["collections"]["tables"]["fields"]["name"]["strategy"] = json!("ask");
    let request = serde_json::from_value(json!({"schema": next})).unwrap();
    now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), request)).unwrap();
    check(&pair);
    // where nobody met, the schema says how it would merge
    let alone = explained(&pair, &pair.ana, 2);
    assert_eq!((&alone[1]["path"], &alone[1]["strategy"], &alone[1]["decided"]), (&json!("/name"), &json!("ask"), &json!("theirs")));
}

#[test]
fn owners_in_the_settings_count_at_once() {
    let mut schema = schema();
    schema["collections"]["tables"]["fields"]["name"]["strategy"] = json!({"authority": {"owners": ["space:venue_user"]}});
    let pair = Pair::with(schema);
    pair.one(&pair.ana, table(1, "create", 0, json!({"name": "One"})));
    let settings = |value: Value| {
        let request = serde_json::from_value(json!({"settings": {"venue_user": value}})).unwrap();
        now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), request)).unwrap();
    };
    assert_eq!(pair.one(&pair.bo, table(2, "update", 1, json!({"name": "Two"})))["proposed"], json!(["/name"]));
    settings(json!(pair.bo.user_id));
    assert_eq!(told(&pair.one(&pair.bo, table(3, "update", 1, json!({"name": "Two"})))).0, "applied");
    assert_eq!(pair.one(&pair.ana, table(4, "update", 3, json!({"name": "Three"})))["proposed"], json!(["/name"]));
    let request = pair.read(&pair.ana, "change_requests", &format!("op-{}", id(4)));
    assert_eq!(request["owner_role"], json!(format!("user:{}", pair.bo.user_id)));
    // the lead who asked does not approve it, the owner does
    let decide = |n: u32, caller: &Caller| {
        let patch = json!({"state": "approved"});
        pair.one(caller, with(op(n, "update", &format!("op-{}", id(4)), 4, patch), json!({"collection": "change_requests"})))
    };
    assert_eq!(told(&decide(5, &pair.ana)), ("rejected", "not_owner"));
    assert_eq!(told(&decide(6, &pair.bo)).0, "merged");
    assert_eq!(pair.read(&pair.ana, "tables", "t")["name"], "Three");
}
