//! Groups: all or nothing.

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, statuses, told, with};

fn grouped(group: &str, operation: Value) -> Value {
    with(operation, json!({"group": group}))
}

/// Documents `a` and `b` at 1 and 2.
fn two() -> Pair {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": 0, "u": 0})), op(2, "create", "b", 0, json!({"t": 0, "u": 0}))]));
    pair
}

/// Bo's group over both, where Ana changed `a` before.
fn disputed() -> (Pair, Vec<Value>) {
    let pair = two();
    pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": "ana"})));
    let results = pair.push(
        &pair.bo,
        json!([
            grouped("g", op(4, "update", "a", 1, json!({"t": "bo"}))),
            grouped("g", op(5, "update", "b", 2, json!({"t": "bo"}))),
            grouped("g", op(6, "create", "c", 0, json!({"t": "bo"}))),
            grouped("g", op(7, "update", "c", 0, json!({"u": "bo"}))),
        ]),
    );
    (pair, results)
}

#[test]
fn versions_are_consecutive_whatever_waits_about_the_documents() {
    let pair = two();
    pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": "ana"})));
    let asked = pair.one(&pair.bo, op(4, "update", "a", 1, json!({"t": "bo"})));
    let results = pair.push(
        &pair.ana,
        json!([
            grouped("g", op(5, "update", "a", 3, json!({"t": "newer"}))),
            grouped("g", op(6, "update", "b", 2, json!({"t": 1}))),
            op(7, "create", "z", 0, json!({})),
        ]),
    );
    assert_eq!(statuses(&results), ["applied"; 3]);
    assert_eq!(results[0]["version"].as_i64().unwrap() + 1, results[1]["version"].as_i64().unwrap());
    assert_eq!(pair.conflict(&pair.ana, &asked["conflict_id"])["fields"]["/t"]["ours"], "newer");
}

#[test]
fn one_refused_member_refuses_all() {
    let pair = two();
    let operations =
        json!([grouped("g", op(4, "update", "a", 1, json!({"t": 1}))), grouped("g", op(5, "update", "nowhere", 1, json!({})))]);
    let results = pair.push(&pair.ana, operations.clone());
    assert_eq!(results.iter().map(told).collect::<Vec<_>>(), [("rejected", "group_member"), ("rejected", "unknown_document")]);
    assert_eq!((&results[0]["problem"]["culprit"], &results[0]["held"], &results[0]["version"]), (&json!(id(5)), &json!(true), &json!(1)));
    assert_eq!(pair.read(&pair.ana, "notes", "a")["t"], 0);
    assert!(pair.push(&pair.ana, operations).iter().all(|result| result["was"] == "rejected"));
    // a member that can't be stored leaves all ids free
    let broken = json!([
        grouped("h", op(6, "update", "a", 1, json!({"t": 1}))),
        with(grouped("h", op(7, "update", "b", 2, json!({"t": 1}))), json!({"kind": "x"}))
    ]);
    let results = pair.push(&pair.ana, broken);
    assert_eq!(
        results.iter().map(|result| (told(result).1, result["held"].as_bool().unwrap())).collect::<Vec<_>>(),
        [("group_member", false), ("malformed", false)]
    );
    let good = json!([grouped("h", op(6, "update", "a", 1, json!({"t": 1}))), grouped("h", op(7, "update", "b", 2, json!({"t": 1})))]);
    assert_eq!(statuses(&pair.push(&pair.ana, good)), ["applied", "applied"]);
}

#[test]
fn a_member_that_waits_keeps_all_waiting() {
    let pair = two();
    let waits = with(grouped("g", op(4, "update", "a", 1, json!({"t": 1}))), json!({"depends_on": [id(99)]}));
    let results = pair.push(&pair.ana, json!([waits, grouped("g", op(5, "update", "b", 2, json!({"t": 1})))]));
    assert_eq!(statuses(&results), ["waiting", "waiting"]);
    let results =
        pair.push(&pair.ana, json!([op(99, "create", "x", 0, json!({})), waits, grouped("g", op(5, "update", "b", 2, json!({"t": 1})))]));
    assert_eq!(statuses(&results), ["applied", "applied", "applied"]);
}

