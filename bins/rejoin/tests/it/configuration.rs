//! `rejoin config`, `completions`, `version`, and what is said of wrong settings.

use std::fs;

use serde_json::Value;

use crate::process::{rejoin, run, text};

#[test]
fn every_value_tells_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("rejoin.toml"),
        "# ours\n[server]\nworkers = 3\nshutdown_grace_s = 7\n[database]\nurl = \"postgres://ana:s3cret@db/rejoin\"\n",
    )
    .unwrap();
    let mut command = rejoin(folder.path(), &["config", "show", "--origin", "--bind", "127.0.0.1:9"]);
    command.env("REJOIN_SERVER__WORKERS", "5").env("REJOIN_LOG__LEVEL", "");
    let output = run(command, "");
    assert!(output.status.success(), "{output:?}");
    let rows: Vec<Vec<&str>> =
        text(&output.stdout).lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    for row in [
        ["KEY", "VALUE", "ORIGIN"],
        ["server.bind", "127.0.0.1:9", "the command line, --bind"],
        ["server.workers", "5", "the environment variable REJOIN_SERVER__WORKERS"],
        ["server.shutdown_grace_s", "7", "rejoin.toml:4"],
        ["database.url", "postgres://ana:***@db/rejoin", "rejoin.toml:6"],
        ["log.level", "info", "default"],
    ] {
        assert!(rows.contains(&row.to_vec()), "{row:?} in {rows:#?}");
    }
    let output = run(rejoin(folder.path(), &["config", "show", "--origin", "--json"]), "");
    assert!(!text(&output.stdout).contains("s3cret"));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["server.workers"]["origin"]["line"], 3, "{shown}");
    let output = run(rejoin(folder.path(), &["config", "show"]), "");
    assert!(!text(&output.stdout).contains("default"), "{output:?}");
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    fs::write(&file, "[server]\nbnid = \"x\"\nworkers = \"many\"\n\n[databse]\nurl = \"sqlite:x\"\n").unwrap();
    let mut command = rejoin(folder.path(), &["config", "check", "--config", "wrong.toml", "--readers", "none"]);
    command.env("REJOIN_LOG__FORMT", "json");
    let output = run(command, "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    for part in [
        "wrong.toml:2 sets `server.bnid`, which is no key of Rejoin; did you mean `server.bind`?",
        "wrong.toml:6 sets `databse.url`, which is no key of Rejoin; did you mean `database.url`?",
        "the environment variable REJOIN_LOG__FORMT sets `log.formt`, which is no key of Rejoin; did you mean `log.format`?",
        "`server.workers` is \"many\" (from wrong.toml:3)",
        "`database.readers` is \"none\" (from the command line, --readers)",
    ] {
        assert!(said.lines().any(|line| line.starts_with("rejoin: ") && line.contains(part)), "{part} in {said}");
    }
    fs::write(&file, "[server]\nbind = \"127.0.0.1:0\"\nbind = 3\n").unwrap();
    let output = run(rejoin(folder.path(), &["config", "check", "--config", "wrong.toml"]), "");
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("line 3"), "{output:?}");
    fs::write(&file, "[server]\nbind = \"127.0.0.1:0\"\n").unwrap();
    let output = run(rejoin(folder.path(), &["config", "check", "--config", "wrong.toml"]), "");
    assert!(output.status.success() && text(&output.stdout).contains("1 key from wrong.toml"), "{output:?}");
}

#[test]
fn a_wrong_flag_names_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(rejoin(folder.path(), &["serve", "--bnid", "127.0.0.1:0"]), "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("'--bind'"), "{output:?}");
}

#[test]
fn the_printed_file_can_be_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(rejoin(folder.path(), &["config", "default"]), "");
    fs::write(folder.path().join("rejoin.toml"), &printed.stdout).unwrap();
    let output = run(rejoin(folder.path(), &["config", "check"]), "");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn completions_and_version() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(rejoin(folder.path(), &["completions", shell]), "");
        assert!(output.status.success() && text(&output.stdout).contains("doctor"), "{shell}");
    }
    let output = run(rejoin(folder.path(), &["version", "--json"]), "");
    let version: Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = run(rejoin(folder.path(), &["--version"]), "");
    assert!(text(&short.stdout).starts_with(&format!("rejoin {}", version["version"].as_str().unwrap())), "{short:?}");
    let help = run(rejoin(folder.path(), &["--help"]), "");
    assert!(text(&help.stdout).contains("Exit codes: 0 done; 1 "));
    assert!(!text(&help.stdout).contains('\u{1b}'), "no colours into a pipe");
}
