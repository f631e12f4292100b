//! The intent `shift`.

use serde_json::{Value, json};
use sync_service::Caller;

use crate::sync::{Pair, id, op, statuses, told, with};
use crate::world::now;

pub(crate) const EVENTS: &str = "timeline_events";

/// Events that shift, and songs that do not.
fn schema() -> Value {
    json!({"name": "party", "version": 1, "collections": {
        EVENTS: {
            "label": "title",
            "shift": {
                "start": "starts_at", "fixed": {"field": "anchor", "is": ["fixed"]}, "done": {"field": "status", "is": ["started", "done"]},
            },
            "visibility": {"field": "visibility", "audiences": {"private": ["lead"]}},
            "fields": {
                "title": {"type": "text"}, "starts_at": {"type": "local_time"}, "anchor": {"type": "enum", "values": ["fixed", "flex"]},
                "status": {"type": "enum", "values": ["planned", "started", "done"]},
                "visibility": {"type": "enum", "values": ["everyone", "private"]},
            },
        },
        "songs": {"fields": {"starts_at": {"type": "local_time"}}},
    }})
}

pub(crate) fn at(clock: &str) -> String {
    format!("2026-06-20T{clock}")
}

pub(crate) fn event(n: u32, document: &str, clock: &str, more: Value) -> Value {
    let mut made = with(op(n, "create", document, 0, with(json!({"title": document, "starts_at": at(clock)}), more)), json!({}));
    made["collection"] = json!(EVENTS);
    made
}

pub(crate) fn set(n: u32, document: &str, base: i64, patch: Value) -> Value {
    with(op(n, "update", document, base, patch), json!({"collection": EVENTS}))
}

/// A shift of all from a time on.
pub(crate) fn shift(n: u32, base: i64, from: &str, by_min: i64) -> Value {
    range(n, base, (from, None), by_min)
}

pub(crate) fn range(n: u32, base: i64, (from, to): (&str, Option<&str>), by_min: i64) -> Value {
    let args = json!({"from": at(from), "to": to.map(at), "by_min": by_min, "reason": "shuttle late"});
    json!({"op_id": id(n), "collection": EVENTS, "kind": "intent", "base_version": base, "intent": {"name": "shift", "args": args}})
}

/// Drinks at 15:00, the fixed ceremony at 16:00, portraits at 17:00, dinner at 19:00: versions 1 to 4.
pub(crate) struct Day {
    pub(crate) pair: Pair,
    /// Bo's second device.
    pub(crate) bo: Caller,
}

impl Day {
    pub(crate) fn new() -> Self {
        let pair = Pair::with(schema());
        let bo = pair.world.caller("bo@example.org");
        let made = json!([
            event(1, "drinks", "15:00", json!({})),
            event(2, "ceremony", "16:00", json!({"anchor": "fixed"})),
            event(3, "portraits", "17:00", json!({})),
            event(4, "dinner", "19:00", json!({})),
        ]);
        assert_eq!(statuses(&pair.push(&pair.ana, made)), ["applied"; 4]);
        Self { pair, bo }
    }

    pub(crate) fn ana(&self, operation: Value) -> Value {
        self.pair.one(&self.pair.ana, operation)
    }

    /// From Bo's first device.
    pub(crate) fn bo(&self, operation: Value) -> Value {
        self.pair.one(&self.pair.bo, operation)
    }

    pub(crate) fn starts(&self) -> Vec<String> {
        self.starts_of(&["drinks", "ceremony", "portraits", "dinner"])
    }

    pub(crate) fn starts_of(&self, documents: &[&str]) -> Vec<String> {
        let start = |document: &&str| self.pair.read(&self.pair.ana, EVENTS, document)["starts_at"].as_str().unwrap()[11..].to_owned();
        documents.iter().map(start).collect()
    }

