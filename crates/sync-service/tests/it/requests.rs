//! Change requests: approved, declined, withdrawn; who may, and what that does.

use serde_json::{Value, json};
use sync_service::Caller;

use crate::owners::{ceremony, event, read, request_of, schema};
use crate::sync::{Pair, id, op, told, with};

fn decide(pair: &Pair, caller: &Caller, (n, of): (u32, u32), base: i64, patch: Value) -> Value {
    let operation = op(n, "update", &format!("op-{}", id(of)), base, patch);
    pair.one(caller, with(operation, json!({"collection": "change_requests"})))
}

fn approve(pair: &Pair, caller: &Caller, (n, of): (u32, u32), base: i64) -> Value {
    decide(pair, caller, (n, of), base, json!({"state": "approved"}))
}

fn update(n: u32, base: i64, patch: Value) -> Value {
    event(op(n, "update", "e", base, patch))
}

/// Bo proposed 16:30 and another plan: request 2 at version 2.
fn proposed() -> Pair {
    let pair = ceremony();
    let edit = update(2, 1, json!({"starts_at": "2026-06-20T16:30", "tent": {"x": 1}}));
    pair.one(&pair.bo, edit);
    pair
}

/// A page of everything that changed after a version: collections and versions.
fn changes(pair: &Pair, caller: &Caller) -> Vec<(String, i64)> {
    let page = pair.pull(caller, None);
    let item = |item: &Value| (item["collection"].as_str().unwrap().to_owned(), item["version"].as_i64().unwrap());
    page["items"].as_array().unwrap().iter().map(item).collect()
}

#[test]
fn those_with_the_same_owners_are_one_request() {
    let pair = proposed();
    assert_eq!(request_of(&pair, 2)["patch"], json!({"starts_at": "2026-06-20T16:30"}));
    let second = pair.read(&pair.ana, "change_requests", &format!("op-{}-1", id(2)));
    assert_eq!((&second["patch"], &second["owner_role"]), (&json!({"tent": {"x": 1, "y": 0}}), &json!("role:lead")));
}

#[test]
fn an_approval_applies_what_was_proposed_in_one_commit() {
    let pair = proposed();
    let before = approve(&pair, &pair.bo, (3, 2), 2);
    assert_eq!((told(&before), &before["held"]), (("rejected", "not_owner"), &json!(true)), "{before}");
    assert_eq!(request_of(&pair, 2)["state"], "open");
    let result = decide(&pair, &pair.ana, (4, 2), 2, json!({"state": "approved", "decision_note": "Fine", "decided_by": "anybody"}));
    assert_eq!((told(&result).0, &result["decided_version"]), ("merged", &json!(5)));
    let request = &result["document"];
    assert_eq!((&request["state"], &request["decision_note"]), (&json!("approved"), &json!("Fine")));
    assert_eq!((&request["decided_by"], &request["decided_at"]), (&json!(pair.ana.user_id), &json!("2026-06-20T14:00:00.000Z")));
    assert_eq!(read(&pair)["starts_at"], "2026-06-20T16:30");
    assert!(changes(&pair, &pair.bo).ends_with(&[("events".into(), 4), ("change_requests".into(), 5)]), "its versions are consecutive");
    // a replay, and somebody who comes later
    assert_eq!(
        told(&decide(&pair, &pair.ana, (4, 2), 2, json!({"state": "approved", "decision_note": "Fine", "decided_by": "anybody"}))).0,
        "duplicate"
    );
    pair.one(&pair.ana, update(5, 4, json!({"starts_at": "2026-06-20T18:00"})));
    let late = decide(&pair, &pair.ana, (6, 2), 2, json!({"state": "declined"}));
    assert_eq!((told(&late).0, &late["document"]["state"]), ("noop", &json!("approved")), "somebody was first: their outcome is told");
    assert_eq!(read(&pair)["starts_at"], "2026-06-20T18:00");
}

#[test]
fn requests_are_declined_by_owners_and_withdrawn_by_whoever_asked() {
    let pair = proposed();
    let of_bo = |n, state: &str| decide(&pair, &pair.bo, (n, 2), 2, json!({"state": state}));
    assert_eq!(told(&of_bo(3, "declined")), ("rejected", "not_owner"));
    assert_eq!(told(&decide(&pair, &pair.ana, (4, 2), 2, json!({"state": "withdrawn"}))), ("rejected", "not_owner"));
    let declined = decide(&pair, &pair.ana, (5, 2), 2, json!({"state": "declined", "decision_note": "Too late"}));
    assert_eq!((told(&declined).0, &declined["document"]["decision_note"]), ("merged", &json!("Too late")));
    assert_eq!(read(&pair)["starts_at"], "2026-06-20T16:00");
    let withdrawn = pair.one(
        &pair.bo,
        with(op(6, "update", &format!("op-{}-1", id(2)), 3, json!({"state": "withdrawn"})), json!({"collection": "change_requests"})),
    );
    assert_eq!((told(&withdrawn).0, &withdrawn["document"]["state"]), ("merged", &json!("withdrawn")));
    assert_eq!(told(&of_bo(7, "maybe")), ("rejected", "wrong_type"));
}

