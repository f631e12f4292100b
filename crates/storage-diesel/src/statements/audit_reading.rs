//! The audit log as bytes: what was damaged is to be told of, and must not end the reading.

use std::collections::HashMap;
use std::ops::ControlFlow;

use diesel::prelude::*;
use diesel::sql_types::{Binary, Nullable};
use sync_core::ports::{AuditPart, StoredAuditRecord};

use super::{Conn, dialect};
use crate::audit::TakePart;
use crate::schema::{audit_checkpoints as checkpoints, audit_records as records, audit_tiles as tiles, audit_trees as trees};

/// How many records are read at once.
const RECORDS: usize = 500;

/// Hands over all logs.
pub(super) fn read(conn: &mut Conn, take: TakePart<'_>) -> QueryResult<()> {
    for organisation_id in organisations(conn)? {
        if read_log(conn, &organisation_id, take)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// Everybody of whom there is anything.
fn organisations(conn: &mut Conn) -> QueryResult<Vec<Vec<u8>>> {
    let mut all: Vec<Vec<u8>> = trees::table.select(trees::organisation_id).load(conn)?;
    all.extend(checkpoints::table.select(checkpoints::organisation_id).distinct().load::<Vec<u8>>(conn)?);
    all.extend(tiles::table.select(tiles::organisation_id).distinct().load::<Vec<u8>>(conn)?);
    all.extend(records::table.select(records::organisation_id).distinct().load::<Vec<u8>>(conn)?);
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn read_log(conn: &mut Conn, organisation_id: &[u8], take: TakePart<'_>) -> QueryResult<ControlFlow<()>> {
    let size = trees::table.find(organisation_id).select(trees::size).first(conn).optional()?;
    let mut parts = vec![AuditPart::Log { organisation_id: organisation_id.to_vec(), size }];
    let notes: Vec<(i64, Vec<u8>, Vec<u8>)> = checkpoints::table
        .filter(checkpoints::organisation_id.eq(organisation_id))
        .order(checkpoints::size)
        .select((checkpoints::size, checkpoints::root, dialect::text_as_bytes::<Binary>("note")))
        .load(conn)?;
    parts.extend(notes.into_iter().map(|(size, root, note)| AuditPart::Checkpoint { size, root, note }));
    let rows: Vec<(i32, i64, Vec<u8>)> = tiles::table
        .filter(tiles::organisation_id.eq(organisation_id))
        .order((tiles::level, tiles::tile_index))
        .select((tiles::level, tiles::tile_index, tiles::hashes))
        .load(conn)?;
    parts.extend(rows.into_iter().map(|(level, tile_index, hashes)| AuditPart::Tile { level: level.into(), tile_index, hashes }));
    for part in parts {
        if take(part).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    read_records(conn, organisation_id, take)
}

fn read_records(conn: &mut Conn, organisation_id: &[u8], take: TakePart<'_>) -> QueryResult<ControlFlow<()>> {
    let mut places: Vec<(Vec<u8>, Option<i64>)> =
        records::table.filter(records::organisation_id.eq(organisation_id)).select((records::record_id, records::leaf_index)).load(conn)?;
    places.sort_unstable_by(|(one, place), (other, another)| (place.is_none(), place, one).cmp(&(another.is_none(), another, other)));
    for some in places.chunks(RECORDS) {
        let ids = some.iter().map(|(record_id, _)| record_id.as_slice());
        let rows: Vec<StoredRow> = records::table
            .filter(records::organisation_id.eq(organisation_id).and(records::record_id.eq_any(ids)))
            .select((
                records::record_id,
                records::organisation_id,
                records::space_id,
                records::at,
                dialect::text_as_bytes::<Binary>("action"),
                records::commitment,
                records::leaf_index,
                records::salt,
                records::user_id,
                records::device_id,
                records::subject,
                records::reason,
                dialect::text_as_bytes::<Nullable<Binary>>("trace"),
                records::details,
            ))
            .load(conn)?;
        let mut rows: HashMap<Vec<u8>, StoredRow> = rows.into_iter().map(|row| (row.record_id.clone(), row)).collect();
        for row in some.iter().filter_map(|(record_id, _)| rows.remove(record_id)) {
            if take(AuditPart::Record(Box::new(row.into()))).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

#[derive(Queryable)]
struct StoredRow {
    record_id: Vec<u8>,
    organisation_id: Vec<u8>,
    space_id: Option<Vec<u8>>,
    at: i64,
    action: Vec<u8>,
    commitment: Option<Vec<u8>>,
    leaf_index: Option<i64>,
    salt: Option<Vec<u8>>,
    user_id: Option<Vec<u8>>,
    device_id: Option<Vec<u8>>,
    subject: Option<Vec<u8>>,
    reason: Option<Vec<u8>>,
    trace: Option<Vec<u8>>,
    details: Option<Vec<u8>>,
}

impl From<StoredRow> for StoredAuditRecord {
    fn from(row: StoredRow) -> Self {
        Self {
            record_id: row.record_id,
            organisation_id: row.organisation_id,
            space_id: row.space_id,
            at: row.at,
            action: row.action,
            commitment: row.commitment,
            leaf_index: row.leaf_index,
            salt: row.salt,
            user_id: row.user_id,
            device_id: row.device_id,
            subject: row.subject,
            reason: row.reason,
            trace: row.trace,
            details: row.details,
        }
    }
}
