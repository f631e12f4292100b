use sync_core::ports::{StoreError, StoredOperation, StoredResult};
use sync_core::{ConflictId, OpId, Status, Timestamp};

use super::Case;
use super::bench::{
    ANA, BO, Bench, FOREIGN_SPACE, ORGANISATION, OTHER_ORGANISATION, PHONE, STRANGER, STRANGERS_DEVICE, id, operation, raw,
};

pub(super) const CASES: &[Case] = &[
    ("every_column_survives", every_column_survives),
    ("results_are_what_was_stored", results_are_what_was_stored),
    ("every_stored_status_survives", every_stored_status_survives),
    ("a_thousand_at_once_and_none", a_thousand_at_once_and_none),
    ("an_id_is_taken_once", an_id_is_taken_once),
    ("an_id_is_taken_once_within_a_batch", an_id_is_taken_once_within_a_batch),
    ("organisations_have_their_own_ids", organisations_have_their_own_ids),
    ("groups_are_a_users_own", groups_are_a_users_own),
    ("quarantined_ones_are_counted_by_device", quarantined_ones_are_counted_by_device),
];

fn load(bench: &Bench, op_ids: Vec<OpId>) -> Vec<StoredOperation> {
    let mut rows = bench.read(move |tx| tx.load_operations(ORGANISATION, &op_ids));
    rows.sort_by_key(|row| row.op_id);
    rows
}