#[test]
fn to_approve_is_the_owners_newest_word() {
    // what the approver has seen gives way
    let pair = proposed();
    pair.one(&pair.ana, update(3, 1, json!({"starts_at": "2026-06-20T16:15"})));
    let result = approve(&pair, &pair.ana, (4, 2), 2);
    assert_eq!((told(&result).0, &read(&pair)["starts_at"]), ("merged", &json!("2026-06-20T16:30")));
    // what another owner wrote since then is asked about
    let pair = proposed();
    pair.give_bo("lead");
    pair.one(&pair.bo, update(3, 1, json!({"starts_at": "2026-06-20T16:15"})));
    let result = approve(&pair, &pair.ana, (4, 2), 2);
    assert_eq!((told(&result).0, &read(&pair)["starts_at"]), ("conflict", &json!("2026-06-20T16:15")));
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    assert_eq!((&conflict["collection"], &conflict["document_id"]), (&json!("events"), &json!("e")));
    assert_eq!(conflict["fields"]["/starts_at"]["theirs"], "2026-06-20T16:30");
    assert_eq!(conflict["ours_by"]["user_id"], json!(pair.bo.user_id));
    pair.resolve(&pair.ana, 5, &conflict, json!({"fields": {"/starts_at": {"choose": "theirs"}}}));
    assert_eq!(read(&pair)["starts_at"], "2026-06-20T16:30");
    // and what they had seen is not
    let pair = proposed();
    pair.give_bo("lead");
    pair.one(&pair.bo, update(3, 1, json!({"starts_at": "2026-06-20T16:15"})));
    assert_eq!(told(&approve(&pair, &pair.ana, (4, 2), 4)).0, "merged");
    assert_eq!(read(&pair)["starts_at"], "2026-06-20T16:30");
}

#[test]
fn what_is_proposed_merges_with_what_is_live() {
    let pair = ceremony();
    pair.one(&pair.bo, update(2, 1, json!({"tent": {"x": 1}, "room": null})));
    let second = format!("op-{}-1", id(2));
    let room = request_of(&pair, 2);
    assert_eq!((&room["patch"], &room["removed"], &room["base"]), (&json!({}), &json!(["room"]), &json!({"room": "Garden"})));
    assert_eq!(room["title"], "Ceremony: Room removed");
    pair.one(&pair.ana, update(3, 1, json!({"tent": {"y": 7}})));
    assert_eq!(told(&approve(&pair, &pair.ana, (4, 2), 4)).0, "merged");
    let taken =
        pair.one(&pair.ana, with(op(5, "update", &second, 3, json!({"state": "approved"})), json!({"collection": "change_requests"})));
    assert_eq!(told(&taken).0, "merged");
    assert_eq!(read(&pair), json!({"title": "Ceremony", "starts_at": "2026-06-20T16:00", "tent": {"x": 1, "y": 7}}));
}

#[test]
fn without_its_document_a_request_can_only_be_declined() {
    let pair = proposed();
    pair.one(&pair.ana, event(op(3, "delete", "e", 1, Value::Null)));
    let gone = approve(&pair, &pair.ana, (4, 2), 2);
    assert_eq!((told(&gone), &gone["problem"]["pointer"]), (("rejected", "unknown_document"), &json!("/patch/state")));
    assert!(gone["problem"]["detail"].as_str().unwrap().contains("bring it back"), "{gone}");
    assert_eq!(told(&decide(&pair, &pair.bo, (5, 2), 2, json!({"state": "declined"}))), ("rejected", "not_owner"));
    assert_eq!(told(&decide(&pair, &pair.ana, (6, 2), 2, json!({"state": "declined"}))).0, "merged");
}

