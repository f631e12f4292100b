//! One answer for all questions of one kind.

use serde_json::{Value, json};
use sync_core::Code;
use sync_service::{Caller, ConflictQuery, ServiceResult};

use crate::inbox::{at_a_party, disputed, edit, list, of};
use crate::sync::{Pair, id, op};
use crate::world::{now, refused};

fn answer_all(pair: &Pair, caller: &Caller, body: Value) -> ServiceResult<Value> {
    let answered = now(pair.world.service.answer_all(caller, serde_json::from_value(body).unwrap()))?;
    Ok(serde_json::to_value(answered).unwrap())
}

/// Three questions about titles, one about notes and one about a song.
fn five() -> Pair {
    let pair = at_a_party();
    for (n, field) in ["title", "title", "title", "notes"].into_iter().enumerate() {
        let from = 10 * u32::try_from(n).unwrap() + 1;
        disputed(&pair, from, "events", &format!("e{n}"), ["0", "1", "2"].map(|value| json!({field: value})));
        pair.world.clock.advance_ms(1);
    }
    disputed(&pair, 51, "songs", "s", ["0", "1", "2"].map(|name| json!({"name": name})));
    pair
}

fn titles(pair: &Pair, more: Value) -> Value {
    let mut body =
        json!({"filter": {"space_id": pair.space, "collection": "events", "kind": "fields", "field": "/title"}, "choose": "theirs"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn open(pair: &Pair) -> usize {
    list(pair, &pair.ana, ConflictQuery::default()).len()
}

#[test]
fn a_preview_tells_what_would_change_and_does_nothing() {
    let pair = five();
    let told = answer_all(&pair, &pair.ana, titles(&pair, json!({"preview": true}))).unwrap();
    assert_eq!((&told["count"], &told["changes"], &told["not_yours"]), (&json!(3), &json!(3), &json!(0)));
    let first = &told["items"][0];
    assert_eq!((&first["document_id"], &first["title"]), (&json!("e0"), &json!("1")));
    assert_eq!(first["fields"], json!({"/title": {"label": "Title", "from": "1", "to": "2", "masked": false}}));
    assert_eq!(open(&pair), 5);
    let kept = answer_all(&pair, &pair.ana, titles(&pair, json!({"preview": true, "choose": "ours"}))).unwrap();
    assert_eq!((&kept["count"], &kept["changes"]), (&json!(3), &json!(0)));
    let others = answer_all(&pair, &pair.bo, titles(&pair, json!({"preview": true}))).unwrap();
    assert_eq!((&others["count"], &others["not_yours"]), (&json!(0), &json!(3)), "they wait for Ana");
}

#[test]
fn all_of_a_kind_are_answered_once() {
    let pair = five();
    let body = titles(&pair, json!({"op_id": id(90)}));
    let told = answer_all(&pair, &pair.ana, body.clone()).unwrap();
    let results = told["results"].as_array().unwrap();
    assert_eq!((told["count"].as_u64(), results.len(), open(&pair)), (Some(3), 3, 2));
    assert!(results.iter().all(|result| result["status"] == "applied" && result.get("document").is_none()), "{told}");
    assert_eq!(pair.read(&pair.ana, "events", "e2")["title"], "2");
    // the reply was lost: nothing is answered twice, and what came meanwhile is not answered
    disputed(&pair, 61, "events", "e9", ["0", "1", "2"].map(|title| json!({"title": title})));
    let again = answer_all(&pair, &pair.ana, body).unwrap();
    let told = |value: &Value| value["results"].as_array().unwrap().iter().map(|result| result["op_id"].clone()).collect::<Vec<_>>();
    assert_eq!(told(&again), results.iter().map(|result| result["op_id"].clone()).collect::<Vec<_>>());
    assert!(again["results"].as_array().unwrap().iter().all(|result| result["status"] == "duplicate" && result["was"] == "applied"));
    assert_eq!(open(&pair), 3);
    // the id is taken
    assert_eq!(refused(answer_all(&pair, &pair.ana, titles(&pair, json!({"op_id": id(90), "choose": "ours"})))), Code::OpIdReuse);
    assert_eq!(pair.one(&pair.ana, op(90, "create", "z", 0, json!({})))["problem"]["code"], "op_id_reuse");
    assert_eq!(refused(answer_all(&pair, &pair.ana, titles(&pair, json!({"op_id": id(1)})))), Code::OpIdReuse);
}

#[test]
fn what_changed_since_it_was_seen_stays_open() {
    let pair = five();
    let seen = list(&pair, &pair.ana, ConflictQuery::default()).iter().map(|conflict| conflict["version"].as_i64().unwrap()).max();
    edit(&pair, &pair.ana, 80, ("events", "e1"), json!({"title": "5"}));
    let told = answer_all(&pair, &pair.ana, titles(&pair, json!({"op_id": id(90), "version": seen}))).unwrap();
    assert_eq!((&told["count"], open(&pair)), (&json!(2), 3));
    assert_eq!(pair.read(&pair.ana, "events", "e1")["title"], "5");
}

#[test]
fn filters_narrow_and_are_read_strictly() {
    let pair = five();
    let count = |filter: Value| {
        let mut body = titles(&pair, json!({"preview": true}));
        for (name, value) in filter.as_object().unwrap() {
            body["filter"][name] = value.clone();
        }
        answer_all(&pair, &pair.ana, body).unwrap()["count"].clone()
    };
    assert_eq!(count(json!({"field": null})), 4);
    assert_eq!(count(json!({"document_id": "e1"})), 1);
    assert_eq!(count(json!({"document_id": "é"})), 0);
    assert_eq!(count(json!({"field": "/tit"})), 0);
    assert_eq!(count(json!({"kind": "delete_edit"})), 0);
    assert_eq!(count(json!({"collection": "songs", "field": "/name"})), 0, "Bo's to answer");
    assert_eq!(count(json!({"who": id(77)})), 0);
    assert_eq!(count(json!({"opened_after": "2026-06-20T14:00:00.002Z"})), 1);
    assert_eq!(count(json!({"opened_before": "2026-06-20T14:00:00.002Z"})), 2);
    let misspelt =
        json!({"filter": {"space_id": pair.space, "collection": "events", "kind": "fields", "feild": "/title"}, "choose": "ours"});
    assert!(serde_json::from_value::<sync_core::protocol::v1::inbox::AnswerAllRequest>(misspelt).is_err());
    let foreign = pair.world.caller("cy@example.org");
    assert_eq!(refused(answer_all(&pair, &foreign, titles(&pair, json!({"op_id": id(91)})))), Code::UnknownSpace);
    assert_eq!(refused(answer_all(&pair, &pair.ana, titles(&pair, json!({})))), Code::Malformed, "an op_id is needed");
}

#[test]
fn groups_are_answered_as_wholes() {
    let pair = Pair::new(None);
    for n in 0..2_u32 {
        let document = format!("d{n}");
        pair.one(&pair.ana, op(10 * n + 1, "create", &document, 0, json!({"t": 0})));
        edit(&pair, &pair.ana, 10 * n + 2, ("notes", &document), json!({"t": 1}));
        let mut grouped = op(10 * n + 3, "update", &document, i64::from(3 * n) + 1, json!({"t": 2}));
        grouped["group"] = json!(format!("g{n}"));
        assert_eq!(pair.one(&pair.bo, grouped)["status"], "conflict");
    }
    let filter = json!({"space_id": pair.space, "collection": "notes", "kind": "group"});
    let told = answer_all(&pair, &pair.bo, json!({"filter": filter, "choose": "theirs", "op_id": id(90)})).unwrap();
    assert_eq!((&told["count"], &told["results"][1]["status"]), (&json!(2), &json!("applied")), "{told}");
    assert_eq!(pair.read(&pair.ana, "notes", "d1")["t"], 2);
}

#[test]
fn more_than_one_request_carries_are_answered_in_several() {
    let pair = at_a_party();
    let documents = 520_u32;
    let operation =
        |n: u32, kind: &str, base: i64, title: &str| of("events", op(n, kind, &format!("e{}", n % 1_000), base, json!({"title": title})));
    pair.push(&pair.ana, (0..documents).map(|n| operation(n, "create", 0, "0")).collect());
    let made = i64::from(documents);
    pair.push(&pair.ana, (0..documents).map(|n| operation(1_000 + n, "update", made, "1")).collect());
    let asked = pair.push(&pair.bo, (0..documents).map(|n| operation(2_000 + n, "update", made, "2")).collect());
    assert!(asked.iter().all(|result| result["status"] == "conflict"));
    let first = answer_all(&pair, &pair.ana, titles(&pair, json!({"op_id": id(9_000)}))).unwrap();
    assert_eq!((&first["count"], first["next"].is_string()), (&json!(500), true));
    let rest = answer_all(&pair, &pair.ana, titles(&pair, json!({"op_id": id(9_001), "after": first["next"]}))).unwrap();
    assert_eq!((&rest["count"], rest.get("next")), (&json!(20), None));
    assert_eq!(open(&pair), 0);
    assert_eq!(answer_all(&pair, &pair.ana, titles(&pair, json!({"op_id": id(9_000)}))).unwrap()["next"], first["next"]);
}
