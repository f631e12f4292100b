//! Reading one operation.

use serde_json::Value;

use super::Received;
use super::members::{
    Read, identified, instant, malformed, optional_object, optional_op_id, optional_text, read_op_ids, required_text, schema_version,
};
use crate::document::{CONFLICTS, is_collection_name, is_document_id};
use crate::json::{self, Object, pointer};
use crate::limits::{MAX_DEPENDENCIES, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ID_BYTES, MAX_SAFE_INTEGER};
use crate::operation::Hint;
use crate::{Code, DocumentKey, Kind, OpId, Operation, Problem, SpaceId};

/// Reads an operation from its stored payload; `None` when that is damaged.
#[must_use]
pub fn read_stored_operation(payload: Object) -> Option<Operation> {
    let op_id = payload.get("op_id")?.as_str()?.parse().ok()?;
    read_operation(op_id, payload).ok()
}

/// Reads an operation that was stored when it was accepted, with what breaks a limit. Its digest was checked then.
#[must_use]
pub fn read_again(op_id: OpId, payload: Object) -> Received<Operation> {
    let group = payload.get("group").and_then(Value::as_str).map(str::to_owned);
    let document = named_document(&payload);
    let over_limit = over_limit(&payload, false);
    Received { op_id, group, document, content: read_operation(op_id, payload), over_limit, digest: None }
}

/// Reads an operation that was edited, by the same rules as one that a device sends. Its digest, which was that of what was
/// sent, is no longer claimed.
///
/// # Errors
/// What is wrong with its form, or the limit that it breaks, and where in it.
pub fn read_edited_operation(op_id: OpId, mut object: Object) -> Result<Operation, Problem> {
    object.remove("digest");
    match over_limit(&object, false) {
        Some(problem) => Err(problem),
        None => read_operation(op_id, object),
    }
}

/// Reads an operation as it came; what it leaves out of its space and its schema, the request says.
pub(super) fn receive_operation(
    value: Value,
    (default_space, schema): (Option<&str>, Option<u32>),
    small: bool,
    at: &str,
) -> Read<Received<Operation>> {
    let (op_id, mut object) = identified(value, at)?;
    let group = object.get("group").and_then(Value::as_str).map(str::to_owned);
    if let (None | Some(Value::Null), Some(space_id)) = (object.get("space_id"), default_space) {
        object.insert("space_id".into(), space_id.into());
    }
    let document = named_document(&object);
    let digest = match object.get("digest") {
        None | Some(Value::Null) => None,
        Some(Value::String(digest)) => Some(digest.clone()),
        Some(_) => {
            let problem = malformed("digest is to be a string", "/digest");
            return Ok(Received { op_id, group, document, content: Err(problem), over_limit: None, digest: None });
        }
    };
    let digest = digest.map(|claimed| {
        let mut signed = object.clone();
        signed.remove("digest");
        (claimed, json::canonical(&Value::Object(signed)))
    });
    let over_limit = over_limit(&object, small);
    let content = read_operation(op_id, object).map(|operation| Operation { schema: operation.schema.or(schema), ..operation });
    Ok(Received { op_id, group, document, content, over_limit, digest })
}

fn named_document(object: &Object) -> Option<(SpaceId, DocumentKey)> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    Some((text("space_id")?.parse().ok()?, DocumentKey::new(text("collection")?, text("document_id")?)?))
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

fn read_operation(op_id: OpId, mut object: Object) -> Read<Operation> {
    let kind = Kind::parse(&required_text(&object, "kind", "")?)
        .ok_or_else(|| malformed("kind is to be create, update, delete, restore or intent", "/kind"))?;
    let space_id = required_text(&object, "space_id", "")?;
    let space_id: SpaceId = space_id.parse().map_err(|_| malformed("space_id is to be a UUID", "/space_id"))?;
    let collection = required_text(&object, "collection", "")?;
    if !is_collection_name(&collection) && collection != CONFLICTS {
        return Err(malformed("a collection is named [a-z][a-z0-9_]{0,63}", "/collection"));
    }
    let (key, intent) = match kind {
        Kind::Intent => (None, Some(read_intent_name(&object)?)),
        _ => (Some(read_key(&object, &collection)?), None),
    };
    Ok(Operation {
        op_id,
        space_id,
        key,
        collection,
        kind,
        schema: schema_version(&object, "")?,
        base_version: read_base_version(&object, kind)?,
        base: optional_object(&object, "base", "")?.map(without_inner_nulls),
        patch: read_patch(&object, kind)?,
        intent,
        after: optional_op_id(&object, "after", "")?,
        group: read_group(&object)?,
        depends_on: read_dependencies(&mut object)?,
        hint: read_hint(&object)?,
        created_at: instant(&object, "created_at"),
        payload: Value::Object(object),
    })
}

fn read_key(object: &Object, collection: &str) -> Read<DocumentKey> {
    let id = required_text(object, "document_id", "")?;
    let wrong = || malformed("a document id is 1 to 128 ASCII characters of 0x21 to 0x7E", "/document_id");
    if !is_document_id(&id) {
        return Err(wrong());
    }
    DocumentKey::new(collection, &id).ok_or_else(wrong)
}

fn read_intent_name(object: &Object) -> Read<String> {
    let name = object.get("intent").and_then(|intent| intent.get("name")).and_then(Value::as_str);
    name.map(str::to_owned).ok_or_else(|| malformed("an intent is {\"name\", \"args\"}", "/intent"))
}

fn read_base_version(object: &Object, kind: Kind) -> Read<i64> {
    let version = object.get("base_version").and_then(Value::as_i64).filter(|version| (0..=MAX_SAFE_INTEGER).contains(version));
    let version = version.ok_or_else(|| malformed("base_version is to be a version that was seen, 0 for a create", "/base_version"))?;
    if kind == Kind::Create && version != 0 {
        return Err(malformed("the base_version of a create is 0", "/base_version"));
    }
    Ok(version)
}

fn read_patch(object: &Object, kind: Kind) -> Read<Object> {
    let mut patch = match (optional_object(object, "patch", "")?, kind) {
        (_, Kind::Delete | Kind::Intent) | (None, Kind::Restore) => Object::new(),
        (Some(patch), _) => patch,
        (None, _) => return Err(malformed("patch is missing", "/patch")),
    };
    if kind == Kind::Create {
        json::drop_nulls(&mut patch);
    }
    Ok(patch)
}

fn read_group(object: &Object) -> Read<Option<String>> {
    let group = optional_text(object, "group", "")?;
    if group.as_ref().is_some_and(|group| !(1..=MAX_ID_BYTES).contains(&group.len())) {
        return Err(malformed("a group id is 1 to 128 bytes", "/group"));
    }
    Ok(group)
}

fn read_dependencies(object: &mut Object) -> Read<Vec<OpId>> {
    let listed = match object.get("depends_on") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items.clone(),
        Some(_) => return Err(malformed("depends_on is to be a list of op_ids", "/depends_on")),
    };
    if listed.len() > MAX_DEPENDENCIES {
        return Err(malformed(format!("depends_on names at most {MAX_DEPENDENCIES} operations"), "/depends_on"));
    }
    read_op_ids(listed, "/depends_on")
}

fn read_hint(object: &Object) -> Read<Hint> {
    match optional_text(object, "hint", "")?.as_deref() {
        Some("mine") => Ok(Hint::Mine),
        Some("theirs") => Ok(Hint::Theirs),
        None | Some("ask") => Ok(Hint::Ask),
        Some(_) => Err(malformed("hint is to be mine, theirs or ask", "/hint")),
    }
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
