//! One case and its result.

use std::time::{Duration, Instant};

use merge_engine::{Context, Dispute, Mode, Policy, Reason, merge};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sync_core::json::Object;
use sync_core::operation::Hint;

use super::lines::Line;

/// What is merged of a line. A member that is `null` holds the value `null`; one that is not there is absent.
#[derive(Debug, Deserialize)]
struct Case {
    id: Value,
    #[serde(default, deserialize_with = "there")]
    base: Option<Value>,
    ours: Value,
    theirs: Value,
}

fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The result of one line, as it is printed.
#[derive(Debug, Default, Serialize)]
pub(super) struct CaseResult {
    id: Value,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conflicts: Option<Vec<Disputed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    micros: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// How a case ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Nobody needs to be asked.
    Clean,
    /// Somebody is to decide what is listed.
    Conflict,
    /// The line is no case.
    #[default]
    Error,
}

/// A place that somebody is to decide. An absent side is left out.
#[derive(Debug, Serialize)]
pub(super) struct Disputed {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    theirs: Option<Value>,
    reason: Reason,
}

impl From<Dispute> for Disputed {
    fn from(dispute: Dispute) -> Self {
        let Dispute { path, base, ours, theirs, reason, .. } = dispute;
        Self { path, base, ours, theirs, reason }
    }
}

impl CaseResult {
    /// Merges the case of a line.
    pub(super) fn of(line: &Line, policy: &Policy, mode: Mode) -> Self {
        match serde_json::from_slice::<Case>(&line.text) {
            Ok(case) => case.merge(policy, mode),
            Err(error) => Self::unreadable(line, &error),
        }
    }

    fn unreadable(line: &Line, error: &serde_json::Error) -> Self {
        let id = serde_json::from_slice::<Object>(&line.text).ok().and_then(|mut case| case.remove("id")).unwrap_or_default();
        // the position in the message counts lines within this one
        let message = error.to_string();
        let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        let error = format!(
            "line {}, column {}: {what}; a case is one JSON object a line with id, ours, theirs, and base where there was one",
            line.number,
            error.column()
        );
        Self { id, line: Some(line.number), error: Some(error), ..Self::default() }
    }

    /// Whether the line was no case.
    pub(super) fn is_error(&self) -> bool {
        self.status == Status::Error
    }
}

impl Case {
    fn merge(self, policy: &Policy, mode: Mode) -> CaseResult {
        let Self { id, base, ours, theirs } = self;
        let mut context = Context::with_hint(Hint::Ask);
        context.mode = mode;
        let started = Instant::now();
        let outcome = merge(base.as_ref(), &ours, &theirs, policy, &context);
        let took = started.elapsed();
        CaseResult {
            id,
            status: if outcome.is_clean() { Status::Clean } else { Status::Conflict },
            merged: Some(outcome.merged),
            conflicts: Some(outcome.disputes.into_iter().map(Disputed::from).collect()),
            micros: Some(micros(took)),
            ..CaseResult::default()
        }
    }
}

/// Microseconds, with the nanoseconds behind the point.
fn micros(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e9).round() / 1e3
}
