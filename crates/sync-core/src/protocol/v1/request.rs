//! Reading what devices send. A fault of the whole request is an error; a fault of one operation stays with that
//! operation, so that one bad operation never blocks another.

mod members;
mod operation;
mod resolution;
mod verify;

use std::collections::BTreeMap;

use serde_json::Value;

use self::members::{
    Read, counted, instant, list, malformed, optional_object, optional_text, parse_body, read_op_ids, require, schema_version,
};
use self::operation::receive_operation;
pub use self::operation::{read_again, read_edited_operation, read_stored_operation};
use self::resolution::receive_resolutions;
pub use self::verify::{HeldRow, VerifyRequest, VerifyStep};
use super::audit::Gossip;
use crate::json::{Object, pointer};
use crate::limits::{DEFAULT_CHANGES, DEFAULT_PAGE_BYTES, MAX_CHANGES, MAX_DOCUMENT_BYTES, MAX_OPERATIONS, MAX_PULL_SPACES, MAX_RECEIPTS};
use crate::{Code, ConflictId, DocumentKey, OpId, Operation, Problem, SpaceId, Timestamp};

/// The body of `POST /api/offline/sync`.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncRequest {
    /// Its length in bytes.
    pub bytes: usize,
    /// When the device sent it, by its own clock.
    pub sent_at: Option<Timestamp>,
    /// The epochs that the device knows, by space.
    pub epochs: BTreeMap<SpaceId, String>,
    /// In the order sent.
    pub operations: Vec<Received<Operation>>,
    /// In the order sent, after the operations.
    pub resolutions: Vec<Received<Resolution>>,
    /// Operations whose receipts are wanted.
    pub ask: Vec<OpId>,
    /// What to read afterwards.
    pub pull: Option<Pull>,
    /// What the device knows of the audit log, where it wants to compare.
    pub audit: Option<Gossip>,
}

/// Something with an `op_id`, well formed or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Received<T> {
    /// Its id.
    pub op_id: OpId,
    /// The group that it names, read even where its form is at fault.
    pub group: Option<String>,
    /// The document that it names, read even where its form is at fault.
    pub document: Option<(SpaceId, DocumentKey)>,
    /// What it says, or what is wrong with its form.
    pub content: Result<T, Problem>,
    /// A well-formed operation that breaks a limit: refused, and kept.
    pub over_limit: Option<Problem>,
    /// The digest that it claims, and the canonical text over which it is taken.
    pub digest: Option<(String, String)>,
}

/// What to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Pull {
    /// The version of the spaces' schemas that the device speaks; `None`: each space's own.
    pub schema: Option<u32>,
    /// Space ids as they were written, with their cursors.
    pub spaces: Vec<(String, Option<String>)>,
    /// Items on a page, over all spaces.
    pub max_changes: usize,
    /// Bytes of items on a page, over all spaces.
    pub max_bytes: usize,
}

/// An answer to a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// Its id, of the same space of ids as operations.
    pub op_id: OpId,
    /// The conflict.
    pub conflict_id: ConflictId,
    /// The conflict's version that was seen.
    pub version: i64,
    /// The choices by pointer.
    pub fields: BTreeMap<String, Choice>,
    /// For a group: one choice for all of it.
    pub whole: Option<Choice>,
    /// Whether the last answer is to be taken back instead.
    pub undo: bool,
    /// Whether such questions are to be decided in this way without asking from now on.
    pub remember: bool,
    /// As sent.
    pub payload: Value,
}

impl Resolution {
    /// One that takes the last answer back, whatever its version.
    #[must_use]
    pub fn undoing(op_id: OpId, conflict_id: ConflictId) -> Self {
        let payload = serde_json::json!({"op_id": op_id, "conflict_id": conflict_id, "undo": true});
        let (fields, whole, remember) = Default::default();
        Self { op_id, conflict_id, version: 0, fields, whole, undo: true, remember, payload }
    }
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// What is live.
    Ours,
    /// What the device sent.
    Theirs,
    /// What both started from.
    Base,
    /// Something else; `null` removes the field.
    Value(Value),
}

