//! The audit log.

use sync_core::ports::{AuditCheckpoint, AuditFilter, AuditRecord, AuditTile, AuditTree, Sequenced, StoreResult, Tx, Visible};
use sync_core::{SpaceId, Timestamp, ids};
use uuid::Uuid;

use super::Case;
use super::bench::{ANA, BO, Bench, NOW, ORGANISATION, OTHER_ORGANISATION, PHONE, SECOND_SPACE, SPACE, TABLET, raw};

pub(super) const CASES: &[Case] = &[
    ("records_are_told_newest_first", records_are_told_newest_first),
    ("records_are_told_by_what_is_asked", records_are_told_by_what_is_asked),
    ("records_are_only_added", records_are_only_added),
    ("records_get_their_places", records_get_their_places),
    ("a_record_without_a_commitment_gets_one", a_record_without_a_commitment_gets_one),
    ("a_tree_grows", a_tree_grows),
    ("tiles_are_put_over_each_other", tiles_are_put_over_each_other),
    ("checkpoints_are_found_by_size", checkpoints_are_found_by_size),
];

/// The id of a record some milliseconds after the beginning.
fn record_id(ms: i64, number: u8) -> Uuid {
    ids::uuid_v7(NOW.plus_ms(ms), [number; 10])
}

fn record(ms: i64, number: u8) -> AuditRecord {
    AuditRecord {
        record_id: record_id(ms, number),
        organisation_id: ORGANISATION,
        space_id: Some(SPACE),
        at: NOW.plus_ms(ms),
        action: "queue.discard".into(),
        commitment: Some([number; 32]),
        leaf_index: None,
        salt: Some([0xff; 32]),
        user_id: Some(ANA),
        device_id: Some(TABLET),
        subject: Some("a \u{0} 💍".into()),
        reason: Some("sent twice \u{0} 💍".into()),
        trace: Some("0af7651916cd43dd8448eb211c80319c".into()),
        details: Some(raw(r#"{"a":"\u0000"}"#)),
    }
}

/// All that may be absent is.
fn bare(ms: i64, number: u8) -> AuditRecord {
    let (space_id, commitment, salt, user_id, device_id, subject, reason, trace, details) = Default::default();
    AuditRecord { space_id, commitment, salt, user_id, device_id, subject, reason, trace, details, ..record(ms, number) }
}

fn put(bench: &Bench, rows: &[AuditRecord]) {
    let rows = rows.to_vec();
    bench.write(move |tx| tx.insert_audit_records(&rows));
}

fn list(bench: &Bench, filter: &AuditFilter, below: Option<Uuid>, limit: i64) -> Vec<AuditRecord> {
    let filter = filter.clone();
    bench.read(move |tx| tx.list_audit_records(ORGANISATION, &filter, below, limit))
}

fn records_are_told_newest_first(bench: &Bench) {
    let foreign = AuditRecord { organisation_id: OTHER_ORGANISATION, ..record(3, 9) };
    put(bench, &[record(5, 1), bare(-5, 2), record(5, 0), foreign.clone()]);
    put(bench, &[]);
    let all = AuditFilter::default();
    assert_eq!(list(bench, &all, None, 10), [record(5, 1), record(5, 0), bare(-5, 2)]);
    assert_eq!(list(bench, &all, None, 2), [record(5, 1), record(5, 0)]);
    assert_eq!(list(bench, &all, Some(record_id(5, 0)), 2), [bare(-5, 2)]);
    assert_eq!(list(bench, &all, Some(record_id(-5, 2)), 2), []);
    let find = |organisation_id, record_id| bench.read(move |tx| tx.find_audit_record(organisation_id, record_id));
    assert_eq!(find(ORGANISATION, record_id(-5, 2)), Some(bare(-5, 2)));
    assert_eq!(find(OTHER_ORGANISATION, foreign.record_id), Some(foreign.clone()));
    assert_eq!((find(ORGANISATION, foreign.record_id), find(ORGANISATION, record_id(0, 0))), (None, None));
}

fn records_are_told_by_what_is_asked(bench: &Bench) {
    let of_bo = AuditRecord { user_id: Some(BO), device_id: Some(PHONE), space_id: Some(SECOND_SPACE), ..record(1, 1) };
    let nowhere = AuditRecord { space_id: None, action: "session.login".into(), subject: Some("b".into()), ..record(2, 2) };
    let rows = [record(0, 0), of_bo.clone(), nowhere.clone(), bare(3, 3)];
    put(bench, &rows);
    let [first, _, _, last] = rows;
    let none = AuditFilter::default();
    let sees = |user_id, space_ids: &[SpaceId]| Some(Visible { user_id, space_ids: space_ids.to_vec() });
    for (filter, expected) in [
        (AuditFilter { space_id: Some(SPACE), ..none.clone() }, vec![&first]),
        (AuditFilter { user_id: Some(ANA), ..none.clone() }, vec![&nowhere, &first]),
        (AuditFilter { space_id: Some(SECOND_SPACE), user_id: Some(ANA), ..none.clone() }, vec![]),
        (AuditFilter { visible: sees(ANA, &[SECOND_SPACE]), ..none.clone() }, vec![&nowhere, &of_bo, &first]),
        (AuditFilter { visible: sees(BO, &[]), ..none.clone() }, vec![&of_bo]),
        (AuditFilter { visible: sees(BO, &[SPACE, SECOND_SPACE]), ..none.clone() }, vec![&of_bo, &first]),
        (AuditFilter { visible: sees(ANA, &[SPACE]), user_id: Some(BO), ..none.clone() }, vec![]),
        (AuditFilter { device_id: Some(PHONE), ..none.clone() }, vec![&of_bo]),
        (AuditFilter { action: Some("session.login".into()), ..none.clone() }, vec![&nowhere]),
        (AuditFilter { subject: Some("b".into()), ..none.clone() }, vec![&nowhere]),
        (AuditFilter { from: Some(NOW.plus_ms(2)), ..none.clone() }, vec![&last, &nowhere]),
        (AuditFilter { until: Some(NOW.plus_ms(2)), ..none.clone() }, vec![&of_bo, &first]),
        (AuditFilter { from: Some(NOW.plus_ms(1)), until: Some(NOW.plus_ms(2)), user_id: Some(ANA), ..none }, vec![]),
    ] {
        assert_eq!(list(bench, &filter, None, 10).iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

fn records_are_only_added(bench: &Bench) {
    put(bench, &[record(0, 0)]);
    let again = AuditRecord { action: "queue.edit".into(), ..record(0, 0) };
    assert!(bench.try_write(move |tx| tx.insert_audit_records(std::slice::from_ref(&again))).is_err());
    assert_eq!(list(bench, &AuditFilter::default(), None, 10), [record(0, 0)]);
}

fn waiting(bench: &Bench, limit: i64) -> Vec<AuditRecord> {
    bench.read(move |tx| tx.take_unsequenced(ORGANISATION, limit))
}

fn records_get_their_places(bench: &Bench) {
    let foreign = AuditRecord { organisation_id: OTHER_ORGANISATION, ..record(3, 9) };
    put(bench, &[record(2, 2), record(0, 0), record(1, 1), foreign.clone()]);
    let organisations = || {
        let mut found = bench.read(|tx| tx.list_unsequenced());
        found.sort_unstable();
        found
    };
    assert_eq!(organisations(), [ORGANISATION, OTHER_ORGANISATION]);
    let taken = |record: AuditRecord| AuditRecord { details: None, ..record };
    assert_eq!(waiting(bench, 2), [taken(record(0, 0)), taken(record(1, 1))]);
    let place = |record: &AuditRecord, leaf_index| Sequenced { record_id: record.record_id, leaf_index, committed: None };
    // a record of another organisation is not touched
    let places = [place(&record(0, 0), 7), place(&record(1, 1), 8), place(&foreign, 9)];
    bench.write(move |tx| tx.sequence_audit_records(ORGANISATION, &places));
    assert_eq!(waiting(bench, 9), [taken(record(2, 2))]);
    let all = list(bench, &AuditFilter::default(), None, 10);
    assert_eq!(
        all,
        [record(2, 2), AuditRecord { leaf_index: Some(8), ..record(1, 1) }, AuditRecord { leaf_index: Some(7), ..record(0, 0) }]
    );
    let rest = [place(&record(2, 2), 9)];
    bench.write(move |tx| {
        tx.sequence_audit_records(ORGANISATION, &[])?;
        tx.sequence_audit_records(ORGANISATION, &rest)
    });
    assert_eq!((waiting(bench, 9), organisations()), (vec![], vec![OTHER_ORGANISATION]));
}

fn a_record_without_a_commitment_gets_one(bench: &Bench) {
    let early = AuditRecord { details: Some(raw("{}")), ..bare(0, 0) };
    put(bench, &[early.clone(), record(1, 1)]);
    assert_eq!(waiting(bench, 1), std::slice::from_ref(&early));
    let place = |record_id, leaf_index| Sequenced { record_id, leaf_index, committed: Some(([1; 32], [2; 32])) };
    let places = [place(record_id(0, 0), 0), place(record_id(1, 1), 1)];
    bench.write(move |tx| tx.sequence_audit_records(ORGANISATION, &places));
    let committed = AuditRecord { leaf_index: Some(0), salt: Some([1; 32]), commitment: Some([2; 32]), ..early };
    let as_before = AuditRecord { leaf_index: Some(1), ..record(1, 1) };
    assert_eq!(list(bench, &AuditFilter::default(), None, 10), [as_before, committed]);
}

fn a_tree_grows(bench: &Bench) {
    let find = || bench.read(|tx| tx.find_audit_tree(ORGANISATION));
    assert_eq!(find(), None);
    let lock = || bench.write(|tx| tx.try_lock_audit_tree(ORGANISATION));
    let tree = |size| Some(AuditTree { organisation_id: ORGANISATION, size });
    assert_eq!((lock(), find()), (tree(0), tree(0)));
    bench.write(|tx| {
        tx.try_lock_audit_tree(ORGANISATION)?;
        tx.put_audit_tree(&AuditTree { organisation_id: ORGANISATION, size: 5 })
    });
    assert_eq!((lock(), find(), bench.read(|tx| tx.find_audit_tree(OTHER_ORGANISATION))), (tree(5), tree(5), None));
}

fn tiles_are_put_over_each_other(bench: &Bench) {
    let tile = |level, tile_index, byte: u8, width: usize| AuditTile { level, tile_index, hashes: vec![byte; 32 * width] };
    let load = |places: &'static [(i32, i64)]| {
        let mut found = bench.read(move |tx| tx.load_audit_tiles(ORGANISATION, places));
        found.sort_unstable_by_key(|tile| (tile.level, tile.tile_index));
        found
    };
    bench.write(move |tx| tx.put_audit_tiles(ORGANISATION, &[tile(0, 0, 1, 256), tile(0, 1, 2, 3), tile(1, 0, 3, 1)]));
    bench.write(move |tx| {
        tx.put_audit_tiles(OTHER_ORGANISATION, &[tile(0, 1, 9, 1)])?;
        tx.put_audit_tiles(ORGANISATION, &[tile(0, 1, 0xff, 4)])?;
        tx.put_audit_tiles(ORGANISATION, &[])
    });
    assert_eq!(load(&[(0, 1), (1, 0), (0, 2), (1, 1)]), [tile(0, 1, 0xff, 4), tile(1, 0, 3, 1)]);
    assert_eq!((load(&[(0, 0)]), load(&[])), (vec![tile(0, 0, 1, 256)], vec![]));
}

fn checkpoints_are_found_by_size(bench: &Bench) {
    let checkpoint = |size, byte: u8| AuditCheckpoint {
        organisation_id: ORGANISATION,
        size,
        root: [byte; 32],
        at: Timestamp::from_millis(size),
        note: format!("note {byte} \u{2014}\n"),
    };
    let work = move |tx: &mut dyn Tx| -> StoreResult<()> {
        for one in [checkpoint(3, 1), checkpoint(9, 2), checkpoint(3, 7)] {
            tx.insert_audit_checkpoint(&one)?;
        }
        tx.insert_audit_checkpoint(&AuditCheckpoint { organisation_id: OTHER_ORGANISATION, ..checkpoint(20, 8) })
    };
    bench.write(work);
    let find = |size| bench.read(move |tx| tx.find_audit_checkpoint(ORGANISATION, size));
    let unvouched = |size| {
        bench.write(move |tx| {
            tx.try_lock_audit_tree(ORGANISATION)?;
            tx.put_audit_tree(&AuditTree { organisation_id: ORGANISATION, size })
        });
        bench.read(|tx| tx.list_unvouched())
    };
    assert_eq!([unvouched(0), unvouched(9), unvouched(10)], [vec![], vec![], vec![ORGANISATION]]);
    assert_eq!((find(None), find(Some(3)), find(Some(4))), (Some(checkpoint(9, 2)), Some(checkpoint(3, 1)), None));
}
