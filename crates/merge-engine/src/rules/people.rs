//! Nobody is in two places.

use std::collections::BTreeMap;

use serde_json::Value;
use sync_core::schema::Values;

use super::board::{Board, Card, Finding};
use super::words::{row, sentence};
use crate::local::LocalTime;

/// No plan holds anybody for longer than this, in seconds: a year.
const LONGEST_S: i64 = 31_622_400;

/// Where a document says who is where, and when.
pub(super) struct Fields<'a> {
    pub(super) start: &'a str,
    pub(super) duration: &'a str,
    pub(super) people: &'a str,
    pub(super) except: Option<&'a Values>,
}

impl Fields<'_> {
    fn watched(&self) -> Vec<&str> {
        [self.start, self.duration, self.people].into_iter().chain(self.except.map(|except| except.field.as_str())).collect()
    }
}

/// The time that a document takes of its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stay {
    start: LocalTime,
    /// The place of its document in the collection.
    index: usize,
    end: LocalTime,
    touched: bool,
}

/// Pairs of documents that want one person at the same time: for each person, a sweep over their stays by start. Each is
/// held against the one before it that ends last, so that in a crowd every stay is named in some pair, not every pair.
pub(super) fn one_place<'a>(board: &Board<'a>, collection: &str, fields: &Fields<'_>) -> Vec<Finding<'a>> {
    let cards = board.of(collection);
    let mut by_person: BTreeMap<&str, Vec<Stay>> = BTreeMap::new();
    for (index, card) in cards.iter().enumerate() {
        let Some(stay) = stay(card, index, fields) else { continue };
        for person in people(card, fields.people) {
            by_person.entry(person).or_default().push(stay);
        }
    }
    let mut clashes: BTreeMap<(usize, usize), (LocalTime, Vec<&str>)> = BTreeMap::new();
    for (person, mut stays) in by_person.into_iter().filter(|(_, stays)| stays.iter().any(|stay| stay.touched)) {
        stays.sort_unstable();
        stays.dedup();
        sweep(&stays, |earlier, later| {
            clashes.entry((earlier.index, later.index)).or_insert((later.start, Vec::new())).1.push(person);
        });
    }
    let finding = |((earlier, later), (at, people)): ((usize, usize), (LocalTime, Vec<&str>))| {
        let (earlier, later) = (cards.get(earlier)?, cards.get(later)?);
        let mut names: Vec<String> = people.iter().map(|person| board.person(person)).collect();
        names.sort();
        names.dedup();
        let are = if people.len() == 1 { "is" } else { "are" };
        let both = board.labels(&[*earlier, *later]);
        let detail = format!("{} {are} in two places at {}: {both}", sentence(&row(&names)), at.clock());
        Some(Finding { detail, cards: vec![*earlier, *later] })
    };
    clashes.into_iter().filter_map(finding).collect()
}

/// One that takes no time, or does not say how much, takes the moment at which it starts.
fn stay(card: &Card<'_>, index: usize, fields: &Fields<'_>) -> Option<Stay> {
    if fields.except.is_some_and(|except| except.holds(card.body)) {
        return None;
    }
    let start = LocalTime::parse(card.text(fields.start)?)?;
    let minutes = card.body.get(fields.duration).and_then(whole_number).unwrap_or_default();
    let end = start.plus_s(minutes.saturating_mul(60).clamp(1, LONGEST_S));
    Some(Stay { start, index, end, touched: card.is_touched(&fields.watched()) })
}

fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| format!("{:.0}", value.as_f64()?).parse().ok())
}

fn people<'a>(card: &Card<'a>, field: &str) -> impl Iterator<Item = &'a str> {
    let people = card.body.get(field).and_then(Value::as_array);
    people.into_iter().flatten().filter_map(Value::as_str).filter(|id| !id.is_empty())
}

/// Gives pairs of overlapping stays, at least one of each touched, for stays by start.
fn sweep(stays: &[Stay], mut clash: impl FnMut(Stay, Stay)) {
    let (mut last, mut last_touched): (Option<Stay>, Option<Stay>) = (None, None);
    for stay in stays {
        let before = if stay.touched { last } else { last_touched };
        if let Some(before) = before.filter(|before| before.end > stay.start) {
            clash(before, *stay);
        }
        let ends_later = |other: Option<Stay>| other.is_none_or(|other| other.end < stay.end);
        if ends_later(last) {
            last = Some(*stay);
        }
        if stay.touched && ends_later(last_touched) {
            last_touched = Some(*stay);
        }
    }
}
