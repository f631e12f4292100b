//! The floor on SQLite: one connection, set up like the server's, statements that are prepared once.

use std::time::{Duration, Instant};

use diesel::SqliteConnection;
use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;
use sync_core::ports::StoredOperation;

use super::rows::Written;
use super::tables::{CHANGES, DOCUMENTS, OPERATIONS, SUMS, SpaceChange, SpaceDocument, SpaceSum, for_each_table};
use super::{Lane, LaneReport, next_commit, refused};
use crate::insert::Cell;
use crate::sqlite::connect_to_write;
use crate::{DatabaseConfig, OpenError};

/// One row.
macro_rules! row_statement {
    ($name:ident($row:ident: $kind:ty) $sql:ident { $($column:ident: $type:ty = $value:expr,)* }) => {
        struct $name<'a> { $($column: <$type as Cell<'a>>::Value,)* }

        impl<'a> $name<'a> {
            fn of($row: &'a $kind) -> Self {
                Self { $($column: $value,)* }
            }
        }

        impl QueryId for $name<'_> {
            type QueryId = $name<'static>;

            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl QueryFragment<Sqlite> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                out.push_sql($sql.head);
                let mut before = "VALUES (";
                $(
                    out.push_sql(before);
                    out.push_bind_param::<$type, _>(&self.$column)?;
                    before = ", ";
                )*
                let _ = before;
                out.push_sql(")");
                out.push_sql($sql.tail);
                Ok(())
            }
        }
    };
}

for_each_table!(row_statement);

/// Moves a head.
struct PutHead<'a>(&'a [u8], i64);

impl QueryId for PutHead<'_> {
    type QueryId = PutHead<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Sqlite> for PutHead<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE space_heads SET head = ");
        out.push_bind_param::<BigInt, _>(&self.1)?;
        out.push_sql(" WHERE space_id = ");
        out.push_bind_param::<Binary, _>(&self.0)
    }
}

/// Writes the only lane.
pub(super) fn run(
    path: &str,
    database: &DatabaseConfig,
    lanes: Vec<Lane>,
    pushes_per_commit: f64,
    thread_cpu: fn() -> Option<Duration>,
    between: impl FnOnce(),
) -> Result<Vec<LaneReport>, OpenError> {
    let mut conn = connect_to_write(path.as_ref(), database.busy_timeout_ms)?;
    let Some(lane) = lanes.into_iter().next() else { return Ok(Vec::new()) };
    write_all(&mut conn, &lane.warm_up, pushes_per_commit).map_err(refused)?;
    between();
    let (began, before) = (Instant::now(), thread_cpu());
    let commits = write_all(&mut conn, &lane.measured, pushes_per_commit).map_err(refused)?;
    let (ended, after) = (Instant::now(), thread_cpu());
    Ok(vec![LaneReport { commits, cpu: after.zip(before).map(|(after, before)| after.saturating_sub(before)), began, ended }])
}

fn write_all(conn: &mut SqliteConnection, pushes: &[Written], per_commit: f64) -> QueryResult<u64> {
    let (mut left, mut carried, mut commits) = (pushes, 0.0, 0);
    while !left.is_empty() {
        let (now, later) = left.split_at(next_commit(per_commit, &mut carried, left.len()));
        conn.batch_execute("BEGIN IMMEDIATE")?;
        for push in now {
            write(conn, push)?;
        }
        conn.batch_execute("COMMIT")?;
        commits += 1;
        left = later;
    }
    Ok(commits)
}

fn write(conn: &mut SqliteConnection, push: &Written) -> QueryResult<()> {
    for row in &push.documents {
        conn.execute_returning_count(&PutDocuments::of(row))?;
    }
    for row in &push.changes {
        conn.execute_returning_count(&InsertChanges::of(row))?;
    }
    for row in &push.operations {
        conn.execute_returning_count(&InsertOperations::of(row))?;
    }
    for row in &push.sums {
        conn.execute_returning_count(&PutSums::of(row))?;
    }
    conn.execute_returning_count(&PutHead(push.space_id.as_bytes(), push.head)).map(drop)
}
