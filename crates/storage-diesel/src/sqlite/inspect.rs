//! Looking at an SQLite file without changing it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel::sqlite::Sqlite;
use sync_core::Timestamp;

use super::{Conn, facts};
use crate::OpenError;
use crate::inspect::{Engine, Inspection, People, SqliteFacts};
use crate::migrations::{self, MigrationState};

/// How many complaints of `quick_check` are enough.
const COMPLAINTS: u32 = 10;

/// Looks at a file; `None` when there is none.
pub(crate) fn inspect(path: &Path, deep: bool) -> Result<Option<Inspection>, OpenError> {
    let unreachable = |cause: &dyn std::fmt::Display| OpenError::Unreachable(format!("{}: {cause}", path.display()));
    if !path.try_exists().map_err(|error| unreachable(&error))? {
        return Ok(None);
    }
    let (log, name) = (beside(path, "-wal"), path.to_str().ok_or_else(|| OpenError::Url(format!("{} is not UTF-8", path.display())))?);
    // a file in use has its log beside it. One that is not is read as it lies there: with locks, SQLite would make the
    // files of the log, which would then belong to whoever looked
    let in_use = log.exists();
    let inspection = look(path, name, in_use, deep).map_err(|error| unreachable(&error));
    if !in_use && log.exists() {
        // somebody began to use it meanwhile, and what was read may be torn
        return look(path, name, true, deep).map(Some).map_err(|error| unreachable(&error));
    }
    inspection.map(Some)
}

fn look(path: &Path, name: &str, in_use: bool, deep: bool) -> Result<Inspection, Box<dyn std::error::Error>> {
    let version: String = diesel::select(sql::<Text>("sqlite_version()")).get_result(&mut Conn::establish(":memory:")?)?;
    let content = match read(&uri_of(name, in_use), deep) {
        // so damaged that not even the list of its tables can be read
        Err(error) if error.to_string().contains("malformed") => Content { damage: Some(vec![error.to_string()]), ..Content::default() },
        content => content?,
    };
    Ok(Inspection {
        product: format!("SQLite {version}"),
        migrations: content.migrations,
        people: content.people,
        newest_at: content.newest.map(Timestamp::from_millis),
        size_bytes: size(path) + size(&beside(path, "-wal")),
        engine: Engine::Sqlite(SqliteFacts { path: path.to_owned(), wal: wants_wal(path)?, damage: content.damage }),
    })
}

/// What opens a file to be read: one in use has its log beside it, and one that is not is read as it lies there.
pub(super) fn uri(path: &Path) -> Result<String, OpenError> {
    let name = path.to_str().ok_or_else(|| OpenError::Url(format!("{} is not UTF-8", path.display())))?;
    Ok(uri_of(name, beside(path, "-wal").exists()))
}

fn uri_of(name: &str, in_use: bool) -> String {
    let quoted = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let how = if in_use { "mode=ro" } else { "mode=ro&immutable=1" };
    format!("file:{quoted}?{how}")
}

/// What can only be read through SQLite.
#[derive(Default)]
struct Content {
    migrations: MigrationState,
    people: Option<People>,
    newest: Option<i64>,
    damage: Option<Vec<String>>,
}

fn read(uri: &str, deep: bool) -> Result<Content, Box<dyn std::error::Error>> {
    let mut conn = Conn::establish(uri)?;
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON")?;
    let damage = deep.then(|| damage(&mut conn)).transpose()?;
    if damage.as_ref().is_some_and(|complaints| !complaints.is_empty()) {
        // nothing else that it tells is to be trusted
        return Ok(Content { damage, ..Content::default() });
    }
    let migrations = migration_state(&mut conn)?;
    // users came with the first migration, spaces with the second
    let furnished = migrations.applied.len() >= 2;
    Ok(Content {
        people: furnished.then(|| facts::people(&mut conn)).transpose()?,
        newest: if furnished { facts::newest(&mut conn)? } else { None },
        migrations,
        damage,
    })
}

pub(super) fn migration_state(conn: &mut Conn) -> Result<MigrationState, Box<dyn std::error::Error>> {
    let known: i32 = sql::<Integer>("SELECT count(*) FROM sqlite_master WHERE name = '__diesel_schema_migrations'").get_result(conn)?;
    let versions: Vec<String> =
        if known > 0 { sql::<Text>("SELECT version FROM __diesel_schema_migrations").load(conn)? } else { Vec::new() };
    Ok(migrations::state::<Sqlite>(&versions, &migrations::SQLITE)?)
}

/// What `quick_check` complains of.
fn damage(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let lines: Vec<String> = sql::<Text>(&format!("PRAGMA quick_check({COMPLAINTS})")).load(conn)?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Whether the header names the write-ahead log: byte 18 is its write version, 2 for the log (SQLite file format 1.3.2).
fn wants_wal(path: &Path) -> std::io::Result<bool> {
    let mut header = Vec::new();
    File::open(path)?.take(19).read_to_end(&mut header)?;
    Ok(header.get(18) == Some(&2))
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// The path of a file that SQLite keeps beside the database.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteConfig;
    use crate::sqlite::connection;

    fn names(folder: &Path) -> Vec<(String, u64, std::time::SystemTime)> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<_> = entries
            .map(|entry| {
                let found = entry.metadata().unwrap();
                (entry.file_name().into_string().unwrap(), found.len(), found.modified().unwrap())
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn looking_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a%2f#b?.db");
        assert!(inspect(&path, true).unwrap().is_none());
        assert!(names(folder.path()).is_empty(), "no file was made");

        let busy = SqliteConfig::new("").busy_timeout_ms;
        connection::migrate(&path, busy).unwrap();
        let before = names(folder.path());
        let found = inspect(&path, true).unwrap().unwrap();
        assert_eq!(names(folder.path()), before, "not in use");
        assert!(found.migrations.missing.is_empty() && found.migrations.unknown.is_empty());
        assert_eq!(found.people, Some(crate::People { users: 0, admins: 0 }));
        let Engine::Sqlite(facts) = &found.engine else { panic!("SQLite") };
        assert!(facts.wal);
        assert_eq!(facts.damage, Some(Vec::new()));

        let mut writer = connection::open(&path, connection::Use::Write, busy).unwrap();
        writer.batch_execute("CREATE TABLE kept (x); INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").unwrap();
        let before = names(folder.path());
        let found = inspect(&path, true).unwrap().unwrap();
        assert_eq!(found.migrations.unknown, ["9999"], "what is still in the log is seen");
        assert_eq!(names(folder.path()), before, "in use");
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rejoin.db");
        connection::migrate(&path, 1_000).unwrap();
        let sound = fs::read(&path).unwrap();
        let pages = sound.len() / 4_096;
        assert!(pages > 10, "each table has a page");
        for page in 1..pages {
            let mut bytes = sound.clone();
            bytes[page * 4_096..(page + 1) * 4_096].fill(0xee);
            fs::write(&path, &bytes).unwrap();
            let Engine::Sqlite(facts) = inspect(&path, true).unwrap().unwrap().engine else { panic!("SQLite") };
            assert!(!facts.damage.unwrap().is_empty(), "page {page}");
        }
        fs::write(&path, "no database at all, however long it may be").unwrap();
        assert!(inspect(&path, false).unwrap_err().to_string().contains("not a database"));
    }
}
