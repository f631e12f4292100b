//! Laws that hold for every input.

use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::json::Object;

use crate::{Context, Policy, get, merge_objects};

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

fn merged(base: &Object, ours: &Object, theirs: &Object) -> crate::Outcome {
    merge_objects(base, ours, theirs, &Policy::default(), &Context::default())
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
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]

    #[test]
    fn a_side_that_changed_nothing_changes_nothing(base in document(), other in document()) {
        let outcome = merged(&base, &other, &base);
        prop_assert_eq!((&outcome.merged, outcome.disputes.len()), (&Value::Object(other.clone()), 0));
        let outcome = merged(&base, &base, &other);
        prop_assert_eq!((&outcome.merged, outcome.disputes.len()), (&Value::Object(other.clone()), 0));
    }

    #[test]
    fn equal_edits_agree(base in document(), edit in document()) {
        let outcome = merged(&base, &edit, &edit);
        prop_assert_eq!((&outcome.merged, outcome.disputes.len()), (&Value::Object(edit.clone()), 0));
    }

    #[test]
    fn both_sides_dispute_the_same_places(base in document(), ours in document(), theirs in document()) {
        let paths = |outcome: crate::Outcome| outcome.disputes.into_iter().map(|dispute| dispute.path).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(paths(merged(&base, &ours, &theirs)), paths(merged(&base, &theirs, &ours)));
    }

    #[test]
    fn a_dispute_shows_all_three_and_leaves_ours_live(base in document(), ours in document(), theirs in document()) {
        let policy = Policy::default();
        let outcome = merged(&base, &ours, &theirs);
        for dispute in &outcome.disputes {
            prop_assert_ne!(&dispute.ours, &dispute.theirs);
            prop_assert_ne!(&dispute.ours, &dispute.base);
            prop_assert_ne!(&dispute.theirs, &dispute.base);
            prop_assert_eq!(&get(&outcome.clone().into_object(), &dispute.path, &policy), &dispute.ours);
            prop_assert_eq!(&get(&theirs, &dispute.path, &policy), &dispute.theirs);
        }
    }

    #[test]
    fn no_edit_of_either_side_is_lost(base in document(), ours in document(), theirs in document()) {
        let outcome = merged(&base, &ours, &theirs);
        let told: Vec<String> = outcome.disputes.iter().map(|dispute| dispute.path.clone()).collect();
        let base = Value::Object(base);
        for side in [Value::Object(ours), Value::Object(theirs)] {
            prop_assert!(is_kept(Some(&base), Some(&side), Some(&outcome.merged), "", &told), "{:?}", outcome);
        }
    }
}
