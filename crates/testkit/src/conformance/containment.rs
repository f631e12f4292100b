use sync_core::ports::{BatchState, Device, Footing, QueueSpace, StoredOperation, Suspension, Tenant, TenantState, Wipe};
use sync_core::{BatchId, DeviceId, OpId, OrganisationId, SessionId, SpaceId, Timestamp};

use super::Case;
use super::batches;
use super::bench::{
    ANA, BO, Bench, FOREIGN_SPACE, NOW, ORGANISATION, OTHER_ORGANISATION, PHONE, SPACE, STRANGER, STRANGERS_DEVICE, TABLET, device, id,
    operation, session,
};

pub(super) const CASES: &[Case] = &[
    ("a_tenant_is_free_until_somebody_holds_it", a_tenant_is_free_until_somebody_holds_it),
    ("a_held_tenant_holds_its_logins_and_nobody_elses", a_held_tenant_holds_its_logins_and_nobody_elses),
    ("what_holds_a_device_is_kept_apart_from_it", what_holds_a_device_is_kept_apart_from_it),
    ("the_queue_of_a_held_tenant_is_not_offered", the_queue_of_a_held_tenant_is_not_offered),
    ("work_tells_what_holds_it", work_tells_what_holds_it),
    ("what_a_device_did_is_listed_since_an_instant", what_a_device_did_is_listed_since_an_instant),
];

fn free() -> Tenant {
    Tenant {
        organisation_id: ORGANISATION,
        name: "Alder & Rye".into(),
        state: TenantState::Active,
        since: None,
        by: None,
        reason: None,
        unlock: None,
    }
}

fn held(state: TenantState) -> Tenant {
    Tenant {
        state,
        since: Some(NOW),
        by: Some(ANA),
        reason: Some("a tablet \u{0} is gone 💍".into()),
        unlock: Some((BO, NOW.plus_ms(5))),
        ..free()
    }
}

fn hold(bench: &Bench, tenant: Tenant) {
    bench.write(move |tx| {
        assert!(tx.lock_tenant(tenant.organisation_id)?.is_some());
        tx.put_tenant(&tenant)
    });
}

fn a_tenant_is_free_until_somebody_holds_it(bench: &Bench) {
    let find = |bench: &Bench| bench.read(|tx| tx.find_tenant(ORGANISATION));
    assert_eq!(find(bench), Some(free()));
    assert_eq!(bench.read(|tx| tx.find_tenant(OrganisationId(id(999)))), None);
    for state in [TenantState::ReadOnly, TenantState::Locked] {
        hold(bench, held(state));
        assert_eq!(find(bench), Some(held(state)), "every column survives");
        assert_eq!(bench.read(|tx| tx.find_tenant_named("Alder & Rye")), Some(held(state)));
        assert_eq!(bench.read(|tx| tx.find_tenant_state(SPACE)), Some(state));
    }
    hold(bench, free());
    assert_eq!((find(bench), bench.read(|tx| tx.find_tenant_named("Nobody"))), (Some(free()), None));
    assert_eq!(bench.read(|tx| tx.find_tenant_state(FOREIGN_SPACE)), Some(TenantState::Active));
    assert_eq!(bench.read(|tx| tx.find_tenant_state(SpaceId(id(999)))), None);
}

const LOGINS: [SessionId; 3] = [SessionId(id(500)), SessionId(id(501)), SessionId(id(502))];

fn footings(bench: &Bench) -> Vec<Footing> {
    let mut listed = bench.read(|tx| tx.list_footings(&[LOGINS[2], SessionId(id(999)), LOGINS[0], LOGINS[1]]));
    listed.sort_unstable();
    let each: Vec<_> = LOGINS.into_iter().map(|login| (login, bench.read(move |tx| tx.find_footing(login)))).collect();
    let held: Vec<_> = LOGINS.into_iter().map(|login| (login, bench.write(move |tx| tx.hold_footing(login)))).collect();
    assert_eq!(each, held, "whoever writes is told the same");
    assert_eq!(listed, each, "those that are not known are left out");
    listed.into_iter().map(|(_, footing)| footing).collect()
}

