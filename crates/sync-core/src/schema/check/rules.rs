//! What a schema says beside its strategies: labels, who is asked, deadlines, the intent `shift`, and rules between
//! documents. All of it names fields that there are, of types that can be compared.

use super::strategies::{is_there, owners};
use crate::schema::read::{Read, SchemaFault};
use crate::schema::{Collection, FieldType, Rule, Schema, Values};

/// What can be a moment.
const MOMENTS: [FieldType; 3] = [FieldType::Date, FieldType::LocalTime, FieldType::Instant];
const NUMBERS: [FieldType; 2] = [FieldType::Integer, FieldType::Number];
const IDS: [FieldType; 2] = [FieldType::Id, FieldType::Text];
const LISTS: [FieldType; 2] = [FieldType::Set, FieldType::List];

/// Checks a collection's label, who is asked, its deadline and its shift.
pub(super) fn of_collection(name: &str, collection: &Collection, at: &str) -> Read<()> {
    if let Some(label) = &collection.label {
        is_there(collection, label, &format!("{at}/label"))?;
    }
    for (index, owner) in collection.asks.iter().enumerate() {
        owners(collection, std::slice::from_ref(owner), &format!("{at}/asks/{index}"))?;
    }
    let place = Place { name, collection, at };
    if let Some(deadline) = &collection.deadline {
        place.field("deadline/field", &deadline.field, &MOMENTS)?;
    }
    if let Some(shift) = &collection.shift {
        place.field("shift/start", &shift.start, &[FieldType::LocalTime])?;
        place.values("shift/fixed", shift.fixed.as_ref())?;
        place.values("shift/done", shift.done.as_ref())?;
    }
    Ok(())
}

/// Checks the rules between documents.
pub(super) fn of_schema(schema: &Schema) -> Read<()> {
    schema.rules.iter().enumerate().try_for_each(|(index, rule)| one(schema, rule, &format!("/rules/{index}")))
}

fn one(schema: &Schema, rule: &Rule, at: &str) -> Read<()> {
    let place = |member: &str, name: &str| Place::of(schema, member, name, at);
    match rule {
        Rule::EndAfterStart { collection, start, end } => {
            let place = place("collection", collection)?;
            let (from, to) = (place.field("start", start, &MOMENTS)?, place.field("end", end, &MOMENTS)?);
            if from == to && start != end { Ok(()) } else { Err(place.fault("end", "start and end are two fields of one type")) }
        }
        Rule::OnePlace { collection, start, duration, people, except } => {
            let place = place("collection", collection)?;
            place.field("start", start, &[FieldType::LocalTime])?;
            place.field("duration", duration, &NUMBERS)?;
            place.field("people", people, &LISTS)?;
            place.values("except", except.as_ref())
        }
        Rule::Capacity { collection, place: held, seat, of, capacity } => {
            let guests = place("collection", collection)?;
            guests.field("place", held, &IDS)?;
            if let Some(seat) = seat {
                guests.field("seat", seat, &[FieldType::Integer, FieldType::Number, FieldType::Text, FieldType::Id])?;
            }
            place("of", of)?.field("capacity", capacity, &NUMBERS).map(drop)
        }
        Rule::FixedMoved { collection, start, fixed } => {
            let place = place("collection", collection)?;
            place.field("start", start, &MOMENTS)?;
            place.values("fixed", Some(fixed))
        }
        Rule::MustBeDone { collection, must, open, belongs_to, of, over } => {
            let own = place("collection", collection)?;
            own.values("must", Some(must))?;
            own.values("open", Some(open))?;
            own.field("belongs_to", belongs_to, &IDS)?;
            place("of", of)?.values("over", Some(over))
        }
        Rule::Duplicate { collection, any, all } => {
            let place = place("collection", collection)?;
            if any.is_empty() && all.is_empty() {
                return Err(place.fault("any", "name the fields by which two documents are alike, in any or in all"));
            }
            let texts: Vec<FieldType> = IDS.into_iter().chain(LISTS).collect();
            let each = |member: &str, names: &[String]| {
                names.iter().enumerate().try_for_each(|(index, name)| place.field(&format!("{member}/{index}"), name, &texts).map(drop))
            };
            each("any", any).and_then(|()| each("all", all))
        }
    }
}

/// A collection, and where in the schema its fields are named.
struct Place<'a> {
    name: &'a str,
    collection: &'a Collection,
    at: &'a str,
}

