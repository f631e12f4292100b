//! A question that is not asked of somebody any more leaves their device, whichever node they meet.

use serde_json::{Value, json};
use sync_core::protocol::v1::SyncRequest;

use crate::sync::{Pair, op, told, with};
use crate::world::now;

/// Bo sees the fees of those events that are his.
fn schema() -> Value {
    let fee = json!({"type": "text", "read": [], "strategy": {"authority": {"owners": ["role:lead", "field:/owner_id"], "both": "ask"}}});
    let text = json!({"type": "text", "strategy": "ask"});
    json!({"name": "fees", "version": 1, "collections": {
        "events": {"label": "title", "fields": {"title": text, "owner_id": {"type": "id"}, "fee": fee}}
    }})
}

fn event(operation: Value) -> Value {
    with(operation, json!({"collection": "events"}))
}

fn questions(page: &Value) -> Vec<(String, String)> {
    let items = page["items"].as_array().unwrap().iter().filter(|item| item["collection"] == "_conflicts");
    items.map(|item| (item["kind"].as_str().unwrap().to_owned(), item["document_id"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_question_that_somebody_is_not_asked_any_more_is_taken_off_their_device() {
    let pair = Pair::with(schema());
    let phone = pair.world.caller("ana@example.org");
    let [ana, bo] = [pair.ana.user_id, pair.bo.user_id];
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"title": "Dinner", "owner_id": bo, "fee": "1"}))));
    pair.one(&pair.ana, event(op(2, "update", "e", 1, json!({"fee": "2"}))));
    let asked = pair.one(&phone, event(op(3, "update", "e", 1, json!({"fee": "3"}))));
    assert_eq!(told(&asked).0, "conflict", "{asked}");
    let id = asked["conflict_id"].as_str().unwrap().to_owned();
    let first = pair.pull(&pair.bo, None);
    assert_eq!(questions(&first), [("document".to_owned(), id.clone())]);

    // what becomes of it then is none of their business
    let version = |page: &Value| page["items"].as_array().unwrap().iter().filter_map(|item| item["version"].as_i64()).max().unwrap();
    let head = version(&pair.pull(&pair.ana, None));
    assert_eq!(told(&pair.one(&pair.ana, event(op(4, "update", "e", head, json!({"owner_id": ana}))))).0, "applied");
    let second = pair.pull(&pair.bo, first["cursor"].as_str());
    let gone = vec![("gone".to_owned(), id.clone())];
    assert_eq!(questions(&second), gone);
    let head = version(&pair.pull(&pair.ana, None));
    assert_eq!(told(&pair.one(&pair.ana, event(op(5, "update", "e", head, json!({"fee": "5"}))))).0, "applied");
    assert_eq!(questions(&pair.pull(&pair.bo, second["cursor"].as_str())), []);

    // a node that never told it takes it off as well, and tells nobody else that it was there
    let elsewhere = pair.world.restarted();
    let pull = |caller, cursor: &Value| {
        let request = json!({"protocol": 1, "pull": {"spaces": {&pair.space: {"cursor": cursor}}}});
        let request = SyncRequest::parse(request.to_string().as_bytes()).unwrap();
        serde_json::to_value(now(elsewhere.sync(caller, request)).unwrap()).unwrap()["changes"][&pair.space].clone()
    };
    let late = pull(&pair.bo, &first["cursor"]);
    assert_eq!((questions(&late), &late["checksums"]), (gone, &second["checksums"]));
    assert_eq!(questions(&pull(&pair.bo, &Value::Null)), []);
}

#[test]
fn a_question_that_was_never_asked_of_somebody_is_never_told_to_be_gone() {
    let pair = Pair::with(schema());
    let phone = pair.world.caller("ana@example.org");
    let before = pair.pull(&pair.bo, None);
    pair.one(&pair.ana, event(op(1, "create", "e", 0, json!({"title": "Dinner", "owner_id": pair.ana.user_id, "fee": "1"}))));
    pair.one(&pair.ana, event(op(2, "update", "e", 1, json!({"fee": "2"}))));
    assert_eq!(told(&pair.one(&phone, event(op(3, "update", "e", 1, json!({"fee": "3"}))))).0, "conflict");
    assert_eq!(questions(&pair.pull(&pair.bo, before["cursor"].as_str())), []);
}
