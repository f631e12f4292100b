use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sync_core::json::RawJson;
use sync_core::ports::{
    CollectionSum, ConflictLink, Device, History, ServerKey, Space, StoreError, StoreLoad, StoreResult, StoredOperation, Tx,
};
use sync_core::{Audience, ConflictId, OpId, Role, SessionId, Timestamp, UserId};

use super::Case;
use super::bench::{
    ANA, Bench, NOW, ORGANISATION, SPACE, TABLET, change, device, document, id, key, member, operation, session, space, user,
};

pub(super) const CASES: &[Case] = &[
    ("an_error_keeps_nothing", an_error_keeps_nothing),
    ("a_job_reads_its_own_writes", a_job_reads_its_own_writes),
    ("the_next_job_reads_them_too", the_next_job_reads_them_too),
    ("a_lost_race_runs_again_on_a_clean_slate", a_lost_race_runs_again_on_a_clean_slate),
    ("other_errors_are_answered_at_once", other_errors_are_answered_at_once),
    ("a_panic_harms_nobody_else", a_panic_harms_nobody_else),
    ("a_dropped_answer_does_not_undo_the_work", a_dropped_answer_does_not_undo_the_work),
    ("the_head_orders_writers", the_head_orders_writers),
    ("commits_are_counted_and_failures_are_not", commits_are_counted_and_failures_are_not),
];

/// Something in every table.
fn write_everywhere(tx: &mut dyn Tx) -> StoreResult<()> {
    tx.insert_user(&user(UserId(id(16)), "new@example.org"))?;
    tx.put_device(&Device { name: "renamed".into(), ..device(TABLET, ANA) })?;
    tx.update_space(&Space { name: "renamed".into(), ..space(SPACE) })?;
    tx.put_member(&member(SPACE, ANA, Role::Lead))?;
    tx.put_head(SPACE, 5)?;
    tx.put_documents(SPACE, &[document(key("guests", "a"), 5)])?;
    tx.insert_changes(SPACE, &[change(key("guests", "a"), 5)])?;
    tx.put_sums(SPACE, &[CollectionSum { collection: "guests".into(), audience: Audience::EVERYONE, documents: 1, sum: 1 }])?;
    tx.insert_operations(&[StoredOperation { group: Some("g".into()), ..operation(1_000) }])?;
    tx.put_conflicts(&[ConflictLink {
        conflict_id: ConflictId(id(600)),
        organisation_id: ORGANISATION,
        space_id: SPACE,
        key: key("guests", "a"),
        open: true,
    }])?;
    tx.put_session(&session(SessionId(id(500)), TABLET, ANA))?;
    tx.insert_access_token(&[1; 32], SessionId(id(500)), NOW)?;
    tx.insert_server_key(&ServerKey { purpose: "cursor".into(), number: 1, secret: [1; 32], created_at: NOW, retired_at: None })
}

/// What [`write_everywhere`] left behind.
fn count_everywhere(tx: &mut dyn Tx) -> StoreResult<Vec<bool>> {
    Ok(vec![
        tx.find_user_by_email("new@example.org")?.is_some(),
        tx.find_device(TABLET)?.is_some_and(|device| device.name == "renamed"),
        tx.load_access(ORGANISATION, ANA, &[SPACE])?
            .first()
            .is_some_and(|access| access.space.name == "renamed" && access.head.version == 5),
        !tx.list_members(SPACE)?.is_empty(),
        !tx.load_documents(SPACE, &[key("guests", "a")])?.is_empty(),
        !tx.list_changes(SPACE, &[History { from: 5, above: 0 }])?.is_empty(),
        !tx.load_sums(SPACE)?.is_empty(),
        !tx.load_operations(ORGANISATION, &[OpId(id(1_000))])?.is_empty(),
        !tx.find_groups(ORGANISATION, ANA, &["g".into()])?.is_empty(),
        !tx.load_conflicts(ORGANISATION, &[ConflictId(id(600))])?.is_empty(),
        tx.find_access(&[1; 32])?.is_some(),
        !tx.list_server_keys("cursor")?.is_empty(),
    ])
}

fn an_error_keeps_nothing(bench: &Bench) {
    let outcome = bench.try_write(|tx| {
        write_everywhere(tx)?;
        Err::<(), _>(StoreError::Refused("the job changed its mind".into()))
    });
    assert_eq!(outcome, Err(StoreError::Refused("the job changed its mind".into())));
    assert_eq!(bench.read(count_everywhere), [false; 12]);
    bench.write(write_everywhere);
    assert_eq!(bench.read(count_everywhere), [true; 12]);
}

fn a_job_reads_its_own_writes(bench: &Bench) {
    let seen = bench.write(|tx| {
        write_everywhere(tx)?;
        count_everywhere(tx)
    });
    assert_eq!(seen, [true; 12]);
}

