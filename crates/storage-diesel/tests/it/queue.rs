//! The queue on PostgreSQL: who waits for whom, and which way its statements go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use sync_core::json::RawJson;
use sync_core::ports::{Access, BatchState, ItemState, QueueBatch, QueueItem, QueueSpace, Store, StoreResult, Tx};
use sync_core::{BatchId, DeviceId, DocumentKey, OpId, SessionId, Timestamp, UserId};
use uuid::Uuid;

use crate::support::{Gate, ORGANISATION, PgConnection, PostgresFixture, SPACE, cluster, read, write};

fn op(number: u32) -> OpId {
    OpId(Uuid::from_u128(number.into()))
}

fn item(number: u32) -> QueueItem {
    QueueItem {
        organisation_id: ORGANISATION,
        op_id: op(number),
        identity: [7; 32],
        space_id: SPACE,
        user_id: UserId(Uuid::nil()),
        device_id: DeviceId(Uuid::nil()),
        batch_id: BatchId(Uuid::nil()),
        seq: number.into(),
        key: format!("guests/g{number}"),
        group: None,
        lane: 1,
        rank: number.into(),
        state: ItemState::Ready,
        waits_for: None,
        attempts: 0,
        not_before: None,
        fence: None,
        size_bytes: 2,
        accepted_at: Timestamp::from_millis(0),
        code: None,
        problem: None,
        payload: RawJson::from_stored("{}".into()).unwrap(),
        original: None,
    }
}

#[test]
fn nobody_waits_for_a_space_that_somebody_works_on() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    let made = write(&fixture, |tx| tx.lock_queue_space(ORGANISATION, SPACE));
    let gate = Gate::default();
    let holder = {
        let gate = gate.clone();
        let store: &dyn Store = &fixture;
        store.transact(Access::Write, move |tx| {
            let found = tx.try_lock_queue_space(SPACE)?;
            gate.pass();
            Ok(found)
        })
    };
    gate.await_waiting(1);
    assert_eq!(write(&fixture, |tx| tx.try_lock_queue_space(SPACE)), None, "while it is held");
    gate.open();
    assert_eq!(pollster::block_on(holder), Ok(Some(made)));
    assert_eq!(write(&fixture, |tx| tx.try_lock_queue_space(SPACE)), Some(made));
}

/// Takes an item under the next fence of its space, whoever had it.
fn take(tx: &mut dyn Tx) -> StoreResult<i64> {
    let space = tx.lock_queue_space(ORGANISATION, SPACE)?;
    let fence = space.fence + 1;
    tx.put_queue_space(&QueueSpace { fence, ..space })?;
    let back: Vec<_> =
        tx.load_items(ORGANISATION, &[op(1)])?.into_iter().map(|item| QueueItem { state: ItemState::Ready, ..item }).collect();
    tx.put_items(&back)?;
    tx.lease_items(ORGANISATION, &[op(1)], fence)?;
    Ok(fence)
}

#[test]
fn a_worker_that_was_given_up_drops_nothing() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    write(&fixture, |tx| tx.insert_items(&[item(1)]));
    let stale = write(&fixture, take);
    let gate = Gate::default();
    let store: &dyn Store = &fixture;
    let rescue = {
        let gate = gate.clone();
        store.transact(Access::Write, move |tx| {
            let fence = take(tx)?;
            gate.pass();
            Ok(fence)
        })
    };
    gate.await_waiting(1);
    // it asks while the other has the lock, and is answered after that one's commit
    let late = store.transact(Access::Write, move |tx| {
        let space = tx.lock_queue_space(ORGANISATION, SPACE)?;
        Ok((space.fence, tx.drop_items(ORGANISATION, &[op(1)], Some(stale))?))
    });
    gate.open();
    let fresh = pollster::block_on(rescue).unwrap();
    assert_eq!(pollster::block_on(late), Ok((fresh, 0)));
    let found = read(&fixture, |tx| tx.load_items(ORGANISATION, &[op(1)]));
    assert_eq!(found, [QueueItem { state: ItemState::Leased, fence: Some(fresh), attempts: 2, ..item(1) }]);
    assert_eq!(write(&fixture, move |tx| tx.drop_items(ORGANISATION, &[op(1)], Some(fresh))), 1);
}

#[test]
fn an_id_that_is_taken_meanwhile_is_found_by_the_next_try() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    let gate = Gate::default();
    let store: &dyn Store = &fixture;
    let first = {
        let gate = gate.clone();
        store.transact(Access::Write, move |tx| {
            tx.insert_items(&[item(2), item(1)])?;
            gate.pass();
            Ok(())
        })
    };
    gate.await_waiting(1);
    let runs = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&runs);
    let waiting = gate.clone();
    let second = store.transact(Access::Write, move |tx| {
        let known = tx.load_places(ORGANISATION, &[op(1)])?;
        if counter.fetch_add(1, Ordering::SeqCst) == 0 {
            waiting.pass();
        }
        if known.is_empty() { tx.insert_items(&[item(1)]) } else { Ok(()) }
    });
    gate.await_waiting(2);
    gate.open();
    assert_eq!((pollster::block_on(first), pollster::block_on(second)), (Ok(()), Ok(())));
    assert_eq!(runs.load(Ordering::SeqCst), 2, "it read before the other's commit");
}

