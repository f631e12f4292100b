//! Authority: what somebody may only propose becomes a change request, and their chain goes on as if it waited.

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, told, with};

/// A schema with owners by role, by field, and by the space's settings; it has no collection of change requests.
pub(crate) fn schema() -> Value {
    let owned = |owners: Value| json!({"authority": {"owners": owners}});
    json!({"name": "party", "version": 1, "collections": {"events": {"label": "title", "delete": "edit_wins", "fields": {
        "title": {"type": "text", "strategy": "lww"},
        "notes": {"type": "text", "strategy": "text"},
        "starts_at": {"type": "local_time", "strategy": owned(json!(["role:lead", "field:/owner_id"]))},
        "owner_id": {"type": "id"},
        "room": {"type": "text", "strategy": owned(json!(["space:venue_user"])), "label": "Room"},
        "tent": {"type": "object", "strategy": owned(json!(["role:lead"]))},
        "meal": {"type": "text", "strategy": {"authority": {"owners": ["role:couple"], "both": "lww", "else": "lww"}}},
        "budget": {"type": "object"}, "menu": {"type": "list"},
        "visibility": {"type": "text"},
    }, "paths": [
        {"path": "/budget/total", "strategy": owned(json!(["role:lead"]))}, {"path": "/menu/*/price", "strategy": owned(json!(["role:lead"]))},
    ], "visibility": {"field": "visibility", "audiences": {"private": ["lead"]}}}}})
}

pub(crate) fn event(operation: Value) -> Value {
    with(operation, json!({"collection": "events"}))
}

/// Ana (lead) made the ceremony at version 1.
pub(crate) fn ceremony() -> Pair {
    let pair = Pair::with(schema());
    let made = json!({"title": "Ceremony", "starts_at": "2026-06-20T16:00", "room": "Garden", "tent": {"x": 0, "y": 0}});
    assert_eq!(told(&pair.one(&pair.ana, event(op(1, "create", "e", 0, made)))).0, "applied");
    pair
}

pub(crate) fn request_of(pair: &Pair, n: u32) -> Value {
    pair.read(&pair.ana, "change_requests", &format!("op-{}", id(n)))
}

fn update(n: u32, base: i64, patch: Value) -> Value {
    event(op(n, "update", "e", base, patch))
}

pub(crate) fn read(pair: &Pair) -> Value {
    pair.read(&pair.ana, "events", "e")
}

#[test]
fn what_is_not_ones_own_is_proposed_and_the_rest_applies() {
    let pair = ceremony();
    let edit = with(update(2, 1, json!({"starts_at": "2026-06-20T16:30", "notes": "Cake"})), json!({"reason": "The shuttle is late"}));
    let result = pair.one(&pair.bo, edit.clone());
    assert_eq!((told(&result).0, &result["proposed"], &result["decided_version"]), ("merged", &json!(["/starts_at"]), &json!(2)));
    let live = json!({"title": "Ceremony", "starts_at": "2026-06-20T16:00", "room": "Garden", "tent": {"x": 0, "y": 0}, "notes": "Cake"});
    assert_eq!((&result["document"], &result["version"]), (&live, &json!(2)), "the device corrects its copy");
    assert_eq!(
        request_of(&pair, 2),
        json!({
            "title": "Ceremony: Starts at 16:30", "collection": "events", "document_id": "e", "state": "open",
            "patch": {"starts_at": "2026-06-20T16:30"}, "base": {"starts_at": "2026-06-20T16:00"}, "reason": "The shuttle is late",
            "paths": ["/starts_at"],
            "requested_by": pair.bo.user_id, "requested_at": "2026-06-20T14:00:00.000Z", "owner_role": "role:lead",
        })
    );
    // a replay makes nothing new, and tells what was proposed then
    let version = pair.pull(&pair.bo, None)["items"].as_array().unwrap().iter().map(|item| item["version"].as_i64()).max();
    let again = pair.one(&pair.bo, edit);
    assert_eq!((told(&again).0, &again["was"], &again["proposed"]), ("duplicate", &json!("merged"), &json!(["/starts_at"])));
    let after = pair.pull(&pair.bo, None)["items"].as_array().unwrap().iter().map(|item| item["version"].as_i64()).max();
    assert_eq!(version, after);
    // nothing is left of an operation that only proposes
    let alone = pair.one(&pair.bo, update(3, 2, json!({"tent": {"x": 1}})));
    assert_eq!((told(&alone).0, &alone["proposed"], &alone["decided_version"]), ("noop", &json!(["/tent"]), &Value::Null));
    assert_eq!((&alone["version"], &alone["document"]), (&json!(2), &live));
    // the request comes with the pull, like any document
    let request = request_of(&pair, 3);
    assert_eq!((&request["patch"], &request["title"]), (&json!({"tent": {"x": 1, "y": 0}}), &json!("Ceremony: Tent changed")));
}

