//! A push of 1,000 operations takes as many statements as one of 10.

use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use serde_json::{Value, json};
use storage_diesel::{PostgresConfig, PostgresStore, migrate};
use sync_core::protocol::v1::SyncRequest;
use sync_core::protocol::v1::identity::{AddUserRequest, LoginRequest};
use sync_service::{Caller, Service};
use testkit::fake::{FakeClock, SeededEntropy};

use crate::database::Database;
use crate::server::op_id;

#[test]
fn a_push_takes_the_same_statements_whatever_its_size() {
    let Some(database) = Database::postgres() else { return };
    migrate(&database.url).unwrap();
    let mut config = PostgresConfig::new(&database.url);
    config.allow_fsync_off = true;
    let store = Arc::new(PostgresStore::connect(&config).unwrap());
    let mut cheap = PasswordConfig::default();
    (cheap.memory_kib, cheap.passes) = (8, 1);
    let hasher = Arc::new(PasswordHasher::new(&cheap).unwrap());
    let service = Service::new(store.clone(), Arc::new(FakeClock::new()), Arc::new(SeededEntropy::new(7)), hasher);
    let (caller, space) = enter(&service);
    let count = |round: u32, operations: u32, kind: &str, base: i64| {
        let before = store.statements();
        push(&service, &caller, &space, round, operations, kind, base);
        store.statements() - before
    };
    // the documents that the updates change, and a first look at everything that is looked up once
    count(1, 1_000, "create", 0);
    let creates = (count(2, 10, "create", 0), count(3, 1_000, "create", 0));
    // from here on every update meets a document that moved on, and reads history
    count(1_001, 1_000, "update", 1_000);
    let updates = (count(1_002, 10, "update", 1_000), count(1_003, 1_000, "update", 1_000));
    println!("statements: creates {creates:?}, updates {updates:?}");
    assert_eq!(creates.0, creates.1);
    assert_eq!(updates.0, updates.1);
    assert!(creates.1 <= 20, "{creates:?}");
}

fn enter(service: &Service) -> (Caller, String) {
    let ana = AddUserRequest { email: "ana@example.org".into(), password: "correct horse".into(), name: "Ana".into() };
    pollster::block_on(service.bootstrap_user("Alder", ana, true)).unwrap();
    let login = json!({"email": "ana@example.org", "password": "correct horse", "device": {"name": "a"}});
    let login: LoginRequest = serde_json::from_value(login).unwrap();
    let grant = pollster::block_on(service.login(login)).unwrap();
    let caller = pollster::block_on(service.authenticate(&grant.access_token)).unwrap();
    let space = serde_json::from_value(json!({"name": "Amara & Joel"})).unwrap();
    let space = pollster::block_on(service.create_space(&caller, space)).unwrap();
    (caller, space.space_id.to_string())
}

/// Creates documents of the round, or updates those of the first one.
fn push(service: &Service, caller: &Caller, space: &str, round: u32, operations: u32, kind: &str, base: i64) {
    let of = if kind == "create" { round } else { 1 };
    let operation = |number: u32| {
        json!({
            "op_id": op_id(round, number), "collection": "notes", "document_id": format!("d-{of}-{number}"), "kind": kind,
            "base_version": base, "patch": {format!("written_{round}"): number},
        })
    };
    let operations: Vec<Value> = (0..operations).map(operation).collect();
    let body = json!({"protocol": 1, "space_id": space, "operations": operations}).to_string();
    let answer = pollster::block_on(service.sync(caller, SyncRequest::parse(body.as_bytes()).unwrap())).unwrap();
    assert!(answer.results.iter().all(|result| result.held), "{:?}", answer.results.first());
}
