//! A PostgreSQL database for one run, beside those of a server.

use diesel::connection::SimpleConnection as _;

use super::refused;
use crate::OpenError;
use crate::postgres::establish;
use crate::threads::apart;

/// A database that was made, and is dropped with this.
#[derive(Debug)]
pub struct TemporaryDatabase {
    beside: String,
    name: String,
}

impl TemporaryDatabase {
    /// Makes a database of this name (letters, digits and underscores) on the server of a URL.
    ///
    /// # Errors
    /// [`OpenError`] when the server can't be reached or does not allow it.
    pub fn create(beside: &str, name: &str) -> Result<Self, OpenError> {
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return Err(refused(format!("{name:?} is no name for a database")));
        }
        execute(beside, &format!("CREATE DATABASE {name}"))?;
        Ok(Self { beside: beside.to_owned(), name: name.to_owned() })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        with_database(&self.beside, &self.name)
    }
}

impl Drop for TemporaryDatabase {
    fn drop(&mut self) {
        if let Err(error) = execute(&self.beside, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)) {
            tracing::warn!(%error, database = self.name, "a database is left over");
        }
    }
}

fn execute(url: &str, statement: &str) -> Result<(), OpenError> {
    apart(|| establish(url)?.batch_execute(statement).map_err(refused))
}

/// The URL with another database: `postgres://HOST/DATABASE?…`.
fn with_database(url: &str, name: &str) -> String {
    let (location, parameters) = url.split_once('?').map_or((url, None), |(location, parameters)| (location, Some(parameters)));
    let host_ends = location.find("://").map_or(0, |place| place + 3);
    let host = location.get(host_ends..).and_then(|rest| rest.find('/')).and_then(|place| location.get(..host_ends + place));
    let parameters = parameters.map(|parameters| format!("?{parameters}")).unwrap_or_default();
    format!("{}/{name}{parameters}", host.unwrap_or(location))
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_of_a_url_is_replaced() {
        for (url, expected) in [
            ("postgres://rejoin@localhost/main", "postgres://rejoin@localhost/b"),
            ("postgres://rejoin@localhost:5433", "postgres://rejoin@localhost:5433/b"),
            ("postgres://a:b@%2Ftmp%2Fx/main?sslmode=disable", "postgres://a:b@%2Ftmp%2Fx/b?sslmode=disable"),
            ("postgres://a@/main?host=/tmp", "postgres://a@/b?host=/tmp"),
        ] {
            assert_eq!(with_database(url, "b"), expected);
        }
    }
}
