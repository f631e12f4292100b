//! Canaries: a value of its own in every field of every collection of the built-in schema, in questions, change requests and
//! deletions about them. Every byte that the server sends to each role, over all that a member may call, is searched for
//! those that it may not read, and for those that it may.

use std::collections::BTreeMap;

use actix_web::body::MessageBody;
use serde_json::{Map, Value, json};
use sync_core::schema::FieldType;
use sync_core::{Role, Schema};

use crate::harness::{Api, Login, PASSWORD, api};
use crate::realtime::{Stream, cursor};

/// What the server alone writes, and what says who sees a document.
const NOT_WRITTEN: [&str; 4] = ["status", "signed_state", "signers", "visibility"];
/// Written by the server, and decided by people.
const LEFT_OUT: &str = "change_requests";

fn op_id(n: usize) -> String {
    format!("01890000-0000-7000-8000-{n:012x}")
}

/// A field's values, three for each, found again wherever they are told.
#[derive(Debug, Clone)]
struct Canary {
    collection: String,
    field: String,
    values: [Value; 3],
    marks: Vec<String>,
}

impl Canary {
    fn new(collection: &str, field: &str, kind: FieldType, n: usize) -> Option<Self> {
        let mark = |which: usize| format!("canary-{n}-{which}-{collection}-{field}");
        let number = |which: usize| 770_000_000 + 10 * n + which;
        let value = |which: usize| {
            Some(match kind {
                FieldType::Text => json!(mark(which)),
                FieldType::Set => json!([mark(which)]),
                FieldType::List => json!([{"id": mark(which)}]),
                FieldType::Object => json!({"x": mark(which)}),
                FieldType::Integer | FieldType::Number => json!(number(which)),
                // what can only be one of a few values, or names somebody, is no canary
                _ => return None,
            })
        };
        let values = [value(0)?, value(1)?, value(2)?];
        let marks = (0..3).map(|which| if values[0].is_number() { number(which).to_string() } else { mark(which) }).collect();
        Some(Self { collection: collection.to_owned(), field: field.to_owned(), values, marks })
    }

    fn is_for(&self, schema: &Schema, role: Role) -> bool {
        let collection = &schema.collections[&self.collection];
        collection.viewers().roles.includes(role) && collection.readers(&self.field).roles.includes(role)
    }
}

fn canaries(schema: &Schema) -> Vec<Canary> {
    let collections = schema.collections.iter().filter(|(name, _)| *name != LEFT_OUT);
    let fields =
        collections.flat_map(|(name, collection)| collection.fields.iter().map(move |(field, declared)| (name, field, declared.kind)));
    let named = fields.filter(|(_, field, _)| !NOT_WRITTEN.contains(&field.as_str())).enumerate();
    named.filter_map(|(n, (name, field, kind))| Canary::new(name, field, kind, n)).collect()
}

/// A document of each collection; in a name that tells of it.
fn document(collection: &str) -> String {
    format!("document-of-{collection}")
}

struct Scene<S> {
    api: Api<S>,
    schema: std::sync::Arc<Schema>,
    canaries: Vec<Canary>,
    lead: Login,
    other: Login,
    space: String,
    sent: usize,
    conflicts: Vec<String>,
}

