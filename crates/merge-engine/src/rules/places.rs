//! Places with room for so many, and what must be done before something is over.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sync_core::schema::Values;

use super::board::{Board, Card, Finding};

/// Who sits where, and how many fit.
pub(super) struct Seating<'a> {
    pub(super) collection: &'a str,
    pub(super) place: &'a str,
    pub(super) seat: Option<&'a str>,
    pub(super) of: &'a str,
    pub(super) capacity: &'a str,
}

/// More at a place than there is room, and places that are taken twice.
pub(super) fn capacity<'a>(board: &Board<'a>, seating: &Seating<'_>) -> Vec<Finding<'a>> {
    let places = by_id(board, seating.of);
    let mut seated: BTreeMap<&str, Vec<Card<'a>>> = BTreeMap::new();
    for card in board.of(seating.collection) {
        if let Some(place) = card.text(seating.place).filter(|place| !place.is_empty()) {
            seated.entry(place).or_default().push(*card);
        }
    }
    let mut findings = Vec::new();
    for (id, guests) in &seated {
        let place = places.get(id).copied();
        findings.extend(place.and_then(|place| overfull(board, seating, place, guests)));
        findings.extend(taken_twice(board, seating, place, guests));
    }
    findings
}

fn overfull<'a>(board: &Board<'a>, seating: &Seating<'_>, place: Card<'a>, guests: &[Card<'a>]) -> Option<Finding<'a>> {
    let room = place.body.get(seating.capacity)?;
    let count = u32::try_from(guests.len()).unwrap_or(u32::MAX);
    if f64::from(count) <= room.as_f64()? {
        return None;
    }
    let mut cards: Vec<Card<'a>> = guests.iter().filter(|guest| guest.is_touched(&[seating.place])).copied().collect();
    if cards.is_empty() && !place.is_touched(&[seating.capacity]) {
        return None;
    }
    cards.push(place);
    Some(Finding { detail: format!("{} has room for {room}, and {count} are there", board.label(&place)), cards })
}

/// Of those who share a seat, some must be new there.
fn taken_twice<'a>(board: &Board<'a>, seating: &Seating<'_>, place: Option<Card<'a>>, guests: &[Card<'a>]) -> Vec<Finding<'a>> {
    let Some(seat) = seating.seat else { return Vec::new() };
    let mut by_seat: BTreeMap<String, Vec<Card<'a>>> = BTreeMap::new();
    for guest in guests {
        if let Some(number) = guest.body.get(seat).and_then(written) {
            by_seat.entry(number).or_default().push(*guest);
        }
    }
    let at = place.map(|place| format!(" at {}", board.label(&place))).unwrap_or_default();
    let twice = |cards: &Vec<Card<'a>>| cards.len() > 1 && cards.iter().any(|card| card.is_touched(&[seating.place, seat]));
    let finding = |(number, mut cards): (String, Vec<Card<'a>>)| {
        let detail = format!("Seat {number}{at} is taken by {}", board.labels(&cards));
        cards.extend(place);
        Finding { detail, cards }
    };
    by_seat.into_iter().filter(|(_, cards)| twice(cards)).map(finding).collect()
}

/// A seat as people read it, `3` or `A3`.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// What must be done by when.
pub(super) struct Duty<'a> {
    pub(super) collection: &'a str,
    pub(super) must: &'a Values,
    pub(super) open: &'a Values,
    pub(super) belongs_to: &'a str,
    pub(super) of: &'a str,
    pub(super) over: &'a Values,
}

/// What must be done is still open, and what it belongs to is over.
pub(super) fn must_be_done<'a>(board: &Board<'a>, duty: &Duty<'_>) -> Vec<Finding<'a>> {
    let over = by_id(board, duty.of);
    let mut open: BTreeMap<&str, Vec<Card<'a>>> = BTreeMap::new();
    for card in board.of(duty.collection).iter().filter(|card| duty.must.holds(card.body) && duty.open.holds(card.body)) {
        if let Some(id) = card.text(duty.belongs_to) {
            open.entry(id).or_default().push(*card);
        }
    }
    let own = [duty.must.field.as_str(), &duty.open.field, duty.belongs_to];
    let finding = |(id, mut cards): (&str, Vec<Card<'a>>)| {
        let whole = over.get(id).filter(|whole| duty.over.holds(whole.body))?;
        if !whole.is_touched(&[&duty.over.field]) {
            cards.retain(|card| card.is_touched(&own));
        }
        let are = match cards.len() {
            0 => return None,
            1 => "is",
            _ => "are",
        };
        let detail = format!("{} is over, and {} must be done and {are} still open", board.label(whole), board.labels(&cards));
        cards.push(*whole);
        Some(Finding { detail, cards })
    };
    open.into_iter().filter_map(finding).collect()
}

fn by_id<'a>(board: &Board<'a>, collection: &str) -> HashMap<&'a str, Card<'a>> {
    board.of(collection).iter().map(|card| (card.key.id(), *card)).collect()
}
