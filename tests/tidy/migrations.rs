//! Migrations: alike on both databases, and never changed once they landed.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::{read, root};

fn folders(side: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("migrations").join(side)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| !name.starts_with('.')).collect()
}

#[test]
fn both_databases_have_the_same_migrations() {
    assert_eq!(folders("sqlite"), folders("postgres"));
    assert!(!folders("sqlite").is_empty());
}

/// FNV-1a, 64 bits: it guards against an accident, not against an adversary.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn landed_migrations_never_change() {
    let mut now = String::new();
    for side in ["postgres", "sqlite"] {
        for name in folders(side) {
            for file in ["up.sql", "down.sql"] {
                let path = format!("migrations/{side}/{name}/{file}");
                writeln!(now, "{:016x}  {path}", checksum(&read(&path))).unwrap();
            }
        }
    }
    let landed = read("migrations/checksums.txt");
    for line in landed.lines().filter(|line| !line.starts_with('#')) {
        assert!(now.contains(line), "a landed migration changed: {line}\nwrite a new migration instead");
    }
    for line in now.lines() {
        assert!(landed.contains(line), "a new migration: add this line to migrations/checksums.txt\n{line}");
    }
}
