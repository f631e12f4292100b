//! Holding a copy against the server's, and putting it right.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use sync_core::json::{Object, canonical};

use super::replica::{Documents, Held, checksum_of};
use super::{Broken, Device, Replica, broken};

impl Device {
    /// Does to a copy what a faulty disk or program would.
    pub fn damage(&mut self, space: &str, harm: impl FnOnce(&mut Documents)) {
        harm(self.replica_mut(space).documents_mut());
    }

    /// Compares a space's copy with the server's and puts it right, in one run: what changed, sums, rows, repair. `deep`
    /// compares contents too. `call` carries a body to the server and gives the answer's. Gives how many documents were
    /// put right or dropped.
    ///
    /// # Errors
    /// [`Broken`]: an answer is not one that the protocol allows, or the copy is still not the server's.
    pub fn verify(&mut self, space: &str, deep: bool, call: &mut dyn FnMut(&Value) -> Value) -> Result<usize, Broken> {
        let sums = loop {
            let cursor = self.replica(space).cursor.clone();
            let answer = call(&json!({"space_id": space, "cursor": cursor}));
            let settled = self.is_settled();
            let replica = self.replica_mut(space);
            replica.absorb_doubted(&answer["changes"], cursor.is_none(), settled)?;
            if answer["buckets"].is_null() == replica.is_complete() {
                return broken(format!("buckets come once there is nothing more, and only then: {answer}"));
            }
            if replica.is_complete() {
                break buckets_of(&answer["buckets"])?;
            }
        };
        let rows = self.replica(space).rows_to_compare(&sums, deep);
        if rows.is_empty() {
            return Ok(0);
        }
        let named: BTreeSet<&String> = rows.keys().collect();
        let answer = call(&json!({"space_id": space, "rows": rows, "deep": deep}));
        let mut repaired = 0;
        for (collection, repair) in answer["repair"].as_object().ok_or_else(|| Broken(format!("no repair: {answer}")))? {
            if !named.contains(collection) {
                return broken(format!("{collection} was not asked about: {answer}"));
            }
            repaired += self.replica_mut(space).absorb_repair(collection, repair)?;
        }
        Ok(repaired)
    }
}

fn buckets_of(buckets: &Value) -> Result<BTreeMap<String, Vec<String>>, Broken> {
    let sums: BTreeMap<String, Vec<String>> =
        serde_json::from_value(buckets.clone()).map_err(|error| Broken(format!("buckets: {error}: {buckets}")))?;
    if sums.values().any(|sums| sums.len() != 256) {
        return broken(format!("a collection has 256 buckets: {buckets}"));
    }
    Ok(sums)
}

fn bucket(id: &str) -> usize {
    usize::from(digest(&SHA256, id.as_bytes()).as_ref()[0])
}

fn digest_of(body: &Object) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical(&Value::Object(body.clone())).as_bytes()))
}

impl Replica {
    /// All rows of the buckets that differ, or for a deep comparison of all that hold something, by collection.
    fn rows_to_compare(&self, theirs: &BTreeMap<String, Vec<String>>, deep: bool) -> BTreeMap<String, BTreeMap<String, Vec<Value>>> {
        let mut own: BTreeMap<&str, BTreeMap<usize, (u64, Vec<Value>)>> = BTreeMap::new();
        for (collection, id, version, body) in self.all_live() {
            let slot = own.entry(collection).or_default().entry(bucket(id)).or_default();
            slot.0 = slot.0.wrapping_add(checksum_of(id, version));
            slot.1.push(if deep { json!([id, version, digest_of(body)]) } else { json!([id, version]) });
        }
        let none = vec![format!("{:016x}", 0); 256];
        let mut rows: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
        let names: BTreeSet<&str> = own.keys().copied().chain(theirs.keys().map(String::as_str)).collect();
        for name in names {
            for (number, sum) in theirs.get(name).unwrap_or(&none).iter().enumerate() {
                let (own_sum, held) = own.get(name).and_then(|buckets| buckets.get(&number)).cloned().unwrap_or_default();
                if *sum != format!("{own_sum:016x}") || deep && !held.is_empty() {
                    rows.entry(name.to_owned()).or_default().insert(format!("{number:02x}"), held);
                }
            }
        }
        rows
    }

    /// A repair takes the place of whatever is held.
    fn absorb_repair(&mut self, collection: &str, repair: &Value) -> Result<usize, Broken> {
        let (Some(items), Some(drop)) = (repair["items"].as_array(), repair["drop"].as_array()) else {
            return broken(format!("a repair has items and drop: {repair}"));
        };
        for item in items {
            let (Some(id), Some(version), Some(body)) =
                (item["document_id"].as_str(), item["version"].as_i64(), item["document"].as_object().cloned())
            else {
                return broken(format!("a repair's item is a whole document: {item}"));
            };
            if item["kind"] != "document" || item["collection"] != collection {
                return broken(format!("a repair's item is a document of its collection: {item}"));
            }
            self.documents_mut().insert((collection.to_owned(), id.to_owned()), Held { version, body: Some(body) });
        }
        for id in drop {
            let id = id.as_str().ok_or_else(|| Broken(format!("ids are strings: {repair}")))?;
            self.documents_mut().remove(&(collection.to_owned(), id.to_owned()));
        }
        Ok(items.len() + drop.len())
    }
}