    pub(crate) fn open_questions(&self) -> Vec<Value> {
        let page = self.pair.pull(&self.pair.ana, None);
        let items = page["items"].as_array().unwrap().iter().filter(|item| item["collection"] == "_conflicts");
        items.map(|item| item["document"].clone()).filter(|conflict| conflict["state"] == "open").collect()
    }

    pub(crate) fn answer(&self, n: u32, choose: &str) -> Value {
        let questions = self.open_questions();
        assert_eq!(questions.len(), 1, "{questions:?}");
        self.pair.resolve(&self.pair.ana, n, &questions[0], json!({"choose": choose}))
    }
}

/// What was left out, with the reasons.
pub(crate) fn excluded(result: &Value) -> Vec<(&str, &str)> {
    let list = result["excluded"].as_array().into_iter().flatten();
    list.map(|entry| (entry["document_id"].as_str().unwrap(), entry["reason"].as_str().unwrap())).collect()
}

/// What moved, with the versions.
pub(crate) fn touched(result: &Value) -> Vec<(&str, i64)> {
    let list = result["touched"].as_array().unwrap();
    assert!(list.iter().all(|entry| entry["collection"] == EVENTS), "{list:?}");
    list.iter().map(|entry| (entry["document_id"].as_str().unwrap(), entry["version"].as_i64().unwrap())).collect()
}

/// What moved.
pub(crate) fn moved(result: &Value) -> Vec<&str> {
    touched(result).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn moves_the_rest_of_the_day_in_one_commit() {
    let day = Day::new();
    let cursor = day.pair.pull(&day.pair.bo, None)["cursor"].clone();
    let result = day.bo(shift(9, 4, "16:00", 15));
    assert_eq!(
        (told(&result).0, &result["decided_version"], touched(&result)),
        ("applied", &json!(6), vec![("portraits", 5), ("dinner", 6)])
    );
    assert_eq!(excluded(&result), [("ceremony", "fixed")]);
    assert_eq!(day.starts(), ["15:00", "16:00", "17:15", "19:15"]);
    let page = day.pair.pull(&day.pair.bo, cursor.as_str());
    let items: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| (&item["document_id"], &item["by"]["op_id"], &item["echo"])).collect();
    assert_eq!(items, [(&json!("portraits"), &json!(id(9)), &json!(true)), (&json!("dinner"), &json!(id(9)), &json!(true))]);
    // the same again tells the same, and moves nothing
    let again = day.bo(shift(9, 4, "16:00", 15));
    assert_eq!(
        (told(&again).0, &again["was"], &again["touched"], &again["excluded"]),
        ("duplicate", &json!("applied"), &result["touched"], &result["excluded"],)
    );
    assert_eq!(told(&day.bo(shift(9, 4, "16:00", 20))), ("rejected", "op_id_reuse"));
    assert_eq!(day.starts(), ["15:00", "16:00", "17:15", "19:15"]);
    // back again, having seen the first
    assert_eq!(told(&day.ana(shift(10, 6, "16:00", -15))).0, "applied");
    assert_eq!(day.starts(), ["15:00", "16:00", "17:00", "19:00"]);
    assert_eq!(day.open_questions(), Vec::<Value>::new());
}

#[test]
fn the_pull_of_the_same_request_brings_what_moved() {
    let day = Day::new();
    let cursor = day.pair.pull(&day.pair.bo, None)["cursor"].clone();
    let space = &day.pair.space;
    let body = json!({"operations": [shift(9, 4, "16:00", 15)], "pull": {"spaces": {space: {"cursor": cursor}}}});
    let answer = day.pair.sync(&day.pair.bo, body);
    let items = answer["changes"][space]["items"].as_array().unwrap();
    assert_eq!(items.iter().map(|item| item["patch"]["starts_at"].as_str().unwrap()).collect::<Vec<_>>(), [at("17:15"), at("19:15")]);
}

