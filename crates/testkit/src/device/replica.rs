//! A device's copy of one space.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde_json::Value;
use sync_core::json::Object;

use super::{Broken, broken};

/// What a device holds of one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The version at which it last heard of it.
    pub version: i64,
    /// The body; `None` of a document that was deleted or left the view.
    pub body: Option<Object>,
}

/// What is held, by collection and id.
pub type Documents = BTreeMap<(String, String), Held>;

/// A device's copy of one space.
#[allow(clippy::struct_excessive_bools, reason = "each is a state of its own")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replica {
    documents: Documents,
    pub(super) cursor: Option<String>,
    pub(super) epoch: Option<String>,
    /// Whether a run of pages has ended: only then results touch the copy.
    pub(super) has_floor: bool,
    /// Told to begin anew; the outbox goes first.
    pub(super) resetting: bool,
    /// The last reset said that the log was restored: up to this version it is the log that was read.
    pub(super) forked_at: Option<i64>,
    /// The epoch that the last reset named.
    told_epoch: Option<String>,
    /// The highest version of the current run of pages.
    place: i64,
    /// Whether the last page said that nothing follows.
    is_complete: bool,
    /// Whether the copy may be wrong, and is being compared: then it is not the server that is at fault.
    doubted: bool,
}

impl Replica {
    /// What is held of a document, gone ones too.
    #[must_use]
    pub fn held(&self, collection: &str, id: &str) -> Option<&Held> {
        self.documents.get(&(collection.to_owned(), id.to_owned()))
    }

    /// A document's body, where it is live.
    #[must_use]
    pub fn live(&self, collection: &str, id: &str) -> Option<&Object> {
        self.held(collection, id)?.body.as_ref()
    }

