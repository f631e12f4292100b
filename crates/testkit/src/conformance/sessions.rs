use sync_core::ports::{AccessGrant, Device, Footing, LoginTries, ServerKey, Session};
use sync_core::{SessionId, Timestamp};

use super::Case;
use super::bench::{ANA, BO, Bench, NOW, ORGANISATION, PHONE, TABLET, device, id, session};

pub(super) const CASES: &[Case] = &[
    ("sessions_survive_and_are_overwritten", sessions_survive_and_are_overwritten),
    ("ending_a_device_ends_its_sessions_only", ending_a_device_ends_its_sessions_only),
    ("ending_a_person_ends_their_sessions_but_one", ending_a_person_ends_their_sessions_but_one),
    ("tries_to_log_in_add_up_and_go", tries_to_log_in_add_up_and_go),
    ("an_access_token_stands_for_its_session", an_access_token_stands_for_its_session),
    ("an_ended_session_is_not_active", an_ended_session_is_not_active),
    ("a_revoked_device_is_not_active", a_revoked_device_is_not_active),
    ("old_access_tokens_are_dropped", old_access_tokens_are_dropped),
    ("the_first_server_key_wins", the_first_server_key_wins),
    ("server_keys_retire_and_go", server_keys_retire_and_go),
];

const LOGIN: SessionId = SessionId(id(500));
const SECOND_LOGIN: SessionId = SessionId(id(501));

fn with_sessions(bench: &Bench) {
    bench.write(|tx| {
        tx.put_session(&session(LOGIN, TABLET, ANA))?;
        tx.put_session(&session(SECOND_LOGIN, PHONE, BO))
    });
}

fn sessions_survive_and_are_overwritten(bench: &Bench) {
    with_sessions(bench);
    assert!(bench.write(|tx| tx.lock_session(LOGIN)) == Some(session(LOGIN, TABLET, ANA)));
    assert!(bench.write(|tx| tx.lock_session(SessionId(id(999)))).is_none());
    let rotated = Session {
        refresh_hash: [1; 32],
        previous_hash: Some([0xff; 32]),
        salt: [2; 32],
        rotated_at: Timestamp::from_millis(i64::MIN),
        expires_at: Timestamp::from_millis(i64::MAX),
        ended_at: Some(NOW),
        ..session(LOGIN, TABLET, ANA)
    };
    let row = rotated.clone();
    bench.write(move |tx| tx.put_session(&row));
    assert!(bench.write(|tx| tx.lock_session(LOGIN)) == Some(rotated));
}

fn ending_a_device_ends_its_sessions_only(bench: &Bench) {
    with_sessions(bench);
    bench.write(|tx| {
        tx.put_session(&session(SessionId(id(502)), TABLET, ANA))?;
        tx.end_sessions(TABLET, NOW.plus_ms(9))
    });
    let ended = |session_id| bench.write(move |tx| tx.lock_session(session_id)).and_then(|session| session.ended_at);
    assert_eq!(ended(LOGIN), Some(NOW.plus_ms(9)));
    assert_eq!(ended(SessionId(id(502))), Some(NOW.plus_ms(9)));
    assert_eq!(ended(SECOND_LOGIN), None);
    bench.write(|tx| tx.end_sessions(TABLET, NOW.plus_ms(99)));
    assert!(ended(LOGIN).is_some());
}

fn ending_a_person_ends_their_sessions_but_one(bench: &Bench) {
    with_sessions(bench);
    let kept = SessionId(id(502));
    bench.write(move |tx| tx.put_session(&session(kept, TABLET, ANA)));
    let ended_at = |session_id| bench.write(move |tx| tx.lock_session(session_id)).and_then(|session| session.ended_at);
    assert_eq!(bench.write(move |tx| tx.end_user_sessions(ANA, Some(kept), NOW.plus_ms(9))), [LOGIN]);
    assert_eq!([LOGIN, kept, SECOND_LOGIN].map(ended_at), [Some(NOW.plus_ms(9)), None, None]);
    assert_eq!(bench.write(|tx| tx.end_user_sessions(ANA, None, NOW.plus_ms(10))), [kept]);
    assert_eq!(ended_at(LOGIN), Some(NOW.plus_ms(9)), "what ended stays as it ended");
    assert_eq!(ended_at(SECOND_LOGIN), None, "somebody else's");
}

fn tries_to_log_in_add_up_and_go(bench: &Bench) {
    let row = |key: u8, tries, ms| LoginTries {
        key: [key; 32],
        tries,
        tried_at: NOW.plus_ms(ms),
        known_until: None,
        kept_until: NOW.plus_ms(ms + 100),
    };
    let stored = |keys: &'static [u8]| {
        let keys: Vec<_> = keys.iter().map(|key| [*key; 32]).collect();
        let mut rows = bench.write(move |tx| tx.lock_login_tries(&keys));
        rows.sort_unstable_by_key(|row| row.key);
        rows
    };
    assert_eq!(stored(&[1, 2]), []);
    bench.write(move |tx| tx.add_login_tries(&[row(2, 1, 0), row(1, 3, 5)]));
    let known = LoginTries { known_until: Some(NOW.plus_ms(7)), ..row(1, -1, 50) };
    bench.write(move |tx| tx.add_login_tries(&[known]));
    assert_eq!(stored(&[1, 2, 3, 1]), [LoginTries { tries: 2, ..known }, row(2, 1, 0)], "counts add up, the rest is replaced");
    bench.write(|tx| tx.drop_login_tries(NOW.plus_ms(101)));
    assert_eq!(stored(&[1, 2]), [LoginTries { tries: 2, ..known }]);
    bench.write(|tx| tx.add_login_tries(&[]));
}

