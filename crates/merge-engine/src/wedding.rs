//! What the built-in schema `wedding` says is what the merge does: Ana's edit is live, Bo's arrives, neither saw the
//! other's.

use serde_json::{Value, json};
use sync_core::json::{Object, apply_patch};
use sync_core::{Role, Schema, Stamp, UserId};

use crate::{Actor, Context, Policy, Provenance, Writer, merge_objects};

const ANA: &str = "0197f6a2-0000-7000-8000-000000000001";
const BO: &str = "0197f6a2-0000-7000-8000-000000000002";

fn writer(person: &str, role: Role, at_ms: i64) -> Writer {
    let stamp = Stamp(at_ms, 0, person.parse().unwrap());
    Writer { actor: Some(Actor { user_id: person.parse::<UserId>().unwrap(), role }), stamp }
}

struct Ana(Role);

impl Provenance for Ana {
    fn writer(&self, _: &str) -> Option<Writer> {
        Some(writer(ANA, self.0, 1_000))
    }

    fn rewritten(&self, _: &str) -> bool {
        true
    }
}

fn object(value: &Value) -> Object {
    value.as_object().unwrap().clone()
}

/// One field after two edits, and what is left to say: places that are asked about, proposed, or outvoted.
#[track_caller]
fn check(place: &str, base: &Value, ana: (Role, &Value), bo: (Role, &Value), merged: &Value, left: &str) {
    let (collection, field) = place.split_once('.').unwrap();
    let policy = Policy::of(&Schema::built_in("wedding@2").unwrap(), collection);
    let [ours, theirs] = [ana.1, bo.1].map(|patch| {
        let mut edited = object(base);
        apply_patch(&mut edited, &object(patch));
        edited
    });
    let settings = object(&json!({"seating_owner": ANA}));
    let mut context = Context::default();
    let live = Ana(ana.0);
    context.sender = Some(writer(BO, bo.0, 2_000));
    context.ours = &live;
    context.settings = &settings;
    let outcome = merge_objects(&object(base), &ours, &theirs, &policy, &context);
    assert_eq!(outcome.merged.get(field).unwrap_or(&Value::Null), merged, "{place}");
    let asked = outcome.disputes.iter().map(|dispute| format!("asked {}", dispute.path));
    let proposed = outcome.proposals.iter().map(|proposal| format!("proposed {}", proposal.path));
    let told = asked.chain(proposed).collect::<Vec<_>>().join(", ");
    assert_eq!(told, left, "{place}");
}

#[test]
fn who_decides_what_at_a_wedding() {
    use Role::{Coordinator, Couple, Lead, Photographer, Vendor};
    let fixed = json!({"anchor": "fixed", "starts_at": "2026-06-20T16:00", "duration_min": 30});
    let flex = json!({"anchor": "flex", "starts_at": "2026-06-20T16:00", "duration_min": 30});
    let at = |time: &str| json!({"starts_at": format!("2026-06-20T{time}")});
    let time = |time: &str| json!(format!("2026-06-20T{time}"));
    let starts = "timeline_events.starts_at";
    check(starts, &fixed, (Lead, &at("16:15")), (Coordinator, &at("16:30")), &time("16:15"), "proposed /starts_at");
    check(starts, &fixed, (Coordinator, &at("16:15")), (Lead, &at("16:30")), &time("16:30"), "");
    check(starts, &fixed, (Lead, &at("16:15")), (Lead, &at("16:30")), &time("16:15"), "asked /starts_at");
    check(starts, &flex, (Lead, &at("16:15")), (Vendor, &at("16:30")), &time("16:30"), "");
    let minutes = |minutes: u8| json!({"duration_min": minutes});
    check("timeline_events.duration_min", &fixed, (Lead, &minutes(45)), (Vendor, &minutes(20)), &json!(45), "asked /duration_min");
    check("timeline_events.duration_min", &flex, (Lead, &minutes(45)), (Vendor, &minutes(20)), &json!(20), "");
    let status = |status: &str| json!({"status": status});
    check("timeline_events.status", &status("planned"), (Lead, &status("done")), (Vendor, &status("skipped")), &json!("done"), "");
    check("tasks.status", &status("open"), (Lead, &status("done")), (Lead, &status("reopened")), &json!("done"), "");
    let shot = |must: bool, status: &str| json!({"must_have": must, "status": status});
    check("shots.status", &shot(true, "skipped"), (Lead, &status("open")), (Photographer, &status("done")), &json!("open"), "");
    check("shots.status", &shot(false, "skipped"), (Lead, &status("open")), (Photographer, &status("done")), &json!("done"), "");
    let photos = |answer: &str| json!({"photo_consent": answer});
    check("guests.photo_consent", &photos("ask_first"), (Couple, &photos("no")), (Lead, &photos("yes")), &json!("no"), "");
    let rsvp = |answer: &str| json!({"rsvp": answer});
    check("guests.rsvp", &rsvp("open"), (Couple, &rsvp("accepted")), (Vendor, &rsvp("declined")), &json!("accepted"), "");
    check("guests.rsvp", &rsvp("open"), (Lead, &rsvp("accepted")), (Vendor, &rsvp("declined")), &json!("declined"), "");
    // Ana owns the seating
    let seat = |table: &str, seat: u8| json!({"table_id": table, "seat": seat});
    check("guests.seat", &seat("t1", 1), (Vendor, &seat("t2", 4)), (Lead, &seat("t3", 1)), &json!(4), "");
    check("guests.table_id", &seat("t1", 1), (Vendor, &json!({"seat": 4})), (Lead, &json!({"table_id": "t3"})), &json!("t1"), "");
    let amount = |amount: u16, currency: &str| json!({"amount": amount, "currency": currency});
    let apart = "asked /amount, asked /currency";
    check("payments.amount", &amount(1, "EUR"), (Lead, &json!({"amount": 2})), (Lead, &json!({"currency": "GBP"})), &json!(2), apart);
}

