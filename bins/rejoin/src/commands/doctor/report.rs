//! What a check found, and how it is told.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::commands::version;

/// Where the checks are explained: a heading each.
const MANUAL: &str = "docs/operations.md";

/// Every check that there is, in the order of the manual.
#[cfg(test)]
pub(crate) const CHECKS: &[&str] = &[
    "configuration",
    "database",
    "durability",
    "row security",
    "connections",
    "migrations",
    "integrity",
    "clock",
    "admin",
    "disk",
    "space",
    "permissions",
    "files",
    "address",
    "encryption",
];

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    Warning,
    Failure,
    Skipped,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
        }
    }

    /// The colour on a terminal (ECMA-48 SGR).
    const fn colour(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Warning => "33",
            Self::Failure => "31",
            Self::Skipped => "2",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    /// What was found.
    pub(super) found: String,
    /// What to do about it: a command or a setting.
    pub(super) fix: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, found: found.into(), fix: None }
    }

    pub(super) fn warning(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, status: Status::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn failure(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, status: Status::Failure, found: found.into(), fix: Some(fix.into()) }
    }

    pub(super) fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, status: Status::Skipped, found: why.into(), fix: None }
    }

    fn manual(&self) -> String {
        format!("{MANUAL}#doctor-{}", self.name)
    }
}

/// All checks of one run.
#[derive(Debug)]
pub(super) struct Report(Vec<Check>);

impl Report {
    pub(super) const fn new(checks: Vec<Check>) -> Self {
        Self(checks)
    }

    pub(super) fn failures(&self) -> usize {
        self.count(Status::Failure)
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|check| check.status == status).count()
    }

    /// For eyes.
    pub(super) fn text(&self, coloured: bool) -> String {
        let width = self.0.iter().map(|check| check.name.len()).max().unwrap_or(0);
        let mut text = format!("rejoin {}\n", version::text());
        // writing to a string does not fail
        for check in &self.0 {
            let word = format!("{:8}", check.status.as_str());
            let word = if coloured { format!("\u{1b}[{}m{word}\u{1b}[0m", check.status.colour()) } else { word };
            let _ = writeln!(text, "{word} {:width$}  {}", check.name, check.found);
            if let Some(fix) = &check.fix {
                let _ = writeln!(text, "{:9}{:width$}  fix: {fix}\n{:9}{:width$}  see: {}", "", "", "", "", check.manual());
            }
        }
        let counted = [(Status::Ok, "ok"), (Status::Warning, "to look at"), (Status::Failure, "failed"), (Status::Skipped, "skipped")];
        let counted = counted.map(|(status, word)| (self.count(status), word));
        let told: Vec<_> = counted.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        let checks = if self.0.len() == 1 { "check" } else { "checks" };
        let _ = writeln!(text, "{} {checks}: {}", self.0.len(), told.join(", "));
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let checks: Vec<_> = self.0.iter().map(|check| {
            json!({"name": check.name, "status": check.status.as_str(), "found": check.found, "fix": check.fix, "docs": check.manual()})
        }).collect();
        json!({"version": version::text(), "ok": self.failures() == 0, "checks": checks})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_explains_every_check_and_nothing_else() {
        let manual = include_str!("../../../../../docs/operations.md");
        let explained: Vec<_> = manual.lines().filter_map(|line| line.strip_prefix("### doctor: ")).collect();
        assert_eq!(explained, CHECKS);
    }

    #[test]
    fn a_fix_stands_under_what_was_found() {
        let report = Report::new(vec![Check::ok("disk", "fast"), Check::warning("admin", "nobody", "add one")]);
        let text = report.text(false);
        let expected = "ok       disk   fast\nwarning  admin  nobody\n                fix: add one\n                see: docs/operations.md#doctor-admin\n2 checks: 1 ok, 1 to look at\n";
        assert!(text.ends_with(expected), "{text}");
        assert!(report.text(true).contains("\u{1b}[33mwarning"));
        assert_eq!(report.json()["ok"], true);
        assert_eq!(report.json()["checks"][1]["fix"], "add one");
    }
}
