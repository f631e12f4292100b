//! `rejoin merge --batch`: results in the order of the cases, whatever the lines hold.

use std::collections::BTreeMap;
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
    assert!(results[2]["error"].as_str().unwrap().starts_with("line 4: column "), "{}", results[2]);
    assert!(results[2]["error"].as_str().unwrap().contains("missing field `theirs`"), "{}", results[2]);
}

/// Merges of one repository and another, the same question in each; in the first people always take theirs.
fn history() -> Vec<Value> {
    let case = |repo: &str, at: u64, human: &str| {
        let id = format!("{repo} {at}");
        let of = |title: &str| json!({"title": format!("{title} {at}"), "at": at});
        json!({"id": id, "repo": repo, "committed_at": at, "base": of("base"), "ours": of("ours"), "theirs": of("theirs"), "human": of(human)})
    };
    let mut cases: Vec<Value> = (1..=6).map(|at| case("steady", at, "theirs")).collect();
    cases.extend((1..=6).map(|at| case("fickle", at, ["ours", "theirs", "neither"][usize::try_from(at).unwrap() % 3])));
    cases.extend([0, 0].map(|at| case("steady", at, "theirs")));
    // two of one moment, the first ones there
    cases.extend(["a", "b"].map(|name| {
        let mut twin = case("twins", 5, "theirs");
        twin["id"] = json!(name);
        twin
    }));
    cases
}

/// The result lines by id, byte for byte, but without the time that each took.
fn assisted(folder: &Path, cases: &[Value]) -> BTreeMap<String, String> {
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    fs::write(folder.join("cases.jsonl"), lines.join("\n")).unwrap();
    let output = batch(folder, "cases.jsonl", &["--mode", "assisted"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let results = results(&output);
    let ids = |values: &[Value]| values.iter().map(|value| value["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&results), ids(cases), "in the order of the cases");
    let lines = text(&output.stdout).lines().zip(results);
    let without_time = |(line, result): (&str, Value)| {
        assert!(result["micros"].is_number());
        let (line, _) = line.rsplit_once(",\"micros\":").unwrap();
        (result["id"].as_str().unwrap().to_owned(), format!("{line}}}"))
    };
    lines.map(without_time).collect()
}

#[test]
fn later_cases_of_a_repository_learn_from_earlier_ones() {
    let folder = tempfile::tempdir().unwrap();
    let lines = assisted(folder.path(), &history());
    let results: BTreeMap<&str, Value> = lines.iter().map(|(id, line)| (id.as_str(), serde_json::from_str(line).unwrap())).collect();
    let first = &results["steady 1"];
    assert_eq!((&first["status"], &first["learned"]), (&json!("conflict"), &json!([])));
    let last = &results["steady 6"];
    assert_eq!((&last["status"], &last["learned"], &last["merged"]["title"]), (&json!("clean"), &json!(["/title"]), &json!("theirs 6")));
    // nobody of one moment teaches the other, and who has no time neither teaches nor learns
    for id in ["steady 0", "fickle 1", "a", "b"] {
        assert_eq!((&results[id]["status"], &results[id]["learned"]), (&json!("conflict"), &json!([])), "{id}");
    }
    let careful = batch(folder.path(), "cases.jsonl", &[]);
    assert!(self::results(&careful).iter().all(|result| result["status"] == "conflict" && result.get("learned").is_none()));
}

#[test]
fn what_somebody_made_of_a_case_is_unknown_until_its_result_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let cases = history();
    let results = assisted(folder.path(), &cases);
    for index in 0..cases.len() {
        let mut other = cases.clone();
        other[index]["human"] = json!([{"title": "noise"}, index]);
        let id = cases[index]["id"].as_str().unwrap();
        let with_noise = assisted(folder.path(), &other);
        assert_eq!(with_noise[id], results[id]);
        // nor does it reach what was committed before, at the same time, or elsewhere
        let (repo, at) = (&cases[index]["repo"], cases[index]["committed_at"].as_u64());
        let untouched = |case: &&Value| case["repo"] != *repo || case["committed_at"].as_u64() <= at || at == Some(0);
        for case in cases.iter().filter(untouched) {
            let id = case["id"].as_str().unwrap();
            assert_eq!(with_noise[id], results[id]);
        }
    }
    // it does reach what was committed later
    let mut other = cases.clone();
    for case in &mut other {
        case["human"] = json!("noise");
    }
    assert_ne!(assisted(folder.path(), &other), results);
    for case in &mut other {
        case.as_object_mut().unwrap().remove("human");
    }
    assert!(assisted(folder.path(), &other).values().all(|result| result.contains("\"learned\":[]")));
}

#[test]
fn the_order_of_the_lines_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = history();
    let results = assisted(folder.path(), &cases);
    cases.reverse();
    assert_eq!(assisted(folder.path(), &cases), results);
    for turn in [3, 7] {
        cases.rotate_left(turn);
        assert_eq!(assisted(folder.path(), &cases), results);
    }
}

#[test]
fn digits_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let line = r#"{"id":1,"base":[1],"ours":[1,12345678901234567890123],"theirs":[1,0.10000000000000000001]}"#;
    fs::write(folder.path().join("cases.jsonl"), line).unwrap();
    let output = batch(folder.path(), "cases.jsonl", &[]);
    let printed = text(&output.stdout);
    assert!(printed.contains("12345678901234567890123") && printed.contains("0.10000000000000000001"), "{printed}");
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
