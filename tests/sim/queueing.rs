//! Workers in a world: what they do at random, what becomes of dead letters, and that everything is decided in the end.

use queue::runner::Ran;
use serde_json::{Value, json};
use sync_core::OpId;
use sync_core::ports::ItemState;
use sync_core::protocol::v1::queue::{DiscardRequest, RetryRequest};
use testkit::device::Compose;
use testkit::memory::Breaks;

use crate::script::{SyncHow, Work};
use crate::server::now;
use crate::world::{Check, World, fail};

/// Rounds in which everything is tried again, after which nothing may be left in the queue.
const ROUNDS: usize = 12;

impl World<'_> {
    /// A device sends its operations for the queue.
    pub(crate) fn batch(&mut self, device: usize, atomic: bool, how: &SyncHow) -> Check {
        let compose = Compose { schema: self.phones[device].app, for_batch: true, ..self.compose(how) };
        let body = self.phones[device].device.compose(&compose);
        let caller = self.phones[device].caller;
        self.heard.push((device, body.clone()));
        self.ledger.arrives(&body);
        let answer = self.server.batch(&caller, &body, atomic).or_else(|error| fail(format!("a batch is not taken: {error:?}")))?;
        if answer["state"] == "refused" {
            self.coverage.hit("queue a batch refused");
            return Ok(());
        }
        self.coverage.hit("queue a batch");
        let response = json!({"results": answer["results"].as_array().cloned().unwrap_or_default()});
        self.ledger.observe(&self.server, self.coverage, &body, &response)?;
        self.absorb(device, &response)
    }

    /// What a worker does next.
    pub(crate) fn work(&mut self, work: Work) -> Check {
        match work {
            Work::Claim => self.claim()?,
            Work::Step(which) => self.step_of(which, None)?,
            Work::Poisoned { which, item, panics } => {
                self.step_of(which, Some((item, if panics { Breaks::Panics } else { Breaks::Damaged })))?
            }
            Work::Keep(which) => {
                if let Some(claim) = self.claims.get(which % self.claims.len().max(1)) {
                    let kept = now(self.server.service.keep_lease(claim)).or_else(|error| fail(error.to_string()))?;
                    self.coverage.hit(if kept { "work heartbeat" } else { "work stale heartbeat refused" });
                }
            }
            Work::HandBack(which) if !self.claims.is_empty() => {
                let claim = self.claims.remove(which % self.claims.len());
                self.coverage.hit("work handed back");
                now(self.server.service.hand_back(&claim)).or_else(|error| fail(error.to_string()))?;
            }
            Work::Die(which) if !self.claims.is_empty() => {
                self.coverage.hit("work died");
                drop(self.claims.remove(which % self.claims.len()));
            }
            Work::HandBack(_) | Work::Die(_) => {}
            Work::Off => {
                now(self.server.service.work_off()).or_else(|error| fail(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn claim(&mut self) -> Check {
        let claimed = now(self.server.service.claim_work()).or_else(|error| fail(error.to_string()))?;
        if let Ok(claim) = claimed {
            self.coverage.hit("work claimed");
            if self.claims.iter().any(|other| other.space_id() == claim.space_id() && other.fence() < claim.fence()) {
                self.coverage.hit("work lease rescued");
            }
            self.claims.push(claim);
        }
        Ok(())
    }

    /// One step of a worker. One who lost the lease changes nothing. Where something is poisoned, it is the
    /// document of one of what it took, by number, for as long as the step takes.
    fn step_of(&mut self, which: usize, poison: Option<(usize, Breaks)>) -> Check {
        let place = which % self.claims.len().max(1);
        let Some(claim) = self.claims.get(place) else { return Ok(()) };
        let (space, items) = (claim.space_id(), claim.items());
        let is_stale = self.claims.iter().any(|other| other.space_id() == space && other.fence() > claim.fence());
        let poison = poison.and_then(|(item, breaks)| Some((items.get(item % items.len().max(1))?.key.clone(), breaks)));
        if poison.is_some() && !is_stale {
            self.coverage.hit("work poisoned");
        }
        let before = self.server.head(space).version;
        if let Some((key, breaks)) = &poison {
            self.server.break_document(key, Some(*breaks));
        }
        let ran = now(self.server.service.run_step(claim));
        if let Some((key, _)) = &poison {
            self.server.break_document(key, None);
        }
        let ran = ran.or_else(|error| fail(format!("a step: {error}")))?;
        if is_stale && (ran != Ran::Lost || self.server.head(space).version != before) {
            return fail(format!("a worker whose lease another one took wrote: {ran:?}"));
        }
        match ran {
            Ran::More => self.coverage.hit("work more"),
            Ran::Done => drop(self.claims.remove(place)),
            Ran::Lost => {
                self.coverage.hit("work stale step refused");
                drop(self.claims.remove(place));
            }
        }
        Ok(())
    }

    /// The lead has a dead letter tried again, or discards it.
    pub(crate) fn letter(&mut self, which: usize, discard: bool) -> Check {
        let letters: Vec<OpId> =
            self.server.queue().into_iter().filter(|item| item.state == ItemState::Parked).map(|item| item.op_id).collect();
        let Some(op_id) = letters.get(which % letters.len().max(1)).copied() else { return Ok(()) };
        let (service, lead) = (&self.server.service, &self.server.users[0]);
        let outcome = if discard {
            self.coverage.hit("letter discarded");
            now(service.discard_operation(lead, op_id, DiscardRequest { reason: Some("nobody needs it".into()) }))
        } else {
            self.coverage.hit("letter retried");
            now(service.retry_operation(lead, op_id, RetryRequest::default())).map(|_| ())
        };
        outcome.or_else(|error| fail(format!("{op_id}, a dead letter: {error}")))
    }

    /// Nothing is broken any more: all that failed is tried again until nothing is left.
    pub(crate) fn work_everything_off(&mut self) -> Check {
        // what is due is due by the clock, which may have been put back: until it comes there again, workers wait
        self.server.clock.advance_ms(self.behind_by);
        self.behind_by = 0;
        for _ in 0..ROUNDS {
            now(self.server.service.work_off()).or_else(|error| fail(error.to_string()))?;
            let left = self.server.queue();
            if left.is_empty() {
                return Ok(());
            }
            for _ in left.iter().filter(|item| item.state == ItemState::Parked) {
                self.letter(0, false)?;
            }
            // leases of the dead end, and pauses
            self.server.clock.advance_ms(16 * 60_000);
        }
        let left: Vec<_> = self.server.queue().into_iter().map(|item| (item.op_id, item.state, item.waits_for, item.not_before)).collect();
        fail(format!("something is stuck in the queue: {left:?}"))
    }

    /// What became of everything that was queued, also of what no device asks for any more.
    pub(crate) fn ask_for_all(&mut self) -> Check {
        let mut queued: Vec<String> = self.ledger.queued.iter().cloned().collect();
        queued.sort_unstable();
        for (index, phone) in self.phones.iter().enumerate() {
            let is_own = |op_id: &&String| self.ledger.typed.get(*op_id).is_some_and(|typed| typed.device == index);
            let asked: Vec<String> = queued.iter().filter(is_own).cloned().collect();
            let body = json!({"protocol": 1, "ask": asked});
            let response = self.server.sync(&phone.caller, &body).or_else(|error| fail(format!("{error:?}")))?;
            self.ledger.observe(&self.server, self.coverage, &body, &response)?;
        }
        for op_id in &queued {
            if !self.ledger.terminals.contains_key(op_id) {
                return fail(format!("{op_id} was queued, and nothing came of it"));
            }
            let sent = &self.ledger.sent[op_id];
            let elsewhere = |other: &Value| {
                let other = other.as_str().and_then(|other| self.ledger.sent.get(other).filter(|_| self.ledger.queued.contains(other)));
                other.is_some_and(|other| other["space_id"] != sent["space_id"])
            };
            if sent["depends_on"].as_array().into_iter().flatten().any(elsewhere) {
                self.coverage.hit("queue across spaces");
            }
        }
        Ok(())
    }
}
