//! A fresh database for each test, on SQLite and, where there is a cluster, on PostgreSQL.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A database that is gone when this is dropped.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) name: &'static str,
    folder: TempDir,
    postgres: Option<(String, String)>,
}

impl Database {
    /// A SQLite file in a temporary folder.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}", folder.path().join("rejoin.db").display()), name: "SQLite", folder, postgres: None }
    }

    /// A database of the cluster that `REJOIN_TEST_POSTGRES` names; `None`, with a line that says so, when it names none.
    pub(crate) fn postgres() -> Option<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let Ok(admin) = std::env::var("REJOIN_TEST_POSTGRES") else {
            let demanded = std::env::var_os("CI").is_some() || std::env::var_os("REJOIN_TESTS_RUN").is_some();
            assert!(!demanded, "REJOIN_TEST_POSTGRES must hold the URL of a PostgreSQL cluster");
            println!("PostgreSQL is skipped: REJOIN_TEST_POSTGRES is not set");
            return None;
        };
        let database = format!("it_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        psql(&admin, &format!("CREATE DATABASE {database}"));
        let (server, _) = admin.rsplit_once('/').unwrap();
        let url = format!("{server}/{database}");
        Some(Self { url, name: "PostgreSQL", folder: tempfile::tempdir().unwrap(), postgres: Some((admin, database)) })
    }

    /// Where a process may leave its own files.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((admin, database)) = &self.postgres {
            psql(admin, &format!("DROP DATABASE {database} WITH (FORCE)"));
        }
    }
}

/// Runs a statement; what it told, without a head.
pub(crate) fn psql(url: &str, statement: &str) -> String {
    let output = Command::new("psql").args([url, "-qAtc", statement]).output().expect("psql runs");
    assert!(output.status.success() || std::thread::panicking(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
