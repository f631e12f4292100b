//! Devices that follow the protocol, against a service over memory: what they hold, what they made, what was restored.

use std::sync::Arc;

use serde_json::{Value, json};
use sync_core::OpId;
use sync_core::json::Object;
use sync_core::protocol::v1::SyncRequest;
use sync_service::Caller;
use testkit::device::{Compose, Device, Edit};
use testkit::memory::Saved;

use crate::sync::Pair;
use crate::world::now;

/// The collection of all stories.
pub(crate) const NOTES: &str = "notes";

/// A space with devices of Ana (the first, the third, …) and of Bo (the others).
pub(crate) struct Story {
    pub(crate) pair: Pair,
    pub(crate) devices: Vec<(Device, Caller)>,
    made: Vec<(usize, String)>,
    backup: Option<Arc<Saved>>,
}

impl Story {
    pub(crate) fn new(devices: usize) -> Self {
        let pair = Pair::new(None);
        let device = |index: usize| {
            let email = ["ana@example.org", "bo@example.org"][index % 2];
            (Device::new(&format!("device {index} of {email}"), [pair.space.as_str()]), pair.world.caller(email))
        };
        let devices = (0..devices).map(device).collect();
        pair.give_bo("coordinator");
        Self { pair, devices, made: Vec::new(), backup: None }
    }

    /// A person makes an operation on what the screen shows; its number.
    pub(crate) fn make(&mut self, device: usize, kind: &'static str, document: &str, patch: Value) -> usize {
        let op_id = format!("01890000-0000-7000-8000-{:012x}", self.made.len());
        let edit = Edit {
            op_id: op_id.clone(),
            space_id: self.pair.space.clone(),
            collection: NOTES.into(),
            document_id: document.into(),
            kind,
            patch: patch.as_object().cloned(),
            ..Edit::default()
        };
        self.devices[device].0.edit(edit);
        self.made.push((device, op_id));
        self.made.len() - 1
    }

    /// One round trip; the page of the space.
    pub(crate) fn visit(&mut self, device: usize, how: &Compose) -> Value {
        let (device, caller) = &mut self.devices[device];
        let body = device.compose(how);
        let request = SyncRequest::parse(body.to_string().as_bytes()).unwrap();
        let answer = serde_json::to_value(now(self.pair.world.service.sync(caller, request)).unwrap()).unwrap();
        device.absorb(&answer).unwrap_or_else(|broken| panic!("{broken}\nafter {body}\nthe answer was {answer}"));
        answer["changes"][&self.pair.space].clone()
    }

    /// Round trips until everything is sent and read; the reasons of the resets on the way.
    pub(crate) fn sync(&mut self, device: usize) -> Vec<String> {
        let mut reasons = Vec::new();
        for _ in 0..50 {
            let page = self.visit(device, &Compose::default());
            reasons.extend(page["reason"].as_str().map(str::to_owned));
            let (copy, _) = &self.devices[device];
            if page["has_more"] == false && copy.is_settled() {
                return reasons;
            }
        }
        panic!("a device never settles: {:?}", self.devices[device].0.waiting());
    }

    pub(crate) fn screen(&self, device: usize, document: &str) -> Option<Object> {
        self.devices[device].0.screen(&self.pair.space, NOTES, document)
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(Arc::new(self.pair.world.store.save()));
    }

    /// Puts the last backup in place of everything; `false` where there is none.
    pub(crate) fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        self.pair.world.store.put_back(&backup);
        now(self.pair.world.service.begin_new_epochs()).unwrap();
        true
    }

    /// What the server says of an operation.
    pub(crate) fn receipt(&self, operation: usize) -> Value {
        let (device, op_id) = &self.made[operation];
        let op_id: OpId = op_id.parse().unwrap();
        let receipts = now(self.pair.world.service.receipts(&self.devices[*device].1, vec![op_id])).unwrap();
        serde_json::to_value(receipts).unwrap()["receipts"][0].clone()
    }

    /// All devices sync until nothing is left; then all hold the same, and the server holds all that was made.
    pub(crate) fn settle(&mut self) {
        for _ in 0..3 {
            for device in 0..self.devices.len() {
                self.sync(device);
            }
        }
        let held = |(device, _): &(Device, Caller)| {
            let live = device.replica(&self.pair.space).all_live();
            json!(live.map(|(collection, id, version, body)| json!([collection, id, version, body])).collect::<Vec<_>>())
        };
        for other in &self.devices[1..] {
            assert_eq!(held(&self.devices[0]), held(other), "all devices hold the same");
        }
        for operation in 0..self.made.len() {
            let receipt = self.receipt(operation);
            assert_eq!(receipt["held"], true, "operation {operation}: {receipt}");
        }
    }
}
