//! `rejoin bench audit`: what the record of pushes costs. Two servers, each on a database of its own, are driven in turns by
//! the same work: one keeps it, the other does not.

use std::collections::BTreeMap;

use super::crew::{Plan, Worker};
use super::push;
use super::report::Figures;
use super::target::{Target, UNRECORDED_SETTINGS};
use crate::commands::serve;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::{Settings, Sources};

/// Turns of each server.
const TURNS: usize = 3;

/// A server and those who push to it.
struct Side {
    name: &'static str,
    target: Target,
    workers: Vec<Worker>,
    runs: Vec<Figures>,
}

/// Measures both in turns: the runs, and what the record costs.
pub(crate) async fn measure(
    (recorded, unrecorded): (Target, Target),
    plan: &Plan,
    (batch, operations): (usize, usize),
    progress: &Progress,
) -> Result<(Vec<Figures>, String), Failure> {
    let mut sides = Vec::new();
    for (name, target) in [("with", recorded), ("without", unrecorded)] {
        let workers = push::prepare(&target, plan, progress).await?;
        sides.push(Side { name, target, workers, runs: Vec::new() });
    }
    for turn in 0..TURNS {
        for side in &mut sides {
            progress.begin(&format!("turn {} of {TURNS}, {} the audit log", turn + 1, side.name), 1);
            let workers = std::mem::take(&mut side.workers);
            let (workers, mut figures) = push::measure(&side.target, plan, workers, (batch, operations), progress).await?;
            side.workers = workers;
            figures.bench = if side.name == "with" { "push, recorded" } else { "push, unrecorded" };
            side.runs.push(figures);
        }
    }
    let note = cost(&sides);
    Ok((sides.into_iter().flat_map(|side| side.runs).collect(), note))
}

/// The cost in words: of the median of each side's turns.
fn cost(sides: &[Side]) -> String {
    let of = |name: &str, figure: fn(&Figures) -> Option<f64>| {
        let runs = sides.iter().filter(|side| side.name == name).flat_map(|side| &side.runs);
        median(runs.filter_map(figure).collect())
    };
    let rates = of("with", |run| Some(run.operations_per_s)).zip(of("without", |run| Some(run.operations_per_s)));
    let cpu = of("with", |run| run.server_cpu_us_per_operation).zip(of("without", |run| run.server_cpu_us_per_operation));
    let share = |(with, without): (f64, f64)| (1.0 - with / without) * 100.0;
    let rates = rates.map_or_else(String::new, |pair| format!("{:.1} % of the throughput", share(pair)));
    let cpu = cpu.map_or_else(String::new, |(with, without)| format!(", {:.1} µs of CPU an operation", with - without));
    format!("The audit log costs {rates}{cpu}: medians of {TURNS} turns each.")
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Serves without a record of pushes, at a free port.
pub(crate) fn serve_unrecorded(database: Option<&str>, allow_fsync_off: bool) -> Result<(), Failure> {
    let mut flags = vec![("database.url", database.map(str::to_owned)), ("database.allow_fsync_off", Some(allow_fsync_off.to_string()))];
    flags.extend(UNRECORDED_SETTINGS.map(|(key, value)| (key, Some(value.to_owned()))));
    serve::run_unrecorded(&Settings::load(&Sources { file: None, environment: BTreeMap::new(), flags })?)
}
