//! `rejoin audit` and `rejoin keys audit` beside what a server wrote.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Served, furnished, rejoin, run, text};

/// A record has a place within a second, where the machine has time for it.
const SEQUENCED_WITHIN: Duration = Duration::from_secs(60);

/// A server that recorded some acts, and has ended; and a checkpoint that was kept.
struct Recorded {
    folder: TempDir,
    checkpoint: String,
}

impl Recorded {
    fn new() -> Self {
        let folder = furnished();
        let checkpoint = Self::acts(&folder);
        Self { folder, checkpoint }
    }

    /// Some acts, and the checkpoint after them.
    fn acts(folder: &TempDir) -> String {
        let served = Served::start(folder.path(), &["--log-level", "error"]);
        let token = &served.login();
        for number in 0..5 {
            let (status, _) = served.call("POST", "/api/spaces", token, &json!({"name": format!("Wedding {number}")}).to_string());
            assert_eq!(status, 201);
        }
        let (_, page) = served.call("GET", "/api/offline/audit?limit=1", token, "");
        let newest = page["items"][0]["record_id"].as_str().unwrap();
        let until = Instant::now() + SEQUENCED_WITHIN;
        while served.call("GET", &format!("/api/offline/audit/proof?record={newest}"), token, "").0 != 200 {
            assert!(Instant::now() < until, "{newest} has no place in the log");
        }
        let (status, told) = served.call("GET", "/api/offline/audit/checkpoint", token, "");
        assert_eq!(status, 200, "{told}");
        told["checkpoint"].as_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(rejoin(self.folder.path(), arguments), "")
    }

    /// Verifies; the exit code, and what is said of the one log.
    fn verify(&self, more: &[&str]) -> (Option<i32>, Value) {
        let output = self.run(&[&["audit", "verify", "--json"], more].concat());
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), told["logs"][0].clone())
    }

    fn keep(&self, name: &str, contents: &str) {
        fs::write(self.folder.path().join(name), contents).unwrap();
    }
}

#[test]
fn what_was_recorded_is_sound_with_the_keys_of_the_server_or_its_public_ones() {
    let recorded = Recorded::new();
    recorded.keep("kept.txt", &recorded.checkpoint);
    let (code, log) = recorded.verify(&["--checkpoint", "kept.txt"]);
    assert_eq!((code, &log["finding"]), (Some(0), &Value::Null), "{log}");
    assert!(log["records"].as_u64().unwrap() >= 6, "a login and five spaces: {log}");
    let printed = recorded.run(&["keys", "audit"]);
    let public = text(&printed.stdout);
    assert!(public.starts_with("ed25519 ") && !public.contains("secret"), "{public}");
    recorded.keep("audit.keys", public);
    assert_eq!(recorded.run(&["audit", "export", "log.ndjson"]).status.code(), Some(0));
    let (code, exported) = recorded.verify(&["--keys", "audit.keys", "--against", "log.ndjson", "--checkpoint", "kept.txt"]);
    assert_eq!((code, &exported["records"]), (Some(0), &log["records"]));
}

#[test]
fn a_changed_record_is_named_and_so_is_an_earlier_backup() {
    let recorded = Recorded::new();
    assert_eq!(recorded.run(&["audit", "export", "log.ndjson"]).status.code(), Some(0));
    let export = fs::read_to_string(recorded.folder.path().join("log.ndjson")).unwrap();
    let (number, line) = export.lines().enumerate().find(|(_, line)| line.contains("space.create")).unwrap();
    let index = serde_json::from_str::<Value>(line).unwrap()["record"]["leaf_index"].clone();
    let changed: Vec<_> = export
        .lines()
        .enumerate()
        .map(|(at, line)| if at == number { line.replace("space.create", "space.delete") } else { line.into() })
        .collect();
    recorded.keep("changed.ndjson", &(changed.join("\n") + "\n"));
    let (code, log) = recorded.verify(&["--against", "changed.ndjson"]);
    assert_eq!((code, &log["finding"]["index"]), (Some(1), &index), "{log}");

    assert_eq!(recorded.run(&["backup", "earlier.db"]).status.code(), Some(0));
    let (_, before) = recorded.verify(&[]);
    recorded.keep("later.txt", &Recorded::acts(&recorded.folder));
    let (code, log) = recorded.verify(&["--against", "earlier.db", "--checkpoint", "later.txt"]);
    assert_eq!((code, &log["finding"]["index"]), (Some(1), &before["records"]), "rolled back: {log}");
    assert_eq!(recorded.verify(&["--checkpoint", "later.txt"]).0, Some(0));
    let output = recorded.run(&["audit", "verify", "--keys", "nowhere.keys"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nowhere.keys can't be read"), "{output:?}");
}