#[test]
fn members_may_need_each_other_in_any_order() {
    let pair = two();
    let results = pair.push(
        &pair.ana,
        json!([
            with(grouped("g", op(4, "update", "n", 0, json!({"t": 2}))), json!({"after": id(6)})),
            with(grouped("g", op(5, "update", "a", 1, json!({"t": 1}))), json!({"depends_on": [id(4)]})),
            grouped("g", op(6, "create", "n", 0, json!({"t": 1}))),
        ]),
    );
    assert_eq!(statuses(&results), ["applied"; 3]);
    assert_eq!(pair.read(&pair.ana, "notes", "n")["t"], 2);
}

#[test]
fn a_group_comes_once_and_stays_in_one_space() {
    let pair = two();
    pair.push(&pair.ana, json!([grouped("g", op(4, "update", "a", 1, json!({"t": 1})))]));
    let late = pair.one(&pair.ana, grouped("g", op(5, "update", "b", 2, json!({"t": 1}))));
    assert_eq!((told(&late), &late["held"]), (("rejected", "group_closed"), &json!(true)));
    // a group id is its user's
    assert_eq!(told(&pair.one(&pair.bo, grouped("g", op(6, "update", "b", 2, json!({"t": 1}))))).0, "applied");
    let elsewhere = with(grouped("h", op(7, "create", "x", 0, json!({}))), json!({"space_id": pair.second_space()}));
    let results = pair.push(&pair.ana, json!([grouped("h", op(8, "update", "a", 1, json!({"u": 1}))), elsewhere]));
    assert_eq!(results.iter().map(told).collect::<Vec<_>>(), [("rejected", "group_spaces"); 2]);
}

