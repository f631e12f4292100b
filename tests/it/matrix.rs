//! The generated matrix: everybody, at every endpoint of the OpenAPI document, about what is theirs, somebody else's,
//! another tenant's, deleted, or nowhere, is answered exactly as the policy table says (`matrix/policy.txt`). So is whoever
//! leads a wedding while their organisation is read only.

mod recorded;
pub(crate) mod table;
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use table::{ACTORS, COLUMNS, Row, Target};
use world::{WEDDINGS, Wedding, World};

use crate::database::Database;
use crate::server::{Answer, Client, Server, add_admin, op_id, prepare, run};

pub(crate) const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/it/matrix/policy.txt");
const FOREIGN: &str = "eve@example.com";
/// Of the organisation that is read only.
const OWNER: &str = "owner@elder.example";

/// Until when every node knows that a tenant or a device is held.
const QUIET_WITHIN: Duration = Duration::from_secs(5);

/// What a parameter of a path is called among a wedding's ids.
const PARAMETERS: [(&str, &str); 8] = [
    ("{space_id}", "$space"),
    ("{user_id}", "$spare"),
    ("{device_id}", "$device"),
    ("{conflict_id}", "$conflict"),
    ("{op_id}", "$op"),
    ("{batch_id}", "$batch"),
    ("{record_id}", "$record"),
    ("/tasks/{id}", "/tasks/$task"),
];

#[test]
fn everybody_is_answered_as_the_policy_says_on_sqlite() {
    holds(&Database::sqlite());
}

#[test]
fn everybody_is_answered_as_the_policy_says_on_postgresql() {
    if let Some(database) = Database::postgres() {
        holds(&database);
    }
}

fn holds(database: &Database) {
    prepare(database);
    add_admin(database, FOREIGN, "Birch");
    add_admin(database, OWNER, "Elder");
    // nobody works on what is queued, so that it can be seen
    let server = Server::start_with(database, |command| command.args(["--log-level", "error", "--queue-workers", "0"]));
    let world = World::build(&server, FOREIGN, OWNER);
    let matrix = Matrix { world, rows: table::read(&std::fs::read_to_string(POLICY).unwrap()), server };
    // whoever asks from now on is answered by what is read in their own transaction
    run(database, &["incident", "lock", "--organisation", "Elder", "--read-only", "--reason", "a drill"]);
    matrix.covers_the_document();
    matrix.every_wedding_is_its_peoples();
    matrix.no_token_opens_nothing();
    matrix.foreign_ids_do_not_exist();
    matrix.who_is_held_is_quiet(database);
    let wrong: Vec<String> = matrix.rows.iter().enumerate().filter_map(|(number, row)| matrix.differs(number, row)).collect();
    assert!(wrong.is_empty(), "{}: answered otherwise than matrix/policy.txt says:\n{}", database.name, wrong.join("\n"));
    matrix.everybody_is_held_who_is_in_it(database);
}

struct Matrix {
    server: Server,
    world: World,
    rows: Vec<Row>,
}

