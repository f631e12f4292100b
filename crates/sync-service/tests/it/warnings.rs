//! What does not hold between documents is told with the operation that led to it, and changes nothing else.

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, told, with};

const EVENTS: &str = "timeline_events";

fn wedding() -> Pair {
    Pair::new(Some("wedding@2"))
}

fn of(collection: &str, operation: Value) -> Value {
    with(operation, json!({"collection": collection}))
}

/// An event of half an hour.
fn event(n: u32, document: &str, clock: &str, people: &[&Value]) -> Value {
    let patch = json!({"title": document, "starts_at": format!("2026-06-20T{clock}"), "duration_min": 30, "assignees": people});
    of(EVENTS, op(n, "create", document, 0, patch))
}

fn shift(n: u32, base: i64, from: &str, by_min: i64) -> Value {
    let intent = json!({"name": "shift", "args": {"from": format!("2026-06-20T{from}"), "by_min": by_min}});
    json!({"op_id": id(n), "collection": EVENTS, "kind": "intent", "base_version": base, "intent": intent})
}

/// Codes, words and documents.
fn warnings(result: &Value) -> Vec<(&str, &str, Vec<&str>)> {
    let told = result["warnings"].as_array().unwrap().iter();
    told.map(|warning| {
        let documents = warning["documents"].as_array().unwrap().iter().map(|document| document["document_id"].as_str().unwrap());
        (warning["code"].as_str().unwrap(), warning["detail"].as_str().unwrap(), documents.collect())
    })
    .collect()
}

#[test]
fn a_guest_who_is_there_twice_is_suggested_as_one() {
    let pair = wedding();
    let guest = |n: u32, document: &str, name: &str, email: &str| {
        of("guests", op(n, "create", document, 0, json!({"display_name": name, "email": email})))
    };
    let first = pair.one(&pair.ana, guest(1, "a", "Amara Silva", "amara@example.org"));
    assert_eq!((told(&first).0, warnings(&first)), ("applied", vec![]));
    let second = pair.one(&pair.bo, guest(2, "b", "A. Silva", "Amara@Example.org "));
    let detail = "Possible duplicate: Amara Silva and A. Silva have the same email";
    assert_eq!((told(&second).0, warnings(&second)), ("applied", vec![("duplicate", detail, vec!["a", "b"])]));
    assert_eq!(second["warnings"][0]["documents"][0], json!({"collection": "guests", "document_id": "a"}));
    // both are kept, and nobody is told again
    assert_eq!(pair.read(&pair.ana, "guests", "b")["display_name"], "A. Silva");
    let again = pair.one(&pair.bo, guest(2, "b", "A. Silva", "Amara@Example.org "));
    assert_eq!((told(&again).0, warnings(&again)), ("duplicate", vec![]));
    let renamed = pair.one(&pair.ana, of("guests", op(3, "update", "b", 2, json!({"display_name": "Amara"}))));
    assert_eq!((told(&renamed).0, warnings(&renamed)), ("applied", vec![]));
}

#[test]
fn people_are_called_by_their_names() {
    let pair = wedding();
    let (ana, bo) = (json!(pair.ana.user_id), json!(pair.bo.user_id));
    pair.push(&pair.ana, json!([event(1, "Ceremony", "16:00", &[&ana, &bo]), event(2, "Portraits", "17:00", &[&bo])]));
    let moved = pair.one(&pair.ana, of(EVENTS, op(3, "update", "Portraits", 2, json!({"starts_at": "2026-06-20T16:15"}))));
    let detail = "Bo is in two places at 16:15: Ceremony and Portraits";
    assert_eq!((told(&moved).0, warnings(&moved)), ("applied", vec![("one_place", detail, vec!["Ceremony", "Portraits"])]));
    let noop = pair.one(&pair.ana, of(EVENTS, op(4, "update", "Portraits", 3, json!({"starts_at": "2026-06-20T16:15"}))));
    assert_eq!((told(&noop).0, warnings(&noop)), ("noop", vec![]));
    let skipped = pair.one(&pair.ana, of(EVENTS, op(5, "update", "Ceremony", 1, json!({"status": "skipped"}))));
    assert_eq!(warnings(&skipped), []);
}

