//! Who owns a place, for those who ask people about it.

use std::borrow::Cow;

use serde_json::Value;
use sync_core::json::{Object, pointer_tokens};
use sync_core::schema::strategy::{Owner, Strategy, When};

use crate::policy::Policy;
use crate::same::same;

impl Policy {
    /// The owners that the schema names for a place in a live document, or for what the place stands in; none where no
    /// strategy there has owners.
    #[must_use]
    pub fn owners(&self, path: &str, document: &Object) -> &[Owner] {
        let tokens = pointer_tokens(path).unwrap_or_default();
        let tokens: Vec<Cow<'_, str>> = tokens.into_iter().map(Cow::Owned).collect();
        let around = (1..=tokens.len()).rev().filter_map(|length| tokens.get(..length));
        around
            .map(|place| self.strategy_around(place).map_or(&[][..], |strategy| owners_of(strategy, document)))
            .find(|owners| !owners.is_empty())
            .unwrap_or_default()
    }

    fn strategy_around(&self, place: &[Cow<'_, str>]) -> Option<&Strategy> {
        let group = match place {
            [name] => self.collection.groups.values().find(|group| group.fields.iter().any(|field| field == name)),
            _ => None,
        };
        group.map(|group| &group.strategy).or_else(|| self.strategy_at(place))
    }
}

fn owners_of<'a>(strategy: &'a Strategy, document: &Object) -> &'a [Owner] {
    match strategy {
        Strategy::Authority(terms) => &terms.owners,
        Strategy::SafeSet(_, owners) | Strategy::First(owners) => owners,
        Strategy::When(when) => owners_of(if holds(when, document) { &when.then } else { &when.otherwise }, document),
        _ => &[],
    }
}

fn holds(when: &When, document: &Object) -> bool {
    value_at(document, &when.field).is_some_and(|value| when.is.iter().any(|one| same(one, value)))
}

/// The value at a pointer through objects.
fn value_at<'d>(document: &'d Object, pointer: &str) -> Option<&'d Value> {
    let tokens = pointer_tokens(pointer)?;
    let (first, rest) = tokens.split_first()?;
    rest.iter().try_fold(document.get(first)?, |here, token| here.get(token))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sync_core::Schema;

    use super::*;

    #[test]
    fn a_place_has_the_owners_of_what_it_stands_in() {
        let authority = |owner: &str| json!({"authority": {"owners": [owner], "both": "ask"}});
        let fields = json!({
            "free": {"type": "text", "strategy": "lww"},
            "price": {"type": "object", "strategy": authority("space:bookkeeper")},
            "at": {"type": "local_time", "strategy": {"when": {"field": "/anchor", "is": ["fixed"], "then": authority("field:/owner"), "else": "lww"}}},
            "anchor": {"type": "text"}, "owner": {"type": "id"}, "x": {"type": "integer"}, "y": {"type": "integer"},
            "flags": {"type": "set", "strategy": {"safe_set": {"owners": ["role:couple"]}}},
            "list": {"type": "list"},
        });
        let groups = json!({"spot": {"fields": ["x", "y"], "strategy": authority("role:vendor")}});
        let paths = json!([{"path": "/list/*/fee", "strategy": authority("role:lead")}]);
        let schema =
            json!({"name": "party", "version": 1, "collections": {"events": {"fields": fields, "groups": groups, "paths": paths}}});
        let policy = Policy::of(&Schema::from_value(&schema).unwrap(), "events");
        let fixed = json!({"anchor": "fixed"});
        let check = |path: &str, document: &Value| {
            let Value::Object(document) = document else { panic!("an object") };
            policy.owners(path, document).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        for (path, owners) in [
            ("/free", ""),
            ("/price", "space:bookkeeper"),
            ("/price/net", "space:bookkeeper"),
            ("/at", "field:/owner"),
            ("/y", "role:vendor"),
            ("/flags/nuts", "role:couple"),
            ("/list/a/fee", "role:lead"),
            ("/list/a", ""),
            ("/unknown", ""),
            ("", ""),
        ] {
            assert_eq!(check(path, &fixed), owners, "{path}");
        }
        assert_eq!(check("/at", &json!({"anchor": "flex"})), "", "the condition is asked of the live document");
    }
}