#[test]
fn a_disputed_field_asks_about_the_whole() {
    let (pair, results) = disputed();
    assert_eq!(statuses(&results), ["conflict"; 4]);
    assert!(results.iter().all(|result| result["conflict_id"] == results[0]["conflict_id"] && result.get("decided_version").is_none()));
    assert_eq!((&pair.read(&pair.ana, "notes", "b")["t"], &pair.read(&pair.ana, "notes", "c")), (&json!(0), &Value::Null));
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    assert_eq!((conflict["kind"].as_str(), conflict["fields"].as_object().unwrap().len()), (Some("group"), 0));
    let parts: Vec<_> = conflict["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["op_id"].clone(), part["fields"].as_object().unwrap().len()))
        .collect();
    assert_eq!(parts, [(json!(id(4)), 1), (json!(id(5)), 0), (json!(id(6)), 0), (json!(id(7)), 0)]);
    let fields = json!({"fields": {"/t": {"choose": "ours"}}});
    assert_eq!(told(&pair.resolve(&pair.ana, 20, &conflict, fields)), ("rejected", "malformed"));
}

#[test]
fn both_decisions_of_a_group() {
    for (choose, a, b, c) in
        [("ours", json!("ana"), json!(0), Value::Null), ("theirs", json!("bo"), json!("bo"), json!({"t": "bo", "u": "bo"}))]
    {
        let (pair, results) = disputed();
        let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
        let answer = pair.resolve(&pair.ana, 20, &conflict, json!({"choose": choose}));
        assert_eq!((told(&answer).0, &answer["document"]["t"]), ("applied", &a), "{answer}");
        assert!(answer["decided_version"].is_i64());
        assert_eq!((&pair.read(&pair.bo, "notes", "b")["t"], &pair.read(&pair.bo, "notes", "c")), (&b, &c));
        // it is closed, for every document, those that were never made too
        for (filter, count) in [(sync_service::ConflictFilter::Open, 0), (sync_service::ConflictFilter::Resolved, 1)] {
            let query = sync_service::ConflictQuery { state: filter, ..Default::default() };
            assert_eq!(crate::world::now(pair.world.service.list_conflicts(&pair.ana, query)).unwrap().items.len(), count, "{choose}");
        }
        let again = pair.resolve(&pair.ana, 21, &conflict, json!({"choose": "theirs"}));
        assert_eq!((told(&again).0, &again["document"]["t"]), ("noop", &a));
    }
}

#[test]
fn what_others_changed_since_is_not_overwritten_unseen() {
    let (pair, results) = disputed();
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    // a field of the group that was not disputed before
    pair.one(&pair.ana, op(8, "update", "b", 2, json!({"t": "ana too"})));
    let answer = pair.resolve(&pair.ana, 20, &conflict, json!({"choose": "theirs"}));
    assert_eq!(told(&answer).0, "conflict");
    assert_eq!(pair.read(&pair.ana, "notes", "b")["t"], "ana too");
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    let field = &conflict["documents"][1]["fields"]["/t"];
    assert_eq!((&field["ours"], &field["theirs"]), (&json!("ana too"), &json!("bo")));
    assert_eq!(told(&pair.resolve(&pair.ana, 21, &conflict, json!({"choose": "theirs"}))).0, "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "b")["t"], "bo");
}

#[test]
fn a_document_that_a_waiting_group_would_have_made_counts_its_question() {
    let (pair, results) = disputed();
    pair.one(&pair.ana, op(8, "create", "c", 0, json!({"t": "ana"})));
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    assert_eq!(told(&pair.resolve(&pair.ana, 20, &conflict, json!({"choose": "ours"}))).0, "applied");
    // the counter is back at nothing: a later conflict opens and closes as ever
    pair.one(&pair.ana, op(9, "update", "c", 6, json!({"t": "ana 2"})));
    let asked = pair.one(&pair.bo, op(10, "update", "c", 1, json!({"t": "bo"})));
    let conflict = pair.conflict(&pair.ana, &asked["conflict_id"]);
    pair.one(&pair.ana, op(11, "update", "c", 99, json!({"t": "ana 3"})));
    assert_eq!(told(&pair.resolve(&pair.ana, 21, &conflict, json!({"fields": {"/t": {"choose": "ours"}}}))).0, "applied");
}

#[test]
fn the_chain_goes_on_after_a_group_that_waits() {
    let (pair, _) = disputed();
    let next = with(op(8, "update", "b", 2, json!({"u": "bo"})), json!({"after": id(5)}));
    assert_eq!(told(&pair.one(&pair.bo, next)).0, "applied");
    let deleted = with(op(9, "delete", "b", 2, Value::Null), json!({"after": id(8)}));
    assert_eq!(told(&pair.one(&pair.bo, deleted)).0, "applied", "nobody else changed anything in b");
}

#[test]
fn what_only_waits_with_its_group_is_in_nobodys_way() {
    // whether the reply came or not, nobody else changed b.t
    let (pair, _) = disputed();
    let next = with(op(8, "update", "b", 2, json!({"t": "bo 2"})), json!({"after": id(5)}));
    assert_eq!(told(&pair.one(&pair.bo, next)).0, "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "b")["t"], "bo 2");
    // once the group is decided for theirs, the chain goes on from there
    let (pair, results) = disputed();
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    pair.resolve(&pair.ana, 20, &conflict, json!({"choose": "theirs"}));
    for (n, document, base, after) in [(8, "b", 2, 5), (9, "c", 0, 7)] {
        let next = pair.one(&pair.bo, with(op(n, "update", document, base, json!({"t": "bo 2"})), json!({"after": id(after)})));
        assert_eq!(told(&next).0, "applied", "{document}");
        assert_eq!(pair.read(&pair.ana, "notes", document)["t"], "bo 2");
    }
}

#[test]
fn an_edit_of_what_a_waiting_group_would_make_is_kept() {
    let (pair, _) = disputed();
    let next = pair.one(&pair.bo, with(op(8, "update", "c", 0, json!({"t": "bo 2"})), json!({"after": id(7)})));
    assert_eq!((told(&next).0, &next["held"]), ("quarantined", &json!(true)));
}

#[test]
fn single_operations_between_a_groups_members_come_after_it() {
    let pair = two();
    let results = pair.push(
        &pair.ana,
        json!([
            grouped("g", op(4, "update", "a", 1, json!({"t": 1}))),
            op(5, "update", "a", 1, json!({"t": 2})),
            grouped("g", op(6, "update", "a", 1, json!({"u": 3}))),
        ]),
    );
    assert_eq!(statuses(&results), ["applied"; 3]);
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"t": 2, "u": 3}));
}