fn grant() -> AccessGrant {
    AccessGrant {
        session_id: LOGIN,
        organisation_id: ORGANISATION,
        user_id: ANA,
        device_id: TABLET,
        admin: true,
        expires_at: NOW.plus_ms(900_000),
        footing: Footing::Active,
        wipe: None,
    }
}

fn with_tokens(bench: &Bench) {
    with_sessions(bench);
    bench.write(|tx| {
        tx.insert_access_token(&[0xff; 32], LOGIN, NOW.plus_ms(900_000))?;
        tx.insert_access_token(&[0; 32], LOGIN, NOW.plus_ms(-900_000))?;
        tx.insert_access_token(&[7; 32], SECOND_LOGIN, NOW)
    });
}

fn an_access_token_stands_for_its_session(bench: &Bench) {
    with_tokens(bench);
    assert_eq!(bench.read(|tx| tx.find_access(&[0xff; 32])), Some(grant()));
    assert_eq!(bench.read(|tx| tx.find_footing(grant().session_id)), Footing::Active);
    let expired = AccessGrant { expires_at: NOW.plus_ms(-900_000), ..grant() };
    assert_eq!(bench.read(|tx| tx.find_access(&[0; 32])), Some(expired), "an expired one is found, and says so");
    let other = AccessGrant { session_id: SECOND_LOGIN, user_id: BO, device_id: PHONE, admin: false, expires_at: NOW, ..grant() };
    assert_eq!(bench.read(|tx| tx.find_access(&[7; 32])), Some(other));
    assert_eq!(bench.read(|tx| tx.find_access(&[8; 32])), None);
}

fn an_ended_session_is_not_active(bench: &Bench) {
    with_tokens(bench);
    bench.write(|tx| tx.end_sessions(TABLET, NOW));
    assert_eq!(bench.read(|tx| tx.find_access(&[0xff; 32])), Some(AccessGrant { footing: Footing::Ended, ..grant() }));
    assert_eq!(bench.read(|tx| tx.find_footing(grant().session_id)), Footing::Ended);
    assert_eq!(bench.read(|tx| tx.find_footing(SessionId(id(999)))), Footing::Ended, "an unknown one");
    assert!(bench.read(|tx| tx.find_access(&[7; 32])).is_some_and(|grant| grant.footing == Footing::Active), "another device goes on");
}

fn a_revoked_device_is_not_active(bench: &Bench) {
    with_tokens(bench);
    bench.write(|tx| tx.put_device(&Device { revoked_at: Some(NOW), ..device(TABLET, ANA) }));
    assert_eq!(bench.read(|tx| tx.find_access(&[0xff; 32])), Some(AccessGrant { footing: Footing::Ended, ..grant() }));
}

fn old_access_tokens_are_dropped(bench: &Bench) {
    with_tokens(bench);
    bench.write(|tx| tx.drop_access_tokens(NOW));
    assert!(bench.read(|tx| tx.find_access(&[0; 32])).is_none());
    assert!(bench.read(|tx| tx.find_access(&[7; 32])).is_some(), "one that ends at that instant did not end before it");
    assert!(bench.read(|tx| tx.find_access(&[0xff; 32])).is_some());
}

fn server_keys_retire_and_go(bench: &Bench) {
    let key = |number| ServerKey { purpose: "cursor".into(), number, secret: [1; 32], created_at: NOW, retired_at: None };
    bench.write(move |tx| {
        for number in 1..=3 {
            tx.insert_server_key(&key(number))?;
        }
        tx.insert_server_key(&ServerKey { purpose: "other".into(), ..key(1) })?;
        tx.retire_server_keys("cursor", 2, NOW)?;
        tx.retire_server_keys("cursor", 3, NOW.plus_ms(5))
    });
    let retired = |purpose: &'static str| {
        let keys = bench.read(move |tx| tx.list_server_keys(purpose));
        keys.into_iter().map(|key| (key.number, key.retired_at)).collect::<Vec<_>>()
    };
    assert_eq!(retired("cursor"), [(1, Some(NOW)), (2, Some(NOW.plus_ms(5))), (3, None)], "each once");
    bench.write(|tx| tx.drop_server_keys("cursor", NOW.plus_ms(5)));
    assert_eq!(retired("cursor"), [(2, Some(NOW.plus_ms(5))), (3, None)]);
    assert_eq!(retired("other"), [(1, None)]);
}

fn the_first_server_key_wins(bench: &Bench) {
    let key =
        |purpose: &str, number, byte| ServerKey { purpose: purpose.into(), number, secret: [byte; 32], created_at: NOW, retired_at: None };
    bench.write(move |tx| {
        tx.insert_server_key(&key("cursor", 2, 0xff))?;
        tx.insert_server_key(&key("cursor", 1, 1))?;
        tx.insert_server_key(&key("other", 1, 3))?;
        tx.insert_server_key(&key("cursor", 10, 4))
    });
    bench.write(move |tx| tx.insert_server_key(&key("cursor", 1, 9)));
    let keys = bench.read(|tx| tx.list_server_keys("cursor"));
    assert!(keys == [key("cursor", 1, 1), key("cursor", 2, 0xff), key("cursor", 10, 4)], "by number, the first stays");
    assert!(bench.read(|tx| tx.list_server_keys("none")).is_empty());
}
