//! The built-in schema `wedding`: whole in every version, and its policies held to a table that people can read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Collection, DeletePolicy, Owner, SOURCES, Schema, Strategy};
use crate::{Audience, Role};

const FIXED_START: &str = "anchor fixed: authority(role:lead, field:/owner_id) both ask, else lww";
const ASK_OWNER: &str = "authority(role:lead, field:/owner_id) both ask";
const ASK_LEAD: &str = "authority(role:lead) both ask";
const ASK_MONEY: &str = "authority(role:lead, space:bookkeeper) both ask";
const ASK_VENUE: &str = "authority(space:venue_user) both ask";
const VENUE: &str = "authority(space:venue_user) both lww";
const VENDOR: &str = "authority(field:/owner_id, role:lead) both lww";
const COUPLE: &str = "authority(role:couple) both lww else lww";
const SEATING: &str = "group place: authority(space:seating_owner) both lww else lww";
const FLAGS: &str = "safe_set(role:lead, role:couple)";

/// Who decides what, and how: every field of every collection.
#[rustfmt::skip]
const POLICIES: &[(&str, &[(&str, &str)])] = &[
    ("weddings", &[
        ("name hashtag website sunset_at", "lww"),
        ("couple style_tags palette languages", "set"),
        ("date tz ceremony_at reception_at plan_b_state plan_b_call_at guest_count_final venue_id lead_id", ASK_LEAD),
        ("currency budget_total", ASK_MONEY),
        ("status", "lattice lead < booked < live < done < archived"),
        ("dress_code livestream notes emergency_plan", "text"),
    ]),
    ("timeline_events", &[
        ("title cue notes plan_b", "text"),
        ("category location", "lww"),
        ("starts_at sun_rule", FIXED_START),
        ("duration_min", "anchor fixed: ask, else lww"),
        ("anchor", "safer buffer < flex < fixed"),
        ("order_key", "order"),
        ("assignees equipment", "set"),
        ("owner_id", ASK_OWNER),
        ("status", "lattice planned < started < skipped < done"),
        ("status_note", "text keeping both"),
        ("actual_start actual_end", "first(role:lead)"),
        ("visibility", "safer everyone < vendors < couple < private"),
    ]),
    ("shots", &[
        ("title notes", "text"),
        ("people", "set"),
        ("do_not_combine", "safe_set(role:lead, role:couple) by id"),
        ("must_have", "safer false < true"),
        ("assignee", "authority(space:main_photographer) both lww"),
        ("done_by", "set by who"),
        ("status", "must_have true: safer skipped < done < open, else lattice open < skipped < done"),
        ("section priority event_id location duration_min caller_id", "lww"),
        ("order_key", "order"),
    ]),
    ("guests", &[
        ("given_name family_name display_name pronouns group side relation age_group language household plus_one_of email phone stay", "lww"),
        ("shuttle_out shuttle_home", "lww"),
        ("invited_to", "set"),
        ("rsvp attendance meal", COUPLE),
        ("dietary_flags allergy_flags", FLAGS),
        ("dietary_note access_needs", "text keeping both"),
        ("notes", "text"),
        ("table_id seat", SEATING),
        ("photo_consent press_consent", "safer yes < ask_first < no"),
        ("arrived_at", "first(role:lead)"),
    ]),
    ("contacts", &[
        ("name company kind role vehicle crew_meals", "lww"),
        ("languages", "set"),
        ("phones emails", "set by value"),
        ("owner_id", ASK_OWNER),
        ("arrival_at setup_min departs_at", VENDOR),
        ("checked_in_at", "first(role:lead)"),
        ("is_emergency_contact", "safer false < true"),
        ("notes load_in private_note", "text"),
    ]),
    ("venues", &[
        ("name address geo capacity_seated wifi_name wifi_secret", VENUE),
        ("access load_in curfew noise_limit rain_plan hospital first_aid exits power parking photo_rules gate_code", ASK_VENUE),
        ("rooms", "list by id"),
        ("contact_id", "lww"),
    ]),
    ("tables", &[
        ("shape x y rotation", "group placement: lww"),
        ("width_cm depth_cm", "group size: lww"),
        ("capacity", VENUE),
        ("locked", "safer false < true"),
        ("name number room linen", "lww"),
        ("notes", "text"),
    ]),
    ("tasks", &[
        ("title notes", "text"),
        ("due phase category priority contact_id", "lww"),
        ("assignees", "set"),
        ("status", "lattice open < reopened < done"),
        ("completed_on", "min"),
        ("checklist", "set by id"),
    ]),
    ("documents", &[
        ("title kind contact_id pinned", "lww"),
        ("tags", "set"),
        ("notes", "text"),
        ("blob_sha256 version file_name media_type size_bytes received_on", "group file: ask"),
        ("versions", "append by blob_sha256, asks on equal version"),
        ("signed_state signers", "server"),
    ]),
    ("payments", &[
        ("amount currency", "group price: authority(role:lead, space:bookkeeper) both ask"),
        ("due vat_rate", ASK_MONEY),
        ("entries", "append by key, asks on equal amount"),
        ("status", "server"),
        ("instalment instalments", "group part: lww"),
        ("title contact_id payer invoice_ref document_id", "lww"),
        ("notes", "text"),
    ]),
    ("assets", &[
        ("sha256 size_bytes taken_at media_type width_px height_px duration_ms camera lens focal_mm aperture shutter iso", "immutable"),
        ("rating file_name photographer_id event_id", "lww"),
        ("flags shot_ids keywords", "set"),
        ("title", "text"),
    ]),
    ("log_entries", &[
        ("at kind severity channel author_id text event_id", "immutable"),
        ("related", "set"),
    ]),
    ("change_requests", &[
        ("title collection document_id patch base removed reason requested_by requested_at owner_role", "immutable"),
        ("state", "lattice open < withdrawn < declined < approved"),
        ("decided_by decided_at", "lww"),
        ("decision_note", "text keeping both"),
    ]),
];

