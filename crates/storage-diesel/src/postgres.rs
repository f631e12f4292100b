//! PostgreSQL, spoken to without libpq: a fixed set of threads, each with a connection of its own.

#[path = "statements/audit.rs"]
mod audit;
#[path = "postgres/audit_log.rs"]
mod audit_log;
#[path = "statements/audit_reading.rs"]
mod audit_reading;
#[path = "statements/audit_trees.rs"]
mod audit_trees;
#[path = "statements/batches.rs"]
mod batches;
#[path = "postgres/broadcast.rs"]
mod broadcast;
#[path = "statements/conflicts.rs"]
mod conflicts;
#[path = "postgres/connection.rs"]
mod connection;
#[path = "statements/containment.rs"]
mod containment;
#[path = "postgres/dialect.rs"]
mod dialect;
#[path = "statements/documents.rs"]
mod documents;
#[path = "statements/facts.rs"]
mod facts;
#[path = "statements/history.rs"]
mod history;
#[path = "statements/identity.rs"]
mod identity;
#[path = "postgres/inspect.rs"]
mod inspect;
#[path = "statements/item_states.rs"]
mod item_states;
#[path = "statements/items.rs"]
mod items;
#[path = "statements/life.rs"]
mod life;
#[path = "postgres/link.rs"]
mod link;
#[path = "statements/oidc.rs"]
mod oidc;
#[path = "statements/operations.rs"]
mod operations;
#[path = "statements/preferences.rs"]
mod preferences;
#[path = "statements/presence.rs"]
mod presence;
#[path = "statements/purges.rs"]
mod purges;
#[path = "statements/queue_memory.rs"]
mod queue_memory;
#[path = "statements/queue_reading.rs"]
mod queue_reading;
#[path = "statements/queue_spaces.rs"]
mod queue_spaces;
#[path = "postgres/scope.rs"]
mod scope;
#[path = "statements/sessions.rs"]
mod sessions;
#[path = "postgres/signals.rs"]
mod signals;
#[path = "statements/spaces.rs"]
mod spaces;
#[path = "postgres/store.rs"]
mod store;
#[path = "statements/tx.rs"]
mod tx;
#[path = "postgres/worker.rs"]
mod worker;

use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

pub(crate) use audit_log::read_audit_log;
pub(crate) use broadcast::PostgresBroadcaster;
pub(crate) use connection::migrate;
#[cfg(feature = "bench")]
pub(crate) use connection::{connect, establish};
pub(crate) use inspect::inspect;
pub use store::{PostgresConfig, PostgresStore};

/// The connection of the statements.
pub(crate) type Conn = AsyncConnectionWrapper<AsyncPgConnection, connection::Reactor>;

type Backend = diesel::pg::Pg;
