//! Eight writers and two readers on one space over PostgreSQL: no cursor skips a change.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use storage_diesel::{PostgresConfig, PostgresStore, migrate};
use sync_service::Caller;
use testkit::device::{Compose, Device};

use crate::script::SchemaKind;
use crate::server::Server;

const WRITERS: usize = 8;
const READERS: usize = 2;
const REQUESTS: usize = 40;
/// Documents that all of them edit.
const SHARED: usize = 5;

/// A database of the cluster that `REJOIN_TEST_POSTGRES` names, dropped in the end.
struct Database {
    cluster: String,
    name: String,
}

impl Database {
    #[allow(clippy::disallowed_methods, reason = "tests are told by the environment which cluster to use")]
    fn new() -> Option<Self> {
        let Ok(cluster) = std::env::var("REJOIN_TEST_POSTGRES") else {
            let demanded = std::env::var("CI").is_ok_and(|value| value == "true") || std::env::var_os("REJOIN_TESTS_RUN").is_some();
            assert!(!demanded, "REJOIN_TEST_POSTGRES must hold the URL of a PostgreSQL cluster");
            println!("PostgreSQL is skipped: REJOIN_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("sim_{}", std::process::id());
        psql(&cluster, &format!("CREATE DATABASE {name}"));
        let database = Self { cluster, name };
        migrate(&database.url()).unwrap();
        Some(database)
    }

    fn url(&self) -> String {
        let (base, parameters) =
            self.cluster.split_once('?').map_or((self.cluster.as_str(), String::new()), |(base, rest)| (base, format!("?{rest}")));
        let (server, _) = base.rsplit_once('/').unwrap();
        format!("{server}/{}{parameters}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        psql(&self.cluster, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn psql(url: &str, statement: &str) {
    let output = Command::new("psql").args([url, "-qc", statement]).output().expect("psql runs");
    assert!(output.status.success() || std::thread::panicking(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn no_cursor_skips_a_change() {
    let Some(database) = Database::new() else { return };
    let mut config = PostgresConfig::new(database.url());
    config.connections = 10;
    config.allow_fsync_off = true;
    let store = Arc::new(PostgresStore::connect(&config).unwrap());
    let server = Server::over(store, 2, &[SchemaKind::Open]);
    let space = server.spaces[0];
    let writing = AtomicBool::new(true);
    let (committed, seen) = std::thread::scope(|scope| {
        let (server, writing) = (&server, &writing);
        let readers: Vec<_> = (0..READERS)
            .map(|index| {
                let caller = server.log_in(index);
                scope.spawn(move || read(server, &caller, writing))
            })
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|index| {
                let caller = server.log_in(index % 2);
                scope.spawn(move || write(server, &caller, index))
            })
            .collect();
        let committed: BTreeSet<i64> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        writing.store(false, Ordering::SeqCst);
        (committed, readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>())
    });
    let log: BTreeSet<i64> = server.changes(space).into_iter().map(|change| change.version).collect();
    assert_eq!(log, committed, "what was acknowledged is what is in the log");
    let rows = server.documents(space).into_iter().filter(|row| !row.presence.deleted);
    let heads: BTreeMap<String, i64> = rows.map(|row| (row.key.as_str().to_owned(), row.version)).collect();
    for (copy, fresh) in seen {
        // documents that are made once and never touched again can't hide behind a later version
        assert_eq!(copy, heads);
        assert!(fresh > 0, "the reader read while the others wrote");
    }
}

/// Pushes creates of documents of its own and edits of those that all share. Gives the versions that were committed.
fn write(server: &Server, caller: &Caller, index: usize) -> Vec<i64> {
    let space = server.spaces[0].to_string();
    let mut committed = Vec::new();
    for request in 0..REQUESTS {
        let id = |request: usize, number: usize| format!("01890000-0000-7000-8000-{:012x}", (index * REQUESTS + request) * 4 + number);
        let operation = |number: usize, kind: &str, document: String, patch: Value| json!({"op_id": id(request, number), "collection": "notes", "document_id": document, "kind": kind, "base_version": 0, "patch": patch});
        let mut operations = vec![operation(0, "create", format!("own-{index}-{request}"), json!({"n": request}))];
        // each writer has a field of its own in the documents of all
        let mut shared = operation(1, "create", format!("shared-{}", request % SHARED), json!({format!("w{index}"): request}));
        if request >= SHARED {
            shared["kind"] = json!("update");
            shared["after"] = json!(id(request - SHARED, 1));
        }
        operations.push(shared);
        if request % 7 == 6 {
            operations.push(operation(2, "delete", format!("own-{index}-{request}"), Value::Null));
        }
        let body = json!({"protocol": 1, "space_id": space, "operations": operations});
        let response = server.sync(caller, &body).unwrap();
        for result in response["results"].as_array().unwrap() {
            assert!(["applied", "merged", "noop"].iter().any(|status| result["status"] == *status), "{result}");
            committed.extend(result["decided_version"].as_i64());
        }
    }
    committed
}

/// Follows its cursor by small pages until the writers are done and everything is read. Gives what it holds, and how
/// many pages it read meanwhile.
fn read(server: &Server, caller: &Caller, writing: &AtomicBool) -> (BTreeMap<String, i64>, usize) {
    let space = server.spaces[0].to_string();
    let mut device = Device::new("a reader", [space.as_str()]);
    let mut pages = 0;
    loop {
        let last = !writing.load(Ordering::SeqCst);
        let body = device.compose(&Compose { max_changes: Some(3), ..Compose::default() });
        let response = server.sync(caller, &body).unwrap();
        // the copy's checksums are the server's, at the end of every run
        device.absorb(&response).unwrap_or_else(|broken| panic!("{broken}"));
        pages += usize::from(!last);
        if last && device.replica(&space).is_complete() {
            let live = device.replica(&space).all_live();
            return (live.map(|(collection, id, version, _)| (format!("{collection}/{id}"), version)).collect(), pages);
        }
    }
}
