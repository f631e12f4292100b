//! What PostgreSQL does in its own way.

use diesel::connection::Connection;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use sync_core::ports::StoreError;

use super::Conn;
use crate::insert::{Bulk, Values};

/// Whether a transaction that writes is the only one from its beginning on.
pub(super) const WRITES_ALONE: bool = false;

/// All ids in one statement (`= ANY($1)`), whose text does not depend on their number; nothing for no ids.
pub(super) fn chunks<T>(ids: &[T]) -> impl Iterator<Item = &[T]> {
    ids.chunks(usize::MAX)
}

/// All pairs in one statement, whose text does not depend on their number; nothing for none.
pub(super) fn parts<T>(pairs: &[T]) -> impl Iterator<Item = &[T]> {
    pairs.chunks(usize::MAX)
}

/// Pairs of numbers as the rows of a query.
pub(super) fn pairs<'b>(out: &mut AstPass<'_, 'b, Pg>, left: &'b [i64], right: &'b [i64]) -> QueryResult<()> {
    out.push_sql("SELECT * FROM UNNEST(");
    out.push_bind_param::<Array<BigInt>, _>(left)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<BigInt>, _>(right)?;
    out.push_sql(")");
    Ok(())
}

/// Whether a column has one of some values.
macro_rules! any_of {
    ($column:expr, $values:expr) => {
        $column.eq_any($values)
    };
}
pub(super) use any_of;

/// Locks the rows of a query until the end of the transaction.
macro_rules! locked {
    ($query:expr) => {
        $query.for_update()
    };
}
pub(super) use locked;

/// Locks the rows of a query that nobody else has locked, until the end of the transaction; leaves the others out.
macro_rules! locked_unless_taken {
    ($query:expr) => {
        $query.for_update().skip_locked()
    };
}
pub(super) use locked_unless_taken;

/// That what was written before is one of some ids.
pub(super) fn one_of<'b>(out: &mut AstPass<'_, 'b, Pg>, ids: &'b Vec<&'b [u8]>) -> QueryResult<()> {
    out.push_sql(" = ANY(");
    out.push_bind_param::<Array<Binary>, _>(ids)?;
    out.push_sql(")");
    Ok(())
}

/// What is added to each of some batches, as a table `more (batch_id, operations, bytes)`. Their rows are locked in the order
/// of their ids, so that two transactions with the same ones wait for each other and never deadlock.
pub(super) fn added<'b>(out: &mut AstPass<'_, 'b, Pg>, ids: &'b Vec<&'b [u8]>, operations: &'b [i64], bytes: &'b [i64]) -> QueryResult<()> {
    out.push_sql("(SELECT added.* FROM UNNEST(");
    out.push_bind_param::<Array<Binary>, _>(ids)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<BigInt>, _>(operations)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<BigInt>, _>(bytes)?;
    out.push_sql(
        ") AS added (batch_id, operations, bytes) JOIN \"queue_batches\" AS standing ON standing.batch_id = added.batch_id \
         ORDER BY standing.batch_id FOR UPDATE OF standing) AS more",
    );
    Ok(())
}

/// What an error without a kind of its own means. The driver keeps the SQLSTATE to itself, the messages are English
/// because the session asks for that.
pub(super) fn explain(message: String) -> StoreError {
    let is = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if is(&["deadlock detected", "canceling statement due to lock timeout", "could not obtain lock"]) {
        StoreError::Busy(message)
    } else if is(UNAVAILABLE) {
        StoreError::Unavailable(message)
    } else if is(&["invalid page", "missing chunk number", "compressed pglz data is corrupt"]) {
        StoreError::Damaged(message)
    } else {
        StoreError::Refused(message)
    }
}

const UNAVAILABLE: &[&str] = &[
    "canceling statement",
    "terminating connection",
    "the database system is",
    "too many clients",
    "remaining connection slots",
    "too many connections",
    "No space left on device",
    "could not extend file",
    "could not write",
    "could not fsync",
    "out of memory",
    "out of shared memory",
    "conflict with recovery",
];

/// Inserts all rows with one statement; its text does not depend on their number, so that it is planned once.
pub(super) fn insert<T: 'static>(conn: &mut Conn, bulk: &Bulk<'_, T>) -> QueryResult<usize> {
    conn.execute_returning_count(&InsertRows {
        head: format!("{} SELECT * FROM UNNEST(", bulk.head()),
        tail: format!("){}", bulk.tail()),
        bulk,
    })
}

struct InsertRows<'a, T> {
    head: String,
    tail: String,
    bulk: &'a Bulk<'a, T>,
}

impl<T: 'static> QueryId for InsertRows<'_, T> {
    type QueryId = InsertRows<'static, T>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<T> QueryFragment<Pg> for InsertRows<'_, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&self.head);
        for (index, column) in self.bulk.columns.iter().enumerate() {
            if index > 0 {
                out.push_sql(", ");
            }
            match column {
                Values::Bytes(values) => out.push_bind_param::<Array<Nullable<Binary>>, _>(values)?,
                Values::Text(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values)?,
                Values::BigInt(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values)?,
                Values::Integer(values) => out.push_bind_param::<Array<Nullable<Integer>>, _>(values)?,
                Values::Bool(values) => out.push_bind_param::<Array<Nullable<Bool>>, _>(values)?,
            }
        }
        out.push_sql(&self.tail);
        Ok(())
    }
}