#[test]
fn owners_are_roles_and_people_and_where_nobody_is_named_the_lead() {
    let at = |minute: u32| json!({"starts_at": format!("2026-06-20T16:{minute}")});
    // nobody is named: the lead
    let pair = ceremony();
    assert_eq!(told(&pair.one(&pair.ana, update(2, 1, at(10)))).0, "applied");
    assert_eq!(pair.one(&pair.bo, update(3, 2, json!({"room": "Barn"})))["proposed"], json!(["/room"]));
    assert_eq!(request_of(&pair, 3)["owner_role"], "role:lead");
    assert_eq!(told(&pair.one(&pair.ana, update(4, 2, json!({"room": "Barn"})))).0, "applied");
    // the owner of the item
    pair.one(&pair.ana, update(5, 4, json!({"owner_id": pair.bo.user_id})));
    assert_eq!(told(&pair.one(&pair.bo, update(6, 5, at(20)))).0, "applied");
    // somebody else's item
    pair.one(&pair.ana, update(7, 6, json!({"owner_id": pair.ana.user_id})));
    assert_eq!(told(&pair.one(&pair.bo, update(8, 7, at(30)))).0, "noop");
    assert_eq!(request_of(&pair, 8)["owner_role"], json!(format!("role:lead, user:{}", pair.ana.user_id)));
    // becoming the owner counts from the next operation on
    let both = pair.one(&pair.bo, update(9, 7, json!({"owner_id": pair.bo.user_id, "starts_at": "2026-06-20T18:00"})));
    assert_eq!((told(&both).0, &both["proposed"]), ("merged", &json!(["/starts_at"])));
}

#[test]
fn two_owners_who_disagree_are_asked() {
    let pair = ceremony();
    pair.give_bo("lead");
    pair.one(&pair.ana, update(2, 1, json!({"starts_at": "2026-06-20T16:15"})));
    let result = pair.one(&pair.bo, update(3, 1, json!({"starts_at": "2026-06-20T16:30"})));
    assert_eq!((told(&result).0, &result["document"]["starts_at"]), ("conflict", &json!("2026-06-20T16:15")));
    let field = pair.conflict(&pair.ana, &result["conflict_id"])["fields"]["/starts_at"].clone();
    assert_eq!((&field["strategy"], &field["reason"]), (&json!("authority"), &json!("two people who may decide about it disagree")));
    // an owner's value counts over what somebody else had written when they owned it
    let pair = ceremony();
    pair.give_bo("lead");
    pair.one(&pair.bo, update(2, 1, json!({"starts_at": "2026-06-20T16:15"})));
    pair.give_bo("vendor");
    let result = pair.one(&pair.ana, update(3, 1, json!({"starts_at": "2026-06-20T16:30"})));
    assert_eq!((told(&result).0, &result["document"]["starts_at"]), ("merged", &json!("2026-06-20T16:30")));
    assert_eq!(result["warnings"][0]["code"], "outvoted");
}

