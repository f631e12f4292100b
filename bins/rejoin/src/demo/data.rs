//! The demo wedding: "Amara & Joel", Quinta do Vale, Saturday 20 June 2026, as the planner's file stands
//! at 14:05 on the day. Everything up to the dress has happened; the first look, the ceremony and the
//! party are still ahead.
//!
//! The counts are those of a measured typical wedding: 1,357 documents, about 668 KiB of JSON, of which the
//! day-of set (no tasks, documents, payments or assets) is 434 documents and about 225 KiB. The material is written by
//! hand, one file a collection; only the photographs are spread over their session by arithmetic. Nothing here reads a
//! clock or a random number, so two runs give the same bytes.
//!
//! People are named by contact id (`contact-rui`) wherever they need no login. Fields that name a *user*
//! (`owner_id`, `lead_id`, `requested_by`, `decided_by`, `author_id`, `done_by`'s `who`) hold [`ANA`], [`RUI`] or [`INES`].
//! Telephone numbers are of the range reserved for drama (+44 7700 900xxx), addresses are of `example.org`.

mod assets;
mod change_requests;
mod contacts;
mod documents;
mod guests;
mod log_entries;
mod payments;
mod shots;
mod tables;
mod tasks;
mod timeline;
mod venues;
mod weddings;

use serde_json::{Map, Value};

/// The planner's user id in the data; she leads the wedding.
const ANA: &str = "user-ana";
/// The photographer's user id in the data.
const RUI: &str = "user-rui";
/// The venue coordinator's user id in the data.
const INES: &str = "user-ines";

/// One document of the demo wedding.
pub(crate) struct Entry {
    /// The collection of the `wedding` schema that it belongs to.
    pub collection: &'static str,
    /// The document's id, unique in the whole demo: an ASCII slug with the collection's prefix.
    pub id: String,
    /// The document itself, valid against the `wedding` schema; no member is null.
    pub body: Map<String, Value>,
}

/// The 1,357 documents of the demo wedding, in a fixed order: what the day needs first, then the planning, then
/// the photographs. The same on every call.
pub(crate) fn wedding() -> Vec<Entry> {
    let mut entries = Vec::with_capacity(1_357);
    entries.extend(weddings::entries());
    entries.extend(venues::entries());
    entries.extend(timeline::entries());
    entries.extend(shots::entries());
    entries.extend(guests::entries());
    entries.extend(contacts::entries());
    entries.extend(tables::entries());
    entries.extend(log_entries::entries());
    entries.extend(change_requests::entries());
    entries.extend(tasks::entries());
    entries.extend(documents::entries());
    entries.extend(payments::entries());
    entries.extend(assets::entries());
    entries
}

/// A body in the making. What is empty is left out, since a null or empty member would say nothing.
struct Body(Map<String, Value>);

impl Body {
    fn new() -> Self {
        Self(Map::new())
    }

    /// Puts a value that is always there.
    fn put(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Puts a string, unless it is empty.
    fn text(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.put(name, value) }
    }

    /// Puts an array of strings, unless it is empty.
    fn strings(self, name: &str, values: &[&str]) -> Self {
        if values.is_empty() { self } else { self.put(name, values.to_vec()) }
    }

    /// Puts an array of anything, unless it is empty.
    fn array(self, name: &str, values: Vec<Value>) -> Self {
        if values.is_empty() { self } else { self.put(name, values) }
    }

    /// Puts a number, unless it is zero.
    fn count(self, name: &str, value: u32) -> Self {
        if value == 0 { self } else { self.put(name, value) }
    }

    /// The finished document.
    fn entry(self, collection: &'static str, id: &str) -> Entry {
        Entry { collection, id: id.to_owned(), body: self.0 }
    }
}

/// 64 hexadecimal digits that stand in for the SHA-256 of a file which the demo does not ship: always the same for
/// the same `name`, different for different names.
fn stand_in_sha256(name: &str) -> String {
    // FNV-1a over the name, then four rounds of the splitmix64 finaliser.
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let [a, b, c, d] = [1, 2, 3, 4].map(|round| mix(seed, round));
    format!("{a:016x}{b:016x}{c:016x}{d:016x}")
}

