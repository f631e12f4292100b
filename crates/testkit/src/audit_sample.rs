//! A log of invented records, as it is stored.

use audit_log::{Checkpoint, Hash, Leaf, Particulars, SigningKey, Tile, TileId, commitment, origin, tiles};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use sync_core::json::Object;
use sync_core::ports::{AuditPart, StoredAuditRecord};
use sync_core::{DeviceId, OrganisationId, SpaceId, Timestamp, UserId};
use uuid::Uuid;

/// The instant of the first record.
const BEGINNING: i64 = 1_781_964_131_120;

/// What is in a log of invented records.
#[derive(Debug, Clone, Copy)]
pub struct AuditSample {
    /// Whose it is: the last byte of the organisation's id.
    pub organisation: u8,
    /// How many records have a place.
    pub records: u64,
    /// After how many records each there is a checkpoint, and one at the end.
    pub checkpoint_every: u64,
    /// How many records have no place yet.
    pub waiting: u64,
}

impl AuditSample {
    /// The organisation.
    #[must_use]
    pub fn organisation_id(&self) -> OrganisationId {
        OrganisationId(id(1, u64::from(self.organisation)))
    }

    /// The key that signed its checkpoints.
    ///
    /// # Panics
    /// Never: these bytes make a key.
    #[must_use]
    pub fn key() -> SigningKey {
        SigningKey::from_seed([42; 32]).expect("a key")
    }

    /// The log's parts, in their order.
    ///
    /// # Panics
    /// Never: an own tree has all its tiles.
    #[must_use]
    pub fn parts(&self) -> Vec<AuditPart> {
        let all = self.records + self.waiting;
        let records: Vec<StoredAuditRecord> = (0..all).map(|number| self.record(number)).collect();
        let hashes: Vec<Hash> = records.iter().zip(0..self.records).map(|(record, seq)| leaf_of(record).hash(seq)).collect();
        let stored: BTreeMap<TileId, Tile> = tiles::append(0, &hashes, |_| None).expect("an empty tree").into_iter().collect();
        let organisation_id = self.organisation_id();
        let size = i64::try_from(self.records).expect("a small log");
        let mut parts = vec![AuditPart::Log { organisation_id: organisation_id.as_bytes().to_vec(), size: Some(size) }];
        let sizes = (1..=self.records).filter(|size| *size == self.records || size % self.checkpoint_every == 0);
        parts.extend(sizes.map(|size| {
            let root = tiles::root(size, |id| stored.get(&id)).expect("all tiles");
            self.checkpoint(size, root)
        }));
        parts.extend(stored.iter().map(|(id, tile)| AuditPart::Tile {
            level: id.level.into(),
            tile_index: i64::try_from(id.index).expect("a small log"),
            hashes: tile.to_bytes(),
        }));
        parts.extend(records.into_iter().map(|record| AuditPart::Record(Box::new(record))));
        parts
    }

    /// A signed checkpoint of this log.
    ///
    /// # Panics
    /// When the size is beyond what is stored.
    #[must_use]
    pub fn checkpoint(&self, size: u64, root: Hash) -> AuditPart {
        let note = Checkpoint::new(origin(self.organisation_id()), size, root).sign(&Self::key()).expect("an origin without spaces");
        AuditPart::Checkpoint { size: i64::try_from(size).expect("a size"), root: root.as_bytes().to_vec(), note: note.into_bytes() }
    }

    fn record(&self, number: u64) -> StoredAuditRecord {
        let (user_id, device_id) = (UserId(id(3, number % 5)), DeviceId(id(4, number % 9)));
        let salt = *audit_log::leaf_hash(&[&[self.organisation], number.to_be_bytes().as_slice()].concat()).as_bytes();
        let details = details(number);
        let subject = format!("guests/gst-{number}");
        let particulars = Particulars {
            user_id: Some(user_id),
            device_id: (number % 4 != 3).then_some(device_id),
            subject: Some(&subject),
            reason: (number % 6 == 5).then_some("Inês asked for it"),
            trace: (number.is_multiple_of(2)).then_some("4bf92f3577b34da6a3ce929d0e0e4736"),
            details: &details,
        };
        let erased = number % 11 == 10;
        let kept = |bytes: Vec<u8>| (!erased).then_some(bytes);
        StoredAuditRecord {
            record_id: id(7, u64::from(self.organisation) << 32 | number).as_bytes().to_vec(),
            organisation_id: self.organisation_id().as_bytes().to_vec(),
            space_id: (!number.is_multiple_of(3)).then(|| SpaceId(id(2, number % 3)).as_bytes().to_vec()),
            at: BEGINNING + i64::try_from(number * 977).expect("a small log"),
            action: ["sync.push", "conflict.resolve", "field.reveal"][usize::try_from(number % 3).expect("of three")].as_bytes().to_vec(),
            commitment: Some(commitment(&salt, &particulars).as_bytes().to_vec()),
            leaf_index: (number < self.records).then(|| i64::try_from(number).expect("a small log")),
            salt: kept(salt.to_vec()),
            user_id: kept(user_id.as_bytes().to_vec()),
            device_id: particulars.device_id.and_then(|id| kept(id.as_bytes().to_vec())),
            reason: particulars.reason.and_then(|reason| kept(reason.as_bytes().to_vec())),
            trace: particulars.trace.and_then(|trace| kept(trace.as_bytes().to_vec())),
            details: kept(Value::Object(details.clone()).to_string().into_bytes()),
            subject: kept(subject.into_bytes()),
        }
    }
}

fn leaf_of(stored: &StoredAuditRecord) -> Leaf {
    Leaf {
        record_id: Uuid::from_slice(&stored.record_id).expect("an id"),
        organisation_id: OrganisationId::from_slice(&stored.organisation_id).expect("an id"),
        space_id: stored.space_id.as_deref().map(|bytes| SpaceId::from_slice(bytes).expect("an id")),
        at: Timestamp::from_millis(stored.at),
        action: String::from_utf8(stored.action.clone()).expect("a text"),
        commitment: stored.commitment.as_deref().and_then(Hash::from_slice).expect("a hash"),
    }
}

/// What canonical JSON has to get right, in turn: texts of several planes, numbers of every size, order, depth.
fn details(number: u64) -> Object {
    let details = match number % 4 {
        0 => {
            json!({"results": [{"id": number, "status": "applied"}], "é": "Inês \u{1f492} \"quoted\"\n\u{1}", "\u{1f492}": 1, "\u{fb33}": 2})
        }
        1 => json!({"from": 0.1, "to": 1e21, "small": 1e-7, "large": 333_333_333.333_333_3, "zero": 0, "none": null}),
        2 => json!({"changes": {"role": {"from": "vendor", "to": "lead"}, "number": number}, "kept": [true, false, []]}),
        _ => json!({}),
    };
    details.as_object().cloned().unwrap_or_default()
}

fn id(kind: u8, number: u64) -> Uuid {
    let mut bytes = [kind; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
