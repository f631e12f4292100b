//! Chains: nobody is ever in conflict with their own edits.

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, statuses, told, with};

fn after(n: u32, operation: Value) -> Value {
    with(operation, json!({"after": id(n)}))
}

/// Ana made `a` with `t` and `o` at 1.
fn made() -> Pair {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0, "o": {"x": 0, "y": 0}})));
    pair
}

#[test]
fn every_reply_may_be_lost() {
    let pair = made();
    for n in 2..6 {
        pair.one(&pair.ana, op(n + 20, "update", "a", i64::from(n * 2 - 3), json!({"other": n})));
        let result = pair.one(&pair.bo, after(n - 1, op(n, "update", "a", 1, json!({"t": n, "o": {"x": n}}))));
        // the first has no predecessor of Bo's own
        if n == 2 {
            assert_eq!(told(&result).0, "waiting", "another user's operation is as unknown as any");
            assert_eq!(told(&pair.one(&pair.bo, op(n, "update", "a", 1, json!({"t": n, "o": {"x": n}})))).0, "merged");
        } else {
            assert_eq!((told(&result).0, &result["document"]["t"]), ("merged", &json!(n)));
        }
    }
}

#[test]
fn a_base_that_is_newer_than_the_predecessors_result_counts() {
    let pair = made();
    // Ana changes o.y, Bo merges o.x over the old base and sees both in the answer
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"o": {"y": 5}})));
    let merged = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"o": {"x": 5}, "t": 1})));
    assert_eq!((told(&merged).0, &merged["version"]), ("merged", &json!(3)));
    let next = pair.one(&pair.bo, after(3, op(4, "update", "a", 3, json!({"o": {"y": 6}}))));
    assert_eq!((told(&next).0, &next["version"]), ("applied", &json!(4)));
    // the same where the predecessor found nothing to change, or asked about something else
    pair.one(&pair.ana, op(5, "update", "a", 4, json!({"o": {"y": 7}, "t": 2})));
    let asked = pair.one(&pair.bo, after(4, op(6, "update", "a", 4, json!({"o": {"x": 7}, "t": 3}))));
    assert_eq!((told(&asked).0, &asked["version"]), ("conflict", &json!(6)));
    let next = pair.one(&pair.bo, after(6, op(7, "update", "a", 6, json!({"o": {"y": 8}}))));
    assert_eq!((told(&next).0, &next["document"]["o"]), ("merged", &json!({"x": 7, "y": 8})));
}

#[test]
fn a_noop_predecessor_is_seen_at_the_documents_version() {
    let pair = made();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"o": {"x": 1, "y": 1}})));
    pair.one(&pair.ana, op(3, "create", "b", 0, json!({})));
    let noop = pair.one(&pair.bo, op(4, "update", "a", 1, json!({"o": {"x": 1}})));
    assert_eq!((told(&noop).0, &noop["version"]), ("noop", &json!(2)));
    let next = pair.one(&pair.bo, after(4, op(5, "update", "a", 2, json!({"o": {"y": 2}}))));
    assert_eq!(told(&next), ("applied", ""));
}

#[test]
fn a_second_edit_of_a_disputed_field_joins_the_conflict() {
    for seen in [1, 2] {
        let pair = made();
        pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": "ana"})));
        let first = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": "bo"})));
        let second = pair.one(&pair.bo, after(3, op(4, "update", "a", seen, json!({"t": "bo again", "u": 1}))));
        assert_eq!((told(&second).0, &second["conflict_id"]), ("conflict", &first["conflict_id"]));
        assert_eq!((&second["document"]["t"], &second["document"]["u"]), (&json!("ana"), &json!(1)));
        let conflict = pair.conflict(&pair.ana, &first["conflict_id"]);
        let field = &conflict["fields"]["/t"];
        assert_eq!((&field["base"], &field["ours"], &field["theirs"]), (&json!(0), &json!("ana"), &json!("bo again")));
        // an answer to what stood before is stale
        let stale = json!({"conflict_id": first["conflict_id"], "version": conflict["version"].as_i64().unwrap() - 1});
        let answer = pair.resolve(&pair.ana, 9, &stale, json!({"fields": {"/t": {"choose": "theirs"}}}));
        assert_eq!((told(&answer).0, &answer["document"]["t"]), ("conflict", &json!("ana")));
        // going over to what is live settles it
        let third = pair.one(&pair.bo, after(4, op(5, "update", "a", seen, json!({"t": "ana"}))));
        assert_eq!(told(&third).0, "noop");
        assert_eq!(pair.conflict(&pair.ana, &first["conflict_id"])["state"], "resolved");
    }
}

