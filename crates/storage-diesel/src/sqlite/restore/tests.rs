use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};

use sync_core::Timestamp;
use sync_core::ports::{Access, Organisation, Store, StoreResult, Tx};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{SqliteConfig, SqliteStore, back_up, open, verify_backup};

fn write(store: &dyn Store, name: &str) {
    let id = Uuid::from_bytes(name.bytes().chain(std::iter::repeat(0)).take(16).collect::<Vec<_>>().try_into().unwrap());
    let row = Organisation { organisation_id: sync_core::OrganisationId(id), name: name.into(), created_at: Timestamp::default() };
    let work = move |tx: &mut dyn Tx| -> StoreResult<()> { tx.ensure_organisation(&row).map(drop) };
    pollster::block_on(store.transact(Access::Write, work)).unwrap();
}

fn holds(path: &Path, name: &str) -> bool {
    let mut conn = Conn::establish(path.to_str().unwrap()).unwrap();
    let query = format!("SELECT COUNT(*) FROM organisations WHERE name = '{name}'");
    diesel::RunQueryDsl::get_result::<i64>(diesel::dsl::sql::<diesel::sql_types::BigInt>(&query), &mut conn).unwrap() > 0
}

/// A folder with `rejoin.db`, that holds "before" and "after", and `backup.db`, made between.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        let store = SqliteStore::open(&SqliteConfig::new(place.database())).unwrap();
        write(&store, "before");
        // a server has it open, and goes on
        let report = back_up(&place.url(), &place.backup(), Timestamp::from_millis(7)).unwrap();
        assert_eq!((report.spaces, report.documents, report.made_at), (0, 0, Some(Timestamp::from_millis(7))));
        write(&store, "after");
        place
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("rejoin.db")
    }

    fn backup(&self) -> PathBuf {
        self.folder.path().join("backup.db")
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.database().display())
    }

    fn begin(&self) -> Result<Restore, BackupError> {
        crate::restore(&self.backup(), &self.url(), true)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_backup_takes_the_place_of_the_database_and_what_was_there_is_kept() {
    let place = Place::new();
    let restore = place.begin().unwrap();
    drop(SqliteStore::open(&SqliteConfig::new(restore.copy())).unwrap());
    let restored = restore.finish("T1").unwrap();
    assert_eq!(restored.holds.made_at, None, "it is a database again");
    let replaced = restored.replaced.unwrap();
    assert!(holds(&place.database(), "before") && !holds(&place.database(), "after"));
    assert!(holds(&replaced, "after"));
    assert_eq!(place.names(), ["backup.db", "rejoin.db", "rejoin.db-lock", "rejoin.db.replaced-T1"], "nothing else is left");
    assert_eq!(place.begin().unwrap().finish("T1").unwrap().replaced.unwrap(), place.folder.path().join("rejoin.db.replaced-T1-2"));
    open(&crate::DatabaseConfig::new(place.url())).unwrap();
}

#[test]
fn nobody_is_restored_under_or_opens_meanwhile() {
    let place = Place::new();
    let store = SqliteStore::open(&SqliteConfig::new(place.database())).unwrap();
    assert!(matches!(place.begin(), Err(BackupError::Open(crate::OpenError::InUse(_)))));
    drop(store);
    assert!(matches!(crate::restore(&place.backup(), &place.url(), false), Err(BackupError::Exists(_))));
    assert!(matches!(crate::restore(&place.database(), &place.url(), true), Err(BackupError::InUse(_))), "onto itself");
    let restore = place.begin().unwrap();
    assert!(matches!(SqliteStore::open(&SqliteConfig::new(place.database())), Err(crate::OpenError::InUse(_))));
    assert!(matches!(place.begin(), Err(BackupError::Open(crate::OpenError::InUse(_)))), "one at a time");
    assert!(matches!(crate::migrate(&place.url()), Err(crate::OpenError::InUse(_))));
    drop(restore);
    assert!(holds(&place.database(), "after"), "nothing has changed");
    assert_eq!(place.names(), ["backup.db", "rejoin.db", "rejoin.db-lock"]);
}

#[test]
fn a_restore_that_breaks_off_is_never_half_served() {
    let steps = |break_at: usize| {
        let place = Place::new();
        // as a crash leaves it: with commits that are in its log alone
        let store = SqliteStore::open(&SqliteConfig::new(place.database())).unwrap();
        write(&store, "in the log");
        let log = fs::read(beside(&place.database(), "-wal")).unwrap();
        drop(store);
        fs::write(beside(&place.database(), "-wal"), log).unwrap();
        let mut step = 0;
        let outcome = place.begin().unwrap().finish_in_steps("T1", &mut |_| {
            step += 1;
            if step > break_at { Err(BackupError::Io("the process dies".into())) } else { Ok(()) }
        });
        let broke_off = outcome.is_err();
        match SqliteStore::open(&SqliteConfig::new(place.database())) {
            Ok(_) => assert_eq!(holds(&place.database(), "after"), broke_off && break_at == 0, "the old one or the new one"),
            Err(error) => assert!(broke_off && error.to_string().contains("rejoin restore"), "{error}"),
        }
        if broke_off {
            let restored = place.begin().unwrap().finish("T2").unwrap();
            let replaced = restored.replaced.unwrap();
            assert!(holds(&replaced, "after") && holds(&replaced, "in the log"), "all of the old one is kept, after step {break_at}");
        }
        assert!(holds(&place.database(), "before") && !holds(&place.database(), "after"));
        assert!(!place.names().iter().any(|name| name.contains("restoring")), "{:?}", place.names());
        broke_off
    };
    let mut break_at = 0;
    while steps(break_at) {
        break_at += 1;
    }
    assert_eq!(break_at, 5, "every step was tried");
}

#[test]
fn what_is_no_good_backup_is_refused() {
    let place = Place::new();
    let refused = |path: &Path| verify_backup(path).unwrap_err();
    assert!(matches!(refused(&place.folder.path().join("none.db")), BackupError::Missing(_)));
    assert!(matches!(refused(place.folder.path()), BackupError::Missing(_)));
    let text = place.folder.path().join("text");
    fs::write(&text, "not a database at all, and long enough to have a header of its own, one of plain text indeed…………………").unwrap();
    assert!(matches!(refused(&text), BackupError::Damaged(_)));
    let foreign = place.folder.path().join("foreign.db");
    Conn::establish(foreign.to_str().unwrap()).unwrap().batch_execute("CREATE TABLE t (x)").unwrap();
    assert!(matches!(refused(&foreign), BackupError::Foreign(_)));
    let newer = place.folder.path().join("newer.db");
    fs::copy(place.backup(), &newer).unwrap();
    let later = "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')";
    Conn::establish(newer.to_str().unwrap()).unwrap().batch_execute(later).unwrap();
    assert!(matches!(refused(&newer), BackupError::Newer(_)));
    let damaged = place.folder.path().join("damaged.db");
    fs::copy(place.backup(), &damaged).unwrap();
    let mut file = OpenOptions::new().write(true).open(&damaged).unwrap();
    file.seek(SeekFrom::Start(4_096 * 3)).unwrap();
    file.write_all(&[0xff; 4_096 * 3]).unwrap();
    drop(file);
    assert!(matches!(refused(&damaged), BackupError::Damaged(_)));
    assert!(crate::restore(&damaged, &place.url(), true).is_err());
    assert!(holds(&place.database(), "after"));
}

#[test]
fn a_backup_overwrites_nothing() {
    let place = Place::new();
    let again = |path: &Path| back_up(&place.url(), path, Timestamp::default());
    assert!(matches!(again(&place.backup()), Err(BackupError::Exists(_))));
    let other = place.folder.path().join("a #100% odd?name.db");
    assert!(again(&other).is_ok());
    assert!(verify_backup(&other).is_ok());
    assert!(matches!(
        back_up("sqlite:/nowhere/x.db", &place.folder.path().join("n.db"), Timestamp::default()),
        Err(BackupError::Missing(_))
    ));
    assert!(matches!(again(Path::new("/nowhere/x.db")), Err(BackupError::Io(_))));
    assert!(matches!(back_up("postgres://x", &place.backup(), Timestamp::default()), Err(BackupError::Postgres)));
    assert!(!place.names().iter().any(|name| name.contains(".part")), "{:?}", place.names());
}