#[test]
fn with_else_others_write_and_give_way_to_owners() {
    let pair = ceremony();
    assert_eq!(told(&pair.one(&pair.bo, update(2, 1, json!({"meal": "fish"})))).0, "applied");
    pair.give_bo("couple");
    pair.one(&pair.bo, update(3, 2, json!({"meal": "vegan"})));
    let late = pair.one(&pair.ana, update(4, 2, json!({"meal": "beef"})));
    assert_eq!((told(&late).0, &late["document"]["meal"], &late["proposed"]), ("noop", &json!("vegan"), &json!([])));
    let warning = &late["warnings"][0];
    assert_eq!((&warning["code"], &warning["documents"]), (&json!("outvoted"), &json!([{"collection": "events", "document_id": "e"}])));
    assert!(warning["detail"].as_str().unwrap().starts_with("meal: the value of its owner was live, and counts."), "{warning}");
}

#[test]
fn a_chain_goes_on_over_its_proposals() {
    let after = |n: u32, operation: Value| with(operation, json!({"after": id(n)}));
    for base in [1, 2] {
        let pair = ceremony();
        let first = pair.one(&pair.bo, update(2, 1, json!({"tent": {"x": 1}, "title": "Vows"})));
        assert_eq!((told(&first).0, &first["version"]), ("merged", &json!(2)));
        // the same field again: the request stays one, with what its sender saw first
        let second = pair.one(&pair.bo, after(2, update(3, base, json!({"tent": {"y": 2}, "notes": "n"}))));
        assert_eq!((told(&second).0, &second["proposed"]), ("merged", &json!(["/tent"])), "{second}");
        let request = request_of(&pair, 2);
        let tents = (&request["patch"]["tent"], &request["base"]["tent"]);
        assert_eq!(tents, (&json!({"x": 1, "y": 2}), &json!({"x": 0, "y": 0})), "base version {base}");
        assert_eq!(request_of(&pair, 3), Value::Null);
        // another one is another request
        let third = pair.one(&pair.bo, after(3, update(4, base, json!({"room": "Barn"}))));
        assert_eq!((told(&third).0, &request_of(&pair, 4)["patch"]), ("noop", &json!({"room": "Barn"})));
        // going back to what is live takes the proposal back
        let back = pair.one(&pair.bo, after(4, update(5, base, json!({"tent": {"x": 0, "y": 0}, "room": "Tent"}))));
        assert_eq!((told(&back).0, &back["proposed"]), ("noop", &json!(["/room"])));
        let withdrawn = request_of(&pair, 2);
        assert_eq!((&withdrawn["state"], &withdrawn["decided_by"]), (&json!("withdrawn"), &json!(pair.bo.user_id)));
        assert_eq!(request_of(&pair, 4)["patch"], json!({"room": "Tent"}));
        // and its sender deletes the document without being asked about their own words
        let gone = pair.one(&pair.bo, after(5, event(op(6, "delete", "e", base, Value::Null))));
        assert_eq!(told(&gone), ("applied", ""), "base version {base}");
    }
}

