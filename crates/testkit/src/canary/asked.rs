//! All that somebody may ask about a space, and what they may send to it to see what comes back.

use serde_json::{Map, Value, json};
use sync_core::Schema;

use super::{Canary, REQUESTS, operation};

/// What a request is: method, path, body (`null` for none).
pub type Call = (&'static str, String, Value);

/// What is asked about.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The space.
    pub space: &'a str,
    /// Its schema.
    pub schema: &'a Schema,
    /// Operations, each of which is explained.
    pub op_ids: &'a [String],
    /// Questions in it.
    pub conflicts: &'a [String],
    /// The device that asks.
    pub device: &'a str,
}

impl Asked<'_> {
    /// Every call that answers with what is kept in a space. `fresh` gives ids of operations.
    pub fn calls(&self, mut fresh: impl FnMut() -> String) -> Vec<Call> {
        let mut calls = self.reading();
        calls.extend(self.op_ids.iter().map(|op_id| ("GET", format!("/api/offline/sync/explain/{op_id}"), Value::Null)));
        for id in self.conflicts {
            let answer =
                json!({"resolutions": [{"op_id": fresh(), "conflict_id": id, "version": 1, "fields": {"/gate_code": {"choose": "ours"}}}]});
            calls.push(("GET", format!("/api/offline/conflict/{id}"), Value::Null));
            calls.push(("PUT", "/api/offline/sync/resolve".to_owned(), answer));
            calls.push(("POST", format!("/api/offline/conflict/{id}/undo"), json!({"op_id": fresh()})));
            let places = ["", "/allergy_flags", "/notes", "/amount", "/budget_total", "/gate_code"];
            calls.extend(places.map(|place| ("POST", format!("/api/offline/conflict/{id}/reveal"), json!({"field": place}))));
        }
        for name in self.schema.collections.keys() {
            for kind in ["fields", "delete_edit", "no_base"] {
                let filter = json!({"space_id": self.space, "collection": name, "kind": kind});
                calls.push(("POST", "/api/offline/conflict".to_owned(), json!({"filter": filter, "choose": "ours", "preview": true})));
            }
        }
        calls
    }

    fn reading(&self) -> Vec<Call> {
        let space = self.space;
        let pull = |most: u32| json!({"protocol": 1, "pull": {"spaces": {space: {"cursor": null}}, "max_changes": most}});
        let buckets: Map<String, Value> = (0..=255_u8).map(|bucket| (format!("{bucket:02x}"), json!([]))).collect();
        let names = self.schema.collections.keys().cloned().chain(["_conflicts".to_owned()]);
        let rows: Map<String, Value> = names.map(|name| (name, json!(buckets))).collect();
        let posts = [
            ("/api/offline/sync", pull(500)),
            ("/api/offline/sync", pull(1)),
            ("/api/offline/sync/verify", json!({"space_id": space, "cursor": null})),
            ("/api/offline/sync/verify", json!({"space_id": space, "rows": rows, "deep": true})),
            ("/api/offline/sync/receipts", json!({"op_ids": self.op_ids})),
        ];
        let gets = [
            format!("/api/offline/sync/snapshot?space={space}"),
            "/api/offline/conflict?state=all&limit=200".to_owned(),
            "/api/offline/conflict?state=all&limit=1".to_owned(),
            "/api/offline/conflict/preferences?scope=organisation".to_owned(),
            "/api/offline/conflict/preferences?scope=person".to_owned(),
            "/api/offline/conflict/preferences?scope=role:vendor".to_owned(),
            "/api/offline/queue/pending?payload=true".to_owned(),
            "/api/offline/queue/export".to_owned(),
            format!("/api/offline/sync/status/{}", self.device),
            "/api/offline/audit".to_owned(),
            "/api/offline/audit/export".to_owned(),
            "/api/spaces".to_owned(),
            format!("/api/spaces/{space}"),
            format!("/api/spaces/{space}/members"),
            format!("/api/spaces/{space}/presence"),
            "/api/auth/devices".to_owned(),
            "/metrics".to_owned(),
        ];
        let posts = posts.into_iter().map(|(path, body)| ("POST", path.to_owned(), body));
        posts.chain(gets.into_iter().map(|path| ("GET", path, Value::Null))).collect()
    }
}

/// What somebody sends about documents that they may not see: edits that meet what they have not seen, and what is not
/// theirs to write; a list for each collection, without ids.
#[must_use]
pub fn intrusions(schema: &Schema, canaries: &[Canary]) -> Vec<(String, Vec<Value>)> {
    let old = json!(1);
    let of = |name: &String| {
        let fields = canaries.iter().filter(|canary| canary.collection == *name).map(|canary| canary.field.as_str());
        let mut operations = vec![
            operation("update", name, &old, json!({"hint": "x"})),
            operation("create", name, &json!(0), json!({"hint": "y"})),
            operation("restore", name, &old, json!({"hint": "z"})),
        ];
        operations.extend(fields.map(|field| operation("update", name, &old, json!({field: null}))));
        operations.push(operation("delete", name, &old, Value::Null));
        (name.clone(), operations)
    };
    schema.collections.keys().filter(|name| *name != REQUESTS).map(of).collect()
}
