//! Fifty weddings of one studio, one of another, three of one that is read only, and everybody who has something to do with
//! them or nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::matrix::table::{FROZEN, Target};
use crate::server::{Answer, Client, Server, op_id};

/// How many weddings there are.
pub(crate) const WEDDINGS: usize = 50;
/// Who works at them: everybody is something else at the next one.
const PEOPLE: usize = 12;
const ROLES: [&str; 6] = ["lead", "coordinator", "photographer", "vendor", "couple", "viewer"];
/// After the roles: who is added as a viewer and may be changed, and who was a coordinator and was removed.
const SPARE: usize = 6;
const REMOVED: usize = 7;
/// Begins what stands in everything that is kept in a wedding.
const CANARY: &str = "canary-";
/// Each role's wedding, the first with which they have nothing to do, and the one like theirs that was deleted.
const OTHER_FROM: usize = 12;
const DELETED_FROM: usize = 24;

/// Somebody with a device.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) client: Client,
    pub(crate) user_id: String,
}

/// A wedding: ids of what is in it by the names that the table has for them.
pub(crate) struct Wedding {
    pub(crate) ids: BTreeMap<&'static str, String>,
    /// Stands in everything that is kept in it, and in no id.
    pub(crate) canary: String,
}

impl Wedding {
    /// One that does not exist.
    fn missing() -> Self {
        let names = ["space", "conflict", "answered", "op", "batch", "device", "user", "spare", "item", "task", "purge", "record"];
        let ids = names.into_iter().enumerate().map(|(number, name)| (name, format!("0badc0de-0000-7000-8000-{number:012x}")));
        Self { ids: ids.collect(), canary: "\u{0}".to_owned() }
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) weddings: Vec<Wedding>,
    pub(crate) tenant: Wedding,
    pub(crate) missing: Wedding,
    /// Of the organisation that is to be read only: what its people are asked about instead of `here`, `other`, `deleted`.
    frozen: [Wedding; 3],
    lead_of_frozen: Person,
    people: Vec<Person>,
    admin: Person,
    nobody: Person,
    foreign: Person,
    owner: Person,
}

impl World {
    /// Makes it. `foreign` administrates the other organisation, `owner` the one that is to be read only.
    pub(crate) fn build(server: &Server, foreign_email: &str, owner_email: &str) -> Self {
        let person = |email: &str| {
            let (client, user_id) = server.log_in(email);
            Person { email: email.to_owned(), client, user_id }
        };
        let (admin, foreign) = (person("ana@example.org"), person(foreign_email));
        let added = |by: &Person, email: String| {
            by.client.add_user(&email);
            person(&email)
        };
        let people: Vec<Person> = (0..PEOPLE).map(|number| added(&admin, format!("person{number}@example.org"))).collect();
        let nobody = added(&admin, "nobody@example.org".to_owned());
        let strangers: Vec<Person> = (0..SPARE + 2).map(|number| added(&foreign, format!("stranger{number}@example.com"))).collect();
        let crew = |number: usize| -> Vec<&Person> { (0..SPARE + 2).map(|place| &people[(number + place) % PEOPLE]).collect() };
        let weddings = (0..WEDDINGS).map(|number| wedding(number, &crew(number))).collect();
        let tenant = wedding(WEDDINGS, &strangers.iter().collect::<Vec<_>>());
        let owner = person(owner_email);
        let crew: Vec<Person> = (0..SPARE + 3).map(|number| added(&owner, format!("member{number}@elder.example"))).collect();
        let frozen = frozen(&crew);
        let lead_of_frozen = crew[0].clone();
        let missing = Wedding::missing();
        let world = Self { weddings, tenant, missing, frozen, lead_of_frozen, people, admin, nobody, foreign, owner };
        for number in DELETED_FROM..DELETED_FROM + PEOPLE {
            let path = format!("/api/spaces/{}", world.weddings[number].ids["space"]);
            world.people[number % PEOPLE].client.call("DELETE", &path, &Value::Null).unwrap();
        }
        world
    }

