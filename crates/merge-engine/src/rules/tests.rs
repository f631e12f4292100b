use serde_json::{Value, json};

use super::*;

fn schema() -> Schema {
    let wedding = json!({
        "name": "party", "version": 1,
        "collections": {
            "events": {"label": "title", "fields": {
                "title": {"type": "text"}, "starts_at": {"type": "local_time"}, "ends_at": {"type": "local_time"},
                "duration_min": {"type": "integer"}, "people": {"type": "set"},
                "anchor": {"type": "enum", "values": ["fixed", "flex"]},
                "status": {"type": "enum", "values": ["planned", "done", "skipped"]},
            }},
            "shots": {"fields": {
                "title": {"type": "text"}, "must": {"type": "boolean"},
                "status": {"type": "enum", "values": ["open", "done"]}, "event_id": {"type": "id"},
            }},
            "tables": {"fields": {"name": {"type": "text"}, "capacity": {"type": "integer"}}},
            "guests": {"label": "full_name", "fields": {
                "full_name": {"type": "text"}, "family_name": {"type": "text"}, "given_name": {"type": "text"},
                "table_id": {"type": "id"}, "seat": {"type": "integer"},
                "emails": {"type": "set", "label": "Email address"}, "phones": {"type": "set"},
            }},
        },
        "rules": [
            {"rule": "end_after_start", "collection": "events", "start": "starts_at", "end": "ends_at"},
            {"rule": "one_place", "collection": "events", "start": "starts_at", "duration": "duration_min", "people": "people",
                "except": {"field": "status", "is": ["skipped"]}},
            {"rule": "capacity", "collection": "guests", "place": "table_id", "seat": "seat", "of": "tables", "capacity": "capacity"},
            {"rule": "fixed_moved", "collection": "events", "start": "starts_at", "fixed": {"field": "anchor", "is": ["fixed"]}},
            {"rule": "must_be_done", "collection": "shots", "must": {"field": "must", "is": [true]},
                "open": {"field": "status", "is": ["open"]}, "belongs_to": "event_id", "of": "events",
                "over": {"field": "status", "is": ["done", "skipped"]}},
            {"rule": "duplicate", "collection": "guests", "any": ["emails", "phones"], "all": ["given_name", "family_name"]},
        ],
    });
    Schema::from_value(&wedding).unwrap()
}

pub(super) fn objects(documents: &Value) -> BTreeMap<DocumentKey, Object> {
    let object = |(key, body): (&String, &Value)| Some((key_of(key), body.as_object()?.clone()));
    documents.as_object().unwrap().iter().filter_map(object).collect()
}

fn key_of(text: &str) -> DocumentKey {
    let (collection, id) = text.split_once('/').unwrap();
    DocumentKey::new(collection, id).unwrap()
}

/// What is told when the documents of `before` come to stand as in `after`, where that names them.
fn warnings(before: &Value, after: &Value) -> Vec<Warning> {
    let (schema, documents, new) = (schema(), objects(before), objects(after));
    let change =
        |(key, body): (&DocumentKey, &Object)| (key.clone(), Change { before: documents.get(key).cloned(), after: Some(body.clone()) });
    let touched = new.iter().map(change).collect();
    let names = [("01890000-0000-7000-8000-000000000001".to_owned(), "Rui".to_owned())].into();
    check(&Scene { schema: &schema, documents: &documents, touched: &touched, names: &names })
}

fn details(before: &Value, after: &Value) -> Vec<String> {
    warnings(before, after).into_iter().map(|warning| warning.detail).collect()
}

const RUI: &str = "01890000-0000-7000-8000-000000000001";

fn event(title: &str, clock: &str, minutes: i64, people: &[&str]) -> Value {
    json!({"title": title, "starts_at": format!("2026-06-20T{clock}"), "duration_min": minutes, "people": people})
}

fn with(mut document: Value, name: &str, value: Value) -> Value {
    document[name] = value;
    document
}

