//! Where a collection says how its fields come together: at the field, in a group, by a path, by a type. Nothing is
//! decided in two ways, and nothing is said that never counts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::strategies::{fits, is_there, terms};
use crate::json::{pointer, pointer_tokens};
use crate::schema::read::{Read, SchemaFault};
use crate::schema::{Collection, Field, FieldType, Group, PathRule, Strategy};

/// Checks everything that a collection says of how its fields come together.
pub(super) fn check(collection: &Collection, at: &str) -> Read<()> {
    let grouped = groups(collection, at)?;
    for (name, field) in &collection.fields {
        let place = format!("{at}/fields{}", pointer(&[name]));
        if field.label.as_ref().is_some_and(|label| label.trim().is_empty()) {
            return Err(SchemaFault::at(format!("{place}/label"), "a label is what people call the field; leave it out, or say it"));
        }
        match (&field.strategy, grouped.get(name.as_str())) {
            (Some(_), Some(group)) => {
                let detail = format!("{name} is in the group {group}, which has the strategy; leave one of them out");
                return Err(SchemaFault::at(format!("{place}/strategy"), detail));
            }
            (Some(strategy), None) => fits(collection, field, strategy, &format!("{place}/strategy"))?,
            (None, _) => {}
        }
    }
    paths(collection, at, &grouped)?;
    types(collection, at, &grouped)
}

/// The group of each grouped field.
fn groups<'a>(collection: &'a Collection, at: &str) -> Read<BTreeMap<&'a str, &'a str>> {
    let mut grouped = BTreeMap::new();
    for (name, group) in &collection.groups {
        let at = format!("{at}/groups{}", pointer(&[name]));
        if group.fields.len() < 2 {
            return Err(SchemaFault::at(format!("{at}/fields"), format!("the group {name} is of two fields at least")));
        }
        for (index, field) in group.fields.iter().enumerate() {
            let at = format!("{at}/fields/{index}");
            is_there(collection, field, &at)?;
            if let Some(other) = grouped.insert(field.as_str(), name.as_str()) {
                return Err(SchemaFault::at(at, format!("{field} is in the group {other} already; a field is in one group")));
            }
        }
        takes_a_whole(collection, group, &format!("{at}/strategy"))?;
    }
    Ok(grouped)
}

/// A group is one value made of several: what looks into values has nothing to do with it.
fn takes_a_whole(collection: &Collection, group: &Group, at: &str) -> Read<()> {
    let (values, strategy, label, rights) = Default::default();
    let whole = Field { kind: FieldType::Object, values, sensitivity: 0, lane: 0, strategy, label, rights };
    if let Some(name) = looks_inside(&group.strategy) {
        let detail =
            format!("{name} looks into a value, and a group is taken as a whole; say ask, lww, authority, first, immutable or server");
        return Err(SchemaFault::at(at, detail));
    }
    fits(collection, &whole, &group.strategy, at)
}

fn looks_inside(strategy: &Strategy) -> Option<&'static str> {
    match strategy {
        Strategy::Ask | Strategy::Lww | Strategy::First(_) | Strategy::Immutable | Strategy::Server | Strategy::Opaque => None,
        Strategy::Authority(terms) => terms.otherwise.as_deref().and_then(looks_inside),
        Strategy::When(when) => looks_inside(&when.then).or_else(|| looks_inside(&when.otherwise)),
        other => Some(other.name()),
    }
}

