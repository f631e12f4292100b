use sync_core::ports::{
    ChangeRow, ConflictLink, Device, DocumentRow, FormerEpoch, Grave, Head, History, LogEntry, Presence, Presented, ResultEntry, SpaceLog,
    StoredOperation, Tombstone,
};
use sync_core::{Audience, ConflictId, DeviceId, DocumentKey, OpId, Role, SpaceId, Status, Timestamp, UserId};
use uuid::Uuid;

use super::Case;
use super::bench::{
    ANA, BO, Bench, EPOCH, FOREIGN_SPACE, NOW, ORGANISATION, OTHER_ORGANISATION, PHONE, SECOND_SPACE, SPACE, STRANGER, STRANGERS_DEVICE,
    TABLET, change, device, document, id, key, operation, raw,
};

pub(super) const CASES: &[Case] = &[
    ("logs_are_listed_by_space", logs_are_listed_by_space),
    ("horizons_are_part_of_the_head", horizons_are_part_of_the_head),
    ("an_epoch_is_replaced_and_the_former_kept", an_epoch_is_replaced_and_the_former_kept),
    ("the_last_cursor_shown_is_kept", the_last_cursor_shown_is_kept),
    ("the_lowest_floor_is_of_devices_that_were_seen", the_lowest_floor_is_of_devices_that_were_seen),
    ("tombstones_are_listed_by_version", tombstones_are_listed_by_version),
    ("what_is_buried_leaves_a_grave", what_is_buried_leaves_a_grave),
    ("the_oldest_history_goes_first", the_oldest_history_goes_first),
    ("what_was_sent_is_emptied_and_what_came_of_it_stays", what_was_sent_is_emptied_and_what_came_of_it_stays),
];

fn logs_are_listed_by_space(bench: &Bench) {
    bench.write(|tx| {
        tx.lock_head(SECOND_SPACE)?;
        tx.put_head(SECOND_SPACE, 7)
    });
    let log = |space_id, version| {
        let organisation_id = if space_id == FOREIGN_SPACE { OTHER_ORGANISATION } else { ORGANISATION };
        SpaceLog { space_id, organisation_id, head: Head { version, ..Head::of_empty(EPOCH) }, created_at: NOW }
    };
    let list = |after, limit| bench.read(move |tx| tx.list_logs(after, limit));
    assert_eq!(list(None, 10), [log(SPACE, 0), log(SECOND_SPACE, 7), log(FOREIGN_SPACE, 0)], "of every organisation");
    assert_eq!(list(None, 1), [log(SPACE, 0)]);
    assert_eq!(list(Some(SPACE), 1), [log(SECOND_SPACE, 7)]);
    assert_eq!(list(Some(FOREIGN_SPACE), 10), []);
}

fn horizons_are_part_of_the_head(bench: &Bench) {
    bench.write(|tx| {
        tx.lock_head(SPACE)?;
        tx.put_horizons(SPACE, 3, 5)?;
        tx.put_head(SPACE, 9)
    });
    let head = Head { version: 9, epoch: EPOCH, kept_from: 3, history_from: 5 };
    assert_eq!(bench.write(|tx| tx.lock_head(SPACE)), Some(head), "moving the head leaves them");
    assert_eq!(bench.write(|tx| tx.lock_head(SECOND_SPACE)), Some(Head::of_empty(EPOCH)));
    bench.write(|tx| {
        tx.put_member(&super::bench::member(SPACE, ANA, Role::Lead))?;
        Ok(())
    });
    let access = bench.read(|tx| tx.load_access(ORGANISATION, ANA, &[SPACE]));
    assert_eq!(access[0].head, head);
}

