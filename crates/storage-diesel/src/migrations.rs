//! Migrations, embedded in the binary.

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::OpenError;

pub(crate) const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
pub(crate) const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// What a migration run did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The names of the migrations that were applied, oldest first; empty when the database was up to date.
    pub applied: Vec<String>,
}

/// Applies what is missing. Under a lock of the caller's.
pub(crate) fn apply<DB, C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<MigrationReport, OpenError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let mut applied = Vec::new();
    for migration in conn.pending_migrations(migrations).map_err(|error| OpenError::Migration(error.to_string()))? {
        let name = migration.name().to_string();
        conn.run_migration(&migration).map_err(|error| OpenError::Migration(format!("{name}: {error}")))?;
        applied.push(name);
    }
    Ok(MigrationReport { applied })
}

/// The names of the migrations that are not among the applied versions.
pub(crate) fn missing<DB>(applied: &[String], migrations: &EmbeddedMigrations) -> Result<Vec<String>, OpenError>
where
    DB: Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let all: Vec<Box<dyn Migration<DB>>> = migrations.migrations().map_err(|error| OpenError::Migration(error.to_string()))?;
    let is_missing = |version: MigrationVersion<'_>| applied.iter().all(|applied| version != MigrationVersion::from(applied.as_str()));
    Ok(all.iter().filter(|migration| is_missing(migration.name().version())).map(|migration| migration.name().to_string()).collect())
}
