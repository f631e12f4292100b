//! Canaries: a value of its own in every field of every collection of the built-in schema, in questions, change requests and
//! deletions about them. Every byte that the server sends to each role, over all that a member may call, is searched for
//! those that it may not read, and for those that it may.

use actix_web::body::MessageBody;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use sync_core::{Role, Schema};
use testkit::canary::{Asked, Canary, canaries, document, found_in, intrusions, operation, patches};

use crate::harness::{Api, Login, PASSWORD, api};
use crate::realtime::{Stream, cursor};

fn op_id(n: usize) -> String {
    format!("01890000-0000-7000-8000-{n:012x}")
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

    /// Everything is written, changed, and changed again by somebody who had not seen that: questions about whatever asks.
    async fn fill(&mut self) {
        let (lead, other) = (self.lead.clone(), self.other.clone());
        let made: Vec<Value> = patches(&self.canaries, 0)
            .into_iter()
            .map(|(name, patch)| operation("create", &name, &json!(0), Value::Object(patch)))
            .collect();
        let (made, _) = self.push(&lead, made).await;
        let names: Vec<String> = patches(&self.canaries, 0).into_keys().collect();
        let bases: BTreeMap<&String, Value> =
            names.iter().zip(made["results"].as_array().unwrap()).map(|(name, result)| (name, result["decided_version"].clone())).collect();
        for (which, login) in [(1, &lead), (2, &other)] {
            let edits = patches(&self.canaries, which)
                .into_iter()
                .map(|(name, patch)| operation("update", &name, &bases[&name], Value::Object(patch)))
                .collect();
            let (edited, text) = self.push(login, edits).await;
            assert!(edited["results"].as_array().unwrap().iter().all(|result| result["held"] == true), "{text}");
        }
        // and some are deleted by somebody who had seen less
        let gone = ["guests", "payments"].map(|name| operation("delete", name, &bases[&name.to_owned()], Value::Null));
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
        // those of the lead come first
        let (op_ids, mut sent): (Vec<String>, usize) = ((1..=self.sent.min(48)).map(op_id).collect(), self.sent);
        let (schema, conflicts) = (self.schema.clone(), self.conflicts.clone());
        let asked = Asked { space: &space, schema: &schema, op_ids: &op_ids, conflicts: &conflicts, device: &login.device_id };
        let calls = asked.calls(|| {
            sent += 1;
            op_id(sent)
        });
        self.sent = sent;
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
        for (name, operations) in intrusions(&self.schema, &self.canaries) {
            let (_, text) = self.push(login, operations).await;
            heard.push((format!("push {name}"), text));
        }
        let shift = json!({"collection": "timeline_events", "kind": "intent", "base_version": 1,
            "intent": {"name": "shift", "args": {"from": "2026-06-20T00:00", "by_min": 5}}});
        let (_, text) = self.push(login, vec![shift]).await;
        heard.push(("shift".into(), text));
        // the lead goes on, and it is told at once
        let lead = self.lead.clone();
        let edits = patches(&self.canaries, 1).into_iter().map(|(name, patch)| json!({"kind": "update", "collection": name, "document_id": document(&name), "base_version": 1_000_000, "base": {}, "patch": patch}));
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
        let told: BTreeMap<usize, &str> = heard
            .iter()
            .flat_map(|(call, text)| found_in(text.as_bytes()).into_iter().map(move |number| (number, call.as_str())))
            .collect();
        for (number, canary) in canaries.iter().enumerate() {
            let (may, by) = (canary.is_for(&schema, role), told.get(&number));
            assert_eq!(by.is_some(), may, "{}: {}.{} by {by:?}", role.as_str(), canary.collection, canary.field);
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