impl<S, B> Scene<S>
where
    S: actix_web::dev::Service<actix_http::Request, Response = actix_web::dev::ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    async fn push(&mut self, login: &Login, operations: Vec<Value>) -> (Value, String) {
        let ops: Vec<Value> = operations
            .into_iter()
            .map(|mut operation| {
                self.sent += 1;
                operation["op_id"] = json!(op_id(self.sent));
                operation
            })
            .collect();
        let body = json!({"protocol": 1, "space_id": self.space, "operations": ops});
        let reply = self.api.call(&login.access_token, "POST", "/api/offline/sync", body).await;
        (reply.json(), String::from_utf8(reply.body.to_vec()).unwrap())
    }

    fn patches(&self, which: usize) -> BTreeMap<String, Map<String, Value>> {
        let mut patches: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for canary in &self.canaries {
            patches.entry(canary.collection.clone()).or_default().insert(canary.field.clone(), canary.values[which].clone());
        }
        patches
    }

    /// Everything is written, changed, and changed again by somebody who had not seen that: questions about whatever asks.
    async fn fill(&mut self) {
        let (lead, other) = (self.lead.clone(), self.other.clone());
        let operation = |kind: &str, collection: &str, base: &Value, patch: Value| {
            let id = document(collection);
            json!({"kind": kind, "collection": collection, "document_id": id, "base_version": base, "patch": patch})
        };
        let made: Vec<Value> =
            self.patches(0).into_iter().map(|(name, patch)| operation("create", &name, &json!(0), Value::Object(patch))).collect();
        let (made, _) = self.push(&lead, made).await;
        let names: Vec<String> = self.patches(0).into_keys().collect();
        let bases: BTreeMap<&String, Value> =
            names.iter().zip(made["results"].as_array().unwrap()).map(|(name, result)| (name, result["decided_version"].clone())).collect();
        for (which, login) in [(1, &lead), (2, &other)] {
            let edits = self
                .patches(which)
                .into_iter()
                .map(|(name, patch)| operation("update", &name, &bases[&name], Value::Object(patch)))
                .collect();
            let (edited, text) = self.push(login, edits).await;
            assert!(edited["results"].as_array().unwrap().iter().all(|result| result["held"] == true), "{text}");
        }
        // and some are deleted by somebody who had seen less
        let gone = ["guests", "payments"].map(|name| {
            let mut operation = operation("delete", name, &bases[&name.to_owned()], Value::Null);
            operation.as_object_mut().unwrap().remove("patch");
            operation
        });
        self.push(&other, gone.to_vec()).await;
        let list = self.api.call(&lead.access_token, "GET", "/api/offline/conflict?state=all&limit=200", Value::Null).await.json();
        self.conflicts = list["items"].as_array().unwrap().iter().map(|item| item["conflict_id"].as_str().unwrap().to_owned()).collect();
        assert!(self.conflicts.len() > 8, "{list}");
    }

    /// A login of somebody in a role.
    async fn member(&self, role: Role) -> Login {
        let email = format!("{}@example.org", role.as_str());
        let user = json!({"email": email, "password": PASSWORD, "name": role.as_str()});
        let made = self.api.call(&self.lead.access_token, "POST", "/api/users", user).await.json();
        let path = format!("/api/spaces/{}/members/{}", self.space, made["user_id"].as_str().unwrap());
        let put = self.api.call(&self.lead.access_token, "PUT", &path, json!({"role": role.as_str()})).await;
        assert!(put.status.is_success(), "{put:?}");
        self.api.login(&email).await
    }

    /// All that a member may ask, and what comes back.
    async fn hear(&mut self, login: &Login) -> Vec<(String, String)> {
        let space = self.space.clone();
        let mut heard = Vec::new();
        let pull = |cursor: Value, most: u32| json!({"protocol": 1, "pull": {"spaces": {&space: {"cursor": cursor}}, "max_changes": most}});
        let buckets: Map<String, Value> = (0..=255_u8).map(|bucket| (format!("{bucket:02x}"), json!([]))).collect();
        let names: Vec<&String> = self.schema.collections.keys().collect();
        let rows: Map<String, Value> =
            names.iter().map(|name| ((*name).clone(), json!(buckets))).chain([("_conflicts".into(), json!(buckets))]).collect();
        let all_ops: Vec<String> = (1..=self.sent).map(op_id).collect();
        let mut calls = vec![
            ("POST", "/api/offline/sync".to_owned(), pull(Value::Null, 500)),
            ("POST", "/api/offline/sync".to_owned(), pull(Value::Null, 1)),
            ("POST", "/api/offline/sync/verify".to_owned(), json!({"space_id": space, "cursor": null})),
            ("POST", "/api/offline/sync/verify".to_owned(), json!({"space_id": space, "rows": rows, "deep": true})),
            ("POST", "/api/offline/sync/receipts".to_owned(), json!({"op_ids": all_ops})),
            ("GET", format!("/api/offline/sync/snapshot?space={space}"), Value::Null),
            ("GET", "/api/offline/conflict?state=all&limit=200".to_owned(), Value::Null),
            ("GET", "/api/offline/conflict?state=all&limit=1".to_owned(), Value::Null),
            ("GET", "/api/offline/conflict/preferences?scope=organisation".to_owned(), Value::Null),
            ("GET", "/api/offline/queue/pending?payload=true".to_owned(), Value::Null),
            ("GET", "/api/offline/queue/export".to_owned(), Value::Null),
            ("GET", format!("/api/offline/sync/status/{}", login.device_id), Value::Null),
            ("GET", format!("/api/spaces/{space}/members"), Value::Null),
            ("GET", format!("/api/spaces/{space}/presence"), Value::Null),
        ];
        // those of the lead come first
        calls.extend(all_ops.iter().take(48).map(|op_id| ("GET", format!("/api/offline/sync/explain/{op_id}"), Value::Null)));
        for id in self.conflicts.clone() {
            self.sent += 2;
            let answer = json!({"resolutions": [{"op_id": op_id(self.sent), "conflict_id": id, "version": 1, "fields": {"/gate_code": {"choose": "ours"}}}]});
            calls.push(("GET", format!("/api/offline/conflict/{id}"), Value::Null));
            calls.push(("PUT", "/api/offline/sync/resolve".to_owned(), answer));
            calls.push(("POST", format!("/api/offline/conflict/{id}/undo"), json!({"op_id": op_id(self.sent - 1)})));
        }
        for name in self.schema.collections.keys().cloned().collect::<Vec<_>>() {
            for kind in ["fields", "delete_edit", "no_base"] {
                let filter = json!({"space_id": space, "collection": name, "kind": kind});
                calls.push(("POST", "/api/offline/conflict".to_owned(), json!({"filter": filter, "choose": "ours", "preview": true})));
            }
        }
        for (method, path, body) in calls {
            let reply = self.api.call(&login.access_token, method, &path, body).await;
            assert!(!reply.status.is_server_error(), "{method} {path}: {reply:?}");
            let headers: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            heard
                .push((format!("{method} {path}"), format!("{}\n{}", headers.join("\n"), String::from_utf8(reply.body.to_vec()).unwrap())));
        }
        heard.extend(self.say(login).await);
        heard
    }

    /// What somebody sends is answered too: edits that meet what they have not seen, and what is not theirs to write.
    async fn say(&mut self, login: &Login) -> Vec<(String, String)> {
        let stream = Stream::open(
            &self.api,
            &login.access_token,
            &format!("/api/offline/events?space={}&cursor={}", self.space, cursor(&self.api, login, &self.space).await),
            None,
        )
        .await;
        let mut stream = stream;
        let mut heard = Vec::new();
        let hints = json!({"kind": "update", "base_version": 1, "patch": {"canary_hint": "x"}});
        for name in self.schema.collections.keys().filter(|name| *name != LEFT_OUT).cloned().collect::<Vec<_>>() {
            let with = |mut operation: Value, kind: &str, patch: Value| {
                operation["collection"] = json!(name);
                operation["document_id"] = json!(document(&name));
                (operation["kind"], operation["patch"]) = (json!(kind), patch);
                operation
            };
            let fields: Vec<String> =
                self.canaries.iter().filter(|canary| canary.collection == name).map(|canary| canary.field.clone()).collect();
            let mut operations = vec![
                with(hints.clone(), "update", json!({"hint": "x"})),
                with(json!({"base_version": 0}), "create", json!({"hint": "y"})),
                with(json!({"base_version": 1}), "restore", json!({"hint": "z"})),
            ];
            operations.extend(fields.iter().map(|field| with(hints.clone(), "update", json!({field: null}))));
            let mut deletion = with(hints.clone(), "delete", Value::Null);
            deletion.as_object_mut().unwrap().remove("patch");
            operations.push(deletion);
            let (_, text) = self.push(login, operations).await;
            heard.push((format!("push {name}"), text));
        }
        let shift = json!({"collection": "timeline_events", "kind": "intent", "base_version": 1,
            "intent": {"name": "shift", "args": {"from": "2026-06-20T00:00", "by_min": 5}}});
        let (_, text) = self.push(login, vec![shift]).await;
        heard.push(("shift".into(), text));
        // the lead goes on, and it is told at once
        let (lead, patches) = (self.lead.clone(), self.patches(1));
        let edits = patches.into_iter().map(|(name, patch)| json!({"kind": "update", "collection": name, "document_id": document(&name), "base_version": 1_000_000, "base": {}, "patch": patch}));
        self.push(&lead, edits.collect()).await;
        heard.push(("events".into(), stream.read()));
        heard
    }
}

