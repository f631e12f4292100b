//! `rejoin doctor` over installations that are sound, empty, broken.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;

use crate::process::{PASSWORD, Served, furnished, rejoin, run, text};

/// The exit code, and each check by its name.
fn examine(folder: &Path, arguments: &[&str]) -> (Option<i32>, BTreeMap<String, Value>) {
    let output = run(rejoin(folder, &[&["doctor", "--json"], arguments].concat()), "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(report["ok"], output.status.code() == Some(0));
    let checks = report["checks"].as_array().unwrap().iter().map(|check| {
        let (name, sound) = (check["name"].as_str().unwrap(), check["status"] == "ok" || check["status"] == "skipped");
        assert_eq!(check["fix"].is_null(), sound, "a fix for whatever is not sound: {check}");
        assert_eq!(check["docs"], format!("docs/operations.md#doctor-{name}"));
        (name.to_owned(), check.clone())
    });
    (output.status.code(), checks.collect())
}

/// What lies in a folder, but for the memory that processes share to find their way in SQLite's log.
fn files(folder: &Path) -> Vec<(String, u64, SystemTime)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| {
            let found = entry.metadata().unwrap();
            (entry.file_name().into_string().unwrap(), found.len(), found.modified().unwrap())
        })
        .collect();
    files.retain(|(name, ..)| !name.ends_with("-shm"));
    files.sort();
    files
}

#[test]
fn before_the_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let (code, checks) = examine(folder.path(), &["--bind", "127.0.0.1:0"]);
    assert_eq!(code, Some(0), "{checks:#?}");
    assert!(checks["database"]["found"].as_str().unwrap().contains("does not exist yet"));
    assert_eq!(checks["admin"]["status"], "warning");
    assert!(files(folder.path()).is_empty(), "nothing is left behind");
    let (code, checks) = examine(folder.path(), &["--bind", "127.0.0.1:0", "--database", "sqlite:no/such/folder/rejoin.db"]);
    assert_eq!((code, checks["disk"]["fix"].as_str()), (Some(1), Some("mkdir -p no/such/folder")));
}

#[test]
fn beside_a_server() {
    let folder = furnished();
    let served = Served::start(folder.path(), &[]);
    served.login();
    let before = files(folder.path());
    let (code, checks) = examine(folder.path(), &["--bind", &served.address.to_string()]);
    assert_eq!(code, Some(0), "{checks:#?}");
    assert!(checks["address"]["found"].as_str().unwrap().contains("Rejoin serves there and is ready"));
    for name in ["database", "durability", "migrations", "integrity", "clock", "admin", "permissions"] {
        assert_eq!(checks[name]["status"], "ok", "{}", checks[name]);
    }
    assert_eq!(files(folder.path()), before, "nothing was written");
}