#[test]
fn of_a_member_that_is_owned_in_part_the_rest_is_ones_own() {
    let after = |n: u32, operation: Value| with(operation, json!({"after": id(n)}));
    let pair = ceremony();
    let menu =
        |course: &str, price: u32, fish: u32| json!([{"id": "cake", "course": course, "price": price}, {"id": "fish", "price": fish}]);
    pair.one(&pair.ana, update(2, 1, json!({"budget": {"total": 10, "note": "a"}, "menu": menu("last", 5, 9)})));
    pair.one(&pair.ana, update(9, 2, json!({"menu": menu("last", 5, 10)})));
    let edit = json!({"budget": {"total": 20, "note": "b"}, "menu": menu("first", 6, 9)});
    let first = pair.one(&pair.bo, update(3, 2, edit));
    assert_eq!((told(&first).0, &first["proposed"]), ("merged", &json!(["/budget/total", "/menu/cake/price"])));
    let live = (&first["document"]["budget"], &first["document"]["menu"]);
    assert_eq!(live, (&json!({"total": 10, "note": "b"}), &menu("first", 5, 10)));
    let request = request_of(&pair, 3);
    assert_eq!(
        (&request["patch"]["budget"], &request["base"]["budget"]),
        (&json!({"total": 20, "note": "b"}), &json!({"total": 10, "note": "b"}))
    );
    // the chain goes on with its own part, and is asked nothing
    let second = pair.one(&pair.bo, after(3, update(4, 2, json!({"budget": {"note": "c"}, "menu": menu("only", 6, 9)}))));
    assert_eq!((told(&second), &second["proposed"]), (("merged", ""), &json!([])));
    assert_eq!(request_of(&pair, 3)["state"], "open");
    // a place taken back leaves the other one, and what others write beside it meanwhile stays
    let third = pair.one(&pair.bo, after(4, update(5, 2, json!({"budget": {"total": 10}}))));
    assert_eq!((told(&third).0, &request_of(&pair, 3)["paths"]), ("noop", &json!(["/menu/cake/price"])));
    let version = third["version"].as_i64().unwrap();
    pair.one(&pair.ana, update(6, version, json!({"menu": [{"id": "cake", "course": "any", "price": 5}, {"id": "fish", "price": 12}]})));
    let approval =
        with(op(7, "update", &format!("op-{}", id(3)), version, json!({"state": "approved"})), json!({"collection": "change_requests"}));
    assert_eq!(told(&pair.one(&pair.ana, approval)).0, "merged");
    let live = read(&pair);
    assert_eq!(live["budget"], json!({"total": 10, "note": "c"}));
    assert_eq!(live["menu"], json!([{"id": "cake", "course": "any", "price": 6}, {"id": "fish", "price": 12}]));
}

#[test]
fn a_proposal_that_was_approved_is_what_its_chain_goes_on_from() {
    let pair = ceremony();
    pair.one(&pair.bo, update(2, 1, json!({"tent": {"x": 1}})));
    let approval =
        with(op(3, "update", &format!("op-{}", id(2)), 2, json!({"state": "approved"})), json!({"collection": "change_requests"}));
    assert_eq!(told(&pair.one(&pair.ana, approval)).0, "merged");
    assert_eq!(read(&pair)["tent"], json!({"x": 1, "y": 0}));
    pair.give_bo("lead");
    let next = with(update(4, 1, json!({"tent": {"y": 5}})), json!({"after": id(2)}));
    let result = pair.one(&pair.bo, next);
    assert_eq!((told(&result).0, &read(&pair)["tent"]), ("applied", &json!({"x": 1, "y": 5})));
}

#[test]
fn creations_are_free_and_restored_documents_are_not() {
    let pair = ceremony();
    let own = event(op(2, "create", "toast", 0, json!({"starts_at": "2026-06-20T19:00", "room": "Barn"})));
    let made = pair.one(&pair.bo, own);
    assert_eq!((told(&made).0, &made["proposed"]), ("applied", &json!([])));
    // a creation that meets a document is an edit of it
    let met = pair.one(&pair.bo, event(op(3, "create", "e", 0, json!({"title": "Ceremony", "starts_at": "2026-06-20T17:00"}))));
    assert_eq!((told(&met).0, &met["proposed"]), ("noop", &json!(["/starts_at"])));
    // deleting and bringing back is no way around
    pair.one(&pair.bo, event(op(4, "delete", "e", 1, Value::Null)));
    let back = pair.one(&pair.bo, event(op(5, "restore", "e", 5, json!({"starts_at": "2026-06-20T18:00", "notes": "n"}))));
    assert_eq!((told(&back).0, &back["proposed"]), ("merged", &json!(["/starts_at"])));
    assert_eq!((&back["document"]["starts_at"], &back["document"]["notes"]), (&json!("2026-06-20T16:00"), &json!("n")));
    // nor is making it anew
    pair.one(&pair.bo, event(op(20, "delete", "e", 6, Value::Null)));
    let after = with(event(op(21, "create", "e", 0, json!({"title": "Mine", "starts_at": "2026-06-20T18:00"}))), json!({"after": id(20)}));
    let anew = pair.one(&pair.bo, after);
    assert_eq!((told(&anew).0, &anew["proposed"]), ("merged", &json!(["/room", "/starts_at", "/tent"])));
    assert_eq!((&anew["document"]["starts_at"], &anew["document"]["title"]), (&json!("2026-06-20T16:00"), &json!("Mine")));
    // nor is an edit of what somebody else deleted
    pair.one(&pair.ana, event(op(6, "delete", "e", 99, Value::Null)));
    let version = pair.one(&pair.ana, event(op(7, "delete", "e", 8, Value::Null)));
    assert_eq!(told(&version).0, "applied");
    let edit = pair.one(&pair.bo, update(8, 8, json!({"starts_at": "2026-06-20T20:00", "notes": "m"})));
    assert_eq!((told(&edit).0, &edit["proposed"]), ("conflict", &json!(["/starts_at"])));
    assert_eq!((&edit["document"]["starts_at"], &edit["document"]["notes"]), (&json!("2026-06-20T16:00"), &json!("m")));
}

