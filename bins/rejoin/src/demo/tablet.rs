//! A device of the demo: a copy of one space, an outbox, and the sync protocol over real HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};
use sync_core::json::apply_patch;
use sync_core::ports::{Clock, Entropy};

use crate::failure::Failure;
use crate::system::{SystemClock, SystemEntropy};

const ANSWER_BYTES: u64 = 64 << 20;

/// Speaks to the server.
#[derive(Clone)]
pub(crate) struct Http {
    agent: ureq::Agent,
    url: String,
}

impl Http {
    pub(crate) fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60))).build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    /// A request; an answer other than 2xx is a failure with its detail.
    pub(crate) fn call(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.url);
        let failed = |error: ureq::Error| Failure::Failed(format!("{method} {path}: {error}"));
        let bearer = format!("Bearer {token}");
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut answer = match method {
            "GET" => self.agent.get(&url).header("Authorization", &bearer).call(),
            "PUT" => self.agent.put(&url).header("Authorization", &bearer).content_type("application/json").send(&text),
            _ => self.agent.post(&url).header("Authorization", &bearer).content_type("application/json").send(&text),
        }
        .map_err(failed)?;
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_string().map_err(failed)?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if answer.status().is_success() {
            return Ok(value);
        }
        Err(Failure::Failed(format!("{method} {path} answered {}: {}", answer.status(), text_of(&value, "detail"))))
    }
}

/// A string member, empty when there is none.
pub(crate) fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A document of the copy.
struct Held {
    version: i64,
    body: Map<String, Value>,
}

/// A device with its copy and its outbox.
pub(crate) struct Tablet {
    http: Http,
    pub(crate) owner: &'static str,
    pub(crate) token: String,
    pub(crate) user_id: String,
    space: String,
    copy: BTreeMap<(String, String), Held>,
    cursor: Option<String>,
    /// Whether a run of pages was complete: only then results touch the copy.
    has_floor: bool,
    outbox: Vec<Value>,
    /// What the server answered, by operation.
    results: BTreeMap<String, Value>,
    /// The server's checksums at the end of the last run.
    pub(crate) checksums: BTreeMap<String, String>,
    pub(crate) received: usize,
}

impl Tablet {
    /// Logs in on a new device.
    pub(crate) fn login(http: &Http, owner: &'static str, email: &str, password: &str, device: &str) -> Result<Self, Failure> {
        let body = json!({"email": email, "password": password, "device": {"name": device, "platform": "demo"}});
        let grant = http.call("POST", "/api/auth/login", "", Some(&body))?;
        Ok(Self {
            http: http.clone(),
            owner,
            token: text_of(&grant, "access_token").to_owned(),
            user_id: text_of(&grant, "user_id").to_owned(),
            space: String::new(),
            copy: BTreeMap::new(),
            cursor: None,
            has_floor: false,
            outbox: Vec::new(),
            results: BTreeMap::new(),
            checksums: BTreeMap::new(),
            received: 0,
        })
    }

    /// Opens a space.
    pub(crate) fn open(&mut self, space: &str) {
        space.clone_into(&mut self.space);
    }

    /// How many documents it holds, questions left out.
    pub(crate) fn documents(&self) -> usize {
        self.copy.keys().filter(|(collection, _)| collection != "_conflicts").count()
    }

    /// How many operations wait in the outbox.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// A document of the copy.
    pub(crate) fn document(&self, collection: &str, id: &str) -> Option<&Map<String, Value>> {
        self.copy.get(&(collection.to_owned(), id.to_owned())).map(|held| &held.body)
    }

    /// A document of a collection of the copy that fits.
    pub(crate) fn find(&self, collection: &str, fits: impl Fn(&Map<String, Value>) -> bool) -> Option<&Map<String, Value>> {
        self.copy.iter().filter(|((name, _), _)| name == collection).map(|(_, held)| &held.body).find(|body| fits(body))
    }

