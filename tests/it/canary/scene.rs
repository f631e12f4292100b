//! A wedding with a canary in all that somebody may not read, and everybody who has something to do with it or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sync_core::{Role, Schema};
use testkit::canary::{Canary, canaries, document, mark, operation, patches};

use crate::matrix::table::ACTORS;
use crate::matrix::world::Wedding;
use crate::server::{Client, Server, op_id};

/// Canaries that are not in a field of the wedding's documents: their numbers begin here.
const MORE: usize = 5_000;
const MEMBERS: [&str; 6] = ["lead", "coordinator", "photographer", "vendor", "couple", "viewer"];
const PLANNERS: [&str; 2] = ["lead", "coordinator"];
const SENSITIVE: [&str; 3] = ["lead", "coordinator", "couple"];

/// A canary outside of the fields: where it is, and who may be told.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) place: String,
    readers: Vec<&'static str>,
    /// Whether each of them is told, too.
    is_told: bool,
}

/// Somebody with a device.
pub(super) struct Actor {
    pub(super) name: &'static str,
    pub(super) client: Client,
    user_id: String,
    pub(super) device: String,
}

/// Everything.
pub(super) struct Scene {
    pub(super) schema: Arc<Schema>,
    pub(super) canaries: Vec<Canary>,
    pub(super) placed: Vec<Placed>,
    pub(super) actors: Vec<Actor>,
    /// Another device of the lead, that has not seen what the first one did.
    other: Client,
    pub(super) space: String,
    pub(super) wedding: Wedding,
    pub(super) sent: Vec<String>,
    pub(super) conflicts: Vec<String>,
    pub(super) records: Vec<String>,
    foreign: String,
}