#[test]
fn without_after_the_request_itself_is_the_chain() {
    let pair = made();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": "ana"})));
    let results = pair.push(
        &pair.bo,
        json!([
            op(3, "update", "a", 1, json!({"t": "bo", "n": 1})),
            op(4, "update", "a", 1, json!({"n": 2})),
            op(5, "update", "a", 1, json!({"t": "bo 2", "n": 3})),
            op(6, "delete", "a", 1, Value::Null),
        ]),
    );
    assert_eq!(statuses(&results), ["conflict", "merged", "conflict", "conflict"]);
    assert_eq!(results[0]["conflict_id"], results[2]["conflict_id"]);
    assert_ne!(results[0]["conflict_id"], results[3]["conflict_id"], "the deletion is another question");
    assert_eq!(pair.conflict(&pair.ana, &results[3]["conflict_id"])["kind"], "delete_edit");
    // another request without `after` is another chain
    let alone = pair.one(&pair.bo, op(7, "update", "a", 1, json!({"n": 4})));
    assert_eq!(told(&alone).0, "conflict");
}

#[test]
fn one_may_delete_after_ones_own_edits_and_edit_after_ones_own_deletion() {
    let pair = made();
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"t": 1})));
    assert_eq!(told(&pair.one(&pair.bo, after(2, op(3, "delete", "a", 1, Value::Null)))).0, "applied");
    let back = pair.one(&pair.bo, after(3, op(4, "update", "a", 1, json!({"t": 2}))));
    assert_eq!((told(&back).0, &back["document"]), ("applied", &json!({"t": 2, "o": {"x": 0, "y": 0}})));
    // somebody else's deletion after that is another matter
    pair.one(&pair.ana, op(5, "delete", "a", 4, Value::Null));
    assert_eq!(told(&pair.one(&pair.bo, after(4, op(6, "update", "a", 4, json!({"t": 3}))))).0, "conflict");
    // and so is one after one's own deletion was undone
    pair.one(&pair.ana, op(7, "create", "b", 0, json!({"t": 0})));
    let version = pair.one(&pair.bo, op(8, "delete", "b", 99, Value::Null));
    assert_eq!(told(&version).0, "conflict");
}

#[test]
fn a_deletion_that_was_undone_and_repeated_by_others_is_not_ones_own() {
    let pair = made();
    pair.one(&pair.bo, op(2, "delete", "a", 1, Value::Null));
    pair.one(&pair.ana, op(3, "restore", "a", 2, Value::Null));
    pair.one(&pair.ana, op(4, "delete", "a", 3, Value::Null));
    assert_eq!(told(&pair.one(&pair.bo, after(2, op(5, "update", "a", 1, json!({"t": 3}))))).0, "conflict");
}

#[test]
fn a_deletion_after_a_conflict_that_was_seen_applies() {
    let pair = made();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": "ana"})));
    let asked = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": "bo"})));
    assert_eq!(asked["version"], 2);
    assert_eq!(told(&pair.one(&pair.bo, after(3, op(4, "delete", "a", 2, Value::Null)))).0, "applied");
}

#[test]
fn a_chain_that_changes_its_mind_takes_its_question_back() {
    // edited what was deleted, then deleted it too
    let pair = made();
    pair.one(&pair.ana, op(2, "delete", "a", 1, Value::Null));
    let asked = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": 1})));
    assert_eq!(told(&pair.one(&pair.bo, after(3, op(4, "delete", "a", 1, Value::Null)))).0, "noop");
    assert_eq!(pair.conflict(&pair.ana, &asked["conflict_id"])["state"], "resolved");
    // deleted what was edited, then edited on
    let pair = made();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})));
    let asked = pair.one(&pair.bo, op(3, "delete", "a", 1, Value::Null));
    assert_eq!(told(&asked).0, "conflict");
    assert_eq!(told(&pair.one(&pair.bo, after(3, op(4, "update", "a", 1, json!({"u": 1}))))).0, "merged");
    assert_eq!(pair.conflict(&pair.ana, &asked["conflict_id"])["state"], "resolved");
    // a second edit of what was deleted joins
    let pair = made();
    pair.one(&pair.ana, op(2, "delete", "a", 1, Value::Null));
    let first = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": 1})));
    let second = pair.one(&pair.bo, after(3, op(4, "update", "a", 1, json!({"u": 1}))));
    assert_eq!(first["conflict_id"], second["conflict_id"]);
    assert_eq!(pair.conflict(&pair.ana, &first["conflict_id"])["fields"][""]["theirs"], json!({"t": 1, "u": 1, "o": {"x": 0, "y": 0}}));
}

