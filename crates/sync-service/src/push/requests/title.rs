//! What a change request is called, in people's words: `Ceremony: Starts at 16:30`.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::DocumentKey;
use sync_core::json::Object;
use sync_core::schema::{Collection, Field, FieldType};

use crate::push::world::World;

/// Changes that are named; of more only the number is.
const NAMED: usize = 3;
/// Characters of a text that are shown.
const SHOWN: usize = 40;
/// From this sensitivity on a value is not shown in a title, which is read over shoulders.
const SENSITIVE: u8 = 2;

/// The title of a request about these members of a document: as they were seen, and as they are wanted.
pub(super) fn of(world: &World, key: &DocumentKey, names: &BTreeSet<String>, values: (&Object, &Object)) -> String {
    let collection = world.schema.collection(key.collection());
    let document = world.docs.get(key).map(|doc| &doc.body);
    let mut parts: Vec<String> = names.iter().take(NAMED).map(|name| part(collection, name, values)).collect();
    if names.len() > NAMED {
        parts.push(format!("and {} more", names.len().saturating_sub(NAMED)));
    }
    format!("{}: {}", called(collection, document, key), parts.join(", "))
}

/// What people call a document.
fn called(collection: Option<&Collection>, document: Option<&Object>, key: &DocumentKey) -> String {
    let named = collection.and_then(|collection| collection.label.as_deref());
    let text = |name: &str| document?.get(name)?.as_str().filter(|text| !text.trim().is_empty());
    let is_plain =
        |name: &&str| collection.and_then(|collection| collection.fields.get(*name)).is_none_or(|field| field.sensitivity < SENSITIVE);
    let found = named.into_iter().chain(["title", "name"]).filter(is_plain).find_map(text);
    found.map_or_else(|| key.id().to_owned(), shortened)
}

/// One change.
fn part(collection: Option<&Collection>, name: &str, (base, patch): (&Object, &Object)) -> String {
    let field = collection.and_then(|collection| collection.fields.get(name));
    let label = field.and_then(|field| field.label.clone()).unwrap_or_else(|| spelt(name));
    match patch.get(name) {
        None => format!("{label} removed"),
        Some(_) if field.is_some_and(|field| field.sensitivity >= SENSITIVE) => format!("{label} changed"),
        Some(value) => match shown(field, value, base.get(name)) {
            Some(shown) => format!("{label} {shown}"),
            None => format!("{label} changed"),
        },
    }
}

/// A value as people read it; `None` where it is more than a word or two.
fn shown(field: Option<&Field>, value: &Value, before: Option<&Value>) -> Option<String> {
    let kind = field.map(|field| field.kind);
    match value {
        Value::Bool(value) => Some(if *value { "yes" } else { "no" }.into()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => match kind {
            Some(FieldType::LocalTime) => Some(time(text, before.and_then(Value::as_str))),
            Some(FieldType::Text) | None => Some(format!("“{}”", shortened(text))),
            Some(FieldType::Id) => None,
            Some(_) => Some(shortened(text)),
        },
        _ => None,
    }
}

/// The time alone where the day stays the same.
fn time(text: &str, before: Option<&str>) -> String {
    let Some((day, time)) = text.split_once('T') else { return text.to_owned() };
    let time = time.get(..5).unwrap_or(time);
    let same_day = before.and_then(|before| before.split_once('T')).is_some_and(|(other, _)| other == day);
    if same_day { time.to_owned() } else { format!("{day} {time}") }
}

/// A field's name as words: `starts_at` is `Starts at`.
fn spelt(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() <= SHOWN && line.len() == text.trim().len() {
        return line.to_owned();
    }
    format!("{}…", line.chars().take(SHOWN).collect::<String>().trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sync_core::Schema;

    use super::*;

    #[test]
    fn a_change_is_named_as_people_would() {
        let schema = Schema::from_value(&json!({"name": "x", "version": 1, "collections": {"a": {"fields": {
            "starts_at": {"type": "local_time"}, "minutes": {"type": "integer", "label": "Takes"}, "diet": {"type": "text", "sensitivity": 2},
            "fixed": {"type": "boolean"}, "people": {"type": "set"}, "note": {"type": "text"}, "owner_id": {"type": "id"}}}}}));
        let schema = schema.unwrap();
        let check = |name: &str, patch: Value, base: Value, expected: &str| {
            let object = |value: Value| if value.is_null() { Object::new() } else { [(name.to_owned(), value)].into_iter().collect() };
            assert_eq!(part(schema.collection("a"), name, (&object(base), &object(patch))), expected);
        };
        check("starts_at", json!("2026-06-20T16:30"), json!("2026-06-20T16:00"), "Starts at 16:30");
        check("starts_at", json!("2026-06-21T16:30:10"), json!("2026-06-20T16:00"), "Starts at 2026-06-21 16:30");
        check("minutes", json!(45), Value::Null, "Takes 45");
        check("minutes", Value::Null, json!(45), "Takes removed");
        check("diet", json!("no nuts"), Value::Null, "Diet changed");
        check("fixed", json!(false), json!(true), "Fixed no");
        check("people", json!(["a"]), Value::Null, "People changed");
        check("owner_id", json!("0189"), Value::Null, "Owner id changed");
        check("note", json!("é".repeat(41).as_str()), Value::Null, &format!("Note “{}…”", "é".repeat(40)));
        check("other", json!("one\ntwo"), Value::Null, "Other “one…”");
    }
}
