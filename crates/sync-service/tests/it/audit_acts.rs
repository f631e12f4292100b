//! What else is recorded: what is refused unread, answers about whole documents and groups, what a server lets go of, and
//! what an operator does to the installation.

use serde_json::{Value, json};
use sync_core::protocol::v1::SyncRequest;
use sync_service::{AuditQuery, Caller};

use crate::audit::{actions, listed, newest, tick};
use crate::audit_fields::told_of;
use crate::sync::{Pair, id, op, told, with};
use crate::world::now;

/// The details of all records of an action that Cy's organisation has, newest first.
fn of_the_other(pair: &Pair, action: &str) -> Vec<Value> {
    let cy = pair.world.caller("cy@example.org");
    let list = listed(pair, &cy, AuditQuery { action: Some(action.into()), ..AuditQuery::default() });
    list["items"].as_array().unwrap().iter().map(|item| item["details"].clone()).collect()
}

fn results(record: &Value) -> &Vec<Value> {
    record["details"]["results"].as_array().unwrap_or_else(|| panic!("{record}"))
}

/// An operation that names no document, and something that nobody is to know.
fn unread(n: u32) -> Value {
    with(op(n, "celiac", "e", 0, json!({"allergies": "celiac"})), json!({"document_id": null}))
}

#[test]
fn what_is_refused_unread_is_recorded_with_what_the_request_does() {
    let pair = Pair::new(None);
    tick(&pair);
    let operations = json!([op(1, "create", "a", 0, json!({"t": 1})), op(2, "celiac", "b", 0, json!({"nuts": "celiac"}))]);
    let answered = pair.push(&pair.ana, operations.clone());
    assert_eq!(answered.iter().map(told).collect::<Vec<_>>(), [("applied", ""), ("rejected", "malformed")]);
    let record = newest(&pair, &pair.ana, "sync.push");
    assert_eq!(record["space_id"], json!(pair.space), "one record for the request and the space");
    assert_eq!(results(&record)[1], json!({"op_id": id(2), "status": "rejected", "code": "malformed", "document": "notes/b"}), "{record}");
    assert!(!record.to_string().contains("celiac"), "nothing of what it says: {record}");
    assert_eq!(actions(&pair).iter().filter(|action| *action == "sync.push").count(), 1);
    // nothing is stored of a refusal, so it is refused again, and that is recorded again
    tick(&pair);
    pair.push(&pair.ana, operations);
    let again = newest(&pair, &pair.ana, "sync.push");
    assert_eq!(results(&again).len(), 1, "what was decided before is not told twice: {again}");
}

#[test]
fn what_is_refused_unread_is_recorded_where_nothing_else_is_done() {
    let pair = Pair::new(None);
    tick(&pair);
    let other = pair.second_space();
    let elsewhere = with(op(2, "celiac", "b", 0, json!({})), json!({"space_id": other}));
    let answered = pair.push(&pair.ana, json!([unread(1), elsewhere, op(3, "celiac", "c", 0, json!({}))]));
    assert!(answered.iter().all(|result| told(result) == ("rejected", "malformed")), "{answered:?}");
    let list = listed(&pair, &pair.ana, AuditQuery { action: Some("sync.push".into()), ..AuditQuery::default() });
    let mut found: Vec<_> = list["items"].as_array().unwrap().iter().collect();
    found.sort_by_key(|record| results(record)[0]["op_id"].to_string());
    let spaces: Vec<_> = found.iter().map(|record| (&record["space_id"], &results(record)[0]["op_id"])).collect();
    let (second, third) = (json!(other), json!(pair.space));
    assert_eq!(spaces, [(&Value::Null, &json!(id(1))), (&second, &json!(id(2))), (&third, &json!(id(3)))]);
    assert!(!list.to_string().contains("celiac"), "{list}");
}

