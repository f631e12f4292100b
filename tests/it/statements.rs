//! A push of 1,000 operations takes as many statements as one of 10.

use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use queue::runner::Ran;
use queue::sizing::Budget;
use serde_json::{Value, json};
use storage_diesel::{PostgresConfig, PostgresStore, migrate};
use sync_core::protocol::v1::identity::{AddUserRequest, LoginRequest};
use sync_core::protocol::v1::{OperationResult, SyncRequest};
use sync_service::queue::QueueConfig;
use sync_service::{Caller, Service};
use testkit::fake::{FakeClock, SeededEntropy};

use crate::database::Database;
use crate::server::op_id;

/// A service over a database that counts its statements.
pub(crate) fn counted(database: &Database) -> (Arc<PostgresStore>, Service) {
    migrate(&database.url).unwrap();
    let mut config = PostgresConfig::new(&database.url);
    config.allow_fsync_off = true;
    let store = Arc::new(PostgresStore::connect(&config).unwrap());
    let mut cheap = PasswordConfig::default();
    (cheap.memory_kib, cheap.passes) = (8, 1);
    let hasher = Arc::new(PasswordHasher::new(&cheap).unwrap());
    let service = Service::new(store.clone(), Arc::new(FakeClock::new()), Arc::new(SeededEntropy::new(7)), hasher);
    (store, service)
}

#[test]
fn a_push_takes_the_same_statements_whatever_its_size() {
    let Some(database) = Database::postgres() else { return };
    let (store, service) = counted(&database);
    let (caller, space) = enter(&service, &Value::Null);
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

/// Whoever puts ten operations or a thousand into the queue, and whoever works off ten of them or five hundred.
#[test]
fn what_goes_through_the_queue_takes_the_same_statements_whatever_its_size() {
    let Some(database) = Database::postgres() else { return };
    let (store, service) = counted(&database);
    let mut config = QueueConfig::default();
    config.inline = Budget::of(0, 0, 0);
    let service = service.with_queue(config);
    let (caller, space) = enter(&service, &Value::Null);
    let count = |work: &mut dyn FnMut()| {
        let before = store.statements();
        work();
        store.statements() - before
    };
    let queue =
        |round: u32, operations: u32, kind: &str, base: i64| count(&mut || push(&service, &caller, &space, round, operations, kind, base));
    let step = |items: usize| {
        let mut claim = None;
        let claimed = count(&mut || claim = pollster::block_on(service.claim_work()).unwrap().ok());
        let claim = claim.unwrap();
        assert_eq!(claim.items().len(), items);
        (claimed, count(&mut || assert_eq!(pollster::block_on(service.run_step(&claim)).unwrap(), Ran::Done)))
    };
    // the documents that the updates change, and how long an operation takes: none at all by this clock
    queue(1, 1_000, "create", 0);
    pollster::block_on(service.work_off()).unwrap();
    let queued = (queue(2, 10, "create", 0), queue(3, 1_000, "create", 0));
    pollster::block_on(service.work_off()).unwrap();
    // from here on every update meets a document that moved on, and reads history
    queue(1_001, 1_000, "update", 1_000);
    pollster::block_on(service.work_off()).unwrap();
    let steps = [(1_002, 10), (1_003, 500)].map(|(round, items)| {
        queue(round, items, "update", 1_000);
        step(items as usize)
    });
    println!("statements: queued {queued:?}, claims and steps {steps:?}");
    assert_eq!(queued.0, queued.1);
    assert_eq!(steps[0], steps[1]);
    assert!(queued.0 <= 20 && steps[0].0 <= 12 && steps[0].1 <= 32, "{queued:?} {steps:?}");
}

/// Whoever shifts a day of ten events or of nine hundred, and whoever seats ten guests or nine hundred whom the rules of
/// the schema compare with each other.
#[test]
fn intents_and_rules_take_the_same_statements_whatever_they_read() {
    let Some(database) = Database::postgres() else { return };
    let (store, service) = counted(&database);
    let (caller, few) = enter(&service, &json!("wedding@2"));
    let space = serde_json::from_value(json!({"name": "Large", "schema": "wedding@2"})).unwrap();
    let many = pollster::block_on(service.create_space(&caller, space)).unwrap().space_id.to_string();
    let counts = [(&few, 10, 1), (&many, 900, 11)].map(|(space, size, round)| {
        let send = |round: u32, operations: Vec<Value>| {
            let before = store.statements();
            let answer = sync(&service, &caller, space, &operations);
            assert!(answer.iter().all(|result| ["applied", "merged"].contains(&result.status.as_str())), "{round}: {:?}", answer.first());
            store.statements() - before
        };
        let made = |round: u32, collection: &str, patch: &dyn Fn(u32) -> Value| {
            let create = |n: u32| json!({"op_id": op_id(round, n), "collection": collection, "document_id": format!("d-{n}"), "kind": "create", "base_version": 0, "patch": patch(n)});
            send(round, (0..size).map(create).collect())
        };
        made(round, "timeline_events", &|n| json!({"title": format!("E{n}"), "starts_at": "2026-06-20T16:00"}));
        let guests = made(round + 1, "guests", &|n| json!({"email": format!("g{n}@example.org"), "table_id": "t", "seat": n}));
        let intent = |by_min: i64| json!({"name": "shift", "args": {"from": "2026-06-20T15:00", "by_min": by_min}});
        let shift = |round: u32, base: i64| json!({"op_id": op_id(round, 1), "collection": "timeline_events", "kind": "intent", "base_version": base, "intent": intent(15)});
        let fresh = send(round + 2, vec![shift(round + 2, i64::from(2 * size))]);
        // over what the first one moved, which reads its history
        let again = send(round + 3, vec![shift(round + 3, i64::from(2 * size))]);
        (guests, fresh, again)
    });
    println!("statements: {counts:?}");
    assert_eq!(counts[0], counts[1]);
    assert!(counts[0].0 <= 24 && counts[0].1 <= 24 && counts[0].2 <= 28, "{counts:?}");
}

pub(crate) fn enter(service: &Service, schema: &Value) -> (Caller, String) {
    let ana = AddUserRequest { email: "ana@example.org".into(), password: "correct horse".into(), name: "Ana".into() };
    pollster::block_on(service.bootstrap_user("Alder", ana, true)).unwrap();
    let login = json!({"email": "ana@example.org", "password": "correct horse", "device": {"name": "a"}});
    let login: LoginRequest = serde_json::from_value(login).unwrap();
    let grant = pollster::block_on(service.login(login)).unwrap();
    let caller = pollster::block_on(service.authenticate(&grant.access_token)).unwrap();
    let space = serde_json::from_value(json!({"name": "Amara & Joel", "schema": schema})).unwrap();
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
    let results = sync(service, caller, space, &operations);
    assert!(results.iter().all(|result| result.held), "{:?}", results.first());
}

pub(crate) fn sync(service: &Service, caller: &Caller, space: &str, operations: &[Value]) -> Vec<OperationResult> {
    let body = json!({"protocol": 1, "space_id": space, "operations": operations}).to_string();
    pollster::block_on(service.sync(caller, SyncRequest::parse(body.as_bytes()).unwrap())).unwrap().results
}