#[actix_web::test]
async fn no_byte_that_is_sent_tells_what_a_role_may_not_read() {
    let schema = Schema::built_in("wedding@3").unwrap();
    let api = api().await;
    let lead = api.member("Alder & Rye", "ana@example.org").await;
    let other = api.login("ana@example.org").await;
    let made = api
        .call(&lead.access_token, "POST", "/api/spaces", json!({"name": "Amara & Joel", "event_date": "2026-06-20", "schema": "wedding@3"}))
        .await;
    let space = made.json()["space_id"].as_str().unwrap().to_owned();
    let canaries = canaries(&schema);
    assert!(canaries.len() > 120, "{}", canaries.len());
    let mut scene = Scene { api, schema: schema.clone(), canaries: canaries.clone(), lead, other, space, sent: 0, conflicts: Vec::new() };
    scene.fill().await;
    for role in [Role::Viewer, Role::Vendor, Role::Photographer, Role::Couple, Role::Coordinator] {
        let login = scene.member(role).await;
        let heard = scene.hear(&login).await;
        for canary in &canaries {
            let may = canary.is_for(&schema, role);
            for mark in &canary.marks {
                let leak = heard.iter().find(|(_, text)| !may && text.contains(mark));
                assert!(leak.is_none(), "{} is told {mark} by {}", role.as_str(), leak.map_or("", |(call, _)| call));
            }
            let told = heard.iter().any(|(_, text)| canary.marks.iter().any(|mark| text.contains(mark)));
            assert_eq!(told, may, "{}: {}.{}", role.as_str(), canary.collection, canary.field);
        }
        let closed = schema.collections.iter().filter(|(_, collection)| !collection.viewers().roles.includes(role));
        for (name, _) in closed {
            // what somebody sends themselves is answered under its name
            let by_others = heard.iter().filter(|(call, _)| !call.starts_with("push"));
            let leak = by_others.into_iter().find(|(_, text)| text.contains(&document(name)));
            assert!(leak.is_none(), "{} is told of {name} by {leak:?}", role.as_str());
        }
    }
}