#[test]
fn a_refusal_that_can_not_be_recorded_is_not_told() {
    let pair = Pair::new(None);
    let before = actions(&pair);
    pair.world.store.lose_next_commit(false);
    let request = json!({"protocol": 1, "space_id": pair.space, "operations": [unread(1)]});
    let request = SyncRequest::parse(request.to_string().as_bytes()).unwrap();
    assert!(now(pair.world.service.sync(&pair.ana, request)).is_err(), "it is sent again");
    assert_eq!(actions(&pair), before);
}

#[test]
fn answers_to_nothing_are_recorded_as_refused() {
    let pair = Pair::new(None);
    tick(&pair);
    let answers = json!([
        {"op_id": id(1), "conflict_id": id(77), "version": 1, "choose": "ours"},
        {"op_id": id(2), "conflict_id": id(78), "version": 1, "choose": "celiac"},
    ]);
    let answered = pair.sync(&pair.ana, json!({"resolutions": answers}));
    assert_eq!(told(&answered["results"][0]), ("rejected", "unknown_conflict"));
    let record = newest(&pair, &pair.ana, "conflict.resolve");
    let mut codes: Vec<_> = results(&record).iter().map(|result| (result["op_id"].clone(), result["code"].clone())).collect();
    codes.sort_by_key(|(op_id, _)| op_id.to_string());
    assert_eq!(codes, [(json!(id(1)), json!("unknown_conflict")), (json!(id(2)), json!("malformed"))]);
    assert!(!record.to_string().contains("celiac"), "{record}");
}

/// A document that Ana changed and Bo deleted, and the question about it.
fn kept_or_deleted() -> (Pair, Value) {
    let schema = json!({"name": "party", "version": 1, "collections": {"notes": {"delete": "edit_wins", "fields": {
        "title": {"type": "text"}, "allergies": {"type": "text", "sensitivity": 2}, "door": {"type": "text", "read": []}}}}});
    let pair = Pair::with(schema);
    pair.give_bo("coordinator");
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "Dinner", "allergies": "celiac", "door": "1234"})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"title": "Supper"})));
    let asked = pair.one(&pair.bo, op(3, "delete", "a", 1, Value::Null));
    assert_eq!(told(&asked).0, "conflict", "{asked}");
    (pair, asked["conflict_id"].clone())
}

#[test]
fn an_answer_about_a_whole_document_tells_what_it_kept_or_deleted() {
    for (choice, to) in [("ours", json!("Supper")), ("theirs", Value::Null)] {
        let (pair, asked) = kept_or_deleted();
        tick(&pair);
        let answer = pair.resolve(&pair.ana, 9, &pair.conflict(&pair.ana, &asked), json!({"choose": choice}));
        assert_eq!(told(&answer).0, "applied", "{answer}");
        let record = newest(&pair, &pair.ana, "conflict.resolve");
        let result = &results(&record)[0];
        assert_eq!((&result["document"], &result["choices"]), (&json!("notes/a"), &json!({"": choice})), "{record}");
        assert_eq!(result["fields"], json!(["allergies", "door", "title"]));
        let of_title = json!(["title", "Supper", to, false]);
        let door = json!(["door", "1234", if choice == "ours" { json!("1234") } else { Value::Null }, false]);
        assert_eq!(told_of(&pair, &pair.ana, &record), [json!(["allergies", null, null, true]), door, of_title.clone()]);
        let bos = told_of(&pair, &pair.bo, &record);
        assert_eq!(bos, [json!(["allergies", null, null, true]), json!(["door", null, null, true]), of_title], "masked like the rest");
        // and back again
        if choice == "theirs" {
            tick(&pair);
            now(pair.world.service.undo_answer(&pair.ana, asked.as_str().unwrap().parse().unwrap(), id(10).parse().unwrap())).unwrap();
            let undone = newest(&pair, &pair.ana, "conflict.undo");
            assert!(told_of(&pair, &pair.ana, &undone).contains(&json!(["title", null, "Supper", false])), "{undone}");
        }
    }
}

