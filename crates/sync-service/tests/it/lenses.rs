//! Schemas that are replaced by newer versions, and devices that speak older ones.

use serde_json::{Value, json};
use sync_core::protocol::v1::VerifyRequest;
use sync_core::protocol::v1::spaces::SpaceItem;
use sync_core::{Code, Problem};
use sync_service::ServiceError;

use crate::sync::{Pair, id, op, told, with};
use crate::world::now;

/// Version 1: `mail`, `state`.
pub(crate) fn first() -> Value {
    json!({"name": "party", "version": 1, "collections": {"notes": {"delete": "ask", "fields": {
        "mail": {"type": "text"}, "state": {"type": "enum", "values": ["todo", "doing", "done"]}, "phone": {"type": "text"},
        "title": {"type": "text"},
    }}}})
}

/// Version 2: `mail` is `email`, `todo` and `doing` are `open`, `phone` is a list, and there is a `kind`.
pub(crate) fn second() -> Value {
    json!({"name": "party", "version": 2, "lenses": [{"to": 2, "collections": {"notes": [
        {"move": "rename", "field": "mail", "to": "email"},
        {"move": "map", "field": "state", "values": {"todo": "open", "doing": "open"}},
        {"move": "wrap", "field": "phone"},
        {"move": "default", "field": "kind", "value": "note"},
    ]}}], "collections": {"notes": {"delete": "ask", "fields": {
        "email": {"type": "text"}, "state": {"type": "enum", "values": ["open", "done"]}, "phone": {"type": "set"},
        "kind": {"type": "text"}, "title": {"type": "text"},
    }}}})
}

fn try_upgrade(pair: &Pair, schema: &Value) -> Result<SpaceItem, Problem> {
    let request = serde_json::from_value(json!({"schema": schema})).unwrap();
    now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), request)).map_err(|error| match error {
        ServiceError::Problem(problem) => problem,
        ServiceError::Store(error) => panic!("{error}"),
    })
}

pub(crate) fn upgrade(pair: &Pair, schema: &Value) -> SpaceItem {
    try_upgrade(pair, schema).unwrap()
}

/// A document in the form of version 1, at version 1.
fn old_note() -> Pair {
    let pair = Pair::with(first());
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "t", "mail": "a@b", "state": "todo", "phone": "1"})));
    pair
}

/// An operation that says its schema.
fn said(schema: u32, operation: Value) -> Value {
    with(operation, json!({"schema": schema}))
}

#[test]
fn documents_are_lifted_as_ordinary_changes() {
    let pair = old_note();
    pair.push(&pair.ana, json!([op(2, "create", "b", 0, json!({"title": "plain", "kind": "own"})), op(3, "delete", "a", 1, Value::Null)]));
    pair.one(&pair.ana, op(4, "create", "c", 0, json!({"mail": "c", "email": "both"})));
    let before = pair.pull(&pair.bo, None);
    let item = upgrade(&pair, &second());
    assert_eq!((item.schema_version, &item.schema), (Some(2), &second()));
    let page = pair.pull(&pair.bo, before["cursor"].as_str());
    let told: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| (item["document_id"].as_str().unwrap(), &item["kind"])).collect();
    assert_eq!(told, [("a", &json!("delete")), ("c", &json!("patch"))], "{page}");
    // both names: each keeps its value
    assert_eq!(pair.read(&pair.bo, "notes", "c"), json!({"mail": "c", "email": "both", "kind": "note"}));
    assert_eq!((&page["reset"], &page["has_more"]), (&json!(false), &json!(false)), "no device begins anew: {page}");
    assert_eq!(page["checksums"], pair.pull(&pair.ana, None)["checksums"]);
    let restored = pair.one(&pair.bo, op(9, "restore", "a", page["items"][0]["version"].as_i64().unwrap(), Value::Null));
    assert_eq!(restored["document"], json!({"title": "t", "email": "a@b", "state": "open", "phone": ["1"], "kind": "note"}));
    // what was read can be sent back, and changes nothing
    let again = upgrade(&pair, &second());
    assert_eq!(again.schema_version, Some(2));
    assert_eq!(pair.pull(&pair.bo, page["cursor"].as_str())["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_patch_shows_what_became_of_each_field() {
    let pair = old_note();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"notes": "x".repeat(300)})));
    let before = pair.pull(&pair.bo, None);
    upgrade(&pair, &second());
    let item = pair.pull(&pair.bo, before["cursor"].as_str())["items"][0].clone();
    let patch = json!({"mail": null, "email": "a@b", "state": "open", "phone": ["1"], "kind": "note"});
    assert_eq!((&item["kind"], &item["patch"]), (&json!("patch"), &patch));
}