/// Bo's group is decided for what Bo sent; gives the document `a` then.
fn decided_for_bo(pair: &Pair, results: &[Value]) -> Value {
    let asked = results.last().unwrap();
    assert_eq!(told(asked).0, "conflict", "{results:?}");
    let conflict = pair.conflict(&pair.ana, &asked["conflict_id"]);
    assert_eq!(told(&pair.resolve(&pair.ana, 30, &conflict, json!({"choose": "theirs"}))).0, "applied");
    pair.read(&pair.ana, "notes", "a")
}

#[test]
fn a_member_that_goes_back_to_the_base_counts_when_its_group_is_decided() {
    // after another member of the group
    let pair = two();
    pair.one(&pair.ana, op(3, "update", "b", 2, json!({"t": "ana"})));
    let results = pair.push(
        &pair.bo,
        json!([
            grouped("g", op(4, "update", "a", 1, json!({"t": "done", "u": 1}))),
            grouped("g", op(5, "update", "a", 1, json!({"t": 0}))),
            grouped("g", op(6, "update", "b", 2, json!({"t": "bo"}))),
        ]),
    );
    assert_eq!(decided_for_bo(&pair, &results), json!({"t": 0, "u": 1}));
    // after an operation of its own, in the same request and in an earlier one
    for together in [true, false] {
        let pair = two();
        pair.one(&pair.ana, op(3, "update", "a", 1, json!({"u": "ana"})));
        let first = op(4, "update", "a", 1, json!({"t": "B"}));
        let member = grouped("g", with(op(5, "update", "a", 1, json!({"t": 0, "u": "bo"})), json!({"after": id(4)})));
        let results = if together {
            pair.push(&pair.bo, json!([first, member]))
        } else {
            pair.one(&pair.bo, first);
            pair.push(&pair.bo, json!([member]))
        };
        assert_eq!(decided_for_bo(&pair, &results), json!({"t": 0, "u": "bo"}));
    }
}

#[test]
fn a_group_decided_for_theirs_keeps_what_others_changed_beside_it() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0, "o": {"x": 0, "y": 0}})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1, "o": {"y": "ana"}})));
    let results = pair.push(
        &pair.bo,
        json!([op(3, "update", "a", 1, json!({"o": {"x": 1}})), grouped("g", op(4, "update", "a", 1, json!({"t": 2, "o": {"x": 0}})))]),
    );
    assert_eq!(decided_for_bo(&pair, &results), json!({"t": 2, "o": {"x": 0, "y": "ana"}}));
}

#[test]
fn a_group_from_another_history_is_decided_over_no_base() {
    // what stands at that version here is not what its sender saw
    let pair = two();
    let member = |n, patch: Value| grouped("g", op(n, "update", "a", 1, patch));
    let body = json!({"epochs": {&pair.space: "another"}, "operations": [member(4, json!({"t": 0, "u": "bo"}))]});
    let results = pair.sync(&pair.bo, body)["results"].as_array().unwrap().clone();
    pair.one(&pair.ana, op(5, "update", "a", 1, json!({"t": "ana"})));
    let conflict = pair.conflict(&pair.ana, &results[0]["conflict_id"]);
    assert_eq!(told(&pair.resolve(&pair.ana, 29, &conflict, json!({"choose": "theirs"}))).0, "conflict", "not seen yet");
    assert_eq!(decided_for_bo(&pair, &results), json!({"t": 0, "u": "bo"}));
}

#[test]
fn a_large_group_whose_members_need_each_other_commits() {
    let pair = Pair::new(None);
    let member = |n: u32| {
        let needed: Vec<String> = (1..=n.min(32)).map(|back| id(1_000 + n - back)).collect();
        grouped("g", with(op(1_000 + n, "create", &format!("d{n}"), 0, json!({"n": n})), json!({"depends_on": needed})))
    };
    let results = pair.push(&pair.ana, json!((0..1_000).map(member).collect::<Vec<_>>()));
    assert!(results.iter().all(|result| result["status"] == "applied"));
}
