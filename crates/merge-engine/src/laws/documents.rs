//! Whole documents without a schema: random ones, and copies of one that were edited at random.

use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::json::Object;

use super::{cases, in_any_order};
use crate::{Context, Mode, Outcome, Policy, get, get_in, merge, merge_objects, set};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(true)), (0..4_i64).prop_map(Value::from), "[a-c]{0,2}".prop_map(Value::from)];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let items = prop::collection::btree_map("[a-d]", inner.clone(), 0..4);
        let items = items.prop_map(|items| items.into_iter().map(|(id, rest)| json!({"id": id, "v": rest})).collect());
        prop_oneof![
            prop::collection::btree_set("[a-e]", 0..4).prop_map(|items| items.into_iter().collect()),
            items.prop_map(Value::Array),
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Object> {
    prop::collection::btree_map("[a-f]", value(), 0..6).prop_map(|members| members.into_iter().collect())
}

/// Three documents: two independent of the first in one case of four, otherwise copies of it with some edits.
fn three() -> impl Strategy<Value = [Object; 3]> {
    let edits = || prop::collection::vec((prop::collection::vec(any::<u8>(), 1..5), value()), 0..4);
    let independent = (document(), document(), document()).prop_map(|(base, ours, theirs)| [base, ours, theirs]);
    let edited = (document(), edits(), edits()).prop_map(|(base, ours, theirs)| [base.clone(), edited(&base, ours), edited(&base, theirs)]);
    prop_oneof![1 => independent, 3 => edited]
}

fn edited(base: &Object, edits: Vec<(Vec<u8>, Value)>) -> Object {
    let mut whole = Value::Object(base.clone());
    for (path, value) in edits {
        edit(&mut whole, &path, value);
    }
    match whole {
        Value::Object(document) => document,
        other => panic!("not a document: {other}"),
    }
}

/// Walks down and replaces, adds or takes away what is there; ids stay unique.
fn edit(here: &mut Value, path: &[u8], value: Value) {
    let Some((step, rest)) = path.split_first() else { return };
    let step = usize::from(*step);
    match here {
        Value::Object(members) => {
            let name = ["a", "b", "c", "d", "e", "f", "v"][step % 7].to_owned();
            match members.get_mut(&name) {
                Some(inner) if !rest.is_empty() && (inner.is_object() || inner.is_array()) => edit(inner, rest, value),
                Some(_) if step % 3 == 0 => drop(members.remove(&name)),
                _ => drop(members.insert(name, value)),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let place = step % items.len();
            match &mut items[place] {
                Value::Object(item) if step % 2 == 0 => drop(item.insert("v".into(), value)),
                _ if step % 3 == 0 => drop(items.remove(place)),
                _ => items.rotate_left(place),
            }
        }
        Value::Array(_) => {}
        other => *other = value,
    }
}

fn merged([base, ours, theirs]: [&Object; 3], mode: Mode) -> Outcome {
    let context = Context { mode, ..Context::default() };
    merge_objects(base, ours, theirs, &Policy::default(), &context)
}

/// Whether everything that `side` changed of `base` is in the merged value or under a place that is told of.
fn is_kept(base: Option<&Value>, side: Option<&Value>, merged: Option<&Value>, path: &str, told: &[String]) -> bool {
    if base == side || side == merged || told.iter().any(|place| path == place || path.starts_with(&format!("{place}/"))) {
        return true;
    }
    let none = Value::Null;
    match (base.unwrap_or(&none), side.unwrap_or(&none), merged.unwrap_or(&none)) {
        (base, Value::Object(side), Value::Object(merged)) => {
            let names = side.keys().chain(base.as_object().into_iter().flat_map(Object::keys));
            names.into_iter().all(|name| is_kept(base.get(name), side.get(name), merged.get(name), &format!("{path}/{name}"), told))
        }
        (base, Value::Array(side), Value::Array(merged)) => {
            let id = |item: &Value| item.get("id").map_or_else(|| item.clone(), |id| json!({ "id": id }));
            let of = |items: &[Value], wanted: &Value| items.iter().find(|item| id(item) == *wanted).cloned();
            let base = base.as_array().cloned().unwrap_or_default();
            side.iter().chain(&base).map(id).all(|wanted| {
                let name = wanted.get("id").unwrap_or(&wanted).as_str().unwrap_or_default().to_owned();
                let (base, side, merged) = (of(&base, &wanted), of(side, &wanted), of(merged, &wanted));
                is_kept(base.as_ref(), side.as_ref(), merged.as_ref(), &format!("{path}/{name}"), told)
            })
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(cases(50_000))]

    #[test]
    fn a_merge_of_documents_keeps_its_laws([base, ours, theirs] in three()) {
        let policy = Policy::default();
        let outcome = merged([&base, &ours, &theirs], Mode::Careful);
        prop_assert_eq!(&outcome, &merged([&base, &ours, &theirs], Mode::Careful), "the same inputs");
        // what one side changed is taken; equal edits are no question
        for (sides, expected) in [([&base, &ours, &base], &ours), ([&base, &base, &theirs], &theirs), ([&base, &ours, &ours], &ours)] {
            let outcome = merged(sides, Mode::Careful);
            prop_assert_eq!((&outcome.merged, outcome.disputes.len()), (&Value::Object(expected.clone()), 0));
        }
        // both sides dispute the same places, and each dispute shows all three and leaves ours live
        let swapped = merged([&base, &theirs, &ours], Mode::Careful);
        let paths = |outcome: &Outcome| outcome.disputes.iter().map(|dispute| dispute.path.clone()).collect::<Vec<_>>();
        prop_assert_eq!(paths(&outcome), paths(&swapped));
        if outcome.is_clean() {
            prop_assert_eq!(in_any_order(&outcome.merged), in_any_order(&swapped.merged));
        }
        let theirs_whole = Value::Object(theirs.clone());
        for dispute in &outcome.disputes {
            prop_assert!(dispute.ours != dispute.theirs && dispute.ours != dispute.base && dispute.theirs != dispute.base);
            prop_assert_eq!(get_in(&outcome.merged, &dispute.path, &policy), dispute.ours.as_ref(), "{}", &dispute.path);
            prop_assert_eq!(get_in(&theirs_whole, &dispute.path, &policy), dispute.theirs.as_ref(), "{}", &dispute.path);
        }
        // no edit of either side is lost
        let told = paths(&outcome);
        let whole = Value::Object(base.clone());
        for side in [&Value::Object(ours.clone()), &theirs_whole] {
            prop_assert!(is_kept(Some(&whole), Some(side), Some(&outcome.merged), "", &told), "{:?}", outcome);
        }
    }

    #[test]
    fn an_assisted_merge_tells_whom_it_outvoted([base, ours, theirs] in three()) {
        let outcome = merged([&base, &ours, &theirs], Mode::Assisted);
        let told: Vec<String> = outcome.disputes.iter().map(|dispute| dispute.path.clone()).chain(outcome.notes.iter().map(|note| note.path.clone())).collect();
        let whole = Value::Object(base.clone());
        for side in [Value::Object(ours), Value::Object(theirs)] {
            prop_assert!(is_kept(Some(&whole), Some(&side), Some(&outcome.merged), "", &told), "{:?}", outcome);
        }
    }
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn a_decided_dispute_does_not_come_back([base, ours, theirs] in three()) {
        let policy = Policy::default();
        let outcome = merged([&base, &ours, &theirs], Mode::Careful);
        let mut decided = outcome.clone().into_object();
        for dispute in outcome.disputes.iter().filter(|dispute| dispute.theirs.is_some()) {
            prop_assert!(set(&mut decided, &dispute.path, dispute.theirs.clone().unwrap(), &policy));
            prop_assert_eq!(&get(&decided, &dispute.path, &policy), &dispute.theirs, "{}", &dispute.path);
        }
        let again = merged([&base, &decided, &theirs], Mode::Careful);
        let settled: Vec<&String> = outcome.disputes.iter().filter(|dispute| dispute.theirs.is_some()).map(|dispute| &dispute.path).collect();
        prop_assert!(!again.disputes.iter().any(|dispute| settled.contains(&&dispute.path)), "{:?}", again.disputes);
    }

    #[test]
    fn any_json_value_merges(base in prop::option::of(value()), ours in value(), theirs in value()) {
        let outcome = merge(base.as_ref(), &ours, &theirs, &Policy::default(), &Context::default());
        prop_assert!(outcome.disputes.iter().all(|dispute| get_in(&outcome.merged, &dispute.path, &Policy::default()) == dispute.ours.as_ref()));
        prop_assert_eq!(merge(base.as_ref(), &ours, &ours, &Policy::default(), &Context::default()).merged, ours);
    }
}
