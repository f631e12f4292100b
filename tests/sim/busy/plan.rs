//! The wedding as it stands in the morning: the day-of set in its usual size.

use serde_json::{Value, json};

use super::dice::Dice;

/// A document: collection, id, body.
pub(crate) type Entry = (&'static str, String, Value);

const WORDS: [&str; 24] = [
    "the", "bride", "waits", "at", "gate", "until", "music", "begins", "and", "chairs", "stand", "under", "oak", "with", "white",
    "lanterns", "so", "nobody", "walks", "over", "lawn", "before", "light", "turns",
];

/// A sentence that nobody else writes.
pub(crate) fn sentence(dice: &Dice) -> String {
    let words: Vec<&str> = (0..6 + dice.below(6)).map(|_| *dice.pick(&WORDS)).collect();
    format!("{}.", words.join(" "))
}

fn text(dice: &Dice, sentences: usize) -> String {
    (0..sentences).map(|_| sentence(dice)).collect::<Vec<_>>().join(" ")
}

/// A local time of the day, or of the night after it.
pub(crate) fn clock(minutes: i64) -> String {
    let (day, minutes) = (20 + minutes / 1_440, minutes % 1_440);
    format!("2026-06-{day}T{:02}:{:02}", minutes / 60, minutes % 60)
}

/// How many minutes of the day a local time is.
pub(crate) fn minutes(time: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| time[range].parse::<i64>().unwrap();
    (part(8..10) - 20) * 1_440 + part(11..13) * 60 + part(14..16)
}

/// The documents. `owners`: the users who own moments and contacts.
pub(crate) fn morning(dice: &Dice, owners: &[String]) -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        vec![("weddings", "wedding".into(), json!({"name": "Amara & Joel", "date": "2026-06-20", "status": "live"}))];
    entries.extend(
        (0..2).map(|index| ("venues", format!("venue-{index}"), json!({"name": format!("House {index}"), "parking": text(dice, 2)}))),
    );
    entries.extend((0..55).map(|index| ("timeline_events", format!("event-{index:02}"), event(dice, index, owners))));
    entries.extend((0..90).map(|index| ("shots", format!("shot-{index:02}"), shot(dice, index))));
    entries.extend((0..150).map(|index| ("guests", format!("guest-{index:03}"), guest(dice, index))));
    entries.extend((0..32).map(|index| ("contacts", format!("contact-{index:02}"), contact(dice, index, owners))));
    entries.extend((0..16).map(|index| {
        (
            "tables",
            format!("table-{index:02}"),
            json!({"name": format!("Table {index}"), "capacity": 10, "x": index, "y": 0, "rotation": 0}),
        )
    }));
    entries.extend((0..80).map(|index| {
        (
            "log_entries",
            format!("log-{index:02}"),
            json!({"kind": "note", "text": sentence(dice), "at": format!("{}:00Z", clock(480 + index))}),
        )
    }));
    entries
}

/// Every fifth moment is fixed, every seventh a buffer.
fn event(dice: &Dice, index: i64, owners: &[String]) -> Value {
    let anchor = match index {
        _ if index % 5 == 2 => "fixed",
        _ if index % 7 == 3 => "buffer",
        _ => "flex",
    };
    json!({
        "title": sentence(dice), "starts_at": clock(600 + index * 15), "duration_min": dice.between(2, 6) * 5, "anchor": anchor,
        "order_key": format!("a{index:02}"), "owner_id": dice.pick(owners), "assignees": [format!("contact-{:02}", dice.below(32))],
        "status": "planned", "visibility": "everyone", "cue": text(dice, 1), "notes": text(dice, 3),
    })
}

fn shot(dice: &Dice, index: i64) -> Value {
    let people: Vec<String> = (0..4).map(|_| format!("guest-{:03}", dice.below(150))).collect();
    json!({
        "title": sentence(dice), "people": people, "must_have": index % 3 == 0, "priority": dice.between(1, 3), "assignee": "contact-00",
        "status": "open", "event_id": format!("event-{:02}", dice.below(55)), "order_key": format!("b{index:02}"), "notes": text(dice, 2),
    })
}

fn guest(dice: &Dice, index: i64) -> Value {
    json!({
        "given_name": format!("Guest {index}"), "family_name": format!("Family {}", index / 3), "rsvp": "accepted",
        "table_id": format!("table-{:02}", index / 10), "seat": index % 10 + 1, "dietary_flags": [], "allergy_flags": [], "notes": text(dice, 1),
    })
}

fn contact(dice: &Dice, index: i64, owners: &[String]) -> Value {
    json!({
        "name": format!("Contact {index}"), "kind": "vendor", "phones": [{"value": format!("+44 7700 900{index:03}"), "label": "mobile"}],
        "owner_id": dice.pick(owners), "arrival_at": clock(480 + index * 5), "notes": text(dice, 2),
    })
}
