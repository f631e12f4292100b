//! A device: a client reducer written from the protocol alone, so that it can hold a server to it.
//!
//! It keeps, for each space, a copy of the server's state with a cursor, and an outbox of operations that no result has
//! answered yet. What a person sees is the copy with the outbox laid over it. Everything goes in and out as JSON, so
//! that the same device drives a service in this process and a server behind HTTP.
//!
//! A promise that the server breaks comes back as [`Broken`]; a wrong checksum is one.
//!
//! ```
//! use serde_json::json;
//! use testkit::device::{Compose, Device, Edit};
//!
//! let mut device = Device::new("ana", ["space-1"]);
//! let patch = json!({"title": "Toast"}).as_object().cloned();
//! device.edit(Edit { op_id: "op-1".into(), space_id: "space-1".into(), collection: "notes".into(), document_id: "a".into(), kind: "create", patch, ..Edit::default() });
//! assert_eq!(device.screen("space-1", "notes", "a").unwrap()["title"], "Toast");
//! let body = device.compose(&Compose::default());
//! assert_eq!(body["operations"][0]["base_version"], 0);
//! ```

mod outbox;
mod replica;
mod results;
mod snapshot;
mod verify;

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use sync_core::json::{Object, apply_patch};

use outbox::Pending;
pub use outbox::{Compose, Edit};
pub use replica::{Documents, Held, Replica, checksum_of};

/// What carries a request to a server and its answer back.
pub trait Wire {
    /// Sends the body of a sync request and gives the answer's body.
    ///
    /// # Errors
    /// [`WireError`]; after one the device knows nothing of what became of its request.
    fn sync(&mut self, body: &Value) -> Result<Value, WireError>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum WireError {
    /// The request or its answer was lost.
    Lost,
    /// The server answered with a problem document instead.
    Refused(Value),
}

/// A promise of the protocol that the server did not keep, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a document is: space, collection, id.
pub type Place = (String, String, String);

/// An answer to a conflict that no result has answered yet.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    op_id: String,
    /// The document that the conflict is about.
    about: Place,
    wire: Value,
}

/// What the last request carried, to read its answer by.
#[derive(Debug, Clone, Default, PartialEq)]
struct Sent {
    operations: Vec<String>,
    answers: Vec<String>,
    asked: Vec<String>,
    /// The spaces read, and whether from the beginning.
    pulled: BTreeMap<String, bool>,
}

/// The last operation made here on a document.
#[derive(Debug, Clone, PartialEq)]
struct Last {
    op_id: String,
    kind: &'static str,
    /// The server holds it, and the copy does not show what came of it yet: the next one builds on it.
    unseen: bool,
}

/// A device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    name: String,
    spaces: BTreeMap<String, Replica>,
    outbox: Vec<Pending>,
    /// What the server holds of what was made here, with the version that each made.
    acknowledged: Vec<(Pending, Option<i64>)>,
    answers: Vec<Answer>,
    /// The last operation made here on each document, answered or not.
    last_own: HashMap<Place, Last>,
    sent: Sent,
}

