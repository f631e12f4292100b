//! What people get to see.

use merge_engine::{Context, Policy};

use super::*;

pub(super) fn source(text: &str) -> Source {
    Source::of("a.json".into(), text.as_bytes().to_vec()).unwrap()
}

/// The text of a merge, and whether nobody needs to be asked.
pub(super) fn merged(base: &str, ours: &str, theirs: &str) -> (bool, String) {
    let texts = Texts::new(source(base), source(ours), source(theirs));
    let (outcome, bytes) = texts.merge(&Policy::default(), &Context::default(), true).unwrap();
    (outcome.is_clean(), String::from_utf8(bytes).unwrap())
}

#[track_caller]
fn check(base: &str, ours: &str, theirs: &str, expected: &str) {
    let (clean, text) = merged(base, ours, theirs);
    assert_eq!(text, expected);
    assert_eq!(clean, !expected.contains("<<<<<<< ours"));
}

#[test]
fn what_one_side_changed_stays_as_it_is_written() {
    let odd = "{ \"b\" : 1.0,\n\n      \"a\":[1,2,\n 3] }";
    for base in ["{\"a\":1}", "[]", " null\n"] {
        check(base, odd, base, odd);
        check(base, base, odd, odd);
        check(base, odd, odd, odd);
    }
}

#[test]
fn changes_next_to_each_other_come_together() {
    check(
        "{\n  \"name\": \"x\",\n  \"port\": 80\n}\n",
        "{\n  \"name\": \"y\",\n  \"port\": 80\n}\n",
        "{\n  \"name\": \"x\",\n  \"port\": 81\n}\n",
        "{\n  \"name\": \"y\",\n  \"port\": 81\n}\n",
    );
    check(
        "{\n\t\"a\": 1\n}",
        "{\n\t\"a\": 1,\n\t\"z\": [\n\t\t1\n\t]\n}",
        "{\n\t\"a\": 2,\n\t\"b\": {}\n}",
        "{\n\t\"a\": 2,\n\t\"z\": [\n\t\t1\n\t],\n\t\"b\": {}\n}",
    );
}

#[test]
fn members_keep_their_order() {
    // ours, and behind its neighbour what theirs added
    check(
        "{\"z\":1,\"a\":1,\"m\":1}",
        "{\"z\":1,\"a\":2,\"m\":1,\"k\":1}",
        "{\"z\":1,\"new\":0,\"a\":1,\"m\":3}",
        "{\"z\":1,\"new\":0,\"a\":2,\"m\":3,\"k\":1}",
    );
    // both added at one place: ours first
    check("{\"b\":1}", "{\"b\":1,\"ours\":1}", "{\"b\":1,\"a\":1}", "{\"b\":1,\"ours\":1,\"a\":1}");
    // only theirs moved something
    check("{\"z\":1,\"a\":1}", "{\"z\":2,\"a\":1}", "{\"a\":3,\"z\":1}", "{\"a\":3,\"z\":2}");
    // sorted stays sorted
    check(
        "{\"a\":1,\"c\":1,\"x\":1}",
        "{\"a\":1,\"c\":1,\"d\":1,\"x\":1}",
        "{\"a\":1,\"b\":1,\"c\":1,\"e\":1,\"x\":1}",
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"x\":1}",
    );
}

#[test]
fn spelling_is_kept() {
    check("{\"a\":1,\"b\":0}", "{\"a\":1.0,\"b\":0}", "{\"a\":1,\"b\":1e2}", "{\"a\":1.0,\"b\":1e2}");
    let big = "123456789012345678901234567890";
    check(
        "{\"a\":1,\"b\":2}",
        &format!("{{\"a\":{big},\"b\":2}}"),
        "{\"a\":1,\"b\":\"\\u00e9\\/\"}",
        &format!("{{\"a\":{big},\"b\":\"\\u00e9\\/\"}}"),
    );
    // one digit more than a double tells apart
    let (one, other) = ("[0.10000000000000000001]", "[0.10000000000000000002]");
    let (clean, text) = merged("[0.1]", one, other);
    assert!(!clean && text.contains(one) && text.contains(other), "{text}");
    check("{\"ab\\u0063\":1,\"x\":1}", "{\"ab\\u0063\":1,\"x\":2}", "{\"abc\":3,\"x\":1}", "{\"ab\\u0063\":3,\"x\":2}");
}

