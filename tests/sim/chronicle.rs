//! What the log of a space must tell in the end: each operation once, versions that grow, and nothing typed lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use sync_core::json::Object;
use sync_core::ports::{ChangeRow, DocumentRow, StoredOperation};

use crate::edits::tokens_in;
use crate::ledger::Typed;
use crate::world::{Check, World, fail};

/// A document after one of its changes, or before the first.
struct State {
    version: i64,
    /// The operation or resolution that made it.
    op_id: String,
    is_live: bool,
    /// The tokens of its body, a deleted one's too.
    tokens: BTreeSet<String>,
}

impl State {
    fn shows(&self, token: &str) -> bool {
        self.is_live && self.tokens.contains(token)
    }
}

impl World<'_> {
    /// Reads the logs.
    pub(crate) fn chronicle(&self) -> Check {
        let op_ids = self.ledger.sent.keys().map(|op_id| op_id.parse().unwrap()).collect();
        let stored: BTreeMap<String, StoredOperation> =
            self.server.operations(op_ids).into_iter().map(|row| (row.op_id.to_string(), row)).collect();
        self.results_are_stored(&stored)?;
        self.strands_keep_their_order(&stored)?;
        for space in self.server.spaces.clone() {
            let documents = self.server.documents(space);
            let changes = self.server.changes(space);
            self.versions_grow(self.server.head(space).version, &documents, &changes)?;
            let by_people: Vec<ChangeRow> =
                changes.iter().filter(|change| !self.server.is_upgrade(space, change.version)).cloned().collect();
            self.operations_count_once(&space.to_string(), &stored, &by_people)?;
            self.nothing_is_lost(&space.to_string(), &stored, &documents, &changes)?;
        }
        Ok(())
    }

    /// What a device was told is what is stored, with the payload as it was sent.
    fn results_are_stored(&self, stored: &BTreeMap<String, StoredOperation>) -> Check {
        for (op_id, terminal) in &self.ledger.terminals {
            let Some(row) = stored.get(op_id) else { return fail(format!("{op_id} is {terminal:?}, and not stored")) };
            let told = (terminal.status.as_str(), terminal.decided_version.as_i64(), terminal.conflict_id.as_str().map(str::to_owned));
            let kept = (row.status.as_str(), row.decided_version, row.conflict_id.map(|id| id.to_string()));
            if told != kept {
                return fail(format!("{op_id} was told {told:?}, stored is {kept:?}"));
            }
            let (payload, sent) = (row.payload.object(), &self.ledger.sent[op_id]);
            let differs = |name: &&&str| payload.get(**name).unwrap_or(&Value::Null) != &sent[**name];
            if let Some(name) = ["kind", "collection", "document_id", "patch", "conflict_id", "fields", "choose"].iter().find(differs) {
                return fail(format!("{op_id} was sent {sent}, its {name} is kept as {:?}", payload.get(*name)));
            }
        }
        let untold = |op_id: &&String| !self.ledger.terminals.contains_key(*op_id) && !self.ledger.doubtful.contains(*op_id);
        match stored.keys().find(untold) {
            Some(op_id) => fail(format!("{op_id} is stored, and nobody was told")),
            None => Ok(()),
        }
    }

    /// What a device sent on a document was decided in the order in which it was taken.
    fn strands_keep_their_order(&self, stored: &BTreeMap<String, StoredOperation>) -> Check {
        for (strand, op_ids) in &self.ledger.strands {
            let versions = op_ids.iter().filter_map(|op_id| Some((op_id, stored.get(op_id)?.decided_version?)));
            let versions: Vec<_> = versions.collect();
            if !versions.is_sorted_by_key(|(_, version)| *version) {
                return fail(format!("{strand:?} was decided in another order than it was sent: {versions:?}"));
            }
        }
        Ok(())
    }

    fn versions_grow(&self, head: i64, documents: &[DocumentRow], changes: &[ChangeRow]) -> Check {
        let mut given = BTreeSet::new();
        for change in changes {
            if !given.insert(change.version) || change.version > head || change.version < 1 {
                return fail(format!("version {} was given twice or is above the head {head}", change.version));
            }
        }
        for row in documents {
            let is_conflict = row.key.collection() == "_conflicts";
            let last = changes.iter().rev().find(|change| change.key == row.key).map(|change| change.version);
            if row.version > head || !is_conflict && last != Some(row.version) || is_conflict && !given.insert(row.version) {
                return fail(format!("{:?} is at {}, its last change at {last:?}, the head at {head}", row.key, row.version));
            }
        }
        Ok(())
    }

    /// An operation has one change, at the version that it was told; a resolution has as many as it decides.
    fn operations_count_once(&self, space: &str, stored: &BTreeMap<String, StoredOperation>, changes: &[ChangeRow]) -> Check {
        let mut effects: HashMap<String, Vec<i64>> = HashMap::new();
        for change in changes {
            effects.entry(change.by.op_id.to_string()).or_default().push(change.version);
        }
        for (op_id, versions) in &effects {
            let row = stored.get(op_id);
            let resolves = self.ledger.typed.get(op_id).is_some_and(|typed| typed.kind == "resolve");
            let told = row.and_then(|row| row.decided_version);
            if told.is_none_or(|told| !versions.contains(&told)) || !resolves && versions.len() != 1 {
                return fail(format!("{op_id} was told version {told:?}, and made {versions:?}"));
            }
        }
        let resolves = |op_id: &String| self.ledger.typed.get(op_id).is_some_and(|typed| typed.kind == "resolve");
        let without_effect = |(op_id, row): &(&String, &StoredOperation)| {
            row.space_id.to_string() == space && row.decided_version.is_some() && !effects.contains_key(*op_id) && !resolves(op_id)
        };
        match stored.iter().find(without_effect) {
            Some((op_id, row)) => fail(format!("{op_id} was told version {:?}, and made none", row.decided_version)),
            None => Ok(()),
        }
    }

    /// Every token that was typed is live, or in a conflict, or kept with a refusal, or was overwritten by somebody who
    /// had seen it.
    fn nothing_is_lost(
        &self,
        space: &str,
        stored: &BTreeMap<String, StoredOperation>,
        documents: &[DocumentRow],
        changes: &[ChangeRow],
    ) -> Check {
        let conflicts = documents.iter().filter(|row| row.key.collection() == "_conflicts").map(|row| row.body.object());
        let conflicts: Vec<Object> = conflicts.collect();
        let in_conflicts: BTreeSet<String> = conflicts.iter().flat_map(tokens_in).collect();
        let parts = conflicts.iter().flat_map(|conflict| conflict.get("documents").and_then(Value::as_array).into_iter().flatten());
        let in_groups: BTreeSet<&str> = parts.filter_map(|part| part["op_id"].as_str()).collect();
        let histories: BTreeMap<&str, Vec<State>> = documents.iter().map(|row| (row.key.as_str(), history(row, changes))).collect();
        for (op_id, row) in stored.iter().filter(|(_, row)| row.space_id.to_string() == space) {
            let Some(typed) = self.ledger.typed.get(op_id) else { continue };
            let kept_apart = matches!(row.status.as_str(), "rejected" | "quarantined") || in_groups.contains(op_id.as_str());
            // an answer that came too late, or fell on a decided question, is told so
            if kept_apart || typed.kind == "resolve" && row.status.as_str() != "applied" {
                continue;
            }
            let history = histories.get(typed.key.as_str()).map_or(&[][..], Vec::as_slice);
            for token in typed.typed.iter().filter(|token| !in_conflicts.contains(*token)) {
                self.is_accounted_for(token, op_id, typed, history).or_else(|error| {
                    let log: Vec<_> = history.iter().map(|state| (state.version, &state.op_id, state.is_live, &state.tokens)).collect();
                    fail(format!(
                        "{error}\n{token} was typed by {op_id} ({}): {:?}\nlog of {}: {log:?}",
                        row.status.as_str(),
                        self.ledger.sent[op_id],
                        typed.key
                    ))
                })?;
            }
        }
        Ok(())
    }

    fn is_accounted_for(&self, token: &String, op_id: &str, typed: &Typed, history: &[State]) -> Check {
        if history.last().is_some_and(|state| state.shows(token)) {
            return Ok(());
        }
        let Some(place) = history.iter().rposition(|state| state.shows(token)) else {
            let own = |other: &Typed| other.device == typed.device && other.key == typed.key && other.space == typed.space;
            let builds_on_it = |later: &str| self.ledger.chain(later).skip(1).any(|link| link == op_id);
            let overwrites = |(later, other): (&String, &Typed)| own(other) && other.seen.contains(token) || builds_on_it(later);
            if self.ledger.typed.iter().any(overwrites) {
                return Ok(());
            }
            return fail("it was never live, is in no conflict, and nobody overwrote it knowingly");
        };
        let by = &history[place + 1].op_id;
        let own_chain = self.ledger.chain(by).any(|link| link == op_id);
        if own_chain || self.saw(by, token, history) {
            Ok(())
        } else {
            fail(format!("{by} overwrote it at {}, without having seen it", history[place + 1].version))
        }
    }

    /// Whether the author of an operation, or of a resolution, or of what that resolution decided for, had seen a token.
    fn saw(&self, op_id: &str, token: &String, history: &[State]) -> bool {
        let Some(typed) = self.ledger.typed.get(op_id) else { return false };
        if typed.seen.contains(token) || self.ledger.chain(op_id).any(|link| self.base_held(link, token, history)) {
            return true;
        }
        let conflict = self.ledger.sent.get(op_id).and_then(|sent| sent["conflict_id"].as_str());
        let joined = |op_id: &&String| conflict.is_some_and(|conflict| self.ledger.terminals[*op_id].conflict_id == conflict);
        self.ledger
            .terminals
            .keys()
            .filter(joined)
            .any(|member| self.ledger.typed[member].kind != "resolve" && self.saw(member, token, history))
    }

    /// Whether the document held a token at the version that an operation names as its base.
    fn base_held(&self, op_id: &str, token: &str, history: &[State]) -> bool {
        let base = self.ledger.sent.get(op_id).and_then(|sent| sent["base_version"].as_i64()).unwrap_or_default();
        history.iter().rfind(|state| state.version <= base).is_some_and(|state| state.tokens.contains(token))
    }
}

/// A document's states, oldest first: from its body now, later changes taken back.
fn history(row: &DocumentRow, changes: &[ChangeRow]) -> Vec<State> {
    let mut body = row.body.object();
    let mut live = !row.presence.deleted;
    let mut states = Vec::new();
    for change in changes.iter().rev().filter(|change| change.key == row.key) {
        let tokens = tokens_in(&body).into_iter().collect();
        states.push(State { version: change.version, op_id: change.by.op_id.to_string(), is_live: live, tokens });
        for (name, value) in change.before.object() {
            if value.is_null() {
                body.remove(&name);
            } else {
                body.insert(name, value);
            }
        }
        live = change.was_live;
    }
    states.reverse();
    states
}
