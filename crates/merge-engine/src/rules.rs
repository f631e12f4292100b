//! What is to hold between documents: the rules of a schema, checked after a merge. What does not hold is told as a
//! warning, in words; nothing is ever refused for it.
//!
//! Only what was touched warns: a pair of documents that was at odds before, and that nobody touched in a field that the
//! rule looks at, is not told again with every edit of something else.
//!
//! Local times are compared as they are written (see [`crate::local`]). Every rule takes n log n steps of the documents
//! that it looks at, and gives at most about as many warnings as there are documents.

mod board;
mod duplicates;
mod moments;
mod people;
mod places;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use sync_core::json::Object;
use sync_core::schema::Rule;
use sync_core::{DocumentKey, Schema};

use self::board::{Board, Finding};

/// The most documents that one warning names.
pub const MAX_DOCUMENTS: usize = 50;

/// What became of a document that was touched; a side is `None` where it was not live, or not to be seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Before.
    pub before: Option<Object>,
    /// As it is now.
    pub after: Option<Object>,
}

/// What the rules are checked on.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The rules, and how documents and fields are called.
    pub schema: &'a Schema,
    /// The live documents of the collections that [`needs`] names. Those that were touched may be among them, in any
    /// state.
    pub documents: &'a BTreeMap<DocumentKey, Object>,
    /// What was touched.
    pub touched: &'a BTreeMap<DocumentKey, Change>,
    /// The names of people, by the ids that documents call them by.
    pub names: &'a BTreeMap<String, String>,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The rule, by its place in the schema.
    pub rule: usize,
    /// The rule's name.
    pub code: &'static str,
    /// What does not hold, in words.
    pub detail: String,
    /// The documents that it is about, by key: at most [`MAX_DOCUMENTS`], those that were touched first of all.
    pub documents: Vec<DocumentKey>,
    /// Those of them that were touched where the rule looks.
    pub causes: Vec<DocumentKey>,
}

/// Checks all rules. The warnings come by rule, then by documents, whatever the order of what is given.
#[must_use]
pub fn check(scene: &Scene<'_>) -> Vec<Warning> {
    let board = Board::new(scene);
    let concerns = |rule: &Rule| scene.touched.iter().any(|(key, change)| change.is_seen_by(&watched(rule, key.collection())));
    let rules = scene.schema.rules.iter().enumerate().filter(|(_, rule)| concerns(rule));
    rules.flat_map(|(index, rule)| told(index, rule, findings(&board, rule))).collect()
}

/// The collections whose live documents [`check`] has to be given. None where nothing was touched that a rule looks at.
#[must_use]
pub fn needs<'a>(schema: &'a Schema, touched: &BTreeMap<DocumentKey, Change>) -> BTreeSet<&'a str> {
    let concerns = |rule: &&Rule| touched.iter().any(|(key, change)| change.is_seen_by(&watched(rule, key.collection())));
    schema.rules.iter().filter(concerns).flat_map(compared).collect()
}

/// The fields of a collection that a rule looks at.
#[must_use]
pub fn watched<'a>(rule: &'a Rule, collection: &str) -> Vec<&'a str> {
    let texts = |fields: &[&'a String]| fields.iter().map(|field| field.as_str()).collect::<Vec<_>>();
    let mut fields = Vec::new();
    match rule {
        Rule::EndAfterStart { collection: own, start, end } if own == collection => fields.extend(texts(&[start, end])),
        Rule::OnePlace { collection: own, start, duration, people, except } if own == collection => {
            fields.extend(texts(&[start, duration, people]));
            fields.extend(except.as_ref().map(|except| except.field.as_str()));
        }
        Rule::FixedMoved { collection: own, start, .. } if own == collection => fields.extend(texts(&[start])),
        Rule::Capacity { collection: own, place, seat, of, capacity } => {
            if own == collection {
                fields.push(place.as_str());
                fields.extend(seat.as_deref());
            }
            fields.extend((of == collection).then_some(capacity.as_str()));
        }
        Rule::MustBeDone { collection: own, must, open, belongs_to, of, over } => {
            if own == collection {
                fields.extend(texts(&[&must.field, &open.field, belongs_to]));
            }
            fields.extend((of == collection).then_some(over.field.as_str()));
        }
        Rule::Duplicate { collection: own, any, all } if own == collection => fields.extend(any.iter().chain(all).map(String::as_str)),
        _ => {}
    }
    fields
}

