//! Records of what was done that were written before there was a tree of them are in it.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use sync_core::ports::{AuditFilter, AuditRecord, Store};
use sync_core::{DeviceId, Timestamp, UserId};
use uuid::Uuid;

use crate::support::{ORGANISATION, PostgresFixture, SPACE, SqliteFile, cluster, connect, read};

/// Two records as they were written then: one with all that there could be, one with as little.
fn written_then(bytes: impl Fn(u128) -> String) -> String {
    let (organisation, space) = (bytes(ORGANISATION.0.as_u128()), bytes(SPACE.0.as_u128()));
    let first = format!("({}, {organisation}, {space}, 5, {}, {}, 'queue.discard', {{a}}, {{b}})", bytes(1), bytes(10), bytes(11));
    let second = format!("({}, {organisation}, NULL, 6, {}, NULL, 'queue.edit', {{a}}, NULL)", bytes(2), bytes(10));
    format!(
        "INSERT INTO audit_records (record_id, organisation_id, space_id, at, user_id, device_id, action, subject, reason) \
         VALUES {first}, {second};"
    )
}

fn found_now(store: &dyn Store) {
    let record = |number: u128| AuditRecord {
        record_id: Uuid::from_u128(number),
        organisation_id: ORGANISATION,
        space_id: None,
        at: Timestamp::from_millis(6),
        action: "queue.edit".into(),
        commitment: None,
        leaf_index: None,
        salt: None,
        user_id: Some(UserId(Uuid::from_u128(10))),
        device_id: None,
        subject: Some("a".into()),
        reason: None,
        trace: None,
        details: Some(sync_core::json::RawJson::from_stored("{}".into()).unwrap()),
    };
    let first = AuditRecord {
        space_id: Some(SPACE),
        at: Timestamp::from_millis(5),
        action: "queue.discard".into(),
        device_id: Some(DeviceId(Uuid::from_u128(11))),
        reason: Some("b".into()),
        ..record(1)
    };
    let (all, waiting) = read(store, |tx| {
        Ok((tx.list_audit_records(ORGANISATION, &AuditFilter::default(), None, 9)?, tx.take_unsequenced(ORGANISATION, 9)?))
    });
    assert_eq!(all, [record(2), first.clone()]);
    assert_eq!(waiting, [first, record(2)]);
}

#[test]
fn sqlite_carries_them_over() {
    let file = SqliteFile::new();
    let mut conn = SqliteConnection::establish(file.folder.path().join("test.db").to_str().unwrap()).unwrap();
    conn.batch_execute(include_str!("../../../../migrations/sqlite/0015_audit/down.sql")).unwrap();
    let rows = written_then(|number| format!("x'{number:032x}'")).replace("{a}", "x'61'").replace("{b}", "x'62'");
    conn.batch_execute(&rows).unwrap();
    conn.batch_execute(include_str!("../../../../migrations/sqlite/0015_audit/up.sql")).unwrap();
    found_now(&file.store);
}

#[test]
fn postgres_carries_them_over() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    let mut conn = connect(&fixture.database.url());
    conn.batch_execute(include_str!("../../../../migrations/postgres/0015_audit/down.sql")).unwrap();
    let rows = written_then(|number| format!("'\\x{number:032x}'")).replace("{a}", "'a'").replace("{b}", "'b'");
    conn.batch_execute(&rows).unwrap();
    conn.batch_execute(include_str!("../../../../migrations/postgres/0015_audit/up.sql")).unwrap();
    found_now(&fixture.store);
}
