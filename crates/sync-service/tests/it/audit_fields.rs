//! What a record's operations changed from and to: for whom, under which names, and revealed.

use serde_json::{Value, json};
use sync_core::Code;
use sync_service::{AuditQuery, Caller};

use crate::audit::{actions, listed, newest, tick};
use crate::inbox::{at_a_party, disputed, of};
use crate::sync::{Pair, id, op};
use crate::world::{now, refused};

/// What a record tells somebody who may read everything in the log, as a member of the space: from and to, or masked.
pub(crate) fn told_of(pair: &Pair, caller: &Caller, record: &Value) -> Vec<Value> {
    let auditor = Caller { admin: true, ..*caller };
    let record_id = record["record_id"].as_str().unwrap().parse().unwrap();
    let one = serde_json::to_value(now(pair.world.service.get_audit(&auditor, record_id)).unwrap()).unwrap();
    let fields = one["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|told| json!([told["field"], told.get("from"), told.get("to"), told["masked"]])).collect()
}

#[test]
fn sensitive_values_are_left_out_until_they_are_revealed() {
    let pair = at_a_party();
    pair.give_bo("vendor");
    let made = pair.one(&pair.ana, of("events", op(1, "create", "e", 0, json!({"title": "Dinner", "allergies": "celiac"}))));
    tick(&pair);
    pair.one(
        &pair.ana,
        of("events", op(2, "update", "e", made["version"].as_i64().unwrap(), json!({"title": "Supper", "allergies": "nuts"}))),
    );
    let service = &pair.world.service;
    let push = newest(&pair, &pair.ana, "sync.push");
    let record_id: uuid::Uuid = push["record_id"].as_str().unwrap().parse().unwrap();
    let one = serde_json::to_value(now(service.get_audit(&pair.ana, record_id)).unwrap()).unwrap();
    assert_eq!(
        one["fields"],
        json!([
            {"document": "events/e", "version": 2, "field": "allergies", "masked": true},
            {"document": "events/e", "version": 2, "field": "title", "from": "Dinner", "to": "Supper", "masked": false},
        ])
    );
    let wanted = |field: &str| serde_json::from_value(json!({"document": "events/e", "field": field, "reason": "asked by phone"})).unwrap();
    let shown = serde_json::to_value(now(service.reveal_audit(&pair.ana, record_id, wanted("allergies"))).unwrap()).unwrap();
    assert_eq!((&shown["from"], &shown["to"], &shown["masked"]), (&json!("celiac"), &json!("nuts"), &json!(false)));
    let act = newest(&pair, &pair.ana, "field.reveal");
    assert_eq!(act["details"], json!({"document": "events/e", "field": "allergies", "version": 2}));
    assert_eq!((&act["subject"], &act["reason"]), (&push["record_id"], &json!("asked by phone")));
    assert!(!act.to_string().contains("nuts"), "the record of it has no value either");
    // others learn nothing, and leave no record
    let before = actions(&pair).len();
    assert_eq!(refused(now(service.reveal_audit(&pair.bo, record_id, wanted("allergies")))), Code::UnknownRecord);
    assert_eq!(refused(now(service.reveal_audit(&pair.ana, record_id, wanted("colour")))), Code::UnknownDocument);
    assert_eq!(actions(&pair).len(), before);
}

#[test]
fn whose_role_does_not_read_a_field_gets_it_revealed_from_nowhere() {
    let pair = at_a_party();
    pair.give_bo("coordinator");
    let made = pair.one(&pair.bo, of("events", op(1, "create", "e", 0, json!({"title": "Dinner", "allergies": "celiac"}))));
    assert_eq!(made["status"], "applied", "{made}");
    // their own act, of a time at which they read it
    pair.give_bo("vendor");
    let push = newest(&pair, &pair.bo, "sync.push");
    let record_id: uuid::Uuid = push["record_id"].as_str().unwrap().parse().unwrap();
    let wanted = serde_json::from_value(json!({"document": "events/e", "field": "allergies"})).unwrap();
    assert_eq!(refused(now(pair.world.service.reveal_audit(&pair.bo, record_id, wanted))), Code::Forbidden);
    let one = serde_json::to_value(now(pair.world.service.get_audit(&pair.bo, record_id)).unwrap()).unwrap();
    assert!(!one.to_string().contains("celiac"), "{one}");
}

#[test]
fn what_was_said_in_an_older_schema_is_told_in_the_present_one() {
    let pair = Pair::with(crate::lenses::first());
    let made = pair.one(&pair.ana, op(1, "create", "a", 0, json!({"mail": "a@b", "state": "todo"})));
    tick(&pair);
    let version = made["version"].as_i64().unwrap();
    let before = pair.one(&pair.ana, op(2, "update", "a", version, json!({"mail": "c@d", "state": "doing"})));
    let older = newest(&pair, &pair.ana, "sync.push");
    crate::lenses::upgrade(&pair, &crate::lenses::second());
    tick(&pair);
    let version = before["version"].as_i64().unwrap();
    let late = crate::sync::with(op(3, "update", "a", version, json!({"mail": "e@f"})), json!({"schema": 1}));
    assert_eq!(pair.one(&pair.ana, late)["status"], "merged");
    let newer = newest(&pair, &pair.ana, "sync.push");
    assert_eq!(told_of(&pair, &pair.ana, &newer), [json!(["email", "c@d", "e@f", false])], "{newer}");
    assert_eq!(told_of(&pair, &pair.ana, &older), [json!(["email", "a@b", "c@d", false]), json!(["state", "open", "open", false])]);
}

#[test]
fn what_was_private_stays_so_when_what_said_it_is_renamed() {
    let schema = |version: u32, field: &str| {
        json!({"name": "party", "version": version, "collections": {"events": {
            "fields": {"title": {"type": "text"}, field: {"type": "text"}},
            "visibility": {"field": field, "audiences": {"private": ["lead"]}}}}})
    };
    let pair = Pair::with(schema(1, "scope"));
    let made = pair.one(&pair.ana, of("events", op(1, "create", "e", 0, json!({"title": "Surprise", "scope": "private"}))));
    tick(&pair);
    let version = made["version"].as_i64().unwrap();
    pair.one(&pair.ana, of("events", op(2, "update", "e", version, json!({"title": "Cake", "scope": "everyone"}))));
    let record = newest(&pair, &pair.ana, "sync.push");
    let hidden = |scope: &str| [json!([scope, null, null, true]), json!(["title", null, null, true])];
    assert_eq!(told_of(&pair, &pair.bo, &record), hidden("scope"));
    let mut second = schema(2, "who_sees");
    second["lenses"] = json!([{"to": 2, "collections": {"events": [{"move": "rename", "field": "scope", "to": "who_sees"}]}}]);
    crate::lenses::upgrade(&pair, &second);
    assert_eq!(pair.read(&pair.bo, "events", "e")["title"], "Cake");
    assert_eq!(told_of(&pair, &pair.bo, &record), hidden("who_sees"));
    assert_eq!(told_of(&pair, &pair.ana, &record)[1], json!(["title", "Surprise", "Cake", false]));
}

#[test]
fn whom_an_operation_makes_an_owner_does_not_read_what_was_before() {
    let owned = json!({"authority": {"owners": ["role:lead", "field:/owner_id"], "both": "ask"}});
    let pair = Pair::with(json!({"name": "party", "version": 1, "collections": {"events": {"fields": {
        "title": {"type": "text"}, "owner_id": {"type": "id"}, "code": {"type": "text", "read": [], "strategy": owned},
    }}}}));
    let mut version = 0;
    for (n, patch) in
        [json!({"title": "Door", "code": "old"}), json!({"owner_id": pair.bo.user_id, "code": "new"}), json!({"code": "newer"})]
            .into_iter()
            .enumerate()
    {
        tick(&pair);
        let n = u32::try_from(n).unwrap();
        let result = pair.one(&pair.ana, of("events", op(n + 1, if n == 0 { "create" } else { "update" }, "e", version, patch)));
        assert_ne!(result["version"], Value::Null, "{result}");
        version = result["version"].as_i64().unwrap();
    }
    let pushes = listed(&pair, &pair.ana, AuditQuery { action: Some("sync.push".into()), ..AuditQuery::default() });
    let of_code = |place: usize| {
        let told = told_of(&pair, &pair.bo, &pushes["items"][place]);
        told.into_iter().find(|told| told[0] == "code").unwrap()
    };
    assert_eq!(of_code(1), json!(["code", null, null, true]), "{pushes}");
    assert_eq!(of_code(0), json!(["code", "new", "newer", false]), "an owner before and after reads both: {pushes}");
}

#[test]
fn of_a_record_about_too_many_documents_it_is_said_and_each_is_revealed() {
    let pair = at_a_party();
    tick(&pair);
    let made = (1..=101).map(|n| of("events", op(n, "create", &format!("e{n:03}"), 0, json!({"allergies": format!("nuts {n}")}))));
    pair.push(&pair.ana, made.collect());
    let record_id = newest(&pair, &pair.ana, "sync.push")["record_id"].as_str().unwrap().parse().unwrap();
    let one = serde_json::to_value(now(pair.world.service.get_audit(&pair.ana, record_id)).unwrap()).unwrap();
    assert_eq!((&one["truncated"], one["fields"].as_array().unwrap().len()), (&json!(true), 100));
    let wanted = serde_json::from_value(json!({"document": "events/e101", "field": "allergies"})).unwrap();
    let shown = now(pair.world.service.reveal_audit(&pair.ana, record_id, wanted)).unwrap();
    assert_eq!(shown.to, Some(json!("nuts 101")));
    tick(&pair);
    pair.one(&pair.ana, of("events", op(200, "create", "one", 0, json!({"title": "Dinner"}))));
    let record_id = newest(&pair, &pair.ana, "sync.push")["record_id"].as_str().unwrap().parse().unwrap();
    let one = serde_json::to_value(now(pair.world.service.get_audit(&pair.ana, record_id)).unwrap()).unwrap();
    assert_eq!((one.get("truncated"), one["fields"].as_array().unwrap().len()), (None, 1));
}

#[test]
fn what_an_answer_and_its_undo_changed_is_told_and_revealed() {
    let pair = at_a_party();
    pair.give_bo("coordinator");
    let sides = [("a", "celiac"), ("b", "nuts"), ("c", "milk")];
    let asked = disputed(&pair, 1, "events", "e", sides.map(|(title, allergies)| json!({"title": title, "allergies": allergies})));
    tick(&pair);
    pair.resolve(&pair.ana, 9, &pair.conflict(&pair.ana, &asked), json!({"choose": "theirs"}));
    tick(&pair);
    now(pair.world.service.undo_answer(&pair.ana, asked.as_str().unwrap().parse().unwrap(), id(10).parse().unwrap())).unwrap();
    for (action, title, allergies) in [("conflict.resolve", ["b", "c"], ["nuts", "milk"]), ("conflict.undo", ["c", "b"], ["milk", "nuts"])]
    {
        let record = newest(&pair, &pair.ana, action);
        let result = &record["details"]["results"][0];
        assert_eq!((&result["document"], &result["fields"]), (&json!("events/e"), &json!(["allergies", "title"])), "{record}");
        let title = json!(["title", title[0], title[1], false]);
        assert_eq!(told_of(&pair, &pair.ana, &record), [json!(["allergies", null, null, true]), title], "{record}");
        let wanted = serde_json::from_value(json!({"document": "events/e", "field": "allergies"})).unwrap();
        let record_id = record["record_id"].as_str().unwrap().parse().unwrap();
        let shown = now(pair.world.service.reveal_audit(&pair.ana, record_id, wanted)).unwrap();
        assert_eq!((shown.from, shown.to), (Some(json!(allergies[0])), Some(json!(allergies[1]))));
    }
}