    /// The wedding that somebody is asked about, and the one by which the column means somebody.
    pub(crate) fn wedding(&self, target: Target, name: &str, column: usize) -> (&Wedding, usize) {
        let (here, deleted) = (here(column), deleted(column));
        match target {
            Target::Tenant => (&self.tenant, here),
            Target::Nothing => (&self.missing, here),
            Target::Here if name == FROZEN => (&self.frozen[0], here),
            Target::Other if name == FROZEN => (&self.frozen[1], here),
            Target::Deleted if name == FROZEN => (&self.frozen[2], deleted),
            Target::Here => (&self.weddings[here], here),
            Target::Other => (&self.weddings[other(name, column)], here),
            Target::Deleted => (&self.weddings[deleted], deleted),
        }
    }

    /// Who sees the audit log of each organisation.
    pub(crate) fn admins(&self) -> [&Client; 3] {
        [&self.admin.client, &self.foreign.client, &self.owner.client]
    }

    /// Who is meant by the name of a column, at this wedding.
    pub(crate) fn actor(&self, name: &str, wedding: usize) -> &Person {
        let at = |place: usize| &self.people[(wedding + place) % PEOPLE];
        match name {
            "admin" => &self.admin,
            "nobody" => &self.nobody,
            "foreign" => &self.foreign,
            FROZEN => &self.lead_of_frozen,
            "removed" => at(REMOVED),
            role => at(ROLES.iter().position(|own| *own == role).unwrap_or_else(|| panic!("no such role: {role}"))),
        }
    }
}

/// Three weddings of nine people: the first leads two of them, of which the last is deleted, and has no part in the other.
fn frozen(crew: &[Person]) -> [Wedding; 3] {
    let all: Vec<&Person> = crew.iter().collect();
    let weddings = [&all[..=REMOVED], &all[1..], &all[..=REMOVED]];
    let mut number = WEDDINGS;
    let weddings = weddings.map(|crew| {
        number += 1;
        wedding(number, crew)
    });
    let path = format!("/api/spaces/{}", weddings[2].ids["space"]);
    crew[0].client.call("DELETE", &path, &Value::Null).unwrap();
    weddings
}

/// Whether the actor of this column at a wedding may read something of another one, or the same. Whoever led a deleted
/// one sees what they sent there and nobody decided.
pub(crate) fn may_read(name: &str, wedding: usize, other: usize) -> bool {
    let place = ROLES.iter().position(|own| *own == name).unwrap_or(REMOVED);
    let place_there = (wedding + place + PEOPLE * WEDDINGS - other) % PEOPLE;
    let is_deleted = (DELETED_FROM..DELETED_FROM + PEOPLE).contains(&other);
    match name {
        "admin" | "nobody" => false,
        "foreign" => other == WEDDINGS,
        FROZEN => [WEDDINGS + 1, WEDDINGS + 3].contains(&other),
        _ => other < WEDDINGS && (place_there == 0 || place_there <= SPARE && !is_deleted),
    }
}

/// The wedding where the actor of this column is what they are called: each has one to themselves.
fn here(column: usize) -> usize {
    column
}

/// One with which they have nothing to do: four of twelve have no part in it.
fn other(name: &str, column: usize) -> usize {
    let place = ROLES.iter().position(|own| *own == name).unwrap_or(REMOVED);
    OTHER_FROM + (column + place + PEOPLE - (REMOVED + 2)) % PEOPLE
}

/// The one like theirs that was deleted.
pub(crate) fn deleted(column: usize) -> usize {
    DELETED_FROM + column
}

/// The weddings of which an answer shows something, in any of its bytes.
pub(crate) fn canaries(answer: &Answer) -> impl Iterator<Item = usize> {
    let headers: String = answer.headers.iter().map(|(_, value)| value.as_str()).collect();
    let text = headers + &String::from_utf8_lossy(&answer.body);
    let numbers: Vec<usize> = text.split(CANARY).skip(1).map(|rest| rest.split('-').next().unwrap().parse().unwrap()).collect();
    numbers.into_iter()
}

