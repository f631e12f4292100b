//! The floor writes what a push writes: as many rows into the same tables, with the same columns of the same size. All but
//! the record in the audit log.

use std::collections::BTreeMap;
use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::{Value, json};
use storage_diesel::bench::{Floor, FloorConfig, FloorPush};
use storage_diesel::{DatabaseConfig, open};
use sync_core::protocol::v1::SyncRequest;
use sync_core::protocol::v1::identity::{AddUserRequest, LoginRequest};
use sync_core::{DocumentKey, OpId, SpaceId};
use sync_service::{Caller, Service};
use testkit::fake::{FakeClock, SeededEntropy};
use uuid::Uuid;

use crate::columns::expected;
use crate::support::{PostgresDatabase, cluster};

/// Operations of one push.
const BATCH: u32 = 20;

/// Everything in a database: tables, rows, cells as text.
type Image = BTreeMap<String, Vec<Vec<Option<String>>>>;

/// By table: rows that are new or another, and for each column the bytes of their cells, or that all are null.
type Written = BTreeMap<String, (usize, Vec<(String, Option<usize>)>)>;

fn tables() -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column, _) in expected() {
        tables.entry(table).or_default().push(column);
    }
    tables
}

/// What stands in `after` and did not stand in `before`.
fn written(before: &Image, after: &Image) -> Written {
    let mut written = Written::new();
    for (table, columns) in tables() {
        let rows: Vec<_> = after[&table].iter().filter(|row| !before[&table].contains(row)).collect();
        let bytes = |place: usize| rows.iter().filter_map(|row| row[place].as_ref()).map(String::len).reduce(|one, other| one + other);
        if !rows.is_empty() {
            let sizes = columns.into_iter().enumerate().map(|(place, column)| (column, bytes(place))).collect();
            written.insert(table, (rows.len(), sizes));
        }
    }
    written
}

/// Counts are equal, columns are null or not alike, and sizes differ by 3 % at most: numbers have more or fewer digits.
fn assert_alike(push: &Written, floor: &Written) {
    assert_eq!(push.keys().collect::<Vec<_>>(), floor.keys().collect::<Vec<_>>());
    for (table, (rows, columns)) in push {
        let (floor_rows, floor_columns) = &floor[table];
        assert_eq!(rows, floor_rows, "{table}");
        for ((column, size), (_, floor_size)) in columns.iter().zip(floor_columns) {
            assert_eq!(size.is_some(), floor_size.is_some(), "{table}.{column}");
            let (size, floor_size) = (size.unwrap_or_default(), floor_size.unwrap_or_default());
            let apart = size.abs_diff(floor_size);
            // a sum is one number
            assert!(apart * 100 <= size * 3 || table == "collection_sums", "{table}.{column}: {size} and {floor_size} bytes");
        }
    }
}

fn check(config: DatabaseConfig, image: impl Fn() -> Image) {
    let (service, caller, space_id) = push_twice(&config);
    let (organisation_id, before) = (caller.organisation_id, image());
    push(&service, &caller, &space_id.to_string(), 3);
    drop(service);
    let pushed = image();
    let keys: Vec<DocumentKey> = (0..BATCH).map(|number| DocumentKey::new("notes", &format!("document-{number}")).unwrap()).collect();
    let mut next = 0xf100_0000;
    let mut new_op_id = || {
        next += 1;
        OpId(Uuid::from_u128(next))
    };
    let floor = Floor::prepare(FloorConfig {
        database: config,
        organisation_id,
        pushes: vec![FloorPush { space_id, keys, lane: 0 }],
        warm_up: 0,
        pushes_per_commit: 1.0,
        connections: 2,
        new_op_id: &mut new_op_id,
        thread_cpu: || None,
    });
    let report = floor.unwrap().run(|| {}).unwrap();
    assert_eq!((report.operations, report.pushes, report.commits), (u64::from(BATCH), 1, 1));
    let (mut push, floor) = (written(&before, &pushed), written(&pushed, &image()));
    assert!(push["documents"].0 == 20 && push["changes"].0 == 20 && push["operations"].0 == 20, "{push:?}");
    assert!(push["space_heads"].0 == 1 && push["collection_sums"].0 == 1, "{push:?}");
    // what it costs to keep the audit log is told by itself
    assert_eq!(push.remove("audit_records").map(|(rows, _)| rows), Some(1), "one record for a push, whatever its size");
    assert_alike(&push, &floor);
}

