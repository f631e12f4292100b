//! The in-memory store under the suite that the databases pass, and what only it can do.
#![allow(clippy::unwrap_used, reason = "test code: a failed expectation is to panic where it stands")]

use std::sync::Arc;

use sync_core::ports::{Access, IdentityRows, Organisation, Store, StoreError, Tx};
use sync_core::{OrganisationId, Timestamp};
use testkit::memory::MemoryStore;
use uuid::Uuid;

#[test]
fn the_memory_store_keeps_the_contract() {
    testkit::conformance::store_suite(&|| Arc::new(MemoryStore::new()));
}

fn ensure(store: &MemoryStore, access: Access, name: &str) -> Result<Organisation, StoreError> {
    let row = Organisation { organisation_id: OrganisationId(Uuid::nil()), name: name.into(), created_at: Timestamp::default() };
    let store: &dyn Store = store;
    pollster::block_on(store.transact(access, move |tx: &mut dyn Tx| IdentityRows::ensure_organisation(tx, &row)))
}

#[test]
fn a_read_job_that_writes_is_refused() {
    let store = MemoryStore::new();
    assert!(matches!(ensure(&store, Access::Read, "a"), Err(StoreError::Refused(_))));
}

#[test]
fn a_commit_can_be_lost_either_way() {
    let store = MemoryStore::new();
    for (kept, name) in [(true, "kept"), (false, "gone")] {
        store.lose_next_commit(kept);
        assert!(matches!(ensure(&store, Access::Write, name), Err(StoreError::Unknown(_))));
        let other = Organisation { organisation_id: OrganisationId(Uuid::max()), name: name.into(), created_at: Timestamp::default() };
        let port: &dyn Store = &store;
        let standing = pollster::block_on(port.transact(Access::Write, move |tx| tx.ensure_organisation(&other))).unwrap();
        assert_eq!(standing.organisation_id != OrganisationId(Uuid::max()), kept);
    }
}
