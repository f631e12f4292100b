//! What was typed, what the server said of it, and what must hold after each answer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};
use sync_core::SpaceId;

use crate::coverage::Coverage;
use crate::server::Server;
use crate::world::{Check, World, fail};

/// The epoch of a device that comes from another history of a space.
pub(crate) const FOREIGN_EPOCH: &str = "018f0000-0000-7000-8000-000000000000";

/// What a person did.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) device: usize,
    pub(crate) space: String,
    /// `collection/id`.
    pub(crate) key: String,
    pub(crate) kind: &'static str,
    /// The tokens that are new with it.
    pub(crate) typed: Vec<String>,
    /// The tokens that the person saw.
    pub(crate) seen: BTreeSet<String>,
}

/// The one result of an operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Terminal {
    pub(crate) status: String,
    pub(crate) decided_version: Value,
    pub(crate) conflict_id: Value,
}

/// Everything that was typed and answered.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) typed: BTreeMap<String, Typed>,
    pub(crate) terminals: BTreeMap<String, Terminal>,
    /// What reached the server, as it was sent first.
    pub(crate) sent: BTreeMap<String, Value>,
    /// Whose first result may have been lost inside the server.
    pub(crate) doubtful: HashSet<String>,
    /// What the queue holds or held.
    pub(crate) queued: HashSet<String>,
    /// By device, space and document: its operations, in the order in which the server first said that it holds them.
    pub(crate) strands: HashMap<(usize, String, String), Vec<String>>,
    /// The chain: each operation's predecessor.
    before: HashMap<String, String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body[name].as_array().map_or(&[], Vec::as_slice)
}

impl Ledger {
    pub(crate) fn typed(&mut self, op_id: String, typed: Typed) {
        self.typed.insert(op_id, typed);
    }

    /// A request reaches the server.
    pub(crate) fn arrives(&mut self, body: &Value) {
        let mut latest: HashMap<(String, String, String), String> = HashMap::new();
        for sent in list(body, "operations").iter().chain(list(body, "resolutions")) {
            let op_id = text(&sent["op_id"]);
            self.sent.entry(op_id.clone()).or_insert_with(|| sent.clone());
            let about = (text(&sent["space_id"]), text(&sent["collection"]), text(&sent["document_id"]));
            let before = latest.insert(about, op_id.clone());
            let before = sent["after"].as_str().map(str::to_owned).or(before.filter(|_| sent["kind"].is_string()));
            if let Some(before) = before.filter(|_| !self.terminals.contains_key(&op_id)) {
                self.before.insert(op_id, before);
            }
        }
    }

    /// The outcome of this request may stay unknown.
    pub(crate) fn doubt(&mut self, body: &Value) {
        self.doubtful.extend(list(body, "operations").iter().chain(list(body, "resolutions")).map(|sent| text(&sent["op_id"])));
    }

    /// Some operation that has its result, with its space.
    pub(crate) fn nth_stored(&self, which: usize) -> Option<(String, String)> {
        let (op_id, _) = self.terminals.iter().nth(which % self.terminals.len().max(1))?;
        Some((op_id.clone(), self.typed[op_id].space.clone()))
    }