fn service(config: &DatabaseConfig) -> (Service, Caller) {
    let mut cheap = PasswordConfig::default();
    (cheap.memory_kib, cheap.passes) = (8, 1);
    let hasher = Arc::new(PasswordHasher::new(&cheap).unwrap());
    let service = Service::new(open(config).unwrap(), Arc::new(FakeClock::new()), Arc::new(SeededEntropy::new(7)), hasher);
    let login = json!({"email": "ana@example.org", "password": "correct horse", "device": {"name": "a"}});
    let login: LoginRequest = serde_json::from_value(login).unwrap();
    let ana = AddUserRequest { email: "ana@example.org".into(), password: "correct horse".into(), name: "Ana".into() };
    pollster::block_on(service.bootstrap_user("Alder", ana, true)).unwrap();
    let grant = pollster::block_on(service.login(login)).unwrap();
    let caller = pollster::block_on(service.authenticate(&grant.access_token)).unwrap();
    (service, caller)
}

/// Makes the documents and edits each once.
fn push_twice(config: &DatabaseConfig) -> (Service, Caller, SpaceId) {
    let (service, caller) = service(config);
    let space = serde_json::from_value(json!({"name": "Amara & Joel"})).unwrap();
    let space_id = pollster::block_on(service.create_space(&caller, space)).unwrap().space_id;
    for round in 1..=2 {
        push(&service, &caller, &space_id.to_string(), round);
    }
    (service, caller, space_id)
}

/// Round 1 creates; later ones change two fields, over the version of the round before.
fn push(service: &Service, caller: &Caller, space: &str, round: u32) {
    let operation = |number: u32| {
        let kind = if round == 1 { "create" } else { "update" };
        let notes = if round == 1 { json!("n".repeat(500)) } else { Value::Null };
        let mut patch = json!({"place": format!("Garden {round}"), "guests": round});
        if round == 1 {
            patch["notes"] = notes;
        }
        json!({
            "op_id": Uuid::from_u128((u128::from(round) << 64) | u128::from(number)), "collection": "notes",
            "document_id": format!("document-{number}"), "kind": kind, "patch": patch,
            "base_version": if round == 1 { 0 } else { (round - 2) * BATCH + number + 1 },
        })
    };
    let operations: Vec<Value> = (0..BATCH).map(operation).collect();
    let body = json!({"protocol": 1, "space_id": space, "operations": operations}).to_string();
    let answer = pollster::block_on(service.sync(caller, SyncRequest::parse(body.as_bytes()).unwrap())).unwrap();
    for result in answer.results {
        assert_eq!(result.status, sync_core::Status::Applied, "{result:?}");
    }
}

fn cells(text: &str) -> Vec<Option<String>> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn on_sqlite_it_writes_what_a_push_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    check(DatabaseConfig::new(format!("sqlite:{}", path.display())), || {
        let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let rows = |(table, columns): (String, Vec<String>)| {
            let columns: Vec<String> = columns
                .iter()
                .map(|name| format!("CASE typeof({name}) WHEN 'blob' THEN hex({name}) WHEN 'null' THEN NULL ELSE CAST({name} AS TEXT) END"))
                .collect();
            let select = format!("json_array({}) FROM {table}", columns.join(","));
            let rows: Vec<String> = diesel::select(sql::<Text>(&select)).load(&mut conn).unwrap();
            (table, rows.iter().map(|row| cells(row)).collect())
        };
        tables().into_iter().map(rows).collect()
    });
}

#[test]
fn on_postgres_it_writes_what_a_push_writes() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let mut config = DatabaseConfig::new(database.url());
    config.allow_fsync_off = true;
    check(config, || {
        let mut conn = database.connection();
        let rows = |(table, columns): (String, Vec<String>)| {
            let columns: Vec<String> = columns.iter().map(|name| format!("{name}::text")).collect();
            let select = format!("json_build_array({})::text FROM {table}", columns.join(","));
            let rows: Vec<String> = diesel::select(sql::<Text>(&select)).load(&mut conn).unwrap();
            (table, rows.iter().map(|row| cells(row)).collect())
        };
        tables().into_iter().map(rows).collect()
    });
}
