//! How long 100,000 records take to verify: `cargo bench -p audit-log`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make functions without documentation; a bench is to stop where it is wrong"
)]

use std::hint::black_box;

use audit_log::{Verification, parse_line, to_line};
use criterion::{Criterion, criterion_group, criterion_main};
use sync_core::ports::AuditPart;
use testkit::AuditSample;

/// With a checkpoint for every 256 records, as often as there can be ones on a schedule.
const SAMPLE: AuditSample = AuditSample { organisation: 1, records: 100_000, checkpoint_every: 256, waiting: 0 };

fn is_sound(parts: impl Iterator<Item = AuditPart>) -> bool {
    let keys = [AuditSample::key().verifying_key()];
    let mut verification = Verification::new(&keys, Vec::new());
    for part in parts {
        verification.take(&part);
    }
    verification.finish().unwrap().iter().all(audit_log::Report::is_sound)
}

fn verify(criterion: &mut Criterion) {
    let parts = SAMPLE.parts();
    let lines: Vec<String> = parts.iter().map(to_line).collect();
    let mut group = criterion.benchmark_group("verify");
    group.sample_size(10);
    group.bench_function("100,000 records", |bench| bench.iter(|| assert!(is_sound(black_box(&parts).iter().cloned()))));
    group.bench_function("100,000 lines", |bench| bench.iter(|| assert!(is_sound(black_box(&lines).iter().map(|line| parse_line(line))))));
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
