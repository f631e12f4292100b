//! The golden vectors, `vectors/strategies.jsonl`: one merge of one field `f` a line, for other implementations to be held
//! against. `base`, `ours`, `theirs` and `merged` that are left out are absent; `roles` and `stamps` are those of ours and of
//! the sender; `asked`, `proposed` and `noted` name places.

use serde_json::{Map, Value, json};
use sync_core::schema::Schema;
use sync_core::{OpId, Role, Stamp, UserId};
use uuid::Uuid;

use crate::{Actor, Context, Policy, Provenance, Writer, merge_objects};

struct Ours(Writer);

impl Provenance for Ours {
    fn writer(&self, _: &str) -> Option<Writer> {
        Some(self.0)
    }

    fn rewritten(&self, _: &str) -> bool {
        false
    }
}

fn check(case: &Value) {
    let name = case["name"].as_str().unwrap();
    let side = |side: &str| {
        let value = case.get(side).filter(|value| !value.is_null()).cloned();
        value.map(|value| ("f".to_owned(), value)).into_iter().collect::<Map<String, Value>>()
    };
    let writer = |index: usize| {
        let id = Uuid::from_u128(u128::try_from(index).unwrap() + 1);
        let role = case["roles"][index].as_str().map_or(Role::Lead, |role| Role::parse(role).unwrap());
        Writer {
            actor: Some(Actor { user_id: UserId(id), role }),
            stamp: Stamp(case["stamps"][index].as_i64().unwrap_or_default(), 0, OpId(id)),
        }
    };
    let rules = json!({"name": "vectors", "version": 1, "collections": {"c": {"paths": [{"path": "/f", "strategy": case["strategy"]}]}}});
    let policy = Policy::of(&Schema::from_value(&rules).unwrap(), "c");
    let (ours, document) = (Ours(writer(0)), case.get("document").and_then(Value::as_object));
    let context = Context { sender: Some(writer(1)), ours: &ours, document, ..Context::default() };
    let outcome = merge_objects(&side("base"), &side("ours"), &side("theirs"), &policy, &context);
    assert_eq!(outcome.merged, Value::Object(side("merged")), "{name}");
    let places =
        |member: &str| case[member].as_array().into_iter().flatten().map(|path| path.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(outcome.disputes.iter().map(|dispute| dispute.path.clone()).collect::<Vec<_>>(), places("asked"), "{name}");
    assert_eq!(outcome.proposals.iter().map(|proposal| proposal.path.clone()).collect::<Vec<_>>(), places("proposed"), "{name}");
    assert_eq!(outcome.notes.iter().map(|note| note.path.clone()).collect::<Vec<_>>(), places("noted"), "{name}");
}

#[test]
fn the_golden_vectors_hold() {
    let cases: Vec<Value> = include_str!("../vectors/strategies.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    cases.iter().for_each(check);
    let named = |name: &&str| cases.iter().any(|case| case["strategy"].as_str() == Some(name) || case["strategy"].get(*name).is_some());
    let missing: Vec<&str> = sync_core::schema::strategy::NAMES.into_iter().filter(|name| !named(name)).collect();
    assert!(missing.is_empty(), "no vector for {missing:?}");
}
