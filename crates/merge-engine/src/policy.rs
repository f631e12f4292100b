//! Which strategy counts where.

use std::borrow::Cow;

use sync_core::Schema;
use sync_core::schema::{Collection, PathRule, Strategy};

/// How to merge: what a schema says of one collection, and what counts where it says nothing.
///
/// For a place, the first that there is counts: the strategy of the top-level field; that of the first path pattern that
/// fits; that of the field's type; else what the values look like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The members that may identify an array's items, the preferred one first; others are found by looking.
    pub id_members: Vec<String>,
    /// What the schema says of the collection.
    pub collection: Collection,
    /// Its version, told with every decision.
    pub version: u32,
    /// Whether the schema declares any strategy.
    declares: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            id_members: ["id", "_id", "key", "uuid", "name", "slug", "code"].map(String::from).to_vec(),
            collection: Collection::default(),
            version: 0,
            declares: false,
        }
    }
}

impl Policy {
    /// The policy of a schema for a collection; for one that the schema does not have, the one without a schema.
    #[must_use]
    pub fn of(schema: &Schema, collection: &str) -> Self {
        let collection = schema.collection(collection).cloned().unwrap_or_default();
        let by_field = collection.fields.values().any(|field| field.strategy.is_some());
        let declares = by_field || !collection.paths.is_empty() || !collection.types.is_empty();
        Self { collection, version: schema.version, declares, ..Self::default() }
    }

    /// Whether anything but what the values look like counts: then also what only one side changed may be refused.
    #[must_use]
    pub fn declares_strategies(&self) -> bool {
        self.declares || !self.collection.groups.is_empty()
    }

    /// Whether a path pattern names places below a place.
    pub(crate) fn declares_below(&self, path: &[Cow<'_, str>]) -> bool {
        self.collection.paths.iter().any(|rule| left_of(rule, path).is_some_and(|left| !left.is_empty()))
    }

    /// By which member the items of the array at a place are declared to be known.
    pub(crate) fn key_at(&self, path: &[String]) -> Option<&str> {
        if !self.declares {
            return None;
        }
        let path: Vec<Cow<'_, str>> = path.iter().map(|token| Cow::Borrowed(token.as_str())).collect();
        key_of(self.strategy_at(&path)?)
    }

    /// The declared strategy of a place.
    pub(crate) fn strategy_at(&self, path: &[Cow<'_, str>]) -> Option<&Strategy> {
        if !self.declares {
            return None;
        }
        let field = match path {
            [name] => self.collection.fields.get(name.as_ref()),
            _ => None,
        };
        let by_path = || self.collection.paths.iter().find(|rule| fits(rule, path)).map(|rule| &rule.strategy);
        let by_type = || self.collection.types.get(&field?.kind);
        field.and_then(|field| field.strategy.as_ref()).or_else(by_path).or_else(by_type)
    }
}

/// By which member a strategy knows items.
fn key_of(strategy: &Strategy) -> Option<&str> {
    match strategy {
        Strategy::List(key) | Strategy::Set(key) | Strategy::SafeSet(key, _) => key.0.as_deref(),
        Strategy::Append(terms) => terms.key.0.as_deref(),
        _ => None,
    }
}

/// Whether a pattern names a place.
fn fits(rule: &PathRule, path: &[Cow<'_, str>]) -> bool {
    left_of(rule, path).is_some_and(|left| matches!(left.as_slice(), [] | ["**"]))
}

/// What is left of a pattern at a place; `None` where the pattern leads elsewhere.
fn left_of<'r>(rule: &'r PathRule, path: &[Cow<'_, str>]) -> Option<Vec<&'r str>> {
    let mut pattern = rule.path.split('/').skip(1);
    for token in path {
        match pattern.next()? {
            "**" => return Some(vec!["**"]),
            "*" => {}
            name if name.replace("~1", "/").replace("~0", "~") == token.as_ref() => {}
            _ => return None,
        }
    }
    Some(pattern.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_places() {
        let check = |pattern: &str, path: &[&str]| {
            let path: Vec<Cow<'_, str>> = path.iter().map(|token| Cow::Borrowed(*token)).collect();
            fits(&PathRule { path: pattern.into(), strategy: Strategy::Lww }, &path)
        };
        assert!(check("/checklist/*/done", &["checklist", "7", "done"]));
        assert!(!check("/checklist/*/done", &["checklist", "7"]));
        assert!(!check("/checklist/*/done", &["checklist", "7", "done", "x"]));
        assert!(check("/meta/**", &["meta", "a", "b"]) && check("/meta/**", &["meta"]));
        assert!(check("/a~1b", &["a/b"]) && !check("/a", &["b"]));
    }
}
