use sync_core::ports::{AccessGrant, Device, DeviceState, Footing, Session};
use sync_core::{SessionId, SpaceId, UserId};

use super::Case;
use super::bench::{
    ANA, BO, Bench, NOW, ORGANISATION, OTHER_ORGANISATION, PHONE, SECOND_SPACE, SPACE, STRANGER, STRANGERS_DEVICE, TABLET, device, id, raw,
    session,
};

pub(super) const CASES: &[Case] = &[
    ("the_last_state_of_a_device_stands", the_last_state_of_a_device_stands),
    ("a_ticket_is_good_once", a_ticket_is_good_once),
    ("old_tickets_are_dropped", old_tickets_are_dropped),
    ("sessions_that_ended_are_left_out", sessions_that_ended_are_left_out),
    ("a_session_stands_for_somebody", a_session_stands_for_somebody),
    ("heads_are_listed", heads_are_listed),
];

fn state(device_id: sync_core::DeviceId, user_id: UserId) -> DeviceState {
    let organisation_id = if user_id == STRANGER { OTHER_ORGANISATION } else { ORGANISATION };
    DeviceState { device_id, organisation_id, user_id, seen_at: NOW, body: raw("{}") }
}

fn the_last_state_of_a_device_stands(bench: &Bench) {
    let later = DeviceState { seen_at: NOW.plus_ms(5), body: raw(r#"{"outbox":{"n":1}}"#), ..state(TABLET, ANA) };
    let rows = [state(PHONE, BO), state(TABLET, ANA), state(STRANGERS_DEVICE, STRANGER)];
    let then = [later.clone()];
    bench.write(move |tx| {
        tx.put_device_states(&rows)?;
        tx.put_device_states(&then)?;
        tx.put_device_states(&[])
    });
    let sorted = |mut rows: Vec<DeviceState>| {
        rows.sort_by_key(|row| row.device_id);
        rows
    };
    let both = [later.clone(), state(PHONE, BO)];
    assert_eq!(sorted(bench.read(|tx| tx.load_device_states(ORGANISATION, &[PHONE, TABLET, STRANGERS_DEVICE, PHONE]))), both);
    assert_eq!(sorted(bench.read(|tx| tx.list_device_states(ORGANISATION, &[BO, ANA, STRANGER, BO]))), both);
    assert_eq!(bench.read(|tx| tx.list_device_states(ORGANISATION, &[ANA])), [later]);
    assert_eq!(bench.read(|tx| tx.load_device_states(ORGANISATION, &[])), []);
    assert_eq!(bench.read(|tx| tx.list_device_states(ORGANISATION, &[])), []);
}

fn a_ticket_is_good_once(bench: &Bench) {
    bench.write(|tx| {
        tx.insert_ticket(&[1; 32], SessionId(id(500)), NOW)?;
        tx.insert_ticket(&[2; 32], SessionId(id(501)), NOW.plus_ms(1))
    });
    let take = |byte| bench.write(move |tx| tx.take_ticket(&[byte; 32]));
    assert_eq!((take(1), take(1), take(3)), (Some((SessionId(id(500)), NOW)), None, None));
    assert!(bench.try_write(|tx| tx.insert_ticket(&[2; 32], SessionId(id(502)), NOW)).is_err());
    assert_eq!(take(2), Some((SessionId(id(501)), NOW.plus_ms(1))));
}

fn old_tickets_are_dropped(bench: &Bench) {
    bench.write(|tx| {
        tx.insert_ticket(&[1; 32], SessionId(id(500)), NOW.plus_ms(-1))?;
        tx.insert_ticket(&[2; 32], SessionId(id(500)), NOW)?;
        tx.drop_tickets(NOW)
    });
    let take = |byte| bench.write(move |tx| tx.take_ticket(&[byte; 32]));
    assert_eq!((take(1), take(2)), (None, Some((SessionId(id(500)), NOW))));
}

fn sessions_that_ended_are_left_out(bench: &Bench) {
    bench.write(|tx| {
        tx.put_session(&session(SessionId(id(500)), TABLET, ANA))?;
        tx.put_session(&Session { ended_at: Some(NOW), ..session(SessionId(id(501)), TABLET, ANA) })?;
        tx.put_session(&session(SessionId(id(502)), PHONE, BO))?;
        tx.put_session(&session(SessionId(id(503)), STRANGERS_DEVICE, STRANGER))?;
        tx.put_device(&Device { revoked_at: Some(NOW), ..device(PHONE, BO) })
    });
    let active = |numbers: &'static [u128]| {
        let ids: Vec<_> = numbers.iter().map(|number| SessionId(id(*number))).collect();
        let mut found = bench.read(move |tx| tx.list_footings(&ids));
        found.sort_unstable();
        found.into_iter().filter(|(_, footing)| footing.may_read()).map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(active(&[503, 502, 501, 500, 9]), [SessionId(id(500)), SessionId(id(503))]);
    assert_eq!(active(&[]), []);
}

fn a_session_stands_for_somebody(bench: &Bench) {
    let grant = AccessGrant {
        session_id: SessionId(id(500)),
        organisation_id: ORGANISATION,
        user_id: ANA,
        device_id: TABLET,
        admin: true,
        expires_at: NOW.plus_ms(1_000),
        footing: Footing::Active,
        wipe: None,
    };
    bench.write(|tx| tx.put_session(&session(SessionId(id(500)), TABLET, ANA)));
    let find = |number| bench.read(move |tx| tx.find_session_grant(SessionId(id(number))));
    assert_eq!((find(500), find(501)), (Some(grant), None));
    bench.write(|tx| tx.end_sessions(TABLET, NOW));
    assert_eq!(find(500), Some(AccessGrant { footing: Footing::Ended, ..grant }));
}

fn heads_are_listed(bench: &Bench) {
    bench.write(|tx| tx.put_head(SECOND_SPACE, 7));
    let list = |space_ids: &[SpaceId]| {
        let space_ids = space_ids.to_vec();
        let mut found = bench.read(move |tx| tx.list_heads(&space_ids));
        found.sort_unstable();
        found
    };
    assert_eq!(list(&[SECOND_SPACE, SpaceId(id(39)), SPACE]), [(SPACE, 0), (SECOND_SPACE, 7)]);
    assert_eq!(list(&[]), []);
}