#[test]
fn workers_that_finish_the_same_batches_do_not_cross() {
    const WORKERS: i64 = 4;
    const TURNS: i64 = 20;
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    let ids: Vec<_> = (1..=20).map(|number| BatchId(Uuid::from_u128(number))).collect();
    for batch_id in ids.clone() {
        write(&fixture, move |tx| {
            tx.put_batch(&QueueBatch {
                batch_id,
                organisation_id: ORGANISATION,
                user_id: UserId(Uuid::nil()),
                device_id: DeviceId(Uuid::nil()),
                sent_at: None,
                received_at: Timestamp::from_millis(0),
                epochs: RawJson::from_stored("{}".into()).unwrap(),
                atomic: false,
                state: BatchState::Sealed,
                operations: WORKERS * TURNS,
                bytes: 0,
                decided: 0,
                decided_bytes: 0,
                finished_at: None,
            })
        });
    }
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (fixture, mut ids) = (&fixture, ids.clone());
            scope.spawn(move || {
                for turn in 0..TURNS {
                    ids.rotate_left(usize::try_from(worker + turn).unwrap() % 7);
                    ids.reverse();
                    let decided: Vec<_> = ids.iter().map(|batch_id| (*batch_id, 1, 2)).collect();
                    write(fixture, move |tx| tx.count_decided(&decided, Timestamp::from_millis(turn)));
                }
            });
        }
    });
    let all = read(&fixture, move |tx| tx.load_batches(&ids));
    assert_eq!(all.len(), 20);
    assert!(all.iter().all(|batch| batch.decided == WORKERS * TURNS && batch.finished_at.is_some()), "{all:?}");
    let crossed = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let crossed: i64 = sql::<BigInt>(crossed).get_result(&mut fixture.database.connection()).unwrap();
    assert_eq!(crossed, 0);
}

/// What every request and every worker asks.
fn ask_everything(tx: &mut dyn Tx) -> StoreResult<()> {
    let ids = [op(1), op(2)];
    tx.load_places(ORGANISATION, &ids)?;
    tx.list_strands(SPACE, sync_core::DeviceId(uuid::Uuid::nil()), &[DocumentKey::new("guests", "g1").unwrap()], false)?;
    tx.lock_queue_space(ORGANISATION, SPACE)?;
    tx.try_lock_queue_space(SPACE)?;
    tx.list_queue_spaces(Timestamp::from_millis(0), 10)?;
    tx.find_next_due(Timestamp::from_millis(0))?;
    tx.wake_items(SPACE, Timestamp::from_millis(0))?;
    tx.find_next_wake(SPACE)?;
    tx.list_items(SPACE, ItemState::Ready, 10)?;
    tx.list_items_of_groups(SPACE, &["g".into()])?;
    tx.load_items(ORGANISATION, &ids)?;
    tx.hasten_items(ORGANISATION, &ids, 0, 0)?;
    tx.lease_items(ORGANISATION, &ids, 1)?;
    tx.drop_items(ORGANISATION, &ids, None)?;
    tx.drop_items(ORGANISATION, &ids, Some(1))?;
    tx.release_items(ORGANISATION, &ids)?;
    tx.count_decided(&[(BatchId(Uuid::nil()), 1, 1), (BatchId(Uuid::max()), 1, 1)], Timestamp::from_millis(0))?;
    tx.load_batches(&[BatchId(Uuid::nil())])?;
    tx.load_work(&[BatchId(Uuid::nil())]).map(drop)
}

/// The index of what a statement asks by, and how it names it.
const WAYS: [(&str, &str); 12] = [
    ("\"queue_items\".\"op_id\" = ANY", "queue_items_pkey"),
    ("\"op_id\" = ANY", "queue_items_pkey"),
    ("\"queue_items\".\"key\" = ANY", "queue_items_of_document"),
    ("\"waits_for\" = ANY", "queue_items_held"),
    ("\"queue_items\".\"group_id\" = ANY", "queue_items_of_group"),
    ("\"queue_items\".\"phase\" = ", "queue_items_in_line"),
    ("\"not_before\" <= ", "queue_items_delayed"),
    ("\"queue_items\".\"not_before\" IS NOT NULL", "queue_items_delayed"),
    ("\"queue_spaces\".\"due_at\" ", "queue_spaces_due"),
    ("\"queue_spaces\".\"leased_by\" IS NOT NULL", "queue_spaces_leased"),
    ("\"queue_spaces\".\"space_id\" = ", "queue_spaces_pkey"),
    ("\"batch_id\" = ANY", "queue_batches_pkey"),
];

