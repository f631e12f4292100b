//! Nobody is there twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sync_core::json::Object;
use unicode_normalization::UnicodeNormalization as _;

use super::board::{Board, Card, Finding};
use super::words::row;

/// By so many of their last digits, telephone numbers are the same: what stands before them is a country, or a zero in
/// its place.
const PHONE_DIGITS: usize = 9;
/// No telephone number has more (E.164).
const MAX_PHONE_DIGITS: usize = 15;
/// Stands between the values of several fields; no normalised text holds it.
const BETWEEN: &str = "\u{1f}";

/// By what two documents are alike: one field of those that each count, or all of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trait<'a> {
    One(&'a str),
    All,
}

/// Documents that are alike, at least one of them new to it. Documents that share several traits are told once.
pub(super) fn find<'a>(board: &Board<'a>, collection: &str, any: &[String], all: &[String]) -> Vec<Finding<'a>> {
    let cards = board.of(collection);
    let mut alike: BTreeMap<(Trait<'_>, String), Vec<usize>> = BTreeMap::new();
    for (index, card) in cards.iter().enumerate() {
        for mark in traits(card.body, any, all) {
            alike.entry(mark).or_default().push(index);
        }
    }
    let is_news = |mark: &(Trait<'_>, String), index: &usize| cards.get(*index).is_some_and(|card| is_new(card, mark, (any, all)));
    alike.retain(|mark, indexes| indexes.len() > 1 && indexes.iter().any(|index| is_news(mark, index)));
    let mut groups: BTreeMap<Vec<usize>, BTreeSet<Trait<'_>>> = BTreeMap::new();
    for ((mark, _), indexes) in alike {
        groups.entry(indexes).or_default().insert(mark);
    }
    let finding = |(indexes, marks): (Vec<usize>, BTreeSet<Trait<'_>>)| {
        let cards: Vec<Card<'a>> = indexes.iter().filter_map(|index| cards.get(*index)).copied().collect();
        let named: BTreeSet<&str> = marks.iter().filter_map(|mark| if let Trait::One(name) = mark { Some(*name) } else { None }).collect();
        let all = all.iter().map(String::as_str).filter(|_| marks.contains(&Trait::All));
        let fields: Vec<&str> = named.iter().copied().chain(all.filter(|name| !named.contains(name))).collect();
        let fields: Vec<String> = fields.into_iter().map(|name| board.field(collection, name)).collect();
        Finding { detail: format!("Possible duplicate: {} have the same {}", board.labels(&cards), row(&fields)), cards }
    };
    groups.into_iter().map(finding).collect()
}

/// Whether a document was touched, and was not marked so before.
fn is_new(card: &Card<'_>, mark: &(Trait<'_>, String), (any, all): (&[String], &[String])) -> bool {
    let fields: Vec<&str> = any.iter().chain(all).map(String::as_str).collect();
    card.is_touched(&fields) && card.before().is_none_or(|before| !traits(before, any, all).contains(mark))
}

fn traits<'n>(body: &Object, any: &'n [String], all: &[String]) -> BTreeSet<(Trait<'n>, String)> {
    let of = |name: &'n String| {
        let values = body.get(name).map(values).unwrap_or_default();
        values.into_iter().map(|value| (Trait::One(name.as_str()), value))
    };
    let mut traits: BTreeSet<_> = any.iter().flat_map(of).collect();
    let parts: Option<Vec<String>> = all.iter().map(|name| body.get(name).and_then(Value::as_str).and_then(normalised)).collect();
    if let Some(parts) = parts.filter(|parts| !parts.is_empty()) {
        traits.insert((Trait::All, parts.join(BETWEEN)));
    }
    traits
}

/// The texts of a value: its own, those of a list, or those that its items hold as `value`.
fn values(value: &Value) -> Vec<String> {
    let of_item = |item: &Value| item.as_str().or_else(|| item.get("value")?.as_str()).and_then(normalised);
    match value {
        Value::Array(items) => items.iter().filter_map(of_item).collect(),
        Value::String(text) => normalised(text).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A text without what people write differently and mean the same by: case, accents, spaces, punctuation; of a telephone
/// number, what stands before its last nine digits. `None` when nothing is left.
fn normalised(text: &str) -> Option<String> {
    let plain: String = text.nfkd().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_phone = (PHONE_DIGITS..=MAX_PHONE_DIGITS).contains(&plain.len())
        && plain.bytes().all(|byte| byte.is_ascii_digit())
        // abroad, at home, or short enough to be one; other long numbers are of something else
        && (text.trim_start().starts_with(['+', '0', '(']) || plain.len() <= PHONE_DIGITS + 1);
    let plain = if is_phone { plain.get(plain.len() - PHONE_DIGITS..).unwrap_or_default().to_owned() } else { plain };
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn what_is_written_differently_is_the_same() {
        for (one, other, alike) in [
            ("Ana@Example.org", " ana@example.org", true),
            ("Inês  Côrte-Real", "ines corte real", true),
            ("Ine\u{302}s", "Inês", true),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ", true),
            ("+351 912 345 678", "912345678", true),
            ("00351-912-345-678", "(+351) 912 345 678", true),
            ("+44 7700 900123", "07700 900123", true),
            ("+1 555 010 0123", "(555) 010-0123", true),
            ("912 345 678", "912 345 679", false),
            ("202600000000123", "202500000000123", false),
            ("12345", "012345", false),
            ("A & B", "A + B", true),
            ("李", "王", false),
        ] {
            assert_eq!(normalised(one) == normalised(other), alike, "{one:?} {other:?}");
        }
        assert_eq!(["", " ", "–", "…"].map(normalised), [None, None, None, None]);
    }
}
