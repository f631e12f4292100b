//! The drill: an organisation is locked, and every node is quiet within five seconds, whoever locked it and whether or not
//! the node hears of it. Nothing is lost meanwhile, it is told what was touched, and two owners let it go on.

mod drill;

use serde_json::{Value, json};

use crate::database::{Database, psql};
use crate::server::{Server, add_admin, prepare, run};
use drill::Drill;

/// Locks the organisation, and returns once it was said to be locked.
type Lock = fn(&Drill<'_>);

fn by_the_api(drill: &Drill<'_>) {
    let held = drill.ana.call("POST", "/api/offline/incident", &json!({"reason": "a drill"})).unwrap();
    assert_eq!(held["state"], "locked", "{held}");
}

/// The command line tells no server.
fn by_the_command_line(drill: &Drill<'_>) {
    let said = run(drill.database, &["incident", "lock", "--organisation", "Alder", "--reason", "a drill", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["state"], "locked", "{said}");
}

/// By the API while no notification reaches any node: what listens and what tells is cut off again and again.
fn while_nodes_are_deaf(drill: &Drill<'_>) {
    let connections = "pg_stat_activity WHERE datname = current_database() AND application_name = 'rejoin signals'";
    assert_ne!(psql(&drill.database.url, &format!("SELECT count(*) FROM {connections}")), "0", "there is something to cut off");
    drill.deafen(&format!("SELECT pg_terminate_backend(pid) FROM {connections} \\watch 0.02\n"));
    by_the_api(drill);
}

fn on_two_nodes(lock: Lock) {
    if let Some(database) = Database::postgres() {
        prepare(&database);
        add_admin(&database, "rui@example.org", "Alder");
        let (here, there) = (Server::start(&database), Server::start(&database));
        Drill::new(&database, &here, &there).run(lock);
    }
}

fn on_one_node(lock: Lock) {
    let database = Database::sqlite();
    prepare(&database);
    add_admin(&database, "rui@example.org", "Alder");
    let server = Server::start(&database);
    Drill::new(&database, &server, &server).run(lock);
}

#[test]
fn a_lock_by_the_api_quiets_every_node() {
    on_two_nodes(by_the_api);
}

#[test]
fn a_lock_by_the_command_line_quiets_every_node() {
    on_two_nodes(by_the_command_line);
}

#[test]
fn a_lock_quiets_nodes_that_no_notification_reaches() {
    on_two_nodes(while_nodes_are_deaf);
}

#[test]
fn a_lock_by_the_api_quiets_a_server_on_sqlite() {
    on_one_node(by_the_api);
}

#[test]
fn a_lock_by_the_command_line_quiets_a_server_on_sqlite() {
    on_one_node(by_the_command_line);
}
