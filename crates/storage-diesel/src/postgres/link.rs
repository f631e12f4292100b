//! A connection that comes back.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use sync_core::ports::{StoreError, StoreResult};

use super::{Conn, PostgresConfig, connection};

/// The first wait after a failed attempt to connect; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long the first job that meets a lost connection waits for another one. Those after it do not wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// A thread's connection, made when it is needed.
pub(super) struct Link {
    config: PostgresConfig,
    statements: Arc<AtomicU64>,
    conn: Option<Conn>,
    failures: u32,
    not_before: Instant,
    why: String,
}

impl Link {
    pub(super) fn new(config: PostgresConfig, statements: Arc<AtomicU64>) -> Self {
        Self { config, statements, conn: None, failures: 0, not_before: Instant::now(), why: String::new() }
    }

    /// Until when a job that begins now waits for a connection.
    pub(super) fn patience(&self) -> Instant {
        let now = Instant::now();
        if self.failures == 0 { now + PATIENCE } else { now }
    }

    /// The connection, made anew if need be.
    pub(super) fn connection(&mut self, until: Instant) -> StoreResult<&mut Conn> {
        while self.conn.is_none() {
            let now = Instant::now();
            if self.not_before > now {
                if self.not_before > until {
                    break;
                }
                thread::sleep(self.not_before - now);
            }
            self.connect();
        }
        self.conn.as_mut().ok_or_else(|| StoreError::Unavailable(self.why.clone()))
    }

    fn connect(&mut self) {
        match connection::open(&self.config, &self.statements) {
            Ok(conn) => {
                self.conn = Some(conn);
                self.failures = 0;
            }
            Err(error) => {
                self.why = error.to_string();
                tracing::warn!(error = %self.why, "no connection to PostgreSQL");
                let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(LONGEST_WAIT);
                self.not_before = Instant::now() + wait;
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    /// Gives the connection up.
    pub(super) fn lost(&mut self) {
        self.conn = None;
    }
}
