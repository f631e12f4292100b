//! Why a database can't be opened.

/// Why a database can't be opened or migrated. Each message says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL names no database that is known here.
    #[error("the database URL is not understood: {0}; write sqlite:PATH or postgres://USER@HOST/DATABASE")]
    Url(String),
    /// The database can't be reached or opened.
    #[error("the database can't be opened: {0}; check that it exists, is running, and may be used by this user")]
    Unreachable(String),
    /// The database answers, but not as Rejoin needs it.
    #[error("the database is not usable as it is set up: {0}")]
    Unsuitable(String),
    /// Another process has it to itself, or is not to be disturbed.
    #[error("the database is in use: {0}")]
    InUse(String),
    /// Migrations are missing.
    #[error("the database lacks the migrations {}; run `rejoin migrate` with the same database URL", .0.join(", "))]
    NotMigrated(Vec<String>),
    /// A newer version of Rejoin was here; what it keeps where is not known.
    #[error("the database has the migrations {}, which this version of Rejoin does not know; use the version that applied them, or a newer one", .0.join(", "))]
    Newer(Vec<String>),
    /// A migration failed; the ones before it stand.
    #[error("a migration failed: {0}; nothing of it was kept, restore the cause and run `rejoin migrate` again")]
    Migration(String),
}
