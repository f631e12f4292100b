//! Reading members, with problems that say where.

use serde_json::Value;

use crate::json::{self, Object};
use crate::{Code, OpId, Problem, Timestamp};

pub(super) type Read<T> = Result<T, Problem>;

pub(super) fn malformed(detail: impl Into<String>, at: impl Into<String>) -> Problem {
    Problem::new(Code::Malformed, detail).at(at)
}

pub(super) fn parse_body(bytes: &[u8]) -> Read<Object> {
    let value = json::parse_strict(bytes).map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    match value {
        Value::Object(body) => Ok(body),
        _ => Err(malformed("the body is to be a JSON object", "")),
    }
}

pub(super) fn identified(value: Value, at: &str) -> Read<(OpId, Object)> {
    let Value::Object(object) = value else {
        return Err(malformed("each entry is to be an object with an op_id", at));
    };
    let op_id = object.get("op_id").and_then(Value::as_str).and_then(|text| text.parse().ok());
    op_id.map(|op_id| (op_id, object)).ok_or_else(|| malformed("op_id is to be a UUID", format!("{at}/op_id")))
}

pub(super) fn read_op_ids(values: Vec<Value>, at: &str) -> Read<Vec<OpId>> {
    let read = |(index, value): (usize, Value)| {
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| malformed("an op_id is a UUID", format!("{at}/{index}")))
    };
    values.into_iter().enumerate().map(read).collect()
}

pub(super) fn counted(values: Vec<Value>, most: usize, name: &str) -> Read<Vec<Value>> {
    if values.len() > most {
        let detail = format!("{} {name} in one request; at most {most}: send them in several", values.len());
        return Err(Problem::new(Code::TooLarge, detail).at(format!("/{name}")));
    }
    Ok(values)
}

pub(super) fn list(body: &mut Object, name: &str) -> Read<Vec<Value>> {
    match body.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(malformed(format!("{name} is to be a list"), format!("/{name}"))),
    }
}

pub(super) fn require(body: &Object, name: &str, at: &str) -> Read<()> {
    body.get(name)
        .filter(|value| !value.is_null())
        .map(|_| ())
        .ok_or_else(|| malformed(format!("{name} is missing"), format!("{at}/{name}")))
}

pub(super) fn optional_text(object: &Object, name: &str, at: &str) -> Read<Option<String>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(format!("{name} is to be a string"), format!("{at}/{name}"))),
    }
}

pub(super) fn required_text(object: &Object, name: &str, at: &str) -> Read<String> {
    optional_text(object, name, at)?.ok_or_else(|| malformed(format!("{name} is missing"), format!("{at}/{name}")))
}

pub(super) fn optional_object(object: &Object, name: &str, at: &str) -> Read<Option<Object>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner.clone())),
        Some(_) => Err(malformed(format!("{name} is to be an object"), format!("{at}/{name}"))),
    }
}

pub(super) fn optional_op_id(object: &Object, name: &str, at: &str) -> Read<Option<OpId>> {
    let text = optional_text(object, name, at)?;
    text.map(|text| text.parse().map_err(|_| malformed(format!("{name} is to be an op_id, a UUID"), format!("{at}/{name}")))).transpose()
}

/// A version of a space's schema. Above all that there can be, it is newer than any.
pub(super) fn schema_version(object: &Object, at: &str) -> Read<Option<u32>> {
    match object.get("schema") {
        None | Some(Value::Null) => Ok(None),
        Some(version) => match version.as_u64() {
            Some(version) => Ok(Some(u32::try_from(version).unwrap_or(u32::MAX))),
            None => {
                Err(malformed("schema is to be the version of the space's schema that the device speaks, a number", format!("{at}/schema")))
            }
        },
    }
}

/// A device's time is never a reason to refuse: unreadable means unknown.
pub(super) fn instant(object: &Object, name: &str) -> Option<Timestamp> {
    object.get(name).and_then(Value::as_str).and_then(Timestamp::parse)
}