fn every_column_survives(bench: &Bench) {
    let full = StoredOperation {
        identity: [0xff; 32],
        space_id: FOREIGN_SPACE,
        key: "_conflicts/0197".into(),
        status: Status::Conflict,
        decided_version: Some(9_007_199_254_740_991),
        head: 9_007_199_254_740_991,
        conflict_id: Some(ConflictId(id(300))),
        decided_at: Timestamp::from_millis(-62_135_596_800_000),
        group: Some("g~!'%".into()),
        problem: Some(raw(r#"{"code":"too_large"}"#)),
        payload: raw("{\"title\":\"é\u{1f48d}\\u0000\"}"),
        overlay: Some(raw("null")),
        policy_version: Some(i32::MAX),
        corrected_at: Some(Timestamp::from_millis(-1)),
        received_at: Some(Timestamp::from_millis(-2)),
        attempts: Some(3),
        decisions: Some(raw("[]")),
        ..operation(1_000)
    };
    let bare = operation(1_001);
    let rows = [full, bare];
    let put = rows.clone();
    bench.write(move |tx| tx.insert_operations(&put));
    assert_eq!(load(bench, vec![OpId(id(1_001)), OpId(id(1_000)), OpId(id(5))]), rows);
}

fn results_are_what_was_stored(bench: &Bench) {
    let full = StoredOperation {
        space_id: FOREIGN_SPACE,
        status: Status::Conflict,
        decided_version: Some(7),
        conflict_id: Some(ConflictId(id(300))),
        decided_at: Timestamp::from_millis(-1),
        problem: Some(raw(r#"{"code":"too_large"}"#)),
        overlay: Some(raw("{}")),
        ..operation(1_000)
    };
    let of_bo = StoredOperation { user_id: BO, device_id: PHONE, status: Status::Rejected, ..operation(1_001) };
    let foreign = StoredOperation {
        organisation_id: OTHER_ORGANISATION,
        user_id: STRANGER,
        device_id: STRANGERS_DEVICE,
        space_id: FOREIGN_SPACE,
        ..operation(1_002)
    };
    let rows = [full.clone(), of_bo.clone(), foreign.clone()];
    bench.write(move |tx| tx.insert_operations(&rows));
    let results = |organisation_id, numbers: &[u128]| {
        let op_ids: Vec<OpId> = numbers.iter().map(|number| OpId(id(*number))).collect();
        let mut found = bench.read(move |tx| tx.load_results(organisation_id, &op_ids));
        found.sort_by_key(|result| result.op_id);
        found
    };
    assert_eq!(results(ORGANISATION, &[1_001, 1_000, 5, 1_002, 1_000]), [result_of(full), result_of(of_bo)], "each once");
    assert_eq!(results(OTHER_ORGANISATION, &[1_000, 1_002]), [result_of(foreign)]);
    assert_eq!(results(ORGANISATION, &[]), []);
}

fn result_of(row: StoredOperation) -> StoredResult {
    StoredResult {
        op_id: row.op_id,
        user_id: row.user_id,
        space_id: row.space_id,
        status: row.status,
        decided_version: row.decided_version,
        conflict_id: row.conflict_id,
        decided_at: row.decided_at,
        problem: row.problem,
    }
}

fn every_stored_status_survives(bench: &Bench) {
    let stored = [Status::Applied, Status::Merged, Status::Noop, Status::Conflict, Status::Rejected, Status::Quarantined];
    let rows: Vec<_> = stored.into_iter().zip(1_000..).map(|(status, number)| StoredOperation { status, ..operation(number) }).collect();
    let put = rows.clone();
    bench.write(move |tx| tx.insert_operations(&put));
    assert_eq!(load(bench, rows.iter().map(|row| row.op_id).collect()), rows);
}

fn a_thousand_at_once_and_none(bench: &Bench) {
    let rows: Vec<_> = (10_000..11_000).map(operation).collect();
    let put = rows.clone();
    bench.write(move |tx| {
        tx.insert_operations(&put)?;
        tx.insert_operations(&[])
    });
    assert_eq!(load(bench, (10_000..20_000).map(|number| OpId(id(number))).collect()), rows, "10,000 ids are asked at once");
    assert_eq!(load(bench, vec![]), []);
}

fn an_id_is_taken_once(bench: &Bench) {
    bench.write(|tx| tx.insert_operations(&[operation(1_000)]));
    let again = bench.try_write(|tx| tx.insert_operations(&[operation(999), operation(1_000)]));
    assert!(matches!(again, Err(StoreError::Busy(_))), "{again:?}");
    assert_eq!(load(bench, vec![OpId(id(999)), OpId(id(1_000))]), [operation(1_000)], "nothing of the second was kept");
}

fn an_id_is_taken_once_within_a_batch(bench: &Bench) {
    let twice = bench.try_write(|tx| tx.insert_operations(&[operation(1_000), operation(1_000)]));
    assert!(twice.is_err());
    assert_eq!(load(bench, vec![OpId(id(1_000))]), []);
}

fn organisations_have_their_own_ids(bench: &Bench) {
    let foreign = StoredOperation {
        organisation_id: OTHER_ORGANISATION,
        user_id: STRANGER,
        device_id: STRANGERS_DEVICE,
        space_id: FOREIGN_SPACE,
        ..operation(1_000)
    };
    let row = foreign.clone();
    bench.write(move |tx| tx.insert_operations(&[operation(1_000), row.clone()]));
    assert_eq!(load(bench, vec![OpId(id(1_000))]), [operation(1_000)]);
    assert_eq!(bench.read(|tx| tx.load_operations(OTHER_ORGANISATION, &[OpId(id(1_000))])), [foreign]);
}

fn groups_are_a_users_own(bench: &Bench) {
    bench.write(|tx| {
        let grouped = |number, group: &str| StoredOperation { group: Some(group.into()), ..operation(number) };
        let of_bo = StoredOperation { user_id: BO, device_id: PHONE, ..grouped(3, "bo's") };
        tx.insert_operations(&[grouped(1, "g"), grouped(2, "g"), of_bo, grouped(4, "G"), operation(5)])
    });
    let find = |organisation_id, user_id, groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let mut found = bench.read(move |tx| tx.find_groups(organisation_id, user_id, &groups));
        found.sort();
        found
    };
    assert_eq!(find(ORGANISATION, ANA, &["g", "bo's", "h"]), ["g"], "each once");
    assert_eq!(find(ORGANISATION, ANA, &["G", "g"]), ["G", "g"]);
    assert_eq!(find(ORGANISATION, BO, &["bo's", "g"]), ["bo's"]);
    assert_eq!(find(OTHER_ORGANISATION, ANA, &["g"]), Vec::<String>::new());
    assert_eq!(find(ORGANISATION, ANA, &[]), Vec::<String>::new());
}

fn quarantined_ones_are_counted_by_device(bench: &Bench) {
    let quarantined = |number| StoredOperation { status: Status::Quarantined, ..operation(number) };
    let (mine, elsewhere) = (quarantined(1), StoredOperation { space_id: FOREIGN_SPACE, ..quarantined(2) });
    let device = mine.device_id;
    let others = StoredOperation { device_id: STRANGERS_DEVICE, ..quarantined(3) };
    let rejected = StoredOperation { status: Status::Rejected, ..operation(4) };
    let spaces = (mine.space_id, elsewhere.space_id);
    bench.write(move |tx| tx.insert_operations(&[mine.clone(), elsewhere.clone(), others.clone(), rejected.clone()]));
    let count = |organisation_id, device_id, space_ids: Option<Vec<sync_core::SpaceId>>| {
        bench.read(move |tx| tx.count_quarantined(organisation_id, device_id, space_ids.as_deref()))
    };
    assert_eq!(count(ORGANISATION, device, None), 2);
    assert_eq!(count(ORGANISATION, device, Some(vec![spaces.0])), 1);
    assert_eq!(count(ORGANISATION, device, Some(vec![spaces.0, spaces.1])), 2);
    assert_eq!(count(ORGANISATION, device, Some(Vec::new())), 0);
    assert_eq!(count(ORGANISATION, STRANGERS_DEVICE, None), 1);
    assert_eq!(count(OTHER_ORGANISATION, device, None), 0);
}