#[test]
fn edits_in_the_old_form_meet_those_in_the_new_one() {
    let pair = old_note();
    upgrade(&pair, &second());
    pair.one(&pair.ana, op(2, "update", "a", 2, json!({"state": "done"})));
    // offline since version 1, in the words of version 1
    let edit = said(1, op(3, "update", "a", 1, json!({"mail": "new@b", "phone": "2", "title": "u"})));
    let result = pair.one(&pair.bo, edit.clone());
    assert_eq!(told(&result).0, "merged", "{result}");
    assert_eq!(result["document"], json!({"title": "u", "email": "new@b", "state": "done", "phone": ["2"], "kind": "note"}));
    // the same whatever it says of its schema the next time
    let replay = with(edit, json!({"schema": 2}));
    assert_eq!(told(&pair.one(&pair.bo, replay)).0, "duplicate");
    // the same field on both sides is a conflict, under its new name
    pair.one(&pair.ana, op(4, "update", "a", 4, json!({"email": "ana@b"})));
    let disputed = pair.one(&pair.bo, said(1, op(5, "update", "a", 1, json!({"mail": "bo@b"}))));
    let conflict = pair.conflict(&pair.ana, &disputed["conflict_id"]);
    assert_eq!(["base", "ours", "theirs"].map(|side| &conflict["fields"]["/email"][side]), ["a@b", "ana@b", "bo@b"], "{conflict}");
    // a value that maps to what it was is no change
    assert_eq!(told(&pair.one(&pair.bo, said(1, op(6, "update", "a", 1, json!({"state": "doing"}))))).0, "noop");
}

