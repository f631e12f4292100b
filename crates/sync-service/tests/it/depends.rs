//! `depends_on`: any order, across spaces, circles.

use serde_json::{Value, json};

use crate::sync::{Pair, id, op, statuses, told, with};

fn needs(operation: Value, on: &[u32]) -> Value {
    with(operation, json!({"depends_on": on.iter().map(|n| id(*n)).collect::<Vec<_>>()}))
}

#[test]
fn order_inside_a_request_is_free() {
    let pair = Pair::new(None);
    let results = pair.push(
        &pair.ana,
        json!([
            needs(op(1, "create", "a", 0, json!({})), &[2, 3]),
            needs(op(2, "create", "b", 0, json!({})), &[3]),
            op(3, "create", "c", 0, json!({})),
        ]),
    );
    assert_eq!(results.iter().map(|result| result["version"].as_i64().unwrap()).collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn what_is_sent_first_on_a_document_is_decided_first() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    // x pulls the second edit of `a` forward, and with it the first
    let results = pair.push(
        &pair.ana,
        json!([
            needs(op(2, "create", "x", 0, json!({})), &[5]),
            needs(op(3, "update", "a", 1, json!({"t": 1})), &[6]),
            op(5, "update", "a", 1, json!({"t": 2})),
            op(6, "create", "y", 0, json!({})),
        ]),
    );
    assert_eq!(statuses(&results), ["applied"; 4]);
    assert_eq!(pair.read(&pair.ana, "notes", "a")["t"], 2);
    // unless it says that it needs the later one
    let results =
        pair.push(&pair.ana, json!([needs(op(7, "update", "a", 1, json!({"t": 3})), &[8]), op(8, "update", "a", 1, json!({"t": 4}))]));
    assert!(results.iter().all(|result| result["status"] != "rejected"), "{results:?}");
}

#[test]
fn across_spaces_in_either_order() {
    let pair = Pair::new(None);
    let second = pair.second_space();
    let there = |operation| with(operation, json!({"space_id": second}));
    // there needs here, here needs there, with chains on both sides
    let results = pair.push(
        &pair.ana,
        json!([
            there(needs(op(1, "create", "a", 0, json!({"t": 1})), &[2])),
            op(2, "create", "a", 0, json!({"t": 1})),
            needs(op(3, "update", "a", 0, json!({"t": 2})), &[4]),
            there(op(4, "update", "a", 0, json!({"t": 2}))),
            there(needs(op(5, "update", "a", 0, json!({"t": 3})), &[3])),
            op(6, "update", "a", 0, json!({"t": 3})),
        ]),
    );
    assert_eq!(statuses(&results), ["applied"; 6], "{results:?}");
    assert_eq!(pair.read(&pair.ana, "notes", "a")["t"], 3);
}

#[test]
fn a_chain_goes_on_over_the_rounds_of_a_request() {
    let pair = Pair::new(None);
    let second = pair.second_space();
    pair.one(&pair.bo, op(1, "create", "a", 0, json!({"t": 0})));
    for (first, other) in [(&pair.space, &second), (&second, &pair.space)] {
        let n = if first == &second { 10 } else { 0 };
        pair.one(&pair.ana, with(op(n + 2, "create", "z", 0, json!({"t": 0})), json!({"space_id": first})));
        let results = pair.push(
            &pair.ana,
            json!([
                with(op(n + 3, "update", "z", 0, json!({"t": 1})), json!({"space_id": first, "after": id(n + 2)})),
                with(needs(op(n + 4, "update", "z", 0, json!({"t": 2})), &[n + 5]), json!({"space_id": first})),
                with(op(n + 5, "create", "w", 0, json!({})), json!({"space_id": other})),
            ]),
        );
        assert_eq!(statuses(&results), ["applied"; 3], "{results:?}");
    }
}

#[test]
fn what_satisfies_and_what_refuses() {
    let pair = Pair::new(None);
    pair.push(
        &pair.ana,
        json!([
            op(1, "create", "a", 0, json!({"t": 0})),
            op(2, "update", "a", 1, json!({"t": 1})),
            op(3, "update", "nowhere", 0, json!({}))
        ]),
    );
    pair.push(&pair.bo, json!([op(4, "update", "a", 1, json!({"t": 2})), op(5, "update", "a", 2, json!({"t": 1}))]));
    for (n, on, expected) in
        [(10, vec![4, 5], ("applied", "")), (11, vec![2], ("waiting", "not_here_yet")), (12, vec![99], ("waiting", "not_here_yet"))]
    {
        assert_eq!(told(&pair.one(&pair.bo, needs(op(n, "create", &format!("d{n}"), 0, json!({})), &on))), expected, "{n}");
    }
    let refused = pair.one(&pair.ana, needs(op(13, "create", "e", 0, json!({})), &[1, 3]));
    assert_eq!(
        (told(&refused), &refused["problem"]["culprit"], &refused["held"]),
        (("rejected", "dependency_rejected"), &json!(id(3)), &json!(true))
    );
    assert_eq!(told(&pair.one(&pair.ana, needs(op(14, "create", "f", 0, json!({})), &[13]))), ("rejected", "dependency_rejected"));
}

#[test]
fn all_in_a_circle_is_refused_and_nothing_else() {
    let pair = Pair::new(None);
    let create = |n, on: &[u32]| needs(op(n, "create", &format!("d{n}"), 0, json!({})), on);
    let results =
        pair.push(&pair.ana, json!([create(1, &[2]), create(2, &[3]), create(3, &[1]), create(4, &[1]), create(5, &[5]), create(6, &[])]));
    assert_eq!(
        results.iter().map(told).collect::<Vec<_>>(),
        [
            ("rejected", "dependency_cycle"),
            ("rejected", "dependency_cycle"),
            ("rejected", "dependency_cycle"),
            ("rejected", "dependency_rejected"),
            ("rejected", "dependency_cycle"),
            ("applied", ""),
        ]
    );
    // over two spaces
    let there = json!({"space_id": pair.second_space()});
    let results = pair.push(&pair.ana, json!([create(11, &[12]), with(create(12, &[11]), there)]));
    assert_eq!(results.iter().map(told).collect::<Vec<_>>(), [("rejected", "dependency_cycle"); 2]);
    // through a group
    let grouped = |operation| with(operation, json!({"group": "g"}));
    let results = pair.push(&pair.ana, json!([grouped(create(21, &[23])), grouped(create(22, &[])), create(23, &[22])]));
    assert!(results.iter().all(|result| result["status"] == "rejected"), "{results:?}");
}

#[test]
fn a_thousand_in_a_row_backwards() {
    let pair = Pair::new(None);
    let operations: Vec<Value> =
        (0..1_000)
            .map(|n| {
                if n < 999 {
                    needs(op(n, "create", &format!("d{n}"), 0, json!({})), &[n + 1])
                } else {
                    op(n, "create", "last", 0, json!({}))
                }
            })
            .collect();
    let results = pair.push(&pair.ana, json!(operations));
    assert!(results.iter().all(|result| result["status"] == "applied"));
    assert_eq!((&results[999]["version"], &results[0]["version"]), (&json!(1), &json!(1_000)));
}

#[test]
fn a_request_that_goes_back_and_forth_between_spaces_is_cut_short() {
    let pair = Pair::new(None);
    let second = pair.second_space();
    let link = |n: u32| {
        let operation = op(n, "create", &format!("d{n}"), 0, json!({}));
        let operation = if n.is_multiple_of(2) { with(operation, json!({"space_id": second})) } else { operation };
        if n == 1 { operation } else { with(operation, json!({"depends_on": [id(n - 1)]})) }
    };
    let all = json!((1..=40).map(link).collect::<Vec<_>>());
    let results = pair.push(&pair.ana, all.clone());
    let decided = results.iter().filter(|result| result["status"] == "applied").count();
    assert!((4..=8).contains(&decided), "{decided}");
    assert!(results[decided..].iter().all(|result| told(result) == ("waiting", "not_here_yet") && result["held"] == false));
    // sent again, the rest goes on from there
    let rounds = (0..10).find(|_| pair.push(&pair.ana, all.clone()).iter().all(|result| result["held"] == true));
    assert!(rounds.is_some());
}
