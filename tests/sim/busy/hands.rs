//! What people do on a busy day, in the mix that was assumed for one: which document, which members, which values.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sync_core::Role;
use sync_core::json::Object;
use testkit::device::Device;

use super::dice::Dice;
use super::plan::{clock, minutes, sentence};

/// What somebody does, in percent of all operations.
const MIX: [(Deed, usize); 9] = [
    (Deed::Tap, 45),
    (Deed::Words, 15),
    (Deed::Shots, 12),
    (Deed::Flexible, 8),
    (Deed::Fixed, 1),
    (Deed::Guests, 10),
    (Deed::Contacts, 3),
    (Deed::Log, 5),
    (Deed::Delete, 1),
];

/// How much of a deed is done by those whose job it is, in percent; the rest by anybody.
const JOB_PERCENT: usize = 75;
/// Draws of documents that everybody works on, in percent: so that 30 percent of the operations fall on them, although log
/// entries are new documents and some of them can't be tapped any more.
const HOT_DRAWS_PERCENT: usize = 31;
/// How many documents of a collection everybody works on, and before what number they lie; 20 in all.
const HOT: [(&str, usize, usize); 4] = [("timeline_events", 8, 55), ("shots", 6, 90), ("guests", 4, 150), ("contacts", 2, 32)];

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// Status, done and check-in taps.
    Tap,
    /// Notes and cue text.
    Words,
    /// Shots' people, assignee and order.
    Shots,
    /// Times and durations of flexible moments.
    Flexible,
    /// Times of fixed moments.
    Fixed,
    /// Guests' table, seat and arrival.
    Guests,
    /// Contacts.
    Contacts,
    /// Log entries.
    Log,
    /// Deletions.
    Delete,
}

/// The documents that everybody works on, as `collection/id`.
pub(crate) fn hot(dice: &Dice) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (collection, count, of) in HOT {
        let numbers: Vec<usize> = (0..of).collect();
        // one fixed moment is always among them: the ceremony
        let always = (collection == "timeline_events").then_some(22);
        let others: Vec<usize> = numbers.into_iter().filter(|number| Some(*number) != always).collect();
        let drawn = dice.some(&others, count - usize::from(always.is_some()));
        keys.extend(drawn.into_iter().copied().chain(always).map(|number| format!("{collection}/{}", id_of(collection, number))));
    }
    keys
}

fn id_of(collection: &str, number: usize) -> String {
    match collection {
        "timeline_events" => format!("event-{number:02}"),
        "guests" => format!("guest-{number:03}"),
        _ => format!("{}-{number:02}", collection.trim_end_matches('s')),
    }
}

/// Draws what is done next.
pub(crate) fn deed(dice: &Dice) -> Deed {
    let mut throw = dice.below(100);
    for (deed, percent) in MIX {
        if throw < percent {
            return deed;
        }
        throw -= percent;
    }
    unreachable!("the mix is of 100 percent")
}

/// Draws who does it, of the devices' holders by role.
pub(crate) fn whose(dice: &Dice, deed: Deed, roles: &[Role]) -> usize {
    let job: &[Role] = match deed {
        Deed::Tap | Deed::Words | Deed::Log => &[],
        Deed::Shots => &[Role::Photographer],
        Deed::Flexible | Deed::Fixed | Deed::Delete => &[Role::Lead, Role::Coordinator],
        Deed::Guests => &[Role::Lead, Role::Coordinator, Role::Couple],
        Deed::Contacts => &[Role::Lead, Role::Coordinator, Role::Vendor],
    };
    let all: Vec<usize> = (0..roles.len()).collect();
    let theirs: Vec<usize> = all.iter().copied().filter(|index| job.contains(&roles[*index])).collect();
    *dice.pick(if !theirs.is_empty() && dice.percent(JOB_PERCENT) { &theirs } else { &all })
}

/// Where a deed may fall.
fn collections(deed: Deed) -> &'static [&'static str] {
    match deed {
        Deed::Tap => &["timeline_events", "shots", "contacts"],
        Deed::Words => &["timeline_events", "shots", "contacts"],
        Deed::Shots => &["shots"],
        Deed::Flexible | Deed::Fixed => &["timeline_events"],
        Deed::Guests => &["guests"],
        Deed::Contacts => &["contacts"],
        Deed::Log => &["log_entries"],
        Deed::Delete => &["timeline_events", "shots", "guests", "contacts"],
    }
}

fn fits(deed: Deed, collection: &str, body: &Map<String, Value>) -> bool {
    match deed {
        Deed::Tap if collection == "contacts" => !body.contains_key("checked_in_at"),
        Deed::Flexible => body["anchor"] != "fixed",
        // the ceremony is not deleted
        Deed::Delete if collection == "timeline_events" => body["anchor"] != "fixed",
        Deed::Fixed => body["anchor"] == "fixed",
        _ => true,
    }
}

/// A document as somebody sees it: collection, id, body.
pub(crate) type Seen = (String, String, Map<String, Value>);