#[test]
fn a_request_speaks_for_its_operations() {
    let pair = old_note();
    upgrade(&pair, &second());
    let body = json!({"schema": 1, "operations": [
        op(2, "update", "a", 1, json!({"mail": "new"})), said(2, op(3, "create", "b", 0, json!({"mail": "free"}))),
    ]});
    let results = pair.sync(&pair.bo, body)["results"].clone();
    assert_eq!(results[0]["document"]["email"], "new", "{results}");
    // in the new form the old name is a field like any other
    assert_eq!(told(&results[1]).0, "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "b"), json!({"mail": "free"}));
    // without a word it is the space's own version, and so is a newer one
    pair.one(&pair.bo, op(4, "create", "c", 0, json!({"mail": "m"})));
    let newer = pair.one(&pair.bo, said(7, op(5, "create", "d", 0, json!({"mail": "m", "later": true}))));
    assert_eq!(told(&newer).0, "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "c"), json!({"mail": "m"}));
    assert_eq!(pair.read(&pair.ana, "notes", "d"), json!({"mail": "m", "later": true}));
}

#[test]
fn a_creation_in_the_old_form_is_told_as_it_stands() {
    let pair = Pair::with(first());
    upgrade(&pair, &second());
    let create = said(1, op(1, "create", "a", 0, json!({"mail": "m", "state": "doing", "own": 1})));
    let body = json!({"operations": [create], "pull": {"spaces": {&pair.space: {"cursor": pair.pull(&pair.bo, None)["cursor"]}}}});
    let answer = pair.sync(&pair.bo, body);
    let document = json!({"email": "m", "state": "open", "own": 1, "kind": "note"});
    let result = &answer["results"][0];
    assert_eq!((told(result).0, &result["document"], &result["version"]), ("merged", &document, &json!(1)));
    assert_eq!(answer["changes"][&pair.space]["items"][0]["document"], document, "{answer}");
    // what a lens does not touch applies as it was sent
    assert_eq!(told(&pair.one(&pair.bo, said(1, op(2, "update", "a", 1, json!({"title": "x"}))))).0, "applied");
    // a value that no map knows is refused, in the sender's words, and kept
    let unknown = pair.one(&pair.bo, said(1, op(3, "update", "a", 1, json!({"mail": 7}))));
    assert_eq!((told(&unknown), &unknown["held"]), (("rejected", "wrong_type"), &json!(true)));
    assert_eq!(unknown["problem"]["pointer"], "/patch/mail", "{unknown}");
    assert!(unknown["problem"]["detail"].as_str().unwrap().contains("schema 1"), "{unknown}");
}

#[test]
fn inline_bases_are_lifted_too() {
    let pair = old_note();
    upgrade(&pair, &second());
    let elsewhere = |operation: Value| {
        pair.sync(&pair.bo, json!({"epochs": {&pair.space: "another"}, "schema": 1, "operations": [operation]}))["results"][0].clone()
    };
    let result =
        elsewhere(with(op(2, "update", "a", 9, json!({"mail": "n", "phone": "2"})), json!({"base": {"mail": "a@b", "phone": "1"}})));
    assert_eq!(told(&result).0, "merged", "{result}");
    assert_eq!((&result["document"]["email"], &result["document"]["phone"]), (&json!("n"), &json!(["2"])));
    let result = elsewhere(with(op(3, "update", "a", 9, json!({"mail": "o"})), json!({"base": {"mail": "other"}})));
    assert_eq!(pair.conflict(&pair.ana, &result["conflict_id"])["fields"]["/email"]["base"], "other");
}

#[test]
fn a_chain_goes_on_across_the_upgrade() {
    let pair = old_note();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"title": "ana"})));
    // Bo never hears an answer, and goes on over version 1
    pair.one(&pair.bo, op(3, "update", "a", 1, json!({"mail": "b1", "state": "doing"})));
    upgrade(&pair, &second());
    let next = said(1, with(op(4, "update", "a", 1, json!({"mail": "b2"})), json!({"after": id(3)})));
    let result = pair.one(&pair.bo, next);
    assert_eq!((told(&result).0, &result["document"]["email"]), ("merged", &json!("b2")), "{result}");
    let third = said(2, with(op(5, "update", "a", 1, json!({"email": "b3", "state": "done"})), json!({"after": id(4)})));
    assert_eq!(told(&pair.one(&pair.bo, third)).0, "merged");
    let back = said(1, with(op(6, "update", "a", 1, json!({"mail": "a@b"})), json!({"after": id(5)})));
    assert_eq!(pair.one(&pair.bo, back)["document"]["email"], "a@b", "back to the base is a change of the sender's own view");
    let gone = said(1, with(op(7, "delete", "a", 1, Value::Null), json!({"after": id(6)})));
    // Ana changed the title, which Bo has not seen
    assert_eq!(told(&pair.one(&pair.bo, gone)).0, "conflict");
}

