//! Rights by collection and field: who reads, who writes, and whose documents are whose.

use serde_json::{Value, json};
use sync_core::Code;
use sync_service::Caller;

use crate::line::{Line, hub};
use crate::sync::{Pair, id, op, statuses, told, with};
use crate::world::{now, refused};

fn schema() -> Value {
    let text = json!({"type": "text"});
    json!({"name": "studio", "version": 1, "collections": {
        "notes": {"label": "title", "fields": {
            "title": text, "body": {"type": "text", "strategy": "text"}, "state": with(text.clone(), json!({"write": ["coordinator"]})),
            "secret": with(text.clone(), json!({"read": ["coordinator"]})), "health": with(text.clone(), json!({"sensitivity": 2})),
            "code": {"type": "text", "sensitivity": 3, "strategy": {"authority": {"owners": ["space:keeper"]}}},
        }},
        "money": {"read": ["couple", "space:keeper"], "write": ["space:keeper"], "fields": {"sum": {"type": "integer", "sensitivity": 3}}},
        "jobs": {"own": {"field": "who", "read": ["photographer"], "write": ["vendor"]}, "fields": {"who": {"type": "id"}, "what": text}},
    }})
}

fn of(collection: &str, operation: Value) -> Value {
    with(operation, json!({"collection": collection}))
}

fn studio() -> Pair {
    Pair::with(schema())
}

fn kinds(page: &Value) -> Vec<(String, String)> {
    let of = |item: &Value| (item["kind"].as_str().unwrap().to_owned(), item["document_id"].as_str().unwrap().to_owned());
    page["items"].as_array().unwrap().iter().map(of).collect()
}

fn kind(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

fn settings(pair: &Pair, settings: Value) {
    let change = serde_json::from_value(json!({"settings": settings})).unwrap();
    now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), change)).unwrap();
}

#[test]
fn what_is_hidden_is_not_there_and_moves_nothing() {
    let pair = studio();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "A", "body": "x".repeat(200), "secret": "S", "health": "H"})));
    pair.one(&pair.ana, op(2, "create", "b", 0, json!({"title": "B"})));
    pair.one(&pair.ana, of("money", op(3, "create", "m", 0, json!({"sum": 7}))));
    let first = pair.pull(&pair.bo, None);
    assert_eq!(kinds(&first), [kind("document", "a"), kind("document", "b")]);
    assert_eq!(first["items"][0]["document"], json!({"title": "A", "body": "x".repeat(200)}));
    assert_eq!(first["checksums"].as_object().unwrap().len(), 1);
    // what only a lead sees of it is no news, and does not change the order
    pair.one(&pair.ana, op(4, "update", "a", 1, json!({"secret": "T", "health": null})));
    let second = pair.pull(&pair.bo, first["cursor"].as_str());
    assert_eq!((&second["items"], &second["checksums"]), (&json!([]), &first["checksums"]));
    assert_eq!(pair.pull(&pair.bo, None)["items"], first["items"]);
    // and what everybody sees is, by who changed that
    pair.one(&pair.ana, op(5, "update", "a", 4, json!({"title": "AA", "secret": "U"})));
    let other = pair.world.caller("ana@example.org");
    pair.one(&other, op(6, "update", "a", 5, json!({"secret": "V"})));
    let third = pair.pull(&pair.bo, second["cursor"].as_str());
    assert_eq!((kinds(&third), &third["items"][0]["patch"]), (vec![kind("patch", "a")], &json!({"title": "AA"})));
    assert_eq!((&third["items"][0]["version"], &third["items"][0]["by"]["op_id"]), (&json!(5), &json!(id(5))));
    // a deletion is for whoever saw the document
    pair.one(&pair.ana, op(7, "delete", "a", 6, Value::Null));
    pair.one(&pair.ana, of("money", op(8, "delete", "m", 3, Value::Null)));
    assert_eq!(kinds(&pair.pull(&pair.bo, third["cursor"].as_str())), [kind("delete", "a")]);
}