fn list(values: &[Value], between: &str) -> String {
    let words = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    words.collect::<Vec<_>>().join(between)
}

fn of(owners: &[Owner]) -> String {
    owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A strategy as the table says it.
fn words(strategy: &Strategy) -> String {
    let json = serde_json::to_value(strategy).unwrap();
    let id = json.pointer(&format!("/{}/id", strategy.name())).and_then(Value::as_str).map(|id| format!(" by {id}")).unwrap_or_default();
    let name = strategy.name();
    match strategy {
        Strategy::Authority(terms) => {
            let other = terms.otherwise.as_ref().map(|other| format!(" else {}", words(other))).unwrap_or_default();
            format!("{name}({}) both {}{other}", of(&terms.owners), words(&terms.both))
        }
        Strategy::SafeSet(_, owners) | Strategy::First(owners) => format!("{name}({}){id}", of(owners)),
        Strategy::Lattice(order) | Strategy::Safer(order) => format!("{name} {}", list(order, " < ")),
        Strategy::Append(append) => format!("{name}{id}, asks on equal {}", append.same.join(", ")),
        Strategy::When(when) => {
            let field = when.field.trim_start_matches('/');
            format!("{field} {}: {}, else {}", list(&when.is, " or "), words(&when.then), words(&when.otherwise))
        }
        Strategy::Text(super::strategy::Overlap::KeepBoth) => "text keeping both".into(),
        _ => format!("{name}{id}"),
    }
}

fn policy(collection: &Collection, name: &str) -> String {
    let group = collection.groups.iter().find(|(_, group)| group.fields.iter().any(|field| field == name));
    match (group, collection.fields[name].strategy.as_ref()) {
        (Some((group, terms)), None) => format!("group {group}: {}", words(&terms.strategy)),
        (None, Some(strategy)) => words(strategy),
        (group, strategy) => panic!("{name}: {group:?} and {strategy:?}"),
    }
}

#[test]
fn every_field_comes_together_as_the_table_says() {
    for version in ["wedding@2", "wedding@3"] {
        comes_together(&Schema::built_in(version).unwrap());
    }
}

fn comes_together(schema: &Schema) {
    let told: BTreeSet<&str> = POLICIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(told, schema.collections.keys().map(String::as_str).collect());
    for (name, rows) in POLICIES {
        let collection = schema.collection(name).unwrap();
        let rows: BTreeMap<&str, &str> =
            rows.iter().flat_map(|(fields, words)| fields.split(' ').map(move |field| (field, *words))).collect();
        assert_eq!(rows.keys().copied().collect::<Vec<_>>(), collection.fields.keys().map(String::as_str).collect::<Vec<_>>(), "{name}");
        for (field, expected) in rows {
            assert_eq!(policy(collection, field), expected, "{name}.{field}");
        }
    }
}

#[test]
fn every_version_is_whole_and_follows_the_one_before() {
    for (version, text) in (1..).zip(SOURCES) {
        let schema = Schema::parse(text).unwrap_or_else(|fault| panic!("version {version}: {fault}"));
        assert_eq!((schema.name.as_str(), schema.version), ("wedding", version));
        assert_eq!(schema.collections.len(), 13);
        let events = schema.collection("timeline_events").unwrap();
        assert_eq!(events.delete, DeletePolicy::EditWins);
        let seen_by = |visibility: &str| events.audience(json!({"visibility": visibility}).as_object().unwrap());
        let private = seen_by("private");
        assert!(private.includes(Role::Lead) && !private.includes(Role::Vendor));
        assert_eq!(seen_by("everyone"), Audience::EVERYONE);
        assert!(schema.collection("no_such").is_none());
        let tiers = ["weddings", "guests", "tables", "venues", "_conflicts", "tasks", "payments", "assets", "no_such"];
        assert_eq!(tiers.map(|name| schema.tier(name)), [0, 0, 0, 0, 0, 2, 2, 3, 3], "the day-of set comes first");
    }
    for pair in SOURCES.windows(2) {
        let [before, after] = [pair[0], pair[1]].map(|text| Schema::parse(text).unwrap());
        assert_eq!(after.may_follow(&before), Ok(()));
        for (name, collection) in &before.collections {
            let now = &after.collections[name];
            assert_eq!(
                (now.delete, now.lane, now.tier, &now.visibility),
                (collection.delete, collection.lane, collection.tier, &collection.visibility)
            );
            for (field, declared) in &collection.fields {
                let now = &now.fields[field];
                assert_eq!(
                    (now.kind, now.sensitivity, now.lane, &now.values),
                    (declared.kind, declared.sensitivity, declared.lane, &declared.values),
                    "{name}.{field}"
                );
            }
        }
    }
}

/// Who reads and who writes what, where that is not everybody: beside a lead, who always does.
#[rustfmt::skip]
const RIGHTS: &[(&str, &str, &str, &str)] = &[
    // those who work with it on the day: who shoots must know who is not to be together, and who is not to be shot
    ("shots", "do_not_combine", "coordinator photographer couple", "coordinator couple"),
    ("guests", "photo_consent press_consent", "coordinator photographer couple", "coordinator couple"),
    // special category: caterers are sent what they need of it
    ("guests", "dietary_flags allergy_flags dietary_note access_needs notes", "coordinator couple", "coordinator couple"),
    // the planners' own
    ("contacts", "private_note", "coordinator", "coordinator"),
    ("venues", "gate_code wifi_secret", "coordinator space:venue_user", "coordinator space:venue_user"),
    ("documents", "blob_sha256 version file_name media_type size_bytes received_on versions signed_state signers", "coordinator couple", "coordinator couple"),
    ("weddings", "budget_total", "space:bookkeeper", "space:bookkeeper"),
    ("payments", "title contact_id payer instalment instalments amount currency vat_rate due invoice_ref document_id entries status notes",
        "space:bookkeeper", "space:bookkeeper"),
];

#[test]
fn version_3_says_who_reads_and_writes_what() {
    let schema = Schema::built_in("wedding@3").unwrap();
    let named = |grant: &crate::schema::Grant| {
        let roles =
            Role::ALL.into_iter().filter(|role| *role != Role::Lead && grant.roles.includes(*role)).map(|role| role.as_str().to_owned());
        roles.chain(grant.spaces.iter().map(|key| format!("space:{key}"))).collect::<Vec<_>>().join(" ")
    };
    for (name, collection) in &schema.collections {
        for field in collection.fields.keys() {
            let row = RIGHTS.iter().find(|(own, fields, ..)| own == name && fields.split(' ').any(|one| one == field));
            let readers = collection.readers(field);
            match row {
                Some((_, _, reads, writes)) => {
                    assert_eq!((named(&readers).as_str(), named(&collection.writers(field)).as_str()), (*reads, *writes), "{name}.{field}");
                }
                None => assert!(readers.is_everybody(), "{name}.{field}: {readers:?}"),
            }
        }
    }
    let viewers = |name: &str| named(&schema.collections[name].viewers());
    assert_eq!(viewers("payments"), "space:bookkeeper");
    assert!(schema.collections.iter().all(|(name, collection)| name == "payments" || collection.viewers().is_everybody()));
    assert_eq!(json!(schema.collections["contacts"].own), json!({"field": "owner_id", "write": ["vendor"]}), "vendors edit their own");
}

#[test]
fn what_may_be_asked_about_has_a_name() {
    let schema = Schema::built_in("wedding@3").unwrap();
    for (name, collection) in &schema.collections {
        let label = collection.label.as_ref().unwrap();
        assert!(collection.fields.contains_key(label), "{name}");
        for (field, declared) in collection.fields.iter().filter(|(_, declared)| declared.strategy != Some(Strategy::Immutable)) {
            assert!(declared.label.is_some(), "{name}.{field}");
        }
    }
    let events = schema.collection("timeline_events").unwrap();
    assert_eq!(events.fields["starts_at"].label.as_deref(), Some("Starts at"));
    assert_eq!(json!(events.deadline), json!({"field": "starts_at", "before_min": 30}));
    let shift = events.shift.as_ref().unwrap();
    let moves = |event: Value| ![&shift.fixed, &shift.done].into_iter().flatten().any(|values| values.holds(event.as_object().unwrap()));
    assert!(moves(json!({"anchor": "flex", "status": "planned"})) && moves(json!({})));
    assert!(!moves(json!({"anchor": "fixed"})) && !moves(json!({"status": "started"})) && !moves(json!({"status": "done"})));
    let rules: Vec<Value> = schema.rules.iter().map(|rule| json!(rule)["rule"].clone()).collect();
    let names = ["end_after_start", "end_after_start", "one_place", "capacity", "fixed_moved", "must_be_done", "duplicate", "duplicate"];
    assert_eq!(rules, names);
}
