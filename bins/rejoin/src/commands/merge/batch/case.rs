//! One case, its result, and what it teaches.

use std::time::{Duration, Instant};

use merge_engine::{Context, Experience, Outcome, Policy, Reason, merge};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sync_core::json::Object;

use super::lines::Line;
use crate::commands::merge::document::tree::Tree;
use crate::commands::merge::report::{Disputed, raw};

/// What is merged of a line. A member that is `null` holds the value `null`; one that is not there is absent.
#[derive(Debug, Deserialize)]
struct Case<'l> {
    id: Value,
    #[serde(default, borrow, deserialize_with = "there")]
    base: Option<&'l RawValue>,
    #[serde(borrow)]
    ours: &'l RawValue,
    #[serde(borrow)]
    theirs: &'l RawValue,
}

/// What a line teaches.
#[derive(Debug, Deserialize)]
struct Lesson<'l> {
    #[serde(default, borrow, deserialize_with = "there")]
    human: Option<&'l RawValue>,
}

fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The three documents of a case.
struct Documents {
    base: Option<Value>,
    ours: Value,
    theirs: Value,
}

/// The result of a line, as it is printed.
#[derive(Debug)]
pub(super) struct Done {
    /// It, with its line feed.
    pub(super) text: Vec<u8>,
    /// Whether the line was no case.
    pub(super) is_error: bool,
}

#[derive(Debug, Serialize)]
struct Answer<'o> {
    id: Value,
    status: &'static str,
    merged: Option<Box<RawValue>>,
    conflicts: Vec<Disputed<'o>>,
    /// The places that were decided as earlier cases were.
    #[serde(skip_serializing_if = "Option::is_none")]
    learned: Option<Vec<&'o str>>,
    micros: f64,
}

#[derive(Debug, Serialize)]
struct Unreadable {
    id: Value,
    status: &'static str,
    line: usize,
    error: String,
}

impl<'l> Case<'l> {
    fn read(line: &'l Line) -> Result<(Self, Documents), String> {
        let case: Self = serde_json::from_slice(&line.text).map_err(|error| {
            // the position in the message counts lines within this one
            let message = error.to_string();
            let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
            format!("column {}: {what}", error.column())
        })?;
        let base = case.base.map(|base| document("base", base)).transpose()?;
        let documents = Documents { base, ours: document("ours", case.ours)?, theirs: document("theirs", case.theirs)? };
        Ok((case, documents))
    }
}

/// A document with all digits of its numbers.
fn document(name: &str, text: &RawValue) -> Result<Value, String> {
    Tree::parse(text.get()).map(|tree| tree.value).map_err(|fault| format!("{name}: {}", fault.what))
}

impl Done {
    /// Merges the case of a line.
    pub(super) fn of(line: &Line, policy: &Policy, context: &Context<'_>) -> Self {
        match Case::read(line) {
            Ok((case, documents)) => documents.merge(case.id, policy, context),
            Err(what) => Self::unreadable(line, &what),
        }
    }

    fn unreadable(line: &Line, what: &str) -> Self {
        let id = serde_json::from_slice::<Object>(&line.text).ok().and_then(|mut case| case.remove("id")).unwrap_or_default();
        let expected = "a case is one JSON object a line with id, ours, theirs, and base where there was one";
        let error = format!("line {}: {what}; {expected}", line.number);
        Self { is_error: true, ..Self::printed(&Unreadable { id, status: "error", line: line.number, error }) }
    }

    fn printed(result: &impl Serialize) -> Self {
        // what consists of JSON values is always written
        let mut text = serde_json::to_vec(result).unwrap_or_default();
        text.push(b'\n');
        Self { text, is_error: false }
    }
}

impl Documents {
    fn merge(&self, id: Value, policy: &Policy, context: &Context<'_>) -> Done {
        let started = Instant::now();
        let outcome = merge(self.base.as_ref(), &self.ours, &self.theirs, policy, context);
        let took = started.elapsed();
        Done::printed(&Answer {
            id,
            status: if outcome.is_clean() { "clean" } else { "conflict" },
            merged: raw(Some(&outcome.merged)),
            conflicts: outcome.disputes.iter().map(Disputed::from).collect(),
            learned: context.advice.is_some().then(|| learned(&outcome)),
            micros: micros(took),
        })
    }
}

fn learned(outcome: &Outcome) -> Vec<&str> {
    let learned = outcome.decisions.iter().filter(|decision| decision.reason == Reason::Learned);
    learned.map(|decision| decision.path.as_str()).collect()
}

/// Learns from a case, where it tells what somebody made of it. Only here is that read.
pub(super) fn learn(experience: &mut Experience, line: &Line, policy: &Policy) {
    let Ok((_, documents)) = Case::read(line) else { return };
    let Ok(Lesson { human: Some(human) }) = serde_json::from_slice(&line.text) else { return };
    if let Ok(human) = document("human", human) {
        experience.learn(documents.base.as_ref(), &documents.ours, &documents.theirs, &human, policy);
    }
}

/// Microseconds, with the nanoseconds behind the point.
fn micros(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e9).round() / 1e3
}