#[test]
fn an_edit_meets_only_what_its_sender_sees() {
    let pair = studio();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "A", "secret": "S"})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"secret": "T"})));
    // nothing that Bo sees has changed since
    let edited = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"title": "B"})));
    assert_eq!((told(&edited).0, &edited["version"]), ("applied", &json!(3)), "{edited}");
    pair.one(&pair.ana, op(4, "update", "a", 3, json!({"secret": "U"})));
    let nothing = pair.one(&pair.bo, op(5, "update", "a", 3, json!({"title": "B"})));
    assert_eq!((told(&nothing).0, &nothing["version"], &nothing["document"]), ("noop", &json!(3), &json!({"title": "B"})));
    // a creation that meets a document is told what is seen of it
    let made = pair.one(&pair.bo, op(6, "create", "a", 0, json!({"body": "x"})));
    assert_eq!((told(&made).0, &made["document"]), ("merged", &json!({"title": "B", "body": "x"})), "{made}");
    // a deletion too: what stays hidden does not hold it back
    pair.one(&pair.ana, op(7, "update", "a", 5, json!({"secret": "V"})));
    assert_eq!(told(&pair.one(&pair.bo, op(8, "delete", "a", 5, Value::Null))).0, "applied");
    assert_eq!(told(&pair.one(&pair.bo, op(9, "restore", "a", 7, Value::Null))).0, "applied");
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"title": "B", "body": "x", "secret": "V"}), "nothing of it is lost");
    // what was deleted and is made anew by the same person keeps what they never saw
    pair.one(&pair.bo, op(10, "delete", "a", 8, Value::Null));
    let again = with(op(11, "create", "a", 0, json!({"title": "C"})), json!({"after": id(10)}));
    assert!(["applied", "merged"].contains(&told(&pair.one(&pair.bo, again)).0));
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"title": "C", "secret": "V"}));
}

#[test]
fn what_may_not_be_written_is_kept_whole() {
    let pair = studio();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "A"})));
    let forbidden = |operation: Value| {
        let result = pair.one(&pair.bo, operation);
        assert_eq!((told(&result), &result["held"]), (("quarantined", "role_forbids"), &json!(true)), "{result}");
        result
    };
    let named = forbidden(op(2, "update", "a", 1, json!({"title": "B", "secret": "S"})));
    assert_eq!(named["problem"]["pointer"], "/patch/secret");
    assert!(named["problem"]["detail"].as_str().unwrap().contains("a photographer does not write secret of notes"));
    forbidden(op(3, "update", "a", 1, json!({"state": "done"})));
    forbidden(op(4, "create", "b", 0, json!({"title": "B", "health": "H"})));
    // whether or not there is such a document
    let [there, none] = ["m", "none"].map(|document| {
        pair.one(&pair.ana, of("money", op(20, "create", "m", 0, json!({"sum": 1}))));
        let n = if document == "m" { 5 } else { 6 };
        let mut result = forbidden(of("money", op(n, "update", document, 1, json!({"sum": 2}))));
        result["op_id"] = Value::Null;
        result
    });
    assert_eq!(there, none);
    assert_eq!(pair.read(&pair.ana, "notes", "a"), json!({"title": "A"}));
    // a group goes with it, and what comes after
    let grouped = |n, patch| with(op(n, "update", "a", 1, patch), json!({"group": "g"}));
    let results = pair.push(&pair.bo, json!([grouped(7, json!({"title": "C"})), grouped(8, json!({"secret": "S"}))]));
    assert_eq!(statuses(&results), ["quarantined", "quarantined"]);
    let after = with(op(9, "update", "a", 1, json!({"title": "D"})), json!({"after": id(2)}));
    assert_eq!(told(&pair.one(&pair.bo, after)), ("quarantined", "role_forbids"));
    // in other roles, and for the one whom the settings name
    pair.give_bo("coordinator");
    assert_eq!(told(&pair.one(&pair.bo, op(10, "update", "a", 1, json!({"secret": "S", "state": "done"})))).0, "applied");
    assert_eq!(told(&pair.one(&pair.bo, of("money", op(11, "update", "m", 1, json!({"sum": 3}))))).1, "role_forbids");
    settings(&pair, json!({"keeper": pair.bo.user_id}));
    assert_eq!(pair.read(&pair.bo, "money", "m"), json!({"sum": 1}));
    let version =
        pair.pull(&pair.bo, None)["items"].as_array().unwrap().iter().find(|item| item["document_id"] == "m").unwrap()["version"].clone();
    assert_eq!(told(&pair.one(&pair.bo, of("money", op(12, "update", "m", version.as_i64().unwrap(), json!({"sum": 3}))))).0, "applied");
}

