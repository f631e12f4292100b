//! The crate graph against the table of `docs/architecture.md`, and the licences and bans of `deny.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{read, root};

fn metadata() -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--all-features", "--locked", "--offline"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Rows `| path | package | owns | may import |` of the table under "Crates".
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = read("docs/architecture.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let imports = cells[3].split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty() && name != "–").collect();
        (cells[1].trim_matches('`').to_owned(), imports)
    })
    .collect()
}

#[test]
fn crates_import_what_the_table_allows() {
    let (metadata, allowed) = (metadata(), allowed());
    let members: BTreeSet<&str> = metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap().iter().filter(|package| members.contains(package["id"].as_str().unwrap()));
    let packages: Vec<&Value> = packages.collect();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, allowed.keys().map(String::as_str).collect(), "docs/architecture.md lists exactly the crates that there are");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let needed = dependency["name"].as_str().unwrap();
            if !names.contains(needed) || dependency["kind"] == "dev" {
                continue;
            }
            assert_ne!(needed, "testkit", "{name}: testkit is a dev-dependency only");
            let fits = allowed[name].contains(needed) || allowed[name].contains("all");
            assert!(fits, "{name} imports {needed}, which docs/architecture.md does not allow");
        }
    }
}

/// Which crates may know a framework: `None` of the others imports it directly.
#[test]
fn frameworks_stay_in_their_rooms() {
    let rooms: [(&str, &[&str]); 6] = [
        ("actix-web", &["api-actix", "rejoin"]),
        ("diesel", &["storage-diesel"]),
        ("diesel-async", &["storage-diesel"]),
        ("tokio", &["storage-diesel", "api-actix", "queue", "rejoin"]),
        ("argon2", &["auth"]),
        ("clap", &["rejoin"]),
    ];
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap().iter().filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["kind"] != "dev") {
            let needed = dependency["name"].as_str().unwrap();
            if let Some((_, homes)) = rooms.iter().find(|(framework, _)| *framework == needed) {
                assert!(homes.contains(&name), "{name} imports {needed}, which only {homes:?} may know");
            }
        }
    }
}

/// What must build for a browser reaches no clock, no randomness, no runtime and no C through any dependency that is not
/// optional.
#[test]
fn pure_crates_depend_on_pure_crates() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let name_of = |id: &Value| packages.iter().find(|package| package["id"] == *id).unwrap()["name"].as_str().unwrap();
    let optional = |id: &Value| -> BTreeSet<String> {
        let package = packages.iter().find(|package| package["id"] == *id).unwrap();
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies.filter(|dependency| dependency["optional"] == true).map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    for pure in ["sync-core", "merge-engine", "queue"] {
        let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
        let mut open = vec![&nodes.iter().find(|node| name_of(&node["id"]) == pure).unwrap()["id"]];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            let name = name_of(id);
            assert!(!["getrandom", "tokio", "ring", "rand", "cc", "js-sys"].contains(&name), "{pure} depends on {name}");
            if seen.insert(id.as_str().unwrap()) {
                let node = nodes.iter().find(|node| node["id"] == *id).unwrap();
                let normal = |dependency: &&Value| {
                    dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null() && kind["target"].is_null())
                };
                // the workspace's own features are additive, and named by who wants the runtime
                let left_out = if name == pure { optional(id) } else { BTreeSet::new() };
                let needed = node["deps"].as_array().unwrap().iter().filter(normal).map(|dependency| &dependency["pkg"]);
                open.extend(needed.filter(|id| !left_out.contains(name_of(id))));
            }
        }
        assert!(seen.len() > 5, "the tree was read");
    }
}

#[test]
fn licences_and_bans_hold() {
    let deny = read("deny.toml");
    let section = |from: &str, to: &str| deny.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
    let quoted = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let (licences, banned) = (quoted(&section("allow = [", "]")), quoted(&section("deny = [", "\n]")));
    assert!(licences.len() > 5 && banned.contains("pq-sys"), "deny.toml was read");
    let metadata = metadata();
    let resolved: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    for package in metadata["packages"].as_array().unwrap().iter().filter(|package| resolved.contains(package["id"].as_str().unwrap())) {
        let (name, licence) = (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or_default());
        assert!(!banned.contains(name), "{name} is banned by deny.toml");
        // each `AND` part needs one allowed choice of its `OR`s
        let fits = licence
            .replace(['(', ')'], "")
            .replace('/', " OR ")
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|choice| licences.contains(choice.split(" WITH ").next().unwrap().trim())));
        assert!(fits, "{name}: the licence {licence:?} is not in deny.toml");
    }
}