impl<'a> Place<'a> {
    fn of(schema: &'a Schema, member: &str, name: &str, at: &'a str) -> Read<Self> {
        match schema.collections.get_key_value(name) {
            Some((name, collection)) => Ok(Self { name, collection, at }),
            None => Err(SchemaFault::at(format!("{at}/{member}"), format!("{name:?} is none of the schema's collections"))),
        }
    }

    fn fault(&self, member: &str, detail: impl Into<String>) -> SchemaFault {
        SchemaFault::at(format!("{}/{member}", self.at), detail)
    }

    /// The type of a declared field: one of these.
    fn field(&self, member: &str, name: &str, kinds: &[FieldType]) -> Read<FieldType> {
        let Some(field) = self.collection.fields.get(name) else {
            return Err(self.fault(member, format!("{name:?} is none of the fields of {}; declare it", self.name)));
        };
        if kinds.contains(&field.kind) {
            return Ok(field.kind);
        }
        let names: Vec<String> = kinds.iter().filter_map(|kind| serde_json::to_value(kind).ok()?.as_str().map(str::to_owned)).collect();
        Err(self.fault(member, format!("{}.{name} is {}; here it is to be of type {}", self.name, field.describe(), names.join(" or "))))
    }

    /// Values that a declared field can have.
    fn values(&self, member: &str, values: Option<&Values>) -> Read<()> {
        let Some(values) = values else { return Ok(()) };
        let Some(field) = self.collection.fields.get(&values.field) else {
            let detail = format!("{:?} is none of the fields of {}; declare it", values.field, self.name);
            return Err(self.fault(&format!("{member}/field"), detail));
        };
        if values.is.is_empty() {
            return Err(self.fault(&format!("{member}/is"), "list the values that it looks for"));
        }
        match values.is.iter().position(|value| !field.admits(value)) {
            None => Ok(()),
            Some(index) => {
                let detail = format!("{}.{} is {}", self.name, values.field, field.describe());
                Err(self.fault(&format!("{member}/is/{index}"), detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Events and shots, with one member of the events, and rules.
    fn place_of_fault(member: &str, value: &Value, rules: &Value) -> Option<String> {
        let mut events = json!({"fields": {
            "title": {"type": "text"}, "at": {"type": "local_time"}, "until": {"type": "local_time"}, "day": {"type": "date"},
            "minutes": {"type": "integer"}, "people": {"type": "set"}, "owner": {"type": "id"},
            "state": {"type": "enum", "values": ["open", "done"]}, "room": {"type": "object"},
        }});
        if !member.is_empty() {
            events[member] = value.clone();
        }
        let shots = json!({"fields": {"event": {"type": "id"}, "must": {"type": "boolean"}, "seat": {"type": "integer"}}});
        let schema = json!({"name": "x", "version": 1, "rules": rules, "collections": {"events": events, "shots": shots}});
        Schema::from_value(&schema).err().map(|fault| fault.pointer)
    }

    #[test]
    fn a_collection_names_fields_that_there_are() {
        for (member, value, place) in [
            ("label", json!("title"), None),
            ("label", json!("name"), Some("label")),
            ("asks", json!(["role:lead", "field:/owner", "space:venue_user"]), None),
            ("asks", json!(["role:lead", "field:/whom"]), Some("asks/1")),
            ("asks", json!(["role:lead", "field:/people"]), Some("asks/1")),
            ("asks", json!(["role:boss"]), Some("asks/0")),
            ("deadline", json!({"field": "at", "before_min": 30}), None),
            ("deadline", json!({"field": "day", "before_min": 0}), None),
            ("deadline", json!({"field": "title", "before_min": 30}), Some("deadline/field")),
            ("deadline", json!({"field": "when", "before_min": 30}), Some("deadline/field")),
            (
                "shift",
                json!({"start": "at", "fixed": {"field": "state", "is": ["open"]}, "done": {"field": "state", "is": ["done"]}}),
                None,
            ),
            ("shift", json!({"start": "day"}), Some("shift/start")),
            ("shift", json!({"start": "at", "fixed": {"field": "state", "is": ["fixed"]}}), Some("shift/fixed/is/0")),
            ("shift", json!({"start": "at", "done": {"field": "status", "is": ["done"]}}), Some("shift/done/field")),
            ("shift", json!({"start": "at", "done": {"field": "state", "is": []}}), Some("shift/done/is")),
        ] {
            let place = place.map(|place| format!("/collections/events/{place}"));
            assert_eq!(place_of_fault(member, &value, &json!([])), place, "{member} {value}");
        }
    }

    #[test]
    fn a_rule_compares_what_can_be_compared() {
        let state = |value: &str| json!({"field": "state", "is": [value]});
        let must = json!({"field": "must", "is": [true]});
        for (rule, place) in [
            (json!({"rule": "end_after_start", "collection": "events", "start": "at", "end": "until"}), None),
            (json!({"rule": "end_after_start", "collection": "events", "start": "at", "end": "at"}), Some("end")),
            (json!({"rule": "end_after_start", "collection": "events", "start": "at", "end": "day"}), Some("end")),
            (json!({"rule": "end_after_start", "collection": "events", "start": "title", "end": "day"}), Some("start")),
            (json!({"rule": "end_after_start", "collection": "songs", "start": "at", "end": "until"}), Some("collection")),
            (
                json!({"rule": "one_place", "collection": "events", "start": "at", "duration": "minutes", "people": "people",
                    "except": state("done")}),
                None,
            ),
            (
                json!({"rule": "one_place", "collection": "events", "start": "day", "duration": "minutes", "people": "people"}),
                Some("start"),
            ),
            (
                json!({"rule": "one_place", "collection": "events", "start": "at", "duration": "title", "people": "people"}),
                Some("duration"),
            ),
            (json!({"rule": "one_place", "collection": "events", "start": "at", "duration": "minutes", "people": "owner"}), Some("people")),
            (
                json!({"rule": "one_place", "collection": "events", "start": "at", "duration": "minutes", "people": "people",
                    "except": state("over")}),
                Some("except/is/0"),
            ),
            (
                json!({"rule": "capacity", "collection": "shots", "place": "event", "seat": "seat", "of": "events", "capacity": "minutes"}),
                None,
            ),
            (json!({"rule": "capacity", "collection": "shots", "place": "seat", "of": "events", "capacity": "minutes"}), Some("place")),
            (
                json!({"rule": "capacity", "collection": "shots", "place": "event", "seat": "must", "of": "events", "capacity": "minutes"}),
                Some("seat"),
            ),
            (json!({"rule": "capacity", "collection": "shots", "place": "event", "of": "tables", "capacity": "minutes"}), Some("of")),
            (json!({"rule": "capacity", "collection": "shots", "place": "event", "of": "events", "capacity": "title"}), Some("capacity")),
            (json!({"rule": "fixed_moved", "collection": "events", "start": "at", "fixed": state("open")}), None),
            (json!({"rule": "fixed_moved", "collection": "events", "start": "owner", "fixed": state("open")}), Some("start")),
            (json!({"rule": "fixed_moved", "collection": "events", "start": "at", "fixed": must}), Some("fixed/field")),
            (
                json!({"rule": "must_be_done", "collection": "shots", "must": must, "open": {"field": "seat", "is": [0]},
                    "belongs_to": "event", "of": "events", "over": state("done")}),
                None,
            ),
            (
                json!({"rule": "must_be_done", "collection": "shots", "must": must, "open": {"field": "seat", "is": ["0"]},
                    "belongs_to": "event", "of": "events", "over": state("done")}),
                Some("open/is/0"),
            ),
            (
                json!({"rule": "must_be_done", "collection": "shots", "must": must, "open": must, "belongs_to": "must", "of": "events",
                    "over": state("done")}),
                Some("belongs_to"),
            ),
            (
                json!({"rule": "must_be_done", "collection": "shots", "must": must, "open": must, "belongs_to": "event", "of": "events",
                    "over": must}),
                Some("over/field"),
            ),
            (json!({"rule": "duplicate", "collection": "events", "any": ["title", "people"], "all": ["title"]}), None),
            (json!({"rule": "duplicate", "collection": "events", "any": []}), Some("any")),
            (json!({"rule": "duplicate", "collection": "events", "any": [], "all": ["title", "room"]}), Some("all/1")),
            (json!({"rule": "duplicate", "collection": "events", "any": ["name"]}), Some("any/0")),
        ] {
            let place = place.map(|place| format!("/rules/0/{place}"));
            assert_eq!(place_of_fault("", &json!(null), &json!([rule])), place, "{rule}");
        }
    }
}