#[test]
fn owners_read_what_is_theirs() {
    let pair = studio();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "A", "code": "1234"})));
    let before = pair.pull(&pair.bo, None);
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"title": "A"}));
    settings(&pair, json!({"keeper": pair.bo.user_id}));
    let reset = pair.pull(&pair.bo, before["cursor"].as_str());
    assert_eq!((&reset["reset"], &reset["reason"]), (&json!(true), &json!("rights")));
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"title": "A", "code": "1234"}));
    assert_eq!(told(&pair.one(&pair.bo, op(2, "update", "a", 1, json!({"code": "9"})))).0, "applied");
}

#[test]
fn only_documents_that_name_somebody_are_theirs() {
    let pair = studio();
    let (ana, bo) = (json!(pair.ana.user_id), json!(pair.bo.user_id));
    let job = |n, kind: &str, document: &str, base, patch: Value| of("jobs", op(n, kind, document, base, patch));
    pair.one(&pair.ana, job(1, "create", "hers", 0, json!({"who": ana, "what": "x"})));
    pair.one(&pair.ana, job(2, "create", "his", 0, json!({"who": bo, "what": "x"})));
    let first = pair.pull(&pair.bo, None);
    assert_eq!(kinds(&first), [kind("document", "his")]);
    // one that never was theirs is as unknown as none; one that is made names whoever makes it
    assert_eq!(told(&pair.one(&pair.bo, job(3, "update", "hers", 1, json!({"what": "y"})))), ("rejected", "unknown_document"));
    assert_eq!(told(&pair.one(&pair.bo, job(4, "create", "other", 0, json!({"who": ana})))), ("quarantined", "role_forbids"));
    assert_eq!(told(&pair.one(&pair.bo, job(5, "create", "mine", 0, json!({"who": bo})))).0, "applied");
    assert_eq!(told(&pair.one(&pair.bo, job(6, "update", "his", 2, json!({"what": "y"})))).0, "applied");
    // it leaves the view, whatever becomes of it there, and comes back whole
    let second = pair.pull(&pair.bo, first["cursor"].as_str());
    let left = pair.one(&pair.ana, job(7, "update", "his", 4, json!({"who": ana})));
    pair.one(&pair.ana, job(8, "update", "his", left["version"].as_i64().unwrap(), json!({"what": "z"})));
    let third = pair.pull(&pair.bo, second["cursor"].as_str());
    assert_eq!((kinds(&third), &third["items"][0]["version"]), (vec![kind("gone", "his")], &left["version"]));
    assert!(!third.to_string().contains("\"z\""), "{third}");
    // a process that remembers nothing tells the same
    let elsewhere = pair.world.restarted();
    let request = json!({"protocol": 1, "pull": {"spaces": {&pair.space: {"cursor": second["cursor"]}}}});
    let request = sync_core::protocol::v1::SyncRequest::parse(request.to_string().as_bytes()).unwrap();
    let again = serde_json::to_value(now(elsewhere.sync(&pair.bo, request)).unwrap()).unwrap();
    assert_eq!(again["changes"][&pair.space]["items"], third["items"]);
    let version =
        pair.pull(&pair.ana, None)["items"].as_array().unwrap().iter().find(|item| item["document_id"] == "his").unwrap()["version"]
            .clone();
    pair.one(&pair.ana, job(9, "update", "his", version.as_i64().unwrap(), json!({"who": bo})));
    let fourth = pair.pull(&pair.bo, third["cursor"].as_str());
    assert_eq!((kinds(&fourth), &fourth["items"][0]["document"]["what"]), (vec![kind("document", "his")], &json!("z")));
    // vendors see all, and write their own
    pair.give_bo("vendor");
    assert_eq!(pair.read(&pair.bo, "jobs", "hers"), json!({"who": ana, "what": "x"}));
    assert_eq!(told(&pair.one(&pair.bo, job(10, "update", "hers", 1, json!({"what": "y"})))), ("quarantined", "role_forbids"));
}