#[test]
fn a_deletion_tells_what_was_there_to_whoever_reads_it() {
    let (pair, _) = kept_or_deleted();
    let made = pair.one(&pair.ana, op(20, "create", "b", 0, json!({"title": "Toast", "door": "9"})));
    tick(&pair);
    let gone = pair.one(&pair.ana, op(21, "delete", "b", made["version"].as_i64().unwrap(), Value::Null));
    assert_eq!(told(&gone).0, "applied", "{gone}");
    let record = newest(&pair, &pair.ana, "sync.push");
    assert_eq!(told_of(&pair, &pair.ana, &record), [json!(["door", "9", null, false]), json!(["title", "Toast", null, false])]);
    assert_eq!(told_of(&pair, &pair.bo, &record), [json!(["title", "Toast", null, false])], "no name of what Bo does not read");
}

/// Bo's group over two documents, of which Ana changed one before, and the question about it.
fn about_a_group() -> (Pair, Value) {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 0})), op(2, "create", "b", 0, json!({"t": 0, "u": 7}))]));
    pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": "ana"})));
    let grouped = |operation: Value| with(operation, json!({"group": "g"}));
    let results = pair.push(
        &pair.bo,
        json!([
            grouped(op(4, "update", "a", 1, json!({"t": "bo"}))),
            grouped(op(5, "delete", "b", 2, Value::Null)),
            grouped(op(6, "create", "c", 0, json!({"t": "bo"}))),
            grouped(op(7, "update", "c", 0, json!({"u": "bo"}))),
        ]),
    );
    assert_eq!(told(&results[0]).0, "conflict", "{results:?}");
    (pair, results[0]["conflict_id"].clone())
}

fn documents(record: &Value) -> Vec<(String, Value)> {
    let documents = results(record)[0]["documents"].as_array().unwrap_or_else(|| panic!("{record}"));
    documents.iter().map(|part| (part["document"].as_str().unwrap().to_owned(), part["fields"].clone())).collect()
}

#[test]
fn an_answer_about_a_group_tells_each_document_that_it_changed() {
    let (pair, asked) = about_a_group();
    tick(&pair);
    let answer = pair.resolve(&pair.ana, 9, &pair.conflict(&pair.ana, &asked), json!({"choose": "theirs"}));
    assert_eq!(told(&answer).0, "applied", "{answer}");
    let record = newest(&pair, &pair.ana, "conflict.resolve");
    let mut found = documents(&record);
    found.sort_by_key(|(document, fields)| (document.clone(), fields.to_string()));
    let names = [("a", json!(["t"])), ("b", json!(["t", "u"])), ("c", json!(["t"])), ("c", json!(["u"]))];
    assert_eq!(found, names.map(|(document, fields)| (format!("notes/{document}"), fields)), "{record}");
    let mut fields = told_of(&pair, &pair.ana, &record);
    fields.sort_by_key(Value::to_string);
    assert_eq!(
        fields,
        [
            json!(["t", "ana", "bo", false]),
            json!(["t", 0, null, false]),
            json!(["t", null, "bo", false]),
            json!(["u", 7, null, false]),
            json!(["u", null, "bo", false]),
        ]
    );
    tick(&pair);
    now(pair.world.service.undo_answer(&pair.ana, asked.as_str().unwrap().parse().unwrap(), id(10).parse().unwrap())).unwrap();
    let undone = newest(&pair, &pair.ana, "conflict.undo");
    assert!(told_of(&pair, &pair.ana, &undone).contains(&json!(["t", "bo", "ana", false])), "{undone}");
}

#[test]
fn a_group_that_is_not_taken_tells_what_stays() {
    let (pair, asked) = about_a_group();
    tick(&pair);
    pair.resolve(&pair.ana, 9, &pair.conflict(&pair.ana, &asked), json!({"choose": "ours"}));
    let record = newest(&pair, &pair.ana, "conflict.resolve");
    assert!(documents(&record).contains(&("notes/a".to_owned(), json!(["t"]))), "{record}");
    assert!(told_of(&pair, &pair.ana, &record).contains(&json!(["t", "ana", "ana", false])), "{record}");
}

