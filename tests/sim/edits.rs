//! What people type. Every text is a token of its own (`~17`), so that it can be found again.

use serde_json::{Value, json};
use sync_core::json::Object;

use crate::script::{Change, Pick};

/// Makes tokens.
#[derive(Default)]
pub(crate) struct Mint(u32);

impl Mint {
    pub(crate) fn token(&mut self) -> Value {
        self.0 += 1;
        format!("~{}~", self.0).into()
    }
}

const TEXTS: [&str; 3] = ["title", "notes", "who"];
const REMOVABLE: [&str; 6] = ["title", "notes", "place", "items", "tags", "flag"];

/// The document after a person's changes.
pub(crate) fn changed(mut body: Object, changes: &[Change], mint: &mut Mint) -> Object {
    for change in changes {
        apply(&mut body, *change, mint);
    }
    body
}

fn apply(body: &mut Object, change: Change, mint: &mut Mint) {
    match change {
        Change::Text(which) => put(body, TEXTS[usize::from(which) % TEXTS.len()], mint.token()),
        Change::Flag(flag) => put(body, "flag", flag.into()),
        Change::Count(count) => put(body, "count", count.into()),
        Change::Nested(which) => {
            let slot = body.entry("place").or_insert_with(|| json!({}));
            if !slot.is_object() {
                *slot = json!({});
            }
            slot[format!("p{which}")] = json!({"text": mint.token()});
        }
        Change::Unnest(which) => {
            if let Some(Value::Object(place)) = body.get_mut("place") {
                place.remove(&format!("p{which}"));
            }
        }
        Change::AppendItem(which) => {
            let token = mint.token();
            let items = list(body, "items");
            if let Some(item) = items.iter_mut().find(|item| item["id"] == format!("i{which}")) {
                item["text"] = token;
            } else {
                items.push(json!({"id": format!("i{which}"), "text": token}));
            }
        }
        Change::EditItem(which) => {
            if let Some(item) = nth(list(body, "items"), which) {
                item["more"] = mint.token();
            }
        }
        Change::DropItem(which) => drop_nth(list(body, "items"), which),
        Change::MoveItem(which) => {
            let items = list(body, "items");
            if !items.is_empty() {
                let middle = usize::from(which) % items.len();
                items.rotate_left(middle);
            }
        }
        Change::Tag => list(body, "tags").push(mint.token()),
        Change::Untag(which) => drop_nth(list(body, "tags"), which),
        Change::Remove(which) => {
            body.remove(REMOVABLE[usize::from(which) % REMOVABLE.len()]);
        }
        Change::Veil(veiled) => put(body, "veil", if veiled { "drawn" } else { "open" }.into()),
        Change::Bad(0) => put(body, "count", mint.token()),
        Change::Bad(_) => put(body, "count", json!(9_007_199_254_740_993_i64)),
    }
}

fn put(body: &mut Object, name: &str, value: Value) {
    body.insert(name.to_owned(), value);
}

fn list<'a>(body: &'a mut Object, name: &str) -> &'a mut Vec<Value> {
    let slot = body.entry(name).or_insert_with(|| json!([]));
    if !slot.is_array() {
        *slot = json!([]);
    }
    slot.as_array_mut().unwrap()
}

fn nth(items: &mut [Value], which: u8) -> Option<&mut Value> {
    let count = items.len().max(1);
    items.get_mut(usize::from(which) % count)
}

fn drop_nth(items: &mut Vec<Value>, which: u8) {
    if !items.is_empty() {
        items.remove(usize::from(which) % items.len());
    }
}

/// The merge patch from one document to another.
pub(crate) fn patch_between(before: &Object, after: &Object) -> Object {
    let mut patch = Object::new();
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in after {
        match (before.get(name), value) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                patch.insert(name.clone(), patch_between(old, new).into());
            }
            (_, new) => {
                patch.insert(name.clone(), new.clone());
            }
        }
    }
    patch
}

/// The tokens in a value.
pub(crate) fn tokens(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.starts_with('~') => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(tokens).collect(),
        Value::Object(members) => members.values().flat_map(tokens).collect(),
        _ => Vec::new(),
    }
}

/// The tokens in an object.
pub(crate) fn tokens_in(object: &Object) -> Vec<String> {
    object.values().flat_map(tokens).collect()
}

/// What a person answers to a conflict.
pub(crate) fn choice(conflict: &Object, pick: Pick, token: &Value) -> Object {
    let whole = match pick {
        Pick::Ours | Pick::Base => "ours",
        _ => "theirs",
    };
    if conflict["kind"] == "group" {
        return json!({"choose": whole}).as_object().cloned().unwrap();
    }
    let open: Vec<&String> =
        conflict["fields"].as_object().unwrap().iter().filter(|(_, field)| field["decided"].is_null()).map(|(path, _)| path).collect();
    let value = |path: &str| if path.is_empty() { json!({"title": token}) } else { token.clone() };
    let chosen = |path: &String| match pick {
        Pick::Ours => json!({"choose": "ours"}),
        Pick::Base => json!({"choose": "base"}),
        Pick::Value => json!({"choose": "value", "value": value(path)}),
        Pick::Theirs | Pick::One(_) => json!({"choose": "theirs"}),
    };
    let only = match pick {
        Pick::One(which) => Some(usize::from(which) % open.len().max(1)),
        Pick::Value => Some(0),
        _ => None,
    };
    let picked = open.iter().enumerate().filter(|(index, _)| only.is_none_or(|only| only == *index)).map(|(_, path)| path);
    let fields: Object = picked.map(|path| ((*path).clone(), chosen(path))).collect();
    json!({"fields": fields}).as_object().cloned().unwrap()
}