#[test]
fn an_end_is_not_before_its_start() {
    let toast = |start: &str, end: &str| json!({"events/a": {"title": "Toast", "starts_at": start, "ends_at": end}});
    for (start, end, told) in [
        ("2026-06-20T16:00", "2026-06-20T16:00", None),
        ("2026-06-20T16:00", "2026-06-20T16:00:30", None),
        ("2026-06-20T16:00", "2026-06-20T15:30", Some("Toast ends at 15:30, before it starts at 16:00")),
        ("2026-06-20T23:00", "2026-06-21T01:00", None),
        ("2026-06-21T01:00", "2026-06-20T23:00", Some("Toast ends on 2026-06-20 at 23:00, before it starts on 2026-06-21 at 01:00")),
        ("2026-06-20T16:00:00Z", "2026-06-20T16:30:00+01:00", Some("Toast ends before it starts")),
        ("2026-06-20", "2026-06-19", Some("Toast ends before it starts")),
        ("2026-06-20", "2026-06-19T16:00", None),
        ("soon", "2026-06-19T16:00", None),
    ] {
        assert_eq!(details(&json!({}), &toast(start, end)), told.into_iter().collect::<Vec<_>>(), "{start} {end}");
    }
    let before = toast("2026-06-20T16:00", "2026-06-20T15:30");
    assert_eq!(details(&before, &json!({"events/a": with(before["events/a"].clone(), "title", json!("Toasts"))})), [""; 0]);
}

#[test]
fn nobody_is_in_two_places() {
    let before = json!({"events/a": event("Ceremony", "15:30", 60, &[RUI, "ines"]), "events/b": event("Dinner", "19:00", 120, &["ines"])});
    for (after, told) in [
        (event("Portraits", "16:00", 30, &[RUI]), vec!["Rui is in two places at 16:00: Ceremony and Portraits"]),
        (event("Portraits", "16:30", 30, &[RUI]), vec![]),
        (event("Portraits", "15:00", 30, &[RUI]), vec![]),
        (event("Portraits", "15:00", 31, &[RUI]), vec!["Rui is in two places at 15:30: Portraits and Ceremony"]),
        (event("Portraits", "16:00", 30, &["ines", RUI, RUI]), vec!["Rui and ines are in two places at 16:00: Ceremony and Portraits"]),
        (event("Portraits", "16:00", 30, &["joel"]), vec![]),
        // one that does not say how long takes the moment
        (event("Arrival", "16:00", 0, &[RUI]), vec!["Rui is in two places at 16:00: Ceremony and Arrival"]),
        (event("Arrival", "16:30", -5, &[RUI]), vec![]),
        (
            event("All day", "15:00", 400, &["ines"]),
            vec!["Ines is in two places at 15:30: All day and Ceremony", "Ines is in two places at 19:00: All day and Dinner"],
        ),
        (with(event("Portraits", "16:00", 30, &[RUI]), "status", json!("skipped")), vec![]),
        (with(event("Portraits", "16:00", 30, &[]), "people", json!("ines")), vec![]),
        (event("Portraits", "16:00", 30, &["01890000-0000-7000-8000-000000000002"]), vec![]),
    ] {
        assert_eq!(details(&before, &json!({"events/c": after})), told, "{after}");
    }
    let unknown = "01890000-0000-7000-8000-000000000002";
    let twice = json!({"events/a": event("A", "16:00", 9, &[unknown]), "events/b": event("B", "16:00", 9, &[unknown])});
    assert_eq!(details(&json!({}), &twice), ["Somebody is in two places at 16:00: A and B"]);
    // who was in two places before, by documents that nobody touched where it matters, is not told again
    assert_eq!(details(&twice, &json!({"events/a": with(twice["events/a"].clone(), "title", json!("Again"))})), [""; 0]);
    assert_eq!(details(&twice, &json!({"events/a": with(twice["events/a"].clone(), "duration_min", json!(10))})).len(), 1);
}