#[test]
fn nothing_to_move_is_nothing() {
    let day = Day::new();
    for (n, intent) in [(9, shift(9, 4, "20:00", 15)), (10, shift(10, 4, "15:00", 0)), (11, range(11, 4, ("16:00", Some("17:00")), 5))] {
        let result = day.bo(intent);
        assert_eq!((told(&result).0, touched(&result).len()), ("noop", 0), "{n}");
        assert!(result.get("decided_version").is_none());
    }
    assert_eq!(day.starts(), ["15:00", "16:00", "17:00", "19:00"]);
}

#[test]
fn an_explicit_time_wins_for_its_item() {
    let day = Day::new();
    day.ana(set(8, "portraits", 3, json!({"starts_at": at("17:30")})));
    day.ana(set(9, "dinner", 4, json!({"title": "Dinner"})));
    day.ana(event(10, "toast", "20:00", json!({})));
    let result = day.bo(shift(11, 4, "15:00", 15));
    assert_eq!(told(&result).0, "merged");
    assert_eq!(excluded(&result), [("ceremony", "fixed"), ("portraits", "edited")]);
    // what somebody put there meanwhile moves along
    assert_eq!(moved(&result), ["drinks", "dinner", "toast"]);
    assert_eq!(day.starts_of(&["drinks", "portraits", "dinner", "toast"]), ["15:15", "17:30", "19:15", "20:15"]);
    // one that was taken out of the range is told as well, one that never was in it is not
    assert_eq!(told(&day.ana(set(12, "portraits", 10, json!({"starts_at": at("14:00")})))).0, "applied");
    assert_eq!(told(&day.ana(set(13, "dinner", 10, json!({"starts_at": at("20:00")})))).0, "applied");
    let result = day.bo(range(14, 10, ("17:00", Some("18:00")), 15));
    assert_eq!((told(&result).0, excluded(&result)), ("noop", vec![("portraits", "edited")]));
}

#[test]
fn what_has_begun_stays() {
    let day = Day::new();
    day.ana(set(8, "portraits", 3, json!({"status": "started"})));
    let result = day.bo(shift(9, 4, "17:00", 15));
    assert_eq!((excluded(&result), touched(&result)), (vec![("portraits", "done")], vec![("dinner", 6)]));
}

#[test]
fn nobody_is_in_conflict_with_their_own_shift() {
    // a device without a network: a shift, then edits of what it moved, all over what it saw before
    for together in [true, false] {
        let day = Day::new();
        let operations = [
            shift(8, 4, "16:00", 15),
            set(9, "portraits", 3, json!({"starts_at": at("17:20")})),
            set(10, "dinner", 4, json!({"starts_at": at("19:30"), "title": "Dinner"})),
            set(11, "dinner", 4, json!({"status": "started"})),
            shift(12, 4, "17:00", 5),
            with(op(13, "delete", "portraits", 3, Value::Null), json!({"collection": EVENTS})),
        ];
        let results = if together {
            day.pair.push(&day.pair.bo, Value::from(operations.to_vec()))
        } else {
            operations.into_iter().map(|operation| day.bo(operation)).collect()
        };
        assert!(results.iter().all(|result| ["applied", "merged"].contains(&told(result).0)), "{results:?}");
        assert_eq!(day.starts_of(&["dinner"]), ["19:30"]);
        assert_eq!((touched(&results[4]).len(), excluded(&results[4])), (1, vec![("dinner", "done")]));
        assert_eq!(day.pair.read(&day.pair.ana, EVENTS, "portraits"), Value::Null);
    }
}

#[test]
fn an_own_shift_does_not_hide_what_others_did() {
    let day = Day::new();
    day.bo(shift(8, 4, "16:00", 15));
    day.ana(set(9, "portraits", 5, json!({"starts_at": at("18:00")})));
    let edit = day.bo(set(10, "portraits", 3, json!({"starts_at": at("17:20")})));
    let conflict = day.pair.conflict(&day.pair.ana, &edit["conflict_id"]);
    let field = &conflict["fields"]["/starts_at"];
    assert_eq!((&field["base"], &field["ours"], &field["theirs"]), (&json!(at("17:15")), &json!(at("18:00")), &json!(at("17:20"))));
}

