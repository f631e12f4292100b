//! Reading and writing at a dispute's path, so that a decision lands where the dispute was.

use serde_json::Value;
use sync_core::json::{Object, pointer_tokens};

use crate::Policy;
use crate::ids::position;

/// The value at a path of a document; `None`: absent. The empty path is the whole document.
#[must_use]
pub fn get(document: &Object, path: &str, policy: &Policy) -> Option<Value> {
    let tokens = pointer_tokens(path)?;
    let Some((first, rest)) = tokens.split_first() else { return Some(Value::Object(document.clone())) };
    below(document.get(first)?, rest, policy).cloned()
}

/// The value at a path of any value; `None`: absent. The empty path is the value itself.
#[must_use]
pub fn get_in<'v>(value: &'v Value, path: &str, policy: &Policy) -> Option<&'v Value> {
    below(value, &pointer_tokens(path)?, policy)
}

fn below<'v>(value: &'v Value, tokens: &[String], policy: &Policy) -> Option<&'v Value> {
    tokens.iter().try_fold(value, |here, token| match here {
        Value::Object(members) => members.get(token),
        Value::Array(items) => items.get(position(items, token, policy)?),
        _ => None,
    })
}

/// Puts a value at a path. Missing parents are made, objects all of them; an item that a list lacks is appended.
/// `false` when the path leads through a scalar or is no pointer: nothing changed.
#[must_use]
pub fn set(document: &mut Object, path: &str, value: Value, policy: &Policy) -> bool {
    let Some(tokens) = pointer_tokens(path) else { return false };
    match (tokens.as_slice(), value) {
        ([], Value::Object(whole)) => {
            *document = whole;
            true
        }
        ([], _) => false,
        ([first, rest @ ..], value) => set_in(document.entry(first.clone()).or_insert(Value::Null), rest, value, policy),
    }
}

fn set_in(slot: &mut Value, tokens: &[String], value: Value, policy: &Policy) -> bool {
    let Some((token, rest)) = tokens.split_first() else {
        *slot = value;
        return true;
    };
    if slot.is_null() {
        *slot = Value::Object(Object::new());
    }
    match slot {
        Value::Object(members) => set_in(members.entry(token.clone()).or_insert(Value::Null), rest, value, policy),
        Value::Array(items) => match position(items, token, policy) {
            Some(index) => items.get_mut(index).is_some_and(|item| set_in(item, rest, value, policy)),
            None if rest.is_empty() => {
                items.push(value);
                true
            }
            None => false,
        },
        _ => false,
    }
}

/// Takes the value at a path away. `false` when there was none.
#[must_use]
pub fn remove(document: &mut Object, path: &str, policy: &Policy) -> bool {
    let Some(tokens) = pointer_tokens(path) else { return false };
    let Some((first, rest)) = tokens.split_first() else { return false };
    if rest.is_empty() {
        return document.remove(first).is_some();
    }
    document.get_mut(first).is_some_and(|slot| remove_in(slot, rest, policy))
}

fn remove_in(slot: &mut Value, tokens: &[String], policy: &Policy) -> bool {
    let Some((token, rest)) = tokens.split_first() else { return false };
    match slot {
        Value::Object(members) if rest.is_empty() => members.remove(token).is_some(),
        Value::Object(members) => members.get_mut(token).is_some_and(|next| remove_in(next, rest, policy)),
        Value::Array(items) => {
            let Some(index) = position(items, token, policy) else { return false };
            if rest.is_empty() {
                items.remove(index);
                return true;
            }
            items.get_mut(index).is_some_and(|next| remove_in(next, rest, policy))
        }
        _ => false,
    }
}
