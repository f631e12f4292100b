//! A transaction that is under way. Mounted once per database.

use diesel::result::{DatabaseErrorKind, Error, QueryResult};
use sync_core::ports::{StoreError, StoreResult};

use super::{Conn, dialect};
use crate::insert::Bulk;
use crate::rows::Row;

/// The rows of one transaction.
///
/// It remembers the first statement that failed: nothing more is sent after it, and the transaction may not be
/// committed, even when the job went on as if nothing had happened. (PostgreSQL would answer such a COMMIT with a silent
/// rollback.)
pub(crate) struct Rows<'a> {
    conn: &'a mut Conn,
    failed: Option<StoreError>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(conn: &'a mut Conn) -> Self {
        Self { conn, failed: None }
    }

    /// What hinders the commit.
    pub(crate) fn into_failure(self) -> Option<StoreError> {
        self.failed
    }

    /// Sends statements.
    pub(super) fn send<T>(&mut self, statements: impl FnOnce(&mut Conn) -> QueryResult<T>) -> StoreResult<T> {
        self.send_or(store_error, statements)
    }

    /// Sends statements of which a taken key means a lost race.
    pub(super) fn send_racing<T>(&mut self, statements: impl FnOnce(&mut Conn) -> QueryResult<T>) -> StoreResult<T> {
        let explain = |error| match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information) => StoreError::Busy(information.message().to_owned()),
            other => store_error(other),
        };
        self.send_or(explain, statements)
    }

    fn send_or<T>(
        &mut self,
        explain: impl FnOnce(Error) -> StoreError,
        statements: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> StoreResult<T> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        statements(self.conn).map_err(|error| {
            let error = explain(error);
            self.failed = Some(error.clone());
            error
        })
    }

    /// Loads rows and converts them.
    pub(super) fn load<R: Row>(&mut self, query: impl FnOnce(&mut Conn) -> QueryResult<Vec<R>>) -> StoreResult<Vec<R::Value>> {
        Ok(self.send(query)?.into_iter().map(R::into_value).collect())
    }

    /// Loads the rows of many ids, each once, in as many chunks as the database's limit on bound values asks for.
    pub(super) fn load_each<K: Ord, R: Row>(
        &mut self,
        ids: &[K],
        mut query: impl FnMut(&mut Conn, &[&K]) -> QueryResult<Vec<R>>,
    ) -> StoreResult<Vec<R::Value>> {
        let mut ids: Vec<_> = ids.iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let mut values = Vec::new();
        for chunk in dialect::chunks(&ids) {
            values.extend(self.load(|conn| query(conn, chunk))?);
        }
        Ok(values)
    }

    /// Sends statements about many ids, in as many chunks as the database's limit on bound values asks for.
    pub(super) fn send_each<K>(&mut self, ids: &[K], mut statements: impl FnMut(&mut Conn, &[K]) -> QueryResult<usize>) -> StoreResult<()> {
        for chunk in dialect::chunks(ids) {
            self.send(|conn| statements(conn, chunk))?;
        }
        Ok(())
    }

    /// Inserts rows; how many were stored.
    pub(super) fn insert<T: 'static>(&mut self, bulk: &Bulk<'_, T>) -> StoreResult<usize> {
        if bulk.rows == 0 {
            return Ok(0);
        }
        self.send(|conn| dialect::insert(conn, bulk))
    }

    /// Inserts rows of which a taken key means a lost race.
    pub(super) fn insert_racing<T: 'static>(&mut self, bulk: &Bulk<'_, T>) -> StoreResult<usize> {
        if bulk.rows == 0 {
            return Ok(0);
        }
        self.send_racing(|conn| dialect::insert(conn, bulk))
    }
}

/// What a database's error means to a caller.
pub(crate) fn store_error(error: Error) -> StoreError {
    match error {
        Error::DatabaseError(kind, information) => {
            let message = information.message().to_owned();
            match kind {
                DatabaseErrorKind::SerializationFailure => StoreError::Busy(message),
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => StoreError::Unavailable(message),
                DatabaseErrorKind::Unknown => dialect::explain(message),
                _ => StoreError::Refused(message),
            }
        }
        Error::DeserializationError(cause) => StoreError::Damaged(cause.to_string()),
        other => StoreError::Refused(other.to_string()),
    }
}