#[test]
fn other_rights_begin_anew_and_the_same_do_not() {
    let pair = studio();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "A", "body": "B", "secret": "S"})));
    let first = pair.pull(&pair.bo, None);
    let upgrade = |version: u32, change: &dyn Fn(&mut Value)| {
        let mut schema = schema();
        schema["version"] = json!(version);
        change(&mut schema["collections"]);
        crate::lenses::upgrade(&pair, &schema);
    };
    upgrade(2, &|collections| collections["notes"]["fields"]["more"] = json!({"type": "text"}));
    let second = pair.pull(&pair.bo, first["cursor"].as_str());
    assert_eq!((&second["reset"], &second["items"]), (&json!(false), &json!([])), "the same is hidden");
    upgrade(3, &|collections| collections["notes"]["fields"]["body"]["read"] = json!(["coordinator"]));
    let third = pair.pull(&pair.bo, second["cursor"].as_str());
    assert_eq!((&third["reset"], &third["reason"], third["items"].as_array().unwrap().len()), (&json!(true), &json!("rights"), 0));
    assert_eq!(pair.read(&pair.bo, "notes", "a"), json!({"title": "A"}));
    assert_eq!(pair.pull(&pair.ana, None)["reset"], false);
    let gone = now(pair.world.service.snapshot(&pair.bo, pair.space.parse().unwrap(), Some("x"))).err().map(|error| error.problem().code);
    assert_eq!(gone, Some(Code::SnapshotGone));
}

#[test]
fn a_socket_tells_of_what_is_seen() {
    let pair = studio();
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "A", "secret": "S"})));
    let hub = hub(&pair.world.service);
    let cursor = pair.pull(&pair.bo, None)["cursor"].as_str().unwrap().to_owned();
    let mut line = Line::follow(&hub, &pair.bo, &pair.space, Some(&cursor));
    let mut poked = Line::follow(&hub, &pair.bo, &pair.space, None);
    while poked.take().is_some() {}
    assert_eq!(line.take(), None);
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"secret": "T"})));
    pair.one(&pair.ana, of("money", op(3, "create", "m", 0, json!({"sum": 7}))));
    assert_eq!((line.take(), poked.take()), (None, None), "there is no news");
    pair.one(&pair.ana, op(4, "update", "a", 2, json!({"title": "B", "secret": "U"})));
    let frame = line.take().unwrap();
    assert_eq!((&frame["items"][0]["document"], frame["items"].as_array().unwrap().len()), (&json!({"title": "B"}), 1), "{frame}");
    assert_eq!(poked.take().unwrap()["reason"], "behind");
}

#[test]
fn a_list_of_questions_has_whole_pages() {
    let pair = studio();
    let dispute = |n: u32, document: &str, field: &str, caller: &Caller| {
        let made = pair.one(&pair.ana, op(n, "create", document, 0, json!({field: "0"})));
        let base = made["version"].as_i64().unwrap();
        pair.one(&pair.ana, op(n + 1, "update", document, base, json!({field: "1"})));
        assert_eq!(told(&pair.one(caller, op(n + 2, "update", document, base, json!({field: "2"})))).0, "conflict");
        pair.world.clock.advance_ms(1_000);
    };
    let other = pair.world.caller("ana@example.org");
    for n in 0..6 {
        let (field, caller) = if n % 2 == 0 { ("secret", &other) } else { ("title", &pair.bo) };
        dispute(10 * n + 1, &format!("d{n}"), field, caller);
    }
    let page = |after| {
        let query = sync_service::ConflictQuery { limit: 2, after, ..sync_service::ConflictQuery::default() };
        let list = now(pair.world.service.list_conflicts(&pair.bo, query)).unwrap();
        (list.items.iter().map(|conflict| conflict.document_id.clone()).collect::<Vec<_>>(), list.next)
    };
    let (first, next) = page(None);
    assert_eq!(first, ["d1", "d3"]);
    assert_eq!(page(next), (vec!["d5".to_owned()], None));
    let unknown = now(pair.world.service.explain(&pair.bo, id(3).parse().unwrap()));
    assert_eq!(refused(unknown), Code::UnknownOperation);
}