#[test]
fn each_fault_is_found() {
    let folder = furnished();
    let database = folder.path().join("rejoin.db");
    let quick = |arguments: &[&str]| examine(folder.path(), &[&["--quick", "--bind", "127.0.0.1:0"], arguments].concat());
    fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, checks) = quick(&[]);
    assert_eq!((code, checks["permissions"]["fix"].as_str().unwrap()), (Some(0), "chmod o-rwx rejoin.db"));
    assert_eq!(checks["integrity"]["status"], "skipped");
    fs::set_permissions(&database, fs::Permissions::from_mode(0o600)).unwrap();

    let (code, checks) = examine(folder.path(), &["--quick", "--bind", "0.0.0.0:0"]);
    assert_eq!((code, checks["encryption"]["status"].as_str()), (Some(1), Some("failure")));
    let (code, checks) = examine(folder.path(), &["--quick", "--bind", "0.0.0.0:0", "--trusted-proxies", "10.0.0.0/8"]);
    assert_eq!((code, checks["encryption"]["status"].as_str()), (Some(0), Some("ok")));
    let (code, checks) = quick(&["--tls-cert", "none.pem", "--tls-key", "none.pem"]);
    assert_eq!((code, checks["encryption"]["status"].as_str()), (Some(1), Some("failure")));
    let (code, checks) = quick(&["--readers", "none"]);
    assert_eq!((code, checks.len(), checks["configuration"]["status"].as_str()), (Some(1), 1, Some("failure")));
    let (code, checks) = quick(&["--database", "postgres://nobody:s3cret@127.0.0.1:9/none"]);
    assert_eq!((code, checks["database"]["status"].as_str()), (Some(1), Some("failure")));
    assert!(checks["database"]["found"].as_str().unwrap().contains("refused"), "{checks:?}");
    assert!(!format!("{checks:?}").contains("s3cret"));

    fs::write(folder.path().join("other.db"), "this was never a database, whatever its name says").unwrap();
    let (code, checks) = quick(&["--database", "sqlite:other.db"]);
    assert_eq!((code, checks["database"]["status"].as_str()), (Some(1), Some("failure")));
    let output = run(rejoin(folder.path(), &["doctor", "--quick", "--bind", "127.0.0.1:0", "--database", "sqlite:other.db"]), "");
    assert!(text(&output.stdout).contains("\nfailure  database") && text(&output.stdout).contains(" fix: "), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn damage_is_found() {
    let folder = furnished();
    // a backup is one file with everything in it, whereas the database's own may still have most of it in its log
    let backup = run(rejoin(folder.path(), &["backup", "whole.db"]), "");
    assert!(backup.status.success(), "{backup:?}");
    let (bytes, copy) = (fs::read(folder.path().join("whole.db")).unwrap(), tempfile::tempdir().unwrap());
    // a copy that broke off
    fs::write(copy.path().join("rejoin.db"), &bytes[..bytes.len() / 2]).unwrap();
    let (code, checks) = examine(copy.path(), &["--bind", "127.0.0.1:0"]);
    assert_eq!(code, Some(1), "{checks:#?}");
    assert_eq!(checks["integrity"]["status"], "failure", "{checks:#?}");
    assert_eq!(checks["migrations"]["status"], "skipped");
    assert_eq!(run(rejoin(copy.path(), &["migrate", "status"]), "").status.code(), Some(1), "it does not guess");
}

fn psql(url: &str, statement: &str) {
    let output = Command::new("psql").args([url, "-qc", statement]).output().unwrap();
    assert!(output.status.success(), "{statement}: {}", text(&output.stderr));
}

#[test]
fn postgres() {
    let Some(admin) = std::env::var_os("REJOIN_TEST_POSTGRES").map(|url| url.into_string().unwrap()) else {
        let demanded = std::env::var_os("CI").is_some() || std::env::var_os("REJOIN_TESTS_RUN").is_some();
        assert!(!demanded, "REJOIN_TEST_POSTGRES must hold the URL of a PostgreSQL cluster");
        println!("PostgreSQL is skipped: REJOIN_TEST_POSTGRES is not set");
        return;
    };
    let (name, folder) = (format!("doctor_{}", std::process::id()), tempfile::tempdir().unwrap());
    psql(&admin, &format!("CREATE DATABASE {name}"));
    let url = format!("{}/{name}", admin.rsplit_once('/').unwrap().0);
    let arguments = ["--database", &url, "--allow-fsync-off", "--bind", "127.0.0.1:0"];
    let examined = || examine(folder.path(), &arguments);
    let (code, checks) = examined();
    assert_eq!((code, checks["migrations"]["status"].as_str()), (Some(1), Some("failure")), "{checks:#?}");

    let here = |command: &[&str]| run(rejoin(folder.path(), &[command, &arguments[..3]].concat()), PASSWORD);
    assert!(text(&here(&["migrate", "--dry-run"]).stdout).starts_with("would apply 0001_identity\n"));
    assert!(here(&["migrate"]).status.success());
    assert!(here(&["user", "add", "ana@luz.example", "--organisation", "Studio Luz", "--admin", "--password-stdin"]).status.success());
    assert!(text(&here(&["user", "list"]).stdout).contains("Studio Luz"));
    let (code, checks) = examined();
    assert_eq!(code, Some(0), "{checks:#?}");
    for name in ["database", "connections", "migrations", "clock", "admin"] {
        assert_eq!(checks[name]["status"], "ok", "{}", checks[name]);
    }
    assert!(!checks.contains_key("disk"), "the disk of the server is not seen from here");

    psql(&url, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
    psql(&admin, &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    psql(&admin, &format!("ALTER DATABASE {name} CONNECTION LIMIT 7"));
    let (code, checks) = examined();
    assert_eq!(code, Some(1));
    for name in ["durability", "migrations"] {
        assert_eq!(checks[name]["status"], "failure", "{}", checks[name]);
    }
    let refused = here(&["migrate"]);
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("9999"), "{refused:?}");
    psql(&admin, &format!("DROP DATABASE {name} WITH (FORCE)"));
}
