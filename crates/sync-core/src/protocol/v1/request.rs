//! Reading what devices send. A fault of the whole request is an error; a fault of one operation stays with that
//! operation, so that one bad operation never blocks another.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::{CONFLICTS, is_collection_name, is_document_id};
use crate::json::{self, Object, pointer};
use crate::limits::{
    DEFAULT_CHANGES, DEFAULT_PAGE_BYTES, MAX_CHANGES, MAX_DEPENDENCIES, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ID_BYTES, MAX_OPERATIONS, MAX_PULL_SPACES,
    MAX_RECEIPTS, MAX_SAFE_INTEGER,
};
use crate::operation::Hint;
use crate::{Code, ConflictId, DocumentKey, Kind, OpId, Operation, Problem, SpaceId, Timestamp};

/// The body of `POST /api/offline/sync`.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncRequest {
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
}

/// Something with an `op_id`, well formed or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Received<T> {
    /// Its id.
    pub op_id: OpId,
    /// The group that it names, read even where its form is at fault.
    pub group: Option<String>,
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
    /// As sent.
    pub payload: Value,
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

type Read<T> = Result<T, Problem>;

fn malformed(detail: impl Into<String>, at: impl Into<String>) -> Problem {
    Problem::new(Code::Malformed, detail).at(at)
}

fn parse_body(bytes: &[u8]) -> Read<Object> {
    let value = json::parse_strict(bytes).map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    match value {
        Value::Object(body) => Ok(body),
        _ => Err(malformed("the body is to be a JSON object", "")),
    }
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
                return Err(Problem::new(Code::UnsupportedProtocol, "this server speaks protocol 1; see GET /api/offline/config").at("/protocol"));
            }
            _ => return Err(malformed("protocol is to be the number 1", "/protocol")),
        }
        let space_id = optional_text(&body, "space_id", "")?;
        let small = bytes.len() <= MAX_DOCUMENT_BYTES;
        let operations = counted(list(&mut body, "operations")?, MAX_OPERATIONS, "operations")?;
        let resolutions = counted(list(&mut body, "resolutions")?, MAX_OPERATIONS, "resolutions")?;
        Ok(Self {
            sent_at: instant(&body, "sent_at"),
            epochs: read_epochs(&body)?,
            operations: operations
                .into_iter()
                .enumerate()
                .map(|(index, value)| receive_operation(value, space_id.as_deref(), small, &format!("/operations/{index}")))
                .collect::<Read<_>>()?,
            resolutions: receive_resolutions(resolutions)?,
            ask: read_op_ids(counted(list(&mut body, "ask")?, MAX_RECEIPTS, "ask")?, "/ask")?,
            pull: read_pull(body.get("pull"))?,
        })
    }
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

/// Reads an operation from its stored payload; `None` when that is damaged.
#[must_use]
pub fn read_stored_operation(payload: Object) -> Option<Operation> {
    let op_id = payload.get("op_id")?.as_str()?.parse().ok()?;
    read_operation(op_id, payload, "").ok()
}

fn receive_operation(value: Value, default_space: Option<&str>, small: bool, at: &str) -> Read<Received<Operation>> {
    let (op_id, mut object) = identified(value, at)?;
    let group = object.get("group").and_then(Value::as_str).map(str::to_owned);
    let digest = match object.get("digest") {
        None | Some(Value::Null) => None,
        Some(Value::String(digest)) => Some(digest.clone()),
        Some(_) => {
            let problem = malformed("digest is to be a string", format!("{at}/digest"));
            return Ok(Received { op_id, group, content: Err(problem), over_limit: None, digest: None });
        }
    };
    if let (None | Some(Value::Null), Some(space_id)) = (object.get("space_id"), default_space) {
        object.insert("space_id".into(), space_id.into());
    }
    let digest = digest.map(|claimed| {
        let mut signed = object.clone();
        signed.remove("digest");
        (claimed, json::canonical(&Value::Object(signed)))
    });
    let over_limit = over_limit(&object, small);
    let content = read_operation(op_id, object, at);
    Ok(Received { op_id, group, content, over_limit, digest })
}

fn identified(value: Value, at: &str) -> Read<(OpId, Object)> {
    let Value::Object(object) = value else {
        return Err(malformed("each entry is to be an object with an op_id", at));
    };
    let op_id = object.get("op_id").and_then(Value::as_str).and_then(|text| text.parse().ok());
    op_id.map(|op_id| (op_id, object)).ok_or_else(|| malformed("op_id is to be a UUID", format!("{at}/op_id")))
}

