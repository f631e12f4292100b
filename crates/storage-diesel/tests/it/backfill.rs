//! Questions that were asked before there was a table of them are found in it.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use sync_core::ports::{ConflictFilter, ConflictLink, ConflictPage, DocumentRow, Store};
use sync_core::{ConflictId, DocumentKey, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use crate::support::{ORGANISATION, PostgresFixture, SPACE, SqliteFile, cluster, connect, document, read, write};

const OPEN: ConflictId = ConflictId(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057));
const CLOSED: ConflictId = ConflictId(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8058));
const ANA: UserId = UserId(Uuid::from_u128(0xa));
const BO: UserId = UserId(Uuid::from_u128(0xb));

/// A question as it was stored then.
fn question(id: ConflictId, version: i64, state: &str, ours_by: &str) -> DocumentRow {
    let side = |user: UserId| format!(r#"{{"user_id":"{user}","device_id":"{user}","op_id":"{user}","at":"2026-06-20T14:02:11.120Z"}}"#);
    let ours_by = if ours_by.is_empty() { String::new() } else { format!(r#""ours_by":{},"#, side(ANA)) };
    let body = format!(
        r#"{{"conflict_id":"{id}","version":{version},"space_id":"{SPACE}","collection":"guests","document_id":"é\u0000\"","op_id":"{id}",
            "kind":"delete_edit","created_at":"2026-06-20T14:02:11.120Z","state":"{state}","assigned_to":"role:lead","fields":{{}},{ours_by}
            "theirs_by":{},"if_ignored":"…"}}"#,
        side(BO)
    );
    DocumentRow { key: DocumentKey::conflict(id), body: sync_core::json::RawJson::from_stored(body).unwrap(), ..document(version, version) }
}

fn stored_then(store: &dyn Store) {
    write(store, |tx| {
        tx.put_documents(SPACE, &[question(OPEN, 7, "open", "ana"), question(CLOSED, 8, "resolved", "")])?;
        let link = |conflict_id, id: &str, open| ConflictLink {
            conflict_id,
            organisation_id: ORGANISATION,
            space_id: SPACE,
            key: DocumentKey::new("guests", id).unwrap(),
            open,
        };
        tx.put_conflicts(&[link(OPEN, "a", true), link(OPEN, "b", true), link(CLOSED, "a", false)])
    });
}

fn found_now(store: &dyn Store) {
    let list = |open, only: ConflictFilter| {
        let page = ConflictPage { space_ids: vec![SPACE], open, only, after: None, limit: 9 };
        read(store, move |tx| tx.list_conflicts(&page))
    };
    let (open, closed): ((SpaceId, ConflictId), _) = ((SPACE, OPEN), (SPACE, CLOSED));
    assert_eq!(list(None, ConflictFilter::default()), [open, closed]);
    assert_eq!((list(Some(true), ConflictFilter::default()), list(Some(false), ConflictFilter::default())), (vec![open], vec![closed]));
    let at = Timestamp::parse("2026-06-20T14:02:11.120Z").unwrap();
    for (only, expected) in [
        (ConflictFilter { who: Some(ANA), ..Default::default() }, vec![open]),
        (ConflictFilter { who: Some(BO), ..Default::default() }, vec![open, closed]),
        (ConflictFilter { asks: vec!["role:lead".into()], ..Default::default() }, vec![open, closed]),
        (ConflictFilter { collection: Some("guests".into()), automatic: Some(false), ..Default::default() }, vec![open, closed]),
        (ConflictFilter { opened_from: Some(at), opened_before: Some(at.plus_ms(1)), ..Default::default() }, vec![open, closed]),
        (ConflictFilter { opened_before: Some(at), ..Default::default() }, vec![]),
    ] {
        assert_eq!(list(None, only.clone()), expected, "{only:?}");
    }
}

#[test]
fn sqlite_finds_older_questions() {
    let file = SqliteFile::new();
    stored_then(&file.store);
    let mut conn = SqliteConnection::establish(file.folder.path().join("test.db").to_str().unwrap()).unwrap();
    conn.batch_execute(include_str!("../../../../migrations/sqlite/0011_inbox/down.sql")).unwrap();
    conn.batch_execute(include_str!("../../../../migrations/sqlite/0011_inbox/up.sql")).unwrap();
    found_now(&file.store);
}

#[test]
fn postgres_finds_older_questions() {
    let Some(cluster) = cluster() else { return };
    let fixture = PostgresFixture::new(&cluster);
    stored_then(&fixture.store);
    let mut conn = connect(&fixture.database.url());
    conn.batch_execute(include_str!("../../../../migrations/postgres/0011_inbox/down.sql")).unwrap();
    conn.batch_execute(include_str!("../../../../migrations/postgres/0011_inbox/up.sql")).unwrap();
    found_now(&fixture.store);
}
