//! Several nodes that write to one audit log and give its records their places, all at once: one order, without a gap, and
//! every checkpoint is of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use audit_log::{Checkpoint, Hash, leaf_hash, verify_inclusion};
use auth::{PasswordConfig, PasswordHasher};
use serde_json::{Value, json};
use storage_diesel::{DatabaseConfig, migrate, open};
use sync_core::ports::{Access, AuditFilter, Store, Tx};
use sync_core::protocol::v1::SyncRequest;
use sync_service::{Caller, Included, Keyring, Service, SigningKey};
use testkit::fake::{FakeClock, SeededEntropy};

use crate::database::Database;
use crate::server::op_id;
use crate::statements::enter;

/// Pushes of each writer.
const PUSHES: u32 = 60;
/// Writers, half of them on each node.
const WRITERS: u32 = 4;

fn node(store: &Arc<dyn Store>, seed: u64) -> Service {
    let mut cheap = PasswordConfig::default();
    (cheap.memory_kib, cheap.passes) = (8, 1);
    let hasher = Arc::new(PasswordHasher::new(&cheap).unwrap());
    let service = Service::new(store.clone(), Arc::new(FakeClock::new()), Arc::new(SeededEntropy::new(seed)), hasher);
    service.use_audit_keys(Keyring::parse(&SigningKey::from_seed([7; 32]).unwrap().line()).unwrap());
    service
}

fn push(service: &Service, caller: &Caller, space: &str, round: u32, number: u32) {
    let operation = json!({"op_id": op_id(round, number), "collection": "notes", "document_id": format!("{round}-{number}"),
        "kind": "create", "base_version": 0, "patch": {"a": number}});
    let body = json!({"protocol": 1, "space_id": space, "operations": [operation]}).to_string();
    let answer = pollster::block_on(service.sync(caller, SyncRequest::parse(body.as_bytes()).unwrap())).unwrap();
    assert_eq!(answer.results[0].status.as_str(), "applied");
}

fn several_nodes_keep_one_order(database: &Database, own_stores: bool) {
    migrate(&database.url).unwrap();
    let connect = || {
        let mut config = DatabaseConfig::new(&database.url);
        config.allow_fsync_off = true;
        open(&config).unwrap()
    };
    let first = connect();
    let second = if own_stores { connect() } else { Arc::clone(&first) };
    let nodes = [node(&first, 7), node(&second, 8)];
    let (caller, space) = enter(&nodes[0], &Value::Null);
    let writing = AtomicBool::new(true);
    thread::scope(|scope| {
        for service in &nodes {
            scope.spawn(|| {
                while writing.load(Ordering::SeqCst) {
                    pollster::block_on(service.sequence_audit()).unwrap();
                }
            });
        }
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (service, caller, space) = (&nodes[(writer % 2) as usize], &caller, &space);
                scope.spawn(move || (0..PUSHES).for_each(|number| push(service, caller, space, writer + 1, number)))
            })
            .collect();
        let ended: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        writing.store(false, Ordering::SeqCst);
        assert!(ended.iter().all(Result::is_ok));
    });
    pollster::block_on(nodes[0].sequence_audit()).unwrap();
    let organisation_id = caller.organisation_id;
    let list = move |tx: &mut dyn Tx| tx.list_audit_records(organisation_id, &AuditFilter::default(), None, 10_000);
    let records = pollster::block_on(first.transact(Access::Read, list)).unwrap();
    let places: BTreeSet<i64> = records.iter().filter_map(|record| record.leaf_index).collect();
    assert_eq!(places, (0..i64::try_from(records.len()).unwrap()).collect(), "each place once, and none left out");
    assert!(records.len() >= (WRITERS * PUSHES) as usize);
    for (record, service) in records.iter().zip(nodes.iter().cycle()) {
        let proof = pollster::block_on(service.audit_inclusion(&caller, Included::Record(record.record_id), None)).unwrap();
        let (leaf, checkpoint) = (proof.leaf.unwrap(), Checkpoint::read_unverified(&proof.checkpoint).unwrap());
        assert!(leaf.contains(&record.record_id.to_string()));
        let path: Vec<Hash> = proof.proof.iter().map(|hash| Hash::parse(hash).unwrap()).collect();
        verify_inclusion(leaf_hash(leaf.as_bytes()), proof.index, proof.size, &path, checkpoint.root).unwrap();
    }
}

#[test]
fn several_nodes_keep_one_order_on_sqlite() {
    several_nodes_keep_one_order(&Database::sqlite(), false);
}

#[test]
fn several_nodes_keep_one_order_on_postgres() {
    let Some(database) = Database::postgres() else { return };
    several_nodes_keep_one_order(&database, true);
}
