//! What PostgreSQL does in its own way.

use diesel::connection::Connection;
use diesel::dsl::sql;
use diesel::expression::{SqlLiteral, ValidGrouping};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, SingleValue, Text};
use diesel::{AppearsOnTable, Expression, RunQueryDsl, SelectableExpression};
use sync_core::ports::StoreError;

use super::Conn;
use super::audit::Sequence;
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

/// A column that is compared, and by which no index is looked up. A statement stays prepared, and so does its plan, even when
/// it was made while the table was empty and one index seemed as good as another.
macro_rules! aside {
    ($column:expr) => {
        dialect::Aside($column)
    };
}
pub(super) use aside;

/// What [`aside!`] makes of a column.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct Aside<C>(pub(super) C);

impl<C> Expression for Aside<C> {
    type SqlType = Binary;
}

impl<C: AppearsOnTable<T>, T> AppearsOnTable<T> for Aside<C> {}

impl<C: SelectableExpression<T>, T> SelectableExpression<T> for Aside<C> {}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for Aside<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for Aside<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(ASIDE);
        Ok(())
    }
}

/// What is appended to a column by which no index is to be looked up.
pub(super) const ASIDE: &str = " || ''::bytea";

/// Locks the rows of a query until the end of the transaction.
macro_rules! locked {
    ($query:expr) => {
        $query.for_update()
    };
}
pub(super) use locked;

/// Keeps the rows of two tables of a query as they are until the end of the transaction. Others may do so as well.
macro_rules! held {
    ($query:expr, $one:expr, $other:expr) => {
        dialect::Held { query: $query, tables: ($one, $other) }
    };
}
pub(super) use held;

/// What [`held!`] makes of a query.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct Held<Q, T, U> {
    pub(super) query: Q,
    pub(super) tables: (T, U),
}

impl<Q: Query, T, U> Query for Held<Q, T, U> {
    type SqlType = Q::SqlType;
}

impl<Q, T, U> RunQueryDsl<Conn> for Held<Q, T, U> {}

impl<Q: QueryFragment<Pg>, T: QueryFragment<Pg>, U: QueryFragment<Pg>> QueryFragment<Pg> for Held<Q, T, U> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(" FOR SHARE OF ");
        self.tables.0.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.tables.1.walk_ast(out)
    }
}

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

/// The number that belongs to a batch, of those that belong to some.
pub(super) fn of_batch<'b>(out: &mut AstPass<'_, 'b, Pg>, ids: &'b Vec<&'b [u8]>, numbers: &'b Vec<i64>) -> QueryResult<()> {
    out.push_sql("(");
    out.push_bind_param::<Array<BigInt>, _>(numbers)?;
    out.push_sql(")[array_position(");
    out.push_bind_param::<Array<Binary>, _>(ids)?;
    out.push_sql(", \"batch_id\")]");
    Ok(())
}

/// Gives records their places.
pub(super) fn sequence<'b>(mut out: AstPass<'_, 'b, Pg>, places: &'b Sequence<'b>) -> QueryResult<()> {
    out.push_sql(
        "UPDATE \"audit_records\" AS \"r\" SET \"leaf_index\" = \"p\".\"leaf_index\", \
         \"salt\" = CASE WHEN \"r\".\"commitment\" IS NULL THEN \"p\".\"salt\" ELSE \"r\".\"salt\" END, \
         \"commitment\" = COALESCE(\"r\".\"commitment\", \"p\".\"commitment\") FROM UNNEST(",
    );
    out.push_bind_param::<Array<Binary>, _>(&places.record_ids)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<BigInt>, _>(&places.leaf_indexes)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<Nullable<Binary>>, _>(&places.salts)?;
    out.push_sql(", ");
    out.push_bind_param::<Array<Nullable<Binary>>, _>(&places.commitments)?;
    out.push_sql(") AS \"p\" (\"record_id\", \"leaf_index\", \"salt\", \"commitment\") WHERE \"r\".\"organisation_id\" = ");
    out.push_bind_param::<Binary, _>(&places.organisation_id)?;
    out.push_sql(" AND \"r\".\"record_id\" = \"p\".\"record_id\"");
    Ok(())
}

/// A column of text as bytes.
pub(super) fn text_as_bytes<T: SingleValue>(column: &str) -> SqlLiteral<T> {
    sql(&format!("convert_to(\"{column}\", 'UTF8')"))
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
