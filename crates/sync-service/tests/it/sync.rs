//! Push and pull, as a device sees them.

use serde_json::{Value, json};
use sync_core::protocol::v1::SyncRequest;
use sync_service::Caller;

use crate::world::{World, now};

pub(crate) fn id(n: u32) -> String {
    format!("01890000-0000-7000-8000-{n:012x}")
}

/// A space with two members, Ana (lead) and Bo (photographer), each on a device.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) space: String,
    pub(crate) ana: Caller,
    pub(crate) bo: Caller,
}

impl Pair {
    pub(crate) fn new(schema: Option<&str>) -> Self {
        Self::with(json!(schema))
    }

    /// With a schema of its own, or `null`.
    pub(crate) fn with(schema: Value) -> Self {
        let world = World::new();
        let (ana, bo) = (world.caller("ana@example.org"), world.caller("bo@example.org"));
        let request = json!({"name": "Amara & Joel", "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": schema});
        let space = now(world.service.create_space(&ana, serde_json::from_value(request).unwrap())).unwrap();
        let pair = Self { world, space: space.space_id.to_string(), ana, bo };
        pair.give_bo("photographer");
        pair
    }

    /// Gives Bo a role.
    pub(crate) fn give_bo(&self, role: &str) {
        let role = serde_json::from_value(json!({"role": role})).unwrap();
        now(self.world.service.put_member(&self.ana, self.space.parse().unwrap(), self.bo.user_id, role)).unwrap();
    }

    /// Another space, of Ana alone.
    pub(crate) fn second_space(&self) -> String {
        let request = serde_json::from_value(json!({"name": "Second"})).unwrap();
        now(self.world.service.create_space(&self.ana, request)).unwrap().space_id.to_string()
    }

    /// The document as it stands, with its version; `null` when it is not there.
    pub(crate) fn read(&self, caller: &Caller, collection: &str, document: &str) -> Value {
        let mut cursor: Option<String> = None;
        loop {
            let page = self.pull(caller, cursor.as_deref());
            let found =
                page["items"].as_array().unwrap().iter().find(|item| item["collection"] == collection && item["document_id"] == document);
            if let Some(item) = found {
                return item["document"].clone();
            }
            if page["has_more"] == false {
                return Value::Null;
            }
            cursor = page["cursor"].as_str().map(str::to_owned);
        }
    }

    /// A conflict's body.
    pub(crate) fn conflict(&self, caller: &Caller, id: &Value) -> Value {
        self.read(caller, "_conflicts", id.as_str().unwrap())
    }

    /// Answers a conflict at the version at which it stands.
    pub(crate) fn resolve(&self, caller: &Caller, n: u32, conflict: &Value, answer: Value) -> Value {
        let mut resolution = json!({"op_id": id(n), "conflict_id": conflict["conflict_id"], "version": conflict["version"]});
        for (name, value) in answer.as_object().unwrap() {
            resolution[name] = value.clone();
        }
        self.sync(caller, json!({"resolutions": [resolution]}))["results"][0].clone()
    }

    pub(crate) fn sync(&self, caller: &Caller, body: Value) -> Value {
        let mut body = body;
        body["protocol"] = json!(1);
        body["space_id"] = json!(self.space);
        let request = SyncRequest::parse(body.to_string().as_bytes()).unwrap();
        serde_json::to_value(now(self.world.service.sync(caller, request)).unwrap()).unwrap()
    }

    pub(crate) fn push(&self, caller: &Caller, operations: Value) -> Vec<Value> {
        self.sync(caller, json!({"operations": operations}))["results"].as_array().unwrap().clone()
    }

    pub(crate) fn one(&self, caller: &Caller, operation: Value) -> Value {
        self.push(caller, json!([operation])).remove(0)
    }

    pub(crate) fn pull(&self, caller: &Caller, cursor: Option<&str>) -> Value {
        let answer = self.sync(caller, json!({"pull": {"spaces": {&self.space: {"cursor": cursor}}}}));
        answer["changes"][&self.space].clone()
    }
}

pub(crate) fn op(n: u32, kind: &str, document: &str, base_version: i64, patch: Value) -> Value {
    let mut operation = json!({"op_id": id(n), "collection": "notes", "document_id": document, "kind": kind, "base_version": base_version});
    if !patch.is_null() {
        operation["patch"] = patch;
    }
    operation
}

/// An operation with further members.
pub(crate) fn with(mut operation: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        operation[name] = value.clone();
    }
    operation
}

/// Status and problem's code.
pub(crate) fn told(result: &Value) -> (&str, &str) {
    (result["status"].as_str().unwrap(), result["problem"]["code"].as_str().unwrap_or_default())
}