#[test]
fn a_group_that_may_only_be_proposed_in_part_is_asked_whole() {
    let pair = ceremony();
    pair.one(&pair.ana, event(op(2, "create", "f", 0, json!({"title": "Toast"}))));
    let group = |n: u32, document: &str, patch: Value| with(event(op(n, "update", document, 2, patch)), json!({"group": "g"}));
    let swap = [group(3, "e", json!({"starts_at": "2026-06-20T17:00"})), group(4, "f", json!({"title": "First"}))];
    let results = pair.push(&pair.bo, json!(swap));
    assert!(results.iter().all(|result| told(result).0 == "conflict" && result["proposed"] == json!([])), "{results:?}");
    assert_eq!(request_of(&pair, 3), Value::Null);
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    assert_eq!(conflict["documents"][0]["fields"]["/starts_at"]["theirs"], "2026-06-20T17:00");
    let refused = pair.resolve(&pair.bo, 5, &conflict, json!({"choose": "theirs"}));
    assert_eq!(told(&refused), ("rejected", "not_asked"));
    let answer = pair.resolve(&pair.ana, 6, &conflict, json!({"choose": "theirs"}));
    assert_eq!(told(&answer).0, "applied", "{answer}");
    assert_eq!((&read(&pair)["starts_at"], &pair.read(&pair.ana, "events", "f")["title"]), (&json!("2026-06-20T17:00"), &json!("First")));
}

#[test]
fn only_owners_answer_what_is_asked_about_what_they_own() {
    let pair = ceremony();
    pair.give_bo("lead");
    pair.one(&pair.ana, update(2, 1, json!({"starts_at": "2026-06-20T16:15"})));
    let result = pair.one(&pair.bo, update(3, 1, json!({"starts_at": "2026-06-20T16:30"})));
    pair.give_bo("photographer");
    let conflict = pair.conflict(&pair.ana, &result["conflict_id"]);
    for (n, choice) in [(4, "ours"), (5, "theirs"), (6, "base")] {
        let answer = pair.resolve(&pair.bo, n, &conflict, json!({"fields": {"/starts_at": {"choose": choice}}}));
        assert_eq!(told(&answer), ("rejected", "not_asked"), "{choice}");
    }
    let answer = pair.resolve(&pair.ana, 7, &conflict, json!({"fields": {"/starts_at": {"choose": "theirs"}}}));
    assert_eq!((told(&answer).0, &read(&pair)["starts_at"]), ("applied", &json!("2026-06-20T16:30")));
}

#[test]
fn without_a_schema_nobody_owns_anything() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"starts_at": "2026-06-20T16:00"})));
    let edit = pair.one(&pair.bo, op(2, "update", "a", 1, json!({"starts_at": "2026-06-20T16:30"})));
    assert_eq!((told(&edit).0, &edit["proposed"]), ("applied", &json!([])));
    // and what is called a change request is a document like any other
    let request =
        with(op(3, "create", "r", 0, json!({"state": "approved", "requested_by": "x"})), json!({"collection": "change_requests"}));
    assert_eq!(told(&pair.one(&pair.bo, request)).0, "applied");
}