#[test]
fn the_form_is_kept() {
    // theirs indented anew, ours changed a value
    check(
        "{\n  \"a\": [\n    1\n  ],\n  \"b\": 1\n}",
        "{\n  \"a\": [\n    1\n  ],\n  \"b\": 2\n}",
        "{\n    \"a\": [\n        1\n    ],\n    \"b\": 1\n}",
        "{\n    \"a\": [\n        1\n    ],\n    \"b\": 2\n}",
    );
    // both changed a value, theirs with tabs: ours' form
    check(
        "{\n  \"a\": 1,\n  \"b\": 1\n}",
        "{\n  \"a\": 2,\n  \"b\": 1\n}\n",
        "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": 1\n\t}\n}",
        "{\n\t\"a\": 2,\n\t\"b\": {\n\t\t\"c\": 1\n\t}\n}\n",
    );
    // on one line, and not
    check(
        "{\"a\":1,\"b\":1}",
        "{\"a\":2,\"b\":1}",
        "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n",
        "{\n  \"a\": 2,\n  \"b\": [\n    2\n  ]\n}\n",
    );
    check(
        "{\n \"a\": 1, \"b\": 1\n}",
        "{\n \"a\": 2, \"b\": 1\n}",
        "{\n \"a\": 1, \"b\": 2, \"c\": 3\n}",
        "{\n \"a\": 2, \"b\": 2, \"c\": 3\n}",
    );
    // lists within a line stay within it
    check(
        "{\n  \"a\": [1, 2],\n  \"b\": 1\n}",
        "{\n  \"a\": [1, 2, 3],\n  \"b\": 1\n}",
        "{\n  \"a\": [0, 1, 2],\n  \"b\": 2\n}",
        "{\n  \"a\": [0, 1, 2, 3],\n  \"b\": 2\n}",
    );
    // commas first
    check(
        "{ \"a\": 1\n, \"b\": 1\n}",
        "{ \"a\": 2\n, \"b\": 1\n}",
        "{ \"a\": 1\n, \"b\": 1\n, \"c\": 1\n}",
        "{ \"a\": 2\n, \"b\": 1\n, \"c\": 1\n}",
    );
    // nothing left
    check("{\n  \"a\": 1,\n  \"b\": 1\n}", "{\n  \"a\": 1\n}", "{\n  \"b\": 1\n}", "{}");
}

#[test]
fn wrapping_is_kept() {
    check(
        "{\r\n  \"a\": 1,\r\n  \"b\": 1\r\n}\r\n",
        "{\r\n  \"a\": 2,\r\n  \"b\": 1\r\n}\r\n",
        "{\n  \"a\": 1,\n  \"b\": 2\n}\n",
        "{\n  \"a\": 2,\n  \"b\": 2\n}\n",
    );
    check("{\"a\":1,\"b\":1}", "\u{feff}{\"a\":2,\"b\":1}", "{\"a\":1,\"b\":2}", "\u{feff}{\"a\":2,\"b\":2}");
}

#[test]
fn items_come_together_as_they_are_written() {
    let base = "[\n  {\n    \"id\": 1,\n    \"at\": \"10:00\",\n    \"who\": \"Ana\"\n  },\n  { \"id\": 2 }\n]\n";
    let ours = base.replace("10:00", "11:00");
    let theirs = base.replace("Ana", "Rui").replace("{ \"id\": 2 }", "{ \"id\": 2 },\n  { \"id\": 3, \"at\": null }");
    check(base, &ours, &theirs, &theirs.replace("10:00", "11:00"));
}