impl Device {
    /// A new installation that follows these spaces.
    pub fn new<'a>(name: &str, spaces: impl IntoIterator<Item = &'a str>) -> Self {
        let spaces = spaces.into_iter().map(|space| (space.to_owned(), Replica::default())).collect();
        Self {
            name: name.to_owned(),
            spaces,
            outbox: Vec::new(),
            acknowledged: Vec::new(),
            answers: Vec::new(),
            last_own: HashMap::new(),
            sent: Sent::default(),
        }
    }

    /// Its name, for messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its copy of a space.
    ///
    /// # Panics
    /// When it does not follow the space.
    #[must_use]
    pub fn replica(&self, space: &str) -> &Replica {
        &self.spaces[space]
    }

    /// Puts any text in the place of a cursor, as a damaged disk would.
    pub fn damage_cursor(&mut self, space: &str, cursor: &str) {
        self.replica_mut(space).cursor = Some(cursor.to_owned());
    }

    fn replica_mut(&mut self, space: &str) -> &mut Replica {
        self.spaces.get_mut(space).unwrap()
    }

    /// Whether nothing waits to be sent, or in the server's queue.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outbox.is_empty() && self.answers.is_empty()
    }

    /// The ids of what waits to be sent, in the order made.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        self.outbox.iter().map(|pending| pending.op_id.clone()).chain(self.answers.iter().map(|answer| answer.op_id.clone())).collect()
    }

    /// A document as a person sees it: the copy with the outbox laid over it. `None`: it is not there.
    #[must_use]
    pub fn screen(&self, space: &str, collection: &str, id: &str) -> Option<Object> {
        let mut body = self.replica(space).live(collection, id).cloned();
        let mut last = None;
        for pending in self.outbox.iter().filter(|pending| !pending.passed && pending.is_about(space, collection, id)) {
            if pending.kind == "restore" && body.is_none() {
                body = last.take();
            }
            match (pending.kind, &pending.patch) {
                ("delete", _) => last = body.take().or(last),
                ("create" | "restore", patch) => apply_patch(body.get_or_insert_default(), &patch.clone().unwrap_or_default()),
                (_, patch) => {
                    if let (Some(body), Some(patch)) = (&mut body, patch) {
                        apply_patch(body, patch);
                    }
                }
            }
        }
        body
    }

    /// Whether the device knows that a document was deleted or left its view, or deleted it itself.
    #[must_use]
    pub fn knows_as_gone(&self, space: &str, collection: &str, id: &str) -> bool {
        let deleted_here = self.last_own.get(&place(space, collection, id)).is_some_and(|last| last.kind == "delete");
        let heard = self.replica(space).held(collection, id).is_some_and(|held| held.body.is_none());
        self.screen(space, collection, id).is_none() && (deleted_here || heard)
    }

    /// The open conflicts in a space's copy, as documents.
    #[must_use]
    pub fn open_conflicts(&self, space: &str) -> Vec<&Object> {
        self.replica(space).live_in("_conflicts").map(|(_, body)| body).filter(|body| body.get("state") == Some(&json!("open"))).collect()
    }

    /// Takes an edit that a person makes now, on what the screen shows.
    pub fn edit(&mut self, edit: Edit) {
        let about = place(&edit.space_id, &edit.collection, &edit.document_id);
        let screen = self.screen(&edit.space_id, &edit.collection, &edit.document_id).unwrap_or_default();
        let waits = self.outbox.iter().any(|pending| pending.about() == about);
        let builds_on = |last: &&Last| waits || edit.continues || last.unseen;
        let after = self.last_own.get(&about).filter(builds_on).map(|last| last.op_id.clone());
        let held = self.replica(&edit.space_id).held(&edit.collection, &edit.document_id);
        let base_version = if edit.kind == "create" { 0 } else { held.map_or(0, |held| held.version) };
        self.last_own.insert(about, Last { op_id: edit.op_id.clone(), kind: edit.kind, unseen: false });
        let epoch = self.replica(&edit.space_id).epoch.clone();
        self.outbox.push(Pending::new(edit, (base_version, epoch), after, &screen));
    }

    /// Takes an answer that a person gives to a conflict now. `choice` has `fields`, or `choose` for a group.
    ///
    /// # Panics
    /// When the conflict is not in the copy.
    pub fn answer(&mut self, op_id: &str, space: &str, conflict_id: &str, choice: &Object) {
        let replica = self.replica(space);
        let conflict = replica.live("_conflicts", conflict_id).unwrap();
        let text = |name: &str| conflict[name].as_str().unwrap().to_owned();
        let about = (space.to_owned(), text("collection"), text("document_id"));
        let mut wire = json!({"conflict_id": conflict_id, "op_id": op_id, "version": conflict["version"]});
        wire.as_object_mut().unwrap().extend(choice.clone());
        self.answers.push(Answer { op_id: op_id.to_owned(), about, wire });
    }

    /// The body of a sync request: the outbox, then a pull from every space's cursor.
    #[must_use]
    pub fn compose(&mut self, how: &Compose) -> Value {
        let operations = self.operations_to_send(how);
        self.sent = Sent {
            operations: operations.iter().map(|operation| operation["op_id"].as_str().unwrap().to_owned()).collect(),
            answers: self.answers.iter().filter(|_| !how.for_batch).map(|answer| answer.op_id.clone()).collect(),
            asked: self.to_ask(how),
            pulled: BTreeMap::new(),
        };
        for pending in &mut self.outbox {
            pending.sent |= self.sent.operations.contains(&pending.op_id);
        }
        let mut epochs = Object::new();
        for (space, epoch) in self.spaces.keys().filter_map(|space| Some((space, self.epoch_to_name(space)?))) {
            epochs.insert(space.clone(), how.foreign_epoch.clone().unwrap_or(epoch).into());
        }
        let answers: Vec<&Value> = self.answers.iter().filter(|_| !how.for_batch).map(|answer| &answer.wire).collect();
        let mut body = json!({"protocol": 1, "epochs": epochs, "operations": operations, "resolutions": answers, "ask": self.sent.asked});
        if let Some(sent_at) = &how.sent_at {
            body["sent_at"] = sent_at.as_str().into();
        }
        if let Some(schema) = how.schema {
            body["schema"] = schema.into();
        }
        if !(how.without_pull || how.for_batch) {
            body["pull"] = self.pull_to_send(how);
        }
        body
    }

    fn pull_to_send(&mut self, how: &Compose) -> Value {
        let mut spaces = Object::new();
        for (space, replica) in &self.spaces {
            let cursor = replica.cursor.clone().filter(|_| !replica.resetting);
            self.sent.pulled.insert(space.clone(), cursor.is_none());
            spaces.insert(space.clone(), json!({"cursor": cursor}));
        }
        let mut pull = json!({"spaces": spaces});
        if let Some(max_changes) = how.max_changes {
            pull["max_changes"] = max_changes.into();
        }
        if let Some(max_bytes) = how.max_bytes {
            pull["max_bytes"] = max_bytes.into();
        }
        pull
    }

    /// Takes the answer to the request that was composed last.
    ///
    /// # Errors
    /// [`Broken`]: the answer is not one that the protocol allows, or the copy's checksums are not the server's.
    pub fn absorb(&mut self, response: &Value) -> Result<(), Broken> {
        let sent = std::mem::take(&mut self.sent);
        self.absorb_results(&sent, response)?;
        self.absorb_receipts(&sent, response)?;
        for (space, from_start) in sent.pulled {
            let page = &response["changes"][&space];
            let settled =
                self.unheld().all(|pending| pending.space_id != space) && self.answers.iter().all(|answer| answer.about.0 != space);
            let absorbed = self.replica_mut(&space).absorb_page(page, from_start, settled);
            absorbed.map_err(|broken| Broken(format!("{} in {space}: {broken}", self.name)))?;
            if let Some(shared_until) = self.replica_mut(&space).forked_at.take() {
                self.resend(&space, shared_until);
            }
        }
        Ok(())
    }
}

fn place(space: &str, collection: &str, id: &str) -> Place {
    (space.to_owned(), collection.to_owned(), id.to_owned())
}

fn broken<T>(words: impl Into<String>) -> Result<T, Broken> {
    Err(Broken(words.into()))
}
