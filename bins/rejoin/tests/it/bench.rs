//! `rejoin bench`, in little: what it prints, and what it refuses.

use std::fs;

use serde_json::Value;

use crate::process::{EMAIL, PASSWORD, Served, furnished, rejoin, run};

const SMALL: [&str; 9] = ["--devices", "2", "--documents", "40", "--operations", "80", "--batch", "4,1", "--json"];

/// The object of the last line.
fn measured(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let output = run(rejoin(folder.path(), &[&["bench"], arguments, &SMALL].concat()), "");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}

#[test]
fn a_run_of_pushes_beside_its_floor() {
    let main = measured(&["floor"]);
    let runs = main["runs"].as_array().unwrap();
    let kinds: Vec<_> = runs.iter().map(|run| (run["bench"].as_str().unwrap(), run["batch"].as_u64().unwrap())).collect();
    assert_eq!(kinds, [("push", 4), ("floor", 4), ("push", 1), ("floor", 1)]);
    for run in runs {
        assert_eq!(run["operations"], 80, "{run}");
        assert!(run["operations_per_s"].as_f64().unwrap() > 0.0, "{run}");
        assert!(run["commits"].as_u64().unwrap() > 0, "{run}");
    }
    for push in [&main, &runs[0], &runs[2]] {
        assert_eq!(push["statuses"], serde_json::json!({"applied": 80}));
        assert!(push["p50_ms"].as_f64().unwrap() <= push["p95_ms"].as_f64().unwrap(), "{push}");
        assert!(push["p95_ms"].as_f64().unwrap() <= push["p99_ms"].as_f64().unwrap(), "{push}");
        assert!(push["bytes_out_per_operation"].as_f64().unwrap() > 100.0, "{push}");
        assert!(push["bytes_in_per_operation"].as_f64().unwrap() > 50.0, "{push}");
        assert!(push["share_of_floor"].as_f64().unwrap() > 0.0, "{push}");
        #[cfg(target_os = "linux")]
        {
            assert!(push["server_cpu_us_per_operation"].as_f64().is_some(), "{push}");
            assert!(push["rss_bytes"].as_u64().unwrap() > 1 << 20, "{push}");
        }
    }
}

#[test]
fn nothing_is_lost_and_everything_is_read() {
    let conflict = &measured(&["conflict"])["conflict"];
    assert_eq!((&conflict["lost_edits"], &conflict["merged_in_first_round_trip"]), (&0.into(), &40.into()), "{conflict}");
    let pull = measured(&["pull", "--quick"])["pull"].clone();
    let read: Vec<_> =
        pull.as_array().unwrap().iter().map(|way| (way["what"].as_str().unwrap(), way["documents"].as_u64().unwrap())).collect();
    assert_eq!(read, [("first sync by snapshot", 40), ("first sync by pages", 40), ("after 40 changes", 40)]);
}

#[test]
fn a_queue_is_worked_off_beside_pushes_and_poison() {
    let queue = &measured(&["queue", "--database", "sqlite", "--queued", "200", "--quick"])["queue"];
    let (drain, beside, poison) = (&queue["drain"][0], &queue["beside"][0], &queue["poison"][0]);
    assert_eq!((&drain["operations"], &drain["statuses"]), (&200.into(), &serde_json::json!({"applied": 200})), "{queue}");
    for figure in [&drain["enqueued_per_s"], &drain["drained_per_s"], &drain["inline_per_s"], &beside["push_p99_ms"], &beside["lane_0_ms"]]
    {
        assert!(figure.as_f64().unwrap() > 0.0, "{queue}");
    }
    assert!(beside["pushes"].as_u64().unwrap() > 0, "{queue}");
    assert_eq!((&poison["jobs"], &poison["poisoned"], &poison["undecided"]), (&200.into(), &2.into(), &0.into()), "{queue}");
}