#[test]
fn what_is_disputed_is_marked() {
    check(
        "{\n  \"a\": 1,\n  \"b\": 1\n}\n",
        "{\n  \"a\": 2,\n  \"b\": 2\n}\n",
        "{\n  \"a\": 3,\n  \"b\": 1,\n  \"c\": 1\n}\n",
        "{\n<<<<<<< ours\n  \"a\": 2,\n||||||| base\n  \"a\": 1,\n=======\n  \"a\": 3,\n>>>>>>> theirs\n  \"b\": 2,\n  \"c\": 1\n}\n",
    );
    // the comma before what one side took away belongs to the question
    check(
        "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 1\n  }\n}\n",
        "{\n  \"a\": 1\n}\n",
        "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}\n",
        "{\n<<<<<<< ours\n  \"a\": 1\n||||||| base\n  \"a\": 1,\n  \"b\": {\n    \"c\": 1\n  }\n=======\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n>>>>>>> theirs\n}\n",
    );
    check("1", "2", "3", "<<<<<<< ours\n2\n||||||| base\n1\n=======\n3\n>>>>>>> theirs\n");
    check("", "{\"a\":2}\n", "{\"a\":3}\n", "<<<<<<< ours\n{\"a\":2}\n||||||| base\n{}\n=======\n{\"a\":3}\n>>>>>>> theirs\n");
}

#[test]
fn items_that_one_side_took_away_are_marked_in_their_place() {
    let item = |id: u8, at: u8| format!("  {{\n    \"id\": {id},\n    \"at\": {at},\n    \"x\": 0\n  }}");
    let list = |items: &[String]| format!("[\n{}\n]\n", items.join(",\n"));
    let (base, theirs) = (list(&[item(1, 0), item(2, 0), item(3, 0)]), list(&[item(1, 0), item(2, 5), item(3, 0)]));
    let ours = list(&[item(1, 0), item(3, 0)]);
    let (clean, text) = merged(&base, &ours, &theirs);
    assert!(!clean);
    let expected = format!(
        "[\n{},\n<<<<<<< ours\n||||||| base\n{},\n=======\n{},\n>>>>>>> theirs\n{}\n]\n",
        item(1, 0),
        item(2, 0),
        item(2, 5),
        item(3, 0)
    );
    assert_eq!(text, expected);
}

#[test]
fn a_marked_base_is_read() {
    let (_, marked) = merged("{\n  \"a\": 1,\n  \"b\": 1\n}\n", "{\n  \"a\": 2,\n  \"b\": 1\n}\n", "{\n  \"a\": 3,\n  \"b\": 2\n}\n");
    assert!(marked.contains("<<<<<<<"));
    check(&marked, "{\n  \"a\": 1,\n  \"b\": 2\n}\n", "{\n  \"a\": 4,\n  \"b\": 2\n}\n", "{\n  \"a\": 4,\n  \"b\": 2\n}\n");
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let fails = |text: &str, parts: &[&str]| {
        let texts = Texts::new(source("{}"), source("{\"a\":1}"), source(text));
        let said = texts.merge(&Policy::default(), &Context::default(), true).unwrap_err().to_string();
        for part in parts {
            assert!(said.contains(part), "{text:?}: {said}");
        }
    };
    fails("{\n  \"a\": 1,\n}", &["a.json:3:1: ", "comma before the closing bracket"]);
    fails("{\n  // why\n  \"a\": 1\n}", &["a.json:2:3: ", "comment"]);
    fails("{\"a\":1}\n{\"a\":2}\n", &["a.json:2:1: ", "JSON Lines?"]);
    fails("{\"a\":1} x", &["a.json:1:9: ", "something behind the value"]);
    fails("{a:1}", &["a.json:1:2: ", "JSON5?"]);
    fails("{\"a\":'x'}", &["a.json:1:6: ", "JSON5?"]);
    fails("", &["a.json:1:1: ", "empty"]);
    fails("{\"a\":1,\"b\":{\"é\":1,\"é\":2}}", &["a.json:1:19: ", "twice"]);
    fails("[\"\\ud800\"]", &["a.json:1:2: ", "half a character"]);
    fails(&("[".repeat(200) + &"]".repeat(200)), &["nested more than"]);
    fails("{\n<<<<<<< HEAD\n\"a\":1\n=======\n\"a\":2\n>>>>>>> x\n}", &["a.json:2:1: ", "conflict", "settle it first"]);
    fails("{\"a\":1", &["a.json:1:", "EOF"]);
    let bytes = |bytes: &[u8]| Source::of("a.json".into(), bytes.to_vec()).unwrap_err().to_string();
    assert!(bytes(b"{\n\"\xff\"}").contains("a.json:2:2: "));
    assert!(bytes(b"\xff\xfe{\0}\0").contains("UTF-16"));
}
