//! After the faults stop: everybody syncs until nothing is left, and then all agree.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_core::Object;
use testkit::device::{Compose, Device, Held};

use crate::script::{Fate, SyncHow};
use crate::world::{Check, Phone, World, fail};

/// Rounds in which everybody syncs once, after which nothing may be left to send.
const ROUNDS: usize = 6;

impl World<'_> {
    /// Everybody syncs until it is quiet.
    pub(crate) fn calm(&mut self) -> Check {
        self.land()?;
        self.update_all();
        self.claims.clear();
        let how = SyncHow { to_the_end: true, ..SyncHow::default() };
        for _ in 0..ROUNDS {
            let heads = self.heads();
            for device in 0..self.phones.len() {
                self.sync(device, Fate::Delivered, &how)?;
                // a reset wants a second visit
                self.sync(device, Fate::Delivered, &how)?;
            }
            self.work_everything_off()?;
            if self.heads() == heads && self.phones.iter().all(|phone| phone.device.is_settled()) {
                self.ask_for_all()?;
                return self.agree();
            }
        }
        let left = self.phones.iter().map(|phone| (phone.device.name(), phone.device.waiting()));
        fail(format!("it does not become quiet: {:?}", left.collect::<Vec<_>>()))
    }

    fn heads(&self) -> Vec<i64> {
        self.server.spaces.iter().map(|space| self.server.head(*space).version).collect()
    }

    /// Devices with the same view hold the same, and a fresh one reads the same.
    fn agree(&self) -> Check {
        for space in self.server.spaces.clone() {
            let name = space.to_string();
            let mut views: BTreeMap<String, (String, String)> = BTreeMap::new();
            for index in 0..self.phones.len() {
                let phone = &self.phones[index];
                let Some(role) = self.server.role(space, &phone.caller) else {
                    if !phone.device.replica(&name).is_blank() {
                        return fail(format!("{} keeps a space that it has no access to", phone.device.name()));
                    }
                    continue;
                };
                let role = role.as_str().to_owned();
                let (holder, copy) = (phone.device.name().to_owned(), image(&phone.device, &name));
                let fresh = image(&self.fresh(index)?, &name);
                if copy != fresh {
                    return fail(format!("{holder} holds\n{copy}\nand a fresh device reads\n{fresh}"));
                }
                self.repair_and_begin_anew(index, &name, &copy)?;
                let (other, view) = views.entry(role).or_insert_with(|| (holder.clone(), copy.clone()));
                if *view != copy {
                    return fail(format!("{holder} and {other} have the same view:\n{copy}\n{view}"));
                }
            }
        }
        Ok(())
    }

    /// A damaged copy is put right by one comparison, and a snapshot with a pull makes a right one.
    fn repair_and_begin_anew(&self, index: usize, space: &str, copy: &str) -> Check {
        let Phone { device, caller, .. } = &self.phones[index];
        let mut damaged = device.clone();
        damaged.damage(space, |documents| {
            let mut number = 0;
            documents.retain(|_, held| {
                number += 1;
                held.version += i64::from(number % 4 == 1);
                held.body.as_mut().filter(|_| number % 4 == 2).map(|body| body.insert("harmed".into(), number.into()));
                number % 4 != 3
            });
            documents.insert(("notes".into(), "invented".into()), Held { version: 1, body: Some(Object::new()) });
        });
        let mut call = |body: &Value| self.server.verify(caller, body);
        damaged.verify(space, true, &mut call).or_else(|broken| fail(broken.to_string()))?;
        let repaired = image(&damaged, space);
        if repaired != *copy {
            return fail(format!("repaired, it holds\n{repaired}\ninstead of\n{copy}"));
        }
        let mut anew = Device::new("a device that begins anew", [space]);
        anew.begin_from(space, &self.server.snapshot(caller, space)).or_else(|broken| fail(broken.to_string()))?;
        let body = anew.compose(&Compose::default());
        let response = self.server.sync(caller, &body).or_else(|error| fail(format!("{error:?}")))?;
        anew.absorb(&response).or_else(|broken| fail(broken.to_string()))?;
        let read = image(&anew, space);
        if read == *copy { Ok(()) } else { fail(format!("by snapshot\n{read}\ninstead of\n{copy}")) }
    }

    /// A new installation of the same person's, that has read everything by small pages.
    fn fresh(&self, index: usize) -> Check<Device> {
        let spaces: Vec<String> = self.server.spaces.iter().map(ToString::to_string).collect();
        let mut device = Device::new("a fresh device", spaces.iter().map(String::as_str));
        for _ in 0..1_000 {
            let body = device.compose(&Compose { max_changes: Some(3), ..Compose::default() });
            let response = self.server.sync(&self.phones[index].caller, &body).or_else(|error| fail(format!("{error:?}")))?;
            device.absorb(&response).or_else(|broken| fail(broken.to_string()))?;
            if response["changes"].as_object().unwrap().values().all(|page| page["has_more"] == false) {
                return Ok(device);
            }
        }
        fail("a fresh device never ends")
    }

    /// Everything that ever reached the server reaches it once more: nothing happens.
    pub(crate) fn replay_all(&mut self) -> Check {
        let heads = self.heads();
        for (device, body) in std::mem::take(&mut self.heard) {
            let stored = |sent: &&Value| self.ledger.terminals.contains_key(sent["op_id"].as_str().unwrap());
            let again = |name: &str| body[name].as_array().into_iter().flatten().filter(stored).cloned().collect::<Vec<_>>();
            let body = json!({"protocol": 1, "operations": again("operations"), "resolutions": again("resolutions")});
            let response = self.deliver(device, &body)?;
            let Ok(response) = response else { return fail(format!("a replay answers {response:?}")) };
            if let Some(odd) = response["results"].as_array().unwrap().iter().find(|result| result["status"] != "duplicate") {
                return fail(format!("a replay answers {odd}"));
            }
        }
        if self.heads() == heads { Ok(()) } else { fail("replays made new versions") }
    }
}

/// What a device holds of a space, as text: documents, versions, checksums.
fn image(device: &Device, space: &str) -> String {
    let replica = device.replica(space);
    let lines =
        replica.all_live().map(|(collection, id, version, body)| format!("{collection}/{id} {version} {}", Value::Object(body.clone())));
    let mut lines: Vec<String> = lines.collect();
    lines.push(format!("{:?}", replica.checksums()));
    lines.join("\n")
}