/// The splitmix64 finaliser: spreads `seed` and `step` over all 64 bits.
fn mix(seed: u64, step: u64) -> u64 {
    let mut bits = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    fn text<'a>(entry: &'a Entry, field: &str) -> &'a str {
        entry.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(entry: &Entry, field: &str) -> u64 {
        entry.body.get(field).and_then(Value::as_u64).unwrap_or_default()
    }

    fn size_bytes(entries: &[Entry], counts: impl Fn(&str) -> bool) -> usize {
        let size = |entry: &Entry| Value::Object(entry.body.clone()).to_string().len();
        entries.iter().filter(|entry| counts(entry.collection)).map(size).sum()
    }

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.iter().any(has_null),
            Value::Object(members) => members.values().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn every_collection_has_its_count() {
        let mut counts = BTreeMap::new();
        for entry in wedding() {
            *counts.entry(entry.collection).or_insert(0) += 1;
        }
        let expected = BTreeMap::from([
            ("weddings", 1),
            ("timeline_events", 55),
            ("shots", 90),
            ("guests", 150),
            ("contacts", 32),
            ("venues", 2),
            ("tables", 16),
            ("tasks", 210),
            ("documents", 25),
            ("payments", 38),
            ("assets", 650),
            ("log_entries", 80),
            ("change_requests", 8),
        ]);
        assert_eq!(counts, expected);
        assert_eq!(wedding().len(), 1_357);
    }

    #[test]
    fn ids_are_unique_slugs_with_the_prefix_of_their_collection() {
        let mut seen = HashSet::new();
        for entry in wedding() {
            let prefix = match entry.collection {
                "weddings" => "wedding",
                "timeline_events" => "evt-",
                "shots" => "shot-",
                "guests" => "guest-",
                "contacts" => "contact-",
                "venues" => "venue-",
                "tables" => "table-",
                "tasks" => "task-",
                "documents" => "doc-",
                "payments" => "pay-",
                "assets" => "asset-",
                "log_entries" => "log-",
                "change_requests" => "req-",
                other => panic!("{other} is no collection of the wedding"),
            };
            let slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(entry.id.starts_with(prefix) && entry.id.len() <= 64 && entry.id.chars().all(slug), "{}", entry.id);
            assert!(seen.insert(entry.id.clone()), "{} is there twice", entry.id);
        }
    }

    #[test]
    fn the_sizes_are_those_of_a_typical_wedding() {
        let entries = wedding();
        let planning = |collection: &str| matches!(collection, "tasks" | "documents" | "payments" | "assets");
        let check = |measured: usize, typical_kib: usize| {
            let typical = typical_kib * 1024;
            assert!(measured.abs_diff(typical) <= typical / 10, "{measured} bytes, typical are {typical}");
        };
        check(size_bytes(&entries, |_| true), 668);
        check(size_bytes(&entries, |collection| !planning(collection)), 225);
    }

    #[test]
    fn the_same_wedding_every_time_and_no_nulls() {
        for (first, second) in wedding().into_iter().zip(wedding()) {
            assert_eq!((&first.id, &first.body), (&second.id, &second.body));
            assert!(!has_null(&Value::Object(first.body)), "{} has a null member", first.id);
        }
    }

    #[test]
    fn everybody_who_is_seated_has_a_seat_of_their_own() {
        let entries = wedding();
        let of = |collection: &'static str| entries.iter().filter(move |entry| entry.collection == collection);
        let capacities: BTreeMap<&str, u64> = of("tables").map(|table| (table.id.as_str(), number(table, "capacity"))).collect();

        let mut taken = HashSet::new();
        for guest in of("guests").filter(|guest| guest.body.contains_key("table_id")) {
            let (table, seat) = (text(guest, "table_id"), number(guest, "seat"));
            let capacity = capacities.get(table).copied().unwrap_or_default();
            assert!((1..=capacity).contains(&seat), "{} sits at {table}, seat {seat} of {capacity}", guest.id);
            assert!(taken.insert((table, seat)), "{table}, seat {seat} is taken twice");
        }

        let coming = of("guests").filter(|guest| text(guest, "attendance") == "full_day").count();
        assert_eq!(taken.len(), coming, "everybody who comes has a seat, and nobody else");
        assert_eq!(of("weddings").map(|wedding| number(wedding, "guest_count_final")).sum::<u64>(), 142);
        assert_eq!(coming, 142);
        // Seats 1 and 2 of the top table are the couple's.
        assert!(!taken.contains(&("table-01", 1)) && !taken.contains(&("table-01", 2)));
    }

    #[test]
    fn what_is_referred_to_exists() {
        let entries = wedding();
        let ids: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let fields =
            ["event_id", "contact_id", "document_id", "table_id", "photographer_id", "assignee", "caller_id", "plus_one_of", "venue_id"];
        let lists = ["assignees", "people", "shot_ids", "related", "couple"];
        for entry in &entries {
            let single = fields.iter().map(|field| text(entry, field)).filter(|id| !id.is_empty());
            let many = lists.iter().filter_map(|field| entry.body.get(*field)?.as_array()).flatten().filter_map(Value::as_str);
            for id in single.chain(many) {
                assert!(ids.contains(id), "{} refers to {id}", entry.id);
            }
        }
    }

    #[test]
    fn the_planning_is_in_order_and_within_the_budget() {
        let entries = wedding();
        let of = |collection: &'static str| entries.iter().filter(move |entry| entry.collection == collection);
        assert!(of("tasks").map(|task| text(task, "due")).is_sorted());
        assert!(of("timeline_events").map(|event| text(event, "starts_at")).is_sorted());
        assert!(of("timeline_events").map(|event| text(event, "order_key")).is_sorted());
        assert!(of("log_entries").map(|log| text(log, "at")).is_sorted());

        let titles: HashSet<&str> = of("tasks").map(|task| text(task, "title")).collect();
        assert_eq!(titles.len(), 210, "no two tasks alike");

        let spent: u64 = of("payments").filter(|payment| payment.id != "pay-venue-deposit").map(|payment| number(payment, "amount")).sum();
        let budget: u64 = of("weddings").map(|wedding| number(wedding, "budget_total")).sum();
        assert!((budget * 9 / 10..=budget).contains(&spent), "{spent} of {budget}");
    }

    #[test]
    fn the_documents_of_the_scripted_scenario_are_there() {
        let entries = wedding();
        let ids: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        for id in [
            "wedding",
            "evt-ceremony",
            "evt-portraits",
            "evt-golden-hour",
            "evt-cocktail",
            "evt-sparkler-exit",
            "evt-first-dance",
            "evt-cake",
            "shot-grandmothers",
            "shot-rings",
            "shot-confetti",
            "shot-first-look",
            "guest-joao-pires",
            "contact-shuttle",
            "table-01",
            "table-16",
        ] {
            assert!(ids.contains(id), "{id}");
        }
        for ceremony in entries.iter().filter(|entry| entry.id == "evt-ceremony") {
            assert_eq!(text(ceremony, "title"), "Ceremony");
            assert_eq!(text(ceremony, "starts_at"), "2026-06-20T16:00");
            assert_eq!(text(ceremony, "anchor"), "fixed");
        }
    }
}
