//! Opening and migrating.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;
use storage_diesel::{DatabaseConfig, OpenError, migrate, open};

use crate::support::{PostgresDatabase, cluster, read};

/// The names of all migrations, oldest first.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() >= 6);
    names
}

/// The cluster of the tests may be a throw-away one, without fsync.
fn config(url: &str) -> DatabaseConfig {
    let mut config = DatabaseConfig::new(url);
    config.allow_fsync_off = true;
    config
}

/// Four at once: one does the work, all succeed; then there is nothing to do.
fn migrate_together(url: &str) {
    let mut applied: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| migrate(url).unwrap().applied)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    applied.sort();
    assert_eq!(applied, migrations());
    assert_eq!(migrate(url).unwrap().applied, Vec::<String>::new());
    let store = open(&config(url)).unwrap();
    assert!(read(&*store, |tx| tx.list_server_keys("cursor")).is_empty());
}

#[test]
fn sqlite_migrates_once_whoever_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    migrate_together(&format!("sqlite:{}", folder.path().join("a b.db").display()));
}

#[test]
fn sqlite_is_migrated_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("new.db").display());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| drop(open(&DatabaseConfig::new(&url)).unwrap()));
        }
    });
    assert_eq!(migrate(&url).unwrap().applied, Vec::<String>::new());
}

#[test]
fn postgres_migrates_once_whoever_comes_first() {
    let Some(cluster) = cluster() else { return };
    migrate_together(&PostgresDatabase::empty(&cluster).url());
}

fn failure(url: &str) -> OpenError {
    open(&config(url)).err().unwrap()
}

#[test]
fn says_what_is_wrong_with_a_url() {
    for url in ["", "rejoin.db", "mysql://host/db", "sqlite:", "sqlite::memory:"] {
        assert!(matches!(failure(url), OpenError::Url(_)), "{url}");
    }
    assert!(failure("mysql://host/db").to_string().contains("sqlite:PATH"));
    assert!(matches!(failure("sqlite:/nowhere/at/all/rejoin.db"), OpenError::Unreachable(_)));
    let nobody = failure("postgres://somebody:secret@%2Fnowhere%2Fat%2Fall/rejoin");
    assert!(matches!(&nobody, OpenError::Unreachable(_)), "{nobody}");
    assert!(!nobody.to_string().contains("secret"), "{nobody}");
    let config = DatabaseConfig::new("postgres://somebody:secret@host/rejoin");
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn says_that_postgres_is_to_be_migrated() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::empty(&cluster);
    let error = failure(&database.url());
    assert!(matches!(&error, OpenError::NotMigrated(missing) if *missing == migrations()), "{error:?}");
    assert!(error.to_string().contains("rejoin migrate"));
}

#[test]
fn refuses_what_a_newer_version_migrated() {
    let unknown = |outcome: Result<(), OpenError>| match outcome {
        Err(error @ OpenError::Newer(_)) => assert!(error.to_string().contains("9999"), "{error}"),
        other => panic!("{other:?}"),
    };
    let statement = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rejoin.db");
    let url = format!("sqlite:{}", path.display());
    migrate(&url).unwrap();
    diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap().batch_execute(statement).unwrap();
    unknown(open(&config(&url)).map(drop));
    unknown(migrate(&url).map(drop));
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    database.connection().batch_execute(statement).unwrap();
    unknown(open(&config(&database.url())).map(drop));
    unknown(migrate(&database.url()).map(drop));
}

#[test]
fn says_why_a_server_can_not_be_reached() {
    let Some(cluster) = cluster() else { return };
    // a port that was free a moment ago
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = format!("postgres://ana:pa55word@127.0.0.1:{port}/rejoin");
    let database = PostgresDatabase::migrated(&cluster);
    let missing = database.url().replace(database.name(), "no_such_database");
    for (url, why) in [(nowhere, "refused"), (missing, "no_such_database")] {
        let said = failure(&url).to_string();
        assert!(said.contains(why) && !said.contains("pa55word"), "{said}");
    }
}

#[test]
fn refuses_a_server_that_would_lose_commits() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    database.connection().batch_execute(&format!("ALTER DATABASE {} SET synchronous_commit = off", database.name())).unwrap();
    let error = failure(&database.url());
    assert!(matches!(&error, OpenError::Unsuitable(_)), "{error:?}");
    assert!(error.to_string().contains("synchronous_commit"));
}

#[test]
fn refuses_a_server_without_fsync_unless_that_is_allowed() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let fsync: String = sql::<Text>("SHOW fsync").get_result(&mut database.connection()).unwrap();
    let strict = open(&DatabaseConfig::new(database.url()));
    if fsync == "on" {
        assert!(strict.is_ok());
    } else {
        let error = strict.err().unwrap();
        assert!(matches!(&error, OpenError::Unsuitable(_)), "{error:?}");
        assert!(error.to_string().contains("fsync is off") && error.to_string().contains("allow_fsync_off"), "{error}");
    }
    assert!(open(&config(&database.url())).is_ok());
}

#[test]
fn works_on_a_thread_of_an_asynchronous_runtime() {
    let Some(cluster) = cluster() else { return };
    let database = PostgresDatabase::migrated(&cluster);
    let url = database.url();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(migrate(&url).unwrap().applied, Vec::<String>::new());
        let store = open(&config(&url)).unwrap();
        let keys = store.transact(sync_core::ports::Access::Read, |tx| tx.list_server_keys("cursor")).await.unwrap();
        assert!(keys.is_empty());
    });
}