fn over_limit(object: &Object, small: bool) -> Option<Problem> {
    for name in ["patch", "base", "intent"] {
        let Some(value) = object.get(name) else { continue };
        if json::depth(value) > MAX_DEPTH {
            let detail = format!("{name} nests deeper than {MAX_DEPTH} levels; flatten it");
            return Some(Problem::new(Code::TooLarge, detail).at(pointer(&[name])));
        }
        if let Some(place) = json::find_unsafe_number(value) {
            let detail = format!("an integer beyond ±{MAX_SAFE_INTEGER} can't be carried exactly; send it as a string");
            return Some(Problem::new(Code::NumberRange, detail).at(format!("/{name}{place}")));
        }
        if !small && serde_json::to_string(value).map_or(0, |text| text.len()) > MAX_DOCUMENT_BYTES {
            let detail = format!("{name} is larger than {MAX_DOCUMENT_BYTES} bytes; split the document");
            return Some(Problem::new(Code::TooLarge, detail).at(pointer(&[name])));
        }
    }
    None
}

fn read_operation(op_id: OpId, mut object: Object, at: &str) -> Read<Operation> {
    let kind = Kind::parse(&required_text(&object, "kind", at)?)
        .ok_or_else(|| malformed("kind is to be create, update, delete, restore or intent", format!("{at}/kind")))?;
    let space_id = required_text(&object, "space_id", at)?;
    let space_id: SpaceId = space_id.parse().map_err(|_| malformed("space_id is to be a UUID", format!("{at}/space_id")))?;
    let collection = required_text(&object, "collection", at)?;
    if !is_collection_name(&collection) && collection != CONFLICTS {
        return Err(malformed("a collection is named [a-z][a-z0-9_]{0,63}", format!("{at}/collection")));
    }
    let (key, intent) = match kind {
        Kind::Intent => (None, Some(read_intent_name(&object, at)?)),
        _ => (Some(read_key(&object, &collection, at)?), None),
    };
    Ok(Operation {
        op_id,
        space_id,
        key,
        collection,
        kind,
        base_version: read_base_version(&object, kind, at)?,
        base: optional_object(&object, "base", at)?.map(without_inner_nulls),
        patch: read_patch(&object, kind, at)?,
        intent,
        after: optional_op_id(&object, "after", at)?,
        group: read_group(&object, at)?,
        depends_on: read_dependencies(&mut object, at)?,
        hint: read_hint(&object, at)?,
        created_at: instant(&object, "created_at"),
        payload: Value::Object(object),
    })
}

fn read_key(object: &Object, collection: &str, at: &str) -> Read<DocumentKey> {
    let id = required_text(object, "document_id", at)?;
    let wrong = || malformed("a document id is 1 to 128 ASCII characters of 0x21 to 0x7E", format!("{at}/document_id"));
    if !is_document_id(&id) {
        return Err(wrong());
    }
    DocumentKey::new(collection, &id).ok_or_else(wrong)
}

fn read_intent_name(object: &Object, at: &str) -> Read<String> {
    let name = object.get("intent").and_then(|intent| intent.get("name")).and_then(Value::as_str);
    name.map(str::to_owned).ok_or_else(|| malformed("an intent is {\"name\", \"args\"}", format!("{at}/intent")))
}

fn read_base_version(object: &Object, kind: Kind, at: &str) -> Read<i64> {
    let version = object.get("base_version").and_then(Value::as_i64).filter(|version| (0..=MAX_SAFE_INTEGER).contains(version));
    let version = version.ok_or_else(|| malformed("base_version is to be a version that was seen, 0 for a create", format!("{at}/base_version")))?;
    if kind == Kind::Create && version != 0 {
        return Err(malformed("the base_version of a create is 0", format!("{at}/base_version")));
    }
    Ok(version)
}

fn read_patch(object: &Object, kind: Kind, at: &str) -> Read<Object> {
    let mut patch = match (optional_object(object, "patch", at)?, kind) {
        (_, Kind::Delete | Kind::Intent) => Object::new(),
        (Some(patch), _) => patch,
        (None, Kind::Restore) => Object::new(),
        (None, _) => return Err(malformed("patch is missing", format!("{at}/patch"))),
    };
    if kind == Kind::Create {
        json::drop_nulls(&mut patch);
    }
    Ok(patch)
}

