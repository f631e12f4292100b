//! Connections to PostgreSQL, and what is asked of the server.

use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Text};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::BlockOn;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::NoTls;

use super::{Conn, PostgresConfig, scope};
use crate::OpenError;
use crate::migrations::{self, MigrationReport, MigrationState};
use crate::threads::apart;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// The oldest server, as PostgreSQL numbers it.
const OLDEST_SERVER: i32 = 150_000;

/// The advisory lock of migrations: "rejoin" in ASCII.
const MIGRATION_LOCK: i64 = 0x72_65_6a_6f_69_6e;

/// Bounds of a session, so that nothing holds a lock for ever; indexes wherever there is one, because statements stay prepared
/// and a table that was short when a plan was made grows; plain messages, so that errors can be told apart. A process that
/// stands still in the midst of a transaction loses it sooner than whoever waits for its locks gives up, and soon enough that
/// what it was about is taken up within its lease and five seconds.
const SESSION: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
    SET idle_in_transaction_session_timeout = '4s'; SET jit = off; SET enable_seqscan = off; SET application_name = 'rejoin'; \
    DO $$ BEGIN PERFORM set_config('lc_messages', 'C', false); EXCEPTION WHEN insufficient_privilege THEN NULL; END $$";

thread_local! {
    /// The runtime on which this thread's next connection was made.
    static MADE: Cell<Option<Runtime>> = const { Cell::new(None) };
}

/// Drives a connection on the thread that uses it.
pub(crate) struct Reactor(Option<Runtime>);

impl BlockOn for Reactor {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => Handle::current().block_on(future),
        }
    }

    fn get_runtime() -> Self {
        Self(MADE.take())
    }
}

/// Connects, without any settings. Not on a thread of an asynchronous runtime.
pub(crate) fn establish(url: &str) -> Result<Conn, OpenError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(unreachable)?;
    let connecting = async { tokio::time::timeout(CONNECT, reach(url)).await };
    let inner = runtime.block_on(connecting).map_err(|_| unreachable("no answer within 10 s"))??;
    MADE.set(Some(runtime));
    Ok(Conn::from(inner))
}

/// As `AsyncPgConnection::establish`, which would not say why it failed.
async fn reach(url: &str) -> Result<AsyncPgConnection, OpenError> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|error| unreachable(with_causes(&error)))?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await.map_err(unreachable)
}

/// An error with what is behind it, as far as it does not say so itself.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// Connects, sets the session up, and makes sure that a commit is durable.
pub(super) fn open(config: &PostgresConfig, statements: &Arc<AtomicU64>) -> Result<Conn, OpenError> {
    let mut conn = establish(&config.url)?;
    conn.batch_execute(SESSION).map_err(unreachable)?;
    conn.batch_execute(scope::BECOME).map_err(unreachable)?;
    assert_suitable(&mut conn, config.allow_fsync_off)?;
    let statements = Arc::clone(statements);
    diesel::Connection::set_instrumentation(&mut conn, move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            statements.fetch_add(1, Ordering::Relaxed);
        }
    });
    Ok(conn)
}

/// A connection like the server's.
#[cfg(feature = "bench")]
pub(crate) fn connect(config: &PostgresConfig) -> Result<Conn, OpenError> {
    let mut conn = open(config, &Arc::default())?;
    // it makes tables of its own, and asks for nobody
    conn.batch_execute(&format!("RESET ROLE; {}", scope::OF_INSTALLATION)).map_err(unreachable)?;
    Ok(conn)
}

fn assert_suitable(conn: &mut Conn, allow_fsync_off: bool) -> Result<(), OpenError> {
    let settings = diesel::select((
        sql::<Integer>("current_setting('server_version_num')::int4"),
        sql::<Text>("current_setting('synchronous_commit')"),
        sql::<Text>("current_setting('fsync')"),
        sql::<Text>("current_setting('lc_messages')"),
        sql::<Bool>("pg_is_in_recovery()"),
    ));
    let (version, commit, fsync, language, standby): (i32, String, String, String, bool) =
        settings.get_result(conn).map_err(unreachable)?;
    let unsuitable = |what: String| Err(OpenError::Unsuitable(what));
    if version < OLDEST_SERVER {
        return unsuitable(format!("the server is PostgreSQL {}, older than 15; upgrade it", version / 10_000));
    }
    if !["on", "remote_write", "remote_apply"].contains(&commit.as_str()) {
        return unsuitable(format!(
            "synchronous_commit is {commit}, so that a commit is not durable; set it to on for this role or database"
        ));
    }
    if standby {
        return unsuitable("the server is a standby and takes no writes; connect to the primary".into());
    }
    if fsync == "off" && !allow_fsync_off {
        return unsuitable(
            "fsync is off, so that what is committed does not survive a crash of the machine; set it to on \
             (for tests only: allow it with database.allow_fsync_off)"
                .into(),
        );
    }
    if fsync == "off" {
        // once, not for each connection
        static TOLD: Once = Once::new();
        TOLD.call_once(|| tracing::warn!("PostgreSQL runs with fsync=off: what it acknowledges does not survive a crash of the machine"));
    }
    if !["C", "POSIX", "en", ""].iter().any(|plain| language == *plain || language.starts_with("en_") || language.starts_with("C.")) {
        tracing::warn!(language, "PostgreSQL's messages are not English: deadlocks are not recognised and therefore not retried");
    }
    Ok(())
}

/// Which migrations the database has.
pub(super) fn migration_state(conn: &mut Conn) -> Result<MigrationState, OpenError> {
    let known =
        diesel::select(sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL")).get_result(conn).map_err(unreachable)?;
    let applied: Vec<String> =
        if known { sql::<Text>("SELECT version FROM __diesel_schema_migrations").load(conn).map_err(unreachable)? } else { Vec::new() };
    migrations::state::<Pg>(&applied, &migrations::POSTGRES)
}

/// Applies what is missing, under a lock that every process takes.
pub(crate) fn migrate(url: &str) -> Result<MigrationReport, OpenError> {
    apart(|| {
        let mut conn = establish(url)?;
        conn.batch_execute(scope::OF_INSTALLATION).map_err(unreachable)?;
        conn.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).map_err(unreachable)?;
        let report = migrations::apply(&mut conn, migrations::POSTGRES);
        // the end of the session gives it back as well
        let _ = conn.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"));
        report
    })
}

pub(super) fn unreachable(cause: impl std::fmt::Display) -> OpenError {
    OpenError::Unreachable(format!("PostgreSQL: {cause}"))
}
