//! Ends before starts, and fixed moments that were moved along with others.

use std::collections::BTreeMap;

use sync_core::Timestamp;
use sync_core::json::Object;
use sync_core::schema::{Values, is_date};

use super::board::{Board, Card, Finding};
use crate::local::LocalTime;

/// A moment as it is written. Two of the same kind can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// A day, in seconds.
    Day(i64),
    /// A local time, in seconds.
    Local(LocalTime),
    /// An instant, in milliseconds.
    Instant(Timestamp),
}

impl Moment {
    fn of(body: &Object, field: &str) -> Option<Self> {
        let text = body.get(field)?.as_str()?;
        if is_date(text) {
            return LocalTime::parse(&format!("{text}T00:00")).map(|day| Self::Day(day.seconds()));
        }
        LocalTime::parse(text).map(Self::Local).or_else(|| Timestamp::parse(text).map(Self::Instant))
    }

    /// Seconds from this moment to another of its kind.
    fn seconds_to(self, other: Self) -> Option<i64> {
        match (self, other) {
            (Self::Day(from), Self::Day(to)) => Some(to.saturating_sub(from)),
            (Self::Local(from), Self::Local(to)) => Some(to.seconds().saturating_sub(from.seconds())),
            (Self::Instant(from), Self::Instant(to)) => Some(to.millis().saturating_sub(from.millis()).div_euclid(1_000)),
            _ => None,
        }
    }
}

/// An end is not before its start.
pub(super) fn end_after_start<'a>(board: &Board<'a>, collection: &str, start: &str, end: &str) -> Vec<Finding<'a>> {
    let finding = |card: &Card<'a>| {
        let (from, to) = (Moment::of(card.body, start)?, Moment::of(card.body, end)?);
        if from.seconds_to(to)? >= 0 {
            return None;
        }
        let label = board.label(card);
        let detail = match (from, to) {
            (Moment::Local(from), Moment::Local(to)) if from.day() == to.day() => {
                format!("{label} ends at {}, before it starts at {}", to.clock(), from.clock())
            }
            (Moment::Local(from), Moment::Local(to)) => {
                format!("{label} ends on {} at {}, before it starts on {} at {}", to.day(), to.clock(), from.day(), from.clock())
            }
            _ => format!("{label} ends before it starts"),
        };
        Some(Finding { detail, cards: vec![*card] })
    };
    let touched = board.of(collection).iter().filter(|card| card.is_touched(&[start, end]));
    touched.filter_map(finding).collect()
}

/// A fixed moment that moved by exactly as much as something else moved at the same time was not moved for its own sake.
pub(super) fn fixed_moved<'a>(board: &Board<'a>, collection: &str, start: &str, fixed: &Values) -> Vec<Finding<'a>> {
    let moved = |card: &Card<'a>| {
        let before = Moment::of(card.before()?, start)?;
        before.seconds_to(Moment::of(card.body, start)?).filter(|seconds| *seconds != 0)
    };
    let mut by_seconds: BTreeMap<i64, Vec<Card<'a>>> = BTreeMap::new();
    for card in board.of(collection) {
        if let Some(seconds) = moved(card) {
            by_seconds.entry(seconds).or_default().push(*card);
        }
    }
    let is_fixed = |card: &Card<'_>| fixed.holds(card.body) && card.before().is_some_and(|before| fixed.holds(before));
    let together = by_seconds.into_iter().filter(|(_, cards)| cards.len() > 1);
    together
        .flat_map(|(seconds, cards)| {
            let finding = |card: &Card<'a>| {
                let with = format!("together with {} more", cards.len() - 1);
                Finding { detail: format!("{} is fixed, and was moved {} {with}", board.label(card), length(seconds)), cards: vec![*card] }
            };
            cards.iter().filter(|card| is_fixed(card)).map(finding).collect::<Vec<_>>()
        })
        .collect()
}

/// "15 minutes later".
fn length(seconds: i64) -> String {
    let (amount, unit) = match seconds.unsigned_abs() {
        days if days % 86_400 == 0 => (days / 86_400, "day"),
        minutes if minutes % 60 == 0 => (minutes / 60, "minute"),
        seconds => (seconds, "second"),
    };
    let plural = if amount == 1 { "" } else { "s" };
    format!("{amount} {unit}{plural} {}", if seconds < 0 { "earlier" } else { "later" })
}
