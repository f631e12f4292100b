//! Laws of lenses that hold for every input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Schema;
use super::lens::{Lens, Move, Step};
use crate::json::{Object, apply_patch};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const VALUES: [&str; 5] = ["v", "w", "x", "y", "z"];

fn one_move() -> impl Strategy<Value = Move> {
    let name = || prop::sample::select(&NAMES[..]).prop_map(String::from);
    let values = prop::collection::btree_map(prop::sample::select(&VALUES[..]), prop::sample::select(&VALUES[..]), 1..3)
        .prop_map(|values| values.into_iter().map(|(old, new)| (old.to_owned(), new.to_owned())).collect::<BTreeMap<_, _>>());
    prop_oneof![
        4 => (name(), name()).prop_map(|(field, to)| Move::Rename { field, to }),
        4 => (name(), values).prop_map(|(field, values)| Move::Map { field, values }),
        1 => name().prop_map(|field| Move::Default { field, value: json!("x") }),
        1 => name().prop_map(|field| Move::Wrap { field }),
        1 => name().prop_map(|field| Move::Unwrap { field }),
    ]
}

/// Up to four steps, of which those moves are kept that a schema takes.
fn schema() -> impl Strategy<Value = Schema> {
    prop::collection::vec(prop::collection::vec(one_move(), 0..5), 1..5).prop_map(|steps| {
        let mut schema = Schema::blank("x");
        for moves in steps {
            schema.version += 1;
            schema.lenses.push(Step { to: schema.version, collections: BTreeMap::from([("n".into(), Vec::new())]) });
            for made in moves {
                let step = schema.lenses.len() - 1;
                let list = schema.lenses[step].collections.get_mut("n").unwrap();
                list.push(made);
                if super::check::lenses(&schema).is_err() {
                    schema.lenses[step].collections.get_mut("n").unwrap().pop();
                }
            }
        }
        schema
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = || prop_oneof![Just(json!(true)), (0..3_i64).prop_map(Value::from), prop::sample::select(&VALUES[..]).prop_map(Value::from)];
    let item = || prop_oneof![3 => leaf(), 1 => Just(Value::Null), 1 => leaf().prop_map(|leaf| json!([leaf]))];
    prop_oneof![
        4 => leaf(),
        2 => prop::collection::vec(item(), 0..3).prop_map(Value::Array),
        1 => prop::collection::btree_map("[p-r]", leaf(), 0..3).prop_map(|members| Value::Object(members.into_iter().collect())),
    ]
}

fn document() -> impl Strategy<Value = Object> {
    prop::collection::btree_map(prop::sample::select(&NAMES[..]).prop_map(String::from), value(), 0..8)
        .prop_map(|members| members.into_iter().collect())
}

fn patch() -> impl Strategy<Value = Object> {
    let change = prop_oneof![3 => value(), 1 => Just(Value::Null)];
    prop::collection::btree_map(prop::sample::select(&NAMES[..]).prop_map(String::from), change, 0..6)
        .prop_map(|members| members.into_iter().collect())
}

/// The lens from a version of the schema.
fn lens(schema: &Schema, from: u32) -> Lens {
    schema.lens("n", from % schema.version).unwrap_or_default()
}

/// The members that a document of the older version may have: none that came with a later one.
fn of_old_form(mut body: Object, schema: &Schema, from: u32) -> Object {
    let later = schema.lenses.iter().filter(|step| step.to > from % schema.version).flat_map(|step| &step.collections["n"]);
    for made in later {
        match made {
            Move::Rename { to, .. } => drop(body.remove(to)),
            Move::Default { field, .. } => drop(body.remove(field)),
            _ => {}
        }
    }
    body
}

/// Every scalar of a value with how often it is there, but for the names of mapped values.
fn scalars(value: &Value, into: &mut BTreeMap<String, usize>) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| scalars(item, into)),
        Value::Object(members) => members.values().for_each(|member| scalars(member, into)),
        Value::String(_) => *into.entry("a string".into()).or_default() += 1,
        other => *into.entry(other.to_string()).or_default() += 1,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]

    #[test]
    fn lifting_twice_is_lifting_once(schema in schema(), from in 0..5_u32, body in document(), patch in patch()) {
        let lens = lens(&schema, from);
        let lifted = lens.lift_document(&body);
        prop_assert_eq!(lens.lift_document(&lifted), lifted);
        let lifted = lens.lift_patch(&patch);
        prop_assert_eq!(lens.lift_patch(&lifted), lifted);
    }

    #[test]
    fn lifting_commutes_with_patching(schema in schema(), from in 0..5_u32, body in document(), patch in patch()) {
        let lens = lens(&schema, from);
        let (body, patch) = (of_old_form(body, &schema, from), of_old_form(patch, &schema, from));
        let mut before = body.clone();
        apply_patch(&mut before, &patch);
        let mut after = lens.lift_document(&body);
        apply_patch(&mut after, &lens.lift_patch(&patch));
        prop_assert_eq!(lens.lift_document(&before), after);
    }

    #[test]
    fn nothing_is_lost(schema in schema(), from in 0..5_u32, body in document()) {
        let lens = lens(&schema, from);
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        scalars(&Value::Object(body.clone()), &mut before);
        scalars(&Value::Object(lens.lift_patch(&body)), &mut after);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn steps_one_by_one_are_one_lens(schema in schema(), body in document()) {
        // up to an intermediate version, then from there
        let body = of_old_form(body, &schema, 1);
        let mut half = schema.clone();
        half.lenses.pop();
        half.version -= 1;
        let between = half.lens("n", 1).unwrap_or_default().lift_document(&body);
        let apart = schema.lens("n", half.version).unwrap_or_default().lift_document(&between);
        prop_assert_eq!(schema.lens("n", 1).unwrap_or_default().lift_document(&body), apart);
    }
}