fn an_epoch_is_replaced_and_the_former_kept(bench: &Bench) {
    let former = |space_id, epoch, shared_until| FormerEpoch { space_id, epoch, shared_until, ended_at: NOW };
    bench.write(move |tx| {
        for (space_id, epoch) in [(SPACE, id(42)), (SECOND_SPACE, Uuid::max())] {
            tx.lock_head(space_id)?;
            tx.put_epoch(space_id, epoch)?;
        }
        tx.put_former_epochs(&[former(SPACE, EPOCH, 9), former(SECOND_SPACE, EPOCH, 0)])?;
        tx.put_former_epochs(&[former(SPACE, EPOCH, 4), former(SPACE, id(40), 3)])?;
        tx.put_former_epochs(&[])
    });
    assert_eq!(bench.write(|tx| tx.lock_head(SPACE)), Some(Head::of_empty(id(42))));
    assert_eq!(bench.write(|tx| tx.lock_head(SECOND_SPACE)), Some(Head::of_empty(Uuid::max())));
    let list = |spaces: &'static [SpaceId]| {
        let mut rows = bench.read(move |tx| tx.list_former_epochs(spaces));
        rows.sort_by_key(|row| (row.space_id, row.epoch));
        rows
    };
    assert_eq!(list(&[SPACE]), [former(SPACE, id(40), 3), former(SPACE, EPOCH, 4)]);
    assert_eq!(list(&[SPACE, SECOND_SPACE, SPACE]).len(), 3);
    assert_eq!(list(&[FOREIGN_SPACE]), []);
    assert_eq!(list(&[]), []);
}

fn presented(space_id: SpaceId, device_id: DeviceId, user_id: UserId, floor: i64) -> Presented {
    Presented { space_id, device_id, user_id, floor, at: NOW }
}

fn the_last_cursor_shown_is_kept(bench: &Bench) {
    bench.write(|tx| {
        tx.put_presented(&[presented(SPACE, PHONE, BO, 9), presented(SPACE, TABLET, ANA, 3)])?;
        tx.put_presented(&[presented(SECOND_SPACE, TABLET, ANA, 1), presented(SPACE, PHONE, BO, 4)])?;
        tx.put_presented(&[])
    });
    let list = |space_id| bench.read(move |tx| tx.list_presented(space_id));
    assert_eq!(list(SPACE), [presented(SPACE, TABLET, ANA, 3), presented(SPACE, PHONE, BO, 4)], "a lower one too");
    assert_eq!(list(FOREIGN_SPACE), []);
    bench.write(|tx| tx.put_presented(&[Presented { at: NOW.plus_ms(1), ..presented(SPACE, TABLET, ANA, 5) }]));
    bench.write(|tx| tx.drop_presented(SPACE, NOW.plus_ms(1)));
    assert_eq!(list(SPACE).iter().map(|row| row.device_id).collect::<Vec<_>>(), [TABLET], "what was shown at that instant stays");
    assert_eq!(list(SECOND_SPACE).len(), 1, "another space's is not touched");
}

fn the_lowest_floor_is_of_devices_that_were_seen(bench: &Bench) {
    let lowest = |since: Timestamp| bench.read(move |tx| tx.find_lowest_floor(SPACE, since));
    assert_eq!(lowest(NOW), None, "nobody has shown a cursor");
    bench.write(|tx| {
        tx.put_device(&Device { seen_at: NOW.plus_ms(50), ..device(PHONE, BO) })?;
        tx.put_presented(&[
            Presented { at: NOW.plus_ms(10), ..presented(SPACE, TABLET, ANA, 30) },
            Presented { at: NOW.plus_ms(20), ..presented(SPACE, PHONE, BO, 20) },
            Presented { at: NOW.plus_ms(30), ..presented(SPACE, STRANGERS_DEVICE, STRANGER, 40) },
            Presented { at: NOW.plus_ms(99), ..presented(SPACE, DeviceId(id(99)), ANA, 1) },
            Presented { at: NOW.plus_ms(99), ..presented(SECOND_SPACE, TABLET, ANA, 2) },
        ])
    });
    assert_eq!(lowest(NOW), Some(20), "a device that does not exist holds nothing back");
    assert_eq!(lowest(NOW.plus_ms(50)), Some(20), "by its login");
    assert_eq!(lowest(NOW.plus_ms(51)), None);
    bench.write(|tx| tx.put_device(&Device { revoked_at: Some(NOW), ..device(PHONE, BO) }));
    assert_eq!(lowest(NOW), Some(30), "a revoked device reads nothing any more");
    assert_eq!(lowest(NOW.plus_ms(11)), Some(40), "by the cursor that it showed");
}

