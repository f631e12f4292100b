//! What is listed, for eyes and for programs, and readers that go away.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{EMAIL, PASSWORD, furnished, rejoin, run, text};

#[test]
fn people_and_spaces_are_listed() {
    let folder = furnished();
    let here = |arguments: &[&str]| run(rejoin(folder.path(), arguments), PASSWORD);
    let json = |arguments: &[&str]| -> Value { serde_json::from_slice(&here(arguments).stdout).unwrap() };
    assert!(here(&["user", "add", "bo@abadia.example", "--organisation", "Abadia", "--password-stdin"]).status.success());
    let listed = here(&["user", "list"]);
    let lines: Vec<&str> = text(&listed.stdout).lines().collect();
    assert!(lines[0].starts_with("EMAIL "), "{lines:?}");
    assert!(lines[1].contains("Abadia") && lines[1].contains(" no ") && lines[2].contains("Studio Luz") && lines[2].contains(" yes "));
    let people = json(&["user", "list", "--json"]);
    assert_eq!((people[1]["email"].as_str(), people[1]["admin"].as_bool()), (Some(EMAIL), Some(true)), "{people}");
    assert!(!people.to_string().contains("argon2"));

    assert_eq!(json(&["space", "list", "--user", EMAIL, "--json"]), serde_json::json!([]));
    assert!(here(&["space", "add", "--name", "Amara & Joel", "--lead", EMAIL]).status.success());
    let spaces = json(&["space", "list", "--user", EMAIL, "--json"]);
    assert_eq!((spaces[0]["name"].as_str(), spaces[0]["role"].as_str()), (Some("Amara & Joel"), Some("lead")));
    assert!(text(&here(&["space", "list", "--user", EMAIL]).stdout).starts_with("SPACE_ID "));
}

#[test]
fn a_password_is_reset() {
    let folder = furnished();
    let reset = |email: &str, password: &str| run(rejoin(folder.path(), &["user", "password", email, "--password-stdin"]), password);
    let done = reset(EMAIL, "another one\n");
    assert!(done.status.success(), "{done:?}");
    assert_eq!(text(&done.stdout), "the password is set; nobody was logged in with the old one\n");
    let (nobody, short) = (reset("nobody@luz.example", "another one\n"), reset(EMAIL, "short\n"));
    assert_eq!((nobody.status.code(), short.status.code()), (Some(1), Some(2)));
    assert!(text(&nobody.stderr).contains("Nobody has the email nobody@luz.example"), "{nobody:?}");
    assert!(text(&short.stderr).contains("at least 8 bytes"), "{short:?}");
    let elsewhere = run(rejoin(folder.path(), &["--database", "sqlite:none.db", "user", "password", EMAIL, "--password-stdin"]), "x\n");
    assert!(!elsewhere.status.success() && !folder.path().join("none.db").exists(), "no database is made for it");
}

#[test]
fn migrations_are_told_before_they_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let here = |arguments: &[&str]| run(rejoin(folder.path(), &[&["migrate"], arguments].concat()), "");
    let status = || -> Value { serde_json::from_slice(&here(&["status", "--json"]).stdout).unwrap() };
    let before = status();
    assert_eq!(before["applied"], serde_json::json!([]));
    let missing: Vec<&str> = before["missing"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(missing[0], "0001_identity");
    let told = here(&["--dry-run"]);
    assert_eq!(
        text(&told.stdout).lines().collect::<Vec<_>>(),
        missing.iter().map(|name| format!("would apply {name}")).collect::<Vec<_>>()
    );
    assert!(!folder.path().join("rejoin.db").exists(), "nothing was made");
    assert!(here(&[]).status.success());
    assert_eq!(status(), serde_json::json!({"applied": missing, "missing": [], "unknown": []}));
    assert_eq!(text(&here(&["--dry-run"]).stdout), "the database is up to date\n");
    let elsewhere = here(&["--database", "sqlite:other.db", "status", "--json"]);
    assert!(text(&elsewhere.stdout).contains("\"applied\": []"), "flags before the subcommand count: {elsewhere:?}");
    assert!(text(&here(&["status"]).stdout).starts_with("MIGRATION "));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["config", "show"][..], &["completions", "zsh"], &["--help"], &["doctor", "--quick", "--bind", "127.0.0.1:0"]] {
        let mut command: Command = rejoin(folder.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        // nobody will read a byte of it
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn what_was_given_wrong_is_called_by_its_flag() {
    let folder = furnished();
    for (arguments, part) in [
        (&["space", "add", "--name", "x", "--lead", EMAIL, "--event-date", "2026-13-01"][..], "rejoin: --event-date is to be a date"),
        (&["user", "add", "ana", "--organisation", "x", "--password-stdin"], "rejoin: email is to look like name@example.org"),
    ] {
        let output = run(rejoin(folder.path(), arguments), PASSWORD);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).starts_with(part), "{output:?}");
    }
}
