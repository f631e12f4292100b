//! Who may send, who may read, and what everybody else is told.

use serde_json::{Value, json};
use sync_core::Code;
use sync_core::protocol::v1::SyncRequest;

use crate::sync::{Pair, id, op, told, with};
use crate::world::{now, refused};

fn remove_bo(pair: &Pair) {
    now(pair.world.service.remove_member(&pair.ana, pair.space.parse().unwrap(), pair.bo.user_id)).unwrap();
}

#[test]
fn foreign_unknown_and_never_granted_spaces_are_alike() {
    let pair = Pair::new(None);
    let cy = pair.world.caller("cy@example.org");
    let second = pair.second_space();
    let nowhere = id(12345);
    let no_id = pair.sync(&pair.bo, json!({"pull": {"spaces": {"no id at all": {"cursor": null}}}}))["changes"]["no id at all"].clone();
    let mut n = 0;
    for (caller, space) in [(&cy, &pair.space), (&pair.bo, &second), (&pair.bo, &nowhere)] {
        n += 1;
        let operation = with(op(n, "create", "a", 0, json!({})), json!({"space_id": space}));
        let answer = pair.sync(caller, json!({"operations": [operation], "pull": {"spaces": {space: {"cursor": null}}}}));
        assert_eq!((told(&answer["results"][0]), &answer["results"][0]["held"]), (("rejected", "unknown_space"), &json!(true)));
        assert_eq!(answer["changes"][space], no_id);
    }
    let answer = pair.sync(&pair.bo, json!({"pull": {"spaces": {&second: {"cursor": "any"}, &nowhere: {"cursor": null}}}}));
    assert_eq!(answer["changes"][&second], answer["changes"][&nowhere]);
}

#[test]
fn what_a_former_member_sends_is_quarantined_and_told_nothing_of() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": "secret"})));
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"u": 1})));
    let cursor = pair.pull(&pair.bo, None)["cursor"].clone();
    remove_bo(&pair);
    let old = with(op(3, "update", "a", 2, json!({"t": 1})), json!({"created_at": "2020-01-01T00:00:00Z"}));
    let cases = [
        old,
        with(op(4, "update", "a", 2, json!({"t": 1})), json!({"after": id(99)})),
        with(op(5, "create", "b", 0, json!({"t": 1})), json!({"group": "g"})),
        op(6, "update", "nowhere", 2, json!({"t": 1})),
        with(op(7, "create", "c", 0, json!({})), json!({"depends_on": [id(7)]})),
    ];
    for operation in cases {
        let result = pair.one(&pair.bo, operation);
        assert_eq!((told(&result), &result["held"]), (("quarantined", "former_member"), &json!(true)));
        assert_eq!((result.get("version"), result.get("document")), (None, None), "{result}");
    }
    assert_eq!(pair.one(&pair.bo, op(4, "update", "a", 2, json!({"t": 1})))["was"], "quarantined");
    let page = pair.pull(&pair.bo, cursor.as_str());
    assert_eq!((&page["revoked"], &page["purge"], page["items"].as_array().unwrap().len()), (&json!(true), &json!(true), 0));
    assert!(page["purge_id"].is_string() && page.get("cursor").is_none() && page.get("epoch").is_none());
    assert_eq!(pair.pull(&pair.bo, None)["purge_id"], page["purge_id"], "the same until it is confirmed");
    // back again: what waits for a lead goes on waiting, and what builds on it with it
    pair.give_bo("photographer");
    let next = pair.one(&pair.bo, with(op(8, "update", "a", 2, json!({"t": 2})), json!({"after": id(3)})));
    assert_eq!((told(&next).0, &next["problem"]["culprit"]), ("quarantined", &json!(id(3))));
    let needs = pair.one(&pair.bo, with(op(9, "create", "d", 0, json!({})), json!({"depends_on": [id(3)]})));
    assert_eq!(told(&needs).0, "quarantined");
    assert_eq!(told(&pair.one(&pair.bo, op(10, "create", "e", 0, json!({})))).0, "applied");
}