/// The collections whose documents a rule compares with each other; none where it looks at each by itself.
#[must_use]
pub fn compared(rule: &Rule) -> Vec<&str> {
    match rule {
        Rule::OnePlace { collection, .. } | Rule::Duplicate { collection, .. } => vec![collection],
        Rule::Capacity { collection, of, .. } | Rule::MustBeDone { collection, of, .. } => vec![collection, of],
        _ => Vec::new(),
    }
}

const fn code_of(rule: &Rule) -> &'static str {
    match rule {
        Rule::EndAfterStart { .. } => "end_after_start",
        Rule::OnePlace { .. } => "one_place",
        Rule::Capacity { .. } => "capacity",
        Rule::FixedMoved { .. } => "fixed_moved",
        Rule::MustBeDone { .. } => "must_be_done",
        Rule::Duplicate { .. } => "duplicate",
        _ => "rule",
    }
}

fn findings<'a>(board: &Board<'a>, rule: &'a Rule) -> Vec<Finding<'a>> {
    match rule {
        Rule::EndAfterStart { collection, start, end } => moments::end_after_start(board, collection, start, end),
        Rule::OnePlace { collection, start, duration, people, except } => {
            people::one_place(board, collection, &people::Fields { start, duration, people, except: except.as_ref() })
        }
        Rule::Capacity { collection, place, seat, of, capacity } => {
            places::capacity(board, &places::Seating { collection, place, seat: seat.as_deref(), of, capacity })
        }
        Rule::FixedMoved { collection, start, fixed } => moments::fixed_moved(board, collection, start, fixed),
        Rule::MustBeDone { collection, must, open, belongs_to, of, over } => {
            places::must_be_done(board, &places::Duty { collection, must, open, belongs_to, of, over })
        }
        Rule::Duplicate { collection, any, all } => duplicates::find(board, collection, any, all),
        _ => Vec::new(),
    }
}

/// The findings that something touched has part in.
fn told(index: usize, rule: &Rule, findings: Vec<Finding<'_>>) -> Vec<Warning> {
    let warning = |finding: Finding<'_>| {
        let (causes, others): (Vec<_>, Vec<_>) =
            finding.cards.into_iter().partition(|card| card.is_touched(&watched(rule, card.key.collection())));
        let sorted = |cards: &mut dyn Iterator<Item = &DocumentKey>| cards.cloned().collect::<BTreeSet<_>>();
        let causes = sorted(&mut causes.into_iter().map(|card| card.key));
        let others = sorted(&mut others.into_iter().map(|card| card.key));
        let documents: BTreeSet<_> = causes.iter().chain(&others).take(MAX_DOCUMENTS).cloned().collect();
        let causes: Vec<_> = causes.into_iter().take(MAX_DOCUMENTS).collect();
        let (code, documents) = (code_of(rule), documents.into_iter().collect());
        (!causes.is_empty()).then_some(Warning { rule: index, code, detail: finding.detail, documents, causes })
    };
    let mut warnings: Vec<Warning> = findings.into_iter().filter_map(warning).collect();
    warnings.sort_by(|a, b| (&a.documents, &a.detail).cmp(&(&b.documents, &b.detail)));
    warnings
}

impl Change {
    /// Whether a live document is new, or changed in one of these fields.
    fn is_seen_by(&self, fields: &[&str]) -> bool {
        match (&self.before, &self.after) {
            (_, None) => false,
            (None, Some(_)) => !fields.is_empty(),
            (Some(before), Some(after)) => fields.iter().any(|field| before.get(*field) != after.get(*field)),
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