fn deleted(key: DocumentKey, version: i64) -> DocumentRow {
    DocumentRow { presence: Presence { created: 1, live_since: 1, deleted: true }, ..document(key, version) }
}

fn tombstones_are_listed_by_version(bench: &Bench) {
    bench.write(|tx| {
        let mut asked = deleted(key("notes", "asked"), 5);
        asked.open_conflicts = 1;
        let mut hidden = deleted(key("notes", "a"), 9);
        (hidden.audience, hidden.at) = (Audience::of([Role::Lead]), NOW.plus_ms(7));
        hidden.audience_ever = Audience::of([Role::Lead, Role::Vendor]);
        tx.put_documents(SPACE, &[hidden, asked, document(key("notes", "live"), 7), deleted(key("notes", "z"), 3)])?;
        tx.put_documents(SECOND_SPACE, &[deleted(key("notes", "other"), 4)])
    });
    let list = |above, limit| bench.read(move |tx| tx.list_tombstones(SPACE, above, limit));
    let first = Tombstone { key: key("notes", "z"), version: 3, at: NOW, audience: Audience::EVERYONE };
    let second = Tombstone { key: key("notes", "a"), version: 9, at: NOW.plus_ms(7), audience: Audience::of([Role::Lead]) };
    assert_eq!(list(0, 10), [first.clone(), second.clone()], "not those that a question is open about");
    assert_eq!(list(0, 1), [first]);
    assert_eq!(list(3, 10), [second]);
    assert_eq!(list(9, 10), []);
}

fn what_is_buried_leaves_a_grave(bench: &Bench) {
    let grave = |id: &str, version| Grave { key: key("notes", id), version, audience: Audience::of([Role::Lead]) };
    let last = || ChangeRow { previous: 2, ..change(key("notes", "a"), 3) };
    bench.write(move |tx| {
        for space_id in [SPACE, SECOND_SPACE] {
            tx.put_documents(space_id, &[deleted(key("notes", "a"), 3), deleted(key("notes", "b"), 5), document(key("notes", "ab"), 4)])?;
            tx.insert_changes(space_id, &[change(key("notes", "a"), 2), last(), change(key("notes", "ab"), 4)])?;
        }
        tx.bury(SPACE, &[grave("a", 3), grave("b", 5)])?;
        tx.bury(SPACE, &[])
    });
    let keys = || [key("notes", "a"), key("notes", "b"), key("notes", "ab"), key("notes", "a")];
    let documents = bench.read(move |tx| tx.load_documents(SPACE, &keys()));
    assert_eq!(documents, [document(key("notes", "ab"), 4)]);
    let changes = bench.read(move |tx| tx.list_changes(SPACE, &[2, 3, 4].map(|from| History { from, above: 0 })));
    assert_eq!(changes, [change(key("notes", "ab"), 4)]);
    assert_eq!(bench.read(move |tx| tx.load_documents(SECOND_SPACE, &keys())).len(), 3, "another space's are not touched");
    assert_eq!(bench.read(move |tx| tx.list_changes(SECOND_SPACE, &[3, 4].map(|from| History { from, above: 0 }))).len(), 3);
    let graves = move || {
        let mut graves = bench.read(move |tx| tx.load_graves(SPACE, &keys()));
        graves.sort_by_key(|grave| grave.version);
        graves
    };
    assert_eq!(graves(), [grave("a", 3), grave("b", 5)]);
    assert_eq!(bench.read(move |tx| tx.load_graves(SECOND_SPACE, &keys())), []);
    bench.write(move |tx| {
        tx.bury(SPACE, &[grave("a", 8)])?;
        tx.drop_graves(SPACE, &[key("notes", "b"), key("notes", "none")])
    });
    assert_eq!(graves(), [grave("a", 8)], "the later one stands");
}