#[test]
fn only_what_its_sender_may_see_moves() {
    let day = Day::new();
    day.ana(event(8, "surprise", "18:00", json!({"visibility": "private"})));
    let result = day.bo(shift(9, 5, "16:00", 15));
    assert_eq!((touched(&result).len(), excluded(&result)), (2, vec![("ceremony", "fixed")]));
    assert_eq!(day.starts_of(&["surprise"]), ["18:00"]);
    // nor when a lead says so
    day.pair.one(&day.bo, shift(10, 5, "16:00", 10));
    let answer = day.answer(20, "theirs");
    assert_eq!((touched(&answer).len(), day.starts_of(&["surprise"])), (2, vec!["18:00".to_owned()]));
    assert_eq!(touched(&day.ana(shift(11, 9, "16:00", 5))).len(), 3);
}

#[test]
fn what_can_not_be_shifted_says_why() {
    let day = Day::new();
    let with_args = |n: u32, args: Value| with(shift(n, 4, "16:00", 15), json!({"intent": {"name": "shift", "args": args}}));
    for (operation, problem, pointer, held) in [
        (with(shift(8, 4, "16:00", 15), json!({"intent": {"name": "shuffle"}})), "unknown_intent", json!("/intent/name"), true),
        (with(shift(9, 4, "16:00", 15), json!({"collection": "songs"})), "unknown_intent", json!("/intent/name"), true),
        (with(shift(10, 4, "16:00", 15), json!({"collection": "dances"})), "unknown_collection", json!("/collection"), true),
        (with(shift(11, 4, "16:00", 15), json!({"collection": "_conflicts"})), "unknown_collection", json!("/collection"), true),
        (with_args(12, json!({"from": at("16:00"), "by_min": 1441})), "malformed", json!("/intent/args/by_min"), false),
        (with_args(12, json!({"from": "16:00", "by_min": 15})), "malformed", json!("/intent/args/from"), false),
        (with_args(12, Value::Null), "malformed", json!("/intent/args"), false),
        (with(shift(12, 4, "16:00", 15), json!({"group": "g"})), "malformed", json!("/group"), false),
        (with(shift(12, 4, "16:00", 15), json!({"depends_on": [id(8)]})), "dependency_rejected", Value::Null, true),
    ] {
        let result = day.bo(operation.clone());
        let place = &result["problem"]["pointer"];
        assert_eq!((told(&result).1, place, &result["held"]), (problem, &pointer, &json!(held)), "{operation}");
    }
    let waits = day.bo(with(shift(13, 4, "16:00", 15), json!({"depends_on": [id(99)]})));
    assert_eq!(told(&waits), ("waiting", "not_here_yet"));
    // the other members of a group go with it
    let grouped = json!([
        with(shift(14, 4, "16:00", 15), json!({"group": "g"})),
        with(set(15, "dinner", 4, json!({"title": "x"})), json!({"group": "g"}))
    ]);
    let results = day.pair.push(&day.pair.bo, grouped);
    assert_eq!(results.iter().map(told).collect::<Vec<_>>(), [("rejected", "malformed"), ("rejected", "group_member")]);
    day.pair.give_bo("viewer");
    assert_eq!(told(&day.bo(shift(16, 4, "16:00", 15))), ("quarantined", "role_forbids"));
    assert_eq!(day.starts(), ["15:00", "16:00", "17:00", "19:00"]);
}