fn read_group(object: &Object, at: &str) -> Read<Option<String>> {
    let group = optional_text(object, "group", at)?;
    if group.as_ref().is_some_and(|group| !(1..=MAX_ID_BYTES).contains(&group.len())) {
        return Err(malformed("a group id is 1 to 128 bytes", format!("{at}/group")));
    }
    Ok(group)
}

fn read_dependencies(object: &mut Object, at: &str) -> Read<Vec<OpId>> {
    let listed = match object.get("depends_on") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items.clone(),
        Some(_) => return Err(malformed("depends_on is to be a list of op_ids", format!("{at}/depends_on"))),
    };
    if listed.len() > MAX_DEPENDENCIES {
        return Err(malformed(format!("depends_on names at most {MAX_DEPENDENCIES} operations"), format!("{at}/depends_on")));
    }
    read_op_ids(listed, &format!("{at}/depends_on"))
}

fn read_hint(object: &Object, at: &str) -> Read<Hint> {
    match optional_text(object, "hint", at)?.as_deref() {
        Some("mine") => Ok(Hint::Mine),
        Some("theirs") => Ok(Hint::Theirs),
        None | Some("ask") => Ok(Hint::Ask),
        Some(_) => Err(malformed("hint is to be mine, theirs or ask", format!("{at}/hint"))),
    }
}

fn receive_resolutions(values: Vec<Value>) -> Read<Vec<Received<Resolution>>> {
    let receive = |(index, value)| {
        let at = format!("/resolutions/{index}");
        let (op_id, object) = identified(value, &at)?;
        let over_limit = object.get("fields").and_then(json::find_unsafe_number).map(|place| {
            Problem::new(Code::NumberRange, format!("an integer beyond ±{MAX_SAFE_INTEGER} can't be carried exactly")).at(format!("/fields{place}"))
        });
        Ok(Received { op_id, group: None, content: read_resolution(op_id, object, &at), over_limit, digest: None })
    };
    values.into_iter().enumerate().map(receive).collect()
}

fn read_resolution(op_id: OpId, object: Object, at: &str) -> Read<Resolution> {
    let conflict_id = required_text(&object, "conflict_id", at)?;
    let conflict_id = conflict_id.parse().map_err(|_| malformed("conflict_id is to be a UUID", format!("{at}/conflict_id")))?;
    let version = object.get("version").and_then(Value::as_i64);
    let version = version.ok_or_else(|| malformed("version is to be the conflict's version that was seen", format!("{at}/version")))?;
    let whole = match object.get("choose") {
        None | Some(Value::Null) => None,
        Some(_) => Some(read_choice(&object, at)?),
    };
    let mut fields = BTreeMap::new();
    for (path, choice) in optional_object(&object, "fields", at)?.unwrap_or_default() {
        let place = format!("{at}/fields{}", pointer(&[&path]));
        let Value::Object(choice) = choice else {
            return Err(malformed("a choice is an object such as {\"choose\":\"ours\"}", place));
        };
        fields.insert(path, read_choice(&choice, &place)?);
    }
    if whole.is_none() && fields.is_empty() {
        return Err(malformed("say what is chosen: fields, or choose for a group", format!("{at}/fields")));
    }
    Ok(Resolution { op_id, conflict_id, version, fields, whole, payload: Value::Object(object) })
}

fn read_choice(object: &Object, at: &str) -> Read<Choice> {
    match object.get("choose").and_then(Value::as_str) {
        Some("ours") => Ok(Choice::Ours),
        Some("theirs") => Ok(Choice::Theirs),
        Some("base") => Ok(Choice::Base),
        Some("value") => Ok(Choice::Value(object.get("value").cloned().unwrap_or(Value::Null))),
        _ => Err(malformed("choose is to be ours, theirs, base or value", format!("{at}/choose"))),
    }
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

fn read_pull(value: Option<&Value>) -> Read<Option<Pull>> {
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
        spaces,
        max_changes: bound("max_changes", DEFAULT_CHANGES, MAX_CHANGES)?,
        max_bytes: bound("max_bytes", DEFAULT_PAGE_BYTES, crate::limits::MAX_BODY_BYTES)?,
    }))
}

fn read_op_ids(values: Vec<Value>, at: &str) -> Read<Vec<OpId>> {
    let read = |(index, value): (usize, Value)| {
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| malformed("an op_id is a UUID", format!("{at}/{index}")))
    };
    values.into_iter().enumerate().map(read).collect()
}