fn the_oldest_history_goes_first(bench: &Bench) {
    let entry = |version| LogEntry { version, at: NOW };
    bench.write(|tx| {
        let early = ChangeRow { at: NOW.plus_ms(-1), ..change(key("notes", "b"), 2) };
        tx.insert_changes(SPACE, &[change(key("notes", "b"), 10), early, change(key("notes", "a"), 9), change(key("notes", "a"), 3)])?;
        tx.insert_changes(SECOND_SPACE, &[change(key("notes", "a"), 1)])
    });
    let list = |limit| bench.read(move |tx| tx.list_history(SPACE, limit));
    let early = LogEntry { at: NOW.plus_ms(-1), ..entry(2) };
    assert_eq!(list(10), [early, entry(3), entry(9), entry(10)]);
    assert_eq!(list(2), [early, entry(3)]);
    bench.write(|tx| tx.drop_history(SPACE, 8));
    assert_eq!(list(10), [entry(9), entry(10)]);
    bench.write(|tx| tx.drop_history(SPACE, 9));
    assert_eq!(list(10), [entry(10)], "that version too");
    assert_eq!(bench.read(|tx| tx.list_history(SECOND_SPACE, 9)).len(), 1, "none of another space");
    assert_eq!(bench.read(|tx| tx.list_history(FOREIGN_SPACE, 9)), []);
}

fn what_was_sent_is_emptied_and_what_came_of_it_stays(bench: &Bench) {
    let (settled, asked) = (ConflictId(id(900)), ConflictId(id(901)));
    let sent = move |number: u128| StoredOperation { payload: raw(r#"{"kind":"create"}"#), ..operation(number) };
    let refused = StoredOperation {
        status: Status::Rejected,
        problem: Some(raw(r#"{"code":"too_large"}"#)),
        overlay: Some(raw("{}")),
        decisions: Some(raw("[]")),
        ..sent(50)
    };
    let row = refused.clone();
    bench.write(move |tx| {
        let link =
            |conflict_id, open| ConflictLink { conflict_id, organisation_id: ORGANISATION, space_id: SPACE, key: key("notes", "a"), open };
        tx.put_conflicts(&[link(settled, false), link(asked, true)])?;
        tx.insert_operations(&[
            row.clone(),
            StoredOperation { status: Status::Quarantined, ..sent(51) },
            StoredOperation { conflict_id: Some(settled), ..sent(52) },
            StoredOperation { conflict_id: Some(asked), ..sent(53) },
            StoredOperation { decided_at: NOW.plus_ms(1), ..sent(54) },
            StoredOperation { organisation_id: OTHER_ORGANISATION, ..sent(40) },
        ])
    });
    let list = |after: Option<ResultEntry>, limit| bench.read(move |tx| tx.list_results(after.as_ref(), NOW.plus_ms(1), limit));
    let entry = |organisation_id, number, is_due| ResultEntry { organisation_id, op_id: OpId(id(number)), is_due };
    let own = |number, is_due| entry(ORGANISATION, number, is_due);
    let all = [own(50, true), own(51, false), own(52, true), own(53, false), own(54, false), entry(OTHER_ORGANISATION, 40, true)];
    assert_eq!(list(None, 10), all, "not what waits for somebody");
    assert_eq!(list(Some(all[1]), 2), all[2..4]);
    assert_eq!(list(Some(all[5]), 2), []);
    let empty = || bench.write(|tx| tx.empty_operations(ORGANISATION, &[OpId(id(50)), OpId(id(40)), OpId(id(999))]));
    assert_eq!([empty(), empty()], [1, 0], "who comes second finds nothing");
    assert_eq!(list(None, 1), [own(50, false)], "it is done");
    assert_eq!(list(Some(all[4]), 1), [all[5]], "another organisation's is not touched");
    let kept = bench.read(|tx| tx.load_operations(ORGANISATION, &[OpId(id(50))]));
    assert_eq!(kept, [StoredOperation { payload: raw("{}"), problem: None, overlay: None, decisions: None, ..refused }]);
}
