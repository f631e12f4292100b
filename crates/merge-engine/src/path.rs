//! Reading and writing at a dispute's path, so that a decision lands where the dispute was.

use serde_json::Value;
use sync_core::json::{Object, pointer_tokens};

use crate::Policy;
use crate::ids;

/// The value at a path of a document; `None`: absent. The empty path is the whole document.
#[must_use]
pub fn get(document: &Object, path: &str, policy: &Policy) -> Option<Value> {
    let tokens = pointer_tokens(path)?;
    let Some(first) = tokens.first() else { return Some(Value::Object(document.clone())) };
    below(document.get(first)?, &tokens, 1, policy).cloned()
}

/// The value at a path of any value; `None`: absent. The empty path is the value itself.
#[must_use]
pub fn get_in<'v>(value: &'v Value, path: &str, policy: &Policy) -> Option<&'v Value> {
    below(value, &pointer_tokens(path)?, 0, policy)
}

fn below<'v>(value: &'v Value, tokens: &[String], from: usize, policy: &Policy) -> Option<&'v Value> {
    tokens.iter().enumerate().skip(from).try_fold(value, |here, (depth, token)| match here {
        Value::Object(members) => members.get(token),
        Value::Array(items) => items.get(place(items, tokens, depth, policy)?),
        _ => None,
    })
}

/// Where the item stands that a path's last token names, in the array to which the others lead.
#[must_use]
pub fn position(items: &[Value], path: &[String], policy: &Policy) -> Option<usize> {
    place(items, path, path.len().checked_sub(1)?, policy)
}

/// Where the item stands that the token at a depth names.
fn place(items: &[Value], tokens: &[String], depth: usize, policy: &Policy) -> Option<usize> {
    ids::position(items, tokens.get(depth)?, policy.key_at(tokens.get(..depth)?), policy)
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
        ([first, ..], value) => set_in(document.entry(first.clone()).or_insert(Value::Null), (&tokens, 1), value, policy),
    }
}

fn set_in(slot: &mut Value, (tokens, depth): (&[String], usize), value: Value, policy: &Policy) -> bool {
    let Some(token) = tokens.get(depth) else {
        *slot = value;
        return true;
    };
    if slot.is_null() {
        *slot = Value::Object(Object::new());
    }
    let deeper = (tokens, depth.saturating_add(1));
    match slot {
        Value::Object(members) => set_in(members.entry(token.clone()).or_insert(Value::Null), deeper, value, policy),
        Value::Array(items) => match place(items, tokens, depth, policy) {
            Some(index) => items.get_mut(index).is_some_and(|item| set_in(item, deeper, value, policy)),
            None if deeper.1 == tokens.len() => {
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
    let Some(first) = tokens.first() else { return false };
    if tokens.len() == 1 {
        return document.remove(first).is_some();
    }
    document.get_mut(first).is_some_and(|slot| remove_in(slot, &tokens, 1, policy))
}

fn remove_in(slot: &mut Value, tokens: &[String], depth: usize, policy: &Policy) -> bool {
    let Some(token) = tokens.get(depth) else { return false };
    let (next, is_last) = (depth.saturating_add(1), depth.saturating_add(1) == tokens.len());
    match slot {
        Value::Object(members) if is_last => members.remove(token).is_some(),
        Value::Object(members) => members.get_mut(token).is_some_and(|slot| remove_in(slot, tokens, next, policy)),
        Value::Array(items) => {
            let Some(index) = place(items, tokens, depth, policy) else { return false };
            if is_last {
                items.remove(index);
                return true;
            }
            items.get_mut(index).is_some_and(|slot| remove_in(slot, tokens, next, policy))
        }
        _ => false,
    }
}
