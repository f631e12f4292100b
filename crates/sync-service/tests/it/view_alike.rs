//! Whether two answers tell the same, but for the numbers and ids that the server gives.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use sync_core::json::canonical;

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().to_vec()
}

pub(crate) fn digest(document: &Value) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(canonical(document).as_bytes()))
}

/// What was told, with versions by their order and the server's ids by their first appearance.
pub(crate) fn comparable(told: &[Value], known: &BTreeSet<String>) -> Vec<Value> {
    let mut versions = BTreeSet::new();
    for value in told {
        collect(value, "", &mut versions);
    }
    let ranks: HashMap<i64, usize> = versions.into_iter().enumerate().map(|(rank, version)| (version, rank)).collect();
    let mut ids = HashMap::new();
    told.iter().map(|value| renamed(value, "", &ranks, (&mut ids, known))).collect()
}

fn is_version(name: &str) -> bool {
    matches!(name, "version" | "changed" | "decided_version")
}

fn collect(value: &Value, name: &str, versions: &mut BTreeSet<i64>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| collect(value, name, versions)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, "", versions)),
        Value::Number(number) if is_version(name) => drop(versions.insert(number.as_i64().unwrap())),
        _ => {}
    }
}

fn renamed(
    value: &Value,
    name: &str,
    ranks: &HashMap<i64, usize>,
    (ids, known): (&mut HashMap<String, usize>, &BTreeSet<String>),
) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !matches!(name.as_str(), "cursor" | "since" | "mark" | "checksums" | "epoch"));
            kept.map(|(name, value)| (name.clone(), renamed(value, name, ranks, (ids, known)))).collect()
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, "", ranks, (ids, known))).collect(),
        Value::Number(number) if is_version(name) => json!(ranks[&number.as_i64().unwrap()]),
        Value::String(text) if text.len() == 36 && text.matches('-').count() == 4 && !known.contains(text) => {
            let next = ids.len();
            json!(format!("id {}", ids.entry(text.clone()).or_insert(next)))
        }
        other => other.clone(),
    }
}

/// The first place at which two answers differ.
pub(crate) fn difference(one: &Value, other: &Value, at: String) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let null = Value::Null;
            names
                .into_iter()
                .find_map(|name| difference(a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null), format!("{at}/{name}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(n, (one, other))| difference(one, other, format!("{at}/{n}")))
        }
        (one, other) => (one != other).then(|| format!("{at}: {one} and {other}")),
    }
}
