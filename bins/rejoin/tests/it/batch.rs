//! `rejoin merge --batch`: results in the order of the cases, whatever the lines hold.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::process::{rejoin, run, text};

fn batch(folder: &Path, file: &str, more: &[&str]) -> Output {
    run(rejoin(folder, &[&["merge", "--batch", file], more].concat()), "")
}

fn results(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Cases of very different sizes, so that the small ones are done long before the large ones are.
fn cases(number: usize) -> String {
    let case = |index: usize| {
        let size = if index.is_multiple_of(50) { 1_000 } else { 1 };
        let of = |mine: Value| -> Value { (0..size).map(|item| json!({"id": item, "title": "Toast", "at": mine})).collect() };
        let theirs = if index.is_multiple_of(3) { json!("theirs") } else { Value::Null };
        json!({"id": format!("case {index}"), "base": of(Value::Null), "ours": of(json!("ours")), "theirs": of(theirs), "more": [1]})
    };
    (0..number).map(|index| case(index).to_string() + "\n").collect()
}

#[test]
fn results_come_in_the_order_of_the_cases() {
    let folder = tempfile::tempdir().unwrap();
    let number = 1_500;
    let lines = cases(number);
    fs::write(folder.path().join("cases.jsonl"), &lines).unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(lines.as_bytes()).unwrap();
    fs::write(folder.path().join("cases.jsonl.gz"), packed.finish().unwrap()).unwrap();
    for file in ["cases.jsonl", "cases.jsonl.gz"] {
        let output = batch(folder.path(), file, &["--mode", "careful"]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
        let results = results(&output);
        assert_eq!(results.len(), number);
        for (index, result) in results.iter().enumerate() {
            assert_eq!(result["id"], format!("case {index}"));
            let asked = index.is_multiple_of(3);
            assert_eq!(result["status"], if asked { "conflict" } else { "clean" });
            assert_eq!(result["merged"][0]["at"], "ours");
            assert!(result["micros"].as_f64().unwrap() > 0.0, "{result}");
            assert_eq!(result["conflicts"].as_array().unwrap().is_empty(), !asked);
        }
        let conflict = &results[3]["conflicts"][0];
        assert_eq!(
            (&conflict["path"], &conflict["base"], &conflict["ours"], &conflict["theirs"]),
            (&json!("/0/at"), &Value::Null, &json!("ours"), &json!("theirs"))
        );
        assert!(conflict["reason"].is_string(), "{conflict}");
    }
    let piped = run(rejoin(folder.path(), &["merge", "--batch", "-"]), lines.lines().next().unwrap());
    assert_eq!(results(&piped).len(), 1, "{piped:?}");
}

#[test]
fn a_document_may_be_any_value_and_absence_is_not_null() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        (json!({"id": 1, "base": null, "ours": null, "theirs": 7}), json!(7), "clean"),
        (json!({"id": 1, "ours": null, "theirs": 7}), json!(null), "conflict"),
        (json!({"id": 1, "ours": "a", "theirs": "a"}), json!("a"), "clean"),
        (json!({"id": 1, "ours": {"a": 1}, "theirs": {"b": 2}}), json!({"a": 1, "b": 2}), "clean"),
        (json!({"id": 1, "base": false, "ours": true, "theirs": false}), json!(true), "clean"),
        (json!({"id": 1, "base": [], "ours": [], "theirs": ["x"]}), json!(["x"]), "clean"),
    ];
    let text = lines.iter().map(|(line, ..)| line.to_string()).collect::<Vec<_>>().join("\n");
    fs::write(folder.path().join("cases.jsonl"), text).unwrap();
    let results = results(&batch(folder.path(), "cases.jsonl", &[]));
    for ((line, merged, status), result) in lines.iter().zip(&results) {
        assert_eq!((&result["merged"], &result["status"]), (merged, &json!(status)), "{line} {result}");
    }
    let conflict = results[1]["conflicts"][0].as_object().unwrap();
    assert_eq!((&conflict["path"], &conflict["ours"], &conflict["theirs"]), (&json!(""), &Value::Null, &json!(7)));
    assert!(!conflict.contains_key("base"), "{conflict:?}");
    assert_eq!(results.len(), lines.len());
}

#[test]
fn a_line_that_is_no_case_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let good = r#"{"id":"good","base":1,"ours":1,"theirs":2}"#;
    let lines = format!("{good}\n\n{{\"id\":\"cut\",\"base\":1\n{{\"id\":\"half\",\"base\":1,\"ours\":2}}\n{good}\n");
    fs::write(folder.path().join("cases.jsonl"), lines).unwrap();
    let output = batch(folder.path(), "cases.jsonl", &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).starts_with("rejoin: 2 lines are no cases"), "{output:?}");
    let results = results(&output);
    let all: Vec<(&Value, &Value)> = results.iter().map(|result| (&result["id"], &result["status"])).collect();
    let expected = json!([["good", "clean"], [null, "error"], ["half", "error"], ["good", "clean"]]);
    assert_eq!(json!(all), expected);
    assert_eq!(results[2]["line"], 4);
    assert!(results[2]["error"].as_str().unwrap().starts_with("line 4, column "), "{}", results[2]);
    assert!(results[2]["error"].as_str().unwrap().contains("missing field `theirs`"), "{}", results[2]);
}

#[test]
fn files_that_can_t_be_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(cases(400).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    fs::write(folder.path().join("cut.jsonl.gz"), &packed[..packed.len() / 2]).unwrap();
    for (file, part) in [("none.jsonl", "none.jsonl: it can't be read"), ("cut.jsonl.gz", "behind line ")] {
        let output = batch(folder.path(), file, &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains(part), "{output:?}");
    }
}
