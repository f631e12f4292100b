//! Migrations, embedded in the binary.

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::OpenError;

pub(crate) const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
pub(crate) const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The migration that gave the audit log its form.
const AUDIT_LOG: &str = "0015_audit";

/// What a migration run did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReport {
    /// The names of the migrations that were applied, oldest first; empty when the database was up to date.
    pub applied: Vec<String>,
}

/// Which migrations a database has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationState {
    /// The names of those that were applied, oldest first.
    pub applied: Vec<String>,
    /// The names of those that this version of Rejoin has and the database lacks, oldest first.
    pub missing: Vec<String>,
    /// The versions of those that this version of Rejoin does not know: a newer one was here.
    pub unknown: Vec<String>,
}

impl MigrationState {
    /// That of an SQLite database which does not exist yet.
    #[must_use]
    pub fn none() -> Self {
        state::<diesel::sqlite::Sqlite>(&[], &SQLITE).unwrap_or_default()
    }

    /// Makes sure that the audit log is there in the form that is known here, whatever else is older or newer.
    pub(crate) fn assert_audit_log(self) -> Result<(), OpenError> {
        if self.applied.iter().any(|name| name == AUDIT_LOG) { Ok(()) } else { Err(OpenError::NotMigrated(self.missing)) }
    }
}

/// Tells the versions that a database has applied from those that there are.
pub(crate) fn state<DB>(versions: &[String], migrations: &EmbeddedMigrations) -> Result<MigrationState, OpenError>
where
    DB: Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let all: Vec<Box<dyn Migration<DB>>> = migrations.migrations().map_err(|error| OpenError::Migration(error.to_string()))?;
    let mut state = MigrationState::default();
    for migration in &all {
        let is_applied = versions.iter().any(|version| migration.name().version() == MigrationVersion::from(version.as_str()));
        let list = if is_applied { &mut state.applied } else { &mut state.missing };
        list.push(migration.name().to_string());
    }
    let is_known = |version: &&String| all.iter().any(|migration| migration.name().version() == MigrationVersion::from(version.as_str()));
    state.unknown = versions.iter().filter(|version| !is_known(version)).cloned().collect();
    state.unknown.sort();
    Ok(state)
}

/// Applies what is missing, unless a newer version of Rejoin was here. Under a lock of the caller's.
pub(crate) fn apply<DB, C>(conn: &mut C, migrations: EmbeddedMigrations) -> Result<MigrationReport, OpenError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let standing = conn.applied_migrations().map_err(|error| OpenError::Migration(error.to_string()))?;
    let standing = state(&standing.iter().map(MigrationVersion::to_string).collect::<Vec<_>>(), &migrations)?;
    if !standing.unknown.is_empty() {
        return Err(OpenError::Newer(standing.unknown));
    }
    let mut applied = Vec::new();
    for migration in conn.pending_migrations(migrations).map_err(|error| OpenError::Migration(error.to_string()))? {
        let name = migration.name().to_string();
        conn.run_migration(&migration).map_err(|error| OpenError::Migration(format!("{name}: {error}")))?;
        applied.push(name);
    }
    Ok(MigrationReport { applied })
}
