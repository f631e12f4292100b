//! What SQLite does in its own way.

use diesel::connection::Connection;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::{Error, QueryResult};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;
use sync_core::ports::StoreError;

use super::Conn;
use crate::insert::{Bulk, Values};

/// Values of one IN list; SQLite binds at most 32,766.
const CHUNK: usize = 500;

/// Pieces of a list of ids, each for one statement.
pub(super) fn chunks<T>(ids: &[T]) -> impl Iterator<Item = &[T]> {
    ids.chunks(CHUNK)
}

/// Locks the rows of a query until the end of the transaction: here the transaction holds the only write lock anyway.
macro_rules! locked {
    ($query:expr) => {
        $query
    };
}
pub(super) use locked;

/// What an error without a kind of its own means.
pub(super) fn explain(message: String) -> StoreError {
    let is = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if is(&["database is locked", "database table is locked", "database schema is locked"]) {
        StoreError::Busy(message)
    } else if is(&["disk I/O error", "database or disk is full", "unable to open database", "out of memory", "locking protocol"]) {
        StoreError::Unavailable(message)
    } else if is(&["malformed", "file is not a database"]) {
        StoreError::Damaged(message)
    } else {
        StoreError::Refused(message)
    }
}

/// Inserts row by row: one statement, prepared once, is as fast here as any batch.
pub(super) fn insert(conn: &mut Conn, bulk: &Bulk<'_>) -> QueryResult<usize> {
    let mut statement = InsertRow { head: format!("{} VALUES (", bulk.head()), tail: format!("){}", bulk.tail()), bulk, row: 0 };
    let mut stored = 0;
    while statement.row < bulk.rows {
        stored += conn.execute_returning_count(&statement)?;
        statement.row += 1;
    }
    Ok(stored)
}

struct InsertRow<'a> {
    head: String,
    tail: String,
    bulk: &'a Bulk<'a>,
    row: usize,
}

impl QueryId for InsertRow<'_> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Sqlite> for InsertRow<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let missing = || Error::QueryBuilderError("a column with fewer values than rows".into());
        out.push_sql(&self.head);
        for (index, column) in self.bulk.columns.iter().enumerate() {
            if index > 0 {
                out.push_sql(", ");
            }
            match column {
                Values::Bytes(values) => out.push_bind_param::<Nullable<Binary>, _>(values.get(self.row).ok_or_else(missing)?)?,
                Values::Text(values) => out.push_bind_param::<Nullable<Text>, _>(values.get(self.row).ok_or_else(missing)?)?,
                Values::BigInt(values) => out.push_bind_param::<Nullable<BigInt>, _>(values.get(self.row).ok_or_else(missing)?)?,
                Values::Integer(values) => out.push_bind_param::<Nullable<Integer>, _>(values.get(self.row).ok_or_else(missing)?)?,
                Values::Bool(values) => out.push_bind_param::<Nullable<Bool>, _>(values.get(self.row).ok_or_else(missing)?)?,
            }
        }
        out.push_sql(&self.tail);
        Ok(())
    }
}