    /// An operation and its predecessors, latest first.
    pub(crate) fn chain<'a>(&'a self, op_id: &'a str) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(op_id), |link| self.before.get(*link).map(String::as_str))
    }

    /// Whether one operation comes before another in its chain.
    fn precedes(&self, earlier: &str, later: &str) -> bool {
        self.chain(later).skip(1).any(|link| link == earlier)
    }

    /// Looks at an answer, whether or not its device hears it.
    pub(crate) fn observe(&mut self, server: &Server, coverage: &Coverage, body: &Value, response: &Value) -> Check {
        let (operations, resolutions) = (list(body, "operations"), list(body, "resolutions"));
        let results = list(response, "results");
        for (sent, result) in operations.iter().chain(resolutions).zip(results) {
            let op_id = text(&sent["op_id"]);
            if result["op_id"] != sent["op_id"] {
                return fail(format!("results come in the order of the operations: {result} answers {sent}"));
            }
            let what = if sent["kind"].is_null() { "resolution" } else { "status" };
            coverage.hit(format!("{what} {}", text(&result["status"])));
            if !result["problem"].is_null() {
                coverage.hit(format!("problem {}", text(&result["problem"]["code"])));
            }
            if result["status"] == "queued" && !sent["group"].is_null() {
                coverage.hit("queue a group");
            }
            self.observe_result(&op_id, result)?;
        }
        for receipt in list(response, "receipts") {
            if receipt["held"] != true {
                self.observe_result(&text(&receipt["op_id"]), receipt)?;
                continue;
            }
            coverage.hit(format!("receipt {}", text(&receipt["status"])));
            if let Some("queued" | "parked") = receipt["status"].as_str() {
                self.observe_result(&text(&receipt["op_id"]), receipt)?;
                continue;
            }
            let replay = json!({"held": true, "status": "duplicate", "was": receipt["status"], "decided_version": receipt["version"], "conflict_id": receipt["conflict_id"]});
            self.observe_result(&text(&receipt["op_id"]), &replay)?;
        }
        // whose base is not known asks about what it can't know, its own too
        let estranged = body["epochs"].as_object().is_some_and(|epochs| epochs.values().any(|epoch| epoch == FOREIGN_EPOCH));
        for result in results.iter().filter(|result| result["status"] == "conflict") {
            self.observe_conflict(server, coverage, result, estranged)?;
        }
        observe_pages(coverage, response);
        self.observe_heads(server, response)
    }

    fn observe_result(&mut self, op_id: &str, result: &Value) -> Check {
        let status = text(&result["status"]);
        let is_open = self.queued.contains(op_id) && !self.terminals.contains_key(op_id);
        if result["held"] != true && is_open && result["problem"]["code"] != "unknown_outcome" {
            return fail(format!("{op_id} was in the queue, and is not held any more: {result}"));
        }
        if result["held"] == true
            && !self.queued.contains(op_id)
            && !self.terminals.contains_key(op_id)
            && !self.doubtful.contains(op_id)
            && let Some(typed) = self.typed.get(op_id).filter(|typed| typed.kind != "resolve")
        {
            let strand = (typed.device, typed.space.clone(), typed.key.clone());
            self.strands.entry(strand).or_default().push(op_id.to_owned());
        }
        if matches!(status.as_str(), "queued" | "parked") {
            self.queued.insert(op_id.to_owned());
            return match self.terminals.get(op_id) {
                Some(known) => fail(format!("{op_id} was {known:?}, and is in the queue again: {result}")),
                None => Ok(()),
            };
        }
        if result["held"] != true {
            return match self.terminals.get(op_id) {
                Some(known) if result["problem"]["code"] != "unknown_outcome" => {
                    fail(format!("{op_id} was {known:?} and is not held any more: {result}"))
                }
                _ => Ok(()),
            };
        }
        let replay = status == "duplicate";
        let terminal = Terminal {
            status: if replay { text(&result["was"]) } else { status },
            decided_version: result["decided_version"].clone(),
            conflict_id: result["conflict_id"].clone(),
        };
        match self.terminals.get(op_id) {
            Some(known) if replay && *known == terminal => Ok(()),
            Some(known) => fail(format!("{op_id} was {known:?} and now answers {result}")),
            None if replay && !self.doubtful.contains(op_id) && !self.queued.contains(op_id) => {
                fail(format!("{op_id} is answered as a replay, and was never decided: {result}"))
            }
            None if !replay && self.queued.contains(op_id) => {
                fail(format!("{op_id} was in the queue, and is decided as if it were new: {result}"))
            }
            None => {
                self.terminals.insert(op_id.to_owned(), terminal);
                Ok(())
            }
        }
    }

    /// Nobody is in conflict with their own chain, and every conflict is there to be seen.
    fn observe_conflict(&self, server: &Server, coverage: &Coverage, result: &Value, estranged: bool) -> Check {
        let op_id = text(&result["op_id"]);
        if self.typed.get(&op_id).is_some_and(|typed| typed.kind == "resolve") {
            return Ok(());
        }
        let space: SpaceId = self.typed[&op_id].space.parse().unwrap();
        let key = format!("_conflicts/{}", text(&result["conflict_id"]));
        let Some(row) = server.documents(space).into_iter().find(|row| row.key.as_str() == key) else {
            return fail(format!("the conflict is not stored: {result}"));
        };
        let conflict = Value::Object(row.body.object());
        coverage.hit(format!("conflict {}", text(&conflict["kind"])));
        let parts = list(&conflict, "documents");
        let mut chain: Vec<String> = parts.iter().map(|part| text(&part["op_id"])).collect();
        chain.push(op_id.clone());
        let is_own = |other: &str| chain.iter().any(|link| link == other || self.precedes(other, link) || self.precedes(link, other));
        let key_of = |part: &Value| format!("{}/{}", text(&part["collection"]), text(&part["document_id"]));
        let keys: Vec<String> = parts.iter().chain([&conflict]).map(key_of).collect();
        let changes = server.changes(space);
        let foreign = changes.iter().any(|change| {
            keys.iter().any(|key| change.key.as_str() == key)
                && !is_own(&change.by.op_id.to_string())
                && !server.is_upgrade(space, change.version)
        });
        if conflict["op_id"] == json!(op_id) && !foreign && !estranged {
            return fail(format!("in conflict with its own chain: {conflict}"));
        }
        // the operation that opened it is on one side; a later one of its chain may change both
        let is_opener = |side: &str| conflict[side]["op_id"] == conflict["op_id"];
        if is_opener("ours_by") && is_opener("theirs_by") && !estranged {
            return fail(format!("both sides are the sender's: {conflict}"));
        }
        Ok(())
    }

    /// Versions that the answer tells are at or below the head.
    fn observe_heads(&self, server: &Server, response: &Value) -> Check {
        for result in list(response, "results") {
            let Some(typed) = result["op_id"].as_str().and_then(|op_id| self.typed.get(op_id)) else { continue };
            let head = server.head(typed.space.parse().unwrap()).version;
            let told = [&result["version"], &result["decided_version"]].into_iter().filter_map(Value::as_i64).max();
            if told.is_some_and(|told| told > head) {
                return fail(format!("the head is {head}: {result}"));
            }
        }
        Ok(())
    }
}

