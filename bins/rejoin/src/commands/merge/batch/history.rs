//! Which cases may learn from which: those of one repository from those that were committed before them.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::lines::Line;

/// What of a line tells where it belongs.
#[derive(Debug, Deserialize)]
struct Head {
    repo: Option<String>,
    committed_at: Option<i64>,
}

/// The lines of one repository, those of one moment together, the earliest moment first. They are merged in this order; the
/// lines of a moment learn from those before, and nothing of each other.
#[derive(Debug, Default)]
pub(super) struct History<'l> {
    pub(super) moments: Vec<Vec<&'l Line>>,
    size: usize,
}

/// The histories of all lines, the largest one first, so that at the end no thread waits long for another. A line whose
/// repository or time is not known (0 is no time) is a history of its own.
pub(super) fn histories(lines: &[Line]) -> Vec<History<'_>> {
    let mut alone = Vec::new();
    let mut repositories: HashMap<String, BTreeMap<i64, Vec<&Line>>> = HashMap::new();
    for line in lines {
        match serde_json::from_slice(&line.text) {
            Ok(Head { repo: Some(repo), committed_at: Some(at) }) if at != 0 => {
                repositories.entry(repo).or_default().entry(at).or_default().push(line);
            }
            _ => alone.push(History::of(vec![vec![line]])),
        }
    }
    let repositories = repositories.into_values().map(|moments| History::of(moments.into_values().collect()));
    let mut all: Vec<History<'_>> = repositories.chain(alone).collect();
    all.sort_by_key(|history| std::cmp::Reverse(history.size));
    all
}

impl<'l> History<'l> {
    fn of(mut moments: Vec<Vec<&'l Line>>) -> Self {
        // the order of the lines in the file decides nothing
        for moment in &mut moments {
            moment.sort_by(|one, other| one.text.cmp(&other.text));
        }
        let size = moments.iter().flatten().map(|line| line.text.len()).sum();
        Self { moments, size }
    }

    /// Whether another line learns from a moment.
    pub(super) fn teaches(&self, moment: usize) -> bool {
        moment + 1 < self.moments.len()
    }
}
