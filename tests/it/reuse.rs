//! An id that somebody used where the sender sees nothing is answered the same on both databases: that it was used, and
//! nothing of where, by whom or for what.

use std::sync::Arc;

use auth::{PasswordConfig, PasswordHasher};
use queue::sizing::Budget;
use serde_json::{Value, json};
use storage_diesel::DatabaseConfig;
use sync_core::protocol::v1::SyncRequest;
use sync_core::protocol::v1::identity::{AddUserRequest, LoginRequest};
use sync_service::queue::QueueConfig;
use sync_service::{Caller, Service};
use testkit::fake::{FakeClock, SeededEntropy};

use crate::database::Database;
use crate::server::{op_id, run};

const PASSWORD: &str = "correct horse";

fn service(database: &Database, config: QueueConfig) -> Service {
    run(database, &["migrate"]);
    let mut opened = DatabaseConfig::new(&database.url);
    opened.allow_fsync_off = true;
    let mut cheap = PasswordConfig::default();
    (cheap.memory_kib, cheap.passes) = (8, 1);
    let hasher = Arc::new(PasswordHasher::new(&cheap).unwrap());
    let store = storage_diesel::open(&opened).unwrap();
    Service::new(store, Arc::new(FakeClock::new()), Arc::new(SeededEntropy::new(9)), hasher).with_queue(config)
}

/// Somebody with a space of their own.
fn person(service: &Service, email: &str) -> (Caller, String) {
    let user = AddUserRequest { email: email.into(), password: PASSWORD.into(), name: "somebody".into() };
    pollster::block_on(service.bootstrap_user("Alder", user, false)).unwrap();
    let login: LoginRequest = serde_json::from_value(json!({"email": email, "password": PASSWORD, "device": {"name": "a"}})).unwrap();
    let token = pollster::block_on(service.login(login)).unwrap().access_token;
    let caller = pollster::block_on(service.authenticate(&token)).unwrap();
    let space = serde_json::from_value(json!({"name": email})).unwrap();
    (caller, pollster::block_on(service.create_space(&caller, space)).unwrap().space_id.to_string())
}

fn push(service: &Service, caller: &Caller, space: &str, ids: &[u32], text: &str) -> Value {
    let operation = |id: &u32| {
        json!({"op_id": op_id(1, *id), "collection": "notes", "document_id": format!("d-{id}"), "kind": "create", "base_version": 0,
            "patch": {"text": text}})
    };
    let operations: Vec<Value> = ids.iter().map(operation).collect();
    let body = json!({"protocol": 1, "space_id": space, "operations": operations}).to_string();
    json!(pollster::block_on(service.sync(caller, SyncRequest::parse(body.as_bytes()).unwrap())).unwrap().results)
}

/// The status of each, and the code of its problem.
fn statuses(results: &Value) -> Vec<(&str, &str)> {
    let results = results.as_array().unwrap().iter();
    results.map(|result| (result["status"].as_str().unwrap(), result["problem"]["code"].as_str().unwrap_or_default())).collect()
}

/// What is told of ids of which some were used by somebody else, decided at once or waiting in the queue.
fn told(database: &Database, queued: bool) -> Value {
    let mut config = QueueConfig::default();
    if queued {
        config.inline = Budget::of(0, 0, 0);
    }
    let service = service(database, config);
    let (ana, hers) = person(&service, "ana@example.org");
    let (bo, his) = person(&service, "bo@example.org");
    let accepted = if queued { "queued" } else { "applied" };
    assert_eq!(statuses(&push(&service, &ana, &hers, &[1, 2], "a secret")), [(accepted, ""); 2]);
    let results = push(&service, &bo, &his, &[1, 3, 2, 4], "mine");
    let used = ("rejected", "op_id_reuse");
    assert_eq!(statuses(&results), [used, (accepted, ""), used, (accepted, "")], "{results}");
    for part in ["secret", &hers, &ana.user_id.to_string()] {
        assert!(!results.to_string().contains(part), "{results}");
    }
    // and once more: what was taken is there, what was not is not
    let again = push(&service, &bo, &his, &[1, 3], "mine");
    assert_eq!(statuses(&again)[0], used, "{again}");
    json!([results[0], results[2], again[0]])
}

#[test]
fn an_id_that_is_used_out_of_sight_is_answered_alike_on_both_databases() {
    for queued in [false, true] {
        let here = told(&Database::sqlite(), queued);
        if let Some(database) = Database::postgres() {
            assert_eq!(told(&database, queued), here, "queued: {queued}");
        }
    }
}