#[test]
fn what_the_schema_changed_is_nobodys_edit() {
    let pair = old_note();
    pair.one(&pair.bo, op(2, "create", "own", 0, json!({"mail": "m"})));
    pair.one(&pair.ana, op(3, "create", "dead", 0, json!({"mail": "m"})));
    pair.one(&pair.bo, op(4, "delete", "dead", 3, Value::Null));
    pair.one(&pair.bo, op(11, "create", "blank", 0, json!({})));
    upgrade(&pair, &second());
    // a deletion over the old version, and one that follows the sender's own creation
    assert_eq!(told(&pair.one(&pair.bo, said(1, op(5, "delete", "a", 1, Value::Null)))).0, "applied");
    let chained = said(1, with(op(6, "delete", "own", 0, Value::Null), json!({"after": id(2)})));
    assert_eq!(told(&pair.one(&pair.bo, chained)).0, "applied");
    // nothing at all is an old form too
    assert_eq!(told(&pair.one(&pair.bo, with(op(12, "delete", "blank", 0, Value::Null), json!({"after": id(11)})))).0, "applied");
    // an edit after the sender's own deletion brings the document back
    let back = said(1, with(op(7, "update", "dead", 3, json!({"mail": "again"})), json!({"after": id(4)})));
    let result = pair.one(&pair.bo, back);
    assert_eq!((told(&result).0, &result["document"]), ("merged", &json!({"email": "again", "kind": "note"})), "{result}");
    // an edit of what somebody else deleted is asked
    pair.one(&pair.ana, op(8, "delete", "dead", result["version"].as_i64().unwrap(), Value::Null));
    let asked = pair.one(&pair.bo, said(1, op(9, "update", "dead", 3, json!({"mail": "once more"}))));
    let conflict = pair.conflict(&pair.ana, &asked["conflict_id"]);
    assert_eq!((&conflict["kind"], &conflict["fields"][""]["theirs"]["email"]), (&json!("edit_delete"), &json!("once more")), "{conflict}");
}

#[test]
fn open_questions_move_with_their_documents() {
    let pair = old_note();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"mail": "ana", "phone": "2"})));
    let asked = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"mail": "bo", "phone": "3"})));
    let before = pair.conflict(&pair.bo, &asked["conflict_id"]);
    upgrade(&pair, &second());
    let after = pair.conflict(&pair.bo, &asked["conflict_id"]);
    let sides = |path: &str| ["base", "ours", "theirs"].map(|side| after["fields"][path][side].clone());
    assert_eq!(sides("/email"), ["a@b", "ana", "bo"].map(Value::from));
    assert_eq!(sides("/phone"), [json!(["1"]), json!(["2"]), json!(["3"])]);
    // an answer that was under way names what was seen
    let answer = json!({"fields": {"/mail": {"choose": "theirs"}, "/phone": {"choose": "value", "value": "4"}}});
    let result = pair.resolve(&pair.ana, 9, &before, answer);
    assert_eq!((told(&result).0, &result["document"]["email"], &result["document"]["phone"]), ("applied", &json!("bo"), &json!(["4"])));
    assert_eq!(pair.conflict(&pair.bo, &asked["conflict_id"])["state"], "resolved");
}

#[test]
fn a_group_waits_in_the_old_form_and_is_decided_in_the_new_one() {
    let pair = old_note();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"mail": "ana"})));
    let grouped = |n, kind, document, base, patch| with(op(n, kind, document, base, patch), json!({"group": "g"}));
    let results = pair.push(
        &pair.bo,
        json!([grouped(3, "update", "a", 1, json!({"mail": "bo", "state": "doing"})), grouped(4, "create", "b", 0, json!({"mail": "b"}))]),
    );
    assert_eq!(told(&results[1]).0, "conflict", "{results:?}");
    upgrade(&pair, &second());
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    assert_eq!(conflict["documents"][0]["fields"]["/email"]["theirs"], "bo", "{conflict}");
    let mut result = pair.resolve(&pair.ana, 9, &conflict, json!({"choose": "theirs"}));
    if result["status"] == "conflict" {
        // what the lens touched is seen once more
        result = pair.resolve(&pair.ana, 10, &pair.conflict(&pair.ana, &results[0]["conflict_id"]), json!({"choose": "theirs"}));
    }
    assert_eq!(told(&result).0, "applied", "{result}");
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"title": "t", "email": "bo", "state": "open", "phone": ["1"], "kind": "note"}));
    assert_eq!(pair.read(&pair.bo, "notes", "b"), json!({"email": "b", "kind": "note"}));
    // a group in the old form over what stands
    let body = json!({"schema": 1, "operations": [grouped(5, "update", "b", 1, json!({"mail": "c"})), grouped(6, "create", "c", 0, json!({"mail": "c"}))]});
    let late = pair.sync(&pair.bo, body.clone())["results"].clone();
    assert_eq!(told(&late[0]), ("rejected", "group_closed"));
}

