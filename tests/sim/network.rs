//! The network between devices and the server: it loses, repeats and delays.

use serde_json::Value;
use testkit::device::WireError;

use crate::script::Fate;
use crate::world::{Check, World, fail};

impl World<'_> {
    /// What the network does with a request. `None`: the device hears nothing.
    pub(crate) fn carry(&mut self, device: usize, body: Value, fate: Fate) -> Check<Option<Value>> {
        match fate {
            Fate::Delivered => Ok(self.deliver(device, &body)?.ok()),
            Fate::RequestLost => {
                self.coverage.hit("fault request lost");
                Ok(None)
            }
            Fate::ReplyLost => {
                self.coverage.hit("fault reply lost");
                let _ = self.deliver(device, &body)?;
                Ok(None)
            }
            Fate::Repeated => {
                self.coverage.hit("fault request repeated");
                let _ = self.deliver(device, &body)?;
                Ok(self.deliver(device, &body)?.ok())
            }
            Fate::Late => {
                self.air.push((device, body));
                Ok(None)
            }
            Fate::CommitLost { kept } => {
                if self.server.lose_next_commit(kept) {
                    self.coverage.hit(if kept { "fault commit lost and kept" } else { "fault commit lost and undone" });
                    self.ledger.doubt(&body);
                }
                let response = self.deliver(device, &body)?.ok();
                self.server.lose_nothing();
                Ok(response)
            }
        }
    }

    pub(crate) fn arrive(&mut self, which: usize) -> Check {
        if self.air.is_empty() {
            return Ok(());
        }
        self.coverage.hit("fault request late");
        let (device, body) = self.air.remove(which % self.air.len());
        self.deliver(device, &body).map(|_| ())
    }

    /// Everything that is still under way arrives.
    pub(crate) fn land(&mut self) -> Check {
        while !self.air.is_empty() {
            self.arrive(0)?;
        }
        Ok(())
    }

    /// A request reaches the server. What it answers is looked at, whether or not the device hears it.
    pub(crate) fn deliver(&mut self, device: usize, body: &Value) -> Check<Result<Value, WireError>> {
        let caller = self.phones[device].caller;
        self.heard.push((device, body.clone()));
        self.ledger.arrives(body);
        let answer = self.server.sync(&caller, body);
        if std::env::var_os("REJOIN_SIM_TRACE").is_some() {
            println!("{} sends {body}\n  and is answered {answer:?}", self.phones[device].device.name());
        }
        match &answer {
            Ok(response) => {
                let sent = body["operations"].as_array().map_or(0, Vec::len);
                let is_small = sent > 0 && self.inline.is_some_and(|inline| sent <= inline);
                if is_small && response["results"].as_array().unwrap().iter().any(|result| result["status"] == "queued") {
                    self.coverage.hit("queue behind what is queued");
                }
                self.ledger.observe(&self.server, self.coverage, body, response)?;
            }
            Err(WireError::Refused(problem)) if problem["code"] == "unknown_outcome" => self.coverage.hit("answer unknown outcome"),
            Err(error) => return fail(format!("the request was refused: {error:?}: {body}")),
        }
        Ok(answer)
    }
}
