//! What people read of a question: names of documents and fields, what becomes of each answer.

use serde_json::Value;
use sync_core::Schema;
use sync_core::conflict::{Conflict, ConflictKind, Consequences, DisputedField};
use sync_core::json::{Object, pointer_tokens};

/// The longest name or value that stands in a sentence, in characters.
const LONGEST: usize = 80;
/// Members that mostly name a document, where its schema says nothing.
const NAMES: [&str; 4] = ["title", "name", "display_name", "label"];

/// The member that names a document to people.
pub(crate) fn label_member<'a>(schema: &'a Schema, collection: &str, body: &Object) -> Option<&'a str> {
    let declared = schema.collection(collection).and_then(|rules| rules.label.as_deref());
    declared.or_else(|| NAMES.into_iter().find(|name| body.get(*name).is_some_and(Value::is_string)))
}

/// What people call a document.
pub(super) fn title(schema: &Schema, collection: &str, body: &Object) -> Option<String> {
    let value = body.get(label_member(schema, collection, body)?)?;
    let text = shown(value);
    (!text.is_empty()).then_some(text)
}

/// What people call a place in a document: its field, as the schema calls it, and what is inside.
pub(crate) fn label(schema: &Schema, collection: &str, path: &str) -> String {
    let tokens = pointer_tokens(path).unwrap_or_default();
    let Some((field, inner)) = tokens.split_first() else { return sentence_case(collection) };
    let declared = schema.collection(collection).and_then(|rules| rules.fields.get(field)?.label.clone());
    let first = declared.unwrap_or_else(|| sentence_case(field));
    inner.iter().fold(first, |text, token| format!("{text} › {}", cut(token)))
}

/// `starts_at` as `Starts at`.
pub(crate) fn sentence_case(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    cut(&format!("{first}{}", letters.as_str()))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST.saturating_sub(1)).chain(['…']).collect()
}

/// A value as it stands in a sentence.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(&text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Value::Array(items) if items.iter().all(|item| item.is_string() || item.is_number()) => {
            cut(&items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("{} entries", items.len()),
        Value::Object(_) | Value::Null => String::new(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => number.to_string(),
    }
}

/// What becomes of a field with each answer. Nothing is told of values that the reader may not see.
pub(crate) fn consequences(conflict: &Conflict, field: &DisputedField, is_whole: bool) -> Option<Consequences> {
    if field.masked || conflict.kind == ConflictKind::Group {
        return None;
    }
    let sender = conflict.theirs_by.name.as_deref().unwrap_or("the sender");
    if is_whole {
        let what = conflict.title.as_deref().map_or_else(|| "the document".to_owned(), |title| format!("“{title}”"));
        let fate = |value: &Value, gone: &str, there: &str| format!("{what} {}", if value.is_null() { gone } else { there });
        let left = format!("is as {sender} left it");
        let (ours, theirs) = (fate(&field.ours, "stays deleted", "stays as it is"), fate(&field.theirs, "is deleted", &left));
        return Some(Consequences { ours, theirs, base: None });
    }
    let name = field.label.as_deref().unwrap_or("it");
    let becomes = |value: &Value, who: &str| match (value, shown(value)) {
        (Value::Null, _) => format!("{name} is taken away"),
        (_, text) if text.is_empty() => format!("{name} is as {who} wrote it"),
        (_, text) => format!("{name} becomes {text}"),
    };
    let ours = match (&field.ours, shown(&field.ours)) {
        (Value::Null, _) => format!("{name} stays empty"),
        (_, text) if text.is_empty() => format!("{name} stays as it is"),
        (_, text) => format!("{name} stays {text}"),
    };
    let base = (conflict.kind != ConflictKind::NoBase).then(|| becomes(&field.base, "it was before"));
    Some(Consequences { ours, theirs: becomes(&field.theirs, sender), base })
}

/// What happens when nobody answers, with a deadline or without one.
pub(crate) fn if_ignored(kind: ConflictKind, has_deadline: bool) -> &'static str {
    match (kind, has_deadline) {
        (ConflictKind::Fields | ConflictKind::NoBase, false) => "What is live now stays.",
        (ConflictKind::Fields | ConflictKind::NoBase, true) => "What is live now stays, and at the deadline the leads are told.",
        (ConflictKind::DeleteEdit, false) => "The document stays as it is; the other side is kept here.",
        (ConflictKind::DeleteEdit, true) => {
            "The document stays as it is, and at the deadline the leads are told; the other side is kept here."
        }
        (ConflictKind::EditDelete, false) => "The document stays as it is; the edit or the deletion is kept here.",
        (ConflictKind::EditDelete, true) => {
            "The document stays as it is, and at the deadline the leads are told; the edit or the deletion is kept here."
        }
        (ConflictKind::TooLarge, false) => "What is live now stays; the edit that would make it too large is kept here.",
        (ConflictKind::TooLarge, true) => {
            "What is live now stays, and at the deadline the leads are told; the edit that would make it too large is kept here."
        }
        (ConflictKind::Group, false) => "Nothing of the group happens; it is kept here.",
        (ConflictKind::Group, true) => "Nothing of the group happens, and at the deadline the leads are told; it is kept here.",
    }
}
