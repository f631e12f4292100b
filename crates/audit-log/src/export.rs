//! A log as lines of JSON, for keeping and checking elsewhere: `{"log":{…}}`, then its checkpoints, tiles and records.
//!
//! A record has its columns as members: ids as UUIDs, instants in RFC 3339, hashes and salts in base64, details as JSON, what
//! is absent as `null`. What was damaged, and is no text, is `{"bytes":"base64"}`; damaged details are base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sync_core::Timestamp;
use sync_core::json::{canonical, parse_strict};
use sync_core::ports::{AuditPart, StoredAuditRecord};
use uuid::Uuid;

use crate::entry::Damaged;

/// The members of a record.
const MEMBERS: usize = 14;

/// The line of a part, with its end.
#[must_use]
pub fn to_line(part: &AuditPart) -> String {
    let line = match part {
        AuditPart::Log { organisation_id, size } => json!({"log": {"organisation_id": id(organisation_id), "size": size}}),
        AuditPart::Checkpoint { size, root, note } => {
            json!({"checkpoint": {"size": size, "root": STANDARD.encode(root), "note": text(note)}})
        }
        AuditPart::Tile { level, tile_index, hashes } => {
            json!({"tile": {"level": level, "index": tile_index, "hashes": STANDARD.encode(hashes)}})
        }
        AuditPart::Record(record) => json!({"record": record_value(record)}),
        AuditPart::Unreadable => Value::Null,
    };
    format!("{line}\n")
}

/// Reads a line, strictly: what is not exactly as [`to_line`] writes it is [`AuditPart::Unreadable`].
#[must_use]
pub fn parse_line(line: &str) -> AuditPart {
    parse_strict(line.as_bytes()).ok().and_then(|line| part(&line).ok()).unwrap_or(AuditPart::Unreadable)
}

fn record_value(record: &StoredAuditRecord) -> Value {
    let at = Timestamp::from_millis(record.at);
    let details = |bytes: &Vec<u8>| match parse_strict(bytes) {
        Ok(object @ Value::Object(_)) => object,
        _ => STANDARD.encode(bytes).into(),
    };
    json!({
        "leaf_index": record.leaf_index,
        "record_id": id(&record.record_id),
        "organisation_id": id(&record.organisation_id),
        "space_id": record.space_id.as_deref().map(id),
        "at": if Timestamp::parse(&at.to_string()) == Some(at) { json!(at) } else { json!(record.at) },
        "action": text(&record.action),
        "commitment": record.commitment.as_ref().map(|bytes| STANDARD.encode(bytes)),
        "salt": record.salt.as_ref().map(|bytes| STANDARD.encode(bytes)),
        "user_id": record.user_id.as_deref().map(id),
        "device_id": record.device_id.as_deref().map(id),
        "subject": record.subject.as_deref().map(text),
        "reason": record.reason.as_deref().map(text),
        "trace": record.trace.as_deref().map(text),
        "details": record.details.as_ref().map(details),
    })
}

fn id(bytes: &[u8]) -> Value {
    Uuid::from_slice(bytes).map_or_else(|_| damaged(bytes), |id| id.to_string().into())
}

fn text(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| damaged(bytes), Value::from)
}

fn damaged(bytes: &[u8]) -> Value {
    json!({"bytes": STANDARD.encode(bytes)})
}

fn part(line: &Value) -> Result<AuditPart, Damaged> {
    let only = line.as_object().filter(|line| line.len() == 1).and_then(|line| line.iter().next());
    let Some((kind, Value::Object(members))) = only else { return Err(Damaged) };
    let fields = Fields(members);
    match (kind.as_str(), members.len()) {
        ("log", 2) => Ok(AuditPart::Log { organisation_id: there(fields.id("organisation_id"))?, size: fields.number("size")? }),
        ("checkpoint", 3) => Ok(AuditPart::Checkpoint {
            size: there(fields.number("size"))?,
            root: there(fields.base64("root"))?,
            note: there(fields.text("note"))?,
        }),
        ("tile", 3) => Ok(AuditPart::Tile {
            level: there(fields.number("level"))?,
            tile_index: there(fields.number("index"))?,
            hashes: there(fields.base64("hashes"))?,
        }),
        ("record", MEMBERS) => fields.record().map(|record| AuditPart::Record(Box::new(record))),
        _ => Err(Damaged),
    }
}

/// A value that must not be absent.
fn there<T>(read: Result<Option<T>, Damaged>) -> Result<T, Damaged> {
    read?.ok_or(Damaged)
}

/// Members of a line, each absent or a value.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn record(&self) -> Result<StoredAuditRecord, Damaged> {
        Ok(StoredAuditRecord {
            record_id: there(self.id("record_id"))?,
            organisation_id: there(self.id("organisation_id"))?,
            space_id: self.id("space_id")?,
            at: there(self.read("at", |at| at.as_i64().or_else(|| instant(at.as_str()?))))?,
            action: there(self.text("action"))?,
            commitment: self.base64("commitment")?,
            leaf_index: self.number("leaf_index")?,
            salt: self.base64("salt")?,
            user_id: self.id("user_id")?,
            device_id: self.id("device_id")?,
            subject: self.text("subject")?,
            reason: self.text("reason")?,
            trace: self.text("trace")?,
            details: self.read("details", |details| match details {
                Value::Object(_) => Some(canonical(details).into_bytes()),
                other => STANDARD.decode(other.as_str()?).ok(),
            })?,
        })
    }

    fn read<T>(&self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, Damaged> {
        match self.0.get(name).ok_or(Damaged)? {
            Value::Null => Ok(None),
            value => read(value).map(Some).ok_or(Damaged),
        }
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Damaged> {
        self.read(name, Value::as_i64)
    }

    fn base64(&self, name: &str) -> Result<Option<Vec<u8>>, Damaged> {
        self.read(name, |value| STANDARD.decode(value.as_str()?).ok())
    }

    fn text(&self, name: &str) -> Result<Option<Vec<u8>>, Damaged> {
        self.read(name, |value| value.as_str().map(|text| text.as_bytes().to_vec()).or_else(|| restored(value)))
    }

    fn id(&self, name: &str) -> Result<Option<Vec<u8>>, Damaged> {
        self.read(name, |value| value.as_str().map_or_else(|| restored(value), uuid))
    }
}

/// An instant in the one form that it is written in.
fn instant(text: &str) -> Option<i64> {
    Timestamp::parse(text).filter(|at| at.to_string() == text).map(Timestamp::millis)
}

/// A UUID in the one form that it is written in.
fn uuid(text: &str) -> Option<Vec<u8>> {
    Uuid::parse_str(text).ok().filter(|id| id.to_string() == text).map(|id| id.as_bytes().to_vec())
}

fn restored(value: &Value) -> Option<Vec<u8>> {
    let bytes = value.as_object().filter(|value| value.len() == 1)?.get("bytes")?;
    STANDARD.decode(bytes.as_str()?).ok()
}
