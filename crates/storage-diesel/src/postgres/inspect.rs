//! Looking at a PostgreSQL database without changing it.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use sync_core::Timestamp;

use super::connection::{establish, migration_state, unreachable};
use super::{Conn, facts, scope};
use crate::OpenError;
use crate::inspect::{Engine, Inspection, PostgresFacts};
use crate::threads::apart;

/// How often the round trip is measured.
const ROUNDS: usize = 9;

/// What the connections of this role may come to: the server's less those kept for others, the role's own, the database's.
const ALLOWED: &str = "least(\
    current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8 \
        - coalesce(current_setting('reserved_connections', true)::int8, 0), \
    (SELECT CASE WHEN rolconnlimit < 0 THEN 1000000 ELSE rolconnlimit END FROM pg_roles WHERE rolname = current_user), \
    (SELECT CASE WHEN datconnlimit < 0 THEN 1000000 ELSE datconnlimit END FROM pg_database WHERE datname = current_database()))";

/// Looks at the database of a URL.
pub(crate) fn inspect(url: &str) -> Result<Inspection, OpenError> {
    apart(|| {
        let mut conn = establish(url)?;
        conn.batch_execute("SET statement_timeout = '30s'; SET default_transaction_read_only = on; SET application_name = 'rejoin doctor'")
            .map_err(unreachable)?;
        conn.batch_execute(scope::OF_INSTALLATION).map_err(unreachable)?;
        look(&mut conn)
    })
}

fn look(conn: &mut Conn) -> Result<Inspection, OpenError> {
    let migrations = migration_state(conn)?;
    let furnished = migrations.applied.len() >= 2;
    let (version, size): (String, i64) =
        diesel::select((sql::<Text>("current_setting('server_version')"), sql::<BigInt>("pg_database_size(current_database())")))
            .get_result(conn)
            .map_err(unreachable)?;
    Ok(Inspection {
        product: format!("PostgreSQL {version}"),
        people: furnished.then(|| facts::people(conn)).transpose().map_err(unreachable)?,
        newest_at: if furnished { facts::newest(conn).map_err(unreachable)?.map(Timestamp::from_millis) } else { None },
        migrations,
        size_bytes: u64::try_from(size).unwrap_or(0),
        engine: Engine::Postgres(server(conn).map_err(unreachable)?),
    })
}

fn server(conn: &mut Conn) -> QueryResult<PostgresFacts> {
    let (version, synchronous_commit, fsync, full_page_writes, standby) = diesel::select((
        sql::<Integer>("current_setting('server_version_num')::int4"),
        sql::<Text>("current_setting('synchronous_commit')"),
        sql::<Text>("current_setting('fsync')"),
        sql::<Text>("current_setting('full_page_writes')"),
        sql::<Bool>("pg_is_in_recovery()"),
    ))
    .get_result(conn)?;
    let (connections_open, connections_allowed) = diesel::select((
        sql::<BigInt>("(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"),
        sql::<BigInt>(ALLOWED),
    ))
    .get_result(conn)?;
    let row_security = diesel::select(sql::<Bool>(scope::MAY_BECOME)).get_result(conn)?;
    let round_trip = round_trip(conn)?;
    let clock: i64 = diesel::select(sql::<BigInt>("(extract(epoch FROM clock_timestamp()) * 1000)::int8")).get_result(conn)?;
    Ok(PostgresFacts {
        version,
        synchronous_commit,
        fsync,
        full_page_writes,
        standby,
        row_security,
        connections_open,
        connections_allowed,
        clock_at: Timestamp::from_millis(clock),
        clock_read: Instant::now(),
        round_trip,
    })
}

/// The median of some trivial statements.
fn round_trip(conn: &mut Conn) -> QueryResult<Duration> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        conn.batch_execute("SELECT 1")?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(ROUNDS / 2).copied().unwrap_or_default())
}
