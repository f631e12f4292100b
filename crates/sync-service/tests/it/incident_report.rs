//! The report of an incident: what shifts moved and what answers decided is in it.

use serde_json::{Value, json};
use sync_service::incident::Authority;

use crate::sync::{Pair, id, op, told, with};
use crate::world::now;

fn day(operation: Value) -> Value {
    with(operation, json!({"collection": "days"}))
}

/// What a device touched, by collection.
fn touched(pair: &Pair, collection: &str) -> Value {
    let (ana, device) = (pair.ana, pair.bo.device_id);
    let report = now(pair.world.service.incident_report(
        &Authority::Owner(ana),
        ana.organisation_id,
        Some(device),
        sync_core::Timestamp::from_millis(0),
    ));
    let report = serde_json::to_value(report.unwrap()).unwrap();
    let of_device = report["devices"][0]["touched"].as_array().unwrap().clone();
    of_device.into_iter().find(|touched| touched["collection"] == collection).unwrap()
}

#[test]
fn what_a_shift_moved_was_touched() {
    let pair = Pair::with(json!({"name": "party", "version": 1, "collections": {"days": {"shift": {"start": "starts_at"},
        "fields": {"title": {"type": "text"}, "starts_at": {"type": "local_time"}}}}}));
    for (n, hour) in [(1, 10), (2, 11), (3, 12)] {
        let made = json!({"title": format!("d{n}"), "starts_at": format!("2026-06-20T{hour}:00")});
        assert_eq!(told(&pair.one(&pair.ana, day(op(n, "create", &format!("d{n}"), 0, made)))).0, "applied");
    }
    let args = json!({"from": "2026-06-20T11:00", "by_min": 15});
    let shift =
        json!({"op_id": id(4), "collection": "days", "kind": "intent", "base_version": 3, "intent": {"name": "shift", "args": args}});
    assert_eq!(told(&pair.one(&pair.bo, shift)).0, "applied");
    let days = touched(&pair, "days");
    assert_eq!((&days["operations"], &days["documents"], &days["fields"]), (&json!(1), &json!(2), &json!(["starts_at"])));
}

#[test]
fn what_an_answer_decided_was_touched() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 1})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 2})));
    let tablet = pair.world.caller("ana@example.org");
    let asked = pair.one(&tablet, op(3, "update", "a", 1, json!({"t": 3})));
    let question = pair.conflict(&pair.bo, &asked["conflict_id"]);
    assert_eq!(told(&pair.resolve(&pair.bo, 4, &question, json!({"fields": {"/t": {"choose": "theirs"}}}))).0, "applied");
    let notes = touched(&pair, "notes");
    assert_eq!((&notes["operations"], &notes["documents"], &notes["fields"]), (&json!(0), &json!(1), &json!(["t"])));
    assert_eq!(touched(&pair, "_conflicts")["operations"], 1, "the answer itself");
}
