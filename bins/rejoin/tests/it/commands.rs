//! What each command says, and its exit code.

use std::fs;

use crate::process::{EMAIL, PASSWORD, Served, furnished, rejoin, run, text};

#[test]
fn the_first_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let add = ["user", "add", "rui@luz.example", "--organisation", "Studio Luz", "--password-stdin", "--database", "sqlite:mine.db"];
    let output = run(rejoin(folder.path(), &add), &format!("{PASSWORD}\r\n"));
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    assert!(printed.starts_with("user_id ") && printed.contains("\norganisation_id "), "{printed}");
    let again = run(rejoin(folder.path(), &add), PASSWORD);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("email_taken"), "{again:?}");

    let output = run(rejoin(folder.path(), &["migrate", "--database", "sqlite:mine.db"]), "");
    assert_eq!(text(&output.stdout), "the database is up to date\n");
    let output = run(rejoin(folder.path(), &["migrate", "--database", "sqlite:new.db"]), "");
    assert!(text(&output.stdout).starts_with("applied "), "{output:?}");
}

#[test]
fn spaces_and_members() {
    let folder = furnished();
    let here = |arguments: &[&str]| run(rejoin(folder.path(), arguments), PASSWORD);
    let output = here(&[
        "space",
        "add",
        "--lead",
        EMAIL,
        "--name",
        "Amara & Joel",
        "--event-date",
        "2026-06-20",
        "--time-zone",
        "Europe/Lisbon",
        "--schema",
        "wedding",
    ]);
    let space_id = text(&output.stdout).strip_prefix("space_id ").unwrap().trim().to_owned();
    assert!(here(&["user", "add", "rui@luz.example", "--organisation", "Studio Luz", "--password-stdin"]).status.success());
    let output = here(&["space", "member", &space_id, "rui@luz.example", "--role", "photographer", "--lead", EMAIL]);
    assert!(output.status.success(), "{output:?}");
    let output = here(&["space", "list", "--user", "rui@luz.example"]);
    let listed = text(&output.stdout);
    assert!(listed.contains(&space_id) && listed.contains("photographer") && listed.contains("Amara & Joel"), "{listed}");
}

#[test]
fn what_cannot_be_used_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("wrong.toml"), "[server]\nbnid = \"127.0.0.1:0\"\n").unwrap();
    for (arguments, part) in [
        (&["serve", "--config", "wrong.toml"][..], "did you mean `server.bind`?"),
        (&["serve", "--config", "none.toml"], "none.toml"),
        (&["serve", "--bind", "nowhere"], "`server.bind`"),
        (&["serve", "--database", "mysql:x"], "sqlite:PATH"),
        (&["user", "add", "a@b.example", "--organisation", "x", "--password-stdin"], "no password"),
        (&["user", "add", "a@b.example"], "--organisation"),
        (&["no-such-command"], "no-such-command"),
    ] {
        let output = run(rejoin(folder.path(), arguments), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {output:?}");
        assert!(text(&output.stderr).contains(part), "{arguments:?} {output:?}");
        assert_eq!(text(&output.stdout), "");
    }
    let missing = run(rejoin(folder.path(), &["serve", "--database", "sqlite:no/such/folder.db"]), "");
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
}

#[test]
fn nothing_is_made_in_the_wrong_folder() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["keys", "rotate"][..], &["user", "list"], &["space", "list", "--user", "a@b.example"]] {
        let output = run(rejoin(folder.path(), arguments), "");
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
        assert!(text(&output.stderr).contains("does not exist"), "{arguments:?} {output:?}");
        assert!(!folder.path().join("rejoin.db").exists(), "{arguments:?}");
    }
}

#[test]
fn settings_come_from_file_and_environment() {
    let folder = furnished();
    let taken = Served::start(folder.path(), &[]);
    let port = taken.address.port();
    // both the file and the variable lead to the port that is taken already, and the message names it
    fs::write(folder.path().join("rejoin.toml"), format!("[server]\nbind = \"127.0.0.1:{port}\"\n")).unwrap();
    let from_file = run(rejoin(folder.path(), &["serve"]), "");
    fs::remove_file(folder.path().join("rejoin.toml")).unwrap();
    let mut command = rejoin(folder.path(), &["serve"]);
    command.env("REJOIN_SERVER__BIND", format!("127.0.0.1:{port}"));
    for output in [from_file, run(command, "")] {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains(&format!("127.0.0.1:{port} can't be listened on")), "{output:?}");
    }
}

#[test]
fn serve_logs_its_database_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(rejoin(folder.path(), &["serve", "--database", "postgres://ana:pa55word@127.0.0.1:1/rejoin"]), "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("opening the database") && said.contains("postgres://ana:***@127.0.0.1:1/rejoin"), "{said}");
    assert!(said.contains("refused") && !said.contains("pa55word"), "{said}");
}