impl Matrix {
    /// Every operation of the document has a row, every row an operation, and both say alike who needs a token.
    fn covers_the_document(&self) {
        let document: Value = serde_json::from_slice(&self.anonymous().ask("GET", "/api/openapi.json", "", "").unwrap().body).unwrap();
        let mut documented = BTreeMap::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                documented.insert((method.to_uppercase(), path.clone()), operation["security"] == json!([]));
            }
        }
        let listed: BTreeMap<_, _> = self.rows.iter().map(|row| ((row.method.clone(), row.path.clone()), row.is_open)).collect();
        let missing: Vec<_> = documented.keys().filter(|endpoint| !listed.contains_key(*endpoint)).collect();
        assert!(missing.is_empty(), "matrix/policy.txt says nothing of {missing:?}: who may call it, and what are others told?");
        assert_eq!(documented, listed);
    }

    /// Reads each wedding as each of its people, and as those who have no part in it.
    fn every_wedding_is_its_peoples(&self) {
        for number in 0..WEDDINGS {
            let is_deleted = (world::deleted(0)..world::deleted(12)).contains(&number);
            for name in ACTORS {
                let is_member = !matches!(name, "admin" | "nobody" | "foreign" | "removed") && !is_deleted;
                for path in ["/api/spaces/$space", "/api/offline/sync/snapshot?space=$space"] {
                    let wedding = &self.world.weddings[number];
                    let answer = self.world.actor(name, number).client.ask("GET", &filled(path, wedding, ""), "", "").unwrap();
                    let expected = if is_member { "200+" } else { "404" };
                    assert_eq!(verdict(&answer, wedding), expected, "{path} of wedding {number} as {name}");
                }
            }
        }
    }

    /// Without a token, with one that nobody was given, and with one whose session ended, only what is open is open.
    fn no_token_opens_nothing(&self) {
        let (ended, _) = self.server.log_in("person0@example.org");
        ended.ask("POST", "/api/auth/logout", "", "").unwrap();
        let (revoked, _) = self.server.log_in("person0@example.org");
        let devices = revoked.call("GET", "/api/auth/devices", &Value::Null).unwrap();
        let own = devices["items"].as_array().unwrap().iter().find(|device| device["current"] == true).unwrap();
        revoked.call("DELETE", &format!("/api/auth/devices/{}", own["device_id"].as_str().unwrap()), &Value::Null).unwrap();
        let unknown = self.anonymous().with_token("rja_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        for row in self.rows.iter().filter(|row| !row.is_open) {
            for (who, client) in [("nobody", &self.anonymous()), ("an unknown token", &unknown), ("ended", &ended), ("revoked", &revoked)] {
                let answer = ask(row, client, &self.world.weddings[0], &op_id(0x0fff, 2));
                let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                assert_eq!((answer.status, &problem["outbox"]), (401, &json!("retain")), "{} with {who}", row.title());
            }
        }
    }

    /// People of a locked organisation, and a suspended device of another one, do nothing and keep what they have.
    fn who_is_held_is_quiet(&self, database: &Database) {
        let mut wrong = Vec::new();
        for (organisation, code, with) in [("Cedar", "organisation_locked", &[][..]), ("Dogwood", "device_suspended", &["--device"])] {
            let email = format!("owner@{organisation}.example");
            add_admin(database, &email, organisation);
            let (client, _) = self.server.log_in(&email);
            let device = client.call("GET", "/api/auth/devices", &Value::Null).unwrap()["items"][0]["device_id"].clone();
            let device: Vec<&str> = with.iter().flat_map(|flag| [*flag, device.as_str().unwrap()]).collect();
            run(database, &[&["incident", "lock", "--organisation", organisation, "--reason", "a drill"], &device[..]].concat());
            let until = Instant::now() + QUIET_WITHIN;
            while client.ask("GET", "/api/spaces", "", "").unwrap().status != 403 {
                assert!(Instant::now() < until, "{organisation} is not quiet");
            }
            wrong.extend(self.not_held(&client, &self.world.missing, |_| Some(code)));
        }
        assert!(wrong.is_empty(), "answered otherwise than matrix/policy.txt says while held:\n{}", wrong.join("\n"));
    }

    /// At last their own organisation is locked: whatever somebody's role is, and though it is theirs, they are held.
    fn everybody_is_held_who_is_in_it(&self, database: &Database) {
        let log_in = |(column, name): (usize, &&'static str)| {
            let (wedding, of) = self.world.wedding(Target::Here, name, column);
            (*name, self.server.log_in(&self.world.actor(name, of).email).0, wedding)
        };
        let people: Vec<_> = ACTORS.iter().enumerate().filter(|(_, name)| **name != "foreign").map(log_in).collect();
        run(database, &["incident", "lock", "--organisation", "Alder", "--reason", "a drill"]);
        let until = Instant::now() + QUIET_WITHIN;
        while people.iter().any(|(_, client, _)| client.ask("GET", "/api/spaces", "", "").unwrap().status != 403) {
            assert!(Instant::now() < until, "Alder is not quiet");
        }
        let mut wrong = Vec::new();
        for (name, client, wedding) in &people {
            // what is to be done about it is for owners
            let code = |row: &Row| match (row.path.starts_with("/api/offline/incident"), *name) {
                (true, "admin") => None,
                (true, _) => Some("forbidden"),
                _ => Some("organisation_locked"),
            };
            wrong.extend(self.not_held(client, wedding, code).into_iter().map(|said| format!("{name}: {said}")));
        }
        assert!(
            wrong.is_empty(),
            "answered otherwise than matrix/policy.txt says while their organisation is locked:\n{}",
            wrong.join("\n")
        );
    }

    /// What is answered otherwise than to whoever is held.
    fn not_held(&self, client: &Client, wedding: &Wedding, code: impl Fn(&Row) -> Option<&'static str>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (row, code) in self.rows.iter().filter(|row| !row.is_open).filter_map(|row| Some((row, code(row)?))) {
            let answer = ask(row, client, wedding, &op_id(0x0fff, 3));
            let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let held = code == "forbidden" && answer.status == 403 || row.held.split(' ').any(|status| status == answer.status.to_string());
            if !held || answer.status == 403 && (problem["code"] != code || problem["outbox"] != "retain") {
                wrong.push(format!("{}: held {} ({problem})", row.title(), answer.status));
            }
        }
        wrong
    }

    /// Another tenant's ids are answered as ids that nobody was given: status, headers and every byte.
    fn foreign_ids_do_not_exist(&self) {
        let (mut number, mut told_apart) = (0, Vec::new());
        for row in self.rows.iter().filter(|row| row.answers.contains_key(&Target::Tenant)) {
            for name in ["lead", "viewer", "nobody"] {
                let client = &self.world.actor(name, 0).client;
                let [foreign, missing] = [&self.world.tenant, &self.world.missing].map(|wedding| {
                    number += 1;
                    let fresh = op_id(0x0ffe, number);
                    told(&ask(row, client, wedding, &fresh), wedding, &fresh)
                });
                if foreign != missing {
                    told_apart.push(format!("{} as {name}: {foreign:?}, but {missing:?}", row.title()));
                }
            }
        }
        assert!(told_apart.is_empty(), "foreign ids can be told from unknown ones:\n{}", told_apart.join("\n"));
    }

    /// The row as it would have to be, where it is another.
    fn differs(&self, number: usize, row: &Row) -> Option<String> {
        let answered: BTreeMap<Target, Vec<String>> =
            row.answers.keys().map(|target| (*target, self.column_answers(number, row, *target))).collect();
        (answered != row.answers).then(|| table::write(&row.title(), &answered))
    }

    fn column_answers(&self, number: usize, row: &Row, target: Target) -> Vec<String> {
        let answer_of = |(column, name): (usize, &&str)| {
            if row.answers[&target][column] == "-" {
                return "-".to_owned();
            }
            let (wedding, of) = self.world.wedding(target, name, column);
            let person = self.world.actor(name, of);
            let client = if row.is_fresh { self.server.log_in(&person.email).0 } else { person.client.clone() };
            // an operation's id is used once
            let fresh = op_id(0x1000 + u32::try_from(number).unwrap(), u32::try_from(column * 10 + target as usize).unwrap());
            let before = (target == Target::Here && recorded::is_act(row)).then(|| recorded::newest(self.world.admins()));
            let answer = ask(row, &client, wedding, &fresh);
            let said = verdict(&answer, wedding);
            // what goes on waiting on the device did nothing
            let is_done = (200..300).contains(&answer.status) && !said.ends_with(":waiting");
            if is_done && before.is_some_and(|before| recorded::newest(self.world.admins()).is_subset(&before)) {
                return format!("{}-and-not-recorded", answer.status);
            }
            let strange = world::canaries(&answer).find(|number| !world::may_read(name, of, *number));
            // no table says so
            strange.map_or(said, |number| format!("shows-wedding-{number}"))
        };
        COLUMNS.iter().enumerate().map(answer_of).collect()
    }

    fn anonymous(&self) -> Client {
        self.server.client().with_token("")
    }
}

