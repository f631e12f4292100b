//! Laws that hold for every input: of each strategy those that it promises, of whole documents those of the defaults.

mod documents;
mod strategies;

use proptest::prelude::*;
use serde_json::Value;

/// A law tried on so many cases; on ten times as many where `PROPTEST_CASES` asks for more than is usual.
fn cases(usual: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let times = if default.cases > 256 { 10 } else { 1 };
    ProptestConfig { cases: usual * times, failure_persistence: None, ..default }
}

/// The value with all arrays sorted by their text.
fn in_any_order(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(in_any_order).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => Value::Object(members.iter().map(|(name, item)| (name.clone(), in_any_order(item))).collect()),
        other => other.clone(),
    }
}