#[test]
fn what_an_operator_does_to_all_is_told_to_each() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    now(service.prepare()).unwrap();
    tick(&pair);
    now(service.rotate_cursor_keys()).unwrap();
    let key = audit_log::SigningKey::from_seed([9; 32]).unwrap().verifying_key();
    now(service.record_audit_key(&key)).unwrap();
    now(service.begin_new_epochs()).unwrap();
    let all = |action: &str| {
        let own = newest(&pair, &pair.ana, action)["details"].clone();
        assert_eq!(of_the_other(&pair, action), if own == Value::Null { vec![] } else { vec![own.clone()] }, "{action}");
        own
    };
    assert_eq!(all("keys.rotate"), json!({"operator": true, "number": 2}));
    assert_eq!(all("keys.rotate_audit"), json!({"operator": true, "key": key.line().trim_end()}));
    assert_eq!(newest(&pair, &pair.ana, "space.new_epoch")["space_id"], json!(pair.space));
    assert_eq!(all("organisation.create"), json!({"operator": true}));
    // 400 days later the former key goes
    pair.world.clock.advance_ms(401 * 24 * 3_600_000);
    now(service.maintain()).unwrap();
    assert_eq!(all("keys.drop"), json!({"numbers": [1]}));
    now(service.maintain()).unwrap();
    assert_eq!(actions(&pair).iter().filter(|action| *action == "keys.drop").count(), 1);
}

#[test]
fn what_fails_at_the_end_is_neither_done_nor_recorded() {
    let pair = Pair::new(None);
    let before = actions(&pair);
    let epoch = pair.pull(&pair.ana, None)["epoch"].clone();
    now(pair.world.service.prepare()).unwrap();
    pair.world.store.lose_next_commit(false);
    assert!(now(pair.world.service.begin_new_epochs()).is_err());
    pair.world.store.lose_next_commit(false);
    assert!(now(pair.world.service.rotate_cursor_keys()).is_err());
    assert_eq!((actions(&pair), pair.pull(&pair.ana, None)["epoch"].clone()), (before, epoch));
    assert_eq!(now(pair.world.service.rotate_cursor_keys()).unwrap(), 2, "there is no key of the one that failed");
}

#[test]
fn what_is_kept_no_longer_is_recorded_by_number() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 1})), op(2, "create", "b", 0, json!({"t": 1}))]));
    pair.one(&pair.ana, op(3, "delete", "b", 2, Value::Null));
    pair.world.clock.advance_ms(401 * 24 * 3_600_000);
    for _ in 0..5 {
        now(pair.world.service.maintain()).unwrap();
    }
    let details = |action: &str| {
        let list = listed(&pair, &pair.ana, AuditQuery { action: Some(action.into()), ..AuditQuery::default() });
        list["items"].as_array().unwrap().iter().map(|item| (item["space_id"].clone(), item["details"].clone())).collect::<Vec<_>>()
    };
    let space = json!(pair.space);
    assert_eq!(details("retention.documents"), [(space.clone(), json!({"documents": 1}))]);
    assert_eq!(details("retention.history").len(), 1, "once, however many rounds there are");
    assert_eq!(details("retention.history")[0].0, space);
    assert_eq!(details("retention.operations"), [(Value::Null, json!({"operations": 3}))]);
}

#[test]
fn names_of_devices_and_rules_are_recorded() {
    let pair = Pair::new(None);
    let service = &pair.world.service;
    let renamed = |caller: &Caller, name: &str| {
        tick(&pair);
        now(service.rename_device(caller, caller.device_id, serde_json::from_value(json!({"name": name})).unwrap())).unwrap();
    };
    renamed(&pair.bo, "Bo's phone");
    renamed(&pair.bo, "Bo's phone");
    let record = newest(&pair, &pair.bo, "device.rename");
    assert_eq!(record["details"], json!({"changes": {"name": {"from": "Rui's iPad", "to": "Bo's phone"}}}));
    assert_eq!(record["subject"], json!(pair.bo.device_id));
    assert_eq!(actions(&pair).iter().filter(|action| *action == "device.rename").count(), 1, "what changes nothing is no act");
}
