//! What an operator asks of a database as a whole.

use diesel::dsl::max;
use diesel::prelude::*;

use super::Conn;
use crate::inspect::People;
use crate::schema::{devices, sessions, spaces, users};

/// How many people there are.
pub(super) fn people(conn: &mut Conn) -> QueryResult<People> {
    Ok(People { users: users::table.count().get_result(conn)?, admins: users::table.filter(users::admin).count().get_result(conn)? })
}

/// The newest instant of the small tables, in Unix milliseconds.
pub(super) fn newest(conn: &mut Conn) -> QueryResult<Option<i64>> {
    let newest: [Option<i64>; 4] = [
        users::table.select(max(users::created_at)).get_result(conn)?,
        devices::table.select(max(devices::seen_at)).get_result(conn)?,
        sessions::table.select(max(sessions::rotated_at)).get_result(conn)?,
        spaces::table.select(max(spaces::created_at)).get_result(conn)?,
    ];
    Ok(newest.into_iter().flatten().max())
}