#[test]
fn sets_of_a_wedding_keep_what_both_added() {
    use Role::{Lead, Photographer, Vendor};
    let list = |name: &str, items: Value| json!({name: items});
    let flags = |items: &[&str]| list("allergy_flags", json!(items));
    let both = json!(["peanuts", "sesame", "milk"]);
    check(
        "guests.allergy_flags",
        &flags(&["peanuts"]),
        (Lead, &flags(&["peanuts", "sesame"])),
        (Vendor, &flags(&["peanuts", "milk"])),
        &both,
        "",
    );
    let kept = json!(["peanuts"]);
    check(
        "guests.allergy_flags",
        &flags(&["peanuts"]),
        (Lead, &flags(&["peanuts"])),
        (Vendor, &flags(&[])),
        &kept,
        "proposed /allergy_flags",
    );
    // pairs are compared whole: one person may be in two
    let apart = |pairs: &[(&str, &str)]| list("do_not_combine", pairs.iter().map(|(a, b)| json!({"a": a, "b": b})).collect());
    let both = apart(&[("x", "y"), ("x", "z")])["do_not_combine"].clone();
    check("shots.do_not_combine", &json!({}), (Lead, &apart(&[("x", "y")])), (Photographer, &apart(&[("x", "z")])), &both, "");
    // the same number, labelled twice: nobody is asked
    let phones =
        |items: &[(&str, &str)]| list("phones", items.iter().map(|(value, label)| json!({"value": value, "label": label})).collect());
    let both = phones(&[("1", "van"), ("2", "home")])["phones"].clone();
    check("contacts.phones", &json!({}), (Lead, &phones(&[("1", "mobile")])), (Vendor, &phones(&[("1", "van"), ("2", "home")])), &both, "");
    // ticked twice by one person: the earlier counts
    let done = |ticks: &[(&str, &str)]| list("done_by", ticks.iter().map(|(who, at)| json!({"who": who, "at": at})).collect());
    let (first, second) = ("2026-06-20T14:00:00Z", "2026-06-20T14:05:00Z");
    let both = done(&[("rui", first), ("marta", second)])["done_by"].clone();
    check(
        "shots.done_by",
        &json!({}),
        (Photographer, &done(&[("rui", second)])),
        (Photographer, &done(&[("rui", first), ("marta", second)])),
        &both,
        "",
    );
    let lists = |done: bool, text: &str| list("checklist", json!([{"id": "c1", "text": text, "done": done}]));
    let both = json!([{"id": "c1", "text": "Ring both", "done": true}]);
    check("tasks.checklist", &lists(false, "Ring"), (Lead, &lists(true, "Ring")), (Vendor, &lists(false, "Ring both")), &both, "");
    let paid = |key: &str, amount: u16| list("entries", json!([{"key": key, "amount": amount}]));
    let both = json!([{"key": "a", "amount": 500}, {"key": "b", "amount": 500}]);
    check("payments.entries", &json!({"entries": []}), (Lead, &paid("a", 500)), (Lead, &paid("b", 500)), &both, "asked /entries");
    let both = json!([{"key": "a", "amount": 500}, {"key": "b", "amount": 200}]);
    check("payments.entries", &json!({"entries": []}), (Lead, &paid("a", 500)), (Lead, &paid("b", 200)), &both, "");
}