fn wedding(number: usize, crew: &[&Person]) -> Wedding {
    let canary = format!("{CANARY}{number}-of-the-garden");
    let lead = &crew[0].client;
    let made = lead.call("POST", "/api/spaces", &json!({"name": format!("{canary}: the wedding")})).unwrap();
    let space = text(&made, "space_id");
    let member = |person: &Person| format!("/api/spaces/{space}/members/{}", person.user_id);
    for (place, person) in crew.iter().enumerate().skip(1) {
        let role = ROLES.get(place).copied().unwrap_or(if place == SPARE { "viewer" } else { "coordinator" });
        lead.call("PUT", &member(person), &json!({"role": role})).unwrap();
    }
    let round = u32::try_from(number).unwrap() + 1;
    let (conflict, answered, op, item) = contents(&space, &canary, round, crew);
    let removed = &crew[REMOVED].client;
    pull(removed, &space);
    lead.call("DELETE", &member(crew[REMOVED]), &Value::Null).unwrap();
    let purge = text(&pull(removed, &space), "purge_id");
    let line = note(round, 90, "create", 0, &format!("{canary}: queued"));
    let batch = text(&lead.batch(&space, &[line]).unwrap(), "batch_id");
    let task = lead.call("POST", "/api/offline/queue/retry", &json!({"filter": {"space_id": space, "reason": "internal"}})).unwrap();
    let devices = lead.call("GET", "/api/auth/devices", &Value::Null).unwrap();
    let records = lead.call("GET", &format!("/api/offline/audit?space={space}&action=sync.push"), &Value::Null).unwrap();
    let ids = BTreeMap::from([
        ("record", text(records["items"].as_array().unwrap().last().unwrap(), "record_id")),
        ("space", space),
        ("conflict", conflict),
        ("answered", answered),
        ("op", op),
        ("item", item),
        ("batch", batch),
        ("task", text(&task, "task_id")),
        ("device", text(&devices["items"][0], "device_id")),
        ("user", crew[0].user_id.clone()),
        ("spare", crew[SPARE].user_id.clone()),
        ("purge", purge),
    ]);
    Wedding { ids, canary }
}

/// Documents, an open question and an answered one, an operation of the lead and one that was refused to the viewer.
fn contents(space: &str, canary: &str, round: u32, crew: &[&Person]) -> (String, String, String, String) {
    let (lead, coordinator, viewer) = (&crew[0].client, &crew[1].client, &crew[5].client);
    let written = |base: i64, from: u32, kind: &str, by: &str| -> Vec<Value> {
        (0..2).map(|number| edit(round, (from + number, number), kind, base, &format!("{canary}: {by}"))).collect()
    };
    let made = lead.push(space, &written(0, 0, "create", "made")).unwrap();
    let base = made[1]["version"].as_i64().unwrap();
    lead.push(space, &written(base, 10, "update", "by the lead")).unwrap();
    let disputed = coordinator.push(space, &written(base, 20, "update", "by another")).unwrap();
    let (open, answered) = (text(&disputed[0], "conflict_id"), text(&disputed[1], "conflict_id"));
    let seen = lead.call("GET", &format!("/api/offline/conflict/{answered}"), &Value::Null).unwrap();
    let answer = json!({"conflict_id": answered, "op_id": op_id(round, 30), "version": seen["version"], "choose": "theirs"});
    lead.call("PUT", "/api/offline/sync/resolve", &json!({"resolutions": [answer]})).unwrap();
    let refused = viewer.push(space, &[note(round, 40, "create", 0, &format!("{canary}: not allowed"))]).unwrap();
    assert_eq!(refused[0]["status"], "quarantined");
    (open, answered, op_id(round, 10), op_id(round, 40))
}

fn edit(round: u32, (op, document): (u32, u32), kind: &str, base: i64, words: &str) -> Value {
    json!({"op_id": op_id(round, op), "collection": "notes", "document_id": format!("d-{document}"), "kind": kind,
        "base_version": base, "patch": {"text": words}})
}

fn note(round: u32, number: u32, kind: &str, base: i64, words: &str) -> Value {
    edit(round, (number, number), kind, base, words)
}

fn pull(client: &Client, space: &str) -> Value {
    let body = json!({"protocol": 1, "pull": {"spaces": {space: {"cursor": null}}}});
    client.call("POST", "/api/offline/sync", &body).unwrap()["changes"][space].clone()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {value}")).to_owned()
}