#[test]
fn sockets_hear_of_every_push() {
    let realtime = &measured(&["realtime", "--database", "sqlite", "--sockets", "12"])["realtime"];
    let (fanout, crowd) = (&realtime["fanout"][0], &realtime["crowd"]);
    assert_eq!((&fanout["sockets"], &fanout["missed"]), (&4.into(), &0.into()), "{realtime}");
    // a push whose turn comes while all devices wait for answers is not sent: how many that are is the machine's affair
    assert!((1..=40).contains(&fanout["pushes"].as_u64().unwrap()), "{realtime}");
    assert!(fanout["p50_ms"].as_f64().unwrap() > 0.0, "{realtime}");
    for heard in ["sockets", "one_change_heard", "storm_resumed"] {
        assert_eq!(crowd[heard], 12, "{realtime}");
    }
    assert_eq!(crowd["storm_server_errors"], 0, "{realtime}");
}

#[test]
fn too_much_is_offered_and_counted() {
    let overload = &measured(&["overload", "--seconds", "2"])["overload"];
    let stretches = overload["stretches"].as_array().unwrap();
    assert_eq!(stretches.iter().map(|stretch| stretch["what"].as_str().unwrap()).collect::<Vec<_>>(), ["before", "5×", "after"]);
    for stretch in stretches {
        assert!(stretch["accepted_operations_per_s"].as_f64().unwrap() > 0.0, "{overload}");
        assert_eq!((&stretch["failed"], &stretch["without_retry_after"]), (&0.into(), &0.into()), "{overload}");
    }
    assert!(overload["share_of_peak"].as_f64().unwrap() > 0.0, "{overload}");
}

#[test]
fn compressed_requests_are_smaller() {
    let (plain, packed) = (measured(&["push"]), measured(&["push", "--encoding", "zstd"]));
    for direction in ["bytes_out_per_operation", "bytes_in_per_operation"] {
        assert!(packed[direction].as_f64() < plain[direction].as_f64(), "{direction}: {packed} and {plain}");
    }
}

#[test]
fn a_server_that_runs_already_is_driven_too() {
    let folder = furnished();
    let server = Served::start(folder.path(), &[]);
    let url = format!("http://{}", server.address);
    let remote = |password: &str, arguments: &[&str]| {
        let flags = ["--url", &url, "--email", EMAIL, "--password-file", "-"];
        run(rejoin(folder.path(), &[&["bench"], arguments, &SMALL, &flags].concat()), password)
    };
    let output = remote(PASSWORD, &["push"]);
    assert!(output.status.success(), "{output:?}");
    let main: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(main["statuses"]["applied"], 80, "{main}");
    for (password, arguments, part) in [
        ("wrong", ["push"], "check the email and the password"),
        (PASSWORD, ["floor"], "leave --url out"),
        ("", ["push"], "first line is empty"),
    ] {
        let output = remote(password, &arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(part), "{output:?}");
    }
}

#[test]
fn what_cannot_be_measured_says_why() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), "correct horse battery").unwrap();
    let there = ["--email", "a@b.example", "--password-file", "password"];
    for (arguments, code, part) in [
        (&["push", "--batch", "0"][..], 2, "--batch 0"),
        (&["push", "--documents", "10", "--devices", "2", "--batch", "20"], 2, "at least 40 documents"),
        (&["queue", "--queued", "5"], 2, "--queued 5"),
        (&["overload", "--seconds", "0"], 2, "--seconds 0"),
        (&["push", "--database", "sqlite:mine.db"], 2, "a database of its own"),
        (&["push", "--url", "https://127.0.0.1", there[0], there[1], there[2], there[3]], 2, "no TLS"),
        (&["push", "--url", "http://127.0.0.1:1", there[0], there[1], there[2], there[3]], 1, "is the server still up?"),
        (&["push", "--url", "http://127.0.0.1:1"], 2, "--email"),
    ] {
        let output = run(rejoin(folder.path(), &[&["bench"], arguments].concat()), "");
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(part), "{arguments:?} {output:?}");
    }
}