fn paths(collection: &Collection, at: &str, grouped: &BTreeMap<&str, &str>) -> Read<()> {
    for (index, rule) in collection.paths.iter().enumerate() {
        let at = format!("{at}/paths/{index}");
        let tokens = pattern(rule).map_err(|detail| SchemaFault::at(format!("{at}/path"), detail))?;
        if let Some(before) = collection.paths.iter().take(index).position(|other| other.path == rule.path) {
            return Err(SchemaFault::at(format!("{at}/path"), format!("{} stands at {before} already, and the first counts", rule.path)));
        }
        let strategy_at = format!("{at}/strategy");
        terms(collection, &rule.strategy, &strategy_at)?;
        let Some((first, inside)) = tokens.split_first().filter(|(first, _)| !is_wild(first)) else { continue };
        is_there(collection, first, &format!("{at}/path"))?;
        if let Some(group) = grouped.get(first.as_str()) {
            let detail = format!("{first} is in the group {group}, which is taken as a whole; take it out of the group, or leave this out");
            return Err(SchemaFault::at(format!("{at}/path"), detail));
        }
        match collection.fields.get(first).filter(|_| inside.is_empty()) {
            Some(field) if field.strategy.is_some() => {
                let detail = format!("the field {first} has a strategy of its own, and this one never counts; leave one of them out");
                return Err(SchemaFault::at(format!("{at}/path"), detail));
            }
            Some(field) => fits(collection, field, &rule.strategy, &strategy_at)?,
            None => {}
        }
    }
    Ok(())
}

fn is_wild(token: &str) -> bool {
    token == "*" || token == "**"
}

/// The tokens of a well-formed pattern.
fn pattern(rule: &PathRule) -> Result<Vec<String>, String> {
    let fault = || format!("{:?} is no pattern; say a pointer such as /rooms/*/seats, with ** at its end for everything below", rule.path);
    let tokens = pointer_tokens(&rule.path).filter(|tokens| !tokens.is_empty() && pointer(tokens) == rule.path).ok_or_else(fault)?;
    if tokens.iter().any(|token| token.contains('*') && !is_wild(token)) {
        return Err(format!("{:?}: * and ** stand for whole tokens", rule.path));
    }
    let last = tokens.len().saturating_sub(1);
    if tokens.iter().take(last).any(|token| token == "**") {
        return Err(format!("{:?}: ** stands at the end; say * for one token", rule.path));
    }
    Ok(tokens)
}

