//! `rejoin bench queue`: how fast the queue is worked off, what it does to those who do not use it, and what a few
//! operations that can't be decided do to the others.

mod beside;
mod drain;
mod poison;

use std::collections::BTreeMap;

use serde::Serialize;

use super::cluster::Cluster;
use super::crew::Plan;
use super::report::table;
use super::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;

/// Flags of a server whose queue nobody works off.
const NO_WORKERS: [&str; 2] = ["--queue-workers", "0"];

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Operations that are queued and worked off.
    pub(crate) queued: usize,
    /// Operations of the inline run beside it.
    pub(crate) inline: usize,
    /// Operations of an inline request.
    pub(crate) batch: usize,
    /// Operations of each batch with poison in it, and of each without.
    pub(crate) jobs: usize,
    /// How many of either.
    pub(crate) rounds: usize,
}

impl Scale {
    pub(crate) const fn new(queued: usize, (inline, batch): (usize, usize), quick: bool) -> Self {
        let jobs = if queued < 1_000 { queued } else { 1_000 };
        Self { queued, inline, batch, jobs, rounds: if quick { 2 } else { 5 } }
    }
}

/// What was measured.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct QueueFigures {
    pub(crate) drain: Vec<DrainFigures>,
    pub(crate) beside: Vec<BesideFigures>,
    pub(crate) poison: Vec<PoisonFigures>,
    /// What could not be measured, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// Working off a queue, beside inline batches in the same database.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DrainFigures {
    pub(crate) database: &'static str,
    pub(crate) operations: usize,
    pub(crate) enqueued_per_s: f64,
    pub(crate) drained_per_s: f64,
    pub(crate) inline_per_s: f64,
    /// Drained per second as a share of inline batches.
    pub(crate) share_of_inline: f64,
    pub(crate) drain_cpu_us_per_operation: Option<f64>,
    pub(crate) inline_cpu_us_per_operation: Option<f64>,
    pub(crate) statuses: BTreeMap<String, u64>,
}

/// Single pushes, and a batch of lane 0, while a large batch is taken and worked off.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BesideFigures {
    pub(crate) database: &'static str,
    pub(crate) operations: usize,
    pub(crate) batch_s: f64,
    pub(crate) pushes: u64,
    pub(crate) push_p50_ms: Option<f64>,
    pub(crate) push_p99_ms: Option<f64>,
    /// The same with nothing queued.
    pub(crate) quiet_p99_ms: Option<f64>,
    /// From a batch of lane 0 being taken to its end.
    pub(crate) lane_0_ms: f64,
    /// How much of the large batch was decided by then, of all of it.
    pub(crate) share_then: f64,
    pub(crate) failed: u64,
}

/// Batches with and without operations that can't be decided.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PoisonFigures {
    pub(crate) database: &'static str,
    pub(crate) jobs: usize,
    pub(crate) poisoned: usize,
    /// From being taken to being decided.
    pub(crate) without_p99_ms: Option<f64>,
    /// Of the others, beside poison.
    pub(crate) others_p99_ms: Option<f64>,
    /// Others that were not decided.
    pub(crate) undecided: usize,
}

/// Measures on one database, or on each that there is.
pub(crate) async fn measure(
    start: impl Fn(Option<&str>, &[&str]) -> Result<Target, Failure>,
    database: Option<&str>,
    (plan, scale): (&Plan, &Scale),
    progress: &Progress,
) -> Result<QueueFigures, Failure> {
    let mut figures = QueueFigures::default();
    let databases: &[Option<&str>] = match database {
        Some(_) => &[database],
        None if Cluster::is_installed() => &[None, Some("postgres")],
        None => {
            figures.notes.push("PostgreSQL is not measured: its initdb and postgres are not found.".into());
            &[None]
        }
    };
    for database in databases {
        figures.drain.push(drain::measure(start(*database, &NO_WORKERS)?, (plan, scale), progress).await?);
        figures.beside.push(beside::measure(&start(*database, &[])?, (plan, scale), progress).await?);
        figures.poison.push(poison::measure(start(*database, &[])?, (plan, scale), progress).await?);
    }
    Ok(figures)
}

/// For eyes.
pub(crate) fn tables(figures: &QueueFigures) -> String {
    let decimal = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let drain = |one: &DrainFigures| {
        vec![
            format!("drain {}", one.database),
            one.operations.to_string(),
            format!("{:.0}", one.enqueued_per_s),
            format!("{:.0}", one.drained_per_s),
            format!("{:.0}", one.inline_per_s),
            format!("{:.0} %", one.share_of_inline * 100.0),
            decimal(one.drain_cpu_us_per_operation),
            decimal(one.inline_cpu_us_per_operation),
        ]
    };
    let beside = |one: &BesideFigures| {
        vec![
            format!("beside {}", one.database),
            one.operations.to_string(),
            format!("{:.1}", one.batch_s),
            one.pushes.to_string(),
            decimal(one.push_p50_ms),
            decimal(one.push_p99_ms),
            decimal(one.quiet_p99_ms),
            format!("{:.0}", one.lane_0_ms),
            format!("{:.0} %", one.share_then * 100.0),
        ]
    };
    let poison = |one: &PoisonFigures| {
        vec![
            format!("poison {}", one.database),
            one.jobs.to_string(),
            one.poisoned.to_string(),
            decimal(one.without_p99_ms),
            decimal(one.others_p99_ms),
            one.undecided.to_string(),
        ]
    };
    let drain_heads = ["run", "operations", "enqueued/s", "drained/s", "inline/s", "of inline", "CPU µs/op", "inline µs/op"];
    let beside_heads = ["run", "batch", "worked off s", "pushes", "p50 ms", "p99 ms", "quiet p99 ms", "lane 0 ms", "batch then"];
    let poison_heads = ["run", "jobs", "poison", "p99 ms without", "others' p99 ms", "undecided"];
    let mut parts = vec![
        table(&drain_heads, &figures.drain.iter().map(drain).collect::<Vec<_>>()),
        table(&beside_heads, &figures.beside.iter().map(beside).collect::<Vec<_>>()),
        table(&poison_heads, &figures.poison.iter().map(poison).collect::<Vec<_>>()),
    ];
    parts.extend(figures.notes.iter().map(|note| format!("{note}\n")));
    parts.join("\n")
}

/// Fails when something was not decided that should have been.
pub(crate) fn must_be_decided(figures: &QueueFigures) -> Result<(), Failure> {
    for drain in &figures.drain {
        let applied = drain.statuses.get("applied").copied().unwrap_or_default();
        if usize::try_from(applied) != Ok(drain.operations) {
            return Err(Failure::Failed(format!(
                "of {} queued operations only {applied} were applied: {:?}",
                drain.operations, drain.statuses
            )));
        }
    }
    match figures.poison.iter().find(|one| one.undecided > 0) {
        None => Ok(()),
        Some(one) => Err(Failure::Failed(format!("{} operations beside poison were not decided", one.undecided))),
    }
}