#[test]
fn viewers_and_archived_spaces_read_on_and_quarantine() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"t": 1})));
    pair.give_bo("viewer");
    assert_eq!(told(&pair.one(&pair.bo, op(3, "update", "a", 2, json!({"t": 2})))), ("quarantined", "role_forbids"));
    let replay = pair.one(&pair.bo, op(2, "update", "a", 1, json!({"t": 1})));
    assert_eq!((told(&replay).0, &replay["document"]), ("duplicate", &json!({"t": 1})));
    assert_eq!(pair.pull(&pair.bo, None)["items"].as_array().unwrap().len(), 1);
    pair.give_bo("photographer");
    let archived = serde_json::from_value(json!({"status": "archived"})).unwrap();
    now(pair.world.service.update_space(&pair.ana, pair.space.parse().unwrap(), archived)).unwrap();
    assert_eq!(told(&pair.one(&pair.ana, op(4, "update", "a", 2, json!({"t": 3})))), ("quarantined", "space_archived"));
    let grouped = |n| with(op(n, "create", &format!("d{n}"), 0, json!({})), json!({"group": "g"}));
    let results = pair.push(&pair.bo, json!([grouped(5), grouped(6)]));
    assert!(results.iter().all(|result| result["status"] == "quarantined"));
    assert_eq!(pair.pull(&pair.bo, None)["items"].as_array().unwrap().len(), 1);
    assert_eq!(pair.read(&pair.bo, "notes", "a")["t"], 1);
}

#[test]
fn resolutions_need_the_same_rights() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})));
    let asked = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"t": 2})));
    let conflict = pair.conflict(&pair.ana, &asked["conflict_id"]);
    let answer = json!({"fields": {"/t": {"choose": "theirs"}}});
    let cy = pair.world.caller("cy@example.org");
    assert_eq!(told(&pair.resolve(&cy, 20, &conflict, answer.clone())), ("rejected", "unknown_conflict"));
    pair.give_bo("viewer");
    assert_eq!(told(&pair.resolve(&pair.bo, 21, &conflict, answer.clone())), ("quarantined", "role_forbids"));
    remove_bo(&pair);
    let result = pair.resolve(&pair.bo, 22, &conflict, answer);
    assert_eq!((told(&result), result.get("document")), (("quarantined", "former_member"), None));
    assert_eq!(pair.read(&pair.ana, "notes", "a")["t"], 1);
}

#[test]
fn a_deleted_space_is_purged() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": 0})));
    now(pair.world.service.delete_space(&pair.ana, pair.space.parse().unwrap())).unwrap();
    for caller in [&pair.ana, &pair.bo] {
        let page = pair.pull(caller, None);
        assert_eq!((&page["revoked"], &page["purge"]), (&json!(true), &json!(true)));
    }
    assert_eq!(told(&pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})))).0, "quarantined");
    assert_eq!(pair.one(&pair.ana, op(2, "update", "a", 1, json!({"t": 1})))["document"], Value::Null);
}

/// A token is read before the body of its request; what the body asks for is checked against the session as it is then.
#[test]
fn a_revoked_device_gets_nothing_done_and_reads_nothing() {
    let pair = Pair::new(None);
    let made = pair.one(&pair.bo, op(1, "create", "a", 0, json!({"t": 1})));
    assert_eq!(made["status"], "applied");
    now(pair.world.service.revoke_device(&pair.bo, pair.bo.device_id)).unwrap();
    for body in
        [json!({"operations": [op(2, "update", "a", 1, json!({"t": 2}))]}), json!({"pull": {"spaces": {&pair.space: {"cursor": null}}}})]
    {
        let mut body = body;
        (body["protocol"], body["space_id"]) = (json!(1), json!(pair.space));
        let request = SyncRequest::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(refused(now(pair.world.service.sync(&pair.bo, request))), Code::Unauthenticated, "{body}");
    }
    assert_eq!(pair.pull(&pair.ana, None)["items"][0]["document"]["t"], 1);
}
