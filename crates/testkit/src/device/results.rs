//! What a device does with results and receipts.

use serde_json::Value;
use sync_core::json::{Object, apply_patch, drop_nulls};

use super::outbox::Pending;
use super::{Broken, Device, Place, Sent, broken};

impl Device {
    pub(super) fn absorb_results(&mut self, sent: &Sent, response: &Value) -> Result<(), Broken> {
        let results = response["results"].as_array().cloned().unwrap_or_default();
        let expected: Vec<&String> = sent.operations.iter().chain(&sent.answers).collect();
        let answered: Vec<&str> = results.iter().map(|result| result["op_id"].as_str().unwrap_or_default()).collect();
        if answered != expected {
            return broken(format!("one result for each operation, in their order: {answered:?} instead of {expected:?}"));
        }
        for result in &results {
            self.absorb_result(result)?;
        }
        Ok(())
    }

    fn absorb_result(&mut self, result: &Value) -> Result<(), Broken> {
        let (Some(op_id), Some(status), Some(held)) = (result["op_id"].as_str(), result["status"].as_str(), result["held"].as_bool())
        else {
            return broken(format!("a result has an op_id, a status and held: {result}"));
        };
        let terminal = status != "waiting";
        if held == (status == "waiting") && status != "rejected" {
            return broken(format!("held says whether it is durable: {result}"));
        }
        if matches!(status, "queued" | "parked") {
            self.accept(op_id);
            return Ok(());
        }
        let operation = self.outbox.iter().find(|pending| pending.op_id == op_id).cloned();
        let answer = self.answers.iter().find(|answer| answer.op_id == op_id).cloned();
        let Some(about) = operation.as_ref().map(Pending::about).or(answer.map(|answer| answer.about)) else {
            return Ok(()); // answered before
        };
        let shown = match (status, &operation) {
            ("applied", Some(pending)) => self.lay_over(pending, result)?,
            _ => self.correct(&about, result)?,
        };
        if held && !shown {
            self.leave_unseen(op_id);
        }
        if held {
            self.pass(operation.as_ref().and_then(|pending| pending.after.clone()));
        }
        if held && let Some(pending) = operation {
            self.acknowledge(pending, result["decided_version"].as_i64());
        }
        if held || terminal {
            self.outbox.retain(|pending| pending.op_id != op_id);
            self.answers.retain(|answer| answer.op_id != op_id);
        }
        if terminal && !held {
            self.forget(op_id);
        }
        Ok(())
    }

    /// The server holds it, and decides later.
    fn accept(&mut self, op_id: &str) {
        self.outbox.iter_mut().filter(|pending| pending.op_id == op_id).for_each(|pending| pending.accepted = true);
    }

    /// A refused operation that the server does not keep: what builds on it goes without it, with its own base.
    fn forget(&mut self, op_id: &str) {
        self.last_own.retain(|_, last| last.op_id != op_id);
        for pending in self.outbox.iter_mut().filter(|pending| pending.after.as_deref() == Some(op_id)) {
            pending.after = None;
            pending.inline_base = true;
        }
    }

    /// What a decided operation comes after was decided before it.
    #[allow(clippy::assigning_clones, reason = "the old value is moved by the loop's condition")]
    fn pass(&mut self, mut before: Option<String>) {
        while let Some(pending) = before.and_then(|op_id| self.outbox.iter_mut().find(|pending| pending.op_id == op_id)) {
            pending.passed = true;
            before = pending.after.clone();
        }
    }

    /// The copy does not show what came of an operation until a pull brings it.
    fn leave_unseen(&mut self, op_id: &str) {
        for last in self.last_own.values_mut().filter(|last| last.op_id == op_id) {
            last.unseen = true;
        }
    }

    /// Lays an operation that was committed as sent over the copy. `false`: pull is to bring it.
    fn lay_over(&mut self, pending: &Pending, result: &Value) -> Result<bool, Broken> {
        let Some(version) = result["version"].as_i64() else {
            return broken(format!("applied has the version that it made: {result}"));
        };
        if result.get("document").is_some() {
            // what a restore brings back, the server alone knows
            return self.correct(&pending.about(), result);
        }
        if result["decided_version"].as_i64() != Some(version) {
            return broken(format!("the version of applied is the one that it made: {result}"));
        }
        let (_, collection, id) = pending.about();
        let replica = self.replica_mut(&pending.space_id);
        if !replica.has_floor {
            return Ok(false);
        }
        let patch = pending.patch.clone().unwrap_or_default();
        let body = match (pending.kind, replica.live(&collection, &id)) {
            ("delete", _) => None,
            // its last body is known to the server alone: pull brings it
            ("restore" | "update", None) => return Ok(false),
            (_, body) => Some(patched(body.cloned().unwrap_or_default(), &patch)),
        };
        replica.put(&collection, &id, version, body);
        Ok(true)
    }

    /// Corrects the copy with the present state that a result tells. `false`: pull is to bring it.
    fn correct(&mut self, about: &Place, result: &Value) -> Result<bool, Broken> {
        let (space, collection, id) = about;
        let replica = self.replica_mut(space);
        let Some(version) = result["version"].as_i64().filter(|_| replica.has_floor) else { return Ok(false) };
        match &result["document"] {
            Value::Null if result.get("document").is_some() => replica.put(collection, id, version, None),
            Value::Object(body) => replica.put(collection, id, version, Some(body.clone())),
            Value::Null => return Ok(false),
            _ => return broken(format!("a document is an object: {result}")),
        }
        Ok(true)
    }

    pub(super) fn absorb_receipts(&mut self, sent: &Sent, response: &Value) -> Result<(), Broken> {
        let receipts = response["receipts"].as_array().cloned().unwrap_or_default();
        let answered: Vec<&str> = receipts.iter().map(|receipt| receipt["op_id"].as_str().unwrap_or_default()).collect();
        if answered != sent.asked.iter().map(String::as_str).collect::<Vec<_>>() {
            return broken(format!("receipts come as asked: {answered:?} instead of {:?}", sent.asked));
        }
        for receipt in &receipts {
            if (receipt["status"] == "unknown") == (receipt["held"] == true) {
                return broken(format!("what is unknown is not held: {receipt}"));
            }
            if matches!(receipt["status"].as_str(), Some("queued" | "parked")) {
                self.accept(receipt["op_id"].as_str().unwrap_or_default());
            } else if receipt["held"] == true {
                let place = self.outbox.iter().position(|pending| receipt["op_id"] == pending.op_id.as_str());
                if let Some(pending) = place.map(|place| self.outbox.remove(place)) {
                    self.pass(pending.after.clone());
                    self.acknowledge(pending, receipt["version"].as_i64());
                }
                self.leave_unseen(receipt["op_id"].as_str().unwrap_or_default());
            }
        }
        Ok(())
    }
}

fn patched(mut body: Object, patch: &Object) -> Object {
    apply_patch(&mut body, patch);
    drop_nulls(&mut body);
    body
}
