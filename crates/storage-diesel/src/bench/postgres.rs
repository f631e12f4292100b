//! The floor on PostgreSQL: some connections, each with one statement a table and push.

use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use sync_core::ports::StoredOperation;

use super::rows::Written;
use super::tables::{CHANGES, DOCUMENTS, OPERATIONS, SUMS, SpaceChange, SpaceDocument, SpaceSum, for_each_table};
use super::{Lane, LaneReport, next_commit, refused};
use crate::insert::Cell;
use crate::postgres::{Conn, connect};
use crate::{OpenError, PostgresConfig};

/// All rows of a push.
macro_rules! rows_statement {
    ($name:ident($row:ident: $kind:ty) $sql:ident { $($column:ident: $type:ty = $value:expr,)* }) => {
        struct $name<'a> { $($column: Vec<<$type as Cell<'a>>::Value>,)* }

        impl<'a> $name<'a> {
            fn of(rows: &'a [$kind]) -> Self {
                Self { $($column: rows.iter().map(|$row| -> <$type as Cell<'a>>::Value { $value }).collect(),)* }
            }
        }

        impl QueryId for $name<'_> {
            type QueryId = $name<'static>;

            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl QueryFragment<Pg> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql($sql.head);
                let mut before = "SELECT * FROM UNNEST(";
                $(
                    out.push_sql(before);
                    out.push_bind_param::<Array<$type>, _>(&self.$column)?;
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

for_each_table!(rows_statement);

/// Moves a head, never back: commits of other connections may come first.
struct PutHead<'a>(&'a [u8], i64);

impl QueryId for PutHead<'_> {
    type QueryId = PutHead<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for PutHead<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE space_heads SET head = GREATEST(head, ");
        out.push_bind_param::<BigInt, _>(&self.1)?;
        out.push_sql(") WHERE space_id = ");
        out.push_bind_param::<Binary, _>(&self.0)
    }
}

/// Writes each lane on a connection and a thread of its own.
pub(super) fn run(
    config: &PostgresConfig,
    lanes: Vec<Lane>,
    pushes_per_commit: f64,
    thread_cpu: fn() -> Option<Duration>,
    between: impl FnOnce() + Send,
) -> Result<Vec<LaneReport>, OpenError> {
    let start = Barrier::new(lanes.len());
    let between = Mutex::new(Some(between));
    let run_lane = |lane: Lane| -> Result<LaneReport, OpenError> {
        let conn = connect(config);
        let warm = conn.and_then(|mut conn| write_all(&mut conn, &lane.warm_up, pushes_per_commit).map(|_| conn).map_err(refused));
        // all come here, those that failed too: nobody waits for ever
        if start.wait().is_leader()
            && let Some(between) = between.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            between();
        }
        start.wait();
        let mut conn = warm?;
        let (began, before) = (Instant::now(), thread_cpu());
        let commits = write_all(&mut conn, &lane.measured, pushes_per_commit).map_err(refused)?;
        let (ended, after) = (Instant::now(), thread_cpu());
        Ok(LaneReport { commits, cpu: after.zip(before).map(|(after, before)| after.saturating_sub(before)), began, ended })
    };
    thread::scope(|scope| {
        let threads: Vec<_> = lanes.into_iter().map(|lane| scope.spawn(|| run_lane(lane))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(refused("a thread broke off")))).collect()
    })
}

fn write_all(conn: &mut Conn, pushes: &[Written], per_commit: f64) -> QueryResult<u64> {
    let (mut left, mut carried, mut commits) = (pushes, 0.0, 0);
    while !left.is_empty() {
        let (now, later) = left.split_at(next_commit(per_commit, &mut carried, left.len()));
        conn.batch_execute("BEGIN")?;
        for push in now {
            write(conn, push)?;
        }
        conn.batch_execute("COMMIT")?;
        commits += 1;
        left = later;
    }
    Ok(commits)
}

/// The rows that others wait for come last.
fn write(conn: &mut Conn, push: &Written) -> QueryResult<()> {
    conn.execute_returning_count(&PutDocuments::of(&push.documents))?;
    conn.execute_returning_count(&InsertChanges::of(&push.changes))?;
    conn.execute_returning_count(&InsertOperations::of(&push.operations))?;
    conn.execute_returning_count(&PutSums::of(&push.sums))?;
    conn.execute_returning_count(&PutHead(push.space_id.as_bytes(), push.head)).map(drop)
}