#[test]
fn there_is_room_for_so_many() {
    let guest = |name: &str, table: &str, seat: i64| json!({"full_name": name, "table_id": table, "seat": seat});
    let before = json!({
        "tables/t": {"name": "Table 5", "capacity": 2}, "tables/u": {"name": "Table 6", "capacity": 8},
        "guests/a": guest("Ana", "t", 1), "guests/b": guest("Bo", "t", 2), "guests/c": guest("Cy", "u", 1),
    });
    for (after, told) in [
        (json!({"guests/c": guest("Cy", "t", 3)}), vec!["Table 5 has room for 2, and 3 are there"]),
        (json!({"guests/d": guest("Di", "u", 1)}), vec!["Seat 1 at Table 6 is taken by Cy and Di"]),
        (
            json!({"guests/c": guest("Cy", "t", 2)}),
            vec!["Seat 2 at Table 5 is taken by Bo and Cy", "Table 5 has room for 2, and 3 are there"],
        ),
        (json!({"tables/t": {"name": "Table 5", "capacity": 1}}), vec!["Table 5 has room for 1, and 2 are there"]),
        (json!({"tables/t": {"name": "Table 5", "capacity": "few"}}), vec![]),
        (json!({"guests/c": guest("Cy", "nowhere", 1)}), vec![]),
        (json!({"guests/b": guest("Bo", "u", 2)}), vec![]),
    ] {
        let mut told_now = details(&before, &after);
        told_now.sort();
        assert_eq!(told_now, told, "{after}");
    }
    let warning = &warnings(&before, &json!({"guests/c": guest("Cy", "t", 3)}))[0];
    let named = |keys: &[DocumentKey]| keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(
        (warning.code, named(&warning.documents), named(&warning.causes)),
        ("capacity", vec!["guests/c".to_owned(), "tables/t".to_owned()], vec!["guests/c".to_owned()],)
    );
}

#[test]
fn a_cascade_leaves_what_is_fixed() {
    let fixed = |clock: &str| with(event("Ceremony", clock, 30, &[]), "anchor", json!("fixed"));
    let before =
        json!({"events/a": fixed("16:00"), "events/b": event("Drinks", "17:00", 30, &[]), "events/c": event("Dinner", "19:00", 30, &[])});
    for (after, told) in [
        (
            json!({"events/a": fixed("16:15"), "events/b": event("Drinks", "17:15", 30, &[]), "events/c": event("Dinner", "19:15", 30, &[])}),
            vec!["Ceremony is fixed, and was moved 15 minutes later together with 2 more"],
        ),
        (
            json!({"events/a": fixed("15:59"), "events/b": event("Drinks", "16:59", 30, &[])}),
            vec!["Ceremony is fixed, and was moved 1 minute earlier together with 1 more"],
        ),
        // for its own sake
        (json!({"events/a": fixed("16:15")}), vec![]),
        (json!({"events/a": fixed("16:15"), "events/b": event("Drinks", "17:30", 30, &[])}), vec![]),
        (json!({"events/b": event("Drinks", "17:15", 30, &[]), "events/c": event("Dinner", "19:15", 30, &[])}), vec![]),
        // it is not fixed any more
        (json!({"events/a": event("Ceremony", "16:15", 30, &[]), "events/b": event("Drinks", "17:15", 30, &[])}), vec![]),
    ] {
        assert_eq!(details(&before, &after), told, "{after}");
    }
}

