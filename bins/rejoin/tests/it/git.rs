//! `rejoin merge` as git's merge driver, set up by the lines of README.md.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::process::text;

/// A repository, with git's own configuration beside it and nothing of the machine's.
struct Repository {
    folder: TempDir,
}

impl Repository {
    /// A new one, on the branch `main`, with the driver set up.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("repository")).unwrap();
        let repository = Self { folder };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        for line in lines_of_the_readme() {
            let output = repository.run("sh", &["-c", &line]);
            assert!(output.status.success(), "{line}: {output:?}");
        }
        repository
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut path = OsString::from(Path::new(env!("CARGO_BIN_EXE_rejoin")).parent().unwrap());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", path).env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
        command.output().unwrap()
    }

    fn try_git(&self, arguments: &[&str]) -> Output {
        let identity = ["-c", "user.name=Ana", "-c", "user.email=ana@luz.example"];
        self.run("git", &[&identity[..], arguments].concat())
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = self.try_git(arguments);
        assert!(output.status.success(), "{arguments:?} {output:?}");
        text(&output.stdout).to_owned()
    }

    fn commit(&self, document: &str) {
        fs::write(self.path().join("app.json"), document).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message", "a change"]);
    }

    fn document(&self) -> String {
        fs::read_to_string(self.path().join("app.json")).unwrap()
    }

    /// Two branches, `main` and `other`, from one document.
    fn with_branches(base: &str, ours: &str, theirs: &str) -> Self {
        let repository = Self::new();
        repository.commit(base);
        repository.git(&["checkout", "--quiet", "-b", "other"]);
        repository.commit(theirs);
        repository.git(&["checkout", "--quiet", "main"]);
        repository.commit(ours);
        repository
    }

    /// Whether git's own merge by lines conflicts.
    fn conflicts_by_lines(&self, [base, ours, theirs]: [&str; 3]) -> bool {
        for (name, document) in [("base", base), ("ours", ours), ("theirs", theirs)] {
            fs::write(self.folder.path().join(name), document).unwrap();
        }
        let output = self.try_git(&["merge-file", "--stdout", "../ours", "../base", "../theirs"]);
        output.status.code() == Some(1)
    }
}

/// The commands under the README's heading about git.
fn lines_of_the_readme() -> Vec<String> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let section = readme.split("\n## Merging JSON in git\n").nth(1).unwrap();
    let block = section.split("```\n").nth(1).unwrap();
    let lines: Vec<String> = block.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    lines
}

const BASE: &str = "{\n  \"name\": \"app\",\n  \"port\": 80,\n  \"hosts\": [\n    \"a\"\n  ]\n}\n";

#[test]
fn git_merges_what_it_could_not_merge_by_lines() {
    let ours = BASE.replace("80", "8080").replace("\"a\"", "\"a\",\n    \"ours\"");
    let theirs = BASE.replace("\"app\"", "\"shop\"").replace("\"a\"", "\"a\",\n    \"theirs\"");
    let repository = Repository::with_branches(BASE, &ours, &theirs);
    assert!(repository.conflicts_by_lines([BASE, &ours, &theirs]));
    let output = repository.try_git(&["merge", "--no-edit", "other"]);
    assert!(output.status.success(), "{output:?}");
    let expected = "{\n  \"name\": \"shop\",\n  \"port\": 8080,\n  \"hosts\": [\n    \"a\",\n    \"ours\",\n    \"theirs\"\n  ]\n}\n";
    assert_eq!(repository.document(), expected);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_real_conflict_is_left_for_somebody() {
    let (ours, theirs) = (BASE.replace("80", "8080"), BASE.replace("80", "9090").replace("app", "shop"));
    let repository = Repository::with_branches(BASE, &ours, &theirs);
    let output = repository.try_git(&["merge", "--no-edit", "other"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("rejoin: app.json: 1 place is for you to decide"), "{output:?}");
    assert_eq!(repository.git(&["status", "--porcelain"]), "UU app.json\n");
    let marked = "  \"name\": \"shop\",\n<<<<<<< ours\n  \"port\": 8080,\n||||||| base\n  \"port\": 80,\n=======\n  \"port\": 9090,\n>>>>>>> theirs\n";
    assert!(repository.document().contains(marked), "{}", repository.document());
}

#[test]
fn a_file_that_both_branches_added_is_merged() {
    let repository = Repository::new();
    repository.git(&["add", ".gitattributes"]);
    repository.git(&["commit", "--quiet", "--message", "begin"]);
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.commit("{\n  \"b\": 2\n}\n");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.commit("{\n  \"a\": 1\n}\n");
    let output = repository.try_git(&["merge", "--no-edit", "other"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(repository.document(), "{\n  \"a\": 1,\n  \"b\": 2\n}\n");
}

#[test]
fn branches_that_were_merged_crosswise_have_a_base() {
    // both branches have merged the other's first change, and settled it differently: git merges their bases first, and
    // the base of the last merge is the marked result of that one
    let with = |port: u16, name: &str| BASE.replace("80", &port.to_string()).replace("app", name);
    let repository = Repository::with_branches(BASE, &with(81, "app"), &with(82, "app"));
    repository.git(&["branch", "theirs-at-first", "other"]);
    repository.git(&["branch", "ours-at-first", "main"]);
    assert_eq!(repository.try_git(&["merge", "theirs-at-first"]).status.code(), Some(1));
    repository.commit(&with(81, "app"));
    repository.git(&["checkout", "--quiet", "other"]);
    assert_eq!(repository.try_git(&["merge", "ours-at-first"]).status.code(), Some(1));
    repository.commit(&with(82, "shop"));
    repository.git(&["checkout", "--quiet", "main"]);
    let output = repository.try_git(&["merge", "other"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.ends_with("app.json: 1 place is for you to decide, between the marks:\nrejoin:   /port: base 80, ours 81, theirs 82 (both sides changed it, differently)\n"), "{said}");
    assert!(repository.document().contains("\"name\": \"shop\""), "{}", repository.document());
}

#[test]
fn what_is_no_json_is_left_to_somebody() {
    let (ours, theirs) = (BASE.replace("80", "81"), BASE.replace("80", "82 // not yet"));
    let repository = Repository::with_branches(BASE, &ours, &theirs);
    let output = repository.try_git(&["merge", "--no-edit", "other"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains(":3:14: a comment"), "{output:?}");
    assert_eq!(repository.git(&["status", "--porcelain"]), "UU app.json\n");
    assert_eq!(repository.document(), ours);
}
