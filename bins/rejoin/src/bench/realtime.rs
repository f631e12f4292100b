//! `rejoin bench realtime`: from one device's push to the others' sockets; and many sockets that mostly wait.

mod crowd;
mod fanout;

use serde::Serialize;

use super::cluster::Cluster;
use super::report::{number, table};
use super::target::Target;
use crate::failure::Failure;
use crate::progress::Progress;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Spaces into which is pushed.
    pub(crate) spaces: usize,
    /// Sockets in each of them.
    pub(crate) listeners: usize,
    /// Pushes in a second.
    pub(crate) pushes_per_s: usize,
    /// For how long.
    pub(crate) seconds: usize,
    /// Sockets that wait.
    pub(crate) sockets: usize,
    /// For how long they are watched.
    pub(crate) idle_seconds: usize,
    pub(crate) seed: u64,
}

impl Scale {
    /// The scale, or a part of it; fewer sockets where so many are asked for.
    pub(crate) fn new(quick: bool, sockets: Option<usize>, seed: u64) -> Self {
        let full = Self { spaces: 50, listeners: 10, pushes_per_s: 500, seconds: 20, sockets: 5_000, idle_seconds: 30, seed };
        let scale = if quick { Self { spaces: 10, pushes_per_s: 100, seconds: 5, sockets: 500, idle_seconds: 5, ..full } } else { full };
        match sockets {
            None => scale,
            Some(sockets) if sockets < 100 => {
                Self { spaces: 2, listeners: 2, pushes_per_s: 20, seconds: 2, sockets, idle_seconds: 1, ..scale }
            }
            Some(sockets) => Self { sockets, ..scale },
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct RealtimeFigures {
    /// From a push to the frames.
    pub(crate) fanout: Vec<FanoutFigures>,
    /// Sockets that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crowd: Option<CrowdFigures>,
    /// What could not be measured, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// From a push on one device to the frames on others.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FanoutFigures {
    pub(crate) what: String,
    pub(crate) spaces: usize,
    pub(crate) sockets: usize,
    pub(crate) pushes: u64,
    pub(crate) pushes_per_s: f64,
    pub(crate) push_p99_ms: Option<f64>,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) frames: u64,
    /// Frames without documents: the device is to pull.
    pub(crate) pokes: u64,
    /// Operations that a socket did not hear of, over all sockets.
    pub(crate) missed: u64,
}

/// Many sockets that mostly wait.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CrowdFigures {
    pub(crate) database: &'static str,
    pub(crate) sockets: usize,
    pub(crate) rss_kib_each: Option<f64>,
    /// Of one processor, in percent.
    pub(crate) idle_cpu_percent: Option<f64>,
    /// Until all heard of one change.
    pub(crate) one_change_ms: Option<f64>,
    pub(crate) one_change_heard: u64,
    /// Until all were back after all were lost at once, and had heard what they missed.
    pub(crate) storm_ms: Option<f64>,
    pub(crate) storm_resumed: u64,
    pub(crate) storm_server_errors: u64,
    pub(crate) storm_other_errors: u64,
    /// The server's resident memory after the storm, of that before it.
    pub(crate) storm_rss: Option<f64>,
}

/// Measures everything; on two nodes too, where PostgreSQL can be started.
pub(crate) async fn measure(
    start: impl Fn(Option<&str>) -> Result<Target, Failure>,
    database: Option<&str>,
    scale: &Scale,
    progress: &Progress,
) -> Result<RealtimeFigures, Failure> {
    let mut figures = RealtimeFigures::default();
    let target = start(database)?;
    figures.fanout.push(fanout::measure(&target, None, scale, progress).await?);
    drop(target);
    let is_postgres = database.is_some_and(|database| database.starts_with("postgres"));
    if is_postgres || (database.is_none() && Cluster::is_installed()) {
        let target = start(Some(database.filter(|_| is_postgres).unwrap_or("postgres")))?;
        let other = target.second_node()?;
        figures.fanout.push(fanout::measure(&target, Some(&other), scale, progress).await?);
    } else {
        figures.notes.push("Two nodes are not measured: they need PostgreSQL.".into());
    }
    let target = start(database)?;
    figures.crowd = Some(crowd::measure(&target, scale, progress).await?);
    Ok(figures)
}

/// For eyes.
pub(crate) fn tables(figures: &RealtimeFigures) -> String {
    let decimal = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let fanout = |one: &FanoutFigures| {
        vec![
            one.what.clone(),
            one.sockets.to_string(),
            format!("{:.0}", one.pushes_per_s),
            decimal(one.push_p99_ms),
            decimal(one.p50_ms),
            decimal(one.p99_ms),
            one.frames.to_string(),
            one.pokes.to_string(),
            one.missed.to_string(),
        ]
    };
    let heads = ["run", "sockets", "pushes/s", "push p99 ms", "frame p50 ms", "frame p99 ms", "frames", "pokes", "missed"];
    let mut text = table(&heads, &figures.fanout.iter().map(fanout).collect::<Vec<_>>());
    if let Some(crowd) = &figures.crowd {
        let row = vec![
            format!("idle {}", crowd.database),
            crowd.sockets.to_string(),
            decimal(crowd.rss_kib_each),
            decimal(crowd.idle_cpu_percent),
            decimal(crowd.one_change_ms),
            format!("{}", crowd.one_change_heard),
            decimal(crowd.storm_ms),
            crowd.storm_resumed.to_string(),
            crowd.storm_server_errors.to_string(),
            crowd.storm_rss.map_or_else(|| "–".to_owned(), |times| format!("{times:.2}×")),
        ];
        let heads = ["run", "sockets", "RSS KiB each", "CPU %", "one change ms", "heard", "storm ms", "resumed", "5xx", "RSS"];
        text.push('\n');
        text.push_str(&table(&heads, &[row]));
    }
    for note in &figures.notes {
        text.push_str(note);
        text.push('\n');
    }
    text
}

/// Fails when something was not heard that should have been.
pub(crate) fn must_be_heard(figures: &RealtimeFigures) -> Result<(), Failure> {
    let missed: u64 = figures.fanout.iter().map(|one| one.missed).sum();
    let crowd = figures.crowd.as_ref().filter(|crowd| {
        let sockets = u64::try_from(crowd.sockets).unwrap_or(u64::MAX);
        crowd.one_change_heard != sockets || crowd.storm_resumed != sockets
    });
    match (missed, crowd) {
        (0, None) => Ok(()),
        (0, Some(crowd)) => Err(Failure::Failed(format!(
            "of {} sockets {} heard of the change, and {} of the one that they missed",
            crowd.sockets, crowd.one_change_heard, crowd.storm_resumed
        ))),
        (missed, _) => Err(Failure::Failed(format!("{missed} times a socket did not hear of an operation"))),
    }
}

/// A duration in milliseconds.
fn ms(duration: std::time::Duration) -> f64 {
    number(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)) / 1_000.0
}
