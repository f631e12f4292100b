//! Public vectors (`tests/vectors`), all of them, through the code that is used.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is to panic where it stands"
)]

use std::fs;
use std::path::PathBuf;

use audit_log::VerifyingKey;
use ring::hmac;
use serde_json::Value;
use sync_core::json::{canonical, parse_strict};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Runs a file of Wycheproof: each case's group, the case, and whether it is valid.
fn wycheproof(file: &str, check: impl Fn(&Value, &Value) -> bool) {
    let text = fs::read(folder("wycheproof").join(file)).unwrap();
    let vectors: Value = serde_json::from_slice(&text).unwrap();
    let mut run = 0;
    for group in vectors["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            let expected = match case["result"].as_str().unwrap() {
                "valid" => true,
                "invalid" => false,
                other => panic!("{other}: it is to be decided what this means"),
            };
            assert_eq!(check(group, case), expected, "{file}, {}: {}", case["tcId"], case["comment"]);
            run += 1;
        }
    }
    assert_eq!(run, vectors["numberOfTests"].as_u64().unwrap());
    assert!(run > 100);
}

#[test]
fn signatures_of_checkpoints_are_checked_as_ed25519_is() {
    wycheproof("ed25519_test.json", |group, case| {
        let key = VerifyingKey::from_bytes(bytes(&group["publicKey"]["pk"]).try_into().unwrap());
        key.verifies(&bytes(&case["msg"]), &bytes(&case["sig"]))
    });
}

#[test]
fn hmac_is_hmac() {
    wycheproof("hmac_sha256_test.json", |group, case| {
        let (key, message, tag) = (bytes(&case["key"]), bytes(&case["msg"]), bytes(&case["tag"]));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let length = usize::try_from(group["tagSize"].as_u64().unwrap()).unwrap() / 8;
        let made = hmac::sign(&key, &message);
        let fits = made.as_ref()[..length] == tag[..];
        // a whole tag is also checked as cursors are
        assert!(length < 32 || hmac::verify(&key, &message, &tag).is_ok() == fits);
        fits
    });
}

#[test]
fn canonical_json_is_that_of_rfc_8785() {
    let all = folder("jcs-rfc8785");
    let mut run = 0;
    for entry in fs::read_dir(all.join("input")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let value = parse_strict(&fs::read(all.join("input").join(&name)).unwrap()).unwrap();
        let expected = fs::read_to_string(all.join("output").join(&name)).unwrap();
        assert_eq!(canonical(&value), expected.trim_end_matches('\n'), "{name}");
        let hex = fs::read_to_string(all.join("outhex").join(name.replace(".json", ".txt"))).unwrap();
        assert_eq!(canonical(&value).as_bytes(), bytes(&hex.split_whitespace().collect::<String>().into()), "{name}");
        run += 1;
    }
    assert_eq!(run, 6);
}
