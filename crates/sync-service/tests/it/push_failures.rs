//! Failures of the database: what could not be decided waits, and a retry is safe.

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::protocol::v1::SyncRequest;
use testkit::memory::Breaks;

use crate::sync::{Pair, id, op, statuses, told, with};
use crate::world::now;

fn attempt(pair: &Pair, body: &Value) -> Result<Value, Code> {
    let mut body = body.clone();
    body["protocol"] = json!(1);
    body["space_id"] = json!(pair.space);
    let request = SyncRequest::parse(body.to_string().as_bytes()).unwrap();
    let answer = now(pair.world.service.sync(&pair.ana, request));
    answer.map(|answer| serde_json::to_value(answer).unwrap()).map_err(|error| error.problem().code)
}

#[test]
fn a_lost_commit_is_an_error_only_where_nothing_was_decided() {
    for kept in [true, false] {
        let pair = Pair::new(None);
        let body = json!({"operations": [op(1, "create", "a", 0, json!({"t": 1})), op(2, "update", "a", 0, json!({"t": 2}))]});
        pair.world.store.lose_next_commit(kept);
        assert_eq!(attempt(&pair, &body), Err(Code::UnknownOutcome));
        let again = attempt(&pair, &body).unwrap();
        let expected = if kept { "duplicate" } else { "applied" };
        assert_eq!(statuses(again["results"].as_array().unwrap()), [expected; 2]);
        let page = pair.pull(&pair.bo, None);
        assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][0]["version"]), (1, &json!(2)));
    }
}

#[test]
fn a_space_that_could_not_be_decided_waits_alone() {
    let pair = Pair::new(None);
    let second = pair.second_space();
    let there = |operation| with(operation, json!({"space_id": second}));
    let body = json!({"operations": [
        op(1, "create", "a", 0, json!({})), there(op(2, "create", "b", 0, json!({}))),
        with(op(3, "create", "c", 0, json!({})), json!({"depends_on": [id(2)]})), there(with(op(4, "create", "d", 0, json!({})), json!({"depends_on": [id(1)]}))),
    ]});
    pair.world.store.lose_next_commit(false);
    let answer = attempt(&pair, &body).unwrap();
    let results = answer["results"].as_array().unwrap();
    let lost: Vec<_> = results.iter().filter(|result| result["status"] == "waiting").collect();
    assert!(lost.iter().all(|result| result["held"] == false), "{results:?}");
    assert!(results.iter().any(|result| told(result) == ("waiting", "unknown_outcome")), "{results:?}");
    assert_eq!(results.iter().filter(|result| result["status"] == "applied").count(), 1, "{results:?}");
    let again = attempt(&pair, &body).unwrap();
    assert!(again["results"].as_array().unwrap().iter().all(|result| result["held"] == true));
}

#[test]
fn a_lost_resolution_does_not_take_decided_operations_along() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"t": 1})));
    let asked = pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": 2})));
    let resolution = json!({"op_id": id(9), "conflict_id": asked["conflict_id"], "version": 99, "fields": {"/t": {"choose": "theirs"}}});
    pair.world.store.lose_next_commit(true);
    assert_eq!(attempt(&pair, &json!({"resolutions": [resolution]})), Err(Code::UnknownOutcome), "nothing was decided");
    // refused for its form: that is decided, so the rest waits
    let body = json!({"operations": [with(op(4, "create", "b", 0, json!({})), json!({"kind": "x"}))], "resolutions": [with(resolution.clone(), json!({"op_id": id(10), "fields": {"/t": {"choose": "ours"}}}))]});
    pair.world.store.break_document("notes/a", Some(Breaks::Unavailable));
    let answer = attempt(&pair, &body).unwrap();
    assert_eq!(statuses(answer["results"].as_array().unwrap()), ["rejected", "waiting"]);
    pair.world.store.break_document("notes/a", None);
    let again = attempt(&pair, &json!({"resolutions": [resolution]})).unwrap();
    assert_eq!((told(&again["results"][0]).0, &again["results"][0]["was"]), ("duplicate", &json!("applied")));
}
