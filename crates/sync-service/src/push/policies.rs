//! How the documents of a space merge: the schema's policy for each collection, made once in a unit of work and only where
//! it is asked for; who the writers are; and what the space's settings say.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use merge_engine::{Actor, Mode, Policy};
use sync_core::json::Object;
use sync_core::schema::{Collection, Group, Strategy};
use sync_core::{Role, Schema, UserId};

/// The policies of a space's collections.
pub(crate) struct Policies {
    schema: Arc<Schema>,
    of: BTreeMap<String, OnceCell<Rules>>,
    /// Of collections that the schema does not name.
    other: OnceCell<Rules>,
}

/// How one collection merges.
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// Whether there is something that devices do not write, even in a document of their own.
    pub(crate) refuses: bool,
}

impl Policies {
    pub(crate) fn new(schema: Arc<Schema>) -> Self {
        let of = schema.collections.keys().map(|name| (name.clone(), OnceCell::new())).collect();
        Self { schema, of, other: OnceCell::new() }
    }

    /// How a collection merges.
    pub(crate) fn of(&self, collection: &str) -> &Rules {
        self.of.get(collection).unwrap_or(&self.other).get_or_init(|| {
            let policy = Policy::of(&self.schema, collection);
            let refuses = strategies_of(&policy.collection).any(|strategy| is_there(strategy, &|one| matches!(one, Strategy::Server)));
            Rules { policy, refuses }
        })
    }
}

/// Who writes, and what is known of everybody else.
#[derive(Default)]
pub(crate) struct People {
    /// Whose operations or answers are decided; `None`: the server's own work.
    pub(crate) sender: Option<Actor>,
    /// The members of the space, those who were removed too. Empty where no policy asks who wrote something.
    pub(crate) roles: HashMap<UserId, Role>,
}

impl People {
    /// A person in their role, where it is known.
    pub(crate) fn actor(&self, user_id: UserId) -> Option<Actor> {
        let own = self.sender.filter(|sender| sender.user_id == user_id);
        own.or_else(|| self.roles.get(&user_id).map(|role| Actor { user_id, role: *role }))
    }
}

/// What a space's settings say about merging.
#[derive(Default)]
pub(crate) struct Settings {
    /// Owners by name, and the mode.
    pub(crate) values: Object,
}

impl Settings {
    /// How much is decided without asking.
    pub(crate) fn mode(&self) -> Mode {
        match self.values.get("merge_mode").and_then(|mode| mode.as_str()) {
            Some("assisted") => Mode::Assisted,
            _ => Mode::Careful,
        }
    }
}

/// Some members, and those that make sense only together with one of them.
pub(crate) fn with_groups(names: BTreeSet<String>, policy: &Policy) -> BTreeSet<String> {
    let touched = |group: &&Group| group.fields.iter().any(|name| names.contains(name));
    let together: Vec<String> = policy.collection.groups.values().filter(touched).flat_map(|group| group.fields.iter().cloned()).collect();
    names.into_iter().chain(together).collect()
}

/// Whether a collection's policy asks who wrote what is live: only then are members read.
pub(crate) fn asks_for_writers(collection: &Collection) -> bool {
    strategies_of(collection).any(|strategy| is_there(strategy, &|one| matches!(one, Strategy::Authority(_))))
}

/// All strategies that a collection declares.
fn strategies_of(collection: &Collection) -> impl Iterator<Item = &Strategy> {
    let by_field = collection.fields.values().filter_map(|field| field.strategy.as_ref());
    let by_group = collection.groups.values().map(|group| &group.strategy);
    let by_path = collection.paths.iter().map(|rule| &rule.strategy);
    by_field.chain(by_group).chain(by_path).chain(collection.types.values())
}

/// Whether a strategy is one that is looked for, or may come to be it.
fn is_there(strategy: &Strategy, wanted: &dyn Fn(&Strategy) -> bool) -> bool {
    let inner = match strategy {
        Strategy::When(when) => is_there(&when.then, wanted) || is_there(&when.otherwise, wanted),
        Strategy::Authority(terms) => terms.otherwise.as_ref().is_some_and(|otherwise| is_there(otherwise, wanted)),
        _ => false,
    };
    inner || wanted(strategy)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_owners_are_asked_for() {
        let owned = json!({"authority": {"owners": ["role:lead"]}});
        let check = |members: serde_json::Value| {
            let schema = Schema::from_value(&json!({"name": "x", "version": 1, "collections": {"a": members}})).unwrap();
            asks_for_writers(schema.collection("a").unwrap())
        };
        let field = |strategy: &serde_json::Value| json!({"fields": {"f": {"type": "text", "strategy": strategy}}});
        assert!(!check(json!({})) && !check(field(&json!("lww"))) && check(field(&owned)));
        assert!(check(field(&json!({"when": {"field": "/f", "is": ["x"], "then": "lww", "else": owned}}))));
        assert!(check(json!({"paths": [{"path": "/f/*", "strategy": owned}]})));
        assert!(check(json!({"types": {"text": owned}})));
        let fields = json!({"f": {"type": "text"}, "g": {"type": "text"}});
        assert!(check(json!({"groups": {"both": {"fields": ["f", "g"], "strategy": owned}}, "fields": fields})));
    }
}
