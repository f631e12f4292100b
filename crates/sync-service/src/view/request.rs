//! Change requests as a view shows them: without what is proposed for members that are not read.

use std::collections::BTreeSet;

use serde_json::Value;
use sync_core::json::{Object, pointer_tokens};

use super::View;
use super::sight::is;

impl View {
    /// A request, as it is seen; `None` where nothing of it is. What somebody proposed themselves, they know. In a collection
    /// of which only one's own documents are seen, others' requests are not.
    pub(super) fn request(&self, body: &Object) -> Option<Object> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let collection = text("collection").to_owned();
        if self.is_plain_target(&collection) || body.get("requested_by").is_some_and(|id| is(id, self.user_id)) {
            return Some(body.clone());
        }
        if self.is_closed(&collection) || self.is_own_only(&collection) {
            return None;
        }
        let (hidden, seen): (BTreeSet<String>, BTreeSet<String>) =
            members_of(body).into_iter().partition(|name| !self.reads(&collection, name, None));
        if hidden.is_empty() {
            return Some(body.clone());
        }
        let told: Vec<Value> = hidden.iter().filter(|name| self.is_told_of(&collection, name)).map(|name| name.as_str().into()).collect();
        if seen.is_empty() && told.is_empty() {
            return None;
        }
        Some(without(body, &hidden, told))
    }

    fn is_plain_target(&self, collection: &str) -> bool {
        self.sights.get(collection).is_none_or(super::Sight::hides_nothing)
    }
}

/// The members of its document that a request is about.
fn members_of(request: &Object) -> BTreeSet<String> {
    let objects = ["patch", "base"].into_iter().filter_map(|name| request.get(name)?.as_object());
    let named = objects.flat_map(Object::keys).cloned();
    named.chain(texts(request, "removed")).chain(texts(request, "paths").filter_map(|path| first_of(&path))).collect()
}

fn texts(request: &Object, name: &str) -> impl Iterator<Item = String> {
    let list = request.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    list.into_iter().filter_map(|item| item.as_str().map(str::to_owned))
}

fn first_of(path: &str) -> Option<String> {
    pointer_tokens(path)?.into_iter().next()
}

/// A request without some members. Its title may name them, and goes with them.
fn without(request: &Object, hidden: &BTreeSet<String>, told: Vec<Value>) -> Object {
    let mut request = request.clone();
    request.remove("title");
    for side in ["patch", "base"] {
        if let Some(Value::Object(members)) = request.get_mut(side) {
            members.retain(|name, _| !hidden.contains(name));
        }
    }
    for (name, is_path) in [("removed", false), ("paths", true)] {
        let Some(Value::Array(items)) = request.get_mut(name) else { continue };
        let member = |item: &Value| item.as_str().and_then(|text| if is_path { first_of(text) } else { Some(text.to_owned()) });
        items.retain(|item| member(item).is_none_or(|member| !hidden.contains(&member)));
    }
    if !told.is_empty() {
        request.insert("masked".into(), told.into());
    }
    request
}
