//! Every strategy, held to what it promises.

use proptest::prelude::*;
use serde_json::{Value, json};
use sync_core::json::Object;
use sync_core::operation::Hint;
use sync_core::schema::strategy::NAMES;
use sync_core::schema::{Schema, Strategy as Declared};
use sync_core::{OpId, Role, Stamp, UserId};
use uuid::Uuid;

use super::{cases, in_any_order};
use crate::{Actor, Context, Outcome, Policy, Provenance, Reason, Writer, get_in, merge_objects, promises};

/// Each strategy with its terms, and the values that its fields have.
fn samples() -> Vec<(Value, BoxedStrategy<Value>)> {
    let word = || "[a-c]{1,2}".prop_map(Value::from).boxed();
    let number = || prop_oneof![(-3..4_i64).prop_map(Value::from), (-3..4_i32).prop_map(|n| json!(f64::from(n) + 0.5))].boxed();
    let state = || prop_oneof![Just(json!("open")), Just(json!("skipped")), Just(json!("done"))].boxed();
    let set = || prop::collection::btree_set("[a-e]", 0..5).prop_map(|items| items.into_iter().collect::<Value>()).boxed();
    let keyed = || {
        let items = prop::collection::btree_map("[a-e]", "[x-z]", 0..5);
        items.prop_map(|items| items.into_iter().map(|(id, v)| json!({"id": id, "v": v})).collect::<Value>()).boxed()
    };
    let loose = || prop::collection::vec("[a-c]", 0..5).prop_map(|items| items.into_iter().collect::<Value>()).boxed();
    let text = || prop::collection::vec("[a-d]{1,3}", 0..9).prop_map(|words| Value::from(words.join(" "))).boxed();
    let lines = || prop::collection::vec("[a-c ]{0,4}", 0..6).prop_map(|lines| Value::from(lines.join("\n"))).boxed();
    let object = || prop::collection::btree_map("[a-c]", "[x-z]", 0..4).prop_map(|members| json!(members)).boxed();
    let order = json!(["open", "skipped", "done"]);
    vec![
        (json!("ask"), word()),
        (json!("lww"), word()),
        (json!({"authority": {"owners": ["role:lead"]}}), word()),
        (json!({"authority": {"owners": ["field:/owner"], "both": "lww"}}), word()),
        (json!({"authority": {"owners": ["space:owner"], "else": "lww"}}), word()),
        (json!("text"), text()),
        (json!({"text": {"overlap": "keep_both"}}), lines()),
        (json!("set"), set()),
        (json!({"set": {"id": "id"}}), keyed()),
        (json!({"safe_set": {"owners": ["role:lead"]}}), set()),
        (json!({"lattice": {"order": order}}), state()),
        (json!({"safer": {"order": order}}), state()),
        (json!("min"), number()),
        (json!("max"), number()),
        (json!("first"), word()),
        (json!("counter"), number()),
        (json!("list"), keyed()),
        (json!("sequence"), loose()),
        (json!("order"), word()),
        (json!("append"), keyed()),
        (json!({"append": {"id": "id", "same": ["v"]}}), keyed()),
        (json!("object"), object()),
        (json!("immutable"), word()),
        (json!("server"), word()),
        (json!("opaque"), word()),
        (json!({"when": {"field": "/owner", "is": [null], "then": "lww", "else": "ask"}}), word()),
    ]
}

/// One merge of one field.
#[derive(Debug, Clone)]
struct Case {
    declared: Value,
    sides: [Object; 3],
    roles: [Role; 2],
    stamps: [i64; 2],
}

fn any_case() -> impl Strategy<Value = Case> {
    let samples = samples();
    (0..samples.len()).prop_flat_map(move |index| {
        let (declared, values) = samples[index].clone();
        let side = || prop::option::weighted(0.9, values.clone());
        let role = || prop_oneof![Just(Role::Lead), Just(Role::Vendor)];
        // a side often changes nothing
        let sides = (side(), side(), side(), 0..6_u8).prop_map(|(base, ours, theirs, same)| match same {
            0 => [base.clone(), base, theirs],
            1 => [base.clone(), ours, base],
            2 => [base, ours.clone(), ours],
            _ => [base, ours, theirs],
        });
        (Just(declared), sides, (role(), role()), (0..3_i64, 0..3_i64)).prop_map(|(declared, sides, roles, stamps)| Case {
            declared,
            sides: sides.map(|value| value.map(|value| ("f".to_owned(), value)).into_iter().collect()),
            roles: [roles.0, roles.1],
            stamps: [stamps.0, stamps.1],
        })
    })
}

/// Who wrote ours.
struct Ours(Writer);

impl Provenance for Ours {
    fn writer(&self, _: &str) -> Option<Writer> {
        Some(self.0)
    }

    fn rewritten(&self, _: &str) -> bool {
        false
    }
}

fn writer(role: Role, ms: i64, side: u128) -> Writer {
    let id = Uuid::from_u128(side);
    Writer { actor: Some(Actor { user_id: UserId(id), role }), stamp: Stamp(ms, 0, OpId(id)) }
}