/// Explains what a session keeps prepared, as it would be planned once for all values.
fn assert_ways(conn: &mut PgConnection, statements: &[(String, String)], when: &str) {
    for (index, (statement, types)) in statements.iter().enumerate() {
        let (_, way) = WAYS.iter().find(|(by, _)| statement.contains(by)).unwrap_or_else(|| panic!("another way: {statement}"));
        let values = vec!["NULL"; types.split(',').count()].join(", ");
        let prepare = format!("DEALLOCATE ALL; PREPARE asked_{index} ({types}) AS {statement}");
        conn.batch_execute(&prepare.replace("()", "")).unwrap();
        let explain = format!("EXPLAIN EXECUTE asked_{index} ({values})");
        let explain = if types.is_empty() { explain.replace("(NULL)", "") } else { explain };
        let plan: Vec<String> = sql::<Text>(&explain).load(conn).unwrap();
        let scans = plan.iter().filter(|line| line.contains("Scan") && !line.contains("Bitmap Heap"));
        // what holds a tenant or a device is looked up beside
        let (beside, scans): (Vec<_>, Vec<_>) = scans.partition(|line| line.contains(" on organisations") || line.contains(" on devices"));
        assert!(beside.iter().all(|line| line.contains("Index")), "{when}: {statement}\n{}", plan.join("\n"));
        assert!(!scans.is_empty() && scans.iter().all(|line| line.contains(way)), "{when}: {statement}\n{}", plan.join("\n"));
    }
}

#[test]
fn a_plan_that_was_made_for_an_empty_queue_serves_a_full_one() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    let mut conn = fixture.database.connection();
    conn.batch_execute(
        "CREATE TABLE prepared (statement TEXT, types TEXT, seqscan TEXT); \
         CREATE FUNCTION note_prepared() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO prepared SELECT statement, \
         array_to_string(parameter_types, ','), current_setting('enable_seqscan') FROM pg_prepared_statements; RETURN NULL; END $$; \
         CREATE TRIGGER notes AFTER INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION note_prepared()",
    )
    .unwrap();
    write(&fixture, |tx| {
        ask_everything(tx)?;
        tx.insert_ticket(&[1; 32], SessionId(Uuid::nil()), Timestamp::from_millis(0))
    });
    let settings: Vec<String> = sql::<Text>("SELECT DISTINCT seqscan FROM prepared").load(&mut conn).unwrap();
    assert_eq!(settings, ["off"]);
    let query = "SELECT statement, types FROM prepared WHERE statement ~ 'queue_' AND statement !~ '^INSERT' ORDER BY 1";
    let statements: Vec<(String, String)> = sql::<(Text, Text)>(query).load(&mut conn).unwrap();
    assert!(statements.len() >= 18, "{} statements stay prepared", statements.len());
    conn.batch_execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").unwrap();
    assert_ways(&mut conn, &statements, "never looked at");
    for table in ["queue_items", "queue_spaces", "queue_batches"] {
        conn.batch_execute(&format!("VACUUM ANALYZE {table}")).unwrap();
    }
    assert_ways(&mut conn, &statements, "empty");
    let rows: Vec<_> = (1..=5_000).map(item).collect();
    write(&fixture, move |tx| tx.insert_items(&rows));
    assert_ways(&mut conn, &statements, "filled");
    conn.batch_execute("VACUUM ANALYZE queue_items").unwrap();
    assert_ways(&mut conn, &statements, "full");
}

#[test]
fn a_worker_that_takes_items_leaves_the_indexes_alone() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    let rows: Vec<_> = (1..=500).map(item).collect();
    write(&fixture, move |tx| tx.insert_items(&rows));
    let ids: Vec<_> = (1..=500).map(op).collect();
    let mut conn = fixture.database.connection();
    conn.batch_execute("CREATE TABLE counted (updated BIGINT, in_place BIGINT)").unwrap();
    conn.batch_execute(
        "CREATE FUNCTION count_updates() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO counted SELECT \
         pg_stat_get_xact_tuples_updated('queue_items'::regclass), pg_stat_get_xact_tuples_hot_updated('queue_items'::regclass); \
         RETURN NULL; END $$; CREATE TRIGGER counts AFTER INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION count_updates()",
    )
    .unwrap();
    write(&fixture, move |tx| {
        tx.lease_items(ORGANISATION, &ids, 1)?;
        tx.insert_ticket(&[1; 32], SessionId(Uuid::nil()), Timestamp::from_millis(0))
    });
    let (updated, in_place): (i64, i64) = sql::<(BigInt, BigInt)>("SELECT updated, in_place FROM counted").get_result(&mut conn).unwrap();
    // a page that is half full has room for all but one of its rows, which grow a little
    assert!(updated == 500 && in_place > 450, "{in_place} of {updated}");
}