/// The statuses of results.
pub(crate) fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[test]
fn disjoint_fields_merge_and_a_disputed_one_is_asked() {
    let pair = Pair::new(None);
    let made = pair.one(&pair.ana, op(1, "create", "a", 0, json!({"title": "Ceremony", "at": "16:00", "gone": null})));
    assert_eq!((made["status"].as_str(), made["version"].as_i64()), (Some("applied"), Some(1)));
    let first = pair.one(&pair.ana, op(2, "update", "a", 1, json!({"at": "16:15"})));
    assert_eq!(first["status"], "applied");
    let second = pair.one(&pair.bo, op(3, "update", "a", 1, json!({"title": "Ceremony (garden)", "at": "16:30"})));
    assert_eq!(second["status"], "conflict", "{second}");
    assert_eq!(second["document"], json!({"title": "Ceremony (garden)", "at": "16:15"}));
    let third = pair.one(&pair.bo, op(4, "update", "a", 1, json!({"notes": "x"})));
    assert_eq!(third["status"], "merged");

    let page = pair.pull(&pair.ana, None);
    let conflict = page["items"].as_array().unwrap().iter().find(|item| item["collection"] == "_conflicts").unwrap()["document"].clone();
    assert_eq!(conflict["fields"]["/at"]["base"], "16:00");
    assert_eq!(conflict["fields"]["/at"]["ours"], "16:15");
    assert_eq!(conflict["fields"]["/at"]["theirs"], "16:30");
    assert_eq!(conflict["ours_by"]["user_id"], json!(pair.ana.user_id));
    let answer = json!({"resolutions": [{"conflict_id": conflict["conflict_id"], "op_id": id(9), "version": conflict["version"], "fields": {"/at": {"choose": "theirs"}}}]});
    let resolved = pair.sync(&pair.ana, answer.clone());
    assert_eq!(resolved["results"][0]["status"], "applied", "{resolved}");
    assert_eq!(resolved["results"][0]["document"]["at"], "16:30");
    assert_eq!(pair.sync(&pair.ana, answer)["results"][0]["status"], "duplicate");
    let page = pair.pull(&pair.ana, page["cursor"].as_str());
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(page["has_more"], false);
}

#[test]
fn a_replay_is_answered_from_what_was_stored() {
    let pair = Pair::new(None);
    let create = op(1, "create", "a", 0, json!({"n": 1}));
    let first = pair.one(&pair.ana, create.clone());
    let again = pair.one(&pair.ana, create.clone());
    assert_eq!((again["status"].as_str(), again["was"].as_str()), (Some("duplicate"), Some("applied")));
    assert_eq!(again["decided_version"], first["decided_version"]);
    assert_eq!(pair.one(&pair.ana, op(1, "create", "a", 0, json!({"n": 2})))["problem"]["code"], "op_id_reuse");
    assert_eq!(pair.one(&pair.bo, create)["problem"]["code"], "op_id_reuse");
}

#[test]
fn a_chain_is_never_in_conflict_with_itself() {
    let pair = Pair::new(None);
    pair.one(&pair.ana, op(1, "create", "a", 0, json!({"t": "0"})));
    pair.one(&pair.bo, op(2, "update", "a", 1, json!({"other": 1})));
    // a device that never hears an answer goes on editing over version 1
    assert_eq!(pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": "1"})))["status"], "merged");
    let mut next = op(4, "update", "a", 1, json!({"t": "2"}));
    next["after"] = json!(id(3));
    assert_eq!(pair.one(&pair.ana, next)["status"], "merged");
    // the same within one request, without `after`
    let results = pair.push(
        &pair.ana,
        json!([op(5, "create", "b", 0, json!({"x": 1})), op(6, "update", "b", 0, json!({"x": 2})), op(7, "delete", "b", 0, Value::Null)]),
    );
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["applied", "applied", "applied"], "{results:?}");
}

#[test]
fn a_group_commits_whole_or_is_asked_whole() {
    let pair = Pair::new(None);
    pair.push(&pair.ana, json!([op(1, "create", "a", 0, json!({"t": "0"})), op(2, "create", "b", 0, json!({"t": "0"}))]));
    pair.one(&pair.ana, op(3, "update", "a", 1, json!({"t": "ana"})));
    let grouped = |n, document, base| {
        let mut operation = op(n, "update", document, base, json!({"t": "bo"}));
        operation["group"] = json!("g1");
        operation
    };
    let results = pair.push(&pair.bo, json!([grouped(4, "a", 1), grouped(5, "b", 2)]));
    assert!(results.iter().all(|result| result["status"] == "conflict"), "{results:?}");
    assert_eq!(results[0]["conflict_id"], results[1]["conflict_id"]);
    assert_eq!(results[1]["document"]["t"], "0");
    let answer = pair.sync(
        &pair.ana,
        json!({"resolutions": [{"conflict_id": results[0]["conflict_id"], "op_id": id(9), "version": 99, "choose": "theirs"}]}),
    );
    assert_eq!(answer["results"][0]["status"], "applied", "{answer}");
    let page = pair.pull(&pair.ana, None);
    let values: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["collection"] == "notes")
        .map(|item| item["document"]["t"].clone())
        .collect();
    assert_eq!(values, [json!("bo"), json!("bo")]);
}