#[test]
fn nothing_hidden_is_told() {
    let pair = wedding();
    let bo = json!(pair.bo.user_id);
    pair.one(&pair.ana, event(1, "Surprise", "16:00", &[&bo]));
    pair.one(&pair.ana, of(EVENTS, op(2, "update", "Surprise", 1, json!({"visibility": "private"}))));
    assert_eq!(warnings(&pair.one(&pair.bo, event(3, "Portraits", "16:00", &[&bo]))), []);
    let seen = pair.one(&pair.ana, of(EVENTS, op(4, "update", "Portraits", 3, json!({"duration_min": 40}))));
    assert_eq!(warnings(&seen).len(), 1);
}

#[test]
fn the_operation_that_led_to_it_is_told() {
    let pair = wedding();
    let bo = json!(pair.bo.user_id);
    let results = pair.push(
        &pair.ana,
        json!([
            event(1, "Ceremony", "16:00", &[&bo]),
            event(2, "Portraits", "18:00", &[&bo]),
            of(EVENTS, op(3, "update", "Portraits", 0, json!({"starts_at": "2026-06-20T16:00"}))),
            of(EVENTS, op(4, "update", "Portraits", 0, json!({"notes": "by the lake"}))),
        ]),
    );
    assert_eq!(results.iter().map(|result| warnings(result).len()).collect::<Vec<_>>(), [0, 0, 1, 0]);
    // what a group gave back never was
    let group = |operation: Value| with(operation, json!({"group": "g"}));
    let unknown = of(EVENTS, op(6, "update", "Nowhere", 1, json!({})));
    let results = pair.push(&pair.ana, json!([group(event(5, "Speech", "16:00", &[&bo])), group(unknown)]));
    assert!(results.iter().all(|result| told(result).0 == "rejected" && warnings(result).is_empty()), "{results:?}");
}

#[test]
fn a_table_has_room_for_so_many() {
    let pair = wedding();
    let guest = |n: u32, seat: i64| {
        of("guests", op(n, "create", &format!("g{n}"), 0, json!({"display_name": format!("G{n}"), "table_id": "t", "seat": seat})))
    };
    let results = pair.push(
        &pair.ana,
        json!([of("tables", op(1, "create", "t", 0, json!({"name": "Table 5", "capacity": 2}))), guest(2, 1), guest(3, 2), guest(4, 2)]),
    );
    let told = [
        ("capacity", "Table 5 has room for 2, and 3 are there", vec!["g2", "g3", "g4", "t"]),
        ("capacity", "Seat 2 at Table 5 is taken by G3 and G4", vec!["g3", "g4", "t"]),
    ];
    assert_eq!(warnings(&results[3]), told);
    assert!(results[..3].iter().all(|result| warnings(result).is_empty()));
}

#[test]
fn what_must_be_done_is_asked_for_when_its_event_ends() {
    let pair = wedding();
    pair.one(&pair.ana, event(1, "Ceremony", "16:00", &[]));
    let shot = json!({"title": "Rings", "must_have": true, "status": "open", "event_id": "Ceremony"});
    pair.one(&pair.bo, of("shots", op(2, "create", "rings", 0, shot)));
    let over = pair.one(&pair.ana, of(EVENTS, op(3, "update", "Ceremony", 1, json!({"status": "done"}))));
    let detail = "Ceremony is over, and Rings must be done and is still open";
    assert_eq!(warnings(&over), [("must_be_done", detail, vec!["rings", "Ceremony"])]);
}

