//! Canaries against the real server: a value of its own wherever a wedding keeps something that somebody may not read, then
//! every call of the OpenAPI document and every connection, for everybody. Every byte that is sent is searched for what its
//! receiver may not read, in any form; and what they may read has to be there.

mod ears;
mod scene;

use std::collections::BTreeMap;
use std::fs::File;

use ears::Ear;
use scene::Scene;
use serde_json::{Value, json};
use testkit::canary::{Asked, found_in, intrusions, operation, patches};

use crate::database::Database;
use crate::matrix::table::{self, ACTORS, Row};
use crate::matrix::{POLICY, ask};
use crate::server::{Client, Server, add_admin, prepare};

const FOREIGN: &str = "eve@example.com";
const MEMBERS: usize = 6;
/// Everybody sees it, and it is the last that is written.
const MARKER: &str = "the-last-word";
/// Whoever changes least comes first: what they send, the lead corrects.
const ORDER: [&str; 10] = ["foreign", "nobody", "removed", "admin", "viewer", "vendor", "photographer", "couple", "coordinator", "lead"];

#[test]
fn no_byte_tells_what_somebody_may_not_read_on_sqlite() {
    holds(&Database::sqlite());
}

#[test]
fn no_byte_tells_what_somebody_may_not_read_on_postgresql() {
    if let Some(database) = Database::postgres() {
        holds(&database);
    }
}

/// What somebody was told by which calls.
#[derive(Default)]
struct Told(BTreeMap<usize, String>);

impl Told {
    fn hear(&mut self, call: &str, bytes: &[u8]) {
        for number in found_in(bytes) {
            self.0.entry(number).or_insert_with(|| call.to_owned());
        }
    }
}

fn holds(database: &Database) {
    prepare(database);
    add_admin(database, FOREIGN, "Birch");
    let log = database.folder().join("log");
    // nobody works on what is queued, so that it can be seen
    let server = Server::start_with(database, |command| {
        command.args(["--log-level", "debug", "--queue-workers", "0"]).stderr(File::create(&log).unwrap())
    });
    let mut scene = Scene::new(&server, FOREIGN);
    let mut told: BTreeMap<&str, Told> = ACTORS.into_iter().map(|name| (name, Told::default())).collect();
    let early = listen(&scene, ACTORS.to_vec());
    scene.fill();
    let rows = table::read(&std::fs::read_to_string(POLICY).unwrap());
    for name in ORDER {
        let told = told.get_mut(name).unwrap();
        asks(&mut scene, name, told);
        ask_rows(&mut scene, &server, (name, &rows), told);
        says(&mut scene, name, told);
    }
    // the last row of all was the end of some of these connections
    let late = listen(&scene, ACTORS[1..MEMBERS].to_vec());
    scene.last_words(MARKER);
    for ear in late.iter().flat_map(|(_, ears)| ears) {
        ear.waits_for(MARKER);
    }
    assert_eq!(server.wait_after_terminate(), Some(0));
    for (name, ears) in late {
        for bytes in ears.map(Ear::end) {
            assert!(!found_in(&bytes).is_empty(), "{name} hears nothing: {}", String::from_utf8_lossy(&bytes));
            told.get_mut(name).unwrap().hear("a connection", &bytes);
        }
    }
    for (name, ears) in early {
        ears.map(Ear::end).iter().for_each(|bytes| told.get_mut(name).unwrap().hear("an early connection", bytes));
    }
    compare(&scene, &told, database.name);
    let log = std::fs::read(&log).unwrap();
    assert!(log.windows(5).any(|part| part == b"DEBUG"), "{}: nothing is logged", database.name);
    let leaked: Vec<_> = found_in(&log).into_iter().map(|number| scene.place_of(number)).collect();
    assert!(leaked.is_empty(), "{}: the log tells {leaked:?}", database.name);
}

/// Nobody is told what they may not read, and everybody what they may.
fn compare(scene: &Scene, told: &BTreeMap<&str, Told>, database: &str) {
    let mut wrong = Vec::new();
    for (name, Told(told)) in told {
        let leaks = told.iter().filter(|(number, _)| !scene.may(name, **number));
        wrong.extend(leaks.map(|(number, call)| format!("{name} is told {} by {call}", scene.place_of(*number))));
        let untold = scene.must(name).into_iter().filter(|number| !told.contains_key(number));
        wrong.extend(untold.map(|number| format!("{name} is never told {}", scene.place_of(number))));
    }
    assert!(wrong.is_empty(), "{database}:\n{}", wrong.join("\n"));
}

