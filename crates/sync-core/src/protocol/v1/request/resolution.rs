//! Reading answers to conflicts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::members::{Read, identified, malformed, optional_object, required_text};
use super::{Choice, Received, Resolution};
use crate::json::{self, Object, pointer};
use crate::limits::MAX_SAFE_INTEGER;
use crate::{Code, OpId, Problem};

pub(super) fn receive_resolutions(values: Vec<Value>) -> Read<Vec<Received<Resolution>>> {
    let receive = |(index, value)| {
        let at = format!("/resolutions/{index}");
        let (op_id, object) = identified(value, &at)?;
        let over_limit = object.get("fields").and_then(json::find_unsafe_number).map(|place| {
            Problem::new(Code::NumberRange, format!("an integer beyond ±{MAX_SAFE_INTEGER} can't be carried exactly"))
                .at(format!("/fields{place}"))
        });
        Ok(Received { op_id, group: None, document: None, content: read_resolution(op_id, object), over_limit, digest: None })
    };
    values.into_iter().enumerate().map(receive).collect()
}

fn read_resolution(op_id: OpId, object: Object) -> Read<Resolution> {
    let conflict_id = required_text(&object, "conflict_id", "")?;
    let conflict_id = conflict_id.parse().map_err(|_| malformed("conflict_id is to be a UUID", "/conflict_id"))?;
    let version = object.get("version").and_then(Value::as_i64);
    let version = version.ok_or_else(|| malformed("version is to be the conflict's version that was seen", "/version"))?;
    let whole = match object.get("choose") {
        None | Some(Value::Null) => None,
        Some(_) => Some(read_choice(&object, "")?),
    };
    let mut fields = BTreeMap::new();
    for (path, choice) in optional_object(&object, "fields", "")?.unwrap_or_default() {
        let place = format!("/fields{}", pointer(&[&path]));
        let Value::Object(choice) = choice else {
            return Err(malformed("a choice is an object such as {\"choose\":\"ours\"}", place));
        };
        fields.insert(path, read_choice(&choice, &place)?);
    }
    let (undo, remember) = (flag(&object, "undo")?, flag(&object, "remember")?);
    if undo && (whole.is_some() || !fields.is_empty()) {
        return Err(malformed("an answer is taken back as a whole: leave fields and choose out", "/undo"));
    }
    if !undo && whole.is_none() && fields.is_empty() {
        return Err(malformed("say what is chosen: fields, or choose for a group", "/fields"));
    }
    Ok(Resolution { op_id, conflict_id, version, fields, whole, undo, remember, payload: Value::Object(object) })
}

fn flag(object: &Object, name: &str) -> Read<bool> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(malformed(format!("{name} is to be true or false"), format!("/{name}"))),
    }
}

fn read_choice(object: &Object, at: &str) -> Read<Choice> {
    match object.get("choose").and_then(Value::as_str) {
        Some("ours") => Ok(Choice::Ours),
        Some("theirs") => Ok(Choice::Theirs),
        Some("base") => Ok(Choice::Base),
        // said outright, even where it is null: a misspelt member must not remove a field
        Some("value") => match object.get("value") {
            Some(value) => Ok(Choice::Value(value.clone())),
            None => Err(malformed("value is missing; to remove the field, send \"value\": null", format!("{at}/value"))),
        },
        _ => Err(malformed("choose is to be ours, theirs, base or value", format!("{at}/choose"))),
    }
}