impl SyncRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// A problem of the whole request: nothing of it was taken.
    pub fn parse(bytes: &[u8]) -> Read<Self> {
        let mut body = parse_body(bytes)?;
        match body.get("protocol") {
            Some(version) if version.as_i64() == Some(1) => {}
            Some(Value::Number(_)) => {
                return Err(Problem::new(
                    Code::UnsupportedProtocol,
                    "this server speaks protocol 1 and no other; send \"protocol\":1, or update the server",
                )
                .at("/protocol"));
            }
            _ => return Err(malformed("protocol is to be the number 1", "/protocol")),
        }
        let space_id = optional_text(&body, "space_id", "")?;
        let schema = schema_version(&body, "")?;
        let small = bytes.len() <= MAX_DOCUMENT_BYTES;
        let operations = counted(list(&mut body, "operations")?, MAX_OPERATIONS, "operations")?;
        let resolutions = counted(list(&mut body, "resolutions")?, MAX_OPERATIONS, "resolutions")?;
        Ok(Self {
            bytes: bytes.len(),
            sent_at: instant(&body, "sent_at"),
            epochs: read_epochs(&body)?,
            operations: operations
                .into_iter()
                .enumerate()
                .map(|(index, value)| receive_operation(value, (space_id.as_deref(), schema), small, &format!("/operations/{index}")))
                .collect::<Read<_>>()?,
            resolutions: receive_resolutions(resolutions)?,
            ask: read_op_ids(counted(list(&mut body, "ask")?, MAX_RECEIPTS, "ask")?, "/ask")?,
            pull: read_pull(body.get("pull"), schema)?,
            audit: read_audit(&body)?,
        })
    }
}

/// Reads one line of `POST /api/offline/queue/batch`, an operation; what it leaves out of its space and its schema, the
/// request says.
///
/// # Errors
/// What is wrong with the line, where not even an id can be read.
pub fn read_operation_line(line: &[u8], space_id: Option<&str>, schema: Option<u32>) -> Read<Received<Operation>> {
    let operation = parse_body(line)?;
    receive_operation(Value::Object(operation), (space_id, schema), line.len() <= MAX_DOCUMENT_BYTES, "")
}

/// Reads the body of `PUT /api/offline/sync/resolve`.
///
/// # Errors
/// A problem of the whole request.
pub fn read_resolutions(bytes: &[u8]) -> Read<Vec<Received<Resolution>>> {
    let mut body = parse_body(bytes)?;
    require(&body, "resolutions", "")?;
    receive_resolutions(counted(list(&mut body, "resolutions")?, MAX_OPERATIONS, "resolutions")?)
}

/// Reads the body of `POST /api/offline/sync/receipts`.
///
/// # Errors
/// A problem of the whole request.
pub fn read_receipts(bytes: &[u8]) -> Read<Vec<OpId>> {
    let mut body = parse_body(bytes)?;
    require(&body, "op_ids", "")?;
    read_op_ids(counted(list(&mut body, "op_ids")?, MAX_RECEIPTS, "op_ids")?, "/op_ids")
}

fn read_epochs(body: &Object) -> Read<BTreeMap<SpaceId, String>> {
    let mut epochs = BTreeMap::new();
    for (space_id, epoch) in optional_object(body, "epochs", "")?.unwrap_or_default() {
        let Value::String(epoch) = epoch else {
            return Err(malformed("an epoch is a string", format!("/epochs{}", pointer(&[space_id]))));
        };
        if let Ok(space_id) = space_id.parse() {
            epochs.insert(space_id, epoch);
        }
    }
    Ok(epochs)
}

fn read_audit(body: &Object) -> Read<Option<Gossip>> {
    let audit = optional_object(body, "audit", "")?;
    audit.map(|audit| Ok(Gossip { checkpoint: optional_text(&audit, "checkpoint", "/audit")? })).transpose()
}