fn types(collection: &Collection, at: &str, grouped: &BTreeMap<&str, &str>) -> Read<()> {
    for (kind, strategy) in &collection.types {
        let name = serde_json::to_value(kind).ok();
        let at = format!("{at}/types{}", pointer(&[name.as_ref().and_then(Value::as_str).unwrap_or_default()]));
        terms(collection, strategy, &at)?;
        let takes_it =
            |(name, field): &(&String, &Field)| field.kind == *kind && field.strategy.is_none() && !grouped.contains_key(name.as_str());
        for (_, field) in collection.fields.iter().filter(takes_it) {
            fits(collection, field, strategy, &at)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Schema;

    fn check(collection: &serde_json::Value) -> Result<(), String> {
        let schema = json!({"name": "x", "version": 1, "collections": {"a": collection}});
        Schema::from_value(&schema).map(drop).map_err(|fault| fault.to_string())
    }

    #[test]
    fn groups_are_taken_as_a_whole() {
        let number = json!({"type": "number"});
        let table =
            |groups: serde_json::Value, x: serde_json::Value| json!({"fields": {"x": x, "y": number, "z": number}, "groups": groups});
        let lww = json!({"type": "number", "strategy": "lww"});
        for (collection, place) in [
            (table(json!({"g": {"fields": ["x", "y"], "strategy": "lww"}}), number.clone()), None),
            (table(json!({"g": {"fields": ["x", "y"]}, "h": {"fields": ["z", "x"]}}), number.clone()), Some("groups/h/fields/1")),
            (table(json!({"g": {"fields": ["x", "x"]}}), number.clone()), Some("groups/g/fields/1")),
            (table(json!({"g": {"fields": ["x"]}}), number.clone()), Some("groups/g/fields")),
            (table(json!({"g": {"fields": ["x", "w"]}}), number.clone()), Some("groups/g/fields/1")),
            (table(json!({"g": {"fields": ["x", "y"]}}), lww.clone()), Some("fields/x/strategy")),
            (table(json!({"g": {"fields": ["y", "z"]}}), lww.clone()), None),
            (table(json!({"g": {"fields": ["x", "y"], "strategy": "counter"}}), number.clone()), Some("groups/g/strategy")),
            (
                table(json!({"g": {"fields": ["x", "y"], "strategy": {"authority": {"owners": ["field:/u"]}}}}), number.clone()),
                Some("groups/g/strategy"),
            ),
            (
                table(
                    json!({"g": {"fields": ["x", "y"], "strategy": {"authority": {"owners": ["space:u"], "else": "lww"}}}}),
                    number.clone(),
                ),
                None,
            ),
            (
                table(
                    json!({"g": {"fields": ["x", "y"], "strategy": {"when": {"field": "/z", "is": 1, "then": "lww", "else": "min"}}}}),
                    number.clone(),
                ),
                Some("groups/g/strategy"),
            ),
            // a collection that declares no fields takes any name
            (json!({"groups": {"g": {"fields": ["x", "y"]}}}), None),
            (json!({"groups": {"g": {"fields": ["x", ""]}}}), Some("groups/g/fields/1")),
        ] {
            let place = place.map(|place| format!("(at /collections/a/{place})"));
            match (check(&collection), place) {
                (Ok(()), None) => {}
                (Err(fault), Some(place)) => assert!(fault.ends_with(&place), "{fault}, and not {place}"),
                (told, place) => panic!("{collection}: {told:?}, and not {place:?}"),
            }
        }
    }

    #[test]
    fn patterns_and_types_are_well_formed_and_count() {
        let fields = json!({
            "rooms": {"type": "list"}, "own": {"type": "text", "strategy": "lww"}, "x": {"type": "number"}, "y": {"type": "number"},
            "state": {"type": "enum", "values": ["a", "b"]},
        });
        let path = |path: &str, strategy: &str| json!({"paths": [{"path": path, "strategy": strategy}]});
        for (parts, place) in [
            (path("/rooms/*/seats", "max"), None),
            (path("/rooms/**", "lww"), None),
            (path("/*/notes", "text"), None),
            (path("/**", "ask"), None),
            (path("/rooms", "sequence"), None),
            (path("/own/inside", "text"), None),
            (path("/a~1b", "text"), Some("paths/0/path")),
            (path("/rooms/~2", "text"), Some("paths/0/path")),
            (path("rooms", "text"), Some("paths/0/path")),
            (path("", "text"), Some("paths/0/path")),
            (path("/rooms/**/seats", "text"), Some("paths/0/path")),
            (path("/rooms/s*", "text"), Some("paths/0/path")),
            (path("/romos/*", "text"), Some("paths/0/path")),
            (path("/own", "text"), Some("paths/0/path")),
            (path("/x", "lww"), Some("paths/0/path")),
            (path("/rooms", "text"), Some("paths/0/strategy")),
            (json!({"paths": [{"path": "/**", "strategy": "ask"}, {"path": "/**", "strategy": "lww"}]}), Some("paths/1/path")),
            (json!({"types": {"list": "sequence", "text": "text"}}), None),
            (json!({"types": {"list": "counter"}}), Some("types/list")),
            (json!({"types": {"enum": {"lattice": {"order": ["b", "a"]}}}}), None),
            (json!({"types": {"enum": {"lattice": {"order": ["b", "c"]}}}}), Some("types/enum")),
            (json!({"types": {"date": {"authority": {"owners": ["field:/z"]}}}}), Some("types/date")),
        ] {
            let mut collection = parts.clone();
            collection["fields"] = fields.clone();
            collection["groups"] = json!({"g": {"fields": ["x", "y"]}});
            let place = place.map(|place| format!("(at /collections/a/{place})"));
            match (check(&collection), place) {
                (Ok(()), None) => {}
                (Err(fault), Some(place)) => assert!(fault.ends_with(&place), "{fault}, and not {place}"),
                (told, place) => panic!("{parts}: {told:?}, and not {place:?}"),
            }
        }
    }
}