/// Draws a document for a deed from what a device shows: of those that everybody works on in their share of the draws.
pub(crate) fn target(dice: &Dice, deed: Deed, device: &Device, space: &str, hot: &BTreeSet<String>) -> Seen {
    // what everybody works on all day long is not deleted
    let wanted = deed != Deed::Delete && dice.percent(HOT_DRAWS_PERCENT);
    let fitting = |want: bool| {
        let fits = |(collection, id, _, body): &(&str, &str, i64, &Object)| {
            collections(deed).contains(collection) && hot.contains(&format!("{collection}/{id}")) == want && fits(deed, collection, body)
        };
        device.replica(space).all_live().filter(fits).map(|(collection, id, ..)| (collection, id)).collect::<Vec<_>>()
    };
    let places = Some(fitting(wanted)).filter(|places| !places.is_empty()).unwrap_or_else(|| fitting(!wanted));
    // what waits on the device may have changed what can be done
    for _ in 0..1_000 {
        let (collection, id) = *dice.pick(&places);
        if let Some(body) = device.screen(space, collection, id).filter(|body| fits(deed, collection, body)) {
            return (collection.to_owned(), id.to_owned(), body);
        }
    }
    panic!("nothing is left for {deed:?}")
}

/// What a deed changes in a document, on a device whose person is `who`, at a minute of the day. `token` marks a text.
pub(crate) fn patch(dice: &Dice, deed: Deed, entry: &Seen, who: &str, minute: i64, token: &str) -> Value {
    let (collection, _, body) = entry;
    let now = format!("{}:00Z", clock(minute));
    match (deed, collection.as_str()) {
        (Deed::Tap, "timeline_events") => tap_event(dice, body, &now),
        (Deed::Tap, "shots") => tap_shot(dice, body, who, &now),
        (Deed::Tap, _) => json!({"checked_in_at": now}),
        (Deed::Words, collection) => words(dice, collection, body, token),
        (Deed::Shots, _) => shots(dice, body),
        (Deed::Flexible, _) if dice.percent(30) => json!({"duration_min": dice.between(2, 12) * 5}),
        (Deed::Flexible | Deed::Fixed, _) => json!({"starts_at": clock(minutes(text(body, "starts_at")) + dice.between(1, 4) * 5)}),
        (Deed::Guests, _) if dice.percent(50) && !body.contains_key("arrived_at") => json!({"arrived_at": now}),
        (Deed::Guests, _) => json!({"table_id": format!("table-{:02}", dice.below(16)), "seat": dice.between(1, 10)}),
        (Deed::Contacts, _) => contacts(dice, body, minute),
        (Deed::Log | Deed::Delete, _) => json!({"kind": "note", "text": format!("{} {token}", sentence(dice)), "at": now}),
    }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn tap_event(dice: &Dice, body: &Map<String, Value>, now: &str) -> Value {
    match text(body, "status") {
        "planned" if dice.percent(8) => json!({"status": "skipped"}),
        "planned" => json!({"status": "started", "actual_start": now}),
        "started" => json!({"status": "done", "actual_end": now}),
        // a slip, taken back
        "done" => json!({"status": "started"}),
        _ => json!({"status": "planned"}),
    }
}

fn tap_shot(dice: &Dice, body: &Map<String, Value>, who: &str, now: &str) -> Value {
    if text(body, "status") == "done" {
        return json!({"status": "open"});
    }
    if dice.percent(5) {
        return json!({"status": "skipped"});
    }
    let mut done_by = body.get("done_by").and_then(Value::as_array).cloned().unwrap_or_default();
    done_by.push(json!({"who": who, "at": now}));
    json!({"status": "done", "done_by": done_by})
}

/// Somebody adds a sentence at the end, rewrites one in the middle, or rewrites it all.
fn words(dice: &Dice, collection: &str, body: &Map<String, Value>, token: &str) -> Value {
    let name = if collection == "timeline_events" && dice.percent(40) { "cue" } else { "notes" };
    let mut sentences: Vec<String> = text(body, name).split_inclusive(". ").map(|sentence| sentence.trim_end().to_owned()).collect();
    let new = format!("{} {token}.", sentence(dice).trim_end_matches('.'));
    match dice.below(100) {
        0..60 => sentences.push(new),
        60..90 if !sentences.is_empty() => {
            let place = dice.below(sentences.len());
            sentences[place] = new;
        }
        _ => sentences = vec![new],
    }
    json!({name: sentences.join(" ")})
}

fn shots(dice: &Dice, body: &Map<String, Value>) -> Value {
    let mut people = body.get("people").and_then(Value::as_array).cloned().unwrap_or_default();
    match dice.below(100) {
        0..40 => {
            people.push(format!("guest-{:03}", dice.below(150)).into());
            json!({"people": people})
        }
        40..60 if !people.is_empty() => {
            people.remove(dice.below(people.len()));
            json!({"people": people})
        }
        60..80 => json!({"assignee": if text(body, "assignee") == "contact-00" { "contact-01" } else { "contact-00" }}),
        _ => json!({"order_key": format!("b{:02}V{}", dice.below(90), dice.below(9))}),
    }
}

fn contacts(dice: &Dice, body: &Map<String, Value>, minute: i64) -> Value {
    let mut phones = body.get("phones").and_then(Value::as_array).cloned().unwrap_or_default();
    let phone = json!({"value": format!("+44 7700 900{:03}", dice.below(1_000)), "label": "mobile"});
    match dice.below(3) {
        0 => phones.push(phone),
        1 => phones = vec![phone],
        _ => return json!({"arrival_at": clock(minute + dice.between(1, 12) * 5)}),
    }
    json!({"phones": phones})
}
