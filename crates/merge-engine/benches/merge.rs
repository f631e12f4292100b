//! What a merge costs, on parsed values, beside the floor: a copy of *ours*, which every merge has to make.
//!
//! `cargo bench -p merge-engine`. With `MERGE_CORPUS=FILE.jsonl` (cases with `base`, `ours` and `theirs`, one a line)
//! the merges of a corpus are timed too, and their percentiles printed.
#![allow(missing_docs, reason = "what criterion's macros make")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench is to fail where it stands")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use merge_engine::{Context, Policy, merge};
use serde_json::{Value, json};

fn merged(base: &Value, ours: &Value, theirs: &Value) -> Value {
    merge(Some(base), ours, theirs, &Policy::default(), &Context::default()).merged
}

/// A document of some 600 bytes, as one of a wedding's timeline.
fn event() -> Value {
    json!({
        "title": "Ceremony", "category": "ceremony", "location": "Garden by the old chapel", "starts_at": "2026-06-20T16:00",
        "duration_min": 45, "anchor": "fixed", "order_key": "a3", "owner_id": "3c4c8a2e-6f0e-4c6e-9d6b-0d8f0c4f3a11",
        "assignees": ["3c4c8a2e-6f0e-4c6e-9d6b-0d8f0c4f3a11", "77a4d3a2-1f63-4a53-8f6d-8a5a5b1e2c90"], "status": "planned",
        "visibility": "everyone", "equipment": ["microphone", "two speakers"], "cue": "The string trio begins when the doors open",
        "notes": "Rings are with the best man; readings by the sister", "plan_b": "Winter garden", "sun_rule": {"before_sunset_min": 300},
    })
}

fn small(criterion: &mut Criterion) {
    let base = event();
    assert!((560..=700).contains(&base.to_string().len()), "{}", base.to_string().len());
    let (mut ours, mut theirs) = (base.clone(), base.clone());
    ours["starts_at"] = json!("2026-06-20T16:15");
    theirs["title"] = json!("Ceremony (garden)");
    let mut group = criterion.benchmark_group("600 bytes, no conflict");
    group.bench_function("merge", |bench| bench.iter(|| merged(black_box(&base), black_box(&ours), black_box(&theirs))));
    group.bench_function("floor: a copy", |bench| bench.iter(|| black_box(&ours).clone()));
    group.finish();
}

/// A list of items with ids, every tenth of which one side edited, every fifteenth the other.
fn lists(items: usize) -> [Value; 3] {
    let list = |edited: usize, text: &str| {
        let item = |index: usize| {
            let note = if edited > 0 && index.is_multiple_of(edited) { text } else { "as it was" };
            json!({"id": format!("item-{index}"), "title": format!("Shot {index}"), "note": note, "people": ["bride", "groom"]})
        };
        json!({"items": (0..items).map(item).collect::<Vec<_>>()})
    };
    let theirs = list(15, "theirs");
    let mut ours = list(10, "ours");
    for index in (0..items).step_by(30) {
        // no item is edited by both
        ours["items"][index]["note"] = json!("as it was");
    }
    [list(0, ""), ours, theirs]
}

fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a list of items, by size");
    for items in [100, 1_000, 10_000] {
        let [base, ours, theirs] = lists(items);
        group.throughput(Throughput::Bytes(u64::try_from(base.to_string().len()).unwrap()));
        group.bench_function(BenchmarkId::new("merge", items), |bench| bench.iter(|| merged(&base, &ours, &theirs)));
        group.bench_function(BenchmarkId::new("floor: a copy", items), |bench| bench.iter(|| black_box(&ours).clone()));
    }
    group.finish();
}

fn worst(criterion: &mut Criterion) {
    let numbers = |reversed: bool| {
        let mut items: Vec<Value> = (0..10_000).map(|n| json!(format!("item {n}"))).collect();
        if reversed {
            items.reverse();
        }
        items
    };
    let mut group = criterion.benchmark_group("two reversed arrays of 10,000 items");
    let (base, ours) = (Value::Array(numbers(false)), Value::Array(numbers(true)));
    let mut theirs = numbers(true);
    theirs.push(json!("one more"));
    let theirs = Value::Array(theirs);
    group.bench_function("scalars", |bench| bench.iter(|| merged(&base, &ours, &theirs)));
    let repeated = |value: &Value| {
        let items = value
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .map(|(index, item)| if index.is_multiple_of(2) { json!(["twice"]) } else { json!([item]) });
        Value::Array(items.collect())
    };
    let (base, ours, theirs) = (repeated(&base), repeated(&ours), repeated(&theirs));
    group.bench_function("arrays, half of them alike", |bench| bench.iter(|| merged(&base, &ours, &theirs)));
    group.finish();
}

/// The percentiles of a corpus, one merge a case after a first one that warms the caches.
fn corpus(_: &mut Criterion) {
    let Some(path) = corpus_of_environment() else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let time = |case: &Value| {
        let run = || {
            let from = Instant::now();
            black_box(merge(case.get("base"), &case["ours"], &case["theirs"], &Policy::default(), &Context::default()));
            from.elapsed().as_nanos()
        };
        run();
        run()
    };
    let mut nanos: Vec<u128> = cases.iter().map(time).collect();
    nanos.sort_unstable();
    let at = |percent: usize| f64::from(u32::try_from(nanos[(nanos.len() - 1) * percent / 100]).unwrap()) / 1_000.0;
    println!(
        "corpus of {} merges: p50 {:.1} µs, p95 {:.1} µs, p99 {:.1} µs, longest {:.1} µs",
        cases.len(),
        at(50),
        at(95),
        at(99),
        at(100)
    );
}

#[allow(clippy::disallowed_methods, reason = "a bench is its own composition root")]
fn corpus_of_environment() -> Option<String> {
    std::env::var("MERGE_CORPUS").ok()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = small, growth, worst, corpus
}
criterion_main!(benches);