#[test]
fn what_must_be_done_is_done_in_time() {
    let shot = |title: &str, status: &str, must: bool| json!({"title": title, "status": status, "must": must, "event_id": "e"});
    let event = |status: &str| json!({"title": "Ceremony", "status": status});
    let before = json!({
        "events/e": event("planned"), "shots/a": shot("Rings", "open", true), "shots/b": shot("Kiss", "open", true),
        "shots/c": shot("Shoes", "open", false), "shots/d": shot("Vows", "done", true),
    });
    assert_eq!(
        details(&before, &json!({"events/e": event("done")})),
        ["Ceremony is over, and Rings and Kiss must be done and are still open"]
    );
    assert_eq!(details(&before, &json!({"shots/a": shot("Ring", "open", true)})), [""; 0]);
    let mut over = before.clone();
    over["events/e"] = event("skipped");
    for (after, told) in [
        (json!({"shots/d": shot("Vows", "open", true)}), vec!["Ceremony is over, and Vows must be done and is still open"]),
        (json!({"shots/c": shot("Shoes", "open", true)}), vec!["Ceremony is over, and Shoes must be done and is still open"]),
        (json!({"shots/a": shot("Rings", "done", true)}), vec![]),
        (json!({"shots/a": shot("The rings", "open", true)}), vec![]),
    ] {
        assert_eq!(details(&over, &after), told, "{after}");
    }
}

#[test]
fn nobody_is_there_twice() {
    let guest = |given: &str, family: &str| json!({"full_name": format!("{given} {family}"), "given_name": given, "family_name": family});
    let ana = with(guest("Ana", "Côrte-Real"), "phones", json!([{"value": "+351 912 345 678", "label": "mobile"}]));
    let before = json!({"guests/a": with(ana.clone(), "emails", json!(["ana@example.org"])), "guests/b": guest("Bo", "Silva")});
    for (after, told) in [
        (
            guest("ANA", "corte real"),
            vec!["Possible duplicate: Ana Côrte-Real and ANA corte real have the same given name and family name"],
        ),
        (
            with(guest("A.", "Real"), "emails", json!(["x@example.org", "ANA@example.org "])),
            vec!["Possible duplicate: Ana Côrte-Real and A. Real have the same email address"],
        ),
        (
            with(with(guest("A.", "Real"), "emails", json!(["ANA@example.org "])), "phones", json!(["912345678"])),
            vec!["Possible duplicate: Ana Côrte-Real and A. Real have the same email address and phone"],
        ),
        (
            json!({"given_name": "ana", "family_name": "Corte Real"}),
            vec!["Possible duplicate: Ana Côrte-Real and ana Corte Real have the same given name and family name"],
        ),
        (guest("Ana", "Silva"), vec![]),
        (json!({"full_name": "Côrte-Real", "family_name": "Côrte-Real", "emails": [], "phones": [" "]}), vec![]),
    ] {
        assert_eq!(details(&before, &json!({"guests/c": after})), told, "{after}");
    }
    // alike before, and not by what changed
    let mut twice = before.clone();
    twice["guests/c"] = ana.clone();
    assert_eq!(details(&twice, &json!({"guests/c": with(ana.clone(), "phones", json!(["+351 912 345 678", "1"]))})), [""; 0]);
    assert_eq!(details(&twice, &json!({"guests/c": with(ana, "emails", json!(["ana@example.org"]))})).len(), 1);
}

#[test]
fn a_collection_is_needed_where_what_changed_is_compared() {
    let schema = schema();
    let of = |key: &str, before: Value, after: Value| {
        let object = |value: Value| value.as_object().cloned();
        let touched = [(key_of(key), Change { before: object(before), after: object(after) })].into();
        needs(&schema, &touched).into_iter().collect::<Vec<_>>().join(" ")
    };
    for (key, before, after, needed) in [
        ("guests/a", json!(null), json!({"full_name": "Ana"}), "guests tables"),
        ("guests/a", json!({"full_name": "Ana"}), json!({"full_name": "An"}), ""),
        ("guests/a", json!({"full_name": "Ana"}), json!({"full_name": "Ana", "phones": ["1"]}), "guests"),
        ("guests/a", json!({"table_id": "t"}), json!(null), ""),
        ("events/a", json!({"starts_at": 1}), json!({"starts_at": 2}), "events"),
        ("events/a", json!({"status": 1}), json!({"status": 2}), "events shots"),
        ("events/a", json!({"ends_at": 1}), json!({"ends_at": 2}), ""),
        ("notes/a", json!(null), json!({"starts_at": 2}), ""),
    ] {
        assert_eq!(of(key, before, after), needed, "{key}");
    }
}
