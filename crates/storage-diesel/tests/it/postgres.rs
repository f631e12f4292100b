//! What only PostgreSQL does: connections that break, locks that cross, statements that cost a round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use sync_core::ports::{Access, Store, StoreError};
use uuid::Uuid;

use crate::support::{Gate, OTHER_SPACE, PostgresFixture, SPACE, cluster, document, key, push, read, run, space, write};

fn fixture() -> Option<PostgresFixture> {
    let fixture = PostgresFixture::new(&cluster()?);
    write(&fixture, |tx| {
        tx.insert_space(&space(SPACE), Uuid::nil())?;
        tx.insert_space(&space(OTHER_SPACE), Uuid::nil())
    });
    Some(fixture)
}

#[test]
fn keeps_the_contract() {
    let Some(cluster) = cluster() else { return };
    testkit::conformance::store_suite(&|| Arc::new(PostgresFixture::new(&cluster)));
}

#[test]
fn a_push_takes_as_many_statements_for_ten_rows_as_for_a_thousand() {
    let Some(fixture) = fixture() else { return };
    let statements = |count, from| {
        let before = fixture.store.statements();
        write(&fixture, move |tx| push(tx, count, from));
        fixture.store.statements() - before
    };
    // each connection says a few things when it begins
    for warm_up in 0..20 {
        statements(1, warm_up);
    }
    let ten = statements(10, 1_000);
    let thousand = statements(1_000, 2_000);
    assert_eq!(ten, thousand);
    assert_eq!(ten, 14, "one a method, one more for the groups, BEGIN and COMMIT");
}

#[test]
fn statements_are_prepared_once_per_connection() {
    let Some(fixture) = fixture() else { return };
    let mut observer = fixture.database.connection();
    observer
        .batch_execute(
            "CREATE TABLE prepared (in_this_push BIGINT); \
             CREATE FUNCTION count_prepared() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO prepared \
             SELECT count(*) FROM pg_prepared_statements WHERE prepare_time >= now(); RETURN NULL; END $$; \
             CREATE TRIGGER counts AFTER UPDATE ON space_heads FOR EACH ROW EXECUTE FUNCTION count_prepared()",
        )
        .unwrap();
    for number in 0..40 {
        let from = 100 * number;
        write(&fixture, move |tx| push(tx, number + 1, from));
    }
    let query = "SELECT count(*), count(*) FILTER (WHERE in_this_push > 0) FROM prepared";
    let (pushes, that_prepared): (i64, i64) = sql::<(BigInt, BigInt)>(query).get_result(&mut observer).unwrap();
    assert_eq!(pushes, 40);
    assert!((1..=4).contains(&that_prepared), "{that_prepared} pushes prepared statements, on 4 connections");
}

#[test]
fn a_broken_connection_is_made_anew() {
    let Some(fixture) = fixture() else { return };
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()",
        fixture.database.name()
    );
    for _ in 0..3 {
        fixture.database.connection().batch_execute(&kill).unwrap();
        write(&fixture, |tx| tx.put_head(SPACE, 1));
        read(&fixture, |tx| tx.load_documents(SPACE, &[key(1)]));
    }
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let url = fixture.database.url();
    write(&fixture, move |tx| {
        tx.put_documents(SPACE, &[document(1, 1)])?;
        if counter.fetch_add(1, Ordering::SeqCst) == 0 {
            crate::support::execute(&url, &kill);
        }
        tx.put_head(SPACE, 1)
    });
    assert_eq!(runs.load(Ordering::SeqCst), 2, "lost before the commit: it ran again");
}

#[test]
fn a_connection_lost_at_the_commit_leaves_the_outcome_unknown() {
    let Some(fixture) = fixture() else { return };
    fixture
        .database
        .connection()
        .batch_execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
             $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON documents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let outcome = run(&fixture, Access::Write, move |tx| {
        counter.fetch_add(1, Ordering::SeqCst);
        tx.put_documents(SPACE, &[document(1, 1)])
    });
    assert!(matches!(outcome, Err(StoreError::Unknown(_))), "{outcome:?}");
    assert_eq!(runs.load(Ordering::SeqCst), 1, "it may have happened: it must not run again");
    write(&fixture, |tx| tx.put_head(SPACE, 1));
}

#[test]
fn a_deadlock_is_retried() {
    let Some(fixture) = fixture() else { return };
    let gate = Gate::default();
    let cross = |first, second| {
        let gate = gate.clone();
        let mut met = false;
        let store: &dyn Store = &fixture;
        store.transact(Access::Write, move |tx| {
            tx.lock_head(first)?;
            if !met {
                met = true;
                gate.pass();
            }
            tx.lock_head(second)?;
            tx.put_head(second, 1)
        })
    };
    let (one, other) = (cross(SPACE, OTHER_SPACE), cross(OTHER_SPACE, SPACE));
    gate.await_waiting(2);
    gate.open();
    assert_eq!((pollster::block_on(one), pollster::block_on(other)), (Ok(()), Ok(())));
}

#[test]
fn a_job_that_ignores_a_failed_statement_keeps_nothing() {
    let Some(fixture) = fixture() else { return };
    let outcome = run(&fixture, Access::Write, |tx| {
        tx.put_documents(SPACE, &[document(1, 1)])?;
        let _ = tx.insert_space(&space(SPACE), Uuid::nil());
        Ok(())
    });
    assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}");
    assert_eq!(read(&fixture, |tx| tx.load_documents(SPACE, &[key(1)])).len(), 0);
}

#[test]
fn a_reader_writes_nothing_and_sees_one_snapshot() {
    let Some(fixture) = fixture() else { return };
    let outcome = run(&fixture, Access::Read, |tx| tx.put_head(SPACE, 9));
    assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}");
    let gate = Gate::default();
    let reader = {
        let gate = gate.clone();
        let store: &dyn Store = &fixture;
        store.transact(Access::Read, move |tx| {
            let before = tx.load_documents(SPACE, &[key(1)])?.len();
            gate.pass();
            Ok((before, tx.load_documents(SPACE, &[key(1)])?.len()))
        })
    };
    gate.await_waiting(1);
    write(&fixture, |tx| tx.put_documents(SPACE, &[document(1, 1)]));
    gate.open();
    assert_eq!(pollster::block_on(reader), Ok((0, 0)));
}

#[test]
fn writers_of_one_space_follow_each_other() {
    let Some(fixture) = fixture() else { return };
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let fixture = &fixture;
            scope.spawn(move || {
                for turn in 0..10 {
                    write(fixture, move |tx| {
                        let version = tx.lock_head(SPACE)?.unwrap().version + 1;
                        tx.put_documents(SPACE, &[document(writer * 100 + turn, version)])?;
                        tx.put_head(SPACE, version)
                    });
                }
            });
        }
    });
    let page = sync_core::ports::DocumentPage {
        space_id: SPACE,
        above: 0,
        seen_by: sync_core::Audience::EVERYONE,
        deleted_above: 0,
        left_above: 0,
        limit: 1_000,
    };
    let versions: Vec<_> = read(&fixture, move |tx| tx.list_documents(page)).into_iter().map(|row| row.version).collect();
    assert_eq!(versions, (1..=80).collect::<Vec<i64>>());
}
