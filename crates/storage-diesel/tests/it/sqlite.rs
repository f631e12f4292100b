//! What only the embedded database does: many jobs in one commit.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use storage_diesel::{SqliteConfig, SqliteStore};
use sync_core::ports::{Access, Store, StoreError};
use uuid::Uuid;

use crate::support::{Gate, OTHER_SPACE, SPACE, SqliteFile, document, key, push, read, run, space, write};

fn dynamic(store: &SqliteStore) -> &dyn Store {
    store
}

#[test]
fn keeps_the_contract() {
    testkit::conformance::store_suite(&|| Arc::new(SqliteFile::new()));
}

#[test]
fn many_jobs_share_a_commit() {
    const JOBS: i64 = 200;
    let file = SqliteFile::new();
    let before = file.store.commits();
    let gate = Gate::default();
    let held = {
        let gate = gate.clone();
        dynamic(&file.store).transact(Access::Write, move |_| {
            gate.pass();
            Ok(())
        })
    };
    gate.await_waiting(1);
    let put = |number| dynamic(&file.store).transact(Access::Write, move |tx| tx.put_documents(SPACE, &[document(number, number)]));
    let answers: Vec<_> = (1..=JOBS).map(put).collect();
    gate.open();
    pollster::block_on(held).unwrap();
    for answer in answers {
        pollster::block_on(answer).unwrap();
    }
    let after = file.store.commits();
    assert_eq!(after.jobs - before.jobs, 201);
    assert!(after.commits - before.commits <= 50, "{before:?} {after:?}");
    let keys: Vec<_> = (1..=JOBS).map(key).collect();
    assert_eq!(read(&file.store, move |tx| tx.load_documents(SPACE, &keys)).len(), 200);
}

#[test]
fn a_failure_or_a_panic_disturbs_no_other_job_of_the_batch() {
    let file = SqliteFile::new();
    let gate = Gate::default();
    let first = {
        let gate = gate.clone();
        dynamic(&file.store).transact(Access::Write, move |tx| {
            tx.put_documents(SPACE, &[document(1, 1)])?;
            gate.pass();
            Ok(())
        })
    };
    gate.await_waiting(1);
    let store = dynamic(&file.store);
    let failing = store.transact(Access::Write, |tx| {
        tx.put_documents(SPACE, &[document(2, 2)])?;
        Err::<(), _>(StoreError::Refused("no".into()))
    });
    let panicking = store.transact(Access::Write, |tx| {
        tx.put_documents(SPACE, &[document(3, 3)])?;
        assert!(tx.load_documents(SPACE, &[key(3)])?.is_empty(), "this panic is part of the test");
        Ok(())
    });
    let refused = store.transact(Access::Write, |tx| {
        tx.insert_space(&space(SPACE), Uuid::nil()).and_then(|()| tx.insert_space(&space(SPACE), Uuid::nil()))
    });
    let last = store.transact(Access::Write, |tx| tx.put_documents(SPACE, &[document(4, 4)]));
    gate.open();
    pollster::block_on(first).unwrap();
    assert_eq!(pollster::block_on(failing), Err(StoreError::Refused("no".into())));
    assert!(matches!(pollster::block_on(panicking), Err(StoreError::Panicked(_))));
    assert!(matches!(pollster::block_on(refused), Err(StoreError::Refused(_))));
    pollster::block_on(last).unwrap();
    let found = read(store, |tx| tx.load_documents(SPACE, &[key(1), key(2), key(3), key(4)]));
    assert_eq!(found.iter().map(|row| row.version).collect::<Vec<_>>(), [1, 4]);
    assert!(write(store, |tx| tx.lock_head(SPACE)).is_none());
}

#[test]
fn a_job_that_ignores_a_failed_statement_keeps_nothing() {
    let file = SqliteFile::new();
    write(&file.store, |tx| tx.insert_space(&space(SPACE), Uuid::nil()));
    let outcome = run(&file.store, Access::Write, |tx| {
        tx.insert_space(&space(OTHER_SPACE), Uuid::nil())?;
        let _ = tx.insert_space(&space(SPACE), Uuid::nil());
        Ok(())
    });
    assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}");
    assert!(write(&file.store, |tx| tx.lock_head(OTHER_SPACE)).is_none());
}