#[test]
fn a_chain_may_make_anew_what_it_deleted() {
    let pair = made();
    let results = pair.push(
        &pair.bo,
        json!([
            op(2, "update", "a", 1, json!({"t": "bo"})),
            op(3, "delete", "a", 1, Value::Null),
            op(4, "create", "a", 0, json!({"u": 1})),
            op(5, "update", "a", 1, json!({"t": "again", "o": {"y": 1}})),
            op(6, "delete", "a", 1, Value::Null),
        ]),
    );
    assert_eq!(statuses(&results), ["applied"; 5], "{results:?}");
    assert_eq!(told(&pair.one(&pair.bo, after(6, op(7, "restore", "a", 1, json!({"u": 2}))))).0, "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"t": "again", "o": {"y": 1}, "u": 2}));
}

#[test]
fn nested_members_of_a_chain_are_laid_over_one_by_one() {
    let pair = made();
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"o": {"x": "ana", "y": 1}})));
    let first = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"o": {"x": "bo", "z": 1}})));
    assert_eq!((told(&first).0, &first["version"], &first["document"]["o"]), ("conflict", &json!(3), &json!({"x": "ana", "y": 1, "z": 1})));
    // what Bo saw with that answer is theirs to change; what waits goes on waiting
    let second = pair.one(&pair.bo, after(3, op(4, "update", "a", 3, json!({"o": {"y": 2, "z": 2}}))));
    assert_eq!((told(&second).0, &second["document"]["o"]), ("merged", &json!({"x": "ana", "y": 2, "z": 2})));
    let conflict = pair.conflict(&pair.ana, &first["conflict_id"]);
    assert_eq!((conflict["state"].as_str(), &conflict["fields"]["/o/x"]["theirs"]), (Some("open"), &json!("bo")));
}

#[test]
fn refused_predecessors_are_left_out() {
    let pair = Pair::new(Some("wedding"));
    let event = |operation| with(operation, json!({"collection": "timeline_events"}));
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"title": "0"}))));
    let results = pair.push(
        &pair.ana,
        json!([
            event(op(2, "update", "e", 1, json!({"title": "1"}))),
            event(op(3, "update", "e", 1, json!({"title": "2", "anchor": "soft"}))),
            event(op(4, "update", "e", 1, json!({"title": "3"}))),
        ]),
    );
    assert_eq!(statuses(&results), ["applied", "rejected", "applied"]);
    let next = pair.one(&pair.ana, event(after(3, op(5, "update", "e", 1, json!({"title": "4"})))));
    assert_eq!(told(&next).0, "conflict", "after the refused one comes what was there before it: 1, not 3");
}

#[test]
fn after_a_refused_creation_all_is_refused() {
    let pair = Pair::new(Some("wedding"));
    let event = |operation| with(operation, json!({"collection": "timeline_events"}));
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"anchor": "soft"}))));
    assert_eq!(
        told(&pair.one(&pair.ana, event(after(1, op(2, "update", "e", 0, json!({"title": "1"})))))),
        ("rejected", "predecessor_rejected")
    );
    let third = pair.one(&pair.ana, event(after(2, op(3, "update", "e", 0, json!({"title": "2"})))));
    assert_eq!((told(&third), &third["problem"]["culprit"]), (("rejected", "predecessor_rejected"), &json!(id(2))));
}

#[test]
fn an_edit_waits_for_a_creation_that_was_not_taken() {
    let pair = Pair::new(None);
    let create = op(1, "create", "a", 0, json!({"t": 1}));
    let edit = op(2, "update", "a", 0, json!({"t": 2}));
    let results = pair.push(&pair.ana, json!([with(create.clone(), json!({"digest": "torn"})), edit]));
    assert_eq!(statuses(&results), ["rejected", "waiting"]);
    assert_eq!(statuses(&pair.push(&pair.ana, json!([create, edit]))), ["applied", "applied"]);
    // one whose id was used for something else
    let results = pair.push(&pair.ana, json!([op(1, "create", "b", 0, json!({"t": 1})), op(3, "update", "b", 0, json!({"t": 2}))]));
    assert_eq!(statuses(&results), ["rejected", "waiting"]);
}

#[test]
fn after_names_ones_own_operation_on_the_same_document() {
    let pair = made();
    pair.one(&pair.ana, op(2, "create", "b", 0, json!({})));
    let wrong = pair.one(&pair.ana, after(2, op(3, "update", "a", 1, json!({"t": 1}))));
    assert_eq!((told(&wrong), &wrong["held"]), (("rejected", "malformed"), &json!(false)));
    let itself = pair.one(&pair.ana, after(4, op(4, "update", "a", 1, json!({"t": 1}))));
    assert_eq!(told(&itself), ("rejected", "dependency_cycle"));
    // the order in the request is free where `after` says it
    let results =
        pair.push(&pair.ana, json!([after(6, op(5, "update", "a", 1, json!({"t": 2}))), op(6, "update", "a", 1, json!({"t": 1}))]));
    assert_eq!(statuses(&results), ["applied", "applied"]);
    assert_eq!(pair.read(&pair.ana, "notes", "a")["t"], 2);
}

#[test]
fn a_long_offline_chain_of_one_document_is_fast() {
    let pair = made();
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"big": "x".repeat(50_000)})));
    let chain: Vec<Value> = (0..1_000).map(|n| op(100 + n, "update", "a", 1, json!({"t": n, format!("f{}", n % 50): n}))).collect();
    let results = pair.push(&pair.ana, json!(chain));
    assert!(results.iter().all(|result| result["status"] == "merged"));
    assert_eq!(pair.read(&pair.ana, "notes", "a")["t"], 999);
}