fn read_pull(value: Option<&Value>, schema: Option<u32>) -> Read<Option<Pull>> {
    let pull = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(pull)) => pull,
        Some(_) => return Err(malformed("pull is to be an object", "/pull")),
    };
    let mut spaces = Vec::new();
    for (space_id, entry) in optional_object(pull, "spaces", "/pull")?.unwrap_or_default() {
        let at = format!("/pull/spaces{}", pointer(&[&space_id]));
        let cursor = match entry {
            Value::Object(entry) => optional_text(&entry, "cursor", &at)?,
            _ => return Err(malformed("a space is pulled by {\"cursor\": …}", at)),
        };
        spaces.push((space_id, cursor));
    }
    if spaces.len() > MAX_PULL_SPACES {
        return Err(Problem::new(Code::TooLarge, format!("at most {MAX_PULL_SPACES} spaces in one pull")).at("/pull/spaces"));
    }
    let bound = |name, default: usize, most: usize| match pull.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| *number > 0)
            .map(|number| number.min(most))
            .ok_or_else(|| malformed(format!("{name} is to be a number above 0"), format!("/pull/{name}"))),
    };
    Ok(Some(Pull {
        schema,
        spaces,
        max_changes: bound("max_changes", DEFAULT_CHANGES, MAX_CHANGES)?,
        max_bytes: bound("max_bytes", DEFAULT_PAGE_BYTES, crate::limits::MAX_BODY_BYTES)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OP: &str = "01890000-0000-7000-8000-000000000001";
    const SPACE: &str = "01890000-0000-7000-8000-0000000000aa";

    fn parse_one(operation: &str) -> Read<Received<Operation>> {
        let body = format!(r#"{{"protocol":1,"space_id":"{SPACE}","operations":[{operation}]}}"#);
        SyncRequest::parse(body.as_bytes()).map(|mut request| request.operations.remove(0))
    }

    #[test]
    fn reads_an_operation_and_fills_the_space_in() {
        let text = format!(
            r#"{{"op_id":"{OP}","collection":"guests","document_id":"g","kind":"create","base_version":0,"patch":{{"a":1.0,"b":null}}}}"#
        );
        let operation = parse_one(&text).unwrap().content.unwrap();
        assert_eq!(operation.space_id.to_string(), SPACE);
        assert_eq!(serde_json::to_string(&operation.patch).unwrap(), r#"{"a":1}"#);
        assert_eq!(
            operation.identity_text(),
            format!(r#"{{"collection":"guests","document_id":"g","kind":"create","patch":{{"a":1}},"space_id":"{SPACE}"}}"#)
        );
    }

    #[test]
    fn a_fault_of_one_operation_stays_with_it() {
        for (rest, place) in [
            (r#""collection":"Guests","document_id":"g","kind":"update","base_version":1,"patch":{}"#, "/collection"),
            (r#""collection":"guests","document_id":"é","kind":"update","base_version":1,"patch":{}"#, "/document_id"),
            (r#""collection":"guests","document_id":"g","kind":"upsert","base_version":1,"patch":{}"#, "/kind"),
            (r#""collection":"guests","document_id":"g","kind":"update","patch":{}"#, "/base_version"),
            (r#""collection":"guests","document_id":"g","kind":"update","base_version":1"#, "/patch"),
            (r#""collection":"guests","document_id":"g","kind":"update","base_version":1,"patch":[]"#, "/patch"),
            (r#""collection":"guests","document_id":"g","kind":"update","base_version":1,"patch":{},"after":7"#, "/after"),
            (r#""collection":"guests","document_id":"g","kind":"update","base_version":1,"patch":{},"schema":1.5"#, "/schema"),
        ] {
            let received = parse_one(&format!(r#"{{"op_id":"{OP}",{rest}}}"#)).unwrap();
            let problem = received.content.unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(place)), "{rest}");
        }
    }

    #[test]
    fn an_operation_speaks_its_own_schema_or_the_requests() {
        for (request, own, spoken) in [("", "", None), (r#""schema":2,"#, "", Some(2)), (r#""schema":2,"#, r#","schema":1"#, Some(1))] {
            let operation = format!(r#"{{"op_id":"{OP}","collection":"a","document_id":"g","kind":"delete","base_version":1{own}}}"#);
            let body = format!(r#"{{"protocol":1,{request}"space_id":"{SPACE}","operations":[{operation}],"pull":{{}}}}"#);
            let request = SyncRequest::parse(body.as_bytes()).unwrap();
            assert_eq!(request.operations[0].content.as_ref().unwrap().schema, spoken);
        }
    }

    #[test]
    fn limits_are_told_with_their_place() {
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        for (patch, code, place) in [
            (r#"{"a":{"b":9007199254740993}}"#.to_owned(), Code::NumberRange, "/patch/a/b"),
            (format!(r#"{{"a":{deep}}}"#), Code::TooLarge, "/patch"),
        ] {
            let text = format!(r#"{{"op_id":"{OP}","collection":"a","document_id":"g","kind":"update","base_version":1,"patch":{patch}}}"#);
            let problem = parse_one(&text).unwrap().over_limit.unwrap();
            assert_eq!((problem.code, problem.pointer.as_deref()), (code, Some(place)));
        }
    }

    #[test]
    fn a_fault_of_the_request_is_an_error() {
        for (body, code, place) in [
            ("{", Code::MalformedJson, None),
            ("[]", Code::Malformed, Some("")),
            ("{}", Code::Malformed, Some("/protocol")),
            (r#"{"protocol":2}"#, Code::UnsupportedProtocol, Some("/protocol")),
            (r#"{"protocol":1,"operations":{}}"#, Code::Malformed, Some("/operations")),
            (r#"{"protocol":1,"operations":[{"kind":"update"}]}"#, Code::Malformed, Some("/operations/0/op_id")),
            (r#"{"protocol":1,"pull":{"spaces":{"x":{"cursor":1}}}}"#, Code::Malformed, Some("/pull/spaces/x/cursor")),
            (r#"{"protocol":1,"schema":"3"}"#, Code::Malformed, Some("/schema")),
            (r#"{"protocol":1,"pull":{"max_changes":0}}"#, Code::Malformed, Some("/pull/max_changes")),
        ] {
            let problem = SyncRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (code, place), "{body}");
        }
        let many = format!(r#"{{"protocol":1,"operations":[{}]}}"#, vec!["{}"; 1_001].join(","));
        assert_eq!(SyncRequest::parse(many.as_bytes()).unwrap_err().code, Code::TooLarge);
    }
}