    /// Writes an operation into the outbox, over what this device has seen. Its id.
    pub(crate) fn write(&mut self, kind: &str, collection: &str, id: &str, patch: Option<Value>) -> String {
        let base_version = self.copy.get(&(collection.to_owned(), id.to_owned())).map_or(0, |held| held.version);
        let base_version = if kind == "create" { 0 } else { base_version };
        let mut operation = json!({"collection": collection, "document_id": id, "kind": kind, "base_version": base_version});
        if let (Some(patch), Some(members)) = (patch, operation.as_object_mut()) {
            members.insert("patch".into(), patch);
        }
        self.enqueue(operation)
    }

    /// Changes members of a document.
    pub(crate) fn edit(&mut self, collection: &str, id: &str, patch: Value) -> String {
        self.write("update", collection, id, Some(patch))
    }

    /// Moves what begins at `from` or later, over what this device has seen of the run sheet.
    pub(crate) fn shift(&mut self, from: &str, by_min: i64, reason: &str) -> String {
        let seen = self.copy.values().map(|held| held.version).max().unwrap_or_default();
        let intent = json!({"name": "shift", "args": {"from": from, "by_min": by_min, "reason": reason}});
        self.enqueue(json!({"collection": "timeline_events", "kind": "intent", "intent": intent, "base_version": seen}))
    }

    fn enqueue(&mut self, mut operation: Value) -> String {
        let op_id = new_op_id();
        if let Some(members) = operation.as_object_mut() {
            members.insert("op_id".into(), op_id.as_str().into());
            members.insert("created_at".into(), SystemClock.now().to_string().into());
        }
        self.outbox.push(operation);
        op_id
    }

    /// What the server answered to an operation; `null` before that.
    pub(crate) fn result(&self, op_id: &str) -> &Value {
        self.results.get(op_id).unwrap_or(&Value::Null)
    }

    /// The status that an operation got, whichever answer brought it.
    pub(crate) fn status(&self, op_id: &str) -> &str {
        let result = self.result(op_id);
        if text_of(result, "status") == "duplicate" { text_of(result, "was") } else { text_of(result, "status") }
    }

    fn body(&self) -> Value {
        let operations: Vec<&Value> = self.outbox.iter().take(1_000).collect();
        json!({
            "protocol": 1, "sent_at": SystemClock.now().to_string(), "space_id": self.space, "operations": operations,
            "pull": {"spaces": {&self.space: {"cursor": self.cursor}}, "max_changes": 5_000, "max_bytes": 4_000_000},
        })
    }

    /// Sends everything and loses the answer on its way back.
    pub(crate) fn sync_and_lose_the_answer(&self) -> Result<(), Failure> {
        self.http.call("POST", "/api/offline/sync", &self.token, Some(&self.body())).map(drop)
    }

    /// Sends the outbox and reads until nothing is left; how many operations were answered.
    pub(crate) fn sync(&mut self) -> Result<usize, Failure> {
        let mut answered = 0;
        self.received = 0;
        loop {
            let sent = self.outbox.len();
            let answer = self.http.call("POST", "/api/offline/sync", &self.token, Some(&self.body()))?;
            for result in answer.get("results").and_then(Value::as_array).into_iter().flatten() {
                answered += usize::from(self.take_result(result));
            }
            let changes = answer.get("changes").and_then(|changes| changes.get(&self.space)).cloned().unwrap_or_default();
            let has_more = self.take_page(&changes);
            if !has_more && (self.outbox.is_empty() || self.outbox.len() == sent) {
                return Ok(answered);
            }
        }
    }

