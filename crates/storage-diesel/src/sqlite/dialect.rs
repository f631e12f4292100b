//! What SQLite does in its own way.

use diesel::connection::Connection;
use diesel::dsl::sql;
use diesel::expression::{SqlLiteral, ValidGrouping};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::{Error, QueryResult};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Integer, Nullable, SingleValue, SqlType, Text, is_nullable::NotNull};
use diesel::sqlite::Sqlite;
use diesel::{AppearsOnTable, Expression, SelectableExpression};
use sync_core::ports::StoreError;

use super::Conn;
use super::audit::Sequence;
use crate::insert::{Bulk, Values};

/// Whether a transaction that writes is the only one from its beginning on.
pub(super) const WRITES_ALONE: bool = true;

/// Pieces of a list of ids, each for one statement: here one id each, because a statement that stays prepared costs less
/// than a list.
pub(super) fn chunks<T>(ids: &[T]) -> impl Iterator<Item = &[T]> {
    ids.chunks(1)
}

/// Pieces of a list of pairs, each for one statement.
pub(super) fn parts<T>(pairs: &[T]) -> impl Iterator<Item = &[T]> {
    pairs.chunks(1)
}

/// Pairs of numbers as the rows of a query.
pub(super) fn pairs<'b>(out: &mut AstPass<'_, 'b, Sqlite>, left: &'b [i64], right: &'b [i64]) -> QueryResult<()> {
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        out.push_sql(if index == 0 { "VALUES (" } else { ", (" });
        out.push_bind_param::<BigInt, _>(left)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(right)?;
        out.push_sql(")");
    }
    Ok(())
}

/// Whether a column has one of the values of a piece, of which it has one.
macro_rules! any_of {
    ($column:expr, $values:expr) => {
        dialect::Is::new($column, $values)
    };
}
pub(super) use any_of;

/// `column = ?`, kept prepared. An IN of diesel's is prepared anew each time, because its text depends on the number of
/// values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Is<C, V> {
    column: C,
    value: Option<V>,
}

impl<C, V> Is<C, V> {
    pub(super) fn new(column: C, values: impl IntoIterator<Item = V>) -> Self {
        Self { column, value: values.into_iter().next() }
    }
}

impl<C, V> Expression for Is<C, V> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<T>, V, T> AppearsOnTable<T> for Is<C, V> {}

impl<C: SelectableExpression<T>, V, T> SelectableExpression<T> for Is<C, V> {}

impl<C: ValidGrouping<G>, V, G> ValidGrouping<G> for Is<C, V> {
    type IsAggregate = C::IsAggregate;
}

impl<C: QueryId, V> QueryId for Is<C, V> {
    type QueryId = Is<C::QueryId, ()>;

    const HAS_STATIC_QUERY_ID: bool = C::HAS_STATIC_QUERY_ID;
}

impl<C, V> QueryFragment<Sqlite> for Is<C, V>
where
    C: Expression + QueryFragment<Sqlite>,
    C::SqlType: SingleValue + SqlType<IsNull = NotNull>,
    Option<V>: ToSql<Nullable<C::SqlType>, Sqlite>,
    Sqlite: HasSqlType<C::SqlType>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ");
        out.push_bind_param::<Nullable<C::SqlType>, Option<V>>(&self.value)
    }
}

/// A column that is compared, and by which no index is looked up: here a plan depends on the indexes alone.
macro_rules! aside {
    ($column:expr) => {
        $column
    };
}
pub(super) use aside;

/// What is appended to a column by which no index is to be looked up.
pub(super) const ASIDE: &str = "";

/// Locks the rows of a query until the end of the transaction: here the transaction holds the only write lock anyway.
macro_rules! locked {
    ($query:expr) => {
        $query
    };
}
pub(super) use locked;

/// Keeps the rows of two tables of a query as they are until the end of the transaction: here whoever writes is alone.
macro_rules! held {
    ($query:expr, $one:expr, $other:expr) => {
        $query
    };
}
pub(super) use held;

/// Locks the rows of a query that nobody else has locked: here nobody else can have.
macro_rules! locked_unless_taken {
    ($query:expr) => {
        $query
    };
}
pub(super) use locked_unless_taken;

/// That what was written before is the id of a piece, of which it has one.
pub(super) fn one_of<'b>(out: &mut AstPass<'_, 'b, Sqlite>, ids: &'b Vec<&'b [u8]>) -> QueryResult<()> {
    out.push_sql(" = ");
    out.push_bind_param::<Binary, _>(ids.first().ok_or_else(|| Error::QueryBuilderError("a list without an id".into()))?)
}

/// The number that belongs to the batch of a piece, of which it has one.
pub(super) fn of_batch<'b>(out: &mut AstPass<'_, 'b, Sqlite>, _: &[&[u8]], numbers: &'b [i64]) -> QueryResult<()> {
    out.push_bind_param::<BigInt, _>(numbers.first().ok_or_else(|| Error::QueryBuilderError("a list without a number".into()))?)
}

/// Gives a record, the one of the piece, its place.
pub(super) fn sequence<'b>(mut out: AstPass<'_, 'b, Sqlite>, places: &'b Sequence<'b>) -> QueryResult<()> {
    let missing = || Error::QueryBuilderError("a list without a record".into());
    out.push_sql("UPDATE \"audit_records\" SET \"leaf_index\" = ");
    out.push_bind_param::<BigInt, _>(places.leaf_indexes.first().ok_or_else(missing)?)?;
    out.push_sql(", \"salt\" = CASE WHEN \"commitment\" IS NULL THEN ");
    out.push_bind_param::<Nullable<Binary>, _>(places.salts.first().ok_or_else(missing)?)?;
    out.push_sql(" ELSE \"salt\" END, \"commitment\" = COALESCE(\"commitment\", ");
    out.push_bind_param::<Nullable<Binary>, _>(places.commitments.first().ok_or_else(missing)?)?;
    out.push_sql(") WHERE \"organisation_id\" = ");
    out.push_bind_param::<Binary, _>(&places.organisation_id)?;
    out.push_sql(" AND \"record_id\" = ");
    out.push_bind_param::<Binary, _>(places.record_ids.first().ok_or_else(missing)?)
}

/// A column of text as the bytes that are stored, which may be damaged.
pub(super) fn text_as_bytes<T: SingleValue>(column: &str) -> SqlLiteral<T> {
    sql(&format!("CAST(\"{column}\" AS BLOB)"))
}

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
pub(super) fn insert<T: 'static>(conn: &mut Conn, bulk: &Bulk<'_, T>) -> QueryResult<usize> {
    let mut statement = InsertRow { head: format!("{} VALUES (", bulk.head()), tail: format!("){}", bulk.tail()), bulk, row: 0 };
    let mut stored = 0;
    while statement.row < bulk.rows {
        stored += conn.execute_returning_count(&statement)?;
        statement.row += 1;
    }
    Ok(stored)
}

struct InsertRow<'a, T> {
    head: String,
    tail: String,
    bulk: &'a Bulk<'a, T>,
    row: usize,
}

impl<T: 'static> QueryId for InsertRow<'_, T> {
    type QueryId = InsertRow<'static, T>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<T> QueryFragment<Sqlite> for InsertRow<'_, T> {
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
