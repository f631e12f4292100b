//! Answers taken back.

use serde_json::{Value, json};
use sync_core::Code;

use crate::inbox::{at_a_party, detail, disputed, edit, of};
use crate::sync::{Pair, id, op, told, with};
use crate::world::{now, refused};

fn undo(pair: &Pair, n: u32, conflict: &Value) -> sync_service::ServiceResult<Value> {
    let undone = now(pair.world.service.undo_answer(&pair.ana, conflict.as_str().unwrap().parse().unwrap(), id(n).parse().unwrap()))?;
    Ok(serde_json::to_value(undone).unwrap())
}

fn asked() -> (Pair, Value) {
    let pair = at_a_party();
    let values = [json!({"title": "0", "notes": "0"}), json!({"title": "1", "notes": "1"}), json!({"title": "2", "notes": "2"})];
    let asked = disputed(&pair, 1, "events", "e", values);
    (pair, asked)
}

fn answer(pair: &Pair, n: u32, asked: &Value, fields: Value) -> Value {
    pair.resolve(&pair.ana, n, &pair.conflict(&pair.ana, asked), json!({"fields": fields}))
}

#[test]
fn what_stood_before_comes_back_and_the_question_with_it() {
    for choice in [
        json!({"choose": "theirs"}),
        json!({"choose": "base"}),
        json!({"choose": "value", "value": "9"}),
        json!({"choose": "value", "value": null}),
    ] {
        let (pair, asked) = asked();
        assert_eq!(told(&answer(&pair, 9, &asked, json!({"/title": choice, "/notes": {"choose": "ours"}}))).0, "applied");
        let undone = undo(&pair, 10, &asked).unwrap();
        assert_eq!((&undone["result"]["status"], &undone["result"]["document"]["title"]), (&json!("applied"), &json!("1")), "{choice}");
        assert!(undone["result"]["decided_version"].is_i64());
        let conflict = pair.conflict(&pair.ana, &asked);
        assert_eq!((&conflict["state"], conflict.get("resolved_by")), (&json!("open"), None));
        let field = &conflict["fields"]["/title"];
        assert_eq!((&field["ours"], &field["theirs"], field.get("decided")), (&json!("1"), &json!("2"), None));
        // it is a question like any other again
        edit(&pair, &pair.ana, 11, ("events", "e"), json!({"title": "7"}));
        assert_eq!(pair.conflict(&pair.ana, &asked)["fields"]["/title"]["ours"], "7");
        assert_eq!(told(&answer(&pair, 12, &asked, json!({"/title": {"choose": "theirs"}}))).0, "applied");
    }
}

#[test]
fn the_last_answer_is_taken_back_first() {
    let (pair, asked) = asked();
    answer(&pair, 9, &asked, json!({"/title": {"choose": "theirs"}}));
    pair.world.clock.advance_ms(1);
    answer(&pair, 10, &asked, json!({"/notes": {"choose": "theirs"}}));
    undo(&pair, 11, &asked).unwrap();
    assert_eq!(pair.read(&pair.ana, "events", "e"), json!({"title": "2", "notes": "1"}));
    undo(&pair, 12, &asked).unwrap();
    assert_eq!(pair.read(&pair.ana, "events", "e"), json!({"title": "1", "notes": "1"}));
    assert_eq!(refused(undo(&pair, 13, &asked)), Code::NothingToUndo);
}

#[test]
fn it_is_done_once_however_often_it_is_sent() {
    let (pair, asked) = asked();
    answer(&pair, 9, &asked, json!({"/title": {"choose": "theirs"}, "/notes": {"choose": "ours"}}));
    let first = undo(&pair, 10, &asked).unwrap();
    let again = undo(&pair, 10, &asked).unwrap();
    assert_eq!((&again["result"]["status"], &again["result"]["was"]), (&json!("duplicate"), &json!("applied")));
    assert_eq!(again["result"]["decided_version"], first["result"]["decided_version"]);
    assert_eq!(refused(undo(&pair, 9, &asked)), Code::OpIdReuse);
    // offline it is an ordinary answer
    let conflict = pair.conflict(&pair.ana, &asked);
    answer(&pair, 11, &asked, json!({"/title": {"choose": "theirs"}}));
    let queued = pair.resolve(&pair.ana, 12, &conflict, json!({"undo": true}));
    assert_eq!((told(&queued).0, &queued["document"]["title"]), ("applied", &json!("1")));
    assert_eq!(told(&pair.resolve(&pair.ana, 13, &conflict, json!({"undo": true, "choose": "ours"}))), ("rejected", "malformed"));
}