#[test]
fn a_reader_writes_nothing() {
    let file = SqliteFile::new();
    let outcome = run(&file.store, Access::Read, |tx| tx.insert_space(&space(SPACE), Uuid::nil()));
    assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}");
}

#[test]
fn a_reader_sees_one_snapshot() {
    let file = Arc::new(SqliteFile::new());
    let gate = Gate::default();
    let reader = {
        let gate = gate.clone();
        dynamic(&file.store).transact(Access::Read, move |tx| {
            let before = tx.load_documents(SPACE, &[key(1)])?.len();
            gate.pass();
            Ok((before, tx.load_documents(SPACE, &[key(1)])?.len()))
        })
    };
    gate.await_waiting(1);
    write(&file.store, |tx| tx.put_documents(SPACE, &[document(1, 1)]));
    assert_eq!(read(&file.store, |tx| tx.load_documents(SPACE, &[key(1)])).len(), 1, "another reader sees the commit");
    gate.open();
    assert_eq!(pollster::block_on(reader), Ok((0, 0)));
}

#[test]
fn too_many_waiting_jobs_are_refused() {
    let file = SqliteFile::with(|config| config.max_waiting_jobs = 2);
    let gate = Gate::default();
    let held = {
        let gate = gate.clone();
        dynamic(&file.store).transact(Access::Write, move |_| {
            gate.pass();
            Ok(())
        })
    };
    gate.await_waiting(1);
    let answers: Vec<_> = (0..4).map(|_| dynamic(&file.store).transact(Access::Write, |_| Ok(()))).collect();
    gate.open();
    pollster::block_on(held).unwrap();
    let outcomes: Vec<_> = answers.into_iter().map(pollster::block_on).collect();
    assert_eq!(outcomes, [Ok(()), Ok(()), Err(StoreError::Overloaded), Err(StoreError::Overloaded)]);
}

#[test]
fn a_dropped_store_finishes_what_it_began_and_refuses_the_rest() {
    let SqliteFile { store, folder } = SqliteFile::with(|config| config.max_jobs_per_commit = 1);
    let gate = Gate::default();
    let begun = {
        let gate = gate.clone();
        dynamic(&store).transact(Access::Write, move |tx| {
            gate.pass();
            tx.put_documents(SPACE, &[document(1, 1)])
        })
    };
    gate.await_waiting(1);
    let waiting = dynamic(&store).transact(Access::Write, |tx| tx.put_documents(SPACE, &[document(2, 2)]));
    let dropping = std::thread::spawn(move || drop(store));
    assert!(matches!(pollster::block_on(waiting), Err(StoreError::Unavailable(_))));
    gate.open();
    assert_eq!(pollster::block_on(begun), Ok(()));
    dropping.join().unwrap();
    let again = SqliteStore::open(&SqliteConfig::new(folder.path().join("test.db"))).unwrap();
    assert_eq!(read(&again, |tx| tx.load_documents(SPACE, &[key(1), key(2)])).len(), 1);
}

#[test]
fn damaged_rows_are_reported() {
    let file = SqliteFile::new();
    write(&file.store, |tx| push(tx, 3, 0));
    let mut direct = SqliteConnection::establish(file.folder.path().join("test.db").to_str().unwrap()).unwrap();
    for damage in ["body = x'7b'", "body = x'ff'", "by_user_id = x'00'", "key = 'no-slash'"] {
        direct.batch_execute(&format!("BEGIN; UPDATE documents SET {damage} WHERE version = 2; COMMIT")).unwrap();
        let page = sync_core::ports::DocumentPage {
            space_id: SPACE,
            above: 0,
            seen_by: sync_core::Audience::EVERYONE,
            deleted_above: 0,
            left_above: 0,
            limit: 10,
        };
        let outcome = run(&file.store, Access::Read, move |tx| tx.list_documents(page));
        assert!(matches!(outcome, Err(StoreError::Damaged(_))), "{damage}: {outcome:?}");
        direct.batch_execute("DELETE FROM documents WHERE version = 2").unwrap();
        write(&file.store, |tx| tx.put_documents(SPACE, &[document(2, 2)]));
    }
}
