//! Batches that are on their way when their device is revoked, or their sender is taken out of the space: each is wholly
//! applied, and before that was answered, or wholly refused; of two nodes, each with its own connections, on PostgreSQL.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use auth::{PasswordConfig, PasswordHasher};
use serde_json::{Value, json};
use storage_diesel::DatabaseConfig;
use sync_core::ports::{Access, DocumentPage, Store};
use sync_core::protocol::v1::SyncRequest;
use sync_core::protocol::v1::identity::{AddUserRequest, LoginRequest};
use sync_core::protocol::v1::spaces::PutMemberRequest;
use sync_core::{Audience, Code, Role, SpaceId, UserId};
use sync_service::{Caller, Service};
use testkit::fake::{FakeClock, SeededEntropy};

use crate::database::Database;
use crate::queue_faults::until;
use crate::server::{op_id, run};

const PASSWORD: &str = "correct horse";
/// Rounds, each with a device of its own.
const ROUNDS: u32 = 30;
/// Who sends at once on that device, by turns to each node.
const SENDERS: u32 = 4;
/// Operations of a batch.
const OPERATIONS: u32 = 10;
/// Batches of a sender at most.
const BATCHES: u32 = 200;

/// A person who writes, and how their writing ends.
struct Studio {
    nodes: Vec<Service>,
    store: Arc<dyn Store>,
    ana: Caller,
    bo: UserId,
    space_id: SpaceId,
}

/// What came of a batch.
struct Sent {
    /// Its documents begin with this.
    name: String,
    /// Whether all of it was applied; otherwise nothing was.
    applied: bool,
}

fn open(database: &Database) -> Arc<dyn Store> {
    let mut config = DatabaseConfig::new(&database.url);
    config.allow_fsync_off = true;
    storage_diesel::open(&config).unwrap()
}

fn node(store: Arc<dyn Store>, seed: u64) -> Service {
    let mut cheap = PasswordConfig::default();
    (cheap.memory_kib, cheap.passes) = (8, 1);
    Service::new(store, Arc::new(FakeClock::new()), Arc::new(SeededEntropy::new(seed)), Arc::new(PasswordHasher::new(&cheap).unwrap()))
}

fn user(email: &str) -> AddUserRequest {
    AddUserRequest { email: email.into(), password: PASSWORD.into(), name: email.into() }
}

impl Studio {
    /// `apart`: each node with connections of its own; a file of SQLite is opened by one.
    fn over(database: &Database, apart: bool) -> Self {
        run(database, &["migrate"]);
        let store = open(database);
        let other = if apart { open(database) } else { Arc::clone(&store) };
        let nodes = vec![node(Arc::clone(&store), 5), node(other, 6)];
        pollster::block_on(nodes[0].bootstrap_user("Alder", user("ana@example.org"), true)).unwrap();
        let bo = pollster::block_on(nodes[0].bootstrap_user("Alder", user("bo@example.org"), false)).unwrap().user_id;
        let ana = login(&nodes[0], "ana@example.org").0;
        let space = serde_json::from_value(json!({"name": "Amara & Joel"})).unwrap();
        let space_id = pollster::block_on(nodes[0].create_space(&ana, space)).unwrap().space_id;
        Self { nodes, store, ana, bo, space_id }
    }

    fn admit(&self) {
        pollster::block_on(self.nodes[0].put_member(&self.ana, self.space_id, self.bo, PutMemberRequest { role: Role::Coordinator }))
            .unwrap();
    }

    fn head(&self) -> i64 {
        let space_id = self.space_id;
        pollster::block_on(self.store.transact(Access::Read, move |tx| tx.list_heads(&[space_id]))).unwrap()[0].1
    }

    /// The documents that there are.
    fn documents(&self) -> BTreeSet<String> {
        let space_id = self.space_id;
        let page = DocumentPage { space_id, above: 0, seen_by: Audience::EVERYONE, deleted_above: 0, left_above: 0, limit: 1_000_000 };
        let rows = pollster::block_on(self.store.transact(Access::Read, move |tx| tx.list_documents(page))).unwrap();
        rows.into_iter().map(|row| row.key.as_str().to_owned()).collect()
    }