#[test]
fn what_a_request_says_stays() {
    let pair = proposed();
    for (n, patch, place) in [
        (3, json!({"patch": {"starts_at": "2026-06-20T23:00"}}), "/patch/patch"),
        (4, json!({"document_id": "other", "state": "withdrawn"}), "/patch/document_id"),
        (5, json!({"decided_by": "x"}), "/patch/decided_by"),
    ] {
        let result = decide(&pair, &pair.bo, (n, 2), 2, patch);
        assert_eq!((told(&result), &result["problem"]["pointer"]), (("rejected", "read_only"), &json!(place)));
    }
    let request = |operation| with(operation, json!({"collection": "change_requests"}));
    let name = format!("op-{}", id(2));
    assert_eq!(told(&pair.one(&pair.ana, request(op(6, "delete", &name, 2, Value::Null)))), ("rejected", "read_only"));
    let forged = request(op(7, "create", &format!("op-{}", id(8)), 0, json!({"state": "open"})));
    assert_eq!(told(&pair.one(&pair.bo, forged.clone())), ("rejected", "unknown_collection"), "the collection is the server's");
    // a note may be added by anybody
    assert_eq!(told(&decide(&pair, &pair.bo, (9, 2), 2, json!({"decision_note": "Please"}))).0, "applied");
    // an approval stands alone
    let grouped = with(request(op(10, "update", &name, 4, json!({"state": "approved"}))), json!({"group": "g"}));
    assert_eq!(told(&pair.one(&pair.ana, grouped)), ("rejected", "malformed"));
}

#[test]
fn a_decided_request_is_not_opened_again() {
    let pair = proposed();
    let request =
        |n: u32, patch: Value| with(op(n, "update", &format!("op-{}", id(2)), 9, patch), json!({"collection": "change_requests"}));
    let refused = pair.one(&pair.ana, request(50, json!({"state": null})));
    assert_eq!(told(&refused), ("rejected", "read_only"));
    assert_eq!(request_of(&pair, 2)["state"], "open");
}

#[test]
fn where_the_schema_has_the_collection_people_make_requests_too() {
    let mut schema = schema();
    schema["collections"]["change_requests"] =
        json!({"fields": {"state": {"type": "enum", "values": ["open", "approved", "declined", "withdrawn"]}}});
    let pair = Pair::with(schema);
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"title": "Ceremony", "room": "Garden"}))));
    let make = |n: u32, caller: &Caller, document: &str, body: Value| {
        pair.one(caller, with(op(n, "create", document, 0, body), json!({"collection": "change_requests"})))
    };
    let forged = format!("op-{}", id(50));
    assert_eq!(told(&make(2, &pair.bo, &forged, json!({"state": "open"}))), ("rejected", "read_only"));
    assert_eq!(told(&make(3, &pair.bo, "r", json!({"state": "approved"}))), ("rejected", "read_only"));
    assert_eq!(told(&make(4, &pair.bo, "r", json!({"requested_by": pair.ana.user_id}))), ("rejected", "read_only"));
    let body =
        json!({"title": "A tent", "collection": "events", "document_id": "e", "patch": {"room": "Tent"}, "requested_by": pair.bo.user_id});
    assert_eq!(told(&make(5, &pair.bo, "r", body)).0, "applied");
    assert_eq!(told(&make(6, &pair.ana, "s", json!({"title": "As before", "state": "declined", "requested_by": "x"}))).0, "applied");
    // a wish in words is decided by leads
    assert_eq!(told(&make(7, &pair.bo, "w", json!({"title": "More light", "state": "open"}))).0, "applied");
    let state = |n: u32, caller: &Caller, document: &str, state: &str| {
        pair.one(caller, with(op(n, "update", document, 2, json!({"state": state})), json!({"collection": "change_requests"})))
    };
    assert_eq!(told(&state(8, &pair.bo, "w", "approved")), ("rejected", "not_owner"));
    assert_eq!(told(&state(9, &pair.ana, "w", "approved")).0, "merged");
    assert_eq!(told(&state(10, &pair.bo, "r", "approved")), ("rejected", "not_owner"));
    assert_eq!(told(&state(11, &pair.ana, "r", "approved")).0, "merged");
    assert_eq!(read(&pair)["room"], "Tent");
}

#[test]
fn a_request_is_for_those_who_may_see_its_document() {
    let pair = proposed();
    let sees = |pair: &Pair| changes(pair, &pair.bo).iter().any(|(collection, _)| collection == "change_requests");
    assert!(sees(&pair));
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    pair.one(&pair.ana, update(3, 1, json!({"visibility": "private"})));
    assert!(!sees(&pair));
    let page = pair.pull(&pair.bo, cursor.as_str());
    let kinds: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| (&item["collection"], &item["kind"])).collect();
    let gone = json!("gone");
    assert_eq!(kinds, [(&json!("events"), &gone), (&json!("change_requests"), &gone), (&json!("change_requests"), &gone)]);
    assert_eq!(told(&approve(&pair, &pair.bo, (4, 2), 2)), ("rejected", "unknown_document"));
    // a new schema does not show it either
    let mut next = schema();
    next["version"] = json!(2);
    let request = serde_json::from_value(json!({"schema": next})).unwrap();
    crate::world::now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), request)).unwrap();
    assert!(!sees(&pair));
    pair.one(&pair.ana, update(5, 6, json!({"visibility": null})));
    assert!(sees(&pair));
}
