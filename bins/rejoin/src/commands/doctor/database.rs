//! The database: reached, durable, migrated, whole, and somebody in it.

use storage_diesel::{Engine, Inspection, OpenError, People, PostgresFacts, SqliteFacts};

use super::network::silence;
use super::report::Check;
use crate::output::bytes;
use crate::settings::redacted;

/// The oldest PostgreSQL that is served.
const OLDEST: i32 = 150_000;
/// Connections by which servers tell each other what changed: one listens, one notifies.
const SIGNALS: i64 = 2;
/// Connections that commands beside the server take: migrate, doctor, a backup.
const BESIDE: i64 = 3;

/// It can't be looked at.
pub(super) fn unreachable(url: &str, error: &OpenError) -> Check {
    let shown = redacted("database.url", url);
    let fix = match error {
        OpenError::Url(_) => "set database.url, e.g. --database sqlite:rejoin.db".to_owned(),
        _ if shown.starts_with("sqlite:") => {
            format!(
                "check that {} is a database and may be read by this user: `ls -l` and `file` tell",
                shown.trim_start_matches("sqlite:")
            )
        }
        _ => format!("check that PostgreSQL runs there and lets this user in: psql '{shown}' -c 'SELECT 1'"),
    };
    let why = silence(url).map(|why| format!(" ({why})")).unwrap_or_default();
    Check::failure("database", format!("{error}{why}"), fix)
}

/// There is no file yet.
pub(super) fn absent(url: &str) -> Check {
    Check::ok("database", format!("{} does not exist yet; `rejoin serve` and `rejoin user add` make it", redacted("database.url", url)))
}

/// It answers.
pub(super) fn reached(inspection: &Inspection) -> Check {
    let found = format!("{}, {}", inspection.product, bytes(inspection.size_bytes));
    let Engine::Postgres(facts) = &inspection.engine else { return Check::ok("database", found) };
    let found = format!("{found}, a statement takes {:.1} ms", facts.round_trip.as_secs_f64() * 1_000.0);
    if facts.version < OLDEST {
        return Check::failure("database", format!("{found}; it is older than 15"), "upgrade PostgreSQL to 15 or newer (pg_upgrade)");
    }
    if facts.standby {
        return Check::failure(
            "database",
            format!("{found}; it is a standby and takes no writes"),
            "connect to the primary: change database.url",
        );
    }
    Check::ok("database", found)
}

/// What PostgreSQL does at a commit.
pub(super) fn durable(facts: &PostgresFacts, allow_fsync_off: bool) -> Check {
    let PostgresFacts { synchronous_commit, fsync, full_page_writes, .. } = facts;
    let found = format!("synchronous_commit={synchronous_commit}, fsync={fsync}, full_page_writes={full_page_writes}");
    if !["on", "remote_write", "remote_apply"].contains(&synchronous_commit.as_str()) {
        return Check::failure("durability", found, "ALTER DATABASE … SET synchronous_commit = on, then start Rejoin again");
    }
    let fix = "in PostgreSQL: ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf()";
    match (fsync.as_str(), full_page_writes.as_str()) {
        ("on", "on") => Check::ok("durability", found),
        ("on", _) => Check::warning("durability", format!("{found}: a torn page is not repaired after a crash"), fix),
        _ if allow_fsync_off => {
            Check::warning("durability", format!("{found}, which is allowed here: a crash loses what was acknowledged"), fix)
        }
        _ => Check::failure("durability", format!("{found}: a crash of the machine loses what was acknowledged"), fix),
    }
}

/// Room for the connections that the server opens.
pub(super) fn connections(facts: &PostgresFacts, wanted: u32) -> Check {
    let PostgresFacts { connections_open: open, connections_allowed: allowed, .. } = facts;
    let (wanted, found) = (i64::from(wanted), format!("database.connections is {wanted}; PostgreSQL allows {allowed}, {open} are open"));
    let raise =
        format!("in PostgreSQL: ALTER SYSTEM SET max_connections = {}, and start it again; or lower database.connections", wanted + 20);
    let needed = wanted + SIGNALS;
    if *allowed < needed {
        Check::failure("connections", format!("{found}; the server needs {SIGNALS} more than that"), raise)
    } else if *allowed < needed + BESIDE {
        Check::warning("connections", format!("{found}: none are left for commands beside the server"), raise)
    } else {
        Check::ok("connections", found)
    }
}

/// Every migration was applied, and none by a newer Rejoin.
pub(super) fn migrated(inspection: &Inspection, by_hand: bool) -> Check {
    let state = &inspection.migrations;
    if !state.unknown.is_empty() {
        let newer = OpenError::Newer(state.unknown.clone());
        return Check::failure("migrations", newer.to_string(), "install the version of Rejoin that ran here last, or a newer one");
    }
    let missing = state.missing.join(", ");
    if state.missing.is_empty() {
        Check::ok("migrations", format!("{} applied, none missing", state.applied.len()))
    } else if by_hand {
        Check::failure("migrations", format!("missing: {missing}"), "rejoin migrate, with the same --database")
    } else {
        let found = format!("missing: {missing}; the next start applies them");
        Check::warning("migrations", found, "copy the database, then: rejoin migrate, with the same --database")
    }
}

/// The second lock: servers work as a role that owns nothing.
pub(super) fn row_security(inspection: &Inspection, facts: &PostgresFacts) -> Check {
    if !inspection.migrations.missing.is_empty() {
        return Check::skipped("row security", "once the migrations are applied");
    }
    if facts.row_security {
        return Check::ok("row security", "servers work as rejoin_app, which sees what each transaction says for whom it is");
    }
    let found = "servers can't work as rejoin_app: a superuser would be held by no policy";
    let fix = "in PostgreSQL, as a superuser: CREATE ROLE rejoin_app NOLOGIN; GRANT rejoin_app TO the user of database.url; \
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rejoin_app; then start the servers again";
    Check::warning("row security", found, fix)
}

/// Whether an SQLite file was found damaged, so that nothing else of it is to be trusted.
pub(super) fn is_damaged(inspection: &Inspection) -> bool {
    matches!(&inspection.engine, Engine::Sqlite(facts) if facts.damage.as_ref().is_some_and(|complaints| !complaints.is_empty()))
}

/// No damage in an SQLite file.
pub(super) fn whole(facts: &SqliteFacts) -> Check {
    match &facts.damage {
        None => Check::skipped("integrity", "left out by --quick"),
        Some(complaints) if complaints.is_empty() => Check::ok("integrity", "PRAGMA quick_check finds nothing"),
        Some(complaints) => {
            let fix = format!(
                "stop the server, keep a copy, and restore a backup; without one: sqlite3 {} .recover | sqlite3 repaired.db",
                facts.path.display()
            );
            Check::failure("integrity", format!("the file is damaged: {}", complaints.join("; ").replace('\n', " ")), fix)
        }
    }
}

/// Somebody may manage the people.
pub(super) fn people(people: People) -> Check {
    let People { users, admins, .. } = people;
    if admins > 0 {
        return Check::ok("admin", format!("{admins} of {users} people may add others"));
    }
    let found = if users == 0 { "nobody can log in yet".to_owned() } else { format!("none of the {users} people may add others") };
    Check::warning("admin", found, FIRST_ADMIN)
}

/// There is nobody, because there is no table of people yet.
pub(super) fn nobody() -> Check {
    Check::warning("admin", "nobody can log in yet", FIRST_ADMIN)
}

const FIRST_ADMIN: &str = "rejoin user add you@example.org --organisation 'Your studio' --admin --password-stdin < FILE";