fn the_next_job_reads_them_too(bench: &Bench) {
    for version in 1..=20 {
        bench.write(move |tx| tx.put_documents(SPACE, &[document(key("guests", "a"), version)]));
        let seen = bench.read(|tx| tx.load_documents(SPACE, &[key("guests", "a")]));
        assert_eq!(seen[0].version, version, "a read is at or above every acknowledged commit");
    }
}

fn a_lost_race_runs_again_on_a_clean_slate(bench: &Bench) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let found = bench.try_write(move |tx| {
        let run = counter.fetch_add(1, Ordering::SeqCst);
        let left_over = tx.load_documents(SPACE, &[key("guests", "a")])?;
        tx.put_documents(SPACE, &[document(key("guests", "a"), 1)])?;
        if run == 0 { Err(StoreError::Busy("once".into())) } else { Ok(left_over.len()) }
    });
    assert_eq!(found, Ok(0), "the second run found nothing of the first");
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

fn other_errors_are_answered_at_once(bench: &Bench) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let outcome = bench.try_write(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Err::<(), _>(StoreError::Damaged("row".into()))
    });
    assert_eq!((outcome, runs.load(Ordering::SeqCst)), (Err(StoreError::Damaged("row".into())), 1));
}

fn a_panic_harms_nobody_else(bench: &Bench) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        bench.try_write(|tx| {
            write_everywhere(tx)?;
            assert!(tx.list_members(SPACE)?.is_empty(), "this panic is part of the test");
            Ok(())
        })
    }));
    assert!(!matches!(outcome, Ok(Ok(()))), "a job that panicked did not succeed");
    assert_eq!(bench.read(count_everywhere), [false; 12]);
    bench.write(write_everywhere);
    assert_eq!(bench.read(count_everywhere), [true; 12]);
}

fn a_dropped_answer_does_not_undo_the_work(bench: &Bench) {
    drop(bench.store.transact(sync_core::ports::Access::Write, write_everywhere));
    // nobody says when it is done; a store that lost it would be asked in vain
    let done = (0..100_000).any(|_| {
        std::thread::yield_now();
        bench.read(count_everywhere) == [true; 12]
    });
    assert!(done);
}

fn the_head_orders_writers(bench: &Bench) {
    const WRITERS: i64 = 4;
    const EACH: i64 = 10;
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for turn in 0..EACH {
                    bench.write(move |tx| append(tx, &format!("w{writer}-{turn}")));
                }
            });
        }
    });
    let page = sync_core::ports::DocumentPage {
        space_id: SPACE,
        above: 0,
        seen_by: Audience::EVERYONE,
        deleted_above: 0,
        left_above: 0,
        limit: 1_000,
    };
    let versions: Vec<_> = bench.read(move |tx| tx.list_documents(page)).iter().map(|row| row.version).collect();
    assert_eq!(versions, (1..=WRITERS * EACH).collect::<Vec<_>>(), "every writer got a number of its own, none is missing");
    assert_eq!(bench.write(|tx| tx.lock_head(SPACE)).map(|head| head.version), Some(WRITERS * EACH));
}

fn append(tx: &mut dyn Tx, name: &str) -> StoreResult<()> {
    let head = tx.lock_head(SPACE)?.expect("the space is there");
    let version = head.version + 1;
    let mut row = document(key("guests", name), version);
    row.body = RawJson::of(&name);
    row.at = Timestamp::from_millis(version);
    tx.put_documents(SPACE, &[row])?;
    tx.put_head(SPACE, version)
}

fn commits_are_counted_and_failures_are_not(bench: &Bench) {
    let before = bench.store.load();
    bench.write(|tx| tx.put_head(SPACE, 1));
    bench.read(|tx| tx.load_sums(SPACE));
    let failed = bench.try_write(|_| Err::<(), _>(StoreError::Refused("the job changed its mind".into())));
    assert!(failed.is_err());
    let after = bench.store.load();
    let counted = |load: &StoreLoad| (load.commits.commits, load.commits.jobs);
    assert_eq!(counted(&after), (before.commits.commits + 1, before.commits.jobs + 1), "one job was committed");
    assert_eq!(after.commits.sizes[0], before.commits.sizes[0] + 1, "alone in its commit");
    assert_eq!(after.commits.sizes.iter().sum::<u64>(), after.commits.commits);
    assert_eq!((after.waiting_writes, after.waiting_reads), (0, 0), "nobody waits once all are answered");
    let connections = |load: &StoreLoad| load.busy_connections + load.idle_connections;
    assert!(connections(&after) > 0 && connections(&after) == connections(&before), "each is either busy or idle");
}