    /// Everybody sends batches on one device until one is refused; meanwhile something ends that. What came of each.
    fn round(&self, round: u32, end: &(dyn Fn(&Caller) + Sync)) -> Vec<Sent> {
        self.admit();
        let (caller, token) = login(&self.nodes[1], "bo@example.org");
        let applied = AtomicU32::new(0);
        let send = |sender: u32| {
            let node = &self.nodes[sender as usize % self.nodes.len()];
            let mut sent = Vec::new();
            for batch in 0..BATCHES {
                let name = format!("d-{round}-{sender}-{batch}-");
                let whole = is_applied(node, &caller, self.space_id, (round, sender * BATCHES + batch), &name);
                sent.push(Sent { name, applied: whole });
                if !whole {
                    break;
                }
                applied.fetch_add(1, Ordering::SeqCst);
            }
            sent
        };
        let sent = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS).map(|sender| scope.spawn(move || send(sender))).collect();
            until(Instant::now() + Duration::from_secs(60), "they write", || applied.load(Ordering::SeqCst) > round % 7);
            end(&caller);
            // what is applied was so before that was answered
            let head = self.head();
            let sent: Vec<Sent> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
            assert_eq!(self.head(), head, "round {round}: a batch was applied after the answer");
            sent
        });
        self.asks_in_vain(&token);
        sent
    }

    /// Whatever is asked next is refused, on every node.
    fn asks_in_vain(&self, token: &str) {
        for node in &self.nodes {
            let outcome = pollster::block_on(node.authenticate(token)).and_then(|caller| {
                let pull = json!({"protocol": 1, "pull": {"spaces": {self.space_id.to_string(): {"cursor": null}}}}).to_string();
                pollster::block_on(node.sync(&caller, SyncRequest::parse(pull.as_bytes()).unwrap()))
            });
            match outcome {
                Err(error) => assert_eq!(error.problem().code, Code::Unauthenticated),
                // the login is good for other spaces
                Ok(answer) => assert!(answer.changes.values().all(|changes| changes.revoked), "{answer:?}"),
            }
        }
    }
}

fn login(node: &Service, email: &str) -> (Caller, String) {
    let request: LoginRequest = serde_json::from_value(json!({"email": email, "password": PASSWORD, "device": {"name": "a"}})).unwrap();
    let token = pollster::block_on(node.login(request)).unwrap().access_token;
    (pollster::block_on(node.authenticate(&token)).unwrap(), token)
}

/// Sends a batch; whether it was applied. Where the database has too much to do, it is sent again.
fn is_applied(node: &Service, caller: &Caller, space_id: SpaceId, (round, batch): (u32, u32), name: &str) -> bool {
    let operation = |number: u32| {
        json!({"op_id": op_id(round + 1, batch * OPERATIONS + number), "collection": "notes", "document_id": format!("{name}{number}"),
            "kind": "create", "base_version": 0, "patch": {"n": number}})
    };
    let operations: Vec<Value> = (0..OPERATIONS).map(operation).collect();
    let body = json!({"protocol": 1, "space_id": space_id, "operations": operations}).to_string();
    for _ in 0..1_000 {
        match pollster::block_on(node.sync(caller, SyncRequest::parse(body.as_bytes()).unwrap())) {
            Ok(answer) => {
                let statuses: BTreeSet<&str> = answer.results.iter().map(|result| result.status.as_str()).collect();
                assert!(statuses.len() == 1 && answer.results.len() == OPERATIONS as usize, "{:?}", answer.results);
                return statuses.contains("applied") || statuses.contains("duplicate");
            }
            Err(error) if error.problem().code == Code::Unauthenticated => return false,
            Err(error) => assert!(error.problem().code.retryable(), "{error}"),
        }
    }
    panic!("the database has too much to do for ever");
}

/// In each round, whoever sends is stopped in the midst of it.
fn storm(studio: &Studio, end: &(dyn Fn(&Caller) + Sync)) {
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        sent.extend(studio.round(round, end));
    }
    let documents = studio.documents();
    for Sent { name, applied } in &sent {
        let found = (0..OPERATIONS).filter(|number| documents.contains(&format!("notes/{name}{number}"))).count();
        assert_eq!(found, if *applied { OPERATIONS as usize } else { 0 }, "{name}: half of a batch");
    }
    assert!(sent.iter().any(|sent| sent.applied) && sent.iter().filter(|sent| !sent.applied).count() >= ROUNDS as usize);
}

fn revoke(database: &Database, apart: bool) {
    let studio = Studio::over(database, apart);
    storm(&studio, &|caller| pollster::block_on(studio.nodes[0].revoke_device(&studio.ana, caller.device_id)).unwrap());
}

fn remove(database: &Database, apart: bool) {
    let studio = Studio::over(database, apart);
    storm(&studio, &|_| pollster::block_on(studio.nodes[0].remove_member(&studio.ana, studio.space_id, studio.bo)).unwrap());
}

#[test]
fn a_batch_of_a_revoked_device_is_whole_on_sqlite() {
    revoke(&Database::sqlite(), false);
}

#[test]
fn a_batch_of_a_revoked_device_is_whole_on_postgres() {
    if let Some(database) = Database::postgres() {
        revoke(&database, true);
    }
}

#[test]
fn a_batch_of_a_removed_member_is_whole_on_sqlite() {
    remove(&Database::sqlite(), false);
}

#[test]
fn a_batch_of_a_removed_member_is_whole_on_postgres() {
    if let Some(database) = Database::postgres() {
        remove(&database, true);
    }
}
