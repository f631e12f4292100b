//! The server's data in the words that people use.

use serde_json::Value;

use super::super::tablet::text_of;
use super::Cast;
use crate::failure::Failure;

/// The name of a user.
pub(super) fn name<'a>(cast: &'a Cast, user_id: &str) -> &'a str {
    let people = [&cast.ana, &cast.rui, &cast.ines];
    people.into_iter().find(|tablet| tablet.user_id == user_id).map_or("Somebody", |tablet| tablet.owner)
}

/// The time of day of a local time.
pub(super) fn clock(value: &Value) -> &str {
    value.as_str().and_then(|text| text.split_once('T')).map_or("no time", |(_, time)| time)
}

/// Who is asked, by name.
pub(super) fn asked(cast: &Cast, assigned_to: &str) -> String {
    match assigned_to.split_once(':') {
        Some(("role", "lead")) => cast.ana.owner.to_owned(),
        Some(("user", user_id)) => name(cast, user_id).to_owned(),
        _ => assigned_to.to_owned(),
    }
}

/// Why the server decided a field of an operation as it did, in its words.
pub(super) fn reason(cast: &Cast, token: &str, op_id: &str, path: &str) -> Result<String, Failure> {
    let told = cast.http.call("GET", &format!("/api/offline/sync/explain/{op_id}"), token, None)?;
    let fields = told.get("fields").and_then(Value::as_array);
    let field = fields.into_iter().flatten().find(|field| text_of(field, "path") == path);
    Ok(field.map(|field| text_of(field, "reason").to_owned()).unwrap_or_default())
}
