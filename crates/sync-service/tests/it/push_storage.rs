//! How much is stored beside operations: a small multiple of what was sent.

use serde_json::{Value, json};
use sync_core::ports::{Access, Store};

use crate::sync::{Pair, id, op, statuses, told, with};
use crate::world::now;

fn after(n: u32, operation: Value) -> Value {
    with(operation, json!({"after": id(n)}))
}

/// The bytes stored beside operations, and the longest of them.
fn stored(pair: &Pair, numbers: std::ops::Range<u32>) -> (usize, usize) {
    let ids: Vec<_> = numbers.map(|n| id(n).parse().unwrap()).collect();
    let store: &dyn Store = &*pair.world.store;
    let organisation_id = pair.ana.organisation_id;
    let rows = now(store.transact(Access::Read, move |tx| tx.load_operations(organisation_id, &ids))).unwrap();
    let lengths = rows.iter().filter_map(|row| row.overlay.as_ref()).map(|overlay| overlay.as_str().len());
    lengths.fold((0, 0), |(sum, longest), length| (sum + length, longest.max(length)))
}

/// Ana made `a`; Bo's chain begins with something large.
fn made() -> (Pair, usize) {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0, "o": {"x": 0, "y": 0}})));
    (pair, 50_000)
}

fn within(pair: &Pair, request: &Value, numbers: std::ops::Range<u32>) {
    let (sent, (bytes, longest)) = (request.to_string().len(), stored(pair, numbers));
    assert!(bytes < 4 * sent, "{bytes} bytes are stored beside {sent}; the longest are {longest}");
}

#[test]
fn a_chain_after_something_large_is_stored_in_little() {
    for large in [json!({"big": "x".repeat(50_000)}), json!({"o": {"big": "x".repeat(50_000)}})] {
        let (pair, _) = made();
        let first = op(99, "update", "a", 1, large);
        let small = |n: u32| op(100 + n, "update", "a", 1, json!({"t": n, "o": {"x": n}, format!("f{n}"): n}));
        let request = json!(std::iter::once(first).chain((0..300).map(small)).collect::<Vec<_>>());
        let results = pair.push(&pair.bo, request.clone());
        assert!(results.iter().all(|result| result["status"] == "applied"), "{}", results[1]);
        within(&pair, &request, 99..400);
        // any of them can be built on
        pair.one(&pair.ana, op(2, "update", "a", 1, json!({"other": 1})));
        for (n, last) in [(700, 399), (701, 700)] {
            let next = pair.one(&pair.bo, after(last, op(n, "update", "a", 1, json!({"t": n, "o": {"x": n}, "f7": n}))));
            assert_eq!(told(&next).0, "merged");
        }
        let fork = pair.one(&pair.bo, after(150, op(702, "update", "a", 1, json!({"f7": "fork", "o": {"y": 5}}))));
        let conflict = pair.conflict(&pair.ana, &fork["conflict_id"]);
        assert_eq!((&conflict["fields"]["/f7"]["base"], &conflict["fields"]["/f7"]["ours"]), (&json!(7), &json!(701)));
        assert_eq!(conflict["fields"].as_object().unwrap().len(), 1, "{conflict}");
    }
}

#[test]
fn forks_groups_and_refusals_are_stored_in_little() {
    let (pair, length) = made();
    pair.one(&pair.bo, op(99, "update", "a", 1, json!({"o": {"big": "x".repeat(length)}})));
    pair.one(&pair.bo, after(99, op(100, "update", "a", 1, json!({"o": {"x": 1}}))));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": "ana"})));
    let forked = |n: u32| after(100, op(1_000 + n, "update", "a", 1, json!({"o": {"x": n}})));
    let request = json!((0..200).map(forked).collect::<Vec<_>>());
    pair.push(&pair.bo, request);
    let (bytes, _) = stored(&pair, 1_000..1_200);
    assert!(bytes < 3 * length, "{bytes}");
    // groups of one that are disputed, each after the one before
    let grouped = |n: u32| {
        let member = op(2_000 + n, "update", "a", 1, json!({"t": n + 1, "o": {"y": n}}));
        after(if n == 0 { 100 } else { 1_999 + n }, with(member, json!({"group": format!("g{n}")})))
    };
    let results = pair.push(&pair.bo, json!((0..200).map(grouped).collect::<Vec<_>>()));
    assert_eq!(statuses(&results), ["conflict"; 200]);
    let (bytes, _) = stored(&pair, 2_000..2_200);
    assert!(bytes < 3 * length, "{bytes}");
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let refused = |n: u32| after(if n == 0 { 2_199 } else { 2_999 + n }, op(3_000 + n, "update", "a", 1, json!({"deep": deep})));
    let results = pair.push(&pair.bo, json!((0..200).map(refused).collect::<Vec<_>>()));
    assert!(results.iter().all(|result| told(result).0 == "rejected" && result["held"] == true), "{}", results[0]);
    let (bytes, _) = stored(&pair, 3_000..3_200);
    assert!(bytes < 3 * length, "{bytes}");
}

#[test]
fn what_a_sender_has_seen_is_not_stored_again() {
    let (pair, length) = made();
    let first = pair.one(&pair.bo, op(99, "update", "a", 1, json!({"big": "x".repeat(length)})));
    let next = after(99, op(100, "update", "a", first["version"].as_i64().unwrap(), json!({"t": 1})));
    assert_eq!(told(&pair.one(&pair.bo, next)).0, "applied");
    assert!(stored(&pair, 100..101).0 < 500);
}