#[test]
fn a_device_that_is_too_old_reads_no_more_and_loses_nothing() {
    let pair = old_note();
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    let mut newest = second();
    newest["oldest_readable"] = json!(2);
    upgrade(&pair, &newest);
    let pull = json!({"spaces": {&pair.space: {"cursor": cursor}}});
    let body = json!({"schema": 1, "operations": [op(2, "update", "a", 1, json!({"mail": "late"}))], "pull": pull});
    let answer = pair.sync(&pair.bo, body);
    assert_eq!((told(&answer["results"][0]).0, &answer["results"][0]["held"]), ("merged", &json!(true)));
    let page = &answer["changes"][&pair.space];
    assert_eq!(
        (&page["upgrade_required"], &page["cursor"], page["items"].as_array().map(Vec::len)),
        (&json!(true), &cursor, Some(0)),
        "{page}"
    );
    assert!(page["problem"].is_null() && page["has_more"] == false && page["checksums"].is_null(), "{page}");
    // after the upgrade of the app it goes on where it was
    for spoken in [json!({"schema": 2}), json!({"schema": 9}), json!({})] {
        let page = pair.sync(&pair.bo, with(spoken, json!({"pull": pull})))["changes"][&pair.space].clone();
        assert_eq!((page["upgrade_required"] == json!(true), &page["items"][0]["document"]["email"]), (false, &json!("late")), "{page}");
    }
    // a comparison tells it no more than pull does
    let ask = json!({"space_id": &pair.space, "cursor": cursor, "schema": 1});
    let request = VerifyRequest::parse(ask.to_string().as_bytes()).unwrap();
    let told = serde_json::to_value(now(pair.world.service.verify(&pair.bo, request)).unwrap()).unwrap();
    let changes = &told["changes"];
    assert_eq!((&changes["upgrade_required"], &changes["cursor"], &changes["items"]), (&json!(true), &cursor, &json!([])), "{told}");
    // that its log was set back is told all the same: else it would take the lost versions for ones of this log
    now(pair.world.service.begin_new_epochs()).unwrap();
    let page = pair.sync(&pair.bo, json!({"schema": 1, "pull": pull}))["changes"][&pair.space].clone();
    assert_eq!((&page["upgrade_required"], &page["reset"], &page["reason"]), (&json!(true), &json!(true), &json!("epoch")), "{page}");
}

#[test]
fn several_versions_are_passed_at_once() {
    let pair = old_note();
    upgrade(&pair, &second());
    let mut third = second();
    third["version"] = json!(3);
    third["lenses"].as_array_mut().unwrap().push(json!({"to": 3, "collections": {"notes": [
        {"move": "rename", "field": "email", "to": "address"}, {"move": "unwrap", "field": "phone"},
    ]}}));
    let fields = &mut third["collections"]["notes"]["fields"];
    (fields["address"], fields["email"], fields["phone"]) = (json!({"type": "text"}), json!(null), json!({"type": "text"}));
    fields.as_object_mut().unwrap().remove("email");
    upgrade(&pair, &third);
    let document = json!({"title": "t", "address": "a@b", "state": "open", "phone": "1", "kind": "note"});
    assert_eq!(pair.read(&pair.bo, "notes", "a"), document);
    for (n, schema, patch) in [(2, 1, json!({"mail": "x"})), (3, 2, json!({"email": "x"}))] {
        let result = pair.one(&pair.bo, said(schema, op(n, "update", "a", i64::from(schema), patch)));
        assert_eq!(result["document"]["address"], "x", "{result}");
    }
}