#[test]
fn what_was_changed_since_is_not_overwritten() {
    let (pair, asked) = asked();
    answer(&pair, 9, &asked, json!({"/title": {"choose": "theirs"}, "/notes": {"choose": "ours"}}));
    edit(&pair, &pair.bo, 10, ("events", "e"), json!({"title": "bo", "notes": "bo"}));
    let problem = undo(&pair, 11, &asked).unwrap_err().problem();
    assert_eq!(problem.code, Code::ChangedSince);
    assert!(problem.detail.contains("Title") && problem.detail.contains("bo wrote"), "{}", problem.detail);
    assert_eq!(pair.conflict(&pair.ana, &asked)["state"], "resolved");
    // an answer that changed nothing stands in nobody's way
    let (pair, asked) = self::asked();
    answer(&pair, 9, &asked, json!({"/title": {"choose": "ours"}, "/notes": {"choose": "ours"}}));
    edit(&pair, &pair.bo, 10, ("events", "e"), json!({"title": "bo"}));
    assert_eq!(undo(&pair, 11, &asked).unwrap()["conflict"]["fields"]["/title"]["ours"], "bo");
}

#[test]
fn only_those_who_may_answer_take_back() {
    let (pair, asked) = asked();
    answer(&pair, 9, &asked, json!({"/title": {"choose": "theirs"}}));
    let conflict = pair.conflict(&pair.bo, &asked);
    assert_eq!(told(&pair.resolve(&pair.bo, 10, &conflict, json!({"undo": true}))), ("rejected", "not_asked"));
    let cy = pair.world.caller("cy@example.org");
    let foreign = now(pair.world.service.undo_answer(&cy, asked.as_str().unwrap().parse().unwrap(), id(11).parse().unwrap()));
    assert_eq!(refused(foreign), Code::UnknownConflict);
}

#[test]
fn a_deletion_that_was_chosen_is_undone() {
    let pair = at_a_party();
    let base = pair.one(&pair.ana, of("events", op(1, "create", "e", 0, json!({"title": "0"}))))["version"].as_i64().unwrap();
    pair.one(&pair.ana, of("events", op(2, "update", "e", base, json!({"title": "1"}))));
    let asked = pair.one(&pair.bo, of("events", op(3, "delete", "e", base, Value::Null)))["conflict_id"].clone();
    let told_of = detail(&pair, &pair.ana, &asked);
    let consequences = &told_of["fields"][""]["consequences"];
    assert_eq!((&consequences["ours"], &consequences["theirs"]), (&json!("“1” stays as it is"), &json!("“1” is deleted")));
    answer(&pair, 9, &asked, json!({"": {"choose": "theirs"}}));
    assert_eq!(pair.read(&pair.ana, "events", "e"), Value::Null);
    undo(&pair, 10, &asked).unwrap();
    assert_eq!(pair.read(&pair.ana, "events", "e"), json!({"title": "1"}));
    assert_eq!(pair.conflict(&pair.ana, &asked)["state"], "open");
}

#[test]
fn a_group_is_taken_back_as_a_whole() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 0, "u": 0})), op(2, "create", "b", 0, json!({"t": 0}))]));
    pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": "ana"})));
    let grouped = |n, kind: &str, document, base, patch| with(op(n, kind, document, base, patch), json!({"group": "g1"}));
    let results = pair.push(
        &pair.bo,
        json!([
            grouped(4, "update", "a", 1, json!({"t": "bo", "u": 1})),
            grouped(5, "update", "b", 2, json!({"t": "bo"})),
            grouped(6, "create", "c", 0, json!({"t": "bo"}))
        ]),
    );
    let asked = results[0]["conflict_id"].clone();
    let decide = |n| pair.resolve(&pair.ana, n, &pair.conflict(&pair.ana, &asked), json!({"choose": "theirs"}));
    assert_eq!(told(&decide(9)).0, "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "c"), json!({"t": "bo"}));
    let undone = undo(&pair, 10, &asked).unwrap();
    assert_eq!(undone["conflict"]["state"], "open");
    let now_of = |document| pair.read(&pair.ana, "notes", document);
    assert_eq!([now_of("a"), now_of("b"), now_of("c")], [json!({"t": "ana", "u": 0}), json!({"t": 0}), Value::Null]);
    // decided once more, and then somebody went on from it
    assert_eq!(told(&decide(11)).0, "applied");
    edit(&pair, &pair.ana, 12, ("notes", "b"), json!({"t": "more"}));
    assert_eq!(refused(undo(&pair, 13, &asked)), Code::ChangedSince);
    assert_eq!(now_of("a"), json!({"t": "bo", "u": 1}), "nothing of it happened");
}