fn observe_pages(coverage: &Coverage, response: &Value) {
    let Some(pages) = response["changes"].as_object() else { return };
    for page in pages.values() {
        for item in list(page, "items") {
            coverage.hit(format!("item {}", text(&item["kind"])));
        }
        if page["has_more"] == true && page["reset"] != true {
            coverage.hit("page has more");
        }
        if page["upgrade_required"] == true {
            coverage.hit("upgrade required");
        }
        if page["reset"] == true {
            coverage.hit(format!("reset {}", text(&page["reason"])));
        }
        if page["purge"] == true {
            coverage.hit("purge");
        }
    }
}

impl World<'_> {
    /// A device takes an answer. Where it then has read everything, its copy is the server's state, byte for byte.
    pub(crate) fn absorb(&mut self, device: usize, response: &Value) -> Check {
        let phone = &mut self.phones[device];
        phone.device.absorb(response).or_else(|broken| fail(format!("{broken}\nin {response}")))?;
        for space in self.server.spaces.clone() {
            let replica = self.phones[device].device.replica(&space.to_string());
            if !response["changes"][space.to_string()].is_null() && replica.is_complete() {
                self.compare(device, space)?;
            }
        }
        Ok(())
    }

    fn compare(&self, device: usize, space: SpaceId) -> Check {
        let phone = &self.phones[device];
        let Some(role) = self.server.role(space, &phone.caller) else {
            return fail("a page for somebody who is no member");
        };
        let rows = self.server.documents(space).into_iter().filter(|row| !row.presence.deleted && row.audience.includes(role));
        let server: BTreeMap<String, (i64, String)> =
            rows.map(|row| (row.key.as_str().to_owned(), (row.version, row.body.as_str().to_owned()))).collect();
        let space = space.to_string();
        let copy = phone.device.replica(&space).all_live();
        let copy: BTreeMap<String, (i64, String)> = copy
            .map(|(collection, id, version, body)| (format!("{collection}/{id}"), (version, Value::Object(body.clone()).to_string())))
            .collect();
        if server == copy {
            return Ok(());
        }
        let differs = |key: &&String| server.get(*key) != copy.get(*key);
        let keys: BTreeSet<&String> = server.keys().chain(copy.keys()).filter(differs).collect();
        let lines = keys.into_iter().map(|key| format!("{key}: the server has {:?}, the copy {:?}", server.get(key), copy.get(key)));
        fail(format!("{} has read everything, and its copy differs\n{}", phone.device.name(), lines.collect::<Vec<_>>().join("\n")))
    }
}