    /// The live documents of a collection with their ids.
    pub fn live_in<'a>(&'a self, collection: &'a str) -> impl Iterator<Item = (&'a str, &'a Object)> {
        self.documents
            .iter()
            .filter(move |((name, _), _)| name == collection)
            .filter_map(|((_, id), held)| Some((id.as_str(), held.body.as_ref()?)))
    }

    /// Every live document: collection, id, version, body.
    pub fn all_live(&self) -> impl Iterator<Item = (&str, &str, i64, &Object)> {
        self.documents
            .iter()
            .filter_map(|((collection, id), held)| Some((collection.as_str(), id.as_str(), held.version, held.body.as_ref()?)))
    }

    /// Whether everything up to the head was read when it was last asked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether nothing was ever read, or all of it was purged.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.cursor.is_none() && self.documents.is_empty()
    }

    /// The checksums of the copy, by collection.
    #[must_use]
    pub fn checksums(&self) -> BTreeMap<String, String> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (collection, id, version, _) in self.all_live() {
            let sum = sums.entry(collection).or_default();
            *sum = sum.wrapping_add(checksum_of(id, version));
        }
        sums.into_iter().map(|(collection, sum)| (collection.to_owned(), format!("{sum:016x}"))).collect()
    }

    pub(super) fn documents_mut(&mut self) -> &mut Documents {
        &mut self.documents
    }

    /// Takes a page into a copy that may be wrong.
    pub(super) fn absorb_doubted(&mut self, page: &Value, from_start: bool, settled: bool) -> Result<(), Broken> {
        self.doubted = true;
        let outcome = self.absorb_page(page, from_start, settled);
        self.doubted = false;
        outcome
    }

    /// Puts a document as the server has it, unless something newer is held.
    pub(super) fn put(&mut self, collection: &str, id: &str, version: i64, body: Option<Object>) {
        let slot = self.documents.entry((collection.to_owned(), id.to_owned())).or_insert(Held { version, body: None });
        if slot.version <= version {
            *slot = Held { version, body };
        }
    }

    /// Takes a page. `settled` says that nothing of the outbox is left for this space.
    pub(super) fn absorb_page(&mut self, page: &Value, from_start: bool, settled: bool) -> Result<(), Broken> {
        if !page.is_object() {
            return broken("the answer leaves a space out that was asked for");
        }
        if !page["problem"].is_null() {
            return broken(format!("a member's pull answered {}", page["problem"]));
        }
        self.is_complete = false;
        if page["revoked"] == true {
            if page["purge"] == true && settled {
                *self = Self::default();
            }
            return Ok(());
        }
        if page["upgrade_required"] == true && page["reset"] != true {
            // a device that begins anew sent none
            let sent = self.cursor.as_deref().filter(|_| !self.resetting);
            if page["items"].as_array().is_some_and(|items| !items.is_empty()) || page["cursor"].as_str() != sent {
                return broken(format!("a device that is too old is told nothing, and keeps its cursor: {page}"));
            }
            return Ok(());
        }
        if page["reset"] == true {
            if !page["reason"].is_string() || page["items"].as_array().is_some_and(|items| !items.is_empty()) {
                return broken(format!("a reset has a reason and no items: {page}"));
            }
            let (Some(epoch), Some(shared_until)) = (page["epoch"].as_str(), page["shared_until"].as_i64()) else {
                return broken(format!("a reset names the epoch, and until where the log is shared: {page}"));
            };
            let reason = page["reason"].as_str().unwrap_or_default();
            let changed = self.epoch.as_deref().is_some_and(|known| known != epoch);
            if changed && reason != "epoch" {
                return broken(format!("the epoch changed, and that is not the reason: {page}"));
            }
            // what is held and made is of the old epoch until the copy is begun anew
            self.forked_at = changed.then_some(shared_until);
            self.told_epoch = Some(epoch.to_owned());
            self.resetting = true;
            return Ok(());
        }
        if from_start && self.told_epoch.as_deref().is_some_and(|told| page["epoch"] != told) {
            // restored once more since it was told to begin anew: nobody says where the logs part
            self.told_epoch = page["epoch"].as_str().map(str::to_owned);
            self.forked_at = Some(0);
            return Ok(());
        }
        if from_start {
            *self = Self { doubted: self.doubted, ..Self::default() };
        }
        for item in page["items"].as_array().ok_or_else(|| Broken("a page without items".into()))? {
            self.absorb_item(item)?;
        }
        self.close_page(page)
    }

    fn close_page(&mut self, page: &Value) -> Result<(), Broken> {
        let (Some(cursor), Some(epoch), Some(has_more)) = (page["cursor"].as_str(), page["epoch"].as_str(), page["has_more"].as_bool())
        else {
            return broken(format!("a page has a cursor, an epoch and has_more: {page}"));
        };
        if self.epoch.as_ref().is_some_and(|known| known != epoch) {
            return broken("the epoch changed without a reset");
        }
        self.cursor = Some(cursor.to_owned());
        self.epoch = Some(epoch.to_owned());
        if has_more != page["checksums"].is_null() {
            return broken("the last page, and only that, has checksums");
        }
        if has_more {
            return Ok(());
        }
        self.has_floor = true;
        self.is_complete = true;
        self.place = 0;
        let told: BTreeMap<String, String> = serde_json::from_value(page["checksums"].clone()).unwrap_or_default();
        let own = self.checksums();
        if told != own && !self.doubted {
            return broken(format!("checksums: the server says {told:?}, the copy has {own:?}: {:#?}", self.documents));
        }
        Ok(())
    }

    fn absorb_item(&mut self, item: &Value) -> Result<(), Broken> {
        let (Some(collection), Some(id), Some(version)) =
            (item["collection"].as_str(), item["document_id"].as_str(), item["version"].as_i64())
        else {
            return broken(format!("an item has a collection, a document_id and a version: {item}"));
        };
        if version <= self.place {
            return broken(format!("the items of a run come by version: {version} came after {}", self.place));
        }
        self.place = version;
        let held = self.held(collection, id);
        if held.is_some_and(|held| held.version > version) {
            return Ok(());
        }
        let body = match item["kind"].as_str() {
            Some("document") => Some(item["document"].as_object().cloned().ok_or_else(|| Broken(format!("no document: {item}")))?),
            Some("patch") => {
                let Some(mut body) = held.and_then(|held| held.body.clone()) else {
                    if self.doubted {
                        return Ok(());
                    }
                    return broken(format!("a patch for a document that is not held: {item}"));
                };
                for (name, value) in item["patch"].as_object().ok_or_else(|| Broken(format!("no patch: {item}")))? {
                    if value.is_null() {
                        body.remove(name);
                    } else {
                        body.insert(name.clone(), value.clone());
                    }
                }
                Some(body)
            }
            Some("delete" | "gone") => None,
            _ => return broken(format!("an item of an unknown kind: {item}")),
        };
        self.put(collection, id, version, body);
        Ok(())
    }
}

/// A document's share in its collection's checksum: the first 8 bytes, big-endian, of
/// SHA-256(`id`, 0x00, `version` in decimal).
#[must_use]
pub fn checksum_of(id: &str, version: i64) -> u64 {
    let text = format!("{id}\0{version}");
    let hash = digest(&SHA256, text.as_bytes());
    u64::from_be_bytes(hash.as_ref()[..8].try_into().unwrap())
}

#[cfg(test)]
mod tests {
    use super::checksum_of;

    #[test]
    fn the_checksum_is_that_of_sha256sum() {
        // printf 'evt-1\0001200' | sha256sum
        assert_eq!(format!("{:016x}", checksum_of("evt-1", 1200)), "bb1f50f4d1c35b41");
    }
}
