//! A chain that waits in several questions: one for each circle of people, and a group's beside them.

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, told, with};

/// The open questions that somebody sees.
fn open(pair: &Pair, caller: &sync_service::Caller) -> Vec<Value> {
    let page = pair.pull(caller, None);
    let items = page["items"].as_array().unwrap().iter();
    let is_open = |item: &&Value| item["collection"] == "_conflicts" && item["document"]["state"] == "open";
    items.filter(is_open).map(|item| item["document"].clone()).collect()
}

fn after(before: u32, operation: Value) -> Value {
    with(operation, json!({"after": id(before)}))
}

#[test]
fn who_is_asked_about_a_place_is_not_told_that_there_was_a_question_before() {
    let owned = json!({"authority": {"owners": ["role:lead", "role:photographer"], "both": "ask"}});
    let pair = Pair::with(json!({"name": "crew", "version": 1, "collections": {"notes": {
        "fields": {"title": {"type": "text"}, "contacts": {"type": "object", "read": []}},
        "paths": [{"path": "/contacts/phone", "strategy": owned}, {"path": "/contacts/note", "strategy": "ask"}],
    }}}));
    let tablet = pair.world.caller("ana@example.org");
    let edit = |n, name: &str, value: u8| op(n, "update", "a", 1, json!({"contacts": {name: value}}));
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "Crew", "contacts": {"note": 1, "phone": 1}})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"contacts": {"note": 2, "phone": 2}})));
    let first = pair.one(&tablet, edit(3, "note", 3));
    assert_eq!(told(&first).0, "conflict", "{first}");
    assert!(open(&pair, &pair.bo).is_empty());
    let second = pair.one(&tablet, after(3, edit(4, "phone", 3)));
    assert_eq!(told(&second).0, "conflict", "{second}");
    let [asked] = &open(&pair, &pair.bo)[..] else { panic!("Bo is asked once: {second} {:?}", open(&pair, &pair.ana)) };
    assert_eq!((&asked["conflict_id"], &asked["op_id"]), (&second["conflict_id"], &json!(id(4))));
    assert_ne!(first["conflict_id"], second["conflict_id"]);
    // each goes on by itself
    for (n, before, name, question) in [(5, 4, "note", &first), (6, 5, "phone", &second)] {
        let again = pair.one(&tablet, after(before, edit(n, name, 4)));
        assert_eq!((told(&again).0, &again["conflict_id"]), ("conflict", &question["conflict_id"]), "{again}");
    }
    assert_eq!(open(&pair, &pair.ana).len(), 2);
}

#[test]
fn a_question_of_before_a_group_goes_on_after_it() {
    let pair = Pair::new(None);
    let tablet = pair.world.caller("ana@example.org");
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1, "u": 1})));
    pair.one(&pair.ana, op(2, "create", "b", 0, json!({"t": 1})));
    pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": 2, "u": 2})));
    let first = pair.one(&tablet, op(4, "update", "a", 1, json!({"t": 3})));
    assert_eq!(told(&first).0, "conflict", "{first}");
    let group = json!({"group": "g"});
    let members = json!([
        with(after(4, op(5, "update", "a", 1, json!({"u": 3}))), group.clone()),
        with(op(6, "update", "b", 2, json!({"t": 2})), group),
    ]);
    assert!(pair.push(&tablet, members).iter().all(|result| told(result).0 == "conflict"));
    let again = pair.one(&tablet, after(5, op(7, "update", "a", 1, json!({"t": 4}))));
    assert_eq!((told(&again).0, &again["conflict_id"]), ("conflict", &first["conflict_id"]), "{again}");
    let open = open(&pair, &pair.ana);
    let about_t: Vec<&Value> = open.iter().filter(|question| question["fields"].get("/t").is_some()).collect();
    assert_eq!((open.len(), about_t.len()), (2, 1), "the group's, and one about /t");
    assert_eq!(about_t[0]["fields"]["/t"]["theirs"], 4);
}