    /// Takes a result; whether the server holds the operation.
    fn take_result(&mut self, result: &Value) -> bool {
        let op_id = text_of(result, "op_id");
        let held = result.get("held").and_then(Value::as_bool) == Some(true);
        let Some(place) = self.outbox.iter().position(|operation| text_of(operation, "op_id") == op_id).filter(|_| held) else {
            return false;
        };
        let operation = self.outbox.remove(place);
        self.results.insert(op_id.to_owned(), result.clone());
        let key = (text_of(&operation, "collection").to_owned(), text_of(&operation, "document_id").to_owned());
        // what an intent moved comes with the pull
        let version = result.get("version").and_then(Value::as_i64).filter(|_| self.has_floor && !key.1.is_empty());
        if let Some(version) = version {
            match (text_of(result, "status"), result.get("document")) {
                ("applied", _) => self.lay_over(key, &operation, version),
                (_, Some(Value::Object(body))) => {
                    self.copy.insert(key, Held { version, body: body.clone() });
                }
                (_, Some(Value::Null)) => {
                    self.copy.remove(&key);
                }
                _ => {}
            }
        }
        true
    }

    fn lay_over(&mut self, key: (String, String), operation: &Value, version: i64) {
        if text_of(operation, "kind") == "delete" {
            self.copy.remove(&key);
            return;
        }
        let held = self.copy.entry(key).or_insert_with(|| Held { version, body: Map::new() });
        if let Some(patch) = operation.get("patch").and_then(Value::as_object) {
            apply_patch(&mut held.body, patch);
        }
        held.version = version;
    }

    /// Takes a page; whether another one follows.
    fn take_page(&mut self, changes: &Value) -> bool {
        for item in changes.get("items").and_then(Value::as_array).into_iter().flatten() {
            self.received += 1;
            let key = (text_of(item, "collection").to_owned(), text_of(item, "document_id").to_owned());
            let version = item.get("version").and_then(Value::as_i64).unwrap_or_default();
            if self.copy.get(&key).is_some_and(|held| held.version > version) {
                continue;
            }
            match (text_of(item, "kind"), item.get("document"), item.get("patch")) {
                ("document", Some(Value::Object(body)), _) => {
                    self.copy.insert(key, Held { version, body: body.clone() });
                }
                ("patch", _, Some(Value::Object(patch))) => {
                    let held = self.copy.entry(key).or_insert_with(|| Held { version, body: Map::new() });
                    assign(&mut held.body, patch);
                    held.version = version;
                }
                _ => {
                    self.copy.remove(&key);
                }
            }
        }
        if let Some(cursor) = changes.get("cursor").and_then(Value::as_str) {
            self.cursor = Some(cursor.to_owned());
        }
        let has_more = changes.get("has_more").and_then(Value::as_bool).unwrap_or_default();
        if let Some(sums) = changes.get("checksums").and_then(Value::as_object) {
            self.has_floor = true;
            self.checksums = sums.iter().map(|(name, sum)| (name.clone(), sum.as_str().unwrap_or_default().to_owned())).collect();
        }
        has_more
    }

    /// The checksums of its own copy, as the protocol defines them.
    pub(crate) fn own_checksums(&self) -> BTreeMap<String, String> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for ((collection, id), held) in &self.copy {
            let text = [id.as_bytes(), b"\0", held.version.to_string().as_bytes()].concat();
            let hash = digest(&SHA256, &text);
            let share = hash.as_ref().first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first));
            let sum = sums.entry(collection).or_default();
            *sum = sum.wrapping_add(share);
        }
        sums.into_iter().map(|(collection, sum)| (collection.to_owned(), format!("{sum:016x}"))).collect()
    }

    /// Whether another device holds the very same documents.
    pub(crate) fn holds_the_same_as(&self, other: &Self) -> bool {
        let same = |(one, two): (&Held, &Held)| one.version == two.version && one.body == two.body;
        self.copy.keys().eq(other.copy.keys()) && self.copy.values().zip(other.copy.values()).all(same)
    }
}

/// A new operation's id.
pub(crate) fn new_op_id() -> String {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    entropy.uuid_v7(SystemClock.now()).to_string()
}

/// A pull's patch is assigned field by field.
fn assign(body: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        if value.is_null() {
            body.remove(name);
        } else {
            body.insert(name.clone(), value.clone());
        }
    }
}