fn a_held_tenant_holds_its_logins_and_nobody_elses(bench: &Bench) {
    bench.write(|tx| {
        tx.put_session(&session(LOGINS[0], TABLET, ANA))?;
        tx.put_session(&session(LOGINS[1], PHONE, BO))?;
        tx.put_session(&session(LOGINS[2], STRANGERS_DEVICE, STRANGER))?;
        tx.insert_access_token(&[7; 32], LOGINS[0], NOW)
    });
    assert_eq!(footings(bench), [Footing::Active; 3]);
    hold(bench, held(TenantState::ReadOnly));
    assert_eq!(footings(bench), [Footing::ReadOnly, Footing::ReadOnly, Footing::Active]);
    hold(bench, held(TenantState::Locked));
    assert_eq!(footings(bench), [Footing::Locked, Footing::Locked, Footing::Active]);
    assert_eq!(bench.read(|tx| tx.find_access(&[7; 32])).map(|grant| grant.footing), Some(Footing::Locked));
    assert_eq!(bench.read(|tx| tx.find_session_grant(LOGINS[1])).map(|grant| grant.footing), Some(Footing::Locked));
    suspend(bench, TABLET);
    bench.write(|tx| tx.put_device(&Device { revoked_at: Some(NOW), ..device(PHONE, BO) }));
    assert_eq!(footings(bench), [Footing::Suspended, Footing::Ended, Footing::Active]);
}

fn suspension() -> Suspension {
    Suspension { at: NOW.plus_ms(3), by: None, reason: Some("lost".into()) }
}

fn suspend(bench: &Bench, device_id: DeviceId) {
    bench.write(move |tx| {
        let held = Device { suspended: Some(suspension()), ..tx.lock_device(device_id)?.expect("it is there") };
        tx.put_device_hold(&held)
    });
}

fn what_holds_a_device_is_kept_apart_from_it(bench: &Bench) {
    let wipe = Wipe { purge_id: id(77), ordered_at: NOW, confirmed_at: None, outbox_left: None };
    let done = Wipe { confirmed_at: Some(NOW.plus_ms(9)), outbox_left: Some(4), ..wipe.clone() };
    bench.write(|tx| tx.put_session(&session(LOGINS[0], TABLET, ANA)));
    bench.write(|tx| tx.insert_access_token(&[7; 32], LOGINS[0], NOW));
    suspend(bench, TABLET);
    let order = |wipe: Wipe| {
        bench.write(move |tx| {
            let device = tx.lock_device(TABLET)?.expect("it is there");
            tx.put_device_hold(&Device { wipe: Some(wipe.clone()), name: "not stored".into(), ..device })
        });
    };
    let ordered = || bench.read(|tx| tx.find_access(&[7; 32])).and_then(|grant| grant.wipe);
    assert_eq!(ordered(), None);
    order(wipe.clone());
    assert_eq!(ordered(), Some(id(77)));
    // whoever read the device before stores it over what stands
    bench.write(|tx| tx.put_device(&Device { name: "later".into(), ..device(TABLET, ANA) }));
    let expected = Device { name: "later".into(), suspended: Some(suspension()), wipe: Some(wipe), ..device(TABLET, ANA) };
    assert_eq!(bench.read(|tx| tx.find_device(TABLET)), Some(expected.clone()));
    order(done.clone());
    assert_eq!(bench.read(|tx| tx.list_devices(&[ANA])), [Device { wipe: Some(done), ..expected }]);
    assert_eq!(ordered(), None, "it was confirmed");
    assert_eq!(bench.read(|tx| tx.find_device(PHONE)), Some(device(PHONE, BO)));
    assert_eq!(bench.write(|tx| tx.lock_device(DeviceId(id(999)))), None);
}

