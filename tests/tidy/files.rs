//! Shapes of files: the top level, sizes, links.

use std::path::Path;
use std::process::Command;

use crate::{read, root};

/// Whether a path has this extension.
pub(crate) fn is_a(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|own| own == extension)
}

/// The paths of all files that git knows, sorted.
pub(crate) fn tracked() -> Vec<String> {
    let output = Command::new("git").args(["ls-files"]).current_dir(root()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_top_level_is_as_agreed() {
    let agreed = [
        ".cargo",
        ".ci",
        ".gitignore",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "bins",
        "clippy.toml",
        "crates",
        "deny.toml",
        "docs",
        "migrations",
        "rust-toolchain.toml",
        "rustfmt.toml",
        "tests",
    ];
    for path in tracked() {
        let top = path.split('/').next().unwrap();
        assert!(agreed.contains(&top), "{top}: nobody owns it");
    }
}

#[test]
fn source_files_hold_one_concept() {
    for path in tracked().iter().filter(|path| is_a(path, "rs") && !path.contains("/demo/data/")) {
        let lines = read(path).lines().count();
        assert!(lines <= 450, "{path} has {lines} lines: split it by concept");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for path in tracked().iter().filter(|path| is_a(path, "md")) {
        let folder = Path::new(path).parent().unwrap().to_path_buf();
        for target in read(path).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(root().join(&folder).join(file).exists(), "{path} links to {target}");
            }
        }
    }
}
