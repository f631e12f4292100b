//! Laws that hold for every input.

use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::json::Object;

use crate::{Context, Policy, get, merge_objects, remove, set};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(true)), (0..4_i64).prop_map(Value::from), "[a-c]{0,2}".prop_map(Value::from)];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let item = ("[a-d]", inner.clone()).prop_map(|(id, rest)| json!({"id": id, "v": rest}));
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(item, 0..4).prop_map(Value::Array),
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

/// Applies every dispute's *theirs* to the merged document.
fn with_theirs(outcome: &crate::Outcome) -> Object {
    let policy = Policy::default();
    let mut document = outcome.clone().into_object();
    for dispute in &outcome.disputes {
        match &dispute.theirs {
            Some(value) => assert!(set(&mut document, &dispute.path, value.clone(), &policy), "{}", dispute.path),
            None => assert!(remove(&mut document, &dispute.path, &policy), "{}", dispute.path),
        }
    }
    document
}

/// The value with all arrays sorted by their text.
fn in_any_order(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(in_any_order).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => Value::Object(members.into_iter().map(|(name, item)| (name, in_any_order(item))).collect()),
        other => other,
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
    fn no_edit_is_lost(base in document(), ours in document(), theirs in document()) {
        // with all disputes decided for theirs, merging theirs once more brings nothing new; where in its list an item
        // stands that a decision brought back is not promised
        let decided = with_theirs(&merged(&base, &ours, &theirs));
        let again = merged(&base, &decided, &theirs);
        prop_assert_eq!(in_any_order(again.merged), in_any_order(Value::Object(decided)));
    }
}