impl Scene {
    /// Everybody, and a wedding with nothing in it. `foreign` administrates another organisation.
    pub(super) fn new(server: &Server, foreign: &str) -> Self {
        let admin = server.client();
        let actor = |name: &'static str| {
            let email = email(name, foreign);
            if !matches!(name, "admin" | "foreign") {
                admin.add_user(&email);
            }
            let (client, user_id) = server.log_in(&email);
            let devices = client.call("GET", "/api/auth/devices", &Value::Null).unwrap();
            let own = devices["items"].as_array().unwrap().iter().find(|device| device["current"] == true).unwrap();
            Actor { name, device: text(own, "device_id"), client, user_id }
        };
        let actors: Vec<Actor> = ACTORS.into_iter().map(actor).collect();
        let schema = Schema::built_in("wedding").unwrap();
        let mut scene = Self {
            canaries: canaries(&schema),
            schema,
            placed: Vec::new(),
            actors,
            other: server.log_in("lead@example.org").0,
            space: String::new(),
            wedding: Wedding { ids: BTreeMap::new(), canary: "canary-".to_owned() },
            sent: Vec::new(),
            conflicts: Vec::new(),
            records: Vec::new(),
            foreign: foreign.to_owned(),
        };
        assert!(scene.canaries.len() > 120, "{}", scene.canaries.len());
        scene.found();
        scene
    }

    /// Makes the wedding and lets everybody in who belongs there.
    fn found(&mut self) {
        let name = self.place("the name of the wedding", &MEMBERS, true);
        let setting = self.place("a setting", &MEMBERS, true);
        let body = json!({"name": name, "event_date": "2026-06-20", "time_zone": "Europe/Lisbon", "schema": "wedding", "settings": {"note": setting}});
        let made = self.actor("lead").client.call("POST", "/api/spaces", &body).unwrap();
        self.space = text(&made, "space_id");
        for name in MEMBERS.into_iter().skip(1).chain(["removed"]) {
            let role = if name == "removed" { "coordinator" } else { name };
            let path = format!("/api/spaces/{}/members/{}", self.space, self.actor(name).user_id);
            self.actor("lead").client.call("PUT", &path, &json!({"role": role})).unwrap();
        }
        let path = format!("/api/spaces/{}/members/{}", self.space, self.actor("removed").user_id);
        self.actor("lead").client.call("DELETE", &path, &Value::Null).unwrap();
    }

    /// With what somebody logs in.
    pub(super) fn email(&self, name: &str) -> String {
        email(name, &self.foreign)
    }

    pub(super) fn actor(&self, name: &str) -> &Actor {
        self.actors.iter().find(|actor| actor.name == name).unwrap()
    }

    /// Whether an actor may be told a canary.
    pub(super) fn may(&self, name: &str, number: usize) -> bool {
        match self.canaries.get(number) {
            Some(canary) => Role::ALL.into_iter().find(|role| role.as_str() == name).is_some_and(|role| canary.is_for(&self.schema, role)),
            None => self.placed.get(number.wrapping_sub(MORE)).is_some_and(|placed| placed.readers.contains(&name)),
        }
    }

    /// The canaries that an actor has to be told, by all means together.
    pub(super) fn must(&self, name: &str) -> Vec<usize> {
        let placed = self.placed.iter().zip(MORE..).filter(|(placed, _)| placed.is_told && placed.readers.contains(&name));
        (0..self.canaries.len()).filter(|number| self.may(name, *number)).chain(placed.map(|(_, number)| number)).collect()
    }

    /// Where a canary is.
    pub(super) fn place_of(&self, number: usize) -> String {
        let in_field = self.canaries.get(number).map(|canary| format!("{}.{}", canary.collection, canary.field));
        in_field.unwrap_or_else(|| self.placed.get(number.wrapping_sub(MORE)).map_or("nowhere".to_owned(), |placed| placed.place.clone()))
    }

    /// A canary for a place.
    fn place(&mut self, place: &str, readers: &[&'static str], is_told: bool) -> String {
        self.placed.push(Placed { place: place.to_owned(), readers: readers.to_vec(), is_told });
        mark(MORE + self.placed.len() - 1, "placed")
    }

    /// The id of another operation.
    pub(super) fn fresh(&mut self) -> String {
        self.sent.push(op_id(0x77, u32::try_from(self.sent.len()).unwrap()));
        self.sent.last().unwrap().clone()
    }

    /// Sends operations as somebody; what came back, word by word.
    pub(super) fn push(&mut self, client: &Client, operations: Vec<Value>) -> Vec<u8> {
        let mut operations = operations;
        for operation in &mut operations {
            operation["op_id"] = json!(self.fresh());
        }
        let body = json!({"protocol": 1, "space_id": self.space, "operations": operations}).to_string();
        let answer = client.ask("POST", "/api/offline/sync", "application/json", &body).unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.body
    }

    fn results(&mut self, client: &Client, operations: Vec<Value>) -> Vec<Value> {
        let answer: Value = serde_json::from_slice(&self.push(client, operations)).unwrap();
        answer["results"].as_array().unwrap().clone()
    }

    /// Everything is written, changed, and changed again by somebody who had not seen that; the rest by whom it concerns.
    pub(super) fn fill(&mut self) {
        let (lead, other) = (self.actor("lead").client.clone(), self.other.clone());
        let names: Vec<String> = patches(&self.canaries, 0).into_keys().collect();
        let all = |scene: &Self, which: usize, kind: &str, base: &dyn Fn(&str) -> Value| -> Vec<Value> {
            let patches = patches(&scene.canaries, which);
            patches.into_iter().map(|(name, patch)| operation(kind, &name, &base(&name), Value::Object(patch))).collect()
        };
        let made = all(self, 0, "create", &|_| json!(0));
        let made = self.results(&lead, made);
        let bases: BTreeMap<String, Value> = names.into_iter().zip(made.iter().map(|result| result["decided_version"].clone())).collect();
        for (which, client) in [(1, &lead), (2, &other)] {
            let edits = all(self, which, "update", &|name| bases[name].clone());
            let edited = self.results(client, edits);
            assert!(edited.iter().all(|result| result["held"] == true), "{edited:?}");
        }
        // and some are deleted by somebody who had seen less
        let gone = ["guests", "payments"].map(|name| operation("delete", name, &bases[name], Value::Null));
        self.results(&other, gone.to_vec());
        self.show_to_some();
        self.refuse();
        self.propose(&bases["guests"]);
        self.queue();
        self.note_ids();
        self.answer();
    }

    /// Moments that only some see, and one that was everybody's once.
    fn show_to_some(&mut self) {
        let lead = self.actor("lead").client.clone();
        let vendors = ["lead", "coordinator", "photographer", "vendor"];
        for (visibility, readers) in [("private", &PLANNERS[..]), ("couple", &SENSITIVE[..]), ("vendors", &vendors[..])] {
            let (title, id) = (format!("the title of what is {visibility}"), format!("the id of what is {visibility}"));
            // who administrates the organisation is told by its log what was written to, and never what
            let (title, id) = (self.place(&title, readers, true), self.place(&id, &[readers, &["admin"]].concat(), true));
            let made = json!({"kind": "create", "collection": "timeline_events", "document_id": id, "base_version": 0,
                "patch": {"title": title, "visibility": visibility, "starts_at": "2026-06-20T16:00"}});
            self.results(&lead, vec![made]);
        }
        let before = self.place("a title before it was hidden", &MEMBERS, false);
        let after = self.place("a title since it is hidden", &PLANNERS, true);
        let moment = |kind: &str, base: Value, patch: Value| json!({"kind": kind, "collection": "timeline_events", "document_id": "moment", "base_version": base, "patch": patch});
        let made = self.results(&lead, vec![moment("create", json!(0), json!({"title": before}))]);
        let edit = moment("update", made[0]["version"].clone(), json!({"title": after, "visibility": "private"}));
        self.results(&lead, vec![edit]);
        let reason = self.place("the reason of a shift", &MEMBERS, false);
        let shift = json!({"kind": "intent", "collection": "timeline_events", "base_version": 1_000,
            "intent": {"name": "shift", "args": {"from": "2026-06-20T00:00", "by_min": 5, "reason": reason}}});
        self.results(&lead, vec![shift]);
    }

    /// What is refused is kept, for who sent it and the leads.
    fn refuse(&mut self) {
        let refused: Vec<&'static str> = vec!["vendor", "photographer", "viewer", "removed"];
        for name in refused {
            let text = self.place(&format!("what the {name} may not write"), &["lead", name], false);
            let client = self.actor(name).client.clone();
            let operation = operation("update", "guests", &json!(1), json!({"allergy_flags": [text]}));
            let result = self.results(&client, vec![operation]).remove(0);
            assert_eq!(result["status"], "quarantined", "{result}");
            let text = self.place(&format!("a reason of the {name}"), &["lead", name], false);
            let mut broken =
                json!({"kind": "update", "collection": "guests", "document_id": "g", "base_version": 1, "patch": {"notes": 1}});
            broken["reason"] = json!(text);
            self.results(&client, vec![broken]);
        }
    }

    /// A request about what few read, and a decision.
    fn propose(&mut self, base: &Value) {
        let (lead, coordinator) = (self.actor("lead").client.clone(), self.actor("coordinator").client.clone());
        let reason = self.place("the reason of a request about allergies", &SENSITIVE, true);
        let note = self.place("the note of a decision about allergies", &SENSITIVE, true);
        let patch = Value::Object(Map::from_iter([("allergy_flags".to_owned(), json!([]))]));
        let mut removal = operation("update", "guests", base, patch);
        removal["reason"] = json!(reason);
        let result = self.results(&coordinator, vec![removal]).remove(0);
        assert_eq!(result["proposed"], json!(["/allergy_flags"]), "{result}");
        let items = lead.read_all(&self.space);
        let is_asked = |item: &&Value| item["collection"] == "change_requests" && item["document"]["paths"] == json!(["/allergy_flags"]);
        let request = text(items.iter().find(is_asked).unwrap(), "document_id");
        let decision = json!({"kind": "update", "collection": "change_requests", "document_id": request, "base_version": 1_000_000,
            "patch": {"state": "declined", "decision_note": note}});
        let result = self.results(&lead, vec![decision]).remove(0);
        assert_eq!(result["status"], "merged", "{result}");
    }

    /// What waits in the queue, where nobody works.
    fn queue(&mut self) {
        for (name, (collection, field), readers) in [
            ("lead", ("payments", "notes"), &["lead"][..]),
            ("coordinator", ("guests", "notes"), &PLANNERS[..]),
            ("vendor", ("weddings", "notes"), &["lead", "vendor"][..]),
        ] {
            let id = self.place(&format!("the id of what the {name} queued"), &[readers, &["admin"]].concat(), true);
            let words = self.place(&format!("what the {name} queued"), readers, true);
            let line = json!({"op_id": self.fresh(), "collection": collection, "document_id": id, "kind": "create", "base_version": 0,
                "patch": {field: words}});
            let taken = self.actor(name).client.batch(&self.space, &[line]).unwrap();
            self.wedding.ids.insert("batch", text(&taken, "batch_id"));
        }
    }

    /// A question about what few read is answered with a value.
    fn answer(&mut self) {
        let lead = self.actor("lead").client.clone();
        let value = self.place("a value that was chosen", &SENSITIVE, true);
        let listed = lead.call("GET", "/api/offline/conflict?state=open&limit=200", &Value::Null).unwrap();
        let about = |item: &&Value| item["collection"] == "guests" && item["fields"].get("/notes").is_some();
        let question = listed["items"].as_array().unwrap().iter().find(about).unwrap();
        let answer = json!({"conflict_id": question["conflict_id"], "op_id": self.fresh(), "version": question["version"],
            "fields": {"/notes": {"choose": "value", "value": value}}});
        let told = lead.call("PUT", "/api/offline/sync/resolve", &json!({"resolutions": [answer]})).unwrap();
        assert_eq!(told["results"][0]["status"], "applied", "{told}");
    }

    fn note_ids(&mut self) {
        let lead = self.actor("lead").client.clone();
        let list = lead.call("GET", "/api/offline/conflict?state=all&limit=200", &Value::Null).unwrap();
        self.conflicts = list["items"].as_array().unwrap().iter().map(|item| text(item, "conflict_id")).collect();
        assert!(self.conflicts.len() > 8, "{list}");
        let path = format!("/api/offline/audit?space={}&action=sync.push&limit=200", self.space);
        let records = lead.call("GET", &path, &Value::Null).unwrap();
        self.records = records["items"].as_array().unwrap().iter().map(|item| text(item, "record_id")).collect();
        let task =
            lead.call("POST", "/api/offline/queue/retry", &json!({"filter": {"space_id": self.space, "reason": "internal"}})).unwrap();
        let devices = self.other.call("GET", "/api/auth/devices", &Value::Null).unwrap();
        let own = devices["items"].as_array().unwrap().iter().find(|device| device["current"] == true).unwrap();
        let ids = [
            ("space", self.space.clone()),
            ("conflict", self.conflicts[0].clone()),
            ("answered", self.conflicts[1].clone()),
            ("op", self.sent[0].clone()),
            ("item", self.sent.last().unwrap().clone()),
            ("device", text(own, "device_id")),
            ("user", self.actor("lead").user_id.clone()),
            ("spare", self.actor("nobody").user_id.clone()),
            ("purge", op_id(0x78, 1)),
            ("record", self.records[0].clone()),
            ("task", text(&task, "task_id")),
        ];
        self.wedding.ids.extend(ids);
    }

    /// A new document of every collection, and one after them that everybody sees.
    pub(super) fn last_words(&mut self, marker: &str) {
        let lead = self.actor("lead").client.clone();
        let patches = patches(&self.canaries, 0);
        let made = |(name, patch): (String, Map<String, Value>)| json!({"kind": "create", "collection": name, "document_id": format!("another-{}", document(&name)), "base_version": 0, "patch": patch});
        let mut words: Vec<Value> = patches.into_iter().map(made).collect();
        words.push(
            json!({"kind": "create", "collection": "weddings", "document_id": marker, "base_version": 0, "patch": {"hashtag": "the end"}}),
        );
        let results = self.results(&lead, words);
        assert!(results.iter().all(|result| result["status"] == "applied"), "{results:?}");
    }
}

fn email(name: &str, foreign: &str) -> String {
    match name {
        "admin" => "ana@example.org".to_owned(),
        "foreign" => foreign.to_owned(),
        name => format!("{name}@example.org"),
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {value}")).to_owned()
}