fn listen(scene: &Scene, names: Vec<&'static str>) -> Vec<(&'static str, [Ear; 2])> {
    let ears = |name: &'static str| {
        let client = &scene.actor(name).client;
        (name, [Ear::socket(client, &scene.space), Ear::events(client, &scene.space)])
    };
    names.into_iter().map(ears).collect()
}

fn hear(client: &Client, told: &mut Told, (method, path, body): (&str, &str, &Value)) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = client.ask(method, path, "application/json", &body).unwrap();
    assert!(answer.status < 500, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
    told.hear(&format!("{method} {path}"), &bytes_of(&answer));
}

fn bytes_of(answer: &crate::server::Answer) -> Vec<u8> {
    let headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    [headers.join("\n").as_bytes(), b"\n", &answer.body].concat()
}

/// Asks for all that is kept, by id and in lists.
fn asks(scene: &mut Scene, name: &'static str, told: &mut Told) {
    let (client, device) = (scene.actor(name).client.clone(), scene.actor(name).device.clone());
    let (space, schema) = (scene.space.clone(), scene.schema.clone());
    // those of the lead come first
    let op_ids: Vec<String> = scene.sent.iter().take(SENT_IN_FILL).cloned().collect();
    let conflicts = scene.conflicts.clone();
    let asked = Asked { space: &space, schema: &schema, op_ids: &op_ids, conflicts: &conflicts, device: &device };
    for (method, path, body) in asked.calls(|| scene.fresh()) {
        hear(&client, told, (method, &path, &body));
    }
    for op_id in op_ids.iter().step_by(8) {
        hear(&client, told, ("GET", &format!("/api/offline/audit?op={op_id}"), &Value::Null));
    }
    for record in scene.records.clone() {
        hear(&client, told, ("GET", &format!("/api/offline/audit/{record}"), &Value::Null));
        for (document, field) in REVEALED {
            let body = json!({"document": document, "field": field, "reason": "to see what is said"});
            hear(&client, told, ("POST", &format!("/api/offline/audit/{record}/reveal"), &body));
        }
    }
}

/// Operations that the fill sent, or about so many.
const SENT_IN_FILL: usize = 120;
const REVEALED: [(&str, &str); 4] = [
    ("guests/document-of-guests", "allergy_flags"),
    ("guests/document-of-guests", "notes"),
    ("payments/document-of-payments", "amount"),
    ("weddings/document-of-weddings", "budget_total"),
];

/// Asks all that the policy table has a row for: every operation of the OpenAPI document.
fn ask_rows(scene: &mut Scene, server: &Server, (name, rows): (&'static str, &[Row]), told: &mut Told) {
    let (client, email) = (scene.actor(name).client.clone(), scene.email(name));
    for row in rows.iter().filter(|row| name != "lead" || row.title() != "DELETE /api/spaces/{space_id}") {
        let client = if row.is_fresh { server.log_in(&email).0 } else { client.clone() };
        let fresh = scene.fresh();
        let answer = ask(row, &client, &scene.wedding, &fresh);
        assert!(answer.status < 500, "{} as {name}: {}", row.title(), String::from_utf8_lossy(&answer.body));
        told.hear(&row.title(), &bytes_of(&answer));
    }
}

/// What somebody sends is answered too: edits that meet what they have not seen, and what is not theirs to write.
fn says(scene: &mut Scene, name: &'static str, told: &mut Told) {
    let client = scene.actor(name).client.clone();
    for (collection, operations) in intrusions(&scene.schema, &scene.canaries) {
        let answer = scene.push(&client, operations);
        told.hear(&format!("a push of {collection}"), &answer);
    }
    let shift = json!({"collection": "timeline_events", "kind": "intent", "base_version": 1,
        "intent": {"name": "shift", "args": {"from": "2026-06-20T00:00", "by_min": 5}}});
    told.hear("a shift", &scene.push(&client, vec![shift]));
    // the lead goes on
    let lead = scene.actor("lead").client.clone();
    let again = |(name, patch): (String, _)| {
        let mut edit = operation("update", &name, &json!(1_000_000), Value::Object(patch));
        edit["base"] = json!({});
        edit
    };
    let edits = patches(&scene.canaries, 1).into_iter().map(again).collect();
    scene.push(&lead, edits);
}