fn the_queue_of_a_held_tenant_is_not_offered(bench: &Bench) {
    let due = |organisation_id, space_id, at| QueueSpace { due_at: Some(at), ..QueueSpace::new(organisation_id, space_id) };
    let spaces = [due(ORGANISATION, SPACE, NOW), due(OTHER_ORGANISATION, FOREIGN_SPACE, NOW.plus_ms(1))];
    bench.write(move |tx| {
        for space in &spaces {
            tx.lock_queue_space(space.organisation_id, space.space_id)?;
            tx.put_queue_space(space)?;
        }
        Ok(())
    });
    let offered = || bench.read(|tx| tx.list_queue_spaces(NOW.plus_ms(9), 9)).into_iter().map(|space| space.space_id).collect::<Vec<_>>();
    let next = || bench.read(|tx| tx.find_next_due(NOW.plus_ms(-1)));
    assert_eq!((offered(), next()), (vec![SPACE, FOREIGN_SPACE], Some(NOW)));
    for state in [TenantState::ReadOnly, TenantState::Locked] {
        hold(bench, held(state));
        assert_eq!((offered(), next()), (vec![FOREIGN_SPACE], Some(NOW.plus_ms(1))));
    }
    hold(bench, free());
    assert_eq!(offered(), [SPACE, FOREIGN_SPACE]);
}

fn work_tells_what_holds_it(bench: &Bench) {
    let batch = |number, device_id| sync_core::ports::QueueBatch { device_id, state: BatchState::Sealed, ..batches::numbered(number) };
    let rows = [batch(1, TABLET), batch(2, PHONE)];
    bench.write(move |tx| rows.iter().try_for_each(|row| tx.put_batch(row)));
    let work = || {
        let ids: Vec<BatchId> = [1, 2, 9].map(|number| batches::numbered(number).batch_id).to_vec();
        let mut found = bench.read(move |tx| tx.load_work(&ids));
        found.sort_by_key(|(batch, _)| batch.batch_id);
        assert_eq!(found.iter().map(|(found, _)| found.clone()).collect::<Vec<_>>(), [batch(1, TABLET), batch(2, PHONE)]);
        found.into_iter().map(|(_, footing)| footing).collect::<Vec<_>>()
    };
    assert_eq!(work(), [Footing::Active; 2]);
    suspend(bench, TABLET);
    bench.write(|tx| tx.put_device(&Device { revoked_at: Some(NOW), ..device(PHONE, BO) }));
    assert_eq!(work(), [Footing::Suspended, Footing::Active], "what was accepted before a revocation is decided");
    hold(bench, held(TenantState::Locked));
    assert_eq!(work(), [Footing::Suspended, Footing::Locked]);
}

fn what_a_device_did_is_listed_since_an_instant(bench: &Bench) {
    let row =
        |number, device_id, ms| StoredOperation { op_id: OpId(id(number)), device_id, decided_at: NOW.plus_ms(ms), ..operation(number) };
    let rows = [row(1, TABLET, 0), row(2, PHONE, 5), row(3, TABLET, 5), row(4, TABLET, 9)];
    let stored = rows.clone();
    bench.write(move |tx| tx.insert_operations(&stored));
    let list = |device_id, since: Timestamp, after: Option<u128>, limit| {
        let found = bench.read(move |tx| tx.list_decided(ORGANISATION, device_id, since, after.map(|number| OpId(id(number))), limit));
        assert!(found.iter().all(|found| rows.contains(found)), "every column survives");
        found.into_iter().map(|row| row.op_id).collect::<Vec<_>>()
    };
    let ids = |numbers: &[u128]| numbers.iter().map(|number| OpId(id(*number))).collect::<Vec<_>>();
    assert_eq!(list(None, NOW, None, 9), ids(&[1, 2, 3, 4]));
    assert_eq!(list(Some(TABLET), NOW.plus_ms(5), None, 9), ids(&[3, 4]));
    assert_eq!(list(None, NOW, Some(1), 2), ids(&[2, 3]));
    assert_eq!(bench.read(|tx| tx.list_decided(OTHER_ORGANISATION, None, NOW, None, 9)), []);
}
