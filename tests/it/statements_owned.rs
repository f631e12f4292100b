//! Strategies, proposals and approvals: the statements of a push do not grow with its operations either.

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

/// A space with owners, of a lead and a photographer.
struct Owned {
    store: Arc<PostgresStore>,
    service: Service,
    lead: Caller,
    other: Caller,
    space: String,
}

fn login(service: &Service, name: &str) -> Caller {
    let user = AddUserRequest { email: format!("{name}@example.org"), password: "correct horse".into(), name: name.into() };
    pollster::block_on(service.bootstrap_user("Alder", user, true)).unwrap();
    let login = json!({"email": format!("{name}@example.org"), "password": "correct horse", "device": {"name": name}});
    let login: LoginRequest = serde_json::from_value(login).unwrap();
    let grant = pollster::block_on(service.login(login)).unwrap();
    pollster::block_on(service.authenticate(&grant.access_token)).unwrap()
}

impl Owned {
    fn new(url: &str) -> Self {
        migrate(url).unwrap();
        let mut config = PostgresConfig::new(url);
        config.allow_fsync_off = true;
        let store = Arc::new(PostgresStore::connect(&config).unwrap());
        let mut cheap = PasswordConfig::default();
        (cheap.memory_kib, cheap.passes) = (8, 1);
        let hasher = Arc::new(PasswordHasher::new(&cheap).unwrap());
        let service = Service::new(store.clone(), Arc::new(FakeClock::new()), Arc::new(SeededEntropy::new(7)), hasher);
        let (lead, other) = (login(&service, "ana"), login(&service, "rui"));
        let field = |owners: Value| json!({"type": "integer", "strategy": {"authority": owners}});
        let fields =
            json!({"at": field(json!({"owners": ["role:lead"]})), "meal": field(json!({"owners": ["role:couple"], "else": "lww"}))});
        let schema = json!({"name": "party", "version": 1, "collections": {"notes": {"fields": fields}}});
        let space = serde_json::from_value(json!({"name": "Amara & Joel", "schema": schema})).unwrap();
        let space_id = pollster::block_on(service.create_space(&lead, space)).unwrap().space_id;
        let role = serde_json::from_value(json!({"role": "photographer"})).unwrap();
        pollster::block_on(service.put_member(&lead, space_id, other.user_id, role)).unwrap();
        Self { store, service, lead, other, space: space_id.to_string() }
    }

    /// The statements of a push whose operations all answer with this status, and the last version that it made.
    fn push(&self, caller: &Caller, operations: &[Value], status: &str) -> (u64, i64) {
        let body = json!({"protocol": 1, "space_id": self.space, "operations": operations}).to_string();
        let before = self.store.statements();
        let answer = pollster::block_on(self.service.sync(caller, SyncRequest::parse(body.as_bytes()).unwrap())).unwrap();
        let statements = self.store.statements() - before;
        assert!(answer.results.iter().all(|result| result.status.as_str() == status), "{status}: {:?}", answer.results.first());
        (statements, answer.results.iter().filter_map(|result| result.decided_version).max().unwrap_or_default())
    }

    /// The statements of each step with so many documents.
    fn steps(&self, round: u32, size: u32) -> [u64; 5] {
        let operations = |step: u32, kind: &str, base: i64, patch: Value| -> Vec<Value> {
            let one = |number: u32| {
                json!({"op_id": op_id(round + step, number), "collection": "notes", "document_id": format!("d-{round}-{number}"),
                    "kind": kind, "base_version": base, "patch": patch})
            };
            (0..size).map(one).collect()
        };
        let (made, seen) = self.push(&self.lead, &operations(0, "create", 0, json!({"at": 1, "meal": 1})), "applied");
        let (proposed, _) = self.push(&self.other, &operations(1, "update", seen, json!({"at": 2})), "noop");
        let (edited, _) = self.push(&self.lead, &operations(2, "update", seen, json!({"meal": 2})), "applied");
        // now the writers of what was written meanwhile are asked for
        let (met, _) = self.push(&self.other, &operations(3, "update", seen, json!({"meal": 3})), "merged");
        let approval = |number: u32| {
            json!({"op_id": op_id(round + 4, number), "collection": "change_requests", "kind": "update", "base_version": seen,
                "document_id": format!("op-{}", op_id(round + 1, number)), "patch": {"state": "approved"}})
        };
        let (approved, _) = self.push(&self.lead, &(0..size).map(approval).collect::<Vec<_>>(), "merged");
        [made, proposed, edited, met, approved]
    }
}

#[test]
fn proposals_and_approvals_take_the_same_statements_whatever_their_number() {
    let Some(database) = Database::postgres() else { return };
    let owned = Owned::new(&database.url);
    // a first look at everything that is looked up once
    owned.steps(10, 1_000);
    let (few, many) = (owned.steps(20, 10), owned.steps(30, 1_000));
    println!("statements: {few:?}, {many:?}");
    assert_eq!(few, many);
    assert!(many.iter().all(|statements| *statements <= 22), "{many:?}");
}