fn counted(values: Vec<Value>, most: usize, name: &str) -> Read<Vec<Value>> {
    if values.len() > most {
        let detail = format!("{} {name} in one request; at most {most}: send them in several", values.len());
        return Err(Problem::new(Code::TooLarge, detail).at(format!("/{name}")));
    }
    Ok(values)
}

fn list(body: &mut Object, name: &str) -> Read<Vec<Value>> {
    match body.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(malformed(format!("{name} is to be a list"), format!("/{name}"))),
    }
}

fn require(body: &Object, name: &str, at: &str) -> Read<()> {
    body.contains_key(name).then_some(()).ok_or_else(|| malformed(format!("{name} is missing"), format!("{at}/{name}")))
}

fn optional_text(object: &Object, name: &str, at: &str) -> Read<Option<String>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(format!("{name} is to be a string"), format!("{at}/{name}"))),
    }
}

fn required_text(object: &Object, name: &str, at: &str) -> Read<String> {
    optional_text(object, name, at)?.ok_or_else(|| malformed(format!("{name} is missing"), format!("{at}/{name}")))
}

fn optional_object(object: &Object, name: &str, at: &str) -> Read<Option<Object>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner.clone())),
        Some(_) => Err(malformed(format!("{name} is to be an object"), format!("{at}/{name}"))),
    }
}

fn optional_op_id(object: &Object, name: &str, at: &str) -> Read<Option<OpId>> {
    let text = optional_text(object, name, at)?;
    text.map(|text| text.parse().map_err(|_| malformed(format!("{name} is to be an op_id, a UUID"), format!("{at}/{name}")))).transpose()
}

/// A device's time is never a reason to refuse: unreadable means unknown.
fn instant(object: &Object, name: &str) -> Option<Timestamp> {
    object.get(name).and_then(Value::as_str).and_then(Timestamp::parse)
}

/// Members of `base` that are `null` mean "was absent"; deeper ones do not exist.
fn without_inner_nulls(mut base: Object) -> Object {
    for value in base.values_mut() {
        if let Value::Object(inner) = value {
            json::drop_nulls(inner);
        }
    }
    base
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
        let text = format!(r#"{{"op_id":"{OP}","collection":"guests","document_id":"g","kind":"create","base_version":0,"patch":{{"a":1.0,"b":null}}}}"#);
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
            (r#""collection":"Guests","document_id":"g","kind":"update","base_version":1,"patch":{}"#, "/operations/0/collection"),
            (r#""collection":"guests","document_id":"é","kind":"update","base_version":1,"patch":{}"#, "/operations/0/document_id"),
            (r#""collection":"guests","document_id":"g","kind":"upsert","base_version":1,"patch":{}"#, "/operations/0/kind"),
            (r#""collection":"guests","document_id":"g","kind":"update","patch":{}"#, "/operations/0/base_version"),
            (r#""collection":"guests","document_id":"g","kind":"update","base_version":1"#, "/operations/0/patch"),
            (r#""collection":"guests","document_id":"g","kind":"update","base_version":1,"patch":[]"#, "/operations/0/patch"),
            (r#""collection":"guests","document_id":"g","kind":"update","base_version":1,"patch":{},"after":7"#, "/operations/0/after"),
        ] {
            let received = parse_one(&format!(r#"{{"op_id":"{OP}",{rest}}}"#)).unwrap();
            let problem = received.content.unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (Code::Malformed, Some(place)), "{rest}");
        }
    }

    #[test]
    fn limits_are_told_with_their_place() {
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        for (patch, code, place) in
            [(r#"{"a":{"b":9007199254740993}}"#.to_owned(), Code::NumberRange, "/patch/a/b"), (format!(r#"{{"a":{deep}}}"#), Code::TooLarge, "/patch")]
        {
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
            (r#"{"protocol":1,"pull":{"max_changes":0}}"#, Code::Malformed, Some("/pull/max_changes")),
        ] {
            let problem = SyncRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!((problem.code, problem.pointer.as_deref()), (code, place), "{body}");
        }
        let many = format!(r#"{{"protocol":1,"operations":[{}]}}"#, vec!["{}"; 1_001].join(","));
        assert_eq!(SyncRequest::parse(many.as_bytes()).unwrap_err().code, Code::TooLarge);
    }
}
