//! `rejoin queue stats`: how the queue went, and what to do about it.

use std::fmt::Write as _;

use serde_json::json;
use sync_core::protocol::v1::queue::{Analytics, Latency};
use sync_service::Caller;
use sync_service::queue::AnalyticsQuery;

use crate::failure::Failure;
use crate::output::{Table, bytes, print, print_json};
use crate::server::Backend;

const HOUR_MS: i64 = 3_600_000;

/// Figures of the last hours.
pub(super) async fn show(backend: &Backend, caller: &Caller, hours: i64, as_json: bool) -> Result<(), Failure> {
    let from = backend.service().now().plus_ms(-hours.max(1).saturating_mul(HOUR_MS));
    let query = AnalyticsQuery { from: Some(from), to: None, hours: hours > 48, space_id: None };
    let told = backend.service().queue_analytics(caller, query).await?;
    if as_json { print_json(&json!(told)) } else { print(&words(&told)) }
}

/// What people read. Writing to a string does not fail.
fn words(told: &Analytics) -> String {
    let size = bytes(u64::try_from(told.waiting.bytes).unwrap_or(0));
    let mut text = format!("{} operations wait ({size})", told.waiting.items);
    let states: Vec<String> = told.waiting.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if !states.is_empty() {
        let _ = write!(text, ": {}", states.join(", "));
    }
    let _ = write!(text, "\nfrom {} to {}\n\n", told.from, told.to);
    let mut table = Table::new(["lane", "came", "decided", "a minute", "waited p50", "p95", "p99", "step p95"]);
    for lane in &told.lanes {
        let [p50, p95, p99] = [lane.wait.p50_ms, lane.wait.p95_ms, lane.wait.p99_ms].map(ms);
        let row = [lane.lane.to_string(), lane.accepted.to_string(), lane.decided.to_string(), format!("{:.1}", lane.per_minute)];
        let [number, came, decided, per_minute] = row;
        table.row([number, came, decided, per_minute, p50, p95, p99, step(&lane.work)]);
    }
    text.push_str(&table.render());
    if !told.reasons.is_empty() {
        let mut reasons = Table::new(["reason", "failures", "parked"]);
        for reason in &told.reasons {
            reasons.row([reason.code.clone(), reason.failures.to_string(), reason.parked.to_string()]);
        }
        text.push('\n');
        text.push_str(&reasons.render());
    }
    for advice in &told.advice {
        let _ = write!(text, "\n{}\n", advice.text);
    }
    text
}

fn ms(value: Option<u64>) -> String {
    value.map(|ms| format!("{ms} ms")).unwrap_or_default()
}

fn step(work: &Latency) -> String {
    ms(work.p95_ms)
}
