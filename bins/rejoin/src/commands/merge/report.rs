//! What a merge says of itself: in words for people, as one JSON object for programs.

use std::fmt::Write as _;

use merge_engine::{Decision, Dispute, Note, Outcome, Proposal, SuggestedSide};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::document::write::plain;
use crate::failure::Failure;

/// Of a value so many characters are shown to people.
const SHOWN: usize = 60;

/// The report of a merge.
#[derive(Debug)]
pub(super) struct Report(Outcome);

#[derive(Serialize)]
struct Document<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<Box<RawValue>>,
    conflicts: Vec<Disputed<'a>>,
    decisions: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    proposals: Vec<Proposed<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outvoted: Vec<Outvoted<'a>>,
}

/// A place that somebody is to decide.
#[derive(Debug, Serialize)]
pub(super) struct Disputed<'a> {
    path: &'a str,
    #[serde(flatten)]
    sides: Sides,
    reason: merge_engine::Reason,
    words: &'static str,
}

#[derive(Serialize)]
struct Proposed<'a> {
    path: &'a str,
    #[serde(flatten)]
    sides: Sides,
    owners: &'a [String],
}

/// What each side has; an absent value is left out.
#[derive(Debug, Serialize)]
struct Sides {
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    theirs: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    path: &'a str,
    strategy: &'a str,
    decided: merge_engine::Decided,
    reason: merge_engine::Reason,
    words: &'static str,
}

#[derive(Serialize)]
struct Outvoted<'a> {
    path: &'a str,
    side: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
}

impl Report {
    /// The report of a merge.
    pub(super) const fn of(outcome: Outcome) -> Self {
        Self(outcome)
    }

    /// As one JSON object.
    ///
    /// # Errors
    /// [`Failure::Failed`] when it can't be put into words, which no JSON value causes.
    pub(super) fn json(&self, with_merged: bool) -> Result<String, Failure> {
        let Outcome { merged, disputes, proposals, notes, decisions } = &self.0;
        let document = Document {
            status: if disputes.is_empty() { "clean" } else { "conflict" },
            merged: raw(Some(merged).filter(|_| with_merged)),
            conflicts: disputes.iter().map(Disputed::from).collect(),
            decisions: decisions.iter().map(Choice::from).collect(),
            proposals: proposals.iter().map(Proposed::from).collect(),
            outvoted: notes.iter().map(Outvoted::from).collect(),
        };
        let text = serde_json::to_string_pretty(&document);
        text.map(|text| text + "\n").map_err(|error| Failure::Failed(format!("the report can't be written: {error}")))
    }

    /// Says what was decided by a rule, and ends as the merge did.
    ///
    /// # Errors
    /// [`Failure::Failed`] with every place that somebody is to decide.
    pub(super) fn end(&self, name: &str, marked: bool) -> Result<(), Failure> {
        let disputes = &self.0.disputes;
        if disputes.is_empty() {
            return Ok(());
        }
        let places = if disputes.len() == 1 { "1 place is".to_owned() } else { format!("{} places are", disputes.len()) };
        let how = if marked { "between the marks" } else { "ours stands there so far" };
        let mut text = format!("{name}: {places} for you to decide, {how}:");
        for dispute in disputes {
            let Dispute { path, base, ours, theirs, reason, .. } = dispute;
            let [base, ours, theirs] = [base, ours, theirs].map(|side| shown(side.as_ref()));
            let place = if path.is_empty() { "the whole document".to_owned() } else { printable(path) };
            // writing to a string does not fail
            let _ = write!(text, "\n  {place}: base {base}, ours {ours}, theirs {theirs} ({})", reason.words());
        }
        Err(Failure::Failed(text))
    }
}

impl<'a> From<&'a Dispute> for Disputed<'a> {
    fn from(dispute: &'a Dispute) -> Self {
        let Dispute { path, base, ours, theirs, reason, .. } = dispute;
        Self { path, sides: Sides::of([base, ours, theirs]), reason: *reason, words: reason.words() }
    }
}

impl<'a> From<&'a Proposal> for Proposed<'a> {
    fn from(proposal: &'a Proposal) -> Self {
        let Proposal { path, base, ours, theirs, owners } = proposal;
        Self { path, sides: Sides::of([base, ours, theirs]), owners }
    }
}

impl<'a> From<&'a Decision> for Choice<'a> {
    fn from(decision: &'a Decision) -> Self {
        let Decision { path, strategy, decided, reason } = decision;
        Self { path, strategy, decided: *decided, reason: *reason, words: reason.words() }
    }
}

impl<'a> From<&'a Note> for Outvoted<'a> {
    fn from(note: &'a Note) -> Self {
        let side = match note.side {
            SuggestedSide::Ours => "ours",
            SuggestedSide::Theirs => "theirs",
        };
        Self { path: &note.path, side, value: raw(note.outvoted.as_ref()) }
    }
}

impl Sides {
    fn of([base, ours, theirs]: [&Option<Value>; 3]) -> Self {
        Self { base: raw(base.as_ref()), ours: raw(ours.as_ref()), theirs: raw(theirs.as_ref()) }
    }
}

/// A value with its numbers as they were spelled.
pub(super) fn raw(value: Option<&Value>) -> Option<Box<RawValue>> {
    RawValue::from_string(plain(value?)).ok()
}

/// A value for people, cut where it is long.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = printable(&plain(value));
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A text that does not steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