#[test]
fn a_shift_can_come_after_others_and_others_after_it() {
    let day = Day::new();
    let operations = json!([
        with(set(9, "drinks", 1, json!({"title": "Drinks"})), json!({"depends_on": [id(8)]})),
        with(shift(8, 4, "16:00", 15), json!({"depends_on": [id(7)]})),
        event(7, "toast", "18:00", json!({})),
    ]);
    let results = day.pair.push(&day.pair.bo, operations);
    assert_eq!(statuses(&results), ["applied"; 3]);
    assert_eq!(moved(&results[1]), ["portraits", "toast", "dinner"]);
}

#[test]
fn without_a_schema_every_collection_shifts() {
    let pair = Pair::new(None);
    let made = json!([
        op(1, "create", "a", 0, json!({"starts_at": at("16:00")})),
        op(2, "create", "b", 0, json!({"starts_at": at("16:00"), "anchor": "fixed"})),
        op(3, "create", "c", 0, json!({"starts_at": at("16:00"), "status": "skipped"})),
        op(4, "create", "d", 0, json!({"starts_at": "at four"})),
    ]);
    pair.push(&pair.ana, made);
    let result = pair.one(&pair.bo, with(shift(5, 4, "16:00", 15), json!({"collection": "notes"})));
    assert_eq!((told(&result).0, &result["touched"]), ("applied", &json!([{"collection": "notes", "document_id": "a", "version": 5}])));
    assert_eq!(excluded(&result), [("b", "fixed"), ("c", "done")]);
}

#[test]
fn a_shift_has_a_limit() {
    let pair = Pair::new(None);
    for start in [0, 600] {
        let create = |n: u32| op(start + n + 1, "create", &format!("d{}", start + n), 0, json!({"starts_at": at("16:00")}));
        pair.push(&pair.ana, Value::from((0..600).map(create).collect::<Vec<_>>()));
    }
    let notes = |operation: Value| with(operation, json!({"collection": "notes"}));
    assert_eq!(told(&pair.one(&pair.bo, notes(shift(5_000, 1_200, "16:00", 15)))), ("rejected", "too_large"));
    let few = notes(range(5_001, 1_200, ("15:00", Some("16:00")), 15));
    assert_eq!(told(&pair.one(&pair.bo, few)).0, "noop");
}

#[test]
fn a_shift_is_explained_document_by_document() {
    let day = Day::new();
    day.ana(event(5, "surprise", "20:00", json!({"visibility": "private"})));
    day.ana(set(6, "portraits", 3, json!({"starts_at": at("17:30")})));
    day.ana(shift(7, 4, "16:00", 15));
    day.bo(shift(8, 4, "16:00", 10));
    // what happens later does not change what is told
    day.ana(set(9, "dinner", 9, json!({"starts_at": at("21:00")})));
    let explain = |caller: &Caller, n: u32| {
        let told = now(day.pair.world.service.explain(caller, id(n).parse().unwrap())).unwrap();
        let told = serde_json::to_value(told).unwrap();
        assert_eq!((&told["kind"], &told["document_id"]), (&json!("intent"), &Value::Null));
        let text = |value: &Value| value.as_str().unwrap_or_default().rsplit('T').next().unwrap().to_owned();
        let of = |field: &Value| [text(&field["path"]), text(&field["decided"]), text(&field["ours"]), text(&field["outcome"])].join(" ");
        told["fields"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let ceremony = "/ceremony/starts_at ours 16:00 16:00";
    let dinner = "/dinner/starts_at theirs 19:00 19:15";
    let surprise = "/surprise/starts_at theirs 20:00 20:15";
    // portraits have another time since somebody set it: the lead's own device did, so that they moved
    let portraits = "/portraits/starts_at theirs 17:30 17:45";
    assert_eq!(explain(&day.pair.ana, 7), [ceremony, dinner, portraits, surprise]);
    assert_eq!(explain(&day.pair.bo, 7), [ceremony, dinner, portraits]);
    assert_eq!(explain(&day.pair.bo, 8), ["/dinner/starts_at conflict 21:00 21:00"]);
}