#[test]
fn a_shift_and_a_cascade_by_hand_are_told_what_they_led_to() {
    let pair = wedding();
    let bo = json!(pair.bo.user_id);
    let fixed = json!({"anchor": "fixed"});
    pair.push(
        &pair.ana,
        json!([event(1, "Drinks", "15:30", &[&bo]), event(2, "Ceremony", "16:00", &[&bo]), event(3, "Dinner", "19:00", &[])]),
    );
    pair.one(&pair.ana, of(EVENTS, op(4, "update", "Ceremony", 2, fixed)));
    let shifted = pair.one(&pair.ana, shift(5, 4, "15:00", 15));
    let clash = ("one_place", "Bo is in two places at 16:00: Drinks and Ceremony", vec!["Ceremony", "Drinks"]);
    assert_eq!((told(&shifted).0, warnings(&shifted)), ("applied", vec![clash]));
    // an app that moves the day item by item moves what is fixed too
    let later =
        |n: u32, document: &str, clock: &str| of(EVENTS, op(n, "update", document, 6, json!({"starts_at": format!("2026-06-20T{clock}")})));
    let results = pair.push(&pair.ana, json!([later(6, "Drinks", "15:55"), later(7, "Ceremony", "16:10"), later(8, "Dinner", "19:25")]));
    let moved = "Ceremony is fixed, and was moved 10 minutes later together with 2 more";
    let of_fixed = warnings(&results[1]);
    assert!(of_fixed.contains(&("fixed_moved", moved, vec!["Ceremony"])), "{of_fixed:?}");
}

#[test]
fn an_answer_is_told_what_it_led_to() {
    let pair = wedding();
    let bo = json!(pair.bo.user_id);
    pair.push(&pair.ana, json!([event(1, "Ceremony", "16:00", &[&bo]), event(2, "Portraits", "18:00", &[&bo])]));
    pair.one(&pair.ana, of(EVENTS, op(3, "delete", "Portraits", 2, Value::Null)));
    let edit = pair.one(&pair.bo, of(EVENTS, op(4, "update", "Portraits", 2, json!({"starts_at": "2026-06-20T16:10"}))));
    // the edit brought it back: that is told at once
    assert_eq!((told(&edit).0, warnings(&edit).len()), ("conflict", 1));
    let conflict = pair.conflict(&pair.ana, &edit["conflict_id"]);
    let other = json!({"title": "Portraits", "starts_at": "2026-06-20T16:20", "duration_min": 30, "assignees": [bo]});
    let answer = pair.resolve(&pair.ana, 9, &conflict, json!({"fields": {"": {"choose": "value", "value": other}}}));
    let detail = "Bo is in two places at 16:20: Ceremony and Portraits";
    assert_eq!((told(&answer).0, warnings(&answer)), ("applied", vec![("one_place", detail, vec!["Ceremony", "Portraits"])]));
}

#[test]
fn what_is_too_much_is_not_compared() {
    let pair = wedding();
    let guest = |n: u32| of("guests", op(n, "create", &format!("g{n}"), 0, json!({"email": format!("{}@example.org", n % 4_999)})));
    for start in (0..5_000).step_by(1_000) {
        let results = pair.push(&pair.ana, (start..start + 1_000).map(|n| guest(n + 1)).collect());
        let told = results.iter().filter(|result| !warnings(result).is_empty()).count();
        assert_eq!(told, usize::from(start == 4_000), "the last of them has the first one's address");
    }
    assert_eq!(warnings(&pair.one(&pair.ana, guest(5_001))).len(), 1, "it is compared with five thousand");
    assert_eq!(warnings(&pair.one(&pair.ana, guest(5_002))).len(), 0);
}

#[test]
fn what_a_role_does_not_read_warns_nobody_of_it() {
    let pair = Pair::with(json!({"name": "party", "version": 1,
        "collections": {"notes": {"fields": {"faith": {"type": "text", "sensitivity": 2}}}},
        "rules": [{"rule": "duplicate", "collection": "notes", "any": ["faith"]}],
    }));
    let same = json!({"faith": "none of yours"});
    pair.one(&pair.ana, op(1, "create", "a", 0, same.clone()));
    assert_eq!(warnings(&pair.one(&pair.bo, op(2, "create", "b", 0, same.clone()))), []);
    assert_eq!(warnings(&pair.one(&pair.ana, op(3, "create", "c", 0, same))).len(), 1);
}
