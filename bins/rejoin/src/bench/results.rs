//! Everything that one invocation measured, printed.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::conflict::{self, ConflictFigures};
use super::logins::{self, LoginFigures};
use super::overload::{self, OverloadFigures};
use super::pull::PullFigures;
use super::push;
use super::queue::{self, QueueFigures};
use super::realtime::{self, RealtimeFigures};
use super::report::{Figures, HEADS, table};
use crate::failure::Failure;

/// What was measured; what was not is empty.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Pushes and floors, the main one first.
    pub(crate) runs: Vec<Figures>,
    pub(crate) conflict: Option<ConflictFigures>,
    pub(crate) pull: Vec<PullFigures>,
    pub(crate) scale: Vec<Figures>,
    pub(crate) queue: Option<QueueFigures>,
    pub(crate) overload: Option<OverloadFigures>,
    pub(crate) realtime: Option<RealtimeFigures>,
    pub(crate) logins: Option<LoginFigures>,
    /// What could not be measured, and why.
    pub(crate) notes: Vec<String>,
}

impl Results {
    /// For eyes.
    pub(crate) fn tables(&self) -> String {
        let mut parts = Vec::new();
        let rows = |figures: &[Figures]| figures.iter().map(Figures::cells).collect::<Vec<_>>();
        if !self.runs.is_empty() {
            parts.push(table(&HEADS, &rows(&self.runs)));
        }
        if let Some(figures) = &self.conflict {
            parts.push(conflict_table(figures));
        }
        if !self.pull.is_empty() {
            parts.push(pull_table(&self.pull));
        }
        if !self.scale.is_empty() {
            let row = |figures: &Figures| [vec![format!("{} × {}", figures.documents, figures.spaces)], figures.cells()].concat();
            let heads = [&["documents × spaces"], &HEADS[..]].concat();
            parts.push(table(&heads, &self.scale.iter().map(row).collect::<Vec<_>>()));
        }
        parts.extend(self.queue.as_ref().map(queue::tables));
        parts.extend(self.overload.as_ref().map(overload::tables));
        parts.extend(self.realtime.as_ref().map(realtime::tables));
        parts.extend(self.logins.as_ref().map(logins::tables));
        let mut text = parts.join("\n");
        for note in self.notes() {
            let written = writeln!(text, "{note}");
            debug_assert!(written.is_ok(), "writing into a String");
        }
        text
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        let measured = self.runs.iter().chain(&self.scale).filter(|run| run.server_cpu_us_per_operation.is_some());
        if measured.clone().any(|run| !run.cpu_includes_database) {
            notes.push("A database that is a process of its own is not in CPU µs/op: it was not started here.".into());
        }
        notes
    }

    /// One object for programs: the figures of the main run, and all the others by name.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        let failed = |error: serde_json::Error| Failure::Failed(format!("the figures can't be written: {error}"));
        let mut object = match self.runs.first().or(self.scale.first()) {
            Some(main) => serde_json::to_value(main).map_err(failed)?,
            None => Value::Object(Map::new()),
        };
        let parts = json!({
            "runs": self.runs, "conflict": self.conflict, "pull": self.pull, "scale": self.scale, "queue": self.queue, "overload": self.overload, "realtime": self.realtime, "logins": self.logins,
            "notes": self.notes(),
        });
        if let (Value::Object(members), Value::Object(parts)) = (&mut object, parts) {
            members.extend(parts.into_iter().filter(|(_, part)| !part.is_null() && part.as_array().is_none_or(|all| !all.is_empty())));
        }
        Ok(object.to_string())
    }

    /// Fails when something went otherwise than it must.
    pub(crate) fn must_be_right(&self) -> Result<(), Failure> {
        self.runs.iter().chain(&self.scale).try_for_each(push::must_be_applied)?;
        self.queue.iter().try_for_each(queue::must_be_decided)?;
        self.realtime.iter().try_for_each(realtime::must_be_heard)?;
        self.conflict.iter().try_for_each(conflict::must_be_merged)
    }
}

fn conflict_table(figures: &ConflictFigures) -> String {
    let statuses: Vec<String> = figures.statuses.iter().map(|(status, number)| format!("{number} {status}")).collect();
    let row = vec![
        format!("conflict {}", figures.database),
        figures.documents.to_string(),
        figures.edits.to_string(),
        format!("{:.0}", figures.edits_per_s),
        figures.lost_edits.to_string(),
        format!("{:.1} %", figures.share_merged * 100.0),
        statuses.join(", "),
    ];
    table(&["run", "documents", "edits", "edits/s", "lost", "merged at once", "results"], &[row])
}

fn pull_table(figures: &[PullFigures]) -> String {
    let row = |figures: &PullFigures| {
        vec![
            format!("pull {}, {}", figures.database, figures.what),
            figures.documents.to_string(),
            figures.round_trips.to_string(),
            figures.bytes_out.to_string(),
            figures.bytes_in.to_string(),
            format!("{:.1}", figures.bytes_in_per_document),
            format!("{:.2}", figures.p50_ms),
            format!("{:.0}", figures.documents_per_s),
            figures.server_cpu_us_per_document.map_or_else(|| "–".to_owned(), |cpu| format!("{cpu:.1}")),
        ]
    };
    let heads = ["run", "documents", "round trips", "B out", "B in", "B in/doc", "p50 ms", "docs/s", "CPU µs/doc"];
    table(&heads, &figures.iter().map(row).collect::<Vec<_>>())
}