fn policy(declared: &Value) -> Policy {
    let schema = json!({"name": "laws", "version": 1, "collections": {"c": {"fields": {"f": {"type": "object", "strategy": declared}}}}});
    let mut schema_without_types = schema;
    schema_without_types["collections"]["c"]["paths"] = json!([{"path": "/f", "strategy": declared}]);
    schema_without_types["collections"]["c"]["fields"] = json!({});
    Policy::of(&Schema::from_value(&schema_without_types).unwrap(), "c")
}

impl Case {
    fn merge(&self, [base, ours, theirs]: [usize; 3]) -> Outcome {
        // whoever wrote ours and theirs keeps role and time when the sides are swapped
        let who = |side: usize| if side == 2 { writer(self.roles[1], self.stamps[1], 2) } else { writer(self.roles[0], self.stamps[0], 1) };
        let by = Ours(who(ours));
        let context = Context { sender: Some(who(theirs)), ours: &by, hint: Hint::Ask, ..Context::default() };
        merge_objects(&self.sides[base], &self.sides[ours], &self.sides[theirs], &policy(&self.declared), &context)
    }

    fn value(&self, side: usize) -> Value {
        Value::Object(self.sides[side].clone())
    }
}

/// The scalars in a value.
fn scalars(value: &Value, into: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(item, into)),
        Value::Object(members) => members.values().for_each(|item| scalars(item, into)),
        other => into.push(other.clone()),
    }
}

fn all_scalars(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    scalars(value, &mut all);
    all
}

proptest! {
    #![proptest_config(cases(50_000))]

    #[test]
    fn every_strategy_keeps_its_promises(case in any_case()) {
        let strategy = Declared::from_value(&case.declared).unwrap();
        let promised = promises(&strategy);
        let outcome = case.merge([0, 1, 2]);
        prop_assert_eq!(&outcome, &case.merge([0, 1, 2]), "the same inputs");
        let equal = case.merge([0, 1, 1]);
        prop_assert_eq!((&equal.merged, equal.disputes.len(), equal.proposals.len()), (&case.value(1), 0, 0), "equal edits");
        if promised.one_sided {
            for (sides, taken) in [([0, 1, 0], 1), ([0, 0, 2], 2)] {
                let outcome = case.merge(sides);
                prop_assert_eq!((&outcome.merged, outcome.disputes.len(), outcome.notes.len()), (&case.value(taken), 0, 0), "one side alone");
            }
        }
        exact_places(&case, &outcome)?;
        nothing_vanishes(&case, &outcome)?;
        if promised.keeps_both {
            prop_assert!(outcome.notes.is_empty(), "{:?}", outcome.notes);
        }
        if promised.closed {
            let had: Vec<Value> = (0..3).flat_map(|side| all_scalars(&case.value(side))).collect();
            prop_assert!(all_scalars(&outcome.merged).iter().all(|value| had.contains(value)), "{}", outcome.merged);
        }
        if promised.symmetric {
            let swapped = case.merge([0, 2, 1]);
            prop_assert_eq!(outcome.disputes.len(), swapped.disputes.len());
            for (one, other) in outcome.disputes.iter().zip(&swapped.disputes) {
                prop_assert_eq!((&one.path, &one.base, &one.ours, &one.theirs), (&other.path, &other.base, &other.theirs, &other.ours));
            }
            if outcome.is_clean() {
                prop_assert_eq!(in_any_order(&outcome.merged), in_any_order(&swapped.merged));
            }
        }
    }
}

/// Every dispute and proposal names a place that holds its *ours*.
fn exact_places(case: &Case, outcome: &Outcome) -> Result<(), TestCaseError> {
    let policy = policy(&case.declared);
    let disputed = outcome.disputes.iter().map(|dispute| (&dispute.path, &dispute.ours));
    let proposed = outcome.proposals.iter().filter(|_| !case.declared.to_string().contains("safe_set"));
    for (path, ours) in disputed.chain(proposed.map(|proposal| (&proposal.path, &proposal.ours))) {
        prop_assert_eq!(get_in(&outcome.merged, path, &policy), ours.as_ref(), "{}", path);
    }
    let theirs = case.value(2);
    // a question about a set shows the sender's without the removals that were proposed
    let as_sent = outcome.proposals.is_empty();
    for dispute in outcome.disputes.iter().filter(|dispute| as_sent && dispute.reason != Reason::MaybeTwice) {
        prop_assert_eq!(get_in(&theirs, &dispute.path, &policy), dispute.theirs.as_ref());
    }
    Ok(())
}

/// A side that changed something finds it in the outcome, in a dispute, in a proposal or in a note.
fn nothing_vanishes(case: &Case, outcome: &Outcome) -> Result<(), TestCaseError> {
    let told = !(outcome.disputes.is_empty() && outcome.proposals.is_empty() && outcome.notes.is_empty());
    let changed_alone = |side: usize, other: usize| case.value(side) != case.value(0) && case.value(other) == case.value(0);
    for (side, other) in [(1, 2), (2, 1)] {
        if changed_alone(side, other) {
            let there = in_any_order(&outcome.merged) == in_any_order(&case.value(side));
            prop_assert!(told || there, "side {} is lost: {:?}", side, outcome);
        }
    }
    Ok(())
}

#[test]
fn every_strategy_is_among_the_samples() {
    let sampled: Vec<&str> = samples().iter().map(|(declared, _)| Declared::from_value(declared).unwrap().name()).collect();
    assert!(NAMES.iter().all(|name| sampled.contains(name)), "{sampled:?}");
}
