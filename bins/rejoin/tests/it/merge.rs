//! `rejoin merge` with three files: what it writes, where, and its exit codes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{rejoin, run, text};

const BASE: &str = "{\n    \"port\": 80,\n    \"host\": \"a\"\n}\n";
const OURS: &str = "{\n    \"port\": 81,\n    \"host\": \"a\"\n}\n";
const THEIRS: &str = "{\n    \"port\": 80,\n    \"host\": \"b\"\n}\n";
const BOTH: &str = "{\n    \"port\": 81,\n    \"host\": \"b\"\n}\n";
const AGAINST: &str = "{\n    \"port\": 82,\n    \"host\": \"b\"\n}\n";
const MARKED: &str = "{\n<<<<<<< ours\n    \"port\": 81,\n||||||| base\n    \"port\": 80,\n=======\n    \"port\": 82,\n>>>>>>> theirs\n    \"host\": \"b\"\n}\n";

fn three(base: &str, ours: &str, theirs: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn merge(folder: &Path, more: &[&str]) -> Output {
    run(rejoin(folder, &[&["merge", "base", "ours", "theirs"], more].concat()), "")
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Every file of a folder: nothing else is left there.
fn listed(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_clean_merge_goes_where_it_is_told_to() {
    let folder = three(BASE, OURS, THEIRS);
    let output = merge(folder.path(), &[]);
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), BOTH, ""));
    assert_eq!(read(folder.path(), "ours"), OURS);

    let output = merge(folder.path(), &["-o", "new"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
    assert_eq!(read(folder.path(), "new"), BOTH);

    // the mode stays, and a link stays a link
    fs::set_permissions(folder.path().join("ours"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("ours", folder.path().join("link")).unwrap();
    assert!(merge(folder.path(), &["-o", "link"]).status.success());
    assert_eq!(read(folder.path(), "ours"), BOTH);
    assert_eq!(fs::metadata(folder.path().join("ours")).unwrap().permissions().mode() & 0o777, 0o750);
    assert!(fs::symlink_metadata(folder.path().join("link")).unwrap().is_symlink());
    assert_eq!(listed(folder.path()), ["base", "link", "new", "ours", "theirs"]);
}

#[test]
fn what_somebody_is_to_decide_is_marked_and_listed() {
    let folder = three(BASE, OURS, AGAINST);
    let output = merge(folder.path(), &["-o", "ours", "--name", "etc/app.json"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert_eq!(read(folder.path(), "ours"), MARKED);
    let said = text(&output.stderr);
    assert!(said.starts_with("rejoin: etc/app.json: 1 place is for you to decide"), "{said}");
    assert!(said.contains("/port: base 80, ours 81, theirs 82"), "{said}");

    let folder = three(BASE, OURS, AGAINST);
    let output = merge(folder.path(), &["--conflicts", "keep-ours"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), BOTH));
    assert!(text(&output.stderr).contains("/port"), "{output:?}");
}

#[test]
fn a_report_is_one_json_object() {
    let folder = three(BASE, OURS, AGAINST);
    let output = merge(folder.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["status"], &report["merged"]), (&json!("conflict"), &json!({"port": 81, "host": "b"})));
    let conflict = &report["conflicts"][0];
    assert_eq!(
        (&conflict["path"], &conflict["base"], &conflict["ours"], &conflict["theirs"]),
        (&json!("/port"), &json!(80), &json!(81), &json!(82))
    );
    assert_eq!((&report["decisions"][0]["path"], &report["decisions"][0]["decided"]), (&json!("/port"), &json!("conflict")));

    let output = merge(folder.path(), &["--json", "-o", "ours"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.get("merged"), None);
    assert_eq!(read(folder.path(), "ours"), MARKED);

    // digits that a double loses are told as they were spelled
    let big = "12345678901234567890123";
    let folder = three("1", big, "2");
    let output = merge(folder.path(), &["--json"]);
    assert!(text(&output.stdout).contains(&format!("\"ours\": {big}")), "{output:?}");
}

#[test]
fn a_file_that_git_made_for_its_driver_is_written_without_being_told() {
    for (theirs, code, expected) in [(THEIRS, 0, BOTH), (AGAINST, 1, MARKED)] {
        let folder = three(BASE, OURS, theirs);
        fs::rename(folder.path().join("ours"), folder.path().join(".merge_file_a1B2c3")).unwrap();
        let output = run(rejoin(folder.path(), &["merge", "base", ".merge_file_a1B2c3", "theirs"]), "");
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(code), ""));
        assert_eq!(read(folder.path(), ".merge_file_a1B2c3"), expected);
        assert_eq!(listed(folder.path()), [".merge_file_a1B2c3", "base", "theirs"]);
    }
}

#[test]
fn what_can_t_be_used_leaves_ours_as_it_was() {
    for (base, ours, theirs, place, part) in [
        (BASE, OURS, "{\"a\":1}\n{\"a\":2}\n", "theirs:2:1: ", "JSON Lines?"),
        (BASE, "{\n  // note\n}", THEIRS, "ours:2:3: ", "comment"),
        ("{\"a\":}", OURS, THEIRS, "base:1:6: ", "expected value"),
        (BASE, OURS, "", "theirs:1:1: ", "empty"),
        (BASE, OURS, "{\"a\":1,\"a\":2}", "theirs:1:8: ", "twice"),
    ] {
        let folder = three(base, ours, theirs);
        let output = merge(folder.path(), &["-o", "ours"]);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{said}");
        assert!(said.starts_with(&format!("rejoin: {place}")) && said.contains(part), "{said}");
        assert_eq!(
            (read(folder.path(), "ours"), listed(folder.path())),
            (ours.to_owned(), vec!["base".into(), "ours".into(), "theirs".into()])
        );
    }
    let folder = three(BASE, OURS, THEIRS);
    for (arguments, part) in [
        (&["merge", "base", "ours", "none"][..], "none: it can't be read"),
        (&["merge", "base", "ours"], "<THEIRS>"),
        (&["merge"], "<BASE>"),
        (&["merge", "base", "ours", "theirs", "-o", "no/such/folder"], "it can't be written"),
        (&["merge", "base", "ours", "theirs", "-o", "."], "it can't be written"),
        (&["merge", "base", "ours", "theirs", "--schema", "wedding"], "--collection"),
        (&["merge", "base", "ours", "theirs", "--schema", "funeral", "--collection", "x"], "check --schema"),
        (&["merge", "base", "ours", "theirs", "--schema", "wedding", "--collection", "x"], "--collection one of assets, "),
        (&["merge", "base", "ours", "theirs", "--batch", "x"], "cannot be used with"),
        (&["merge", "base", "ours", "theirs", "--mode", "bold"], "[possible values: careful, assisted]"),
    ] {
        let output = run(rejoin(folder.path(), arguments), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {output:?}");
        assert!(text(&output.stderr).contains(part), "{arguments:?} {output:?}");
    }
    assert_eq!(read(folder.path(), "ours"), OURS);
}

#[test]
fn an_empty_base_is_no_base() {
    for base in ["", "\n"] {
        let folder = three(base, "{\"a\":1}\n", "{\"b\":2}\n");
        let output = merge(folder.path(), &[]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "{\"a\":1,\"b\":2}\n"));
    }
    let folder = three("null", "1", "2");
    assert_eq!(merge(folder.path(), &["--json"]).status.code(), Some(1));
    let same = three("", "[1]", "[ 1 ]");
    assert_eq!(text(&merge(same.path(), &[]).stdout), "[1]");
}

#[test]
fn a_schema_says_how_fields_merge() {
    let schema = json!({
        "name": "inventory", "version": 1,
        "collections": {"items": {"fields": {
            "best_before": {"type": "integer", "strategy": "min"},
            "seen": {"type": "integer", "strategy": "max"},
        }}},
    });
    let (base, ours, theirs) = ("{\"best_before\":9,\"seen\":1}", "{\"best_before\":7,\"seen\":2}", "{\"best_before\":5,\"seen\":4}");
    let folder = three(base, ours, theirs);
    fs::write(folder.path().join("schema.json"), schema.to_string()).unwrap();
    assert_eq!(merge(folder.path(), &[]).status.code(), Some(1), "nothing says which counts");
    let by_schema = ["--schema", "schema.json", "--collection", "items"];
    let output = merge(folder.path(), &by_schema);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "{\"best_before\":5,\"seen\":4}"), "{output:?}");
    let report = merge(folder.path(), &[&by_schema[..], &["--json"]].concat());
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["decisions"][1]["strategy"], "max", "{report}");

    let cases = json!({"id": 1, "base": {"seen": 1}, "ours": {"seen": 2}, "theirs": {"seen": 4}});
    fs::write(folder.path().join("cases.jsonl"), cases.to_string()).unwrap();
    let output = run(rejoin(folder.path(), &[&["merge", "--batch", "cases.jsonl"], &by_schema[..]].concat()), "");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&result["status"], &result["merged"]), (&json!("clean"), &json!({"seen": 4})));
}