/// Asks what a row says, about a wedding.
pub(crate) fn ask(row: &Row, client: &Client, wedding: &Wedding, fresh: &str) -> Answer {
    let path = PARAMETERS.into_iter().fold(row.path.clone(), |path, (parameter, name)| path.replace(parameter, name));
    let path = path.replace("{id}", "$item");
    let query = if row.query.is_empty() { String::new() } else { format!("?{}", row.query) };
    client.ask(&row.method, &filled(&(path + &query), wedding, fresh), row.content, &filled(&row.body, wedding, fresh)).unwrap()
}

/// Puts a wedding's ids in the places of their names.
fn filled(text: &str, wedding: &Wedding, fresh: &str) -> String {
    let names: BTreeSet<_> = wedding.ids.keys().copied().collect();
    // the longest name first: one may begin another
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let text = text.replace("$fresh", fresh);
    names.into_iter().fold(text, |text, name| text.replace(&format!("${name}"), &wedding.ids[name]))
}

/// All that an answer says, without the ids that the request names and what differs from answer to answer.
fn told(answer: &Answer, wedding: &Wedding, fresh: &str) -> (u16, BTreeMap<String, String>, String) {
    let body = String::from_utf8(answer.body.clone()).unwrap();
    let parsed: Value = serde_json::from_str(&body).unwrap_or_default();
    let own = |name: &str| parsed[name].as_str().unwrap_or_default();
    let passing = [fresh, answer.header("x-request-id"), own("server_time"), own("batch_id"), own("task_id")];
    let named = wedding.ids.values().map(String::as_str).chain(passing).filter(|text| !text.is_empty());
    let body = named.fold(body.clone(), |body, text| body.replace(text, "…"));
    let headers = answer.headers.iter().filter_map(|(name, value)| {
        // whether a connection goes on is told by what of the request has come meanwhile
        let is_passing = ["connection", "date", "x-request-id"].contains(&name.as_str()) || name.starts_with("ratelimit");
        (!is_passing).then(|| (name.clone(), value.clone()))
    });
    (answer.status, headers.collect(), body)
}

/// An answer as the table has it.
fn verdict(answer: &Answer, wedding: &Wedding) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let first = [&body["results"][0], &body["receipts"][0]].into_iter().find_map(|first| first["status"].as_str());
    let result = first.map_or(String::new(), |status| format!(":{status}"));
    let shows = answer.body.windows(wedding.canary.len()).any(|part| part == wedding.canary.as_bytes());
    let lists = body["items"].as_array().is_some_and(|items| !items.is_empty());
    let content = if shows { "+" } else { ["", "*"][usize::from(lists)] };
    format!("{}{result}{content}", answer.status)
}