#[test]
fn a_schema_that_can_t_follow_is_refused_and_nothing_changes() {
    let pair = old_note();
    let before = pair.pull(&pair.ana, None);
    let mut gap = second();
    gap["version"] = json!(3);
    let mut dropped = second();
    dropped["collections"] = json!({"other": {}});
    dropped["lenses"][0]["collections"] = json!({});
    let mut unmapped = second();
    unmapped["lenses"][0]["collections"]["notes"][1]["values"] = json!({"todo": "open"});
    for (schema, place) in [
        (gap, "/schema/lenses"),
        (dropped, "/schema/collections"),
        (unmapped, "/schema/collections/notes/fields/state"),
        (json!({"name": "party", "version": 1, "collections": {}}), "/schema/version"),
        (json!("wedding"), "/schema/name"),
        (json!(null), "/schema"),
        (json!(7), "/schema"),
    ] {
        let problem = try_upgrade(&pair, &schema).unwrap_err();
        assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(place)), "{schema}: {}", problem.detail);
    }
    upgrade(&pair, &first());
    assert_eq!(pair.pull(&pair.ana, before["cursor"].as_str())["items"], json!([]));
    upgrade(&pair, &second());
    assert_eq!(try_upgrade(&pair, &first()).unwrap_err().pointer.as_deref(), Some("/schema/version"));
    // a built-in schema is pinned, and its name is the version that the space has
    let wedding = Pair::new(Some("wedding@1"));
    assert_eq!(upgrade(&wedding, &json!("wedding")).schema_version, Some(1));
    assert_eq!(upgrade(&wedding, &json!("wedding@1")).schema, "wedding");
    // until a lead names a newer version; from there nothing leads back
    let newer = upgrade(&wedding, &json!("wedding@2"));
    assert_eq!((newer.schema, newer.schema_version), (json!("wedding@2"), Some(2)));
    assert_eq!(upgrade(&wedding, &json!("wedding")).schema_version, Some(2));
    assert_eq!(try_upgrade(&wedding, &json!("wedding@1")).unwrap_err().pointer.as_deref(), Some("/schema/version"));
}

#[test]
fn a_first_schema_takes_the_documents_that_are_there() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"mail": "m", "secret": "yes"})));
    let before = pair.pull(&pair.bo, None);
    let other = json!({"name": "x", "version": 1, "collections": {"guests": {}}});
    assert_eq!(try_upgrade(&pair, &other).unwrap_err().pointer.as_deref(), Some("/schema/collections"));
    let mut schema = second();
    schema["collections"]["notes"]["visibility"] = json!({"field": "secret", "audiences": {"yes": ["lead"]}});
    upgrade(&pair, &schema);
    // nothing says in which form they are: they stay, and move to where they may be seen
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"mail": "m", "secret": "yes"}));
    let page = pair.pull(&pair.bo, before["cursor"].as_str());
    assert_eq!((&page["items"][0]["kind"], &page["checksums"]), (&json!("gone"), &json!({})), "{page}");
    assert_eq!(told(&pair.one(&pair.bo, op(2, "update", "a", 1, json!({"mail": "n"})))), ("rejected", "unknown_document"));
}

#[test]
fn many_documents_are_lifted_page_by_page() {
    let pair = Pair::with(first());
    for half in 0..2 {
        let creates: Vec<Value> =
            (0..600).map(|n| op(half * 600 + n, "create", &format!("n{half}-{n}"), 0, json!({"mail": n.to_string()}))).collect();
        pair.push(&pair.ana, json!(creates));
    }
    upgrade(&pair, &second());
    let page = pair.sync(&pair.bo, json!({"pull": {"spaces": {&pair.space: {"cursor": null}}, "max_changes": 5000}}))["changes"]
        [&pair.space]
        .clone();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 1_200);
    assert!(items.iter().all(|item| item["document"].get("mail").is_none() && item["document"]["kind"] == "note"));
    assert_eq!(items.last().unwrap()["version"], 2_400);
}
