//! The life of a log on a running installation: keys that are rotated under servers, cursors that are written down when a
//! server stops, a database that was restored by other means.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storage_diesel::{DatabaseConfig, open};
use sync_core::SpaceId;
use sync_core::ports::Access;

use crate::database::Database;
use crate::server::{Client, Server, add_admin, create, op_id, prepare, run};

/// How long another node may take to hear of a new key.
const PATIENCE: Duration = Duration::from_secs(20);

fn databases() -> Vec<Database> {
    std::iter::once(Database::sqlite()).chain(Database::postgres()).collect()
}

fn pull(client: &Client, space: &str, cursor: &Value) -> Value {
    let body = json!({"protocol": 1, "pull": {"spaces": {space: {"cursor": cursor}}}});
    client.call("POST", "/api/offline/sync", &body).unwrap()["changes"][space].clone()
}

#[test]
fn a_new_key_is_taken_up_by_servers_that_run() {
    for database in databases() {
        prepare(&database);
        let (first, second) = (Server::start(&database), Server::start(&database));
        let client = first.client();
        let space = client.space();
        let old = pull(&client, &space, &Value::Null)["cursor"].clone();
        let said = run(&database, &["keys", "rotate"]);
        assert!(said.contains("key 2 signs"), "{}: {said}", database.name);
        second.kill();
        let second = Server::start(&database);
        let new = pull(&second.client(), &space, &Value::Null)["cursor"].clone();
        // the other one looks for a key that it does not know once a second at most
        let until = Instant::now() + PATIENCE;
        while pull(&client, &space, &new)["reset"] == true {
            assert!(Instant::now() < until, "{}: the new key is never taken up", database.name);
        }
        for client in [&client, &second.client()] {
            assert_eq!(pull(client, &space, &old)["has_more"], false, "{}: the former key is good still", database.name);
        }
    }
}

#[test]
fn what_is_done_to_the_installation_is_in_the_log_of_every_organisation() {
    for database in databases() {
        prepare(&database);
        add_admin(&database, "eve@example.com", "Birch");
        let server = Server::start(&database);
        let (ana, eve) = (server.client(), server.log_in("eve@example.com").0);
        let space = ana.space();
        let epoch = pull(&ana, &space, &Value::Null)["epoch"].clone();
        let first = run(&database, &["keys", "audit"]);
        run(&database, &["keys", "rotate"]);
        run(&database, &["keys", "rotate-audit"]);
        run(&database, &["restore", "--mark-restored"]);
        let both = run(&database, &["keys", "audit"]);
        let second = both.strip_prefix(&first).unwrap().trim_end();
        let told = |client: &Client, action: &str| {
            let page = client.call("GET", &format!("/api/offline/audit?action={action}"), &Value::Null).unwrap();
            page["items"].as_array().unwrap().iter().map(|item| item["details"].clone()).collect::<Vec<_>>()
        };
        for client in [&ana, &eve] {
            assert_eq!(told(client, "keys.rotate"), [json!({"operator": true, "number": 2})], "{}", database.name);
            let keys: Vec<_> = [second, first.trim_end()].map(|key| json!({"operator": true, "key": key})).into();
            assert_eq!(told(client, "keys.rotate_audit"), keys, "{}: the one that the server made, and the next", database.name);
        }
        let now = pull(&ana, &space, &Value::Null)["epoch"].clone();
        let begun = json!({"operator": true, "shared_until": 0, "changes": {"epoch": {"from": epoch, "to": now}}});
        assert_eq!(told(&ana, "space.new_epoch"), [begun], "{}", database.name);
        assert_eq!(told(&eve, "space.new_epoch"), [] as [Value; 0], "{}: it has no space", database.name);
    }
}

#[test]
fn what_devices_showed_is_written_down_when_the_server_stops() {
    for database in databases() {
        prepare(&database);
        let server = Server::start(&database);
        let client = server.client();
        let space = client.space();
        client.push(&space, &[create(1, 1)]).unwrap();
        let cursor = pull(&client, &space, &Value::Null)["cursor"].clone();
        pull(&client, &space, &cursor);
        assert_eq!(server.wait_after_terminate(), Some(0));
        let mut config = DatabaseConfig::new(&database.url);
        config.allow_fsync_off = true;
        let (store, space_id) = (open(&config).unwrap(), space.parse::<SpaceId>().unwrap());
        let shown = pollster::block_on(store.transact(Access::Read, move |tx| tx.list_presented(space_id))).unwrap();
        assert_eq!(shown.iter().map(|row| row.floor).collect::<Vec<_>>(), [1], "{}", database.name);
    }
}

#[test]
fn a_database_that_was_restored_by_other_means_is_marked() {
    for database in databases() {
        prepare(&database);
        let server = Server::start(&database);
        let client = server.client();
        let space = client.space();
        client.push(&space, &[create(1, 1)]).unwrap();
        let read = pull(&client, &space, &Value::Null);
        let said = run(&database, &["restore", "--mark-restored"]);
        assert!(said.starts_with("1 spaces have a new epoch"), "{}: {said}", database.name);
        // even under a server that runs
        let page = pull(&client, &space, &read["cursor"]);
        assert_eq!((&page["reason"], &page["shared_until"]), (&json!("epoch"), &json!(1)), "{}", database.name);
        assert_ne!(page["epoch"], read["epoch"]);
        let again = client.push(&space, &[create(1, 1)]).unwrap();
        assert_eq!((&again[0]["status"], &again[0]["op_id"]), (&json!("duplicate"), &json!(op_id(1, 1))));
    }
}
